"""A paper's PDF: the words of its pages, by pypdf in a process of its own with little time and memory."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from triage.errors import SourceError
from triage.fulltext.model import MOST_CHARACTERS, Figure, FullText, Passage, in_order
from triage.text import clean_line

__all__ = ["can_read_pdf", "read_pdf"]

CPU_SECONDS, MEMORY, PAGES, WALL_SECONDS = 30, 1_500_000_000, 40, 90
"""Bounds for one PDF: a paper of 20 pages takes 3 s of CPU and 150 MB."""

_HEADING = re.compile(r"^(?:(?:\d{1,2}(?:\.\d{1,2})*|[IVX]{1,5})\.?\s+)([A-Z][^.:]{2,70})$")
_PLAIN_HEADING = re.compile(
    r"^(Abstract|Introduction|Related Work|Methods?|Methodology|Approach|Experiments?|Results|Conclusions?|References|Appendix)$",
    re.IGNORECASE,
)
_CAPTION = re.compile(r"^Fig(?:ure|\.)\s*(\d{1,2})\s*[:.|]\s*(\S.*)$")
_HYPHENATED = re.compile(r"(\w)-\n(?=[a-z])")
_LONGEST_CAPTION = 600
_LEAST_TEXT = 500


def can_read_pdf() -> bool:
    """Whether the extra `fulltext` (pypdf) is installed."""
    return importlib.util.find_spec("pypdf") is not None


def read_pdf(body: bytes, url: str) -> FullText:
    """The full text in a PDF that was fetched from `url`; figures without links. Raises SourceError when it cannot be read.

    The reader gets CPU_SECONDS, MEMORY bytes and PAGES; pages that were read before a limit struck count.
    """
    pages = _pages(body, url)
    lines = [line for page in pages for line in _HYPHENATED.sub(r"\1", page).split("\n")]
    passages = tuple(_passages(lines))
    if sum(len(one.text) for one in passages) < _LEAST_TEXT:
        raise SourceError(f"{url}: no text can be read from the PDF", hint="it may hold pictures of pages only")
    return FullText(passages, in_order(list(_figures(lines))))


def _pages(body: bytes, url: str) -> list[str]:
    command = [sys.executable, str(Path(__file__).with_name("pdf_process.py")), *map(str, (CPU_SECONDS, MEMORY, PAGES, MOST_CHARACTERS))]
    try:
        done = subprocess.run(command, input=body, capture_output=True, timeout=WALL_SECONDS, check=False, env=_environment())
        out, failed = done.stdout, done.returncode != 0
    except subprocess.TimeoutExpired as error:
        out, failed = error.stdout or b"", True
    pages = list(_whole_lines(out))
    if failed and not pages:
        raise SourceError(
            f"{url}: the PDF cannot be read within {CPU_SECONDS} s and {MEMORY // 10**6} MB",
            hint="it may be damaged; nothing else is affected",
        )
    return pages


def _environment() -> dict[str, str]:
    """What the reader needs of the environment; no keys."""
    return {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH", "SYSTEMROOT", "HOME", "LANG"}}


def _whole_lines(out: bytes) -> Iterator[str]:
    for line in out.split(b"\n")[:-1]:
        try:
            page = json.loads(line)
        except ValueError:
            return
        if isinstance(page, str):
            yield page


def _passages(lines: Sequence[str]) -> Iterator[Passage]:
    """Lines joined under the headings between them; a PDF says nothing about paragraphs."""
    heading, kept = "", list[str]()
    for line in (*lines, None):
        found = _heading(line) if line is not None else ""
        if found is None:
            kept.append(line or "")
        else:
            if text := clean_line(" ".join(kept)):
                yield Passage(heading, text)
            heading, kept = found, []


def _heading(line: str) -> str | None:
    text = clean_line(line)
    found = _HEADING.match(text) or _PLAIN_HEADING.match(text)
    return found[1] if found else None


def _figures(lines: Sequence[str]) -> Iterator[Figure]:
    for place, line in enumerate(lines):
        if found := _CAPTION.match(clean_line(line)):
            text = clean_line(" ".join((found[2], *lines[place + 1 : place + 4])))[:_LONGEST_CAPTION]
            end = re.search(r"(?<=[a-z)\]])\.\s", text)
            yield Figure(int(found[1]), text[: end.start() + 1] if end else text)
