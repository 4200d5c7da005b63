"""The call ledger: every request to a language model that left the machine is a row.

A row is first appended to `.triage/llm-journal.jsonl` and synced to the disk, as the reply comes; the warehouse
gets it in bursts, and the journal is then kept under raw/llm/. Whatever a killed run left in the journal, and what
a warehouse made anew lacks, is put into the warehouse by the next run, so that a reply that was paid for is never
paid for again.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from triage.errors import WorkspaceError
from triage.llm_prices import Spent, cost_of
from triage.models import Frozen
from triage.warehouse import stage
from triage.workspace import write_atomically

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run
    from triage.settings import LlmPrice
    from triage.workspace import Workspace

__all__ = [
    "CONTENT_FAILURES",
    "OK",
    "Call",
    "CallKey",
    "Journal",
    "Past",
    "drain",
    "journal_path",
    "known_calls",
    "put_away",
    "spent",
    "store_calls",
]

OK = "ok"
CONTENT_FAILURES = ("refusal", "length", "content filter", "malformed", "wrong value", "foreign work", "empty", "no evidence")
"""Kinds of failure that lie in what was asked or answered: asking again tomorrow may well end the same way."""


class CallKey(NamedTuple):
    """What makes two calls one question, whichever server answers it."""

    prompt_hash: str
    schema_hash: str
    taxonomy_version: str
    model: str
    input_hash: str


class Call(Frozen):
    """One request: a row of `store.llm_call`. Tokens and cost are None when unknown, `seconds` is wall time.

    `most_tokens` and `most_cost` are the most it can have taken, where tokens are unknown and it may have been charged.
    """

    call_id: str
    purpose: str
    work_id: str
    model: str
    endpoint: str
    prompt_hash: str
    input_hash: str
    tokens_in: int | None
    tokens_cached: int | None
    tokens_out: int | None
    cost: float | None
    seconds: float
    status: str
    message: str | None
    reply: str | None
    run_id: str
    made_at: datetime
    attempt: int
    schema_hash: str
    taxonomy_version: str
    most_tokens: int | None = None
    most_cost: float | None = None


_SHAPE: dict[str, Any] = dict.fromkeys(Call.model_fields, "VARCHAR") | {
    "tokens_in": "BIGINT", "tokens_cached": "BIGINT", "tokens_out": "BIGINT", "cost": "DOUBLE", "seconds": "DOUBLE",
    "made_at": "TIMESTAMP", "attempt": "INTEGER", "most_tokens": "BIGINT", "most_cost": "DOUBLE",
}  # fmt: skip


class Past(NamedTuple):
    """What the ledger knows about a question: the reply that was accepted, and in how many runs none was."""

    reply: str | None
    failed_runs: int


def journal_path(workspace: Workspace) -> Path:
    return workspace.root / ".triage" / "llm-journal.jsonl"


class Journal:
    """Appends calls; `append` returns when they are on the disk.

    Threads that come while another one's calls are being written wait together, and share the next fsync.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
        except OSError as error:
            raise WorkspaceError(f"{path}: cannot be written: {error.strerror}", hint="check free space and permissions") from error
        self._path = path
        self._queue = threading.Lock()
        self._disk = threading.Lock()
        self._waiting: list[bytes] = []
        self._last = self._written = 0
        """The number of the last append that waits, and of the last one that was written."""
        self._failed: WorkspaceError | None = None

    def append(self, *calls: Call) -> None:
        """Raises WorkspaceError when the disk does not take them; then it takes nothing more, for half a line may stand there."""
        lines = b"".join(_as_line(call) for call in calls)
        with self._queue:
            self._waiting.append(lines)
            self._last = mine = self._last + 1
        with self._disk:
            if self._written < mine:
                self._write_waiting()
            if self._failed:
                raise self._failed

    def _write_waiting(self) -> None:
        with self._queue:
            lines, self._waiting = self._waiting, []
            self._written = self._last
        if self._failed:
            return
        try:
            self._file.write(b"".join(lines))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._failed = WorkspaceError(
                f"{self._path}: cannot be written: {error.strerror}", hint="check free space; no call is made without its record"
            )

    def close(self) -> None:
        """Raises the WorkspaceError of calls that were not written."""
        with contextlib.suppress(OSError):  # closing tries once more to write what a full disk did not take
            self._file.close()
        if self._failed:
            raise self._failed


def _as_line(call: Call) -> bytes:
    return call.model_dump_json().encode("utf-8", "replace") + b"\n"


def drain(run: Run) -> int:
    """Put what a killed run left in the journal into the warehouse, and what raw/ holds into a new one; how many that were.

    A last line without its end is a call that was in flight; any other unreadable line is a failure of this run.
    """
    path = journal_path(run.workspace)
    left = _content(path)
    with run.warehouse.burst() as con:
        new = not con.execute("SELECT 1 FROM store.llm_call LIMIT 1").fetchall()
    kept = sorted(_archive(run.workspace).glob("*.jsonl.gz")) if new else []
    calls = list(_read(run, path.name, left))
    for file in kept:
        try:
            calls += _read(run, file.name, _content(file, gzip.decompress))
        except WorkspaceError as error:
            run.fail("llm", file.name, "unreadable file", error.message, error.hint)
    if calls:
        with run.warehouse.burst() as con:
            store_calls(con, calls)
    put_away(run.workspace)
    return len(calls)


def put_away(workspace: Workspace) -> None:
    """Keep the journal under raw/ when all its calls are in the warehouse: a warehouse made anew is filled from there."""
    path = journal_path(workspace)
    content = _content(path)
    if content:
        name = hashlib.sha256(content).hexdigest()[:16]
        write_atomically(_archive(workspace) / f"{name}.jsonl.gz", gzip.compress(content, mtime=0))
    path.unlink(missing_ok=True)


def _archive(workspace: Workspace) -> Path:
    return workspace.raw / "llm"


def _content(path: Path, unpacked: Callable[[bytes], bytes] = bytes) -> bytes:
    """The bytes of a file, none when there is no file."""
    try:
        return unpacked(path.read_bytes())
    except FileNotFoundError:
        return b""
    except (OSError, EOFError, zlib.error) as error:
        raise WorkspaceError(
            f"{path}: cannot be read: {error}", hint="check its permissions, or move it away: its calls may be made again"
        ) from error


def _read(run: Run, name: str, content: bytes) -> Iterator[Call]:
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            yield Call.model_validate_json(line)
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"]
            run.fail(
                "llm", f"{name}:{number}", "unreadable line", f"not a call: {reason}", "the call's cost is unknown; it may be made again"
            )


def store_calls(con: duckdb.DuckDBPyConnection, calls: Iterable[Call]) -> None:
    """Insert the calls the table does not have yet, inside the caller's transaction."""
    rows = [call.model_dump(mode="json") for call in calls]
    if not rows:
        return
    stage(con, "new_call", rows, _SHAPE)
    columns = ", ".join(_SHAPE)
    con.execute(
        f"INSERT INTO store.llm_call ({columns}) SELECT {columns} FROM new_call WHERE call_id NOT IN (SELECT call_id FROM store.llm_call)"
    )


def known_calls(con: duckdb.DuckDBPyConnection, keys: Iterable[CallKey]) -> dict[CallKey, Past]:
    """What the ledger knows about each question; questions never asked are left out."""
    rows = [key._asdict() for key in keys]
    if not rows:
        return {}
    stage(con, "wanted_call", rows, dict.fromkeys(CallKey._fields, "VARCHAR"))
    fields = ", ".join(CallKey._fields)
    found = con.execute(
        f"SELECT {fields}, arg_max(c.reply, (c.made_at, c.call_id)) FILTER (c.status = $ok),"
        " count(DISTINCT c.run_id) FILTER (list_contains($content, c.status))"
        f" FROM store.llm_call c JOIN wanted_call USING ({fields}) GROUP BY ALL",
        {"ok": OK, "content": list(CONTENT_FAILURES)},
    ).fetchall()
    return {CallKey(*row[:5]): Past(row[5], row[6]) for row in found}


def spent(con: duckdb.DuckDBPyConnection, prices: Mapping[str, LlmPrice], *, run_id: str, now: datetime) -> tuple[Spent, Spent]:
    """What this run and this calendar month (UTC) have spent so far, over all purposes and models.

    Calls whose answer was lost count in full; those made before their price was configured count at today's.
    """
    rows = con.execute(
        "SELECT model, run_id = $run AS of_run, made_at >= date_trunc('month', CAST($now AS TIMESTAMP)) AS of_month, count(*),"
        " coalesce(sum(coalesce(tokens_in + tokens_out, most_tokens)), 0), coalesce(sum(coalesce(cost, most_cost)), 0),"
        " coalesce(sum(tokens_in) FILTER (cost IS NULL AND tokens_out IS NOT NULL), 0),"
        " coalesce(sum(tokens_cached) FILTER (cost IS NULL AND tokens_in IS NOT NULL AND tokens_out IS NOT NULL), 0),"
        " coalesce(sum(tokens_out) FILTER (cost IS NULL AND tokens_in IS NOT NULL), 0)"
        " FROM store.llm_call WHERE run_id = $run OR made_at >= date_trunc('month', CAST($now AS TIMESTAMP)) GROUP BY ALL"
        # a batch that is not collected yet counts as the most it may take
        " UNION ALL SELECT model, run_id = $run, made_at >= date_trunc('month', CAST($now AS TIMESTAMP)), sum(requests), sum(most_tokens),"
        " coalesce(sum(most_cost), 0), 0, 0, 0 FROM store.llm_batch WHERE state IN ('intended', 'submitted')"
        " AND (run_id = $run OR made_at >= date_trunc('month', CAST($now AS TIMESTAMP))) GROUP BY ALL",
        {"run": run_id, "now": now},
    ).fetchall()
    this_run, this_month = Spent(), Spent()
    for model, of_run, of_month, calls, tokens, usd, *unpriced in rows:
        usd += cost_of(prices.get(model), *map(int, unpriced)) or 0.0
        if of_run:
            this_run = this_run.plus(int(calls), int(tokens), usd)
        if of_month:
            this_month = this_month.plus(int(calls), int(tokens), usd)
    return this_run, this_month
