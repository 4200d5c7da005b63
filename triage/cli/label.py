"""triage label: what is due, by whom, at which price, and what a new prompt would change."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli.common import Shown, json_option, open_workspace, print_json, print_report, work_option, workspace_option

if TYPE_CHECKING:
    from triage.labelling.reprompting import Relabelling
    from triage.llm_plan import PlannedCalls
    from triage.recordings import Recordings
    from triage.workspace import Workspace

__all__ = ["label_command", "print_plan"]

_MOST_SHOWN = 100
_folder = click.Path(path_type=Path, file_okay=False)


@click.command("label", epilog="Example: triage label --producer llm --plan")
@click.option(
    "--producer",
    "producers",
    multiple=True,
    type=click.Choice(["lexical", "embedding", "nli", "llm"]),
    help="Only by this producer; may be repeated.",
)
@work_option
@click.option("--plan", is_flag=True, help="Print how many calls, tokens and dollars it may take at most, and do nothing else.")
@click.option("--reprompt", is_flag=True, help="Ask the present model and prompt about papers that older ones labelled; see what changes.")
@click.option("--yes", "accept", is_flag=True, help="With --reprompt: the new labels come into force.")
@click.option("--record", type=_folder, metavar="DIR", help="Keep the model's answers in DIR, one file a request.")
@click.option("--replay", type=_folder, metavar="DIR", help="Answer from DIR instead of asking the model; no network is used.")
@click.option("--batch", is_flag=True, help="Send the questions in batches, at a lower price; a later run collects the answers.")
@workspace_option
@json_option
def label_command(
    producers: tuple[str, ...],
    works: tuple[str, ...],
    plan: bool,
    reprompt: bool,
    accept: bool,
    record: Path | None,
    replay: Path | None,
    batch: bool,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Give selected and proposed works their efficiency types, each with the words that made it.

    By the rules, and by an embedding model, an NLI classifier and a language model where they are configured. A new prompt or model leaves labels in force as
    they are: --reprompt asks it about those papers and lists which labels would change, --reprompt --yes accepts.
    """
    from triage.errors import UsageError

    if accept and not reprompt:
        raise UsageError("--yes accepts what --reprompt shows", hint="triage label --reprompt first")
    if record and replay:
        raise UsageError("--record and --replay exclude each other", hint="record with a model, then replay without")
    if batch and (record or replay or reprompt):
        raise UsageError("--batch goes with none of --record, --replay and --reprompt", hint="leave one out")
    workspace = open_workspace(folder)
    if plan:
        if "llm" not in (producers or ("llm",)):
            raise UsageError("rules cost nothing: there is nothing to plan", hint="leave --producer out, or name llm")
        return print_plan(workspace, works=works, reprompt=reprompt, batch=batch, as_json=as_json)
    if record or batch or "llm" in producers:
        _need_model(workspace, replayed=bool(replay))
    for name, section in (("embedding", workspace.settings.embedding), ("nli", workspace.settings.nli)):
        if name in producers and not section.model:
            raise UsageError(
                f"no model is set for the producer {name}", hint=f"[{name}] model in triage.toml names one: triage models --help"
            )
    recordings = _recordings(record, replay)
    if reprompt:
        return _reprompt(workspace, works, recordings, accept=accept, as_json=as_json)
    return _label(workspace, works, producers, recordings, batch=batch, as_json=as_json)


def _label(
    workspace: Workspace, works: tuple[str, ...], producers: tuple[str, ...], recordings: Recordings | None, *, batch: bool, as_json: bool
) -> int:
    from triage import pipeline
    from triage.labelling.due import label

    with Shown(quiet=as_json) as progress, pipeline.begin(workspace, "label", progress=progress) as run:
        label(run, pipeline.work_ids(run, works), producers=producers or None, recordings=recordings, batch=batch)
    return print_report(run, as_json=as_json)


def _need_model(workspace: Workspace, *, replayed: bool) -> None:
    """Who names the model means it: none is a refusal, not a run that did nothing."""
    from triage.errors import UsageError
    from triage.llm import find_endpoint

    if not replayed and find_endpoint(workspace.settings.llm, os.environ) is None:
        raise UsageError("no language model is configured", hint="set OPENAI_API_KEY, or base_url and model in [llm]")


def _recordings(record: Path | None, replay: Path | None) -> Recordings | None:
    from triage.recordings import Recordings

    folder = record or replay
    return Recordings(folder, replay=replay is not None) if folder else None


def _reprompt(workspace: Workspace, works: tuple[str, ...], recordings: Recordings | None, *, accept: bool, as_json: bool) -> int:
    from triage import pipeline

    with Shown(quiet=as_json) as progress, pipeline.begin(workspace, "label --reprompt", progress=progress) as run:
        changes = pipeline.relabel(run, pipeline.work_ids(run, works), accept=accept, recordings=recordings)
    if as_json:
        return print_report(run, as_json=True, more={"accepted": accept, "changes": [one.model_dump(mode="json") for one in changes]})
    status = print_report(run, as_json=False)
    answered = sum(report.new for report in run.reports if report.step.startswith("reprompt"))
    _print_changes(changes, answered, accept=accept)
    return status


def _print_changes(changes: list[Relabelling], answered: int, *, accept: bool) -> None:
    for one in changes[:_MOST_SHOWN]:
        click.echo(f"{', '.join(one.before) or 'none'} -> {', '.join(one.after) or 'none'}: {one.title}")
    if len(changes) > _MOST_SHOWN:
        click.echo(f"... and {len(changes) - _MOST_SHOWN} more (--json has all)")
    verb = "changed" if accept else "would change"
    click.echo(f"{len(changes)} of {answered} papers {verb} their labels, {answered - len(changes)} keep them")
    if answered and not accept:
        click.echo("nothing is in force yet: triage label --reprompt --yes accepts, without another call")


def print_plan(
    workspace: Workspace,
    *,
    works: tuple[str, ...] = (),
    night: bool = False,
    reprompt: bool = False,
    batch: bool = False,
    as_json: bool = False,
) -> int:
    """What the models may be asked at most, by purpose and model, and the caps it stays under."""
    from triage import pipeline

    plan = pipeline.plan_calls(workspace, names=works, night=night, reprompt=reprompt, batch=batch, environ=os.environ)
    if as_json:
        print_json(plan.model_dump(mode="json"))
        return 0
    for line in plan.calls:
        _print_line(line)
    for cap in plan.caps:
        unit = "$" if cap.unit == "usd" else ""
        click.echo(
            f"cap: {unit}{cap.cap:,g}{'' if unit else f' {cap.unit}'} a {cap.span}, {unit}{cap.spent:,.6g} spent, {unit}{cap.left:,.6g} left"
        )
    if plan.calls:
        click.echo(f"in all: at most {plan.most_calls:,} calls, {plan.most_tokens:,} tokens, {_dollars(plan.most_usd)}")
    for note in plan.notes:
        click.echo(f"note: {note}")
    return 0


def _print_line(line: PlannedCalls) -> None:
    about = f" ({line.about})" if line.about else ""
    click.echo(f"{line.purpose}, {line.model}{about}: {line.papers} papers, {line.known} of them answered already: {line.calls} calls")
    usual = "" if line.usual_usd is None else f"; at the usual cost {_dollars(line.usual_usd)}"
    tokens = f"{line.most_tokens_in:,} tokens in, {line.most_tokens_out:,} out"
    worst = "with every repair and retry " if line.most_calls > line.calls else ""
    click.echo(f"    {worst}at most {line.most_calls:,} calls, {tokens}, {_dollars(line.most_usd)}{usual}")
    if line.most_usd is None:
        click.echo(
            f'    the price of {line.model} is unknown: put it into [llm] as prices."{line.model}" = {{ input = ..., output = ... }}'
        )


def _dollars(amount: float | None) -> str:
    return "price unknown" if amount is None else f"${amount:,.4f}"
