"""DBLP's search: where a paper was published, with its DOI. It has no abstracts, and one request asks for one paper.

Titles end in a full stop that is not theirs, namesakes are numbered ("Xiaopeng Zhang 0009"), a paper's only author
is an object where several are a list, texts are escaped as in XML.

Pace: two seconds; it asks clients to be slow and answers 429 otherwise.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from triage.errors import SourceError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.completeness import SITE_CHANGED
from triage.sources.enrichment import Batch, Enrichment, EnrichmentSource, Wanted, is_about, paper_url
from triage.sources.entries import Entries, read_entries
from triage.sources.preprints import arxiv_id
from triage.sources.reading import read_json
from triage.text import clean_line, clean_name, clean_url, identifiers_in_url, identifiers_of_doi, is_generic_title, is_preprint, plain

__all__ = ["DBLP"]

HITS = 10
"""Hits a search: the preprint, the paper and namesakes of its title."""

LONGEST_QUERY = 300
"""Characters of a title that are searched for; the rest makes no difference, and addresses have their limits."""


class DBLP(EnrichmentSource):
    """One search a title."""

    name = "dblp"
    hosts = ("dblp.org",)
    base_url = "https://dblp.org"

    def batches(self, wanted: Iterable[Wanted], *, base_url: str) -> tuple[Batch, ...]:
        """One request a paper; titles that many papers have ("Editorial") are not searched for."""
        return tuple(
            Batch(_search(query, base_url), (paper,), (query,))
            for paper in wanted
            if not is_generic_title(paper.title) and (query := _query(paper.title))
        )

    def read(self, batch: Batch, response: Response) -> Enrichment:
        """The hit that is about the paper; a published version goes before its preprint."""
        entries, verdict = _entries(batch.request, response)
        answers = []
        for paper in batch.wanted:
            fitting = [record for record in entries.records if is_about(paper, record)]
            fitting.sort(key=lambda record: is_preprint(record.venue))
            answers.append(fitting[0] if fitting else None)
        return Enrichment(tuple(answers), verdict, entries.refused)

    def parse(self, request: Request, response: Response) -> Parsed:
        """The hits of a search. Raises SourceError for anything else."""
        entries, verdict = _entries(request, response)
        return Parsed(entries.records, verdict, entries.refused)


def _search(query: str, base_url: str) -> Request:
    address = urlencode({"q": query, "h": HITS, "format": "json"})
    return Request(key=query[:200], url=f"{base_url.rstrip('/')}/search/publ/api?{address}", accept=("application/json",))


def _query(title: str) -> str:
    """The words of a title: signs have a meaning of their own in a search ("|" or "$")."""
    words = re.findall(r"[\w']+", plain(title))
    query = ""
    for word in words:
        if len(query) + len(word) >= LONGEST_QUERY:
            break
        query += f" {word}"
    return query.strip()


def _entries(request: Request, response: Response) -> tuple[Entries, Verdict]:
    answer = read_json(response.body, request.url)
    result = answer.get("result") if isinstance(answer, dict) else None
    hits = result.get("hits") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(hits, dict):
        raise SourceError(f"{request.url}: no result of a search", hint=SITE_CHANGED)
    status = result.get("status")
    if isinstance(status, dict) and status.get("@code") not in {None, "200"}:
        raise SourceError(
            f"{request.url}: DBLP says: {clean_line(str(status.get('text')))[:200]}", hint="it is asked again in the next run"
        )
    found = hits.get("hit", [])
    found = [found] if isinstance(found, dict) else found
    total, sent = _number(hits.get("@total")), _number(hits.get("@sent"))
    if not isinstance(found, list):
        raise SourceError(f"{request.url}: hits that are no list", hint=SITE_CHANGED)
    if not found and not total:
        return Entries((), (), 0), Verdict(True, "no hit", 0, "truly none")
    entries = read_entries(found, lambda hit: _record(hit, response.sha256), url=request.url, named=_named)
    verdict = entries.verdict(declared=sent, what="hits")
    return entries, Verdict(verdict.complete, f"{verdict.reason}, the first of {total} found", sent, verdict.nothing)


def _number(value: Any) -> int:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else 0


def _named(hit: Any) -> str:
    entry = hit.get("info") if isinstance(hit, dict) else None
    return str(entry.get("key") or "") if isinstance(entry, dict) else ""


def _record(hit: Any, sha256: str) -> Record:
    said = hit.get("info") if isinstance(hit, dict) else None
    if not isinstance(said, dict):
        raise ValueError("a hit without a publication")
    key, title = _first(said.get("key")), _first(said.get("title"))
    if not key or not title:
        raise ValueError("no title" if key else "no key")
    if said.get("type") in {"Editorship", "Withdrawn Items"}:
        raise ValueError(f"no paper but {said['type']}")
    identifiers = _identifiers(said)
    page = clean_url(_first(said.get("url"))) or clean_url(f"https://dblp.org/rec/{key}")
    venue = _first(said.get("venue"))
    year = _number(said.get("year"))
    return Record(
        source=DBLP.name,
        source_key=key,
        title=re.sub(r"(?<!\.)\.$", "", title),
        authors=_authors(said.get("authors")),
        url=paper_url(identifiers, clean_url(_first(said.get("ee"))) or page),
        venue="arXiv" if venue == "CoRR" else venue or None,
        year=year or None,
        identifiers=identifiers,
        links={"dblp": page} if page else {},
        raw_sha256=sha256,
    )


def _first(value: Any) -> str:
    """The text of a value, or of the first of several; unescaped, on one line."""
    value = value[0] if isinstance(value, list) and value else value
    value = value.get("text") if isinstance(value, dict) else value
    return clean_line(html.unescape(value)) if isinstance(value, str) else ""


def _authors(said: Any) -> tuple[str, ...]:
    listed = said.get("author") if isinstance(said, dict) else None
    people = listed if isinstance(listed, list) else [listed]
    return tuple(name for person in people if (name := clean_name(_first(person))))


def _identifiers(said: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    if (doi := _first(said.get("doi"))).startswith("10."):
        found |= identifiers_of_doi(doi)
    links = said.get("ee")
    for link in links if isinstance(links, list) else [links]:
        found = identifiers_in_url(_first(link).replace("http://", "https://", 1)) | found
    volume = _first(said.get("volume"))
    if volume.startswith("abs/") and (arxiv := arxiv_id(volume.removeprefix("abs/"))):
        found.setdefault("arxiv", arxiv)
    return found
