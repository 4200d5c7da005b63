"""triage import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from triage.cli.common import PARTIAL, Shown, json_option, open_workspace, print_json, workspace_option


@click.command("import", epilog="Example: triage import 2023-papers.md notes.txt --json")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@workspace_option
@json_option
def import_command(files: tuple[Path, ...], folder: Path | None, as_json: bool) -> int:
    """Read FILES: yearly and venue lists, CVinW notes, the text of Hugging Face papers pages.

    Each is recognised by its content. A tick becomes a decision and its Type a label of yours; import
    never un-ticks and never rejects. A file that is none of these is refused and nothing is written.
    """
    from triage.pipeline import import_files

    workspace = open_workspace(folder)
    with Shown(quiet=as_json) as progress:
        imported, refused = import_files(workspace, files, progress=progress)
    answers: dict[Path, dict[str, Any]] = {}
    for path, handed, report in imported:
        numbers = {"read": report.read, "new": report.new, "known": report.known, "refused": report.refused, "failed": report.failed}
        answers[path] = {"file": str(path), "format": handed.parsed.format, **numbers}
        for refusal in handed.parsed.refused:
            click.echo(f"refused: {path}:{refusal.line}: {refusal.reason}", err=True)
    for path, error in refused:
        answers[path] = {
            "file": str(path),
            "format": None,
            "read": 1,
            "new": 0,
            "known": 0,
            "refused": 1,
            "failed": 0,
            "error": error.message,
        }
        click.echo(f"triage: {error.message}", err=True)
        click.echo(f"  what to do: {error.hint}", err=True)
    if as_json:
        ordered = [answers[path] for path in dict.fromkeys(files)]
        print_json(ordered[0] if len(ordered) == 1 else ordered)
    else:
        for answer in answers.values():
            if answer["format"]:
                click.echo(
                    f"{answer['file']}: {answer['format']}, {answer['read']} papers: {answer['new']} new, {answer['known']} known, {answer['refused']} refused"
                )
    if refused:
        return PARTIAL if imported else 1
    return PARTIAL if any(report.refused for _, _, report in imported) else 0
