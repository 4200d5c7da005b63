"""Bootstrap intervals: how far a figure may be off because only so many papers were labelled."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["DRAWS", "interval", "share"]

DRAWS = 500
"""Resamples; the ends of a 95 % interval then rest on a dozen of them each."""
_SEED = 2023
_TAIL = 0.025

Item = TypeVar("Item")


def interval(items: Sequence[Item], figure: Callable[[Sequence[Item]], float]) -> tuple[float, float]:
    """The 95 % percentile interval of `figure` over resampled `items`; the same items always give the same interval."""
    if not items:
        return 0.0, 0.0
    draw = random.Random(_SEED)  # noqa: S311  resampling, not a secret
    figures = sorted(figure(draw.choices(items, k=len(items))) for _ in range(DRAWS))
    return round(figures[int(_TAIL * DRAWS)], 4), round(figures[int((1 - _TAIL) * DRAWS) - 1], 4)


def share(part: float, whole: float) -> float:
    """part / whole to four digits, 0 for nothing of nothing."""
    return round(part / whole, 4) if whole else 0.0
