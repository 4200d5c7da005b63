"""Nights in a real git repository: what a commit holds, what its message says, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk import Desk
from tests.documents import VENUE, YEARLY_BY_HAND

Git = Callable[..., str]

PROPOSED = "Pruning Visual Tokens for Efficient Vision-Language Models"


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}.items():
        monkeypatch.setenv(name, value)
    return Desk(tmp_path / "w", capsys)


@pytest.fixture
def git(desk: Desk) -> Git:
    def run(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(desk.folder), *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "--quiet", "--initial-branch", "main")
    run("config", "user.name", "Ann")
    run("config", "user.email", "ann@example.org")
    return run


def paper(number: int, title: str) -> str:
    return (
        f"## {number}. {title}\n\n- [ ] {title} | https://example.org/{number}\n\n- **Link**: https://example.org/{number}\n\n"
        "- **Year**: 2023\n\n<details>\n<summary><strong>Abstract</strong></summary>\n\n"
        "We prune visual tokens of a vision-language model, which makes inference 2x faster.\n\n</details>\n\n---\n"
    )


def arrives(desk: Desk, number: int, title: str = PROPOSED) -> None:
    heading = "# ICCV 2023 Papers\n\n> selected_iccv2023_papers.csv\n\n"
    assert desk("import", desk.file(f"../page{number}.md", heading + paper(number, title))) == 0


def begin(desk: Desk, git: Git) -> None:
    """A workspace with a list of the person's own, committed by the person."""
    assert desk("import", desk.file("../mine.md", YEARLY_BY_HAND)) == 0
    assert desk("run") == 0
    git("add", "--all")
    git("commit", "--quiet", "--message", "mine")


def test_a_commit_says_what_changed_and_a_night_without_news_makes_none(desk: Desk, git: Git) -> None:
    begin(desk, git)
    arrives(desk, 7)
    assert desk("run", "--commit") == 0
    message = git("log", "-1", "--format=%B")
    assert message.split("\n")[0] == "1 proposed"
    assert f"- {PROPOSED}" in message
    assert "- lists/2023.md" in message
    head = git("rev-parse", "HEAD")
    assert git("status", "--porcelain") == ""
    assert desk("run", "--commit") == 0
    assert (git("rev-parse", "HEAD"), git("status", "--porcelain")) == (head, "")


def test_the_second_night_shows_only_what_is_new(desk: Desk, git: Git) -> None:
    begin(desk, git)
    arrives(desk, 7)
    assert desk("run", "--commit") == 0
    arrives(desk, 8, "Distilling a Vision-Language Model into a Student That Runs Twice as Fast")
    assert desk("run") == 0
    told = desk.json("diff")["changes"]
    assert [(one["change"]["kind"], one["change"]["url"]) for one in told] == [("proposed", "https://example.org/8")]
    assert told[0]["reasons"][0]["quote"]
    assert told[0]["score"] > 0.3
    shown = desk.printed("diff")
    assert "Runs Twice as Fast" in shown
    assert PROPOSED not in shown
    assert len(desk.json("diff", "--since", "HEAD~1")["changes"]) == 2
    assert desk("run", "--commit") == 0
    assert desk.printed("diff") == ""


def test_what_a_person_said_is_in_the_diff_and_in_the_commit(desk: Desk, git: Git) -> None:
    begin(desk, git)
    arrives(desk, 7)
    assert desk("run", "--commit") == 0
    work = desk.rows("SELECT work_id FROM works WHERE url = 'https://example.org/7'")[0][0]
    assert desk("decide", work, "--select", "--type", "My own type") == 0
    (told,) = desk.json("diff")["changes"]
    assert told["change"]["kind"] == "selected"
    assert {field["name"]: field["after"] for field in told["change"]["fields"]}["type"] == "My own type"
    assert desk("run", "--commit") == 0
    assert git("log", "-1", "--format=%s") == "1 selected"
    assert "decisions.jsonl" in git("show", "--stat", "--format=")


def test_what_else_a_person_has_staged_or_edited_stays_as_it_is(desk: Desk, git: Git) -> None:
    begin(desk, git)
    desk.file("mine.txt", "staged\n")
    git("add", "mine.txt")
    desk.file("other.txt", "not staged\n")
    arrives(desk, 7)
    assert desk("run", "--commit") == 0
    assert "mine.txt" not in git("show", "--name-only", "--format=")
    assert sorted(git("status", "--porcelain").split("\n")) == ["?? other.txt", "A  mine.txt"]


@pytest.mark.usefixtures("desk")
def test_the_first_commit_of_a_repository_and_a_workspace_in_a_folder_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inner = Desk(tmp_path / "big" / "reading list é", capsys)
    for arguments in (["init", "-q", "-b", "main"], ["config", "user.name", "Ann"], ["config", "user.email", "a@example.org"]):
        subprocess.run(["git", "-C", str(tmp_path / "big"), *arguments], check=True)
    assert inner("import", inner.file("../../v.md", VENUE)) == 0
    assert inner("run", "--commit") == 0
    named = subprocess.run(
        ["git", "-C", str(inner.folder), "show", "--name-only", "--relative", "--format="], capture_output=True, text=True, check=True
    ).stdout
    assert "decisions.jsonl" in named
    assert "triage.toml" not in named
    assert inner.printed("diff") == ""


def test_a_branch_of_its_own(desk: Desk, git: Git) -> None:
    begin(desk, git)
    before = git("rev-parse", "main")
    arrives(desk, 7)
    assert desk("run", "--commit", "--branch", "nightly") == 0
    assert git("rev-parse", "main") == before
    assert git("log", "-1", "--format=%s", "nightly") == "1 proposed"
    assert git("branch", "--show-current") == "nightly"
    assert desk("run", "--commit", "--branch", "--force") == 1
    assert desk("run", "--branch", "x") == 2


@pytest.mark.parametrize(
    ("state", "part"),
    [
        ("none", "in no git repository"),
        ("detached", "HEAD is detached"),
        ("merge", "a merge is under way"),
        ("nobody", "does not know who commits"),
    ],
)
def test_states_in_which_nothing_can_be_committed(desk: Desk, git: Git, state: str, part: str) -> None:
    begin(desk, git)
    arrives(desk, 7)
    if state == "none":
        (desk.folder / ".git").rename(desk.folder / "hidden")
    elif state == "detached":
        git("checkout", "--quiet", "--detach")
    elif state == "merge":
        (desk.folder / ".git" / "MERGE_HEAD").write_text(git("rev-parse", "HEAD") + "\n")
    else:
        git("config", "user.useConfigOnly", "true")
        git("config", "--unset", "user.name")
        git("config", "--unset", "user.email")
    assert desk("run", "--commit") == (3 if state == "nobody" else 1)
    said = desk.capsys.readouterr().err
    assert part in said
    assert "what to do:" in said


def test_a_hook_that_fails_leaves_the_files_for_the_next_run(desk: Desk, git: Git) -> None:
    begin(desk, git)
    hook = desk.folder / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no commits on Fridays >&2\nexit 1\n")
    hook.chmod(0o755)
    arrives(desk, 7)
    assert desk("run", "--commit") == 3
    assert "no commits on Fridays" in desk.capsys.readouterr().err
    assert desk.rows("SELECT kind FROM failures WHERE step = 'commit'") == [("not committed",)]
    hook.unlink()
    assert desk("run", "--commit") == 0
    assert git("log", "-1", "--format=%s") == "1 proposed"
    assert git("status", "--porcelain") == ""


def test_a_title_cannot_speak_for_git(desk: Desk, git: Git) -> None:
    begin(desk, git)
    title = "Co-authored-by: Eve <eve@example.org> \x1b[2J# Pruning Visual Tokens of Efficient Vision-Language Models"
    arrives(desk, 7, title)
    assert desk("run", "--commit") == 0
    assert git("log", "-1", "--format=%(trailers)") == ""
    assert "\x1b" not in git("log", "-1", "--format=%B")
    assert "\x1b" not in desk.printed("diff", "--since", "HEAD~1")


def test_without_git_the_last_run_is_compared(desk: Desk) -> None:
    assert desk("import", desk.file("../mine.md", YEARLY_BY_HAND)) == 0
    assert desk("run") == 0
    arrives(desk, 7)
    assert desk("run") == 0
    told = desk.json("diff")
    assert [one["change"]["url"] for one in told["changes"]] == ["https://example.org/7"]
    assert desk("diff", "--since", "HEAD") == 2
