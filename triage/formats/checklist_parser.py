"""Reading a checkbox list without losing a character.

The file is cut into lines at `\\n`, `\\r\\n` and `\\r` alone, structural lines are marked, abstract
sections shield what is inside them, and blocks are cut from one heading to the next. Everything a
person may have done to the file is either understood or named in a block's `problems`. Blocks that
stand as the program writes them are read at once (`triage.formats.checklist_regular`): only the
stretches between them are taken apart line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate
from typing import Literal, NamedTuple

from triage.formats.checklist_model import Block, Checklist, Kind
from triage.formats.checklist_regular import cut, regular_block
from triage.formats.escaping import split_tick, unescape_abstract, unescape_line
from triage.text import clean_abstract, clean_line, clean_url

__all__ = ["list_heading", "mark_span", "parse", "read_marks", "why_span"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")

_What = Literal["title", "heading", "tick", "field", "why", "open", "close", "rule", "conflict", "section"]

_TITLE = re.compile(r" {0,3}#[ \t]+((?:(.*?)[ \t]+)?Papers)[ \t]*\Z", re.IGNORECASE)
_VENUE_YEAR = re.compile(r"(?:(.*?)[ \t]+)?([0-9]{4})")
_HEADING = re.compile(r" {0,3}##(?!#)(?:[ \t]*([0-9]{1,9})[.)](?!\d)|(?=[ \t]))[ \t]*(.*)")
_TICK = re.compile(r" {0,3}[-*+][ \t]*\[([^\]\[]{0,3})\](?!\()[ \t]*(.*)")
_FIELD = re.compile(r" {0,3}[-*+][ \t]+\*\*(Link|Conference|Year|Type)(?:\*\*[ \t]*[:：]|[:：]\*\*)[ \t]*(.*)", re.IGNORECASE)
_WHY = re.compile(r" {0,3}>[ \t]*why:[ \t]*(.*)")
_OPEN = re.compile(r"[ \t]*<details\b[^>]*>[ \t]*(.*)", re.IGNORECASE)
_CLOSE = re.compile(r"[ \t]*</details[ \t]*>[ \t]*\Z", re.IGNORECASE)
_RULE = re.compile(r" {0,3}(?:-{3,}|\*{3,}|_{3,})[ \t]*\Z")
_CONFLICT = re.compile(r"(?:<{7}|={7}|>{7}|\|{7})(?: .*)?\Z")
# Which patterns a line can match, by its first character: most lines are prose and match none.
_BY_FIRST: dict[str, tuple[tuple[_What, re.Pattern[str]], ...]] = {
    "#": (("heading", _HEADING), ("title", _TITLE)),
    "-": (("tick", _TICK), ("field", _FIELD), ("rule", _RULE)),
    "*": (("tick", _TICK), ("field", _FIELD), ("rule", _RULE)),
    "+": (("tick", _TICK), ("field", _FIELD)),
    "_": (("rule", _RULE),),
    ">": (("why", _WHY), ("conflict", _CONFLICT)),
    "<": (("open", _OPEN), ("close", _CLOSE), ("conflict", _CONFLICT)),
    "=": (("conflict", _CONFLICT),),
    "|": (("conflict", _CONFLICT),),
}
_SUMMARY = re.compile(r"[ \t]*<summary\b[^>]*>(.*?)</summary>[ \t]*", re.IGNORECASE)
_CLOSED_IN_LINE = re.compile(r"</details[ \t]*>[ \t]*\Z", re.IGNORECASE)
_MARKDOWN_LINK = re.compile(r"\[[^\]]*\]\((\S+?)\)")
_TICKED = frozenset("xXvV✓✔☑√")


class _Section(NamedTuple):
    """A `<details>` part: it ends before line `stop`; `text` is what it holds, as written."""

    stop: int
    text: str
    is_abstract: bool
    closed: bool
    conflicts: tuple[int, ...]


class _Mark(NamedTuple):
    """A structural line: its index, what it is, the match, and the section it opens."""

    at: int
    what: _What
    found: re.Match[str]
    section: _Section | None = None


class _Stretch(NamedTuple):
    """Some lines of a list: `title` is the first heading in front of its blocks, `conflicts` the lines outside of them that are
    conflict markers."""

    preamble: str
    blocks: tuple[Block, ...]
    tail: str
    title: str | None
    conflicts: tuple[int, ...]


def parse(text: str) -> Checklist:
    """Any text as a list; `parse(text).text == text`, and a text without blocks is all preamble."""
    parts = [text] if "\r" in text else cut(text)
    starts = list(accumulate((part.count("\n") for part in parts[:-1]), initial=1))
    regular = [None, *(regular_block(part, line) for part, line in zip(parts[1:], starts[1:], strict=True))]
    blocks: list[Block] = []
    stretches: list[_Stretch] = []
    n = 0
    while n < len(parts):
        if block := regular[n]:
            blocks.append(block)
            n += 1
            continue
        # An irregular stretch is read with the regular blocks on both sides. Nothing reaches over them: the one before ends whatever
        # stands before it, and may be told more (free text behind it); so does the one behind, with a numbered heading, its tick line
        # and a section of its own (`_section_end`).
        stop = next((k for k in range(n, len(parts)) if regular[k]), None)
        first = max(n - 1, 0)
        stretch = _stretch("".join(parts[first : None if stop is None else stop + 1]), starts[first] - 1)
        blocks[-1:] = stretch.blocks if stop is None else stretch.blocks[:-1]
        stretches.append(stretch)
        n = len(parts) if stop is None else stop
    tail = stretches[-1].tail
    if last := regular[-1]:
        tail = last.trailing
        blocks[-1] = replace(last, text=last.text[: len(last.text) - len(tail)], trailing="")
    conflicts = [line for stretch in stretches for line in stretch.conflicts]
    return _checklist(stretches[0].preamble, tuple(blocks), tail, stretches[0].title, conflicts)


def _stretch(text: str, before: int) -> _Stretch:
    """Lines of any form, with `before` lines in front of them; the last block's trailing is the tail."""
    pieces, lines, marks = read_marks(text)
    starts = _starts(marks)
    if not starts:
        return _Stretch(text, (), "", _title_line(marks), _conflict_lines(marks, before))
    cuts = [*starts[1:], len(marks)]
    stops = [*(marks[k].at for k in starts[1:]), len(lines)]
    end, ruled = _extent(marks[starts[-1] :], len(lines))
    if ruled:
        stops[-1] = end
    blocks = tuple(_block(pieces, lines, marks[k:cut], stop, before) for k, cut, stop in zip(starts, cuts, stops, strict=True))
    opening = marks[: starts[0]]
    loose = opening + [mark for mark in marks[starts[-1] :] if mark.at >= stops[-1]]
    preamble = "".join(pieces[: marks[starts[0]].at])
    return _Stretch(preamble, blocks, "".join(pieces[stops[-1] :]), _title_line(opening), _conflict_lines(loose, before))


def _title_line(opening: Sequence[_Mark]) -> str | None:
    return next((mark.found[0] for mark in opening if mark.what == "title"), None)


def _conflict_lines(marks: Sequence[_Mark], before: int) -> tuple[int, ...]:
    return tuple(before + mark.at + 1 for mark in marks if mark.what == "conflict")


def mark_span(text: str) -> tuple[int, int] | None:
    """Where in a block's text the tick mark stands between its brackets, or None without a tick line."""
    pieces, _, marks = read_marks(text)
    for mark in marks:
        if mark.what == "tick":
            before = sum(map(len, pieces[: mark.at]))
            return before + mark.found.start(1), before + mark.found.end(1)
    return None


def why_span(text: str) -> tuple[int, int] | None:
    """Where in a block's text the program's own line stands, with the blank lines behind it; None without one."""
    pieces, lines, marks = read_marks(text)
    for mark in marks:
        if mark.what == "why":
            after = mark.at + 1
            while after < len(lines) and not lines[after].strip():
                after += 1
            return sum(map(len, pieces[: mark.at])), sum(map(len, pieces[:after]))
    return None


def list_heading(line: str) -> tuple[str | None, int | None] | None:
    """Venue and year of a list's heading line, or None when it is none; the venue is None for a yearly list."""
    found = _TITLE.match(line)
    if not found:
        return None
    name = (found[2] or "").strip()
    if name.casefold() == "undated":
        return None, None
    if dated := _VENUE_YEAR.fullmatch(name):
        return _line(dated[1] or "") or None, int(dated[2])
    return _line(name) or None, None


def _checklist(preamble: str, blocks: tuple[Block, ...], tail: str, title_line: str | None, conflicts: Sequence[int]) -> Checklist:
    title = _line(title_line.lstrip(" #")) if title_line else None
    venue, year = (list_heading(title_line) if title_line else None) or (None, None)
    problems = tuple(f"line {line}: a merge conflict marker" for line in conflicts)
    kind = _kind(title, venue, year, blocks)
    return Checklist(kind=kind, preamble=preamble, blocks=blocks, tail=tail, title=title, venue=venue, year=year, problems=problems)


def _kind(title: str | None, venue: str | None, year: int | None, blocks: Sequence[Block]) -> Kind:
    """What the heading says; without a telling one, Type lines or several venues make a yearly list."""
    if venue:
        return "venue"
    if year or (title and title.casefold().startswith("undated")):
        return "yearly"
    several = len({block.venue.casefold() for block in blocks if block.venue}) > 1
    return "yearly" if several or any(block.type for block in blocks) or not blocks else "venue"


# --- structural lines and the sections that shield them


def read_marks(text: str) -> tuple[list[str], list[str], list[_Mark]]:
    """The lines with their ends, the lines without, and the structural lines outside sections."""
    pieces: list[str] = _LINE.findall(text)
    lines = [piece.rstrip("\r\n") for piece in pieces]
    if lines and lines[0].startswith("\ufeff"):
        lines[0] = " " + lines[0][1:]  # a byte-order mark; a blank in its place keeps the offsets
    return pieces, lines, _shielded(lines, list(_marks(lines)))


def _marks(lines: Sequence[str]) -> Iterator[_Mark]:
    for at, line in enumerate(lines):
        for what, pattern in _BY_FIRST.get(line.lstrip(" \t")[:1], ()):
            if found := pattern.match(line):
                yield _Mark(at, what, found)
                break


def _shielded(lines: Sequence[str], marks: Sequence[_Mark]) -> list[_Mark]:
    """The marks outside `<details>` parts, with one mark for each part that holds an abstract."""
    kept: list[_Mark] = []
    k = 0
    while k < len(marks):
        mark = marks[k]
        k += 1
        if mark.what != "open":
            kept.append(mark)
            continue
        section = _section(lines, marks, k - 1)
        if section.is_abstract:
            kept.append(_Mark(mark.at, "section", mark.found, section))
        while k < len(marks) and marks[k].at < section.stop:
            k += 1
    return kept


def _section(lines: Sequence[str], marks: Sequence[_Mark], k: int) -> _Section:
    """The section that mark k opens, up to a line `</details>` or, without one, to where it must have ended."""
    at, rest = marks[k].at, marks[k].found[1]
    if _CLOSED_IN_LINE.search(rest):
        last, stop, closed = at + 1, at + 1, True
    else:
        last, stop, closed = _section_end(lines, marks, k)
    inside = [rest, *lines[at + 1 : last]]
    inside = inside[next((i for i, line in enumerate(inside) if line.strip()), len(inside) - 1) :]
    summary = _SUMMARY.match(inside[0])
    if summary:
        inside[0] = inside[0][summary.end() :]
    if closed and stop == last:
        inside[-1] = _CLOSED_IN_LINE.sub("", inside[-1])
    is_abstract = summary is None or "abstract" in summary[1].casefold() or "摘要" in summary[1]
    # a row of = or | can be a venue's own, the arrows cannot
    conflicts = tuple(i for i in range(at + 1, last) if lines[i].startswith(("<<<<<<<", ">>>>>>>")) and _CONFLICT.match(lines[i]))
    return _Section(stop, "\n".join(inside), is_abstract, closed, conflicts)


def _section_end(lines: Sequence[str], marks: Sequence[_Mark], k: int) -> tuple[int, int, bool]:
    """(end of the text, first line behind the section, closed) for the section that mark k opens.

    An abstract may hold anything up to its `</details>`. Only when another `<details>` comes first,
    behind a heading that is followed by a tick line, was this one left open, and that heading ends it.
    """
    following: int | None = None
    for j in range(k + 1, len(marks)):
        mark = marks[j]
        if mark.what == "close":
            return mark.at, mark.at + 1, True
        if mark.what == "open" and following is not None:
            break
        if following is None and mark.what == "heading" and _opens_block(lines, marks, j):
            following = mark.at
    limit = len(lines) if following is None else following
    for i in range(marks[k].at + 1, limit):
        if _CLOSED_IN_LINE.search(lines[i]):
            return i + 1, i + 1, True
    end = limit
    while end > marks[k].at + 1 and not lines[end - 1].strip():
        end -= 1
    if end > marks[k].at + 1 and _RULE.match(lines[end - 1]):
        end -= 1
    return end, end, False


def _opens_block(lines: Sequence[str], marks: Sequence[_Mark], k: int) -> bool:
    """A numbered heading with a tick line right behind it: nothing else looks like that."""
    if marks[k].found[1] is None or k + 1 == len(marks) or marks[k + 1].what != "tick":
        return False
    return not any(line.strip() for line in lines[marks[k].at + 1 : marks[k + 1].at])


# --- blocks


def _starts(marks: Sequence[_Mark]) -> list[int]:
    """Which marks start a block: numbered headings, headings with a paper under them, and tick lines
    of a paper whose heading is gone."""
    starts: list[int] = []
    ticked = complete = False
    for k, mark in enumerate(marks):
        if mark.what == "heading" and (mark.found[1] or _tells_of_paper(marks, k + 1)):
            starts.append(k)
            ticked = complete = False
        elif mark.what == "tick":
            if (complete or not starts) and _tells_of_paper(marks, k):
                starts.append(k)
                complete = False
            ticked = True
        elif mark.what in ("section", "rule"):
            complete = complete or ticked or mark.what == "rule"
    return starts


def _tells_of_paper(marks: Sequence[_Mark], k: int) -> bool:
    """A field, or a tick line that has a link or is followed by fields or an abstract."""
    if k >= len(marks):
        return False
    if marks[k].what == "field":
        return True
    if marks[k].what != "tick":
        return False
    return split_tick(marks[k].found[2])[1] is not None or (k + 1 < len(marks) and marks[k + 1].what in ("field", "section"))


def _extent(marks: Sequence[_Mark], stop: int) -> tuple[int, bool]:
    """(line behind the block's own part, whether that part ends with `---`)."""
    section = next((mark.section for mark in marks if mark.section), None)
    for mark in marks:
        if mark.what == "rule" and (section is None or mark.at >= section.stop):
            return mark.at + 1, True
    return (section.stop, False) if section else (stop, False)


class _Problems:
    """What is irregular in a block, by line, of which `before` stand in front of those that are counted."""

    def __init__(self, before: int) -> None:
        self.before = before
        self.found: list[tuple[int, str]] = []

    def line(self, at: int) -> int:
        return self.before + at + 1

    def add(self, at: int, words: str) -> None:
        self.found.append((self.line(at), words))

    def said(self) -> tuple[str, ...]:
        return tuple(f"line {line}: {words}" for line, words in sorted(self.found))


def _block(pieces: Sequence[str], lines: Sequence[str], marks: Sequence[_Mark], stop: int, before: int) -> Block:
    """The block that the first mark starts and line `stop` ends, with `before` lines in front of the first."""
    start = marks[0].at
    end, ruled = _extent(marks, stop)
    core = [mark for mark in marks if mark.at < end]
    problems = _Problems(before)
    number, heading = _heading(core[0], problems)
    if not ruled:
        problems.add(end - 1, "no --- behind the block")
    ticks = [mark for mark in core if mark.what == "tick"]
    title, url, ticked = _tick_line(ticks[0], heading, problems) if ticks else (heading or "", None, False)
    values = _values(core, problems)
    link = _link(values.get("link"), problems)
    if ticks and url != link:
        problems.add(ticks[0].at, "no link in the tick line" if url is None else "the Link line says another link, or none")
    remarks = _remarks(pieces, lines, core, ticks, (start, end), problems)
    abstract = _abstract(core, start, problems)
    refusal = _refusal([mark for mark in marks if mark.at < stop], ticks, title, end, problems)
    return Block(
        number=number,
        heading=heading,
        title=title,
        url=url or link,
        link=link,
        venue=_text(values.get("conference")),
        year=_year(values.get("year"), problems),
        type=_text(values.get("type")),
        why=next((_line(mark.found[1]) for mark in core if mark.what == "why"), None),
        ticked=ticked,
        abstract=abstract,
        line=problems.line(start),
        text="".join(pieces[start:stop]),
        trailing="".join(pieces[end:stop]),
        closed=ruled,
        remarks=remarks,
        problems=problems.said(),
        refusal=refusal,
    )


def _heading(mark: _Mark, problems: _Problems) -> tuple[int | None, str | None]:
    """Number and title of a block's first line; both None when that is its tick line."""
    if mark.what != "heading":
        problems.add(mark.at, "no heading")
        return None, None
    if mark.found[1] is None:
        problems.add(mark.at, "the heading has no number")
    return int(mark.found[1]) if mark.found[1] else None, _line(mark.found[2])


def _tick_line(mark: _Mark, heading: str | None, problems: _Problems) -> tuple[str, str | None, bool]:
    """Title, link and tick of a block's tick line."""
    typed, link = split_tick(mark.found[2])
    title = clean_line(typed)
    if not title and heading:
        problems.add(mark.at, "the tick line has no title")
        title = heading
    elif heading is not None and heading != title:
        problems.add(mark.at, "the tick line's title is not the heading's")
    sign = mark.found[1].strip()
    if sign and sign not in _TICKED:
        problems.add(mark.at, f"unknown mark [{sign}], read as not ticked")
    return title, _clean_link(link) if link else None, sign in _TICKED


def _values(core: Sequence[_Mark], problems: _Problems) -> dict[str, tuple[int, str]]:
    """The fields as (line index, text as written); the first of each name counts."""
    values: dict[str, tuple[int, str]] = {}
    for mark in core:
        if mark.what == "field":
            name, value = mark.found[1].lower(), mark.found[2].strip()
            if values.setdefault(name, (mark.at, value))[1] != value:
                problems.add(mark.at, f"a second {mark.found[1]} line that says something else")
    return values


@lru_cache(maxsize=1024)
def _line(written: str) -> str:
    """One line as it was before it was escaped; a block says the same ones twice, a list the same venues often."""
    return clean_line(unescape_line(written))


def _text(value: tuple[int, str] | None) -> str | None:
    return (_line(value[1]) or None) if value else None


def _year(value: tuple[int, str] | None, problems: _Problems) -> int | None:
    text = _text(value)
    if value and text and not re.fullmatch(r"[0-9]{1,4}", text):
        problems.add(value[0], f"{text[:40]!r} is no year")
        return None
    return int(text) if text else None


def _link(value: tuple[int, str] | None, problems: _Problems) -> str | None:
    """The Link line's link, plain, in angle brackets or as a markdown link."""
    if not value or not value[1]:
        return None
    pointed = _MARKDOWN_LINK.fullmatch(value[1])
    link = _clean_link(pointed[1] if pointed else value[1])
    if link is None:
        problems.add(value[0], f"{value[1][:80]!r} is no link")
    return link


@lru_cache(maxsize=1024)
def _clean_link(typed: str) -> str | None:
    typed = typed.strip("<>")
    return clean_url(typed) or (clean_url(f"https://{typed}") if re.match(r"[\w-]+(?:\.[\w-]+)+/|www\.", typed) else None)


def _abstract(core: Sequence[_Mark], start: int, problems: _Problems) -> str | None:
    found = [mark for mark in core if mark.section]
    if not found or (section := found[0].section) is None:
        problems.add(start, "no abstract section")
        return None
    if not section.closed:
        problems.add(found[0].at, "the abstract is not closed by </details>")
    for at in section.conflicts:
        problems.add(at, "a merge conflict marker in the abstract")
    return clean_abstract(unescape_abstract(section.text)) or None


def _remarks(
    pieces: Sequence[str], lines: Sequence[str], core: Sequence[_Mark], ticks: Sequence[_Mark], span: tuple[int, int], problems: _Problems
) -> str:
    """The lines in a block's own part that are no part of the form: a person's words, a second tick line."""
    formal: set[int] = {mark.at for mark in core if mark.what in ("heading", "field", "why", "rule")}
    formal.update(mark.at for mark in ticks[:1])
    for mark in core:
        if mark.section:
            formal.update(range(mark.at, mark.section.stop))
    loose = [i for i in range(*span) if i not in formal and lines[i].strip()]
    for i in loose:
        problems.add(i, "a line that is no part of the form")
    return "".join(pieces[i] for i in loose)


def _refusal(marks: Sequence[_Mark], ticks: Sequence[_Mark], title: str, end: int, problems: _Problems) -> str | None:
    """Why no paper can be read: what a person said here is missing or said twice."""
    conflicts = [mark.at for mark in marks if mark.what == "conflict"]
    for at in conflicts:
        problems.add(at, "a merge conflict marker")
    for mark in marks:
        if mark.what == "title":
            problems.add(mark.at, "another list's heading")
    for mark in marks:
        if mark.section and mark.at < end:
            conflicts += mark.section.conflicts
    if inside := [at for at in conflicts if at < end]:
        return f"a merge conflict is left in the block, line {problems.line(min(inside))}"
    if not ticks:
        return "no tick line `- [ ] title | link`"
    if not title:
        return "the title is empty"
    if len({(mark.found[1].strip() in _TICKED, mark.found[2].strip()) for mark in ticks}) > 1:
        return f"two tick lines that differ, line {problems.line(ticks[1].at)}"
    return None
