"""Gathering: what is due is asked for through the one HTTP door, believed only when it is whole, and kept.

A run may be killed at any point: what a source gave is committed together with the days it was of, so the
next run asks again for exactly what was not kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from datetime import date as Date  # noqa: N812  `date` is the name of a parameter everywhere here
from typing import TYPE_CHECKING, cast

from triage.answers import Answer, read_answers
from triage.due import Due, chosen, due_at
from triage.errors import BudgetSpentError, RateLimitedError, SourceError, UnreachableError
from triage.harvest import Harvest, keep_harvest
from triage.runs import StepReport
from triage.sources import Request, Response
from triage.sources.registry import NAMES, every_source
from triage.text import is_preprint
from triage.venues import known_name
from triage.web.raw import RawStore

if TYPE_CHECKING:
    import duckdb

    from triage.models import Record
    from triage.runs import Run
    from triage.sources import Source
    from triage.sources.enrichment import EnrichmentSource
    from triage.sources.venues import VenueSource
    from triage.web import Door, RobotsCopy, Validators
    from triage.workspace import Workspace

__all__ = ["closed", "gather", "known_venue", "note_sources", "open_door", "reread", "restore_answers", "willing"]

MOST_PAGES = 50
"""Follow-up rounds; more is a server that hands out next pages for ever."""

Fetch = Callable[[Sequence[Request]], Iterator[tuple[Request, Response | SourceError]]]


def gather(run: Run, names: Sequence[str] | None = None, *, date: Date | None = None) -> list[StepReport]:
    """Ask every source that is not switched off (or the named ones) for what is due, or for one `date`.

    One report a source, also where nothing was due. A source that fails leaves the others alone. Raises
    UsageError for an unknown name and for a date that lies ahead.
    """
    picked = chosen(run.settings, names)
    with run.warehouse.burst() as con:
        dues = [due_at(con, source, run.settings, run.clock(), day=date) for source in picked]
        note_sources(con, run)
    if not any(due.requests for due in dues):
        return [run.add(_nothing_due(due)) for due in dues]
    with open_door(run) as door:
        return [run.add(_gather_one(run, due, door) if due.requests else _nothing_due(due)) for due in dues]


def _nothing_due(due: Due) -> StepReport:
    return StepReport(step=f"gather {due.source.name}", messages=(f"{due.source.name}: nothing is due (read up to {due.final})",))


def _gather_one(run: Run, due: Due, door: Door) -> StepReport:
    def fetch(requests: Sequence[Request]) -> Iterator[tuple[Request, Response | SourceError]]:
        return door.fetch_all(requests, source=due.source.name, hosts=due.source.hosts)

    run.progress.step(f"gather {due.source.name}", len(due.requests), seconds_each=door.pace(due.requests[0][1].url, due.source.name))
    harvest = Harvest(due)
    _ask(run, harvest, fetch)
    return keep_harvest(run, harvest, door.drain())


def _ask(run: Run, harvest: Harvest, fetch: Fetch) -> None:
    """Ask, read, follow next pages; nothing is written here."""
    asked: dict[Request, tuple[Date, frozenset[str]]] = {request: (day, frozenset()) for day, request in harvest.due.requests}
    for _ in range(MOST_PAGES):
        follow: dict[Request, tuple[Date, frozenset[str]]] = {}
        for request, answer in willing(list(asked), fetch):
            day, before = asked[request]
            run.progress.advance()
            parsed = harvest.read(request, answer, day)
            keys = frozenset(record.source_key for record in parsed.records) if parsed else frozenset()
            if parsed and keys and keys == before:
                message = f"{request.url}: the next page shows the papers of the one before"
                harvest.trouble("incomplete", request.key, message, None, day=parsed.day or day)
            elif parsed:
                follow |= dict.fromkeys(parsed.more, (day, keys))
        asked = follow
        if not asked:
            return
    for request, (day, _) in asked.items():
        harvest.trouble("incomplete", request.key, f"{request.url}: more than {MOST_PAGES} pages follow one another", None, day=day)


def closed(answer: Response | SourceError) -> SourceError | None:
    """The answer, when it means that the site should not be asked anything more for now."""
    return answer if isinstance(answer, UnreachableError | RateLimitedError | BudgetSpentError) else None


def willing(requests: Sequence[Request], fetch: Fetch) -> Iterator[tuple[Request, Response | SourceError]]:
    """Answers, the first one by itself: a site that cannot be reached, or wants to be left alone, is not asked the rest."""
    first, rest = requests[:1], requests[1:]
    refusal: SourceError | None = None
    for request, answer in fetch(first):
        refusal = closed(answer)
        yield request, answer
    if refusal is None:
        yield from fetch(rest)
    else:
        yield from ((request, refusal) for request in rest)


def note_sources(con: duckdb.DuckDBPyConnection, run: Run) -> None:
    """A row for every source there is, and whether it is switched on."""
    for name in NAMES:
        con.execute("INSERT INTO store.source (name) SELECT $name WHERE $name NOT IN (SELECT name FROM store.source)", {"name": name})
        con.execute("UPDATE store.source SET enabled = ? WHERE name = ?", [run.settings.sources.named(name).enabled is not False, name])


def open_door(run: Run) -> Door:
    """The HTTP door with what earlier runs know of the addresses: a site may answer "unchanged"."""
    from triage.web import Door
    from triage.web.login import find_credentials

    return Door(
        run.settings,
        raw=run.workspace.raw,
        known=_validators(run),
        robots=_robots(run),
        credentials=find_credentials(os.environ),
        clock=run.clock,
    )


def _robots(run: Run) -> dict[str, RobotsCopy]:
    """Of each host's robots.txt, the last answer that was one."""
    from triage.web import RobotsCopy
    from triage.web.robots import KEY

    with run.warehouse.burst() as con:
        rows = con.execute(
            "SELECT url, sha256, fetched_at FROM store.fetch WHERE key = ? AND failure IS NULL"
            " QUALIFY row_number() OVER (PARTITION BY url ORDER BY fetched_at DESC, run_id DESC) = 1",
            [KEY],
        ).fetchall()
    store = RawStore(run.workspace.raw)
    copies = {}
    for url, sha256, fetched_at in rows:
        body = store.find(sha256) if sha256 else b""
        if body is not None:
            copies[url] = RobotsCopy(body.decode("utf-8-sig", "replace") if sha256 else None, fetched_at.replace(tzinfo=UTC))
    return copies


def _validators(run: Run) -> dict[str, Validators]:
    """Of each address, the last good answer that said how to ask for changes only."""
    from triage.web import Validators

    with run.warehouse.burst() as con:
        rows = con.execute(
            "SELECT url, sha256, etag, last_modified, media_type FROM store.fetch WHERE failure IS NULL AND sha256 IS NOT NULL"
            " QUALIFY row_number() OVER (PARTITION BY url ORDER BY fetched_at DESC, run_id DESC) = 1"
        ).fetchall()
    return {url: Validators(sha256, etag, modified, media_type) for url, sha256, etag, modified, media_type in rows if etag or modified}


def known_venue(workspace: Workspace, record: Record) -> Record:
    """A catalogue's record with its venue as seeds/venues.yaml names it; none where that does not know it.

    Catalogues name every place where a paper stands (a repository, a series of books); they tell that a preprint is at
    a venue we know and never decide what was published.
    """
    if record.venue is None or is_preprint(record.venue):
        return record
    return record.model_copy(update={"venue": known_name(workspace, record.venue)})


# -- a new warehouse


def _read_again(run: Run, harvest: Harvest, line: Answer, request: Request, response: Response) -> None:
    """A stored answer; of a catalogue's only what was kept of it, under the names it was kept."""
    if line.keys is None:
        harvest.read(request, response, line.day)
        return
    try:
        parsed = harvest.due.source.parse(request, response)
    except SourceError as error:
        harvest.read(request, error, None)
        return
    records = tuple(
        record if line.by_hand else known_venue(run.workspace, record) for record in parsed.records if record.source_key in line.keys
    )
    harvest.take(request, response, replace(parsed, records=records, refused=()))


def restore_answers(run: Run) -> bool:
    """Read again what raw/ holds and the warehouse does not: after a kill, or with a new warehouse.

    Days keep the status they had; records keep the order in which runs gave them. Says whether there was
    anything.
    """
    with run.warehouse.burst() as con:
        known = set(con.execute("SELECT url, sha256 FROM store.answer").fetchall())
        note_sources(con, run)
    lines = [line for line in read_answers(run.workspace) if line.edition is None and (line.url, line.sha256) not in known]
    reread(run, lines, "restore")
    return bool(lines)


def reread(run: Run, lines: Sequence[Answer], step: str) -> list[StepReport]:
    """Read stored answers of feeds and look-ups as they were read, run by run; a report for each source and run."""
    readers = every_source(run.settings)
    by_run: dict[tuple[str, str], list[Answer]] = {}  # in the order of the file
    for line in lines:
        by_run.setdefault((line.source, line.run_id), []).append(line)
    return [run.add(_restore(run, readers[name], answers, step)) for (name, _), answers in by_run.items() if name in readers]


def _restore(run: Run, source: Source | VenueSource | EnrichmentSource, answers: Sequence[Answer], step: str) -> StepReport:
    """What one run read from one source. A body that is gone is told once."""
    store = RawStore(run.workspace.raw)
    harvest = Harvest(Due(cast("Source", source), by_hand=all(line.by_hand for line in answers)))
    for line in answers:
        request = Request(line.key, line.url, (line.media_type,))
        body = store.find(line.sha256)
        if body is None:
            harvest.trouble("cannot be restored", line.key, f"raw/ no longer holds the answer of {line.url}", None, day=line.day)
        else:
            _read_again(run, harvest, line, request, Response(line.url, 200, line.media_type, body, line.sha256, line.read_at))
        if line.day and line.status:
            harvest.restored[line.day] = line.status if body is not None else "failed"
    return keep_harvest(run, harvest, step=step, lines=answers)
