"""The Anthology's web pages: a paper's page, and the lists of a volume or an event.

A night reads the Anthology's XML, which has everything in one file; pages are for what a person has at hand. Their
attributes are not quoted and `content` stands before `name`, which a parser reads and a regular expression does not.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.anthology import EVENTS, NAME, NEW_IDS, WITH_ABSTRACT, event_of, named, track_of, year_of
from triage.sources.completeness import with_abstracts
from triage.sources.entries import read_entries
from triage.sources.pages import Page, read_page, text_of
from triage.text import clean_name, identifiers_of_doi

__all__ = ["parse_page"]

_HOST = "https://aclanthology.org"
_SAID = re.compile(r'\babstract\s*:\s*("(?:[^"\\]|\\.)*")')


def parse_page(request: Request, response: Response) -> Parsed:
    """A paper's page or a list of papers. Raises SourceError when it is neither."""
    page = read_page(response.body, request.url)
    if page.meta("citation_title"):
        return _paper(page, request, response)
    rows = [row for row in page.find("*", "align-items-stretch") if _titled(row) is not None]
    if not rows:
        raise page.without("papers of the Anthology")
    return _listed(page, rows, request, response)


def _identifier(address: str | None) -> str | None:
    """ "2023.acl-long.1" of an address of its page or its file; None where the address names no paper."""
    stem = urlsplit(address or "").path.strip("/").rpartition("/")[2].removesuffix(".pdf").removesuffix(".bib")
    stem = re.sub(r"v\d+$", "", stem)
    return stem if named(stem) else None


def _record(identifier: str, title: str, authors: tuple[str, ...], abstract: str | None, doi: str, sha256: str) -> Record:
    parts = named(identifier)
    if parts is None or parts[2] == "0":
        raise ValueError(f"no paper but {identifier[:80]!r}, the front matter of a volume")
    collection, volume, _ = parts
    return Record(
        source=NAME,
        source_key=identifier,
        title=title,
        abstract=abstract,
        authors=authors,
        url=f"{_HOST}/{identifier}/",
        venue=event_of(collection, volume),
        year=year_of(collection),
        track=None if volume.isdigit() else track_of(collection, volume, ""),
        identifiers=(identifiers_of_doi(doi) if doi.startswith("10.") else {}) | {"anthology": identifier},
        links={"pdf": f"{_HOST}/{identifier}.pdf"},
        raw_sha256=sha256,
    )


# -- a paper's page


def _paper(page: Page, request: Request, response: Response) -> Parsed:
    identifier = _identifier(page.meta("citation_pdf_url")) or _identifier(request.url)
    if identifier is None:
        raise page.without("the id of the paper")
    authors = tuple(name for one in page.metas("citation_author") if (name := clean_name(one)))
    abstract = _abstract(page)
    record = _record(identifier, page.meta("citation_title") or "", authors, abstract, page.meta("citation_doi") or "", response.sha256)
    return Parsed((record,), Verdict(abstract is not None, "the paper" if abstract else "no abstract on the paper's page", 1))


def _abstract(page: Page) -> str | None:
    """Shown under its heading, else as the page hands it to its own script."""
    for block in page.find("div", "acl-abstract"):
        spans = list(block.iter("span"))
        text = text_of(spans[0] if spans else block)
        if text := re.sub(r"^Abstract\b\s*", "", text):
            return text
    for script in page.root.iter("script"):
        if "paper_params" in (script.text or "") and (found := _SAID.search(script.text)):
            try:
                return str(json.loads(found[1])).strip() or None
            except ValueError:
                return None
    return None


# -- lists


def _titled(row: Any) -> Any | None:
    """The link of a row's title; buttons beside it lead to the same paper. None for a row that names no paper (a whole volume)."""
    return next((link for strong in row.iter("strong") for link in strong.iter("a") if _identifier(link.get("href"))), None)


def _linked(row: Any) -> str:
    link = _titled(row)
    return (_identifier(link.get("href")) or "") if link is not None else ""


def _listed(page: Page, rows: list[Any], request: Request, response: Response) -> Parsed:
    wanted = [row for row in rows if (parts := named(_linked(row))) and parts[2] != "0"]  # 0 is the front matter
    if not wanted:
        raise page.without("papers of the Anthology")
    entries = read_entries(wanted, lambda row: _row(page, row, response.sha256), url=request.url, named=_linked)
    verdict = entries.verdict(declared=None, what="papers", whole=page.whole, signed=True)
    own = {name for name, _ in EVENTS.values()}
    if all(record.venue in own and (record.year or 0) >= NEW_IDS for record in entries.records):
        verdict = with_abstracts(verdict, entries.records, WITH_ABSTRACT)
    return Parsed(entries.records, verdict, entries.refused)


def _row(page: Page, row: Any, sha256: str) -> Record:
    identifier = _linked(row)
    authors = tuple(clean_name(text) for text, href in page.links(row) if urlsplit(href).path.startswith("/people/"))
    # the block that unfolds has the id with doubled dashes for its dots
    abstract = page.with_id(f"abstract-{identifier.replace('.', '--')}")
    return _record(identifier, text_of(_titled(row)), authors, text_of(abstract) or None, "", sha256)
