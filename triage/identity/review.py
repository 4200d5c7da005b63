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

from triage.decisions import append_decisions, load_decisions, read_decisions, speaker
from triage.errors import UsageError
from triage.models import Decision, What, WorkReference, stable_id
from triage.references import resolve, stage_references
from triage.warehouse import stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from triage.runs import Run

__all__ = ["PersonPair", "merge_works", "not_same", "pair_value", "split_work", "stage_person_pairs", "take_back"]


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
    # looked for first: the view of what is in force costs ten times as much to ask
    any_pair = con.execute("SELECT EXISTS (FROM store.decision WHERE what IN ('same', 'not-same'))").fetchall()[0][0]
    rows = (
        con.execute(
            "SELECT decision_id, what, work, value FROM main.decisions d JOIN (SELECT decision_id, work, position FROM store.decision) USING (decision_id)"
            " WHERE what IN ('same', 'not-same') AND in_force ORDER BY made_at, position"
        ).fetchall()
        if any_pair
        else []
    )
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
    found = con.execute(
        "SELECT reference, list(record_id ORDER BY record_id) FROM pair_work JOIN store.membership USING (work_id) GROUP BY reference"
    ).fetchall()
    return dict(found)


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


def merge_works(run: Run, first: str, second: str) -> Decision:
    """Say that two works (full ids) are one; identify makes it so. Newer than any word that kept their records apart."""
    if first == second:
        raise UsageError(f"{first} is one work already", hint="give the ids of two works")
    return _say(run, "same", _records(run, first), _records(run, second), where="triage works merge")


def not_same(run: Run, first: str, second: str) -> Decision:
    """Say that two works are two papers, whatever a rule may find later."""
    if first == second:
        raise UsageError(f"{first} is one work", hint=f"to take a record out of it: triage works split {first} RECORD")
    return _say(run, "not-same", _records(run, first), _records(run, second), where="triage works not-same")


def split_work(run: Run, work: str, record: str) -> Decision:
    """Take one record (an id or its beginning) out of a work; the two never come together again by themselves."""
    members = _records(run, work)
    meant = [one for one in members if one.startswith(record)]
    if len(meant) != 1:
        known = f"{len(meant)} records of {work} begin so" if meant else f"no record of {work}"
        raise UsageError(f"{record}: {known}", hint=f"its records: triage works show {work}")
    rest = [one for one in members if one != meant[0]]
    if not rest:
        raise UsageError(f"{work} has no other record", hint="there is nothing to split")
    return _say(run, "not-same", meant, rest, where="triage works split")


def take_back(run: Run, decision_id: str) -> Decision:
    """Undo a same or not-same (its id or the beginning of it): the works are again what the rules make of them."""
    words = [d for d in read_decisions(run.workspace.decisions_path)[0] if d.id.startswith(decision_id) and d.what in {"same", "not-same"}]
    if len(words) != 1:
        known = f"{len(words)} such decisions begin so" if words else "no decision about two works"
        raise UsageError(f"{decision_id}: {known}", hint="see: triage sql \"SELECT * FROM decisions WHERE what IN ('same', 'not-same')\"")
    with run.warehouse.burst() as con:
        stands = con.execute("SELECT count(*) FROM main.decisions WHERE decision_id = ? AND in_force", [words[0].id]).fetchall()[0][0]
    if not stands:
        raise UsageError(
            f"{words[0].id} does not stand: it was taken back already", hint="say it anew: triage works merge, split or not-same"
        )
    return _append(run, "undo", words[0].work, words[0].id, "triage works undo")


def _records(run: Run, work: str) -> list[str]:
    with run.warehouse.burst() as con:
        return [
            row[0] for row in con.execute("SELECT record_id FROM store.membership WHERE work_id = ? ORDER BY record_id", [work]).fetchall()
        ]


def _say(run: Run, what: What, these: Sequence[str], those: Sequence[str], *, where: str) -> Decision:
    with run.warehouse.burst() as con:
        told = {
            record_id: WorkReference(title=title, url=url, venue=venue, year=year, identifiers={"record": record_id})
            for record_id, title, url, venue, year in con.execute(
                "SELECT record_id, title, url, venue, year FROM store.record WHERE record_id IN (?, ?)", [these[0], those[0]]
            ).fetchall()
        }
    return _append(run, what, told[these[0]], pair_value(these, those, told[those[0]].title), where)


def _append(run: Run, what: What, work: WorkReference, value: str, where: str) -> Decision:
    when = run.clock()
    decision = Decision(
        id=stable_id("d", what, value, when.isoformat()), when=when, who=speaker(run.workspace), where=where, what=what, work=work, value=value
    )  # fmt: skip
    append_decisions(run.workspace, [decision])
    load_decisions(run)
    return decision
