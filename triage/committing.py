"""The workspace in git: one commit a run with a message that says what changed paper by paper, and a workflow that runs the night."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from triage.changes import Change, body, changes, in_order, subject
from triage.errors import RepositoryError
from triage.models import WorkReference
from triage.references import resolve, stage_references
from triage.repository import Repository
from triage.runs import StepReport
from triage.text import identifiers_in_url
from triage.workspace import packaged, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from triage.runs import Run
    from triage.workspace import Workspace

__all__ = ["commit_run", "list_texts", "ready_to_commit", "told_apart", "write_workflow", "yearly"]


def ready_to_commit(workspace: Workspace, branch: str | None = None) -> Repository:
    """The repository in a state in which a commit can be made, on `branch` where one is named: before a night begins.

    Raises RepositoryError: no repository, HEAD detached, a merge or rebase under way, a branch git cannot switch to.
    """
    repository = Repository.of(workspace)
    if repository is None:
        raise RepositoryError(f"{workspace.root} is in no git repository", hint="git init there, or leave --commit out")
    if what := repository.under_way():
        raise RepositoryError(f"{what} is under way in {workspace.root}", hint="finish or abort it first (git status says how)")
    if branch:
        repository.switch(branch)
    elif repository.branch is None:
        raise RepositoryError(f"HEAD is detached in {workspace.root}", hint="git switch BRANCH first, or name one: --branch NAME")
    return repository


def list_texts(workspace: Workspace) -> dict[str, str]:
    """The yearly lists as they stand in the workspace, by path relative to it; a file that cannot be read is left out."""
    texts = {}
    for path in sorted((workspace.root / "lists").glob("*.md")):
        try:
            texts[workspace.relative(path)] = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # what cannot be read was told by the step that reads it
    return texts


def yearly(texts: Mapping[str, str]) -> dict[str, str]:
    """Those of `texts` that are yearly lists: the venue lists below lists/venues say what the sites said."""
    return {path: text for path, text in texts.items() if path.count("/") == 1}


def commit_run(run: Run, repository: Repository) -> StepReport:
    """Commit what changed of the workspace's own files; `read` are the files, `new` those in the commit, none when nothing changed.

    A commit that git refuses is a failure of the run; the files stay as they are and the next run commits them.
    """
    run.progress.step("commit")
    files = repository.changed()
    if not files:
        return run.add(StepReport(step="commit"))
    before = yearly(repository.texts(repository.head, "lists")) if repository.head else {}
    with run.warehouse.burst() as con:
        found, _ = told_apart(con, changes(before, list_texts(run.workspace)))
    line = subject(found, other=_other(files))
    message = "\n\n".join(part for part in (line, body(found), _files(files)) if part) + "\n"
    try:
        commit = repository.commit(files, message)
    except RepositoryError as error:
        run.fail("commit", str(run.workspace.root), "not committed", error.message, error.hint)
        return run.add(StepReport(step="commit", read=len(files), failed=len(files)))
    told = f"commit {commit[:10]} on {repository.branch}: {line}"
    return run.add(StepReport(step="commit", read=len(files), new=len(files), messages=(told,)))


def told_apart(con: duckdb.DuckDBPyConnection, found: Sequence[Change]) -> tuple[list[Change], dict[int, str]]:
    """(the changes, with what is gone because a person said no told apart from what the machine took back; place of a change
    -> the work it is about, where one can be found). `con` may be the readers' snapshot."""
    works = _works(con, found)
    rejected = {work for (work,) in con.execute("SELECT work_id FROM main.works WHERE decision = 'rejected'").fetchall()}
    named = [
        (replace(one, kind="rejected") if one.kind in {"withdrawn", "removed"} and works.get(place) in rejected else one, works.get(place))
        for place, one in enumerate(found)
    ]
    ordered = in_order(one for one, _ in named)
    places = {id(one): place for place, one in enumerate(ordered)}
    return ordered, {places[id(one)]: work for one, work in named if work}


def _works(con: duckdb.DuckDBPyConnection, found: Sequence[Change]) -> dict[int, str]:
    references = {
        str(place): WorkReference(title=one.title, url=one.url, venue=one.venue, year=one.year, identifiers=identifiers_in_url(one.url))
        for place, one in enumerate(found)
    }
    stage_references(con, "change_key", references)
    resolve(con, "change_key", "change_work")
    return {int(place): work for place, work in con.execute("SELECT reference, work_id FROM change_work").fetchall()}


def _other(files: list[str]) -> str:
    """What a commit is about in which no paper of a yearly list changed."""
    if any(name.startswith("lists/venues/") for name in files):
        return "venue lists"
    return "notes" if any(name.startswith("notes/") for name in files) else "words kept"


def _files(files: list[str]) -> str:
    return "\n".join(["files:", *(f"- {name}" for name in files)])


def write_workflow(workspace: Workspace) -> list[str]:
    """Write the GitHub Actions workflow of a night into the repository the workspace lies in; one that is there stays.

    Returns the name of the file, relative to the workspace's folder where it lies below it, when it was written.
    """
    repository = Repository.of(workspace)
    top = workspace.root if repository is None else repository.top
    path = top / ".github" / "workflows" / "triage.yml"
    if path.exists():
        return []
    text = (packaged("seeds") / "github" / "triage.yml").read_text(encoding="utf-8")
    folder = workspace.root.relative_to(top).as_posix()
    write_atomically(path, text.replace('working-directory: "."', f"working-directory: {json.dumps(folder, ensure_ascii=False)}"))
    return [str(path.relative_to(workspace.root)) if top == workspace.root else str(path)]
