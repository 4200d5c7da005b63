"""Three versions of a list brought together: what was last there, what a person made of it, what the program would write.

Pure: blocks in, edits and clashes out. A block of the file is told to be one of the base by its text, else by the work
it names, its link or title, else by its place and likeness, so that it is found again also when title and link are edited.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from triage.formats.checklist import Block, Checklist, renumber
from triage.formats.checklist_model import say_same
from triage.text import canonical_url, title_key

__all__ = [
    "FIELDS",
    "TWICE",
    "Clash",
    "Edit",
    "Matching",
    "cut_off",
    "edits_of",
    "match",
    "parts_apart",
    "parts_of",
    "same_words",
    "vanished_suspiciously",
]

_Keys = Callable[[int, Block], Iterable[str]]

FIELDS = ("title", "url", "venue", "year", "abstract")
"""The fields of a block that tell of the paper; an edit of one is a correction of the record."""

TWICE = " ‖ "
"""Between the two values of a clash where a block's heading and tick line, or its link and tick line, say different things."""

_ALIKE = 60.0
"""Percent of likeness from which a block at the same place is an edited one and not another paper's."""


@dataclass(frozen=True)
class Edit:
    """A person changed one field of a block: what it said before, and what it says now ("" where it was emptied)."""

    field: str
    was: str | int | None
    now: str | int


@dataclass(frozen=True)
class Clash:
    """A field that was changed on both sides differently, or twice differently in the file."""

    field: str
    was: str | int | None
    in_file: str | int | None
    in_warehouse: str | int | None


# --- which block is which


@dataclass(frozen=True)
class Matching:
    """`pairs`: place in the base -> place in the file; `copies`: place in the file of a further block -> the base's place."""

    pairs: Mapping[int, int]
    copies: Mapping[int, int]


def match(base: Checklist, theirs: Checklist, base_works: Mapping[int, str], their_works: Mapping[int, str]) -> Matching:
    """Pair the blocks of the file with those of the base, one to one; blocks that cannot be read are left out."""
    old = {place: block for place, block in enumerate(base.blocks) if block.refusal is None}
    new = {place: block for place, block in enumerate(theirs.blocks) if block.refusal is None}
    pairs: dict[int, int] = {}
    _pair(pairs, old, new, lambda _, block: [block.text], lambda _, block: [block.text])
    _pair(pairs, old, new, lambda _, block: [_bare(block)], lambda _, block: [_bare(block)])
    _pair(pairs, old, new, lambda place, _: _known(base_works, place), lambda place, _: _known(their_works, place))
    _pair(pairs, old, new, lambda _, block: _names(block), lambda _, block: _names(block))
    _pair_alike(pairs, old, new, base_works, their_works)
    return Matching(pairs, dict(_copies(pairs, old, new, base_works, their_works)))


def _pair(pairs: dict[int, int], old: Mapping[int, Block], new: Mapping[int, Block], old_keys: _Keys, new_keys: _Keys) -> None:
    """Pair what is left and shares a key, in the order of the file."""
    taken = set(pairs.values())
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for place, block in old.items():
        if place not in pairs:
            for key in old_keys(place, block):
                waiting[key].append(place)
    for place, block in new.items():
        if place in taken:
            continue
        for key in new_keys(place, block):
            queue = waiting.get(key, deque())
            while queue and queue[0] in pairs:
                queue.popleft()
            if queue:
                pairs[queue.popleft()] = place
                break


def _bare(block: Block) -> str:
    """A block's own text without its number and what follows it."""
    return renumber([block.text[: len(block.text) - len(block.trailing)].rstrip()])[0]


def _known(works: Mapping[int, str], place: int) -> list[str]:
    return [works[place]] if place in works else []


def _names(block: Block) -> list[str]:
    names = [f"url {link}" for url in (block.url, block.link) if (link := canonical_url(url))]
    return [*names, *(f"title {key}" for title in (block.title, block.heading or "") if (key := title_key(title)))]


def _pair_alike(
    pairs: dict[int, int], old: Mapping[int, Block], new: Mapping[int, Block], base_works: Mapping[int, str], their_works: Mapping[int, str]
) -> None:
    """Pair what is left between the same neighbours and is alike, the likest first, unless they are known to be two papers."""
    back = {there: here for here, there in pairs.items()}
    gaps: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    before = -1
    for place in old:
        if place in pairs:
            before = place
        else:
            gaps[before][0].append(place)
    before = -1
    for place in new:
        if place in back:
            before = back[place]
        else:
            gaps[before][1].append(place)
    for ours, theirs in gaps.values():
        scored = sorted(
            (
                (_likeness(old[a], new[b]), -abs(n - m), -a, -b)
                for n, a in enumerate(ours[:50])
                for m, b in enumerate(theirs[:50])
                if base_works.get(a) == their_works.get(b) or a not in base_works or b not in their_works
            ),
            reverse=True,
        )
        for score, _, a, b in scored:
            if score >= _ALIKE and -a not in pairs and -b not in back:
                pairs[-a], back[-b] = -b, -a


def _likeness(one: Block, other: Block) -> float:
    """0..100: of the abstracts where both have one, else of everything the blocks say."""
    if one.abstract and other.abstract:
        return fuzz.ratio(one.abstract[:2000], other.abstract[:2000])
    return fuzz.ratio(_said(one), _said(other))


def _said(block: Block) -> str:
    return " ".join(str(part or "") for part in (block.title, block.url, block.venue, block.year, block.type))


def _copies(
    pairs: Mapping[int, int],
    old: Mapping[int, Block],
    new: Mapping[int, Block],
    base_works: Mapping[int, str],
    their_works: Mapping[int, str],
) -> Iterator[tuple[int, int]]:
    """Blocks of the file that tell of a paper which another block of it stands for already."""
    taken = set(pairs.values())
    by_work = {base_works[place]: place for place in reversed(pairs) if place in base_works}
    by_text = {_bare(old[place]): place for place in pairs} if len(taken) < len(new) else {}
    for place, block in new.items():
        if place in taken:
            continue
        work = their_works.get(place)
        if work in by_work:
            yield place, by_work[work]
        elif (bare := _bare(block)) in by_text:
            yield place, by_text[bare]


# --- what was edited


def same_words(base: Block, theirs: Block) -> bool:
    """Whether nothing of what two blocks say differs; where it stands and what stands round it may."""
    return base.heading == theirs.heading and base.link == theirs.link and say_same(base, theirs)


def edits_of(base: Block, theirs: Block, ours: Block | None, *, machine_type: bool) -> tuple[list[Edit], list[Clash]]:
    """What a person changed in one block, and where the program would change the same field differently.

    `ours` is what the program would write in place of the base, None when it would take the block out. `machine_type` says
    that the Type it would write is a machine's: a person's Type is stronger than that. A line that was deleted says nothing.
    """
    edits: list[Edit] = []
    clashes: list[Clash] = []
    for field in (*FIELDS, "type"):
        said = list(_changed(field, base, theirs))
        if not said:
            continue
        was, meanwhile = getattr(base, field), getattr(ours, field) if ours else getattr(base, field)
        if len(said) > 1:
            clashes.append(Clash(field, was, TWICE.join(map(str, said)), meanwhile))
        elif meanwhile not in (was, said[0]) and not (field == "type" and machine_type):
            clashes.append(Clash(field, was, said[0], meanwhile))
        else:
            edits.append(Edit(field, was, said[0]))
    return edits, clashes


def _changed(field: str, base: Block, theirs: Block) -> Iterator[str | int]:
    """The new values of a field; two where its two places in a block say different things."""
    values: list[str | int | None] = []
    if (now := getattr(theirs, field)) != getattr(base, field):
        values.append(now if now is not None or field != "type" else "")
    beside = {"title": "heading", "url": "link"}.get(field)
    if beside and (now := getattr(theirs, beside)) != getattr(base, beside):
        values.append(now)
    yield from dict.fromkeys(value for value in values if value is not None and (value != "" or field == "type"))


# --- whether a file that lacks blocks can be believed


def cut_off(base: Checklist, theirs: Checklist) -> str | None:
    """Whether the file ends in the middle of a block that was whole."""
    cut = bool(base.blocks and theirs.blocks) and base.blocks[-1].closed and not theirs.blocks[-1].closed
    return "the last block has no end: the file looks cut off" if cut else None


def vanished_suspiciously(total: int, gone: Sequence[int]) -> str | None:
    """Why blocks that are gone were perhaps not taken out by a person, or None when they plainly were.

    `gone` are their places, in order, among the `total` blocks that were there.
    """
    if not gone:
        return None
    if len(gone) == total:
        return f"none of {total} blocks is left"
    if len(gone) > max(3, total // 20):
        return f"{len(gone)} of {total} blocks are gone"
    if list(gone) == list(range(total - len(gone), total)):
        return f"the end is missing ({len(gone)} of {total} blocks): the file looks cut off"
    return None


_BLOCK_START = re.compile(r"^(?=##[^#])", re.MULTILINE)


def parts_of(text: str) -> Counter[str]:
    """The blocks of a list as they stand, numbers included, without taking them apart."""
    return Counter(part.rstrip() for part in _BLOCK_START.split(text))


def parts_apart(one: Counter[str], other: Counter[str]) -> int:
    """How many blocks two texts do not share. A person who takes out a block leaves the numbers of the others, so that the
    state it was taken from is nearer than one from before it was there."""
    return (one - other).total() + (other - one).total()
