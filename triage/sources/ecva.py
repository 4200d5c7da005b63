"""ECVA (www.ecva.net): ECCV since 2018, every year in one page; abstracts are on the papers' own pages.

The years are told apart by the links (`papers/eccv_2024/...`), never by the order of the sections. Names carry
marks for equal contribution; 2018 has "Last, First and Last, First", 2020 doubled commas. Abstracts stand in
quotation marks. robots.txt speaks to one search engine only.

Pace: one second, as for every site without a wish of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from triage.errors import SourceError, UsageError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.bibtex import bibtex_names
from triage.sources.completeness import SITE_CHANGED
from triage.sources.entries import read_entries
from triage.sources.pages import Page, absolute, listed_names, read_page, text_of
from triage.sources.venues import VenueSource
from triage.text import clean_line, identifiers_of_doi

__all__ = ["ECVA"]

FIRST_YEAR = 2018

_HTML = ("text/html", "application/xhtml+xml")
_PAPER = re.compile(r"(?:^|/)papers/(?P<key>eccv_(?P<year>\d{4})/papers_\w+/html/(?P<stem>[^/?#]+))\.php$", re.IGNORECASE)
_DOI = re.compile(r"^https?://(?:link\.springer\.com/(?:chapter/|content/pdf/)?|(?:dx\.)?doi\.org/)(10\.\d{4,9}/[^\s?#]+?)(?:\.pdf)?$")
_QUOTED = re.compile(r'^["“”](.*)["“”]$', re.DOTALL)


class ECVA(VenueSource):
    """One page for all years, then one page a paper."""

    name = "ecva"
    hosts = ("www.ecva.net", "ecva.net")
    base_url = "https://www.ecva.net"

    def listing(self, venue: str, year: int, *, base_url: str) -> tuple[Request, ...]:
        """The page of all years. Raises UsageError for another venue, an odd year or one before 2018."""
        if venue.upper() != "ECCV" or year < FIRST_YEAR or year % 2:
            raise UsageError(f"ECVA has no {venue} {year}", hint=f"it has ECCV of every even year since {FIRST_YEAR}")
        return (Request(key=f"ECCV {year}", url=f"{base_url.rstrip('/')}/papers.php", accept=_HTML),)

    def parse(self, request: Request, response: Response) -> Parsed:
        """The listing (of the year asked for; of all years when none was) or a paper's page. Raises SourceError for anything else."""
        page = read_page(response.body, request.url)
        if page.with_id("papertitle") is not None:
            return _parse_paper(page, request, response)
        return _parse_listing(page, request, response)


def _parse_listing(page: Page, request: Request, response: Response) -> Parsed:
    links = {href: found for _, href in page.links() if (found := _PAPER.search(href))}
    if not links:
        raise page.without("a link to a paper of ECCV")
    year = _year_asked(request)
    years = Counter(int(found["year"]) for found in links.values())
    if year and not years[year]:
        there = ", ".join(str(one) for one in sorted(years))
        if not page.whole:
            return Parsed((), Verdict(False, f"the page ends too early, before ECCV {year}", None, "parsed none"))
        return Parsed((), Verdict(True, f"ECCV {year} is not there yet; there are {there}", 0, "truly none"))
    terms = [(term, href) for term in page.find("dt", "ptitle") if (href := _href(page, term)) and year in {None, _year(href)}]
    if not terms:
        raise page.without("entries around its links to papers")
    entries = read_entries(
        terms, lambda term: _listed(page, term[0], term[1], response.sha256), url=request.url, named=lambda term: term[1]
    )
    declared = years[year] if year else len(links)
    base = request.url.partition("/papers.php")[0]
    more = tuple(_page(record, base) for record in entries.records)
    verdict = entries.verdict(declared=declared, what="papers", whole=page.whole, signed=True)
    return Parsed(entries.records, verdict, entries.refused, more)


def _year_asked(request: Request) -> int | None:
    found = re.match(r"ECCV (\d{4})\b", request.key)
    return int(found[1]) if found else None


def _href(page: Page, term: Any) -> str | None:
    return next((href for _, href in page.links(term) if _PAPER.search(href)), None)


def _year(href: str) -> int | None:
    found = _PAPER.search(href)
    return int(found["year"]) if found else None


def _page(record: Record, base: str) -> Request:
    path = (record.url or "").removeprefix(ECVA.base_url)
    return Request(key=f"ECCV {record.year} page {record.source_key}", url=f"{base}{path}", accept=_HTML)


def _listed(page: Page, term: Any, href: str, sha256: str) -> Record:
    names, links = "", dict[str, str]()
    for sibling in term.itersiblings():
        if sibling.tag == "dt":
            break
        if sibling.tag == "dd":
            found = list(page.links(sibling))
            links |= {text.casefold(): link for text, link in reversed(found)}
            names = names or ("" if found else text_of(sibling))
    return _record(href, text_of(term), names, links, None, sha256)


def _record(href: str, title: str, names: str, links: dict[str, str], abstract: str | None, sha256: str) -> Record:
    """Raises ValueError for a link that is no paper's. `links` are the texts of links, folded, with their addresses."""
    url, found = absolute(href, f"{ECVA.base_url}/"), _PAPER.search(href)
    if url is None or found is None:
        raise ValueError("the link is not one of a paper")
    doi = next((matched[1] for link in links.values() if (matched := _DOI.match(link))), None)
    pdf = absolute(links.get("pdf"), url if links.get("pdf", "").startswith("..") else f"{ECVA.base_url}/")
    year = int(found["year"])
    return Record(
        source=ECVA.name,
        source_key=f"eccv_{year}/{found['stem']}",
        title=clean_line(title),
        abstract=abstract,
        authors=bibtex_names(names) if year == FIRST_YEAR else listed_names(names),
        url=url,
        venue="ECCV",
        year=year,
        identifiers=identifiers_of_doi(doi) if doi else {},
        links={"pdf": pdf} if pdf else {},
        raw_sha256=sha256,
    )


def _parse_paper(page: Page, request: Request, response: Response) -> Parsed:
    title, authors = page.with_id("papertitle"), page.with_id("authors")
    # the title's element is not closed on old pages: what stands before the first element in it is the title
    shown = clean_line(title.text or "") if title is not None else ""
    names = text_of(next(authors.iter("i"), authors)) if authors is not None else ""
    quoted = text_of(page.with_id("abstract"))
    unquoted = _QUOTED.sub(r"\1", quoted).strip()
    address = f"{ECVA.base_url}/papers/{request.url.rpartition('/papers/')[2]}"
    if not _PAPER.search(address):
        raise SourceError(f"{request.url}: a paper's page, and of which paper is not known without its address", hint="name its address")
    links = {text.casefold(): href for text, href in page.links()}
    try:
        record = _record(address, shown or text_of(title), names.partition(";")[0], links, unquoted or None, response.sha256)
    except ValueError as error:
        raise SourceError(f"{request.url}: not a paper's page: {error}", hint=SITE_CHANGED) from error
    whole = page.whole and bool(unquoted)
    return Parsed((record,), Verdict(whole, "1 paper" if unquoted else "1 paper, without its abstract", 1))
