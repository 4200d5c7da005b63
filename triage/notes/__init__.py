"""Works -> notes in the CVinW form, and the yearly notes file.

A person's notes come first and are never changed. Where there are none, extractive bullets are written from the
abstract, each with the sentence it rests on; then a language model, where one is configured, writes a note of what
is worth a call. So a call that fails leaves the extractive note in force, under its own name, and the work is due
for the model again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from triage.extractive import extract
from triage.notes.reading import write_by_model
from triage.notes.rendering import find_notes, notes_files, numberless
from triage.notes.storing import Noted, store_notes
from triage.runs import StepReport

if TYPE_CHECKING:
    from triage.runs import Run

__all__ = ["find_notes", "note", "notes_files", "numberless"]

_VERSION = "extractive-2"
"""Raised when the extraction changes, so that its notes are written anew."""


def note(run: Run, works: Sequence[str] | None = None, *, environ: Mapping[str, str] | None = None) -> StepReport:
    """Write notes for what is due, or for the named works. `new` were written, `known` had not changed.

    Returns the extraction's report; a model's is a report of its own, `note llm`. `environ` holds the model's key
    (else the process's own environment).
    """
    report = run.add(_extract(run, works))
    write_by_model(run, works, environ=environ)
    return report


def _extract(run: Run, works: Sequence[str] | None) -> StepReport:
    wanted = _wanted(run, works)
    due = [row for row in wanted if works is not None or not row[4]]
    run.progress.step("note", len(due))
    noted = []
    for work_id, title, abstract, text_hash, _ in due:
        noted.append(Noted(work_id, text_hash + _VERSION, extract(title, abstract)))
        run.progress.advance()
    with run.warehouse.burst() as con:
        store_notes(con, run, "lexical", noted)
    return StepReport(step="note", read=len(wanted), new=len(due), known=len(wanted) - len(due))


def _wanted(run: Run, works: Sequence[str] | None) -> list[tuple[Any, ...]]:
    """(work id, title, abstract, text hash, whether its note is up to date) of what is to have a note."""
    with run.warehouse.burst() as con:
        return con.execute(
            "SELECT w.work_id, w.title, w.abstract, w.text_hash, n.basis IS NOT DISTINCT FROM w.text_hash || $version"
            " FROM store.work w JOIN store.standing v USING (work_id)"
            " LEFT JOIN (SELECT work_id, arg_max(basis, (made_at, note_id)) AS basis FROM store.note WHERE producer = 'lexical' GROUP BY work_id) n"
            " USING (work_id)"
            " WHERE CASE WHEN $works IS NULL THEN v.decision = 'selected' OR ($proposals AND v.proposed AND v.decision IS NULL)"
            " ELSE list_contains($works, w.work_id) END ORDER BY w.work_id",
            {"version": _VERSION, "works": None if works is None else list(works), "proposals": run.settings.notes.proposals},
        ).fetchall()
