"""A run: one writing command, from taking the lock to the readers' snapshot.

Every step of a run gives a `StepReport`, and its numbers must add up:
in = new + known + refused + failed. A step that does not add up fails the run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict

from triage.errors import AccountingError, TriageError
from triage.models import Failure
from triage.warehouse import Warehouse, stage
from triage.workspace import Workspace

if TYPE_CHECKING:
    from triage.settings import Settings

__all__ = ["Clock", "Progress", "Run", "Silent", "StepReport", "open_run", "system_clock"]

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, in UTC: the only clock the command line hands in."""
    return datetime.now(UTC)


class StepReport(BaseModel):
    """What one step did with what it was given.

    `read` = `new` + `known` + `refused` + `failed`; `counts` are further figures with their names,
    `files` the files it changed (relative to the workspace), `messages` lines for the person.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    read: int = 0
    new: int = 0
    known: int = 0
    refused: int = 0
    failed: int = 0
    counts: dict[str, int] = {}
    files: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise AccountingError unless the numbers add up."""
        if self.read != self.new + self.known + self.refused + self.failed:
            raise AccountingError(
                f"step {self.step}: {self.read} in, but {self.new} new + {self.known} known + {self.refused} refused + {self.failed} failed",
                hint="this is a fault of the program; nothing of this step is to be believed, please report it",
            )


class Progress(Protocol):
    """What shows a person that something happens."""

    def step(self, name: str, total: int | None = None, *, seconds_each: float = 0) -> None:
        """A step of `total` pieces begins, of which each takes at least `seconds_each` (a site's pace)."""
        ...

    def advance(self, count: int = 1) -> None: ...


class Silent:
    """Shows nothing: for scripts, pipes and tests."""

    def step(self, name: str, total: int | None = None, *, seconds_each: float = 0) -> None:
        del name, total, seconds_each

    def advance(self, count: int = 1) -> None:
        del count


class Run:
    """One writing command over one workspace: its id, its clock, its warehouse and its reports."""

    def __init__(self, workspace: Workspace, warehouse: Warehouse, *, run_id: str, clock: Clock, progress: Progress) -> None:
        self.workspace = workspace
        self.warehouse = warehouse
        self.id = run_id
        self.clock = clock
        self.progress = progress
        self.reports: list[StepReport] = []
        self._failures: list[Failure] = []

    @property
    def settings(self) -> Settings:
        return self.workspace.settings

    def now(self) -> datetime:
        """UTC without zone, as the warehouse keeps it."""
        return self.clock().astimezone(UTC).replace(tzinfo=None)

    def add(self, report: StepReport) -> StepReport:
        """Keep a step's report after checking that it adds up."""
        report.check()
        self.reports.append(report)
        return report

    def try_again(self, step: str) -> None:
        """Before a step is done once more: what it kept stays counted, what failed will be told anew."""
        again = [
            r.model_copy(update={"read": r.read - r.failed, "failed": 0, "messages": ()}) if r.step == step else r for r in self.reports
        ]
        self.reports[:] = [r for r in again if r.step != step or r.read]
        self._failures = [f for f in self._failures if f.step != step or f.kind == "refused"]

    def fail(self, step: str, item: str, kind: str, message: str, hint: str | None = None) -> None:
        """Note something that went wrong and was survived; it becomes a row in `failures`."""
        self._failures.append(Failure(step=step, item=item[:300], kind=kind, message=message[:2000], hint=hint))

    @property
    def failures(self) -> tuple[Failure, ...]:
        return tuple(self._failures)

    @property
    def status(self) -> str:
        """'complete', or 'partial' when anything failed."""
        return "partial" if self._failures or any(report.failed for report in self.reports) else "complete"


@contextlib.contextmanager
def open_run(
    workspace: Workspace, command: str, *, clock: Clock = system_clock, progress: Progress | None = None, publish: bool = True
) -> Iterator[Run]:
    """Lock the workspace, bring the warehouse up to date, give a run, and at the end write how it went, also for readers
    unless `publish` is false.

    Raises BusyError when another process holds the workspace. Whatever happens inside, the run's row
    tells it; a run that was killed is marked as interrupted by the next one.
    """
    started = clock()
    with workspace.locked(command, started=started.isoformat(timespec="seconds")):
        warehouse = Warehouse(workspace.warehouse_path, workspace.snapshot_path, wait_seconds=workspace.settings.workspace.wait_seconds)
        with warehouse.lingering():
            warehouse.prepare(started)
            run_id = _begin(warehouse, workspace, command, started)
            run = Run(workspace, warehouse, run_id=run_id, clock=clock, progress=progress or Silent())
            try:
                yield run
            except BaseException as error:
                with contextlib.suppress(TriageError):
                    run.fail("run", command, type(error).__name__, str(error) or type(error).__name__, getattr(error, "hint", None))
                    _end(run, "failed", publish=publish)
                raise
            _end(run, run.status, publish=publish)


def _begin(warehouse: Warehouse, workspace: Workspace, command: str, started: datetime) -> str:
    moment = started.astimezone(UTC).replace(tzinfo=None)
    base = f"{moment:%Y%m%dT%H%M%S%f}"
    with warehouse.burst() as con:
        con.execute("UPDATE store.run SET status = 'interrupted' WHERE status = 'running'")
        taken = con.execute("SELECT count(*) FROM store.run WHERE starts_with(run_id, ?)", [base]).fetchall()[0][0]
        run_id = f"{base}-{taken}" if taken else base
        con.execute("INSERT INTO store.run VALUES (?, ?, ?, NULL, 'running', NULL)", [run_id, command, moment])
        con.execute("DELETE FROM store.producer_order")
        for rank, producer in enumerate(workspace.settings.labels.producers):
            if producer == "nli" and not workspace.settings.nli.model:
                continue  # nobody would take back what it said before: it is not in force
            con.execute("INSERT INTO store.producer_order VALUES (?, ?)", [producer, rank])
        con.execute("DELETE FROM store.setting")
        con.execute("INSERT INTO store.setting VALUES ('labels.threshold', ?)", [str(workspace.settings.labels.threshold)])
    return run_id


def _end(run: Run, status: str, *, publish: bool) -> None:
    now = run.now()
    report = [r.model_dump(exclude={"messages"}) for r in run.reports]
    rows = [{"run_id": run.id, **failure.model_dump(), "made_at": now} for failure in run.failures]
    with run.warehouse.burst() as con:
        stage(
            con,
            "ended_failure",
            rows,
            dict.fromkeys(("run_id", "step", "item", "kind", "message", "hint"), "VARCHAR") | {"made_at": "TIMESTAMP"},
        )
        con.execute("INSERT INTO store.failure SELECT * FROM ended_failure")
        con.execute(
            "UPDATE store.run SET status = ?, ended_at = ?, report = ?::JSON WHERE run_id = ?",
            [status, now, _json(report), run.id],
        )
    if publish:
        run.warehouse.publish(run.clock().astimezone(UTC))


def _json(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
