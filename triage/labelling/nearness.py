"""The embedding model's part of labelling: what is due for it, its vectors kept, its labels stored beside the rules'.

A model that is missing is one failure that says what to do; the rules' labels stand, under their own name.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from triage.cues import claimed_efficiency
from triage.errors import SettingsError, UsageError
from triage.labelling import Paper
from triage.labelling.lexical import LexicalLabeller
from triage.labelling.quoting import quoted
from triage.labelling.storing import Labelled, store_labels
from triage.models import Label
from triage.runs import StepReport
from triage.seeds import workspace_cues
from triage.vectors import keep_vectors, known_vectors, text_hash
from triage.warehouse import stage

if TYPE_CHECKING:
    from triage.cues import Cues
    from triage.embedding import Embedder, Vector
    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["label_by_embedding"]

STEP = "label embedding"
_BATCH_PAPERS = 200
_READ: dict[str, Any] = dict.fromkeys(("work_id", "basis"), "VARCHAR")


def label_by_embedding(run: Run, works: Sequence[str] | None, taxonomy: Taxonomy) -> int:
    """Label by the configured model what is due, or the named works; nothing when none is configured. How many were read.

    In the report `new` were read now and `known` had not changed; `filled` got a label where the rules had none,
    `ordered` had two that were equally likely.
    """
    if not run.settings.embedding.model:
        return 0
    from triage.embedding_models import open_embedder

    try:
        embedder = open_embedder(run.workspace)
        return _label(run, works, taxonomy, embedder) if embedder else 0
    except (SettingsError, UsageError) as error:
        run.fail(STEP, "model", "settings", error.message, error.hint)
        return 0


def _label(run: Run, works: Sequence[str] | None, taxonomy: Taxonomy, embedder: Embedder) -> int:
    cues, cues_version = workspace_cues(run.workspace)
    version = f"{taxonomy.version}/{cues_version}/{embedder.id}"
    wanted = _wanted(run, version, works)
    due = [row for row in wanted if works is not None or not row[4]]
    run.progress.step(STEP, len(due))
    counts = dict.fromkeys(("filled", "ordered", "texts embedded"), 0)
    for start in range(0, len(due), _BATCH_PAPERS):
        _batch(run, due[start : start + _BATCH_PAPERS], version, taxonomy, cues, embedder, counts)
    run.add(StepReport(step=STEP, read=len(wanted), new=len(due), known=len(wanted) - len(due), counts=counts))
    return len(due)


def _batch(
    run: Run, rows: Sequence[tuple[Any, ...]], version: str, taxonomy: Taxonomy, cues: Cues, embedder: Embedder, counts: dict[str, int]
) -> None:
    from triage.labelling.embedding import EmbeddingLabeller, Vectors

    papers = [Paper(*row[:3]) for row in rows]
    rules = LexicalLabeller(cues, taxonomy)
    bases = rules.label(papers)
    claimed = functools.partial(_claimed, cues)
    texts = EmbeddingLabeller(rules, taxonomy, Vectors(embedder), claimed).texts(papers, bases)
    vectors = Vectors(embedder, _known(run, embedder.id, map(text_hash, texts)))
    found = EmbeddingLabeller(rules, taxonomy, vectors, claimed).label_over(papers, bases)
    labelled = []
    for row, paper, base, labels in zip(rows, papers, bases, found, strict=True):
        counts["ordered"] += bool(labels) and {x.label for x in labels} == {x.label for x in base}
        counts["filled"] += bool(labels) and {x.label for x in labels} != {x.label for x in base}
        if labels or row[5]:  # what it said before must not outlive its reason
            labelled.append(Labelled(row[0], row[3] + version, tuple(quoted(paper, one) for one in labels or _as_ours(base))))
        run.progress.advance()
    counts["texts embedded"] += len(vectors.made)
    with run.warehouse.burst() as con:
        if labelled:
            store_labels(con, run, taxonomy, "embedding", labelled, model=run.settings.embedding.model)
        _keep(con, run, embedder.id, vectors.made, [{"work_id": row[0], "basis": row[3] + version} for row in rows])


def _claimed(cues: Cues, paper: Paper) -> float:
    return claimed_efficiency(paper.title, paper.abstract, cues)


def _as_ours(base: Iterable[Label]) -> tuple[Label, ...]:
    return tuple(label.model_copy(update={"producer": "embedding"}) for label in base)


def _wanted(run: Run, version: str, works: Sequence[str] | None) -> list[tuple[Any, ...]]:
    """(work id, title, abstract, text hash, whether it was read as it is now, whether it has labels by a model)."""
    with run.warehouse.burst() as con:
        return con.execute(
            "SELECT w.work_id, w.title, w.abstract, w.text_hash, r.basis IS NOT DISTINCT FROM w.text_hash || $version, l.work_id IS NOT NULL"
            " FROM store.work w JOIN main.works v USING (work_id)"
            " LEFT JOIN (SELECT work_id, max(basis) AS basis FROM store.embedding_read GROUP BY work_id) r USING (work_id)"
            " LEFT JOIN (SELECT work_id FROM store.labelling_current WHERE producer = 'embedding') l USING (work_id)"
            " WHERE CASE WHEN $works IS NULL THEN v.decision = 'selected' OR (v.proposed AND v.decision IS NULL)"
            " ELSE list_contains($works, w.work_id) END ORDER BY w.work_id",
            {"version": version, "works": None if works is None else list(works)},
        ).fetchall()


def _known(run: Run, model: str, names: Iterable[str]) -> Mapping[str, Vector]:
    with run.warehouse.burst() as con:
        return known_vectors(con, model, names)


def _keep(con: Any, run: Run, model: str, made: Mapping[str, Vector], read: Sequence[dict[str, str]]) -> None:
    keep_vectors(con, model, made)
    stage(con, "now_read", read, _READ)
    con.execute("DELETE FROM store.embedding_read WHERE work_id IN (SELECT work_id FROM now_read)")
    con.execute("INSERT INTO store.embedding_read SELECT work_id, basis, ?, ? FROM now_read", [run.id, run.now()])
