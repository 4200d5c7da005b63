"""triage eval screening and claims, and what all reports share."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from triage.cli.common import json_option, print_json, workspace_option

if TYPE_CHECKING:
    from triage.cues import Cues
    from triage.evaluation.claims import ClaimsReport
    from triage.evaluation.labelled import LabelledPaper
    from triage.evaluation.screening import ScreeningReport
    from triage.taxonomy import Taxonomy
    from triage.workspace import Workspace

__all__ = [
    "MOST_SHOWN", "Command", "Reference", "claims", "cues_of", "files_argument", "html_option", "labelled_papers", "reference_files", "screening", "write_page",
]  # fmt: skip

Command = TypeVar("Command", bound=Callable[..., Any])
MOST_SHOWN = 20


def files_argument(command: Command) -> Command:
    return click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")(command)


def _compare_option(command: Command) -> Command:
    return click.option(
        "--compare",
        nargs=2,
        type=click.Path(path_type=Path),
        metavar="A B",
        help="Two cue files side by side, and the papers that changed.",
    )(command)


def html_option(command: Command) -> Command:
    return click.option(
        "--html",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Also write the report with plots to FILE, one page that loads nothing.",
    )(command)


def write_page(path: Path, page: str) -> None:
    from triage.workspace import write_atomically

    write_atomically(path, page)
    click.echo(f"written: {path}", err=True)


class Reference(NamedTuple):
    """What the evaluation rests on: a workspace's files, or the packaged ones."""

    workspace: Workspace | None
    cues: Cues
    taxonomy: Taxonomy
    threshold: float


def reference_files(folder: Path | None, *, needed: bool) -> Reference:
    """The workspace's cues and taxonomy; the packaged ones where there is no workspace and none was named."""
    from triage.errors import SettingsError, WorkspaceError
    from triage.seeds import packaged_cues, packaged_taxonomy, workspace_cues, workspace_taxonomy
    from triage.settings import Settings
    from triage.workspace import Workspace

    try:
        workspace = Workspace.open(folder, environ=os.environ)
    except SettingsError:
        raise
    except WorkspaceError:
        if folder is not None or needed:
            raise
        return Reference(None, packaged_cues()[0], packaged_taxonomy(), Settings().labels.threshold)
    return Reference(workspace, workspace_cues(workspace)[0], workspace_taxonomy(workspace), workspace.settings.labels.threshold)


def labelled_papers(files: Sequence[Path], reference: Reference, own: str) -> list[LabelledPaper]:
    from triage.evaluation import own as words
    from triage.evaluation.labelled import read_labelled

    if files or reference.workspace is None:
        return read_labelled(files)
    read: Callable[[Path], list[LabelledPaper]] = getattr(words, own)
    return read(reference.workspace.snapshot_path)


def cues_of(path: Path) -> Cues:
    from triage.cues import load_cues
    from triage.errors import DocumentError

    try:
        return load_cues(path.read_text(encoding="utf-8-sig"), name=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(
            f"{path}: cannot be read: {error}",
            hint="name two cue files, such as seeds/cues.yaml (or for labels two producers: lexical, llm:MODEL)",
        ) from error


@click.command("screening", epilog="Example: triage eval screening chosen.jsonl")
@files_argument
@_compare_option
@click.option("--leave-one-out", is_flag=True, help="Also train on the other files' choices and score each file by that (extra `learn`).")
@html_option
@workspace_option
@json_option
def screening(
    files: tuple[Path, ...],
    compare: tuple[Path, Path] | None,
    leave_one_out: bool,
    html: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Rank the papers of all FILEs together (JSONL, also .gz: title, abstract, selected) and tell what is found among the first.

    Without FILE the works you selected or rejected are ranked, blind. Chosen papers among the first 20 to 400,
    work saved at 95 % recall, area under the curve, each beside your word filter.
    """
    if leave_one_out:
        _leave_one_out(files, compare, folder, html=html, as_json=as_json)
        return
    from triage.cues import score_text
    from triage.evaluation.screening import evaluate_screening

    reference = reference_files(folder, needed=not files)
    papers = labelled_papers(files, reference, "own_decisions")
    reports = [
        evaluate_screening(papers, functools.partial(score_text, cues=cues, most_evidence=0))
        for cues in ([cues_of(path) for path in compare] if compare else [reference.cues])
    ]
    moved = _moved(papers, reports) if compare else []
    if html:
        from triage.evaluation.page import screening_page

        write_page(html, screening_page([(str(name), report) for name, report in zip(compare or ("by the cues",), reports, strict=True)]))
    if as_json:
        shown = [report.model_dump(mode="json", exclude={"ranking"}) for report in reports]
        print_json({"a": shown[0], "b": shown[1], "changed": moved} if compare else shown[0])
        return
    for name, report in zip(compare or ("",), reports, strict=True):
        _print_screening(str(name), report)
    for one in moved[:MOST_SHOWN]:
        click.echo(f"rank {one['a']} -> {one['b']}: {one['title']}")


def _leave_one_out(
    files: Sequence[Path], compare: tuple[Path, Path] | None, folder: Path | None, *, html: Path | None, as_json: bool
) -> None:
    from triage.errors import UsageError
    from triage.evaluation.held_out import leave_one_out
    from triage.evaluation.labelled import read_labelled

    if compare:
        raise UsageError("--leave-one-out compares the cues with what was learned; it takes no --compare", hint="leave one of the two out")
    cues = reference_files(folder, needed=False).cues
    try:
        report = leave_one_out([(str(path), read_labelled([path])) for path in files], cues)
    except ImportError as error:
        raise UsageError(
            f"training needs {error.name}, which is not installed", hint="pip install 'triage-papers[learn]', or leave --leave-one-out out"
        ) from error
    if html:
        from triage.evaluation.page import screening_page

        write_page(html, screening_page([("by the cues", report.cues), ("by what was learned", report.learned)], [report.verdict]))
    if as_json:
        shown = report.model_dump(mode="json", exclude={"cues": {"ranking"}, "learned": {"ranking"}})
        print_json({**shown["cues"], "leave_one_out": {name: value for name, value in shown.items() if name != "cues"}})
        return
    _print_screening("by the cues", report.cues)
    _print_screening("by what the other files taught", report.learned)
    for one in report.held_out:
        how = "too few chosen in the other files: ordered by the cues" if one.penalty is None else f"penalty {one.penalty:g}"
        click.echo(f"{one.file}: {one.positives} chosen of {one.n}, learned from {one.learned_from} chosen; {how}")
    click.echo(report.verdict)


def _moved(papers: Sequence[LabelledPaper], reports: Sequence[ScreeningReport]) -> list[dict[str, Any]]:
    """Chosen papers whose rank changed, the largest change first."""
    first, second = ({title: rank for rank, title in enumerate(report.ranking, 1)} for report in reports)
    chosen = sorted({paper.title for paper in papers if paper.said["selected"] and first[paper.title] != second[paper.title]})
    chosen.sort(key=lambda title: -abs(first[title] - second[title]))
    return [{"title": title, "a": first[title], "b": second[title]} for title in chosen]


def _print_screening(name: str, report: ScreeningReport) -> None:
    click.secho(f"{name}{': ' if name else ''}{report.positives} chosen of {report.n} papers", bold=True)
    click.echo(f"{'read':>6} {'found':>6} {'share':>6}   95 % interval   word filter finds")
    for k, found in report.recall_at.items():
        low, high = report.intervals[k]
        click.echo(
            f"{k:>6} {found:>6} {found / max(1, report.positives):>6.2f}   {low:.2f} to {high:.2f}    {report.word_filter.recall_at[k]:>8.2f}"
        )
    (least, most), (low, high) = report.intervals["work_saved"], report.intervals["area"]
    click.echo(f"95 % found after {report.read_for_95} read: work saved {report.work_saved:.3f} ({least:.2f} to {most:.2f})")
    click.echo(f"area under the curve {report.area:.4f} ({low:.3f} to {high:.3f}); of the word filter {report.word_filter.area:.4f}")
    click.echo(
        f"the word filter keeps {report.word_filter.kept} papers, {report.word_filter.found} of them chosen; scored in {report.seconds} CPU s"
    )
    for rank, title in report.late[:MOST_SHOWN]:
        click.echo(f"late: rank {rank}: {title}")


@click.command("claims", epilog="Example: triage eval claims annotated.jsonl --json")
@files_argument
@workspace_option
@json_option
def claims(files: tuple[Path, ...], folder: Path | None, as_json: bool) -> None:
    """Read efficiency figures from the papers of FILE (JSONL, also .gz: title, abstract, claims) and compare.

    A claim is right when the family of its metric, its value and its unit are.
    """
    from triage.claims import find_claims
    from triage.errors import UsageError
    from triage.evaluation.claims import evaluate_claims
    from triage.evaluation.labelled import read_labelled

    if not files:
        raise UsageError("claims are compared with an annotated file; nobody annotates them in a workspace", hint="name a FILE")
    cues = reference_files(folder, needed=False).cues
    papers = read_labelled(files)
    report = evaluate_claims(papers, find_claims, word_filter=[cues.keeps(paper.title, paper.abstract) for paper in papers])
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_claims(report)


def _print_claims(report: ClaimsReport) -> None:
    click.secho(f"{report.claims} annotated claims in {report.n} papers; {report.found} found, {report.right} right", bold=True)
    (low, high), (least, most) = report.intervals["precision"], report.intervals["recall"]
    click.echo(
        f"precision {report.precision:.3f} ({low:.2f} to {high:.2f}), recall {report.recall:.3f} ({least:.2f} to {most:.2f}), F1 {report.f1:.3f}"
    )
    click.echo(f"of the very metric, not only its family: {report.exact_metric}; read in {report.seconds} CPU s")
    if report.word_filter:
        click.echo(f"the word filter keeps {report.word_filter['kept']} of these papers, with {report.word_filter['claims']} of the claims")
    for what, figures in (("missed", report.missed), ("wrong", report.wrong)):
        for title, metric, value, unit in figures[:MOST_SHOWN]:
            click.echo(f"{what}: {metric} {value:g} {unit}: {title}")
