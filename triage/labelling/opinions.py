"""What a model's reading gives beside labels, into the warehouse: its opinion of the paper, and the figures it read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.labelling.llm import Reading
    from triage.runs import Run

__all__ = ["store_readings"]

_OPINION: dict[str, Any] = {"work_id": "VARCHAR", "relevant": "BOOLEAN", "relevance": "DOUBLE", "basis": "VARCHAR"}
_CLAIM: dict[str, Any] = {
    "work_id": "VARCHAR", "metric": "VARCHAR", "value": "DOUBLE", "unit": "VARCHAR", "direction": "VARCHAR", "against": "VARCHAR",
    "quote": "VARCHAR", "basis": "VARCHAR",
}  # fmt: skip


def store_readings(
    con: duckdb.DuckDBPyConnection, run: Run, readings: Sequence[tuple[str, str, Reading]], *, model: str, prompt_hash: str
) -> None:
    """Keep (work id, basis, reading) inside the caller's transaction. Opinions are appended, a work's figures replaced."""
    opinions = [
        {"work_id": work_id, "basis": basis, "relevant": reading.relevant, "relevance": reading.relevance}
        for work_id, basis, reading in readings
    ]
    claims = [
        {"work_id": work_id, "basis": basis, **claim.model_dump()} for work_id, basis, reading in readings for claim in reading.claims
    ]
    stage(con, "new_opinion", opinions, _OPINION)
    stage(con, "read_claim", claims, _CLAIM)
    # a work that is read twice in one run keeps the later opinion
    con.execute("DELETE FROM store.model_screening WHERE run_id = ? AND work_id IN (SELECT work_id FROM new_opinion)", [run.id])
    con.execute(
        "INSERT INTO store.model_screening (work_id, relevant, relevance, model, prompt_hash, basis, run_id, made_at)"
        " SELECT work_id, relevant, relevance, ?, ?, basis, ?, ? FROM new_opinion",
        [model, prompt_hash, run.id, run.now()],
    )
    con.execute("DELETE FROM store.claim WHERE producer = 'llm' AND work_id IN (SELECT work_id FROM new_opinion)")
    con.execute(
        "INSERT INTO store.claim (work_id, metric, value, unit, direction, against, quote, producer, basis, run_id, made_at)"
        " SELECT work_id, metric, value, unit, direction, against, quote, 'llm', basis, ?, ? FROM read_claim",
        [run.id, run.now()],
    )
