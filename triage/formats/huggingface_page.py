"""Reading the text of a Hugging Face papers page, as it is copied from a browser.

Two forms. The search page with dates closes every paper with a footer:

    Title

    Abstract

      • 11 authors            or the organisation: huawei-noah HUAWEI Noah's Ark Lab
    ·
    Dec 27, 2023 1            the date, and upvotes when there are any

The other has nothing but titles and abstracts by turns, so what is what must be seen from the
paragraphs themselves. Both open with lines of navigation. Only arXiv papers are listed there; that is
the venue. Authors' count, organisation and upvotes are read past.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from triage.models import DocumentEntry, ParsedDocument, Record, Refusal, stable_id
from triage.text import clean_abstract, clean_line, title_key

__all__ = ["NAMES", "read", "recognises"]

NAMES = ("huggingface-page",)

_UNMISTAKABLE = frozenset(
    (
        "byak and the research community",
        "by ak and the research community",
        "get trending papers in your email inbox!",
        "get trending papers in your email inbox once a day!",
    )
)
_MASTHEAD = _UNMISTAKABLE | {"daily papers", "trending papers"}
"""Lines of the page's head (folded); they are navigation wherever they stand."""

_NAVIGATION = _MASTHEAD | frozenset(
    {
        "new", "subscribe", "daily", "weekly", "monthly", "ak", "by", "and the research community", "hugging face", "models",
        "datasets", "spaces", "buckets", "papers", "docs", "enterprise", "pricing", "log in", "sign up", "search papers",
        "submit", "previous", "next", "load more", "company", "tos", "privacy", "about", "careers", "website", "system theme",
        "view all papers",
    }
)  # fmt: skip
"""Lines of the menu and the page's foot (folded); navigation beside the masthead and at both ends of the page."""

_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
_MONTH = r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
_DAY = rf"(?P<month>{_MONTH}) (?P<day>[0-9]{{1,2}}), (?P<year>[0-9]{{4}})(?: [0-9.,]+k?)?"
_DATE = re.compile(_DAY, re.IGNORECASE)
_DOT_DATE = re.compile(rf"(?P<before>.{{0,120}}?)[ ]?[·•][ ]?{_DAY}", re.IGNORECASE)
_PAGE_DATE = re.compile(
    rf"{_MONTH} [0-9]{{1,2}}(?:, [0-9]{{4}})?|{_MONTH} [0-9]{{4}}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|w(?:eek )?[0-9]{{1,2}}", re.IGNORECASE
)
_AUTHORS = re.compile(r"(?:[•·*-] ?)?[0-9,]+ authors?", re.IGNORECASE)
_COUNT = re.compile(r"[0-9.,]{1,8}k?")
_DOTS = frozenset("·•")

_OPENING_LINES = 40
"""How far the masthead is looked for: the whole menu stands before it when all of a page is copied."""
_LONGEST_TITLE = 300
"""Characters. The longest of 6,280 venue titles has 189."""
_LONGEST_ORGANISATION = 120
_SURE_ABSTRACT = 200
"""Characters from which on a paragraph is no title's neighbour but an abstract: 1 of 6,280 is shorter."""

# a period behind a word of four letters or more: "vs. Transformers" is no end of a sentence, and titles do ask questions
_INNER_SENTENCE = re.compile(r"(?:[^\W\d_]{4}|[)\]])\. +[A-Z]|[。]")
_SMALL_WORD = re.compile(r"[a-z]+(?:[ ,]|\Z)")
_LISTED = re.compile(r"[-•*] |\(?[0-9ivx]{1,3}\) ")
_STRUCTURED = frozenset(
    {
        "abstract", "background", "introduction", "objective", "objectives", "purpose", "motivation", "method", "methods",
        "methodology", "approach", "materials and methods", "results", "findings", "conclusion", "conclusions", "discussion",
        "significance", "contributions", "keywords", "limitations", "note",
    }
)  # fmt: skip
"""Headings inside an abstract (folded, without colon); no paper is called so."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with text: its 1-based number, the text without outer blanks, whether a blank line stands before it."""

    number: int
    text: str
    after_blank: bool

    def is_one_of(self, folded: frozenset[str]) -> bool:
        return len(self.text) < 80 and clean_line(self.text).casefold() in folded


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """Lines that belong together; `line` is the 1-based number of the first."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class _Foot:
    """What closes a paper: lines `start` up to but not including `end`, and the day when it is one."""

    start: int
    end: int
    published: date | None


def recognises(text: str) -> bool:
    """True for a page with the site's masthead, or one that begins with a paper and its dated footer."""
    lines = _lines(text)
    opening = lines[:_OPENING_LINES]
    if any(line.text.startswith(("# ", "## ", "```", "- [", "> ")) for line in opening):
        return False
    heads = {line.text.casefold() for line in opening if line.is_one_of(_MASTHEAD)}
    if heads & _UNMISTAKABLE and (len(heads) > 1 or read(text).entries):
        return True
    lines = _without_navigation(lines)
    foot = next(_feet(lines), None)
    body = _paragraphs(lines[: foot.start]) if foot and foot.published else []
    return len(body) == 2 and _may_be_title(body[0].text) and len(body[1].text) >= _SURE_ABSTRACT


def read(text: str) -> ParsedDocument:
    """One entry a paper; a paragraph that cannot be paired is refused with its line.

    `published` is the day the page gives, and `year` its year; without a date neither is guessed.
    """
    lines = _without_navigation(_lines(text))
    entries: list[DocumentEntry] = []
    refused: list[Refusal] = []
    begin = 0
    for foot in (*_feet(lines), _Foot(len(lines), len(lines), None)):
        papers = _papers(_paragraphs(lines[begin : foot.start]), refused)
        dates = [None] * (len(papers) - 1) + [foot.published]
        entries += [_entry(title, abstract, day) for (title, abstract), day in zip(papers, dates, strict=False)]
        begin = foot.end
    return ParsedDocument(format=NAMES[0], entries=tuple(entries), refused=tuple(refused))


def _entry(title: _Paragraph, abstract: str, published: date | None) -> DocumentEntry:
    name = clean_line(title.text)
    record = Record(
        source="documents",
        # a title of signs alone has no key; its own letters then make one
        source_key=f"huggingface-page:{title_key(name) or stable_id('t', name)}",
        title=name,
        abstract=abstract,
        venue="arXiv",
        year=published.year if published else None,
        published=published,
    )
    return DocumentEntry(record=record, line=title.line)


def _lines(text: str) -> list[_Line]:
    found: list[_Line] = []
    after_blank = True
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        stripped = line.strip() if clean_line(line) else ""
        if stripped:
            found.append(_Line(number, stripped, after_blank))
        after_blank = not stripped
    return found


def _without_navigation(lines: Sequence[_Line]) -> list[_Line]:
    """The lines of papers: masthead lines go wherever they stand, the rest of the menu beside them and at both ends."""
    drop: set[int] = set()
    for place in (-1, *(n for n, line in enumerate(lines) if line.is_one_of(_MASTHEAD)), len(lines)):
        drop.add(place)
        before = place - 1
        while before >= 0 and before not in drop and lines[before].is_one_of(_NAVIGATION):
            drop.add(before)
            before -= 1
        after = place + 1
        while after < len(lines) and after not in drop and _heads(lines[after]):
            drop.add(after)
            after += 1
    return [line for n, line in enumerate(lines) if n not in drop]


def _heads(line: _Line) -> bool:
    return line.is_one_of(_NAVIGATION) or (len(line.text) < 20 and bool(_PAGE_DATE.fullmatch(line.text) or _COUNT.fullmatch(line.text)))


def _feet(lines: Sequence[_Line]) -> Iterator[_Foot]:
    begin = place = 0
    while place < len(lines):
        foot = _foot(lines, begin, place)
        place += 1
        if foot:
            yield foot
            begin = place = foot.end


def _foot(lines: Sequence[_Line], begin: int, place: int) -> _Foot | None:
    """The footer whose first or dotted line is `place`; nothing before `begin` belongs to it."""
    text = lines[place].text
    if len(text) > _LONGEST_ORGANISATION + 40:
        return None
    one = _DOT_DATE.fullmatch(text)
    if one and clean_line(one["before"]).strip("•·* "):
        return _Foot(place, _behind_count(lines, place + 1), _day(one))
    two = _DATE.fullmatch(lines[place + 1].text) if text in _DOTS and place + 1 < len(lines) else None
    if found := one or two:
        start = place - 1 if place - 1 >= begin + 2 and _is_organisation(lines[place - 1], lines[place]) else place
        return _Foot(start, _behind_count(lines, place + (1 if one else 2)), _day(found))
    return _authors_foot(lines, place) if _AUTHORS.fullmatch(text) else None


def _authors_foot(lines: Sequence[_Line], place: int) -> _Foot:
    """The footer that begins with "• 11 authors" at `place`, with or without dot and date."""
    end = place + 1
    dotted = end < len(lines) and lines[end].text in _DOTS
    end += dotted
    dated = (_DATE.fullmatch(lines[end].text) or _DOT_DATE.fullmatch(lines[end].text)) if end < len(lines) else None
    if dated:
        return _Foot(place, _behind_count(lines, end + 1), _day(dated))
    # what stands right behind the dot is no title, be it a date in other words ("2 days ago")
    other = dotted and end < len(lines) and not lines[end].after_blank and len(lines[end].text) < 40
    return _Foot(place, end + other, None)


def _behind_count(lines: Sequence[_Line], place: int) -> int:
    """Upvotes may stand on a line of their own, right under the date."""
    upvotes = place < len(lines) and not lines[place].after_blank and _COUNT.fullmatch(lines[place].text)
    return place + 1 if upvotes else place


def _is_organisation(line: _Line, dot: _Line) -> bool:
    """The line before the dot: authors' count or organisation, not the last line of an abstract."""
    if len(line.text) > _LONGEST_ORGANISATION:
        return False
    return not dot.after_blank or not line.text.endswith((".", "!", "?"))


def _day(found: re.Match[str]) -> date | None:
    try:
        return date(int(found["year"]), _MONTHS[found["month"][:3].lower()], int(found["day"]))
    except ValueError:
        return None


def _paragraphs(lines: Sequence[_Line]) -> list[_Paragraph]:
    """Lines between blank lines; where those are missing, a title over a long line still stands alone."""
    groups: list[list[_Line]] = []
    alone = False
    for place, line in enumerate(lines):
        below = lines[place + 1] if place + 1 < len(lines) else None
        heads = bool(below) and not below.after_blank and len(below.text) >= _SURE_ABSTRACT and _may_be_title(line.text) if below else False
        fresh = heads and (not groups or len(lines[place - 1].text) >= _SURE_ABSTRACT or lines[place - 1].text.endswith("."))
        if line.after_blank or not groups or fresh or alone:
            groups.append([line])
        else:
            groups[-1].append(line)
        alone = heads and groups[-1] == [line]
    return [_Paragraph(group[0].number, "\n".join(line.text for line in group)) for group in groups]


def _papers(paragraphs: Sequence[_Paragraph], refused: list[Refusal]) -> list[tuple[_Paragraph, str]]:
    """Titles with their abstracts; what pairs with nothing goes to `refused`."""
    papers: list[tuple[_Paragraph, list[str]]] = []
    place = 0
    while place < len(paragraphs):
        here = paragraphs[place]
        below = paragraphs[place + 1] if place + 1 < len(paragraphs) else None
        if below and (_pair(here.text, below.text) or (not papers and _may_be_first_pair(here.text, below.text))):
            papers.append((here, [below.text]))
            place += 1
        elif papers and not _may_be_title(here.text):
            papers[-1][1].append(here.text)
        else:
            reason = "a title without an abstract under it" if _may_be_title(here.text) else "text without a title above it"
            refused.append(Refusal(line=here.line, reason=reason, item=clean_line(here.text)[:_LONGEST_TITLE]))
        place += 1
    return [(title, clean_abstract("\n\n".join(parts))) for title, parts in papers]


def _pair(above: str, below: str) -> bool:
    # 1 of 6,280 titles begins with a plain small word; as the beginning of a wrapped line it is common
    return _may_be_title(above) and (len(below) >= _SURE_ABSTRACT if _SMALL_WORD.match(above) else _may_open_abstract(below))


def _may_be_first_pair(above: str, below: str) -> bool:
    """With nothing before it even an odd title is one, when it is short and what follows is long."""
    return len(above) <= _LONGEST_TITLE and len(below) >= max(_SURE_ABSTRACT, len(above)) and not _DATE.fullmatch(above)


def _may_be_title(text: str) -> bool:
    if len(text) > _LONGEST_TITLE or "://" in text or text.endswith((",", ";", ":")) or _LISTED.match(text):
        return False
    if _PAGE_DATE.fullmatch(text) or _DATE.fullmatch(text) or _COUNT.fullmatch(text) or text.casefold() in _STRUCTURED:
        return False
    return _in_title_case(text) or not (text.endswith((".", "。")) or _INNER_SENTENCE.search(text))


def _in_title_case(text: str) -> bool:
    words = [word for word in re.findall(r"[^\W\d_]+", text) if len(word) > 3]
    return len(words) > 1 and sum(word[0].isupper() for word in words) >= 0.6 * len(words)


def _may_open_abstract(text: str) -> bool:
    if len(text) >= _SURE_ABSTRACT:
        return True
    whole_sentence = text.endswith((".", "。")) or _INNER_SENTENCE.search(text) is not None
    return whole_sentence and not _in_title_case(text) and len(text.split()) > 3
