"""arXiv's daily announcements: one Atom feed of all categories, or the same as RSS 2.0.

`published` is the announcement's midnight in New York, not the day of submission; of new papers it is taken as the
day of publication all the same, as the API's day differs from it by a day or two. An abstract begins with the id and
the kind of announcement, which are no part of it; all names stand in one string.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from email.utils import parsedate_to_datetime
from xml.etree.ElementTree import Element

from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.arxiv_xml import ACCEPT, ARXIV, ATOM, DC, NAME, day_of, first_category, link_of, names_of, read_each
from triage.sources.preprints import arxiv_fields, arxiv_id, one_line
from triage.text import clean_line, clean_name

__all__ = ["BUILT", "LARGEST_FEED", "feed_request", "parse_feed"]

LARGEST_FEED = 2000
"""Entries at which arXiv's feed service stops; a feed of that size may be cut off."""

BUILT = timedelta(hours=5)
"""The feed is built at midnight in New York: 04:00 or 05:00 UTC. Until then yesterday's stands."""

_ANNOUNCED = re.compile(r"^\s*arXiv:\S+\s+Announce Type:\s*\S+\s+(?:Abstract:\s*)?", re.IGNORECASE)
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})


def feed_request(key: str, categories: Sequence[str], base_url: str) -> Request:
    return Request(key=key, url=f"{base_url.rstrip('/')}/atom/{'+'.join(categories)}", accept=ACCEPT)


def parse_feed(root: Element, request: Request, response: Response) -> Parsed:
    """`root` is an Atom <feed> or an <rss>. Raises SourceError when there are entries and not one is a paper."""
    entries = root.findall(f"{ATOM}entry") or root.findall("channel/item")
    records, refused = read_each(entries, lambda entry: _announced(entry, response.sha256), request.url)
    day = _feed_day(root, entries, request, response)
    if not entries:
        return Parsed((), _nothing(day), day=day)
    if len(entries) >= LARGEST_FEED:
        base, _, asked = request.url.rpartition("/atom/")
        categories = asked.split("+") if base else []
        more = tuple(feed_request(f"{request.key} {category}", (category,), base) for category in categories) if len(categories) > 1 else ()
        verdict = Verdict(False, f"{len(entries)} announcements, where the feed stops: the rest is not in it")
        return Parsed(records, verdict, refused, more, day)
    kinds = Counter(entry.findtext(f"{ARXIV}announce_type") or "unmarked" for entry in entries)
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
    days = Counter(day for entry in entries if (day := _day(entry)))
    if days:
        return max(days, key=lambda day: (days[day], day))
    asked = day_of(request.key)
    stood = (response.fetched_at.astimezone(UTC) - BUILT).date()
    built = day_of(root.findtext(f"{ATOM}updated")) or _mail_day(root.findtext("channel/pubDate"))
    return asked if asked and asked != stood else built or asked


def _day(entry: Element) -> date | None:
    return day_of(entry.findtext(f"{ATOM}published")) or _mail_day(entry.findtext("pubDate"))


def _mail_day(text: str | None) -> date | None:
    """RSS writes days as mail does, "Mon, 18 Aug 2025 00:00:00 -0400": the day in the zone it is written in."""
    try:
        return parsedate_to_datetime(text or "").date()
    except ValueError:
        return None


def _announced(entry: Element, sha256: str) -> Record:
    """An Atom entry or an RSS item: the same under other names."""

    def text(*names: str) -> str:
        return next((said for name in names if (said := (entry.findtext(name) or "").strip())), "")

    identifier = arxiv_id(text(f"{ATOM}id", "guid")) or arxiv_id(link_of(entry) or text("link"))
    if identifier is None:
        raise ValueError("no arXiv id")
    creators = [name for creator in entry.findall(f"{DC}creator") for name in _joined_names(creator.text or "")]
    return Record(
        source=NAME,
        source_key=identifier,
        title=clean_line(text(f"{ATOM}title", "title")),
        abstract=one_line(_ANNOUNCED.sub("", text(f"{ATOM}summary", "description"))),
        authors=tuple(creators) or names_of(entry),
        track=first_category(entry) or clean_line(text("category")) or None,
        published=_day(entry) if text(f"{ARXIV}announce_type") == "new" else None,
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
