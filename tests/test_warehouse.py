"""The DuckDB file: migrations, bursts, the readers' snapshot, and the views as a promise."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.workspaces import ask, make_workspace, put, record
from triage.errors import BusyError, NewerWarehouseError, QueryError, WarehouseError
from triage.queries import answer, as_csv, as_json, as_parquet, open_snapshot
from triage.warehouse import Warehouse, newest_version, stage

NOW = datetime(2026, 11, 23, tzinfo=UTC)
VIEWS = {
    "works": {"work_id", "title", "abstract", "authors", "venue", "year", "url", "type", "labels", "decision", "screening_score", "first_seen", "last_seen", "identifiers"},
    "records": {"work_id", "source", "source_key", "url", "title", "abstract", "authors", "venue", "year", "published", "identifiers", "first_run", "last_run"},
    "labels_current": {"work_id", "label", "confidence", "producer", "quote"},
    "review_queue": {"work_id", "title", "screening_score", "type"},
    "year_list": {"year", "work_id", "title", "url", "venue", "type", "decision"},
    "notes": {"work_id", "section", "text", "sentence", "producer"},
    "claims": {"work_id", "metric", "value", "unit", "direction", "against", "quote"},
    "decisions": {"work_id", "what", "value", "reason", "who", "made_at", "said_in", "in_force"},
    "runs": {"run_id", "command", "started_at", "ended_at", "status", "report"},
    "failures": {"run_id", "step", "item", "kind", "message", "hint"},
    "llm_calls": {"run_id", "purpose", "model", "tokens_in", "tokens_out", "cost", "status", "reply"},
    "voided": {"work_id", "purpose", "kind", "text", "reason", "model", "run_id", "made_at"},
    "model_screenings": {"work_id", "relevant", "relevance", "model"},
    "fulltexts": {"work_id", "arxiv", "format", "status", "parts", "figures"},
    "figures": {"work_id", "number", "caption", "url"},
    "proposed_labels": {"name", "works", "examples"},
    "fetches": {"source", "url", "status", "failure", "sha256", "fetched_at", "run_id"},
    "sources": {"name", "enabled", "last_success", "last_attempt", "records", "last_day", "completeness", "lacking", "state", "reason"},
    "conflicts": {"conflict_id", "work_id", "title", "path", "field", "was", "in_file", "in_warehouse", "made_at"},
    "word_conflicts": {"work_id", "in_force_what", "in_force_decision", "other_what", "other_decision", "other_who"},
    "moves": {"work_id", "home_year", "year", "venue"},
    "look_again": {"work_id", "reason", "rejected_at", "promoted_at", "venue", "year"},
    "snapshot": {"as_of", "schema_version"},
}  # fmt: skip


def make_warehouse(folder: Path) -> Warehouse:
    warehouse = Warehouse(folder / "it's.duckdb", folder / "snapshot.duckdb", wait_seconds=0.3)
    warehouse.prepare(NOW)
    return warehouse


def test_a_small_warehouse_and_its_snapshot_are_worked_with_one_thread(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path)
    threads = "SELECT CAST(current_setting('threads') AS INTEGER)"
    with warehouse.lingering():
        for _ in range(2):  # opened, and still open
            with warehouse.burst() as con:
                assert con.execute(threads).fetchall() == [(1,)]
    warehouse.publish(NOW)
    assert answer(warehouse.snapshot, threads).rows == [(1,)]


def test_every_promised_view_and_column_is_there_with_a_comment(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path)
    with warehouse.burst() as con:
        rows = con.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal"
        ).fetchall()
        views = dict(con.execute("SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal").fetchall())
    for view, columns in VIEWS.items():
        assert columns <= {column for table, column, _ in rows if table == view}, view
    assert all(comment for _, _, comment in rows), [row for row in rows if not row[2]]
    assert all(views.values())


def test_migrations_run_once_and_an_old_file_is_copied_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = make_warehouse(tmp_path)
    with warehouse.burst() as con:
        con.execute("INSERT INTO store.setting VALUES ('kept', 'yes')")
    warehouse.prepare(NOW)
    newer = newest_version() + 1
    from triage import warehouse as module

    old = module.migrations()
    monkeypatch.setattr(module, "migrations", lambda: [*old, (newer, "later", "CREATE TABLE store.later (a INTEGER)")])
    with warehouse.lingering():
        with warehouse.burst() as con:  # written, but not yet in the file that is copied
            con.execute("INSERT INTO store.setting VALUES ('last', 'yes')")
        warehouse.prepare(NOW)
    with warehouse.burst() as con:
        assert con.execute("SELECT value FROM store.setting WHERE name = 'kept'").fetchall() == [("yes",)]
        assert con.execute("SELECT version FROM store.migration ORDER BY version").fetchall() == [(n,) for n, *_ in module.migrations()]
    backup = duckdb.connect(str(tmp_path / f"it's.duckdb.backup-v{newer - 1}"), read_only=True)
    assert backup.execute("SELECT max(version) FROM store.migration").fetchall() == [(newer - 1,)]
    assert backup.execute("SELECT name FROM store.setting ORDER BY name").fetchall() == [("kept",), ("last",)]
    backup.close()
    monkeypatch.setattr(module, "migrations", lambda: old)
    with pytest.raises(NewerWarehouseError, match=f"schema version {newer}"):
        warehouse.prepare(NOW)


def test_a_migration_that_fails_leaves_the_old_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = make_warehouse(tmp_path)
    from triage import warehouse as module

    old = module.migrations()
    broken = [*old, (98, "fine", "CREATE TABLE store.half (a INTEGER)"), (99, "broken", "CREATE TABLE store.half (a INTEGER)")]
    monkeypatch.setattr(module, "migrations", lambda: broken)
    with pytest.raises(WarehouseError):
        warehouse.prepare(NOW)
    monkeypatch.setattr(module, "migrations", lambda: old)
    warehouse.prepare(NOW)
    with warehouse.burst() as con:
        assert con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'half'").fetchall() == [(0,)]


def test_a_file_that_is_no_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "triage.duckdb"
    path.write_bytes(b"something else entirely" * 1000)
    with pytest.raises(WarehouseError) as refused:
        Warehouse(path, tmp_path / "snapshot.duckdb").prepare(NOW)
    assert "move triage.duckdb away" in str(refused.value.hint)
    assert path.read_bytes() == b"something else entirely" * 1000


def test_an_error_rolls_the_burst_back(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path)
    with pytest.raises(ZeroDivisionError), warehouse.burst() as con:
        con.execute("INSERT INTO store.setting VALUES ('gone', '')")
        raise ZeroDivisionError
    with pytest.raises(WarehouseError), warehouse.burst() as con:
        con.execute("INSERT INTO store.setting VALUES ('gone', '')")
        con.execute("SELECT nothing FROM nowhere")
    with warehouse.burst() as con:
        assert con.execute("SELECT count(*) FROM store.setting").fetchall() == [(0,)]


def _is_open(warehouse: Warehouse) -> bool:
    """Whether this process has the file open: then it cannot be opened once more with other settings."""
    try:
        duckdb.connect(str(warehouse.path), config={"threads": 1}).close()
    except duckdb.ConnectionException:
        return True
    return False


def test_bursts_that_follow_at_once_share_the_open_file_and_nothing_else(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path)
    with warehouse.burst():
        pass
    assert not _is_open(warehouse)
    with warehouse.lingering():
        with warehouse.burst() as con:
            con.execute("INSERT INTO store.setting VALUES ('kept', '')")
            con.execute("CREATE TEMP TABLE passing AS SELECT 1 AS a")
        assert _is_open(warehouse)
        with warehouse.burst() as con:
            assert con.execute("SELECT name FROM store.setting").fetchall() == [("kept",)]
            assert con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'passing'").fetchall() == [(0,)]
        deadline = time.monotonic() + 20
        while _is_open(warehouse) and time.monotonic() < deadline:  # idle, it is anyone's again
            time.sleep(0.05)
        assert not _is_open(warehouse)
        with warehouse.burst():
            pass
        warehouse.publish(NOW)
    assert not _is_open(warehouse)
    assert answer(warehouse.snapshot, "SELECT count(*) FROM works").rows == [(0,)]


def test_an_open_file_is_closed_when_it_was_held_for_long_or_something_went_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = make_warehouse(tmp_path)
    with warehouse.lingering():
        with warehouse.burst() as con:
            con.execute("INSERT INTO store.setting VALUES ('kept', '')")
        with pytest.raises(ZeroDivisionError), warehouse.burst():
            raise ZeroDivisionError
        assert not _is_open(warehouse)
        warehouse.snapshot = tmp_path / "no folder" / "snapshot.duckdb"
        with pytest.raises(WarehouseError):
            warehouse.publish(NOW)
        assert not _is_open(warehouse)
        warehouse.snapshot = tmp_path / "snapshot.duckdb"
        warehouse.publish(NOW)
        monkeypatch.setattr("triage.warehouse._LONGEST_SECONDS", 0)
        with warehouse.burst() as con:
            assert con.execute("SELECT name FROM store.setting").fetchall() == [("kept",)]
        assert not _is_open(warehouse)


def _hold(path: str, held: object, release: object) -> None:
    con = duckdb.connect(path)
    held.set()  # type: ignore[attr-defined]
    release.wait(20)  # type: ignore[attr-defined]
    con.close()


def test_another_writer_is_waited_for_and_then_named_while_readers_go_on(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path)
    warehouse.publish(NOW)
    spawn = multiprocessing.get_context("spawn")
    held, release = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(str(warehouse.path), held, release))
    other.start()
    assert held.wait(20)
    with pytest.raises(BusyError, match="open in another process"), warehouse.burst():
        raise AssertionError("opened twice")
    assert answer(warehouse.snapshot, "SELECT count(*) FROM works").rows == [(0,)]
    release.set()
    other.join(20)
    with warehouse.burst() as con:
        assert con.execute("SELECT 1").fetchall() == [(1,)]


def test_staging_keeps_every_value(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path)
    rows = [{"a": 'quote " \\ \u2028 \n 字', "l": ["x", "y"], "m": {"k": "v"}, "n": n, "j": {"deep": [1, None]}} for n in range(45_000)]
    shape = {"a": "VARCHAR", "l": ["VARCHAR"], "m": "MAP(VARCHAR, VARCHAR)", "n": "INTEGER", "j": "JSON", "missing": "VARCHAR"}
    with warehouse.burst() as con:
        stage(con, "staged", rows, shape)
        assert con.execute("SELECT * FROM staged WHERE n = 44999").fetchall() == [
            (rows[0]["a"], ["x", "y"], {"k": "v"}, 44999, '{"deep":[1,null]}', None)
        ]
        stage(con, "staged", [], shape)
        assert con.execute("SELECT count(*) FROM staged").fetchall() == [(0,)]


def test_the_snapshot_is_swapped_and_says_its_moment(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", "One Paper Here")])
    reader = duckdb.connect(str(workspace.snapshot_path), read_only=True)
    put(workspace, [record("b", "Another Paper There")])
    assert reader.execute("SELECT count(*) FROM works").fetchall() == [(1,)]
    reader.close()
    assert ask(workspace, "SELECT count(*), (SELECT as_of > TIMESTAMP '2026-11-23' FROM snapshot) FROM works") == [(2, True)]


def open_elsewhere(path: Path) -> str:
    """What another process is told that opens the file for writing; "" when it can."""
    code = f"import duckdb; duckdb.connect({str(path)!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True, timeout=60).stderr


def test_what_stands_in_the_log_only_is_in_the_snapshot_and_the_open_file_stays_locked(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path)
    with closing(duckdb.connect(str(warehouse.path))) as held:
        held.execute("INSERT INTO store.setting VALUES ('last', 'yes')")
        assert warehouse.path.with_name(f"{warehouse.path.name}.wal").stat().st_size
        warehouse.publish(NOW)
        assert "lock" in open_elsewhere(warehouse.path)
        assert answer(warehouse.snapshot, "SELECT name FROM store.setting").rows == [("last",)]
        assert answer(warehouse.snapshot, "SELECT as_of FROM snapshot").rows == [(NOW.replace(tzinfo=None),)]
    assert open_elsewhere(warehouse.path) == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it's.duckdb", "snapshot.duckdb"]


def test_a_snapshot_holds_what_was_committed_while_another_thread_is_in_the_middle(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path)
    with warehouse.burst() as con:
        con.execute("INSERT INTO store.setting VALUES ('first', '')")
    with ThreadPoolExecutor(4) as threads, warehouse.burst() as con:
        con.execute("INSERT INTO store.setting SELECT 'second', repeat('long', i) FROM range(3000) r(i)")
        for published in [threads.submit(warehouse.publish, NOW) for _ in range(8)]:
            published.result(timeout=60)
        assert answer(warehouse.snapshot, "SELECT DISTINCT name FROM store.setting").rows == [("first",)]
    warehouse.publish(NOW)
    assert answer(warehouse.snapshot, "SELECT name, count(*) FROM store.setting GROUP BY 1 ORDER BY 1").rows == [
        ("first", 1),
        ("second", 3000),
    ]


def test_where_no_process_can_be_started_the_snapshot_is_made_table_by_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", "One Paper Here")])
    warehouse = Warehouse(workspace.warehouse_path, workspace.snapshot_path)
    question = "SELECT title, (SELECT as_of FROM snapshot) FROM works"
    warehouse.publish(NOW)
    copied = answer(warehouse.snapshot, question).rows
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    warehouse.publish(NOW)
    assert answer(warehouse.snapshot, question).rows == copied == [("One Paper Here", NOW.replace(tzinfo=None))]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{dir}/out.csv'", "SELECT * FROM read_text('{dir}/secret')", "SELECT * FROM '{dir}/secret.csv'",
        "ATTACH '{dir}/x.duckdb'", "INSTALL fts", "SET enable_external_access = true", "CREATE TABLE t (a INTEGER)", "DROP VIEW works",
        "DELETE FROM store.record", "SELECT 1; SELECT 2", "", "SELEKT 1", "PRAGMA database_list; DROP VIEW works", "EXPORT DATABASE '{dir}/dump'",
        "CHECKPOINT", "SELECT 1) TO '{dir}/out.csv' (FORMAT csv); --",
    ],
)  # fmt: skip
def test_a_question_can_do_nothing_but_read(sql: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret.csv").write_text("a\n1\n")
    warehouse = make_warehouse(tmp_path)
    warehouse.publish(NOW)
    before = sorted(path.name for path in tmp_path.iterdir())
    for ask_it in (answer, as_parquet):
        with pytest.raises(QueryError):
            ask_it(warehouse.snapshot, sql.format(dir=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_answers_in_every_format(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", 'Commas, "quotes" and 字', authors=("Ann",), published="2024-04-29", identifiers={"arxiv": "2404.00001"})])
    sql = "SELECT title, authors, published, identifiers, venue FROM records"
    found = answer(workspace.snapshot_path, sql)
    assert as_csv(found) == (
        'title,authors,published,identifiers,venue\n"Commas, ""quotes"" and 字","[""Ann""]",2024-04-29,"{""arxiv"": ""2404.00001""}",\n'
    )
    assert '"published": "2024-04-29"' in as_json(found)
    target = tmp_path / "answer.parquet"
    target.write_bytes(as_parquet(workspace.snapshot_path, sql + ";"))
    con = duckdb.connect()
    assert con.execute(f"SELECT authors, published::VARCHAR, identifiers FROM '{target}'").fetchall() == [
        (["Ann"], "2024-04-29", {"arxiv": "2404.00001"})
    ]
    con.close()


def test_no_snapshot_yet_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError) as refused:
        answer(tmp_path / "snapshot.duckdb", "SELECT 1")
    assert "triage run" in str(refused.value.hint)


def test_a_snapshot_of_another_version_answers_questions_but_no_command_reads_it(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", "One Paper Here")])
    con = duckdb.connect(str(workspace.snapshot_path))
    con.execute("UPDATE store.view_text SET value = 'older'")
    con.close()
    assert ask(workspace, "SELECT count(*) FROM works") == [(1,)]
    with pytest.raises(WarehouseError, match="another version") as refused:
        open_snapshot(workspace.snapshot_path)
    assert "triage list" in str(refused.value.hint)
    put(workspace, [record("b", "Another Paper There")])
    open_snapshot(workspace.snapshot_path).close()
