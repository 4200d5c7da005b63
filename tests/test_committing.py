"""Nights in a real git repository: what a commit holds, what its message says, and what it leaves alone."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk import Desk, once
from tests.documents import VENUE, YEARLY_BY_HAND

Git = Callable[..., str]

PROPOSED = "Pruning Visual Tokens for Efficient Vision-Language Models"


def unset_git(patch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        patch.setenv(name, os.devnull)


def in_git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of the person's own, and a first night, committed by the person."""
    with pytest.MonkeyPatch.context() as patch:
        unset_git(patch)

        def prepare(desk: Desk) -> None:
            in_git(desk.folder, "init", "--quiet", "--initial-branch", "main")
            in_git(desk.folder, "config", "user.name", "Ann")
            in_git(desk.folder, "config", "user.email", "ann@example.org")
            assert desk("import", desk.file("../mine.md", YEARLY_BY_HAND)) == 0
            assert desk("run") == 0
            in_git(desk.folder, "add", "--all")
            in_git(desk.folder, "commit", "--quiet", "--message", "mine")

        return once(tmp_path_factory.mktemp("prepared") / "w", prepare)


@pytest.fixture
def desk(prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    unset_git(monkeypatch)
    return Desk(tmp_path / "w", capsys, like=prepared)


@pytest.fixture
def git(desk: Desk) -> Git:
    return functools.partial(in_git, desk.folder)


def paper(number: int, title: str) -> str:
    return (
        f"## {number}. {title}\n\n- [ ] {title} | https://example.org/{number}\n\n- **Link**: https://example.org/{number}\n\n"
        "- **Year**: 2023\n\n<details>\n<summary><strong>Abstract</strong></summary>\n\n"
        "We prune visual tokens of a vision-language model, which makes inference 2x faster.\n\n</details>\n\n---\n"
    )


def arrives(desk: Desk, number: int, title: str = PROPOSED) -> None:
    heading = "# ICCV 2023 Papers\n\n> selected_iccv2023_papers.csv\n\n"
    assert desk("import", desk.file(f"../page{number}.md", heading + paper(number, title))) == 0


def test_a_commit_says_what_changed_and_a_night_without_news_makes_none(desk: Desk, git: Git) -> None:
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


def block_of(desk: Desk, title: str) -> str:
    """The tick line of a paper in the yearly list."""
    return next(line for line in (desk.folder / "lists" / "2023.md").read_text().split("\n") if line.startswith("- [") and title in line)


def edit(desk: Desk, before: str, after: str) -> None:
    path = desk.folder / "lists" / "2023.md"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_an_edit_between_two_nights_is_in_the_second_commit(desk: Desk, git: Git) -> None:
    arrives(desk, 7)
    assert desk("run", "--commit") == 0
    line = block_of(desk, PROPOSED)
    edit(desk, line, line.replace("- [ ]", "- [x]"))
    arrives(desk, 8, "Distilling a Vision-Language Model into a Student That Runs Twice as Fast")
    assert desk("run", "--commit") == 0
    assert git("log", "-1", "--format=%s") == "1 proposed, 1 selected"
    assert git("status", "--porcelain") == ""
    assert desk.rows("SELECT decision FROM works WHERE url = 'https://example.org/7'") == [("selected",)]


def test_a_reverted_commit_unproposes_and_rejects_nothing(desk: Desk, git: Git) -> None:
    arrives(desk, 7)
    assert desk("run", "--commit") == 0
    git("revert", "--no-edit", "HEAD")
    reverted = (desk.folder / "lists" / "2023.md").read_text()
    assert PROPOSED not in reverted
    for _ in range(2):
        assert desk("run", "--commit") == 0
        assert desk.rows("SELECT decision, proposed, unproposed FROM works WHERE url = 'https://example.org/7'") == [(None, False, True)]
        assert (desk.folder / "lists" / "2023.md").read_text() == reverted
    assert desk.rows("SELECT count(*) FROM decisions WHERE what = 'rejected'") == [(0,)]
    assert "put back to an older state" in desk.printed("why", PROPOSED)
    git("revert", "--no-edit", next(line for line in git("log", "--format=%h %s").split("\n") if "Revert" in line).split(" ")[0])
    assert desk("run", "--commit") == 0
    assert desk.rows("SELECT proposed, unproposed FROM works WHERE url = 'https://example.org/7'") == [(True, False)]
    assert PROPOSED in (desk.folder / "lists" / "2023.md").read_text()


def ticked_by_the_program(desk: Desk) -> Path:
    """The venue's list, in which the program set the tick that was made in the yearly one."""
    arrives(desk, 7)
    assert desk("run", "--commit") == 0
    line = block_of(desk, PROPOSED)
    edit(desk, line, line.replace("- [ ]", "- [x]"))
    assert desk("run", "--commit") == 0
    path = desk.folder / "lists" / "venues" / "iccv-2023.md"
    assert f"- [x] {PROPOSED}" in path.read_text()
    return path


def test_a_tick_of_the_programs_that_a_person_takes_out_is_taken_back(desk: Desk, git: Git) -> None:
    venue = ticked_by_the_program(desk)
    text = venue.read_text()
    venue.write_text(text.replace(f"- [x] {PROPOSED}", f"- [ ] {PROPOSED}"))  # just as it stood the night before
    assert venue.read_text() == git("show", "HEAD~1:lists/venues/iccv-2023.md") + "\n"
    assert desk("run", "--commit") == 0
    assert desk.rows("SELECT decision FROM works WHERE url = 'https://example.org/7'") == [(None,)]
    assert (desk.rows("SELECT * FROM conflicts"), block_of(desk, PROPOSED)[:5]) == ([], "- [ ]")


@pytest.mark.parametrize("answer", ["warehouse", "file"])
def test_a_tick_that_git_took_out_of_a_file_is_asked_about(desk: Desk, git: Git, answer: str) -> None:
    venue = ticked_by_the_program(desk)
    git("checkout", "HEAD~1", "--", "lists/venues/iccv-2023.md")
    before = venue.read_text()
    assert desk("run") == 0
    assert desk.rows("SELECT decision FROM works WHERE url = 'https://example.org/7'") == [("selected",)]
    assert venue.read_text() == before
    ((named, *rest),) = desk.rows("SELECT conflict_id, field, in_file, in_warehouse FROM conflicts")
    assert rest == ["tick", "not ticked", "selected"]
    assert f"--keep {answer} --conflict {named}" in desk.capsys.readouterr().out
    assert desk("sync", "--keep", answer, "--conflict", "k-none") == 2
    assert desk("sync", "--keep", answer, "--conflict", named) == 0
    ticked = answer == "warehouse"
    assert desk.rows("SELECT decision FROM works WHERE url = 'https://example.org/7'") == [("selected" if ticked else None,)]
    assert desk.rows("SELECT * FROM conflicts") == []
    assert (f"- [x] {PROPOSED}" in venue.read_text()) is ticked
    assert block_of(desk, PROPOSED).startswith("- [x]") is ticked


def test_a_merge_that_is_not_resolved_is_named_and_left_as_it_is(desk: Desk, git: Git) -> None:
    arrives(desk, 7)
    assert desk("run", "--commit") == 0
    git("switch", "--quiet", "-c", "other", "HEAD~1")
    path = desk.folder / "lists" / "2023.md"
    first = next(line for line in path.read_text().split("\n") if line.startswith("# "))
    edit(desk, first, first + " of another branch")
    git("commit", "--quiet", "--all", "--message", "other")
    git("switch", "--quiet", "main")
    edit(desk, first, first + " of main")
    git("commit", "--quiet", "--all", "--message", "main")
    subprocess.run(["git", "-C", str(desk.folder), "merge", "--quiet", "other"], capture_output=True, check=False)
    text = path.read_text()
    assert "<<<<<<<" in text
    assert desk("run") == 3
    assert path.read_text() == text
    assert desk("run", "--commit") == 1
    assert desk.rows("SELECT count(*) FROM decisions WHERE what = 'rejected'") == [(0,)]


def test_a_branch_with_proposals_is_merged_like_any_other(desk: Desk, git: Git) -> None:
    arrives(desk, 7)
    assert desk("run", "--commit", "--branch", "nightly") == 0
    line = block_of(desk, PROPOSED)
    edit(desk, line, line.replace("- [ ]", "- [x]"))
    git("commit", "--quiet", "--all", "--message", "yes")
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "nightly")
    assert desk("run", "--commit") == 0
    assert desk.rows("SELECT decision FROM works WHERE url = 'https://example.org/7'") == [("selected",)]
    assert git("status", "--porcelain") == ""


def test_the_second_night_shows_only_what_is_new(desk: Desk) -> None:
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


def test_a_block_that_was_taken_out_is_a_no(desk: Desk, git: Git) -> None:
    arrives(desk, 7)
    assert desk("run", "--commit") == 0
    path = desk.folder / "lists" / "2023.md"
    blocks = re.split(r"(?m)^(?=## \d)", path.read_text())
    path.write_text("".join(block for block in blocks if PROPOSED not in block))
    assert desk("run", "--commit") == 0
    assert git("log", "-1", "--format=%s") == "1 rejected"
    assert desk.rows("SELECT decision FROM works WHERE url = 'https://example.org/7'") == [("rejected",)]


def test_what_else_a_person_has_staged_or_edited_stays_as_it_is(desk: Desk, git: Git) -> None:
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
    title = "Co-authored-by: Eve <eve@example.org> \x1b[2J# Pruning Visual Tokens of Efficient Vision-Language Models"
    arrives(desk, 7, title)
    assert desk("run", "--commit") == 0
    assert git("log", "-1", "--format=%(trailers)") == ""
    assert "\x1b" not in git("log", "-1", "--format=%B")
    assert "\x1b" not in desk.printed("diff", "--since", "HEAD~1")


def test_without_git_the_last_run_is_compared(desk: Desk) -> None:
    shutil.rmtree(desk.folder / ".git")
    arrives(desk, 7)
    assert desk("run") == 0
    told = desk.json("diff")
    assert [one["change"]["url"] for one in told["changes"]] == ["https://example.org/7"]
    assert desk("diff", "--since", "HEAD") == 2
