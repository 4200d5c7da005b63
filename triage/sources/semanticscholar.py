"""Semantic Scholar's graph API: hundreds of papers in one request, by arXiv id, DOI or Anthology id.

A batch answers with a list in the order of the ids, `null` for what it does not know; each row is checked against
the paper it is taken for all the same. Without a key, 429 is common, and abstracts of some publishers are left out.

Pace: three seconds; clients without a key share one allowance.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from triage.errors import SourceError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.completeness import SITE_CHANGED
from triage.sources.enrichment import Batch, Enrichment, EnrichmentSource, Wanted, in_batches, is_about, paper_url
from triage.sources.entries import read_entries
from triage.sources.pages import day_of
from triage.sources.preprints import arxiv_id, one_line
from triage.sources.reading import read_json
from triage.text import clean_line, clean_name, clean_url, identifiers_of_doi

__all__ = ["SemanticScholar"]

BATCH = 500
"""Ids a request, the most the API takes (https://api.semanticscholar.org/api-docs/graph, POST /paper/batch)."""

FIELDS = "title,abstract,authors,externalIds,openAccessPdf,publicationDate,url,venue,year"

_SCHEMES = (("arxiv", "ARXIV"), ("doi", "DOI"), ("anthology", "ACL"))


class SemanticScholar(EnrichmentSource):
    """POST /graph/v1/paper/batch; its other answers (a paper, a search) are understood too."""

    name = "semanticscholar"
    hosts = ("api.semanticscholar.org",)
    base_url = "https://api.semanticscholar.org"

    def batches(self, wanted: Iterable[Wanted], *, base_url: str) -> tuple[Batch, ...]:
        """One request for up to 500 papers."""
        named = [(name, paper) for paper in wanted if (name := _name(paper))]
        url = f"{base_url.rstrip('/')}/graph/v1/paper/batch?fields={FIELDS}"
        found = []
        for number, (names, papers) in enumerate(in_batches(named, BATCH), 1):
            body = json.dumps({"ids": list(names)}, ensure_ascii=True).encode()
            request = Request(key=f"batch {number}: {names[0]}", url=url, accept=("application/json",), method="POST", body=body)
            found.append(Batch(request, papers, names))
        return tuple(found)

    def read(self, batch: Batch, response: Response) -> Enrichment:
        """Rows in the order asked; a row that is about another paper answers nothing. Raises SourceError when rows are missing."""
        rows = read_json(response.body, batch.request.url)
        if not isinstance(rows, list):
            raise _refusal(rows, batch.request.url)
        if len(rows) != len(batch.wanted):
            raise SourceError(
                f"{batch.request.url}: {len(rows)} rows for {len(batch.wanted)} ids", hint="which row is whose cannot be told"
            )
        answers: list[Record | None] = []
        astray = 0
        known = read_entries(
            [row for row in rows if row is not None], lambda row: _record(row, response.sha256), url=batch.request.url, named=_named
        )
        by_key = {record.source_key: record for record in known.records}
        for paper, row in zip(batch.wanted, rows, strict=True):
            record = by_key.get(str(row.get("paperId") or "")) if isinstance(row, dict) else None
            fits = record is not None and is_about(paper, record)
            astray += record is not None and not fits
            answers.append(record if fits else None)
        reason = f"{sum(answer is not None for answer in answers)} of {len(rows)} known" + (f", {astray} about others" if astray else "")
        return Enrichment(tuple(answers), Verdict(not astray, reason, len(rows)), known.refused)

    def parse(self, request: Request, response: Response) -> Parsed:
        """A batch, a page of a search, or one paper. Raises SourceError for the API's errors and anything else."""
        answer = read_json(response.body, request.url)
        rows = answer if isinstance(answer, list) else answer.get("data") if isinstance(answer, dict) else None
        if isinstance(answer, dict) and "paperId" in answer:
            rows = [answer]
        if rows is None and isinstance(answer, dict) and answer.get("total") == 0 and not answer.get("error"):
            return Parsed((), Verdict(True, "nothing found", 0, "truly none"))
        if not isinstance(rows, list):
            raise _refusal(answer, request.url)
        known = [row for row in rows if row is not None]
        entries = read_entries(known, lambda row: _record(row, response.sha256), url=request.url, named=_named)
        if not known:
            return Parsed((), Verdict(True, f"none of {len(rows)} known", len(rows), "truly none"))
        return Parsed(entries.records, entries.verdict(declared=len(known), what="papers"), entries.refused)


def _name(paper: Wanted) -> str | None:
    return next((f"{prefix}:{paper.identifiers[scheme]}" for scheme, prefix in _SCHEMES if paper.identifiers.get(scheme)), None)


def _named(row: Any) -> str:
    return str(row.get("paperId") or "") if isinstance(row, dict) else ""


def _refusal(answer: Any, url: str) -> SourceError:
    said = (answer.get("error") or answer.get("message")) if isinstance(answer, dict) else None
    reason = f"Semantic Scholar says: {clean_line(str(said))[:200]}" if said else f"no list of papers but {type(answer).__name__}"
    return SourceError(f"{url}: {reason}", hint="it is asked again in the next run; nothing else waits for it" if said else SITE_CHANGED)


def _record(row: Any, sha256: str) -> Record:
    if not isinstance(row, dict):
        raise ValueError(f"{type(row).__name__} where a paper is due")
    key, title = _text(row, "paperId"), _text(row, "title")
    if not key or not title:
        raise ValueError("no title" if key else "no paperId")
    identifiers = _identifiers(row.get("externalIds"))
    page, pdf = clean_url(_text(row, "url")), row.get("openAccessPdf")
    links = {"semanticscholar": page, "pdf": clean_url(_text(pdf, "url")) if isinstance(pdf, dict) else None}
    authors = row.get("authors")
    year = row.get("year")
    return Record(
        source=SemanticScholar.name,
        source_key=key,
        title=clean_line(title),
        abstract=one_line(_text(row, "abstract")),
        authors=tuple(name for one in authors if isinstance(one, dict) and (name := clean_name(_text(one, "name"))))
        if isinstance(authors, list)
        else (),
        url=paper_url(identifiers, page),
        venue=_venue(row),
        year=year if isinstance(year, int) and not isinstance(year, bool) else None,
        published=day_of(_text(row, "publicationDate")),
        identifiers=identifiers,
        links={name: link for name, link in links.items() if link},
        raw_sha256=sha256,
    )


def _venue(row: dict[str, Any]) -> str | None:
    """The venue's name; "arXiv.org" is no venue but the preprint server."""
    name = clean_line(_text(row, "venue"))
    return "arXiv" if name.casefold().startswith("arxiv") else name or None


def _identifiers(said: Any) -> dict[str, str]:
    if not isinstance(said, dict):
        return {}
    found: dict[str, str] = {}
    if _text(said, "DOI").startswith("10."):
        found |= identifiers_of_doi(_text(said, "DOI"))
    if arxiv := arxiv_id(_text(said, "ArXiv")):
        found["arxiv"] = arxiv
    if re.fullmatch(r"[\w.-]+", anthology := _text(said, "ACL")):
        found["anthology"] = anthology
    return found


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
