"""One list on its way from a file to words: which state it comes from, which block is which, what was taken out. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from triage.formats.checklist import Block, Checklist
from triage.growth import Fact, ListName, Wanted
from triage.hearing import ListEdits, Versions, edits_of_list
from triage.lists import Conflicts, Standing, parsed
from triage.merging import Clash, Matching, cut_off, match, parts_apart, parts_of, same_words, vanished_suspiciously
from triage.returned import Returned, State

__all__ = ["ListFile", "Removals", "choose_base", "compare", "judge", "touched_works"]

Removals = Literal["ask", "accept", "restore"]
"""What to make of blocks that are gone where it is not plain that a person took them out: leave the file and ask, take it for
a rejection, or read the rest and write the blocks again."""


@dataclass
class ListFile:
    """One file on its way from bytes to words; `left` says why it is left as it is, `edited` are the places in the base whose
    block says something else in the file.

    An `old` one was put back to what it was long ago (another branch): no tick in it is lost, and nothing else is said. Where all
    it says is that a tick or two are gone, `unticked` are their works: a person may have taken them out, and is asked.
    """

    listed: ListName
    returned: Returned
    states: Sequence[State]
    old: bool = False
    base: Checklist | None = None
    since: datetime | None = None
    theirs: Checklist | None = None
    works: tuple[dict[int, str], dict[int, str]] = field(default_factory=lambda: ({}, {}))
    matching: Matching = field(default_factory=lambda: Matching({}, {}))
    edited: frozenset[int] = frozenset()
    gone: list[int] = field(default_factory=list)
    unticked: frozenset[str] = frozenset()
    told: ListEdits | None = None
    left: str | None = None

    @property
    def whole(self) -> bool:
        """Whether every part of it was read, so that it may be written over."""
        return not self.left and not self.returned.problems and self.theirs is not None and not any(b.refusal for b in self.theirs.blocks)

    @property
    def kept(self) -> bool:
        """Whether what is written next grows from it: every part was read, and it was not put back (or the person is asked why)."""
        return self.whole and (not self.old or bool(self.unticked))


def choose_base(one: ListFile, removals: Removals) -> None:
    """Take the file apart, and find the state of it that it plainly comes from: the newest, unless blocks of that are gone and
    an older one is nearer (another branch, a revert of our commit, an old copy)."""
    if one.returned.refusal:
        one.left = one.returned.refusal
        return
    one.theirs = parsed(one.returned.text)
    if not any(state.read or state.written for state in one.states):
        return  # a new warehouse: what was rendered beside this file never stood in it, and what it lacks was taken out by nobody
    newest = one.states[0]
    one.base, one.since = parsed(newest.text), newest.moment
    if removals == "accept" or one.old or not one.theirs.blocks:
        return
    if len(match(one.base, one.theirs, {}, {}).pairs) == len(one.base.blocks):
        return
    parts = parts_of(one.returned.text)
    nearest = min(one.states, key=lambda state: parts_apart(parts, parts_of(state.text)))  # of several as near, the newest
    if nearest is not newest:
        one.base, one.since = parsed(nearest.text), nearest.moment


def judge(one: ListFile, removals: Removals) -> None:
    """Match the blocks, and decide whether those that are gone were taken out by a person."""
    if one.base is None or one.theirs is None:
        return
    one.matching = match(one.base, one.theirs, *one.works)
    pairs = ((here, one.base.blocks[here], one.theirs.blocks[there]) for here, there in one.matching.pairs.items())
    one.edited = frozenset(here for here, old, new in pairs if not same_words(old, new))
    if one.old:
        one.unticked = frozenset(_only_unticked(one.base, one.theirs, one.works[0], one))
    gone = [n for n, block in enumerate(one.base.blocks) if n not in one.matching.pairs and block.refusal is None]
    unread = one.returned.problems or any(block.refusal for block in one.theirs.blocks)
    reason = cut_off(one.base, one.theirs) or vanished_suspiciously(len(one.base.blocks), gone)
    if removals == "accept" and not unread and not one.old:
        one.gone = gone
    elif removals == "restore" or unread or one.old:
        one.gone = []
    elif reason:
        one.left = f"{reason}; put it back (git restore), or say what is meant: --accept-removals, --restore-removed"
    else:
        one.gone = gone


_FEW = 3
"""Ticks that a person takes out of a file at once; with more of them gone, an older file came back."""


def _only_unticked(base: Checklist, theirs: Checklist, works: dict[int, str], one: ListFile) -> list[str]:
    """The works that lost their tick, where that is all that differs and they are few; else none."""
    places = range(len(base.blocks))
    in_place = len(theirs.blocks) == len(base.blocks) and all(one.matching.pairs.get(n) == n for n in places)
    if not in_place or not 1 <= len(one.edited) <= _FEW or (base.preamble, base.tail) != (theirs.preamble, theirs.tail):
        return []
    found = [works[n] for n in sorted(one.edited) if n in works and _lost_its_tick(base.blocks[n], theirs.blocks[n])]
    return found if len(found) == len(one.edited) else []


def _lost_its_tick(old: Block, new: Block) -> bool:
    return old.ticked and not new.ticked and same_words(replace(old, ticked=False, why=None), replace(new, why=None))


def touched_works(one: ListFile) -> set[str]:
    """The works of which the file says something that its base did not: facts of others are not asked for."""
    if one.theirs is None:
        return set()
    paired, copies = set(one.matching.pairs.values()), one.matching.copies
    here = {*one.edited, *one.gone, *copies.values()}
    there = {place for place in range(len(one.theirs.blocks)) if place not in paired}
    return {side[place] for side, places in zip(one.works, (here, there), strict=True) for place in places if place in side}


def compare(one: ListFile, facts: dict[str, Fact], wanted: Sequence[Wanted], conflicts: Conflicts) -> None:
    """Find what the file says that its base did not, against what the program would write by now.

    `facts` and `wanted` are needed of the touched works alone.
    """
    if one.theirs is None:
        return
    base = replace(one.base, kind="yearly") if one.base and one.listed.again else one.base
    blocks = one.theirs.blocks
    ours = Standing(one.listed, base, one.works[0]).grown(facts, wanted, conflicts, one.edited)
    believed = frozenset(n for n, block in enumerate(blocks) if block.refusal is None and one.returned.believed(block.line, block.text))
    one.told = edits_of_list(Versions(one.listed, base, one.theirs, one.matching, one.works, ours, facts, one.since, believed, one.gone))
    if one.old:
        asked = [act.work_id for act in one.told.acts if act.kind == "withdraw" and act.work_id in one.unticked]
        clashes = [(work, Clash("tick", "selected", "not ticked", "selected")) for work in asked]
        one.told = ListEdits(
            one.listed, acts=[act for act in one.told.acts if act.kind == "select"], clashes=clashes, unsaid=one.told.unsaid
        )
