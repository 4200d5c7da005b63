"""A number with the words beside it, and how those words are cut up.

The words to the left and to the right are plain strings of small letters with single blanks; another number with
a unit is "#", one without "0". All patterns work on these bounded strings, so a sentence takes linear time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from triage.claims.nouns import about, trains

__all__ = [
    "CHANGE", "PHRASE", "STOP", "Beside", "Direction", "Reading", "count_words", "last_verb", "phrase_at", "reading_of", "saved_metric",
    "speed_of",
]  # fmt: skip

Direction = Literal["up", "down", "kept"]


class Reading(NamedTuple):
    """A metric for each number of the group; `left` and `right` count the words the quote needs on each side."""

    metrics: tuple[str, ...]
    direction: Direction
    left: int
    right: int
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """A number with the words around it. `left` ends and `right` begins with what stands beside it.

    `link` is the preposition before it, `little` whether it is called little ("only", "less than"), `tuning`
    whether the paper is about adapting a model with few parameters; `skipped` words stand between `left` and the number;
    `bound`: the number is an upper bound ("under 3B"), which may just name a size class.
    """

    left: str
    link: str
    little: bool
    negative: bool
    right: str
    unit: str
    values: tuple[float, ...]
    tuning: bool
    skipped: int = 0
    bound: bool = False


_DOWN = (
    r"reduc\w*|decreas\w*|lower(?:s|ed|ing)|cut(?:s|ting)?|sav(?:e|es|ed|ing)|shrink\w*|shrunk|shorten\w*|compress(?:es|ed|ing)?|prun(?:e|es|ed|ing)"
    r"|remov\w*|drop(?:s|ped|ping)?|discard\w*|eliminat\w*|skip(?:s|ped|ping)?|minimi[sz]\w*|slash\w*|trim\w*|(?:less|fewer|smaller|lower)(?! than)"
)
_UP = r"improv\w*|increas\w*|boost\w*|enhanc\w*|rais(?:es|ed|ing)|higher|more(?! than)|gain(?:s|ed|ing)?"
_QUICK = r"accelerat\w*|speeds? ?up|sped up|speeding(?: \w+)? up|speedups?|faster|speed up"
_OTHER = r"outperform\w*|surpass\w*|exceed\w*|beat\w*|degrad\w*|achiev\w*|attain\w*|obtain\w*|yield\w*|reach\w*|maintain\w*"
r"|retain\w*|keep\w*|preserv\w*"
_USE = (
    r"us(?:e|es|ed|ing)|utili[sz]\w*|requir\w*|needs?|needing|with|add(?:s|ed|ing)?|introduc\w*|keep\w*|retain\w*|maintain\w*|contain\w*|consum\w*"
    r"|stor(?:e|es|ed|ing)|has|have|having|costs?|leverag\w*|access\w*|occup\w*|activat\w*|involv\w*|account\w*|via|preserv\w*|attend\w*|on|given"
)
_TUNE = (
    r"(?:fine ?|re)?tun(?:e|es|ed|ing)|finetun\w*|(?:re)?train(?:s|ed|ing)?|updat\w*|learn(?:s|ed|ing)?|optimi[sz]\w*|mask\w*|adapt(?:s|ed|ing)?"
    r"|modif\w*|distill\w*|adjust\w*|insert\w*"
)
_FREEZE = r"freez\w*|froz\w*"
_VERB = re.compile(
    rf"\b(?:(?P<quick>{_QUICK})|(?P<down>{_DOWN})|(?P<up>{_UP})|(?P<freeze>{_FREEZE})|(?P<tune>{_TUNE})|(?P<other>{_OTHER})|(?P<use>{_USE}))\b"
)
CHANGE = re.compile(rf"\b(?:(?P<quick>{_QUICK})|(?P<down>{_DOWN})|(?P<up>{_UP})|(?P<other>{_OTHER}))\b")
STOP = re.compile(
    r"(?:^| )(?:than|on|in|with|for|while|whilst|compared|comparing|when|and|without|at|to|by|via|over|using|from|but|as|across"
    r"|during|is|are|was|were"
    r"|that|which|where|or|relative|against|of|only|can|achiev\w*|outperform\w*|we|our|leading|thus|thereby|resulting|[.,;:()!?\[\]<>/]|#)(?: |$)"
)
PHRASE = 7
"""Words of a noun phrase that are looked at."""


def last_verb(text: str, verbs: re.Pattern[str] = _VERB) -> tuple[str, str, str] | None:
    """(kind, verb, words behind it) of the last verb, or comparative, in a text."""
    found = None
    for found in verbs.finditer(text):  # noqa: B007  the last one is meant
        pass
    return (str(found.lastgroup), found[0], text[found.end() :].strip()) if found else None


def phrase_at(text: str) -> str:
    """The noun phrase a text begins with."""
    stop = STOP.search(text)
    return " ".join((text[: stop.start()] if stop else text).split()[:PHRASE])


def count_words(text: str) -> int:
    return len(text.split())


def speed_of(around: str) -> str:
    return "training-cost" if trains(around) else "speedup"


def saved_metric(phrase: str) -> str | None:
    """The metric of a phrase about something that shrinks; a plain "time" is latency, or training when it says so."""
    metric = about(phrase)
    if metric == "speed":
        return None
    if metric is None and re.search(r"\btimes?\b", phrase):
        return "training-cost" if trains(phrase) else "latency"
    return metric


def reading_of(metric: str | None, direction: Direction, one: Beside, left: int, right: int) -> Reading | None:
    return Reading((metric,) * len(one.values), direction, left, right) if metric else None
