"""Blocks that stand in a list as the program writes them, read in one go: nearly all of a long list.

A block that differs in anything but its words (a remark, another order, CRLF, escapes in its title) is none of these and left to
the reader of all forms, `triage.formats.checklist_parser`, which says the same of the regular ones at ten times the cost.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from triage.formats.checklist_model import Block
from triage.formats.escaping import unescape_abstract
from triage.text import clean_abstract, clean_line, clean_url

__all__ = ["cut", "regular_block"]


def cut(text: str) -> list[str]:
    r"""A list cut before each line that can be a numbered heading, its preamble (perhaps empty) first; line ends are `\n` alone."""
    first, *others = ("\n" + text).split("\n## ")
    if not others:
        return [text]
    return [first[1:] + "\n" if first else "", *(f"## {part}\n" for part in others[:-1]), f"## {others[-1]}"]


_REGULAR = re.compile(
    r"## ([1-9][0-9]{0,8})\. ([^\n]+)\n\n"
    r"- \[([ x])\] ([^\n]+)\n\n"
    r"(?:- \*\*Link\*\*: ([^\n]+)\n\n)?"
    r"(?:- \*\*Conference\*\*: ([^\n]+)\n\n)?"
    r"(?:- \*\*Year\*\*: ([0-9]{1,4})\n\n)?"
    r"(?:- \*\*Type\*\*:(?: ([^\n]+))?\n\n)?"
    r"(?:> why: ([^\n]+)\n\n)?"
    r"<details>\n<summary><strong>Abstract</strong></summary>\n\n(?:([^\n]+(?:\n+[^\n]+)*?)\n\n)?</details>\n\n---\n(\n*)\Z"
)
_OPENING = re.compile(r"^[ \t]*[<>#]", re.MULTILINE)
"""A line that may open or end something, or be a conflict's: inside an abstract only the reader of all forms can tell."""


def regular_block(part: str, line: int) -> Block | None:
    r"""The block that a part of a list is, when it is regular; `line` (from 1) is where it starts, line ends are `\n` alone."""
    before = _read_before(part)
    if not before:
        before.append(_read(part, line))
    elif (block := before[0]) and block.line != line:
        before[0] = replace(block, line=line)
    return before[0]


@lru_cache(maxsize=8192)
def _read_before(_part: str) -> list[Block | None]:
    """Where what a part was read as is kept: most blocks stand as they stood, in the file and in what was there before."""
    return []


def _read(part: str, line: int) -> Block | None:
    found = _REGULAR.match(part)
    if not found:
        return None
    number, heading, mark, tick, link, venue, year, type_, why, abstract, trailing = found.groups()
    for words in (heading, venue, type_, why):
        if words and "<" in words and "\\" in words:
            return None
    if tick != (f"{heading} | {link}" if link else heading) or clean_line(heading) != heading:
        return None
    if clean_url(link) != link if link else "|" in heading:
        return None
    if abstract and ("<" in abstract or ">" in abstract or "#" in abstract) and _OPENING.search(abstract):
        return None
    return Block(
        number=int(number),
        heading=heading,
        title=heading,
        url=link,
        link=link,
        venue=clean_line(venue) if venue else None,
        year=int(year) if year else None,
        type=clean_line(type_) if type_ else None,
        why=clean_line(why) if why else None,
        ticked=mark == "x",
        abstract=clean_abstract(unescape_abstract(abstract)) if abstract else None,
        line=line,
        text=part,
        trailing=trailing,
    )
