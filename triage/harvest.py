"""What one source gave in one run: read, judged by day, and kept in one burst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from triage.answers import Answer, append_answers
from triage.drift import DOUBTED, usual_count, why_doubted
from triage.errors import FetchError, SourceError, WrongMediaTypeError
from triage.models import Record, Refusal, stable_id
from triage.records import keep_records
from triage.runs import StepReport
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.due import Due
    from triage.runs import Run
    from triage.sources import Parsed, Request, Response
    from triage.web import FetchRow

__all__ = ["Harvest", "keep_answers", "keep_fetches", "keep_harvest", "keep_state", "note_drift"]

STANDS_STILL = timedelta(days=5)
"""How long a feed may show the same day: a weekend with a holiday on both sides."""

MOST_NAMED = 20
"""Refused items that get a row each in `failures`; the rest is counted in one."""

Status = Literal["final", "open", "failed"]


@dataclass
class _Day:
    """What came of one day. It is whole as long as there is no problem."""

    records: int = 0
    refused: int = 0
    declared: int | None = None
    nothing: str | None = None
    reason: str = ""
    problem: str | None = None
    read_at: datetime | None = None


@dataclass(frozen=True)
class _Trouble:
    kind: str
    key: str
    message: str
    hint: str | None


@dataclass
class Harvest:
    """Everything one source gave in one run, in memory; `keep_harvest` writes it."""

    due: Due
    records: list[Record] = field(default_factory=list)
    refused: list[tuple[str, Refusal]] = field(default_factory=list)
    days: dict[date, _Day] = field(default_factory=dict)
    shown: dict[date, date] = field(default_factory=dict)
    """day asked for -> day the answer was of"""
    answers: list[tuple[Request, Response, date | None]] = field(default_factory=list)
    troubles: list[_Trouble] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    requests: int = 0
    failed: int = 0
    may_pass: int = 0
    """Of those failed: how many may succeed when they are asked again soon."""
    keys: dict[date, set[str]] = field(default_factory=dict)
    """Keys of the records that a day gave."""
    kept: dict[Request, tuple[str, ...]] = field(default_factory=dict)
    """Of answers that tell of other papers too: the keys of the records that were taken."""
    restored: dict[date, Status] = field(default_factory=dict)
    """What days were when their answers were read the first time; they are not judged again."""

    @property
    def name(self) -> str:
        return self.due.source.name

    def read(self, request: Request, answer: Response | SourceError, day: date | None) -> Parsed | None:
        """Parse an answer and take what it gives, under the day it is of; None when it failed, which is noted.

        `day` is the day that was asked for, None for a look-up.
        """
        self.requests += 1
        try:
            if isinstance(answer, SourceError):
                raise answer
            parsed = self.due.source.parse(request, answer)
        except SourceError as error:
            self.failed += 1
            self.may_pass += error.passing
            answered = isinstance(error, WrongMediaTypeError) or not isinstance(error, FetchError)
            self.trouble(error.kind, request.key, error.message, error.hint, day=day, nothing="parsed none" if answered else "unreachable")
            return None
        self._take(request, answer, parsed, day)
        return parsed

    def take(self, request: Request, answer: Response, parsed: Parsed) -> None:
        """Take what somebody else read in an answer, such as only the records about the papers that were asked about."""
        self.requests += 1
        self.kept[request] = tuple(record.source_key for record in parsed.records)
        self._take(request, answer, parsed, None)

    def _take(self, request: Request, answer: Response, parsed: Parsed, day: date | None) -> None:
        if day:
            self._of_day(request, answer, parsed, day)
        self.answers.append((request, answer, (parsed.day or day) if day else None))
        self.records += parsed.records
        self.refused += [(request.key, refusal) for refusal in parsed.refused]

    def _of_day(self, request: Request, answer: Response, parsed: Parsed, asked: date) -> None:
        day, verdict = parsed.day or asked, parsed.verdict
        self.shown[asked] = day
        came = self.days.setdefault(day, _Day())
        came.read_at = max(came.read_at or answer.fetched_at, answer.fetched_at)
        came.records += len(parsed.records)
        came.refused += len(parsed.refused)
        self.keys.setdefault(day, set()).update(record.source_key for record in parsed.records)
        came.declared = verdict.declared if came.declared is None else came.declared
        came.nothing = None if came.records else verdict.nothing
        came.reason = "; ".join(filter(None, (came.reason, verdict.reason)))
        if not verdict.complete and not parsed.more:
            self.trouble(verdict.nothing or "incomplete", request.key, f"{request.url}: {verdict.reason}", None, day=day)

    def trouble(self, kind: str, key: str, message: str, hint: str | None, *, day: date | None, nothing: str | None = None) -> None:
        """Note a failure, and that the day is not whole."""
        self.troubles.append(_Trouble(kind, key, message, hint or ("the day is asked for again in the next run" if day else None)))
        if day:
            came = self.days.setdefault(day, _Day())
            came.problem = came.problem or message
            came.nothing = came.nothing or nothing

    def status(self, day: date) -> Status:
        came = self.days[day]
        if day in self.restored:
            return self.restored[day]
        if came.problem or came.read_at is None:
            return "failed"
        return "final" if self.due.source.settled(day, came.read_at) else "open"


def keep_harvest(
    run: Run, harvest: Harvest, fetched: Sequence[FetchRow] = (), *, step: str = "gather", lines: Sequence[Answer] = ()
) -> StepReport:
    """Commit records, days, fetches and the source's state together; failures become rows of the run.

    `read` are the papers that were read, those that were refused and the requests that failed; `new` and
    `known` are records. `lines` are the lines of raw/answers.jsonl the harvest was restored from, if it was.
    """
    with run.warehouse.burst() as con:
        doubted = note_drift(con, run, harvest)
    came = (lines[-1].run_id, max(line.read_at for line in lines)) if step == "restore" and lines else None
    if not lines:
        lines = [_line(run, harvest, *answer) for answer in harvest.answers]
        append_answers(run.workspace, lines)
    with run.warehouse.burst() as con:
        kept = keep_records(con, run, harvest.records, poorer=doubted, came=(came[0], _naive(came[1]) or run.now()) if came else None)
        _shown_only(con, run, harvest)
        _keep_days(con, run, harvest)
        keep_answers(con, run, lines)
        keep_fetches(con, run, fetched)
        _keep_state(con, run, harvest)
    _tell(run, harvest, f"{step} {harvest.name}")
    refused = len(harvest.refused)
    return StepReport(
        step=f"{step} {harvest.name}",
        read=len(harvest.records) + refused + harvest.failed,
        new=kept.new,
        known=kept.known,
        refused=refused,
        failed=harvest.failed,
        counts={"changed": kept.changed, "requests": harvest.requests, "days": len(harvest.days), "may pass": harvest.may_pass},
        messages=tuple(harvest.messages),
    )


def note_drift(con: duckdb.DuckDBPyConnection, run: Run, harvest: Harvest) -> set[str]:
    """Note the days that gave clearly less than they should; ids of their records, which are to overwrite nothing."""
    if harvest.restored:
        return set()
    before = {
        day: (records, nothing, read_at)
        for day, records, nothing, read_at in con.execute(
            "SELECT day, records, nothing, read_at FROM store.day WHERE source = ?", [harvest.name]
        ).fetchall()
    }
    doubted = set()
    for day, came in sorted(harvest.days.items()):
        if came.problem or came.read_at is None:
            continue
        usual = usual_count(day, {one: records for one, (records, _, _) in before.items() if one != day})
        reason = why_doubted(came.records, came.refused, before.get(day), usual, now=run.now())
        if reason:
            hint = "nothing was deleted or overwritten, and the day is asked for once more; see whether the site has changed"
            harvest.trouble(DOUBTED, day.isoformat(), f"{harvest.name} {day}: {reason}", hint, day=day, nothing=DOUBTED)
            came.nothing = DOUBTED
            doubted |= harvest.keys[day]
    return {stable_id("r", harvest.name, key) for key in doubted}


def _line(run: Run, harvest: Harvest, request: Request, response: Response, day: date | None) -> Answer:
    return Answer(
        source=harvest.name,
        key=request.key,
        url=request.url,
        media_type=response.media_type,
        sha256=response.sha256,
        read_at=response.fetched_at,
        run_id=run.id,
        day=day,
        status=harvest.status(day) if day else None,
        by_hand=harvest.due.by_hand,
        keys=harvest.kept.get(request),
    )


def _shown_only(con: duckdb.DuckDBPyConnection, run: Run, harvest: Harvest) -> None:
    """Of a source that shows one day only: the days it no longer shows, and whether it stands still."""
    source = harvest.due.source
    if not harvest.shown or not source.shows_one_day or harvest.restored:
        return
    for asked, shown in sorted(harvest.shown.items()):
        missed = set(source.missed(harvest.due.final, shown)) if harvest.due.final else set()
        if shown != asked:
            harvest.messages.append(f"{source.name} shows {shown}; {asked} cannot be asked for")
        _forget(con, harvest, asked, shown, missed)
        rows = con.execute("SELECT day, status, nothing, first_read_at FROM store.day WHERE source = ?", [source.name]).fetchall()
        # a day that was read and was empty (a holiday) has been told of; it was not missed
        told = {
            day
            for day, status, nothing, read in rows
            if status == "final" or nothing == "missed" or (nothing in {"parsed none", DOUBTED} and read)
        }
        for day in sorted(missed - told):
            hint = "add single papers of that day with: triage add arXiv:ID"
            harvest.trouble("missed", day.isoformat(), f"{source.name} shows {shown} and no longer {day}", hint, day=day, nothing="missed")
        first = next((first for day, status, _, first in rows if (day, status) == (shown, "final")), None)
        if first and run.now() - first > STANDS_STILL:
            message = f"{source.name} has shown {shown} since {first:%Y-%m-%d} and nothing newer"
            hint = f"see whether the site has moved; [sources.{source.name}] base_url sets another address"
            harvest.trouble("stands still", asked.isoformat(), message, hint, day=None)


def _forget(con: duckdb.DuckDBPyConnection, harvest: Harvest, asked: date, shown: date, missed: set[date]) -> None:
    """Drop days that were asked for in vain and have no announcement of their own: a weekend, or the day
    before the feed was built."""
    con.execute(
        "DELETE FROM store.day WHERE source = $source AND status = 'failed' AND NOT list_contains($missed::DATE[], day)"
        " AND ((day = $asked AND $asked <> $shown) OR (day > $final AND day < $shown))",
        {"source": harvest.name, "asked": asked, "shown": shown, "final": harvest.due.final or shown, "missed": sorted(missed)},
    )


_DAY: dict[str, Any] = {
    "source": "VARCHAR", "day": "DATE", "status": "VARCHAR", "declared": "INTEGER", "records": "INTEGER", "nothing": "VARCHAR",
    "reason": "VARCHAR", "by_hand": "BOOLEAN", "read_at": "TIMESTAMP",
}  # fmt: skip

# A day that failed keeps what an earlier reading gave; one that was final stays final.
_MERGED = """
CREATE OR REPLACE TEMP TABLE merged_day AS
SELECT s.source, s.day,
       CASE WHEN o.status = 'final' AND s.status = 'failed' THEN 'final' ELSE s.status END AS status,
       coalesce(s.declared, CASE WHEN s.status = 'failed' THEN o.declared END) AS declared,
       CASE WHEN s.status = 'failed' THEN greatest(s.records, coalesce(o.records, 0)) ELSE s.records END AS records,
       s.nothing, s.reason, s.by_hand AND coalesce(o.by_hand, true) AS by_hand,
       coalesce(o.first_read_at, s.read_at) AS first_read_at, coalesce(s.read_at, o.read_at) AS read_at, $run AS run_id
FROM read_day s LEFT JOIN store.day o USING (source, day)
"""


def _keep_days(con: duckdb.DuckDBPyConnection, run: Run, harvest: Harvest) -> None:
    rows = [
        {
            "source": harvest.name, "day": day, "status": harvest.status(day), "declared": came.declared, "records": came.records,
            "nothing": came.nothing, "reason": (came.problem or came.reason)[:500], "by_hand": harvest.due.by_hand, "read_at": _naive(came.read_at),
        }
        for day, came in sorted(harvest.days.items())
    ]  # fmt: skip
    stage(con, "read_day", rows, _DAY)
    con.execute(_MERGED, {"run": run.id})
    con.execute("DELETE FROM store.day AS d USING merged_day m WHERE d.source = m.source AND d.day = m.day")
    con.execute("INSERT INTO store.day SELECT * FROM merged_day")


def keep_answers(con: duckdb.DuckDBPyConnection, run: Run, lines: Sequence[Answer]) -> None:
    rows = [{"source": line.source, "url": line.url, "sha256": line.sha256} for line in lines]
    stage(con, "read_answer", rows, dict.fromkeys(("source", "url", "sha256"), "VARCHAR"))
    con.execute("DELETE FROM store.answer AS a USING read_answer r WHERE a.url = r.url AND a.sha256 = r.sha256")
    con.execute("INSERT INTO store.answer SELECT DISTINCT source, url, sha256, ? FROM read_answer", [run.id])


def keep_fetches(con: duckdb.DuckDBPyConnection, run: Run, fetched: Sequence[FetchRow]) -> None:
    from triage.web import FETCH_COLUMNS

    stage(con, "made_fetch", [asdict(row) for row in fetched], FETCH_COLUMNS)
    columns = ", ".join(FETCH_COLUMNS)
    con.execute(f"INSERT INTO store.fetch (run_id, {columns}) SELECT ?, {columns} FROM made_fetch", [run.id])


def _keep_state(con: duckdb.DuckDBPyConnection, run: Run, harvest: Harvest) -> None:
    """How the source is: complete, truly none, incomplete, parsed none, unreachable, or another kind of failure."""
    if not harvest.due.requests:
        return
    reason = harvest.troubles[0].message[:500] if harvest.troubles else None
    troubles = {trouble.kind for trouble in harvest.troubles}
    kinds = {came.nothing or "incomplete" for came in harvest.days.values() if came.problem}
    if not harvest.troubles:
        state = "complete" if harvest.records else "truly none"
    elif told := next((kind for kind in ("stands still", DOUBTED, "budget spent", "disallowed") if kind in troubles), None):
        state = told
    else:
        state = kinds.pop() if len(kinds) == 1 and not harvest.records else "incomplete"
    keep_state(con, run, harvest.name, state, reason, whole=not harvest.troubles)


def keep_state(con: duckdb.DuckDBPyConnection, run: Run, name: str, state: str, reason: str | None, *, whole: bool) -> None:
    """How a source is after it was asked, for `triage sources`; `whole` when everything asked of it came."""
    con.execute(
        "INSERT INTO store.source (name, enabled) SELECT $name, true WHERE $name NOT IN (SELECT name FROM store.source)", {"name": name}
    )
    con.execute(
        "UPDATE store.source SET last_attempt = $now, last_success = CASE WHEN $whole THEN $now ELSE last_success END, state = $state, reason = $reason"
        " WHERE name = $name",
        {"now": run.now(), "whole": whole, "state": state, "reason": reason, "name": name},
    )


def _tell(run: Run, harvest: Harvest, step: str) -> None:
    """One failure for each kind, however many requests had it, and one for each refused paper."""
    kinds: dict[str, list[_Trouble]] = {}
    for trouble in harvest.troubles:
        kinds.setdefault(trouble.kind, []).append(trouble)
    for kind, troubles in kinds.items():
        others = f" (and {len(troubles) - 1} more like it)" if len(troubles) > 1 else ""
        run.fail(step, ", ".join(trouble.key for trouble in troubles), kind, troubles[0].message + others, troubles[0].hint)
    for key, refusal in harvest.refused[:MOST_NAMED]:
        run.fail(
            step,
            f"{key}: item {refusal.line} {refusal.item}".rstrip(),
            "refused",
            refusal.reason,
            "the other papers of that answer were kept",
        )
    if len(harvest.refused) > MOST_NAMED:
        run.fail(
            step,
            "further items",
            "refused",
            f"{len(harvest.refused) - MOST_NAMED} more papers could not be read",
            "the site may have changed its form",
        )


def _naive(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else None
