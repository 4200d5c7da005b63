"""triage why."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from triage.cli.common import json_option, open_workspace, print_json, workspace_option


@click.command("why", epilog="Example: triage why arXiv:2305.17530")
@click.argument("words", nargs=-1, required=True)
@workspace_option
@json_option
def why_command(words: tuple[str, ...], folder: Path | None, as_json: bool) -> int:
    """Tell where a paper is, or where it stopped: a title or part of one, a link, a DOI, an arXiv id, a work's id.

    Never gathered; refused, and why; below which threshold with which score; held to be the same work as
    what, by which rule; proposed; selected or rejected by whom and when. The snapshot is read, so it works
    while a run is writing.
    """
    from triage.queries import open_snapshot
    from triage.trace import trace

    workspace = open_workspace(folder)
    con = open_snapshot(workspace.snapshot_path)
    try:
        traces = trace(con, workspace, " ".join(words))
    finally:
        con.close()
    if as_json:
        print_json([dataclasses.asdict(one) for one in traces])
    else:
        for one in traces:
            click.secho(f"{one.title}: {one.state}", bold=True)
            if one.work_id:
                click.echo(f"  work {one.work_id}" + (f"  {one.url}" if one.url else ""))
            for step in one.steps:
                click.echo(f"  {step.when or '':>16}  {step.what}: {step.said}")
    return 0
