"""Works -> notes in the CVinW form, and the yearly notes file.

A person's notes come first and are never changed; where there are none, extractive bullets are written
from the abstract, each with the sentence it rests on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from triage.extractive import extract
from triage.formats import cvinw
from triage.formats.cvinw import NotesBlock, PaperNote
from triage.models import Bullet, WorkReference, stable_id
from triage.references import resolve, stage_references
from triage.rendering import RenderedFile
from triage.runs import StepReport
from triage.text import identifiers_in_url
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["find_notes", "note", "notes_files", "numberless"]

_VERSION = "extractive-1"
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


# --- the yearly notes files


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
        " FROM main.works w JOIN main.notes n USING (work_id)"
        " WHERE n.producer = 'human' OR ((w.decision = 'selected' OR (w.proposed AND w.decision IS NULL))"
        "   AND NOT EXISTS (SELECT 1 FROM main.notes h WHERE h.work_id = w.work_id AND h.producer = 'human')"
        # a note that a person took out stays out
        "   AND NOT EXISTS (SELECT 1 FROM main.decisions d WHERE d.work_id = w.work_id AND d.what = 'note' AND d.in_force))"
        " ORDER BY w.year, lower(w.venue), w.url, w.title, w.work_id, n.position"
    ).fetchall()
    for year, in_year in groupby(rows, key=lambda row: row[0]):
        yield year, [_Due(work, _paper(list(of_work))) for work, of_work in groupby(in_year, key=lambda row: row[1])]


def _paper(rows: Sequence[tuple[Any, ...]]) -> PaperNote:
    year, _, title, venue, url, producer = rows[0][:6]
    bullets = tuple(
        Bullet(section=section, heading=heading, text=text, depth=depth, sentence=sentence)
        for section, heading, text, depth, sentence in (r[6:] for r in rows)
    )
    return PaperNote(title=title, venue=venue, year=year, url=url, bullets=bullets, producer=None if producer == "human" else producer)


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
        if one.work_id not in seen:
            place = next((n + 1 for n, (work, _) in enumerate(kept) if work == before and work), _first_paper(kept))
            kept.insert(place, (one.work_id, cvinw.render_note(1, one.note)))
        before = one.work_id
    changed = [text for _, text in kept] != [block.text for block in base]
    return _numbered(kept, spaced=changed)


def _first_paper(kept: Sequence[tuple[str | None, str]]) -> int:
    return next((n for n, (_, text) in enumerate(kept) if _NUMBER.match(text)), len(kept))


def _changed(block: NotesBlock, note: PaperNote | None, wanted: PaperNote | None, *, again: bool) -> str | None:
    """What becomes of one note of the file: None when it goes. Only what stands as the program writes it is written anew."""
    if note and note.producer and wanted and not wanted.producer and _said(wanted) == _said(note):
        return _MACHINE_LINE.sub("", block.text, count=1)  # its bullets are a person's by now
    if note is None or block.free or numberless(block.text).strip() != numberless(cvinw.render_note(1, note)).strip():
        return block.text
    if wanted is None or again:
        return None
    new = cvinw.render_note(1, wanted)
    if numberless(new).strip() == numberless(block.text).strip():
        return block.text
    if note.producer is None and _said(wanted) == _said(note):
        return block.text  # the heading is the person's own shorthand
    return new


def _said(note: PaperNote) -> list[Bullet]:
    return [bullet.model_copy(update={"sentence": None}) for bullet in note.bullets]


def _numbered(kept: Sequence[tuple[str | None, str]], *, spaced: bool) -> str:
    """The parts with dense numbers, and `spaced` with one blank line between them."""
    parts, number = [], 0
    for place, (_, text) in enumerate(kept):
        part = text
        if _NUMBER.match(text):
            number += 1
            part = f"{number}.{numberless(text)}"
        if spaced and place + 1 == len(kept):
            part = part.rstrip("\n") + "\n"
        elif spaced and not part.endswith("\n\n"):
            part = part.rstrip("\n") + "\n\n"
        parts.append(part)
    return "".join(parts)
