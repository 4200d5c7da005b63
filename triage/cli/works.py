"""triage works: why records are one work, and a person's word about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli.common import PARTIAL, Shown, json_option, open_workspace, print_json, print_report, workspace_option

if TYPE_CHECKING:
    from triage.models import Decision
    from triage.runs import Run


@click.group("works", epilog="Example: triage works show w1a2b")
def works_command() -> None:
    """Show why records are one work; merge, split or keep apart; take such a word back.

    What you say is written to decisions.jsonl, holds for good, and no machine overrules it.
    """


@works_command.command("show", epilog="Example: triage works show w1a2b --json")
@click.argument("work_id", metavar="ID")
@workspace_option
@json_option
def show(work_id: str, folder: Path | None, as_json: bool) -> None:
    """Tell why each record is in the work ID (or the beginning of an id), and what it was nearly united with."""
    from triage.identity.explanation import explain
    from triage.queries import open_snapshot

    con = open_snapshot(open_workspace(folder).snapshot_path)
    try:
        told = explain(con, work_id)
    finally:
        con.close()
    if as_json:
        print_json(told)
    else:
        _print_work(told)


def _print_work(told: dict[str, Any]) -> None:
    click.secho(f"{told['work_id']}  {told['title']}", bold=True)
    click.echo(f"  {told['venue'] or 'no venue'} {told['year'] or ''}  {told['url'] or ''}")
    for record in told["records"]:
        mark = "best" if record["best"] else "    "
        click.echo(f"  {mark} {record['record_id']}  {record['source']} {record['source_key']}: {record['title']}")
        for link in record["why"]:
            click.echo(f"         {_link(link)}")
        if not record["why"]:
            click.echo("         alone: no other record is held to be this paper")
    for other in told["apart"]:
        click.echo(f'  not {other["work_id"]} "{other["title"]}": {_apart(other)}')
    for word in told["said"]:
        click.echo(f"  {word['who']} said {word['what']} on {word['made_at'][:10]} ({word['decision_id']})")
    for step in told["promotions"]:
        before, after = (_place(step[f"{end}_venue"], step[f"{end}_year"]) for end in ("from", "to"))
        click.echo(f"  promoted {before} -> {after} on {step['made_at'][:10]}")


def _link(link: dict[str, Any]) -> str:
    """Why two records are one paper. The evidence of equal titles is the title without its spaces: it says nothing to a reader."""
    told = f"with {link['with']}: {link['reason']}"
    if link["rule"] == "person":
        return f"{told} ({link['evidence']})"
    if link["rule"] != "title":
        told += f": {link['evidence']}"
    return f"{told} (rule {link['rule']}, score {link['score']:.2f})"


def _apart(other: dict[str, Any]) -> str:
    """What speaks for one paper, what against it (in brackets), and how it stands."""
    why = other["evidence"]
    if other["rule"] == "title":  # its evidence is the title without its spaces
        _, bracket, veto = why.partition(" (")
        why = "the same title" + bracket + veto
    if other["said"]:
        return f"{why}; a person said they are two"
    return f"{why}; " + ("waits for you in: triage works review" if other["status"] == "review" else "kept apart by the rules")


def _place(venue: str | None, year: int | None) -> str:
    return " ".join(str(part) for part in (venue or "no venue", year) if part)


@works_command.command("review", epilog="Example: triage works review --limit 20")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many pairs.")
@workspace_option
@json_option
def review(limit: int, folder: Path | None, as_json: bool) -> None:
    """List pairs of works that may be one, the likeliest first, and works on which your ticks disagree."""
    from triage.identity.explanation import uncertain
    from triage.queries import open_snapshot

    con = open_snapshot(open_workspace(folder).snapshot_path)
    try:
        told = uncertain(con, limit)
    finally:
        con.close()
    if as_json:
        print_json(told)
        return
    for pair in told["pairs"]:
        click.echo(f"{pair['work_a']}  {pair['title_a']} ({pair['venue_a'] or 'no venue'} {pair['year_a'] or ''})")
        click.echo(f"{pair['work_b']}  {pair['title_b']} ({pair['venue_b'] or 'no venue'} {pair['year_b'] or ''})")
        click.echo(f"    {pair['evidence']}")
    for conflict in told["conflicts"]:
        click.echo(f"{conflict['work_id']}  {conflict['title']}: you said {conflict['kept_what']} and {conflict['other_what']}")
    if not told["pairs"] and not told["conflicts"]:
        click.echo("nothing to review")


def _speak(folder: Path | None, as_json: bool, command: str, say: Callable[[Run], Decision]) -> int:
    """Run one word through: said, stored, identified, and told in sentences."""
    from triage import pipeline
    from triage.identity import identify
    from triage.identity.consequences import concerned, standing, tell

    with Shown(quiet=as_json) as progress, pipeline.begin(open_workspace(folder), f"works {command}", progress=progress) as run:
        identify(run)
        decision = say(run)
        with run.warehouse.burst() as con:
            before = standing(con, concerned(con, decision))
        report = identify(run)
        with run.warehouse.burst() as con:
            after = standing(con, before.work_of)
    lines = tell(decision, before, after)
    if as_json:
        return print_report(run, as_json=True, more={"decision": decision.id, "works": after.works(), "told": lines})
    for line in lines:
        click.echo(line)
    for message in report.messages:
        click.echo(f"note: {message}")
    click.echo(
        f"written to decisions.jsonl as {decision.id}"
        + ("" if decision.what == "undo" else f"; to take it back: triage works undo {decision.id}")
    )
    for failure in run.failures:
        click.echo(f"failed: {failure.step}: {failure.item}: {failure.message}", err=True)
    return 0 if run.status == "complete" else PARTIAL


def _full(run: Run, *names: str) -> list[str]:
    from triage.pipeline import work_ids

    return [found for name in names for found in work_ids(run, [name]) or []]


@works_command.command("merge", epilog="Example: triage works merge w1a2b w3c4d")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@workspace_option
@json_option
def merge(first: str, second: str, folder: Path | None, as_json: bool) -> int:
    """Say that works A and B are one paper. Labels, notes and decisions of both are kept."""
    from triage.identity import merge_works

    return _speak(folder, as_json, "merge", lambda run: merge_works(run, *_full(run, first, second)))


@works_command.command("split", epilog="Example: triage works split w1a2b r5e6f")
@click.argument("work_id", metavar="WORK")
@click.argument("record_id", metavar="RECORD")
@workspace_option
@json_option
def split(work_id: str, record_id: str, folder: Path | None, as_json: bool) -> int:
    """Take RECORD out of WORK: it is another paper. The two never come together again by themselves."""
    from triage.identity import split_work

    return _speak(folder, as_json, "split", lambda run: split_work(run, _full(run, work_id)[0], record_id))


@works_command.command("not-same", epilog="Example: triage works not-same w1a2b w3c4d")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@workspace_option
@json_option
def not_same(first: str, second: str, folder: Path | None, as_json: bool) -> int:
    """Say that works A and B are two papers; the pair leaves the review queue."""
    from triage.identity import not_same as say

    return _speak(folder, as_json, "not-same", lambda run: say(run, *_full(run, first, second)))


@works_command.command("undo", epilog="Example: triage works undo d7a8b9")
@click.argument("decision_id", metavar="DECISION")
@workspace_option
@json_option
def undo(decision_id: str, folder: Path | None, as_json: bool) -> int:
    """Take back a merge, split or not-same: the works are again what the rules make of them."""
    from triage.identity import take_back

    return _speak(folder, as_json, "undo", lambda run: take_back(run, decision_id))
