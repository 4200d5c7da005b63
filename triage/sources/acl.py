"""ACL, EMNLP, NAACL, EACL and Findings by the Anthology's own XML: one file a collection, abstracts included.

A collection (2023.acl, 2023.findings, P19) has volumes, a volume has papers. The file of an event also names
the volumes held with it; those that stand in other collections, its workshops, are asked for next and are
shown under the event. Fields arrive later (DOIs, awards), so a file is worth reading again.
Identifiers: https://aclanthology.org/info/ids/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from xml.etree.ElementTree import Element

from triage.errors import SourceError, UsageError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.acl_pages import parse_page
from triage.sources.anthology import COLLECTION, EVENTS, NAME, NEW_IDS, WITH_ABSTRACT, event_of, track_of, year_of
from triage.sources.completeness import SITE_CHANGED, with_abstracts
from triage.sources.entries import Entries, read_entries
from triage.sources.reading import read_xml
from triage.sources.venues import VenueSource
from triage.text import clean_line, clean_url, identifiers_of_doi, venue_key

__all__ = ["ACL"]

FIRST_YEAR = 1979
"""P79, the first ACL meeting in the Anthology."""

_ACCEPT = ("text/plain", "application/xml", "text/xml")  # GitHub serves raw XML as text/plain
_BREAKS = frozenset({"br", "p", "par"})


class _Volume(NamedTuple):
    collection: str
    id: str
    venue: str | None
    year: int | None
    track: str | None


class ACL(VenueSource):
    """The Anthology's data files. Every second: a static file host, and a handful of requests an event."""

    name = NAME
    hosts = ("raw.githubusercontent.com",)
    base_url = "https://raw.githubusercontent.com/acl-org/acl-anthology/master"

    def listing(self, venue: str, year: int, *, base_url: str) -> tuple[Request, ...]:
        """The event's own collection and, since 2020, Findings (one collection for the events of a year)."""
        event = venue_key(venue)
        if year < (NEW_IDS if event == "findings" else FIRST_YEAR) or event not in {*EVENTS, "findings"}:
            raise UsageError(f"the Anthology has no {venue} {year}", hint="it has ACL, EMNLP, NAACL, EACL, and Findings since 2020")
        collections = [f"{year}.{name}" for name in dict.fromkeys((event, "findings"))]
        if year < NEW_IDS:
            collections = [f"{EVENTS[event][1]}{year % 100:02}"]
        return tuple(_file(f"{event}-{year} {collection}", collection, base_url) for collection in collections)

    def parse(self, request: Request, response: Response) -> Parsed:
        """One collection, or a web page of the Anthology. Raises SourceError for any other XML and other pages."""
        if not re.match(rb"\s*<(?:\?xml|collection)", response.body.removeprefix(b"\xef\xbb\xbf")):
            return parse_page(request, response)
        root = read_xml(response.body, request.url)
        collection = root.get("id", "")
        if root.tag != "collection" or not COLLECTION.fullmatch(collection):
            raise SourceError(f"{request.url}: not a collection but <{clean_line(root.tag)[:80]}>", hint=SITE_CHANGED)
        volumes = root.findall("volume")
        if not volumes:
            raise SourceError(f"{request.url}: collection {collection} has no volumes", hint=SITE_CHANGED)
        papers = [(volume, paper) for element in volumes for volume, paper in _papers(element, collection, request.key)]
        entries = read_entries(papers, lambda entry: _record(*entry, response.sha256), url=request.url, named=_named)
        more = _colocated(root, collection, request)
        return Parsed(entries.records, _verdict(entries, len(papers), collection), entries.refused, more)


def _file(key: str, collection: str, base_url: str) -> Request:
    return Request(key=key, url=f"{base_url.rstrip('/')}/data/xml/{collection}.xml", accept=_ACCEPT)


def _verdict(entries: Entries, count: int, collection: str) -> Verdict:
    """The file declares no number: every <paper> in it has to be read."""
    verdict = entries.verdict(declared=count or None, what="papers")
    year, _, event = collection.partition(".")
    recent = event in {*EVENTS, "findings"} and int(year) >= NEW_IDS
    return with_abstracts(verdict, entries.records, WITH_ABSTRACT) if recent else verdict


def _named(entry: tuple[_Volume, Element]) -> str:
    return f"{entry[0].collection}-{entry[0].id}.{entry[1].get('id', '')}"


def _colocated(root: Element, collection: str, request: Request) -> tuple[Request, ...]:
    """The other collections of the event that was asked for. The key carries event and volumes: the workshop's
    own file does not say with which event it was held."""
    asked = request.key.partition(" ")[0]
    held: dict[str, list[str]] = {}
    for event in root.findall("event"):
        if event.get("id") != asked:
            continue
        for element in event.iter("volume-id"):
            other, _, volume = clean_line(element.text or "").rpartition("-")
            if COLLECTION.fullmatch(other) and other != collection and not other.endswith(".findings"):
                held.setdefault(other, []).append(volume)
    base = request.url.rpartition("/data/xml/")[0]
    return tuple(_file(f"{asked} {other} {','.join(volumes)}", other, base) for other, volumes in held.items() if base)


# -- volumes


def _papers(element: Element, collection: str, key: str) -> Iterable[tuple[_Volume, Element]]:
    """Papers of a volume; front matter is an element of its own, in old files a paper numbered 0."""
    volume = _volume(element, collection, key)
    return [(volume, paper) for paper in element.findall("paper") if paper.get("id", "").strip("0")]


def _volume(element: Element, collection: str, key: str) -> _Volume:
    name = element.get("id", "")
    described = element.find("meta")
    year = clean_line(described.findtext("year") or "") if described is not None else ""
    venues = [clean_line(venue.text or "") for venue in described.findall("venue")] if described is not None else []
    book = described.find("booktitle") if described is not None else None
    title = _line(book) if book is not None else ""
    return _Volume(
        collection,
        name,
        _event_of(collection, name, venues, key),
        int(year) if re.fullmatch(r"\d{4}", year) else year_of(collection),
        track_of(collection, name, title),
    )


def _event_of(collection: str, name: str, venues: list[str], key: str) -> str | None:
    """The event a volume is shown under: a volume of Findings is that of its event, a workshop that of the event
    which was asked for and names the volume."""
    asked, _, rest = key.partition(" ")
    other, _, held = rest.partition(" ")
    if other == collection and name in held.split(","):
        return EVENTS[event][0] if (event := asked.partition("-")[0]) in EVENTS else event
    return event_of(collection, name, next(iter(venues), ""))


# -- one paper


def _record(volume: _Volume, paper: Element, sha256: str) -> Record:
    title = paper.find("title")
    identifier = _identifier(volume, paper)
    link = f"https://aclanthology.org/{identifier}"
    doi = clean_line(paper.findtext("doi") or "")
    awards = [clean_line(_text(award)) for award in paper.findall("award")]
    code = paper.find("pwccode")
    links = {"pdf": f"{link}.pdf" if paper.find("url") is not None else None}
    links["code"] = clean_url(code.get("url", "")) if code is not None else None
    identifiers = (identifiers_of_doi(doi) if doi.startswith("10.") else {}) | {"anthology": identifier}
    return Record(
        source=ACL.name,
        source_key=identifier,
        title=_line(title) if title is not None else "",
        abstract=_abstract(paper),
        authors=tuple(name for author in paper.findall("author") if (name := _person(author))),
        url=f"{link}/",
        venue=volume.venue,
        year=volume.year,
        track=volume.track,
        acceptance="; ".join(award for award in awards if award) or None,
        identifiers=identifiers,
        links={name: found for name, found in links.items() if found},
        raw_sha256=sha256,
    )


def _identifier(volume: _Volume, paper: Element) -> str:
    """As the paper's <url> says; where that leads elsewhere, built by the Anthology's rule."""
    said = clean_line(paper.findtext("url") or "")
    if said.startswith(f"{volume.collection}-"):
        return said
    number = paper.get("id", "")
    if "." in volume.collection:
        return f"{volume.collection}-{volume.id}.{number}"
    if not (number.isdigit() and volume.id.isdigit()):
        raise ValueError(f"{volume.collection}-{volume.id}: paper without a number")
    # workshops (and the workshops of D19) have two digits for the volume, all others one
    two = volume.collection in {"C69"} or volume.collection[0] == "W" or (volume.collection == "D19" and int(volume.id) >= 5)
    digits = f"{int(volume.id):02}{int(number):02}" if two else f"{int(volume.id)}{int(number):03}"
    return f"{volume.collection}-{digits}"


def _text(element: Element) -> str:
    """All text, mark-up dropped: words that mark-up cuts through stay in one piece (<fixed-case>P</fixed-case>rolog)."""
    if not any(part.tag in _BREAKS for part in element.iter()):
        return "".join(element.itertext())
    parts = [element.text or ""]
    for part in element:
        parts += ["\n" if part.tag in _BREAKS else "", _text(part), part.tail or ""]
    return "".join(parts)


def _line(element: Element) -> str:
    return clean_line(_text(element))


def _abstract(paper: Element) -> str | None:
    abstract = paper.find("abstract")
    return _text(abstract).strip() or None if abstract is not None else None


def _person(author: Element) -> str:
    return clean_line(f"{author.findtext('first') or ''} {author.findtext('last') or ''}")
