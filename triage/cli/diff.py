"""triage diff."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli.common import json_option, open_workspace, print_json, workspace_option

if TYPE_CHECKING:
    from triage.changes import Change
    from triage.review import Difference

_COLOURS = {
    "proposed": "green", "promoted": "cyan", "re-labelled": "yellow", "moved": "cyan", "selected": "green", "unselected": "yellow",
    "added": "green", "rejected": "red", "withdrawn": "red", "removed": "red", "edited": "yellow", "reworded": "white",
}  # fmt: skip
_LONGEST = 160


@click.command("diff", epilog="Example: triage diff --since HEAD~7")
@click.option(
    "--since",
    metavar="COMMIT",
    help="Compare with this commit; else with the last one, or, outside git, with the lists before the last run.",
)
@click.option("--all", "everything", is_flag=True, help="Also proposals of which only the reason reads otherwise.")
@workspace_option
@json_option
def diff_command(since: str | None, everything: bool, folder: Path | None, as_json: bool) -> None:
    """Show what changed in the yearly lists, paper by paper: before, after, why, how sure, and the words it rests on.

    Nothing is printed when nothing changed.
    """
    from triage.changes import KINDS
    from triage.queries import open_snapshot
    from triage.review import differences

    workspace = open_workspace(folder)
    con = open_snapshot(workspace.snapshot_path)
    try:
        found, basis = differences(con, workspace, since=since)
    finally:
        con.close()
    shown = [one for one in found if everything or one.change.kind != "reworded"]
    if as_json:
        print_json({"basis": basis, "changes": [dataclasses.asdict(one) for one in shown]})
        return
    kind = None
    for one in shown:
        if one.change.kind != kind:
            kind = one.change.kind
            count = sum(other.change.kind == kind for other in shown)
            click.secho(f"{count} {kind}: {KINDS[kind]}", fg=_COLOURS[kind], bold=True)
        _print_difference(one)
    if shown:
        from triage.changes import subject

        click.echo(f"{subject((one.change for one in shown), other='only reasons')} ({basis})")


def _print_difference(one: Difference) -> None:
    from triage.text import clean_line

    change = one.change
    place = " ".join(str(part) for part in (change.venue, change.year) if part)
    colour = _COLOURS[change.kind]
    click.secho(f"  {clean_line(change.title)}" + (f"  ({clean_line(place)})" if place else ""), fg=colour)
    click.echo(f"    {change.path}" + (f", was in {change.was}" if change.was else "") + (f"  {one.work_id}" if one.work_id else ""))
    if change.url:
        click.echo(f"    {clean_line(change.url)}")
    if change.kind in {"proposed", "selected"} and change.type:
        click.echo(f"    Type: {clean_line(change.type)}")
    _print_fields(change)
    if change.kind in {"proposed", "re-labelled", "promoted"}:
        _print_reasons(one)


def _print_fields(change: Change) -> None:
    for field in change.fields:
        if field.name == "why":
            continue
        click.secho(f"    - {field.name}: {_short(field.before)}", fg="red")
        click.secho(f"    + {field.name}: {_short(field.after)}", fg="green")


def _print_reasons(one: Difference) -> None:
    from triage.text import clean_line

    if one.score is not None:
        click.echo(f"    score {one.score:.2f}")
    for reason in one.reasons:
        sure = "" if reason.confidence is None else f" {reason.confidence:.2f}"
        quote = f' "{_short(reason.quote)}"' if reason.quote else ""
        click.echo(f"    {clean_line(reason.label)}{sure} by {reason.producer}{quote}")


def _short(text: str | None) -> str:
    from triage.text import clean_line

    line = "nothing" if text is None else clean_line(text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
