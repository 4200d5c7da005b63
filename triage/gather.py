"""Gathering: what is due is worked out from the warehouse, asked for through the one HTTP door, believed
only when it is whole, and kept in one burst a source.

A run may be killed at any point: what a source gave is committed together with the days it was of, so the
next run asks again for exactly what was not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from triage.errors import SourceError, UsageError
from triage.models import Record, Refusal
from triage.records import Kept, keep_records
from triage.runs import StepReport
from triage.sources.registry import NAMES, sources
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run
    from triage.settings import Settings
    from triage.sources import Parsed, Request, Response, Source

__all__ = ["Due", "gather", "planned"]

MOST_PAGES = 50
"""Follow-up rounds a day may take; more is a server that hands out next pages for ever."""

STANDS_STILL = timedelta(days=5)
"""How long a feed may show the same day: a weekend and a holiday on both sides of it."""

MOST_NAMED = 20
"""Refused items that get a row each in `failures`; the rest is counted in one."""

Fetch = Callable[[Sequence["Request"]], "Iterator[tuple[Request, Response | SourceError]]"]


@dataclass(frozen=True)
class Due:
    """What is to be asked of one source: a request for each day, and what is known of its days so far."""

    source: Source
    requests: tuple[tuple[date, Request], ...]
    final: date | None
    by_hand: bool


@dataclass
class _Day:
    """What came of one day. It is whole as long as there is no problem."""

    records: int = 0
    declared: int | None = None
    nothing: str | None = None
    reason: str = ""
    problem: str | None = None
    read_at: datetime | None = None


@dataclass
class _Harvest:
    """Everything one source gave in one run."""

    due: Due
    records: list[Record] = field(default_factory=list)
    refused: list[tuple[str, Refusal]] = field(default_factory=list)
    days: dict[date, _Day] = field(default_factory=dict)
    answered_as: dict[date, date] = field(default_factory=dict)
    failures: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    """(kind, key of the request, message, hint)"""
    failed: int = 0
    unreachable: int = 0
    requests: int = 0
    messages: list[str] = field(default_factory=list)


def gather(run: Run, names: Sequence[str] | None = None, *, date: date | None = None) -> list[StepReport]:
    """Ask every enabled source (or the named ones) for what is due, or for one `date`; one report each.

    In a report `read` are the papers that were read, those that were refused and the requests that
    failed; `new` and `known` are records. A source that fails leaves the others alone. Raises UsageError
    for an unknown name and for a date that lies ahead.
    """
    from triage.web import Door

    settings = run.settings
    chosen = _chosen(settings, names)
    with run.warehouse.burst() as con:
        dues = [plan(con, source, settings, run.clock(), date) for source in chosen]
        _note_enabled(con, settings)
    reports = []
    with Door(run) as door:
        for due in dues:
            run.progress.step(f"gather {due.source.name}", len(due.requests))
            harvest = _harvest(run, due, lambda requests, name=due.source.name: door.fetch_all(requests, source=name))
            with run.warehouse.burst() as con:
                reports.append(run.add(_keep(con, run, harvest, door.drain())))
    return reports


def _chosen(settings: Settings, names: Sequence[str] | None) -> list[Source]:
    known = sources(settings)
    if unknown := [name for name in names or () if name not in known]:
        raise UsageError(f"no source {unknown[0]!r}", hint=f"there are: {', '.join(known)}")
    return [source for name, source in known.items() if (name in names if names else settings.sources.named(name).enabled is not False)]


# -- what is due


def planned(con: duckdb.DuckDBPyConnection | None, settings: Settings, now: datetime, *, date: date | None = None) -> list[Due]:
    """What a run would ask now; `con` reads the warehouse or its snapshot, None for an empty one."""
    return [plan(con, source, settings, now, date) for source in _chosen(settings, None)]


def plan(con: duckdb.DuckDBPyConnection | None, source: Source, settings: Settings, now: datetime, asked: date | None) -> Due:
    """The days behind the last final one and the gaps before it, or the one day that was asked for."""
    if asked and asked > now.astimezone(UTC).date():
        raise UsageError(f"{asked} lies ahead (today is {now.astimezone(UTC):%Y-%m-%d} in UTC)", hint="give today or an earlier day")
    known = _days_known(con, source.name)
    finals = {day for day, (status, _) in known.items() if status == "final"}
    anchor = max((day for day in finals if not known[day][1]), default=None)
    if asked:
        days: list[date] = [asked]
    else:
        since = settings.gather.since
        today = source.day_at(now)
        wanted = set(source.due(today=today, final=anchor, since_days=since))
        gaps = {day for day in known if day not in finals and today - timedelta(days=since) < day <= today}
        wanted |= {day for day in gaps if day in source.due(today=today, final=day - timedelta(days=1), since_days=since)}
        days = sorted(wanted - finals)
    base = settings.sources.named(source.name).base_url or source.base_url
    return Due(source, tuple((day, request) for day in days for request in source.requests(day, base_url=base)), anchor, asked is not None)


def _days_known(con: duckdb.DuckDBPyConnection | None, name: str) -> dict[date, tuple[str, bool]]:
    if con is None:
        return {}
    rows = con.execute("SELECT day, status, by_hand FROM store.day WHERE source = ?", [name]).fetchall()
    return {day: (status, by_hand) for day, status, by_hand in rows}


# -- asking and reading


def _harvest(run: Run, due: Due, fetch: Fetch) -> _Harvest:
    """Ask, parse, follow next pages; nothing is written here."""
    harvest = _Harvest(due)
    asked = dict((request, (day, frozenset[str]())) for day, request in due.requests)
    for round_number in range(MOST_PAGES + 1):
        follow: dict[Request, tuple[date, frozenset[str]]] = {}
        for request, answer in fetch(list(asked)) if asked else ():
            harvest.requests += 1
            day, before = asked[request]
            if parsed := _read(harvest, request, day, answer):
                keys = frozenset(record.source_key for record in parsed.records)
                shown = _take(harvest, day, request, parsed, answer, repeated=bool(keys) and keys == before)
                if keys != before:
                    follow |= {more: (shown, keys) for more in parsed.more}
            run.progress.advance()
        asked = follow
        if asked and round_number == MOST_PAGES:
            for request, (day, _) in asked.items():
                _problem(harvest, day, "incomplete", request.key, f"more than {MOST_PAGES} pages follow one another")
            break
    return harvest


def _read(harvest: _Harvest, request: Request, day: date, answer: Response | SourceError) -> Parsed | None:
    """The parsed answer, or None when it failed, which is noted."""
    try:
        if isinstance(answer, SourceError):
            raise answer
        return harvest.due.source.parse(request, answer)
    except SourceError as error:
        harvest.failed += 1
        unreachable = error is answer
        harvest.unreachable += unreachable
        _problem(harvest, day, "unreachable" if unreachable else "parsed none", request.key, error.message, error.hint)
        harvest.days[day].nothing = "unreachable" if unreachable else "parsed none"
        return None


def _take(harvest: _Harvest, asked: date, request: Request, parsed: Parsed, response: Response, *, repeated: bool) -> date:
    """Note what an answer gave under the day it is of, which is returned."""
    day = parsed.day or asked
    harvest.answered_as[asked] = day
    came = harvest.days.setdefault(day, _Day())
    came.read_at = max(filter(None, (came.read_at, response.fetched_at)))
    came.records += len(parsed.records)
    harvest.records += parsed.records
    harvest.refused += [(request.key, refusal) for refusal in parsed.refused]
    verdict = parsed.verdict
    came.reason = "; ".join(filter(None, (came.reason, verdict.reason)))
    came.declared = verdict.declared if came.declared is None else came.declared
    came.nothing = verdict.nothing if not came.records else None
    if repeated:
        _problem(harvest, day, "incomplete", request.key, f"{request.url}: the next page shows the papers of the one before")
    elif not verdict.complete and not parsed.more:
        _problem(harvest, day, verdict.nothing or "incomplete", request.key, f"{request.url}: {verdict.reason}")
    return day


def _problem(harvest: _Harvest, day: date, kind: str, key: str, message: str, hint: str | None = None) -> None:
    came = harvest.days.setdefault(day, _Day())
    came.problem = came.problem or message
    harvest.failures.append((kind, key, message, hint or "the day is asked for again in the next run"))


# -- keeping


def _keep(con: duckdb.DuckDBPyConnection, run: Run, harvest: _Harvest, fetched: Sequence[FetchRow]) -> StepReport:
    """Write records, days, fetches and the source's state together; turn failures into rows of the run."""
    name = harvest.due.source.name
    kept = keep_records(con, run, harvest.records)
    _shown_only(con, run, harvest)
    _keep_days(con, run, harvest)
    _keep_fetches(con, run, fetched)
    _report_failures(run, harvest)
    if harvest.requests:
        _keep_state(con, run, harvest)
    return _report(harvest, kept, name)


def _shown_only(con: duckdb.DuckDBPyConnection, run: Run, harvest: _Harvest) -> None:
    """A feed shows one day only: note the days it no longer shows, and a feed that stands still."""
    source, anchor = harvest.due.source, harvest.due.final
    for asked, shown in sorted(harvest.answered_as.items()):
        missed = set(source.missed(anchor, shown)) if anchor else set()
        if shown != asked:
            harvest.messages.append(f"{source.name} shows {shown}; {asked} cannot be asked for")
        con.execute(
            "DELETE FROM store.day WHERE source = $source AND status = 'failed' AND NOT list_contains($missed, day)"
            " AND ((day = $asked AND $asked <> $shown) OR ($feed AND day > $anchor AND day < $shown))",
            {"source": source.name, "asked": asked, "shown": shown, "anchor": anchor, "missed": sorted(missed), "feed": bool(missed) or shown != asked},
        )
        rows = con.execute("SELECT day, status, nothing, first_read_at FROM store.day WHERE source = ?", [source.name]).fetchall()
        told = {day for day, status, nothing, _ in rows if status == "final" or nothing == "missed"}
        for day in sorted(missed - told):
            _problem(harvest, day, "missed", day.isoformat(), f"{source.name}: the feed shows {shown} and no longer {day}",
                     "papers of that day come with other sources; add single ones with: triage add arXiv:ID")
            harvest.days[day].nothing = "missed"
        first = next((first for day, status, _, first in rows if day == shown and status == "final"), None)
        if first and run.now() - first > STANDS_STILL:
            harvest.failures.append(("stands still", asked.isoformat(), f"{source.name}: the feed has shown {shown} since {first:%Y-%m-%d}", "see whether the site has moved; [sources] base_url sets another address"))
