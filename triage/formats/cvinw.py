r"""Reading notes in the CVinW form: one numbered heading a paper, bullets under fixed section names.

    N. Title_VENUEYY

      - Motivation
        - bullet
          - deeper bullet
      - Evaluation: the section's own text
      - Link: https://...
      > machine: lexical

That is the form we write. A person's file has `•` for `-`, no link, remarks behind a section's name
("Method (See Figure 2)"), names of images and whatever else between the papers. `parse` keeps every
character of it; `read` takes from it what the program knows about; `render` writes our form, and
`parse` gives back exactly what was rendered.

Where `Title_VENUEYY` cannot say what is meant (no venue or year, a venue with spaces, a title whose
end would be read as another venue), the heading is the title alone and `- Venue:` and `- Year:` lines
say it; a backslash behind such a title keeps its end from being read as venue and year. HTML tags are
escaped as in the checkbox lists (`triage.formats.escaping`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from triage.formats.cvinw_model import NotesBlock, NotesDocument, PaperNote, split_section
from triage.formats.escaping import escape_line, unescape_line
from triage.models import Bullet, DocumentEntry, ParsedDocument, Record, Refusal, Section, stable_id
from triage.text import clean_line, clean_url, identifiers_in_url, title_key, venue_key

__all__ = ["NAMES", "NotesBlock", "NotesDocument", "PaperNote", "parse", "read", "recognises", "record_of", "render", "render_note"]

NAMES = ("notes",)

_NUMBERED = re.compile(r"([0-9]{1,6})\.[ \t\xa0]+(\S.*)", re.DOTALL)
# no `_` inside, so a heading's last underscore is always the one that divides; one letter is no venue
_VENUE_YEAR = re.compile(r"([A-Za-z][A-Za-z&+@/.-]+)[ '’]?([0-9]{4}|[0-9]{2})")
_BROKEN_END = re.compile(r"_[A-Za-z0-9'’]{2,15}\Z")
# typographic bullets need no blank behind them, the signs that are also punctuation do
_BULLET = re.compile(r"([ \t\xa0]*)(?:[•◦▪‣●○∙]|[-*+·–](?=[ \t\xa0]|\Z))(.*)", re.DOTALL)
_FIELD = re.compile(r"(link|venue|year):(?: (.*))?", re.IGNORECASE)
_MACHINE = re.compile(r"\s*> machine:(.*)", re.DOTALL)
_TITLE_LIKE_HEADING = re.compile(r"\A([0-9]{1,6})(\\*)\.(?=\s|\Z)")

_VENUES = {"arxiv": "arXiv", "neurips": "NeurIPS", "neruips": "NeurIPS", "nuerips": "NeurIPS", "neuips": "NeurIPS", "nerips": "NeurIPS"}
"""Venues as they are written properly, by the folded form; with the slips of the pen found in notes."""


def recognises(text: str) -> bool:
    """True when at least one paper stands there with venue and year and something noted under it."""
    if not re.search(r"^\ufeff?[0-9]{1,6}\.[ \t\xa0]", text, re.MULTILINE):
        return False
    return any(block.dated and block.note and (block.note.bullets or block.note.url) for block in parse(text).blocks)


def read(text: str) -> ParsedDocument:
    """Every paper's record and bullets; a heading that names no paper is refused with its line.

    Bullets of a block with a `> machine:` line are that producer's, not a person's: the entry says so.
    """
    document = parse(text)
    entries = tuple(_entry(block, block.note) for block in document.blocks if block.note)
    refused = tuple(
        Refusal(line=block.line, reason=block.refusal, item=clean_line(block.text.partition("\n")[0])[:200])
        for block in document.blocks
        if block.refusal
    )
    return ParsedDocument(format="notes", entries=entries, refused=refused, list_title=document.title or None)


def _entry(block: NotesBlock, note: PaperNote) -> DocumentEntry:
    return DocumentEntry(record=record_of(note), line=block.line, bullets=note.bullets, producer=note.producer)


def record_of(note: PaperNote) -> Record:
    """What a note says about its paper."""
    when = "" if note.year is None else str(note.year)
    # a title of punctuation alone has no key; its own letters then make one
    key = title_key(note.title) or stable_id("t", note.title)
    return Record(
        source="documents",
        source_key=f"notes:{key}_{venue_key(note.venue)}{when}",
        title=note.title,
        url=note.url,
        venue=note.venue,
        year=note.year,
        identifiers=identifiers_in_url(note.url),
    )


def parse(text: str) -> NotesDocument:
    """The document in blocks whose texts, joined, are `text`; total: any text has such blocks."""
    lines = text.split("\n")
    starts = _heading_lines(lines)
    edges = [0, *(n for n in starts if n), len(lines)]
    blocks = []
    for first, end in pairwise(edges):
        exact = "\n".join(lines[first:end]) + ("\n" if end < len(lines) else "")
        if first in starts:
            number, heading = starts[first]
            blocks.append(_Reading(first + 1, heading, lines[first + 1 : end]).block(number, exact))
        else:
            blocks.append(NotesBlock(text=exact, line=first + 1))
    first_line = next((line for line in lines[: min(starts, default=len(lines))] if clean_line(line)), "")
    return NotesDocument(blocks=tuple(blocks), title=_read_title(clean_line(first_line)))


def _heading_lines(lines: Sequence[str]) -> dict[int, tuple[int, str]]:
    """Lines that begin a paper (numbered, with venue and year or with a section next): index to number and text."""
    found: dict[int, tuple[int, str]] = {}
    below = ""
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index].lstrip("\ufeff") if index == 0 else lines[index]
        numbered = _NUMBERED.fullmatch(line)
        if numbered and (text := clean_line(numbered[2])) and (_split_heading(text) or _begins_note(below)):
            found[index] = (int(numbered[1]), text)
        if line.strip():
            below = line
    return dict(reversed(found.items()))


def _begins_note(line: str) -> bool:
    bullet = _BULLET.fullmatch(line)
    text = clean_line(bullet[2]) if bullet else ""
    return bool(text) and (split_section(text) is not None or _FIELD.fullmatch(text) is not None)


def _split_heading(text: str) -> tuple[str, str, int] | None:
    """Title, venue and year of `Title_VENUEYY`; a year of two digits is of this century."""
    title, _, end = text.rpartition("_")
    title = title.strip()
    found = _VENUE_YEAR.fullmatch(end.strip())
    if not title or not found:
        return None
    year = int(found[2])
    return title, _VENUES.get(found[1].casefold(), found[1]), year if len(found[2]) == 4 else 2000 + year


@dataclass(slots=True)
class _Item:
    """One bullet with the lines that carry it on."""

    line: int
    indent: int
    text: str
    written: list[str]


@dataclass(slots=True)
class _Reading:
    """One paper on the way to a block: the line of its heading, the heading, the lines below."""

    line: int
    said: str
    lines: Sequence[str]
    url: str | None = None
    venue: str | None = None
    year: int | None = None
    venue_said: bool = False
    producer: str | None = None
    heading: tuple[Section, str] | None = None
    levels: list[int] = field(default_factory=list)
    bullets: list[Bullet] = field(default_factory=list)
    free: list[tuple[int, str]] = field(default_factory=list)

    def block(self, number: int, exact: str) -> NotesBlock:
        for item in self._items():
            if not (self._take_field(item) or self._take_section(item) or self._take_bullet(item)):
                self.free += [(item.line + n, text) for n, text in enumerate(item.written)]
        note, refusal = self._note()
        dated = note is not None and (self.venue_said or note.venue is not None)
        return NotesBlock(text=exact, line=self.line, number=number, note=note, free=tuple(sorted(self.free)), refusal=refusal, dated=dated)

    def _note(self) -> tuple[PaperNote | None, str | None]:
        title = self.said
        if split := _split_heading(self.said):
            title, self.venue, self.year = split
        elif self.venue_said:
            title = _without_guard(self.said)
        elif _BROKEN_END.search(self.said):
            return None, "no venue and year can be read from the end of the heading (expected Title_VENUEYY)"
        note = PaperNote(
            title=unescape_line(title),
            venue=unescape_line(self.venue or ""),
            year=self.year,
            url=self.url,
            bullets=tuple(self.bullets),
            producer=self.producer,
        )
        return note, None

    def _items(self) -> Iterator[_Item]:
        """Bullets; lines that are none go to `free`, but for those that carry a bullet on."""
        item: _Item | None = None
        for number, line in enumerate(self.lines, start=self.line + 1):
            bullet = _BULLET.fullmatch(line)
            if bullet or not self._carries_on(item, line):
                if item:
                    yield item
                item = _Item(number, _width(bullet[1]), clean_line(bullet[2]), [line]) if bullet else None
                if not bullet and line.strip() and not self._take_machine(line):
                    self.free.append((number, line))
            elif item:
                item.text = f"{item.text} {clean_line(line)}".strip()
                item.written.append(line)
        if item:
            yield item

    def _carries_on(self, item: _Item | None, line: str) -> bool:
        lead = line[: len(line) - len(line.lstrip(" \t\xa0"))]
        return item is not None and bool(line.strip()) and _width(lead) > item.indent and not line.lstrip(" \t\xa0").startswith(">")

    def _take_machine(self, line: str) -> bool:
        found = _MACHINE.fullmatch(line)
        if not found or self.producer is not None:
            return False
        self.producer = unescape_line(clean_line(found[1])) or None
        return True

    def _take_field(self, item: _Item) -> bool:
        found = _FIELD.fullmatch(item.text)
        if not found or (self.levels and item.indent > self.levels[0]):
            return False
        name, value = found[1].lower(), found[2] or ""
        if name == "link":
            url = clean_url(value)
            if self.url is not None or url is None:
                return False
            self.url = url
            return True
        if _split_heading(self.said):
            return False  # the heading has said it
        if name == "venue" and not self.venue_said:
            self.venue, self.venue_said = value, True
            return True
        if name == "year" and self.year is None and re.fullmatch("[0-9]{1,4}", value):
            self.year = int(value)
            return True
        return False

    def _take_section(self, item: _Item) -> bool:
        if self.levels and item.indent > self.levels[0]:
            return False
        found = split_section(item.text)
        if not found:
            if self.levels:
                self.heading = None  # a section we do not know: what stands under it is free text
            return False
        section, heading, own = found
        self.heading = (section, unescape_line(heading))
        self.levels = [item.indent]
        self.bullets.append(Bullet(section=section, heading=self.heading[1], text=unescape_line(own), depth=0))
        return True

    def _take_bullet(self, item: _Item) -> bool:
        if not self.heading or item.indent <= self.levels[0]:
            return False
        while self.levels[-1] >= item.indent:
            self.levels.pop()
        self.levels.append(item.indent)
        section, heading = self.heading
        self.bullets.append(Bullet(section=section, heading=heading, text=unescape_line(item.text), depth=len(self.levels) - 1))
        return True


def _width(blanks: str) -> int:
    """Columns of an indentation; a tab reaches to the next multiple of four."""
    return len(blanks.expandtabs(4))


def render(title: str, notes: Sequence[PaperNote]) -> str:
    """A notes file in our form, papers numbered from 1 in the order given.

    `parse(render(title, notes))` has the same title and the same notes, but for `Bullet.sentence`:
    the file holds what a person may change, the sentences stay in the warehouse.
    """
    parts = [_write_title(clean_line(title))]
    for number, note in enumerate(notes, start=1):
        parts += ["", *_lines_of(number, note)]
    return "\n".join(parts) + "\n"


def render_note(number: int, note: PaperNote) -> str:
    """One paper's part of a notes file, from its heading to a newline."""
    return "\n".join(_lines_of(number, note)) + "\n"


def _lines_of(number: int, note: PaperNote) -> Iterator[str]:
    heading, explicit = _write_heading(note)
    yield f"{number}. {heading}"
    yield ""
    before: Bullet | None = None
    for bullet in note.bullets:
        if bullet.depth == 0 or before is None or (before.section, before.heading) != (bullet.section, bullet.heading):
            own = f": {escape_line(bullet.text)}" if bullet.depth == 0 and bullet.text else ""
            yield f"  - {escape_line(bullet.heading)}{own}"
        if bullet.depth:
            yield f"{'  ' * (bullet.depth + 1)}- {escape_line(bullet.text)}"
        before = bullet
    if note.url:
        yield f"  - Link: {note.url}"
    yield from explicit
    if note.producer:
        yield f"  > machine: {escape_line(note.producer)}"


def _write_heading(note: PaperNote) -> tuple[str, list[str]]:
    """The heading, and the lines that say venue and year where the heading cannot."""
    title = escape_line(note.title)
    if note.venue is not None and note.year is not None:
        year = f"{note.year % 100:02}" if 2000 <= note.year < 2100 else f"{note.year:04}"
        if _split_heading(plain := f"{title}_{note.venue}{year}") == (title, note.venue, note.year):
            return plain, []
    lines = [f"  - Venue: {escape_line(note.venue or '')}".rstrip()]
    if note.year is not None:
        lines.append(f"  - Year: {note.year}")
    return _with_guard(title), lines


def _with_guard(title: str) -> str:
    return title + "\\" if _split_heading(title.rstrip("\\")) else title


def _without_guard(heading: str) -> str:
    return heading[:-1] if heading.endswith("\\") and _split_heading(heading.rstrip("\\")) else heading


def _write_title(title: str) -> str:
    """The document's first line; "1. ..." is written "1\\. ..." so that it begins no paper."""
    return escape_line(_TITLE_LIKE_HEADING.sub(r"\1\2\\.", title) if _TITLE_LIKE_HEADING.match(title) else title)


def _read_title(line: str) -> str:
    line = unescape_line(line)
    found = _TITLE_LIKE_HEADING.match(line)
    return found[1] + found[2][:-1] + line[found.end() - 1 :] if found and found[2] else line
