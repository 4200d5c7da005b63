"""Drift: when what a feed gives of a day is so much less than it should be that the site, not the day, is to blame.

A venue's year has its own measure (`editions.Reading`): the richest reading so far. A feed's day has none before it was
read, so it is held against its own earlier reading, against the usual count of such days and against what was refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from statistics import median

__all__ = ["DOUBTED", "LEAST_WHOLE", "usual_count", "why_doubted"]

DOUBTED = "needs attention"

LEAST_WHOLE = 0.95
"""Share of the papers, of those declared as of those there were last time, below which an answer needs attention."""

LEAST_USUAL = 0.25
"""Share of the usual count below which a day is doubted; the shortest holiday weeks of the recorded years stay above it."""

USUAL_DAYS = 10
"""How many of the last days make the usual count; fewer than half of them make none."""

LARGE_ENOUGH = 20
"""Usual count below which days differ too much to tell: Hugging Face's had 1 to 50 papers, with a median of 15."""

CONFIRMED = timedelta(hours=12)
"""A day that still gives the same after so long is believed: it was small, and was reported once."""


def usual_count(day: date, counts: Mapping[date, int | None]) -> float | None:
    """The median of the last days of that kind (weekday or weekend) that had papers; None when there are too few of them."""
    weekend = day.weekday() >= 5
    same = [count for one, count in sorted(counts.items()) if count and (one.weekday() >= 5) == weekend and one < day]
    return median(same[-USUAL_DAYS:]) if len(same) >= USUAL_DAYS // 2 else None


def why_doubted(
    came: int, refused: int, before: tuple[int | None, str | None, datetime | None] | None, usual: float | None, *, now: datetime
) -> str | None:
    """Why a day's answer is not believed, or None. `before` is (papers, kind of nothing, read at) of its earlier reading."""
    papers, nothing, read_at = before or (None, None, None)
    if nothing == DOUBTED and read_at is not None and now - read_at >= CONFIRMED:
        return None
    if came + 1 < LEAST_WHOLE * (came + refused):  # a single broken paper is told by itself
        return f"{refused} of {came + refused} papers could not be read"
    if papers and came < LEAST_WHOLE * papers - 1:  # one that was taken back is no drift
        return f"{came} papers where there were {papers}"
    if came and usual is not None and usual >= LARGE_ENOUGH and came < LEAST_USUAL * usual:
        return f"{came} papers where {usual:.0f} are usual"
    return None
