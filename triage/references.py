"""Finding the work that a text names: by identifier, by link, or by title and year.

Used for a person's words (decisions.jsonl) and for the blocks of a list, which both outlive the ids of
works.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from triage.errors import UsageError
from triage.models import WorkReference
from triage.text import canonical_url, identifiers_in_url, title_key
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

__all__ = ["resolve", "stage_papers", "stage_references", "works_named"]

# The surest first; the numbers are places in an order, not weights.
_IDENTIFIER, _LINK, _TITLE = 0, 1, 2


_Key = tuple[int, str, str]
"""(rank, scheme, key): one name of a paper."""

_SHAPE = {"reference": "VARCHAR", "rank": "INTEGER", "scheme": "VARCHAR", "key": "VARCHAR", "year": "INTEGER"}


def stage_references(con: duckdb.DuckDBPyConnection, table: str, works: Mapping[str, WorkReference]) -> None:
    """Make a temporary table (reference, rank, scheme, key, year) of what each reference can be found by."""
    named = ((reference, _keys(tuple(sorted(one.identifiers.items())), one.url, one.title), one.year) for reference, one in works.items())
    stage(con, table, list(_rows(named)), _SHAPE)


def stage_papers(con: duckdb.DuckDBPyConnection, table: str, papers: Iterable[tuple[str, str | None, int | None]]) -> None:
    """The same of papers as a list names them, (title, link, year); the reference of each is its place, from 0."""
    named = ((str(n), _keys_of_paper(title, url), year) for n, (title, url, year) in enumerate(papers))
    stage(con, table, list(_rows(named)), _SHAPE)


def _rows(named: Iterable[tuple[str, Sequence[_Key], int | None]]) -> Iterator[dict[str, Any]]:
    for reference, keys, year in named:
        for rank, scheme, key in keys:
            yield {"reference": reference, "rank": rank, "scheme": scheme, "key": key, "year": year}


@lru_cache(maxsize=20_000)  # a night looks for the blocks of a list when it reads it, and again when it writes it
def _keys_of_paper(title: str, url: str | None) -> tuple[_Key, ...]:
    return _keys(tuple(sorted(identifiers_in_url(url).items())), url, title)


def _keys(identifiers: Sequence[tuple[str, str]], url: str | None, title: str) -> tuple[_Key, ...]:
    found = [(_IDENTIFIER, scheme, value) for scheme, value in identifiers]
    if link := canonical_url(url):
        found.append((_LINK, "url", link))
    if key := title_key(title):
        found.append((_TITLE, "title", key))
    return tuple(found)


def resolve(con: duckdb.DuckDBPyConnection, keys: str, result: str) -> None:
    """Make temporary table `result` (reference, work_id) from a table of keys.

    A reference goes to the work that shares its surest key, of several the one whose title agrees and
    whose year fits; when two works are equally near it is left out: a guess would put a person's word
    on the wrong paper.
    """
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {result} AS
        WITH candidate AS (
            SELECT k.reference, m.work_id,
                   min(k.rank) AS rank,
                   max(k.scheme = 'title') AS title_agrees,
                   min(CASE WHEN k.year IS NULL OR w.year IS NULL OR k.year = w.year THEN 0 ELSE 1 END) AS year_off
            FROM {keys} k JOIN (FROM store.record_key UNION ALL FROM store.correction_key
                      UNION ALL SELECT record_id, 'record', record_id FROM store.record) r USING (scheme, key)
                 JOIN store.membership m USING (record_id)
                 JOIN store.work w USING (work_id)
            GROUP BY ALL
        ),
        nearest AS (
            SELECT reference, work_id, rank() OVER (PARTITION BY reference ORDER BY rank, NOT title_agrees, year_off) AS place FROM candidate
        )
        SELECT reference, min(work_id) AS work_id FROM nearest WHERE place = 1 GROUP BY reference HAVING count(*) = 1
    """)


def works_named(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> list[str]:
    """Full work ids for ids or their beginnings, also of works that went into another one; sorted, each once.

    `con` may be the readers' snapshot. Raises UsageError for a name that fits no work, or more than one.
    """
    rows = con.execute(
        "SELECT n.name, list(w.work_id ORDER BY w.work_id) FILTER (w.work_id IS NOT NULL)"
        " FROM (SELECT unnest(?) AS name) n LEFT JOIN"
        " (SELECT work_id, work_id AS name FROM store.work UNION ALL SELECT new_id, old_id FROM store.work_alias) w"
        " ON starts_with(w.name, n.name) GROUP BY n.name",
        [list(names)],
    ).fetchall()
    for name, found in rows:
        if len(set(found or ())) != 1:
            known = f"{len(set(found))} works begin so" if found else "no such work"
            raise UsageError(f"{name}: {known}", hint='find ids with: triage sql "SELECT work_id, title FROM works"')
    return sorted({found[0] for _, found in rows})
