"""What a person said by editing lists: edits of blocks -> words, across all files at once. Pure.

A tick in any list counts. A tick taken out is a word taken back, not a rejection; a block taken out is a rejection. Where two
files say opposite things of one work, or a file and the warehouse were changed differently, nothing is said: it is a clash.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from triage.formats.checklist import Block, Checklist, natural_key, record_of
from triage.formats.checklist_edits import untouched
from triage.growth import Fact, ListName
from triage.merging import Clash, Edit, Matching, edits_of
from triage.models import What, WorkReference
from triage.text import identifiers_in_url
from triage.words import Word

__all__ = ["Act", "Heard", "ListEdits", "Versions", "edits_of_list", "hear"]

Kind = Literal["select", "withdraw", "reject", "decline", "allow", "there"]


@dataclass(frozen=True)
class Act:
    """What a list says about whether a work belongs: `decline` keeps a selected work in its own year's list, `allow` takes a
    rejection back because its paper was written in again by hand, `there` only says that a block was put here."""

    kind: Kind
    work_id: str
    listed: ListName
    home: int | None = None


@dataclass
class ListEdits:
    """Everything one file says that its base did not: acts, edits and clashes by work, and papers nobody knew. `unsaid` are works
    whose tick is out again before it counted: nothing is said, and what clashed with it is settled."""

    listed: ListName
    acts: list[Act] = field(default_factory=list)
    edits: list[tuple[str, Edit]] = field(default_factory=list)
    clashes: list[tuple[str, Clash]] = field(default_factory=list)
    unknown: list[tuple[Block, Checklist]] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Heard:
    """The words to be said, and (path, work, clash) for what only the person can decide."""

    words: list[Word]
    clashes: list[tuple[str, str, Clash]]


@dataclass(frozen=True)
class Versions:
    """A list three times: its base (None where none is known), the file, and what the program would write for each block of the
    base that differs in the file. `works` are those of the base's and of the file's blocks, `since` when the base was last there, `readable` the places in
    the file that can be believed, `gone` the places in the base that were taken out."""

    listed: ListName
    base: Checklist | None
    theirs: Checklist
    matching: Matching
    works: tuple[Mapping[int, str], Mapping[int, str]]
    ours: Mapping[int, Block | None]
    facts: Mapping[str, Fact]
    since: datetime | None
    readable: frozenset[int]
    gone: Sequence[int]


def edits_of_list(given: Versions) -> ListEdits:
    """Compare a file with its base; without one only ticks, Types and new papers are read."""
    told = ListEdits(given.listed)
    ticks: dict[str, tuple[bool, bool]] = {}
    if given.base:
        for here, there in given.matching.pairs.items():
            _compared(told, ticks, given, given.base.blocks[here], here, there)
    for there, here in given.matching.copies.items():
        work = given.works[0].get(here) or given.works[1].get(there)
        if work and there in given.readable and given.theirs.blocks[there].ticked:
            ticks[work] = (ticks.get(work, (False, False))[0], True)
    for work, (was, now) in ticks.items():
        _tick(told, work, given.facts.get(work), was=was, now=now, since=given.since)
    _confirmed_types(told, given)
    taken = set(given.matching.pairs.values()) | set(given.matching.copies)
    for there, block in enumerate(given.theirs.blocks):
        if there not in taken and there in given.readable:
            _added(told, block, given, given.works[1].get(there))
    standing = {given.works[0].get(here) for here in given.matching.pairs} | set(given.works[1].values())
    for here in given.gone:
        work = given.works[0].get(here)
        if given.base and work and work not in standing:
            _removed(told, given.base.blocks[here], work, given.facts.get(work), since=given.since)
    return told


def _compared(told: ListEdits, ticks: dict[str, tuple[bool, bool]], given: Versions, old: Block, here: int, there: int) -> None:
    """One block of the base and what became of it in the file."""
    new, work = given.theirs.blocks[there], given.works[0].get(here)
    if there not in given.readable:
        if work and old.ticked:
            ticks[work] = (True, True)
        return
    if work is None:
        if new.fields != old.fields:
            told.unknown.append((new, given.theirs))
        return
    was, now = ticks.get(work, (False, False))
    ticks[work] = (was or old.ticked, now or new.ticked)
    if here not in given.ours:
        return
    fact = given.facts.get(work)
    edits, clashes = edits_of(old, new, given.ours[here], machine_type=fact is None or not fact.labelled_by_person)
    told.edits += [(work, edit) for edit in edits]
    told.clashes += [(work, clash) for clash in clashes]


def _spoken_since(fact: Fact | None, since: datetime | None) -> bool:
    """Whether the decision was said elsewhere after the base was there, so that the person who edited the file did not see it."""
    return fact is not None and fact.decided_at is not None and since is not None and fact.decided_at > since


def _tick(told: ListEdits, work: str, fact: Fact | None, *, was: bool, now: bool, since: datetime | None) -> None:
    if was == now:
        return
    decision = fact.decision if fact else None
    if not now:
        if decision == "selected":
            told.acts.append(Act("withdraw", work, told.listed))
        else:
            told.unsaid.append(work)
    elif not told.listed.again and (decision == "rejected" or (decision == "later" and _spoken_since(fact, since))):
        # the block of a rejected work is taken out, so the file still shows it as it stood before that was heard of here
        told.clashes.append((work, Clash("tick", None, "selected", decision)))
    else:
        told.acts.append(Act("select", work, told.listed))


def _confirmed_types(told: ListEdits, given: Versions) -> None:
    """Whoever ticks a block agrees with the Type it shows, unless a person had typed one before or types another now."""
    ticked = {act.work_id for act in told.acts if act.kind == "select"}
    typed = {work for work, edit in told.edits if edit.field == "type"}
    for here, there in given.matching.pairs.items():
        work, block = given.works[0].get(here), given.theirs.blocks[there]
        fact = given.facts.get(work) if work else None
        if work in ticked - typed and block.type and (fact is None or not fact.labelled_by_person):
            told.edits.append((work, Edit("type", None, block.type)))
            typed.add(work)


def _removed(told: ListEdits, block: Block, work: str, fact: Fact | None, *, since: datetime | None) -> None:
    decision = fact.decision if fact else None
    if decision == "selected" and not block.ticked:
        if fact and fact.home_year != told.listed.year and told.listed.kind == "yearly" and block.why is not None:
            told.acts.append(Act("decline", work, told.listed, home=fact.home_year))
            return
        told.clashes.append((work, Clash("block", "there", "taken out", decision)))  # it is ticked as soon as that is heard of
        return
    if decision in ("rejected", "later") and _spoken_since(fact, since):
        return  # said elsewhere already
    told.acts.append(Act("reject", work, told.listed))


def _added(told: ListEdits, block: Block, given: Versions, work: str | None) -> None:
    """A block the base did not have: a paper by hand, one that was moved here, or (without a base) any block."""
    adopted = given.base is None
    if untouched(block, "yearly"):
        return  # a proposal of the program from another state of the file
    if work is None:
        told.unknown.append((block, given.theirs))
        return
    fact = given.facts.get(work)
    decision = fact.decision if fact else None
    if block.ticked and decision in ("rejected", "later") and adopted:
        told.clashes.append((work, Clash("tick", None, "selected", decision)))
    elif block.ticked and (decision != "selected" or not adopted):
        told.acts.append(Act("select", work, told.listed))
    elif not block.ticked and decision == "rejected" and not adopted:
        told.acts.append(Act("allow", work, told.listed))
    else:
        told.acts.append(Act("there", work, told.listed))
    if block.type and block.ticked and (fact is None or not fact.labelled_by_person):
        told.edits.append((work, Edit("type", None, block.type)))
    if adopted and fact is not None:
        words = {**fact.corrections, **({"type": fact.typed} if fact.typed else {})}
        said = {name: getattr(block, name) for name in words}
        told.clashes += [(work, Clash(name, None, said[name], words[name])) for name in words if said[name] not in (None, words[name])]


# --- all files together


def hear(files: Sequence[ListEdits]) -> Heard:
    """The words of all files, each with where it was said; opposite ones about one work are clashes."""
    words = [word for told in files for block, listed in told.unknown for word in _words_of_unknown(block, listed, told.listed)]
    clashes = [(told.listed.path, work, clash) for told in files for work, clash in told.clashes]
    clashing = {(work, clash.field) for _, work, clash in clashes}
    acts: dict[str, list[Act]] = defaultdict(list)
    edits: dict[tuple[str, str], list[tuple[str, Edit]]] = defaultdict(list)
    for told in files:
        for act in told.acts:
            acts[act.work_id].append(act)
        for work, edit in told.edits:
            edits[work, edit.field].append((told.listed.path, edit))
    for work, said in sorted(acts.items()):
        words += _decide(work, said, clashes)
    for (work, name), given in sorted(edits.items()):
        if len({edit.now for _, edit in given}) > 1:
            clashes += [(path, work, Clash(name, edit.was, edit.now, _others(given, path))) for path, edit in given]
        elif (work, name) not in clashing:
            path, edit = given[0]
            words.append(_word_of(work, edit, path))
    return Heard(words, clashes)


def _others(given: Sequence[tuple[str, Edit]], path: str) -> str:
    return ", ".join(f"{edit.now} in {other}" for other, edit in given if other != path)


def _decide(work: str, acts: Sequence[Act], clashes: list[tuple[str, str, Clash]]) -> Iterator[Word]:
    acts = sorted(acts, key=lambda act: act.listed.kind != "yearly")
    kinds = {act.kind for act in acts}
    if kinds & {"select", "there"} and "reject" in kinds and all(act.listed.kind == "yearly" for act in acts):
        kinds.discard("reject")  # cut from one year's list and put into another's: the paper was moved
    if "select" in kinds and kinds & {"withdraw", "reject"}:
        for act in acts:
            name = "block" if act.kind == "reject" else "tick"
            others = ", ".join(f"{_SAID[other.kind]} in {other.listed.path}" for other in acts if other is not act)
            clashes.append((act.listed.path, work, Clash(name, None, _SAID[act.kind], others)))
        return
    order: tuple[Kind, ...] = ("select", "reject", "decline", "withdraw", "allow")
    yield from [word_of_act(act) for kind in order for act in acts if act.kind == kind and kind in kinds][:1]


_SAID: dict[Kind, str] = {
    "select": "selected", "withdraw": "not ticked", "reject": "taken out", "decline": "stays", "allow": "there again", "there": "put there",
}  # fmt: skip


def word_of_act(act: Act) -> Word:
    """The word for what a list says; `withdraw` and `allow` are undo words without a value: of all that stands."""
    what: dict[str, What] = {"select": "selected", "reject": "rejected", "decline": "selected", "withdraw": "undo", "allow": "undo"}
    listed, where = act.listed, act.listed.path
    value, year = None, listed.year if act.kind == "select" and listed.kind == "yearly" and not listed.again else None
    if act.kind == "decline":
        # said where it stays: a tick of the undated list is known by the place where it was set
        value, year, where = str(listed.year), act.home, where if act.home else "lists/undated.md"
    reason = "looked at again" if act.kind == "reject" and listed.again else None
    return Word(act.work_id, what[act.kind], value=value, reason=reason, list_year=year, where=where)


def _word_of(work: str, edit: Edit, path: str) -> Word:
    if edit.field == "type":
        return Word(work, "type", value=str(edit.now), where=path)
    return Word(work, "correction", value=json.dumps({edit.field: edit.now}, ensure_ascii=False), where=path)


def _words_of_unknown(block: Block, theirs: Checklist, listed: ListName) -> Iterator[Word]:
    """A paper that was written in by hand: its record, its tick and its Type."""
    record = record_of(block, theirs, f"{theirs.kind}-list:{natural_key(block, {})}")
    work = WorkReference(
        title=record.title,
        url=record.url,
        venue=record.venue,
        year=record.year,
        identifiers={**identifiers_in_url(block.url), "record": record.record_id},
    )
    yield Word(work, "added", value=record.model_dump_json(exclude_defaults=True), where=listed.path)
    if block.ticked:
        year = listed.year if listed.kind == "yearly" and not listed.again else None
        yield Word(work, "selected", list_year=year, where=listed.path)
    if block.type:
        yield Word(work, "type", value=block.type, where=listed.path)
