"""What commands share: the workspace and JSON options, progress, and how reports are printed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from triage.runs import Run, StepReport
    from triage.workspace import Workspace

__all__ = [
    "PARTIAL",
    "Shown",
    "date_option",
    "json_option",
    "open_workspace",
    "print_json",
    "print_report",
    "print_steps",
    "time_left",
    "workspace_option",
]

PARTIAL = 3
"""Exit status of a command that did its work but survived failures."""

Command = TypeVar("Command", bound=Callable[..., Any])


def workspace_option(command: Command) -> Command:
    """--workspace DIR: else TRIAGE_WORKSPACE, else the nearest parent with a triage.toml."""
    return click.option(
        "--workspace",
        "-w",
        "folder",
        type=click.Path(path_type=Path),
        envvar="TRIAGE_WORKSPACE",
        help="The workspace; else the nearest parent folder with a triage.toml.",
    )(command)


def json_option(command: Command) -> Command:
    """--json: one JSON value on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(command)


def date_option(command: Command) -> Command:
    """--date YYYY-MM-DD: one day instead of what is due."""
    return click.option(
        "--date", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Ask for this day instead of the days that are due."
    )(command)


def open_workspace(folder: Path | None) -> Workspace:
    from triage.workspace import Workspace

    return Workspace.open(folder, environ=os.environ)


def print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


class Shown:
    """Progress on standard error; nothing when that is no terminal, or when JSON was asked for."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet or not sys.stderr.isatty()
        self._progress: RichProgress | None = None
        self._task: TaskID | None = None
        self._started = self._each = 0.0
        self._total: int | None = None
        self._done = 0

    def __enter__(self) -> Self:
        if not self._quiet:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (TextColumn("{task.description:>24}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress:
            self._progress.stop()

    def step(self, name: str, total: int | None = None, *, seconds_each: float = 0) -> None:
        if self._progress:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._started, self._each, self._total, self._done = time.monotonic(), seconds_each, total, 0
            self._task = self._progress.add_task(name, total=total, left=self._left())

    def advance(self, count: int = 1) -> None:
        if self._progress and self._task is not None:
            self._done += count
            self._progress.update(self._task, advance=count, left=self._left())

    def _left(self) -> str:
        return time_left(self._total, self._done, each=self._each, passed=time.monotonic() - self._started)


def time_left(total: int | None, done: int, *, each: float, passed: float) -> str:
    """How long the rest of a step takes: pieces left x what one takes, which is never less than the pace (`each` seconds)."""
    if total is None or total <= done or not (each or done):
        return ""
    seconds = (total - done) * max(each, passed / done if done else 0)
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    return f"about {seconds / 60:.0f} min left" if seconds < 5400 else f"about {seconds / 3600:.1f} h left"


def print_report(run: Run, *, as_json: bool) -> int:
    """The numbers of each step, what changed, what failed and where to look; returns the exit status."""
    if as_json:
        steps = [report.model_dump(mode="json") for report in run.reports]
        print_json({"run": run.id, "status": run.status, "steps": steps, "failures": [f.model_dump() for f in run.failures]})
    else:
        print_steps(run.reports)
        for failure in run.failures:
            click.echo(f"failed: {failure.step}: {failure.item}: {failure.message}", err=True)
            if failure.hint:
                click.echo(f"  what to do: {failure.hint}", err=True)
    return 0 if run.status == "complete" else PARTIAL


def print_steps(reports: Sequence[StepReport]) -> None:
    for report in reports:
        if not report.read:
            continue
        parts = [f"{report.new} new", f"{report.known} known"]
        parts += [f"{count} {name}" for name, count in (("refused", report.refused), ("failed", report.failed)) if count]
        parts += [f"{count} {name}" for name, count in report.counts.items() if count]
        click.echo(f"{report.step:>22}: {report.read} in = {', '.join(parts)}")
    for report in reports:
        for file in report.files:
            click.echo(f"written: {file}")
        for message in report.messages:
            click.echo(f"note: {message}")
