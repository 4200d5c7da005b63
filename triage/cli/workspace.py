"""triage init."""

from __future__ import annotations

import os
from pathlib import Path

import click

from triage.cli.common import json_option, print_json


@click.command("init", epilog="Example: triage init reading-list")
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option("--github", is_flag=True, help="Also write a GitHub Actions workflow that runs the night and keeps one pull request.")
@json_option
def init_command(folder: Path, github: bool, as_json: bool) -> None:
    """Make a workspace of FOLDER (the current one unless named).

    Writes a commented triage.toml, a .gitignore, a .gitattributes and an empty decisions.jsonl; files that are there
    already stay as they are. Keep the folder in git: decisions.jsonl, lists/ and notes/ are yours.
    With --github the workflow is written where GitHub looks for it: .github/workflows of the repository
    that FOLDER lies in.
    """
    from triage.workspace import Workspace

    workspace, written = Workspace.init(folder, environ=os.environ)
    if github:
        from triage.committing import write_workflow

        written += write_workflow(workspace)
    if as_json:
        print_json({"workspace": str(workspace.root), "written": written})
        return
    click.echo(f"workspace: {workspace.root}")
    click.echo(f"written: {', '.join(written)}" if written else "nothing written: everything was there")
    click.echo("next: triage import FILE... (a list, notes or a saved page), then triage run")
