"""NeurIPS by its proceedings (proceedings.neurips.cc): the year's list of titles and one page a paper for the abstract.

Looks met: lists with `span.paper-authors` and a count (2024 on), with authors in <i> before; pages with
`section.paper-section`, and with bare headings before. A <p class="paper-abstract"> that holds further <p> is closed
at once by every parser but one, so an abstract is what stands behind its heading, never that element alone. Since
2025 the year's page leads to companion pages (`vol38-...`) for its tracks.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from triage.errors import SourceError, UsageError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.completeness import SITE_CHANGED
from triage.sources.entries import read_entries
from triage.sources.soup import behind_heading, block_text, not_the_page, read_listing, read_soup, said_in_meta
from triage.sources.venues import VenueSource
from triage.text import clean_line, clean_name, clean_url, identifiers_of_doi, split_authors, venue_key

__all__ = ["NeurIPS"]

FIRST_YEAR = 1987

_ACCEPT = ("text/html",)
_HASH = re.compile(
    r"/paper(?:_files/paper)?/(?P<year>\d{4})/(?:hash|file)/(?P<sha>[0-9a-f]{32})-(?:Abstract|Paper)(?:-(?P<track>[\w-]+))?\.(?:html|pdf)$"
)
_COUNT = re.compile(r"([\d,.]+)\s+papers?\b")
_YEAR = re.compile(r"\b(?:NeurIPS|NIPS)\s+(\d{4})\b|/paper(?:_files/paper)?/(\d{4})(?:/|$)")
_COMPANION = re.compile(r"/vol\d+-[\w-]+/?$")


class _Entry(NamedTuple):
    title: str
    href: str
    authors: str
    track: str


class NeurIPS(VenueSource):
    """The proceedings, 1987 on. Every second: no robots.txt and no rule of its own; one page a paper has to be asked for."""

    name = "neurips"
    hosts = ("proceedings.neurips.cc", "papers.nips.cc", "papers.neurips.cc")
    base_url = "https://proceedings.neurips.cc"

    def listing(self, venue: str, year: int, *, base_url: str) -> tuple[Request, ...]:
        """The year's list of titles, all tracks."""
        if venue_key(venue) not in {"neurips", "nips"} or year < FIRST_YEAR:
            raise UsageError(f"proceedings.neurips.cc has no {venue} {year}", hint=f"it has NeurIPS, {FIRST_YEAR} and later")
        return (Request(key=f"neurips-{year}", url=f"{base_url.rstrip('/')}/paper_files/paper/{year}", accept=_ACCEPT),)

    def parse(self, request: Request, response: Response) -> Parsed:
        """A list or a paper's page, told by what is in it. Raises SourceError when it is neither."""
        if b"citation_title" in response.body:
            return _paged(request, response)
        root = read_listing(response.body, request.url)
        entries = _entries(root)
        companions = _companions(root, request)
        if not (entries or companions) and not root.xpath("//*[contains(@class, 'paper-list')]"):
            raise not_the_page(response.body, request.url, "a list of NeurIPS papers")
        return _listed(entries, companions, root, request, response)


def _shown(href: str) -> str | None:
    """The address at the site itself, from wherever the page was read; papers.nips.cc is the same site."""
    parts = urlsplit(href)
    return clean_url(f"{NeurIPS.base_url}{parts.path}") if parts.path.startswith("/") else None


def _place(href: str) -> re.Match[str]:
    """Raises ValueError for a link that is not that of a paper."""
    found = _HASH.search(urlsplit(href.strip()).path)
    if found is None:
        raise ValueError(f"not the address of a paper: {href[:100]!r}")
    return found


def _key(place: re.Match[str]) -> str:
    """ "2024/<sha>-Conference": the sha alone is made of a number that starts anew."""
    return f"{place['year']}/{place['sha']}" + (f"-{place['track']}" if place["track"] else "")


# -- the list


def _entries(root: Any) -> list[_Entry]:
    entries = []
    for link in root.iter("a"):
        href = link.get("href", "")
        if link.get("title") != "paper title" and "-Abstract" not in href:
            continue
        item = next(link.iterancestors("li"), None)
        around = item if item is not None else link.getparent()
        named = next((part for part in around.iter("span", "i") if part.tag == "i" or "paper-authors" in part.get("class", "")), None)
        badge = next((part for part in around.iter("span") if "paper-track-badge" in part.get("class", "")), None)
        track = _said(badge) or around.get("data-track", "").replace("_", " ")
        entries.append(_Entry("".join(link.itertext()), href, _said(named), track))
    return entries


def _said(element: Any) -> str:
    return clean_line("".join(element.itertext())) if element is not None else ""


def _listed(entries: list[_Entry], companions: tuple[Request, ...], root: Any, request: Request, response: Response) -> Parsed:
    read = read_entries(entries, lambda entry: _record(entry, response.sha256), url=request.url, named=lambda entry: entry.title)
    counted = next((_said(part) for part in root.iter("span") if "paper-count" in part.get("class", "")), "")
    found = _COUNT.search(counted)
    declared = int(re.sub(r"\D", "", found[1])) if found else None
    whole = b"</html" in response.body[-2048:].lower()
    if not entries and companions:
        return Parsed(
            (),
            Verdict(False, f"no papers but {len(companions)} pages of tracks, asked for one by one", declared, "truly none"),
            more=companions,
        )
    verdict = read.verdict(declared=declared, what="papers", whole=whole)
    asked = _YEAR.search(request.url)
    if asked and read.records and not any(str(record.year) == (asked[1] or asked[2]) for record in read.records):
        verdict = replace(verdict, complete=False, reason=f"asked for {asked[1] or asked[2]}, the papers are of {read.records[0].year}")
    elif verdict.complete:
        verdict = replace(verdict, reason=f"{verdict.reason}; abstracts are on their pages")
    base = _origin(request)
    more = tuple(_page_of(record, base) for record in read.records)
    return Parsed(read.records, verdict, read.refused, companions + more)


def _record(entry: _Entry, sha256: str) -> Record:
    place = _place(entry.href)
    return Record(
        source=NeurIPS.name,
        source_key=_key(place),
        title=html.unescape(entry.title),
        authors=split_authors(html.unescape(entry.authors)),
        url=_shown(place[0]),
        venue="NeurIPS",
        year=int(place["year"]),
        track=entry.track or (place["track"] or "").replace("_", " ") or None,
        raw_sha256=sha256,
    )


def _origin(request: Request) -> str:
    """What stands before /paper_files/ or /paper/ in the list's address: the site, or a mirror of it."""
    found = re.match(r"(https?://.+?)/paper(?:_files)?/", request.url)
    return found[1] if found else NeurIPS.base_url


def _page_of(record: Record, base: str) -> Request:
    path = (record.url or "").removeprefix(NeurIPS.base_url)
    return Request(key=record.source_key, url=f"{base}{path}", accept=_ACCEPT)


def _companions(root: Any, request: Request) -> tuple[Request, ...]:
    """The pages of the tracks that the year's page leads to (not those of the page itself)."""
    if _COMPANION.search(request.url):
        return ()
    base = request.url if request.url.startswith("http") else f"{NeurIPS.base_url}/paper_files/paper/"
    found = dict.fromkeys(urljoin(base, link.get("href", "")) for link in root.iter("a") if _COMPANION.search(link.get("href", "")))
    return tuple(Request(key=f"{request.key} {url.rstrip('/').rpartition('/')[2]}", url=url, accept=_ACCEPT) for url in found)


# -- a paper's page


def _paged(request: Request, response: Response) -> Parsed:
    page = read_soup(response.body, request.url)
    pdf = next(iter(said_in_meta(page, "citation_pdf_url")), "")
    place = _HASH.search(urlsplit(request.url).path) or _HASH.search(urlsplit(pdf).path)
    title = next(iter(said_in_meta(page, "citation_title")), "")
    if place is None or not title:
        raise SourceError(f"{request.url}: the page of which paper is not known", hint=SITE_CHANGED)
    track = page.select_one(".paper-track")
    suffix = f"-{place['track']}" if place["track"] else ""
    shown = f"{place[0][: place.start('sha') - place.start() - 5]}hash/{place['sha']}-Abstract{suffix}.html"
    doi = next(iter(said_in_meta(page, "citation_doi")), "")
    abstract = _unescaped(block_text(*behind_heading(page, "Abstract"))) or None
    record = Record(
        source=NeurIPS.name,
        source_key=_key(place),
        title=_unescaped(title),
        abstract=abstract,
        authors=tuple(name for author in said_in_meta(page, "citation_author") if (name := clean_name(_unescaped(author)))),
        url=_shown(shown),
        venue="NeurIPS",
        year=int(place["year"]),
        track=(clean_line(track.get_text()) if track else "") or (place["track"] or "").replace("_", " ") or None,
        published=_day(next(iter(said_in_meta(page, "citation_publication_date")), "")),
        identifiers=identifiers_of_doi(doi) if doi.startswith("10.") else {},
        links={"pdf": link} if pdf and (link := _shown(pdf)) else {},
        raw_sha256=response.sha256,
    )
    if abstract is None:
        return Parsed((record,), Verdict(False, "no abstract on the paper's page", 1))
    whole = b"</html" in response.body[-2048:].lower()
    return Parsed((record,), Verdict(whole, "the paper" if whole else "the page ends too early", 1))


def _unescaped(text: str) -> str:
    """Once more: the site escapes twice (`&amp;quot;`)."""
    return html.unescape(text) if "&" in text else text


def _day(text: str) -> date | None:
    """A whole date only; many years say no more than the year."""
    found = re.fullmatch(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", text)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None
