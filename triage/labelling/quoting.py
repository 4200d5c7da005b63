"""Evidence a person can judge: the clause around the words that made a label, exactly as it stands.

"Distillation" alone says little; "we distill a large teacher into a compact student" says it all. The
abstract is preferred to the title, which the reader has before their eyes anyway.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from triage.labelling import Paper
from triage.models import Evidence, Label

__all__ = ["quoted"]

LONGEST_QUOTE = 110
"""Characters: one line of a list, with score and labels beside it."""

_ENDS = re.compile(r"(?<=[.!?;:])\s+|\n{2,}")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class _Span:
    start: int
    end: int


def quoted(paper: Paper, label: Label) -> Label:
    """The label with a telling quote as its first evidence; unchanged when it has no evidence."""
    if not label.evidence:
        return label
    best = next((e for e in label.evidence if e.field == "abstract"), label.evidence[0])
    text = paper.abstract if best.field == "abstract" and paper.abstract else paper.title
    span = _clause(text, best.start, best.end)
    wider = Evidence(field=best.field, start=span.start, end=span.end, quote=text[span.start : span.end], cue=best.cue)
    return label.model_copy(update={"evidence": (wider, *(e for e in label.evidence if e is not best))})


def _clause(text: str, start: int, end: int) -> _Span:
    """The sentence round text[start:end], or as much of it at whole words as a line holds."""
    left = max((found.end() for found in _ENDS.finditer(text, 0, start)), default=0)
    after = _ENDS.search(text, end)
    right = after.start() if after else len(text.rstrip())
    if right - left <= LONGEST_QUOTE:
        return _Span(left, max(right, end))
    room = max(0, LONGEST_QUOTE - (end - start))
    # a verb stands before what it acts on as often as behind: a third of the room goes to the left
    window_left, window_right = max(left, start - room // 3), min(right, end + room - min(start - left, room // 3))
    return _Span(_word_start(text, window_left, left, start), _word_end(text, window_right, right, end))


def _word_start(text: str, place: int, least: int, most: int) -> int:
    if place == least:
        return place
    found = _SPACE.search(text, place, most)
    return found.end() if found else most


def _word_end(text: str, place: int, most: int, least: int) -> int:
    if place >= most:
        return most
    spaces = [found.start() for found in _SPACE.finditer(text, least, place + 1)]
    return spaces[-1] if spaces else least
