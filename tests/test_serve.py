"""triage serve: what it refuses, children that are kept alive and ended together, and once for real."""

from __future__ import annotations

import ast
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.workspaces import ask, make_workspace
from triage.cli import children, run_command_line
from triage.cli.children import MOST_RESTARTS, Child, watch
from triage.cli.nightly import next_run, prefect_home, prefect_settings
from triage.errors import TriageError, UsageError
from triage.workspace import Workspace, packaged

OFFLINE = {f"TRIAGE_SOURCES__{name}__ENABLED": "false" for name in ("HUGGINGFACE", "ARXIV")}


def until(true: Callable[[], Any], seconds: float = 60) -> Any:
    """What `true` gives as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has asked about since (a zombie) does not."""
    try:
        os.kill(pid, 0)
        return not Path("/proc/self").exists() or Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("cron", "timezone", "said"),
    [
        ("0 2 * *", "UTC", "4 fields, not five"),
        ("@daily", "UTC", "1 fields, not five"),
        ("0 0 2 * * *", "UTC", "6 fields, not five"),
        ("61 2 * * *", "UTC", "no cron expression"),
        ("H 2 * * *", "UTC", "no cron expression"),
        ("0 2 31 2 *", "UTC", "never comes true"),
        ("0 2 * * *", "Mars/Olympus", "no such time zone"),
        ("0 2 * * *", "", "no such time zone"),
        ("0 2 * * *", "../../etc/passwd", "no such time zone"),
        ("0 2 * * *", "Europe", "no such time zone"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_before_anything_starts(
    cron: str, timezone: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = make_workspace(tmp_path)
    assert run_command_line(["serve", "--cron", cron, "--timezone", timezone, "--workspace", str(tmp_path)]) == UsageError.exit_status
    assert said in capsys.readouterr().err
    assert not prefect_home(workspace).exists()


def test_the_next_night_is_told_in_the_zone_asked_for() -> None:
    due = next_run("0 2 * * *", "Asia/Tokyo")
    assert (due.hour, due.minute) == (2, 0)
    offset = due.utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 9 * 3600


def test_a_port_that_is_taken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_workspace(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        assert run_command_line(["serve", "--port", taken, "--workspace", str(tmp_path)]) == UsageError.exit_status
    assert f"--port {taken}" in capsys.readouterr().err


def test_what_is_set_already_stays_as_it_is(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    ours = prefect_settings(workspace, {"PREFECT_HOME": "/elsewhere", "PATH": "/bin"})
    assert (ours["PREFECT_HOME"], ours["PATH"]) == ("/elsewhere", "/bin")
    assert ours["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert prefect_settings(workspace, {})["PREFECT_HOME"] == str(prefect_home(workspace))


def test_a_prefect_that_does_not_answer_is_a_refusal_and_nothing_was_begun(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    before = workspace.warehouse_path.read_bytes()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        environ = os.environ | {"PREFECT_API_URL": f"http://127.0.0.1:{nobody.getsockname()[1]}/api"}
        command = [sys.executable, "-W", "error", "-c", "from triage.cli import main; main()", "run", "--workspace", str(tmp_path)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == TriageError.exit_status
    assert done.stderr.startswith("triage: Prefect cannot be reached")
    assert "--no-prefect" in done.stderr
    assert workspace.warehouse_path.read_bytes() == before
    assert not workspace.snapshot_path.exists()


# -- children


@dataclass
class Watched:
    """`watch` over children, in a thread; `stop()` ends it and raises what it raised."""

    children: list[Child]
    said: list[str] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)
    raised: BaseException | None = None
    event: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def _watch(self) -> None:
        try:
            watch(self.children, self.event, say=self.said.append, ready=lambda child: self.ready.append(child.name))
        except TriageError as error:
            self.raised = error

    def stop(self) -> None:
        self.event.set()
        self.thread.join(40)
        assert not self.thread.is_alive()


def python(name: str, code: str, *arguments: str, **fields: Any) -> Child:
    return Child(name, (sys.executable, "-c", code, *arguments), os.environ, **fields)


FAMILY = """
import os, subprocess, sys, time
from pathlib import Path
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with Path(sys.argv[1]).open("a") as file:
    file.write(f"{os.getpid()} {child.pid}\\n")
time.sleep(600)
"""


def family(path: Path, generation: int = 1) -> list[int]:
    """The two process ids of a FAMILY once its nth start has written them."""

    def written() -> list[str]:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        return lines[generation - 1].split() if len(lines) >= generation else []

    return [int(pid) for pid in until(written)]


def test_children_that_die_are_started_again_and_all_end_with_their_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_LOOK_SECONDS", 0.05)
    watched = Watched([python("one", FAMILY, str(tmp_path / "one")), python("two", FAMILY, str(tmp_path / "two"))])
    first, child = family(tmp_path / "one")
    other = family(tmp_path / "two")
    os.kill(first, signal.SIGKILL)
    again = family(tmp_path / "one", 2)
    until(lambda: not lives(child))
    assert [lives(pid) for pid in (*other, *again)] == [True] * 4
    watched.stop()
    assert [lives(pid) for pid in (*other, *again)] == [False] * 4
    assert watched.ready == ["one", "two", "one"]
    assert len(watched.said) == 1
    assert "the one ended with status 137; started again (1 of 5)" in watched.said[0]


def test_a_child_that_always_ends_is_given_up_and_the_others_end_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_LOOK_SECONDS", 0.05)
    log = tmp_path / "two.log"
    watched = Watched([python("one", FAMILY, str(tmp_path / "one")), python("two", "print('no'); raise SystemExit(7)", log=log)])
    pids = family(tmp_path / "one")
    watched.thread.join(60)
    assert isinstance(watched.raised, TriageError)
    assert "two ended with status 7, for the 6th time" in str(watched.raised)
    assert str(log) in str(watched.raised.hint)
    assert len(watched.said) == MOST_RESTARTS
    assert log.read_text(encoding="utf-8") == "no\n" * (MOST_RESTARTS + 1)
    assert [lives(pid) for pid in pids] == [False, False]


def test_nothing_stays_behind_when_the_watcher_is_killed(tmp_path: Path) -> None:
    code = "import subprocess, sys, time\nsubprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)\ntime.sleep(600)\n"
    warden = (sys.executable, "-P", "-m", "triage.cli.warden", sys.executable, "-c", FAMILY, str(tmp_path / "pids"))
    watcher = subprocess.Popen([sys.executable, "-c", code, *warden])
    pids = family(tmp_path / "pids")
    watcher.kill()
    watcher.wait()
    until(lambda: not any(lives(pid) for pid in pids))


# -- for real


@pytest.mark.slow
def test_a_served_workspace_runs_its_night_and_leaves_nothing_behind(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "reading")
    triage = [sys.executable, "-P", "-c", "from triage.cli import main; main()"]
    command = [*triage, "serve", "--cron", "0 2 * * *", "--timezone", "Europe/Berlin"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | OFFLINE
    environ |= {"PREFECT_RUNNER_POLL_FREQUENCY": "1", "TRIAGE_WORKSPACE": str(workspace.root)}
    with (tmp_path / "log").open("wb") as log:
        served = subprocess.Popen(command, env=environ, cwd=tmp_path, stdout=log, stderr=log)
    try:
        note = prefect_home(workspace) / "served.json"
        until(note.exists, 120)
        api = json.loads(note.read_text(encoding="utf-8"))["api"]
        deployment = until(lambda: post(api, "deployments/filter"), 60)[0]
        assert (
            deployment["schedules"][0]["schedule"] | {"cron": "0 2 * * *", "timezone": "Europe/Berlin"}
            == deployment["schedules"][0]["schedule"]
        )
        started = post(api, f"deployments/{deployment['id']}/create_flow_run", state={"type": "SCHEDULED"})
        until(lambda: state_of(api, started["id"]) == "Completed", 60)
        by_hand = subprocess.run([*triage, "run", "--prefect"], env=environ, capture_output=True, text=True, check=True)
        assert f"View at {api.removesuffix('/api')}" in by_hand.stderr
    finally:
        served.send_signal(signal.SIGTERM)
        assert served.wait(60) == 0
    assert ask(Workspace.open(workspace.root, environ={}), "SELECT command, status FROM runs") == [("run", "complete")] * 2
    assert not note.exists()
    with pytest.raises(httpx.ConnectError):
        post(api, "deployments/filter")


def post(api: str, path: str, **body: Any) -> Any:
    return httpx.post(f"{api}/{path}", json=body, trust_env=False, timeout=30).raise_for_status().json()


def state_of(api: str, flow_run: str) -> str:
    return str(httpx.get(f"{api}/flow_runs/{flow_run}", trust_env=False, timeout=30).raise_for_status().json()["state_name"])


# -- the deployment


def test_the_deployment_fits_the_flow_and_names_no_place_of_this_machine() -> None:
    flows = packaged("flows")
    text = (flows / "prefect.yaml").read_text(encoding="utf-8")
    (deployment,) = yaml.safe_load(text)["deployments"]
    file, _, function = deployment["entrypoint"].partition(":")
    (found,) = [node for node in ast.parse((flows / file).read_text(encoding="utf-8")).body if getattr(node, "name", "") == function]
    assert isinstance(found, ast.FunctionDef)
    assert set(deployment["parameters"]) <= {argument.arg for argument in found.args.args}
    assert str(flows.parent) not in text


def test_flows_import_nothing_but_prefect_and_the_library() -> None:
    for path in packaged("flows").glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        modules += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        assert {name.partition(".")[0] for name in modules} - sys.stdlib_module_names <= {"prefect", "triage"}


def test_the_library_needs_no_prefect() -> None:
    code = "import sys, triage.pipeline, triage.cli.steps, triage.cli.serve; print('prefect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
