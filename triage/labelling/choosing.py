"""Who is worth a call: which works a language model is to read, in the order of the review queue.

The first model reads what `[llm] read` says. The second reads what the first has read and still nobody agrees on:
the first model and a local producer share no label, or one of them finds none.

    read = "disagreement"   the same for the first model, among the local producers: two of them share no label, or
                            the one that decides has no label of at least 0.8 (view store.local_doubt)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from triage.labelling import Paper

if TYPE_CHECKING:
    import duckdb

    from triage.settings import LlmSettings
    from triage.taxonomy import Taxonomy

__all__ = ["Candidate", "for_first", "for_second"]


class Candidate(NamedTuple):
    """A work worth a call. `basis` is what its labels rest on; `current`: it was read on that basis, by `model` with
    the prompt of `prompt_hash` (None when it was not, or another reader's labels are in force)."""

    paper: Paper
    basis: str
    current: bool
    model: str | None
    prompt_hash: str | None


_READ = (
    "SELECT w.work_id, w.title, w.abstract, w.text_hash || $version AS basis, l.basis IS NOT DISTINCT FROM w.text_hash || $version AS same,"
    " l.model, l.prompt_hash, coalesce(l.second, false) AS second, v.decision, v.proposed, v.labelled_by, v.rank_score, v.screening_score"
    " FROM store.work w JOIN main.works v USING (work_id)"
    " LEFT JOIN (SELECT * FROM store.labelling_current WHERE producer = 'llm') l USING (work_id)"
)
# that of the review queue: what was learned where there is something, else the cues
_ORDER = " ORDER BY rank_score DESC NULLS LAST, screening_score DESC NULLS LAST, work_id"


def for_first(con: duckdb.DuckDBPyConnection, llm: LlmSettings, taxonomy: Taxonomy, works: Sequence[str] | None) -> list[Candidate]:
    """What the first model is to read, or the named works.

    A new model or prompt does not make a work due: a change of labels is never a silent side effect of one.
    """
    rule, _, figure = llm.read.partition(" ")
    chosen = (
        "list_contains($works, work_id)"
        if works is not None
        else "(decision = 'selected' OR (proposed AND decision IS NULL)) AND ($all OR labelled_by IS DISTINCT FROM 'human')"
        " AND ($least IS NULL OR rank_score >= $least)"
    )
    if works is None and rule == "disagreement":
        # what was read already stays so when the doubt is gone by it
        chosen += " AND (same OR work_id IN (SELECT work_id FROM store.local_doubt))"
    values: dict[str, Any] = {"version": f"/{taxonomy.version}"}
    if works is not None:
        values["works"] = list(works)
    else:
        values |= {"all": rule == "all", "least": float(figure) if rule == "above" else None}
    rows = con.execute(
        f"SELECT work_id, title, abstract, basis, same, CASE WHEN NOT second THEN model END, CASE WHEN NOT second THEN prompt_hash END"
        f" FROM ({_READ}) WHERE {chosen}{_ORDER}",
        values,
    ).fetchall()
    return _candidates(rows[: int(figure)] if rule == "top" and works is None else rows)


def for_second(con: duckdb.DuckDBPyConnection, llm: LlmSettings, taxonomy: Taxonomy, works: Sequence[str] | None) -> list[Candidate]:
    """What the second model is to read or has read, out of what is labelled by a model on its present text."""
    values: dict[str, Any] = {"version": f"/{taxonomy.version}", "all": llm.read == "all"}
    named = "" if works is None else " AND list_contains($works, work_id)"
    if works is not None:
        values["works"] = list(works)
    rows = con.execute(
        f"SELECT work_id, title, abstract, basis, second, CASE WHEN second THEN model END, CASE WHEN second THEN prompt_hash END"
        f" FROM ({_READ}) WHERE same AND ($all OR labelled_by IS DISTINCT FROM 'human'){named} AND (second OR work_id IN ("
        " SELECT work_id FROM main.disagreements WHERE kind <> 'partial' AND producer_a IN ('llm', 'learned', 'nli', 'embedding', 'lexical')"
        " AND producer_b IN ('llm', 'learned', 'nli', 'embedding', 'lexical') AND (producer_a = 'llm') <> (producer_b = 'llm')))"
        f"{_ORDER}",
        values,
    ).fetchall()
    return _candidates(rows)


def _candidates(rows: Sequence[tuple[Any, ...]]) -> list[Candidate]:
    return [Candidate(Paper(*row[:3]), *row[3:]) for row in rows]
