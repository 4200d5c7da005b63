"""OpenAlex: works by DOI, fifty in one request; abstracts are kept as word positions and put together again.

arXiv papers have DOIs there too (10.48550/arxiv.<id>). A work lists every place where it stands, so that a
published paper names its preprint.

Pace: one second, well below its ten requests a second; what counts is its budget of requests a day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from triage.errors import SourceError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.completeness import SITE_CHANGED
from triage.sources.enrichment import Batch, Enrichment, EnrichmentSource, Wanted, in_batches, is_about, paper_url
from triage.sources.entries import Entries, read_entries
from triage.sources.pages import day_of
from triage.sources.preprints import one_line
from triage.sources.reading import read_json
from triage.text import clean_line, clean_name, clean_url, identifiers_in_url, identifiers_of_doi

__all__ = ["OpenAlex", "abstract_of"]

BATCH = 50
"""Values joined by "or" in one filter: half of what is allowed, so that addresses stay short."""

SELECTED = "id,doi,title,publication_year,publication_date,type,primary_location,locations,authorships,abstract_inverted_index"

WORDS_PRESENT = 0.9
"""Share of positions of an abstract that must have a word; a few are empty in recorded answers, more is a torn text."""


class OpenAlex(EnrichmentSource):
    """GET /works by DOI. `contact` is named to it where it is a mail address, as its rules ask for."""

    name = "openalex"
    hosts = ("api.openalex.org",)
    base_url = "https://api.openalex.org"

    def __init__(self, contact: str = "") -> None:
        self.contact = contact

    def batches(self, wanted: Iterable[Wanted], *, base_url: str) -> tuple[Batch, ...]:
        """One request for up to fifty papers that have a DOI or an arXiv id."""
        named = [(doi, paper) for paper in wanted if (doi := _doi(paper))]
        found = []
        for number, (names, papers) in enumerate(in_batches(named, BATCH), 1):
            query: dict[str, Any] = {"filter": f"doi:{'|'.join(dict.fromkeys(names))}", "per-page": BATCH, "select": SELECTED}
            if "@" in self.contact:
                query["mailto"] = self.contact
            url = f"{base_url.rstrip('/')}/works?{urlencode(query, safe=':|/,', quote_via=quote)}"
            found.append(Batch(Request(key=f"batch {number}: {names[0]}", url=url, accept=("application/json",)), papers, names))
        return tuple(found)

    def read(self, batch: Batch, response: Response) -> Enrichment:
        """Works come in an order of their own; each paper gets the one that is about it."""
        entries, verdict = _entries(batch.request, response)
        answers = tuple(next((record for record in entries.records if is_about(paper, record)), None) for paper in batch.wanted)
        reason = f"{sum(answer is not None for answer in answers)} of {len(answers)} known; {verdict.reason}"
        return Enrichment(answers, Verdict(verdict.complete, reason, verdict.declared), entries.refused)

    def parse(self, request: Request, response: Response) -> Parsed:
        """A list of works or one work. Raises SourceError for the API's errors and anything else."""
        entries, verdict = _entries(request, response)
        return Parsed(entries.records, verdict, entries.refused)


def _doi(paper: Wanted) -> str | None:
    """The DOI to ask by; none that would end or split the filter."""
    arxiv = paper.identifiers.get("arxiv")
    doi = paper.identifiers.get("doi") or (f"10.48550/arxiv.{arxiv}" if arxiv else None)
    return doi if doi and not re.search(r"[|,\s]", doi) else None


def _entries(request: Request, response: Response) -> tuple[Entries, Verdict]:
    answer = read_json(response.body, request.url)
    if not isinstance(answer, dict) or answer.get("error"):
        said = clean_line(str(answer.get("message") or answer.get("error")))[:200] if isinstance(answer, dict) else ""
        reason = f"OpenAlex says: {said}" if said else f"no list of works but {type(answer).__name__}"
        raise SourceError(f"{request.url}: {reason}", hint="it is asked again in the next run; nothing else waits for it")
    works = answer.get("results")
    meta = answer.get("meta")
    declared = meta.get("count") if isinstance(meta, dict) and isinstance(meta.get("count"), int) else None
    if works is None and "id" in answer:
        works, declared = [answer], 1
    if not isinstance(works, list):
        raise SourceError(f"{request.url}: neither a list of works nor a work", hint=SITE_CHANGED)
    entries = read_entries(works, lambda work: _record(work, response.sha256), url=request.url, named=_named)
    if not works and not declared:
        return entries, Verdict(True, "none known", 0, "truly none")
    return entries, entries.verdict(declared=declared, what="works")


def _named(work: Any) -> str:
    return str(work.get("id") or "") if isinstance(work, dict) else ""


def _record(work: Any, sha256: str) -> Record:
    if not isinstance(work, dict):
        raise ValueError(f"{type(work).__name__} where a work is due")
    key, title = _text(work, "id").rpartition("/")[2], _text(work, "title") or _text(work, "display_name")
    if not key or not title:
        raise ValueError("no title" if key else "no id")
    place = work.get("primary_location")
    place = place if isinstance(place, dict) else {}
    identifiers = _identifiers(work, place)
    page, pdf = clean_url(f"https://openalex.org/{key}"), clean_url(_text(place, "pdf_url"))
    links = {"openalex": page, "pdf": pdf}
    year = work.get("publication_year")
    return Record(
        source=OpenAlex.name,
        source_key=key,
        title=clean_line(title),
        abstract=abstract_of(work.get("abstract_inverted_index")),
        authors=_authors(work.get("authorships")),
        url=paper_url(identifiers, clean_url(_text(place, "landing_page_url")) or page),
        venue=_venue(place),
        year=year if isinstance(year, int) and not isinstance(year, bool) else None,
        published=day_of(_text(work, "publication_date")),
        identifiers=identifiers,
        links={name: link for name, link in links.items() if link},
        raw_sha256=sha256,
    )


def abstract_of(index: Any) -> str | None:
    """The text of {word: [positions]}; None when there is none, or more than a tenth of the words is missing.

    A position that two words claim goes to the first of them; what is no position is left out.
    """
    if not isinstance(index, dict):
        return None
    words: dict[int, str] = {}
    for word, positions in index.items():
        for position in positions if isinstance(positions, list) else ():
            if isinstance(position, int) and not isinstance(position, bool) and position >= 0:
                words.setdefault(position, word)
    if not words or len(words) < WORDS_PRESENT * (max(words) + 1):
        return None
    return one_line(" ".join(words[position] for position in sorted(words)))


def _authors(authorships: Any) -> tuple[str, ...]:
    names = []
    for authorship in authorships if isinstance(authorships, list) else ():
        author = authorship.get("author") if isinstance(authorship, dict) else None
        if isinstance(author, dict) and (name := clean_name(_text(author, "display_name"))):
            names.append(name)
    return tuple(names)


def _venue(place: dict[str, Any]) -> str | None:
    source = place.get("source")
    name = clean_line(_text(source, "display_name")) if isinstance(source, dict) else ""
    return "arXiv" if name.casefold().startswith("arxiv") else name or None


def _identifiers(work: dict[str, Any], place: dict[str, Any]) -> dict[str, str]:
    """Of the work itself, then of the places where it stands too: the first of each scheme counts."""
    doi = re.search(r"10\.\d{4,9}/\S+", _text(work, "doi"))
    found = identifiers_of_doi(doi[0]) if doi else {}
    others = work.get("locations")
    for other in [place, *(others if isinstance(others, list) else [])]:
        said = identifiers_in_url(_text(other, "landing_page_url").replace("http://", "https://", 1)) if isinstance(other, dict) else {}
        found = said | found
    return found


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
