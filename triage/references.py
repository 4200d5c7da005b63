"""Finding the work that a text names: by identifier, by link, or by title and year.

Used for a person's words (decisions.jsonl) and for the blocks of a list, which both outlive the ids of
works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from triage.models import WorkReference
from triage.text import canonical_url, title_key
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

__all__ = ["resolve", "stage_references"]

# The surest first; the numbers are places in an order, not weights.
_IDENTIFIER, _LINK, _TITLE = 0, 1, 2


def _keys(reference: str, work: WorkReference) -> Iterator[dict[str, Any]]:
    found = [(_IDENTIFIER, scheme, value) for scheme, value in sorted(work.identifiers.items())]
    if link := canonical_url(work.url):
        found.append((_LINK, "url", link))
    if key := title_key(work.title):
        found.append((_TITLE, "title", key))
    for rank, scheme, key in found:
        yield {"reference": reference, "rank": rank, "scheme": scheme, "key": key, "year": work.year}


def stage_references(con: duckdb.DuckDBPyConnection, table: str, works: Mapping[str, WorkReference]) -> None:
    """Make a temporary table (reference, rank, scheme, key, year) of what each reference can be found by."""
    rows = [row for reference, work in works.items() for row in _keys(reference, work)]
    stage(con, table, rows, {"reference": "VARCHAR", "rank": "INTEGER", "scheme": "VARCHAR", "key": "VARCHAR", "year": "INTEGER"})


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
