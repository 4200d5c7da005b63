"""Which works would get other labels from another taxonomy: told before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from triage.labelling import Paper
from triage.labelling.lexical import LexicalLabeller

if TYPE_CHECKING:
    import duckdb

    from triage.cues import Cues
    from triage.taxonomy import Taxonomy

__all__ = ["Moves", "Relabelled", "would_move"]


class Relabelled(NamedTuple):
    """A work whose labels would differ. `yours`: you typed its Type, which stands whatever the rules say."""

    work_id: str
    title: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    yours: bool


class Moves(NamedTuple):
    """`works` were looked at: those that have labels by the rules. `moved` would get others."""

    works: int
    moved: tuple[Relabelled, ...]


def would_move(con: duckdb.DuckDBPyConnection, old: Taxonomy, new: Taxonomy, cues: Cues, *, threshold: float) -> Moves:
    """Label every work that has labels by the rules with both taxonomies, and compare. `con` reads a snapshot.

    Works without labels by the rules are not looked at: whatever they get one day is new and not changed.
    """
    rows = con.execute(
        "SELECT w.work_id, w.title, w.abstract, w.labelled_by IS NOT DISTINCT FROM 'human' FROM main.works w"
        " WHERE w.work_id IN (SELECT work_id FROM main.labels_current WHERE producer = 'lexical' UNION"
        " SELECT work_id FROM store.labelling_current WHERE producer = 'lexical') ORDER BY w.work_id"
    ).fetchall()
    papers = [Paper(*row[:3]) for row in rows]
    before, after = (_labels(papers, taxonomy, cues, threshold) for taxonomy in (old, new))
    moved = [
        Relabelled(paper.work_id, paper.title, a, b, row[3])
        for paper, row, a, b in zip(papers, rows, before, after, strict=True)
        if set(a) != set(b)
    ]
    return Moves(len(papers), tuple(moved))


def _labels(papers: Sequence[Paper], taxonomy: Taxonomy, cues: Cues, threshold: float) -> list[tuple[str, ...]]:
    found = LexicalLabeller(cues, taxonomy).label(papers)
    return [tuple(x.label for x in labels if x.confidence is None or x.confidence >= threshold) for labels in found]
