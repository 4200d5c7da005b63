"""Selected works as CSV, for spreadsheets and reference programs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["COLUMNS", "selected_csv"]

COLUMNS = ("title", "url", "venue", "year", "type", "labels", "identifiers")

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def selected_csv(con: duckdb.DuckDBPyConnection, year: int | None) -> str:
    """The selected works of a year (None: without a year) in the order of its list; UTF-8 text, no byte-order mark.

    `labels` are joined by "; ", `identifiers` are "scheme:value" joined by "; ".
    """
    rows = con.execute(
        "SELECT y.title, y.url, y.venue, y.year, y.type, list_aggregate(y.labels, 'string_agg', '; '),"
        " list_aggregate(list_transform(map_entries(w.identifiers), lambda e: e.key || ':' || e.value), 'string_agg', '; ')"
        " FROM main.year_list y JOIN main.works w USING (work_id)"
        " WHERE y.decision = 'selected' AND y.year IS NOT DISTINCT FROM ?",
        [year],
    ).fetchall()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([defused(value) for value in row] for row in rows)
    return out.getvalue()


def defused(value: object) -> str:
    """A cell that no spreadsheet runs: an apostrophe goes before what would start a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
