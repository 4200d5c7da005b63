"""Workspaces and their typed settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.errors import BusyError, SettingsError, UsageError, WorkspaceError
from triage.settings import load_settings
from triage.workspace import Workspace, safe_name, write_atomically


def test_init_writes_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    workspace, written = Workspace.init(tmp_path, environ={})
    assert written == ["triage.toml", ".gitattributes", "decisions.jsonl"]
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert Workspace.init(tmp_path, environ={})[1] == []
    assert workspace.settings == load_settings("", name="x", environ={})


def test_every_commented_default_is_the_default(tmp_path: Path) -> None:
    Workspace.init(tmp_path, environ={})
    uncommented = [
        line.removeprefix("# ") if "=" in line and line.startswith("# ") else line
        for line in (tmp_path / "triage.toml").read_text().split("\n")
    ]
    values = "\n".join(
        line for line in uncommented if not line.startswith("# Env") and not line.startswith("Environment") and "TRIAGE_" not in line
    )
    defaults = load_settings("", name="x", environ={}).model_dump()
    said = load_settings(values, name="x", environ={}).model_dump()
    said["workspace"]["person"] = ""
    assert {k: said[k] for k in ("workspace", "screening", "labels", "notes")} == {
        k: defaults[k] for k in ("workspace", "screening", "labels", "notes")
    }


def test_the_nearest_parent_is_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Workspace.init(tmp_path, environ={})
    (tmp_path / "lists" / "venues").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "lists" / "venues")
    assert Workspace.open(None, environ={}).root == tmp_path


def test_no_workspace_points_to_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkspaceError) as refused:
        Workspace.open(None, environ={})
    assert "triage init" in str(refused.value.hint)
    with pytest.raises(WorkspaceError):
        Workspace.open(tmp_path / "nowhere", environ={})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[screening]\n\nthreshhold = 1\n", ["f.toml:3", "threshhold", "threshold"]),
        ("[screening]\nthreshold = 7\n", ["f.toml:2", "screening.threshold", "less than or equal to 1", "7"]),
        ('[labels]\nproducers = ["oracle"]\n', ["f.toml:2", "'learned'", "oracle"]),
        ("[sreening]\n", ["f.toml:1", "sreening", "screening"]),
        ("[screening\n", ["f.toml", "line 1"]),
        ('[screening]\nscope = "all"\n', ["f.toml:2", "curator-words"]),
        ('[workspace]\nwarehouse = ""\n', ["f.toml:2", "workspace.warehouse"]),
    ],
)
def test_a_wrong_setting_says_file_line_and_what_is_allowed(text: str, said: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(text, name="f.toml", environ={})
    for part in said:
        assert part in str(refused.value)


def test_environment_variables_override_and_are_named_in_errors() -> None:
    environ = {"TRIAGE_SCREENING__THRESHOLD": "0.25", "TRIAGE_WORKSPACE__PERSON": "Ann", "TRIAGE_DEBUG": "1", "HOME": "/nowhere"}
    settings = load_settings("[screening]\nthreshold = 0.5\n", name="f.toml", environ=environ)
    assert (settings.screening.threshold, settings.workspace.person) == (0.25, "Ann")
    with pytest.raises(SettingsError) as refused:
        load_settings("", name="f.toml", environ={"TRIAGE_SCREENING__THRESHOLD": "many"})
    assert "environment variable TRIAGE_SCREENING__THRESHOLD" in str(refused.value)


def test_own_reference_files_win_and_unknown_names_are_listed(tmp_path: Path) -> None:
    workspace, _ = Workspace.init(tmp_path, environ={})
    packaged, name = workspace.reference("seeds", "taxonomy.yaml")
    assert name == "packaged seeds/taxonomy.yaml"
    write_atomically(tmp_path / "seeds" / "taxonomy.yaml", "mine")
    assert workspace.reference("seeds", "taxonomy.yaml") == ("mine", "seeds/taxonomy.yaml")
    assert packaged != "mine"
    with pytest.raises(UsageError) as refused:
        workspace.reference("queries", "nope.sql")
    assert "proposals.sql" in str(refused.value.hint)


def test_a_second_writer_is_told_who_holds_it(tmp_path: Path) -> None:
    workspace, _ = Workspace.init(tmp_path, environ={})
    with (
        workspace.locked("run", started="2026-11-23T02:00:00"),
        pytest.raises(BusyError, match=r"`run`, process \d+, since 2026-11-23T02:00:00"),
        workspace.locked("import", started="later"),
    ):
        raise AssertionError("held twice")
    with workspace.locked("import", started="later"):
        pass


@pytest.mark.parametrize(
    ("venue", "name"), [("NeurIPS", "neurips"), ("../../etc/passwd", "etc-passwd"), ("", "unknown"), ("a" * 500, "a" * 80)]
)
def test_no_venue_leaves_its_folder(venue: str, name: str) -> None:
    assert safe_name(venue) == name


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.mkdir()
    with pytest.raises(WorkspaceError):
        write_atomically(target, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
