"""What was said so far: the words, newest first, and where two of them contradict each other."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.errors import UsageError

if TYPE_CHECKING:
    import duckdb

__all__ = ["conflicts", "history"]

_COLUMNS = (
    "decision_id", "work_id", "title", "what", "value", "reason", "who", "made_at", "said_in", "in_force", "stands",
    "proposed_score", "proposed_type", "proposed_by",
)  # fmt: skip


def history(
    con: duckdb.DuckDBPyConnection,
    *,
    work: str | None = None,
    what: str | None = None,
    who: str | None = None,
    since: datetime | None = None,
    in_force: bool = False,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Words as rows of the view `decisions`, the newest first; `con` may be the readers' snapshot.

    `work` is an id or the beginning of one, also of a work that was merged into another; `since` is UTC, without zone.
    Raises UsageError when no work begins so.
    """
    ids = None if work is None else _works(con, work)
    rows = con.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM main.decisions JOIN (SELECT decision_id, position FROM store.decision) USING (decision_id)"
        " WHERE ($works IS NULL OR list_contains($works, work_id)) AND ($what IS NULL OR what = $what)"
        " AND ($who IS NULL OR contains(lower(who), lower($who))) AND ($since IS NULL OR made_at >= $since) AND (in_force OR NOT $in_force)"
        " ORDER BY made_at DESC, position DESC LIMIT $limit",
        {"works": ids, "what": what, "who": who, "since": since, "in_force": in_force, "limit": 1 << 31 if limit is None else limit},
    ).fetchall()
    return [dict(zip(_COLUMNS, row, strict=True)) for row in rows]


def _works(con: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    found = con.execute(
        "SELECT DISTINCT work_id FROM (SELECT work_id, work_id AS name FROM store.work UNION ALL SELECT new_id, old_id FROM store.work_alias"
        " UNION ALL SELECT work_id, work_id FROM store.decision WHERE work_id IS NOT NULL) WHERE starts_with(name, ?)",
        [name],
    ).fetchall()
    if not found:
        raise UsageError(f"{name}: no such work", hint='find ids with: triage sql "SELECT work_id, title FROM works"')
    return [row[0] for row in found]


def conflicts(con: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    """What a person has to settle. `words`: different words about one work, from two works that became one or from two
    machines, until somebody speaks again; `files`: what a list or note and the warehouse say differently of one field."""
    words = con.execute(
        "SELECT c.work_id, c.title, a.decision_id, a.what, a.value, a.who, a.made_at, b.decision_id, b.what, b.value, b.who, b.made_at FROM"
        " (SELECT work_id, title, kept_decision AS one, other_decision AS other FROM main.tick_conflicts"
        " UNION SELECT work_id, title, in_force_decision, other_decision FROM main.word_conflicts) c"
        " JOIN main.decisions a ON a.decision_id = c.one JOIN main.decisions b ON b.decision_id = c.other"
        " ORDER BY c.title, c.work_id, a.decision_id, b.decision_id"
    ).fetchall()
    sides = ("decision_id", "what", "value", "who", "made_at")
    fields = ("conflict_id", "work_id", "title", "path", "field", "was", "in_file", "in_warehouse")
    files = con.execute(f"SELECT {', '.join(fields)} FROM main.conflicts ORDER BY path, title, field").fetchall()
    return {
        "words": [
            {"work_id": row[0], "title": row[1], "words": [dict(zip(sides, row[2:7], strict=True)), dict(zip(sides, row[7:], strict=True))]}
            for row in words
        ],
        "files": [dict(zip(fields, row, strict=True)) for row in files],
    }
