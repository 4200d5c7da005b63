"""Logistic regression on one number: two parameters with what is believed about them beforehand.

    line = most_likely([(-1.0, 3, 17), (0.5, 12, 8)], intercept=NormalDist(0, 1), slope=NormalDist(1, 0.5))
    line.chance(0.5)

`seen` are triples (x, yes, no): at `x` so many said yes and so many no; counts may be fractions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

__all__ = ["Line", "Seen", "log_belief", "logistic", "most_likely"]

Seen = tuple[float, float, float]

_FAR = 700.0  # exp overflows beyond


def logistic(z: float) -> float:
    """1 / (1 + exp(-z)), for any z."""
    return 1 / (1 + math.exp(-max(-_FAR, min(_FAR, z))))


class Line(NamedTuple):
    """log-odds = intercept + slope * x; `precision` is the curvature there (aa, ab, bb), the inverse of the covariance."""

    intercept: float
    slope: float
    precision: tuple[float, float, float]

    def chance(self, x: float) -> float:
        return logistic(self.intercept + self.slope * x)


def log_belief(a: float, b: float, seen: Sequence[Seen], *, intercept: NormalDist, slope: NormalDist) -> float:
    """Log-posterior of intercept `a` and slope `b`, up to a constant."""
    total = -(((a - intercept.mean) / intercept.stdev) ** 2 + ((b - slope.mean) / slope.stdev) ** 2) / 2
    for x, yes, no in seen:
        z = a + b * x
        total -= yes * _softplus(-z) + no * _softplus(z)
    return total


def most_likely(seen: Sequence[Seen], *, intercept: NormalDist, slope: NormalDist) -> Line:
    """The posterior's maximum, by Newton's method: it is concave, and halved steps keep from overshooting."""
    a, b = intercept.mean, slope.mean
    here = log_belief(a, b, seen, intercept=intercept, slope=slope)
    for _ in range(100):
        (ga, gb), (aa, ab, bb) = _slopes(a, b, seen, intercept, slope)
        determinant = aa * bb - ab * ab
        da, db = (bb * ga - ab * gb) / determinant, (aa * gb - ab * ga) / determinant
        share = 1.0
        while share > 1e-6 and (there := log_belief(a + share * da, b + share * db, seen, intercept=intercept, slope=slope)) < here:
            share /= 2
        a, b, here = a + share * da, b + share * db, there
        if abs(da) + abs(db) < 1e-9:
            break
    return Line(a, b, _slopes(a, b, seen, intercept, slope)[1])


def _softplus(z: float) -> float:
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def _slopes(
    a: float, b: float, seen: Sequence[Seen], intercept: NormalDist, slope: NormalDist
) -> tuple[tuple[float, float], tuple[float, float, float]]:
    """Gradient and (negated) curvature of the log-belief."""
    ga, gb = (intercept.mean - a) / intercept.variance, (slope.mean - b) / slope.variance
    aa, ab, bb = 1 / intercept.variance, 0.0, 1 / slope.variance
    for x, yes, no in seen:
        count = yes + no
        chance = logistic(a + b * x)
        off, spread = yes - count * chance, count * chance * (1 - chance)
        ga, gb = ga + off, gb + off * x
        aa, ab, bb = aa + spread, ab + spread * x, bb + spread * x * x
    return (ga, gb), (aa, ab, bb)
