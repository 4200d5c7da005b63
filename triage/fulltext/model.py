"""What a full text is: sections with their paragraphs, figures, and the parts of it that matter for a note."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from triage.text import clean_line

__all__ = ["MOST_CHARACTERS", "Figure", "FullText", "Passage"]

MOST_CHARACTERS = 400_000
"""Read of one paper; a long one with appendix has some 150,000."""
_PARTS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"introduction", re.IGNORECASE), 3_000),
    (re.compile(r"method|approach|propos|framework|architecture|overview|our |design|formulation|model", re.IGNORECASE), 4_500),
    (re.compile(r"experiment|evaluation|result|implementation|setup|benchmark", re.IGNORECASE), 3_000),
)
"""Headings that matter, in the order of a paper, each with its most characters."""
_CAPTIONS = 1_500
_UNNAMED = 9_000
_NEVER = re.compile(r"reference|bibliograph|acknowledg|appendi|supplement|related work|ethic|author contribution", re.IGNORECASE)
_OVERVIEW = re.compile(
    r"\b(?:overview|framework|architecture|pipeline|workflow|illustration of (?:our|the proposed)|our (?:method|approach|model)|proposed)\b",
    re.IGNORECASE,
)
_MENTION = re.compile(r"\bFig(?:ure|\.)?\s*(\d{1,2})\b", re.IGNORECASE)
_FIRST_FIGURES = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as the paper numbers it; `url` is a link to its image, None when there is none of the paper's own site."""

    number: int
    caption: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """One paragraph under the nearest heading above it ("" for none)."""

    heading: str
    text: str


@dataclass(frozen=True)
class FullText:
    """The readable text of a paper, in its order."""

    passages: tuple[Passage, ...]
    figures: tuple[Figure, ...] = ()

    @cached_property
    def parts(self) -> str:
        """What a note may quote, at most some 12,000 characters: beginning, method, experiments, captions of figures.

        Where no heading can be told, the beginning of the text.
        """
        chosen = [part for pattern, most in _PARTS if (part := self._under(pattern, most))]
        if not chosen:
            chosen = [_joined((one for one in self.passages if not _NEVER.search(one.heading)), _UNNAMED)]
        captions = _cut("\n".join(f"Figure {one.number}: {one.caption}" for one in self.figures), _CAPTIONS)
        return "\n\n".join(part for part in (*chosen, captions) if part)

    def _under(self, pattern: re.Pattern[str], most: int) -> str:
        named = [one for one in self.passages if pattern.search(one.heading) and not _NEVER.search(one.heading)]
        others = [earlier for earlier, _ in _PARTS if earlier is not pattern]
        # "Experimental results of our method" is an experiment: the last pattern that fits wins
        own = [one for one in named if not any(other.search(one.heading) for other in others[_PARTS_INDEX[pattern] :])]
        return _joined(own, most)

    @cached_property
    def overview(self) -> Figure | None:
        """The figure that shows the method: by its caption, else the first that the method mentions."""
        first = [one for one in self.figures if one.number <= _FIRST_FIGURES]
        for figure in first:
            if _OVERVIEW.search(figure.caption):
                return figure
        mentioned = (int(found[1]) for one in self.passages if _PARTS[1][0].search(one.heading) for found in _MENTION.finditer(one.text))
        numbers = {figure.number: figure for figure in first}
        return next((numbers[number] for number in mentioned if number in numbers), None)


_PARTS_INDEX = {pattern: place for place, (pattern, _) in enumerate(_PARTS)}


def _joined(passages: Iterable[Passage], most: int) -> str:
    """Paragraphs under their headings, up to `most` characters, the last one cut at a word."""
    lines: list[str] = []
    heading, room = None, most
    for one in passages:
        piece = f"{one.heading}\n{one.text}" if one.heading and one.heading != heading else one.text
        if room < len(piece):
            lines += [_cut(piece, room)] if room > 200 else []
            break
        lines.append(piece)
        heading, room = one.heading, room - len(piece) - 1
    return "\n".join(lines)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rpartition(" ")[0]


def bounded(pieces: Iterable[str], most: int) -> str:
    """The pieces as one clean line, as far as `most` characters go."""
    kept: list[str] = []
    room = most
    for piece in pieces:
        kept.append(piece[:room])
        room -= len(piece)
        if room <= 0:
            break
    return clean_line("".join(kept))


def in_order(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """Each number once, the first caption of it, by number."""
    first: dict[int, Figure] = {}
    for figure in figures:
        first.setdefault(figure.number, figure)
    return tuple(first[number] for number in sorted(first))
