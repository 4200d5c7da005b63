"""The distance between requests, measured: from threads, from doors of their own, from processes, after a kill."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.doors import Naps, ask, open_door, web_settings
from tests.servers import Reply, ScriptedServer
from triage.errors import WorkspaceError
from triage.web.pacing import RULES, rule_for

PACE = 1.2
SLACK = 0.6  # what a busy machine, importing for its first request, may take off the distance between two arrivals


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        running.say("/feed", Reply.json([]))
        yield running


def gaps(server: ScriptedServer) -> list[float]:
    return [later.at - earlier.at for earlier, later in itertools.pairwise(sorted(server.seen, key=lambda seen: seen.at))]


@pytest.mark.parametrize(
    ("host", "group", "pace", "connections"),
    [
        ("export.arxiv.org", "arxiv", 3, 1),
        ("rss.arxiv.org", "arxiv", 3, 1),
        ("oaipmh.arxiv.org", "arxiv", 3, 1),
        ("www.arxiv.org", "arxiv", 3, 1),
        ("ojs.aaai.org", "aaai", 3, 1),
        ("icml.cc", "virtual", 10, 1),
        ("proceedings.neurips.cc", "proceedings.neurips.cc", 1, 2),
        ("huggingface.co", "huggingface", 1, 2),
    ],
)
def test_each_host_has_a_rule(host: str, group: str, pace: float, connections: int) -> None:
    rule = rule_for(host)
    assert (rule.group, rule.pace, rule.connections) == (group, pace, connections)
    assert rule.reason


def test_no_host_has_two_rules_and_a_port_of_its_own_is_another_server() -> None:
    hosts = [host for rule in RULES for host in rule.hosts]
    assert len(hosts) == len(set(hosts))
    assert rule_for("export.arxiv.org", 8080).group == "export.arxiv.org:8080"


def test_two_threads_keep_the_distance_together(server: ScriptedServer, tmp_path: Path) -> None:
    settings = web_settings(server.url, table=f"pace = {PACE}")
    with open_door(tmp_path, settings, sleep=asyncio.sleep) as door, ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: ask(door, f"{server.url}/feed"), range(4)))
    assert len(server.seen) == 4
    assert min(gaps(server)) > PACE - SLACK


def test_hosts_of_one_group_are_counted_together_over_doors_and_threads(tmp_path: Path) -> None:
    """Two doors have two event loops; arXiv's addresses are one site with one connection."""
    starts: list[float] = []
    busy = threading.Semaphore(1)
    overlaps: list[httpx.URL] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        starts.append(time.monotonic())
        if not busy.acquire(blocking=False):
            overlaps.append(request.url)
        await asyncio.sleep(0.05)
        busy.release()
        return httpx.Response(200, json=[])

    hosts = ("export.arxiv.org", "rss.arxiv.org")
    settings = web_settings(None, table="pace = 0.15")
    with ExitStack() as stack, ThreadPoolExecutor(4) as threads:
        doors = [
            stack.enter_context(open_door(tmp_path, settings, sleep=asyncio.sleep, transport=httpx.MockTransport(answer))) for _ in range(2)
        ]
        asked = [(door, f"https://{host}/") for door in doors for host in hosts]
        list(threads.map(lambda pair: ask(pair[0], pair[1], hosts=hosts), asked))
    assert overlaps == []
    assert min(later - earlier for earlier, later in itertools.pairwise(sorted(starts))) > 0.14


CHILD = """
import sys
from pathlib import Path
from tests.doors import ask, open_door, web_settings
import asyncio
folder, url, pace = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with open_door(folder, web_settings(url, web="read_seconds = 60", table=f"pace = {pace}"), sleep=asyncio.sleep) as door:
    for path in sys.argv[4:]:
        ask(door, f"{url}{path}")
"""


def child(folder: Path, server: ScriptedServer, *paths: str, pace: float = PACE) -> subprocess.Popen[bytes]:
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-W", "error", "-c", CHILD, str(folder), server.url, str(pace), *paths]
    return subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})


def test_two_processes_keep_the_distance_together(server: ScriptedServer, tmp_path: Path) -> None:
    children = [child(tmp_path, server, "/feed", "/feed") for _ in range(2)]
    assert [process.wait(30) for process in children] == [0, 0]
    assert len(server.seen) == 4
    assert min(gaps(server)) > PACE - SLACK


def test_a_process_that_is_killed_gives_its_turn_back(server: ScriptedServer, tmp_path: Path) -> None:
    """Both connections to the host are held by processes that wait for an answer that never comes."""
    server.say("/never", Reply.json([], length=900, stall=True))
    children = [child(tmp_path, server, "/never", pace=0) for _ in range(2)]
    wait_until(lambda: len(server.seen) == 2)
    taken = threading.Event()
    with open_door(tmp_path, web_settings(server.url)) as door:

        def take() -> None:
            ask(door, f"{server.url}/feed")
            taken.set()

        third = threading.Thread(target=take)
        third.start()
        assert not taken.wait(0.3), "a third connection was made"
        children[0].send_signal(signal.SIGKILL)
        assert taken.wait(10)
        third.join()
    for process in children:
        process.kill()
        process.wait(10)
    assert server.targets() == ["/never", "/never", "/feed"]


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_busy_site_is_left_alone_by_everybody(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/busy", Reply(429, headers={"Retry-After": "40"}))
    first, second = Naps(), Naps()
    settings = web_settings(server.url, web="attempts = 1")
    with open_door(tmp_path, web_settings(server.url, web="attempts = 2"), sleep=first) as door, pytest.raises(Exception, match="HTTP 429"):
        ask(door, f"{server.url}/busy")
    with open_door(tmp_path, settings, sleep=second) as door:
        ask(door, f"{server.url}/feed")
    assert first.seconds == [pytest.approx(40.5, abs=1)]
    assert second.seconds == [pytest.approx(40.5, abs=2)], "another door, as of another process, waits too"


@pytest.mark.parametrize(
    ("written", "wait"),
    [
        ("", 2.0),  # its writer was killed in the middle
        ("tomorrow", 2.0),
        ("0", None),  # long ago
        ("99999999999", 125.0),  # before the clock was set back: no longer than two turns and the longest hold
        ("nan", None),
    ],
)
def test_a_pace_file_that_cannot_be_right_delays_for_moments_only(
    server: ScriptedServer, tmp_path: Path, written: str, wait: float | None
) -> None:
    folder = tmp_path / ".triage" / "pace"
    folder.mkdir(parents=True)
    (folder / f"127.0.0.1_{server.port}.next").write_text(written)
    naps = Naps()
    with open_door(tmp_path, web_settings(server.url, table="pace = 2"), sleep=naps) as door:
        ask(door, f"{server.url}/feed")
    assert naps.seconds == ([] if wait is None else [pytest.approx(wait, abs=0.5)])


def test_a_folder_that_cannot_be_written_is_the_workspaces_fault(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / ".triage").write_text("in the way")
    with open_door(tmp_path, web_settings(server.url)) as door, pytest.raises(WorkspaceError, match="pace"):
        ask(door, f"{server.url}/feed")
    assert server.seen == []
