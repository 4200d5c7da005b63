"""Ranking as a step: train when decisions changed, and correct the cue scores where that is proven to help.

    report = rank(run)

What is known of the training set is its hash: as long as decisions, texts, cues and features are the same,
nothing is trained and nothing is scored again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from triage.models import stable_id
from triage.ranking.features import FEATURES_VERSION, features
from triage.ranking.ranker import Example, Figures, Ranker, Trained
from triage.ranking.vectors import HERE, Embedded, centred, embedded
from triage.runs import StepReport
from triage.seeds import workspace_cues
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.cues import Cues
    from triage.runs import Run

__all__ = ["LEAST", "rank"]

LEAST = 10
"""Selected works, and works that were not, needed before anything is trained: two for each of five folds."""

_EXTRA = "pip install 'triage-papers[learn]'"
_EXTRA_PACKAGES = frozenset({"numpy", "scipy", "sklearn", "threadpoolctl"})


class _Judged(NamedTuple):
    work_id: str
    title: str
    abstract: str | None
    text_hash: str
    screening: float
    selected: bool
    weight: float


class _State(NamedTuple):
    """The newest ranker: its model when it is in use, and what to tell the person."""

    ranker_id: str
    ranker: Ranker | None
    reason: str
    new: bool = False


def rank(run: Run, *, again: bool = False) -> StepReport:
    """Train if due (or `again`), and score what the ranker in use has not scored yet.

    `read` are the works that can be ranked (a screening score above 0), when a ranker is in use; else 0.
    """
    run.progress.step("rank")
    cues, version = workspace_cues(run.workspace)
    with run.warehouse.burst() as con:
        judged = [_Judged(*row) for row in con.execute(_JUDGED).fetchall()]
    learns = run.settings.screening.learn and _lacking(*_counts(judged)) is None
    nearby = embedded(run, [one[:3] for one in judged]) if learns else None
    with run.warehouse.burst() as con:
        state = None if again else _known(con, _basis(judged, version, nearby))
    if not run.settings.screening.learn:
        state = _State("", None, "switched off ([screening] learn = false)")
    if state is None:
        state = _trained(run, judged, cues, version, nearby)
    read, new = _score(run, state, cues)
    report = StepReport(
        step="rank",
        read=read,
        new=new,
        known=read - new,
        counts={"judged": len(judged)} if read else {},
        messages=(state.reason,) if state.new else (),
    )
    return run.add(report) if report.read or report.messages else report


_JUDGED = (
    "SELECT j.work_id, w.title, w.abstract, w.text_hash, s.score, j.selected, j.weight FROM store.judged j"
    " JOIN store.work w USING (work_id) JOIN store.screening s USING (work_id) ORDER BY j.work_id"
)


def _basis(judged: Sequence[_Judged], version: str, nearby: Embedded | None) -> str:
    told = [[one.work_id, one.text_hash, one.screening, one.selected, one.weight] for one in judged]
    vectors = [nearby.model, sorted(nearby.vectors)] if nearby else []
    return hashlib.sha256(json.dumps([FEATURES_VERSION, version, told, *vectors]).encode()).hexdigest()


def _known(con: duckdb.DuckDBPyConnection, basis: str) -> _State | None:
    """The newest ranker, if it was trained on this basis and can be read."""
    rows = con.execute("SELECT ranker_id, basis, used, reason, model FROM store.ranker ORDER BY made_at DESC, ranker_id LIMIT 1").fetchall()
    if not rows or rows[0][1] != basis:
        return None
    ranker_id, _, used, reason, model = rows[0]
    try:
        return _State(ranker_id, Ranker.model_validate_json(model) if used else None, reason)
    except ValidationError:
        return None  # written by another version: it is made again


def _counts(judged: Sequence[_Judged]) -> tuple[int, int, int]:
    """How many were selected, rejected and passed over."""
    selected = sum(one.selected for one in judged)
    rejected = sum(not one.selected and one.weight == 1 for one in judged)
    return selected, rejected, len(judged) - selected - rejected


def _trained(run: Run, judged: Sequence[_Judged], cues: Cues, version: str, nearby: Embedded | None) -> _State:
    selected, rejected, passed_over = _counts(judged)
    model: Ranker | None = None
    figures: Figures | None = None
    used = False
    if (reason := _lacking(selected, rejected, passed_over)) is None:
        try:
            from triage.ranking.training import train
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in _EXTRA_PACKAGES:
                raise
            # not kept: it is tried again by the run after the extra is installed
            return _State("", None, f"ordered by the cues: {len(judged)} judged works could train a ranker, which needs {_EXTRA}", new=True)
        trained = _with_vectors(train([_example(one, cues) for one in judged]), judged, cues, nearby)
        model, figures, used = trained.ranker, trained.figures, trained.used
        reason = _verdict(figures, used=used)
    basis = _basis(judged, version, nearby)
    row = {
        "ranker_id": stable_id("k", basis), "basis": basis, "used": used, "reason": reason, "selected": selected, "rejected": rejected,
        "passed_over": passed_over, "model": model and model.model_dump(mode="json"), "figures": figures and figures.model_dump(mode="json", exclude_none=True),
        "run_id": run.id, "made_at": run.now(),
    }  # fmt: skip
    with run.warehouse.burst() as con:
        before = con.execute("SELECT arg_max(reason, made_at) FROM store.ranker").fetchall()[0][0]
        stage(con, "new_ranker", [row], _RANKER)
        con.execute("DELETE FROM store.ranker WHERE ranker_id IN (SELECT ranker_id FROM new_ranker)")
        con.execute("UPDATE store.ranker SET model = NULL")  # older coefficients are of no use; their figures stay
        con.execute("INSERT INTO store.ranker SELECT * FROM new_ranker")
    return _State(str(row["ranker_id"]), model if used else None, reason, new=bool(judged) and reason != before)


def _with_vectors(plain: Trained, judged: Sequence[_Judged], cues: Cues, nearby: Embedded | None) -> Trained:
    """The ranker that sees sentence embeddings too, where cross-validation says that it orders better than `plain`."""
    if nearby is None or not nearby.vectors:
        return plain
    from triage.ranking.training import train

    examples = [_example(one, cues, nearby) for one in judged]
    seeing = train(examples)
    told = {
        "precision_with_vectors": seeing.figures.precision,
        "precision_without_vectors": plain.figures.precision,
    }
    better = seeing.used and seeing.figures.precision > plain.figures.precision
    best = replace(seeing, ranker=centred(seeing.ranker, [one.features for one in examples])) if better else plain
    return replace(best, figures=best.figures.model_copy(update=told))


_RANKER: dict[str, Any] = {
    "ranker_id": "VARCHAR", "basis": "VARCHAR", "used": "BOOLEAN", "reason": "VARCHAR", "selected": "INTEGER", "rejected": "INTEGER",
    "passed_over": "INTEGER", "model": "JSON", "figures": "JSON", "run_id": "VARCHAR", "made_at": "TIMESTAMP",
}  # fmt: skip


def _lacking(selected: int, rejected: int, passed_over: int) -> str | None:
    """What is missing before a ranker can be trained; None when nothing is."""
    other = rejected + passed_over
    lacking = [
        f"{LEAST - count} more {name}" for count, name in ((selected, "selected"), (other, "rejected or passed over")) if count < LEAST
    ]
    return f"ordered by the cues: {' and '.join(lacking)} works are needed to learn from" if lacking else None


def _verdict(figures: Figures, *, used: bool) -> str:
    compared = (
        f"average precision {figures.precision:.2f} against {figures.cue_precision:.2f} of the cues, cross-validated on"
        f" {figures.selected} selected and {figures.rejected + figures.passed_over} other works, better in {figures.better:.0%} of resamples"
    )
    if figures.precision_with_vectors is not None:
        compared += f"; {figures.precision_with_vectors:.2f} with sentence embeddings, {figures.precision_without_vectors:.2f} without"
    return (
        f"ordered by what your decisions taught: {compared}"
        if used
        else f"ordered by the cues, which nothing learned beats for sure: {compared}"
    )


def _example(one: _Judged, cues: Cues, nearby: Embedded | None = None) -> Example:
    found = features(one.title, one.abstract, cues) | (nearby.features(one.work_id) if nearby else {})
    return Example(one.work_id, one.screening, found, one.selected, one.weight)


def _score(run: Run, state: _State, cues: Cues) -> tuple[int, int]:
    """Score what is new to the ranker in use, and forget what others had scored; (works that can be ranked, scored now)."""
    with run.warehouse.burst() as con:
        con.execute("DELETE FROM store.ranking WHERE ranker_id <> ? OR work_id NOT IN (SELECT work_id FROM store.work)", [state.ranker_id])
        if state.ranker is None:
            con.execute("DELETE FROM store.ranking")
            return 0, 0
        rows = con.execute(
            "SELECT w.work_id, w.title, w.abstract, s.score, s.basis, r.basis FROM store.screening s"
            " JOIN store.work w USING (work_id) LEFT JOIN store.ranking r USING (work_id) WHERE s.score > 0 ORDER BY s.score DESC, w.work_id"
        ).fetchall()
    nearby = embedded(run, [row[:3] for row in rows]) if HERE in state.ranker.weights else None
    present = [row[4] + (nearby.basis(row[0]) if nearby else "") for row in rows]
    due = [(row, basis) for row, basis in zip(rows, present, strict=True) if row[5] != basis]
    run.progress.step("rank", len(due))
    scored = []
    for (work_id, title, abstract, score, _, _), basis in due:
        found = features(title, abstract, cues) | (nearby.features(work_id) if nearby else {})
        scored.append({"work_id": work_id, "score": state.ranker.score(score, found), "basis": basis})
        run.progress.advance()
    scored.sort(key=lambda one: str(one["work_id"]))
    with run.warehouse.burst() as con:
        stage(con, "ranked", scored, {"work_id": "VARCHAR", "score": "DOUBLE", "basis": "VARCHAR"})
        con.execute("DELETE FROM store.ranking WHERE work_id IN (SELECT work_id FROM ranked)")
        con.execute("DELETE FROM store.ranking WHERE work_id IN (SELECT work_id FROM store.screening WHERE score <= 0)")
        con.execute("INSERT INTO store.ranking SELECT work_id, score, ?, basis, ?, ? FROM ranked", [state.ranker_id, run.id, run.now()])
    return len(rows), len(due)
