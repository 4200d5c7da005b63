"""CVPR, ICCV and WACV by CVF Open Access: one listing a conference, one page a paper for the abstract.

Two layouts of the listing: 2013 to 2020 (`content_CVPR_2020/html/`, `input[name=query]`, BibTeX lines divided by
<br>) and since 2021 (`content/CVPR2025/html/`, `input[name=query_author]`, BibTeX in white space). Addresses are
taken from the page and never built: file names have double underscores and dots of their own. Listings have up to
10 MB, so bare lxml walks through them once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urljoin

from triage.errors import SourceError, UsageError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.completeness import SITE_CHANGED
from triage.sources.entries import Entries, read_entries
from triage.sources.soup import block_text, not_the_page, read_listing, read_pieces, read_soup, said_in_meta
from triage.sources.venues import VenueSource
from triage.text import clean_line, clean_name, clean_url, identifiers_in_url, split_authors, venue_key

__all__ = ["CVF"]

FIRST_YEARS = {"cvpr": 2013, "iccv": 2013, "wacv": 2020}
"""The first year of each conference on the site."""

BY_DAY = {"cvpr": 2018, "iccv": 2019}
"""Since then the bare address lists days only, and `?day=all` everything. WACV has no days."""

MOST_AT_ODDS = 0.05
"""Share of entries that may lack a PDF or differ from their own BibTeX in the number of authors; none of 2,761 recorded ones did."""

_ACCEPT = ("text/html",)
_FOLDER = re.compile(r"content[/_]([A-Za-z]+?)_?(\d{4})(?:(?:W|_workshops)(?:/([^/]+))?)?(?:/html)?")
_ASKED = re.compile(r"/(CVPR|ICCV|WACV)(\d{4})(?:\.py)?(?:\?|$)", re.IGNORECASE)
_ENTRY = re.compile(rb"""<dt\s[^>]*class\s*=\s*["']?ptitle\b""", re.IGNORECASE)
_BETWEEN_AUTHORS = re.compile(r"\s+and\s+")
_FILES = {"pdf": "pdf", "supp": "supplement", "arxiv": "arxiv", "video": "video"}


class _Place(NamedTuple):
    """What the address of a paper's page says."""

    path: str
    stem: str
    venue: str
    year: int
    workshop: str | None


@dataclass(slots=True)
class _Entry:
    href: str = ""
    title: str = ""
    authors: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    bibtex: str = ""


class CVF(VenueSource):
    """openaccess.thecvf.com. Every second: no robots.txt and no rule of its own; one page a paper has to be asked for."""

    name = "cvf"
    hosts = ("openaccess.thecvf.com",)
    base_url = "https://openaccess.thecvf.com"

    def listing(self, venue: str, year: int, *, base_url: str) -> tuple[Request, ...]:
        """One page with all papers of the main conference; workshops are listed elsewhere."""
        conference = venue_key(venue)
        if year < FIRST_YEARS.get(conference, 9999) or (conference == "iccv" and year % 2 == 0):
            raise UsageError(f"CVF has no {venue} {year}", hint="it has CVPR since 2013, ICCV of odd years since 2013, WACV since 2020")
        days = "?day=all" if year >= BY_DAY.get(conference, 9999) else ""
        url = f"{base_url.rstrip('/')}/{conference.upper()}{year}{days}"
        return (Request(key=f"{conference}-{year}", url=url, accept=_ACCEPT),)

    def parse(self, request: Request, response: Response) -> Parsed:
        """A listing or a paper's page, told by what is in it. Raises SourceError when it is neither."""
        if _ENTRY.search(response.body):
            return _listed(request, response)
        if b"papertitle" in response.body or b"citation_title" in response.body:
            return _paged(request, response)
        if days := _days(request, response):
            return Parsed((), Verdict(False, f"no papers but {len(days)} days, asked for one by one", nothing="truly none"), more=days)
        if _is_empty_list(response.body):
            return Parsed((), Verdict(False, "a listing without a paper", nothing="parsed none"))
        raise not_the_page(response.body, request.url, "CVF papers")


@lru_cache(maxsize=64)
def _folder(path: str) -> tuple[str, int, str | None] | None:
    found = _FOLDER.fullmatch(path)
    return (found[1].upper(), int(found[2]), found[3]) if found else None


def _place(href: str) -> _Place:
    """Raises ValueError for a link that is not that of a paper's page."""
    path = _content(href.strip())
    above, _, file = path.rpartition("/")
    folder = _folder(above)
    if folder is None or not file.endswith(".html") or len(file) < 6:
        raise ValueError(f"not the address of a paper: {href[:100]!r}")
    return _Place(path, file[:-5], *folder)


def _content(href: str) -> str:
    """The path below the site's root, from a link that may be relative or saved elsewhere; empty when it is no link of the site."""
    place = href.find("content")
    if place < 0 or (href.startswith("http") and "/" in href[8:place].rstrip("/")):
        return ""
    return href[place:].partition("?")[0].partition("#")[0]


def _file(href: str) -> str | None:
    """A link at the site itself, from wherever the page was read; other sites' links stay."""
    path = _content(href)
    return f"{CVF.base_url}/{path}" if path else clean_url(urljoin(f"{CVF.base_url}/", href))


def _person(name: str) -> str:
    name = name.strip()
    return name if name[-1:].isalpha() and "," not in name else clean_name(name)


# -- the listing


def _listed(request: Request, response: Response) -> Parsed:
    entries = _entries(response.body)
    read = read_entries(entries, lambda entry: _record(entry, response.sha256), url=request.url, named=lambda entry: entry.title)
    base = request.url.partition("?")[0].rpartition("/")[0] if request.url.startswith("http") else CVF.base_url
    more = tuple(_page_of(record, base) for record in read.records)
    return Parsed(read.records, _verdict(entries, read, request, response), read.refused, more)


def _entries(body: bytes) -> list[_Entry]:
    """A <dt class=ptitle> opens an entry, the <dd> behind it belong to it."""
    entries: list[_Entry] = []
    for element in read_pieces(body, ("dt", "dd")):
        if element.tag == "dd":
            if entries:
                _fill(element, entries[-1])
        elif element.get("class") == "ptitle":
            link = next(element.iter("a"), None)
            entries.append(_Entry(link.get("href", ""), "".join(link.itertext())) if link is not None else _Entry())
    return entries


def _fill(element: Any, entry: _Entry) -> None:
    """One of an entry's <dd>: authors, each a form of its own, or links and the BibTeX."""
    for part in element.iter("input", "a", "div"):
        tag = part.tag
        if tag == "input":
            if part.get("name") in {"query_author", "query"}:
                entry.authors.append(part.get("value", ""))
        elif tag == "a":
            if (name := _FILES.get((part.text or "").strip().lower())) and (href := part.get("href")):
                entry.files.setdefault(name, href)
        elif part.get("class", "").startswith("bibref"):
            entry.bibtex = "".join(part.itertext())


def _record(entry: _Entry, sha256: str) -> Record:
    place = _place(entry.href)
    links = {name: link for name, href in entry.files.items() if (link := _file(href))}
    return Record(
        source=CVF.name,
        source_key=place.stem,
        title=entry.title,
        authors=tuple(name for author in entry.authors or _bibtex_authors(entry.bibtex) if (name := _person(author))),
        url=f"{CVF.base_url}/{place.path}",
        venue=place.venue,
        year=place.year,
        track=f"workshop {place.workshop}" if place.workshop else None,
        identifiers=identifiers_in_url(links.get("arxiv")),
        links=links,
        raw_sha256=sha256,
    )


def _bibtex_authors(bibtex: str) -> list[str]:
    """Names as "Last, First": `author = {...},` is one line in both layouts."""
    _, _, behind = bibtex.replace("\r", "").partition("author")
    names, end, _ = behind.partition("},\n")
    return _BETWEEN_AUTHORS.split(names.partition("{")[2].strip()) if end else []


def _at_odds(entry: _Entry) -> bool:
    return "pdf" not in entry.files or len(_bibtex_authors(entry.bibtex)) != len(entry.authors)


def _verdict(entries: list[_Entry], read: Entries, request: Request, response: Response) -> Verdict:
    """The listing declares no number: every <dt class=ptitle> in its text has to be read, to the end of the list."""
    whole = response.body.rfind(b"</dl>") > response.body.rfind(b"ptitle")
    verdict = read.verdict(declared=len(_ENTRY.findall(response.body)), what="papers", whole=whole)
    asked = _ASKED.search(request.url)
    if read.records and asked and not any((record.venue, record.year) == (asked[1].upper(), int(asked[2])) for record in read.records):
        other = f"{read.records[0].venue} {read.records[0].year}"
        return replace(verdict, complete=False, reason=f"asked for {asked[1]} {asked[2]}, the papers are of {other}")
    odd = sum(_at_odds(entry) for entry in entries)
    if odd > MOST_AT_ODDS * len(entries):
        return replace(verdict, complete=False, reason=f"{verdict.reason}; {odd} lack a PDF or differ from their BibTeX in authors")
    return replace(verdict, reason=f"{verdict.reason}; abstracts are on their pages") if verdict.complete else verdict


def _page_of(record: Record, base: str) -> Request:
    """The paper's page at the host the listing came from."""
    path = (record.url or "").removeprefix(f"{CVF.base_url}/")
    return Request(key=record.source_key, url=f"{base}/{path}", accept=_ACCEPT)


def _days(request: Request, response: Response) -> tuple[Request, ...]:
    """The listings of single days, where the address without a day shows those; all at once where that is offered."""
    if b"?day=" not in response.body:
        return ()
    found: dict[str, None] = {}
    for element in read_listing(response.body, request.url).iter("a"):
        if re.search(r"\?day=(?:all|\d{4}-\d{2}-\d{2})$", element.get("href", "")):
            found[element.get("href").rpartition("?")[2]] = None
    days = ["day=all"] if "day=all" in found else list(found)
    bare, _, own = request.url.partition("?")
    return tuple(Request(key=f"{request.key} {day}", url=f"{bare}?{day}", accept=_ACCEPT) for day in days if day != own)


def _is_empty_list(body: bytes) -> bool:
    return b"Open Access Repository" in body and re.search(rb"<dl>\s*</dl>", body) is not None


# -- a paper's page


def _paged(request: Request, response: Response) -> Parsed:
    page = read_soup(response.body, request.url)
    pdf = next(iter(said_in_meta(page, "citation_pdf_url")), "")
    try:
        place = _place(request.url if "/html/" in request.url else pdf.replace("/papers/", "/html/").replace(".pdf", ".html"))
    except ValueError as error:
        raise SourceError(f"{request.url}: the page of which paper is not known", hint=SITE_CHANGED) from error
    title, abstract = page.select_one("#papertitle"), page.select_one("#abstract")
    shown = page.select_one("#authors b i") or page.select_one("#authors b")
    named = tuple(clean_name(name) for name in said_in_meta(page, "citation_author"))
    record = Record(
        source=CVF.name,
        source_key=place.stem,
        title=(clean_line(block_text(title)) if title else "") or next(iter(said_in_meta(page, "citation_title")), "") or "?",
        abstract=(block_text(abstract) or None) if abstract else None,
        authors=named or (split_authors(shown.get_text()) if shown else ()),
        url=f"{CVF.base_url}/{place.path}",
        venue=place.venue,
        year=place.year,
        track=f"workshop {place.workshop}" if place.workshop else None,
        links={"pdf": link} if pdf and (link := _file(pdf)) else {},
        raw_sha256=response.sha256,
    )
    if record.title == "?":
        raise not_the_page(response.body, request.url, "the title of a CVF paper")
    if record.abstract is None:
        return Parsed((record,), Verdict(False, "no abstract on the paper's page", 1))
    whole = b"</html>" in response.body.lower()
    return Parsed((record,), Verdict(whole, "the paper" if whole else "the page ends too early", 1))
