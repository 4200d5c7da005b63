"""Changes to one block of a list that is there: what is not changed stays to the character."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from triage.formats.checklist import newline_of, parse, render_block
from triage.formats.checklist_model import Block, Kind
from triage.formats.checklist_parser import mark_span, read_marks
from triage.formats.escaping import escape_abstract, escape_line, escape_tick_title
from triage.text import clean_abstract, clean_line, clean_url

__all__ = ["unticked", "untouched", "updated"]

_LINES = {"url": "Link", "venue": "Conference", "year": "Year", "type": "Type"}
"""The field lines of a block, in their order."""


def unticked(block: Block) -> Block:
    """The block with its tick taken out and every other character as it stood."""
    span = mark_span(block.text) if block.ticked else None
    if span is None:
        return block
    return replace(block, ticked=False, text=f"{block.text[: span[0]]} {block.text[span[1] :]}")


def untouched(block: Block, kind: Kind) -> bool:
    """Whether a block is a proposal that stands exactly as the program writes it, so that it may be written anew."""
    if block.why is None or block.ticked or block.remarks:
        return False
    newline = newline_of(block.text)
    own = block.text[: len(block.text) - len(block.trailing)]
    return own.rstrip() == render_block(block.number or 1, block.fields, kind).rstrip().replace("\n", newline)


def updated(block: Block, changes: Mapping[str, str | int | None]) -> Block:
    """The block with other values of title, url, venue, year, type or abstract, each wherever the block says it.

    A line that lacks is put in its place, but for Conference and Year in a block that has neither (the older form).
    """
    text = block.text
    newline = newline_of(text)
    if "title" in changes or "url" in changes:
        text = _with_paper(text, block, changes)
    for name, label in _LINES.items():
        if name in changes and not (name in ("venue", "year") and block.venue is None and block.year is None):
            text = _with_line(text, label, _shown(name, changes[name]), newline)
    if changes.get("abstract") is not None:
        text = _with_abstract(text, str(changes["abstract"]), newline)
    if text == block.text:
        return block
    shown = parse(text).blocks[0]
    trailing = block.trailing
    return replace(shown, line=block.line, text=text, trailing=trailing, closed=block.closed)


def _shown(name: str, value: str | int | None) -> str:
    if value is None:
        return ""
    if name == "year":
        return f"{int(value):04d}"
    return (clean_url(str(value)) or "") if name == "url" else escape_line(clean_line(str(value)))


def _with_paper(text: str, block: Block, changes: Mapping[str, str | int | None]) -> str:
    """Heading and tick line saying the new title and link."""
    title = clean_line(str(changes.get("title") or block.title))
    url = clean_url(str(changes["url"])) if changes.get("url") else block.url
    pieces, _, marks = read_marks(text)
    heading = next((mark for mark in marks[:1] if mark.what == "heading"), None)
    tick = next((mark for mark in marks if mark.what == "tick"), None)
    if tick:
        shown = escape_tick_title(title, linked=url is not None) + (f" | {url}" if url else "")
        pieces[tick.at] = _put(pieces[tick.at], tick.found.start(2), tick.found.end(2), shown)
    if heading and "title" in changes:
        pieces[heading.at] = _put(pieces[heading.at], heading.found.start(2), heading.found.end(2), escape_line(title))
    return "".join(pieces)


def _put(piece: str, start: int, end: int, value: str) -> str:
    before = piece[:start].rstrip(" \t")
    return before + (f" {value}" if value else "") + piece[end:]


def _with_line(text: str, label: str, value: str, newline: str) -> str:
    pieces, _, marks = read_marks(text)
    places = {mark.found[1].lower(): mark for mark in reversed(marks) if mark.what == "field"}
    if own := places.get(label.lower()):
        pieces[own.at] = _put(pieces[own.at], own.found.start(2), own.found.end(2), value)
        return "".join(pieces)
    if not value:
        return text
    order = [one.lower() for one in _LINES.values()]
    before = [places[name].at for name in order[: order.index(label.lower())] if name in places]
    before += [mark.at for mark in marks if mark.what == "tick"][:1]
    if not before:
        return text
    pieces[max(before)] += f"{newline}- **{label}**: {value}{newline}"
    return "".join(pieces)


def _with_abstract(text: str, abstract: str, newline: str) -> str:
    pieces, _, marks = read_marks(text)
    section = next((mark for mark in marks if mark.section), None)
    if section is None or section.section is None:
        return text
    shown = f"<details>\n<summary><strong>Abstract</strong></summary>\n\n{escape_abstract(clean_abstract(abstract))}\n\n</details>\n"
    indented = re.match(r"[ \t]*", pieces[section.at])
    pieces[section.at : section.section.stop] = [(indented[0] if indented else "") + shown.replace("\n", newline)]
    return "".join(pieces)
