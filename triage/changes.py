"""What changed between two versions of the lists, paper by paper: pure, from texts alone.

    for change in changes({"lists/2023.md": before}, {"lists/2023.md": after}):
        change.kind, change.title, change.fields

A block is the same paper as another when both have the same link, else the same title, first in the same file, then in
any: a paper that stands in another list now has moved.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from triage.formats import checklist
from triage.formats.checklist import Block
from triage.text import canonical_url, clean_line, is_preprint, title_key

__all__ = ["KINDS", "Change", "Field", "body", "changes", "in_order", "subject"]

Kind = Literal[
    "proposed", "promoted", "re-labelled", "moved", "selected", "unselected", "added", "rejected", "withdrawn", "removed", "edited", "reworded"
]  # fmt: skip

KINDS: dict[Kind, str] = {
    "proposed": "new: the machine proposes it",
    "promoted": "a preprint that is published now",
    "re-labelled": "its Type is another one",
    "moved": "it stands in another list now",
    "selected": "ticked",
    "unselected": "its tick was taken back",
    "added": "new in the list, neither ticked nor proposed by the machine",
    "rejected": "you said no",
    "withdrawn": "no proposal any more",
    "removed": "gone from the list",
    "edited": "title, venue, year, link or abstract were corrected",
    "reworded": "only the reason of the proposal reads otherwise",
}
"""Every kind of change in the order in which a person reads them, with what it means."""

_FIELDS = ("title", "url", "venue", "year", "type", "why", "abstract")
_SUBJECT = 100  # characters; git's own tools cut longer subjects


@dataclass(frozen=True)
class Field:
    """One line of a block that reads otherwise: `before` or `after` is None where the line was not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """One paper that changed. `path` is the list it stands in (or stood in, when it is gone), `was` the list it came from."""

    kind: Kind
    path: str
    title: str
    url: str | None
    venue: str | None
    year: int | None
    type: str | None
    why: str | None
    fields: tuple[Field, ...] = ()
    was: str | None = None


@dataclass(frozen=True)
class _Standing:
    path: str
    block: Block

    @property
    def keys(self) -> tuple[str, str]:
        return canonical_url(self.block.url) or "", title_key(self.block.title) or self.block.title


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """The papers that changed between two sets of lists (file name -> text), in the order of `KINDS`, then of the lists."""
    old, new = list(_standing(before)), list(_standing(after))
    pairs = _pairs(old, new)
    found = [change for left, right in pairs if (change := _change(left, right))]
    return in_order(found)


def in_order(found: Iterable[Change]) -> list[Change]:
    """Changes in the order in which a person reads them; those of one kind stay as they are."""
    order = list(KINDS)
    return sorted(found, key=lambda change: order.index(change.kind))


def _standing(texts: Mapping[str, str]) -> Iterator[_Standing]:
    for path in sorted(texts):
        for block in checklist.parse(texts[path]).blocks:
            if block.refusal is None and block.title:
                yield _Standing(path, block)


def _pairs(old: Sequence[_Standing], new: Sequence[_Standing]) -> list[tuple[_Standing | None, _Standing | None]]:
    """Every block of both sides once, together with its counterpart; those of `new` first, in their order."""
    free: dict[int, None] = dict.fromkeys(range(len(old)))
    partner: dict[int, int] = {}
    for key_of in (lambda s: (s.path, s.keys[0]), lambda s: (s.path, s.keys[1]), lambda s: ("", s.keys[0]), lambda s: ("", s.keys[1])):
        waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place in free:
            if key_of(old[place])[1]:
                waiting[key_of(old[place])].append(place)
        for place, one in enumerate(new):
            if place not in partner and (there := waiting.get(key_of(one))):
                partner[place] = there.pop(0)
                del free[partner[place]]
    together: list[tuple[_Standing | None, _Standing | None]] = [
        (old[partner[place]] if place in partner else None, one) for place, one in enumerate(new)
    ]
    return together + [(old[place], None) for place in free]


def _change(left: _Standing | None, right: _Standing | None) -> Change | None:
    if right is None:
        return None if left is None else _told(left, "withdrawn" if left.block.why and not left.block.ticked else "removed")
    if left is None:
        return _told(right, "selected" if right.block.ticked else "proposed" if right.block.why else "added")
    fields = tuple(_fields(left.block, right.block))
    kind = _kind(left, right, {field.name for field in fields})
    return kind and _told(right, kind, fields, left.path if left.path != right.path else None)


def _told(one: _Standing, kind: Kind, fields: tuple[Field, ...] = (), was: str | None = None) -> Change:
    block = one.block
    return Change(kind, one.path, block.title, block.url, block.venue, block.year, block.type, block.why, fields, was)


def _fields(left: Block, right: Block) -> Iterator[Field]:
    for name in _FIELDS:
        before, after = (None if (value := getattr(block, name)) is None else str(value) for block in (left, right))
        if before != after:
            yield Field(name, before, after)


def _kind(left: _Standing, right: _Standing, named: set[str]) -> Kind | None:
    """The most telling of what changed in a paper that both versions have."""
    if left.block.ticked != right.block.ticked:
        return "selected" if right.block.ticked else "unselected"
    if left.path != right.path:
        return "moved"
    if "venue" in named and is_preprint(left.block.venue) and not is_preprint(right.block.venue):
        return "promoted"
    if "type" in named:
        return "re-labelled"
    return "edited" if named - {"why"} else "reworded" if named else None


# --- in words


def subject(found: Iterable[Change], *, other: str = "lists and notes") -> str:
    """One line: "3 proposed, 1 promoted to CVPR, 2 re-labelled"; `other` when no paper of a list changed."""
    counts: Counter[str] = Counter()
    for change in found:
        if change.kind == "promoted":
            counts[f"promoted to {clean_line(change.venue or '')[:30]}"] += 1
        elif change.kind != "reworded":
            counts[change.kind] += 1
    line = ", ".join(f"{count} {name}" for name, count in counts.items())
    return (line if len(line) <= _SUBJECT else line[: _SUBJECT - 1] + "…") or other


def body(found: Iterable[Change]) -> str:
    """The same as a list a person can read, one paper a line under the kind of its change; no line can be taken for a trailer."""
    lines: list[str] = []
    kind = None
    for change in found:
        if change.kind == "reworded":
            continue
        if change.kind != kind:
            kind = change.kind
            lines += ["", f"{kind} ({KINDS[kind]})"] if lines else [f"{kind} ({KINDS[kind]})"]
        lines.append(f"- {_said(change)}")
    return "\n".join(lines)


def _said(change: Change) -> str:
    place = " ".join(str(part) for part in (change.venue, change.year) if part)
    parts = [clean_line(change.title)[:200] + (f" ({clean_line(place)[:60]})" if place else "")]
    if change.kind in {"proposed", "selected"} and change.type:
        parts.append(clean_line(change.type)[:100])
    if change.kind in {"promoted", "re-labelled", "edited"}:
        parts += [f"{f.name}: {_short(f.before)} -> {_short(f.after)}" for f in change.fields if f.name not in {"why", "abstract"}]
    if change.kind == "moved":
        parts.append(f"from {change.was} to {change.path}")
    return "; ".join(parts)


def _short(text: str | None) -> str:
    return "nothing" if text is None else clean_line(text)[:100]
