"""The workflow `triage init --github` writes: its scripts run here, two nights, against a bare repository and a `gh` that keeps files."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.desk import Desk
from tests.documents import VENUE, YEARLY_BY_HAND
from triage.cli import run_command_line

# The few commands the workflow uses, over a folder: pull requests are lines of a file, an artifact is a folder.
GH = """#!{python}
import json, pathlib, shutil, sys
state = pathlib.Path({state!r})
arguments = sys.argv[1:]
value = lambda name: arguments[arguments.index(name) + 1]
pulls = state / "pulls.json"
known = json.loads(pulls.read_text()) if pulls.exists() else []
if arguments[:2] == ["run", "list"]:
    print(7 if (state / "artifact").exists() else "", end="")
elif arguments[:2] == ["run", "download"]:
    shutil.copytree(state / "artifact", value("--dir"), dirs_exist_ok=True)
elif arguments[:2] == ["pr", "list"]:
    print("\\n".join(str(p["number"]) for p in known if p["open"] and p["head"] == value("--head")))
elif arguments[:2] in (["pr", "create"], ["pr", "edit"]):
    body = pathlib.Path(value("--body-file")).read_text()
    if arguments[1] == "create":
        known.append({{"number": len(known) + 1, "open": True, "head": value("--head"), "base": value("--base")}})
    known[-1] |= {{"title": value("--title"), "body": body, "times": known[-1].get("times", 0) + 1}}
    pulls.write_text(json.dumps(known))
else:
    sys.exit("gh: " + " ".join(arguments))
"""


def workflow(folder: Path) -> dict[str, Any]:
    loaded = yaml.safe_load((folder / ".github" / "workflows" / "triage.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def scripts(folder: Path) -> list[str]:
    return [step["run"] for step in workflow(folder)["jobs"]["night"]["steps"] if "run" in step]


class Hub:
    """A bare repository as origin, a clone that is thrown away after each night, and what `gh` keeps."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.origin = folder / "origin.git"
        self.kept = folder / "kept"
        tools = folder / "bin"
        tools.mkdir()
        (folder / "hub").mkdir()
        for name, text in {
            "gh": GH.format(python=sys.executable, state=str(folder / "hub")),
            "triage": f"#!/bin/sh\nexec {sys.executable} -c 'from triage.cli import main; main()' \"$@\"\n",
        }.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755 | stat.S_IXUSR)
        for name, value in {
            "PATH": f"{tools}:{os.environ['PATH']}", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "BASE": "main",
            "BRANCH": "triage/nightly", "KEPT": str(self.kept), "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        done = subprocess.run(["git", "-C", str(folder or self.origin), *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def pulls(self) -> list[dict[str, Any]]:
        path = self.folder / "hub" / "pulls.json"
        return json.loads(path.read_text()) if path.exists() else []

    def night(self, number: int) -> str:
        """The steps between the actions, in a fresh clone, as the runner does them."""
        clone = self.folder / f"clone{number}"
        subprocess.run(["git", "clone", "--quiet", str(self.origin), str(clone)], check=True)
        said = ""
        for script in scripts(clone):
            if "pip install" in script:
                continue
            done = subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=clone, capture_output=True, text=True, check=False)
            said += done.stdout + done.stderr
            assert done.returncode == 0, said
        artifact = self.folder / "hub" / "artifact"
        artifact.mkdir(exist_ok=True)
        (self.kept / "warehouse.tar").rename(artifact / "warehouse.tar")
        return said


def test_two_nights_are_one_pull_request(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(tmp_path, monkeypatch)
    desk = Desk(tmp_path / "home", capsys)
    hub.git("init", "--quiet", "--bare", "--initial-branch", "main", str(hub.origin), folder=tmp_path)
    for arguments in (["init", "-q", "-b", "main"], ["config", "user.name", "Ann"], ["config", "user.email", "a@example.org"]):
        hub.git(*arguments, folder=desk.folder)
    assert desk("init", str(desk.folder), "--github") == 0
    assert desk("import", desk.file("../mine.md", YEARLY_BY_HAND)) == 0
    # the imports of a person travel with the warehouse, which is an artifact, so they are the first night's
    (tmp_path / "hub" / "artifact").mkdir()
    subprocess.run(
        ["tar", "-cf", str(tmp_path / "hub" / "artifact" / "warehouse.tar"), "triage.duckdb", "raw"], cwd=desk.folder, check=True
    )
    for arguments in (["add", "--all"], ["commit", "-q", "-m", "mine"], ["push", "-q", str(hub.origin), "main"]):
        hub.git(*arguments, folder=desk.folder)
    hub.night(1)
    (pull,) = hub.pulls()
    assert (pull["head"], pull["base"], pull["times"]) == ("triage/nightly", "main", 1)
    assert re.match(r"Reading list: \d+ (?:selected|proposed).* \(since commit \w+\)", pull["title"])
    assert "lists/2023.md" in hub.git("diff", "--name-only", "main", "triage/nightly")
    first = hub.git("rev-parse", "triage/nightly")

    assert "nothing new" not in hub.night(2)
    assert hub.git("rev-parse", "triage/nightly") == first  # nothing new, no commit

    assert desk("import", desk.file("../venue.md", VENUE)) == 0
    subprocess.run(
        ["tar", "-cf", str(tmp_path / "hub" / "artifact" / "warehouse.tar"), "triage.duckdb", "raw"], cwd=desk.folder, check=True
    )
    hub.night(3)
    (pull,) = hub.pulls()
    assert pull["times"] == 3
    assert hub.git("merge-base", "--is-ancestor", first, "triage/nightly") == ""
    assert hub.git("rev-parse", "main") == hub.git("rev-parse", "main", folder=desk.folder)


def test_nothing_from_outside_is_run_as_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["init", str(tmp_path), "--github"]) == 0
    assert "triage.yml" in capsys.readouterr().out
    loaded = workflow(tmp_path)
    assert loaded["permissions"] == {"contents": "write", "pull-requests": "write", "actions": "read"}
    assert loaded["concurrency"] == {"group": "triage", "cancel-in-progress": False}
    for script in scripts(tmp_path):
        assert "${{" not in script
        assert not re.search(r"\beval\b|\bsh -c\b", script)
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_the_workflow_of_a_folder_in_a_repository_stands_at_its_top_and_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert run_command_line(["init", str(tmp_path / 'a "list"'), "--github"]) == 0
    assert workflow(tmp_path)["defaults"]["run"]["working-directory"] == 'a "list"'
    (tmp_path / ".github" / "workflows" / "triage.yml").write_text("mine: true\n")
    assert run_command_line(["init", str(tmp_path / "other"), "--github"]) == 0
    assert workflow(tmp_path) == {"mine": True}
    assert "triage.yml" not in capsys.readouterr().out.split("\n")[-3]


def test_this_repository_only_tests() -> None:
    loaded = yaml.safe_load((Path(__file__).resolve().parent.parent / ".github" / "workflows" / "test.yml").read_text())
    assert loaded["permissions"] == {"contents": "read"}
    assert [step.get("run") for step in loaded["jobs"]["test"]["steps"]] == [None, None, "bash .ci/run"]
