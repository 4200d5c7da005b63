"""Saved searches of Hugging Face's papers (`[sources.huggingface] searches`), each asked once a day.

A search finds papers of any year that no daily list names any more. Whether one is due is worked out from the
warehouse: an answer of today (UTC) that was believed is not asked for again, one that failed is.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from triage.due import Due
from triage.errors import SourceError
from triage.gather import open_door, willing
from triage.harvest import Harvest, keep_harvest
from triage.queries import open_snapshot
from triage.sources import Parsed, Request, Response
from triage.sources.huggingface import HuggingFace
from triage.sources.huggingface_search import read_search, search_requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from triage.runs import Run, StepReport
    from triage.settings import Settings
    from triage.workspace import Workspace

__all__ = ["due_searches", "gather_searches", "plan_searches"]

STEP = "search"


class _Searches(HuggingFace):
    """The same site and records; an answer is a ranking, which has no end that could be missed."""

    def parse(self, request: Request, response: Response) -> Parsed:
        return read_search(request, response)


def due_searches(con: duckdb.DuckDBPyConnection | None, settings: Settings, now: datetime) -> tuple[Request, ...]:
    """The saved searches without a believed answer of today, in the order of the settings; `con` None is an empty warehouse.

    None while Hugging Face is switched off. Raises UsageError for a search the site would refuse.
    """
    table = settings.sources.huggingface
    if table.enabled is False:
        return ()
    requests = search_requests(table.searches, base_url=table.base_url or HuggingFace.base_url)
    if con is None or not requests:
        return requests
    today = datetime.combine(now.astimezone(UTC).date(), time())
    rows = con.execute(
        "SELECT DISTINCT f.url FROM store.fetch f JOIN store.answer a ON a.url = f.url AND a.sha256 = f.sha256"
        " WHERE f.source = ? AND f.failure IS NULL AND f.fetched_at >= ?",
        [HuggingFace.name, today],
    ).fetchall()
    return tuple(request for request in requests if (request.url,) not in rows)


def plan_searches(workspace: Workspace, now: datetime) -> tuple[Request, ...]:
    """What a run would search for now, as far as the readers' snapshot knows; nothing is opened for writing."""
    if not workspace.snapshot_path.exists():
        return due_searches(None, workspace.settings, now)
    con = open_snapshot(workspace.snapshot_path)
    try:
        known = con.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'store' AND table_name IN ('fetch', 'answer')"
        ).fetchall()
        return due_searches(con if known == [(2,)] else None, workspace.settings, now)
    finally:
        con.close()


def gather_searches(run: Run) -> StepReport | None:
    """Ask the searches that are due and keep what they find; None when none is. A search that fails leaves the others alone."""
    with run.warehouse.burst() as con:
        requests = due_searches(con, run.settings, run.clock())
    if not requests:
        return None
    source = _Searches()
    run.try_again(f"{STEP} {source.name}")
    harvest = Harvest(Due(source, by_hand=True))
    with open_door(run) as door:
        run.progress.step(f"{STEP} {source.name}", len(requests), seconds_each=door.pace(requests[0].url, source.name))

        def fetch(asked: Sequence[Request]) -> Iterator[tuple[Request, Response | SourceError]]:
            return door.fetch_all(asked, source=source.name, hosts=source.hosts)

        for request, answer in willing(requests, fetch):
            parsed = harvest.read(request, answer, None)
            if parsed is not None and not parsed.verdict.complete:
                hint = "it is asked again tomorrow; see the words of the search in triage.toml"
                harvest.trouble("incomplete", request.key, f"{request.url}: {parsed.verdict.reason}", hint, day=None)
            run.progress.advance()
        return run.add(keep_harvest(run, harvest, door.drain(), step=STEP))
