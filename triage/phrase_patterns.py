"""Phrases of `triage.phrases` as one regular expression for DuckDB, to leave out at once what none of them can meet.

    SELECT work_id FROM store.work WHERE regexp_matches(lower(title), $pattern) OR regexp_matches(title, $unusual)

RE2 reads all texts of a year's venues in a quarter of a second, which is less than cutting them into words takes. The
expression may match a text that no phrase meets, and never the other way round: it knows neither the ends of
sentences nor which number is a factor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from triage.phrases import NUMBERS, variants

__all__ = ["LONGEST", "UNUSUAL", "pattern"]

UNUSUAL = r"[^\x00-\x7F\xA0-\xA9\xAB-\xB1\xB4\xB6-\xB8\xBB\xBF\xD7\xF7\x{2010}-\x{2027}\x{2030}-\x{205E}\x{2190}-\x{22FF}]|\\times[A-Za-z]"
"""Texts (not lower-cased) for which `pattern` does not hold: those with letters or digits outside ASCII, which may be
part of a word or stand for other letters (ligatures), and with LaTeX that runs into a word.

Signs that are neither letters nor digits are common in abstracts and no reason: of Latin-1 those, general punctuation,
arrows and mathematical operators.
"""

# one sign that is no letter begins what parts two words; numbers may stand close to either side ("30fps")
_BETWEEN_WORDS = "[^a-z0-9][^a-z]*"
_BESIDE_NUMBER = "[^a-z]*"
_NUMBER = "(?:x[^a-z]*)?[0-9][^a-z]*(?:x|times)?"
_NOTHING = "[^\\x00-\\x{10FFFF}]"
LONGEST = 16_000
"""Characters of the longest expression: from about 22,000 on (measured, some 220 phrases) the states RE2 goes through no
longer fit into its memory, and it becomes a hundred times slower."""


def pattern(phrases: Iterable[str]) -> str:
    """An RE2 expression that matches every lower-cased text (but see UNUSUAL) that one of the phrases meets.

    Of so many phrases that it would be longer than LONGEST, one that matches every text. Raises PhraseError when a
    phrase does not follow the language.
    """
    written = (_sequence(variant) for phrase in phrases for variant in variants(phrase))
    expression = "|".join(dict.fromkeys(one for one in written if one))
    return (expression or _NOTHING) if len(expression) <= LONGEST else ""


def _sequence(variant: list[tuple[str, int]]) -> str | None:
    """One variant; None where a word of it has letters that only unusual texts have."""
    expression = ""
    worded = True
    for number, (slot, gap) in enumerate(variant):
        words = [word.lower() for word in slot.split("|") if word.isascii()]
        if not words:
            return None
        # a word by itself has a sign on either side; of `*word` and of numbers that is not known
        begins = all(word[0].isalpha() for word in words)
        if number:
            expression += _BETWEEN_WORDS if worded and begins and not gap else _BESIDE_NUMBER
            expression += f"(?:[a-z][a-z0-9]*[^a-z]+){{0,{gap}}}" if gap else ""
        elif begins:
            expression += "(?:^|[^a-z])"
        expression += "(?:" + "|".join(map(_word, words)) + ")"
        worded = begins
    return expression + ("(?:$|[^a-z0-9])" if worded else "")


def _word(word: str) -> str:
    if word in NUMBERS:
        return _NUMBER
    core = re.escape(word.strip("*"))
    if core[0].isdigit():
        core += f"{_BESIDE_NUMBER}(?:x|times)?"
    return ("[a-z0-9]*" if word.startswith("*") else "") + core + ("[a-z0-9]*" if word.endswith("*") else "")
