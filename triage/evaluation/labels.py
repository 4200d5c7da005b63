"""Labels against a person's: each label's precision, recall and F1, and whether confidence means what it says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from triage.calibration import BINS, Told, calibration_error, cross_validated
from triage.evaluation.intervals import interval, share
from triage.evaluation.labelled import LabelledPaper
from triage.labelling import Labeller, Paper
from triage.models import Label
from triage.taxonomy import Taxonomy

__all__ = ["LabelScore", "LabelsReport", "Level", "ReliabilityBin", "WordFilter", "agreement", "evaluate_labels", "level_of"]

Level = Literal["fine", "coarse"]

_ENOUGH = 10
"""Labels with fewer papers are left out of `macro_f1_10`."""


class LabelScore(BaseModel):
    """One label: how many papers have it by the person, by the machine, by both. A share of nothing is None."""

    model_config = ConfigDict(frozen=True)

    papers: int
    given: int
    right: int
    precision: float | None
    recall: float | None
    f1: float


class ReliabilityBin(BaseModel):
    """Labels with a confidence from `least` up to `most`: how many, their mean confidence, and the share that is right."""

    model_config = ConfigDict(frozen=True)

    least: float
    most: float
    labels: int
    confidence: float
    right: float


class WordFilter(BaseModel):
    """The curator's word filter over the same papers: it keeps or drops, and gives no label."""

    model_config = ConfigDict(frozen=True)

    kept: int
    labelled_kept: int


class LabelsReport(BaseModel):
    """`exact`: papers whose whole set is right. `kappa`: agreement with the person beyond chance over all pairs of paper and
    label. `macro_f1_10`: over labels with ten papers or more, None without such a label. `given`: the labels of each paper, in order.

    `reliability` is of the confidence as given, `reliability_calibrated` of the one that a calibration fitted on other
    papers makes of it (five folds); the `calibration_error`s say how far either is from what it claims.
    `confusion` counts papers by (the person's label, the machine's): the same for a right one; a missed one stands beside
    each wrong one of the same paper, and beside "" where there is none."""

    model_config = ConfigDict(frozen=True)

    n: int
    level: Level
    micro_precision: float
    micro_recall: float
    micro_f1: float
    macro_f1: float
    macro_f1_10: float | None
    exact: float
    kappa: float
    intervals: dict[str, tuple[float, float]]
    per_label: dict[str, LabelScore]
    reliability: tuple[ReliabilityBin, ...]
    reliability_calibrated: tuple[ReliabilityBin, ...]
    calibration_error: float
    calibration_error_calibrated: float
    confusion: tuple[tuple[str, str, int], ...]
    word_filter: WordFilter | None
    given: tuple[tuple[str, tuple[str, ...]], ...]
    seconds: float


class _Pair(NamedTuple):
    person: frozenset[str]
    machine: frozenset[str]


def level_of(papers: Sequence[LabelledPaper]) -> Level:
    """Coarse where that field is there, else fine."""
    return "coarse" if all("coarse" in paper.said for paper in papers) else "fine"


def evaluate_labels(
    papers: Sequence[LabelledPaper],
    labeller: Labeller,
    taxonomy: Taxonomy,
    *,
    level: Level | None = None,
    threshold: float = 0.5,
    word_filter: Sequence[bool] | None = None,
) -> LabelsReport:
    """Label the papers by title and abstract alone and compare.

    Labels below `threshold` are not shown to anybody and do not count, but are part of the reliability table.
    `word_filter`: whether it keeps each paper. Raises DocumentError when a paper lacks its labels.
    """
    level = level or level_of(papers)
    person = [_said(paper, taxonomy, level) for paper in papers]
    began = time.process_time()
    found = labeller.label([Paper(str(n), paper.title, paper.abstract) for n, paper in enumerate(papers)])
    seconds = time.process_time() - began
    flagged = "survey" in set().union(*person)  # a file that knows no surveys says nothing about the flag
    shown = [{_at(x.label, taxonomy, level) for x in labels if (x.confidence or 0) >= threshold} for labels in found]
    pairs = [_Pair(said, frozenset(x for x in one if x != "survey" or flagged)) for said, one in zip(person, shown, strict=True)]
    told = _told(person, found, taxonomy, level, flagged=flagged)
    given, calibrated = [one for labels in told for one in labels], cross_validated(told)
    return LabelsReport(
        n=len(papers),
        level=level,
        **_micro(pairs),
        macro_f1=_macro(pairs, 1),
        macro_f1_10=_macro(pairs, _ENOUGH) if max(_counts(pairs)[0].values(), default=0) >= _ENOUGH else None,
        exact=share(sum(p.person == p.machine for p in pairs), len(pairs)),
        kappa=_kappa(pairs),
        intervals={
            "micro_f1": interval(pairs, lambda some: _micro(some)["micro_f1"]),
            "macro_f1": interval(pairs, lambda some: _macro(some, 1)),
        },
        per_label=_per_label(pairs),
        reliability=_reliability(given),
        reliability_calibrated=_reliability(calibrated),
        calibration_error=calibration_error(given),
        calibration_error_calibrated=calibration_error(calibrated),
        confusion=_confusion(pairs),
        word_filter=_kept(person, word_filter),
        given=tuple((paper.title, tuple(sorted(pair.machine))) for paper, pair in zip(papers, pairs, strict=True)),
        seconds=round(seconds, 3),
    )


def agreement(a: Sequence[frozenset[str]], b: Sequence[frozenset[str]]) -> float:
    """Cohen's kappa of two labellers of the same papers, over all pairs of a paper and a label either of them ever gives."""
    return _kappa([_Pair(one, other) for one, other in zip(a, b, strict=True)])


def _said(paper: LabelledPaper, taxonomy: Taxonomy, level: Level) -> frozenset[str]:
    field = "coarse" if level == "coarse" and "coarse" in paper.said else "labels"
    return frozenset(_at(label, taxonomy, level) for label in paper.names(field))


def _at(label: str, taxonomy: Taxonomy, level: Level) -> str:
    # "other/sparse retrieval": an annotator's own words for what the taxonomy does not have
    return taxonomy.parent(label) if level == "coarse" or label.startswith("other/") else label


def _counts(pairs: Sequence[_Pair]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    return (
        Counter(x for p in pairs for x in p.person),
        Counter(x for p in pairs for x in p.machine),
        Counter(x for p in pairs for x in p.person & p.machine),
    )


def _micro(pairs: Sequence[_Pair]) -> dict[str, float]:
    said, given, right = (sum(counts.values()) for counts in _counts(pairs))
    return {"micro_precision": share(right, given), "micro_recall": share(right, said), "micro_f1": share(2 * right, said + given)}


def _macro(pairs: Sequence[_Pair], least: int) -> float:
    said, given, right = _counts(pairs)
    figures = [2 * right[label] / (said[label] + given[label]) for label in said if said[label] >= least]
    return share(sum(figures), len(figures))


def _per_label(pairs: Sequence[_Pair]) -> dict[str, LabelScore]:
    said, given, right = _counts(pairs)
    return {
        label: LabelScore(
            papers=said[label], given=given[label], right=right[label],
            precision=share(right[label], given[label]) if given[label] else None,
            recall=share(right[label], said[label]) if said[label] else None, f1=share(2 * right[label], said[label] + given[label]),
        )
        for label in sorted({*said, *given}, key=lambda x: (-said[x], x))
    }  # fmt: skip


def _confusion(pairs: Sequence[_Pair]) -> tuple[tuple[str, str, int], ...]:
    counts: Counter[tuple[str, str]] = Counter()
    for person, machine in pairs:
        counts.update((label, label) for label in person & machine)
        missed, wrong = person - machine, machine - person
        counts.update((one, other) for one in missed or {""} for other in wrong or {""} if one or other)
    return tuple((one, other, count) for (one, other), count in sorted(counts.items()))


def _kappa(pairs: Sequence[_Pair]) -> float:
    """Cohen's kappa over all pairs of a paper and a label either of the two ever gives."""
    said, given, right = _counts(pairs)
    cells = len(pairs) * len({*said, *given})
    if not cells:
        return 1.0
    a, b, both = said.total() / cells, given.total() / cells, right.total() / cells
    agreed, chance = 1 - a - b + 2 * both, a * b + (1 - a) * (1 - b)
    return round((agreed - chance) / (1 - chance), 4) if chance < 1 else 1.0


def _told(
    person: Sequence[frozenset[str]], found: Sequence[Sequence[Label]], taxonomy: Taxonomy, level: Level, *, flagged: bool
) -> list[list[Told]]:
    """For each paper the confidence of each label it was given, and whether the person says the same."""
    told = []
    for said, labels in zip(person, found, strict=True):
        best: dict[str, float] = {}
        for one in labels:
            name = _at(one.label, taxonomy, level)
            best[name] = max(best.get(name, 0.0), one.confidence or 0.0)
        told.append([(confidence, name in said) for name, confidence in best.items() if name != "survey" or flagged])
    return told


def _reliability(told: Sequence[Told]) -> tuple[ReliabilityBin, ...]:
    bins = []
    for least, most in pairwise(BINS):
        inside = [(c, right) for c, right in told if least <= c < most or (c == most == 1.0)]
        if inside:
            mean, right = share(sum(c for c, _ in inside), len(inside)), share(sum(right for _, right in inside), len(inside))
            bins.append(ReliabilityBin(least=least, most=most, labels=len(inside), confidence=mean, right=right))
    return tuple(bins)


def _kept(person: Sequence[frozenset[str]], keeps: Sequence[bool] | None) -> WordFilter | None:
    if keeps is None:
        return None
    return WordFilter(kept=sum(keeps), labelled_kept=sum(kept and bool(said) for kept, said in zip(keeps, person, strict=True)))
