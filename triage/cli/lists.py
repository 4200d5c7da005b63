"""triage list and triage export."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from triage.cli.common import Shown, json_option, open_workspace, print_json, print_report, workspace_option


def _year(text: str) -> int | None:
    if text == "undated":
        return None
    if text.isdigit() and 1000 <= int(text) <= 9999:
        return int(text)
    raise click.UsageError(f"{text!r} is no year; give four digits, or `undated`")


@click.command("list", epilog="Example: triage list 2023 --stdout")
@click.argument("year", required=False)
@click.option("--venue", help="The list of one venue of that year instead, such as ICCV.")
@click.option("--stdout", is_flag=True, help="Print the list instead of writing files.")
@workspace_option
@json_option
def list_command(year: str | None, venue: str | None, stdout: bool, folder: Path | None, as_json: bool) -> int:
    """Write all lists and notes that changed, or print the list of one YEAR (or `undated`).

    Your edits are read first, as by `triage sync`; a file that holds unread ones is never overwritten.
    """
    from triage import pipeline
    from triage.lists import list_text
    from triage.queries import open_snapshot

    workspace = open_workspace(folder)
    if not stdout:
        if year or venue:
            raise click.UsageError("lists are written all together; to see one, add --stdout")
        with Shown(quiet=as_json) as progress, pipeline.begin(workspace, "list", progress=progress) as run:
            pipeline.sync(run)
            pipeline.publish(run)
        return print_report(run, as_json=as_json)
    if not year:
        raise click.UsageError("which YEAR? (or `undated`)")
    con = open_snapshot(workspace.snapshot_path)
    try:
        text = list_text(con, workspace, _year(year), venue=venue)
    finally:
        con.close()
    if as_json:
        print_json({"year": _year(year), "venue": venue, "text": text})
    else:
        click.echo(text, nl=False)
    return 0


@click.command("sync", epilog="Example: triage sync")
@click.option("--accept-removals", is_flag=True, help="Blocks that are gone were taken out by you: their works are rejected.")
@click.option("--restore-removed", is_flag=True, help="Blocks that are gone are a mishap: read the rest and write them again.")
@click.option("--keep", type=click.Choice(["file", "warehouse"]), help="Settle all open conflicts as the files, or the warehouse, say.")
@click.option("--conflict", "conflicts", metavar="ID", multiple=True, help="With --keep: only this conflict; may be repeated.")
@workspace_option
@json_option
def sync_command(
    accept_removals: bool, restore_removed: bool, keep: str | None, conflicts: tuple[str, ...], folder: Path | None, as_json: bool
) -> int:
    """Read back what you did to the lists: ticks, corrections, Types, papers added or taken out. A part of every run.

    Everything becomes a line of decisions.jsonl. A block you take out is a rejection, but only where the file plainly comes
    from what was last written and few are gone; else nothing is read from that file and you are asked. Where you and the
    program changed the same thing differently, both versions are shown and the file keeps yours until you decide.
    """
    from triage import pipeline

    if accept_removals and restore_removed:
        raise click.UsageError("--accept-removals and --restore-removed say opposite things")
    if conflicts and not keep:
        raise click.UsageError("--conflict needs --keep file or --keep warehouse")
    removals: Literal["ask", "accept", "restore"] = "accept" if accept_removals else "restore" if restore_removed else "ask"
    side: Literal["file", "warehouse"] | None = "file" if keep == "file" else "warehouse" if keep else None
    with Shown(quiet=as_json) as progress, pipeline.begin(open_workspace(folder), "sync", progress=progress) as run:
        pipeline.sync(run, removals=removals, keep=side, conflicts=conflicts)
        pipeline.publish(run)
    status = print_report(run, as_json=as_json)
    asked = any(report.refused for report in run.reports if report.step in ("sync", "sync notes", "settle"))
    return status or (1 if asked else 0)


@click.command("export", epilog="Example: triage export 2023 --format csv")
@click.argument("year")
@click.option("--format", "form", type=click.Choice(["csv"]), default="csv", show_default=True, help="Form of the file.")
@click.option("--output", type=click.Path(path_type=Path), help="File to write; else selected_YEAR_papers.csv in the workspace.")
@click.option("--stdout", is_flag=True, help="Print instead of writing a file.")
@workspace_option
@json_option
def export_command(year: str, form: str, output: Path | None, stdout: bool, folder: Path | None, as_json: bool) -> None:
    """Export the selected works of one YEAR (or `undated`): title, url, venue, year, type, labels, identifiers."""
    from triage.exports import selected_csv
    from triage.queries import open_snapshot
    from triage.workspace import write_atomically

    workspace = open_workspace(folder)
    con = open_snapshot(workspace.snapshot_path)
    try:
        text = selected_csv(con, _year(year))
    finally:
        con.close()
    if stdout:
        click.echo(text, nl=False)
        return
    path = output or workspace.root / f"selected_{year}_papers.{form}"
    write_atomically(path, text)
    if as_json:
        print_json({"file": str(path)})
    else:
        click.echo(f"written: {path}")
