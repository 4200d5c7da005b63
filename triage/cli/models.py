"""triage models: models that run on this machine, by name."""

from __future__ import annotations

from pathlib import Path

import click

from triage.cli.common import Shown, json_option, open_workspace, print_json, workspace_option


@click.group("models", epilog="Example: triage models pull all-MiniLM-L6-v2")
def models_command() -> None:
    """List, fetch and check the embedding and NLI models that can fill in where the rules say nothing.

    They need the extra `embeddings`. Which are used says `model` under [embedding] and [nli] in triage.toml.
    """


@models_command.command("list", epilog="Example: triage models list --json")
@workspace_option
@json_option
def list_models(folder: Path | None, as_json: bool) -> None:
    """List the models that are known, by the program or by [embedding.models] of your settings, and whether they are here."""
    from triage.embedding_models import known_models, state

    workspace = open_workspace(folder)
    settings = workspace.settings
    used = [one for one in (settings.embedding.model, settings.nli.model) if one]
    rows = [
        {"name": name, "state": state(workspace, name), "used": name in used, "url": model.url, "files": model.files}
        for name, model in sorted(known_models(workspace).items())
    ]
    if as_json:
        print_json({"used": settings.embedding.model or None, "used_nli": settings.nli.model or None, "models": rows})
        return
    for row in rows:
        click.echo(f"{row['name']}: {row['state']}{', used' if row['used'] else ''} ({row['url']})")
    for one in used:
        if one not in {row["name"] for row in rows}:
            click.echo(f"{one}: a folder, used")


@models_command.command("pull", epilog="Example: triage models pull all-MiniLM-L6-v2")
@click.argument("name")
@workspace_option
@json_option
def pull_model(name: str, folder: Path | None, as_json: bool) -> None:
    """Fetch the model NAME and check every file against its SHA-256. Stopped at any time, it goes on from the files that came whole."""
    from triage.embedding_models import known_models, model_folder, pull
    from triage.nli import CONFIG_FILE
    from triage.runs import system_clock

    workspace = open_workspace(folder)
    with Shown(quiet=as_json) as progress, workspace.locked("models pull", started=system_clock().isoformat(timespec="seconds")):
        before = pull(workspace, name, clock=system_clock, on_file=progress.step)
    if as_json:
        print_json({"name": name, "before": before, "state": "ready", "folder": workspace.relative(model_folder(workspace, name))})
        return
    click.echo(f"{name}: {'was here already' if before == 'ready' else 'fetched'}, every file has its hash")
    if name not in (workspace.settings.embedding.model, workspace.settings.nli.model):
        section = "nli" if any(path.endswith(CONFIG_FILE) for path in known_models(workspace)[name].files) else "embedding"
        click.echo(f'to use it: model = "{name}" under [{section}] in triage.toml')


@models_command.command("check", epilog="Example: triage models check")
@workspace_option
@json_option
def check_model(folder: Path | None, as_json: bool) -> None:
    """Load the models of the settings and try each on a sentence: status 1 when the extra, a file or the right hash is missing."""
    from triage.embedding_models import open_classifier, open_embedder

    workspace = open_workspace(folder)
    names = workspace.settings.embedding.model, workspace.settings.nli.model
    embedder, classifier = open_embedder(workspace), open_classifier(workspace)
    size = len(embedder.embed(["A sentence."])[0]) if embedder else None
    entailment = classifier.entailment([("A sentence.", "A sentence.")])[0] if classifier else None
    if as_json:
        print_json({"model": names[0] or None, "dimensions": size, "nli": names[1] or None, "entailment": entailment})
        return
    if size is None and entailment is None:
        click.echo("no model is set: [embedding] model in triage.toml names one; labels come from the rules")
    if size is not None:
        click.echo(f"{names[0]}: works, {size} dimensions")
    if entailment is not None:
        click.echo(f"{names[1]}: works, a sentence entails itself with probability {entailment:.2f}")
