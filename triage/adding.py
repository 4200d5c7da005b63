"""One paper by hand: looked up where its id, DOI or link points, and kept like any other record.

arXiv ids, links and DOIs are asked at arXiv. Another DOI (also one that an Anthology link spells out) is asked
at the catalogues, one after the other until one knows it. A link to a venue's own page of a paper is read from
that page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlsplit

from triage.due import Due
from triage.errors import UsageError
from triage.gather import open_door
from triage.harvest import Harvest, keep_harvest
from triage.runs import StepReport
from triage.sources import Request, Source
from triage.sources.enrichment import Wanted, is_about
from triage.sources.preprints import arxiv_id
from triage.sources.registry import enrichment_sources, sources, venue_sources
from triage.text import clean_line, clean_url, identifiers_in_url, identifiers_of_doi

if TYPE_CHECKING:
    from triage.runs import Run
    from triage.sources.arxiv import ArXiv
    from triage.sources.enrichment import EnrichmentSource
    from triage.sources.venues import VenueSource
    from triage.web import Door

__all__ = ["Reference", "add", "read_reference"]

AT_ONCE = 100
"""Ids asked for in one request; the API takes more, addresses should stay short."""

PAGES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True)
class Reference:
    """What a person named: an arXiv id, a DOI in small letters, or the page of a paper at a venue."""

    kind: Literal["arxiv", "doi", "page"]
    value: str


def read_reference(words: str) -> Reference:
    """The paper in "arXiv:2305.17530v2", "10.1145/3292500.3330701", an Anthology link, a link to a venue's page.

    Raises UsageError for anything else.
    """
    text = clean_line(words)
    bare = text.removeprefix("doi:").removeprefix("DOI:").strip()
    said = identifiers_in_url(text) or (identifiers_of_doi(bare) if bare.startswith("10.") and "/" in bare else {})
    if found := said.get("arxiv") or arxiv_id(text):
        return Reference("arxiv", found)
    if "anthology" in said and "doi" not in said:
        # since 2016 the Anthology registers a DOI for everything it holds: https://aclanthology.org/info/ids/
        return Reference("doi", f"10.18653/v1/{said['anthology'].lower()}")
    if "doi" in said and not said["doi"].startswith("10.48550/"):
        return Reference("doi", said["doi"])
    url = clean_url(text)
    if url and _site(url):
        return Reference("page", url)
    raise UsageError(
        f"{text[:200]!r} names no paper that can be looked up",
        hint="give an arXiv id, a DOI, or the link of a paper's page at arXiv, Hugging Face, the Anthology or a venue; "
        "any other paper can be imported in a list: triage import FILE",
    )


def _site(url: str) -> VenueSource | None:
    """The venue source whose pages of single papers can be read; the Anthology has a better way (DOIs)."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    for source in venue_sources().values():
        if source.name not in {"acl", "openreview"} and host in {known.removeprefix("www.") for known in source.hosts}:
            return source
    return None


def add(run: Run, words: Sequence[str]) -> list[str]:
    """Look the papers up and keep their records; what nobody knows is a failure. Returns ids, DOIs and links, once each.

    Raises UsageError before anything is asked when one of `words` names nothing.
    """
    references = list(dict.fromkeys(map(read_reference, words)))
    run.progress.step("add", len(references))
    with open_door(run) as door:
        if ids := [one.value for one in references if one.kind == "arxiv"]:
            _from_arxiv(run, door, ids)
        if dois := [one.value for one in references if one.kind == "doi"]:
            _from_catalogues(run, door, dois)
        for one in references:
            if one.kind == "page":
                _from_page(run, door, one.value)
    return [one.value for one in references]


def _from_arxiv(run: Run, door: Door, ids: Sequence[str]) -> StepReport:
    source = cast("ArXiv", sources(run.settings)["arxiv"])
    base = run.settings.sources.named(source.name).base_url or source.base_url
    requests = [source.lookup(ids[start : start + AT_ONCE], base_url=base) for start in range(0, len(ids), AT_ONCE)]
    harvest = Harvest(Due(source, by_hand=True))
    for request, answer in door.fetch_all(requests, source=source.name, hosts=source.hosts):
        parsed = harvest.read(request, answer, None)
        if parsed and not parsed.verdict.complete:
            harvest.trouble("not found", request.key, parsed.verdict.reason, "check the id at https://arxiv.org", day=None)
        run.progress.advance()
    return run.add(keep_harvest(run, harvest, door.drain(), step="add from"))


def _from_catalogues(run: Run, door: Door, dois: Sequence[str]) -> None:
    """Each catalogue is asked for what those before it did not know; one that fails is told and the next is asked."""
    missing = [Wanted(doi, "", {"doi": doi}) for doi in dois]
    catalogues = enrichment_sources(run.settings)
    for name in ("openalex", "semanticscholar"):
        if missing and run.settings.sources.named(name).enabled is not False:
            missing = _ask_catalogue(run, door, catalogues[name], missing)
    for paper in missing:
        hint = "check the DOI at https://doi.org; a paper no catalogue has can be imported in a list: triage import FILE"
        run.fail("add", paper.key, "not found", f"no catalogue knows the DOI {paper.key}", hint)
    run.progress.advance(len(dois))


def _ask_catalogue(run: Run, door: Door, source: EnrichmentSource, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Keep what the catalogue knows; returns what it does not."""
    base = run.settings.sources.named(source.name).base_url or source.base_url
    batches = {batch.request: batch for batch in source.batches(wanted, base_url=base)}
    harvest = Harvest(Due(cast("Source", source), by_hand=True))
    for request, answer in door.fetch_all(list(batches), source=source.name, hosts=source.hosts):
        harvest.read(request, answer, None)
    harvest.records = [record for record in harvest.records if any(is_about(paper, record) for paper in wanted)]
    harvest.kept |= dict.fromkeys(batches, tuple(record.source_key for record in harvest.records))
    run.add(keep_harvest(run, harvest, door.drain(), step="add from"))
    return [paper for paper in wanted if not any(is_about(paper, record) for record in harvest.records)]


def _from_page(run: Run, door: Door, url: str) -> None:
    """The record of one paper's page; a page that lists papers is refused, whatever it holds."""
    source = _site(url)
    if source is None:  # read_reference has asked already
        raise UsageError(f"{url}: no page of a venue we read", hint="give another link")
    harvest = Harvest(Due(cast("Source", source), by_hand=True))
    request = Request(url, _at(url, run.settings.sources.named(source.name).base_url), PAGES)
    for asked, answer in door.fetch_all([request], source=source.name, hosts=source.hosts):
        parsed = harvest.read(asked, answer, None)
        if parsed and len(parsed.records) != 1:
            harvest.records, harvest.answers = [], []
            message = f"{url}: a page of {len(parsed.records)} papers, not of one"
            harvest.trouble("not one paper", url, message, "give the link of the paper's own page", day=None)
    run.progress.advance()
    run.add(keep_harvest(run, harvest, door.drain(), step="add from"))


def _at(url: str, base_url: str | None) -> str:
    """The same page at a mirror, where the settings name one."""
    if base_url is None:
        return url
    parts = urlsplit(url)
    return base_url.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")
