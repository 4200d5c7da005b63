"""Quotes: whether the words a model gives as evidence stand in the text, and exactly where.

A model copies with small changes: other quotation marks, dashes and spaces, a ligature spelt out. Those are
undone on both sides before looking; anything else has to be there letter for letter.

    find_quote("A  token‑pruning method", "token-pruning method")    # (3, 23)
    missing_numbers("It keeps 20 % of the tokens", "keeps one fifth of the tokens")    # ["20"]
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

__all__ = ["Span", "find_quote", "has_number", "missing_numbers", "reads_as_order", "speaks_of_decisions"]

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
    starts: list[int]
    ends: list[int]


def find_quote(text: str, quote: str) -> Span | None:
    """Where the words of `quote` first stand in `text`, as whole words; None when they do not, or are too few."""
    wanted = _fold(quote).text.strip(" '")
    if sum(c.isalnum() for c in wanted) < LEAST_LETTERS:
        return None
    folded = _fold(text)
    at = folded.text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not (_within_word(folded.text, at) or _within_word(folded.text, end)):
            return Span(folded.starts[at], folded.ends[end - 1])
        at = folded.text.find(wanted, at + 1)
    return None


def _fold(text: str) -> _Folded:
    """The text to compare, and for each of its characters where it came from."""
    letters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for place, original in enumerate(text):
        for letter in _letters(original):
            # runs of white space, of quotation marks (LaTeX ``) and of hyphens (LaTeX --) count as one
            if letters and letter == letters[-1] and letter in " '-":
                ends[-1] = place + 1
                continue
            letters.append(letter)
            starts.append(place)
            ends.append(place + 1)
    return _Folded("".join(letters), starts, ends)


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


_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,60}\b(?:above|previous|prior|earlier|instructions?|rules?|prompts?|guidelines)\b"
    r"|\b(?:system|assistant|user|developer|human)\s*:"
    r"|\b(?:you|the (?:model|assistant|annotator|reviewer)) (?:must|should|shall|have to|are (?:now|required|instructed))\b"
    r"|\b(?:mark|label|tag|classify|select|accept|rate|score) (?:this|it|the|that) (?:paper|work|article|submission)\b"
    r"|\b(?:mark|tag|label|classify|rate) (?:this|it) (?:as|with)\b"
    r"|\b(?:reply|respond|answer|output|return) (?:only|with|exactly|using)\b"
    r"|[\"'](?:label|labels|work_id|relevant|relevance|confidence|quote|proposed|role|content)[\"']\s*:"
    r"|\buntrusted-|<\|",
    re.IGNORECASE | re.DOTALL,
)


def reads_as_order(quote: str) -> bool:
    """True for words that speak to whoever reads the paper instead of about it.

    A label that rests on such words is a label the text asked for. It may also catch an innocent sentence;
    that costs one label which the rules can still give.
    """
    return bool(_ORDERS.search(_fold(quote).text))


_DECISIONS = re.compile(
    r"\b(?:select|approv|accept|reject|tick|choos|confirm|recommend|whitelist|shortlist)\w* (?:by|for|as|on|onto|to|in) (?:an? |the |this |your |my |our )*"
    r"(?:humans?|persons?|people|curators?|readers?|users?|editors?|annotators?|admin\w*|reading list|lists?)\b"
    r"|\b(?:mark|tick|flag|label|set|count|list)\w* (?:it |this |the paper )?as (?:an? |the )?(?:selected|approved|accepted|rejected|chosen|human|done|read)\b"
    r"|\b(?:written|labell?ed|decided|checked|reviewed) by (?:an? |the |this )?(?:human|person|curator|annotator|editor)\b"
    r"|\bdecision\s*[:=]|\bas an? (?:AI|language model|assistant)\b|\[[ xX✓✔]\]",
    re.IGNORECASE,
)


def speaks_of_decisions(text: str) -> bool:
    """True for words that speak as if somebody had decided something about the paper, or were somebody.

    Like `reads_as_order` it may catch an innocent line; that costs one line which the extracted note still has.
    """
    return bool(_DECISIONS.search(_fold(text).text))


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

    Digits count wherever they stand, in names too ("BLIP-2"); spelled numbers in English only.
    """
    there = {value for _, values in _numbers(source) for value in values}
    return [written for written, values in _numbers(text) if not values & there]


def has_number(value: float, source: str) -> bool:
    """Whether `value` is one of the numbers of `source`."""
    return any(Decimal(str(value)) in values for _, values in _numbers(source))


def _numbers(text: str) -> Iterator[tuple[str, frozenset[Decimal]]]:
    """Each number as written, with the values it may mean: "1,000" is a thousand, "1,5" may be one and a half."""
    for found in _NUMBER.finditer(unicodedata.normalize("NFKC", text)):
        written = found[0]
        if written[0].isalpha():
            if spelled := _SPELLED.get(written.casefold()):
                yield written, frozenset(map(Decimal, spelled))
        elif _THOUSANDS.fullmatch(written):
            yield written, frozenset({Decimal(written.replace(",", "")), *_decimal(written.replace(",", ".", 1))})
        elif values := _decimal(written.replace(",", ".", 1)):
            yield written, frozenset(values)
        else:  # a version or a list: "1.2.3", "1,2,3"
            for part in re.split("[.,]", written):
                yield part, frozenset({Decimal(part)})


def _decimal(written: str) -> tuple[Decimal, ...]:
    return (Decimal(written),) if re.fullmatch(r"\d+(?:\.\d+)?", written) else ()
