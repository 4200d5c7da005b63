"""A ranking against what was chosen: what a person finds who reads the first so many papers.

The curator's own word filter is the baseline: whoever reads what it keeps, in any order, finds so many of the
chosen among the first k, on average.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from triage.evaluation.intervals import interval, share
from triage.evaluation.labelled import LabelledPaper
from triage.models import Screening

__all__ = ["READ", "FilterReport", "ScreeningReport", "evaluate_screening"]

READ = (20, 32, 60, 100, 200, 400)
"""Papers read."""
_WANTED = 0.95


class FilterReport(BaseModel):
    """The word filter: papers kept, chosen papers among them, and found among the first k on average."""

    model_config = ConfigDict(frozen=True)

    kept: int
    found: int
    recall_at: dict[str, float]


class ScreeningReport(BaseModel):
    """`recall_at`: chosen papers among the first k. `work_saved` at 95 % recall, over reading in any order
    (WSS@95); `area` under the ROC curve. `intervals` are 95 % bootstrap intervals of the share found, over the
    chosen papers. `late` are chosen papers behind the first 100: rank and title."""

    model_config = ConfigDict(frozen=True)

    n: int
    positives: int
    recall_at: dict[str, int]
    intervals: dict[str, tuple[float, float]]
    read_for_95: int
    work_saved: float
    area: float
    word_filter: FilterReport
    late: tuple[tuple[int, str], ...]
    ranking: tuple[str, ...]
    seconds: float


def evaluate_screening(papers: Sequence[LabelledPaper], score: Callable[[str, str | None], Screening]) -> ScreeningReport:
    """Rank all papers together by `score`, which sees title and abstract only. Raises DocumentError without `selected`."""
    chosen = [paper.flag("selected") for paper in papers]
    began = time.process_time()
    scored = [score(paper.title, paper.abstract) for paper in papers]
    seconds = time.process_time() - began
    order = sorted(range(len(papers)), key=lambda n: (-scored[n].score, papers[n].title, n))
    ranks = [rank for rank, n in enumerate(order, 1) if chosen[n]]
    last = ranks[max(0, -(-len(ranks) * 95 // 100) - 1)] if ranks else 0
    return ScreeningReport(
        n=len(papers),
        positives=len(ranks),
        recall_at={str(k): sum(rank <= k for rank in ranks) for k in READ},
        intervals={str(k): interval(ranks, lambda some, k=k: sum(rank <= k for rank in some) / len(some)) for k in READ},  # type: ignore[misc]
        read_for_95=last,
        work_saved=round(1 - last / len(papers) - (1 - _WANTED), 4) if ranks else 0.0,
        area=_area([one.score for one in scored], chosen),
        word_filter=_filter(scored, chosen),
        late=tuple((rank, papers[order[rank - 1]].title) for rank in ranks if rank > 100),
        ranking=tuple(papers[n].title for n in order),
        seconds=round(seconds, 3),
    )


def _filter(scored: Sequence[Screening], chosen: Sequence[bool]) -> FilterReport:
    kept = sum(one.filter_hit for one in scored)
    found = sum(one.filter_hit and yes for one, yes in zip(scored, chosen, strict=True))
    others, missed = len(scored) - kept, sum(chosen) - found
    at = {str(k): round(found * share(min(k, kept), kept) + missed * share(max(0, min(k, len(scored)) - kept), others), 2) for k in READ}
    return FilterReport(kept=kept, found=found, recall_at=at)


def _area(scores: Sequence[float], chosen: Sequence[bool]) -> float:
    """How often a chosen paper scores higher than another one; equal scores count half."""
    by_score: dict[float, list[int]] = {}
    for score, yes in zip(scores, chosen, strict=True):
        by_score.setdefault(score, [0, 0])[yes] += 1
    below, wins = 0, 0.0
    for _, (others, wanted) in sorted(by_score.items()):
        wins += wanted * (below + others / 2)
        below += others
    return share(wins, below * sum(chosen))
