"""The command line: one command an intent. It only parses and prints; nothing heavy is imported before it is needed.

Exit status: 0 fine; 1 refused (the message says what and what to do); 2 wrong usage; 3 partly done
(something failed and was survived, see `failures`); 4 the workspace is busy; 5 numbers that do not add
up; 70 a fault of the program; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

__all__ = ["main", "run_command_line", "triage"]

# name -> (module, what it does in one line); the listing must not import the modules
_COMMANDS = {
    "init": ("triage.cli.workspace", "Make a workspace: settings, .gitignore, decisions.jsonl."),
    "demo": ("triage.cli.demo", "Try everything on small made documents, without network or key."),
    "import": ("triage.cli.gathering", "Read lists, notes and saved pages you already have."),
    "add": ("triage.cli.gathering", "Add one paper by hand: an arXiv id, a DOI or a link."),
    "run": ("triage.cli.steps", "Gather, then do everything that is due, and report."),
    "gather": ("triage.cli.gathering", "Ask the feeds for what is due."),
    "backfill": ("triage.cli.gathering", "Gather whole venues: a year's papers from every source that has them."),
    "sources": ("triage.cli.sources", "List the feeds and how they are; read a saved answer."),
    "serve": ("triage.cli.serve", "Do `run` on a schedule, by Prefect, until stopped."),
    "identify": ("triage.cli.steps", "Match records to works."),
    "enrich": ("triage.cli.steps", "Ask catalogues for missing abstracts, DOIs and venues."),
    "screen": ("triage.cli.steps", "Score works and propose the best."),
    "rank": ("triage.cli.ranking", "Learn the order of proposals from your decisions; how many are left to read."),
    "label": ("triage.cli.label", "Give works their efficiency types."),
    "fulltext": ("triage.cli.steps", "Fetch full texts from arXiv, for notes and figures."),
    "note": ("triage.cli.steps", "Write notes in the CVinW form."),
    "claim": ("triage.cli.steps", "Read efficiency figures from abstracts as data."),
    "sync": ("triage.cli.lists", "Read back what you did to the lists and notes."),
    "list": ("triage.cli.lists", "Write or print the checkbox lists."),
    "export": ("triage.cli.lists", "Export selected works."),
    "why": ("triage.cli.why", "Where a paper is, or where it stopped."),
    "diff": ("triage.cli.diff", "What changed in the lists, paper by paper, and why."),
    "queue": ("triage.cli.queue", "Go through the proposals one by one, a key a word."),
    "decide": ("triage.cli.decide", "Say yes, no, later or a Type about works."),
    "decisions": ("triage.cli.decide", "List what was said; take a word back."),
    "works": ("triage.cli.works", "Why records are one work; merge, split, keep apart."),
    "taxonomy": ("triage.cli.taxonomy", "Check a taxonomy; what another one would change."),
    "models": ("triage.cli.models", "List, fetch and check local models."),
    "eval": ("triage.cli.eval", "Score the program against labelled files."),
    "prompts": ("triage.cli.prompts", "What a language model is asked: prompt files, and exactly what would be sent."),
    "sql": ("triage.cli.sql", "Ask the warehouse in SQL."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(_COMMANDS[cmd_name][0]), f"{cmd_name}_command")
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="triage-papers", prog_name="triage")
def triage() -> None:
    """Keep a reading list of efficient vision-language papers: gathered, matched, screened, labelled
    with evidence, and reviewed by you.

    Start with `triage demo`, or `triage init` in a folder of your own.
    """


def main() -> None:
    """Run the command line and exit with a status that means something."""
    sys.exit(run_command_line(sys.argv[1:]))


def run_command_line(arguments: list[str]) -> int:
    """Run one command and return its exit status; nothing but faults of the program raise with TRIAGE_DEBUG."""
    from triage.errors import TriageError

    try:
        status: Any = triage.main(arguments, prog_name="triage", standalone_mode=False)
    except TriageError as error:
        click.echo(f"triage: {error.message}", err=True)
        if error.hint:
            click.echo(f"  what to do: {error.hint}", err=True)
        return error.exit_status
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("triage: stopped; what was finished is kept, the next run goes on from there", err=True)
        return 130
    except BrokenPipeError:
        # the reader (head, less) has gone: not an error of ours, but Python would complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("TRIAGE_DEBUG"):
            raise
        click.echo(f"triage: a fault of the program: {type(error).__name__}: {error}", err=True)
        click.echo("  what to do: run it again with TRIAGE_DEBUG=1 and report what it prints", err=True)
        return 70
    return status if isinstance(status, int) else 0
