"""Confidence that means what it says: Platt's two numbers, fitted on labels a person has confirmed or not.

    calibration = fit([(0.9, True), (0.6, False), ...])
    calibration.apply(0.9)              # how often labels of this confidence are right

Log-odds of being right = intercept + slope * log-odds of the confidence given. What is believed beforehand is that
the confidence is right as it stands (0 and 1), so a few labels change little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

from triage.logistic import logistic, most_likely
from triage.models import Frozen

__all__ = ["BINS", "Calibration", "calibration_error", "cross_validated", "fit"]

BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Ends of the rows of a reliability table; finer where most labels are."""
_SUREST = 0.001
_INTERCEPT, _SLOPE = NormalDist(0, 1), NormalDist(1, 0.5)
_FOLDS = 5

Told = tuple[float, bool]
"""A confidence, and whether the label was right."""


class Calibration(Frozen):
    """Two numbers that turn a given confidence into a calibrated one; 0 and 1 leave it as it is."""

    intercept: float = 0.0
    slope: float = 1.0

    def apply(self, confidence: float) -> float:
        """0..1, to four digits; rises with `confidence` as long as the slope is positive."""
        return round(logistic(self.intercept + self.slope * _log_odds(confidence)), 4)


def _log_odds(confidence: float) -> float:
    inside = min(max(confidence, _SUREST), 1 - _SUREST)
    return math.log(inside / (1 - inside))


def fit(told: Sequence[Told]) -> Calibration:
    """The likeliest calibration; with nothing told, none."""
    line = most_likely([(_log_odds(c), float(right), float(not right)) for c, right in told], intercept=_INTERCEPT, slope=_SLOPE)
    return Calibration(intercept=round(line.intercept, 4), slope=round(line.slope, 4))


def cross_validated(told: Sequence[Sequence[Told]]) -> list[Told]:
    """Every label with the confidence a calibration gives it that has not seen its paper; one inner sequence a paper."""
    calibrations = [fit([one for place, labels in enumerate(told) if place % _FOLDS != fold for one in labels]) for fold in range(_FOLDS)]
    return [(calibrations[number % _FOLDS].apply(c), right) for number, labels in enumerate(told) for c, right in labels]


def calibration_error(told: Sequence[Told]) -> float:
    """Expected calibration error: over the rows of a reliability table, how far mean confidence and share right are
    apart, weighted by the labels in them. 0 for no labels."""
    total = 0.0
    for least, most in pairwise(BINS):
        inside = [(c, right) for c, right in told if least <= c < most or c == most == 1.0]
        total += abs(sum(c for c, _ in inside) - sum(right for _, right in inside))
    return round(total / len(told), 4) if told else 0.0
