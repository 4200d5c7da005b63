"""What tests share: a workspace with a fixed clock, records put in, the snapshot asked."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from triage.identity import identify
from triage.models import Record
from triage.queries import answer
from triage.records import keep_records
from triage.runs import Run, StepReport, open_run
from triage.warehouse import Warehouse
from triage.workspace import Workspace

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


class Ticking:
    """A clock that starts at `START` and goes one second further each time it is asked."""

    def __init__(self, start: datetime = START) -> None:
        self.moment = start

    def __call__(self) -> datetime:
        self.moment += timedelta(seconds=1)
        return self.moment


def make_workspace(folder: Path) -> Workspace:
    """A new workspace with its warehouse made, and nothing in it."""
    workspace = Workspace.init(folder, environ={})[0]
    give_warehouse(folder)
    return workspace


def give_warehouse(folder: Path) -> None:
    """The empty warehouse of a workspace, made once and copied: to migrate and bind all views takes a third of a second."""
    shutil.copyfile(_empty_warehouse(), folder / "triage.duckdb")


@cache
def _empty_warehouse() -> Path:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Warehouse(folder / "triage.duckdb", folder / "snapshot.duckdb").prepare(START)
    return folder / "triage.duckdb"


def in_run(workspace: Workspace, work: Callable[[Run], Any], *, clock: Callable[[], datetime] | None = None) -> Any:
    with open_run(workspace, "test", clock=clock or Ticking()) as run:
        return work(run)


def put(workspace: Workspace, *batches: Sequence[Record], clock: Callable[[], datetime] | None = None) -> StepReport:
    """Keep and identify records, batch by batch, as a gathering command does; the last batch's report."""

    def work(run: Run) -> StepReport:
        for records in batches:
            with run.warehouse.burst() as con:
                keep_records(con, run, records)
            report = identify(run)
        return report

    report = in_run(workspace, work, clock=clock)
    assert isinstance(report, StepReport)
    return report


def ask(workspace: Workspace, sql: str) -> list[tuple[Any, ...]]:
    return answer(workspace.snapshot_path, sql).rows


def record(key: str, title: str, **fields: Any) -> Record:
    return Record(source=fields.pop("source", "made"), source_key=key, title=title, **fields)
