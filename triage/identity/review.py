"""A person's words about pairs: same and not-same, record by record, durable and undoable.

A word names the records of both works as they were when it was said; a record's id depends on its source
and key alone, so the word holds in an empty warehouse too. Of two words about the same two records the
newer counts.
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from triage.models import WorkReference
from triage.references import resolve, stage_references
from triage.warehouse import stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

__all__ = ["PersonPair", "pair_value", "stage_person_pairs"]


class PersonPair(NamedTuple):
    """Two records, a < b, and what a person said of them: same or not-same."""

    a: str
    b: str
    what: str
    decision_id: str


def pair_value(these: Sequence[str], those: Sequence[str], title: str) -> str:
    """The `value` of a same or not-same decision: the records of both sides, and the other title for the reader."""
    return json.dumps({"these": sorted(these), "those": sorted(those), "title": title}, ensure_ascii=False)


def stage_person_pairs(con: duckdb.DuckDBPyConnection) -> None:
    """Make temporary tables `said` (the pairs that stand now) and `resaid` (record_id of pairs that changed since last time)."""
    rows = con.execute(
        "SELECT decision_id, what, work, value FROM main.decisions d JOIN (SELECT decision_id, work, position FROM store.decision) USING (decision_id)"
        " WHERE what IN ('same', 'not-same') AND in_force ORDER BY made_at, position"
    ).fetchall()
    pairs: dict[tuple[str, str], PersonPair] = {}
    for pair in _pairs(con, rows):
        pairs[pair.a, pair.b] = pair
    shape = dict.fromkeys(PersonPair._fields, "VARCHAR")
    stage(con, "said", [pairs[key]._asdict() for key in sorted(pairs)], shape)
    con.execute("DELETE FROM said WHERE a NOT IN (SELECT record_id FROM store.record) OR b NOT IN (SELECT record_id FROM store.record)")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE resaid AS SELECT DISTINCT unnest([a, b]) AS record_id FROM"
        " ((FROM said EXCEPT FROM store.person_pair) UNION ALL (FROM store.person_pair EXCEPT FROM said))"
    )


def _pairs(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[str, str, Any, str | None]]) -> Iterator[PersonPair]:
    loose = _by_reference(con, rows)
    for decision_id, what, _, value in rows:
        named = _object(value)
        if isinstance(named.get("these"), list) and isinstance(named.get("those"), list):
            these, those = named["these"], named["those"]
        else:
            these, those = loose.get(f"{decision_id} a", []), loose.get(f"{decision_id} b", [])
        for left, right in product(these, those):
            if isinstance(left, str) and isinstance(right, str) and left != right:
                yield PersonPair(min(left, right), max(left, right), what, decision_id)


def _by_reference(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[str, str, Any, str | None]]) -> dict[str, list[str]]:
    """For words that name works by title or link, as a person may write them: all records of the works they find."""
    references: dict[str, WorkReference] = {}
    for decision_id, _, work, value in rows:
        other = _reference(_object(value))
        own = _reference(_object(work))
        if other and own:
            references |= {f"{decision_id} a": own, f"{decision_id} b": other}
    if not references:
        return {}
    stage_references(con, "pair_key", references)
    resolve(con, "pair_key", "pair_work")
    return {
        reference: records
        for reference, records in con.execute(
            "SELECT reference, list(record_id ORDER BY record_id) FROM pair_work JOIN store.membership USING (work_id) GROUP BY reference"
        ).fetchall()
    }


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _reference(value: dict[str, Any]) -> WorkReference | None:
    try:
        return WorkReference.model_validate(value)
    except ValidationError:
        return None
