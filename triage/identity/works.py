"""Components -> works: membership, the facts that follow, the visible record, promotions.

The visible fields of a work come from its best record by one order: a person's correction; published
before preprint; with a link before without; a list the person keeps; the source whose link the venue's
entry in seeds/venues.yaml prefers, then its other sources in order; typed notes last (their titles are
shortened by hand).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triage.identity.blocks import sql_list
from triage.text import PREPRINT_VENUES, canonical_url, title_key
from triage.warehouse import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from triage.identity.links import LinkOrder
    from triage.runs import Run

__all__ = ["apply_corrections", "corrected_works", "store_membership", "visible_works"]

_ONE_A_WORK = ("screening", "proposal", "unproposed")
_MANY_A_WORK = ("labelling", "note", "claim", "model_screening", "voided", "conflict")
_KEPT_ORIGIN = (("labelling", "labelling_id"), ("note", "note_id"), ("conflict", "conflict_id"))


def store_membership(con: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Make temporary table `found` (record_id, work_id, lone) the truth, and let every fact follow its work."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE moved AS SELECT m.work_id AS old_id, min(f.work_id) AS new_id FROM store.membership m JOIN found f USING (record_id)"
        " WHERE m.work_id NOT IN (SELECT work_id FROM found) GROUP BY ALL"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE stale AS SELECT DISTINCT m.work_id FROM store.membership m JOIN found USING (record_id)")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE was AS SELECT coalesce(m.new_id, w.work_id) AS work_id, w.venue, w.year, w.url"
        " FROM store.work w LEFT JOIN moved m ON m.old_id = w.work_id WHERE w.work_id IN (SELECT work_id FROM stale)"
    )
    con.execute("DELETE FROM store.membership WHERE record_id IN (SELECT record_id FROM found)")
    con.execute(
        "INSERT INTO store.membership SELECT f.record_id, f.work_id, r.content_hash FROM found f JOIN store.record r USING (record_id)"
    )
    merged = con.execute("SELECT EXISTS (FROM moved)").fetchall()[0][0]  # seldom; and to ask two dozen tables for nothing takes a while
    if merged:
        _keep_conflicts(con, run)
        con.execute("INSERT INTO store.work_alias SELECT old_id, new_id, ?, ? FROM moved", [run.id, run.now()])
    con.execute("DELETE FROM store.work_alias WHERE old_id IN (SELECT work_id FROM found)")
    if merged:
        _move_facts(con)
    if con.execute("SELECT EXISTS (FROM store.fact_origin)").fetchall()[0][0]:
        _move_back(con)
    con.execute("DELETE FROM store.work WHERE work_id IN (SELECT work_id FROM stale UNION ALL SELECT work_id FROM found)")


def _keep_conflicts(con: duckdb.DuckDBPyConnection, run: Run) -> None:
    """A person said one thing of one work and another of the other, and now they are one: somebody must look."""
    con.execute(
        "INSERT INTO store.tick_conflict"
        " WITH spoken AS (SELECT work_id, decision_id, what FROM main.decisions WHERE in_force AND what IN ('selected', 'rejected', 'later'))"
        " SELECT m.new_id, kept.decision_id, other.decision_id, kept.what, other.what, ?, ?"
        " FROM moved m JOIN spoken kept ON kept.work_id = m.new_id JOIN spoken other ON other.work_id = m.old_id WHERE kept.what <> other.what",
        [run.id, run.now()],
    )


def _move_facts(con: duckdb.DuckDBPyConnection) -> None:
    """Along a merge to the work that stays."""
    for table, key in _KEPT_ORIGIN:
        con.execute(
            f"INSERT INTO store.fact_origin SELECT '{table}', t.{key}, t.work_id FROM store.{table} t JOIN moved m ON m.old_id = t.work_id"
            f" WHERE t.{key} NOT IN (SELECT fact_id FROM store.fact_origin WHERE kind = '{table}')"
        )
    for table in (*_ONE_A_WORK, *_MANY_A_WORK):
        con.execute(f"UPDATE store.{table} AS t SET work_id = m.new_id FROM moved m WHERE t.work_id = m.old_id")
    for table in _ONE_A_WORK:  # where two works became one, the newer stays
        con.execute(
            f"DELETE FROM store.{table} WHERE work_id IN (SELECT new_id FROM moved) AND rowid NOT IN"
            f" (SELECT arg_max(rowid, made_at) FROM store.{table} GROUP BY work_id)"
        )


def _move_back(con: duckdb.DuckDBPyConnection) -> None:
    """Along a split to the work that is there again."""
    for table, key in _KEPT_ORIGIN:
        con.execute(
            f"UPDATE store.{table} AS t SET work_id = o.work_id FROM store.fact_origin o"
            f" WHERE o.kind = '{table}' AND o.fact_id = t.{key} AND o.work_id <> t.work_id AND o.work_id IN (SELECT work_id FROM found)"
        )


def visible_works(con: duckdb.DuckDBPyConnection, run: Run, order: Sequence[LinkOrder]) -> list[str]:
    """Make the rows of the works in `found` anew; store promotions and return one line about each."""
    shape: dict[str, Any] = {"venue": "VARCHAR", "first": "INTEGER", "last": "INTEGER", "source": "VARCHAR", "place": "INTEGER"}
    stage(con, "link_order", [one._asdict() for one in order], shape)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE sized AS SELECT work_id, record_id, 1 AS records FROM found WHERE lone"
        " UNION ALL SELECT work_id, any_value(record_id), count(*) FROM found WHERE NOT lone GROUP BY work_id"
    )
    con.execute(_SINGLE)
    if con.execute("SELECT EXISTS (FROM sized WHERE records > 1)").fetchall()[0][0]:
        con.execute(_SEVERAL)
    return _promotions(con, run)


_SINGLE = """
INSERT INTO store.work
SELECT s.work_id, r.record_id, r.title, r.abstract, coalesce(r.authors, []), r.venue, r.year, r.url, r.published, r.identifiers, 1,
       md5(r.title || chr(31) || coalesce(r.abstract, '')), r.first_run, r.last_run, r.first_seen, r.last_seen
FROM sized s JOIN store.record r USING (record_id) WHERE s.records = 1
"""

_SEVERAL = """
INSERT INTO store.work
WITH gathered AS (SELECT m.record_id, m.work_id FROM store.membership m JOIN sized s USING (work_id) WHERE s.records > 1),
several AS (
    SELECT m.work_id, r.*, trim(regexp_replace(lower(r.venue), '[^\\pL\\pN_]+', '-', 'g'), '-') AS folded
    FROM gathered m JOIN (SELECT * FROM store.record WHERE record_id IN (SELECT record_id FROM gathered)) r USING (record_id)
),
kept AS (
    SELECT v.*, coalesce(min(o.place), 99) AS linked,
           CASE WHEN v.source <> 'documents' THEN 1 WHEN starts_with(v.source_key, 'yearly-list:') THEN 0
                WHEN starts_with(v.source_key, 'notes:') THEN 3 ELSE 2 END AS keeper
    FROM several v LEFT JOIN link_order o
         ON o.venue = v.folded AND o.source = v.source AND v.year BETWEEN o.first AND o.last
    GROUP BY ALL
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY work_id ORDER BY preprint, url IS NULL, keeper > 0, linked, keeper, record_id) AS place,
           row_number() OVER (PARTITION BY work_id ORDER BY keeper = 3, preprint, url IS NULL, keeper > 0, linked, keeper, record_id) AS title_place
    FROM kept
),
named AS (  -- one value a scheme; a work may have several OpenReview forums, the smallest is shown
    SELECT work_id, map_from_entries(list({k: scheme, v: value} ORDER BY scheme)) AS identifiers
    FROM (SELECT work_id, e.key AS scheme, min(e.value) AS value
          FROM (SELECT work_id, unnest(map_entries(identifiers)) AS e FROM ranked) GROUP BY ALL)
    GROUP BY work_id
)
SELECT work_id, arg_min(record_id, place), arg_min(title, title_place),
       arg_min(abstract, title_place) FILTER (abstract IS NOT NULL),
       coalesce(arg_min(authors, place) FILTER (len(authors) > 0), []),
       arg_min(venue, place) FILTER (venue IS NOT NULL), arg_min(year, place) FILTER (year IS NOT NULL),
       arg_min(url, place) FILTER (url IS NOT NULL), min(published),
       coalesce(any_value(named.identifiers), MAP {}),
       count(*), md5(arg_min(title, title_place) || chr(31) || coalesce(arg_min(abstract, title_place) FILTER (abstract IS NOT NULL), '')),
       min(first_run), max(last_run), min(first_seen), max(last_seen)
FROM ranked LEFT JOIN named USING (work_id) GROUP BY work_id
"""

# What a person had taken apart and lets come together again was published before: that is no news.
_REUNITED = """
SELECT x.work_id FROM store.person_pair p JOIN store.membership x ON x.record_id = p.a JOIN store.membership y ON y.record_id = p.b AND y.work_id = x.work_id
WHERE p.what = 'not-same' AND (p.a, p.b) NOT IN (SELECT (a, b) FROM said WHERE what = 'not-same')
"""

_PREPRINT = f"(lower({{0}}) IN {sql_list(tuple(sorted(PREPRINT_VENUES)))} OR {{0}} IS NULL)"


def _promotions(con: duckdb.DuckDBPyConnection, run: Run) -> list[str]:
    if not con.execute("SELECT EXISTS (FROM was)").fetchall()[0][0]:
        return []  # every work is new
    con.execute(
        "CREATE OR REPLACE TEMP TABLE promoted AS"
        " SELECT w.work_id, w.best_record_id, o.venue AS from_venue, o.year AS from_year, o.url AS from_url, w.venue, w.year, w.url, w.title"
        f" FROM was o JOIN store.work w USING (work_id) WHERE {_PREPRINT.format('o.venue')} AND NOT {_PREPRINT.format('w.venue')}"
        f" AND w.work_id NOT IN ({_REUNITED})"
        " QUALIFY row_number() OVER (PARTITION BY w.work_id ORDER BY o.year, o.url) = 1"
    )
    con.execute(
        "INSERT INTO store.promotion SELECT work_id, best_record_id, from_venue, from_year, from_url, venue, year, url, ?, ? FROM promoted"
        " ORDER BY work_id",
        [run.id, run.now()],
    )
    rows = con.execute("SELECT title, from_venue, from_year, venue, year FROM promoted ORDER BY title, work_id").fetchall()
    return [f"promotion: {title}: {_place(before, year)} -> {_place(venue, now)}" for title, before, year, venue, now in rows]


def _place(venue: str | None, year: int | None) -> str:
    return " ".join(str(part) for part in (venue or "no venue", year) if part)


_IN_FORCE = "SELECT work_id, decision_id, value FROM main.decisions WHERE in_force AND what = 'correction' AND work_id IS NOT NULL"


def _any_correction(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether there is a correction, or one that was applied; the view of what is in force costs ten times as much to ask."""
    asked = "SELECT EXISTS (FROM store.decision WHERE what = 'correction') OR EXISTS (FROM store.applied_correction)"
    return bool(con.execute(asked).fetchall()[0][0])


def corrected_works(con: duckdb.DuckDBPyConnection) -> None:
    """Make temporary table `recorrected` (record_id): records of works whose correction is new, changed or undone."""
    if not _any_correction(con):
        con.execute("CREATE OR REPLACE TEMP TABLE recorrected (record_id VARCHAR)")
        return
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE recorrected AS WITH stands AS (SELECT work_id, decision_id FROM ({_IN_FORCE}))"
        " SELECT DISTINCT m.record_id FROM store.membership m WHERE m.work_id IN"
        " ((SELECT work_id FROM (FROM stands EXCEPT FROM store.applied_correction))"
        " UNION (SELECT work_id FROM (FROM store.applied_correction EXCEPT FROM stands)))"
    )


def apply_corrections(con: duckdb.DuckDBPyConnection) -> None:
    """Write what a person corrected (title, venue, year, url, abstract; JSON in the decision's value) over the best record's fields."""
    if not _any_correction(con):
        return
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE correction AS SELECT work_id, decision_id, try_cast(value AS JSON) AS said FROM ({_IN_FORCE})"
    )
    con.execute(
        "UPDATE store.work AS w SET title = coalesce(nullif(trim(c.said ->> 'title'), ''), w.title), venue = coalesce(c.said ->> 'venue', w.venue),"
        " year = coalesce(try_cast(c.said ->> 'year' AS INTEGER), w.year), url = coalesce(c.said ->> 'url', w.url),"
        " abstract = coalesce(c.said ->> 'abstract', w.abstract) FROM correction c WHERE c.work_id = w.work_id AND c.said IS NOT NULL"
    )
    con.execute(
        "UPDATE store.work AS w SET text_hash = md5(title || chr(31) || coalesce(abstract, '')) WHERE work_id IN (SELECT work_id FROM correction)"
    )
    con.execute("DELETE FROM store.applied_correction; INSERT INTO store.applied_correction SELECT work_id, decision_id FROM correction")
    corrected = con.execute(
        "SELECT best_record_id, title, url FROM store.work WHERE work_id IN (SELECT work_id FROM correction) ORDER BY work_id"
    ).fetchall()
    keys = [
        {"record_id": record_id, "scheme": scheme, "key": key}
        for record_id, title, url in corrected
        for scheme, key in (("title", title_key(title)), ("url", canonical_url(url)))
        if key
    ]
    stage(con, "corrected_key", keys, dict.fromkeys(("record_id", "scheme", "key"), "VARCHAR"))
    con.execute("DELETE FROM store.correction_key; INSERT INTO store.correction_key SELECT * FROM corrected_key")
