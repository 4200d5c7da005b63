"""triage rank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli.common import PARTIAL, Shown, json_option, open_workspace, print_json, workspace_option

if TYPE_CHECKING:
    from triage.reading import ReadingProgress
    from triage.runs import Run

_MOST_FEATURES = 10


@click.command("rank", epilog="Example: triage rank")
@workspace_option
@json_option
def rank_command(folder: Path | None, as_json: bool) -> int:
    """Learn the order of proposals from what you selected, rejected and passed over; say how many are left to read.

    Every run does the same when your decisions changed. What was learned is used only when it orders works it has
    not seen better than the cues do; needs the optional extra `learn` and ten decisions of each kind.
    """
    from triage import pipeline
    from triage.reading import reading_progress

    workspace = open_workspace(folder)
    with Shown(quiet=as_json) as progress, pipeline.begin(workspace, "rank", progress=progress) as run:
        report = pipeline.rank_again(run)
        with run.warehouse.burst() as con:
            reading = reading_progress(con)
            newest = con.execute(
                "SELECT used, reason, figures, model FROM store.ranker ORDER BY made_at DESC, ranker_id LIMIT 1"
            ).fetchall()
    message = " ".join(report.messages) or (newest[0][1] if newest else "")
    if as_json:
        print_json(_as_json(run, newest, message, reading))
    else:
        _print(newest, message, reading)
    return 0 if run.status == "complete" else PARTIAL


def _as_json(run: Run, newest: list[tuple[Any, ...]], message: str, reading: ReadingProgress) -> dict[str, Any]:
    import json

    figures = newest[0][2] if newest else None
    return {
        "run": run.id,
        "ranked_by": "learned" if _used(newest) else "cues",
        "reason": message,
        "figures": json.loads(figures) if figures else None,
        "reading": reading.model_dump(),
        "steps": [report.model_dump(mode="json") for report in run.reports],
    }


def _used(newest: list[tuple[Any, ...]]) -> bool:
    return bool(newest) and bool(newest[0][0])


def _print(newest: list[tuple[Any, ...]], message: str, reading: ReadingProgress) -> None:
    from triage.ranking import Ranker

    click.echo(message or "ordered by the cues: nothing is judged yet")
    if _used(newest):
        for name, weight in Ranker.model_validate_json(newest[0][3]).strongest(_MOST_FEATURES):
            click.echo(f"  {weight:+.2f} {name}")
    click.echo(f"{reading.found} selected, {reading.unread} works unread")
    click.echo(
        f"likely left: about {reading.likely_left:g} ({reading.likely_left_low} to {reading.likely_left_high} with 95 % certainty), by {reading.basis}"
    )
    click.echo("you may stop: 95 % of all likely papers are found" if reading.may_stop else "read on: more than 5 % may still be missing")
