"""triage run, and each step by itself."""

from __future__ import annotations

import os
from datetime import date as Date  # noqa: N812  `date` is the name of an option
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli.common import Shown, date_option, json_option, open_workspace, print_json, print_report, work_option, workspace_option

if TYPE_CHECKING:
    from triage.runs import Run
    from triage.workspace import Workspace


def _step(name: str, folder: Path | None, works: tuple[str, ...], as_json: bool) -> int:
    from triage import pipeline

    workspace = open_workspace(folder)
    with Shown(quiet=as_json) as progress, pipeline.begin(workspace, name, progress=progress) as run:
        pipeline.STEPS[name](run, pipeline.work_ids(run, works))
    return print_report(run, as_json=as_json)


@click.command("run", epilog="Example: triage run")
@date_option
@click.option("--dry-run", is_flag=True, help="Print what would be asked of feeds, venues and catalogues, and do nothing else.")
@click.option("--plan", is_flag=True, help="Print what the language model may be asked and cost at most, and do nothing else.")
@click.option("--prefect/--no-prefect", default=None, help="As a Prefect flow; without either, when PREFECT_API_URL is set.")
@click.option("--commit", is_flag=True, help="Commit lists, notes and decisions.jsonl in git at the end, when any of them changed.")
@click.option("--branch", metavar="NAME", help="With --commit: switch to this branch first, made when it is new.")
@workspace_option
@json_option
def run_command(
    date: datetime | None,
    dry_run: bool,
    plan: bool,
    prefect: bool | None,
    commit: bool,
    branch: str | None,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Do everything that is due: ask the feeds, read your words, match, screen, label, write notes and lists.

    Ends with a report that adds up (in = new + known + refused + failed). Run it again at any time:
    when nothing changed, nothing is written. A feed that cannot be reached is one failure in the report;
    the other steps go on, and the next run asks again for what is lacking.
    """
    workspace = open_workspace(folder)
    day = date.date() if date else None
    if dry_run:
        return _print_plan(workspace, day, as_json=as_json)
    if plan:
        from triage.cli.label import print_plan

        return print_plan(workspace, night=True, as_json=as_json)
    by_prefect = bool(os.environ.get("PREFECT_API_URL")) if prefect is None else prefect
    if branch and not commit:
        raise click.UsageError("--branch goes with --commit")
    run = (
        _run_flow(workspace, day, commit=commit, branch=branch)
        if by_prefect
        else _run_here(workspace, day, commit=commit, branch=branch, quiet=as_json)
    )
    status = print_report(run, as_json=as_json)
    if not as_json:
        click.echo("look at: lists/, notes/, and `triage sql --query proposals`")
    return status


def _run_flow(workspace: Workspace, day: Date | None, *, commit: bool, branch: str | None) -> Run:
    from triage.cli.nightly import run_nightly

    return run_nightly(workspace, day, commit=commit, branch=branch)


def _run_here(workspace: Workspace, day: Date | None, *, commit: bool, branch: str | None, quiet: bool) -> Run:
    from triage import pipeline
    from triage.committing import commit_run, ready_to_commit

    repository = ready_to_commit(workspace, branch) if commit else None
    with Shown(quiet=quiet) as progress, pipeline.begin(workspace, "run", progress=progress) as run:
        pipeline.run_all(run, date=day)
        if repository:
            commit_run(run, repository)
    return run


def _print_plan(workspace: Workspace, day: Date | None, *, as_json: bool) -> int:
    from triage.due import plan
    from triage.runs import system_clock
    from triage.searches import plan_searches

    now = system_clock()
    dues = plan(workspace, now, day=day)
    searches = plan_searches(workspace, now) if day is None else ()
    editions, catalogues = ([], []) if day else _planned(workspace, now)
    if as_json:
        requests = [{"source": due.source.name, "day": str(one), "url": request.url} for due in dues for one, request in due.requests]
        requests += [{"source": "huggingface", "search": request.key.removeprefix("search "), "url": request.url} for request in searches]
        print_json({"requests": requests, "venues": editions, "catalogues": catalogues})
        return 0
    for due in dues:
        for one, request in due.requests:
            click.echo(f"would ask {due.source.name} for {one}: {request.url}")
        if not due.requests:
            click.echo(f"{due.source.name}: nothing is due (read up to {due.final})")
    for request in searches:
        click.echo(f"would ask huggingface for the {request.key}: {request.url}")
    for edition in editions:
        click.echo(f"would gather {edition['edition']} from {', '.join(edition['sources'])}")
    for catalogue in catalogues:
        click.echo(f"would ask {catalogue['source']} about {catalogue['works']} works in {catalogue['requests']} requests")
    return 0


def _planned(workspace: Workspace, now: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The venues' years and what the catalogues would be asked, as far as the readers' snapshot knows."""
    from datetime import UTC

    from triage.backfill import due_editions
    from triage.enriching import catalogues, planned
    from triage.queries import open_snapshot

    moment = now.astimezone(UTC).replace(tzinfo=None)
    if workspace.snapshot_path.exists():
        con = open_snapshot(workspace.snapshot_path)
        try:
            editions, asked = due_editions(con, workspace, moment), planned(con, workspace.settings, moment)
        finally:
            con.close()
    else:
        editions, asked = due_editions(None, workspace, moment), [(name, 0, 0) for name in catalogues(workspace.settings)]
    return (
        [{"edition": one.key, "sources": list(one.sources)} for one in editions],
        [{"source": name, "works": works, "requests": requests} for name, works, requests in asked],
    )


@click.command("identify", epilog="Example: triage identify")
@workspace_option
@json_option
def identify_command(folder: Path | None, as_json: bool) -> int:
    """Match records that are new or changed to works, by identifiers, link and title."""
    return _step("identify", folder, (), as_json)


@click.command("enrich", epilog="Example: triage enrich")
@workspace_option
@json_option
def enrich_command(folder: Path | None, as_json: bool) -> int:
    """Ask Semantic Scholar, OpenAlex and DBLP what works lack: abstracts, DOIs, and whether a preprint is at a venue by now.

    Selected works come first, then proposals; a night asks for a bounded number, and for each work again only after a
    time that doubles. A catalogue is asked once [web] contact says who asks, or when its own table switches it on.
    """
    return _step("enrich", folder, (), as_json)


@click.command("screen", epilog="Example: triage screen --work w3f9a2c")
@work_option
@workspace_option
@json_option
def screen_command(works: tuple[str, ...], folder: Path | None, as_json: bool) -> int:
    """Score how likely works belong on the list, and propose the best that you have not decided on."""
    return _step("screen", folder, works, as_json)


@click.command("fulltext", epilog="Example: triage fulltext --work w3f9a2c")
@work_option
@workspace_option
@json_option
def fulltext_command(works: tuple[str, ...], folder: Path | None, as_json: bool) -> int:
    """Fetch the full texts of selected and proposed works from arXiv (HTML, else PDF), for notes and figures.

    A part of every run when [fulltext] enabled = true; works that are named are fetched in any case.
    """
    return _step("fulltext", folder, works, as_json)


@click.command("note", epilog="Example: triage note --work w3f9a2c")
@work_option
@workspace_option
@json_option
def note_command(works: tuple[str, ...], folder: Path | None, as_json: bool) -> int:
    """Write notes (motivation, method, evaluation) for selected and proposed works that have none of yours."""
    return _step("note", folder, works, as_json)


@click.command("claim", epilog="Example: triage claim --work w3f9a2c")
@work_option
@workspace_option
@json_option
def claim_command(works: tuple[str, ...], folder: Path | None, as_json: bool) -> int:
    """Read the efficiency figures (2x faster, 30 % fewer FLOPs) of selected and proposed works; see the view `claims`."""
    return _step("claim", folder, works, as_json)
