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
    figures = {row[0]: row[1:] for row in con.execute("SELECT work_id, number, caption, url FROM main.figures WHERE overview").fetchall()}
    files = []
    for year, in_year in groupby(rows, key=lambda row: row[0]):
        papers = [_paper(list(of_work), figures.get(work_id)) for work_id, of_work in groupby(in_year, key=lambda row: row[1])]
        name = "Undated" if year is None else str(year)
        files.append(RenderedFile(run.workspace.notes_path(year), render(f"{name} notes", papers)))
    return files


def _paper(rows: Sequence[tuple[Any, ...]], figure: tuple[int, str, str | None] | None) -> PaperNote:
    """One paper's note; a machine's names the figure that shows the method, where the full text is to hand."""
    year, _, title, venue, url, producer = rows[0][:6]
    bullets = tuple(
        Bullet(section=section, heading=heading, text=text, depth=depth, sentence=sentence)
        for section, heading, text, depth, sentence in (r[6:] for r in rows)
    )
    if producer != "human" and figure:
        bullets = _with_figure(bullets, *figure)
    return PaperNote(title=title, venue=venue, year=year, url=url, bullets=bullets, producer=None if producer == "human" else producer)


def _with_figure(bullets: Sequence[Bullet], number: int, caption: str, url: str | None) -> tuple[Bullet, ...]:
    """ "Method (See Fig. 2)" for "Method", and the link to the image as its last bullet; without a method a heading of its own."""
    heading = f"Method (See Fig. {number})"
    own = [bullet.model_copy(update={"heading": heading}) if bullet.section == "Method" else bullet for bullet in bullets]
    place = max((n for n, bullet in enumerate(own, 1) if bullet.section == "Method"), default=None)
    if place is None:
        later = [n for n, bullet in enumerate(own) if bullet.section in ("Evaluation", "Results")]
        place = min(later, default=len(own))
        own.insert(place, Bullet(section="Method", heading=heading, text="", depth=0, sentence=None))
        place += 1
    if url:
        own.insert(place, Bullet(section="Method", heading=heading, text=f"Fig. {number}: {url}", depth=1, sentence=caption))
    return tuple(own)
