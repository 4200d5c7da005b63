"""How far the reading is: how many likely papers are left unread, with the estimate's error, and whether one may stop.

    progress = reading_progress(con)        # con: the warehouse or the readers' snapshot

A model-based estimate as in survey sampling (Yang, Lewis and Frieder 2021, "Heuristic stopping rules for
technology-assisted review": Quant and its interval): what a person selected among the works they judged gives the
chance of selection at each screening score, and the chances of all unread works add up. Two parameters, so a few
dozen decisions are enough; their uncertainty is part of the interval.

It rests on the cues' score even where a learned ranker orders the queue: the ranker has seen the decisions, and
would look surer of them than of anything unread. What the cues cannot see at all, the estimate does not see either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from triage.logistic import log_belief, logistic, most_likely
from triage.models import Frozen
from triage.ranking.ranker import log_odds

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["ENOUGH", "Judged", "ReadingProgress", "estimate", "keep_progress", "reading_progress"]

ENOUGH = 10
"""Selected works, and others, from which on a person's own rates count; a list of ticks alone has no rate."""
_WANTED = 0.95
"""Share of all likely papers that must be found before one may stop, even if as many are left as the interval allows."""
_TAIL = 0.025

_INTERCEPT = NormalDist(-2.0, 1.5)
_SLOPE = NormalDist(2.5, 1.2)
"""What is believed before anything is judged: log-odds of selection = intercept + slope * log-odds of the screening
score. From AAAI, EMNLP and ICCV 2023 in full (6,280 papers, 15 selected: -2.03 and 2.96, standard errors .34 and .61),
wider because persons differ, and less steep because a steep curve promises more than it knows about low scores."""


class Judged(NamedTuple):
    """Works with about one screening score: how many were selected, how many not (some count half), how many are unread."""

    score: float
    selected: float
    others: float
    unread: int


class ReadingProgress(Frozen):
    """`found` works are selected, `unread` are not judged; of those about `likely_left` would be selected, with 95 %
    certainty between `likely_left_low` and `likely_left_high`. `may_stop` when even at the upper end 95 % are found.
    `basis` says in words what this rests on."""

    found: int
    unread: int
    likely_left: float
    likely_left_low: int
    likely_left_high: int
    may_stop: bool
    basis: str


def reading_progress(con: duckdb.DuckDBPyConnection) -> ReadingProgress:
    """The state of the reading by the decisions and scores in the warehouse that `con` is open on."""
    rows = con.execute(
        "SELECT round(w.screening_score, 2) AS score, count(*) FILTER (j.selected),"
        " coalesce(sum(j.weight) FILTER (NOT j.selected), 0), count(*) FILTER (j.work_id IS NULL AND w.decision IS NULL)"
        " FROM store.standing w LEFT JOIN store.judged j USING (work_id) WHERE w.screening_score IS NOT NULL GROUP BY score ORDER BY score"
    ).fetchall()
    return estimate([Judged(*row) for row in rows])


def keep_progress(run: Run) -> None:
    """Write it down for the view `reading_progress`, when it changed."""
    with run.warehouse.burst() as con:
        now = tuple(reading_progress(con).model_dump().values())
        before = con.execute(
            "SELECT found, unread, likely_left, likely_left_low, likely_left_high, may_stop, basis FROM store.reading_progress"
        ).fetchall()
        if before != [now]:
            con.execute("DELETE FROM store.reading_progress")
            con.execute("INSERT INTO store.reading_progress VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*now, run.id, run.now()])


def estimate(judged: Sequence[Judged]) -> ReadingProgress:
    """The same from counts by score, each score once."""
    found, others = round(sum(one.selected for one in judged)), sum(one.others for one in judged)
    unread = sum(one.unread for one in judged)
    own = found >= ENOUGH and others >= ENOUGH
    believed = _posterior(judged if own else ())
    left = [(weight, sum(one.unread * logistic(a + b * log_odds(one.score)) for one in judged)) for weight, a, b in believed]
    high = _quantile(left, 1 - _TAIL)
    return ReadingProgress(
        found=found,
        unread=unread,
        likely_left=round(sum(weight * mean for weight, mean in left), 1),
        likely_left_low=_quantile(left, _TAIL),
        likely_left_high=high,
        may_stop=unread == 0 or (own and found >= _WANTED * (found + high)),
        basis=_basis(found, others, own=own),
    )


def _basis(found: int, others: float, *, own: bool) -> str:
    said = f"{found} selected and {others:g} other judged works"
    if own:
        return f"your own rate of selection at each screening score ({said})"
    return f"the rate of selection found on three venues: {said} are too few to know yours ({ENOUGH} of each are needed)"


_Believed = list[tuple[float, float, float]]
_STEPS = 6  # on each side of the best value
_REACH = 3.5  # standard deviations


def _posterior(judged: Sequence[Judged]) -> _Believed:
    """(weight, intercept, slope) on a grid round the most likely pair, along the axes in which the two are independent."""
    seen = [(log_odds(one.score), one.selected, one.others) for one in judged if one.selected or one.others]
    a, b, (aa, ab, bb) = most_likely(seen, intercept=_INTERCEPT, slope=_SLOPE)
    # Cholesky factor of the covariance: steps of one standard deviation
    determinant = aa * bb - ab * ab
    first = math.sqrt(bb / determinant)
    across, second = -ab / determinant / first, math.sqrt(1 / bb)
    grid = []
    for i in range(-_STEPS, _STEPS + 1):
        for j in range(-_STEPS, _STEPS + 1):
            u, v = _REACH * i / _STEPS, _REACH * j / _STEPS
            place = (a + first * u, b + across * u + second * v)
            grid.append((log_belief(*place, seen, intercept=_INTERCEPT, slope=_SLOPE), *place))
    best = max(one[0] for one in grid)
    weights = [math.exp(one[0] - best) for one in grid]
    whole = sum(weights)
    return [(weight / whole, one[1], one[2]) for weight, one in zip(weights, grid, strict=True)]


def _quantile(left: Sequence[tuple[float, float]], share: float) -> int:
    """The least count that is not exceeded with this probability; counts are Poisson round each mean."""
    low, high = -1, 1
    while _at_most(left, high) < share:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _at_most(left, middle) >= share else (middle, high)
    return high


_EXACT = 50
"""Means up to which Poisson probabilities are added up; a normal curve is as good beyond."""


def _at_most(left: Sequence[tuple[float, float]], count: int) -> float:
    return sum(weight * _poisson_at_most(mean, count) for weight, mean in left)


def _poisson_at_most(mean: float, count: int) -> float:
    if count < 0:
        return 0.0
    if mean > _EXACT:
        return NormalDist(mean, math.sqrt(mean)).cdf(count + 0.5)
    term = total = math.exp(-mean)
    for k in range(1, count + 1):
        term *= mean / k
        total += term
        if term < 1e-12 and k > mean:
            break
    return min(total, 1.0)
