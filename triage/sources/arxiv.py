"""arXiv: the daily announcement feed, look-ups by id (API), and OAI-PMH records.

Announcements of every type yield a record. `new` and `cross` are papers we may not have; `replace` and
`replace-cross` are newer versions of papers we mostly have, and the merge of records takes their title
and abstract without touching the day of publication, which only `new` gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree.ElementTree import Element

from triage.errors import SourceError
from triage.models import Record
from triage.sources import Nothing, Parsed, Request, Response, Source, Verdict
from triage.sources.arxiv_feed import BUILT, feed_request, parse_feed
from triage.sources.arxiv_harvest import parse_harvest
from triage.sources.arxiv_xml import (
    ACCEPT,
    ARXIV,
    ATOM,
    NAME,
    OAI,
    SEARCH,
    day_of,
    doi_of,
    first_category,
    link_of,
    names_of,
    number_in,
    read_each,
)  # fmt: skip
from triage.sources.preprints import arxiv_fields, arxiv_id, one_line
from triage.sources.reading import read_xml
from triage.text import clean_line

__all__ = ["CATEGORIES", "ArXiv"]

CATEGORIES = ("cs.CV", "cs.CL", "cs.LG")


class ArXiv(Source):
    """The daily feed of `categories`, asked once a day, and look-ups by id."""

    name = NAME
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
        return (moment.astimezone(UTC) - BUILT).date()

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
        return (feed_request(day.isoformat(), self.categories, base_url),)

    def lookup(self, ids: Sequence[str], *, base_url: str) -> Request:
        """The API's answer for some ids (without versions). A mirror serves it under /api/query."""
        base = base_url.rstrip("/") if base_url.rstrip("/") != self.base_url else "https://export.arxiv.org"
        query = urlencode({"id_list": ",".join(ids), "max_results": len(ids)}, safe=",/")
        return Request(key=",".join(ids)[:200], url=f"{base}/api/query?{query}", accept=ACCEPT)

    def parse(self, request: Request, response: Response) -> Parsed:
        """A daily feed, an API answer or OAI-PMH records, told apart by their content.

        Raises SourceError for anything else, and for the API's and OAI's own errors.
        """
        root = read_xml(response.body, request.url)
        if root.tag == f"{OAI}OAI-PMH":
            return parse_harvest(root, request, response)
        if root.tag == "rss":
            return parse_feed(root, request, response)
        if root.tag != f"{ATOM}feed":
            raise SourceError(
                f"{request.url}: neither an Atom feed nor OAI-PMH but <{clean_line(root.tag)[:80]}>", hint="the site may have changed"
            )
        if root.find(f"{SEARCH}totalResults") is not None:
            return _parse_api(root, request, response)
        return parse_feed(root, request, response)


# -- the API


def _parse_api(root: Element, request: Request, response: Response) -> Parsed:
    entries = root.findall(f"{ATOM}entry")
    for entry in entries:
        if "/api/errors" in (entry.findtext(f"{ATOM}id") or ""):
            said = clean_line(entry.findtext(f"{ATOM}summary") or "no reason given")[:200]
            raise SourceError(f"{request.url}: arXiv says: {said}", hint="check the id; it looks like 2401.00001 or cs/0101001")
    records, refused = read_each(entries, lambda entry: _listed(entry, response.sha256), request.url)
    total = number_in(root, "totalResults")
    return Parsed(records, _api_verdict(root, request, records, len(entries), total), refused)


def _api_verdict(root: Element, request: Request, records: Sequence[Record], count: int, total: int) -> Verdict:
    asked = _ids_asked(request.url) or _ids_asked(link_of(root))
    if asked:
        lacking = sorted(asked - {record.source_key for record in records})
        if lacking:
            nothing: Nothing | None = None if records else "truly none"
            return Verdict(False, f"{len(lacking)} of {len(asked)} ids are not known to arXiv: {', '.join(lacking)[:300]}", total, nothing)
        return Verdict(True, f"all {len(asked)} ids", total)
    due = min(number_in(root, "itemsPerPage") or total, max(total - number_in(root, "startIndex"), 0))
    if count < due:  # seen in the wild: empty pages with totalResults > 0
        return Verdict(False, f"{count} entries where {due} are due", total, None if count else "parsed none")
    return Verdict(True, f"{count} of {total} results", total, None if count else "truly none")


def _ids_asked(url: str) -> set[str]:
    listed = parse_qs(urlsplit(url).query).get("id_list", [""])[0]
    return {arxiv_id(one) or one for one in listed.split(",") if one}


def _listed(entry: Element, sha256: str) -> Record:
    identifier = arxiv_id((entry.findtext(f"{ATOM}id") or "").replace("http://", "https://"))
    if identifier is None:
        raise ValueError("no arXiv id")
    primary = entry.find(f"{ARXIV}primary_category")
    fields = arxiv_fields(identifier)
    fields["identifiers"] |= doi_of(entry.findtext(f"{ARXIV}doi"))
    return Record(
        source=NAME,
        source_key=identifier,
        title=clean_line(entry.findtext(f"{ATOM}title") or ""),
        abstract=one_line(entry.findtext(f"{ATOM}summary")),
        authors=names_of(entry),
        track=primary.get("term") if primary is not None else first_category(entry),
        published=day_of(entry.findtext(f"{ATOM}published")),
        raw_sha256=sha256,
        **fields,
    )
