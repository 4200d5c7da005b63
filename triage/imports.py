"""Documents a person hands in: read and kept; their ticks, Types and notes become words.

Import never un-ticks and never rejects. The document itself is kept under raw/, so that the warehouse
can be deleted and made again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from triage.decisions import append_decisions, load_decisions, speaker
from triage.errors import DocumentError, TriageError, WorkspaceError
from triage.formats import read_document
from triage.models import Decision, DocumentEntry, ParsedDocument, WorkReference, stable_id
from triage.records import keep_records
from triage.runs import StepReport
from triage.warehouse import stage
from triage.workspace import write_atomically

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run
    from triage.workspace import Workspace

__all__ = ["Handed", "import_documents", "read_file", "restore_documents"]

LARGEST_FILE = 200_000_000
"""Bytes: a list of 100,000 papers with abstracts; anything larger is not a document of these forms."""

LONGEST_LINE = 5_000_000
"""Characters in one line: the longest abstracts have some thousand."""


@dataclass(frozen=True)
class Handed:
    """A file as read: its content's hash, its text and what a format made of it."""

    name: str
    sha256: str
    text: str
    parsed: ParsedDocument


def read_file(path: Path) -> Handed:
    """Read and recognise one file. Raises DocumentError, with nothing written, when it is none of the formats."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DocumentError(f"{path}: {path.stat().st_size} bytes is larger than any document ({LARGEST_FILE})", hint="split it")
        content = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}", hint="check the name and its permissions") from error
    return read_content(content, name=str(path))


def read_content(content: bytes, *, name: str) -> Handed:
    """The same for bytes that are already here; `name` is only for messages."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        at = content.count(b"\n", 0, error.start) + 1
        raise DocumentError(f"{name}:{at}: not UTF-8 text (byte {error.start})", hint="save it as UTF-8") from error
    if "\x00" in text:
        raise DocumentError(
            f"{name}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: a NUL byte, so this is no text", hint="export it as plain text"
        )
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE:
            raise DocumentError(
                f"{name}:{number}: a line of {len(line)} characters is longer than any document has", hint="split that line"
            )
    return Handed(Path(name).name, hashlib.sha256(content).hexdigest(), text, read_document(text, name=name))


def import_documents(run: Run, handed: Sequence[Handed]) -> list[StepReport]:
    """Keep and take the words of each document, in order; one report each."""
    return [run.add(_import(run, document)) for document in handed]


def restore_documents(run: Run) -> int:
    """Import again what raw/ holds and the warehouse does not: after a kill, or with a new warehouse.

    Returns how many documents there were; they are to be identified.
    """
    with run.warehouse.burst() as con:
        known = {row[0] for row in con.execute("SELECT sha256 FROM store.document").fetchall()}
    kept, unreadable = _kept(run.workspace)
    for number in unreadable:
        run.fail(
            "documents",
            f"raw/documents.jsonl:{number}",
            "unreadable line",
            "not a name and a hash",
            "delete the line and import that file again",
        )
    missing = [(name, sha256) for name, sha256 in kept if sha256 not in known]
    for name, sha256 in missing:
        try:
            document = read_content(_raw_path(run.workspace, sha256, name).read_bytes_decompressed(), name=name)
        except (TriageError, OSError, EOFError) as error:
            run.fail("documents", name, "cannot be restored", str(error), "import the file again")
        else:
            run.add(_import(run, document))
    return len(missing)


def _import(run: Run, handed: Handed) -> StepReport:
    run.progress.step(f"import {handed.name}", len(handed.parsed.entries))
    _keep_raw(run.workspace, handed)
    append_decisions(run.workspace, _words(run, handed))
    entries = handed.parsed.entries
    with run.warehouse.burst() as con:
        kept = keep_records(con, run, [entry.record.model_copy(update={"raw_sha256": handed.sha256}) for entry in entries])
        _keep_document(con, run, handed)
        _keep_notes(con, run, entries)
    for refusal in handed.parsed.refused:
        run.fail(
            "import", f"{handed.name}:{refusal.line}", "refused", refusal.reason, "correct that part and import again; the rest was read"
        )
    load_decisions(run)
    refused = len(handed.parsed.refused)
    return StepReport(
        step=f"import {handed.parsed.format}",
        read=len(entries) + refused,
        new=kept.new,
        known=kept.known,
        refused=refused,
        counts={"changed": kept.changed},
    )


class _RawFile:
    """One document under raw/documents, gzip-compressed, named by its content's hash."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read_bytes_decompressed(self) -> bytes:
        with gzip.open(self.path) as file:
            return file.read(LARGEST_FILE + 1)

    def write(self, content: bytes) -> None:
        if not self.path.exists():
            write_atomically(self.path, gzip.compress(content, mtime=0))


def _raw_path(workspace: Workspace, sha256: str, name: str) -> _RawFile:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise WorkspaceError(f"raw/documents.jsonl names {name!r} by {sha256!r}, which is no hash", hint="delete that line")
    return _RawFile(workspace.raw / "documents" / f"{sha256}.gz")


def _keep_raw(workspace: Workspace, handed: Handed) -> None:
    """First the bytes, then the line that names them: whatever a kill leaves, a line has its bytes."""
    _raw_path(workspace, handed.sha256, handed.name).write(handed.text.encode("utf-8"))
    if handed.sha256 not in {sha for _, sha in _kept(workspace)[0]}:
        index = workspace.raw / "documents.jsonl"
        old = index.read_text(encoding="utf-8") if index.exists() else ""
        write_atomically(index, old + json.dumps({"name": handed.name, "sha256": handed.sha256}, ensure_ascii=False) + "\n")


def _kept(workspace: Workspace) -> tuple[list[tuple[str, str]], list[int]]:
    """(name, hash) of every document under raw/, in the order they came, and the lines that say neither."""
    index = workspace.raw / "documents.jsonl"
    if not index.exists():
        return [], []
    kept, unreadable = [], []
    for number, line in enumerate(index.read_text(encoding="utf-8", errors="replace").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            kept.append((str(row["name"]), str(row["sha256"])))
        except (ValueError, KeyError, TypeError):
            unreadable.append(number)
    return kept, unreadable


def _words(run: Run, handed: Handed) -> Iterable[Decision]:
    """A tick is a `selected` word and its Type a `type` word. The id depends on what was said about which
    entry and nothing else, so the same list again, here or on another machine, says nothing new."""
    who, where = speaker(run.workspace), f"import {handed.name}"
    for entry in handed.parsed.entries:
        if not entry.ticked:
            continue
        record = entry.record
        work = WorkReference(title=record.title, url=record.url, venue=record.venue, year=record.year, identifiers=record.identifiers)
        said: list[tuple[str, str | None]] = [("selected", None)]
        if entry.type:
            said.append(("type", entry.type))
        for what, value in said:
            decision_id = stable_id("d", "import", record.source_key, what, value or "")
            yield Decision.model_validate(
                {"id": decision_id, "when": run.clock(), "who": who, "where": where, "what": what, "work": work, "value": value}
            )


def _keep_document(con: duckdb.DuckDBPyConnection, run: Run, handed: Handed) -> None:
    """The document itself, once: the newest of a year or venue is the base of that list."""
    if con.execute("SELECT 1 FROM store.document WHERE sha256 = ?", [handed.sha256]).fetchall():
        return
    parsed = handed.parsed
    in_title = re.search(r"\b(\d{4})\b", parsed.list_title or "")
    year = int(in_title[1]) if in_title else None
    venues = {entry.record.venue for entry in parsed.entries} if parsed.format == "venue-list" else set()
    con.execute(
        "INSERT INTO store.document SELECT ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(position), 0) + 1 FROM store.document), ?, ?",
        [handed.sha256, handed.name, parsed.format, year, venues.pop() if len(venues) == 1 else None, handed.text, run.id, run.now()],
    )
    rows = [
        {"sha256": handed.sha256, "position": n, "record_id": e.record.record_id, "line": e.line, "ticked": e.ticked, "type": e.type}
        for n, e in enumerate(parsed.entries)
    ]
    shape = {"sha256": "VARCHAR", "position": "INTEGER", "record_id": "VARCHAR", "line": "INTEGER", "ticked": "BOOLEAN", "type": "VARCHAR"}
    stage(con, "staged_entry", rows, shape)
    con.execute("INSERT INTO store.document_entry SELECT * FROM staged_entry")


def _keep_notes(con: duckdb.DuckDBPyConnection, run: Run, entries: Sequence[DocumentEntry]) -> None:
    """A person's notes, once for each wording of them; they belong to the record, and so to whatever work it tells of."""
    notes, bullets = [], []
    for entry in entries:
        if not entry.bullets or entry.producer:
            continue  # what a machine of ours wrote is no word of a person, and can be made again
        texts = [bullet.model_dump_json() for bullet in entry.bullets]
        note_id = stable_id("n", entry.record.record_id, *texts)
        notes.append({"note_id": note_id, "record_id": entry.record.record_id})
        bullets += [{"note_id": note_id, "position": n, **b.model_dump()} for n, b in enumerate(entry.bullets)]
    stage(con, "staged_note", notes, {"note_id": "VARCHAR", "record_id": "VARCHAR"})
    texts_shape = dict.fromkeys(("section", "heading"), "VARCHAR")
    shape = {"note_id": "VARCHAR", "position": "INTEGER", **texts_shape, "depth": "INTEGER", "text": "VARCHAR", "sentence": "VARCHAR"}
    stage(con, "staged_bullet", bullets, shape)
    con.execute("DELETE FROM staged_note WHERE note_id IN (SELECT note_id FROM store.note)")
    con.execute(
        "INSERT INTO store.note SELECT s.note_id, NULL, 'human', s.record_id, ?, ? FROM staged_note s",
        [run.id, run.now()],
    )
    con.execute("INSERT INTO store.bullet SELECT b.* FROM staged_bullet b WHERE b.note_id IN (SELECT note_id FROM staged_note)")
