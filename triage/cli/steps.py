"""triage run, and each step by itself."""

from __future__ import annotations

from pathlib import Path

import click

from triage.cli.common import Shown, json_option, open_workspace, print_report, workspace_option


def _step(name: str, folder: Path | None, works: tuple[str, ...], as_json: bool) -> int:
    from triage import pipeline

    workspace = open_workspace(folder)
    with Shown(quiet=as_json) as progress, pipeline.begin(workspace, name, progress=progress) as run:
        pipeline.STEPS[name](run, pipeline.work_ids(run, works))
    return print_report(run, as_json=as_json)


_work_option = click.option(
    "--work", "works", multiple=True, metavar="ID", help="Only this work (its id or the beginning of it); may be repeated."
)


@click.command("run", epilog="Example: triage run")
@workspace_option
@json_option
def run_command(folder: Path | None, as_json: bool) -> int:
    """Do everything that is due: read your words, match, screen, label, write notes and lists.

    Ends with a report that adds up (in = new + known + refused + failed). Run it again at any time:
    when nothing changed, nothing is written.
    """
    from triage import pipeline

    workspace = open_workspace(folder)
    with Shown(quiet=as_json) as progress, pipeline.begin(workspace, "run", progress=progress) as run:
        pipeline.run_all(run)
    status = print_report(run, as_json=as_json)
    if not as_json:
        click.echo("look at: lists/, notes/, and `triage sql --query proposals`")
    return status


@click.command("identify", epilog="Example: triage identify")
@workspace_option
@json_option
def identify_command(folder: Path | None, as_json: bool) -> int:
    """Match records that are new or changed to works, by identifiers, link and title."""
    return _step("identify", folder, (), as_json)


@click.command("screen", epilog="Example: triage screen --work w3f9a2c")
@_work_option
@workspace_option
@json_option
def screen_command(works: tuple[str, ...], folder: Path | None, as_json: bool) -> int:
    """Score how likely works belong on the list, and propose the best that you have not decided on."""
    return _step("screen", folder, works, as_json)


@click.command("label", epilog="Example: triage label")
@_work_option
@workspace_option
@json_option
def label_command(works: tuple[str, ...], folder: Path | None, as_json: bool) -> int:
    """Give selected and proposed works their efficiency types, each with the words that made it."""
    return _step("label", folder, works, as_json)


@click.command("note", epilog="Example: triage note --work w3f9a2c")
@_work_option
@workspace_option
@json_option
def note_command(works: tuple[str, ...], folder: Path | None, as_json: bool) -> int:
    """Write notes (motivation, method, evaluation) for selected and proposed works that have none of yours."""
    return _step("note", folder, works, as_json)
