"""Keeping records: one bulk merge for however many a source or a document gives.

A record that is known keeps what it had where the new answer is poorer (an abstract that is missing
today does not delete yesterday's).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.collector import uncollected
from triage.models import Record
from triage.text import canonical_url, is_generic_title, is_preprint, name_tokens, title_key
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["Kept", "keep_records", "record_keys"]

_TEXT_MAP = "MAP(VARCHAR, VARCHAR)"
_STRUCTURE: dict[str, Any] = {
    "record_id": "VARCHAR", "source": "VARCHAR", "source_key": "VARCHAR", "url": "VARCHAR", "title": "VARCHAR",
    "abstract": "VARCHAR", "authors": ["VARCHAR"], "venue": "VARCHAR", "year": "INTEGER", "track": "VARCHAR",
    "acceptance": "VARCHAR", "published": "DATE", "identifiers": _TEXT_MAP, "links": _TEXT_MAP,
    "raw_sha256": "VARCHAR", "content_hash": "VARCHAR", "title_key": "VARCHAR", "generic": "BOOLEAN",
    "preprint": "BOOLEAN", "name_tokens": ["VARCHAR"],
}  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """How many records were new, changed, and seen before without a change (`known` counts both latter)."""

    new: int
    changed: int
    known: int


def record_keys(record: Record) -> list[tuple[str, str]]:
    """(scheme, key) pairs a record is matched by: its identifiers, its link, its title."""
    keys = sorted(record.identifiers.items())
    if link := canonical_url(record.url):
        keys.append(("url", link))
    if key := title_key(record.title):
        keys.append(("title", key))
    return keys


_HASHED = json.JSONEncoder(sort_keys=True, ensure_ascii=False, check_circular=False).encode


def content_hash(said: Mapping[str, Any]) -> str:
    """Of a record's fields as JSON has them: changes exactly when what the source says about the paper changes."""
    return hashlib.sha256(_HASHED({name: value for name, value in said.items() if name != "raw_sha256"}).encode("utf-8")).hexdigest()[:16]


@dataclass(frozen=True)
class _Said:
    """A record with what is worked out of it once: its fields as JSON has them, and their hash."""

    record: Record
    fields: dict[str, Any]
    hash: str


def _row(record_id: str, said: _Said) -> dict[str, Any]:
    record = said.record
    return {
        **said.fields,
        "record_id": record_id,
        "content_hash": said.hash,
        "title_key": title_key(record.title),
        "generic": is_generic_title(record.title),
        "preprint": is_preprint(record.venue),
        "name_tokens": name_tokens(record.authors),
    }


@uncollected()  # rows make no cycles
def keep_records(
    con: duckdb.DuckDBPyConnection,
    run: Run,
    records: Sequence[Record],
    *,
    poorer: Collection[str] = (),
    came: tuple[str, datetime] | None = None,
) -> Kept:
    """Merge records into the warehouse inside the caller's transaction; fields that come or change are noted with the run.

    Records with the same record_id in one call count once as new, then as known. Of those that are known unchanged
    only the hash is worked out. Those whose id is in `poorer` come from an answer that is not to be trusted: they are
    kept when they are new, and overwrite nothing. `came` is the run and
    the moment (UTC without zone) that brought them, where they are only read again now.
    """
    unique: dict[str, _Said] = {}
    for record in records:
        if (record_id := record.record_id) not in unique:
            fields = record.model_dump(mode="json")
            unique[record_id] = _Said(record, fields, content_hash(fields))
    hashes = [{"record_id": record_id, "content_hash": said.hash} for record_id, said in unique.items()]
    stage(con, "staged_hash", hashes, {"record_id": "VARCHAR", "content_hash": "VARCHAR"})
    con.execute(
        "CREATE OR REPLACE TEMP TABLE verdict AS SELECT s.record_id, CASE WHEN r.record_id IS NULL THEN 'new'"
        " WHEN s.content_hash <> r.content_hash AND NOT list_contains($poorer::VARCHAR[], s.record_id) THEN 'changed' ELSE 'known' END AS verdict"
        " FROM staged_hash s LEFT JOIN store.record r USING (record_id)",
        {"poorer": sorted(poorer)},
    )
    wanted = {record_id for (record_id,) in con.execute("SELECT record_id FROM verdict WHERE verdict <> 'known'").fetchall()}
    fresh = {record_id: said for record_id, said in unique.items() if record_id in wanted}
    stage(con, "staged_record", [_row(record_id, said) for record_id, said in fresh.items()], _STRUCTURE)
    stage(con, "staged_key", list(_key_rows(fresh)), dict.fromkeys(("record_id", "scheme", "key"), "VARCHAR"))
    counts = dict(con.execute("SELECT verdict, count(*) FROM verdict GROUP BY ALL").fetchall())
    columns = ", ".join(_STRUCTURE)
    con.execute(
        f"INSERT INTO store.record ({columns}, first_run, last_run, first_seen, last_seen, changed_run)"
        f" SELECT {', '.join('s.' + c for c in _STRUCTURE)}, $run, $run, $now, $now, $run FROM staged_record s JOIN verdict v USING (record_id)"
        " WHERE v.verdict = 'new'",
        {"run": run.id, "now": run.now()},
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE before_change AS FROM store.record WHERE record_id IN (SELECT record_id FROM verdict WHERE verdict = 'changed')"
    )
    con.execute(_UPDATE_CHANGED, {"run": run.id})
    by, moment = came or (run.id, run.now())
    con.execute(_NOTE_CHANGES, {"run": by, "now": moment})
    con.execute(
        "UPDATE store.record SET last_run = $run, last_seen = $now WHERE record_id IN (SELECT record_id FROM verdict WHERE verdict <> 'new')",
        {"run": run.id, "now": run.now()},
    )
    con.execute(
        "UPDATE store.work SET last_run = $run, last_seen = $now WHERE work_id IN"
        " (SELECT m.work_id FROM store.membership m JOIN verdict v USING (record_id) WHERE v.verdict <> 'new')",
        {"run": run.id, "now": run.now()},
    )
    con.execute("DELETE FROM store.record_key WHERE record_id IN (SELECT record_id FROM verdict WHERE verdict = 'changed')")
    con.execute("INSERT INTO store.record_key SELECT k.* FROM staged_key k JOIN verdict v USING (record_id) WHERE v.verdict <> 'known'")
    new = counts.get("new", 0)
    return Kept(new=new, changed=counts.get("changed", 0), known=len(records) - new)


def _key_rows(fresh: Mapping[str, _Said]) -> Iterable[dict[str, str]]:
    for record_id, said in fresh.items():
        for scheme, key in record_keys(said.record):
            yield {"record_id": record_id, "scheme": scheme, "key": key}


# What a source says now wins, except that nothing is deleted by an answer that lacks it.
_UPDATE_CHANGED = """
UPDATE store.record AS r SET
    url = coalesce(s.url, r.url), title = s.title, abstract = coalesce(s.abstract, r.abstract),
    authors = CASE WHEN len(s.authors) > 0 THEN s.authors ELSE r.authors END,
    name_tokens = CASE WHEN len(s.authors) > 0 THEN s.name_tokens ELSE r.name_tokens END,
    venue = coalesce(s.venue, r.venue), year = coalesce(s.year, r.year), track = coalesce(s.track, r.track),
    acceptance = coalesce(s.acceptance, r.acceptance), published = coalesce(s.published, r.published),
    identifiers = map_concat(r.identifiers, s.identifiers), links = map_concat(r.links, s.links),
    raw_sha256 = s.raw_sha256, content_hash = s.content_hash, title_key = s.title_key, generic = s.generic,
    preprint = CASE WHEN s.venue IS NULL AND r.venue IS NOT NULL THEN r.preprint ELSE s.preprint END,
    changed_run = $run
FROM staged_record s JOIN verdict v USING (record_id)
WHERE r.record_id = s.record_id AND v.verdict = 'changed'
"""

_NOTED = ("url", "title", "abstract", "venue", "year", "track", "acceptance", "published")
_SAID = ", ".join(f"{{'field': '{name}', 'before': b.{name}::VARCHAR, 'after': r.{name}::VARCHAR}}" for name in _NOTED)
_MAPPED = " UNION ALL ".join(
    f"SELECT record_id, '{name}.' || key, before[key], after[key] FROM"
    f" (SELECT r.record_id, b.{name} AS before, r.{name} AS after, unnest(map_keys(r.{name})) AS key FROM changed b JOIN store.record r USING (record_id))"
    for name in ("identifiers", "links")
)

# Only what came or changed: what an answer lacks today was kept and is no change, nor is what a paper's own page adds to
# the listing of the same run.
_NOTE_CHANGES = f"""
INSERT INTO store.record_change
WITH changed AS (FROM before_change WHERE first_run <> $run),
said AS (
    SELECT record_id, one.field AS field, one.before AS before, one.after AS after
    FROM (SELECT r.record_id, unnest([{_SAID}]) AS one FROM changed b JOIN store.record r USING (record_id))
    UNION ALL
    SELECT r.record_id, 'authors', nullif(array_to_string(b.authors, '; '), ''), array_to_string(r.authors, '; ')
    FROM changed b JOIN store.record r USING (record_id)
    UNION ALL {_MAPPED}
)
SELECT record_id, field, before, after, $run, $now FROM said WHERE before IS DISTINCT FROM after ORDER BY record_id, field
"""
