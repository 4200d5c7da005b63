"""Quotes: whether the words a model gives as evidence stand in the text, and exactly where.

A model copies with small changes: other quotation marks, dashes and spaces, a ligature spelt out. Those are
undone on both sides before looking; anything else has to be there letter for letter.

    find_quote("A  token‑pruning method", "token-pruning method")    # (3, 23)
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

__all__ = ["Span", "find_quote", "reads_as_order"]

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
