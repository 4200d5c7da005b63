"""The nouns: what the program reads, keeps and says. Pure data, no I/O.

Every model is frozen and refuses unknown keys, so that a typo in a caller or in stored JSON is an
error and not a silent loss.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from triage.text import clean_abstract, clean_line, clean_url, identifiers_of_doi

__all__ = [
    "Bullet",
    "Claim",
    "Decision",
    "DocumentEntry",
    "Evidence",
    "Failure",
    "Label",
    "ParsedDocument",
    "Proposed",
    "Record",
    "Refusal",
    "Screening",
    "Section",
    "WorkReference",
    "stable_id",
]

Section = Literal["Motivation", "Previous works", "Method", "Evaluation", "Results"]
What = Literal["selected", "rejected", "later", "type", "correction", "added", "note", "same", "not-same", "undo"]
Text = Annotated[str, StringConstraints(min_length=1)]


def _clean_link(url: str) -> str:
    if (clean := clean_url(url)) is None:
        raise ValueError(f"not an http(s) link: {url[:100]!r}")
    return clean


# whatever a source forgets to clean, a record is clean: nothing it holds can break a file it is written to
Line = Annotated[str, AfterValidator(clean_line)]
Abstract = Annotated[str, AfterValidator(clean_abstract)]
Link = Annotated[str, AfterValidator(_clean_link)]


def stable_id(prefix: str, *parts: str) -> str:
    """`prefix` and 12 hex digits that depend on `parts` and on nothing else.

    48 bits: at half a million rows the chance of any collision is about 0.0004.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{prefix}{digest[:12]}"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Record(Frozen):
    """What one source said about one paper.

    `title` is one line, `abstract` keeps its inner line breaks; both are cleaned by `triage.text`,
    and a link that is none is refused. `identifiers` maps a scheme (arxiv, doi, openreview, anthology) to its canonical
    value, an arXiv id without version. `published` is the day the source gives, never a guess.
    """

    source: Text
    source_key: Text
    title: Annotated[Line, StringConstraints(min_length=1)]
    url: Link | None = None
    abstract: Abstract | None = None
    authors: tuple[Line, ...] = ()
    venue: Line | None = None
    year: int | None = None
    track: Line | None = None
    acceptance: Line | None = None
    published: date | None = None
    identifiers: dict[str, Line] = Field(default_factory=dict)
    links: dict[str, Link] = Field(default_factory=dict)
    raw_sha256: str | None = None

    @field_validator("year")
    @classmethod
    def _known_year(cls, year: int | None) -> int | None:
        return year if year and year > 0 else None  # exports write 0 where they know none

    @field_validator("identifiers")
    @classmethod
    def _canonical(cls, identifiers: dict[str, str]) -> dict[str, str]:
        """However a source wrote them: a DOI in any case or as a link, arXiv's own DOI as the arXiv id it holds, no version."""
        told = dict(identifiers)
        if told.get("doi"):
            told = identifiers_of_doi(told.pop("doi")) | told
        if "arxiv" in told:
            told["arxiv"] = re.sub(r"v\d+$", "", told["arxiv"])
        return told

    @property
    def record_id(self) -> str:
        """Depends on source and source_key only, so the same record always has the same id."""
        return stable_id("r", self.source, self.source_key)


class Evidence(Frozen):
    """Words that made a judgement: `text[start:end] == quote` in the named field, in characters."""

    field: Literal["title", "abstract"]
    start: int
    end: int
    quote: Text
    cue: Text

    @model_validator(mode="after")
    def _span_fits(self) -> Self:
        if self.end - self.start != len(self.quote):
            raise ValueError(f"span {self.start}:{self.end} does not have the length of {self.quote!r}")
        return self


class Screening(Frozen):
    """How likely a work belongs on the list: `score` in 0..1 with the words that made it.

    `vision_language` and `efficiency` are the two sides, each in 0..1; `efficiency` is None where no word is about
    vision and language, so that it was not weighed. `filter_hit` says whether the curator's own word filter keeps the work.
    """

    score: float
    vision_language: float
    efficiency: float | None
    filter_hit: bool
    evidence: tuple[Evidence, ...] = ()


class Label(Frozen):
    """One efficiency type of one work, by one producer.

    `label` is a taxonomy id such as "compression/distillation", or "other" with the `proposed`
    words. `confidence` in 0..1, None where a person spoke.
    """

    label: Text
    confidence: float | None
    producer: Literal["lexical", "embedding", "nli", "learned", "llm", "human"]
    evidence: tuple[Evidence, ...] = ()
    proposed: str | None = None


class Bullet(Frozen):
    """One line of a note. `depth` 0 is a section heading's own text, 1.. are nested bullets.

    `heading` is the heading as written ("Experimental results"), `section` the canonical one.
    `sentence` is the sentence of the abstract it rests on, None for a person's own words.
    """

    section: Section
    heading: str
    text: str
    depth: int = 1
    sentence: str | None = None


class Claim(Frozen):
    """An efficiency figure as data, with the words it was read from."""

    metric: Text
    value: float
    unit: str
    direction: Literal["up", "down", "kept"]
    against: str | None
    quote: Text


class WorkReference(Frozen):
    """How a person's word names a work: enough to find it again in an empty warehouse."""

    title: Text
    url: str | None = None
    venue: str | None = None
    year: int | None = None
    identifiers: dict[str, str] = Field(default_factory=dict)


class Proposed(Frozen):
    """What the machine had to say about a work at the moment a person spoke.

    `score` is the screening's (0..1); `type` as displayed and `labels` (taxonomy ids) are those of `producer`, the first
    of the machine's producers that had labelled it. None and empty where it had said nothing.
    """

    score: float | None = None
    type: str | None = None
    labels: tuple[str, ...] = ()
    producer: str | None = None


class Decision(Frozen):
    """A person's word about a work: one line of decisions.jsonl. Never written by a machine.

    `value` is the Type as typed for `type`; the undone decision's id for `undo`; a JSON text for `correction` (an object
    of the corrected fields), `added` (the record of a paper written in by hand) and `note` (a list of bullets, empty when
    the note was taken out); `where` says where it was said (a file, a command), `when` is UTC. `after` names the words about the
    same thing that the person knew of (ids, divided by blanks), "" when there was none, None where nobody looked. `value` of a
    `selected` is a year when a move to that year's list was declined.
    """

    id: Text
    when: datetime
    who: Text
    where: Text
    what: What
    work: WorkReference
    value: str | None = None
    reason: str | None = None
    after: str | None = None
    proposed: Proposed | None = None


class Refusal(Frozen):
    """A part of an input that could not be used: where (1-based line), and why."""

    line: int
    reason: Text
    item: str = ""


class Failure(Frozen):
    """Something that went wrong and was survived: a row in `failures`."""

    step: Text
    item: str
    kind: Text
    message: Text
    hint: str | None = None


class DocumentEntry(Frozen):
    """One paper in an imported document, with what the person said there.

    `ticked` is None where the format has no tick box; `type` is the Type as typed; `line` is the
    1-based line its block starts on. `producer` is the machine that wrote the bullets, None when a
    person did.
    """

    record: Record
    line: int
    ticked: bool | None = None
    type: str | None = None
    bullets: tuple[Bullet, ...] = ()
    producer: str | None = None


class ParsedDocument(Frozen):
    """A document read by one format: in = entries + refused."""

    format: Text
    entries: tuple[DocumentEntry, ...]
    refused: tuple[Refusal, ...] = ()
    list_title: str | None = None
