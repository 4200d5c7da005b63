"""notes/YEAR.md: the note of each work that counts, a person's before a machine's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from triage.formats.cvinw import PaperNote, render
from triage.models import Bullet
from triage.rendering import RenderedFile

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["notes_files"]


def notes_files(con: duckdb.DuckDBPyConnection, run: Run) -> list[RenderedFile]:
    """notes/YEAR.md for every year that has notes: selected works and open proposals, and whatever a person noted."""
    rows = con.execute(
        "SELECT w.year, w.work_id, w.title, w.venue, w.url, n.producer, n.section, n.heading, n.text, n.depth, n.sentence"
        " FROM main.works w JOIN main.notes n USING (work_id)"
        " WHERE n.decides AND (n.producer = 'human' OR w.decision = 'selected' OR (w.proposed AND w.decision IS NULL))"
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
