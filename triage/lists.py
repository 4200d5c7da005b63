"""Works -> the checkbox lists.

A list grows from a base: the file as it was last rendered, or the list a person imported since. A block
of the base stays to the byte unless the program wrote it as a proposal (it has a `> why:` line) and the
proposal changed; new blocks take their place in the order; numbers are made dense again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.formats import checklist
from triage.formats.checklist import Block, BlockFields, Checklist, Kind
from triage.models import WorkReference
from triage.references import resolve, stage_references
from triage.rendering import RenderedFile, write_files
from triage.text import clean_line, identifiers_in_url

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run, StepReport
    from triage.workspace import Workspace

__all__ = ["list_text", "publish_lists"]

_QUOTE_LENGTH = 120
"""Characters of evidence in a `> why:` line: one glance."""


@dataclass(frozen=True)
class _Wanted:
    """A work that belongs on a list, and what its block should say."""

    work_id: str
    fields: BlockFields


def publish_lists(run: Run) -> StepReport:
    """Write every yearly list, lists/undated.md and every venue list that changed."""
    with run.warehouse.burst() as con:
        files = [
            RenderedFile(run.workspace.list_path(year) if venue is None else run.workspace.venue_list_path(venue, year or 0), text)
            for venue, year in _due(con, run.workspace)
            if (text := list_text(con, run.workspace, year, venue=venue))
        ]
    return write_files(run, "lists", files)


def _due(con: duckdb.DuckDBPyConnection, workspace: Workspace) -> list[tuple[str | None, int | None]]:
    """(venue, year) of every list there is something to say in, or that was written before; venue None: yearly."""
    years = con.execute(
        "SELECT year FROM main.year_list UNION SELECT list_year FROM store.document WHERE format = 'yearly-list' AND list_year IS NOT NULL"
        " UNION SELECT try_cast(nullif(regexp_extract(path, '^lists/([0-9]+|undated)\\.md$', 1), 'undated') AS INTEGER) FROM store.rendered"
        " WHERE regexp_matches(path, '^lists/([0-9]+|undated)\\.md$') ORDER BY ALL NULLS LAST"
    ).fetchall()
    scope = _scope(workspace)
    venues = con.execute(
        f"SELECT any_value(w.venue), w.year FROM main.works w WHERE w.venue IS NOT NULL AND w.year IS NOT NULL AND {scope}"
        " GROUP BY lower(w.venue), w.year UNION"
        " SELECT list_venue, list_year FROM store.document WHERE format = 'venue-list' AND list_venue IS NOT NULL AND list_year IS NOT NULL"
        " ORDER BY ALL"
    ).fetchall()
    found: list[tuple[str | None, int | None]] = [(None, year) for (year,) in years]
    return found + list({(venue.casefold(), year): (venue, year) for venue, year in venues}.values())


def _scope(workspace: Workspace) -> str:
    """The SQL condition for what a venue list holds; a preprint has no venue to be listed under."""
    settings = workspace.settings.screening
    inside = "w.curator_words" if settings.scope == "curator-words" else f"w.screening_score >= {settings.scope_threshold}"
    return f"(({inside} OR w.decision = 'selected') AND NOT EXISTS (SELECT 1 FROM store.record p WHERE p.venue = w.venue AND p.preprint))"


def list_text(con: duckdb.DuckDBPyConnection, workspace: Workspace, year: int | None, *, venue: str | None = None) -> str:
    """The text of one list as it should stand; `con` may be the readers' snapshot."""
    kind: Kind = "yearly" if venue is None else "venue"
    base = _base(con, workspace, year, venue)
    wanted = _wanted_yearly(con, year) if venue is None else _wanted_venue(con, workspace, venue, year)
    if base is None:
        return checklist.render(kind, venue=venue, year=year, blocks=[w.fields for w in _in_order(wanted, kind)])
    return _grow(con, base, wanted)


def _base(con: duckdb.DuckDBPyConnection, workspace: Workspace, year: int | None, venue: str | None) -> Checklist | None:
    """The newest of what was rendered to this list's file and what a person imported as this list."""
    path = workspace.list_path(year) if venue is None else workspace.venue_list_path(venue, year or 0)
    found = con.execute(
        "SELECT text FROM (SELECT text, made_at AS moment, 0 AS kind, position FROM store.rendered WHERE path = $path"
        " UNION ALL SELECT text, imported_at, 1, position FROM store.document WHERE list_year IS NOT DISTINCT FROM $year"
        "   AND CASE WHEN $venue IS NULL THEN format = 'yearly-list' ELSE format = 'venue-list' AND lower(list_venue) = lower($venue) END)"
        " ORDER BY moment DESC, kind DESC, position DESC LIMIT 1",
        {"path": workspace.relative(path), "year": year, "venue": venue},
    ).fetchall()
    return checklist.parse(found[0][0]) if found else None


_EVIDENCE = (
    "LEFT JOIN (SELECT work_id, arg_min(quote, position) AS quote, arg_min(producer, position) AS producer"
    " FROM main.labels_current WHERE decides AND counts AND quote IS NOT NULL GROUP BY work_id) q USING (work_id)"
    " LEFT JOIN main.review_queue r USING (work_id)"
)


def _wanted_yearly(con: duckdb.DuckDBPyConnection, year: int | None) -> list[_Wanted]:
    rows = con.execute(
        "SELECT w.work_id, w.title, w.url, w.venue, w.year, w.type, w.abstract, w.decision = 'selected', w.screening_score, w.labels,"
        f" coalesce(q.quote, array_to_string(r.evidence, ' … ')), coalesce(q.producer, w.labelled_by), r.model_relevance"
        f" FROM main.works w JOIN main.year_list y USING (work_id) {_EVIDENCE}"
        " WHERE w.year IS NOT DISTINCT FROM ? ORDER BY w.work_id",
        [year],
    ).fetchall()
    return [_wanted(row, with_type=True) for row in rows]


def _wanted_venue(con: duckdb.DuckDBPyConnection, workspace: Workspace, venue: str, year: int | None) -> list[_Wanted]:
    rows = con.execute(
        "SELECT w.work_id, w.title, w.url, w.venue, w.year, NULL, w.abstract, w.decision = 'selected', NULL, [], NULL, NULL, NULL"
        f" FROM main.works w WHERE lower(w.venue) = lower(?) AND w.year IS NOT DISTINCT FROM ? AND {_scope(workspace)}"
        " AND coalesce(w.decision, '') <> 'rejected' ORDER BY w.work_id",
        [venue, year],
    ).fetchall()
    return [_wanted(row, with_type=False) for row in rows]


def _wanted(row: tuple[object, ...], *, with_type: bool) -> _Wanted:
    work_id, title, url, venue, year, type_, abstract, selected, score, labels, quote, producer, relevance = row
    ticked = bool(selected)
    why = _why(score, relevance, labels, quote, producer) if with_type and not ticked else None
    fields = {"title": title, "url": url, "venue": venue, "year": year, "type": type_, "why": why, "ticked": ticked, "abstract": abstract}
    return _Wanted(str(work_id), BlockFields(**fields))  # type: ignore[arg-type]


def _why(score: object, relevance: object, labels: object, quote: object, producer: object) -> str:
    """score (and what a model thinks) · labels · "evidence" · producer: everything a person needs to say yes or no at a glance."""
    opinion = f" (model {relevance:.2f})" if isinstance(relevance, float) else ""
    parts = [(f"{score:.2f}" if isinstance(score, float) else "not screened") + opinion]
    if isinstance(labels, list) and labels:
        parts.append(", ".join(labels))
    if quote:
        text = clean_line(str(quote))
        parts.append(f'"{text if len(text) <= _QUOTE_LENGTH else text[: _QUOTE_LENGTH - 1].rstrip() + "…"}"')
    parts.append(str(producer or "lexical"))
    return " · ".join(parts)


def _in_order(wanted: Iterable[_Wanted], kind: Kind) -> list[_Wanted]:
    return sorted(wanted, key=lambda w: (_order(w.fields, kind), w.work_id))


def _order(fields: BlockFields, kind: Kind) -> checklist.OrderKey:
    return checklist.order_key(fields.venue if kind == "yearly" else None, fields.url, fields.title)


def _grow(con: duckdb.DuckDBPyConnection, base: Checklist, wanted: Sequence[_Wanted]) -> str:
    """The base with what changed: proposals re-written or taken out, new blocks in their places."""
    works = _works_of(con, base)
    by_work = {one.work_id: one for one in wanted}
    rejected = {row[0] for row in con.execute("SELECT work_id FROM main.works WHERE decision = 'rejected'").fetchall()}
    kept: list[Block] = []
    matched: set[str] = set()
    for place, block in enumerate(base.blocks):
        work = works.get(str(place))
        changed = _changed(block, by_work.get(work) if work else None, again=work in matched, rejected=work in rejected)
        if changed is not None:
            kept.append(changed)
        if work:
            matched.add(work)
    new = [one.fields for one in _in_order((w for w in wanted if w.work_id not in matched), base.kind)]
    return checklist.grow(base, kept, new)


def _changed(block: Block, wanted: _Wanted | None, *, again: bool, rejected: bool) -> Block | None:
    """What becomes of one block of the base: None when it goes."""
    if rejected:
        return None
    ours = block.why is not None and not block.ticked
    if ours:
        return None if wanted is None or again else checklist.rewritten(block, wanted.fields)
    if wanted is not None and wanted.fields.ticked and not block.ticked:
        return checklist.ticked(block)
    return checklist.settled(block)


def _works_of(con: duckdb.DuckDBPyConnection, base: Checklist) -> Mapping[str, str]:
    """Place of a block -> the work it tells of."""
    named = {}
    for place, block in enumerate(base.blocks):
        if block.refusal is None and block.title:
            named[str(place)] = WorkReference(
                title=block.title,
                url=block.url,
                venue=block.venue or base.venue,
                year=block.year or base.year,
                identifiers=identifiers_in_url(block.url),
            )
    stage_references(con, "block_key", named)
    resolve(con, "block_key", "block_work")
    return dict(con.execute("SELECT reference, work_id FROM block_work").fetchall())
