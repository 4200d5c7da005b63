"""OpenReview (API v2, and v1 for older years): a whole conference in pages of 1,000 notes, abstracts included.

Optional: since 2026 a client that is not logged in gets a challenge page with status 200. That page is an error
here, never an empty conference. A conference's accepted papers carry its bare id as `venueid`; a rejected,
withdrawn or pending one carries a longer id, and its `venue` says "Submitted to". How a paper was accepted stands in
`venue` only ("ICML 2023 Poster").

Pace: 7.2 seconds, which is the 500 requests an hour the server's own header allows.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from triage.errors import SourceError, UsageError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.entries import read_entries
from triage.sources.preprints import one_line
from triage.sources.reading import read_json
from triage.sources.venues import VenueSource
from triage.text import clean_line, clean_name, clean_url

__all__ = ["OpenReview"]

PAGE = 1000
"""Notes a page, the most the API gives."""

GROUPS = {"ICML": "ICML.cc", "NeurIPS": "NeurIPS.cc", "ICLR": "ICLR.cc"}
"""The group under which a venue's years stand; tracks of their own (datasets, position papers) are other groups."""

FIRST_YEARS = {"ICML": 2023, "NeurIPS": 2021, "ICLR": 2018}
FIRST_YEARS_OF_V2 = {"ICML": 2023, "NeurIPS": 2023, "ICLR": 2024}
"""The other host answers with an empty list, so the right one must be asked."""

_V1 = "https://api.openreview.net"
_JSON = ("application/json",)
_CLOSED = (
    "OpenReview wants a login since 2026: set OPENREVIEW_TOKEN, or OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD; "
    "or leave it out, the virtual sites have the same papers"
)
_VENUE = re.compile(r"^(?P<name>.+?)[ ,]+(?P<year>\d{4})\b[ ,:-]*(?P<how>.*)$")


class OpenReview(VenueSource):
    """Accepted papers of a conference."""

    name = "openreview"
    hosts = ("api2.openreview.net", "api.openreview.net")
    base_url = "https://api2.openreview.net"
    optional = True
    """It may be missing without anything being wrong."""

    def listing(self, venue: str, year: int, *, base_url: str) -> tuple[Request, ...]:
        """The first page of accepted papers. Raises UsageError for a venue or year that OpenReview does not have."""
        name = next((known for known in GROUPS if known.upper() == venue.upper()), None)
        if name is None or year < FIRST_YEARS[name]:
            since = ", ".join(f"{known} since {first}" for known, first in FIRST_YEARS.items())
            raise UsageError(f"OpenReview has no {venue} {year}", hint=f"it has {since}")
        base = base_url.rstrip("/")
        if base == self.base_url and year < FIRST_YEARS_OF_V2[name]:
            base = _V1
        return (_page(f"{GROUPS[name]}/{year}/Conference", 0, base),)

    def parse(self, request: Request, response: Response) -> Parsed:
        """Notes of either API. Raises SourceError for the challenge page, the API's own errors and anything else."""
        if response.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
            raise SourceError(f"{request.url}: a web page where JSON is due: the challenge for clients without a login", hint=_CLOSED)
        answer = read_json(response.body, request.url)
        notes = answer.get("notes") if isinstance(answer, dict) else None
        if not isinstance(notes, list):
            said = answer.get("message") or answer.get("errors") or answer.get("error") if isinstance(answer, dict) else None
            reason = f"OpenReview says: {clean_line(str(said))[:200]}" if said else "no list of notes"
            raise SourceError(f"{request.url}: {reason}", hint=_CLOSED if said else "the API may have changed")
        entries = read_entries(notes, lambda note: _accepted(note, request, response.sha256), url=request.url, named=_named)
        verdict, more = _verdict(entries.verdict(declared=None, what="papers", signed=True), answer, len(notes), request)
        return Parsed(entries.records, verdict, entries.refused, more)


def _page(venueid: str, offset: int, base: str) -> Request:
    query = urlencode({"content.venueid": venueid, "limit": PAGE, "offset": offset, "sort": "number:asc"}, safe="/:")
    key = venueid + (f" from {offset}" if offset else "")
    return Request(key=key, url=f"{base}/notes?{query}", accept=_JSON)


def _verdict(verdict: Verdict, answer: dict[str, Any], count: int, request: Request) -> tuple[Verdict, tuple[Request, ...]]:
    """`count` in the answer is that of all pages; it is there because the request says `offset`."""
    query = parse_qs(urlsplit(request.url).query)
    offset, declared, venueid = _number(query.get("offset", ["0"])[0]), answer.get("count"), query.get("content.venueid", [""])[0]
    if not isinstance(declared, int):
        return Verdict(False, f"{verdict.reason}; how many there are is not said", None, verdict.nothing), ()
    if not count:
        reason = (
            "no paper of that name is accepted yet, or the group is closed" if not declared else f"no notes where {declared} are declared"
        )
        return Verdict(False, reason, declared, "truly none" if not declared and not offset else "parsed none"), ()
    seen = offset + count
    reason = f"{verdict.reason}, {seen} of {declared} seen"
    if seen < declared and venueid:  # also where a page is shorter than it may be
        return Verdict(False, f"{reason}, more to come", declared), (_page(venueid, seen, request.url.partition("/notes?")[0]),)
    return Verdict(verdict.complete and seen == declared, reason, declared), ()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _accepted(note: Any, request: Request, sha256: str) -> Record:
    content = note.get("content") if isinstance(note, dict) else None
    if not isinstance(content, dict):
        raise ValueError("no content")
    forum, venueid, said = str(note.get("forum") or note.get("id") or ""), _value(content, "venueid"), _value(content, "venue")
    if not re.fullmatch(r"[\w-]+", forum):
        raise ValueError("no forum id")
    asked = parse_qs(urlsplit(request.url).query).get("content.venueid", [""])[0]
    place = re.match(r"([^/]+)\.cc/(\d{4})/", venueid)
    if place is None or (asked and venueid != asked) or re.search(r"(?:Rejected|Withdrawn|Desk|Submission)\w*$", venueid):
        raise ValueError(f"not accepted: {clean_line(venueid)[:80] or 'no venueid'}")
    if said.casefold().startswith("submitted to") or note.get("ddate"):
        raise ValueError("not accepted: still a submission, or deleted")
    how = _VENUE.match(clean_line(said))
    pdf = _value(content, "pdf")
    authors = content.get("authors")
    names = authors.get("value") if isinstance(authors, dict) else authors
    return Record(
        source=OpenReview.name,
        source_key=forum,
        title=clean_line(_value(content, "title")),
        abstract=one_line(_value(content, "abstract")),
        authors=tuple(name for one in names if isinstance(one, str) and (name := clean_name(one))) if isinstance(names, list) else (),
        url=f"https://openreview.net/forum?id={forum}",
        venue=next((name for name, group in GROUPS.items() if group == f"{place[1]}.cc"), place[1]),
        year=int(place[2]),
        acceptance=(how["how"] or None) if how else None,
        published=_day(note.get("pdate")),
        identifiers={"openreview": forum},
        links={"pdf": link} if (link := clean_url(f"https://openreview.net{pdf}" if pdf.startswith("/") else pdf)) else {},
        raw_sha256=sha256,
    )


def _value(content: dict[str, Any], name: str) -> str:
    """The text of a field, which v2 wraps in an object and v1 does not; empty when there is none."""
    value = content.get(name)
    value = value.get("value") if isinstance(value, dict) else value
    return value if isinstance(value, str) else ""


def _day(milliseconds: Any) -> date | None:
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool) or not 0 < milliseconds < 10**13:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date()


def _named(note: Any) -> str:
    return str(note.get("id") or "") if isinstance(note, dict) else ""
