"""Training the ranker. The only module that needs the optional extra `learn`; import it when it is needed.

Logistic regression with the log-odds of the cue score as a fixed offset and a quadratic penalty on all weights:
the prior is the order of the cues, and decisions move it as far as they agree. Deterministic: fixed seeds, no
threads, and the same examples in any order give the same coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.feature_extraction import DictVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from triage.ranking.ranker import Example, Figures, Ranker, Trained, log_odds

__all__ = ["SURE", "fit", "train"]

SURE = 0.9
"""Share of resamples in which the ranker must order better than the cues to be used."""
_PENALTIES = (3.0, 10.0, 30.0, 100.0)
"""Tried by cross-validation, the loosest first; beyond the last one hardly anything moves."""
_FOLDS, _INNER_FOLDS, _REPEATS = 5, 3, 2
_RESAMPLES = 500
_SEED = 2023
_LEAST_OCCURRENCES = 2
"""Examples a feature must occur in; what stands in one paper says nothing about others."""
_LEAST_WEIGHT = 1e-4

Array = Any
"""A numpy array or scipy matrix; the libraries ship no complete types."""


class _Table:
    """Examples as a sparse matrix with offsets, labels and weights, in the order of their ids."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = sorted(examples, key=lambda one: one.work_id)
        counts: dict[str, int] = {}
        for one in self.examples:
            for name in one.features:
                counts[name] = counts.get(name, 0) + 1
        kept = [{n: v for n, v in one.features.items() if counts[n] >= _LEAST_OCCURRENCES} for one in self.examples]
        vectorizer = DictVectorizer()
        self.matrix = vectorizer.fit_transform([one or {"": 0.0} for one in kept]).tocsr()
        self.names = [str(name) for name in vectorizer.get_feature_names_out()]
        self.offset = np.array([log_odds(one.screening) for one in self.examples])
        self.selected = np.array([float(one.selected) for one in self.examples])
        self.weight = np.array([one.weight for one in self.examples])


def train(examples: Sequence[Example]) -> Trained:
    """Fit on all examples and cross-validate. At least `_FOLDS` examples of each kind are needed; callers ask for more."""
    with threadpool_limits(1):  # the matrices are small: more threads only wait for each other
        table = _Table(examples)
        figures = _figures(table)
        return Trained(_fitted(table), figures, used=figures.better >= SURE)


def fit(examples: Sequence[Example]) -> Ranker:
    """Fit on all examples without cross-validating the result (the penalty is still chosen so)."""
    with threadpool_limits(1):
        return _fitted(_Table(examples))


def _fitted(table: _Table) -> Ranker:
    everything = np.arange(len(table.examples))
    penalty = _best_penalty(table, everything)
    weights = _solve(table, everything, penalty)
    kept = {name: round(float(w), 6) for name, w in zip(table.names, weights, strict=True) if abs(w) >= _LEAST_WEIGHT}
    shift = float(np.average(table.matrix @ weights, weights=table.weight))
    return Ranker(penalty=penalty, shift=round(shift, 6), weights=dict(sorted(kept.items())))


def _solve(table: _Table, rows: Array, penalty: float) -> Array:
    """The weights that minimise the penalised log-loss; the intercept is free and not part of the ranker."""
    matrix, offset, selected, weight = table.matrix[rows], table.offset[rows], table.selected[rows], table.weight[rows]

    def loss(unknown: Array) -> tuple[float, Array]:
        w, intercept = unknown[:-1], unknown[-1]
        z = offset + matrix @ w + intercept
        off = weight * (1 / (1 + np.exp(-z)) - selected)
        value = weight @ (np.logaddexp(0, z) - selected * z) + penalty / 2 * (w @ w)
        return float(value), np.append(matrix.T @ off + penalty * w, off.sum())

    return minimize(loss, np.zeros(matrix.shape[1] + 1), jac=True, method="L-BFGS-B").x[:-1]


def _best_penalty(table: _Table, rows: Array) -> float:
    """The penalty under which held-out works are ordered best; of equals the strictest."""
    folds = min(_INNER_FOLDS, int(table.selected[rows].sum()), int((1 - table.selected[rows]).sum()))
    if folds < 2:
        return _PENALTIES[-1]
    found = []
    for penalty in reversed(_PENALTIES):
        held_out = _held_out(table, rows, folds, 0, penalty)
        found.append((_precision(table.selected[rows], held_out, table.weight[rows]), penalty))
    return max(found, key=lambda one: one[0])[1]


def _held_out(table: _Table, rows: Array, folds: int, repeat: int, penalty: float | None) -> Array:
    """Corrected log-odds of each row by a ranker trained on the other folds; penalty None: chosen on those folds."""
    scores = np.zeros(len(rows))
    splits = StratifiedKFold(folds, shuffle=True, random_state=_SEED + repeat)
    for learnt, held in splits.split(rows, table.selected[rows]):
        chosen = penalty or _best_penalty(table, rows[learnt])
        scores[held] = table.offset[rows[held]] + table.matrix[rows[held]] @ _solve(table, rows[learnt], chosen)
    return scores


def _precision(selected: Array, scores: Array, weight: Array) -> float:
    """Average precision, weighted; equal scores count as read together. (scikit-learn's takes fifty times as long,
    and a thousand of them are needed for one interval.)"""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    found = np.cumsum((selected * weight)[order])[ends]
    read = np.cumsum(weight[order])[ends]
    return float(np.sum(np.diff(np.append(0.0, found)) * found / read) / found[-1])


def _figures(table: _Table) -> Figures:
    rows = np.arange(len(table.examples))
    held_out = np.mean([_held_out(table, rows, _FOLDS, repeat, None) for repeat in range(_REPEATS)], axis=0)
    selected, weight = table.selected, table.weight
    draw = np.random.default_rng(_SEED)
    wins = 0.0
    for _ in range(_RESAMPLES):
        some = draw.integers(0, len(rows), len(rows))
        if selected[some].any():
            learnt = _precision(selected[some], held_out[some], weight[some])
            cues = _precision(selected[some], table.offset[some], weight[some])
            wins += (learnt > cues) + (learnt == cues) / 2
    return Figures(
        selected=int(selected.sum()),
        rejected=sum(not one.selected and one.weight == 1 for one in table.examples),
        passed_over=sum(not one.selected and one.weight < 1 for one in table.examples),
        folds=_FOLDS,
        cue_precision=round(_precision(selected, table.offset, weight), 4),
        cue_area=round(float(roc_auc_score(selected, table.offset, sample_weight=weight)), 4),
        precision=round(_precision(selected, held_out, weight), 4),
        area=round(float(roc_auc_score(selected, held_out, sample_weight=weight)), 4),
        better=round(wins / _RESAMPLES, 4),
    )
