"""triage sql."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli.common import open_workspace, workspace_option

if TYPE_CHECKING:
    from triage.queries import Answer


@click.command("sql", epilog="Example: triage sql \"SELECT title, type FROM works WHERE decision = 'selected'\" --format csv")
@click.argument("question", required=False)
@click.option(
    "--query", "name", help="A stored question: queries/NAME.sql of the workspace, else the packaged (proposals, types, venues, failures)."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
    help="Form of the answer.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@workspace_option
def sql_command(question: str | None, name: str | None, form: str, as_json: bool, folder: Path | None) -> None:
    """Ask the warehouse one QUESTION in SQL.

    Views: works, records, labels_current, review_queue, reading_progress, rankers, year_list, notes, claims, decisions, runs,
    failures, llm_calls, fetches, sources, snapshot; `DESCRIBE works` shows columns. The snapshot is
    read, so it works while a run is writing; nothing can be changed, and no file read or written.
    """
    from triage import queries

    if (question is None) == (name is None):
        raise click.UsageError("give either a QUESTION or --query NAME")
    workspace = open_workspace(folder)
    sql = question if question is not None else workspace.reference("queries", f"{name}.sql")[0]
    form = "json" if as_json else form
    if form == "parquet":
        sys.stdout.buffer.write(queries.as_parquet(workspace.snapshot_path, sql))
        return
    found = queries.answer(workspace.snapshot_path, sql)
    if form == "csv":
        click.echo(queries.as_csv(found), nl=False)
    elif form == "json":
        click.echo(queries.as_json(found), nl=False)
    else:
        print_table(found)


def print_table(found: Answer) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from triage.queries import cell

    table = Table(show_lines=False, header_style="bold")
    for column in found.columns:
        table.add_column(Text(column), overflow="fold")
    for row in found.rows:
        table.add_row(*(Text(cell(value)) for value in row))
    # not a terminal: let lines be as long as they are, a pipe can cut them itself
    Console(width=None if sys.stdout.isatty() else 400).print(table)
    moment = f"; as of {found.as_of:%Y-%m-%d %H:%M} UTC" if found.as_of else ""
    click.echo(f"{len(found.rows)} rows{moment}", err=True)
