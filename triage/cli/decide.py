"""triage decide and triage decisions: a person's word, said, listed, taken back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli.common import PARTIAL, Shown, json_option, open_workspace, print_json, workspace_option

if TYPE_CHECKING:
    from triage.models import Decision
    from triage.runs import Run

_KINDS = ("selected", "rejected", "later", "type", "correction", "added", "note", "same", "not-same", "undo")


@click.command("decide", epilog='Example: triage decide w1a2b w3c4d --reject "prompt tuning only"')
@click.argument("works", metavar="WORK...", nargs=-1, required=True)
@click.option("--select", "select", is_flag=True, help="It belongs on the list: a tick.")
@click.option("--reject", metavar="REASON", help='It does not, and why ("" for no reason); it never comes back by itself.')
@click.option("--later", is_flag=True, help="Not now: it leaves the queue and is not rejected.")
@click.option("--type", "type_", metavar="TYPE", help="Its efficiency type, kept as you type it; may go with --select.")
@click.option("--undo", is_flag=True, help="Take back the newest word about it, a tick with its Type; what was said before counts again.")
@workspace_option
@json_option
def decide_command(
    works: tuple[str, ...], select: bool, reject: str | None, later: bool, type_: str | None, undo: bool, folder: Path | None, as_json: bool
) -> int:
    """Say a word about each WORK (an id or the beginning of one): yes, no, later, or its Type.

    The word goes to decisions.jsonl first, with what the machine had proposed at that moment; then the lists are
    written. `triage decisions` shows and undoes what was said.
    """
    from triage.review import Verdict, decide, take_back

    named = [name for name, given in (("selected", select), ("rejected", reject is not None), ("later", later)) if given]
    if len(named) + undo > 1:
        raise click.UsageError("say one of --select, --reject, --later and --undo")
    if undo and type_ is not None:
        raise click.UsageError("--undo takes a word back, --type says one; do one after the other")
    if not (named or undo or type_ is not None):
        raise click.UsageError('say what: --select, --reject "reason", --later, --type "..." or --undo')
    if type_ is not None and named and named[0] != "selected":
        raise click.UsageError(f"a work that is {named[0]} needs no --type")
    verdict = Verdict(decision=named[0] if named else None, reason=reject, type=type_)  # type: ignore[arg-type]

    def word(run: Run, ids: list[str]) -> list[Decision]:
        return take_back(run, ids, where="triage decide") if undo else decide(run, ids, verdict, where="triage decide")

    return _speak(folder, as_json, "decide", works, word)


def _speak(folder: Path | None, as_json: bool, command: str, works: tuple[str, ...], word: Any) -> int:
    """One run in which words are said and take effect; tells what is kept now."""
    from triage import pipeline
    from triage.review import take_effect

    with Shown(quiet=as_json) as progress, pipeline.begin(open_workspace(folder), command, progress=progress) as run:
        ids = [found for name in works for found in pipeline.work_ids(run, [name]) or []]
        said = word(run, list(dict.fromkeys(ids)))
        if said:
            take_effect(run)
    if as_json:
        print_json({"run": run.id, "status": run.status, "said": [d.model_dump(mode="json", exclude_none=True) for d in said]})
    else:
        _tell(said)
        for failure in run.failures:
            click.echo(f"failed: {failure.step}: {failure.item}: {failure.message}", err=True)
        for message in (line for report in run.reports for line in report.messages):
            click.echo(f"note: {message}")
    return 0 if run.status == "complete" else PARTIAL


def _tell(said: list[Decision]) -> None:
    for decision in said:
        value = f" {decision.value}" if decision.value and decision.what != "correction" else ""
        click.echo(f"{decision.what}{value}: {decision.work.title}  ({decision.id})")
    click.echo(f"{len(said)} {'word' if len(said) == 1 else 'words'} kept" if said else "that was said already; nothing changed")


@click.group("decisions", invoke_without_command=True, epilog="Example: triage decisions --what rejected --since 2026-11-01")
@click.option("--work", metavar="WORK", help="Only about this work: an id or the beginning of one.")
@click.option("--what", type=click.Choice(_KINDS), help="Only words of this kind.")
@click.option("--who", metavar="NAME", help="Only by this person (part of the name).")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Only from this day on (UTC).")
@click.option("--in-force", is_flag=True, help="Only words that still count.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many, the newest first.")
@workspace_option
@json_option
@click.pass_context
def decisions_command(
    context: click.Context,
    work: str | None,
    what: str | None,
    who: str | None,
    since: datetime | None,
    in_force: bool,
    limit: int,
    folder: Path | None,
    as_json: bool,
) -> None:
    """List what was said, the newest first, and where two words contradict each other; `undo ID` takes one back."""
    if context.invoked_subcommand is not None:
        return
    from triage.queries import open_snapshot, plain
    from triage.review import conflicts, history

    con = open_snapshot(open_workspace(folder).snapshot_path)
    try:
        words = history(con, work=work, what=what, who=who, since=since, in_force=in_force, limit=limit)
        open_conflicts = conflicts(con)
    finally:
        con.close()
    if as_json:
        print_json({"decisions": plain(words), "conflicts": plain(open_conflicts)})
        return
    for one in words:
        _print_word(one)
    if not words:
        click.echo("nothing was said" + (" that fits" if any((work, what, who, since, in_force)) else " yet"))
    _print_conflicts(open_conflicts)


def _print_conflicts(found: dict[str, list[dict[str, Any]]]) -> None:
    for one in found["words"]:
        first, second = (f"{' '.join(filter(None, (w['what'], w['value'])))} ({w['who']}, {w['made_at']:%Y-%m-%d})" for w in one["words"])
        click.secho(f"conflict: {one['title']}: {first} and {second}", fg="yellow")
        click.echo(f"  what to do: say it again: triage decide {one['work_id']} ...")
    for one in found["files"]:
        click.secho(f"conflict: {one['title'] or one['work_id']}: {one['field']} in {one['path']}", fg="yellow")
        click.echo(
            f"  the file says {one['in_file'] or 'nothing'}, the warehouse {one['in_warehouse'] or 'nothing'}; it was {one['was'] or 'nothing'}"
        )
        click.echo("  what to do: change the file to what you mean, or triage sync --keep file, or --keep warehouse")


def _print_word(one: dict[str, Any]) -> None:
    mark = " " if one["in_force"] else "-" if not one["stands"] else "~"
    said = one["what"] + (f" {one['value']}" if one["value"] and one["what"] in {"type", "undo"} else "")
    reason = f" ({one['reason']})" if one["reason"] else ""
    click.secho(f"{mark} {one['made_at']:%Y-%m-%d %H:%M}  {said}{reason}", bold=one["in_force"])
    click.echo(f"    {one['title']}")
    machine = f"; the machine had said {one['proposed_score'] or 0:.2f} {one['proposed_type'] or ''}".rstrip() if one["proposed_by"] else ""
    click.echo(f"    {one['who']} in {one['said_in']}; {one['decision_id']}, work {one['work_id'] or 'not gathered yet'}{machine}")


@decisions_command.command("undo", epilog="Example: triage decisions undo d7a8b9")
@click.argument("decision_id", metavar="ID")
@workspace_option
@json_option
def undo_command(decision_id: str, folder: Path | None, as_json: bool) -> int:
    """Take back the word ID (or the beginning of it): what was said before it counts again."""
    from triage.review import take_back_word

    return _speak(folder, as_json, "decisions undo", (), lambda run, _: take_back_word(run, decision_id, where="triage decisions undo"))
