"""What is due at each source, worked out from the days the warehouse knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from triage.errors import UsageError
from triage.sources.registry import sources

if TYPE_CHECKING:
    import duckdb

    from triage.settings import Settings
    from triage.sources import Request, Source
    from triage.workspace import Workspace

__all__ = ["Due", "chosen", "due_at", "plan"]


@dataclass(frozen=True)
class Due:
    """What is to be asked of one source: (day, request) pairs, oldest first.

    `final` is the last day that a night has finished with (None: none yet), `by_hand` whether a person
    named the day.
    """

    source: Source
    requests: tuple[tuple[date, Request], ...] = ()
    final: date | None = None
    by_hand: bool = False


def chosen(settings: Settings, names: Sequence[str] | None) -> list[Source]:
    """The named sources, else those that are not switched off. Raises UsageError for an unknown name."""
    known = sources(settings)
    if unknown := [name for name in names or () if name not in known]:
        raise UsageError(f"no source {unknown[0]!r}", hint=f"there are: {', '.join(known)}")
    return [source for name, source in known.items() if (name in names if names else settings.sources.named(name).enabled is not False)]


def plan(workspace: Workspace, now: datetime, *, day: date | None = None) -> list[Due]:
    """What a run would ask now, as far as the readers' snapshot knows; nothing is opened for writing."""
    from triage.queries import open_snapshot

    settings = workspace.settings
    if not workspace.snapshot_path.exists():
        return [due_at(None, source, settings, now, day=day) for source in chosen(settings, None)]
    con = open_snapshot(workspace.snapshot_path)
    try:
        # a snapshot of an older program has no days yet
        known = con.execute("SELECT 1 FROM duckdb_tables() WHERE schema_name = 'store' AND table_name = 'day'").fetchall()
        return [due_at(con if known else None, source, settings, now, day=day) for source in chosen(settings, None)]
    finally:
        con.close()


def due_at(con: duckdb.DuckDBPyConnection | None, source: Source, settings: Settings, now: datetime, *, day: date | None = None) -> Due:
    """The days behind the last final one and the gaps of the last `since` days, or the one `day` asked for.

    `con` reads the warehouse or its snapshot; None stands for an empty one. Raises UsageError for a day
    that lies ahead: no site has it yet, and one answers it with an error.
    """
    if day and day > now.astimezone(UTC).date():
        raise UsageError(f"{day} lies ahead (today is {now.astimezone(UTC):%Y-%m-%d} in UTC)", hint="give today or an earlier day")
    known = _days(con, source.name)
    finals = {one for one, (status, _) in known.items() if status == "final"}
    # a day asked for by hand may be years back: nights do not go on from there
    final = max((one for one in finals if not known[one][1]), default=None)
    days = [day] if day else sorted(_open_days(source, source.day_at(now), final, set(known) - finals, settings.gather.since) - finals)
    base = settings.sources.named(source.name).base_url or source.base_url
    return Due(source, tuple((one, request) for one in days for request in source.requests(one, base_url=base)), final, day is not None)


def _open_days(source: Source, today: date, final: date | None, unfinished: set[date], since: int) -> set[date]:
    days = set(source.due(today=today, final=final, since_days=since))
    recent = {day for day in unfinished if today - timedelta(days=since) < day <= today}
    return days | {day for day in recent if day in source.due(today=today, final=day - timedelta(days=1), since_days=since)}


def _days(con: duckdb.DuckDBPyConnection | None, name: str) -> dict[date, tuple[str, bool]]:
    if con is None:
        return {}
    return {
        day: (status, by_hand)
        for day, status, by_hand in con.execute("SELECT day, status, by_hand FROM store.day WHERE source = ?", [name]).fetchall()
    }
