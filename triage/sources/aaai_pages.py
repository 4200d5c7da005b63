"""AAAI's web pages (the default theme of OJS 3): a paper's page, an issue with its sections, the archive of issues.

A night asks the OAI-PMH interface, which gives the same with abstracts; pages are for what a person has at hand (the
link of one paper, a saved issue). Headings of papers are h3 here and h2 in newer versions of the theme, so classes
are read and no tags. An issue page has no abstracts: those are on the papers' pages, which follow.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urljoin

from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.entries import read_entries
from triage.sources.pages import Page, absolute, day_of, listed_names, read_page, text_of
from triage.text import clean_line, clean_name, identifiers_of_doi

__all__ = ["HOST", "NAME", "parse_page", "proceedings_year"]

NAME = "aaai"
HOST = "https://ojs.aaai.org"

_VOLUME_ZERO = 1986
"""Year = volume + 1986: AAAI-23 is volume 37, AAAI-19 volume 33."""

_ACCEPT = ("text/html",)
_PROCEEDINGS = re.compile(r"proceedings of the aaai conference on artificial intelligence\b", re.IGNORECASE)
_VOLUME = re.compile(r"\bvol(?:ume)?\.?\s*(\d{1,3})\b", re.IGNORECASE)
_ARTICLE = re.compile(r"/index\.php/(?P<journal>[\w-]+)/article/(?:view|download)/(?P<id>[^/?#\s]+)")
_ISSUE = re.compile(r"/index\.php/[\w-]+/issue/view/[^/?#]+$")


def proceedings_year(text: str) -> int | None:
    """2023 of "Proceedings of the AAAI Conference on Artificial Intelligence; Vol. 37 No. 1: ..."; None for another journal."""
    journal = _PROCEEDINGS.search(text)
    volume = _VOLUME.search(text, journal.end()) if journal else None
    return _VOLUME_ZERO + int(volume[1]) if volume else None


def parse_page(request: Request, response: Response) -> Parsed:
    """A paper's page, an issue or the archive, told by what is in it. Raises SourceError when it is none of them."""
    page = read_page(response.body, request.url)
    if page.meta("citation_title"):
        return _article(page, request, response)
    if page.find("*", "obj_article_summary"):
        return _issue(page, request, response)
    if page.find("*", "obj_issue_summary"):
        return _archive(page, request)
    raise page.without("a paper, an issue or the archive of AAAI")


class _Place(NamedTuple):
    journal: str
    id: str

    @property
    def url(self) -> str:
        return f"{HOST}/index.php/{self.journal}/article/view/{self.id}"


def _place(*addresses: str | None) -> _Place | None:
    found = next((found for address in addresses if (found := _ARTICLE.search(address or ""))), None)
    return _Place(found["journal"], found["id"]) if found else None


def _download(href: str | None, base: str) -> str | None:
    """The file behind a viewer page: article/view/<id>/<galley> becomes article/download/..."""
    link = absolute(href, base)
    return link.replace("/article/view/", "/article/download/") if link else None


# -- a paper's page


def _article(page: Page, request: Request, response: Response) -> Parsed:
    place = _place(request.url, page.meta("citation_abstract_html_url"), page.meta("citation_pdf_url"))
    if place is None:
        raise page.without("the number of the paper")
    day, doi = day_of(page.meta("citation_date")), page.meta("citation_doi") or page.meta("DC.Identifier.DOI") or ""
    said = f"{page.meta('citation_journal_title') or ''}; Vol. {page.meta('citation_volume') or ''}"
    year = proceedings_year(said)
    heading = next(iter(page.find("h1", "page_title")), None)
    pdf = _download(page.meta("citation_pdf_url"), HOST)
    abstract = _abstract(page)
    record = Record(
        source=NAME,
        source_key=place.id,
        title=page.meta("citation_title") or text_of(heading),
        abstract=abstract,
        authors=tuple(name for one in page.metas("citation_author") if (name := clean_name(one))),
        url=place.url,
        venue="AAAI" if year else place.journal,
        year=year or (day.year if day else None),
        track=page.meta("DC.Type.articleType"),
        published=day,
        identifiers=identifiers_of_doi(doi) if doi.startswith("10.") else {},
        links={"pdf": pdf} if pdf else {},
        raw_sha256=response.sha256,
    )
    return Parsed((record,), Verdict(abstract is not None, "the paper" if abstract else "no abstract on the paper's page", 1))


def _abstract(page: Page) -> str | None:
    """The head's, else that of the section; a second section of that name is a summary for the public."""
    for element in page.root.iter("meta"):
        if element.get("name") == "DC.Description" and (text := (element.get("content") or "").strip()):
            return text
    section = next((one for one in page.find("section", "abstract")), None)
    if section is None:
        return None
    text = text_of(section)
    heading = next((text_of(part) for part in section.iter("h2", "h3") if text_of(part)), "")
    return text.removeprefix(heading).strip() or None


# -- issues


def _issue(page: Page, request: Request, response: Response) -> Parsed:
    summaries = page.find("*", "obj_article_summary")
    heading = " ".join(text_of(part) for part in page.root.iter("h1", "title"))
    year = _issue_year(heading, page)
    entries = read_entries(
        summaries, lambda one: _summary(page, one, year, response.sha256), url=request.url, named=lambda one: text_of(one)[:80]
    )
    more = tuple(_page_of(record, request) for record in entries.records)
    verdict = entries.verdict(declared=None, what="papers", whole=page.whole, signed=True)
    if verdict.complete:
        verdict = Verdict(False, f"{verdict.reason}; abstracts are on their pages")
        return Parsed(entries.records, verdict, entries.refused, more, abstracts_follow=True)
    return Parsed(entries.records, verdict, entries.refused, more)


def _issue_year(heading: str, page: Page) -> int | None:
    """By the volume in the issue's heading; "AAAI-23" says it too, of old issues that have no volume."""
    volume = _VOLUME.search(heading)
    short = re.search(r"\bAAAI-(\d{2})\b", heading)
    if volume and (short or any(_ARTICLE.search(href) and "/AAAI/" in href for _, href in page.links())):
        return _VOLUME_ZERO + int(volume[1])
    return (1900 if int(short[1]) >= 80 else 2000) + int(short[1]) if short else None


def _summary(page: Page, element: Any, year: int | None, sha256: str) -> Record:
    titled = next(iter(page.find("*", "title", element)), None)
    link = None if titled is None else titled if titled.tag == "a" else next(titled.iter("a"), None)
    place = _place(link.get("href") if link is not None else None)
    if place is None or titled is None:
        raise ValueError("no link to the paper's page")
    section = next((one for one in element.iterancestors() if "section" in (one.get("class") or "").split()), None)
    track = next((text for part in section.iter("h2", "h3") if (text := text_of(part))), None) if section is not None else None
    galley = next((one for one in page.find("a", "obj_galley_link", element) if "pdf" in (one.get("class") or "").split()), None)
    pdf = _download(galley.get("href"), HOST) if galley is not None else None
    return Record(
        source=NAME,
        source_key=place.id,
        title=text_of(titled),
        authors=listed_names(text_of(next(iter(page.find("*", "authors", element)), None))),
        url=place.url,
        venue="AAAI" if place.journal == "AAAI" else place.journal,
        year=year,
        track=None if track == text_of(titled) else track,
        links={"pdf": pdf} if pdf else {},
        raw_sha256=sha256,
    )


def _page_of(record: Record, request: Request) -> Request:
    """The paper's page at the host the issue came from."""
    base = request.url.partition("/index.php/")[0] if "/index.php/" in request.url else HOST
    return Request(key=record.source_key, url=f"{base}{(record.url or '').removeprefix(HOST)}", accept=_ACCEPT)


def _archive(page: Page, request: Request) -> Parsed:
    """Issues as requests, and the next page of the archive. No papers are named here."""
    base = request.url if request.url.startswith("http") else f"{HOST}/index.php/AAAI/issue/archive"
    links = [clean_line(href) for block in page.find("*", "obj_issue_summary") for _, href in page.links(block)]
    following = [link.get("href", "") for block in page.find("*", "cmp_pagination") for link in page.find("a", "next", block)]
    wanted = [*(href for href in links if _ISSUE.search(href)), *following]
    addresses = dict.fromkeys(address for href in wanted if (address := absolute(href, urljoin(base, "."))))
    more = tuple(Request(key=f"issue {url.rpartition('/')[2]}"[:200], url=url, accept=_ACCEPT) for url in addresses)
    if not more:
        raise page.without("links to the issues of the archive")
    return Parsed((), Verdict(False, f"no papers but {len(more)} issues and pages, asked for one by one", nothing="truly none"), more=more)
