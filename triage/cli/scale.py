"""triage eval screening, labels and claims."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import click

from triage.cli.common import json_option, open_workspace, print_json, workspace_option

if TYPE_CHECKING:
    from triage.cues import Cues
    from triage.evaluation.claims import ClaimsReport
    from triage.evaluation.labelled import LabelledPaper
    from triage.evaluation.labels import LabelsReport, ReliabilityBin
    from triage.evaluation.screening import ScreeningReport
    from triage.taxonomy import Taxonomy
    from triage.workspace import Workspace

__all__ = ["claims", "labels", "screening"]

Command = TypeVar("Command", bound=Callable[..., Any])
_MOST_SHOWN = 20


def _files(command: Command) -> Command:
    return click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")(command)


def _compare_option(command: Command) -> Command:
    return click.option(
        "--compare",
        nargs=2,
        type=click.Path(path_type=Path),
        metavar="A B",
        help="Two cue files side by side, and the papers that changed.",
    )(command)


def _two_option(command: Command) -> Command:
    return click.option(
        "--compare",
        nargs=2,
        metavar="A B",
        help="Two cue files, or two producers that labelled works here (lexical, llm:MODEL@PROMPT), side by side, and the papers that changed.",
    )(command)


def _html_option(command: Command) -> Command:
    return click.option(
        "--html",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Also write the report with plots to FILE, one page that loads nothing.",
    )(command)


def _write_page(path: Path, page: str) -> None:
    from triage.workspace import write_atomically

    write_atomically(path, page)
    click.echo(f"written: {path}", err=True)


class _Reference(NamedTuple):
    """What the evaluation rests on: a workspace's files, or the packaged ones."""

    workspace: Workspace | None
    cues: Cues
    taxonomy: Taxonomy
    threshold: float


def _reference(folder: Path | None, *, needed: bool) -> _Reference:
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
        return _Reference(None, packaged_cues()[0], packaged_taxonomy(), Settings().labels.threshold)
    return _Reference(workspace, workspace_cues(workspace)[0], workspace_taxonomy(workspace), workspace.settings.labels.threshold)


def _papers(files: Sequence[Path], reference: _Reference, own: str) -> list[LabelledPaper]:
    from triage.evaluation import own as words
    from triage.evaluation.labelled import read_labelled

    if files or reference.workspace is None:
        return read_labelled(files)
    read: Callable[[Path], list[LabelledPaper]] = getattr(words, own)
    return read(reference.workspace.snapshot_path)


def _cues_of(path: Path) -> Cues:
    from triage.cues import load_cues
    from triage.errors import DocumentError

    try:
        return load_cues(path.read_text(encoding="utf-8-sig"), name=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path}: cannot be read: {error}", hint="name two cue files, such as seeds/cues.yaml") from error


@click.command("screening", epilog="Example: triage eval screening chosen.jsonl")
@_files
@_compare_option
@click.option("--leave-one-out", is_flag=True, help="Also train on the other files' choices and score each file by that (extra `learn`).")
@_html_option
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

    reference = _reference(folder, needed=not files)
    papers = _papers(files, reference, "own_decisions")
    reports = [
        evaluate_screening(papers, functools.partial(score_text, cues=cues, most_evidence=0))
        for cues in ([_cues_of(path) for path in compare] if compare else [reference.cues])
    ]
    moved = _moved(papers, reports) if compare else []
    if html:
        from triage.evaluation.page import screening_page

        _write_page(html, screening_page([(str(name), report) for name, report in zip(compare or ("by the cues",), reports, strict=True)]))
    if as_json:
        shown = [report.model_dump(mode="json", exclude={"ranking"}) for report in reports]
        print_json({"a": shown[0], "b": shown[1], "changed": moved} if compare else shown[0])
        return
    for name, report in zip(compare or ("",), reports, strict=True):
        _print_screening(str(name), report)
    for one in moved[:_MOST_SHOWN]:
        click.echo(f"rank {one['a']} -> {one['b']}: {one['title']}")


def _leave_one_out(
    files: Sequence[Path], compare: tuple[Path, Path] | None, folder: Path | None, *, html: Path | None, as_json: bool
) -> None:
    from triage.errors import UsageError
    from triage.evaluation.held_out import leave_one_out
    from triage.evaluation.labelled import read_labelled

    if compare:
        raise UsageError("--leave-one-out compares the cues with what was learned; it takes no --compare", hint="leave one of the two out")
    cues = _reference(folder, needed=False).cues
    try:
        report = leave_one_out([(str(path), read_labelled([path])) for path in files], cues)
    except ImportError as error:
        raise UsageError(
            f"training needs {error.name}, which is not installed", hint="pip install 'triage-papers[learn]', or leave --leave-one-out out"
        ) from error
    if html:
        from triage.evaluation.page import screening_page

        _write_page(html, screening_page([("by the cues", report.cues), ("by what was learned", report.learned)], [report.verdict]))
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
    for rank, title in report.late[:_MOST_SHOWN]:
        click.echo(f"late: rank {rank}: {title}")


@click.command("labels", epilog="Example: triage eval labels typed.jsonl --level coarse")
@_files
@click.option("--level", type=click.Choice(["fine", "coarse"]), help="Labels, or their parents; else coarse where the file has that field.")
@_two_option
@_html_option
@workspace_option
@json_option
def labels(
    files: tuple[Path, ...],
    level: Literal["fine", "coarse"] | None,
    compare: tuple[str, str] | None,
    html: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Label the papers of FILE (JSONL, also .gz: title, abstract, labels or coarse) by the cue rules and compare.

    Without FILE the works whose type you typed are labelled, blind. Each label's precision, recall and F1, micro
    and macro, exact sets, kappa, and whether confidence means what it says. With --compare, two cue files, or the
    labels that two producers gave to the works of this workspace.
    """
    if compare and not all(Path(name).is_file() for name in compare):
        _compare_producers(files, compare, level or "fine", folder, html=html, as_json=as_json)
        return
    from triage.evaluation.labels import evaluate_labels
    from triage.labelling.lexical import LexicalLabeller

    reference = _reference(folder, needed=not files)
    papers = _papers(files, reference, "own_labels")
    reports = [
        evaluate_labels(
            papers, LexicalLabeller(cues, reference.taxonomy), reference.taxonomy, level=level, threshold=reference.threshold,
            word_filter=[cues.keeps(paper.title, paper.abstract) for paper in papers],
        )
        for cues in ([_cues_of(Path(path)) for path in compare] if compare else [reference.cues])
    ]  # fmt: skip
    changed = _relabelled(reports) if compare else []
    if html:
        from triage.evaluation.page import labels_page

        _write_page(html, labels_page([(str(name), report) for name, report in zip(compare or ("",), reports, strict=True)]))
    if as_json:
        shown = [report.model_dump(mode="json", exclude={"given"}) for report in reports]
        print_json({"a": shown[0], "b": shown[1], "changed": changed} if compare else shown[0])
        return
    for name, report in zip(compare or ("",), reports, strict=True):
        _print_labels(str(name), report)
    for one in changed[:_MOST_SHOWN]:
        click.echo(f"{', '.join(one['a']) or 'none'} -> {', '.join(one['b']) or 'none'}: {one['title']}")


def _compare_producers(
    files: Sequence[Path],
    names: tuple[str, str],
    level: Literal["fine", "coarse"],
    folder: Path | None,
    *,
    html: Path | None,
    as_json: bool,
) -> None:
    from triage.errors import UsageError
    from triage.evaluation.recorded import compare_producers

    if files:
        raise UsageError(
            f"{names[0]} and {names[1]} are not both cue files, and producers are compared by the labels they gave to works here",
            hint="name two cue files, or leave FILE out",
        )
    reference = _reference(folder, needed=True)
    snapshot = open_workspace(folder).snapshot_path
    report = compare_producers(snapshot, names, reference.taxonomy, level=level, threshold=reference.threshold)
    if html and report.a and report.b:
        from triage.evaluation.page import labels_page

        _write_page(html, labels_page([(names[0], report.a), (names[1], report.b)]))
    elif html:
        raise UsageError(
            "none of these works has a type of yours, so there is nothing to plot", hint="leave --html out, or type some works"
        )
    if as_json:
        print_json(report.model_dump(mode="json", exclude={"a": {"given"}, "b": {"given"}}))
        return
    for name, one in zip(names, (report.a, report.b), strict=True):
        if one is not None:
            _print_labels(f"{name} against your types", one)
    click.echo(f"{report.n} works labelled by both: kappa {report.kappa:.3f}, the same labels for {report.same}")
    for changed in report.changed[:_MOST_SHOWN]:
        click.echo(f"{', '.join(changed.a) or 'none'} -> {', '.join(changed.b) or 'none'}: {changed.title}")


def _relabelled(reports: Sequence[LabelsReport]) -> list[dict[str, Any]]:
    pairs = zip(reports[0].given, reports[1].given, strict=True)
    return [{"title": title, "a": list(a), "b": list(b)} for (title, a), (_, b) in pairs if a != b]


def _print_labels(name: str, report: LabelsReport) -> None:
    click.secho(f"{name}{': ' if name else ''}{report.n} papers, {report.level} labels", bold=True)
    click.echo(f"{'label':>34} papers  given  right  prec.  recall    F1")
    for label, one in report.per_label.items():
        click.echo(f"{label:>34} {one.papers:>6} {one.given:>6} {one.right:>6} {one.precision:>6.2f} {one.recall:>7.2f} {one.f1:>5.2f}")
    (low, high), (least, most) = report.intervals["micro_f1"], report.intervals["macro_f1"]
    click.echo(
        f"micro-F1 {report.micro_f1:.3f} ({low:.2f} to {high:.2f}), precision {report.micro_precision:.3f}, recall {report.micro_recall:.3f}"
    )
    click.echo(f"macro-F1 {report.macro_f1:.3f} ({least:.2f} to {most:.2f}); over labels with ten papers or more {report.macro_f1_10:.3f}")
    click.echo(f"whole set right {report.exact:.3f}, kappa {report.kappa:.3f}; labelled in {report.seconds} CPU s")
    if report.word_filter:
        click.echo(
            f"the word filter keeps {report.word_filter.kept} of these papers, {report.word_filter.labelled_kept} of them with labels, and types none"
        )
    _print_reliability("confidence as given", report.reliability, report.calibration_error)
    _print_reliability("calibrated on other papers", report.reliability_calibrated, report.calibration_error_calibrated)


def _print_reliability(name: str, bins: Sequence[ReliabilityBin], error: float) -> None:
    click.echo(f"{name}: off by {error:.3f} on average")
    click.echo("confidence  labels  mean  right")
    for some in bins:
        click.echo(f"{some.least:.2f}-{some.most:.2f} {some.labels:>8} {some.confidence:>6.2f} {some.right:>6.2f}")


@click.command("claims", epilog="Example: triage eval claims annotated.jsonl --json")
@_files
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
    cues = _reference(folder, needed=False).cues
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
        for title, metric, value, unit in figures[:_MOST_SHOWN]:
            click.echo(f"{what}: {metric} {value:g} {unit}: {title}")
