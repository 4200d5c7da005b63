"""Whether the lists can be left as they are: nothing they are made from changed since they were written.

A night with nothing new is told by one fingerprint of everything that the lists' texts depend on. It may differ for nothing (then
the lists are made again, and come out the same), but what changes a list must change it: so it takes in whole tables, all settings
and the program's own text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from triage.rendering import RenderedFile, content_hash
from triage.warehouse import stage, view_texts

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run
    from triage.workspace import Workspace

__all__ = ["fingerprint", "keep_fingerprint", "unchanged_lists"]

_ASKED = (
    "works", "moves", "look_again", "labels_current", "review_queue", "decisions",
    "record", "record_key", "correction_key", "membership", "work", "screening", "document", "promotion", "decision", "conflict",
)  # fmt: skip
"""The views and tables that `triage.listed`, `triage.lists` and `triage.references` ask; what these views ask is found in their text."""

_WORD = re.compile(r"\w+")


def fingerprint(con: duckdb.DuckDBPyConnection, workspace: Workspace) -> str:
    """Of the rows of every table the lists depend on, which lists there are, the settings and the program, in hexadecimal."""
    tables = _tables_asked(con)
    sums = " UNION ALL ".join(f"SELECT '{name}' AS name, count(*) AS rows, sum(hash(t)) AS sum FROM store.{name} t" for name in tables)
    rows = con.execute(f"SELECT * FROM ({sums}) ORDER BY name").fetchall()
    there = con.execute("SELECT DISTINCT path FROM store.rendered WHERE starts_with(path, 'lists/') ORDER BY path").fetchall()
    parts = (repr(rows), repr(there), workspace.settings.model_dump_json(), view_texts(), _program())
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _tables_asked(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The stored tables behind what is asked: any word of a view's text that is a table or view counts as asked."""
    views = dict(con.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").fetchall())
    stored = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'store'").fetchall()}
    found: set[str] = set()
    left = set(_ASKED)
    while left:
        name = left.pop()
        found.add(name)
        left |= {word for word in _WORD.findall(views.get(name, "")) if word in views or word in stored} - found
    return sorted(found & stored)


@lru_cache(maxsize=1)
def _program() -> str:
    """A hash of the program's own text: another version may write lists otherwise."""
    folder = Path(__file__).parent
    sums = (hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.py")))
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def unchanged_lists(con: duckdb.DuckDBPyConnection, run: Run, now: str) -> list[str]:
    """The paths of all lists when every one stands as it was made from what is fingerprinted `now`; else none."""
    rows = con.execute(
        "SELECT path, l.sha256, l.fingerprint, newest.sha256 FROM store.list_input l LEFT JOIN"
        " (SELECT path, arg_max(sha256, position) AS sha256 FROM store.rendered GROUP BY path) newest USING (path) ORDER BY path"
    ).fetchall()
    for path, sha256, made_from, newest in rows:
        if made_from != now or newest != sha256 or content_hash(run.workspace.root / path) != sha256:
            return []
    return [row[0] for row in rows]


def keep_fingerprint(con: duckdb.DuckDBPyConnection, run: Run, files: Sequence[RenderedFile], made_from: str) -> None:
    """Remember what all lists were made from, once they are written."""
    rows = [{"path": run.workspace.relative(f.path), "sha256": f.sha256, "fingerprint": made_from} for f in files]
    stage(con, "list_made", rows, dict.fromkeys(("path", "sha256", "fingerprint"), "VARCHAR"))
    con.execute("DELETE FROM store.list_input")
    con.execute("INSERT INTO store.list_input SELECT path, sha256, fingerprint FROM list_made")
