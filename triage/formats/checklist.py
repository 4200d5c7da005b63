r"""The checkbox list: one block a paper, ticked and typed by a person, written and read without loss.

    # 2023 Papers                                                  a venue list: # ICCV 2023 Papers

    > ☐ 勾选论文后，可用脚本导出 selected_2023_papers.csv            a venue list: selected_iccv2023_papers.csv

    ## 1. {title}

    - [ ] {title} | {url}                                          [x] when chosen

    - **Link**: {url}

    - **Conference**: {venue}

    - **Year**: {year}

    - **Type**: {free text}                                        yearly list only

    > why: {words}                                                 the program's own line, unticked blocks only

    <details>
    <summary><strong>Abstract</strong></summary>

    {abstract}

    </details>

    ---

Lines with nothing to say are left out, but for Type and the abstract's section. Text from outside is
escaped as `triage.formats.escaping` says, so that no field can break the form; ordinary abstracts
stand verbatim. `parse` keeps every character, also of what a person did to the file. An older form
has no Conference and Year lines and names `selected_papers.txt`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from triage.formats.checklist_model import Block, BlockFields, Checklist, Kind, say_same
from triage.formats.checklist_parser import list_heading, mark_span, parse, why_span
from triage.formats.escaping import escape_abstract, escape_line, escape_tick_title
from triage.models import DocumentEntry, ParsedDocument, Record, Refusal
from triage.text import canonical_url, clean_abstract, clean_line, clean_url, identifiers_in_url, title_key, venue_key

__all__ = [
    "NAMES",
    "Block",
    "BlockFields",
    "Checklist",
    "Kind",
    "OrderKey",
    "assemble",
    "grow",
    "insert_in_order",
    "natural_key",
    "newline_of",
    "order_key",
    "parse",
    "read",
    "recognises",
    "record_of",
    "render",
    "render_block",
    "render_preamble",
    "renumber",
    "rewritten",
    "settled",
    "ticked",
]

NAMES = ("yearly-list", "venue-list")

OrderKey = tuple[bool, str, str, bool, str, str, str]
"""Where a block stands in the order: compare, do not take apart."""


# --- reading

_OPENING = 4000
"""Characters in which a list's heading and its line about the export must stand."""
_EXPORT = re.compile(r"^>.*\bselected_\S*papers\.(?:csv|txt)", re.MULTILINE)
_NUMBERED = re.compile(r"^ {0,3}##[ \t]*[0-9]+[.)]", re.MULTILINE)
_PAPER = re.compile(
    r"^ {0,3}##(?!#)[^\n]*\n\s*[-*+][ \t]+\[[^\]\[\n]{0,3}\][^\n]*"
    r"(?:\|[ \t]*(?:https?://|www\.)\S+[ \t]*|\n\s*[-*+][ \t]+\*\*Link\*\*[^\n]*)$",
    re.MULTILINE,
)


def recognises(text: str) -> bool:
    """A list's heading with its export line or numbered blocks, or any block with a tick line and a link."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.removeprefix("\ufeff")
    opening = text[:_OPENING]
    headings = [heading for line in opening.split("\n") if (heading := list_heading(line))]
    if headings and (_EXPORT.search(opening) or (headings[0][1] and _NUMBERED.search(text))):
        return True
    return _PAPER.search(text) is not None


def read(text: str) -> ParsedDocument:
    """Every block as an entry, or refused with its line; `in = entries + refused`.

    A record's key is its link's canonical form, else its title's; a second title under the same link
    gets a key of its own, an exact repeat of a block is an entry again with the same key.
    """
    listed = parse(text)
    name = f"{listed.kind}-list"
    entries: list[DocumentEntry] = []
    refused: list[Refusal] = []
    titles: dict[str, str] = {}
    for block in listed.blocks:
        if block.refusal:
            refused.append(Refusal(line=block.line, reason=block.refusal, item=block.title or block.heading or ""))
            continue
        record = record_of(block, listed, f"{name}:{natural_key(block, titles)}")
        entries.append(DocumentEntry(record=record, line=block.line, ticked=block.ticked, type=block.type))
    return ParsedDocument(format=name, entries=tuple(entries), refused=tuple(refused), list_title=listed.title)


def natural_key(block: Block, titles: dict[str, str]) -> str:
    """The key within the file; `titles` remembers under which title each link was first seen."""
    title = title_key(block.title) or block.title
    link = canonical_url(block.url)
    if link is None:
        return f"title:{title}"
    return link if titles.setdefault(link, title) == title else f"{link}#{title}"


def record_of(block: Block, listed: Checklist, key: str) -> Record:
    """What a block of a list says about its paper; `key` names it among the documents' records."""
    return Record(
        source="documents",
        source_key=key,
        title=block.title,
        url=block.url,
        abstract=block.abstract,
        venue=block.venue or listed.venue,
        year=block.year if block.year is not None else listed.year,
        identifiers=identifiers_in_url(block.url),
    )


# --- writing


def render(kind: Kind, *, venue: str | None = None, year: int | None = None, blocks: Sequence[BlockFields] = ()) -> str:
    """A fresh list in the canonical form, numbered from 1 in the order given; `venue` is a venue list's."""
    texts = [render_block(number, fields, kind) for number, fields in enumerate(blocks, 1)]
    preamble = render_preamble(venue if kind == "venue" else None, year)
    return preamble + "\n".join(texts) if texts else preamble.removesuffix("\n")


def render_preamble(venue: str | None, year: int | None) -> str:
    """What stands before the first block; without a venue it is a yearly list's."""
    venue = clean_line(venue or "")
    words = [escape_line(venue)] if venue else []
    words += [f"{year:04d}"] if year is not None else [] if venue else ["Undated"]
    dated = "" if year is None else f"{year:04d}"
    stem = venue_key(venue) + dated or "undated"
    return f"# {' '.join(words)} Papers\n\n> ☐ 勾选论文后，可用脚本导出 selected_{stem}_papers.csv\n\n"


def render_block(number: int, fields: BlockFields, kind: Kind = "yearly") -> str:
    """One block in the canonical form, from its heading to `---` and a newline.

    A venue list shows no Type and no reason, a ticked block no reason; a url that is no http(s) link
    is left out. Everything else comes back from `parse` as it was.
    """
    title, url = clean_line(fields.title), clean_url(fields.url) if fields.url else None
    tick = escape_tick_title(title, linked=url is not None) + (f" | {url}" if url else "")
    lines = [
        f"## {number}. {escape_line(title)}".rstrip(),
        f"- [{'x' if fields.ticked else ' '}] {tick.strip()}".rstrip(),
    ]
    if url:
        lines.append(f"- **Link**: {url}")
    if venue := clean_line(fields.venue or ""):
        lines.append(f"- **Conference**: {escape_line(venue)}")
    if fields.year is not None:
        lines.append(f"- **Year**: {fields.year:04d}")
    if kind == "yearly":
        lines.append(f"- **Type**: {escape_line(clean_line(fields.type or ''))}".rstrip())
        if not fields.ticked and (why := clean_line(fields.why or "")):
            lines.append(f"> why: {escape_line(why)}")
    abstract = escape_abstract(clean_abstract(fields.abstract or ""))
    lines.append("<details>\n<summary><strong>Abstract</strong></summary>")
    lines += [abstract] if abstract else []
    return "\n\n".join([*lines, "</details>", "---\n"])


# --- order


def order_key(venue: str | None, url: str | None, title: str) -> OrderKey:
    """By venue A-Z without case, then by link as a plain string, then by title; what is missing stands last.

    A venue list is ordered by link alone: give None as every venue.
    """
    return (not venue, (venue or "").casefold(), venue or "", not url, url or "", title.casefold(), title)


def _key(block: Block, kind: Kind) -> OrderKey:
    return order_key(block.venue if kind == "yearly" else None, block.url, block.title)


def _backbone(keys: Sequence[OrderKey]) -> list[int]:
    """Places of a longest run of keys that is already in order (patience sorting, n log n)."""
    ends: list[OrderKey] = []
    places: list[int] = []
    before: list[int] = []
    for place, key in enumerate(keys):
        pile = bisect_right(ends, key)
        before.append(places[pile - 1] if pile else -1)
        ends[pile : pile + 1] = [key]
        places[pile : pile + 1] = [place]
    run: list[int] = []
    place = places[-1] if places else -1
    while place >= 0:
        run.append(place)
        place = before[place]
    return run[::-1]


def insert_in_order(
    existing: Sequence[Block], new: Sequence[tuple[OrderKey, str]], *, kind: Kind = "yearly", before: str = ""
) -> list[str]:
    """The texts of all blocks, new ones in their places; existing texts come back exactly as they are.

    The existing blocks may be out of order. A new block goes directly behind the last one whose key is
    not greater (with none, directly before the first), counting only the backbone: a longest run of
    existing blocks that is in order. So a block that a person put elsewhere draws nobody to it. New blocks are ordered among
    themselves, take the file's line ends and bring the blank line that must stand before them;
    `before` is the text in front of the first block.
    """
    if not new:
        return [block.text for block in existing]
    run = _backbone([_key(block, kind) for block in existing])
    keys = [_key(existing[place], kind) for place in run]
    at: dict[int, list[str]] = {}
    for key, text in sorted(new, key=lambda item: item[0]):
        place = bisect_right(keys, key)
        at.setdefault(run[place - 1] + 1 if place else run[0] if run else 0, []).append(text)
    pieces: list[tuple[str, bool]] = []
    for place in range(len(existing) + 1):
        pieces += [(text, True) for text in at.get(place, ())]
        pieces += [(block.text, False) for block in existing[place : place + 1]]
    return _spaced(pieces, before)


def _spaced(pieces: Sequence[tuple[str, bool]], before: str) -> list[str]:
    """Texts with blank lines round the new ones (marked True), in the line ends of what is there."""
    newline = newline_of(next((text for text, is_new in pieces if not is_new), before))
    texts: list[str] = []
    left = before.removeprefix("\ufeff")
    for place, (text, is_new) in enumerate(pieces):
        follows = newline if place + 1 < len(pieces) else ""
        texts.append(_gap(left, newline) + text.replace("\n", newline) + follows if is_new else text)
        left = texts[-1]
    return texts


def newline_of(text: str) -> str:
    r"""The line end a text uses first; `\n` where it has none."""
    found = re.search(r"\r\n|\n|\r", text)
    return found[0] if found else "\n"


def _gap(left: str, newline: str) -> str:
    """What is missing behind `left` to make a blank line."""
    if not left or re.search(r"(?:\r\n|\r(?!\n)|\n)[ \t]*(?:\r\n?|\n)\Z", left[-200:]):
        return ""
    return newline if left.endswith(("\n", "\r")) else newline * 2


_NUMBER = re.compile(
    r"(?P<head>\ufeff?(?:[ \t]*(?:\r\n?|\n))* {0,3}##(?!#))(?:(?P<gap>[ \t]*)(?P<number>[0-9]{1,9})(?=[.)](?!\d))|(?=[ \t]))"
)


def renumber(texts: Sequence[str]) -> list[str]:
    """Block texts numbered from 1; only a number that is wrong or missing changes.

    A block without a heading keeps its place in the count and its text.
    """
    return [_numbered(text, number) for number, text in enumerate(texts, 1)]


def _numbered(text: str, number: int) -> str:
    found = _NUMBER.match(text)
    if not found or (found["number"] and int(found["number"]) == number):
        return text
    if found["number"]:
        return f"{found['head']}{found['gap']}{number}{text[found.end() :]}"
    return f"{found['head']} {number}.{text[found.end() :]}"


def assemble(preamble: str, blocks_texts: Sequence[str], tail: str) -> str:
    """A file from its parts, with dense numbers; nothing else is touched."""
    return preamble + "".join(renumber(blocks_texts)) + tail


# --- changes to a list that is there


def ticked(block: Block) -> Block:
    """The block with its tick set and every other character as it stood."""
    span = None if block.ticked else mark_span(block.text)
    if span is None:
        return block
    return replace(block, ticked=True, text=f"{block.text[: span[0]]}x{block.text[span[1] :]}")


def settled(block: Block) -> Block:
    """A ticked block without the program's reason, every other character as it stood."""
    span = why_span(block.text) if block.ticked and block.why is not None else None
    if span is None:
        return block
    return replace(block, why=None, text=block.text[: span[0]] + block.text[span[1] :])


def rewritten(block: Block, fields: BlockFields, kind: Kind = "yearly") -> Block:
    """The block saying `fields` in the canonical form, with what follows its `---` as it stood.

    A block that says so already stays to the byte; so does one with remarks of a person inside it, but
    for its tick.
    """
    if say_same(block, fields):
        return block
    text = render_block(block.number or 1, fields, kind)
    shown = parse(text).blocks[0]
    if say_same(shown, block):
        return block
    if block.remarks:
        return ticked(block) if fields.ticked else block
    newline = newline_of(block.text)
    trailing = block.trailing or ("" if block.closed else newline)
    return replace(shown, line=block.line, text=text.replace("\n", newline) + trailing, trailing=trailing)


def grow(base: Checklist, kept: Sequence[Block], new: Sequence[BlockFields]) -> str:
    """The list with the blocks of `base` that were kept (as they are now) and new ones in their places.

    `kept` are blocks of `base`, by line, possibly changed by `ticked` or `rewritten`. A block that was
    left out goes, but not what a person wrote inside or behind it, nor a block that cannot be read.
    """
    by_line = {block.line: block for block in kept}
    preamble, blocks = base.preamble, []
    for block in base.blocks:
        stays = by_line.get(block.line) or (block if block.refusal else None)
        if stays:
            blocks.append(stays)
        elif words := _words(block):
            if blocks:
                blocks[-1] = replace(blocks[-1], text=blocks[-1].text + words)
            else:
                preamble += words
    items = [(_key_of(fields, base.kind), render_block(1, fields, base.kind)) for fields in new]
    texts = insert_in_order(blocks, items, kind=base.kind, before=preamble)
    if texts and not base.tail and re.search(r"---\s+\Z", texts[-1]) and (not base.blocks or texts[-1] != base.blocks[-1].text):
        texts[-1] = texts[-1].rstrip() + newline_of(texts[-1])  # another block is the last one now: the file ends with its ---
    return assemble(preamble, texts, base.tail)


def _key_of(fields: BlockFields, kind: Kind) -> OrderKey:
    return order_key(fields.venue if kind == "yearly" else None, fields.url, fields.title)


def _words(block: Block) -> str:
    """What a person wrote inside or behind a block, or nothing."""
    if not block.remarks and not block.trailing.strip():
        return ""
    newline = newline_of(block.text)
    return block.remarks + (newline if block.remarks else "") + block.trailing.lstrip("\r\n")
