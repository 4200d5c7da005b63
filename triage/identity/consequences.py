"""What a person's word about works did, in plain sentences: which works there are now, and where ticks, Types and notes went."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from triage.decisions import NOTE_WORD

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import duckdb

    from triage.models import Decision

__all__ = ["Fact", "Standing", "concerned", "standing", "tell"]

_LONGEST_TITLE = 60  # characters: two titles and an id stay on one line or two


class Fact(NamedTuple):
    """What was said of a work: `text` as a person reads it."""

    fact_id: str
    work_id: str
    text: str


class Standing(NamedTuple):
    """Works at one moment: the work of each record (all records of these works), their titles, and what was said of them."""

    work_of: dict[str, str]
    titles: dict[str, str]
    facts: tuple[Fact, ...]

    def name(self, work: str) -> str:
        """Id and title, shortened."""
        title = self.titles[work]
        return f'{work} "{title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1].rstrip() + "…"}"'

    def works(self) -> list[str]:
        """The ids, the largest work first."""
        sizes = Counter(self.work_of.values())
        return sorted(sizes, key=lambda work: (-sizes[work], work))


def concerned(con: duckdb.DuckDBPyConnection, decision: Decision) -> list[str]:
    """The records a word names; those of the word that an undo takes back, as they were when identity last ran."""
    if decision.what == "undo":
        pairs = con.execute("SELECT a, b FROM store.person_pair WHERE decision_id = ?", [decision.value]).fetchall()
        return sorted({record for pair in pairs for record in pair})
    named = json.loads(decision.value or "{}")
    return sorted({*named.get("these", ()), *named.get("those", ())})


def standing(con: duckdb.DuckDBPyConnection, records: Collection[str]) -> Standing:
    """The works that hold any of `records`, as they are now."""
    rows = con.execute(
        "SELECT m.record_id, work_id, w.title FROM store.membership m JOIN store.work w USING (work_id)"
        " WHERE work_id IN (SELECT work_id FROM store.membership WHERE list_contains(?, record_id)) ORDER BY ALL",
        [sorted(records)],
    ).fetchall()
    titles = {work: title for _, work, title in rows}
    facts = con.execute(
        "SELECT decision_id, work_id, CASE what WHEN 'type' THEN 'the Type \"' || coalesce(value, '') || '\"' WHEN 'note' THEN 'your note'"
        "  WHEN 'correction' THEN 'your correction' ELSE 'your word \"' || what || '\"' END"
        " FROM main.decisions WHERE in_force AND what IN ('selected', 'rejected', 'later', 'type', 'note', 'correction') AND list_contains($works, work_id)"
        " UNION ALL SELECT note_id, work_id, CASE producer WHEN 'human' THEN 'the note' ELSE 'the note by ' || producer END"
        " FROM store.note WHERE list_contains($works, work_id) AND NOT starts_with(coalesce(basis, ''), $said)"
        " ORDER BY ALL",
        {"works": sorted(titles), "said": NOTE_WORD},
    ).fetchall()
    return Standing({record: work for record, work, _ in rows}, titles, tuple(Fact(*fact) for fact in facts))


def tell(decision: Decision, before: Standing, after: Standing) -> list[str]:
    """What `decision` (same, not-same, or the undo of one) did: a sentence, a line a work, a line for what went elsewhere."""
    lines = [_sentence(decision.what, before, after)]
    for work in after.works():
        records = [record for record, at in after.work_of.items() if at == work]
        lines.append(
            f"  {after.name(work)}: {len(records)} {'record' if len(records) == 1 else 'records'}{_origin(work, records, before, after)}"
        )
        lines += [f"    {text}" for text in _facts(work, before, after)]
    return lines


def _origin(work: str, records: Sequence[str], before: Standing, after: Standing) -> str:
    came = Counter(before.work_of[record] for record in records if before.work_of.get(record, work) != work)
    return "".join(
        f", {'' if count == len(records) else f'{count} of them '}from {_old_name(old, before, after)}"
        for old, count in sorted(came.items())
    )


def _old_name(work: str, before: Standing, after: Standing) -> str:
    return work if work in after.titles else before.name(work)


def _facts(work: str, before: Standing, after: Standing) -> list[str]:
    was = {fact.fact_id: fact.work_id for fact in before.facts}
    now = {fact.fact_id: fact for fact in after.facts}
    counts = {fact.text for fact in after.facts if fact.work_id == work}
    told = [
        fact.text + (f", from {was[fact.fact_id]}" if was.get(fact.fact_id, work) != work else "")
        for fact in after.facts
        if fact.work_id == work
    ]
    # of two works that became one, the newer word counts; the other is kept and comes back when they are two again
    became = {old: after.work_of[record] for record, old in before.work_of.items() if record in after.work_of}
    told += [
        f"not counting now: {fact.text}, from {fact.work_id}"
        for fact in before.facts
        if fact.fact_id not in now and fact.text not in counts and became.get(fact.work_id) == work
    ]
    return list(dict.fromkeys(told))


def _sentence(what: str, before: Standing, after: Standing) -> str:
    were, are = before.works(), after.works()
    moved = before.work_of != after.work_of
    if what == "undo":
        return f"taken back: {_count(len(were))} {'is' if len(were) == 1 else 'are'} {_count(len(are))} again" if moved else (
            "taken back: nothing moved, the rules and your other words make the same of these records"
        )  # fmt: skip
    if what == "same":
        if len(are) == 1:
            return f"{' and '.join(before.name(work) for work in were)} are one work now"
        return f"these are still {_count(len(are))}: another word of yours keeps some of their records apart"
    if len(were) == 1:
        return f"{before.name(were[0])} is {_count(len(are))} now, and they never come together again by themselves"
    return (
        f"{' and '.join(before.name(work) for work in were)} are two papers, whatever a rule may find; the pair is out of the review queue"
    )


def _count(works: int) -> str:
    return "one work" if works == 1 else f"{works} works"
