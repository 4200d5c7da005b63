"""How many likely papers are left: the estimate's interval holds what it promises, on made persons whose taste is known."""

from __future__ import annotations

import math
import random

import pytest

from tests.desk import Desk, import_all
from triage.ranking import log_odds
from triage.reading import Judged, ReadingProgress, estimate


def reading(seed: int, intercept: float, slope: float, works: int, read: int) -> tuple[ReadingProgress, int, int]:
    """A person who reads the first `read` of made works and selects by chance: the estimate, and what is left and found in truth."""
    chance = random.Random(seed)
    scores = sorted((round(chance.betavariate(0.6, 5), 2) for _ in range(works)), reverse=True)
    selected = [chance.random() < 1 / (1 + math.exp(-(intercept + slope * log_odds(score)))) for score in scores]
    counts: dict[float, list[int]] = {}
    for place, (score, yes) in enumerate(zip(scores, selected, strict=True)):
        counts.setdefault(score, [0, 0, 0])[(0 if yes else 1) if place < read else 2] += 1
    told = estimate([Judged(score, *three) for score, three in sorted(counts.items())])
    return told, sum(selected[read:]), sum(selected[:read])


@pytest.mark.parametrize(("intercept", "slope", "read"), [(-2, 3, 150), (-1, 2, 250), (0.5, 4, 100)])
def test_the_interval_covers_the_truth(intercept: float, slope: float, read: int) -> None:
    outcomes = [reading(seed, intercept, slope, 2000, read) for seed in range(25)]
    covered = sum(told.likely_left_low <= left <= told.likely_left_high for told, left, _ in outcomes)
    assert covered >= 22  # of 25; 95 % is promised
    # and it is no interval that covers everything
    assert sorted(told.likely_left_high for told, _, _ in outcomes)[12] < 100


def test_one_may_stop_when_next_to_nothing_is_left_and_not_before() -> None:
    sure = [(told, left, found) for seed in range(20) for told, left, found in [reading(seed, 0.5, 4, 800, 700)]]
    assert sum(told.may_stop for told, _, _ in sure) >= 15
    assert all(found >= 0.95 * (found + left) for told, left, found in sure if told.may_stop)
    assert not any(reading(seed, 0.5, 4, 800, 40)[0].may_stop for seed in range(5))


def test_more_reading_narrows_it() -> None:
    widths = [reading(3, -1, 2, 2000, read)[0] for read in (60, 200, 600)]
    assert widths[0].likely_left_high - widths[0].likely_left_low > widths[1].likely_left_high - widths[1].likely_left_low
    assert widths[1].likely_left > widths[2].likely_left


@pytest.mark.parametrize(
    "judged", [[], [Judged(0.6, 40, 0, 0)], [Judged(0.6, 9, 50, 0)]], ids=["nothing judged", "ticks only", "nine ticks"]
)
def test_too_few_judged_works_leave_it_at_the_shipped_rate(judged: list[Judged]) -> None:
    told = estimate([*judged, Judged(0.5, 0, 0, 100)])
    assert (told.unread, told.may_stop) == (100, False)
    assert "three venues" in told.basis
    assert "10 of each are needed" in told.basis
    assert told.likely_left_low < told.likely_left < told.likely_left_high


def test_nothing_unread_is_nothing_left() -> None:
    told = estimate([Judged(0.6, 12, 20, 0)])
    assert told.model_dump(exclude={"basis"}) == {
        "found": 12, "unread": 0, "likely_left": 0.0, "likely_left_low": 0, "likely_left_high": 0, "may_stop": True,
    }  # fmt: skip


def test_thousands_of_decisions_and_of_works() -> None:
    told = estimate([Judged(0.3, 50, 950, 100_000), Judged(0.7, 400, 100, 0)])
    assert told.likely_left_low < 5_000 < told.likely_left_high
    assert told.likely_left == pytest.approx(5_000, rel=0.2)


def test_a_run_writes_it_down(desk: Desk) -> None:
    import_all(desk)
    assert desk("run") == 0
    ((found, unread, low, left, high, may_stop, basis),) = desk.rows(
        "SELECT found, unread, likely_left_low, likely_left, likely_left_high, may_stop, basis FROM reading_progress"
    )
    assert (found, unread, may_stop) == (2, 4, False)
    assert low <= left <= high
    assert "2 selected" in basis
