"""Hugging Face Daily Papers: the API list of a day, and the same list inside the HTML page.

A day is final only when it was read after 24:00 UTC: the list of 2024-08-01 had 11 papers at 17:07 UTC
and 13 at night. Rules and counts behind the constants: design notes on 9,581 recorded entries.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from triage.errors import SourceError
from triage.models import Record, Refusal
from triage.sources import Parsed, Request, Response, Source, Verdict
from triage.sources.preprints import arxiv_fields, arxiv_id, one_line
from triage.sources.reading import read_json, read_text
from triage.text import clean_line, clean_name, clean_url

__all__ = ["HuggingFace"]

PAGE = 100
"""Papers a page: the most the API gives. Its default is 50, and days with exactly 50 were cut off there."""

DEFAULT_PAGE = 50

QUIET_DAYS = 3
"""Days after which a weekday without a paper is believed to be a holiday."""


class _Author(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str = ""


class _Paper(BaseModel):
    """The fields every one of 9,581 recorded entries has; all others came and went."""

    model_config = ConfigDict(extra="ignore")
    id: str
    authors: list[_Author]
    publishedAt: str  # noqa: N815  the API's own name
    title: str
    summary: str
    githubRepo: str | None = None  # noqa: N815
    projectPage: str | None = None  # noqa: N815
    submittedOnDailyAt: str | None = None  # noqa: N815


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore")
    paper: _Paper


class HuggingFace(Source):
    """The daily list, day by day."""

    name = "huggingface"
    hosts = ("huggingface.co",)
    base_url = "https://huggingface.co"

    def due(self, *, today: date, final: date | None, since_days: int) -> tuple[date, ...]:
        """Every day behind the last final one, today included; on an empty warehouse the last `since_days`."""
        first = final + timedelta(days=1) if final else today - timedelta(days=max(since_days, 1) - 1)
        return tuple(first + timedelta(days=n) for n in range((today - first).days + 1))

    def requests(self, day: date, *, base_url: str) -> tuple[Request, ...]:
        """One request a day; a full page asks for the next one."""
        return (_page(day, 0, base_url),)

    def parse(self, request: Request, response: Response) -> Parsed:
        """The API's JSON list, or the page's `data-props`.

        Raises SourceError when it is neither, or when not one of its items is a paper.
        """
        if response.media_type == "application/json":
            items = _listed(read_json(response.body, request.url), request.url)
            return _parsed(request, response, items, day=_day_asked(request.url), cards=None)
        return _parse_page(request, response)


def _page(day: date, number: int, base_url: str) -> Request:
    query: dict[str, Any] = {"date": day.isoformat(), "limit": PAGE} | ({"p": number} if number else {})
    key = day.isoformat() + (f" page {number + 1}" if number else "")
    return Request(key=key, url=f"{base_url.rstrip('/')}/api/daily_papers?{urlencode(query)}", accept=("application/json",))


def _listed(value: Any, url: str) -> list[Any]:
    if isinstance(value, list):
        return value
    said = value.get("error") if isinstance(value, dict) else None
    raise SourceError(
        f"{url}: a list is due, this is {'an error: ' + clean_line(str(said))[:200] if said else type(value).__name__}",
        hint="the site may have changed; what was gathered before stays",
    )


class _Props(HTMLParser):
    """Finds the `data-props` of the daily list and counts the cards a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.props: str | None = None
        self.cards = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("data-target") == "DailyPapers" and self.props is None:
            self.props = given.get("data-props")
        self.cards += tag == "article"


def _parse_page(request: Request, response: Response) -> Parsed:
    page = _Props()
    try:
        page.feed(read_text(response.body, request.url))
        page.close()
    except AssertionError as error:  # html.parser's way to say that a declaration is malformed
        raise SourceError(f"{request.url}: no web page ({error})", hint="the site has changed") from error
    if page.props is None:
        raise SourceError(f"{request.url}: a web page without the daily list", hint="a log-in or challenge page, or the site has changed")
    props = read_json(page.props.encode("utf-8", "replace"), request.url)
    if not isinstance(props, dict) or "dailyPapers" not in props:
        raise SourceError(f"{request.url}: the page's data has no dailyPapers", hint="the site has changed")
    items = _listed(props["dailyPapers"], request.url)
    day = _date(str(props.get("dateString") or props.get("date") or "")) or _day_asked(request.url)
    return _parsed(request, response, items, day=day, cards=page.cards)


def _parsed(request: Request, response: Response, items: Sequence[Any], *, day: date | None, cards: int | None) -> Parsed:
    records, refused, listed_on = [], [], []
    for place, item in enumerate(items, 1):
        try:
            paper = _Entry.model_validate(item).paper
            records.append(_record(paper, response.sha256))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            refused.append(Refusal(line=place, reason=f"{where + ': ' if where else ''}{first['msg']}", item=_named(item)))
        else:
            listed_on.append(_date(paper.submittedOnDailyAt or ""))
    if items and not records:
        found = "they are texts, not objects" if all(isinstance(item, str) for item in items) else f"the first: {refused[0].reason}"
        raise SourceError(
            f"{request.url}: none of {len(items)} items is a paper; {found}", hint="the site or a mirror has changed its form"
        )
    verdict, more = _verdict(request, response, len(items), cards, day, [listed for listed in listed_on if listed])
    return Parsed(tuple(records), verdict, tuple(refused), more, day)


def _record(paper: _Paper, sha256: str) -> Record:
    identifier = arxiv_id(paper.id)
    page = clean_url(f"https://huggingface.co/papers/{paper.id}")
    published = _date(paper.publishedAt)
    fields = arxiv_fields(identifier) if identifier else {"url": page, "year": published.year if published else None, "links": {}}
    found = {"huggingface": page, "code": clean_url(paper.githubRepo or ""), "project": clean_url(paper.projectPage or "")}
    links = fields.pop("links") | {name: link for name, link in found.items() if link}
    return Record(
        source=HuggingFace.name,
        source_key=identifier or clean_line(paper.id),
        title=clean_line(paper.title),
        abstract=one_line(paper.summary),
        authors=tuple(name for author in paper.authors if (name := clean_name(author.name))),
        published=published,
        links=links,
        raw_sha256=sha256,
        **fields,
    )


def _verdict(
    request: Request, response: Response, count: int, cards: int | None, day: date | None, listed_on: Sequence[date]
) -> tuple[Verdict, tuple[Request, ...]]:
    """`cards` are what the HTML page shows; None for the API, whose list claims no number."""
    query = parse_qs(urlsplit(request.url).query)
    number, limit = _number(query, "p", 0), _number(query, "limit", DEFAULT_PAGE if query else PAGE)
    if not count:
        return _nothing(day, response.fetched_at, later_page=number > 0), ()
    if cards not in {None, count}:
        return Verdict(False, f"{cards} cards are shown, {count} papers are in the page's data", cards), ()
    if day and listed_on and day not in listed_on:
        return Verdict(False, f"asked for {day}, the papers were listed on {max(listed_on)}: the date was not heeded", cards), ()
    if cards is None and count >= limit:
        more = (_page(day, number + 1, request.url.partition("/api/")[0]),) if day and "/api/" in request.url else ()
        return Verdict(False, f"{count} papers, exactly as many as a page holds: the rest may be on the next one"), more
    return Verdict(True, f"{count} papers", cards), ()


def _nothing(day: date | None, read_at: datetime, *, later_page: bool) -> Verdict:
    if later_page:
        return Verdict(True, "nothing behind the page before", 0, "truly none")
    if day is None:
        return Verdict(False, "an empty list, and of which day is not known", 0, "parsed none")
    age = (read_at.astimezone(UTC).date() - day).days
    if age <= 0:
        return Verdict(True, f"{day}: nothing listed yet", 0, "truly none")
    if day.weekday() >= 5:
        return Verdict(True, f"{day}: nothing listed, as on many weekends", 0, "truly none")
    if age > QUIET_DAYS:
        return Verdict(True, f"{day}: still nothing {age} days later, a holiday", 0, "truly none")
    return Verdict(False, f"{day}: an empty list on a weekday", 0, "parsed none")


def _number(query: dict[str, list[str]], name: str, default: int) -> int:
    value = query.get(name, [""])[0]
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else default


def _day_asked(url: str) -> date | None:
    parts = urlsplit(url)
    return _date(parse_qs(parts.query).get("date", [""])[0]) or _date(parts.path.rpartition("/")[2])


def _date(text: str) -> date | None:
    """The day of "2024-08-01T00:00:00.000Z"; the hours are not to be trusted (see the design notes on publishedAt)."""
    if not re.match(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _named(item: Any) -> str:
    paper = item.get("paper") if isinstance(item, dict) else None
    identifier = paper.get("id") if isinstance(paper, dict) else None
    return clean_line(str(identifier or ""))[:80]
