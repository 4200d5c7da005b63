"""Labelling what is due: selected works and proposals whose text, cues or taxonomy changed since.

The rules label first and always; then, where they are configured, an embedding model fills and orders, an NLI
classifier reads what both left without a label, and a language model what is worth a call.
So a call that fails leaves the rules' labels in force, under their own name, and the work is due for the model
again. Labels are appended, never overwritten: what a producer had said before stays readable. A person's Type
always wins, whatever is written here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from triage.labelling import Paper
from triage.labelling.calibrating import calibrate
from triage.labelling.entailing import label_by_nli
from triage.labelling.lexical import LexicalLabeller
from triage.labelling.nearness import label_by_embedding
from triage.labelling.quoting import quoted
from triage.labelling.reading import read_batches
from triage.labelling.storing import Labelled, counting, store_labels, type_of
from triage.runs import StepReport
from triage.seeds import workspace_cues, workspace_taxonomy

if TYPE_CHECKING:
    from triage.recordings import Recordings
    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["label", "label_batches"]


def label(
    run: Run,
    works: Sequence[str] | None = None,
    *,
    producers: Collection[str] | None = None,
    environ: Mapping[str, str] | None = None,
    recordings: Recordings | None = None,
    batch: bool = False,
) -> StepReport:
    """Label what is due, or the named works. `new` were labelled now, `known` had not changed.

    Returns the first report, which is the rules'; a model's is a report of its own, `label llm`. `producers` leaves
    out those it does not name, `environ` holds the model's key (else the process's own environment), `recordings`
    keep or stand in for the model's answers, `batch` sends what is left to ask in batches.
    """
    before = len(run.reports)
    for _ in label_batches(run, works, producers=producers, environ=environ, recordings=recordings, batch=batch):
        pass
    return run.reports[before] if len(run.reports) > before else StepReport(step="label")


def label_batches(
    run: Run,
    works: Sequence[str] | None = None,
    *,
    producers: Collection[str] | None = None,
    environ: Mapping[str, str] | None = None,
    recordings: Recordings | None = None,
    batch: bool = False,
) -> Iterator[int]:
    """The same as `label`, one batch a step: each labels the next works, keeps them and gives how many they were.

    The rules are one batch (hundreds of works a second), a model's are as many works as are kept together.
    """
    taxonomy = workspace_taxonomy(run.workspace)
    if producers is None or "lexical" in producers:
        yield run.add(_label_by_rules(run, works, taxonomy)).new
    if run.settings.embedding.model and (producers is None or "embedding" in producers):
        yield label_by_embedding(run, works, taxonomy)
    if run.settings.nli.model and (producers is None or "nli" in producers):
        yield label_by_nli(run, works, taxonomy)
    if producers is None or "llm" in producers:
        yield from read_batches(run, works, taxonomy, environ=environ, recordings=recordings, batch=batch)
    calibrate(run, taxonomy)
    _tell_proposed(run)


_MOST_TOLD = 5


def _tell_proposed(run: Run) -> None:
    """A line in the report about techniques without a label that this run proposed; `read` counts their names."""
    new = "SELECT 1 FROM store.label JOIN store.labelling USING (labelling_id) WHERE run_id = ? AND label = 'other' AND proposed IS NOT NULL LIMIT 1"
    with run.warehouse.burst() as con:
        if not con.execute(new, [run.id]).fetchall():  # looked for first: the views behind the rest take a while to plan
            return
        rows = con.execute(
            "SELECT name, works FROM main.proposed_labels p WHERE EXISTS (SELECT 1 FROM main.labels_current l"
            " WHERE l.run_id = ? AND l.label = 'other' AND l.proposed IS NOT NULL AND list_contains(p.spellings, l.proposed))"
            " ORDER BY works DESC, selected DESC, name",
            [run.id],
        ).fetchall()
    if not rows:
        return
    named = [f"{name} ({works} work{'s' if works > 1 else ''})" for name, works in rows[:_MOST_TOLD]]
    more = f" and {len(rows) - _MOST_TOLD} more" if len(rows) > _MOST_TOLD else ""
    line = f"proposed for the taxonomy: {', '.join(named)}{more}; see: triage sql --query labels-proposed"
    run.add(StepReport(step="taxonomy", read=len(rows), new=len(rows), messages=(line,)))


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
            " FROM store.work w JOIN store.standing v USING (work_id)"
            " LEFT JOIN (SELECT work_id, basis, coalesce(display, '') AS display FROM store.labelling_current WHERE producer = 'lexical') l USING (work_id)"
            " WHERE CASE WHEN $works IS NULL THEN v.decision = 'selected' OR (v.proposed AND v.decision IS NULL)"
            " ELSE list_contains($works, w.work_id) END ORDER BY w.work_id",
            {"version": version, "works": None if works is None else list(works)},
        ).fetchall()
