"""Back-fill from arXiv: every window of days is read page by page, and what is stored is not asked for again.

A window is kept when its last page was read; until then its pages are, one by one. A run that was killed goes on with
the token of the last page it stored, and begins the window anew where arXiv no longer knows that token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from triage.answers import Answer, append_answers, read_answers
from triage.errors import SourceError, UsageError
from triage.gather import closed, open_door
from triage.harvest import keep_answers, keep_fetches
from triage.records import keep_records
from triage.runs import StepReport
from triage.sources import Parsed, Request, Response
from triage.sources.arxiv_oai import BASE_URL, Window, backfill_windows, page_headers, read_backfill
from triage.sources.arxiv_xml import NAME
from triage.sources.registry import sources
from triage.web.raw import RawStore

if TYPE_CHECKING:
    from triage.models import Refusal
    from triage.runs import Run
    from triage.web import Door

__all__ = ["backfill_arxiv"]

STEP = "backfill arxiv"

TOKEN_LIVES = timedelta(hours=24)
"""How long a token is taken to be good for: arXiv's expire daily."""

LEAST_WHOLE = 0.95
"""Share of the headers that the first page declares below which a window is not believed to be whole."""

MOST_PAGES = 1000
"""Pages of one window; a week of all of cs is some twenty. More is a server that hands out next pages for ever."""


@dataclass
class _Reading:
    """What came of one window so far."""

    window: Window
    anew: bool = False
    """It was read to its end once, before its last day was over: its stored pages are of that reading."""
    pages: int = 0
    headers: int = 0
    records: int = 0
    declared: int | None = None
    whole: bool = False
    trouble: SourceError | None = None


@dataclass
class _Tally:
    """The numbers of the whole step."""

    new: int = 0
    known: int = 0
    changed: int = 0
    requests: int = 0
    reused: int = 0
    stored_windows: int = 0
    refused: list[Refusal] = field(default_factory=list)
    failed: int = 0


def backfill_arxiv(run: Run, first: date, last: date, *, categories: Sequence[str] | None = None) -> StepReport:
    """Every record of the categories (default: those of the daily feed) that arXiv changed from `first` to `last`, both included.

    Raises UsageError for days the wrong way round or ahead, and for a category that is none.
    """
    if last > run.clock().astimezone(UTC).date():
        raise UsageError(f"{last} lies ahead", hint="--to is today or an earlier day (UTC)")
    base = run.settings.sources.named(NAME).base_url or BASE_URL
    windows = backfill_windows(first, last, categories=categories or run.settings.sources.arxiv.categories, base_url=base)
    tally = _Tally()
    due = _due(run, windows, tally)
    stored = _stored(run)
    stopped: SourceError | None = None
    with open_door(run) as door:
        run.progress.step(STEP, len(due), seconds_each=door.pace(due[0][0].request.url, NAME) if due else 0)
        for window, anew in due:
            if stopped is not None:
                tally.failed += 1  # not asked: told once, by the window that met with the refusal
                continue
            reading = _Reading(window, anew)
            _read(run, door, reading, stored, tally)
            _settle(run, reading, tally)
            stopped = closed(reading.trouble) if reading.trouble is not None else None
            run.progress.advance()
    return run.add(_report(windows, tally, stopped))


def _due(run: Run, windows: Sequence[Window], tally: _Tally) -> list[tuple[Window, bool]]:
    """The windows that were not read to their end since their last day was over, and whether they were read to it before."""
    with run.warehouse.burst() as con:
        rows = con.execute("SELECT set_name, first_day, last_day, read_at FROM store.harvest_window WHERE source = ?", [NAME]).fetchall()
    due = []
    for window in windows:
        covering = [
            read_at for name, first, last, read_at in rows if name == window.set_name and first <= window.first and window.last <= last
        ]
        if not any(read_at.date() > window.last for read_at in covering):
            due.append((window, bool(covering)))
    tally.stored_windows = len(windows) - len(due)
    return due


def _stored(run: Run) -> dict[str, Answer]:
    """Stored pages of windows by their address, the newest of each."""
    return {line.url: line for line in read_answers(run.workspace) if line.source == NAME and "verb=ListRecords" in line.url}


def _read(run: Run, door: Door, reading: _Reading, stored: dict[str, Answer], tally: _Tally) -> None:
    """Follow the pages of a window to its end, or to what went wrong; an expired token begins it anew, once."""
    request: Request | None = reading.window.request
    begun_anew = False
    while request is not None:
        response, line = None if reading.anew else _stored_page(run, reading.window, request, stored), None
        asked = response is None
        try:
            if response is None:
                response = _ask(run, door, request, tally)
                line = _line(run, request, response)
            parsed = read_backfill(request, response)
        except SourceError as error:
            if not begun_anew and "badResumptionToken" in error.message:
                begun_anew, request = True, reading.window.request
                reading.anew = True  # the token came from a stored page: from here on arXiv itself is asked
                reading.pages = reading.headers = reading.records = 0
                continue
            reading.trouble = error
            return
        tally.reused += not asked
        _keep(run, reading, parsed, response, line, door, tally)
        if not parsed.more and not parsed.verdict.complete:
            reading.trouble = SourceError(f"{request.url}: {parsed.verdict.reason}", hint="the window is asked for anew in the next call")
            return
        request = parsed.more[0] if parsed.more else None
        if reading.pages >= MOST_PAGES and request is not None:
            reading.trouble = SourceError(f"{request.url}: more than {MOST_PAGES} pages follow one another", hint="ask for fewer days")
            return
    reading.whole = True


def _stored_page(run: Run, window: Window, request: Request, stored: dict[str, Answer]) -> Response | None:
    """A page that is stored and still stands: of a window that is over, or of a chain that was broken off within a day."""
    line = stored.get(request.url)
    if line is None:
        return None
    over = line.read_at >= datetime.combine(window.last + timedelta(days=1), time(), tzinfo=UTC)
    if not over and run.clock() - line.read_at > TOKEN_LIVES:
        return None
    body = RawStore(run.workspace.raw).find(line.sha256)
    return None if body is None else Response(line.url, 200, line.media_type, body, line.sha256, line.read_at)


def _ask(run: Run, door: Door, request: Request, tally: _Tally) -> Response:
    source = sources(run.settings)[NAME]
    tally.requests += 1
    (answer,) = [answer for _, answer in door.fetch_all([request], source=NAME, hosts=source.hosts)]
    if isinstance(answer, SourceError):
        raise answer
    return answer


def _line(run: Run, request: Request, response: Response) -> Answer:
    return Answer(
        source=NAME, key=request.key, url=request.url, media_type=response.media_type, sha256=response.sha256, read_at=response.fetched_at,
        run_id=run.id, by_hand=True,
    )  # fmt: skip


def _keep(run: Run, reading: _Reading, parsed: Parsed, response: Response, line: Answer | None, door: Door, tally: _Tally) -> None:
    """One page: its line in the journal first, then its records, all or nothing."""
    if line is not None:
        append_answers(run.workspace, [line])
    with run.warehouse.burst() as con:
        kept = keep_records(con, run, parsed.records)
        keep_answers(con, run, [line] if line is not None else [])
        keep_fetches(con, run, door.drain())
    tally.new += kept.new
    tally.known += kept.known
    tally.changed += kept.changed
    tally.refused += parsed.refused
    reading.pages += 1
    reading.headers += page_headers(response.body)
    reading.records += len(parsed.records)
    reading.declared = reading.declared or parsed.verdict.declared


def _settle(run: Run, reading: _Reading, tally: _Tally) -> None:
    """Keep a window that was read to its end; tell of one that was not."""
    window = reading.window
    if reading.whole and reading.headers < LEAST_WHOLE * (reading.declared or 0):
        said = f"{window.request.url}: {reading.headers} records came where {reading.declared} are declared"
        reading.whole, reading.trouble = False, SourceError(said, hint="the window is asked for anew in the next call")
    if reading.whole:
        row = {"source": NAME, "name": window.set_name, "first": window.first, "last": window.last}
        with run.warehouse.burst() as con:
            con.execute(
                "DELETE FROM store.harvest_window WHERE source = $source AND set_name = $name AND first_day = $first AND last_day = $last",
                row,
            )
            con.execute(
                "INSERT INTO store.harvest_window VALUES ($source, $name, $first, $last, $pages, $headers, $records, $now, $run)",
                {**row, "pages": reading.pages, "headers": reading.headers, "records": reading.records, "now": run.now(), "run": run.id},
            )
        return
    tally.failed += 1
    if (error := reading.trouble) is not None:
        run.fail(STEP, window.request.key, error.kind, error.message, error.hint or "what came is kept; call it again for the rest")


def _report(windows: Sequence[Window], tally: _Tally, stopped: SourceError | None) -> StepReport:
    read_now = len(windows) - tally.stored_windows - tally.failed
    messages = [
        f"{len(windows)} windows of days: {read_now} read, {tally.stored_windows} known already, {tally.failed} left for the next call"
    ]
    if stopped is not None:
        messages.append(f"arXiv is asked nothing more for now ({stopped.kind}): the same call later goes on where this one ended")
    return StepReport(
        step=STEP, read=tally.new + tally.known + len(tally.refused) + tally.failed, new=tally.new, known=tally.known,
        refused=len(tally.refused), failed=tally.failed,
        counts={"changed": tally.changed, "requests": tally.requests, "reused": tally.reused, "windows": len(windows)},
        messages=tuple(messages),
    )  # fmt: skip
