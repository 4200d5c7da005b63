"""triage sources, and triage sources parse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli.common import PARTIAL, Shown, json_option, open_workspace, print_json, print_report, workspace_option
from triage.cli.listing import source_lines, source_rows

if TYPE_CHECKING:
    from triage.models import Record
    from triage.sources import Parsed

LARGEST_FILE = 200_000_000
"""Bytes, decompressed: more than any page of any source."""

_FIELDS = (
    "source",
    "source_key",
    "title",
    "abstract",
    "authors",
    "url",
    "venue",
    "year",
    "published",
    "track",
    "acceptance",
    "identifiers",
)


@click.group("sources", invoke_without_command=True, epilog="Example: triage sources")
@workspace_option
@json_option
@click.pass_context
def sources_command(context: click.Context, folder: Path | None, as_json: bool) -> None:
    """List the sources: when each last succeeded, how many records it gave, what it lacks, and how it is.

    The state says which kind of nothing came, if nothing did: unreachable, parsed none (an answer that
    held no paper where there should be some), truly none (a weekend, a holiday). Below each stand the hosts it asks,
    how far apart and how often a night, whether robots.txt is obeyed there, and the venues' years it gave.
    """
    if context.invoked_subcommand is not None:
        return
    rows = source_rows(open_workspace(folder))
    if as_json:
        print_json(rows)
        return
    for row in rows:
        for line in source_lines(row):
            click.echo(line)


@sources_command.command(
    "parse", epilog="Example: triage sources parse huggingface saved.json --url https://huggingface.co/api/daily_papers?date=2026-11-20"
)
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--url", help="The address the answer came from: it tells the day, the page and the ids that were asked for.")
@click.option("--json", "as_json", is_flag=True, help="The same: the records are always printed as JSON.")
def parse_command(name: str, file: Path, url: str | None, as_json: bool) -> int:
    """Read a saved answer (FILE, also .gz) as source NAME does: one JSON record a line. NAME documents reads a list or notes.

    Standard error says whether the answer is whole. Exit status 0 when it is, 3 when it is not, 1 when it
    is refused. No workspace is needed, nothing is written.
    """
    del as_json
    from triage.errors import DocumentError, SourceError
    from triage.runs import system_clock
    from triage.sources.registry import parse_any

    body = _body(file)
    try:
        parsed = _document(body, file) if name == "documents" else parse_any(name, body, url, read_at=system_clock())
    except (DocumentError, SourceError) as error:
        click.echo(f"triage: refused: {error.message}", err=True)
        click.echo(f"  what to do: {error.hint}", err=True)
        return 1
    for record in parsed.records:
        click.echo(json.dumps(_shown(record), ensure_ascii=False))
    _say(parsed)
    return 0 if parsed.verdict.complete else PARTIAL


@sources_command.command("reparse", epilog="Example: triage sources reparse cvf")
@click.argument("name")
@workspace_option
@json_option
def reparse_command(name: str, folder: Path | None, as_json: bool) -> int:
    """Read every stored answer of source NAME again, after a correction of its parser, and match what changed.

    Nothing is asked of any site; what the stored answers no longer say is not deleted.
    """
    from triage import pipeline
    from triage.backfill import reparse

    with Shown(quiet=as_json) as progress, pipeline.begin(open_workspace(folder), "reparse", progress=progress) as run:
        reparse(run, name)
        pipeline.STEPS["identify"](run, None)
    return print_report(run, as_json=as_json)


def _document(body: bytes, file: Path) -> Parsed:
    """The papers of a document as an import reads it, without what a person said about them there."""
    from triage.imports import read_content
    from triage.sources import Parsed, Verdict

    document = read_content(body, name=str(file)).parsed
    verdict = Verdict(not document.refused, f"{len(document.entries)} papers of a document of the form {document.format}")
    return Parsed(tuple(entry.record for entry in document.entries), verdict, document.refused)


def _shown(record: Record) -> dict[str, Any]:
    said = record.model_dump(mode="json")
    return {name: said[name] for name in _FIELDS}


def _say(parsed: Parsed) -> None:
    for refusal in parsed.refused:
        click.echo(f"refused: item {refusal.line} {refusal.item}: {refusal.reason}", err=True)
    verdict = parsed.verdict
    declared = "" if verdict.declared is None else f", {verdict.declared} declared"
    nothing = f" ({verdict.nothing})" if verdict.nothing else ""
    click.echo(
        f"{'complete' if verdict.complete else 'incomplete'}: {len(parsed.records)} records{declared}: {verdict.reason}{nothing}", err=True
    )


def _body(file: Path) -> bytes:
    """The file's bytes, decompressed when it is gzip whatever its name. Raises UsageError when it cannot be read."""
    import gzip
    import zlib

    from triage.errors import UsageError

    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(file) if packed else file.open("rb") as stream:
            body = stream.read(LARGEST_FILE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{file}: cannot be read: {error}", hint="check the name and that the file is whole") from error
    if len(body) > LARGEST_FILE:
        raise UsageError(f"{file}: more than {LARGEST_FILE} bytes", hint="no source gives a page of that size")
    return body
