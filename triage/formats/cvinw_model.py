"""The nouns of a notes file: one paper's note, a block as it stands in a file, the whole file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from triage.errors import UsageError
from triage.models import Bullet, Section
from triage.text import clean_line, clean_url

__all__ = ["NotesBlock", "NotesDocument", "PaperNote", "split_section"]

_SECTION_NAMES: dict[Section, tuple[str, ...]] = {
    "Motivation": ("motivation", "motivations", "motivation and background", "problem", "problem statement"),
    "Previous works": (
        "previous work", "previous works", "prior work", "prior works", "related work", "related works", "existing works", "background",
    ),
    "Method": ("method", "methods", "methodology", "approach", "proposed method", "proposed approach"),
    "Evaluation": (
        "evaluation", "evaluations", "evaluation dataset", "evaluation datasets", "evaluation data set", "evaluation data sets",
        "dataset", "datasets", "data set", "data sets", "benchmark", "benchmarks", "experimental setup", "experiment setup",
    ),
    "Results": (
        "result", "results", "experiment", "experiments", "experimental result", "experimental results", "experiment result",
        "experiment results", "evaluation result", "evaluation results", "main results", "key results",
    ),
}  # fmt: skip
"""The section each heading means, by its folded form."""

_SECTIONS = {name: section for section, names in _SECTION_NAMES.items() for name in names}
_WORDS = r"[A-Za-z]+(?: [A-Za-z]+){0,3}"
_REMARK = r"\((?:[^()]|\([^()]*\))*\)"
_HEADING = re.compile(
    rf"[*_]{{0,3}}(?P<heading>(?P<name>{_WORDS})(?: ?{_REMARK})?)[*_]{{0,3}}(?: ?[:：][*_]{{0,3}}(?P<own>.*))?", re.DOTALL
)


def split_section(text: str) -> tuple[Section, str, str] | None:
    """Section, heading as written (with its remark) and own text of "Method (See Fig. 1): text".

    None when the text names no section. Emphasis signs around the heading are dropped.
    """
    found = _HEADING.fullmatch(text)
    section = _SECTIONS.get(found["name"].casefold()) if found else None
    if not found or not section:
        return None
    return section, found["heading"], (found["own"] or "").strip()


@dataclass(frozen=True, slots=True)
class PaperNote:
    """What one block says about one paper.

    Everything is made safe on the way in: texts become one clean line, a link that is none becomes
    None, a heading that does not name its section becomes the section's name, an empty bullet goes,
    and no bullet is deeper than one below the bullet before it. A bullet of depth 0 without text
    stands for a section of which only the heading was written.

    `producer` is who wrote the bullets, None for a person. Raises UsageError for a title without
    text or a year outside 0..9999.
    """

    title: str
    venue: str | None = None
    year: int | None = None
    url: str | None = None
    bullets: tuple[Bullet, ...] = ()
    producer: str | None = None

    def __post_init__(self) -> None:
        title = clean_line(self.title)
        if not title:
            raise UsageError("a note without a title", hint="give the paper's title")
        if self.year is not None and not 0 <= self.year <= 9999:
            raise UsageError(f"{title!r}: {self.year} is no year", hint="give a year of at most four digits, or None")
        for name, value in (
            ("title", title),
            ("venue", clean_line(self.venue or "") or None),
            ("url", clean_url(self.url or "")),
            ("bullets", tuple(_tidied(self.bullets))),
            ("producer", clean_line(self.producer or "") or None),
        ):
            object.__setattr__(self, name, value)


def _tidied(bullets: Iterable[Bullet]) -> list[Bullet]:
    kept: list[Bullet] = []
    for bullet in bullets:
        text, heading, depth = clean_line(bullet.text), clean_line(bullet.heading), max(0, bullet.depth)
        found = split_section(heading)
        if found != (bullet.section, heading, ""):
            heading = bullet.section
        if depth and not text:
            continue
        while depth and kept and not kept[-1].text and (kept[-1].section, kept[-1].heading) == (bullet.section, heading):
            kept.pop()  # the heading is no longer alone
        above = kept[-1].depth if kept and (kept[-1].section, kept[-1].heading) == (bullet.section, heading) else 0
        kept.append(bullet.model_copy(update={"text": text, "heading": heading, "depth": min(depth, above + 1)}))
    return kept


@dataclass(frozen=True, slots=True)
class NotesBlock:
    """A stretch of a notes file: what stands before the first paper, or one paper.

    `text` is every character of it, `line` the 1-based line it starts on. `note` is None before the
    first paper and where no paper can be read, for which `refusal` says why. `free` are the lines
    that are no part of the form (names of images, sections we do not know), with their line numbers.
    `dated` says that venue and year are stated, be it as unknown.
    """

    text: str
    line: int
    number: int | None = None
    note: PaperNote | None = None
    free: tuple[tuple[int, str], ...] = ()
    refusal: str | None = None
    dated: bool = False


@dataclass(frozen=True, slots=True)
class NotesDocument:
    """A notes file: the texts of `blocks`, joined, are the file; `title` is its first line, or empty."""

    blocks: tuple[NotesBlock, ...]
    title: str = ""

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.blocks)

    @property
    def notes(self) -> tuple[PaperNote, ...]:
        """The papers' notes in the order of the file."""
        return tuple(block.note for block in self.blocks if block.note)
