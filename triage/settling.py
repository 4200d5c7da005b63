"""Clashes between a file and the warehouse: kept, shown, and settled by the person alone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from triage.errors import UsageError
from triage.merging import FIELDS, TWICE, Clash
from triage.models import stable_id
from triage.runs import StepReport
from triage.warehouse import stage
from triage.words import ABOUT, Word, say, taking_back

if TYPE_CHECKING:
    import duckdb

    from triage.models import Decision
    from triage.runs import Run

__all__ = ["TO_DECIDE", "conflict_id", "keep_clashes", "settle"]

TO_DECIDE = "to decide: edit the file again, or triage sync --keep file (or warehouse), for one of them alone with --conflict ID"

_SHAPE = dict.fromkeys(("conflict_id", "path", "work_id", "field", "was", "in_file", "in_warehouse"), "VARCHAR")


_SHOWN = """CASE c.field WHEN 'title' THEN w.title WHEN 'url' THEN w.url WHEN 'venue' THEN w.venue WHEN 'year' THEN CAST(w.year AS VARCHAR)
        WHEN 'abstract' THEN w.abstract WHEN 'type' THEN w.type WHEN 'tick' THEN w.decision END"""
"""What the warehouse shows in the place of a clash's field."""


def keep_clashes(
    con: duckdb.DuckDBPyConnection,
    run: Run,
    clashes: Sequence[tuple[str, str, Clash]],
    answered: Iterable[tuple[str, str, str]],
    *,
    folder: str,
) -> list[str]:
    """Store new clashes, drop those that are settled by now, and return one line about each in `folder` that is open.

    `answered` are (path, work, field) that the person edited again since: the file does not say any more what it said then.
    """
    shape = dict.fromkeys(("path", "work_id", "field"), "VARCHAR")
    stage(con, "answered", [dict(zip(shape, one, strict=True)) for one in sorted(set(answered))], shape)
    con.execute(
        "DELETE FROM store.conflict AS c WHERE EXISTS"
        " (SELECT 1 FROM answered a WHERE a.path = c.path AND a.work_id = c.work_id AND a.field = c.field)"
    )
    rows = [_row(path, work, clash) for path, work, clash in clashes]
    stage(con, "clash", list({row["conflict_id"]: row for row in rows}.values()), _SHAPE)
    # by what it is about: one that came with a merged work keeps the id it was first shown with
    con.execute(
        "DELETE FROM store.conflict AS c WHERE EXISTS"
        " (SELECT 1 FROM clash n WHERE n.conflict_id = c.conflict_id OR (n.path = c.path AND n.work_id = c.work_id AND n.field = c.field))"
    )
    con.execute(
        "INSERT INTO store.conflict SELECT conflict_id, path, work_id, field, was, in_file, in_warehouse, ?, ? FROM clash",
        [run.id, run.now()],
    )
    if not con.execute("SELECT 1 FROM store.conflict LIMIT 1").fetchall():
        return []
    con.execute(_OVERTAKEN)
    con.execute(_AGREED)
    return [
        f"conflict {name}: {path}: {title or work}: {field}: the file says {_versions(field, in_file, in_warehouse)}"
        for name, path, work, title, field, in_file, in_warehouse in con.execute(
            "SELECT conflict_id, path, work_id, title, field, in_file, in_warehouse FROM main.conflicts"
            " WHERE starts_with(path, ?) ORDER BY path, title, field",
            [folder],
        ).fetchall()
    ]


# What this warehouse was told itself, saying it has settled (`triage.words.say`). A newer word that came from elsewhere was said
# without having seen the clash: it is what the file differs from by now.
_OVERTAKEN = f"""
UPDATE store.conflict AS c SET in_warehouse = CASE WHEN c.field = 'note' THEN (
    SELECT max(d.value) FROM main.decisions d WHERE d.work_id = c.work_id AND d.what = 'note' AND d.in_force
) ELSE (SELECT {_SHOWN} FROM main.works w WHERE w.work_id = c.work_id) END
WHERE EXISTS (
    SELECT 1 FROM main.decisions d WHERE d.work_id = c.work_id AND d.made_at > c.made_at AND d.after IS NOT NULL AND d.in_force AND {ABOUT}
)
"""

# a warehouse that says the same by now settles it
_AGREED = f"""
DELETE FROM store.conflict AS c WHERE c.work_id NOT IN (SELECT work_id FROM store.work)
OR EXISTS (SELECT 1 FROM main.works w WHERE w.work_id = c.work_id AND c.in_file IS NOT DISTINCT FROM {_SHOWN})
OR (c.field = 'note' AND c.in_file IS NOT DISTINCT FROM c.in_warehouse)
"""


def conflict_id(path: str, work: str, field: str) -> str:
    """The id under which a clash is shown, the same on every machine."""
    return stable_id("k", path, work, field)


def _row(path: str, work: str, clash: Clash) -> dict[str, Any]:
    texts = {name: None if (value := getattr(clash, name)) is None else str(value) for name in ("was", "in_file", "in_warehouse")}
    return {"conflict_id": conflict_id(path, work, clash.field), "path": path, "work_id": work, "field": clash.field, **texts}


def _versions(field: str, in_file: str | None, in_warehouse: str | None) -> str:
    """Both versions in one line; of long ones what is different."""
    one, other = (_note_text(text) if field == "note" else " ".join((text or "").split()) for text in (in_file, in_warehouse))
    same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = 0 if same < 40 else one.rfind(" ", 0, same - 20) + 1
    shown = [_quoted(f"… {text[start:]}" if start else text) for text in (one, other)]
    return f"{shown[0]}, the warehouse {shown[1]}"


def _note_text(value: str | None) -> str:
    """The bullets of a `note` word as one line."""
    if value is None:
        return "a machine's note"
    shown = []
    for text in value.split(TWICE):
        try:
            shown.append(" / ".join(f"{one['heading']}: {one['text']}" for one in json.loads(text)) or "no note")
        except (ValueError, TypeError, KeyError):
            shown.append(text)
    return TWICE.join(shown)


def _quoted(text: str | None) -> str:
    shown = " ".join((text or "nothing").split())
    return f'"{shown if len(shown) <= 80 else shown[:79] + "…"}"'


def settle(run: Run, conflicts: Sequence[str], keep: Literal["file", "warehouse"]) -> list[Decision]:
    """Decide open clashes (ids, or their beginnings; none for all of them) as the file or as the warehouse says.

    The word is said with where the file is, and the clash is gone; what is rendered next says the same everywhere. Where the
    files say two things, `file` is no answer: that clash stays open and the report of the step `settle` (`refused`) names it.
    Raises UsageError for a name that no open clash has, with nothing settled.
    """
    with run.warehouse.burst() as con:
        rows = con.execute(
            "SELECT conflict_id, path, work_id, field, in_file, in_warehouse FROM store.conflict ORDER BY conflict_id"
        ).fetchall()
        if unknown := [one for one in conflicts if not any(row[0].startswith(one) for row in rows)]:
            raise UsageError(f"{unknown[0]}: no open conflict has this id", hint="see: triage decisions")
        chosen = [row for row in rows if not conflicts or any(row[0].startswith(one) for one in conflicts)]
        contested = _undecided(rows, chosen)
        left = contested if keep == "file" else []
        settled = [row for row in chosen if row not in left]
        shown = _shown(con, [row[2] for row in contested])
        words = [word for row in settled for word in _words(con, row, keep, shown.get(row[2], {}))]
    said = say(run, words, where="triage sync --keep")
    with run.warehouse.burst() as con:
        con.execute("DELETE FROM store.conflict WHERE list_contains(?, conflict_id)", [[row[0] for row in settled]])
    messages = tuple(
        f"conflict {name}: {path}: {field}: your files say two things ({_quoted(in_file)}); edit one of them, or --keep warehouse"
        for name, path, _, field, in_file, _ in left
    )
    run.add(StepReport(step="settle", read=len(chosen), new=len(settled), refused=len(left), messages=messages))
    return said


def _undecided(rows: Sequence[Any], chosen: Sequence[Any]) -> list[Any]:
    """Those of the chosen clashes on which the files do not agree with each other, or a block with itself."""
    said: dict[tuple[str, str], set[str | None]] = defaultdict(set)
    for _, _, work, field, in_file, _ in rows:
        said[work, "tick" if field == "block" else field].add(in_file)
    return [row for row in chosen if TWICE in (row[4] or "") or len(said[row[2], "tick" if row[3] == "block" else row[3]]) > 1]


def _shown(con: duckdb.DuckDBPyConnection, works: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """What the warehouse shows of each work: a clash between two files names the other file where it else names the warehouse."""
    columns = (*FIELDS, "type")
    rows = con.execute(
        f"SELECT work_id, {', '.join(f'CAST({name} AS VARCHAR)' for name in columns)} FROM main.works WHERE list_contains(?, work_id)",
        [list(works)],
    ).fetchall()
    return {work: dict(zip(columns, values, strict=True)) for work, *values in rows}


def _words(con: duckdb.DuckDBPyConnection, row: Sequence[Any], keep: str, shown: dict[str, str | None]) -> list[Word]:
    _, path, work, field, in_file, in_warehouse = row
    value = in_file if keep == "file" else shown.get(field, in_warehouse)
    if field in FIELDS:
        corrected: Any = int(value) if field == "year" and str(value).isdigit() else value
        return [Word(work, "correction", value=json.dumps({field: corrected}, ensure_ascii=False), where=path)] if value else []
    if field == "type":
        return [Word(work, "type", value=value or "", where=path)]
    if field == "note":
        return [] if value is None else [Word(work, "note", value=value, where=path)]
    if keep == "warehouse" or field not in ("tick", "block"):
        return []
    if field == "block":
        return [Word(work, "rejected", where=path)]
    return [Word(work, "selected", where=path)] if value == "selected" else taking_back(con, [work])
