"""Works -> claims: the efficiency figures of selected works and proposals as rows, read by rules. What a language
model reads comes with its labels (triage/labelling/opinions.py) and stands beside them.

Read again only when the text or the rules changed. A work without any figure has one row without a metric, so
that it is known to have been read; the view `claims` leaves such rows out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from triage.claims import find_claims
from triage.runs import StepReport
from triage.warehouse import stage

if TYPE_CHECKING:
    from triage.runs import Run

__all__ = ["claim"]

_VERSION = "claims-2"
"""Raised when the rules change, so that claims are read anew."""
_SHAPE: dict[str, Any] = {
    "work_id": "VARCHAR", "metric": "VARCHAR", "value": "DOUBLE", "unit": "VARCHAR", "direction": "VARCHAR", "against": "VARCHAR",
    "quote": "VARCHAR", "basis": "VARCHAR",
}  # fmt: skip


def claim(run: Run, works: Sequence[str] | None = None) -> StepReport:
    """Read the claims of what is due, or of the named works. `new` were read now, `known` had not changed."""
    with run.warehouse.burst() as con:
        wanted = con.execute(
            "SELECT w.work_id, w.title, w.abstract, w.text_hash, c.basis IS NOT DISTINCT FROM w.text_hash || $version || w.work_id"
            " FROM store.work w JOIN store.standing v USING (work_id)"
            # works that were merged since have two bases, and their claims stand side by side
            " LEFT JOIN (SELECT work_id, CASE WHEN count(DISTINCT basis) = 1 THEN min(basis) END AS basis FROM store.claim"
            " WHERE producer = 'lexical' GROUP BY work_id) c"
            " USING (work_id)"
            " WHERE CASE WHEN $works IS NULL THEN v.decision = 'selected' OR (v.proposed AND v.decision IS NULL)"
            " ELSE list_contains($works, w.work_id) END ORDER BY w.work_id",
            {"version": _VERSION, "works": None if works is None else list(works)},
        ).fetchall()
    due = [row for row in wanted if works is not None or not row[4]]
    run.progress.step("claim", len(due))
    rows: list[dict[str, Any]] = []
    found = 0
    for work_id, title, abstract, text_hash, _ in due:
        claims = [one.model_dump() for one in find_claims(title, abstract)]
        found += len(claims)
        rows += [{"work_id": work_id, "basis": text_hash + _VERSION + work_id, **one} for one in claims or [{}]]
        run.progress.advance()
    _store(run, rows)
    return run.add(StepReport(step="claim", read=len(wanted), new=len(due), known=len(wanted) - len(due), counts={"claims": found}))


def _store(run: Run, rows: Sequence[dict[str, Any]]) -> None:
    with run.warehouse.burst() as con:
        stage(con, "new_claim", rows, _SHAPE)
        con.execute(
            "DELETE FROM store.claim WHERE (producer = 'lexical' AND work_id IN (SELECT work_id FROM new_claim))"
            " OR work_id NOT IN (SELECT work_id FROM store.work)"
        )
        con.execute(
            "INSERT INTO store.claim (work_id, metric, value, unit, direction, against, quote, producer, basis, run_id, made_at)"
            " SELECT work_id, metric, value, unit, direction, against, quote, 'lexical', basis, ?, ? FROM new_claim",
            [run.id, run.now()],
        )
