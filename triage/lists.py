"""Works -> the checkbox lists.

A list grows from a base: the file as it was last rendered or read back, or the list a person imported since. Each new
block goes where the order wants it, and the blocks are numbered through; what becomes of each says `triage.growth`.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from triage.collector import uncollected
from triage.formats import checklist
from triage.formats.checklist import Block, Checklist
from triage.growth import Fact, ListName, Wanted, grown
from triage.listed import facts_of, list_name, lists_due, open_conflicts, stage_shown, wanted_on
from triage.references import resolve, stage_papers
from triage.rendering import RenderedFile, write_files
from triage.runs import StepReport
from triage.unchanged import fingerprint, keep_fingerprint, unchanged_lists

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run
    from triage.workspace import Workspace

__all__ = ["Conflicts", "Standing", "find_blocks", "list_text", "parsed", "publish_lists", "stand", "text_of"]

Conflicts = dict[tuple[str, str], frozenset[str]]
"""(path, work) -> the fields on which file and warehouse differ until the person decides."""


@uncollected()  # blocks make no cycles
def publish_lists(run: Run) -> StepReport:
    """Write every yearly list, lists/undated.md, every venue list and the look-again list that changed."""
    with run.warehouse.burst() as con:
        made_from = fingerprint(con, run.workspace)
        if same := unchanged_lists(con, run, made_from):
            run.progress.step("lists", len(same))
            return run.add(StepReport(step="lists", read=len(same), known=len(same)))
        stage_shown(con, run.workspace)
        texts = _texts(con, lists_due(con, run.workspace))
    files = [RenderedFile(run.workspace.root / named.path, text) for named, text in texts]
    report = write_files(run, "lists", files)
    if not report.refused:
        with run.warehouse.burst() as con:
            keep_fingerprint(con, run, files, made_from)
    return report


def list_text(con: duckdb.DuckDBPyConnection, workspace: Workspace, year: int | None, *, venue: str | None = None) -> str:
    """The text of one list as it should stand; `con` may be the readers' snapshot."""
    stage_shown(con, workspace)
    return _texts(con, [list_name(workspace, year, venue)])[0][1]


def _texts(con: duckdb.DuckDBPyConnection, names: Sequence[ListName]) -> list[tuple[ListName, str]]:
    standing = stand(con, names)
    facts = facts_of(con, (work for one in standing for work in one.works.values()))
    conflicts = open_conflicts(con, [named.path for named in names])
    return [(one.listed, text_of(one, facts, wanted_on(con, one.listed), conflicts)) for one in standing]


# --- what stands there


@dataclass(frozen=True)
class Standing:
    """A list as it was last known: its base, and which work the block at each place tells of."""

    listed: ListName
    base: Checklist | None
    works: dict[int, str]

    def grown(
        self, facts: dict[str, Fact], wanted: Sequence[Wanted], conflicts: Conflicts, places: Container[int] | None = None
    ) -> dict[int, Block | None]:
        """Place -> what becomes of that block of the base; of all of them, or of those at `places`."""
        by_work = {one.work_id: one for one in wanted}
        blocks: dict[int, Block | None] = {}
        seen: set[str] = set()
        for place, block in enumerate(self.base.blocks if self.base else ()):
            work = self.works.get(place)
            if places is None or place in places:
                held = conflicts.get((self.listed.path, work or ""), frozenset())
                fact, due = (facts.get(work), by_work.get(work)) if work else (None, None)
                blocks[place] = grown(block, fact, due, self.listed, again=work in seen, held=held)
            if work:
                seen.add(work)
        return blocks


@lru_cache(maxsize=4)
def parsed(text: str) -> Checklist:
    """A list's text taken apart; a night reads and writes the same long text more than once."""
    return checklist.parse(text)


def stand(con: duckdb.DuckDBPyConnection, names: Sequence[ListName]) -> list[Standing]:
    """The base of each list and the works of its blocks."""
    bases = [_base(con, named) for named in names]
    works = find_blocks(con, [base for base in bases if base])
    found = iter(works)
    return [Standing(named, base, next(found) if base else {}) for named, base in zip(names, bases, strict=True)]


def _base(con: duckdb.DuckDBPyConnection, listed: ListName) -> Checklist | None:
    """The newest of what was rendered to this list's file or read from it, and what a person imported as this list."""
    found = con.execute(
        "SELECT text FROM (SELECT text, made_at AS moment, 0 AS kind, position FROM store.rendered WHERE path = $path"
        " UNION ALL SELECT text, imported_at, 1, position FROM store.document WHERE NOT $again AND list_year IS NOT DISTINCT FROM $year"
        "   AND CASE WHEN $venue IS NULL THEN format = 'yearly-list' ELSE format = 'venue-list' AND lower(list_venue) = lower($venue) END)"
        " ORDER BY moment DESC, kind DESC, position DESC LIMIT 1",
        {"path": listed.path, "year": listed.year, "venue": listed.venue, "again": listed.again},
    ).fetchall()
    return parsed(found[0][0]) if found else None


def find_blocks(con: duckdb.DuckDBPyConnection, lists: Sequence[Checklist]) -> list[dict[int, str]]:
    """For each list: place of a block -> the work it tells of, where one can be found."""
    # a list's base and the file, a yearly list and a venue's: mostly they name the same papers, and each is looked for once
    papers: dict[tuple[str, str | None, int | None], list[tuple[int, int]]] = {}
    for number, one in enumerate(lists):
        for place, block in enumerate(one.blocks):
            if block.refusal is None and block.title:
                papers.setdefault((block.title, block.url, block.year or one.year), []).append((number, place))
    stage_papers(con, "block_key", papers)
    resolve(con, "block_key", "block_work")
    found = dict(con.execute("SELECT reference, work_id FROM block_work").fetchall())
    works: list[dict[int, str]] = [{} for _ in lists]
    for n, places in enumerate(papers.values()):
        if work_id := found.get(str(n)):
            for number, place in places:
                works[number][place] = work_id
    return works


# --- what should stand there


def text_of(standing: Standing, facts: dict[str, Fact], wanted: Sequence[Wanted], conflicts: Conflicts) -> str:
    """The text of a list grown from its base; a fresh one without a base."""
    listed, base = standing.listed, standing.base
    if listed.again:
        # its heading names no venue: the blocks have the form of a yearly list, with Type and reason
        base = replace(base or checklist.parse(checklist.render_preamble("Look again", None)), kind="yearly")
    if base is None:
        return checklist.render(listed.kind, venue=listed.venue, year=listed.year, blocks=[one.fields for one in wanted])
    kept = [block for block in standing.grown(facts, wanted, conflicts).values() if block is not None]
    matched = set(standing.works.values())
    taken_out = {work for (path, work), fields in conflicts.items() if path == listed.path and "block" in fields}
    there = matched | taken_out
    new = [one.fields for one in wanted if one.work_id not in there]
    return checklist.grow(base, kept, new)
