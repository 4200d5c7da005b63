"""A person's words: read from decisions.jsonl, appended to it, and found again in the warehouse.

The file is the truth and is only ever appended to; the warehouse holds a cache that every run makes
anew. A word names its work by identifiers, link and title, so it outlives the warehouse.
"""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from triage.errors import WorkspaceError
from triage.models import Bullet, Decision, Record, Refusal, stable_id
from triage.records import keep_records
from triage.references import resolve, stage_references
from triage.runs import StepReport
from triage.seeds import workspace_taxonomy
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run
    from triage.taxonomy import Taxonomy
    from triage.workspace import Workspace

__all__ = ["append_decisions", "load_decisions", "read_decisions", "resolve_decisions", "speaker"]

_BULLETS = TypeAdapter(tuple[Bullet, ...])
_LONGEST_LINE = 1_000_000  # bytes; a word with its reason is a few hundred, anything like this is damage


def read_decisions(path: Path) -> tuple[list[Decision], list[Refusal]]:
    """All words in the file's order, and the lines that are none (with their 1-based numbers).

    The same id twice, as a merge of two machines' files leaves it, counts once. A missing file is empty.
    Raises WorkspaceError when the file exists and cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read: {error.strerror}", hint="check its permissions") from error
    decisions: dict[str, Decision] = {}
    refusals = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            decision = _decision(line)
        except ValueError as error:
            refusals.append(Refusal(line=number, reason=str(error), item=line[:80].decode("utf-8", "replace")))
        else:
            decisions.setdefault(decision.id, decision)
    return list(decisions.values()), refusals


def _decision(line: bytes) -> Decision:
    if line.startswith((b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")):
        raise ValueError("a merge conflict marker: keep the lines of both sides and delete the markers")
    if len(line) > _LONGEST_LINE:
        raise ValueError(f"a line of {len(line)} bytes is no decision")
    try:
        return Decision.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"not a decision: {place + ': ' if place else ''}{first['msg']}") from None


def append_decisions(workspace: Workspace, decisions: Iterable[Decision]) -> list[Decision]:
    """Append the words whose ids the file does not have yet; fsync; return those that were new.

    A last line that a crash left without its end gets one first, so that no word is glued to it.
    """
    path = workspace.decisions_path
    known = {decision.id for decision in read_decisions(path)[0]}
    fresh = {d.id: d for d in decisions if d.id not in known}
    if not fresh:
        return []
    lines = "".join(d.model_dump_json(exclude_none=True) + "\n" for d in fresh.values())
    try:
        with path.open("a+b") as file:
            if file.tell() and _last_byte(path) != b"\n":
                file.write(b"\n")
            file.write(lines.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be written: {error.strerror}", hint="check free space and permissions, then say it again"
        ) from error
    return list(fresh.values())


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


def speaker(workspace: Workspace) -> str:
    """Who speaks: [workspace] person, else git's user.name there, else the login name."""
    if workspace.settings.workspace.person:
        return str(workspace.settings.workspace.person)
    try:
        command = ["git", "-C", str(workspace.root), "config", "user.name"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        if name := found.stdout.strip():
            return name
    except (OSError, subprocess.TimeoutExpired):
        pass  # no git here: the login name serves as well
    return getpass.getuser()


def load_decisions(run: Run) -> StepReport:
    """Read decisions.jsonl into the warehouse, find each word's work, and make a person's Types labels."""
    decisions, refusals = read_decisions(run.workspace.decisions_path)
    for refusal in refusals:
        run.fail(
            "decisions", f"decisions.jsonl:{refusal.line}", "unreadable line", refusal.reason, "correct the line; it is skipped until then"
        )
    with run.warehouse.burst() as con:
        before = {row[0] for row in con.execute("SELECT decision_id FROM store.decision").fetchall()}
        if decisions or before:
            _store(con, decisions)
        _keep_added(con, run, decisions)
        resolve_decisions(con, run, workspace_taxonomy(run.workspace))
        waiting = con.execute("SELECT count(*) FROM store.decision WHERE work_id IS NULL AND what <> 'undo'").fetchall()[0][0]
    new = sum(d.id not in before for d in decisions)
    return run.add(
        StepReport(
            step="decisions",
            read=len(decisions) + len(refusals),
            new=new,
            known=len(decisions) - new,
            failed=len(refusals),
            counts={"waiting": waiting},
        )
    )


def _store(con: duckdb.DuckDBPyConnection, decisions: Sequence[Decision]) -> None:
    rows = [
        {
            "decision_id": d.id, "position": position, "made_at": d.when.isoformat(), "who": d.who, "said_in": d.where, "what": d.what,
            "value": d.value, "reason": d.reason, "title": d.work.title, "work": d.work.model_dump(exclude_none=True), "work_id": None,
            "after": d.after, "proposed": d.proposed and d.proposed.model_dump(mode="json"),
        }
        for position, d in enumerate(decisions)
    ]  # fmt: skip
    texts = ("decision_id", "who", "said_in", "what", "value", "reason", "title", "after")
    shape: dict[str, Any] = dict.fromkeys(texts, "VARCHAR") | {
        "position": "INTEGER",
        "made_at": "TIMESTAMP",
        "work": "JSON",
        "work_id": "VARCHAR",
        "proposed": "JSON",
    }
    stage(con, "staged_decision", rows, shape)
    con.execute(
        f"DELETE FROM store.decision; INSERT INTO store.decision ({', '.join(shape)}) SELECT {', '.join(shape)} FROM staged_decision"
    )
    stage_references(con, "staged_key", {d.id: d.work for d in decisions})
    con.execute("DELETE FROM store.decision_key; INSERT INTO store.decision_key SELECT * FROM staged_key")


def _keep_added(con: duckdb.DuckDBPyConnection, run: Run, decisions: Sequence[Decision]) -> None:
    """Keep the records of papers that a person wrote in by hand, where they are not here yet."""
    undone = {d.value for d in decisions if d.what == "undo"}
    records = []
    for decision in decisions:
        if decision.what != "added" or decision.id in undone:
            continue
        try:
            record = Record.model_validate_json(decision.value or "")
        except ValidationError as error:
            said = error.errors()[0]["msg"]
            run.fail("decisions", decision.id, "unreadable record", f"{decision.work.title}: {said}", "correct or delete the line")
        else:
            records.append(record.model_copy(update={"source": "documents"}))
    here = {row[0] for row in con.execute("SELECT record_id FROM store.record WHERE source = 'documents'").fetchall()} if records else set()
    if missing := [record for record in records if record.record_id not in here]:
        keep_records(con, run, missing)


def resolve_decisions(con: duckdb.DuckDBPyConnection, run: Run, taxonomy: Taxonomy) -> None:
    """Find the work of every word again, and write a person's Types as labels, inside the caller's transaction."""
    if not _anything_said(con):
        return
    resolve(con, "store.decision_key", "resolved_decision")
    con.execute("UPDATE store.decision AS d SET work_id = (SELECT f.work_id FROM resolved_decision f WHERE f.reference = d.decision_id)")
    types = con.execute(
        "SELECT decision_id, work_id, value, made_at FROM store.decision WHERE what = 'type' AND work_id IS NOT NULL AND value IS NOT NULL"
        " ORDER BY position"
    ).fetchall()
    labellings: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for decision_id, work_id, value, made_at in types:
        labelling_id = stable_id("l", decision_id)
        labellings.append(
            {"labelling_id": labelling_id, "work_id": work_id, "display": value, "decision_id": decision_id, "made_at": made_at}
        )  # fmt: skip
        found = taxonomy.labels_for_type(value)
        labels.extend({"labelling_id": labelling_id, "position": n, "label": label} for n, label in enumerate(found))
    _replace_human_labels(con, run, str(taxonomy.version), labellings, labels)
    _replace_human_notes(con, run)


def _anything_said(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether there is a word, or what is left of one that the file no longer holds."""
    return bool(
        con.execute(
            "SELECT EXISTS (FROM store.decision) OR EXISTS (FROM store.labelling WHERE producer = 'human')"
            " OR EXISTS (FROM store.note WHERE starts_with(basis, ?))",
            [NOTE_WORD],
        ).fetchall()[0][0]
    )


def _replace_human_labels(
    con: duckdb.DuckDBPyConnection, run: Run, version: str, labellings: Sequence[dict[str, Any]], labels: Sequence[dict[str, Any]]
) -> None:
    shape = dict.fromkeys(("labelling_id", "work_id", "display", "decision_id"), "VARCHAR") | {"made_at": "TIMESTAMP"}
    stage(con, "human_labelling", labellings, shape)
    stage(con, "human_label", labels, {"labelling_id": "VARCHAR", "position": "INTEGER", "label": "VARCHAR"})
    con.execute("DELETE FROM store.label WHERE labelling_id IN (SELECT labelling_id FROM store.labelling WHERE producer = 'human')")
    con.execute("DELETE FROM store.labelling WHERE producer = 'human'")
    con.execute(
        "INSERT INTO store.labelling (labelling_id, work_id, producer, taxonomy_version, display, decision_id, run_id, made_at)"
        " SELECT labelling_id, work_id, 'human', ?, display, decision_id, ?, made_at FROM human_labelling",
        [version, run.id],
    )
    con.execute("INSERT INTO store.label (labelling_id, position, label) SELECT * FROM human_label")


NOTE_WORD = "decision:"
"""What the basis of a note begins with that a person said as a word; else it is the record the note came with."""


def _replace_human_notes(con: duckdb.DuckDBPyConnection, run: Run) -> None:
    rows = con.execute(
        "SELECT decision_id, work_id, value, made_at FROM main.decisions WHERE what = 'note' AND in_force AND work_id IS NOT NULL"
        " ORDER BY decision_id"
    ).fetchall()
    notes, bullets = [], []
    for decision_id, work_id, value, made_at in rows:
        try:
            said = _BULLETS.validate_json(value or "[]")
        except ValidationError as error:
            run.fail("decisions", decision_id, "unreadable note", error.errors()[0]["msg"], "correct or delete the line")
            continue
        note_id = stable_id("n", decision_id)
        notes.append({"note_id": note_id, "work_id": work_id, "basis": NOTE_WORD + decision_id, "made_at": made_at})
        bullets += [{"note_id": note_id, "position": n, **bullet.model_dump()} for n, bullet in enumerate(said)]
    stage(con, "said_note", notes, dict.fromkeys(("note_id", "work_id", "basis"), "VARCHAR") | {"made_at": "TIMESTAMP"})
    texts = dict.fromkeys(("section", "heading"), "VARCHAR")
    shape = {"note_id": "VARCHAR", "position": "INTEGER", **texts, "depth": "INTEGER", "text": "VARCHAR", "sentence": "VARCHAR"}
    stage(con, "said_bullet", bullets, shape)
    con.execute("DELETE FROM store.bullet WHERE note_id IN (SELECT note_id FROM store.note WHERE starts_with(basis, ?))", [NOTE_WORD])
    con.execute("DELETE FROM store.note WHERE starts_with(basis, ?)", [NOTE_WORD])
    con.execute(
        "INSERT INTO store.note (note_id, work_id, producer, basis, run_id, made_at) SELECT note_id, work_id, 'human', basis, ?, made_at FROM said_note",
        [run.id],
    )
    con.execute("INSERT INTO store.bullet SELECT * FROM said_bullet")
