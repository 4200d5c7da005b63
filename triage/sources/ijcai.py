"""IJCAI (www.ijcai.org): the listing of a year, abstracts and DOIs on the papers' own pages.

Pace: ten seconds, which is the site's own wish (Crawl-delay); a year of a thousand papers takes three hours, so
abstracts are better had from an enrichment source where one has them.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from triage.errors import SourceError, UsageError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.entries import read_entries
from triage.sources.pages import Page, absolute, listed_names, read_page, text_of
from triage.sources.venues import VenueSource
from triage.text import clean_line, clean_name, identifiers_of_doi

__all__ = ["IJCAI"]

FIRST_YEAR = 2017
"""Earlier proceedings have another form, and their papers no pages of their own."""

_HTML = ("text/html", "application/xhtml+xml")
_PAPER = re.compile(r"/proceedings/(\d{4})/0*(\d+)/?$")
_DOI = re.compile(r"10\.24963/ijcai\.(\d{4})/(\d+)")
_BLOCKS = ("div", "h1", "h2", "h3", "ul", "table", "form")


class IJCAI(VenueSource):
    """One page a year, then one page a paper."""

    name = "ijcai"
    hosts = ("www.ijcai.org", "ijcai.org")
    base_url = "https://www.ijcai.org"

    def listing(self, venue: str, year: int, *, base_url: str) -> tuple[Request, ...]:
        """The listing of the year. Raises UsageError for another venue, or a year before 2017."""
        if venue.upper() != "IJCAI" or year < FIRST_YEAR:
            raise UsageError(f"IJCAI's site has no {venue} {year} in a form that is read", hint=f"it has IJCAI since {FIRST_YEAR}")
        return (Request(key=f"IJCAI {year}", url=f"{base_url.rstrip('/')}/proceedings/{year}/", accept=_HTML),)

    def parse(self, request: Request, response: Response) -> Parsed:
        """A listing or a paper's page. Raises SourceError for anything else."""
        page = read_page(response.body, request.url)
        if page.find("div", "paper_wrapper"):
            return _parse_listing(page, request, response)
        if page.meta("citation_title"):
            return _parse_paper(page, request, response)
        if page.find("*", "section_title"):
            return Parsed((), Verdict(False, "sections without a paper", None, "parsed none"))
        raise page.without("a list of papers or a paper")


def _parse_listing(page: Page, request: Request, response: Response) -> Parsed:
    wrapped: list[tuple[Any, str | None]] = []
    track: str | None = None
    for element in page.root.iter("div", "h2", "h3"):  # in the order of the page, whichever way sections are nested
        names = (element.get("class") or "").split()
        if "section_title" in names:
            heading = next(element.iter("h2", "h3"), None)
            track = text_of(heading) if heading is not None else clean_line(element.text or "")
        elif "paper_wrapper" in names:
            wrapped.append((element, track or None))
    base = request.url.partition("/proceedings/")[0]
    entries = read_entries(
        wrapped, lambda one: _listed(page, one[0], one[1], response.sha256), url=request.url, named=lambda one: text_of(one[0])
    )
    declared = len({match.groups() for _, href in page.links() if (match := _PAPER.search(href))})
    verdict = entries.verdict(declared=declared, what="papers", whole=page.whole, signed=True)
    more = tuple(
        Request(
            key=f"IJCAI {record.year} page {record.source_key}",
            url=f"{base}{urlsplit(record.url or '').path}",
            accept=_HTML,
        )
        for record in entries.records
    )
    return Parsed(entries.records, verdict, entries.refused, more)


def _listed(page: Page, wrapper: Any, track: str | None, sha256: str) -> Record:
    title, authors = (next(iter(page.find("div", name, wrapper)), None) for name in ("title", "authors"))
    links = {text.casefold(): href for text, href in page.links(wrapper)}
    url = absolute(links.get("details"), f"{IJCAI.base_url}/proceedings/")
    found = _PAPER.search(url or "")
    if url is None or found is None:
        raise ValueError("no link to the paper's page")
    year = int(found[1])
    pdf = absolute(links.get("pdf"), f"{IJCAI.base_url}/proceedings/{year}/")
    return Record(
        source=IJCAI.name,
        source_key=f"{year}/{found[2]}",
        title=text_of(title),
        authors=listed_names(text_of(authors)),
        url=url,
        venue="IJCAI",
        year=year,
        track=track,
        links={"pdf": pdf} if pdf else {},
        raw_sha256=sha256,
    )


def _parse_paper(page: Page, request: Request, response: Response) -> Parsed:
    doi = _doi(page)
    place = _PAPER.search(urlsplit(request.url).path) or (_DOI.fullmatch(doi) if doi else None)
    if place is None:
        raise SourceError(f"{request.url}: a paper's page without its DOI, and of which paper is not known", hint="name its address")
    year, number = int(place[1]), place[2]
    pdf = absolute(page.meta("citation_pdf_url"), IJCAI.base_url)
    abstract = _abstract(page)
    record = Record(
        source=IJCAI.name,
        source_key=f"{year}/{number}",
        title=page.meta("citation_title") or "",
        abstract=abstract,
        authors=tuple(clean_name(name) for name in page.metas("citation_author")),
        url=f"{IJCAI.base_url}/proceedings/{year}/{number}",
        venue="IJCAI",
        year=year,
        identifiers=identifiers_of_doi(doi) if doi else {},
        links={"pdf": pdf} if pdf else {},
        raw_sha256=response.sha256,
    )
    whole = page.whole and abstract is not None
    return Parsed((record,), Verdict(whole, "1 paper" if abstract else "1 paper, without its abstract", 1))


def _doi(page: Page) -> str | None:
    said = [page.meta("citation_doi") or "", *(href for _, href in page.links() if "doi.org/" in href)]
    return next((found[0] for text in said if (found := _DOI.search(text))), None)


def _abstract(page: Page) -> str | None:
    """The first full-width column that holds text and nothing built: title, keywords and buttons stand in blocks of their own."""
    for column in page.find("div", "col-md-12"):
        text = text_of(column)
        if text and not any(child.tag in _BLOCKS for child in column.iterdescendants()) and text != page.meta("citation_title"):
            return text
    return None
