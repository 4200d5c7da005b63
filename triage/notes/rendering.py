"""notes/YEAR.md: the note of each work that counts, a person's before a machine's, grown from what was last there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from triage.formats import cvinw
from triage.formats.checklist import newline_of
from triage.formats.cvinw import NotesBlock, PaperNote
from triage.models import Bullet, WorkReference
from triage.references import resolve, stage_references
from triage.rendering import RenderedFile
from triage.text import identifiers_in_url

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["find_notes", "notes_files", "numberless"]


@dataclass(frozen=True)
class _Due:
    """A note that belongs in a year's file."""

    work_id: str
    note: PaperNote


def notes_files(con: duckdb.DuckDBPyConnection, run: Run) -> list[RenderedFile]:
    """notes/YEAR.md for every year that has notes: selected works and open proposals, and whatever a person noted.

    A file grows from what was last there: what a person wrote in it stays, new notes take their place in the order.
    """
    due: dict[str, list[_Due]] = {}
    for year, notes in _due_by_year(con):
        due[run.workspace.relative(run.workspace.notes_path(year))] = notes
    states = con.execute(
        "SELECT path, arg_max(text, position) FROM store.rendered WHERE starts_with(path, 'notes/') GROUP BY path ORDER BY path"
    ).fetchall()
    bases = {path: list(cvinw.parse(text).blocks) for path, text in states}
    works = dict(zip(bases, find_notes(con, list(bases.values())), strict=True))
    clashes = con.execute("SELECT path, list(work_id) FROM store.conflict WHERE field = 'note' GROUP BY path").fetchall()
    held = {path: frozenset(some) for path, some in clashes}
    files = []
    for path in sorted({*due, *bases}):
        wanted = due.get(path, [])
        name = path.removeprefix("notes/").removesuffix(".md").capitalize()
        text = (
            _grown(bases[path], works[path], wanted, held.get(path, frozenset()))
            if path in bases
            else cvinw.render(f"{name} notes", [one.note for one in wanted])
        )
        files.append(RenderedFile(run.workspace.root / path, text))
    return files


def _due_by_year(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[int | None, list[_Due]]]:
    rows = con.execute(
        "SELECT w.year, w.work_id, w.title, w.venue, w.url, n.producer, n.section, n.heading, n.text, n.depth, n.sentence"
        " FROM store.work w JOIN store.standing v USING (work_id) JOIN main.notes n USING (work_id)"
        " WHERE n.decides AND (n.producer = 'human' OR ((v.decision = 'selected' OR (v.proposed AND v.decision IS NULL))"
        # a note that a person took out stays out
        "   AND NOT EXISTS (SELECT 1 FROM main.decisions d WHERE d.work_id = w.work_id AND d.what = 'note' AND d.in_force)))"
        " ORDER BY w.year, lower(w.venue), w.url, w.title, w.work_id, n.position"
    ).fetchall()
    figures = {row[0]: row[1:] for row in con.execute("SELECT work_id, number, caption, url FROM main.figures WHERE overview").fetchall()}
    for year, in_year in groupby(rows, key=lambda row: row[0]):
        by_work = groupby(in_year, key=lambda row: row[1])
        yield year, [_Due(work, _paper(list(of_work), figures.get(work))) for work, of_work in by_work]


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


def find_notes(con: duckdb.DuckDBPyConnection, files: Sequence[Sequence[NotesBlock]]) -> list[dict[int, str]]:
    """For each file: place of a block -> the work its note is about, where one can be found."""
    named = {
        f"{number} {place}": WorkReference(
            title=block.note.title, url=block.note.url, venue=block.note.venue, year=block.note.year,
            identifiers=identifiers_in_url(block.note.url),
        )
        for number, blocks in enumerate(files) for place, block in enumerate(blocks) if block.note
    }  # fmt: skip
    stage_references(con, "note_key", named)
    resolve(con, "note_key", "note_work")
    works: list[dict[int, str]] = [{} for _ in files]
    for reference, work_id in con.execute("SELECT reference, work_id FROM note_work").fetchall():
        number, place = reference.split(" ")
        works[int(number)][int(place)] = work_id
    return works


_NUMBER = re.compile(r"\ufeff?[0-9]{1,6}\.")


_MACHINE_LINE = re.compile(r"^[ \t]*> machine:.*\n?", re.MULTILINE)


def numberless(text: str) -> str:
    """A note's part of a file without the number it begins with."""
    return _NUMBER.sub("", text, count=1)


def _grown(base: Sequence[NotesBlock], works: Mapping[int, str], wanted: Sequence[_Due], held: frozenset[str]) -> str:
    """The file with what changed; `held` are works about whose note the person has to decide: there the file's words stay."""
    due = {one.work_id: one.note for one in wanted}
    newline = newline_of(base[0].text if base else "")
    seen: set[str] = set()
    kept: list[tuple[str | None, str]] = []
    for place, block in enumerate(base):
        work = works.get(place)
        text = block.text if work is None or work in held else _changed(block, block.note, due.get(work), again=work in seen)
        if text is not None:
            kept.append((work if block.note else None, text))
        seen |= {work} if work else set()
    before: str | None = None
    for one in wanted:
        if one.work_id not in seen and one.work_id not in held:
            place = next((n + 1 for n, (work, _) in enumerate(kept) if work == before and work), _first_paper(kept))
            kept.insert(place, (one.work_id, cvinw.render_note(1, one.note).replace("\n", newline)))
        before = one.work_id
    changed = [text for _, text in kept] != [block.text for block in base]
    return _numbered(kept, newline if changed else None)


def _first_paper(kept: Sequence[tuple[str | None, str]]) -> int:
    return next((n for n, (_, text) in enumerate(kept) if _NUMBER.match(text)), len(kept))


def _changed(block: NotesBlock, note: PaperNote | None, wanted: PaperNote | None, *, again: bool) -> str | None:
    """What becomes of one note of the file: None when it goes. Only what stands as the program writes it is written anew."""
    if note and note.producer and wanted and not wanted.producer and _said(wanted) == _said(note):
        return _MACHINE_LINE.sub("", block.text, count=1)  # its bullets are a person's by now
    newline = newline_of(block.text)
    if note is None or block.free or not _stands_as(block.text, cvinw.render_note(1, note)):
        return block.text
    if wanted is None or again:
        return None
    new = cvinw.render_note(1, wanted)
    if _stands_as(block.text, new):
        return block.text
    if note.producer is None and _said(wanted) == _said(note):
        return block.text  # the heading is the person's own shorthand
    return new.replace("\n", newline)


def _stands_as(there: str, rendered: str) -> bool:
    """Whether a part of a file is what the program writes, whatever its number and line ends."""
    return numberless(there).strip().replace("\r\n", "\n") == numberless(rendered).strip()


def _said(note: PaperNote) -> list[Bullet]:
    return [bullet.model_copy(update={"sentence": None}) for bullet in note.bullets]


def _numbered(kept: Sequence[tuple[str | None, str]], newline: str | None) -> str:
    """The parts with dense numbers, and with one blank line between them where `newline` says how lines end."""
    parts, number = [], 0
    for place, (_, text) in enumerate(kept):
        part = text
        if found := _NUMBER.match(text):
            number += 1
            mark = "\ufeff" if found[0].startswith("\ufeff") else ""
            part = f"{mark}{number}.{numberless(text)}"
        if newline is not None and place + 1 == len(kept):
            part = part.rstrip("\r\n") + newline
        elif newline is not None and not part.endswith(newline * 2):
            part = part.rstrip("\r\n") + newline * 2
        parts.append(part)
    return "".join(parts)
