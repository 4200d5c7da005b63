"""A machine's notes into the warehouse, whoever wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from triage.models import Bullet, stable_id
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["Noted", "store_notes"]

_BULLET: dict[str, Any] = {
    "note_id": "VARCHAR", "position": "INTEGER", "section": "VARCHAR", "heading": "VARCHAR", "depth": "INTEGER", "text": "VARCHAR",
    "sentence": "VARCHAR",
}  # fmt: skip


class Noted(NamedTuple):
    """The note of one work, and the `basis` it was made from: it differs when the work is due again."""

    work_id: str
    basis: str
    bullets: tuple[Bullet, ...]


def store_notes(
    con: duckdb.DuckDBPyConnection,
    run: Run,
    producer: Literal["lexical", "llm"],
    noted: Sequence[Noted],
    *,
    model: str | None = None,
    prompt_hash: str | None = None,
    language: str | None = None,
) -> None:
    """Append notes with their bullets, inside the caller's transaction. A work that is noted twice in one run keeps the later note."""
    notes, bullets = [], []
    for work_id, basis, of_work in noted:
        note_id = stable_id("n", run.id, work_id) if producer == "lexical" else stable_id("n", run.id, producer, work_id)
        notes.append({"note_id": note_id, "work_id": work_id, "basis": basis})
        bullets += [{"note_id": note_id, "position": n, **bullet.model_dump()} for n, bullet in enumerate(of_work)]
    stage(con, "new_note", notes, dict.fromkeys(("note_id", "work_id", "basis"), "VARCHAR"))
    stage(con, "new_bullet", bullets, _BULLET)
    con.execute("DELETE FROM store.bullet WHERE note_id IN (SELECT note_id FROM new_note)")
    con.execute("DELETE FROM store.note WHERE note_id IN (SELECT note_id FROM new_note)")
    con.execute("INSERT INTO store.note SELECT note_id, work_id, ?, basis, ?, ? FROM new_note", [producer, run.id, run.now()])
    if producer == "llm":
        con.execute("DELETE FROM store.note_model WHERE note_id IN (SELECT note_id FROM new_note)")
        con.execute("INSERT INTO store.note_model SELECT note_id, ?, ?, ? FROM new_note", [model, prompt_hash, language])
    con.execute("INSERT INTO store.bullet SELECT * FROM new_bullet")
