"""The "virtual" conference sites (icml.cc, neurips.cc, iclr.cc, *.thecvf.com, eccv.ecva.net, mlsys.org) by their JSON.

One file a year lists posters and orals; poster and oral of one paper are two events of it and become one
record. Some years' files stop at their first 200 events, some have no abstracts: those of newer years stand in
a second file, which `parse` yields as `Parsed.abstracts`. Where a year has no JSON, `instead` leads to the list
of titles and from there to the poster pages. Looks, fields and traps: recordings of 17 conference-years.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from triage.errors import SourceError, UsageError
from triage.models import Record, Refusal
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.completeness import SITE_CHANGED, with_abstracts
from triage.sources.entries import Entries, read_entries
from triage.sources.reading import read_json
from triage.sources.venues import VenueSource
from triage.sources.virtual_pages import parse_page
from triage.sources.virtual_sites import BY_NAME, FILE, NAME, NO_PAPERS, SITES, Site, key_of, shown, site_of
from triage.text import clean_line, clean_name, clean_url, identifiers_in_url, is_generic_title, title_key, venue_key

__all__ = ["Virtual"]

WITH_ABSTRACT = 0.95
"""Share of papers with an abstract below which the file of abstracts is asked for."""

_JSON = ("application/json",)
_PAGE = ("text/html",)


_PAPER_PATH = re.compile(r"/virtual/(\d{4})/(?:[\w-]+/)?(\d+)/?$")
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]{2,8}\d?);", re.IGNORECASE)

# highest first: what a decision may say, as ICLR 2023 ("notable-top-5%"), CVPR ("Highlight") and the others put it
_RANKS = (
    re.compile(r"award|outstanding|best paper", re.IGNORECASE),
    re.compile(r"oral|top[- ]5\b", re.IGNORECASE),
    re.compile(r"spotlight|highlight|top[- ]25\b", re.IGNORECASE),
    re.compile(r"poster|accept", re.IGNORECASE),
)


class Virtual(VenueSource):
    """The virtual sites. One request a venue-year; poster pages every 10 s, which a review of their policies chose."""

    name = NAME
    hosts = tuple(site.host for site in SITES)
    base_url = "https://{host}"
    """`{host}` stands for the conference's own; a mirror may leave it out."""

    def listing(self, venue: str, year: int, *, base_url: str) -> tuple[Request, ...]:
        """The year's file of orals and posters."""
        site = BY_NAME.get(venue_key(venue))
        if site is None or year < site.first or (site.conference == "iccv" and year % 2 == 0) or (site.conference == "eccv" and year % 2):
            known = ", ".join(f"{site.venue} since {site.first}" for site in SITES)
            raise UsageError(f"no virtual site has {venue} {year}", hint=f"there are {known}")
        base = base_url.rstrip("/").replace("{host}", site.host)
        name = f"{site.conference}-{year}"
        return (Request(key=name, url=f"{base}/static/virtual/data/{name}-orals-posters.json", accept=_JSON),)

    def parse(self, request: Request, response: Response) -> Parsed:
        """A file of events, a file of abstracts, a list of titles or a poster page, told by what is in it.

        Raises SourceError for anything else, such as a list of workshops.
        """
        if response.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in {b"{", b"["}:
            if request.url.partition("?")[0].endswith(".json"):
                read_json(response.body, request.url)  # raises, and says that a page came where JSON is due
            return parse_page(request, response)
        value = read_json(response.body, request.url)
        if isinstance(value, dict) and isinstance(value.get("results"), list):
            return _events(value, request, response)
        named = request.url.endswith("-abstracts.json")
        if (
            isinstance(value, dict)
            and (value or named)
            and all(key.isdigit() and isinstance(text, str | None) for key, text in value.items())
        ):
            return _abstracts(value, request)
        said = value.get("detail") if isinstance(value, dict) else None
        found = f"the site says: {clean_line(said)[:200]}" if isinstance(said, str) else "neither events nor abstracts"
        raise SourceError(f"{request.url}: {found}", hint=SITE_CHANGED)

    def instead(self, request: Request) -> tuple[Request, ...]:
        """For the year's file: the page with all titles, from which poster pages follow. It is long: 10 s a paper."""
        found = FILE.search(request.url)
        if found is None or not request.url.endswith("-orals-posters.json"):
            return ()
        base = request.url.rpartition("/static/virtual/data/")[0]
        return (Request(key=f"{found[1]}-{found[2]} titles", url=f"{base}/virtual/{found[2]}/papers.html", accept=_PAGE),)


def _text(value: Any) -> str:
    """A string with its HTML entities undone ("Texas A&amp;M"); empty for anything else."""
    if not isinstance(value, str):
        return ""
    return html.unescape(value) if "&" in value and _ENTITY.search(value) else value


# -- the file of events


class _Paper(NamedTuple):
    """The events of one paper, in the file's order."""

    events: list[dict[str, Any]]


def _events(value: dict[str, Any], request: Request, response: Response) -> Parsed:
    results: list[Any] = value["results"]
    declared = value.get("count") if isinstance(value.get("count"), int) else None
    events = [event for event in results if isinstance(event, dict)]
    site, year = site_of(request, *_hints(events))
    others, wanted = _sorted_out(results)
    entries = read_entries(
        _merged(wanted),
        lambda paper: _record(paper, site, year, response.sha256),
        url=request.url,
        named=lambda paper: str(paper.events[0].get("id")),
    )
    refused = (*others, *entries.refused)
    if results and not entries.records:
        raise SourceError(f"{request.url}: none of {len(results)} events is a paper: {refused[0].reason}", hint=SITE_CHANGED)
    verdict = _verdict(entries, len(results), declared, value.get("next"))
    if not results or not verdict.complete:
        return Parsed(entries.records, verdict, refused)
    verdict = with_abstracts(verdict, entries.records, WITH_ABSTRACT)
    more = (() if verdict.complete else _side_file(request)) + _poster_pages(entries.records, request)
    return Parsed(entries.records, verdict, refused, more, abstracts_follow=not verdict.complete and bool(more))


def _hints(events: Sequence[dict[str, Any]]) -> list[str]:
    """What the first event says of its conference: its OpenReview group, its authors' internal links."""
    if not events:
        return []
    authors = events[0].get("authors")
    links = [author.get("url") for author in authors if isinstance(author, dict)] if isinstance(authors, list) else []
    group = parse_qs(urlsplit(str(events[0].get("sourceurl") or "")).query).get("id", [""])[0]
    return [*(link for link in links if isinstance(link, str)), group.replace(".cc/", " ")]


def _sorted_out(results: Sequence[Any]) -> tuple[list[Refusal], list[dict[str, Any]]]:
    """Refusals of what is no paper, and the rest."""
    refused, wanted = [], []
    for place, event in enumerate(results, 1):
        if not isinstance(event, dict):
            refused.append(Refusal(line=place, reason=f"not an event but {type(event).__name__}"))
        elif (kind := clean_line(_text(event.get("eventtype")))).casefold() in NO_PAPERS:
            refused.append(Refusal(line=place, reason=f"an event of the kind {kind}, which is no paper", item=str(event.get("id"))[:80]))
        else:
            wanted.append(event)
    return refused, wanted


def _merged(events: Iterable[dict[str, Any]]) -> list[_Paper]:
    """Events by paper: one OpenReview id is one paper, else one title is; equal titles under two ids are two papers."""
    papers: list[_Paper] = []
    by_forum: dict[str, _Paper] = {}
    by_title: dict[str, _Paper] = {}
    forums: dict[int, str] = {}
    for event in events:
        forum = _forum(event)
        name = _text(event.get("name"))
        title = "" if is_generic_title(name) else title_key(name)
        paper = by_forum.get(forum) if forum else None
        if paper is None and title and (same := by_title.get(title)) is not None and not (forum and forums.get(id(same))):
            paper = same
        if paper is None:
            paper = _Paper([])
            papers.append(paper)
        paper.events.append(event)
        if forum:
            by_forum.setdefault(forum, paper)
            forums.setdefault(id(paper), forum)
        if title:
            by_title.setdefault(title, paper)
    return papers


def _forum(event: dict[str, Any]) -> str:
    return identifiers_in_url(_text(event.get("paper_url"))).get("openreview", "")


def _acceptance(events: Sequence[dict[str, Any]]) -> str | None:
    """The highest of what the events say, in the venue's words; the kind of an event speaks where no decision is as high."""
    said = [_text(event.get(field)) for field in ("decision", "eventtype") for event in events]
    return clean_line(min((words for words in said if words.strip()), key=_rank, default="")) or None


def _rank(said: str) -> int:
    return next((place for place, words in enumerate(_RANKS) if words.search(said)), len(_RANKS))


def _record(paper: _Paper, site: Site | None, year: int | None, sha256: str) -> Record:
    """The poster is what the record is of; the decision is the highest, and each field the first that is given."""
    events = paper.events
    if len(events) > 1:
        events = sorted(events, key=lambda event: (_text(event.get("eventtype")).casefold() != "poster", _number(event)))
    lead = events[0]
    if not (number := _number(lead)):
        raise ValueError("an event without an id")
    path = next((path for event in events if (path := _text(event.get("virtualsite_url")))), "")
    found = _PAPER_PATH.search(path)
    year = int(found[1]) if found else year
    links = {name: link for event in reversed(events) for name, link in _links(event).items()}
    identifiers: dict[str, str] = {}
    for event in reversed(events):
        identifiers |= identifiers_in_url(_text(event.get("paper_url"))) | identifiers_in_url(_text(event.get("paper_pdf_url")))
    return Record(
        source=NAME,
        source_key=key_of(site, year, number),
        title=_text(lead.get("name")),
        abstract=next((text for event in events if (text := _text(event.get("abstract")).strip())), None),
        authors=next((names for event in events if (names := _authors(event))), ()),
        url=shown(site, path),
        venue=site.venue if site else None,
        year=year,
        track=next((track for event in events if (track := _track(event))), None),
        acceptance=_acceptance(events),
        identifiers=identifiers,
        links=links,
        raw_sha256=sha256,
    )


def _number(event: dict[str, Any]) -> int:
    """The event's id; 0 for none."""
    number = str(event.get("id"))
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0


def _authors(event: dict[str, Any]) -> tuple[str, ...]:
    authors = event.get("authors")
    if not isinstance(authors, list):
        return ()
    names = (clean_name(_text(author.get("fullname"))) for author in authors if isinstance(author, dict))
    return tuple(dict.fromkeys(name for name in names if name))


def _links(event: dict[str, Any]) -> dict[str, str]:
    forum, pdf = _text(event.get("paper_url")), _text(event.get("paper_pdf_url"))
    name = "openreview" if "openreview.net" in forum else "paper"
    return {name: link for name, link in ((name, clean_url(forum)), ("pdf", clean_url(pdf))) if link}


def _track(event: dict[str, Any]) -> str | None:
    """ "Conference", "Datasets and Benchmarks Track", "Position Paper Track" of .../group?id=NeurIPS.cc/2025/<track>; "TMLR"."""
    group = parse_qs(urlsplit(_text(event.get("sourceurl"))).query).get("id", [""])[0]
    behind = re.sub(r"^.*?/\d{4}/", "", group)
    return clean_line(behind.replace("_", " ").replace("/", " ")) or None


def _verdict(entries: Entries, found: int, declared: int | None, following: Any) -> Verdict:
    """`found` events against `declared`; two events of one paper are no loss."""
    if not found:
        return Verdict(False, "a file without events", declared, "parsed none")
    own = entries.verdict(declared=None, what="papers")
    reason = f"{own.reason}, of {found} events"
    if declared is None:
        return Verdict(False, f"{reason}; the file does not say how many there are")
    if declared != found or following:
        return Verdict(False, f"{reason}, where {declared} are declared: the rest is not in the file", declared)
    return replace(own, reason=reason, declared=declared)


# -- the file of abstracts


def _side_file(request: Request) -> tuple[Request, ...]:
    found = FILE.search(request.url)
    if found is None or not request.url.endswith("-orals-posters.json"):
        return ()
    url = request.url.replace("-orals-posters.json", "-abstracts.json")
    return (Request(key=f"{found[1]}-{found[2]} abstracts", url=url, accept=_JSON),)


def _poster_pages(records: Iterable[Record], request: Request) -> tuple[Request, ...]:
    """The pages of papers without an abstract in the file: the last resort, at ten seconds each."""
    base = request.url.partition("/static/virtual/data/")[0]
    if not base.startswith("http") or base == request.url:
        return ()
    paths = {record.source_key: urlsplit(record.url).path for record in records if record.abstract is None and record.url}
    return tuple(Request(key=key, url=f"{base}{path}", accept=_PAGE) for key, path in paths.items() if path.startswith("/virtual/"))


def _abstracts(value: dict[str, str | None], request: Request) -> Parsed:
    """Event id to abstract. Ids without a text are counted, not kept."""
    site, year = site_of(request)
    texts = tuple((key_of(site, year, number), text) for number, said in value.items() if (text := _text(said).strip()))
    if not texts:
        return Parsed((), Verdict(False, f"no abstract in {len(value)} entries", len(value), "parsed none"))
    complete = len(texts) >= WITH_ABSTRACT * len(value)
    return Parsed((), Verdict(complete, f"{len(texts)} abstracts of {len(value)}", len(value), "truly none"), abstracts=texts)
