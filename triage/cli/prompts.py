"""triage prompts."""

from __future__ import annotations

from pathlib import Path

import click

from triage.cli.common import json_option, open_workspace, print_json, workspace_option


@click.group("prompts", epilog="Example: triage prompts show label --work w3f9a2c")
def prompts_command() -> None:
    """What a language model is asked: the prompt files, and exactly what would be sent about a work."""


@prompts_command.command("list", epilog="Example: triage prompts list")
@workspace_option
@json_option
def list_prompts(folder: Path | None, as_json: bool) -> int:
    """List the prompt files with version and hash; the ones your settings use are marked with *."""
    from triage.asking import known_prompts

    listed = known_prompts(open_workspace(folder))
    if as_json:
        print_json([
            {
                "task": one.task, "file": one.file, "used": one.used, "name": one.prompt and one.prompt.name,
                "version": one.prompt and one.prompt.version, "hash": one.prompt and one.prompt.hash,
                "variables": list(one.prompt.kinds) if one.prompt else None, "fault": one.fault,
            }
            for one in listed
        ])  # fmt: skip
    else:
        for one in listed:
            about = f"version {one.prompt.version}, hash {one.prompt.hash}" if one.prompt else f"cannot be used: {one.fault}"
            click.echo(f"{'*' if one.used else ' '} {one.task}: {one.file}, {about}")
    return 1 if any(one.used and one.fault for one in listed) else 0


@prompts_command.command("show", epilog="Example: triage prompts show note --work w3f9a2c")
@click.argument("name", metavar="label|note")
@click.option("--work", "work", metavar="ID", help="What would be sent about this work (its id or the beginning of it).")
@workspace_option
@json_option
def show_prompt(name: str, work: str | None, folder: Path | None, as_json: bool) -> int:
    """Print a prompt; with --work exactly what would be sent about that work, with --json as the body of the request.

    Nothing is sent. What the paper says stands between tags and is harmless there.
    """
    from triage.asking import messages_about, prompt_named, request_about
    from triage.queries import open_snapshot
    from triage.references import works_named

    workspace = open_workspace(folder)
    prompt = prompt_named(workspace, name)
    if work is None:
        parts = {"stable": prompt.stable, "paper": prompt.paper}
        if as_json:
            print_json({"name": prompt.name, "version": prompt.version, "hash": prompt.hash, **parts})
        else:
            click.echo(f"{prompt.stable}\n---\n{prompt.paper}")
        return 0
    con = open_snapshot(workspace.snapshot_path)
    try:
        [work_id] = works_named(con, [work])
        if as_json:
            print_json(request_about(workspace, con, name, work_id))
            return 0
        messages = messages_about(workspace, con, name, work_id)
    finally:
        con.close()
    click.echo(f"--- system\n{messages.system}\n--- user\n{messages.user}")
    return 0
