"""Labelling what is due: selected works and proposals whose text, cues or taxonomy changed since.

The rules label first and always; then an embedding model, where one is configured, fills and orders, and a language
model reads what is worth a call.
So a call that fails leaves the rules' labels in force, under their own name, and the work is due for the model
again. Labels are appended, never overwritten: what a producer had said before stays readable. A person's Type
always wins, whatever is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from triage.labelling import Paper
from triage.labelling.calibrating import calibrate
from triage.labelling.lexical import LexicalLabeller
from triage.labelling.nearness import label_by_embedding
from triage.labelling.quoting import quoted
from triage.labelling.reading import read_batches
from triage.labelling.storing import Labelled, counting, store_labels, type_of
from triage.runs import StepReport
from triage.seeds import workspace_cues, workspace_taxonomy

if TYPE_CHECKING:
    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["label", "label_batches"]


def label(run: Run, works: Sequence[str] | None = None, *, environ: Mapping[str, str] | None = None) -> StepReport:
    """Label what is due, or the named works. `new` were labelled now, `known` had not changed.

    Returns the rules' report; a model's is a report of its own, `label llm`. `environ` holds the model's key
    (else the process's own environment).
    """
    before = len(run.reports)
    for _ in label_batches(run, works, environ=environ):
        pass
    return run.reports[before]


def label_batches(run: Run, works: Sequence[str] | None = None, *, environ: Mapping[str, str] | None = None) -> Iterator[int]:
    """The same as `label`, one batch a step: each labels the next works, keeps them and gives how many they were.

    The rules are one batch (hundreds of works a second), a model's are as many works as are kept together.
    """
    taxonomy = workspace_taxonomy(run.workspace)
    yield run.add(_label_by_rules(run, works, taxonomy)).new
    if run.settings.embedding.model:
        yield label_by_embedding(run, works, taxonomy)
    yield from read_batches(run, works, taxonomy, environ=environ)
    calibrate(run, taxonomy)


def _label_by_rules(run: Run, works: Sequence[str] | None, taxonomy: Taxonomy) -> StepReport:
    cues, cues_version = workspace_cues(run.workspace)
    version = f"{taxonomy.version}/{cues_version}"
    wanted = _wanted(run, version, works)
    due = [row for row in wanted if works is not None or not row[4]]
    run.progress.step("label", len(due))
    papers = [Paper(work_id, title, abstract) for work_id, title, abstract, *_ in due]
    found = LexicalLabeller(cues, taxonomy).label(papers)
    hashes = {row[0]: row[3] + version for row in due}
    labelled = [
        Labelled(paper.work_id, hashes[paper.work_id], tuple(quoted(paper, one) for one in labels))
        for paper, labels in zip(papers, found, strict=True)
    ]
    with run.warehouse.burst() as con:
        store_labels(con, run, taxonomy, "lexical", labelled)
    return StepReport(
        step="label", read=len(wanted), new=len(due), known=len(wanted) - len(due), counts=_told_apart(due, labelled, taxonomy, run)
    )


def _told_apart(due: Sequence[tuple[Any, ...]], labelled: Sequence[Labelled], taxonomy: Taxonomy, run: Run) -> dict[str, int]:
    """What was labelled for the first time, and what again, with how many other Types that made: never one number."""
    least = run.settings.labels.threshold
    before = {row[0]: row[5] for row in due if row[5] is not None}
    changed = sum(one.work_id in before and type_of(taxonomy, counting(one.labels, least)) != before[one.work_id] for one in labelled)
    return {"first labelled": len(due) - len(before), "relabelled": len(before), "type changed": changed}


def _wanted(run: Run, version: str, works: Sequence[str] | None) -> list[tuple[Any, ...]]:
    """(work id, title, abstract, text hash, whether its labels are up to date, its Type by the rules so far) of what is to
    have labels; the Type is None for what has never been labelled."""
    with run.warehouse.burst() as con:
        return con.execute(
            "SELECT w.work_id, w.title, w.abstract, w.text_hash, l.basis IS NOT DISTINCT FROM w.text_hash || $version, l.display"
            " FROM store.work w JOIN main.works v USING (work_id)"
            " LEFT JOIN (SELECT work_id, basis, coalesce(display, '') AS display FROM store.labelling_current WHERE producer = 'lexical') l USING (work_id)"
            " WHERE CASE WHEN $works IS NULL THEN v.decision = 'selected' OR (v.proposed AND v.decision IS NULL)"
            " ELSE list_contains($works, w.work_id) END ORDER BY w.work_id",
            {"version": version, "works": None if works is None else list(works)},
        ).fetchall()
