"""Leave one file out: does a ranker that learned from the other files order a file better than the cues alone?

Each file (a venue, a year) is scored by a ranker trained on all others; then all files are ranked together, once
by the cues and once by what was learned.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from triage.cues import Cues, score_text
from triage.errors import UsageError
from triage.evaluation.labelled import LabelledPaper
from triage.evaluation.screening import ScreeningReport, ranking_report
from triage.models import Screening
from triage.ranking import Example, features

if TYPE_CHECKING:
    from triage.ranking import Ranker

__all__ = ["HeldOut", "LeaveOneOutReport", "leave_one_out"]

_BUDGET = "60"
"""Papers read at which the two orders are compared."""
_LEAST = 2
"""Selected papers that the other files must hold; from one nothing is learned."""


class HeldOut(BaseModel):
    """One file: its papers and chosen ones, those the ranker learned from, and the penalty that was found on them
    (None: there were too few, and the file keeps the order of the cues)."""

    model_config = ConfigDict(frozen=True)

    file: str
    n: int
    positives: int
    learned_from: int
    penalty: float | None


class LeaveOneOutReport(BaseModel):
    """`cues` and `learned` rank the same papers. `better`: more chosen papers among the first 60; `verdict` says it in words."""

    model_config = ConfigDict(frozen=True)

    cues: ScreeningReport
    learned: ScreeningReport
    held_out: tuple[HeldOut, ...]
    better: bool
    verdict: str


def leave_one_out(files: Sequence[tuple[str, Sequence[LabelledPaper]]], cues: Cues) -> LeaveOneOutReport:
    """Train on the `selected` of all files but one, score that one, for each. Papers that were not selected count as not
    chosen: a file is one somebody has read in full.

    Raises UsageError for a single file, DocumentError without `selected`, ImportError without the extra `learn`.
    """
    from triage.ranking.training import fit

    if len(files) < 2:
        raise UsageError("leaving one file out needs two files or more", hint="name each venue's or year's file")
    papers = [paper for _, some in files for paper in some]
    chosen = [paper.flag("selected") for paper in papers]
    began = time.process_time()
    scored = [score_text(paper.title, paper.abstract, cues, most_evidence=0) for paper in papers]
    by_cues = ranking_report(papers, scored, seconds=time.process_time() - began)
    number_of = [number for number, (_, some) in enumerate(files) for _ in some]
    examples = {
        n: Example(f"{n:09}", scored[n].score, features(papers[n].title, papers[n].abstract, cues), chosen[n])
        for n in range(len(papers))
        if scored[n].score > 0
    }
    learned = list(scored)
    held_out = []
    for number, (name, some) in enumerate(files):
        others = [one for n, one in examples.items() if number_of[n] != number]
        enough = sum(one.selected for one in others) >= _LEAST and not all(one.selected for one in others)
        ranker = fit(others) if enough else None
        for n, one in examples.items():
            if ranker and number_of[n] == number:
                learned[n] = _corrected(scored[n], ranker, one)
        positives = sum(yes for n, yes in enumerate(chosen) if number_of[n] == number)
        held_out.append(
            HeldOut(
                file=name,
                n=len(some),
                positives=positives,
                learned_from=sum(chosen) - positives,
                penalty=ranker.penalty if ranker else None,
            )
        )
    by_decisions = ranking_report(papers, learned, seconds=time.process_time() - began)
    better = by_decisions.recall_at[_BUDGET] > by_cues.recall_at[_BUDGET]
    return LeaveOneOutReport(
        cues=by_cues, learned=by_decisions, held_out=tuple(held_out), better=better, verdict=_verdict(by_cues, by_decisions, better)
    )


def _corrected(screening: Screening, ranker: Ranker, one: Example) -> Screening:
    return screening.model_copy(update={"score": ranker.score(screening.score, one.features)})


def _verdict(cues: ScreeningReport, learned: ScreeningReport, better: bool) -> str:
    found = f"{learned.recall_at[_BUDGET]} of {learned.positives} chosen in the first {_BUDGET} by what was learned, {cues.recall_at[_BUDGET]} by the cues"
    return (
        f"{found}: learning helps here"
        if better
        else f"{found}: learning does not find more here, and the order of the cues stays the default"
    )
