"""Saying a word: one function that makes what a person said about works durable, wherever it was said.

A word goes to decisions.jsonl first and is then loaded into the warehouse. Its id depends on what was said about which
work and on the word it came after, and on nothing else: the same thing said again, here or on another machine that knew
as much, is the same word, while a change of mind and back is three words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.decisions import append_decisions, load_decisions, speaker
from triage.errors import UsageError
from triage.models import Decision, Proposed, What, WorkReference, stable_id
from triage.text import canonical_url, title_key
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["ABOUT", "Word", "make", "say", "taking_back", "topic_of"]


@dataclass(frozen=True)
class Word:
    """What a person says about one work, given by its full id, or by a reference where the warehouse has no such work yet.

    `value` as in `Decision`; that of a correction holds only the fields that are corrected now, those corrected before stay
    so. `list_year` is the year of the list in which a tick was set, where that is not the work's own year; `where` says
    where it was said, if not where the others of the same call were.
    """

    work: str | WorkReference
    what: What
    value: str | None = None
    reason: str | None = None
    list_year: int | None = None
    where: str | None = None


@dataclass(frozen=True)
class _Known:
    """What the warehouse knows about a work when a word is said about it."""

    reference: WorkReference
    proposed: Proposed | None


@dataclass(frozen=True)
class _Said:
    """An earlier word about a work: `stands` when it was never taken back, `in_force` when it counts."""

    id: str
    what: str
    value: str | None
    reason: str | None
    list_year: int | None
    after: str | None
    stands: bool
    in_force: bool


def topic_of(what: str) -> str:
    """Words on one topic replace each other: selected, rejected and later are one, every other kind is its own."""
    return "decision" if what in {"selected", "rejected", "later"} else what


def say(run: Run, words: Sequence[Word], *, where: str) -> list[Decision]:
    """Make and keep words; those that were new come back. What is in force already is not said again.

    Raises UsageError for a work that is not there, with nothing said; WorkspaceError when decisions.jsonl cannot be written.
    """
    if not words:
        return []
    with run.warehouse.burst() as con:
        decisions = make(con, words, who=speaker(run.workspace), clock=run.clock, where=where)
    fresh = append_decisions(run.workspace, decisions)
    if fresh:
        load_decisions(run)
        with run.warehouse.burst() as con:
            con.execute(_SETTLED, [[one.id for one in fresh]])
    return fresh


ABOUT = """CASE WHEN c.field IN ('tick', 'block') THEN d.what IN ('selected', 'rejected', 'later') OR (d.what = 'undo' AND d.value IN (
                 SELECT u.decision_id FROM store.decision u WHERE u.what IN ('selected', 'rejected', 'later')))
             WHEN c.field = 'type' THEN d.what = 'type' WHEN c.field = 'note' THEN d.what = 'note'
             ELSE d.what = 'correction' AND (try_cast(d.value AS JSON) ->> c.field) <> coalesce(c.in_warehouse, '') END"""
"""SQL: whether the word `d` is about what the clash `c` is about."""

# a word said here about the same thing settles a clash of a file and the warehouse, whichever way
_SETTLED = f"""
DELETE FROM store.conflict AS c WHERE EXISTS (
    SELECT 1 FROM main.decisions d WHERE list_contains(?, d.decision_id) AND d.work_id = c.work_id AND {ABOUT}
)
"""


def make(
    con: duckdb.DuckDBPyConnection,
    words: Sequence[Word],
    *,
    who: str,
    clock: Callable[[], datetime],
    where: str,
    heard: Mapping[str, Sequence[Decision]] | None = None,
) -> list[Decision]:
    """Words as lines of decisions.jsonl, without keeping them; `con` may be the readers' snapshot.

    `heard` are words about each work (by its id, in the order of time) that `con` does not know of yet. Raises UsageError
    for a work that is not there.
    """
    ids = sorted({word.work for word in words if isinstance(word.work, str)})
    known, said = _known(con, ids), _said(con, ids)
    if missing := [one for one in ids if one not in known]:
        raise UsageError(f"{missing[0]}: no such work", hint='find ids with: triage sql "SELECT work_id, title FROM works"')
    for work, others in (heard or {}).items():
        for one in others:
            _note_said(said.setdefault(work, []), one)
    decisions: list[Decision] = []
    for word in words:
        made = _decision(word, known, said, when=clock, who=who, where=word.where or where)
        if made is None:
            continue
        decisions.append(made)
        if isinstance(word.work, str):
            _note_said(said.setdefault(word.work, []), made)
    return decisions


def taking_back(con: duckdb.DuckDBPyConnection, works: Iterable[str], topic: str = "decision") -> list[Word]:
    """The words that take back everything which stands on a topic for each work: as if nobody had spoken of it."""
    wanted = sorted(set(works))
    said = _said(con, wanted)
    return [
        Word(work, "undo", value=one.id)
        for work in wanted
        for one in said.get(work, ())
        if one.stands and topic_of(one.what) == topic and one.what != "undo"
    ]


def _decision(
    word: Word, known: dict[str, _Known], said: dict[str, list[_Said]], *, when: Callable[[], datetime], who: str, where: str
) -> Decision | None:
    """The word as a line of decisions.jsonl, or None when it is in force already."""
    if isinstance(word.work, WorkReference):
        reference, proposed, before = word.work, None, []
    else:
        reference, proposed = known[word.work].reference, known[word.work].proposed
        before = said.get(word.work, [])
    if word.list_year is not None:
        reference = reference.model_copy(update={"year": word.list_year})
    topic = topic_of(word.what)
    earlier = [one for one in before if topic_of(one.what) == topic]
    current = next((one for one in earlier if one.in_force), None)
    value = _merged(current.value if current else None, word.value) if word.what == "correction" else word.value
    if word.what == "undo":
        if any(one.value == value for one in earlier):
            return None
        after = value or ""
    else:
        moves = word.what == "selected" and word.list_year is not None and current is not None and word.list_year != current.list_year
        heads = _heads(earlier)
        # words of imports and older versions say nothing of what they knew, and are no reason to speak again
        unheard = [one for one in earlier if one.id in heads and not one.in_force and one.after is not None]
        same = current is not None and (current.what, current.value) == (word.what, value) and word.reason in (None, current.reason)
        if same and not unheard and not moves:
            return None
        after = " ".join(heads) or (earlier[-1].id if earlier else "")
    named = (word.what, value or "", word.reason or "", str(word.list_year or ""), _key(reference), after)
    return Decision(
        id=stable_id("d", *named), when=when(), who=who, where=where, what=word.what, work=reference, value=value,
        reason=word.reason, after=after, proposed=proposed,
    )  # fmt: skip


def _heads(earlier: Sequence[_Said]) -> list[str]:
    """The words that stand and that no other word came after: more than one when two machines spoke unheard."""
    heard = {one for word in earlier for one in (word.after or "").split()}
    return [word.id for word in earlier if word.stands and word.id not in heard]


def _note_said(before: list[_Said], made: Decision) -> None:
    """Let the next word of the same call know of this one."""
    topic = topic_of(made.what)
    for place, one in enumerate(before):
        taken_back = made.what == "undo" and one.id == made.value
        if taken_back or topic_of(one.what) == topic:
            before[place] = _Said(
                one.id, one.what, one.value, one.reason, one.list_year, one.after, stands=one.stands and not taken_back, in_force=False
            )
    before.append(_Said(made.id, made.what, made.value, made.reason, made.work.year, made.after, stands=True, in_force=True))


def _merged(old: str | None, new: str | None) -> str:
    """A correction with what was corrected before and is not corrected anew."""
    fields: dict[str, Any] = {}
    for text in (old, new):
        try:
            given = json.loads(text or "{}")
        except ValueError:
            continue
        if isinstance(given, dict):
            fields |= given
    return json.dumps(fields, ensure_ascii=False, sort_keys=True)


def _key(work: WorkReference) -> str:
    """What the id of a word calls its work: the surest name that another machine has for it too."""
    if named := sorted(f"{scheme}:{value}" for scheme, value in work.identifiers.items()):
        return named[0]
    return canonical_url(work.url) or title_key(work.title) or work.title


_KNOWN = """
WITH machine AS (
    SELECT work_id, display, producer, labelling_id FROM store.labelling_current
    WHERE producer <> 'human' AND work_id IN (SELECT work_id FROM spoken)
    QUALIFY row_number() OVER (PARTITION BY work_id ORDER BY producer_rank, producer) = 1
),
threshold AS (SELECT coalesce(max(CAST(value AS DOUBLE)), 0) AS least FROM store.setting WHERE name = 'labels.threshold'),
labelled AS (
    SELECT m.work_id, list(l.label ORDER BY l.position) AS labels FROM machine m JOIN store.label l USING (labelling_id)
    WHERE l.confidence IS NULL OR l.confidence >= (SELECT least FROM threshold) GROUP BY m.work_id
)
-- a corrected title or link finds no record, so a word names its work as the record does
SELECT w.work_id, CASE WHEN c.work_id IS NULL THEN w.title ELSE r.title END, CASE WHEN c.work_id IS NULL THEN w.url ELSE r.url END,
       w.venue, w.year, map_keys(w.identifiers), map_values(w.identifiers),
       s.score, nullif(m.display, ''), coalesce(labelled.labels, []), m.producer
FROM spoken JOIN store.work w USING (work_id) JOIN store.record r ON r.record_id = w.best_record_id
LEFT JOIN (SELECT DISTINCT work_id FROM store.applied_correction) c USING (work_id)
LEFT JOIN (SELECT work_id, arg_max(score, made_at) AS score FROM store.screening GROUP BY work_id) s USING (work_id)
LEFT JOIN machine m USING (work_id) LEFT JOIN labelled USING (work_id)
"""


def _stage_works(con: duckdb.DuckDBPyConnection, works: Sequence[str]) -> None:
    stage(con, "spoken", [{"work_id": one} for one in works], {"work_id": "VARCHAR"})


def _known(con: duckdb.DuckDBPyConnection, works: Sequence[str]) -> dict[str, _Known]:
    _stage_works(con, works)
    known = {}
    for work_id, title, url, venue, year, schemes, values, score, type_, labels, producer in con.execute(_KNOWN).fetchall():
        identifiers = dict(zip(schemes or (), values or (), strict=True))
        proposed = Proposed(score=score, type=type_, labels=tuple(labels), producer=producer)
        known[work_id] = _Known(
            WorkReference(title=title, url=url, venue=venue, year=year, identifiers=identifiers),
            None if proposed == Proposed() else proposed,
        )
    return known


def _said(con: duckdb.DuckDBPyConnection, works: Sequence[str]) -> dict[str, list[_Said]]:
    """Every word about each work, in the order of time."""
    _stage_works(con, works)
    rows = con.execute(
        "SELECT d.work_id, d.decision_id, d.what, d.value, d.reason, try_cast(s.work ->> 'year' AS INTEGER), d.after, v.stands, v.in_force"
        " FROM store.decision d JOIN spoken USING (work_id) JOIN main.decisions v USING (decision_id)"
        " JOIN (SELECT decision_id, work FROM store.decision) s USING (decision_id) ORDER BY d.made_at, d.position"
    ).fetchall()
    said: dict[str, list[_Said]] = {}
    for work_id, *rest in rows:
        said.setdefault(work_id, []).append(_Said(*rest))
    return said
