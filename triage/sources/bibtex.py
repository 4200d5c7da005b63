r"""Generated BibTeX, read line by line: an entry begins with `@Type{key,`, a field with its name at the start of a line.

PMLR prints abstracts as they came, so braces do not balance everywhere; line starts do hold. One pass, no
recursion. LaTeX is undone in names and titles only, as they are shown; mathematics and abstracts stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from triage.text import clean_line, clean_name, plain

__all__ = ["BibEntry", "bibtex_names", "read_bibtex"]

_ENTRY = re.compile(r"^[ \t]*@(\w+)[ \t]*\{[ \t]*([^\s,{}]+)[ \t]*,", re.MULTILINE)
# names that occur, so that a line of an abstract ("K = 3 ...") is none
_FIELD = re.compile(
    r"^[ \t]*(abstract|address|author|booktitle|doi|editor|eprint|issn|isbn|journal|keywords|month|note|number|openreview|pages|pdf"
    r"|publisher|series|software|supplementary|supp|title|url|video|volume|year)[ \t]*=[ \t]*(?=[{\"\d])",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True)
class BibEntry:
    """One entry: `fields` by lower-case name, values without their delimiters. `whole` is False where it stops in the middle."""

    kind: str
    key: str
    fields: dict[str, str]
    whole: bool

    @property
    def title(self) -> str:
        """The title without the braces that keep capitals; mathematics stays as written."""
        parts = re.split(r"(\$[^$]*\$)", clean_line(self.fields.get("title", "")))
        return unicodedata.normalize("NFC", clean_line("".join(part if place % 2 else _shown(part) for place, part in enumerate(parts))))

    @property
    def authors(self) -> tuple[str, ...]:
        """Names in order, accents undone: "Smith, Ann and Li, Bo", where a comma never divides two people."""
        return bibtex_names(unicodedata.normalize("NFC", plain(self.fields.get("author", ""))))


def bibtex_names(text: str) -> tuple[str, ...]:
    """The people in "Smith, Ann and Li, Bo and others", in order; the others have no name."""
    people = (clean_name(person) for person in re.split(r"\s+and\s+", clean_line(text)))
    return tuple(name for name in people if name and name.casefold() != "others")


def _shown(text: str) -> str:
    """LaTeX undone, with the blanks at both ends that belong to the text around it."""
    before, after = text[:1].isspace(), text[-1:].isspace()
    return f"{' ' if before else ''}{plain(text)}{' ' if after else ''}"


def read_bibtex(text: str) -> Iterator[BibEntry]:
    """The entries in order. A stray carriage return inside a text is white space; a text without entries yields none."""
    text = re.sub(r"\r\n?", lambda found: "\n" if found[0] == "\r\n" else " ", text)
    starts = list(_ENTRY.finditer(text))
    for place, start in enumerate(starts):
        end = starts[place + 1].start() if place + 1 < len(starts) else len(text)
        body = text[start.end() : end].rstrip()
        fields, whole = _fields(body)
        yield BibEntry(start[1].lower(), start[2], fields, whole)


def _fields(body: str) -> tuple[dict[str, str], bool]:
    whole = body.endswith("}")
    body = body[:-1] if whole else body
    starts = list(_FIELD.finditer(body))
    fields: dict[str, str] = {}
    for place, start in enumerate(starts):
        end = starts[place + 1].start() if place + 1 < len(starts) else len(body)
        value = body[start.end() : end].strip().removesuffix(",").rstrip()
        closed = len(value) > 1 and value[0] + value[-1] in {"{}", '""'}
        whole = whole and (closed or value.isdigit())
        fields.setdefault(start[1].lower(), value[1:-1].strip() if closed else value.lstrip('{"').strip())
    return fields, whole
