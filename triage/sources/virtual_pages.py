"""The virtual sites' web pages: lists of titles, lists of events, and poster pages in the look of 2022 and that of 2026."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from triage.errors import SourceError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.completeness import SITE_CHANGED
from triage.sources.entries import read_entries
from triage.sources.soup import block_text, not_the_page, page_title, read_soup, said_in_meta
from triage.sources.virtual_sites import NAME, NO_PAPERS, Site, key_of, shown, site_of
from triage.text import clean_line, clean_name, clean_url, identifiers_in_url, title_key

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

__all__ = ["parse_page"]

_POSTER = re.compile(r"/virtual/(\d{4})/(?:poster|oral|spotlight|highlight)/(\d+)/?$")
_EVENT = re.compile(r"/virtual/(\d{4})/(?:[\w-]+/)?(\d+)/?$")


class _Card(NamedTuple):
    title: str
    href: str
    authors: tuple[str, ...]
    abstract: str | None
    kind: str


def parse_page(request: Request, response: Response) -> Parsed:
    """Raises SourceError for a page that is none of these, or that lists workshops and the like."""
    page = read_soup(response.body, request.url)
    hints = [*said_in_meta(page, "citation_conference_title"), str(_described(page).get("creditText") or ""), page_title(page)]
    site, year = site_of(request, *hints)
    if cards := _cards(page):
        return _listed(cards, site, year, request, response)
    if page.select_one("#abstractText, #abstractExample") is not None:
        return _poster(page, site, year, request, response)
    found = [_Card(clean_line(link.get_text()), str(link["href"]), (), None, "") for link in page.select("li a[href]")]
    if titles := [card for card in found if _POSTER.search(card.href)]:
        return _listed(titles, site, year, request, response)
    if request.url.partition("?")[0].endswith("/papers.html") and page.select_one("ul, .paper-list, .cards") is not None:
        return Parsed((), Verdict(False, "a list of titles without a title", nothing="parsed none"))
    raise not_the_page(response.body, request.url, "papers of a virtual site")


# -- lists


def _cards(page: BeautifulSoup) -> list[_Card]:
    """Event cards: `div.event-card` since 2025, `.displaycards` before."""
    cards = [_card(card, ".event-title", ".event-speakers", ".event-abstract .abstract-text", "") for card in page.select("div.event-card")]
    old = [card for card in page.select(".displaycards.touchup-date") if "event-card" not in (card.get("class") or [])]
    return cards + [_card(card, ".small-title", ".author-str", ".abstract-text", ".type_display_name_virtual_card") for card in old]


def _card(card: Tag, title: str, authors: str, abstract: str, kind: str) -> _Card:
    named, text, type_ = card.select_one(title), card.select_one(abstract), card.select_one(kind) if kind else None
    link = (named if named is None or named.name == "a" else named.select_one("a[href]")) or card.select_one("a[href]")
    return _Card(
        clean_line(named.get_text()) if named else "",
        str(link.get("href") or "") if link else "",
        _people(card.select_one(authors)),
        (block_text(text) or None) if text else None,
        clean_line(type_.get_text() if type_ else str(card.get("data-event-type") or "")),
    )


def _people(element: Tag | None) -> tuple[str, ...]:
    """Names joined by middle dots, as both looks have them."""
    names = (clean_name(part) for part in re.split(r"\s*[·⋅]\s*", clean_line(element.get_text()))) if element else ()
    return tuple(dict.fromkeys(name for name in names if name))


def _listed(cards: list[_Card], site: Site | None, year: int | None, request: Request, response: Response) -> Parsed:
    kinds = {card.kind for card in cards}
    if kinds and all(kind.casefold() in NO_PAPERS for kind in kinds):
        raise SourceError(
            f"{request.url}: a list of {len(cards)} events of the kind {', '.join(sorted(kinds))}, none of which is a paper",
            hint="ask for the list of posters; workshops and tutorials are no papers",
        )
    entries = read_entries(
        cards, lambda card: _of_card(card, site, year, response.sha256), url=request.url, named=lambda card: card.href or card.title
    )
    base = request.url.rpartition("/virtual/")[0]
    lacking = [record for record in entries.records if record.abstract is None]
    more = tuple(_page_of(record, base) for record in lacking if record.url) if base.startswith("http") else ()
    verdict = entries.verdict(declared=None, what="papers", whole=b"</html" in response.body[-2048:].lower())
    only_abstracts = verdict.complete and bool(lacking)
    if only_abstracts:
        verdict = Verdict(False, f"{verdict.reason}; {len(lacking)} without an abstract, which is on the poster's page")
    return Parsed(entries.records, verdict, entries.refused, more, abstracts_follow=only_abstracts and bool(more))


def _page_of(record: Record, base: str) -> Request:
    path = (record.url or "").partition("/virtual/")[2]
    return Request(key=record.source_key, url=f"{base}/virtual/{path}", accept=("text/html",))


def _of_card(card: _Card, site: Site | None, year: int | None, sha256: str) -> Record:
    if card.kind.casefold() in NO_PAPERS:
        raise ValueError(f"an event of the kind {card.kind}, which is no paper")
    found = _EVENT.search(card.href)
    if found is None:
        raise ValueError(f"no address of an event: {card.href[:100]!r}")
    return Record(
        source=NAME,
        source_key=key_of(site, int(found[1]), found[2]),
        title=card.title,
        abstract=card.abstract,
        authors=card.authors,
        url=shown(site, card.href),
        venue=site.venue if site else None,
        year=int(found[1]) or year,
        acceptance=card.kind or None,
        raw_sha256=sha256,
    )


# -- a poster's page


def _described(page: BeautifulSoup) -> dict[str, Any]:
    """The page's JSON-LD about its paper; empty when there is none that can be read."""
    for script in page.find_all("script", attrs={"type": "application/ld+json"}):
        try:
            value = json.loads(script.get_text())
        except (ValueError, RecursionError):
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and "Article" in str(item.get("@type")):
                return item
    return {}


def _poster(page: BeautifulSoup, site: Site | None, year: int | None, request: Request, response: Response) -> Parsed:
    said = _described(page)
    title = _title(page, said)
    if not title:
        raise SourceError(f"{request.url}: a poster page without a title", hint=SITE_CHANGED)
    found = _EVENT.search(request.url.partition("?")[0])
    year = int(found[1]) if found else year
    abstract = _abstract(page)
    links = _links(page)
    record = Record(
        source=NAME,
        source_key=key_of(site, year, found[2] if found else title_key(title) or "untitled"),
        title=title,
        abstract=abstract,
        authors=_authors(page, said),
        url=shown(site, found[0]) if found else None,
        venue=site.venue if site else None,
        year=year,
        identifiers=identifiers_in_url(links.get("openreview")),
        links=links,
        raw_sha256=response.sha256,
    )
    return Parsed((record,), Verdict(abstract is not None, "the paper" if abstract else "no abstract on the poster's page", 1))


def _title(page: BeautifulSoup, said: dict[str, Any]) -> str:
    heading = page.select_one("h2.card-title.main-title, h1.event-title, h2.event-title")
    shown_title = clean_line(heading.get_text()) if heading else ""
    described = said.get("name") or said.get("headline")
    return (
        shown_title or (clean_line(described) if isinstance(described, str) else "") or next(iter(said_in_meta(page, "citation_title")), "")
    )


def _abstract(page: BeautifulSoup) -> str | None:
    """2026: `#abstractText .inner`; 2022 to 2024: `#abstractExample`, which starts with the word "Abstract:"."""
    new = page.select_one("#abstractText .inner") or page.select_one("#abstractText")
    if new is not None:
        return block_text(new) or None
    old = page.select_one("#abstractExample")
    text = block_text(old) if old is not None else ""
    return re.sub(r"^Abstract\s*:\s*", "", text).strip() or None


def _authors(page: BeautifulSoup, said: dict[str, Any]) -> tuple[str, ...]:
    """JSON-LD may name a person twice; the older look has them under the title."""
    people = said.get("author")
    people = people if isinstance(people, list) else [people]
    names = [clean_name(str(one.get("name") or "")) for one in people if isinstance(one, dict)]
    named = tuple(dict.fromkeys(name for name in names if name))
    return named or _people(page.select_one("h3.card-subtitle.mb-2.text-muted, .event-organizers, .event-speakers"))


def _links(page: BeautifulSoup) -> dict[str, str]:
    links: dict[str, str] = {}
    for link in page.select("a[href]"):
        href = str(link["href"])
        if link.get("title") == "Paper PDF" and (pdf := clean_url(href)):
            links.setdefault("pdf", pdf)
        if identifiers_in_url(href).get("openreview") and (forum := clean_url(href)):
            links.setdefault("openreview", forum)
    return links
