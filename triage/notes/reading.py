"""The language model's part of the notes: which works are worth a call, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from triage.errors import SettingsError, UsageError
from triage.ledger import drain
from triage.llm_pass import mark_waiting
from triage.notes.storing import Noted, store_notes
from triage.runs import StepReport
from triage.voided import store_voided

if TYPE_CHECKING:
    import duckdb

    from triage.llm import Answer, LanguageModel
    from triage.models import Bullet
    from triage.notes.llm import NoteWriter
    from triage.runs import Run

__all__ = ["full_text_parts", "open_writer", "worth_a_note", "write_by_model"]

STEP = "note llm"
_VERSION = "/note-1/"
"""Raised when what a note holds changes, so that notes are written anew."""


def write_by_model(run: Run, works: Sequence[str] | None, *, environ: Mapping[str, str] | None = None) -> StepReport | None:
    """Notes by the configured model of what is worth a call and due, or of the named works; None when there is no model.

    In the report `new` were written now (by a call or from the ledger), `known` had not changed, `refused` wait for a
    later run or were given up, `failed` got no note; the extractive note stands for all but `new` and `known`.
    """
    environ = os.environ if environ is None else environ
    if run.settings.notes.llm == "none" and works is None:
        mark_waiting(run, STEP, {}, None)
        return None
    drain(run)
    try:
        opened = open_writer(run, environ)
    except (SettingsError, UsageError) as error:
        run.fail(STEP, "llm", "settings", error.message, error.hint)
        return None
    if opened is None:
        mark_waiting(run, STEP, {}, None)
        return None
    return _write(run, works, *opened)


_WALLS = frozenset({"authentication", "quota", "unknown model"})
_SERVERS_FAULT = frozenset({"connection", "timeout", "server error", "rate limit"})
FAILED_IN_A_ROW = 5
"""As many as stop the model itself (triage.llm)."""


def _wall(run: Run) -> str | None:
    """What kept the labels of this run from the model and would keep the notes from it too; None when nothing did."""
    met = [failure for failure in run.failures if failure.step == "label llm"]
    wall = next((failure for failure in met if failure.kind in _WALLS), None)
    if wall is None and sum(failure.kind in _SERVERS_FAULT for failure in met) >= FAILED_IN_A_ROW:
        wall = next(failure for failure in met if failure.kind in _SERVERS_FAULT)
    return None if wall is None else f"{wall.kind}, as for the labels"


def open_writer(run: Run, environ: Mapping[str, str]) -> tuple[LanguageModel, NoteWriter] | None:
    """The model and who asks it for notes. Imported here: without a model nobody pays for it."""
    from triage.llm import find_endpoint, open_model

    if find_endpoint(run.settings.llm, environ) is None:
        return None
    from triage.notes.llm import NoteWriter, note_prompt

    writer = NoteWriter(note_prompt(run.workspace), run.settings.notes.language)
    model = open_model(run, environ=environ)
    return None if model is None else (model, writer)


def _write(run: Run, works: Sequence[str] | None, model: LanguageModel, writer: NoteWriter) -> StepReport:
    from triage.llm_pass import Pass
    from triage.notes.llm import NotePaper

    wanted = worth_a_note(run, works, writer.language)
    due = {row[0]: row for row in wanted if works is not None or not row[4]}

    def keep(con: duckdb.DuckDBPyConnection, answers: Sequence[Answer[tuple[Bullet, ...]]]) -> dict[str, int]:
        noted = [Noted(a.question.work_id, due[a.question.work_id][3], a.value) for a in answers if a.value is not None]
        void = [(a.question.work_id, one) for a in answers for one in writer.take_void(a.question.work_id)]
        who = {"model": model.endpoint.model, "prompt_hash": writer.prompt.hash}
        store_notes(con, run, "llm", noted, **who, language=writer.language)
        store_voided(con, run, "note", void, **who)
        return {"void": len(void), "bullets": sum(len(one.bullets) for one in noted)}

    if (wall := _wall(run)) and due:
        lines = (f"{len(due)} papers wait for the model: {wall}",)
        mark_waiting(run, STEP, dict.fromkeys(due, wall), works)
        return run.add(
            StepReport(
                step=STEP, read=len(wanted), known=len(wanted) - len(due), refused=len(due), counts={"waiting": len(due)}, messages=lines
            )
        )
    asking = Pass(run, STEP, model, {row[0]: row[1] for row in due.values()}, keep=keep)
    with run.warehouse.burst() as con:
        parts = full_text_parts(con, list(due))
    questions = [writer.question(NotePaper(row[0], row[1], row[2] or "", parts.get(row[0], ""))) for row in due.values()]
    for _ in asking.batches(questions, named=works):
        pass
    return run.add(asking.report(wanted=len(wanted), known=len(wanted) - len(due)))


def worth_a_note(run: Run, works: Sequence[str] | None, language: str) -> list[tuple[Any, ...]]:
    """(work id, title, abstract, basis, whether its note is up to date) of what is worth a call.

    Selected works first, then proposals, in the order of the review queue, as far as [llm] read goes. A work with a person's note is
    worth none, nor is one without an abstract. A new model, prompt or full text does not make a work due, another
    language does.
    """
    rule, _, figure = run.settings.llm.read.partition(" ")
    notes = run.settings.notes
    with run.warehouse.burst() as con:
        rows = con.execute(
            "SELECT w.work_id, w.title, w.abstract, w.text_hash || $version, n.basis IS NOT DISTINCT FROM w.text_hash || $version,"
            " v.decision IS NOT DISTINCT FROM 'selected'"
            " FROM store.work w JOIN store.standing v USING (work_id)"
            " LEFT JOIN (SELECT work_id, arg_max(basis, (made_at, note_id)) AS basis FROM store.note WHERE producer = 'llm' GROUP BY work_id) n"
            " USING (work_id)"
            " WHERE coalesce(w.abstract, '') <> '' AND CASE WHEN $works IS NULL"
            " THEN (v.decision = 'selected' OR ($proposals AND v.proposed AND v.decision IS NULL AND ($least IS NULL OR v.rank_score >= $least)))"
            "   AND NOT EXISTS (SELECT 1 FROM main.notes h WHERE h.work_id = w.work_id AND h.producer = 'human')"
            " ELSE list_contains($works, w.work_id) END"
            " ORDER BY v.decision IS DISTINCT FROM 'selected', v.rank_score DESC NULLS LAST, v.screening_score DESC NULLS LAST, w.work_id",
            {
                "version": _VERSION + language,
                "works": None if works is None else list(works),
                "proposals": notes.proposals and notes.llm == "proposals",
                "least": float(figure) if rule == "above" else None,
            },
        ).fetchall()
    if rule == "top" and works is None:
        chosen = [row for row in rows if row[5]]
        rows = chosen + [row for row in rows if not row[5]][: int(figure)]
    return [row[:5] for row in rows]


def full_text_parts(con: duckdb.DuckDBPyConnection, works: Sequence[str]) -> dict[str, str]:
    """Work id -> the parts of its full text that may be quoted, for works whose full text is to hand."""
    rows = con.execute(
        "SELECT f.work_id, f.parts FROM main.fulltexts f WHERE f.parts IS NOT NULL AND list_contains($works, f.work_id)",
        {"works": list(works)},
    ).fetchall()
    return dict(rows)
