"""Claims against annotated ones: right when the family of the metric, the value and the unit are.

Families hold metrics that annotators give for one another: how long something takes (speed-up, latency,
throughput, training cost: "trains 2x faster" is both the first and the last), parameters (all, or the trained
ones), and room (memory, storage). `exact_metric` counts without families.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from triage.claims import normalised
from triage.errors import DocumentError
from triage.evaluation.intervals import interval, share
from triage.evaluation.labelled import LabelledPaper
from triage.models import Claim

__all__ = ["ClaimsReport", "evaluate_claims"]

_FAMILIES = {
    "speedup": "time", "latency": "time", "throughput": "time", "training-cost": "time", "params": "parameters",
    "trainable-params": "parameters", "memory": "room", "storage": "room",
}  # fmt: skip
_NEAR = 1e-3
"""Relative difference up to which two values are one: they were rounded, or multiplied by a unit."""


class ClaimsReport(BaseModel):
    """`n` papers with `claims` claims by the annotators; `found` by the machine, of which `right`. `missed` and
    `wrong` tell title, metric, value and unit."""

    model_config = ConfigDict(frozen=True)

    n: int
    claims: int
    found: int
    right: int
    exact_metric: int
    precision: float
    recall: float
    f1: float
    intervals: dict[str, tuple[float, float]]
    word_filter: dict[str, int] | None
    missed: tuple[tuple[str, str, float, str], ...]
    wrong: tuple[tuple[str, str, float, str], ...]
    seconds: float


class _Figure(NamedTuple):
    metric: str
    value: float
    unit: str

    def same(self, other: _Figure) -> bool:
        if _FAMILIES.get(self.metric, self.metric) != _FAMILIES.get(other.metric, other.metric):
            return False
        one, two = (self, other) if "speedup" not in {self.metric, other.metric} else (self.as_factor(), other.as_factor())
        return one.unit == two.unit and math.isclose(one.value, two.value, rel_tol=_NEAR)

    def as_factor(self) -> _Figure:
        """ "13 % faster" as a factor, whatever it was filed under."""
        return self._replace(value=1 + self.value / 100, unit="x") if self.unit == "percent" else self


class _Paper(NamedTuple):
    title: str
    said: int
    found: int
    right: int
    exact: int
    missed: tuple[_Figure, ...]
    wrong: tuple[_Figure, ...]


def evaluate_claims(
    papers: Sequence[LabelledPaper], read: Callable[[str, str | None], Sequence[Claim]], *, word_filter: Sequence[bool] | None = None
) -> ClaimsReport:
    """Read claims from title and abstract and compare with the field `claims`. Raises DocumentError for a malformed one."""
    said = [[_figure(one, paper.where) for one in paper.objects("claims")] for paper in papers]
    began = time.process_time()
    found = [read(paper.title, paper.abstract) for paper in papers]
    seconds = time.process_time() - began
    scored = [
        _compared(paper.title, figures, [_Figure(c.metric, *normalised(c.metric, c.value, c.unit)) for c in claims])
        for paper, figures, claims in zip(papers, said, found, strict=True)
    ]
    kept = None if word_filter is None else {
        "kept": sum(word_filter), "claims": sum(one.said for one, keeps in zip(scored, word_filter, strict=True) if keeps),
    }  # fmt: skip
    return ClaimsReport(
        n=len(papers),
        claims=sum(one.said for one in scored),
        found=sum(one.found for one in scored),
        right=sum(one.right for one in scored),
        exact_metric=sum(one.exact for one in scored),
        precision=_precision(scored),
        recall=_recall(scored),
        f1=share(2 * sum(one.right for one in scored), sum(one.found + one.said for one in scored)),
        intervals={"precision": interval(scored, _precision), "recall": interval(scored, _recall)},
        word_filter=kept,
        missed=tuple((one.title, *figure) for one in scored for figure in one.missed),
        wrong=tuple((one.title, *figure) for one in scored for figure in one.wrong),
        seconds=round(seconds, 3),
    )


def _figure(said: Mapping[str, Any], where: str) -> _Figure:
    metric, value, unit = said.get("metric"), said.get("value"), said.get("unit", "")
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not isinstance(metric, str) or not isinstance(unit, str) or not math.isfinite(number):
        raise DocumentError(
            f"{where}: a claim needs a metric, a number as value, and a unit", hint='such as {"metric": "speedup", "value": 2, "unit": "x"}'
        )
    return _Figure(metric, *normalised(metric, number, unit))


def _compared(title: str, said: Sequence[_Figure], found: Sequence[_Figure]) -> _Paper:
    """Each annotated claim goes with one found at most, one of the very metric first."""
    left, wrong, exact = list(said), [], 0
    for figure in found:
        match = next((one for one in left if one.same(figure) and one.metric == figure.metric), None)
        match = match or next((one for one in left if one.same(figure)), None)
        if match is None:
            wrong.append(figure)
        else:
            exact += match.metric == figure.metric
            left.remove(match)
    return _Paper(title, len(said), len(found), len(found) - len(wrong), exact, tuple(left), tuple(wrong))


def _precision(papers: Sequence[_Paper]) -> float:
    return share(sum(one.right for one in papers), sum(one.found for one in papers))


def _recall(papers: Sequence[_Paper]) -> float:
    return share(sum(one.right for one in papers), sum(one.said for one in papers))
