"""triage eval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli.common import json_option
from triage.cli.scale import claims, screening
from triage.cli.scale_labels import labels

if TYPE_CHECKING:
    from triage.evaluation.identity import IdentityScore


@click.group("eval", epilog="Example: triage eval identity unified.csv pairs.csv")
def eval_command() -> None:
    """Score the program against labelled files, or against your own decisions. With files it works outside any workspace."""


for _command in (screening, labels, claims):
    eval_command.add_command(_command)


@eval_command.command("identity", epilog="Example: triage eval identity unified.csv pairs.csv --json")
@click.argument("unified", type=click.Path(path_type=Path))
@click.argument("pairs", type=click.Path(path_type=Path))
@json_option
def identity(unified: Path, pairs: Path, as_json: bool) -> None:
    """Match the records of UNIFIED (CSV: id, src, title, authors, year, venue, doi) and compare with PAIRS (CSV: a, b).

    Two values in src: only pairs across them count; one value: duplicates inside. Only id and title must be
    filled. The rules and the SQL are those of every run, with their default settings.
    """
    from triage.evaluation.identity import evaluate_identity

    score = evaluate_identity(unified, pairs)
    if as_json:
        click.echo(score.model_dump_json(indent=1))
    else:
        _print(score)


def _share(value: float | None) -> str:
    return "none to count" if value is None else f"{value:.4f}"


def _print(score: IdentityScore) -> None:
    click.echo(f"{score.records} records, {score.truth} true pairs; matched {score.matched}, of which {score.true} are true")
    click.echo(f"precision {_share(score.precision)}  recall {_share(score.recall)}  F1 {_share(score.f1)}")
    click.echo(f"pairs whose title changed: {score.changed}; found {score.changed_found}, with review {score.changed_found_with_review}")
    click.echo(f"review queue: {score.review} pairs, of which {score.review_true} are true")
    for rule in score.rules:
        click.echo(f"  {rule.rule:>10}: {rule.true} true of {rule.accepted} accepted")
    click.echo(f"matching {score.cpu_seconds:.2f} CPU s, with reading {score.total_seconds:.2f} s")
