"""triage eval labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from triage.cli.common import json_option, open_workspace, print_json, workspace_option
from triage.cli.scale import MOST_SHOWN, Command, cues_of, files_argument, html_option, labelled_papers, reference_files, write_page

if TYPE_CHECKING:
    from triage.evaluation.labels import LabelsReport, ReliabilityBin
    from triage.evaluation.local import LocalModel

__all__ = ["labels"]


def _two_option(command: Command) -> Command:
    return click.option(
        "--compare",
        nargs=2,
        metavar="A B",
        help="Two cue files, or two producers that labelled works here (lexical, llm:MODEL@PROMPT), side by side, and the papers that changed.",
    )(command)


@click.command("labels", epilog="Example: triage eval labels typed.jsonl --level coarse")
@files_argument
@click.option("--level", type=click.Choice(["fine", "coarse"]), help="Labels, or their parents; else coarse where the file has that field.")
@_two_option
@html_option
@click.option(
    "--producer",
    metavar="NAME",
    help="Score what llm:MODEL@PROMPT has said already (also llm, lexical; asks nothing), or what embedding or nli say now.",
)
@workspace_option
@json_option
def labels(
    files: tuple[Path, ...],
    level: Literal["fine", "coarse"] | None,
    compare: tuple[str, str] | None,
    html: Path | None,
    producer: str | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Label the papers of FILE (JSONL, also .gz: title, abstract, labels or coarse) by the cue rules and compare.

    Without FILE the works whose type you typed are labelled, blind. Each label's precision, recall and F1, micro
    and macro, exact sets, kappa, and whether confidence means what it says. With --compare, two cue files, or the
    labels that two producers gave to the works of this workspace. With --producer embedding or nli the model of the
    settings labels what the rules leave open, beside the rules alone.
    """
    from triage.evaluation.local import LOCAL_MODELS
    from triage.evaluation.recorded import names_producer

    if compare and all(names_producer(name) for name in compare):
        _compare_producers(files, compare, level or "fine", folder, html=html, as_json=as_json)
        return
    from triage.evaluation.labels import evaluate_labels
    from triage.labelling.lexical import LexicalLabeller

    if producer in LOCAL_MODELS:
        _score_local(producer, files, level, folder, html=html, as_json=as_json)
        return
    if producer is not None:
        _score_recorded(producer, files, level, folder, as_json=as_json)
        return
    reference = reference_files(folder, needed=not files)
    papers = labelled_papers(files, reference, "own_labels")
    reports = [
        evaluate_labels(
            papers, LexicalLabeller(cues, reference.taxonomy), reference.taxonomy, level=level, threshold=reference.threshold,
            word_filter=[cues.keeps(paper.title, paper.abstract) for paper in papers],
        )
        for cues in ([cues_of(Path(path)) for path in compare] if compare else [reference.cues])
    ]  # fmt: skip
    changed = _relabelled(reports) if compare else []
    if html:
        from triage.evaluation.page import labels_page

        write_page(html, labels_page([(str(name), report) for name, report in zip(compare or ("",), reports, strict=True)]))
    if as_json:
        shown = [report.model_dump(mode="json", exclude={"given"}) for report in reports]
        print_json({"a": shown[0], "b": shown[1], "changed": changed} if compare else shown[0])
        return
    for name, report in zip(compare or ("",), reports, strict=True):
        _print_labels(str(name), report)
    for one in changed[:MOST_SHOWN]:
        click.echo(f"{', '.join(one['a']) or 'none'} -> {', '.join(one['b']) or 'none'}: {one['title']}")


def _score_local(
    producer: LocalModel,
    files: Sequence[Path],
    level: Literal["fine", "coarse"] | None,
    folder: Path | None,
    *,
    html: Path | None,
    as_json: bool,
) -> None:
    """Score the rules with a local model behind them, beside the rules alone: of the papers of FILE, or of those with a type of yours."""
    from triage.evaluation.labels import evaluate_labels
    from triage.evaluation.local import local_labeller
    from triage.labelling.lexical import LexicalLabeller

    reference = reference_files(folder, needed=True)
    assert reference.workspace is not None  # noqa: S101 - for the type checker: it is needed
    labeller = local_labeller(reference.workspace, producer, reference.cues, reference.taxonomy)
    papers = labelled_papers(files, reference, "own_labels")
    keeps = [reference.cues.keeps(paper.title, paper.abstract) for paper in papers]
    rules, report = (
        evaluate_labels(papers, one, reference.taxonomy, level=level, threshold=reference.threshold, word_filter=keeps)
        for one in (LexicalLabeller(reference.cues, reference.taxonomy), labeller)
    )
    changed = _relabelled([rules, report])
    if html:
        from triage.evaluation.page import labels_page

        write_page(html, labels_page([("lexical", rules), (producer, report)]))
    if as_json:
        shown, alone = (one.model_dump(mode="json", exclude={"given"}) for one in (report, rules))
        print_json(
            {**shown, "producer": producer, "filled": labeller.filled, "ordered": labeller.ordered, "lexical": alone, "changed": changed}
        )
        return
    _print_labels(producer, report)
    click.echo(f"the rules alone: micro-F1 {rules.micro_f1:.3f}, macro-F1 {rules.macro_f1:.3f}, whole set right {rules.exact:.3f}")
    click.echo(f"{producer} gave labels to {labeller.filled} papers and another order to those of {labeller.ordered}")
    for one in changed[:MOST_SHOWN]:
        click.echo(f"{', '.join(one['a']) or 'none'} -> {', '.join(one['b']) or 'none'}: {one['title']}")


def _score_recorded(
    producer: str, files: Sequence[Path], level: Literal["fine", "coarse"] | None, folder: Path | None, *, as_json: bool
) -> None:
    """Score what a producer has said in the workspace: of the papers of FILE, or of those with a type of yours."""
    from triage.errors import UsageError
    from triage.evaluation.given import recorded_labels
    from triage.evaluation.labels import evaluate_labels

    reference = reference_files(folder, needed=True)
    assert reference.workspace is not None  # noqa: S101 - for the type checker: it is needed
    recorded = recorded_labels(reference.workspace.snapshot_path, producer)
    papers = labelled_papers(files, reference, "own_labels")
    known = [paper for paper in papers if recorded.knows(paper.title)]
    if not known:
        raise UsageError(f"{producer} has labelled none of these {len(papers)} papers", hint="triage label --work ID asks about one")
    keeps = [reference.cues.keeps(paper.title, paper.abstract) for paper in known]
    report = evaluate_labels(known, recorded, reference.taxonomy, level=level, threshold=reference.threshold, word_filter=keeps)
    if as_json:
        print_json({**report.model_dump(mode="json", exclude={"given"}), "producer": producer, "not_labelled": len(papers) - len(known)})
        return
    _print_labels(producer, report)
    if len(known) < len(papers):
        click.echo(f"{len(papers) - len(known)} more papers are not scored: {producer} has not labelled them")


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
            f"{names[0]} and {names[1]} are producers, which are compared by the labels they gave to works here",
            hint="leave FILE out, or name two cue files",
        )
    reference = reference_files(folder, needed=True)
    snapshot = open_workspace(folder).snapshot_path
    report = compare_producers(snapshot, names, reference.taxonomy, level=level, threshold=reference.threshold)
    if html and report.a and report.b:
        from triage.evaluation.page import labels_page

        write_page(html, labels_page([(names[0], report.a), (names[1], report.b)]))
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
    for changed in report.changed[:MOST_SHOWN]:
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
