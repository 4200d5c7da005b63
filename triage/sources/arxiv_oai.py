"""Back-fill from arXiv by OAI-PMH: every record of a set that changed within a window of days.

The days are arXiv's datestamps, the day of a record's last change; a paper of May 2023 that was revised in 2024 is in
a window of 2024. To have everything submitted since a day, end the last window today. Windows are short, so that a
kill or an expired token costs one window; pages of a window follow each other by token.

https://info.arxiv.org/help/oa/index.html; the pace is arXiv's own for all its interfaces together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from triage.errors import SourceError, UsageError
from triage.sources import Parsed, Request, Response
from triage.sources.arxiv import CATEGORIES, ArXiv

__all__ = ["BASE_URL", "WINDOW", "Window", "backfill_windows", "oai_set", "page_headers", "read_backfill"]

BASE_URL = "https://oaipmh.arxiv.org"

WINDOW = timedelta(days=7)
"""A week of cs.CV is about 3,000 changed records, three pages."""

EARLIEST = date(2005, 9, 16)
"""The earliest datestamp of arXiv's repository; older papers carry it or a later one."""

_ACCEPT = ("application/xml", "text/xml")
_CATEGORY = re.compile(r"^(?P<archive>[a-z]+(?:-[a-z]+)*)(?:\.(?P<part>[A-Za-z-]+))?$")
_HEADER = re.compile(rb"<(?:\w+:)?header[\s>]")
_KEY = re.compile(r"^(?P<set>\S+) (?P<start>\d{4}-\d{2}-\d{2})\.\.(?P<end>\d{4}-\d{2}-\d{2})")
# archives that are groups of their own; all others belong to physics (https://arxiv.org/category_taxonomy)
_GROUPS = frozenset({"cs", "econ", "eess", "math", "q-bio", "q-fin", "stat"})


def oai_set(category: str) -> str:
    """The set of a category: "cs.CV" is "cs:cs:CV", "hep-th" is "physics:hep-th", "cs" is all of it. Raises UsageError."""
    found = _CATEGORY.match(category.strip())
    if found is None:
        raise UsageError(f"no arXiv category {category!r}", hint="they look like cs.CV, stat.ML or hep-th")
    archive, part = found["archive"], found["part"]
    if archive in _GROUPS:
        return f"{archive}:{archive}:{part}" if part else archive
    if archive == "physics" and not part:
        return "physics"
    return f"physics:{archive}:{part}" if part else f"physics:{archive}"


class Window(NamedTuple):
    """Some days of one set, both ends included, and the request for its first page."""

    set_name: str
    first: date
    last: date
    request: Request


def backfill_windows(start: date, end: date, *, categories: Sequence[str] = CATEGORIES, base_url: str = BASE_URL) -> tuple[Window, ...]:
    """Every window from `start` to `end` (both included), oldest first. Raises UsageError for days the wrong way round."""
    if end < start:
        raise UsageError(f"from {start} to {end}", hint="the first day must not be later than the last")
    sets = dict.fromkeys(oai_set(category) for category in categories)
    return tuple(_window(name, first, last, base_url) for first, last in _windows(max(start, EARLIEST), end) for name in sets)


def _windows(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Weeks from Monday on, so that calls for days that overlap have windows in common."""
    while start <= end:
        last = min(start + WINDOW - timedelta(days=1 + start.weekday()), end)
        yield start, last
        start = last + timedelta(days=1)


def _window(name: str, first: date, last: date, base_url: str) -> Window:
    query = {"verb": "ListRecords", "metadataPrefix": "arXiv", "set": name, "from": first.isoformat(), "until": last.isoformat()}
    url = f"{base_url.rstrip('/')}/oai?{urlencode(query, safe=':')}"
    return Window(name, first, last, Request(key=f"{name} {first}..{last}", url=url, accept=_ACCEPT))


def page_headers(body: bytes) -> int:
    """How many records a page names, deleted ones among them: what the list's declared size counts."""
    return len(_HEADER.findall(body))


def read_backfill(request: Request, response: Response) -> Parsed:
    """One page of records, with the request for the next in `more`; a window without changes is truly none.

    Raises SourceError for what is no OAI-PMH answer, for arXiv's own errors (an expired token: badResumptionToken), and
    for a token that leads to its own page.
    """
    if b"OAI-PMH" not in response.body[:4096]:
        raise SourceError(f"{request.url}: no OAI-PMH answer", hint="a message in place of the list; it is asked again in the next run")
    parsed = ArXiv().parse(request, response)
    asked = _token(request.url)
    more = []
    for following in parsed.more:
        token = _token(following.url)
        if token == asked:
            raise SourceError(f"{request.url}: the next page is this one again", hint="the window is asked for anew in the next run")
        more.append(replace(following, key=f"{_window_of(request.key)} {token}"[:300], accept=_ACCEPT))
    records = tuple({record.source_key: record for record in parsed.records}.values())
    return replace(parsed, records=records, more=tuple(more), day=None)


def _token(url: str) -> str | None:
    return next(iter(parse_qs(urlsplit(url).query).get("resumptionToken", [])), None)


def _window_of(key: str) -> str:
    found = _KEY.match(key)
    return found[0] if found else key[:60]
