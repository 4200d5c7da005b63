"""triage import, triage gather, triage add."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from triage.cli.common import PARTIAL, Shown, date_option, json_option, open_workspace, print_json, print_report, workspace_option


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


@click.command("gather", epilog="Example: triage gather --source huggingface --date 2026-11-20")
@click.option("--source", "names", multiple=True, metavar="NAME", help="Only this source, even when it is switched off; may be repeated.")
@date_option
@workspace_option
@json_option
def gather_command(names: tuple[str, ...], date: datetime | None, folder: Path | None, as_json: bool) -> int:
    """Ask the feeds for the days that are due: those behind the last whole one, at most a week into an empty warehouse.

    Hugging Face's saved searches ([sources.huggingface] searches) belong to it, each once a day.

    An answer is believed only when it is whole; a source that fails is reported and leaves the others
    alone. Records are kept; `triage run` matches, screens and labels them.
    """
    from triage import pipeline

    workspace = open_workspace(folder)
    with Shown(quiet=as_json) as progress, pipeline.begin(workspace, "gather", progress=progress) as run:
        pipeline.gather_feeds(run, names or None, date=date.date() if date else None)
    return print_report(run, as_json=as_json)


@click.command(
    "backfill", epilog="Example: triage backfill cvpr 2023 --year-to 2025; triage backfill arxiv --from 2026-11-01 --to 2026-11-20"
)
@click.argument("venue")
@click.argument("year", type=click.IntRange(1950, 2100), required=False)
@click.option("--year-to", type=click.IntRange(1950, 2100), help="Every year up to this one in which the venue was held.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="arXiv only: the first day of changes, YYYY-MM-DD.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="arXiv only: the last day; without it, today (UTC).")
@click.option("--category", "categories", multiple=True, help="arXiv only: instead of those in [sources.arxiv]; may be repeated.")
@workspace_option
@json_option
def backfill_command(
    venue: str,
    year: int | None,
    year_to: int | None,
    first: datetime | None,
    last: datetime | None,
    categories: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
) -> int:
    """Gather every paper of VENUE in YEAR from the sources that seeds/venues.yaml names, and match them to works.

    A second source fills what the first lacks. Stopped at any time, the next call asks again for nothing that
    is stored. Says how whole each year is and how many requests it took.

    VENUE arxiv takes days in place of a year and reads all records that arXiv changed from the first to the last. A
    paper that was revised later stands under the day of its revision: to have everything submitted since a day, let
    the last day be today.
    """
    from triage import pipeline
    from triage.errors import UsageError

    preprints = venue.casefold() == "arxiv"
    if preprints and (first is None or year is not None or year_to is not None):
        raise UsageError("arXiv is gathered by days, not by years", hint="triage backfill arxiv --from 2026-11-01 --to 2026-11-20")
    if not preprints and (year is None or first or last or categories):
        raise UsageError(f"{venue} is gathered by years, not by days", hint=f"triage backfill {venue} 2023")
    workspace = open_workspace(folder)
    with Shown(quiet=as_json) as progress, pipeline.begin(workspace, "backfill", progress=progress) as run:
        if first is not None:
            pipeline.backfill_preprints(run, first.date(), last.date() if last else run.now().date(), categories)
        elif year is not None:
            pipeline.backfill_years(run, venue, year, year_to or year)
    return print_report(run, as_json=as_json)


@click.command("add", epilog="Example: triage add arXiv:2305.17530")
@click.argument("papers", nargs=-1, required=True)
@workspace_option
@json_option
def add_command(papers: tuple[str, ...], folder: Path | None, as_json: bool) -> int:
    """Add PAPERS by hand: arXiv ids, DOIs, links to arXiv, Hugging Face, the Anthology or a venue's page.

    Each is looked up where it points (a DOI at OpenAlex, then Semantic Scholar) and goes through the same
    steps as any other; adding one says nothing about whether you want it on the list. Prints where each one
    is afterwards.
    """
    from triage import pipeline
    from triage.queries import open_snapshot
    from triage.trace import trace

    workspace = open_workspace(folder)
    with Shown(quiet=as_json) as progress, pipeline.begin(workspace, "add", progress=progress) as run:
        ids = pipeline.add_papers(run, papers)
    con = open_snapshot(workspace.snapshot_path)
    try:
        found = {identifier: trace(con, workspace, identifier)[0] for identifier in ids}
    finally:
        con.close()
    if as_json:
        failures = [failure.model_dump() for failure in run.failures]
        print_json(
            {"run": run.id, "status": run.status, "papers": [dataclasses.asdict(one) for one in found.values()], "failures": failures}
        )
        return 0 if run.status == "complete" else PARTIAL
    for identifier, one in found.items():
        click.echo(f"{identifier}: {one.state}" + (f": {one.title} ({one.work_id})" if one.work_id else ""))
    return print_report(run, as_json=False)
