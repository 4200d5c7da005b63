"""What notes may ask of the model, at most: for `triage run --plan`. Asks nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from triage.llm_plan import PlannedCalls, plan_questions, usual_cost
from triage.llm_several import look_up
from triage.notes.reading import full_text_parts, open_writer, worth_a_note

if TYPE_CHECKING:
    from triage.runs import Run

__all__ = ["plan_notes"]

LONGEST_PARTS = 14_000
"""Characters of a full text that go along; `FullText.parts` has at most some 12,000."""


def plan_notes(
    run: Run, works: Sequence[str] | None, *, environ: Mapping[str, str], unseen: int, longest: int
) -> list[PlannedCalls | None]:
    """What is due now, and `unseen` papers of `longest` characters that are not gathered yet. Empty when no model
    writes notes.

    A full text that the night may fetch before it writes counts as a long one. Raises SettingsError when the model's
    settings or its prompt are wrong.
    """
    if run.settings.notes.llm == "none":
        return []
    opened = open_writer(run, environ)
    if opened is None:
        return []
    from triage.notes.llm import NotePaper

    model, writer = opened
    rows = worth_a_note(run, works, writer.language)
    due = [row for row in rows if works is not None or not row[4]]
    with run.warehouse.burst() as con:
        parts = full_text_parts(con, [row[0] for row in due])
        questions = [writer.question(NotePaper(row[0], row[1], row[2] or "", parts.get(row[0], ""))) for row in due]
        past = look_up(model, con, questions) if questions else {}
        usual = usual_cost(con, model, "note")
    nights = run.settings.llm.nights
    to_come = "x" * LONGEST_PARTS if run.settings.fulltext.enabled else ""
    ask, known = [], 0
    for row, question in zip(due, questions, strict=True):
        answer, failed_runs = past[row[0]]
        if to_come and row[0] not in parts:
            ask.append(writer.question(NotePaper(row[0], row[1], row[2] or "", to_come)))
        elif answer is not None:
            known += 1
        elif works is not None or failed_runs < nights:
            ask.append(question)
    lines = [plan_questions(model, ask, purpose="note", known=known, usual=usual)]
    if unseen:
        question = writer.question(NotePaper("w" * 13, "", "x" * longest, to_come))
        lines.append(plan_questions(model, [question] * unseen, purpose="note", usual=usual, about="not gathered yet"))
    return lines
