"""SQL questions, answered from the readers' snapshot in a closed room.

The connection is read-only, cannot touch files or the network, and its configuration is locked; one
statement that only reads is allowed. It works while another process is writing.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage.errors import QueryError, WarehouseError
from triage.warehouse import spare_threads, view_texts

if TYPE_CHECKING:
    import duckdb

__all__ = ["Answer", "answer", "as_csv", "as_json", "as_parquet", "open_snapshot", "plain"]

_CLOSED = {"enable_external_access": "false", "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


@dataclass(frozen=True)
class Answer:
    """Column names and rows, with the moment the snapshot shows (UTC)."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    as_of: datetime | None


def open_snapshot(path: Path, *, writable_file: Path | None = None, any_version: bool = False) -> duckdb.DuckDBPyConnection:
    """A closed, read-only connection; `writable_file` is the one file a query may write.

    Raises WarehouseError when there is no snapshot yet, and, unless `any_version`, when another version of
    the program made it: its views may lack what ours reads.
    """
    import duckdb

    if not path.exists():
        raise WarehouseError(f"{path}: there is no snapshot yet", hint="gather something first: triage import FILE, or triage run")
    try:
        con = duckdb.connect(str(path), read_only=True)
        spare_threads(con, path)
        if writable_file is not None:
            con.execute(f"SET allowed_paths = ['{str(writable_file).replace(chr(39), chr(39) * 2)}']")
        for name, value in _CLOSED.items():
            con.execute(f"SET {name} = {value}")
        con.execute("SET lock_configuration = true")
        ours = any_version or con.execute("SELECT value FROM store.view_text").fetchall() == [(view_texts(),)]
    except duckdb.Error as error:
        raise WarehouseError(
            f"{path}: {_reason(error)}", hint="run any writing command (triage run): it makes the snapshot anew"
        ) from error
    if not ours:
        con.close()
        hint = "run any writing command first (triage list): it makes the snapshot anew"
        raise WarehouseError(f"{path} was made by another version of the program", hint=hint)
    return con


def answer(snapshot: Path, sql: str) -> Answer:
    """Run one reading statement. Raises QueryError with the database's reason for anything else."""
    import duckdb

    con = open_snapshot(snapshot, any_version=True)
    try:
        statement = _one_reading(con, sql)
        found = con.execute(statement)
        columns = tuple(column[0] for column in found.description or ())
        rows = found.fetchall()
        as_of = con.execute("SELECT as_of FROM main.snapshot").fetchall()
    except duckdb.Error as error:
        raise QueryError(
            f"the question cannot be answered: {_reason(error)}", hint='see the views with: triage sql "SHOW TABLES"'
        ) from error
    finally:
        con.close()
    return Answer(columns, rows, as_of[0][0] if as_of else None)


def as_parquet(snapshot: Path, sql: str) -> bytes:
    """The answer as a Parquet file's bytes, with the types of the columns."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "answer.parquet"
        con = open_snapshot(snapshot, writable_file=target, any_version=True)
        try:
            statement = _one_reading(con, sql)
            con.execute(f"COPY ({statement.strip().rstrip(';')}\n) TO '{str(target).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
        except duckdb.Error as error:
            raise QueryError(f"the question cannot be answered: {_reason(error)}", hint="only a query can be written as Parquet") from error
        finally:
            con.close()
        return target.read_bytes()


def _one_reading(con: duckdb.DuckDBPyConnection, sql: str) -> str:
    import duckdb

    statements = con.extract_statements(sql)
    if len(statements) != 1:
        raise QueryError(f"{len(statements)} statements; one is allowed", hint="ask one question at a time")
    if statements[0].type not in {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}:
        kind = str(statements[0].type).rpartition(".")[2]
        raise QueryError(
            f"{kind}: only questions are allowed here (SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, EXPLAIN)",
            hint="the warehouse is changed by triage's own commands only",
        )
    return str(statements[0].query)


def plain(value: Any) -> Any:
    """A value as JSON knows it; what it does not know becomes text."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def cell(value: Any) -> str:
    """A value as one cell of text: NULL empty, lists and maps as JSON, dates as ISO."""
    if value is None:
        return ""
    found = plain(value)
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def as_csv(found: Answer) -> str:
    """RFC 4180 with `\\n` ends and a header line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(found.columns)
    writer.writerows([cell(value) for value in row] for row in found.rows)
    return out.getvalue()


def as_json(found: Answer) -> str:
    """A list of objects, one a row."""
    rows: Sequence[dict[str, Any]] = [dict(zip(found.columns, map(plain, row), strict=True)) for row in found.rows]
    return json.dumps(rows, ensure_ascii=False, indent=1) + os.linesep


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
