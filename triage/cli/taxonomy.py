"""triage taxonomy: look a taxonomy over, and compare two."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli.common import json_option, print_json, workspace_option

if TYPE_CHECKING:
    from triage.labelling.relabelling import Moves
    from triage.taxonomy_review import Change, Finding
    from triage.workspace import Workspace

_SHIPPED = "packaged"
_MOST_SHOWN = 30


@click.group("taxonomy", epilog="Example: triage taxonomy check seeds/taxonomy.yaml")
def taxonomy_command() -> None:
    """Look a taxonomy file over; tell what another one would change before anything is written."""


def _workspace(folder: Path | None) -> Workspace | None:
    """The workspace named, or the one around; None where there is none and none was named."""
    from triage.errors import SettingsError, WorkspaceError
    from triage.workspace import Workspace

    try:
        return Workspace.open(folder, environ=os.environ)
    except SettingsError:
        raise
    except WorkspaceError:
        if folder is not None:
            raise
        return None


def _read(file: str) -> tuple[str, str]:
    """(text, name to show) of a taxonomy file; the word "packaged" is the one that is shipped."""
    from triage.errors import DocumentError
    from triage.workspace import packaged

    path = packaged("seeds") / "taxonomy.yaml" if file == _SHIPPED else Path(file)
    try:
        return path.read_text(encoding="utf-8-sig"), "packaged seeds/taxonomy.yaml" if file == _SHIPPED else file
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path}: cannot be read: {error}", hint=f"name a taxonomy file, or the word {_SHIPPED}") from error


def _cue_text(workspace: Workspace | None) -> tuple[str, str]:
    from triage.workspace import packaged

    if workspace is not None:
        return workspace.reference("seeds", "cues.yaml")
    return (packaged("seeds") / "cues.yaml").read_text(encoding="utf-8"), "packaged seeds/cues.yaml"


@taxonomy_command.command("check", epilog="Example: triage taxonomy check seeds/taxonomy.yaml")
@click.argument("file", required=False, metavar="[FILE]")
@click.option("--strict", is_flag=True, help="Status 1 for warnings too.")
@workspace_option
@json_option
def check(file: str | None, strict: bool, folder: Path | None, as_json: bool) -> int:
    """Check FILE, else the workspace's taxonomy (outside any workspace the shipped one), and the cues that go with it.

    Status 1 when something must be mended: a wrong key, an id or a name twice, a label without a definition. All of it
    is told in one go, each with its line and what to do. Warnings tell what may surprise: an alias that two labels
    share, rules for labels there are none of.
    """
    from triage.errors import SettingsError
    from triage.taxonomy import load_taxonomy
    from triage.taxonomy_review import review_cues, review_taxonomy

    workspace = _workspace(folder)
    if file is None and workspace is not None:
        text, name = workspace.reference("seeds", "taxonomy.yaml")
    else:
        text, name = _read(file or _SHIPPED)
    findings = review_taxonomy(text, name=name)
    try:
        taxonomy = load_taxonomy(text, name=name)
    except SettingsError:  # the findings say why
        taxonomy = None
    cue_text, cue_name = _cue_text(workspace)
    findings += review_cues(cue_text, taxonomy, name=cue_name)
    bad = any(strict or one.severity == "error" for one in findings)
    if as_json:
        known = {"version": taxonomy.version, "labels": len(taxonomy.labels)} if taxonomy else {"version": None, "labels": None}
        print_json({"file": name, **known, "findings": [f.model_dump() for f in findings]})
    else:
        _print_findings(findings)
        what = (
            f"version {taxonomy.version}, {len(taxonomy.parents)} parents, {len(taxonomy.labels)} labels" if taxonomy else "cannot be used"
        )
        click.echo(f"{name}: {what}: {_sum(findings)}")
    return 1 if bad else 0


def _print_findings(findings: list[Finding]) -> None:
    for one in findings:
        click.echo(f"{one.severity}: {one.file}:{one.line}: {one.message}")
        click.echo(f"  what to do: {one.hint}")


def _sum(findings: list[Finding]) -> str:
    counts = Counter(one.severity for one in findings)
    return ", ".join(f"{counts[kind]} {kind}s" for kind in ("error", "warning") if counts[kind]) or "in order"


@taxonomy_command.command("diff", epilog="Example: triage taxonomy diff packaged seeds/taxonomy.yaml")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@workspace_option
@json_option
def diff(old: str, new: str, folder: Path | None, as_json: bool) -> None:
    """Tell what changes from OLD to NEW (files, or the word "packaged"): labels, and in a workspace the works that would move.

    Nothing is written. Only works that have labels by the rules are counted: they would be re-labelled, and a
    work that has none yet is new and never among them.
    """
    from triage.taxonomy import load_taxonomy
    from triage.taxonomy_review import changes

    before, after = (load_taxonomy(text, name=name) for text, name in (_read(old), _read(new)))
    found = changes(before, after)
    workspace = _workspace(folder)
    moves = None
    if workspace is not None and workspace.snapshot_path.exists():
        from triage.labelling.relabelling import would_move
        from triage.queries import open_snapshot
        from triage.seeds import workspace_cues

        con = open_snapshot(workspace.snapshot_path)
        try:
            moves = would_move(con, before, after, workspace_cues(workspace)[0], threshold=workspace.settings.labels.threshold)
        finally:
            con.close()
    raised = after.version > before.version
    if as_json:
        shown = None if moves is None else {"works": moves.works, "moved": [one._asdict() for one in moves.moved]}
        print_json(
            {
                "old": before.version,
                "new": after.version,
                "changes": [c.model_dump() for c in found],
                "relabelled": shown,
                "version_raised": raised,
            }
        )
        return
    _print_changes(found)
    _print_moves(moves)
    if found and not raised:
        click.echo(f"note: both are version {before.version}; works that have labels keep them until NEW has a higher `version`")


def _print_changes(found: list[Change]) -> None:
    for one in found:
        to = f" -> {one.to}" if one.to else ""
        detail = f" ({one.detail})" if one.detail else ""
        click.echo(f"{one.kind:>9}: {one.id}{to} {one.name!r}{detail}")
    if not found:
        click.echo("no label changes")


def _print_moves(moves: Moves | None) -> None:
    if moves is None:
        click.echo("no workspace with works here, so none are compared")
        return
    yours = sum(one.yours for one in moves.moved)
    click.echo(f"{len(moves.moved)} of {moves.works} works would be re-labelled; {yours} of them show the Type you typed, which stands")
    for one in moves.moved[:_MOST_SHOWN]:
        click.echo(f"  {one.work_id} {', '.join(one.before) or 'none'} -> {', '.join(one.after) or 'none'}: {one.title}")
    if len(moves.moved) > _MOST_SHOWN:
        click.echo(f"  {len(moves.moved) - _MOST_SHOWN} more; --json lists all")
