"""arXiv: the daily announcement feed, look-ups by id (API), and OAI-PMH records.

Announcements of every type yield a record. `new` and `cross` are papers we may not have; `replace` and
`replace-cross` are newer versions of papers we mostly have, and the merge of records takes their title
and abstract without touching the day of publication, which only `new` gives.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree.ElementTree import Element

from pydantic import ValidationError

from triage.errors import SourceError
from triage.models import Record, Refusal
from triage.sources import Nothing, Parsed, Request, Response, Source, Verdict
from triage.sources.preprints import arxiv_fields, arxiv_id, one_line
from triage.sources.reading import read_xml
from triage.text import clean_line, clean_name, identifiers_of_doi, split_authors

__all__ = ["CATEGORIES", "ArXiv"]

CATEGORIES = ("cs.CV", "cs.CL", "cs.LG")
LARGEST_FEED = 2000
"""Entries at which arXiv's feed service stops; a feed of that size may be cut off."""

_ACCEPT = ("application/atom+xml", "application/rss+xml", "application/xml", "text/xml")
_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_SEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_OAI = "{http://www.openarchives.org/OAI/2.0/}"
_BUILT = timedelta(hours=5)
"""The feed is built at midnight in New York: 04:00 or 05:00 UTC. Until then yesterday's stands."""

_ANNOUNCED = re.compile(r"^\s*arXiv:\S+\s+Announce Type:\s*\S+\s+(?:Abstract:\s*)?", re.IGNORECASE)
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})


class ArXiv(Source):
    """The daily feed of `categories`, asked once a day, and look-ups by id."""

    name = "arxiv"
    hosts = ("rss.arxiv.org", "export.arxiv.org", "oaipmh.arxiv.org")
    base_url = "https://rss.arxiv.org"
    shows_one_day = True

    def __init__(self, categories: Sequence[str] = CATEGORIES) -> None:
        self.categories = tuple(categories)

    def due(self, *, today: date, final: date | None, since_days: int) -> tuple[date, ...]:
        """The announcement that stands now, unless it was read: the feed shows no other."""
        del since_days
        return () if final and final >= today else (today,)

    def day_at(self, moment: datetime) -> date:
        """The announcement that stands at that moment."""
        return (moment.astimezone(UTC) - _BUILT).date()

    def settled(self, day: date, read_at: datetime) -> bool:
        """An announcement is built once and does not grow."""
        del day, read_at
        return True

    def missed(self, final: date, shown: date) -> tuple[date, ...]:
        """The weekdays between the last announcement that was read and the one the feed shows."""
        between = (final + timedelta(days=n) for n in range(1, (shown - final).days))
        return tuple(day for day in between if day.weekday() < 5)

    def requests(self, day: date, *, base_url: str) -> tuple[Request, ...]:
        """One request for all categories."""
        return (_feed(day.isoformat(), self.categories, base_url),)

    def lookup(self, ids: Sequence[str], *, base_url: str) -> Request:
        """The API's answer for some ids (without versions). A mirror serves it under /api/query."""
        base = base_url.rstrip("/") if base_url.rstrip("/") != self.base_url else "https://export.arxiv.org"
        query = urlencode({"id_list": ",".join(ids), "max_results": len(ids)}, safe=",/")
        return Request(key=",".join(ids)[:200], url=f"{base}/api/query?{query}", accept=_ACCEPT)

    def parse(self, request: Request, response: Response) -> Parsed:
        """A daily feed, an API answer or OAI-PMH records, told apart by their content.

        Raises SourceError for anything else, and for the API's and OAI's own errors.
        """
        root = read_xml(response.body, request.url)
        if root.tag == f"{_OAI}OAI-PMH":
            return _parse_oai(root, request, response)
        if root.tag != f"{_ATOM}feed":
            raise SourceError(
                f"{request.url}: neither an Atom feed nor OAI-PMH but <{clean_line(root.tag)[:80]}>", hint="the site may have changed"
            )
        if root.find(f"{_SEARCH}totalResults") is not None:
            return _parse_api(root, request, response)
        return _parse_feed(root, request, response)


def _feed(key: str, categories: Sequence[str], base_url: str) -> Request:
    return Request(key=key, url=f"{base_url.rstrip('/')}/atom/{'+'.join(categories)}", accept=_ACCEPT)


# -- the daily feed


def _parse_feed(root: Element, request: Request, response: Response) -> Parsed:
    entries = root.findall(f"{_ATOM}entry")
    records, refused = _each(entries, lambda entry: _announced(entry, response.sha256), request.url)
    day = _feed_day(root, entries, request, response)
    if not entries:
        return Parsed((), _nothing(day), day=day)
    categories = request.url.rpartition("/atom/")[2].split("+")
    if len(entries) >= LARGEST_FEED:
        base = request.url.rpartition("/atom/")[0]
        more = tuple(_feed(f"{request.key} {category}", (category,), base) for category in categories) if len(categories) > 1 else ()
        verdict = Verdict(False, f"{len(entries)} announcements, where the feed stops: the rest is not in it")
        return Parsed(records, verdict, refused, more, day)
    kinds = Counter(entry.findtext(f"{_ARXIV}announce_type") or "unmarked" for entry in entries)
    return Parsed(records, Verdict(True, ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))), refused, (), day)


def _nothing(day: date | None) -> Verdict:
    if day is None:
        return Verdict(False, "an empty feed, and of which day is not known", nothing="parsed none")
    if day.weekday() >= 5:
        return Verdict(True, f"{day}: no announcements on a weekend", nothing="truly none")
    return Verdict(False, f"{day}: an empty feed on a weekday (normal only on a holiday of arXiv's)", nothing="parsed none")


def _feed_day(root: Element, entries: Sequence[Element], request: Request, response: Response) -> date | None:
    """The day of the announcements; of an empty feed the day it was built.

    Where somebody asked for another day than the one that stood at the time of reading, an empty feed
    is taken to be of that day.
    """
    days = Counter(day for entry in entries if (day := _day(entry.findtext(f"{_ATOM}published"))))
    if days:
        return max(days, key=lambda day: (days[day], day))
    asked = _day(request.key)
    stood = (response.fetched_at.astimezone(UTC) - _BUILT).date()
    return asked if asked and asked != stood else _day(root.findtext(f"{_ATOM}updated")) or asked


def _announced(entry: Element, sha256: str) -> Record:
    identifier = arxiv_id(entry.findtext(f"{_ATOM}id") or "") or arxiv_id(_link(entry))
    if identifier is None:
        raise ValueError("no arXiv id")
    kind = (entry.findtext(f"{_ARXIV}announce_type") or "").strip()
    creators = [name for creator in entry.findall(f"{_DC}creator") for name in _joined_names(creator.text or "")]
    return Record(
        source=ArXiv.name,
        source_key=identifier,
        title=clean_line(entry.findtext(f"{_ATOM}title") or ""),
        abstract=one_line(_ANNOUNCED.sub("", entry.findtext(f"{_ATOM}summary") or "")),
        authors=tuple(creators) or _names(entry),
        track=_first_category(entry),
        published=_day(entry.findtext(f"{_ATOM}published")) if kind == "new" else None,
        raw_sha256=sha256,
        **arxiv_fields(identifier),
    )


def _joined_names(text: str) -> tuple[str, ...]:
    """dc:creator is one string, "Ann Smith, Bo Li, Carl Jones Jr."; a suffix belongs to the name before it."""
    names: list[str] = []
    for part in clean_line(text).split(","):
        if names and part.strip().casefold() in _SUFFIXES:
            names[-1] += f", {part.strip()}"
        elif name := clean_name(part):
            names.append(name)
    return tuple(names)


# -- the API


def _parse_api(root: Element, request: Request, response: Response) -> Parsed:
    entries = root.findall(f"{_ATOM}entry")
    for entry in entries:
        if "/api/errors" in (entry.findtext(f"{_ATOM}id") or ""):
            said = clean_line(entry.findtext(f"{_ATOM}summary") or "no reason given")[:200]
            raise SourceError(f"{request.url}: arXiv says: {said}", hint="check the id; it looks like 2401.00001 or cs/0101001")
    records, refused = _each(entries, lambda entry: _listed(entry, response.sha256), request.url)
    total = _number(root, "totalResults")
    return Parsed(records, _api_verdict(root, request, records, len(entries), total), refused)


def _api_verdict(root: Element, request: Request, records: Sequence[Record], count: int, total: int) -> Verdict:
    asked = _ids_asked(request.url) or _ids_asked(_link(root))
    if asked:
        lacking = sorted(asked - {record.source_key for record in records})
        if lacking:
            nothing: Nothing | None = None if records else "truly none"
            return Verdict(False, f"{len(lacking)} of {len(asked)} ids are not known to arXiv: {', '.join(lacking)[:300]}", total, nothing)
        return Verdict(True, f"all {len(asked)} ids", total)
    due = min(_number(root, "itemsPerPage") or total, max(total - _number(root, "startIndex"), 0))
    if count < due:  # seen in the wild: empty pages with totalResults > 0
        return Verdict(False, f"{count} entries where {due} are due", total, None if count else "parsed none")
    return Verdict(True, f"{count} of {total} results", total, None if count else "truly none")


def _ids_asked(url: str) -> set[str]:
    listed = parse_qs(urlsplit(url).query).get("id_list", [""])[0]
    return {arxiv_id(one) or one for one in listed.split(",") if one}


def _listed(entry: Element, sha256: str) -> Record:
    identifier = arxiv_id((entry.findtext(f"{_ATOM}id") or "").replace("http://", "https://"))
    if identifier is None:
        raise ValueError("no arXiv id")
    primary = entry.find(f"{_ARXIV}primary_category")
    fields = arxiv_fields(identifier)
    fields["identifiers"] |= _doi(entry.findtext(f"{_ARXIV}doi"))
    return Record(
        source=ArXiv.name,
        source_key=identifier,
        title=clean_line(entry.findtext(f"{_ATOM}title") or ""),
        abstract=one_line(entry.findtext(f"{_ATOM}summary")),
        authors=_names(entry),
        track=primary.get("term") if primary is not None else _first_category(entry),
        published=_day(entry.findtext(f"{_ATOM}published")),
        raw_sha256=sha256,
        **fields,
    )


# -- OAI-PMH


def _parse_oai(root: Element, request: Request, response: Response) -> Parsed:
    error = root.find(f"{_OAI}error")
    if error is not None:
        code, said = error.get("code", ""), clean_line(error.text or "")[:200]
        if code == "noRecordsMatch":
            return Parsed((), Verdict(True, "no records match", 0, "truly none"))
        raise SourceError(f"{request.url}: arXiv says: {code}: {said}", hint="an expired token is asked for anew in the next run")
    headers = list(root.iter(f"{_OAI}header"))
    deleted = sum(header.get("status") == "deleted" for header in headers)
    # the list element's namespace is sure, that of a record's metadata differs between recordings
    elements = [element for element in root.iter() if _local(element) == "arXiv"]
    records, refused = _each(elements, lambda element: _harvested(element, response.sha256), request.url)
    more, declared = _resumption(root, request)
    if len(elements) + deleted != len(headers):
        return Parsed(
            records, Verdict(False, f"{len(headers)} headers, but {len(elements)} records and {deleted} deleted", declared), refused, more
        )
    reason = f"{len(elements)} records" + (f", {deleted} deleted" if deleted else "") + (", more to come" if more else "")
    nothing: Nothing | None = None if records else "truly none" if deleted else "parsed none"
    return Parsed(records, Verdict(not more and nothing != "parsed none", reason, declared, nothing), refused, more)


def _resumption(root: Element, request: Request) -> tuple[tuple[Request, ...], int | None]:
    token = next(root.iter(f"{_OAI}resumptionToken"), None)
    if token is None:
        return (), None
    size = token.get("completeListSize", "")
    declared = int(size) if size.isascii() and size.isdigit() else None
    if not (text := (token.text or "").strip()):
        return (), declared
    query = urlencode({"verb": "ListRecords", "resumptionToken": text})
    return (Request(key=f"{request.key} {text}"[:200], url=f"{request.url.partition('?')[0]}?{query}", accept=_ACCEPT),), declared


def _harvested(element: Element, sha256: str) -> Record:
    said = {_local(child): child for child in element}

    def text(name: str) -> str | None:
        return said[name].text if name in said else None

    identifier = arxiv_id(text("id") or "")
    if identifier is None:
        raise ValueError("no arXiv id")
    fields = arxiv_fields(identifier)
    fields["identifiers"] |= _doi(text("doi"))
    return Record(
        source=ArXiv.name,
        source_key=identifier,
        title=clean_line(text("title") or ""),
        abstract=one_line(text("abstract")),
        authors=_harvested_names(said["authors"]) if "authors" in said else (),
        track=next(iter((text("categories") or "").split()), None),
        published=_day(text("created")),
        raw_sha256=sha256,
        **fields,
    )


def _harvested_names(authors: Element) -> tuple[str, ...]:
    if len(authors) == 0:
        return split_authors(authors.text or "")
    names = []
    for author in authors:
        parts = {_local(part): clean_line(part.text or "") for part in author}
        name = clean_line(f"{parts.get('forenames', '')} {parts.get('keyname', '')} {parts.get('suffix', '')}")
        if re.search(r"\w", name):  # collaborations are followed by an author named ":"
            names.append(name)
    return tuple(names)


# -- what the three share


def _each(elements: Iterable[Element], read: Callable[[Element], Record], url: str) -> tuple[tuple[Record, ...], tuple[Refusal, ...]]:
    """Records and refusals, in order. Raises SourceError when there are elements and not one is a paper."""
    records, refused = [], []
    for place, element in enumerate(elements, 1):
        try:
            records.append(read(element))
        except ValidationError as error:
            first = error.errors()[0]
            refused.append(Refusal(line=place, reason=f"{'.'.join(map(str, first['loc']))}: {first['msg']}", item=_named(element)))
        except ValueError as error:
            refused.append(Refusal(line=place, reason=str(error), item=_named(element)))
    if refused and not records:
        raise SourceError(
            f"{url}: none of {len(refused)} entries is a paper; the first: {refused[0].reason}", hint="the site may have changed"
        )
    return tuple(records), tuple(refused)


def _named(element: Element) -> str:
    return clean_line(element.findtext(f"{_ATOM}id") or "")[:80]


def _names(entry: Element) -> tuple[str, ...]:
    return tuple(name for author in entry.findall(f"{_ATOM}author") if (name := clean_name(author.findtext(f"{_ATOM}name") or "")))


def _link(element: Element) -> str:
    """The first link; the feed's own for a feed, the abstract's page for an entry."""
    link = element.find(f"{_ATOM}link")
    return link.get("href", "") if link is not None else ""


def _first_category(entry: Element) -> str | None:
    category = entry.find(f"{_ATOM}category")
    return clean_line(category.get("term", "")) or None if category is not None else None


def _doi(text: str | None) -> dict[str, str]:
    """Identifiers of the first DOI given (authors sometimes give several, blank-separated), arXiv's own left out."""
    first = next(iter((text or "").split()), "")
    found = identifiers_of_doi(first) if first.startswith("10.") else {}
    return {scheme: value for scheme, value in found.items() if scheme != "arxiv"}


def _number(root: Element, name: str) -> int:
    text = (root.findtext(f"{_SEARCH}{name}") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _day(text: str | None) -> date | None:
    """The date as written, in the zone it is written in: midnight in New York is that day's announcement."""
    try:
        return date.fromisoformat((text or "").strip()[:10])
    except ValueError:
        return None
