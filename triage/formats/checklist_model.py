"""The nouns of a checkbox list: what one block says, a block as it stands in a file, the whole file."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

__all__ = ["Block", "BlockFields", "Checklist", "Kind", "say_same"]

Kind = Literal["yearly", "venue"]
"""A yearly list holds all venues of a year and has Type lines, a venue list has one venue and none."""

_OPTIONAL = ("url", "venue", "type", "why", "abstract")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockFields:
    """What one block of a list says.

    `title`, `venue`, `type` and `why` are one line, `abstract` may have several, `url` is an http(s)
    link; all cleaned by `triage.text`. An empty text is the same as None everywhere but in `title`.
    `venue` and `year` are the block's own lines, without what the list's heading says.
    """

    title: str
    url: str | None = None
    venue: str | None = None
    year: int | None = None
    type: str | None = None
    why: str | None = None
    ticked: bool = False
    abstract: str | None = None

    def __post_init__(self) -> None:
        if "" in (self.url, self.venue, self.type, self.why, self.abstract):
            for name in _OPTIONAL:
                if getattr(self, name) == "":
                    object.__setattr__(self, name, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(BlockFields):
    """One block as it stands in a file.

    `title`, `url` and `ticked` are the tick line's; where it lacks one, heading and Link line stand
    in. `heading` and `link` are what those two lines say themselves. `line` is the 1-based line the
    block starts on. `text` is every character from there to the next block, of which `trailing` is
    what follows the closing `---` (blank lines, a person's free text; `closed` says whether there is
    one). `remarks` are lines inside the
    block that are no part of the form, as they stand. `problems` names what is irregular, each with
    its line; `refusal` says why no paper can be read from the block, or None.
    """

    number: int | None
    heading: str | None
    link: str | None
    line: int
    text: str
    trailing: str = ""
    closed: bool = True
    remarks: str = ""
    problems: tuple[str, ...] = ()
    refusal: str | None = None

    @property
    def fields(self) -> BlockFields:
        """What the block says, apart from where and how it stands."""
        return BlockFields(
            title=self.title,
            url=self.url,
            venue=self.venue,
            year=self.year,
            type=self.type,
            why=self.why,
            ticked=self.ticked,
            abstract=self.abstract,
        )


_fields_of = attrgetter("title", "url", "venue", "year", "type", "why", "ticked", "abstract")


def say_same(one: BlockFields, other: BlockFields) -> bool:
    """Whether two blocks say the same, wherever and however they stand: `one.fields == other.fields` without making either."""
    return bool(_fields_of(one) == _fields_of(other))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """A list as it stands in a file: `preamble`, blocks and `tail` together are the file, exactly.

    `tail` is what follows the last block's `---`. `title` is the heading without its `#`, `venue`
    and `year` are what it says; None where there is no such heading. `problems` are the preamble's.
    """

    kind: Kind
    preamble: str
    blocks: tuple[Block, ...] = ()
    tail: str = ""
    title: str | None = None
    venue: str | None = None
    year: int | None = None
    problems: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The file, byte for byte what was parsed."""
        return self.preamble + "".join(block.text for block in self.blocks) + self.tail
