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

__all__ = ["READ", "FilterReport", "ScreeningReport", "evaluate_screening", "ranking_report"]

READ = (20, 32, 60, 100, 200, 400)
"""Papers read."""
_WANTED = 0.95


class FilterReport(BaseModel):
    """The word filter: papers kept, chosen papers among them, and found among the first k on average; `area` under its
    ROC curve (one corner)."""

    model_config = ConfigDict(frozen=True)

    kept: int
    found: int
    recall_at: dict[str, float]
    area: float


class ScreeningReport(BaseModel):
    """`recall_at`: chosen papers among the first k. `work_saved` at 95 % recall, over reading in any order
    (WSS@95); `area` under the ROC curve. `intervals` are 95 % bootstrap intervals over the chosen papers: of the share found
    among the first k, of `work_saved` and of `area`. `late` are chosen papers behind the first 100: rank and title;
    `ranks` are the places of all chosen ones."""

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
    ranks: tuple[int, ...]
    ranking: tuple[str, ...]
    seconds: float


def evaluate_screening(papers: Sequence[LabelledPaper], score: Callable[[str, str | None], Screening]) -> ScreeningReport:
    """Rank all papers together by `score`, which sees title and abstract only. Raises DocumentError without `selected`."""
    for paper in papers:
        paper.flag("selected")
    began = time.process_time()
    scored = [score(paper.title, paper.abstract) for paper in papers]
    return ranking_report(papers, scored, seconds=time.process_time() - began)


def ranking_report(papers: Sequence[LabelledPaper], scored: Sequence[Screening], *, seconds: float) -> ScreeningReport:
    """The same for scores that are there already, one a paper; `seconds` is what they cost."""
    chosen = [paper.flag("selected") for paper in papers]
    order = sorted(range(len(papers)), key=lambda n: (-scored[n].score, papers[n].title, n))
    ranks = [rank for rank, n in enumerate(order, 1) if chosen[n]]
    wins = _wins([one.score for one in scored], chosen)
    intervals = {str(k): interval(ranks, lambda some, k=k: sum(rank <= k for rank in some) / len(some)) for k in READ}  # type: ignore[misc]
    intervals["work_saved"] = interval(ranks, lambda some: _work_saved(_read_for_95(some), len(papers)))
    intervals["area"] = interval(wins, lambda some: share(sum(some), len(some)))
    last = _read_for_95(ranks)
    return ScreeningReport(
        n=len(papers),
        positives=len(ranks),
        recall_at={str(k): sum(rank <= k for rank in ranks) for k in READ},
        intervals=intervals,
        read_for_95=last,
        work_saved=_work_saved(last, len(papers)) if ranks else 0.0,
        area=share(sum(wins), len(wins)),
        word_filter=_filter(scored, chosen),
        late=tuple((rank, papers[order[rank - 1]].title) for rank in ranks if rank > 100),
        ranks=tuple(ranks),
        ranking=tuple(papers[n].title for n in order),
        seconds=round(seconds, 3),
    )


def _read_for_95(ranks: Sequence[int]) -> int:
    return sorted(ranks)[max(0, -(-len(ranks) * 95 // 100) - 1)] if ranks else 0


def _work_saved(read: int, papers: int) -> float:
    return round(1 - read / papers - (1 - _WANTED), 4)


def _filter(scored: Sequence[Screening], chosen: Sequence[bool]) -> FilterReport:
    kept = sum(one.filter_hit for one in scored)
    found = sum(one.filter_hit and yes for one, yes in zip(scored, chosen, strict=True))
    others, missed = len(scored) - kept, sum(chosen) - found
    at = {str(k): round(found * share(min(k, kept), kept) + missed * share(max(0, min(k, len(scored)) - kept), others), 2) for k in READ}
    wins = _wins([float(one.filter_hit) for one in scored], chosen)
    return FilterReport(kept=kept, found=found, recall_at=at, area=share(sum(wins), len(wins)))


def _wins(scores: Sequence[float], chosen: Sequence[bool]) -> list[float]:
    """For each chosen paper the share of the others it scores higher than, equal scores counting half; their mean is
    the area under the ROC curve. Empty when all papers are chosen."""
    by_score: dict[float, list[int]] = {}
    for score, yes in zip(scores, chosen, strict=True):
        by_score.setdefault(score, [0, 0])[yes] += 1
    others_in_all = len(chosen) - sum(chosen)
    below, wins = 0, []
    for _, (others, wanted) in sorted(by_score.items()):
        wins += [(below + others / 2) / others_in_all] * wanted if others_in_all else []
        below += others
    return wins
