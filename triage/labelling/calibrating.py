"""Confidence corrected by the types a person typed, for each producer, model and prompt by itself.

A label is right when the person typed it for the same work. What a producer had said stays as it was; the view
`labels_current` shows the corrected confidence, and the displayed types follow it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import TYPE_CHECKING, Any

from triage.calibration import calibration_error, cross_validated, fit
from triage.labelling.storing import counting, type_of
from triage.models import Label
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["ENOUGH", "calibrate"]

ENOUGH = 30
"""Labels of works whose type a person typed, at least `_EACH` of them right and `_EACH` wrong; fewer say too little."""
_EACH = 5

Group = tuple[str, str | None, str | None]
Told = list[list[tuple[float, bool]]]

_CALIBRATION: dict[str, Any] = {
    "producer": "VARCHAR", "model": "VARCHAR", "prompt_hash": "VARCHAR", "intercept": "DOUBLE", "slope": "DOUBLE", "labels": "INTEGER",
    "basis": "VARCHAR", "error_before": "DOUBLE", "error_after": "DOUBLE", "used": "BOOLEAN", "run_id": "VARCHAR", "made_at": "TIMESTAMP",
}  # fmt: skip


def calibrate(run: Run, taxonomy: Taxonomy) -> None:
    """Fit what is due and bring the displayed types up to date; nothing is written when no type and no label changed."""
    with run.warehouse.burst() as con:
        groups = _told(con)
        known = {
            (producer, model, prompt): basis
            for producer, model, prompt, basis in con.execute(
                "SELECT producer, model, prompt_hash, basis FROM store.calibration"
            ).fetchall()
        }
        bases = {group: _basis(told) for group, told in groups.items()}
        if known != bases:
            rows = [_fitted(run, group, told, bases[group]) for group, told in groups.items()]
            stage(con, "fitted", rows, _CALIBRATION)
            con.execute("DELETE FROM store.calibration; INSERT INTO store.calibration SELECT * FROM fitted")
        if known or groups:
            _show(con, run, taxonomy)


def _told(con: duckdb.DuckDBPyConnection) -> dict[Group, Told]:
    """For each producer the labels of works with a person's type, work by work: confidence given, and whether it is right.

    `other` is no label the person could confirm, and a person's survey flag goes with any technique.
    """
    rows = con.execute(
        "WITH typed AS (SELECT c.work_id, list(b.label) AS labels FROM store.labelling_current c JOIN store.label b USING (labelling_id)"
        " WHERE c.producer = 'human' GROUP BY c.work_id)"
        " SELECT c.producer, c.model, c.prompt_hash, c.work_id, b.confidence, list_contains(t.labels, b.label)"
        " FROM store.labelling_current c JOIN store.label b USING (labelling_id) JOIN typed t USING (work_id)"
        " WHERE c.producer <> 'human' AND b.confidence IS NOT NULL AND b.label NOT IN ('other', 'survey') ORDER BY ALL NULLS FIRST"
    ).fetchall()
    groups: dict[Group, Told] = {}
    for (producer, model, prompt, _), labels in itertools.groupby(rows, key=lambda row: row[:4]):
        groups.setdefault((producer, model, prompt), []).append([(confidence, right) for *_, confidence, right in labels])
    return {group: told for group, told in groups.items() if _enough(told)}


def _enough(told: Told) -> bool:
    right = sum(yes for labels in told for _, yes in labels)
    count = sum(len(labels) for labels in told)
    return count >= ENOUGH and _EACH <= right <= count - _EACH


def _basis(told: Told) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _fitted(run: Run, group: Group, told: Told, basis: str) -> dict[str, Any]:
    everything = [one for labels in told for one in labels]
    calibration = fit(everything)
    before, after = calibration_error(everything), calibration_error(cross_validated(told))
    # a falling line would turn the producer's order round: then its confidence says nothing, and is left alone
    used = after < before and calibration.slope > 0
    return {
        "producer": group[0], "model": group[1], "prompt_hash": group[2], **calibration.model_dump(), "labels": len(everything), "basis": basis,
        "error_before": before, "error_after": after, "used": used, "run_id": run.id, "made_at": run.now(),
    }  # fmt: skip


def _show(con: duckdb.DuckDBPyConnection, run: Run, taxonomy: Taxonomy) -> None:
    """Displayed types by the confidence as it is now, for the newest labels of every producer."""
    rows = con.execute(
        "SELECT c.labelling_id, c.display, b.label, b.confidence, b.proposed FROM store.labelling_current c"
        " LEFT JOIN store.label_calibrated b USING (labelling_id) WHERE c.producer <> 'human' ORDER BY c.labelling_id, b.position"
    ).fetchall()
    least = run.settings.labels.threshold
    changed = []
    for (labelling_id, display), labels in itertools.groupby(rows, key=lambda row: row[:2]):
        shown = [
            Label(label=label, confidence=confidence, producer="lexical", proposed=proposed)
            for *_, label, confidence, proposed in labels
            if label is not None
        ]
        if (now := type_of(taxonomy, counting(shown, least))) != display:
            changed.append({"labelling_id": labelling_id, "display": now})
    stage(con, "shown_anew", changed, {"labelling_id": "VARCHAR", "display": "VARCHAR"})
    con.execute("UPDATE store.labelling AS l SET display = s.display FROM shown_anew s WHERE l.labelling_id = s.labelling_id")
