"""Quotes: whether the words a model gives as evidence stand in the text, and exactly where.

A model copies with small changes: other quotation marks, dashes and spaces, a ligature spelt out. Those are
undone on both sides before looking; anything else has to be there letter for letter.

    find_quote("A  token‑pruning method", "token-pruning method")    # (3, 23)
    missing_numbers("It keeps 20 % of the tokens", "keeps one fifth of the tokens")    # ["20"]
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

__all__ = ["Span", "find_quote", "folded", "has_number", "missing_numbers"]

LEAST_LETTERS = 3
"""Letters and digits a quote needs: "MoE" can be evidence, "a" can not."""

_QUOTES = frozenset("\"'`´‘’‚‛“”„‟′″«»＇＂")
_HYPHENS = frozenset("-‐‑‒–—―−﹘﹣－")
# what the fence of a prompt puts in place of characters that could make a tag (triage.prompts)
_FENCED = {"‹": "<", "›": ">", "⟦": "[", "⟧": "]"}


class Span(NamedTuple):
    """Characters `start` up to, not including, `end` of the original text."""

    start: int
    end: int


class _Folded(NamedTuple):
    text: str
    starts: Sequence[int]
    ends: Sequence[int]


# runs of ASCII that stand for themselves, with single spaces, apostrophes and hyphens; else one character
_RUNS = re.compile(r"(?:[!#-&(-,./0-9:-_a-~]+| (?! )|'(?!')|-(?!-))+|.", re.DOTALL)


def find_quote(text: str, quote: str) -> Span | None:
    """Where the words of `quote` first stand in `text`, as whole words; None when they do not, or are too few."""
    wanted = _fold(quote).text.strip(" '")
    if sum(1 for _ in islice(filter(str.isalnum, wanted), LEAST_LETTERS)) < LEAST_LETTERS:
        return None
    folded = _fold(text)
    at = folded.text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not (_within_word(folded.text, at) or _within_word(folded.text, end)):
            return Span(folded.starts[at], folded.ends[end - 1])
        at = folded.text.find(wanted, at + 1)
    return None


def folded(text: str) -> str:
    """The text as quotes are compared: without invisible characters, with one kind of space, quotation mark and hyphen."""
    return _fold(text).text


# the quotes of a reply are looked for in the same few texts of its paper, each quote in all of them, and a full text is long
@lru_cache(maxsize=8)
def _fold(text: str) -> _Folded:
    """The text to compare, and for each of its characters where it came from."""
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    last = ""
    for found in _RUNS.finditer(text):
        run, (start, end) = found[0], found.span()
        alone = end - start == 1
        for piece in _letters(run) if alone else (run,):
            begin = start
            # successive spaces, quotation marks (LaTeX ``) and hyphens (LaTeX --) count as one
            if piece[0] == last and last in " '-":
                ends[-1] = start + 1
                if alone:
                    continue
                begin += 1
            parts.append(run[begin - start :] if not alone else piece)
            last = piece[-1]
            starts.extend((start,) if alone else range(begin, end))
            ends.extend((end,) if alone else range(begin + 1, end + 1))
    return _Folded("".join(parts), starts, ends)


def _letters(original: str) -> str:
    if original in _QUOTES:
        return "'"
    if original in _HYPHENS:
        return "-"
    if original in _FENCED:
        return _FENCED[original]
    if original.isspace():
        return " "
    if original < "\x7f":
        return original
    if unicodedata.category(original) == "Cf" or _is_variation_selector(original):
        return ""
    return unicodedata.normalize("NFKC", original)


def _is_variation_selector(letter: str) -> bool:
    return "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"


def _within_word(text: str, at: int) -> bool:
    """True when a cut at `at` would go through a word; scripts without spaces have no such cuts."""
    if not 0 < at < len(text):
        return False
    before, behind = text[at - 1], text[at]
    return _spaced(before) and _spaced(behind)


def _spaced(letter: str) -> bool:
    # Latin, Greek and Cyrillic with their marks end at U+052F; Han, kana and Hangul begin later
    return letter.isalnum() and letter <= "\u052f"


_NUMBER = re.compile(r"\d{1,40}(?:[.,]\d{1,40})*|[A-Za-z]+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
# "one", "first" and "zero-shot" are no figures. A half is 0.5, 50 (percent) or a division by 2
_SPELLED: dict[str, tuple[str, ...]] = {
    "two": ("2",), "three": ("3",), "four": ("4",), "five": ("5",), "six": ("6",), "seven": ("7",), "eight": ("8",), "nine": ("9",),
    "ten": ("10",), "eleven": ("11",), "twelve": ("12",), "fifteen": ("15",), "twenty": ("20",), "thirty": ("30",), "forty": ("40",),
    "fifty": ("50",), "hundred": ("100",), "thousand": ("1000",), "dozen": ("12",), "twice": ("2",), "twofold": ("2",), "double": ("2",),
    "doubles": ("2",), "doubled": ("2",), "doubling": ("2",), "threefold": ("3",), "triple": ("3",), "triples": ("3",), "tripled": ("3",),
    "tenfold": ("10",), "half": ("0.5", "50", "2"), "halve": ("0.5", "50", "2"), "halves": ("0.5", "50", "2"),
    "halved": ("0.5", "50", "2"), "halving": ("0.5", "50", "2"), "quarter": ("0.25", "25"), "quarters": ("0.25", "25", "0.75", "75"),
}  # fmt: skip


def missing_numbers(text: str, source: str) -> list[str]:
    """The numbers in `text`, as written, that `source` does not have: "2", "2.0" and "two" are one number, 50 and "half" too.

    Digits count wherever they stand, in names too ("BLIP-2"); spelled numbers in English only. `source` is a paper in
    English, where "1,500" is a thousand and a half; in `text` it may also be one and a half.
    """
    there = {value for _, values in _numbers(source) for value in values}
    return [written for written, values in _numbers(text, comma=True) if not values & there]


def has_number(value: float, source: str) -> bool:
    """Whether `value` is one of the numbers of `source`."""
    return any(Decimal(str(value)) in values for _, values in _numbers(source))


def _numbers(text: str, *, comma: bool = False) -> Iterator[tuple[str, frozenset[Decimal]]]:
    """Each number as written, with the values it may mean; `comma`: that of thousands may be a decimal one."""
    for found in _NUMBER.finditer(unicodedata.normalize("NFKC", text)):
        written = found[0]
        pointed = _decimal(written.replace(",", ".", 1))
        if written[0].isalpha():
            if spelled := _SPELLED.get(written.casefold()):
                yield written, frozenset(map(Decimal, spelled))
        elif _THOUSANDS.fullmatch(written):
            yield written, frozenset({Decimal(written.replace(",", "")), *(pointed if comma else ())})
        elif pointed:
            yield written, frozenset(pointed)
        else:  # a version or a list: "1.2.3", "1,2,3"
            for part in re.split("[.,]", written):
                yield part, frozenset({Decimal(part)})


def _decimal(written: str) -> tuple[Decimal, ...]:
    return (Decimal(written),) if re.fullmatch(r"\d+(?:\.\d+)?", written) else ()
