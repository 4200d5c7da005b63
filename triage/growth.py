"""What becomes of one block of a list, given what the warehouse knows: pure, so that writing and reading back agree.

The words of a person stay to the character. A proposal that stands as the program wrote it is the program's and is
written anew; in every other block only what the program must say is changed in place: a tick, a promotion within the
year, what a person said elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from triage.formats import checklist
from triage.formats.checklist import Block, BlockFields, Kind
from triage.formats.checklist_edits import unticked, untouched, updated
from triage.formats.checklist_model import say_same
from triage.text import canonical_url

__all__ = ["Fact", "ListName", "Promotion", "Wanted", "grown"]


@dataclass(frozen=True)
class ListName:
    """Which list a file is: `path` is relative to the workspace. `again` is the list of rejected works to look at again."""

    path: str
    kind: Kind = "yearly"
    year: int | None = None
    venue: str | None = None
    again: bool = False


@dataclass(frozen=True)
class Wanted:
    """A work that belongs on a list, and what its block should say."""

    work_id: str
    fields: BlockFields


@dataclass(frozen=True)
class Promotion:
    """A preprint that turned up at a venue: what its block may still say, and what it should say."""

    from_venue: str | None
    from_url: str | None
    venue: str | None
    year: int | None
    url: str | None


@dataclass(frozen=True)
class Fact:
    """What the warehouse knows about the work of a block.

    `decided_at` is when the decision was said (UTC); `home_year` is the year of the list a selected work stands in;
    `moved_from` are the lists it left with the person's agreement (0: the undated one). `withdrawn` says that a `selected`
    was taken back. `corrections` and `typed` are what the person said in so many words; `labelled_by_person` whether the Type
    shown is a person's; `shown` what the warehouse shows of the paper.
    """

    work_id: str
    decision: str | None = None
    decided_at: datetime | None = None
    year: int | None = None
    home_year: int | None = None
    withdrawn: bool = False
    moved_from: frozenset[int] = frozenset()
    corrections: Mapping[str, str | int] = field(default_factory=dict)
    typed: str | None = None
    labelled_by_person: bool = False
    shown: Mapping[str, str | int | None] = field(default_factory=dict)
    promotions: tuple[Promotion, ...] = ()


def grown(
    block: Block,
    fact: Fact | None,
    wanted: Wanted | None,
    listed: ListName,
    *,
    again: bool = False,
    held: frozenset[str] = frozenset(),
) -> Block | None:
    """The block as it should stand, or None when it goes.

    `again` says that an earlier block of the list tells of the same work; `held` are the fields on which file and warehouse
    differ until the person decides: there the file's words stay.
    """
    if listed.again:
        return None if wanted is None or again else checklist.rewritten(block, wanted.fields)
    if fact is not None and wanted is not None and not again and not held and _says_all(block, fact, wanted):
        return block
    ours = untouched(block, "yearly") and not ({"tick", "block"} & held)
    if fact is None:
        return None if ours else checklist.settled(block)
    if not {"tick", "block"} & held:
        if fact.decision == "rejected" or _has_moved(block, fact, listed):
            return None
        if ours:
            return None if wanted is None or again else checklist.rewritten(block, _holding(block, wanted.fields, held))
        block = _with_tick(block, fact, wanted)
    changes = {name: value for name, value in _changes(block, fact, listed).items() if name not in held}
    return checklist.settled(updated(block, changes) if changes else block)


def _says_all(block: Block, fact: Fact, wanted: Wanted) -> bool:
    """Whether an open proposal says what it should, whosever words they are: most blocks of most nights, told at once."""
    if block.ticked or fact.decision == "rejected" or fact.promotions or fact.corrections or fact.typed is not None:
        return False
    return say_same(block, wanted.fields)


def _has_moved(block: Block, fact: Fact, listed: ListName) -> bool:
    return block.ticked and listed.kind == "yearly" and fact.home_year != listed.year and (listed.year or 0) in fact.moved_from


def _holding(block: Block, fields: BlockFields, held: frozenset[str]) -> BlockFields:
    kept: dict[str, Any] = {name: getattr(block, name) for name in held if hasattr(fields, name)}
    return replace(fields, **kept) if kept else fields


def _with_tick(block: Block, fact: Fact, wanted: Wanted | None) -> Block:
    if wanted is not None and wanted.fields.ticked and not block.ticked:
        return checklist.ticked(block)
    if block.ticked and fact.decision != "selected" and (fact.withdrawn or fact.decision == "later"):
        return unticked(block)
    return block


def _changes(block: Block, fact: Fact, listed: ListName) -> dict[str, str | int | None]:
    """What the block must say otherwise: promotions that the person has not edited away, and the person's own words."""
    changes: dict[str, str | int | None] = {}
    for step in fact.promotions:
        if step.year != (block.year or listed.year):
            continue  # another year's list: not before the person agrees to the move
        url, venue = changes.get("url", block.url), changes.get("venue", block.venue)
        if step.url and url and canonical_url(str(url)) == canonical_url(step.from_url):
            changes["url"] = step.url
        if step.venue and venue and str(venue).casefold() == (step.from_venue or "").casefold():
            changes["venue"] = step.venue
    changes |= {name: value for name, value in fact.corrections.items() if getattr(block, name, None) is not None}
    if fact.typed is not None and listed.kind == "yearly":
        changes["type"] = fact.typed or None
    return {name: value for name, value in changes.items() if _says_other(block, name, value)}


def _says_other(block: Block, name: str, value: str | int | None) -> bool:
    """Whether a block says something else in one of the places where it says a field."""
    beside = {"title": block.heading, "url": block.link}.get(name)
    return getattr(block, name) != value or beside not in (None, value)
