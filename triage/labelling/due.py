"""Labelling what is due: selected works and proposals whose text, cues or taxonomy changed since.

Labels are appended, never overwritten: what a producer had said before stays readable. A person's Type
always wins, whatever is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from triage.decisions import workspace_taxonomy
from triage.labelling import Paper
from triage.labelling.lexical import LexicalLabeller
from triage.models import Label, stable_id
from triage.runs import StepReport
from triage.screening import workspace_cues
from triage.warehouse import stage

if TYPE_CHECKING:
    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["label"]

_LABELLING = dict.fromkeys(("labelling_id", "work_id", "basis", "display"), "VARCHAR")
_LABEL: dict[str, Any] = {
    "labelling_id": "VARCHAR", "position": "INTEGER", "label": "VARCHAR", "confidence": "DOUBLE", "proposed": "VARCHAR",
    "field": "VARCHAR", "span_start": "INTEGER", "span_end": "INTEGER", "quote": "VARCHAR",
}  # fmt: skip


def label(run: Run, works: Sequence[str] | None = None) -> StepReport:
    """Label what is due, or the named works. `new` were labelled now, `known` had not changed."""
    taxonomy = workspace_taxonomy(run.workspace)
    cues, cues_version = workspace_cues(run.workspace)
    version = f"{taxonomy.version}/{cues_version}"
    with run.warehouse.burst() as con:
        wanted = con.execute(
            "SELECT w.work_id, w.title, w.abstract, w.text_hash, l.basis IS NOT DISTINCT FROM w.text_hash || $version"
            " FROM store.work w JOIN main.works v USING (work_id)"
            " LEFT JOIN (SELECT work_id, basis FROM store.labelling_current WHERE producer = 'lexical') l USING (work_id)"
            " WHERE CASE WHEN $works IS NULL THEN v.decision = 'selected' OR (v.proposed AND v.decision IS NULL)"
            " ELSE list_contains($works, w.work_id) END ORDER BY w.work_id",
            {"version": version, "works": None if works is None else list(works)},
        ).fetchall()
    due = [row for row in wanted if works is not None or not row[4]]
    run.progress.step("label", len(due))
    papers = [Paper(work_id, title, abstract) for work_id, title, abstract, _, _ in due]
    found = LexicalLabeller(cues, taxonomy).label(papers)
    hashes = {row[0]: row[3] + version for row in due}
    _store(run, taxonomy, {paper.work_id: labels for paper, labels in zip(papers, found, strict=True)}, hashes)
    return run.add(StepReport(step="label", read=len(wanted), new=len(due), known=len(wanted) - len(due)))


def _store(run: Run, taxonomy: Taxonomy, found: dict[str, tuple[Label, ...]], basis: dict[str, str]) -> None:
    least = run.settings.labels.threshold
    labellings, rows = [], []
    for work_id, labels in found.items():
        labelling_id = stable_id("l", run.id, "lexical", work_id)
        shown = [x for x in labels if x.confidence is None or x.confidence >= least]
        labellings.append({"labelling_id": labelling_id, "work_id": work_id, "basis": basis[work_id], "display": _display(taxonomy, shown)})
        for position, one in enumerate(labels):
            best = one.evidence[0] if one.evidence else None
            rows.append(
                {
                    "labelling_id": labelling_id, "position": position, "label": one.label, "confidence": one.confidence,
                    "proposed": one.proposed, "field": best and best.field, "span_start": best and best.start,
                    "span_end": best and best.end, "quote": best and best.quote,
                }
            )  # fmt: skip
    with run.warehouse.burst() as con:
        stage(con, "new_labelling", labellings, _LABELLING)
        stage(con, "new_label", rows, _LABEL)
        # a work labelled twice in one run (two commands in a script share no run) keeps the later answer
        con.execute("DELETE FROM store.label WHERE labelling_id IN (SELECT labelling_id FROM new_labelling)")
        con.execute("DELETE FROM store.labelling WHERE labelling_id IN (SELECT labelling_id FROM new_labelling)")
        con.execute(
            "INSERT INTO store.labelling (labelling_id, work_id, producer, taxonomy_version, basis, display, run_id, made_at)"
            " SELECT labelling_id, work_id, 'lexical', ?, basis, display, ?, ? FROM new_labelling",
            [str(taxonomy.version), run.id, run.now()],
        )
        con.execute("INSERT INTO store.label SELECT * FROM new_label")


def _display(taxonomy: Taxonomy, labels: Sequence[Label]) -> str:
    """The Type as a person would type it; words proposed for a new label stand in for "other"."""
    named = [x.label for x in labels if x.label != "other"]
    if named:
        return taxonomy.display(named)
    return next((x.proposed for x in labels if x.proposed), "")
