"""The night as a Prefect flow: the steps of triage.pipeline in the same order, each as a task. No logic, no SQL.

Loaded by its path ("flows/nightly.py:nightly"); it imports nothing but Prefect and triage. All tasks run in one
process and share one run, so nothing is cached or stored between them: what a step did is in the warehouse, and
a night that was killed is taken up by the next one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import date as Date  # noqa: N812  the flow's parameter is called date
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from triage import pipeline
from triage.committing import commit_run, ready_to_commit
from triage.errors import SourceError
from triage.labelling.due import label_batches
from triage.report import markdown_report
from triage.repository import Repository
from triage.runs import Run
from triage.workspace import Workspace

__all__ = ["nightly"]

ARTIFACT = "nightly"
"""Key of the artifact with the report; Prefect keeps one version a run."""


def may_pass(_task: Any, _task_run: Any, state: Any) -> bool:
    """Whether it is worth asking a source again in this night: not for what would fail in the same way."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, SourceError) and error.passing


@task(
    task_run_name="gather {source}", retries=2, retry_delay_seconds=[30, 180], retry_jitter_factor=0.5, retry_condition_fn=may_pass,
    cache_policy=NO_CACHE, persist_result=False,
)  # fmt: skip
def gather(run: Run, source: str, day: Date | None) -> None:
    """One source. The HTTP door has its own retries, of seconds; these are for a site that is down for minutes."""
    pipeline.gather_source(run, source, date=day)


@task(task_run_name="gather venues", cache_policy=NO_CACHE, persist_result=False)
def venues(run: Run) -> None:
    """The venues' years that the settings name and that are not complete yet."""
    pipeline.gather_venues(run)


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def step(run: Run, name: str) -> None:
    """One step of the pipeline, for all that is due."""
    pipeline.STEPS[name](run, None)


@task(task_run_name="label {number}", cache_policy=NO_CACHE, persist_result=False)
def label(batches: Iterator[int], number: int) -> int | None:
    """The next batch of works to label; None when none is left. `number` counts them."""
    del number
    return next(batches, None)


@task(task_run_name="commit", cache_policy=NO_CACHE, persist_result=False)
def commit_files(run: Run, repository: Repository) -> None:
    """One commit of the lists, the notes and the person's words, when any of them changed."""
    commit_run(run, repository)


@task(task_run_name="report", retries=2, retry_delay_seconds=[2, 10], cache_policy=NO_CACHE, persist_result=False)
def report(run: Run, status: str) -> None:
    """The run's report as an artifact."""
    create_markdown_artifact(markdown_report(run, status), key=ARTIFACT, description=f"Run {run.id}: {status}")


@flow(name="nightly", persist_result=False)
def nightly(workspace: str, date: str | None = None, commit: bool = False, branch: str | None = None) -> Any:
    """Everything that is due in `workspace` (a folder), or gathering for one `date` (YYYY-MM-DD) instead of what is due.

    With `commit` the workspace's files are committed at the end, on `branch` when it is named (see triage/committing.py).

    Gives the run. The flow run is Completed, or Completed under the name Partial when something failed and was
    survived; it is Failed when the run itself failed. The artifact tells the numbers and the failures either way.
    """
    opened = Workspace.open(Path(workspace), environ=os.environ)
    day = None if date is None else Date.fromisoformat(date)
    repository = ready_to_commit(opened, branch) if commit else None
    run: Run | None = None
    try:
        with pipeline.begin(opened, "run") as run:
            _steps(run, day)
            if repository:
                commit_files(run, repository)
    except Exception:
        if run is not None:
            report(run, "failed", return_state=True)
        raise
    # a report that cannot be shown is a failed task, not a failed night
    report(run, run.status, return_state=True)
    name = "Completed" if run.status == "complete" else "Partial"
    return Completed(
        name=name, message=f"Run {run.id} is {run.status}, {len(run.failures)} failures: see the artifact {ARTIFACT}", data=run
    )


def _steps(run: Run, day: Date | None) -> None:
    for source in pipeline.source_names(run):
        # a source that failed is in the run's failures; the others go on
        with contextlib.suppress(SourceError):
            gather(run, source, day)
    if day is None and run.settings.venues.gather:
        venues(run)
    for name in pipeline.step_names(date=day):
        if name == "label":
            batches = label_batches(run)
            number = 1
            while label(batches, number) is not None:
                number += 1
        else:
            step(run, name)
