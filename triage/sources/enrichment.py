"""Enrichment: what other catalogues know of papers we have: a missing abstract, a DOI, "this preprint is now at CVPR".

An enrichment source decides nothing about what was published, and can stop no night: `read_batch` turns whatever
goes wrong with an answer into "nothing known", with the reason. Answers are tied to papers by what they say
(an identifier, a title), never by their place alone: one missing row would shift all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from triage.errors import SourceError
from triage.models import Record, Refusal
from triage.sources import Parsed, Request, Response, Verdict
from triage.text import is_generic_title, normalise_doi, title_key

__all__ = ["Batch", "Enrichment", "EnrichmentSource", "Wanted", "in_batches", "is_about", "paper_url", "read_batch"]

YEARS_APART = 2
"""A preprint appears up to two years before its conference."""


@dataclass(frozen=True)
class Wanted:
    """A paper about which more is wanted; `key` is the caller's own (a work's or a record's id)."""

    key: str
    title: str
    identifiers: Mapping[str, str] = field(default_factory=dict)
    year: int | None = None


@dataclass(frozen=True)
class Batch:
    """One request and the papers it asks about; `asked` says by what each is asked, in the same order."""

    request: Request
    wanted: tuple[Wanted, ...]
    asked: tuple[str, ...]


@dataclass(frozen=True)
class Enrichment:
    """One answer a paper, aligned with `Batch.wanted`: None where the source knows nothing, or nothing that fits.

    `verdict.complete` says whether the answer itself was whole; papers that a catalogue does not know are no fault of it.
    """

    answers: tuple[Record | None, ...]
    verdict: Verdict
    refused: tuple[Refusal, ...] = ()
    failure: SourceError | None = None


class EnrichmentSource(Protocol):
    """A catalogue that is asked about papers by their identifiers or titles.

    Its records' `source_key` is the catalogue's own key, `venue` is as it says, `url` is where the paper itself is
    (by DOI, else arXiv, else the catalogue's page, which is among `links` too).
    """

    name: str
    hosts: tuple[str, ...]
    base_url: str

    def batches(self, wanted: Iterable[Wanted], *, base_url: str) -> tuple[Batch, ...]:
        """The requests for these papers. Those that cannot be asked for (no identifier that it knows) are left out."""
        ...

    def read(self, batch: Batch, response: Response) -> Enrichment:
        """The answers to a batch. Raises SourceError when the answer is not what the source gives."""
        ...

    def parse(self, request: Request, response: Response) -> Parsed:
        """Every paper in an answer, whatever was asked. Raises SourceError like `read`."""
        ...


def read_batch(source: EnrichmentSource, batch: Batch, response: Response) -> Enrichment:
    """`source.read`, which here cannot fail: an answer that is refused answers None to everything and says why."""
    try:
        return source.read(batch, response)
    except SourceError as error:
        return Enrichment((None,) * len(batch.wanted), Verdict(False, error.message), failure=error)


def in_batches(named: Sequence[tuple[str, Wanted]], size: int) -> list[tuple[tuple[str, ...], tuple[Wanted, ...]]]:
    """(names, papers) in groups of at most `size`, in order."""
    parts = (named[start : start + size] for start in range(0, len(named), size))
    return [(tuple(name for name, _ in part), tuple(paper for _, paper in part)) for part in parts]


def is_about(wanted: Wanted, record: Record) -> bool:
    """Whether a record is about the paper: an identifier of both is the same, or else title and (nearly) year are.

    Of two identifiers of one scheme that differ, an arXiv or Anthology id proves another paper. A DOI does not (the
    preprint's and the publisher's), nor does an OpenReview forum (a paper that was submitted twice).
    """
    differs = False
    for scheme, value in wanted.identifiers.items():
        said = record.identifiers.get(scheme)
        if said is None:
            continue
        if _folded(scheme, said) == _folded(scheme, value):
            return True
        differs = differs or scheme in {"arxiv", "anthology"}
    if differs or is_generic_title(wanted.title) or title_key(wanted.title) != title_key(record.title):
        return False
    return wanted.year is None or record.year is None or abs(wanted.year - record.year) <= YEARS_APART


def _folded(scheme: str, value: str) -> str:
    return normalise_doi(value) if scheme == "doi" else value


def paper_url(identifiers: Mapping[str, str], otherwise: str | None) -> str | None:
    """Where a paper is, by its identifiers: its DOI, else its preprint, else `otherwise`."""
    if doi := identifiers.get("doi"):
        return f"https://doi.org/{doi}"
    if arxiv := identifiers.get("arxiv"):
        return f"https://arxiv.org/abs/{arxiv}"
    return otherwise
