"""Labels into the warehouse, whoever produced them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from triage.models import Label, stable_id
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["Labelled", "counting", "store_labels", "type_of"]

_LABELLING = dict.fromkeys(("labelling_id", "work_id", "basis", "display"), "VARCHAR")
_LABEL: dict[str, Any] = {
    "labelling_id": "VARCHAR", "position": "INTEGER", "label": "VARCHAR", "confidence": "DOUBLE", "proposed": "VARCHAR",
    "field": "VARCHAR", "span_start": "INTEGER", "span_end": "INTEGER", "quote": "VARCHAR",
}  # fmt: skip


class Labelled(NamedTuple):
    """The labels of one work, and the `basis` they were made from: it differs when the work is due again."""

    work_id: str
    basis: str
    labels: tuple[Label, ...]


def store_labels(
    con: duckdb.DuckDBPyConnection,
    run: Run,
    taxonomy: Taxonomy,
    producer: str,
    labelled: Sequence[Labelled],
    *,
    model: str | None = None,
    prompt_hash: str | None = None,
) -> None:
    """Append labellings with their labels, inside the caller's transaction."""
    least = run.settings.labels.threshold
    labellings, rows = [], []
    for work_id, basis, labels in labelled:
        labelling_id = stable_id("l", run.id, producer, work_id)
        display = type_of(taxonomy, counting(labels, least))
        labellings.append({"labelling_id": labelling_id, "work_id": work_id, "basis": basis, "display": display})
        rows += [_row(labelling_id, position, one) for position, one in enumerate(labels)]
    stage(con, "new_labelling", labellings, _LABELLING)
    stage(con, "new_label", rows, _LABEL)
    # a work labelled twice in one run (two commands in a script share no run) keeps the later answer
    con.execute("DELETE FROM store.label WHERE labelling_id IN (SELECT labelling_id FROM new_labelling)")
    con.execute("DELETE FROM store.labelling WHERE labelling_id IN (SELECT labelling_id FROM new_labelling)")
    con.execute(
        "INSERT INTO store.labelling (labelling_id, work_id, producer, model, prompt_hash, taxonomy_version, basis, display, run_id, made_at)"
        " SELECT labelling_id, work_id, ?, ?, ?, ?, basis, display, ?, ? FROM new_labelling",
        [producer, model, prompt_hash, str(taxonomy.version), run.id, run.now()],
    )
    con.execute("INSERT INTO store.label SELECT * FROM new_label")


def _row(labelling_id: str, position: int, label: Label) -> dict[str, Any]:
    best = label.evidence[0] if label.evidence else None
    return {
        "labelling_id": labelling_id, "position": position, "label": label.label, "confidence": label.confidence,
        "proposed": label.proposed, "field": best and best.field, "span_start": best and best.start,
        "span_end": best and best.end, "quote": best and best.quote,
    }  # fmt: skip


def counting(labels: Sequence[Label], least: float) -> list[Label]:
    """The labels that are shown: of at least this confidence, or a person's."""
    return [x for x in labels if x.confidence is None or x.confidence >= least]


def type_of(taxonomy: Taxonomy, labels: Sequence[Label]) -> str:
    """The Type as a person would type it; words proposed for a new label stand in for "other"."""
    named = [x.label for x in labels if x.label != "other"]
    if named:
        return taxonomy.display(named)
    return next((x.proposed for x in labels if x.proposed), "")
