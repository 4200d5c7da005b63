"""Notes read back: bullets a person edited become the person's note, before anything is rendered.

As with lists, a file is compared with what was last there. Edited bullets are a `note` word; a note that was taken out is one
without bullets; the heading of a machine's note corrects the paper, that of a person's note is the person's own shorthand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from triage.formats import cvinw
from triage.formats.cvinw import NotesBlock, PaperNote
from triage.merging import TWICE, Clash, vanished_suspiciously
from triage.models import Bullet, WorkReference
from triage.notes import find_notes, numberless
from triage.returned import Returned, State, keep_states, known_states, read_back
from triage.runs import StepReport
from triage.settling import TO_DECIDE, keep_clashes
from triage.text import title_key
from triage.words import Word, say

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["bullets_text", "sync_notes"]


@dataclass
class _File:
    """One notes file on its way from bytes to words; `left` says why it is left as it is."""

    returned: Returned
    states: Sequence[State]
    base: list[NotesBlock] = field(default_factory=list)
    theirs: list[NotesBlock] = field(default_factory=list)
    works: tuple[dict[int, str], dict[int, str]] = field(default_factory=lambda: ({}, {}))
    left: str | None = None

    @property
    def unread(self) -> list[tuple[int, str]]:
        return [*self.returned.problems, *((block.line, block.refusal) for block in self.theirs if block.refusal)]


def sync_notes(run: Run, *, removals: Literal["ask", "accept", "restore"] = "ask") -> StepReport:
    """Read every notes file that a person changed; the numbers are those of `sync_lists`."""
    with run.warehouse.burst() as con:
        there, files = _changed_files(con, run)
        found = find_notes(con, [side for one in files for side in (one.base, one.theirs)])
        for n, one in enumerate(files):
            one.works = (found[2 * n], found[2 * n + 1])
        said_already = _notes_said(con) if files else {}
        open_ = _open_clashes(con)
        words: list[Word] = []
        clashes: list[tuple[str, str, Clash]] = []
        for one in files:
            if not one.left:
                _hear(one, removals, _Elsewhere(said_already, open_.get(one.returned.path, frozenset())), words, clashes)
    said = say(run, words, where="sync")
    with run.warehouse.burst() as con:
        keep_states(con, run, [one.returned for one in files if not one.left and not one.unread])
        edited = [(word.where or "", word.work, "note") for word in words if isinstance(word.work, str)]
        conflicts = keep_clashes(con, run, clashes, edited, folder="notes/")
    messages = [f"{one.returned.path}: {one.left}; nothing was read from it" for one in files if one.left]
    refused, failed = len(messages), 0
    for one in files:
        if one.left or not one.unread:
            continue
        failed += 1
        for line, reason in one.unread[:100]:
            run.fail("sync notes", f"{one.returned.path}:{line}", "unreadable part", reason, "mend it; the rest was read")
    counts = {"notes": sum(one.what == "note" for one in said), "corrections": sum(one.what == "correction" for one in said)}
    counts |= {"added": sum(one.what == "added" for one in said), "conflicts": len(conflicts)}
    return run.add(
        StepReport(
            step="sync notes", read=there, new=len(files) - refused - failed, known=there - len(files), refused=refused, failed=failed,
            counts=counts, messages=(*messages, *conflicts, *([TO_DECIDE] if conflicts else [])),
        )
    )  # fmt: skip


def _changed_files(con: duckdb.DuckDBPyConnection, run: Run) -> tuple[int, list[_File]]:
    folder = run.workspace.root / "notes"
    names = {run.workspace.relative(path) for path in (folder.glob("*.md") if folder.is_dir() else ())}
    names = {name for name in names if name.removeprefix("notes/").removesuffix(".md") in ("undated",) or name[6:-3].isdigit()}
    read = {path: returned for path in sorted(names) if (returned := read_back(run.workspace.root / path, path))}
    states = known_states(con, list(read.values()))
    files = []
    for path, returned in read.items():
        if states.is_read(returned) or states.put_back(returned) is not None:
            continue
        one = _File(returned, states.of(path), left=returned.refusal)
        if not one.left:
            one.theirs = _papers(returned.text)
            one.base = _papers(one.states[0].text) if one.states else []
        files.append(one)
    return len(read), files


def _papers(text: str) -> list[NotesBlock]:
    """The parts of a notes file that tell of papers, or should."""
    return [block for block in cvinw.parse(text).blocks if block.note or block.refusal]


@dataclass(frozen=True)
class _Elsewhere:
    """What a person said about notes in so many words, work -> note; `open` are the works whose clash the file has shown already,
    so that another edit of their note is the answer."""

    said: Mapping[str, str]
    open: frozenset[str]

    def unseen(self, work: str, *seen: str) -> str | None:
        """The note said of a work, when the file never showed it: neither the text it had before nor the one it has now."""
        note = self.said.get(work)
        return None if note is None or work in self.open or note in seen else note


def _notes_said(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """work -> the note a person said in so many words, as a file shows it."""
    rows = con.execute("SELECT work_id, value FROM main.decisions WHERE what = 'note' AND in_force AND work_id IS NOT NULL").fetchall()
    return {work: _as_shown(value or "[]") for work, value in rows}


def _as_shown(value: str) -> str:
    """The value of a `note` word as it comes back from a file; what cannot be read stays (loading the words has named it)."""
    try:
        bullets = tuple(Bullet.model_validate(one) for one in json.loads(value))
    except (ValueError, TypeError):
        return value
    (shown,) = cvinw.parse(
        cvinw.render_note(1, PaperNote(title="x", venue=None, year=None, url=None, bullets=bullets, producer=None))
    ).blocks
    return bullets_text(shown.note.bullets if shown.note else ())


def _open_clashes(con: duckdb.DuckDBPyConnection) -> dict[str, frozenset[str]]:
    """path -> the works about whose note the person has to decide."""
    rows = con.execute("SELECT path, list(work_id) FROM store.conflict WHERE field = 'note' GROUP BY path").fetchall()
    return {path: frozenset(works) for path, works in rows}


def bullets_text(bullets: Sequence[Bullet]) -> str:
    """The value of a `note` word: a person's bullets as a JSON list."""
    return json.dumps([bullet.model_dump(exclude={"sentence"}) for bullet in bullets], ensure_ascii=False)


def _match(one: _File) -> dict[int, int]:
    """Place in the base -> place in the file, by text, by work, by title."""
    pairs: dict[int, int] = {}
    for keys in (_text_key, _work_key, _title_key):
        taken = set(pairs.values())
        waiting: dict[str, list[int]] = {}
        for n, block in enumerate(one.base):
            if n not in pairs and (key := keys(one.works[0].get(n), block)):
                waiting.setdefault(key, []).append(n)
        for n, block in enumerate(one.theirs):
            if n not in taken and (key := keys(one.works[1].get(n), block)) and waiting.get(key):
                pairs[waiting[key].pop(0)] = n
    return pairs


def _text_key(_work: str | None, block: NotesBlock) -> str | None:
    return numberless(block.text).strip()


def _work_key(work: str | None, _block: NotesBlock) -> str | None:
    return work


def _title_key(_work: str | None, block: NotesBlock) -> str | None:
    return title_key(block.note.title) if block.note else None


_Note = tuple[str, str | None, str]
"""A work, what the file said of it before (None: it had no note), and what it says now, as values of `note` words."""


def _hear(one: _File, removals: str, elsewhere: _Elsewhere, words: list[Word], clashes: list[tuple[str, str, Clash]]) -> None:
    """The words and clashes of one file; `left` is set when too much of it is gone."""
    pairs = _match(one)
    gone = [n for n, block in enumerate(one.base) if n not in pairs and block.note]
    reason = vanished_suspiciously(len(one.base), gone)
    if reason and removals == "ask" and not one.unread:
        one.left = f"{reason}; put it back (git restore), or say what is meant: --accept-removals, --restore-removed"
        return
    path = one.returned.path
    notes = [*_edited(one, pairs, words), *_added(one, pairs, elsewhere, words)]
    if removals != "restore" and not one.unread:
        notes += _taken_out(one, gone)
    by_work: dict[str, list[_Note]] = {}
    for one_note in notes:
        by_work.setdefault(one_note[0], []).append(one_note)
    for work, versions in by_work.items():
        was, now = versions[0][1], TWICE.join(dict.fromkeys(text for _, _, text in versions))
        # an empty one that was said elsewhere took out a note which this file did not have either
        seen = ("[]", now) if was is None and one.base else (was or "", now)
        if (other := elsewhere.unseen(work, *seen)) is not None or now != versions[0][2]:
            clashes.append((path, work, Clash("note", was, now, other)))
        else:
            words.append(Word(work, "note", value=now, where=path))


def _edited(one: _File, pairs: Mapping[int, int], words: list[Word]) -> Iterator[_Note]:
    """Notes whose bullets are others now; what their headings correct goes to `words`."""
    for here, there in pairs.items():
        work, old, new = one.works[0].get(here), one.base[here].note, one.theirs[there].note
        if not (work and old and new and one.returned.believed(one.theirs[there].line, one.theirs[there].text)):
            continue
        words += _corrections(work, old, new, one.returned.path)
        if (old.bullets, old.producer) != (new.bullets, new.producer):
            yield work, bullets_text(old.bullets), bullets_text(new.bullets)


def _added(one: _File, pairs: Mapping[int, int], elsewhere: _Elsewhere, words: list[Word]) -> Iterator[_Note]:
    """Notes nobody had, of papers that are here; one that is written in by hand with its paper goes to `words`."""
    paired = set(pairs.values())
    before = {work: note for place, work in one.works[0].items() if (note := one.base[place].note)}
    for there, block in enumerate(one.theirs):
        note, work = block.note, one.works[1].get(there)
        if there in paired or note is None or not note.bullets or not one.returned.believed(block.line, block.text):
            continue
        if note.producer is not None:
            # a machine's from another state of the file; but a copy with other bullets is a person's
            if work in before and before[work].bullets != note.bullets:
                yield work, bullets_text(before[work].bullets), bullets_text(note.bullets)
        elif work is None:
            words += _written_in(note, one.returned.path)
        elif one.base or elsewhere.said.get(work) != bullets_text(note.bullets):
            yield work, None, bullets_text(note.bullets)


def _taken_out(one: _File, gone: Sequence[int]) -> Iterator[_Note]:
    standing = set(one.works[1].values())
    for place in gone:
        work, note = one.works[0].get(place), one.base[place].note
        if work and note and work not in standing:
            yield work, bullets_text(note.bullets), "[]"


def _corrections(work: str, old: PaperNote, new: PaperNote, path: str) -> Iterator[Word]:
    """The heading of a machine's note is the paper's own; that of a person's note is the person's."""
    if old.producer is None:
        return
    fields = {
        name: now for name in ("title", "venue", "year", "url") if (now := getattr(new, name)) is not None and now != getattr(old, name)
    }
    if fields:
        yield Word(work, "correction", value=json.dumps(fields, ensure_ascii=False), where=path)


def _written_in(note: PaperNote, path: str) -> Iterator[Word]:
    """A note of a paper nobody knew: both are written in by hand."""
    record = cvinw.record_of(note)
    reference = WorkReference(
        title=record.title, url=record.url, venue=record.venue, year=record.year,
        identifiers={**record.identifiers, "record": record.record_id},
    )  # fmt: skip
    yield Word(reference, "added", value=record.model_dump_json(exclude_defaults=True), where=path)
    yield Word(reference, "note", value=bullets_text(note.bullets), where=path)
