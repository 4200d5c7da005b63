"""Titles in the forms that identity compares; the SQL of a form stands beside its Python.

The *form* of a title is what it says without case, accents, markup and punctuation: words with one
space between them, and ` : ` where a subtitle, a bracket or a new sentence begins. Everything else
(exact key, core keys, number signature, words) is cut from the form, in SQL, for half a million titles
at once.

Python defines the form. SQL computes it for plain ASCII titles (99 of 100), ten times as fast; a test
holds the two together.
"""

from __future__ import annotations

import re
import unicodedata

from triage.text import plain

__all__ = ["PLAIN_TITLE", "SQL_SIGNATURE", "form_key", "sql_forms", "title_form"]

# What venues and preprint servers hang on a title and what is no part of its name: the same list as in
# `triage.text.title_key`, so that the key cut from a form is that key.
_SUFFIX = r"(?:\s*(?:[(\[](?:oral|poster|spotlight|highlight|extended abstract|student abstract|supplementary material|v\d+)[)\]]|\*))+\s*$"
_SUFFIX_PATTERN = re.compile(_SUFFIX, re.IGNORECASE)

# What bibliographic databases hang on a title behind a bracket, as Ovid and CENTRAL export it: "[see comment]",
# "[Review] [45 refs]", "[Erratum appears in Chest 1993;103(5):1640]", "(abstract)", "<ORIGINAL> the title in its own tongue".
# From the first such note to the end nothing is title. Not in `title_key`: that names records, and must stay.
_NOTE = (
    r"\s*(?:[(\[](?:(?:published )?errat(?:um|a)\b|see comments?\b|comments? in\b|retract(?:ed|ion) in\b|retracted[)\]]|republished\b|reprint(?:ed)? in\b"
    r"|summary for patients\b|review\]|\d+ refs?\b|abstract(?: no\b|[)\]]\s*$)|(?:panel|tutorial) session[)\]]\s*$|corrected[)\]]\s*$"
    r"|updat(?:ed?|es) (?:in|of)\b|original report\b)|<original>).*$"
)
_NOTE_PATTERN = re.compile(r"(?<=\S)" + _NOTE, re.IGNORECASE)

# Where a part of a title ends: colon, dash between spaces, long dash, bracket, end of a sentence.
_BREAK_PATTERN = re.compile(r"\s[-–]+\s|--+|[—:;?!()\[\]<>|]|\.\s")

PLAIN_TITLE = r"""[A-Za-z0-9 ,.:;()\[\]?!/'"-]*"""
"""Titles for which SQL computes the form: nothing in them needs Unicode, LaTeX or HTML."""


def title_form(title: str) -> str:
    """Words with one space between them, ` : ` between parts; empty when the title has no letter or digit."""
    text = _SUFFIX_PATTERN.sub("", _NOTE_PATTERN.sub("", plain(title)))
    folded = unicodedata.normalize("NFC", _unmarked(unicodedata.normalize("NFKD", text)).casefold())
    folded = re.sub(r"(\w\+*)\+(?=\w)", r"\1", folded)
    parted = _BREAK_PATTERN.sub(" : ", re.sub(r"['’‘`ʼ]", "", folded))
    words = re.sub(r"[^\w+:]|_|(?<![\w+])\+", " ", parted)
    return re.sub(r"\s*(?::\s*)+", " : ", " ".join(words.split())).strip(" :")


def _unmarked(text: str) -> str:
    # marks of every script: title_key drops them too, as they are no word characters
    return text if text.isascii() else "".join(c for c in text if unicodedata.category(c)[0] != "M")


def form_key(form: str) -> str:
    """The exact-match key of a form: `triage.text.title_key` of the title it was made of, without the notes of databases."""
    return form.replace(" ", "").replace(":", "")


def _quoted(pattern: str) -> str:
    return "'" + pattern.replace("'", "''") + "'"


def _replaced(text: str, pattern: str, by: str) -> str:
    return f"regexp_replace({text}, {_quoted(pattern)}, '{by}', 'g')"


def _where(then: str, *signs: str) -> str:
    """SQL: `then` for the titles that hold one of the `signs`, which are found in a tenth of the time of a pattern."""
    return f"CASE WHEN {' OR '.join(f'contains(title, {_quoted(sign)})' for sign in signs)} THEN {then} ELSE title END"


def _sql_steps() -> tuple[str, ...]:
    """SQL: what is done to `title`, one expression after the other. PLAIN_TITLE knows no white space but the blank."""
    told = f"regexp_replace(title, {_quoted('([^ ])' + _NOTE)}, '\\1', 'i')"
    bare = f"regexp_replace({told}, {_quoted(_SUFFIX)}, '', 'i')"
    return (
        f"lower({_where(bare, ')', ']')})",
        _where("replace(title, '''', '')", "'"),
        _where(_replaced("title", " -+ |--+|[.] ", " : "), "-", ". "),
        *(_where(f"replace(title, {_quoted(sign)}, ' ')", sign) for sign in '-,./"'),
        _replaced("title", r" *[:;?!()\[\]][ :;?!()\[\]]*", " : "),
        _where(_replaced("title", " {2,}", " "), "  "),
        "CASE WHEN starts_with(title, ' ') OR ends_with(title, ' ') THEN trim(title, ' :') ELSE title END",
    )


def sql_forms(source: str) -> str:
    """SQL: the rows of `source`, a table or a query in brackets, with the form in place of the column `title`.

    The same as `title_form`, for titles that match PLAIN_TITLE.
    """
    for step in _sql_steps():
        source = f"(SELECT * REPLACE ({step} AS title) FROM {source})"
    return source


# Roman numerals and number words say the same as digits. A single i, v or x is a numeral only behind a word
# that is counted; `one` is left out: it is mostly no number ("one-shot", "all in one").
_COUNTED = "part|phase|volume|vol|chapter|section|type|class|stage|level|grade|book|case|series|study|version|trial|act|group"
_NUMBERS = (
    (2, "ii|two|second"), (3, "iii|three|third"), (4, "iv|four|fourth"), (5, "five|fifth"), (6, "vi|six|sixth"), (7, "vii|seven"),
    (8, "viii|eight"), (9, "ix|nine"), (10, "ten"), (11, "xi|eleven"), (12, "xii|twelve"),
)  # fmt: skip
_SPELT_NUMBER = rf"\b(?:{'|'.join(words for _, words in _NUMBERS)})\b|\b(?:{_COUNTED}) [ivx]\b"


def _sql_signature() -> str:
    text = "form"
    for numeral, number in (("i", 1), ("v", 5), ("x", 10)):
        text = _replaced(text, rf"\b({_COUNTED}) {numeral}\b", rf"\1 {number}")
    for number, words in _NUMBERS:
        text = _replaced(text, rf"\b(?:{words})\b", str(number))
    found = "array_to_string(list_sort(list_distinct(regexp_extract_all({}, '[0-9]+|[+]+'))), ' ')"
    # most titles hold no number, and most of those that do only digits
    spelt = f"CASE WHEN regexp_matches(form, {_quoted(_SPELT_NUMBER)}) THEN {found.format(text)} ELSE {found.format('form')} END"
    return f"CASE WHEN regexp_matches(form, {_quoted('[0-9+]|' + _SPELT_NUMBER)}) THEN {spelt} ELSE '' END"


SQL_SIGNATURE = _sql_signature()
"""The number signature of a column named `form`: every number in it once, and pluses ("DETR++").

BLIP / BLIP-2, EgoVLP / EgoVLPv2, Part I / Part II differ in nothing else.
"""
