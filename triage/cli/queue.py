"""triage queue: one proposal at a time, a key a word."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli.common import PARTIAL, json_option, open_workspace, print_json, workspace_option
from triage.cli.keys import Keys

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console
    from rich.text import Text

    from triage.review import Sheet, Sitting
    from triage.workspace import Workspace

_KEYS = "y yes · n no · l later · t type · s skip · u undo · ? help · q quit"
_HELP = """\
  y  it belongs on the list: a tick          l  not now: it leaves the queue and is not rejected
  n  it does not (asks why; Enter for none)  t  type its efficiency type yourself
  s  next one, without a word                u  take back the last word of this sitting
  q  quit; every word said is kept already"""


@click.command("queue", epilog="Example: triage queue --venue CVPR --year 2023")
@click.option("--venue", help="Only proposals of this venue.")
@click.option("--year", type=int, help="Only proposals of this year.")
@click.option("--label", metavar="ID", help="Only with this label, or of this family: compression/pruning, compression.")
@click.option("--disagreement", is_flag=True, help="Only those on whose labels two producers disagree.")
@workspace_option
@json_option
def queue_command(venue: str | None, year: int | None, label: str | None, disagreement: bool, folder: Path | None, as_json: bool) -> int:
    """Go through the open proposals one by one, best first, and say a word about each with one key.

    Shows title, venue, links, the abstract with its evidence marked, figures, types with who proposed them and how sure
    they are, and works that are near. Each word is written to decisions.jsonl before the next proposal is shown; a night
    can run meanwhile. Where this is no terminal, the queue is printed as a table.
    """
    from triage.queries import open_snapshot, plain
    from triage.review import QueueFilter, waiting

    workspace = open_workspace(folder)
    con = open_snapshot(workspace.snapshot_path)
    try:
        rows = waiting(con, QueueFilter(venue, year, label, disagreement))
        if as_json:
            print_json({"waiting": plain(rows), "progress": _progress(con)})
            return 0
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            _print_table(con, rows)
            return 0
        spoken = _sit(workspace, con, [row["work_id"] for row in rows])
    finally:
        con.close()
    return _settle(workspace) if spoken else 0


def _progress(con: duckdb.DuckDBPyConnection) -> dict[str, object]:
    from triage.reading import reading_progress

    return reading_progress(con).model_dump()


def _estimate(con: duckdb.DuckDBPyConnection) -> str:
    """How much is left, and whether one may stop, in one line."""
    from triage.reading import reading_progress

    now = reading_progress(con)
    left = f"about {now.likely_left:g} likely papers are left unread ({now.likely_left_low} to {now.likely_left_high})"
    return f"{left}; {'you may stop' if now.may_stop else 'it is too early to stop'} — {now.basis}"


def _print_table(con: duckdb.DuckDBPyConnection, rows: list[dict[str, object]]) -> None:
    from triage.cli.sql import print_table
    from triage.queries import Answer

    columns = ("work_id", "screening_score", "title", "venue", "year", "type", "labelled_by")
    print_table(Answer(columns, [tuple(row[name] for name in columns) for row in rows], None))
    click.echo(_estimate(con))


def _sit(workspace: Workspace, con: duckdb.DuckDBPyConnection, works: list[str]) -> bool:
    """The sitting at the terminal; whether anything was said."""
    from rich.console import Console

    from triage.decisions import speaker
    from triage.review import Sitting
    from triage.runs import system_clock

    console = Console(highlight=False, markup=False, emoji=False)
    sitting = Sitting(workspace, con, works, clock=system_clock, who=speaker(workspace))
    written = False
    try:
        with Keys() as keys:
            while (shown := sitting.current) is not None:
                _draw(console, shown, sitting)
                before = len(sitting.said)
                if not _hear(console, sitting, keys):
                    break
                written = written or len(sitting.said) != before
    except (KeyboardInterrupt, EOFError, click.Abort):
        console.print()  # what was said is on the disk already
    console.print(f"{len(sitting.said)} said, {sitting.left} left of {len(works)}")
    console.print(_estimate(con))
    return written


def _hear(console: Console, sitting: Sitting, keys: Keys) -> bool:
    """Keys until one goes on to the next sheet; False to stop."""
    from triage.errors import TriageError

    while True:
        key = keys.next()
        if key in {"q", "\x03", "\x04", ""}:
            return False
        word = _WORDS.get(key.lower())
        if word is None:
            console.print(_HELP)
            continue
        try:
            word(console, sitting, keys)
        except TriageError as error:
            console.print(f"{error.message}; {error.hint or 'nothing was kept'}", style="red")
            continue
        return True


def _yes(console: Console, sitting: Sitting, keys: Keys) -> None:
    del keys
    from triage.review import Verdict

    sitting.say(Verdict(decision="selected"))
    console.print("selected", style="green")


def _no(console: Console, sitting: Sitting, keys: Keys) -> None:
    from triage.review import Verdict

    reason = keys.line("why not (Enter for no reason)")
    sitting.say(Verdict(decision="rejected", reason=reason))
    console.print("rejected", style="red")


def _later(console: Console, sitting: Sitting, keys: Keys) -> None:
    del keys
    from triage.review import Verdict

    sitting.say(Verdict(decision="later"))
    console.print("later", style="yellow")


def _type(console: Console, sitting: Sitting, keys: Keys) -> None:
    from triage.review import Verdict

    typed = keys.line("type (Enter to leave it)")
    if typed.strip():
        sitting.say(Verdict(type=typed))
        console.print("type kept", style="green")


def _undo(console: Console, sitting: Sitting, keys: Keys) -> None:
    del keys
    taken = sitting.undo()
    console.print("taken back" if taken else "nothing was said in this sitting", style="yellow")


def _skip(console: Console, sitting: Sitting, keys: Keys) -> None:
    del console, keys
    sitting.skip()


_WORDS: dict[str, Callable[[Console, Sitting, Keys], None]] = {
    "y": _yes, "n": _no, "l": _later, "t": _type, "u": _undo, "s": _skip,
}  # fmt: skip


def _draw(console: Console, shown: Sheet, sitting: Sitting) -> None:
    from rich.rule import Rule
    from rich.text import Text

    from triage.text import clean_line

    said = {one.what: one.value for _, words in sitting.said for one in words if one.work.title == shown.title}
    console.print(Rule(f"{sitting.place + 1} of {len(sitting.works)}"))
    console.print(Text(clean_line(shown.title), style="bold"))
    place = " ".join(str(part) for part in (shown.venue, shown.year) if part)
    score = "" if shown.score is None else f"score {shown.score:.2f}"
    console.print(Text("  ".join(part for part in (clean_line(place), score, shown.work_id) if part), style="cyan"))
    if shown.authors:
        console.print(Text(clean_line(", ".join(shown.authors[:8]) + (" and others" if len(shown.authors) > 8 else "")), style="dim"))
    for link in filter(None, (shown.url, *shown.links[:4])):
        console.print(Text(clean_line(link), style="blue"))
    console.print()
    console.print(_abstract(shown))
    console.print()
    for text in _facts(shown, typed=said.get("type")):
        console.print(text)
    console.print(Text(_KEYS, style="dim"))


def _abstract(shown: Sheet) -> Text:
    from rich.text import Text

    if not shown.abstract:
        return Text("no abstract", style="dim")
    text = Text()
    for part in shown.abstract:
        text.append(part.text, style="bold yellow" if part.evidence else "")
    return text


def _facts(shown: Sheet, *, typed: str | None) -> list[Text]:
    from rich.text import Text

    from triage.text import clean_line

    lines = []
    if typed or shown.type:
        lines.append(Text(f"Type: {clean_line(typed or shown.type or '')}" + (" (yours)" if typed else ""), style="bold"))
    for label in shown.labels:
        sure = "" if label.confidence is None else f" {label.confidence:.2f}"
        quote = f' "{clean_line(label.quote)}"' if label.quote else ""
        lines.append(Text(f"  {clean_line(label.label)}{sure} by {label.producer}{quote}", style="" if label.shown else "dim"))
    lines += [
        Text(f'  {claim.metric} {claim.value:g} {claim.unit} {claim.direction}: "{clean_line(claim.quote)}"', style="magenta")
        for claim in shown.claims
    ]
    lines += [
        Text(f"  near {near.work_id} {clean_line(near.title)} ({clean_line(near.place)}): {clean_line(near.why)}", style="dim")
        for near in shown.near
    ]
    return lines


def _settle(workspace: Workspace) -> int:
    """Let the words take effect; a night that is at work hears of them at its end, or the next one does."""
    from triage import pipeline
    from triage.errors import BusyError
    from triage.review import take_effect

    try:
        with pipeline.begin(workspace, "queue") as run:
            take_effect(run)
    except BusyError as error:
        click.echo(f"kept in decisions.jsonl; the lists are written by the next run ({error.message})")
        return 0
    for message in (line for report in run.reports for line in report.messages):
        click.echo(f"note: {message}")
    return 0 if run.status == "complete" else PARTIAL
