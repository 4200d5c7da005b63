"""triage demo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli.common import PARTIAL, Shown, json_option, print_json

if TYPE_CHECKING:
    from triage.runs import Run
    from triage.workspace import Workspace

_QUESTION = "SELECT type, count(*) AS works, min(title) AS one_of_them FROM year_list GROUP BY type ORDER BY works DESC, type LIMIT 5"


@click.command("demo", epilog="Example: triage demo my-first-list")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("triage-demo"))
@json_option
def demo_command(folder: Path, as_json: bool) -> int:
    """Make a workspace in FOLDER (./triage-demo unless named) and run everything on made documents.

    A yearly list with ticks, venue lists, notes and a saved Hugging Face page are imported; works are
    matched, screened, labelled and noted; lists are written. No network, no key. The papers are real,
    every abstract was written for the demo.
    """
    from triage import pipeline
    from triage.workspace import Workspace, packaged

    workspace, _ = Workspace.init(folder, environ=os.environ)
    documents = sorted(path for path in (packaged("seeds") / "demo").iterdir() if path.suffix in {".md", ".txt"})
    with Shown(quiet=as_json) as progress:
        _, refused = pipeline.import_files(workspace, documents, progress=progress)
        with pipeline.begin(workspace, "demo", progress=progress) as run:
            pipeline.run_all(run, gather=False)
    if as_json:
        steps = [report.model_dump(mode="json") for report in run.reports]
        print_json({"workspace": str(workspace.root), "status": run.status, "steps": steps})
    else:
        _show(workspace, run)
    return PARTIAL if refused or run.status != "complete" else 0


def _show(workspace: Workspace, run: Run) -> None:
    from triage.cli.common import print_steps
    from triage.cli.sql import print_table
    from triage.queries import answer

    print_steps(run.reports)
    _show_head("the list", workspace.list_path(2023), 40, start="> why:")
    _show_head("a note", workspace.notes_path(2023), 14)
    click.secho(f"\n— a question: {_QUESTION}", bold=True)
    print_table(answer(workspace.snapshot_path, _QUESTION))
    click.secho("\n— go on with", bold=True)
    where = os.path.relpath(workspace.root)
    for line in (
        f"cd {where}",
        "triage sql --query proposals          # what the machine proposes, with its evidence",
        "less lists/2023.md                    # the list: ticked papers and proposals",
        "triage export 2023 --format csv       # the ticked ones for a spreadsheet",
        "triage import YOUR-LIST.md && triage run",
    ):
        click.echo(f"  {line}")


def _show_head(what: str, path: Path, lines: int, start: str | None = None) -> None:
    """The first lines of a file, or those around the first one that starts with `start`."""
    text = path.read_text(encoding="utf-8").split("\n")
    first = 0
    if start is not None:
        at = next((number for number, line in enumerate(text) if line.startswith(start)), 0)
        first = max((number for number in range(at) if text[number].startswith("## ")), default=0)
    click.secho(f"\n— {what}: {os.path.relpath(path)}" + (f", from line {first + 1}" if first else ""), bold=True)
    shown = [line for line in text[first:] if line.strip()][: lines // 2 if start else lines]
    for line in shown:
        click.echo(line if len(line) <= 160 else line[:159] + "…")
