"""What the lists should hold, asked of the warehouse: which lists there are, which works belong on each, what is known of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from triage.formats import checklist
from triage.formats.checklist import BlockFields
from triage.growth import Fact, ListName, Promotion, Wanted
from triage.text import clean_line, clean_url
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.workspace import Workspace

__all__ = ["LOOK_AGAIN", "facts_of", "list_name", "lists_due", "open_conflicts", "stage_shown", "venue_lists", "wanted_on"]

LOOK_AGAIN = "lists/look-again.md"
"""Rejected works that turned up at a venue since: the only place where they are shown again."""

_QUOTE_LENGTH = 120
"""Characters of evidence in a `> why:` line: one glance."""


def list_name(workspace: Workspace, year: int | None, venue: str | None = None) -> ListName:
    """The yearly list of a year (None: undated), or a venue's list of it."""
    if venue is None:
        return ListName(workspace.relative(workspace.list_path(year)), "yearly", year)
    return ListName(workspace.relative(workspace.venue_list_path(venue, year or 0)), "venue", year, venue)


def stage_shown(con: duckdb.DuckDBPyConnection, workspace: Workspace, works: Iterable[str] | None = None) -> None:
    """Make the temporary tables the other questions are asked of: the views behind them are worked out once, not for each list.

    With `works` they hold these alone: what a person edited is a few blocks of thousands.
    """
    settings = workspace.settings.screening
    inside = "w.curator_words" if settings.scope == "curator-words" else f"w.screening_score >= {settings.scope_threshold}"
    only = "true"
    if works is not None:
        stage(con, "wanted_work", [{"work_id": one} for one in sorted(set(works))], {"work_id": "VARCHAR"})
        only = "work_id IN (SELECT work_id FROM wanted_work)"
    # a preprint has no venue to be listed under
    con.execute(
        "CREATE OR REPLACE TEMP TABLE shown AS SELECT w.*, coalesce("
        f"({inside} OR w.decision = 'selected') AND w.venue NOT IN (SELECT venue FROM store.record WHERE preprint AND venue IS NOT NULL), false)"
        f" AS in_scope FROM main.works w WHERE (w.decision IS NOT NULL OR w.proposed OR {inside}) AND {only}"
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE moving AS SELECT work_id, home_year, year FROM main.moves WHERE {only}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE again AS SELECT work_id, reason, rejected_at FROM store.rejected_and_promoted WHERE {only}")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE quoted AS SELECT work_id, arg_min(quote, position) AS quote, arg_min(producer, position) AS producer"
        f" FROM main.labels_current WHERE decides AND counts AND quote IS NOT NULL AND {only} GROUP BY work_id"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE opinion AS SELECT work_id, o.relevance AS model_relevance FROM shown JOIN store.model_opinion o USING (work_id)"
        " WHERE proposed AND decision IS NULL AND o.relevance IS NOT NULL"
    )


def venue_lists(con: duckdb.DuckDBPyConnection, workspace: Workspace) -> dict[str, ListName]:
    """path -> the list of every venue and year there are works or imported lists of."""
    rows = con.execute(
        "SELECT min(venue), year FROM store.work WHERE venue IS NOT NULL AND year IS NOT NULL GROUP BY lower(venue), year UNION"
        " SELECT list_venue, list_year FROM store.document WHERE format = 'venue-list' AND list_venue IS NOT NULL AND list_year IS NOT NULL"
        " ORDER BY ALL"
    ).fetchall()
    return {named.path: named for venue, year in rows for named in (list_name(workspace, year, venue),)}


def lists_due(con: duckdb.DuckDBPyConnection, workspace: Workspace) -> list[ListName]:
    """Every list there is something to say in, or that was written before: yearly ones, venues', and the look-again list.

    The temporary tables of `stage_shown` must be there.
    """
    years = con.execute(
        f"SELECT home_year AS year FROM shown WHERE {_LISTED} UNION SELECT year FROM moving"
        " UNION SELECT list_year FROM store.document WHERE format = 'yearly-list' AND list_year IS NOT NULL"
        " UNION SELECT try_cast(nullif(regexp_extract(path, '^lists/([0-9]+|undated)\\.md$', 1), 'undated') AS INTEGER) FROM store.rendered"
        " WHERE regexp_matches(path, '^lists/([0-9]+|undated)\\.md$') ORDER BY ALL NULLS LAST"
    ).fetchall()
    venues = con.execute(
        "SELECT min(venue), year FROM shown WHERE venue IS NOT NULL AND year IS NOT NULL AND in_scope GROUP BY lower(venue), year UNION"
        " SELECT list_venue, list_year FROM store.document WHERE format = 'venue-list' AND list_venue IS NOT NULL AND list_year IS NOT NULL"
        " ORDER BY ALL"
    ).fetchall()
    found = [list_name(workspace, year) for (year,) in years]
    by_path = {named.path: named for venue, year in venues for named in (list_name(workspace, year, venue),)}
    again = con.execute("SELECT 1 FROM again UNION ALL SELECT 1 FROM store.rendered WHERE path = ? LIMIT 1", [LOOK_AGAIN]).fetchall()
    return [*found, *by_path.values(), *([ListName(LOOK_AGAIN, again=True)] if again else [])]


_LISTED = "(decision = 'selected' OR (proposed AND decision IS NULL))"
"""As in the view year_list: selected works and open proposals."""


# --- which works belong on a list


def wanted_on(con: duckdb.DuckDBPyConnection, listed: ListName) -> list[Wanted]:
    """The works that belong on a list, in its order, each with what its block should say; `stage_shown` must have been called."""
    if listed.again:
        wanted = _wanted_again(con)
    elif listed.venue is not None:
        wanted = _wanted_venue(con, listed.venue, listed.year)
    else:
        wanted = [*_wanted_yearly(con, listed.year), *_wanted_moves(con, listed.year)]
    return sorted(wanted, key=lambda one: (_order(one.fields, listed), one.work_id))


def _order(fields: BlockFields, listed: ListName) -> checklist.OrderKey:
    return checklist.order_key(fields.venue if listed.kind == "yearly" else None, fields.url, fields.title)


def _wanted_yearly(con: duckdb.DuckDBPyConnection, year: int | None) -> list[Wanted]:
    rows = con.execute(
        "SELECT w.work_id, w.title, w.url, w.venue, w.year, w.type, w.abstract, coalesce(w.decision = 'selected', false), w.screening_score,"
        " o.model_relevance, w.labels,"
        " coalesce(q.quote, CASE WHEN w.decision IS NULL THEN s.quotes END),"
        " coalesce(q.producer, w.labelled_by)"
        " FROM shown w LEFT JOIN quoted q USING (work_id) LEFT JOIN opinion o USING (work_id)"
        " LEFT JOIN (SELECT work_id, array_to_string(json_extract_string(evidence, ['$[0].quote', '$[1].quote', '$[2].quote']), ' … ') AS quotes"
        " FROM store.screening) s USING (work_id)"
        f" WHERE {_LISTED} AND w.home_year IS NOT DISTINCT FROM ?",
        [year],
    ).fetchall()
    return [_wanted(row[:8], None if row[7] else _why(*row[8:])) for row in rows]


def _wanted_moves(con: duckdb.DuckDBPyConnection, year: int | None) -> list[Wanted]:
    """Selected works of another year's list that belong here by now: unticked until the person agrees."""
    rows = con.execute(
        "SELECT w.work_id, w.title, w.url, w.venue, w.year, w.type, w.abstract, false, m.home_year"
        " FROM shown w JOIN moving m USING (work_id) WHERE m.year = ?",
        [year],
    ).fetchall()
    moved = "you ticked it in {} · now at {} {} · tick to move it here"
    return [_wanted(row[:8], moved.format(row[8] or "the undated list", row[3] or "no venue", row[4])) for row in rows]


def _wanted_venue(con: duckdb.DuckDBPyConnection, venue: str, year: int | None) -> list[Wanted]:
    rows = con.execute(
        "SELECT work_id, title, url, venue, year, NULL, abstract, decision = 'selected' FROM shown"
        " WHERE lower(venue) = lower(?) AND year IS NOT DISTINCT FROM ? AND in_scope AND coalesce(decision, '') <> 'rejected'",
        [venue, year],
    ).fetchall()
    return [_wanted(row, None) for row in rows]


def _wanted_again(con: duckdb.DuckDBPyConnection) -> list[Wanted]:
    rows = con.execute(
        "SELECT w.work_id, w.title, w.url, w.venue, w.year, w.type, w.abstract, false, a.reason, a.rejected_at"
        " FROM shown w JOIN again a USING (work_id)"
    ).fetchall()
    return [
        _wanted(row[:8], f"rejected on {row[9]:%Y-%m-%d}{f': {row[8]}' if row[8] else ''} · since then at {row[3]} {row[4] or ''}")
        for row in rows
    ]


def _wanted(row: Sequence[Any], why: str | None) -> Wanted:
    """A row of (work_id, title, url, venue, year, type, abstract, ticked)."""
    work_id, title, url, venue, year, type_, abstract, ticked = row
    shown = None if why is None else clean_line(why)
    return Wanted(
        work_id, BlockFields(title=title, url=url, venue=venue, year=year, type=type_, why=shown, ticked=bool(ticked), abstract=abstract)
    )


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


# --- what is known of works that stand on a list


def facts_of(con: duckdb.DuckDBPyConnection, works: Iterable[str]) -> dict[str, Fact]:
    """What the warehouse knows about each of these works."""
    stage(con, "listed_work", [{"work_id": one} for one in sorted(set(works))], {"work_id": "VARCHAR"})
    promotions: dict[str, list[Promotion]] = {}
    for work_id, *step in con.execute(
        "SELECT work_id, from_venue, from_url, to_venue, to_year, to_url FROM store.promotion JOIN listed_work USING (work_id)"
        " ORDER BY made_at, work_id, to_url"
    ).fetchall():
        promotions.setdefault(work_id, []).append(Promotion(*step))
    facts = {}
    for row in con.execute(_FACTS).fetchall():
        (
            work_id,
            decision,
            title,
            url,
            venue,
            year,
            abstract,
            type_,
            home_year,
            labelled_by,
            correction,
            typed,
            withdrawn,
            moved_from,
            decided,
        ) = row
        facts[work_id] = Fact(
            work_id=work_id,
            decision=decision,
            decided_at=decided,
            year=year,
            home_year=home_year,
            withdrawn=withdrawn,
            moved_from=frozenset(moved_from or ()),
            corrections=corrected_fields(correction),
            typed=typed,
            labelled_by_person=labelled_by == "human",
            shown={"title": title, "url": url, "venue": venue, "year": year, "abstract": abstract, "type": type_},
            promotions=tuple(promotions.get(work_id, ())),
        )
    return facts


# a Type that was imported belongs to its own list; one that was said since belongs on every list of the work
_FACTS = """
WITH said AS (SELECT d.work_id, d.what, d.value, d.after, d.decision_id, d.in_force, d.made_at FROM main.decisions d JOIN listed_work USING (work_id)),
moved AS (
    SELECT d.work_id, list(DISTINCT coalesce(try_cast(p.work ->> 'year' AS INTEGER), 0)) AS years
    FROM said d JOIN store.decision p ON list_contains(string_split(d.after, ' '), p.decision_id)
    WHERE d.in_force AND d.what = 'selected' AND p.what = 'selected' GROUP BY d.work_id
),
spoken AS (
    SELECT work_id, max(value) FILTER (in_force AND what = 'correction') AS correction,
           max(coalesce(value, '')) FILTER (in_force AND what = 'type' AND after IS NOT NULL) AS typed,
           coalesce(bool_or(what = 'selected' AND decision_id IN (SELECT value FROM store.decision WHERE what = 'undo' AND value IS NOT NULL)), false)
               AS withdrawn,
           max(made_at) FILTER (in_force AND what IN ('selected', 'rejected', 'later')) AS decided_at
    FROM said GROUP BY work_id
)
SELECT w.work_id, w.decision, w.title, w.url, w.venue, w.year, w.abstract, w.type, w.home_year, w.labelled_by,
       s.correction, s.typed, coalesce(s.withdrawn, false), moved.years, s.decided_at
FROM main.works w JOIN listed_work USING (work_id) LEFT JOIN moved USING (work_id) LEFT JOIN spoken s USING (work_id)
"""


def corrected_fields(value: str | None) -> dict[str, str | int]:
    """The fields of a correction as a block says them; what cannot stand in a list is left out."""
    if not value:
        return {}
    try:
        said = json.loads(value)
    except ValueError:
        return {}
    fields: dict[str, str | int] = {}
    for name in ("title", "venue", "abstract"):
        if isinstance(text := said.get(name), str) and text.strip():
            fields[name] = text.strip() if name == "abstract" else clean_line(text)
    if isinstance(url := said.get("url"), str) and (clean := clean_url(url)):
        fields["url"] = clean
    if re.fullmatch(r"[0-9]{1,4}", year := str(said.get("year", ""))):
        fields["year"] = int(year)
    return fields


def open_conflicts(con: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> dict[tuple[str, str], frozenset[str]]:
    """(path, work) -> the fields on which the person has to decide."""
    rows = con.execute(
        "SELECT path, work_id, list(field) FROM store.conflict WHERE list_contains(?, path) GROUP BY path, work_id", [list(paths)]
    ).fetchall()
    return {(path, work_id): frozenset(fields) for path, work_id, fields in rows}
