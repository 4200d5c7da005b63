"""What changed in the lists since the last commit, paper by paper, with what the machine says about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.changes import Change, changes
from triage.committing import list_texts, told_apart, yearly
from triage.errors import UsageError
from triage.repository import Repository

if TYPE_CHECKING:
    import duckdb

    from triage.workspace import Workspace

__all__ = ["Difference", "Reason", "differences"]


@dataclass(frozen=True)
class Reason:
    """One label that is shown for a work: taxonomy id, 0..1 (None where a person spoke), who says so, the words it rests on."""

    label: str
    confidence: float | None
    producer: str
    quote: str | None


@dataclass(frozen=True)
class Difference:
    """A change with the work it is about and why it is labelled so; both empty for a paper the warehouse does not know."""

    change: Change
    work_id: str | None
    score: float | None
    reasons: tuple[Reason, ...] = ()


def differences(con: duckdb.DuckDBPyConnection, workspace: Workspace, *, since: str | None = None) -> tuple[list[Difference], str]:
    """(what changed in the yearly lists, since when in words); `con` may be the readers' snapshot.

    Since the commit `since`, else since the last commit of the workspace's repository, else (no repository, or no commit)
    since before the last run that wrote lists. Raises UsageError for `since` without a repository, RepositoryError when
    it names no commit.
    """
    before, basis = _before(con, workspace, since)
    found, works = told_apart(con, changes(before, list_texts(workspace)))
    told = _reasons(con, sorted(set(works.values())))
    return [Difference(change, work := works.get(place), *told.get(work or "", (None, ()))) for place, change in enumerate(found)], basis


def _before(con: duckdb.DuckDBPyConnection, workspace: Workspace, since: str | None) -> tuple[dict[str, str], str]:
    repository = Repository.of(workspace)
    if since and repository is None:
        raise UsageError(f"--since {since}: {workspace.root} is in no git repository", hint="git init there, or leave --since out")
    if repository and (commit := repository.resolve(since) if since else repository.head):
        return yearly(repository.texts(commit, "lists")), f"since commit {commit[:10]}"
    rows = con.execute(
        "SELECT path, arg_max(text, position) FROM store.rendered WHERE run_id < (SELECT max(run_id) FROM store.rendered"
        " WHERE regexp_matches(path, '^lists/[^/]+$')) GROUP BY path"
    ).fetchall()
    return yearly({path: text for path, text in rows if path.startswith("lists/")}), "since before the last run that changed a list"


def _reasons(con: duckdb.DuckDBPyConnection, works: Sequence[str]) -> dict[str, tuple[float | None, tuple[Reason, ...]]]:
    rows = con.execute(
        "SELECT w.work_id, w.screening_score, l.label, l.confidence, l.producer, l.quote FROM main.works w"
        " LEFT JOIN (SELECT * FROM main.labels_current WHERE decides AND counts) l USING (work_id)"
        " WHERE list_contains(?, w.work_id) ORDER BY w.work_id, l.position",
        [list(works)],
    ).fetchall()
    told: dict[str, tuple[float | None, tuple[Reason, ...]]] = {}
    for work, score, label, confidence, producer, quote in rows:
        reasons = told.get(work, (score, ()))[1]
        told[work] = (score, (*reasons, Reason(label, confidence, producer, quote)) if label else reasons)
    return told
