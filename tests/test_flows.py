"""The night as a Prefect flow, on a real Prefect server: the same warehouse as in-process, and its states and report."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.documents import NOTES, PAGE, VENUE, YEARLY_BY_HAND
from tests.feeds import announcement, announcement_feed, daily_entry
from tests.servers import Reply, ScriptedServer
from tests.workspaces import ask, make_workspace
from triage.cli import run_command_line
from triage.cli.nightly import load_nightly
from triage.pipeline import import_files
from triage.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]

DAY = "2026-11-20"
ATOM, DAILY = "/atom/cs.CV+cs.CL+cs.LG", "/api/daily_papers"
DISTILLED = "Distilling vision-language models for faster image captioning"
PRUNED = "Token pruning for efficient vision-language models"


@pytest.fixture(scope="module")
def prefect() -> Iterator[None]:
    """One server for all tests here: it takes 8 s to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        patch.setenv("DO_NOT_TRACK", "1")
        patch.delenv("PREFECT_API_URL", raising=False)
        from prefect.testing.utilities import prefect_test_harness

        with prefect_test_harness(server_startup_timeout=120):
            yield


@pytest.fixture
def feeds() -> Iterator[ScriptedServer]:
    """Both feeds as they are on a good day."""
    with ScriptedServer() as server:
        server.say(ATOM, good_announcements())
        server.say(DAILY, good_daily())
        yield server


def good_announcements() -> Reply:
    entries = [announcement("2611.00001", title=DISTILLED), announcement("2611.00002", title="A survey of birds")]
    return Reply.text(announcement_feed(entries), "application/atom+xml")


def good_daily() -> Reply:
    return Reply.json([daily_entry("2611.00001", DISTILLED), daily_entry("2611.00003", PRUNED)])


def workspace_with(feeds: ScriptedServer, folder: Path) -> Workspace:
    make_workspace(folder)
    stand_ins = "".join(f'[sources.{name}]\nbase_url = "{feeds.url}"\npace = 0\n' for name in ("arxiv", "huggingface"))
    (folder / "triage.toml").write_text(f"[web]\nattempts = 1\n{stand_ins}")
    return Workspace.open(folder, environ={})


def night(workspace: Workspace, *, date: str = DAY) -> Any:
    """The flow's state, with retries that do not wait."""
    flow: Any = load_nightly()
    flow.fn.__globals__["gather"].retry_delay_seconds = [0.01, 0.01]
    return flow(str(workspace.root), date, return_state=True)


def everything(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all views, apart from when and in which run they came about."""
    shown: dict[str, list[str]] = {}
    for view, column in ask(
        workspace,
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal"
        " AND data_type NOT LIKE 'TIMESTAMP%' AND column_name NOT IN ('run_id', 'first_run', 'last_run', 'seconds') ORDER BY ALL",
    ):
        shown.setdefault(view, []).append(f'"{column}"')
    return {view: ask(workspace, f"SELECT {', '.join(columns)} FROM {view} ORDER BY ALL") for view, columns in shown.items()}


def files(workspace: Workspace) -> dict[str, bytes]:
    folders = ("lists", "notes", "raw")
    paths = [
        path for folder in folders for path in sorted((workspace.root / folder).rglob("*")) if path.is_file() and path.suffix != ".jsonl"
    ]
    return {workspace.relative(path): path.read_bytes() for path in paths}


def test_a_night_by_prefect_leaves_the_same_warehouse_as_one_without(feeds: ScriptedServer, tmp_path: Path) -> None:
    here = workspace_with(feeds, tmp_path / "here")
    for name, text in (("a.md", YEARLY_BY_HAND), ("b.md", VENUE), ("c.txt", NOTES), ("d.txt", PAGE)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    import_files(here, [tmp_path / name for name in ("a.md", "b.md", "c.txt", "d.txt")])
    shutil.copytree(here.root, tmp_path / "there")
    there = Workspace.open(tmp_path / "there", environ={})

    assert run_command_line(["run", "--no-prefect", "--date", DAY, "--workspace", str(here.root)]) == 0
    assert run_command_line(["run", "--prefect", "--date", DAY, "--workspace", str(there.root)]) == 0
    assert len(feeds.targets()) == 4
    assert everything(here) == everything(there)
    assert files(here) == files(there)
    filled = {view for view, rows in everything(here).items() if rows}
    assert filled >= {"works", "records", "labels_current", "review_queue", "notes", "runs", "fetches", "year_list", "decisions"}
    assert {(PRUNED,), (DISTILLED,)} <= set(ask(there, "SELECT title FROM year_list"))


def test_a_night_with_a_broken_feed_is_partial_and_the_next_one_completes_it(feeds: ScriptedServer, tmp_path: Path) -> None:
    workspace = workspace_with(feeds, tmp_path / "reading")
    feeds.say(DAILY, Reply(404))
    state = night(workspace)
    assert (state.type.value, state.name) == ("COMPLETED", "Partial")
    assert feeds.targets().count(f"{DAILY}?date={DAY}&limit=100") == 1, "a 404 is not asked for again in the same night"
    assert ask(workspace, "SELECT step, kind FROM failures") == [("gather huggingface", "bad status")]
    assert ask(workspace, "SELECT status FROM runs") == [("partial",)]
    assert ask(workspace, "SELECT DISTINCT source FROM records") == [("arxiv",)]
    report = artifact()
    assert "| gather huggingface | 1 | 0 | 0 | 0 | 1 | 1 requests, 1 days |" in report
    assert "| gather arxiv | 2 | 2 | 0 | 0 | 0 |" in report
    assert "## Failures: 1" in report
    assert "bad status" in report
    assert "| lists/2026.md |" in report

    feeds.say(DAILY, good_daily())
    state = night(workspace)
    assert (state.type.value, state.name) == ("COMPLETED", "Completed")
    assert ask(workspace, "SELECT status FROM runs ORDER BY started_at") == [("partial",), ("complete",)]
    assert (PRUNED,) in ask(workspace, "SELECT title FROM works")
    assert "## Failures: none" in artifact()
    assert task_names(state) == [
        "claim", "fulltext", "gather arxiv", "gather huggingface", "identify", "label 1", "label 2", "note", "publish", "report", "screen", "sync",
    ]  # fmt: skip


def test_a_feed_that_is_down_for_a_while_is_asked_again(feeds: ScriptedServer, tmp_path: Path) -> None:
    workspace = workspace_with(feeds, tmp_path / "reading")
    feeds.say(DAILY, Reply(503), Reply(hang_up=True), good_daily())
    assert night(workspace).name == "Completed"
    assert len(feeds.targets()) == 4
    assert ask(workspace, "SELECT status FROM runs") == [("complete",)]
    assert ask(workspace, "SELECT count(*) FROM failures") == [(0,)]
    assert "| gather huggingface | 2 | 2 | 0 | 0 | 0 | 1 requests, 1 days |" in artifact()


def test_a_run_that_fails_is_a_failed_flow_with_a_report(feeds: ScriptedServer, tmp_path: Path) -> None:
    workspace = workspace_with(feeds, tmp_path / "reading")
    state = night(workspace, date="2999-01-01")
    assert (state.type.value, state.name) == ("FAILED", "Failed")
    assert "lies ahead" in state.message
    assert ask(workspace, "SELECT status FROM runs") == [("failed",)]
    assert "failed" in artifact().split("\n")[0]
    assert "lies ahead" in artifact()
    assert feeds.seen == []


def test_a_busy_workspace_is_a_failed_flow_that_says_who_holds_it(feeds: ScriptedServer, tmp_path: Path) -> None:
    workspace = workspace_with(feeds, tmp_path / "reading")
    with workspace.locked("import", started=datetime.now(UTC).isoformat()):
        state = night(workspace)
    assert state.name == "Failed"
    assert "`import`" in state.message


def artifact() -> str:
    """The report of the newest run. (Artifact.get leaves its connection open.)"""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        (newest,) = client.read_latest_artifacts()
    assert (newest.key, newest.type) == ("nightly", "markdown")
    return str(newest.data)


def task_names(state: Any) -> list[str]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    with get_client(sync_client=True) as client:
        flow_run_id = state.state_details.flow_run_id
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])))
    return sorted(run.name for run in runs)
