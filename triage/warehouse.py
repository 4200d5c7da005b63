"""The warehouse: one DuckDB file, written in short bursts, read through a snapshot.

DuckDB lets one process have a file open for writing and then nobody else at all. So a writer opens the
file for a burst, with retry, and closes it; readers use `snapshot.duckdb`, which is copied after every
writing command and swapped in atomically. Opening costs more than most bursts do, so within a run the
file stays open from one burst to the next when that follows at once (`Warehouse.lingering`).
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage.errors import BusyError, NewerWarehouseError, WarehouseError
from triage.workspace import packaged

if TYPE_CHECKING:
    import duckdb

__all__ = ["Warehouse", "newest_version", "spare_threads", "stage", "view_texts"]

Structure = Mapping[str, Any]
"""Column name -> DuckDB type, as `from_json` takes it: "VARCHAR", ["VARCHAR"], "MAP(VARCHAR, VARCHAR)"."""

_LINGER_SECONDS = 0.25  # without a burst for so long (a request, a model's answer), the file is closed
_LONGEST_SECONDS = 2.0  # and at the latest so long after it was opened, at the end of a burst

_ONE_THREAD_BYTES = 256_000_000
"""A warehouse of some 100,000 works. DuckDB gives a thread a row group (122,880 rows) at the least, and to share out what
is smaller costs a sixth to a quarter of the CPU time: measured on 50,000 records and on runs of a dozen works."""

_CHUNK = 20_000  # rows a JSON text: about 40 MB with abstracts, well under a second to parse


def migrations() -> list[tuple[int, str, str]]:
    """(version, name, SQL) in order."""
    found = []
    for path in sorted((packaged("warehouse") / "migrations").glob("*.sql")):
        number = re.match(r"(\d{4})_(\w+)\.sql$", path.name)
        if number:
            found.append((int(number[1]), number[2], path.read_text(encoding="utf-8")))
    return found


def newest_version() -> int:
    """The schema version this program writes."""
    return migrations()[-1][0]


def spare_threads(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Let DuckDB work with one thread where the file is too small for more to help."""
    if path.stat().st_size < _ONE_THREAD_BYTES:
        con.execute("SET threads = 1")


def stage(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]], structure: Structure) -> None:
    """Make a temporary table of `rows`, one JSON text for every 20,000 of them.

    `executemany` takes 10 ms a row and a parameter list of structs 1 ms; this takes 13 µs.
    """
    shape = json.dumps([dict(structure)])
    columns = ", ".join(f'"{name}"' for name in structure)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {columns} FROM (SELECT unnest(from_json('[]', ?), recursive := true))", [shape]
    )
    for start in range(0, len(rows), _CHUNK):
        text = json.dumps(list(rows[start : start + _CHUNK]), ensure_ascii=False, default=str)
        con.execute(
            f"INSERT INTO {table} SELECT {', '.join(f'r.{name}' for name in columns.split(', '))} FROM (SELECT unnest(from_json(?::JSON, ?)) AS r)",
            [text, shape],
        )


class Warehouse:
    """The DuckDB file at `path` and its readers' snapshot.

    Usage::

        warehouse.prepare(now)              # create or migrate, once a command
        with warehouse.burst() as con:      # one transaction; commits, or rolls back on an exception
            con.execute(...)
        warehouse.publish(now)              # the readers' snapshot
    """

    def __init__(self, path: Path, snapshot: Path, *, wait_seconds: float = 15) -> None:
        self.path = path
        self.snapshot = snapshot
        self.wait_seconds = wait_seconds
        self._guard = threading.Lock()  # around opening and closing: no thread opens what another is about to close
        self._lingers = False
        self._kept: duckdb.DuckDBPyConnection | None = None
        self._kept_since = 0.0
        self._closing: threading.Timer | None = None

    @contextlib.contextmanager
    def lingering(self) -> Iterator[None]:
        """Within this, the file is closed a moment after a burst instead of at once; at the end it is closed."""
        self._lingers = True
        try:
            yield
        finally:
            self._lingers = False
            self._let_go()

    @contextlib.contextmanager
    def burst(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection inside one transaction. Raises BusyError when the file stays locked, else WarehouseError."""
        import duckdb

        con = self._connect()
        try:
            con.execute("BEGIN")
            yield con
            con.execute("COMMIT")
        except duckdb.Error as error:
            self._roll_back(con)
            raise self._explained(error) from error
        except BaseException:
            self._roll_back(con)
            raise
        else:
            self._keep()
        finally:
            con.close()

    def _roll_back(self, con: duckdb.DuckDBPyConnection) -> None:
        import duckdb

        self._let_go()  # after a full disk the open file is dead for every connection
        with contextlib.suppress(duckdb.Error):
            con.execute("ROLLBACK")

    def _keep(self) -> None:
        """Hold the file that a burst still has open for the next one, but neither idle nor long."""
        import duckdb

        if not self._lingers:
            return
        with self._guard:
            if self._kept is None:
                # one that stands by itself: a cursor of `con` would be closed with it
                self._kept, self._kept_since = duckdb.connect(str(self.path)), time.monotonic()
            elif time.monotonic() - self._kept_since > _LONGEST_SECONDS:
                self._close_kept()
                return
            self._closing = threading.Timer(_LINGER_SECONDS, self._let_go)
            self._closing.daemon = True
            self._closing.start()

    def _let_go(self) -> None:
        with self._guard:
            self._close_kept()

    def _close_kept(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _connect(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        deadline = time.monotonic() + self.wait_seconds
        pause = 0.02
        while True:
            try:
                with self._guard:
                    if self._closing is not None:
                        self._closing.cancel()
                        self._closing = None
                    con = duckdb.connect(str(self.path))
                    if self._kept is None:  # else it was said to the open file already
                        spare_threads(con, self.path)
            except duckdb.Error as error:
                if "lock" not in str(error).lower():
                    raise self._explained(error) from error
                if time.monotonic() + pause > deadline:
                    raise BusyError(
                        f"{self.path} is open in another process: {_first_line(error)}",
                        hint="close that program; read snapshot.duckdb instead of this file",
                    ) from error
                time.sleep(pause)
                pause = min(pause * 2, 0.5)
            else:
                return con

    def _explained(self, error: Exception) -> WarehouseError:
        text = _first_line(error)
        if "not a valid DuckDB database" in text:
            hint = f"move {self.path.name} away; the next run makes it again from raw/ and decisions.jsonl"
        elif "No space left" in str(error) or "could not write" in str(error).lower():
            hint = "free some disk space and start again; what was committed before is safe"
        else:
            hint = "the last change was rolled back; if it happens again, move the file away: the next run makes it again"
        return WarehouseError(f"{self.path}: {text}", hint=hint)

    def prepare(self, now: datetime) -> None:
        """Create the file or bring it to the newest schema: in order, once, in one transaction.

        An existing file is copied first, to `NAME.backup-vN`. Raises NewerWarehouseError when a newer
        program wrote it.
        """
        existed = self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        steps = migrations()
        version, views = self._state()
        if version > steps[-1][0]:
            raise NewerWarehouseError(
                f"{self.path} has schema version {version}, this program knows {steps[-1][0]}",
                hint="update the program (pip install -U), or use another warehouse file",
            )
        due = [step for step in steps if step[0] > version]
        shapes = view_texts()
        if existed and due and version:
            self._let_go()  # closed, the file is whole
            shutil.copy2(self.path, self.path.with_name(f"{self.path.name}.backup-v{version}"))
        if due or views != shapes:
            with self.burst() as con:
                _migrate(con, due, shapes, now)

    def _state(self) -> tuple[int, str]:
        """(schema version, text of the views) of the file; (0, "") for a new one."""
        with self.burst() as con:
            tables = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'store'").fetchall()}
            if "migration" not in tables:
                return 0, ""
            version = con.execute("SELECT coalesce(max(version), 0) FROM store.migration").fetchall()[0][0]
            views = con.execute("SELECT value FROM store.view_text").fetchall()
        return int(version), views[0][0] if views else ""

    def publish(self, now: datetime) -> None:
        """Copy the warehouse and swap the copy in as the readers' snapshot, stamped with `now`."""
        import duckdb

        temporary = self.snapshot.with_name(f".{self.snapshot.name}.tmp")
        with _publishing:  # other processes are kept out by the lock on the open file
            con = self._connect()
            try:
                self._clear(temporary)
                if not _copied_as_it_lies(con, self.path, temporary, now):
                    self._clear(temporary)
                    _copy_by_tables(con, temporary, now)
                temporary.replace(self.snapshot)
            except duckdb.Error as error:
                self._let_go()  # what is still attached goes with the open file
                con.close()
                self._clear(temporary)
                raise self._explained(error) from error
            else:
                self._keep()
            finally:
                con.close()

    @staticmethod
    def _clear(temporary: Path) -> None:
        """Remove a half-made copy and its log, which a full disk or a kill leaves behind."""
        for leftover in temporary.parent.glob(f"{temporary.name}*"):
            leftover.unlink()


def _migrate(con: duckdb.DuckDBPyConnection, due: Sequence[tuple[int, str, str]], shapes: str, now: datetime) -> None:
    con.execute("CREATE SCHEMA IF NOT EXISTS store")
    con.execute("CREATE TABLE IF NOT EXISTS store.migration (version INTEGER, name VARCHAR, applied_at TIMESTAMP)")
    con.execute("CREATE TABLE IF NOT EXISTS store.view_text (value VARCHAR)")
    con.execute("CREATE TABLE IF NOT EXISTS store.snapshot (as_of TIMESTAMP)")
    for version, name, sql in due:
        con.execute(sql)
        con.execute("INSERT INTO store.migration VALUES (?, ?, ?)", [version, name, now.replace(tzinfo=None)])
    con.execute(shapes)
    con.execute("DELETE FROM store.view_text")
    con.execute("INSERT INTO store.view_text VALUES (?)", [shapes])


_publishing = threading.Lock()
_COPY = """import os, sys
with open(sys.argv[1], "rb", 0) as live, open(sys.argv[2], "xb") as copied:
    while piece := live.read(1 << 20):
        copied.write(piece)
    copied.flush()
    os.fsync(copied.fileno())
"""


def _copied_as_it_lies(con: duckdb.DuckDBPyConnection, path: Path, target: Path, now: datetime) -> bool:
    """Copy the file byte by byte: a fifth of the work of making every table and view again. False when that did not work.

    What another thread commits meanwhile goes into the log only, so the file keeps still. The bytes are read by another
    process: to close the file in this one would give up the lock that keeps other programs from it (fcntl(2)).
    """
    import duckdb

    con.execute("SET checkpoint_threshold = '1TB'")
    try:
        con.execute("CREATE OR REPLACE TABLE store.snapshot AS SELECT CAST(? AS TIMESTAMP) AS as_of", [now.replace(tzinfo=None)])
        con.execute("CHECKPOINT")  # what still stands in the log beside the file is in no copy of the file
        done = subprocess.run([sys.executable, "-I", "-S", "-c", _COPY, str(path), str(target)], capture_output=True, check=False)
    except (duckdb.TransactionException, OSError):  # another thread is in the middle of writing; no process can be started
        return False
    finally:
        con.execute("RESET checkpoint_threshold")
    return done.returncode == 0


def _copy_by_tables(con: duckdb.DuckDBPyConnection, target: Path, now: datetime) -> None:
    con.execute(f"ATTACH {_literal(target)} AS copied")
    live = con.execute("SELECT current_database()").fetchall()[0][0]
    con.execute(f'COPY FROM DATABASE "{live}" TO copied')
    con.execute("CREATE OR REPLACE TABLE copied.store.snapshot AS SELECT CAST(? AS TIMESTAMP) AS as_of", [now.replace(tzinfo=None)])
    con.execute("DETACH copied")


def view_texts() -> str:
    """The definitions of all views this program makes; a file that holds others was made by another version."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((packaged("warehouse") / "views").glob("*.sql")))


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].strip()
