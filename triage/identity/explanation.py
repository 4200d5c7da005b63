"""Why a work is what it is, and what a person should look at, as plain values from the readers' snapshot."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.errors import UsageError
from triage.identity.rules import RULES

if TYPE_CHECKING:
    import duckdb

__all__ = ["explain", "uncertain"]

_MOST = 20


def explain(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """The work that `name` (an id, the beginning of one, or a former id) means: records with reasons, near misses, words, promotions.

    Raises UsageError when it means none, or several.
    """
    found = _rows(
        con,
        "SELECT DISTINCT w.work_id FROM store.work w LEFT JOIN store.work_alias a ON a.new_id = w.work_id"
        " WHERE starts_with(w.work_id, $name) OR starts_with(a.old_id, $name) ORDER BY ALL",
        name=name,
    )
    if len(found) != 1:
        known = f"{len(found)} works begin so" if found else "no such work"
        raise UsageError(f"{name}: {known}", hint='find ids with: triage sql "SELECT work_id, title FROM works"')
    work = found[0]["work_id"]
    told = _rows(con, "SELECT work_id, title, venue, year, url, home_year FROM main.works WHERE work_id = $work", work=work)[0]
    told["records"] = _records(con, work)
    told["apart"] = _rows(
        con,
        "SELECT DISTINCT CASE WHEN m.work_a = $work THEN m.work_b ELSE m.work_a END AS work_id, o.title, m.rule, m.status, m.evidence,"
        " (m.a, m.b) IN (SELECT (a, b) FROM store.person_pair WHERE what = 'not-same') AS said"
        " FROM main.matches m JOIN store.record o ON o.record_id = CASE WHEN m.work_a = $work THEN m.b ELSE m.a END"
        f" WHERE (m.work_a = $work) <> (m.work_b = $work) ORDER BY ALL LIMIT {_MOST}",
        work=work,
    )
    told["said"] = _rows(
        con,
        "SELECT DISTINCT d.decision_id, d.what, d.who, d.made_at FROM main.decisions d JOIN store.person_pair p USING (decision_id)"
        " WHERE p.a IN (SELECT record_id FROM store.membership WHERE work_id = $work)"
        " OR p.b IN (SELECT record_id FROM store.membership WHERE work_id = $work) ORDER BY d.made_at, d.decision_id",
        work=work,
    )
    told["promotions"] = _rows(
        con,
        "SELECT from_venue, from_year, to_venue, to_year, run_id, made_at FROM main.promotions WHERE work_id = $work ORDER BY made_at",
        work=work,
    )
    return told


def _records(con: duckdb.DuckDBPyConnection, work: str) -> list[dict[str, Any]]:
    records = _rows(
        con,
        "SELECT r.record_id, r.source, r.source_key, r.title, r.venue, r.year, r.url, r.identifiers, r.record_id = w.best_record_id AS best, r.first_run"
        " FROM main.records r JOIN store.work w USING (work_id) WHERE work_id = $work ORDER BY best DESC, r.first_seen, r.record_id",
        work=work,
    )
    links = _rows(
        con,
        "SELECT a, b, rule, score, evidence, run_id FROM main.matches WHERE work_a = $work AND work_b = $work AND status = 'auto' ORDER BY rule, a, b",
        work=work,
    )
    for record in records:
        own = record["record_id"]
        record["why"] = [
            {"with": link["b"] if link["a"] == own else link["a"], "reason": RULES[link["rule"]].reason}
            | {key: link[key] for key in ("rule", "score", "evidence", "run_id")}
            for link in sorted(links, key=lambda one: RULES[one["rule"]].strength)
            if own in (link["a"], link["b"])
        ]
    return records


def uncertain(con: duckdb.DuckDBPyConnection, limit: int) -> dict[str, Any]:
    """Pairs of works that may be one, at most `limit`, and works on which a person's ticks disagree."""
    return {
        "pairs": _rows(con, "SELECT * FROM main.uncertain_pairs ORDER BY score DESC, work_a, work_b LIMIT $limit", limit=limit),
        "conflicts": _rows(con, "SELECT * FROM main.tick_conflicts ORDER BY made_at, work_id"),
    }


def _rows(con: duckdb.DuckDBPyConnection, sql: str, **values: Any) -> list[dict[str, Any]]:
    found = con.execute(sql, values)
    names = [column[0] for column in found.description or ()]
    return [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in found.fetchall()]


def _plain(value: Any) -> Any:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value
