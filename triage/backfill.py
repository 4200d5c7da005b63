"""Whole venues: every source of an edition is asked in order of preference, and what came of it is judged and kept.

Lists first, from all sources; then the pages of single papers, for those whose abstract no source has given.
Every answer is journalled as it comes, so a run that was killed asks again for nothing that is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from triage.answers import Answer, append_answers, read_answers
from triage.editions import Reading, Trouble
from triage.errors import SourceError, UsageError
from triage.gather import closed, open_door, reread, willing
from triage.harvest import MOST_NAMED, keep_answers, keep_fetches, keep_state
from triage.models import Record
from triage.records import keep_records
from triage.runs import StepReport
from triage.sources import Request, Response
from triage.sources.registry import VENUE_NAMES, every_source, venue_sources
from triage.text import title_key
from triage.venues import Edition, edition_of
from triage.web.pacing import rule_for
from triage.web.raw import RawStore
from triage.web.robots import KEY

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run
    from triage.web import Door, FetchRow
    from triage.workspace import Workspace

__all__ = ["backfill", "due_editions", "gather_venues", "reparse", "restore_editions"]

MOST_ROUNDS = 1000
"""Rounds of further pages; AAAI's largest set has some 60. More is a server that hands out next pages for ever."""

BURST = 200
"""Answers between two commits: at the usual pace of a second what a kill leaves to be read again is three minutes' worth."""

FRESH = timedelta(days=7)
"""How long an answer of an edition that was not finished is read from the raw store instead of asked for again."""


LOOKED_AT_AGAIN = timedelta(days=30)
"""After so long a complete edition is read once more: DOIs, decisions and abstracts are added for months, and a site may change."""


def backfill(run: Run, venue: str, year: int) -> list[StepReport]:
    """Ask every source of a venue's year; one report a source. Raises UsageError for a venue or year that nobody serves."""
    return _Edition(run, edition_of(run.workspace, venue, year)).gather()


def due_editions(con: duckdb.DuckDBPyConnection | None, workspace: Workspace, now: datetime) -> list[Edition]:
    """The editions that `[venues] gather` names and that are not complete, or were complete so long ago that more may have come.

    `con` reads the warehouse or its snapshot, None stands for an empty one; `now` is UTC without zone. Raises
    UsageError for an edition that nobody serves.
    """
    named = [edition_of(workspace, *_parted(name)) for name in dict.fromkeys(workspace.settings.venues.gather)]
    if con is None:
        return named
    rows = con.execute(
        "SELECT venue, year FROM store.edition WHERE state = 'complete' AND complete_at > ?", [now - LOOKED_AT_AGAIN]
    ).fetchall()
    return [one for one in named if (one.venue.id, one.year) not in rows]


def gather_venues(run: Run) -> list[StepReport]:
    """Every edition that is due in a night."""
    with run.warehouse.burst() as con:
        due = due_editions(con, run.workspace, run.now())
    return [report for one in due for report in _Edition(run, one).gather()]


def _parted(name: str) -> tuple[str, int]:
    venue, _, year = name.rpartition("-")
    return venue, int(year)


@dataclass
class _Edition:
    """One edition on its way through its sources."""

    run: Run
    edition: Edition
    readings: list[Reading] = field(default_factory=list)
    stored_answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    started: datetime | None = None

    def gather(self) -> list[StepReport]:
        self.started = self.run.clock()
        with self.run.warehouse.burst() as con:
            self.stored_answers = _reusable(self.run, self.edition, _complete_at(con, self.edition))
        with open_door(self.run) as door:
            for name in self.edition.sources:
                self._list(name, door)
            if not self.readings:
                raise UsageError(
                    f"no source has {self.edition.venue.name} {self.edition.year}",
                    hint="seeds/venues.yaml says who serves which years, [sources.NAME] enabled = false switches one off",
                )
            for reading in sorted(self.readings, key=lambda one: rule_for(one.source.hosts[0]).pace):
                self._pages(reading, door)
        return self._finish()

    def _list(self, name: str, door: Door) -> None:
        """The lists of one source, unless the settings switch it off. One that needs a login is asked only where the others leave gaps."""
        if self.run.settings.sources.named(name).enabled is False:
            return
        source = venue_sources()[name]
        if getattr(source, "optional", False) and self.readings and self.readings[0].state == "complete":
            return
        base = self.run.settings.sources.named(name).base_url or source.base_url
        try:
            listing = source.listing(self.edition.venue.name, self.edition.year, base_url=base)
        except UsageError:
            return  # it does not have that year; the others do
        with self.run.warehouse.burst() as con:
            reading = _reading(con, name, self.edition)
        reading.listing = listing
        self.readings.append(reading)
        self._ask(reading, listing, door)

    def _pages(self, reading: Reading, door: Door) -> None:
        """Pages of those papers whose abstract no source has given so far."""
        given: set[str] = set().union(*(one.titles(with_abstract=True) for one in self.readings))
        wanted = [
            request
            for key, request in reading.pages.items()
            if (record := reading.records[key]).abstract is None and title_key(record.title) not in given
        ]
        if wanted:
            self._ask(reading, wanted, door)

    def _ask(self, reading: Reading, requests: Sequence[Request], door: Door) -> None:
        """Ask, read, follow what the answers lead to, a burst at a time."""
        name, hosts = reading.source.name, reading.source.hosts

        def fetch(asked: Sequence[Request]) -> Iterator[tuple[Request, Response | SourceError]]:
            return door.fetch_all(asked, source=name, hosts=hosts)

        waiting = list(requests)
        for _ in range(MOST_ROUNDS):
            follow: list[Request] = []
            self.run.progress.step(
                f"{self.edition.key} {name}", len(waiting), seconds_each=door.pace(waiting[0].url, name) if waiting else 0
            )
            refusal: SourceError | None = None
            for start in range(0, len(waiting), BURST):
                for request, answer in self._answers(reading, waiting[start : start + BURST], fetch, refusal):
                    refusal = closed(answer)
                    follow += self._read(reading, request, answer)
                self._keep(reading, door.drain())
            waiting = list({request.url: request for request in reversed(follow)}.values())[::-1]  # two answers may lead to one
            if not waiting:
                return
        reading.trouble("incomplete", waiting[0], f"{waiting[0].url}: more than {MOST_ROUNDS} pages follow one another")

    def _answers(
        self,
        reading: Reading,
        requests: Sequence[Request],
        fetch: Callable[[Sequence[Request]], Iterator[tuple[Request, Response | SourceError]]],
        refusal: SourceError | None,
    ) -> Iterator[tuple[Request, Response | SourceError]]:
        """Answers that are stored, then those of the site, which is left alone once it refused."""
        reading.asked |= {request.url for request in requests}
        lacking = []
        for request in requests:
            if stored := self._stored(reading, request):
                reading.reused += 1
                yield request, stored
            else:
                lacking.append(request)
        if refusal is not None:
            yield from ((request, refusal) for request in lacking)
            return
        yield from willing(lacking, fetch)

    def _stored(self, reading: Reading, request: Request) -> Response | None:
        if reading.doubted and not reading.page_key(request):
            return None
        line = self.stored_answers.get((reading.source.name, request.url))
        return None if line is None else _response(RawStore(self.run.workspace.raw), line)

    def _read(self, reading: Reading, request: Request, answer: Response | SourceError) -> tuple[Request, ...]:
        count = len(reading.lines)
        # a long way round (a page for every paper) is only worth it where nothing better is there
        follow = reading.read(self.run, request, answer, alternatives=reading is self.readings[0] or self.readings[0].state != "complete")
        known = self.stored_answers.get((reading.source.name, request.url))
        append_answers(self.run.workspace, [line for line in reading.lines[count:] if known is None or line.read_at != known.read_at])
        self.run.progress.advance()
        return follow

    def _keep(self, reading: Reading, fetched: Sequence[FetchRow]) -> None:
        if not (fetched or reading.lines or reading.changed):
            return
        reading.requests += sum(row.was_made for row in fetched if row.source == reading.source.name and row.key != KEY)
        with self.run.warehouse.burst() as con:
            _keep_records(con, self.run, reading)
            keep_answers(con, self.run, reading.lines)
            keep_fetches(con, self.run, fetched)
        reading.lines.clear()

    def _finish(self) -> list[StepReport]:
        """Judge, store how whole the edition is, and tell."""
        with_one: set[str] = set().union(*(one.titles(with_abstract=True) for one in self.readings))
        for one in self.readings:
            one.settle_abstracts(with_one)
        first = self.readings[0]
        titles = first.titles(with_abstract=False)
        filled: set[str] = set().union(*(one.titles(with_abstract=True) for one in self.readings[1:]))
        with_abstract = sum(r.abstract is not None or title_key(r.title) in filled for r in first.of_the_year)
        lacking = [one for one in self.readings if one.state not in {"complete", "truly none"}]
        # a second source that has no such year is no gap as long as the first is whole and has all abstracts
        gaps = [one for one in lacking if one is first or first.state != "complete" or titles - filled or not one.has_none]
        state = first.state if first.state != "complete" or not gaps else "incomplete"
        with self.run.warehouse.burst() as con:
            for reading in self.readings:
                _note_source(con, self.run, reading)
                _note_state(con, self.run, reading.source.name)
            _note_edition(con, self.run, self.readings, state, with_abstract, gaps)
        return [self.run.add(_report(self.run, reading, told=reading in gaps)) for reading in self.readings]


def _response(store: RawStore, line: Answer) -> Response | None:
    body = store.find(line.sha256)
    return None if body is None else Response(line.url, 200, line.media_type, body, line.sha256, line.read_at)


def _reusable(run: Run, edition: Edition, complete_at: datetime | None) -> dict[tuple[str, str], Answer]:
    """Whole answers of this edition that came since it was last complete, by source and address."""
    oldest = run.clock() - FRESH
    if complete_at is not None:
        oldest = max(oldest, complete_at.replace(tzinfo=UTC))
    return {
        (line.source, line.url): line
        for line in read_answers(run.workspace)
        if line.edition == edition.key and line.whole and line.read_at > oldest
    }


def _complete_at(con: duckdb.DuckDBPyConnection, edition: Edition) -> datetime | None:
    rows = con.execute("SELECT complete_at FROM store.edition WHERE venue = ? AND year = ?", [edition.venue.id, edition.year]).fetchall()
    found: datetime | None = rows[0][0] if rows else None
    return found


_STORED = (
    "source", "source_key", "title", "url", "abstract", "authors", "venue", "year", "track", "acceptance", "published", "identifiers", "links",
    "raw_sha256",
)  # fmt: skip


def _reading(con: duckdb.DuckDBPyConnection, name: str, edition: Edition) -> Reading:
    """What is known of a source's part of an edition before it is asked."""
    rows = con.execute(f"SELECT {', '.join(_STORED)} FROM store.record WHERE source = ? AND year = ?", [name, edition.year]).fetchall()
    stored = {}
    for row in rows:
        record = Record.model_validate(dict(zip(_STORED, row, strict=True)))
        stored[record.source_key] = record
    best = con.execute(
        "SELECT records, state FROM store.edition_source WHERE venue = ? AND year = ? AND source = ?",
        [edition.venue.id, edition.year, name],
    ).fetchall()
    records, state = best[0] if best else (0, "")
    return Reading(venue_sources()[name], edition, stored, records, state == "needs attention")


def _keep_records(con: duckdb.DuckDBPyConnection, run: Run, reading: Reading) -> None:
    """Keep what is new. A reading that is clearly poorer than an earlier one overwrites nothing of it: it waits until it is not."""
    held = reading.changed & set(reading.stored) if reading.fewer else set()
    records = [reading.records[key] for key in sorted(reading.changed - held)]
    reading.changed = held
    if not records:
        return
    kept = keep_records(con, run, records)
    reading.new += kept.new
    reading.updated += kept.changed


def _note_source(con: duckdb.DuckDBPyConnection, run: Run, reading: Reading) -> None:
    edition, state, came = reading.edition, reading.state, len(reading.of_the_year)
    whole = state in {"complete", "truly none"}
    values: dict[str, Any] = {
        "venue": edition.venue.id, "year": edition.year, "source": reading.source.name, "state": state, "records": max(came, reading.best),
        "came": came, "with_abstract": reading.with_abstract, "ratio": reading.ratio, "requests": reading.requests, "reused": reading.reused,
        "reason": reading.troubles[0].message[:500] if reading.troubles else None, "asked_at": run.now(), "whole": whole, "run": run.id,
    }  # fmt: skip
    _replace(con, "edition_source", "source, ", "$source, ", "reused, ", "$reused, ", values)


def _note_state(con: duckdb.DuckDBPyConnection, run: Run, name: str) -> None:
    """How a source is after all of its years that this run asked for: like the worst of them."""
    ((state, reason),) = con.execute(
        "SELECT state, reason FROM store.edition_source WHERE source = ? AND run_id = ?"
        " ORDER BY state IN ('complete', 'truly none'), state = 'truly none', asked_at DESC, venue, year LIMIT 1",
        [name, run.id],
    ).fetchall()
    keep_state(con, run, name, state, reason, whole=state in {"complete", "truly none"})


def _note_edition(
    con: duckdb.DuckDBPyConnection, run: Run, readings: Sequence[Reading], state: str, with_abstract: int, gaps: Sequence[Reading]
) -> None:
    first = readings[0]
    troubles = [trouble for one in gaps for trouble in one.troubles]
    values: dict[str, Any] = {
        "venue": first.edition.venue.id, "year": first.edition.year, "state": state, "records": max(len(first.of_the_year), first.best),
        "came": len(first.of_the_year), "with_abstract": with_abstract, "ratio": first.ratio,
        "requests": sum(one.requests for one in readings), "reason": troubles[0].message[:500] if troubles else None, "asked_at": run.now(),
        "whole": state == "complete", "run": run.id,
    }  # fmt: skip
    _replace(con, "edition", "", "", "", "", values)


def _replace(con: duckdb.DuckDBPyConnection, table: str, name: str, its: str, reused: str, count: str, values: Mapping[str, Any]) -> None:
    """One row for another, which keeps when it was last complete."""
    keys = {key: values[key] for key in ("venue", "year", "source") if key in values}
    where = " AND ".join(f"{key} = ${key}" for key in keys)
    before = con.execute(f"SELECT complete_at, coalesce(requests_all, 0) FROM store.{table} WHERE {where}", keys).fetchall()
    con.execute(f"DELETE FROM store.{table} WHERE {where}", keys)
    con.execute(
        f"INSERT INTO store.{table}"
        f" (venue, year, {name}state, records, came, with_abstract, ratio, requests, {reused}reason, asked_at, complete_at, run_id, requests_all)"
        f" VALUES ($venue, $year, {its}$state, $records, $came, $with_abstract, $ratio, $requests, {count}$reason, $asked_at,"
        " CASE WHEN $whole THEN $asked_at ELSE $before END, $run, $requests + $made)",
        {**values, "before": before[0][0] if before else None, "made": before[0][1] if before else 0},
    )


def _report(run: Run, reading: Reading, *, told: bool) -> StepReport:
    """In = new + known + refused + failed. Troubles are failures of the run where they leave a gap, else lines for the person."""
    step = f"backfill {reading.edition.key} {reading.source.name}"
    refused, count = len(reading.refused), len(reading.records)
    messages = list(reading.notes)
    if told:
        _tell(run, step, reading)
    else:
        messages += [f"{one.message} (the other sources have all of it)" for one in reading.troubles[:3]]
    share = f"{reading.requests / count:.3f} requests a paper" if count else f"{reading.requests} requests"
    messages.append(f"{step.removeprefix('backfill ')}: {reading.state}, {count} papers, {reading.with_abstract} with abstract, {share}")
    failed = reading.failed if told else 0
    return StepReport(
        step=step, read=count + refused + failed, new=reading.new, known=count - reading.new, refused=refused, failed=failed,
        counts={"changed": reading.updated, "requests": reading.requests, "reused": reading.reused, "with abstract": reading.with_abstract},
        messages=tuple(messages),
    )  # fmt: skip


def _tell(run: Run, step: str, reading: Reading) -> None:
    kinds: dict[str, list[Trouble]] = {}
    for trouble in reading.troubles:
        kinds.setdefault(trouble.kind, []).append(trouble)
    for kind, troubles in kinds.items():
        others = f" (and {len(troubles) - 1} more like it)" if len(troubles) > 1 else ""
        hint = troubles[0].hint or "what came is kept; run it again for what is lacking"
        run.fail(step, ", ".join(one.key for one in troubles[:MOST_NAMED]), kind, troubles[0].message + others, hint)
    if reading.state == "needs attention":
        came, best = len(reading.of_the_year), reading.best
        said = f"{came} papers where there were {best}" if reading.fewer else f"only {reading.ratio:.0%} of the papers were read whole"
        run.fail(step, reading.edition.key, "needs attention", said, "nothing was deleted or overwritten; see whether the site has changed")


# -- stored answers, read again


def restore_editions(run: Run) -> bool:
    """Read again what raw/ holds of venues and the warehouse does not: after a kill, or with a new warehouse."""
    with run.warehouse.burst() as con:
        known = set(con.execute("SELECT url, sha256 FROM store.answer").fetchall())
    lines = [line for line in read_answers(run.workspace) if line.edition and (line.url, line.sha256) not in known]
    return bool(_reread(run, lines, "restore"))


def reparse(run: Run, name: str) -> list[StepReport]:
    """Read every stored answer of a source again, after its parser was corrected; nothing is asked and nothing deleted.

    Raises UsageError for an unknown source.
    """
    known = every_source(run.settings)
    if name not in known:
        raise UsageError(f"no source {name!r}", hint=f"there are {', '.join(known)}")
    lines = [line for line in read_answers(run.workspace) if line.source == name]
    return _reread(run, lines, "reparse") + reread(run, [line for line in lines if line.edition is None], "reparse")


def _reread(run: Run, lines: Sequence[Answer], step: str) -> list[StepReport]:
    groups: dict[tuple[str, str], list[Answer]] = {}  # in the order of the journal
    for line in lines:
        if line.edition and line.source in VENUE_NAMES:
            groups.setdefault((line.edition, line.source), []).append(line)
    return [run.add(_reread_one(run, edition_of(run.workspace, *_parted(key)), name, group, step)) for (key, name), group in groups.items()]


def _reread_one(run: Run, edition: Edition, name: str, lines: Sequence[Answer], step: str) -> StepReport:
    """What stored answers of one source and edition yield now. A body that is gone is told once."""
    store = RawStore(run.workspace.raw)
    with run.warehouse.burst() as con:
        reading = _reading(con, name, edition)
    reading.best = 0
    for line in lines:
        request = Request(line.key, line.url, (line.media_type,))
        response = _response(store, line)
        if response is None:
            reading.trouble("cannot be restored", request, f"raw/ no longer holds the answer of {line.url}")
        else:
            reading.read(run, request, response, alternatives=False)
    with run.warehouse.burst() as con:
        _keep_records(con, run, reading)
        keep_answers(con, run, lines)
    gone = [one for one in reading.troubles if one.kind == "cannot be restored" or step == "reparse"]
    reading.troubles, reading.failed = gone, len(gone)
    _tell(run, f"{step} {edition.key} {name}", reading)
    count, refused = len(reading.records), len(reading.refused)
    return StepReport(
        step=f"{step} {edition.key} {name}", read=count + refused + len(gone), new=reading.new, known=count - reading.new, refused=refused,
        failed=len(gone), counts={"changed": reading.updated, "answers": len(lines)},
    )  # fmt: skip
