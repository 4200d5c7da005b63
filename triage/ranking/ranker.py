"""A trained ranker as data: plain coefficients that JSON holds and nothing has to be run to load."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from triage.models import Frozen

__all__ = ["Example", "Figures", "Ranker", "Trained", "log_odds"]

_SUREST = 0.005
"""Scores nearer to 0 or 1 than this are taken as this far: the cues are never so sure that decisions cannot matter."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


def log_odds(score: float) -> float:
    """Log-odds of a score in 0..1, between -5.3 and 5.3."""
    inside = min(max(score, _SUREST), 1 - _SUREST)
    return math.log(inside / (1 - inside))


@dataclass(frozen=True, slots=True)
class Example:
    """A work a person has judged: its cue score, its features, whether they selected it, and how much that counts."""

    work_id: str
    screening: float
    features: Mapping[str, float]
    selected: bool
    weight: float = 1.0


class Ranker(Frozen):
    """`score` corrects a cue score by the features' weights, in log-odds.

    `shift` is the correction of the average work that was judged; it is taken off, so that the corrected scores stay
    on the scale of the cues and the same threshold serves both.
    """

    form: Literal[1] = 1
    penalty: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    shift: Finite
    weights: dict[str, Finite]

    def score(self, screening: float, found: Mapping[str, float]) -> float:
        """0..1, to six digits; a work without any cue (0) keeps its 0."""
        if screening <= 0:
            return 0.0
        weights = self.weights
        correction = sum(weights[name] * value for name, value in found.items() if name in weights)
        return round(1 / (1 + math.exp(-(log_odds(screening) + correction - self.shift))), 6)

    def strongest(self, most: int = 10) -> tuple[tuple[str, float], ...]:
        """The features that count most for and against, the heaviest first."""
        return tuple(sorted(self.weights.items(), key=lambda one: (-abs(one[1]), one[0]))[:most])


class Figures(Frozen):
    """Cross-validated: every judged work is scored by a ranker that has not seen it, and by the cues.

    `precision` is average precision (the mean share of selected works above each selected one), `area` the area
    under the ROC curve. `better` is the share of bootstrap resamples in which the ranker's average precision is
    higher; it is used from `triage.ranking.training.SURE` on. Where a model for sentence embeddings is configured, both
    `precision_with_vectors` and `precision_without_vectors` are there, and the better one is what is used.
    """

    selected: int
    rejected: int
    passed_over: int
    folds: int
    cue_precision: Finite
    cue_area: Finite
    precision: Finite
    area: Finite
    better: Finite
    precision_with_vectors: Finite | None = None
    precision_without_vectors: Finite | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """A ranker with the figures that say whether to use it."""

    ranker: Ranker
    figures: Figures
    used: bool
