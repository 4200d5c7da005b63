"""Works -> notes in the CVinW form, and the yearly notes file.

A person's notes come first and are never changed; where there are none, extractive bullets are written
from the abstract, each with the sentence it rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from triage.extractive import extract
from triage.formats.cvinw import PaperNote, render
from triage.models import Bullet, stable_id
from triage.rendering import RenderedFile
from triage.runs import StepReport
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["note", "notes_files"]

_VERSION = "extractive-2"
"""Raised when the extraction changes, so that its notes are written anew."""


def note(run: Run, works: Sequence[str] | None = None) -> StepReport:
    """Write extractive notes for what is due, or for the named works. `new` were written, `known` had not changed."""
    with run.warehouse.burst() as con:
        wanted = con.execute(
            "SELECT w.work_id, w.title, w.abstract, w.text_hash, n.basis IS NOT DISTINCT FROM w.text_hash || $version"
            " FROM store.work w JOIN main.works v USING (work_id)"
            " LEFT JOIN (SELECT work_id, arg_max(basis, (made_at, note_id)) AS basis FROM store.note WHERE producer = 'lexical' GROUP BY work_id) n"
            " USING (work_id)"
            " WHERE CASE WHEN $works IS NULL THEN v.decision = 'selected' OR ($proposals AND v.proposed AND v.decision IS NULL)"
            " ELSE list_contains($works, w.work_id) END ORDER BY w.work_id",
            {"version": _VERSION, "works": None if works is None else list(works), "proposals": run.settings.notes.proposals},
        ).fetchall()
    due = [row for row in wanted if works is not None or not row[4]]
    run.progress.step("note", len(due))
    notes, bullets = [], []
    for work_id, title, abstract, text_hash, _ in due:
        note_id = stable_id("n", run.id, work_id)
        notes.append({"note_id": note_id, "work_id": work_id, "basis": text_hash + _VERSION})
        bullets += [{"note_id": note_id, "position": n, **b.model_dump()} for n, b in enumerate(extract(title, abstract))]
        run.progress.advance()
    _store(run, notes, bullets)
    return run.add(StepReport(step="note", read=len(wanted), new=len(due), known=len(wanted) - len(due)))


def _store(run: Run, notes: Sequence[dict[str, Any]], bullets: Sequence[dict[str, Any]]) -> None:
    with run.warehouse.burst() as con:
        stage(con, "new_note", notes, dict.fromkeys(("note_id", "work_id", "basis"), "VARCHAR"))
        texts = dict.fromkeys(("section", "heading"), "VARCHAR")
        shape = {"note_id": "VARCHAR", "position": "INTEGER", **texts, "depth": "INTEGER", "text": "VARCHAR", "sentence": "VARCHAR"}
        stage(con, "new_bullet", bullets, shape)
        con.execute("DELETE FROM store.bullet WHERE note_id IN (SELECT note_id FROM new_note)")
        con.execute("DELETE FROM store.note WHERE note_id IN (SELECT note_id FROM new_note)")
        con.execute("INSERT INTO store.note SELECT note_id, work_id, 'lexical', basis, ?, ? FROM new_note", [run.id, run.now()])
        con.execute("INSERT INTO store.bullet SELECT * FROM new_bullet")


def notes_files(con: duckdb.DuckDBPyConnection, run: Run) -> list[RenderedFile]:
    """notes/YEAR.md for every year that has notes: selected works and open proposals, and whatever a person noted."""
    rows = con.execute(
        "SELECT w.year, w.work_id, w.title, w.venue, w.url, n.producer, n.section, n.heading, n.text, n.depth, n.sentence"
        " FROM main.works w JOIN main.notes n USING (work_id)"
        " WHERE n.producer = 'human' OR ((w.decision = 'selected' OR (w.proposed AND w.decision IS NULL))"
        "   AND NOT EXISTS (SELECT 1 FROM main.notes h WHERE h.work_id = w.work_id AND h.producer = 'human'))"
        " ORDER BY w.year, lower(w.venue), w.url, w.title, w.work_id, n.position"
    ).fetchall()
    files = []
    for year, in_year in groupby(rows, key=lambda row: row[0]):
        papers = [_paper(list(of_work)) for _, of_work in groupby(in_year, key=lambda row: row[1])]
        name = "Undated" if year is None else str(year)
        files.append(RenderedFile(run.workspace.notes_path(year), render(f"{name} notes", papers)))
    return files


def _paper(rows: Sequence[tuple[Any, ...]]) -> PaperNote:
    year, _, title, venue, url, producer = rows[0][:6]
    bullets = tuple(
        Bullet(section=section, heading=heading, text=text, depth=depth, sentence=sentence)
        for section, heading, text, depth, sentence in (r[6:] for r in rows)
    )
    return PaperNote(title=title, venue=venue, year=year, url=url, bullets=bullets, producer=None if producer == "human" else producer)
