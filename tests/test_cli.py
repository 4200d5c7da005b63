"""The command line as a whole: help, JSON, statuses, and how fast it starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from triage import errors
from triage.cli import LazyGroup, run_command_line, triage
from triage.cli.common import time_left

COMMANDS = triage.list_commands(click.Context(triage))
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def command(name: str) -> click.Command:
    found = triage.get_command(click.Context(triage), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_an_example_and_json(name: str) -> None:
    one = command(name)
    assert isinstance(triage, LazyGroup)
    assert one.help
    assert one.epilog
    assert one.epilog.startswith(f"Example: triage {name}")
    commands = one.commands.values() if isinstance(one, click.Group) else [one]
    for each in commands:
        assert each.help
        options = {option for parameter in each.params for option in parameter.opts}
        assert "--json" in options, each.name
        assert all(parameter.help for parameter in each.params if isinstance(parameter, click.Option)), each.name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_names_every_command(name: str) -> None:
    assert f"triage {name}" in README or f"`{name}`" in README


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from triage.cli import run_command_line as run; run(['--help']);"
        "print(sorted({'duckdb', 'pydantic', 'httpx', 'openai', 'prefect', 'rich', 'bs4', 'lxml', 'yaml'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.rstrip().endswith("[]")
    for name in COMMANDS:
        assert name in out


def test_refusals_have_a_message_a_hint_and_a_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["run"]) == 1
    err = capsys.readouterr().err
    assert "no workspace here" in err
    assert "triage init" in err
    assert run_command_line(["nonsense"]) == 2
    assert run_command_line(["list", "--workspace", str(tmp_path), "--stdout"]) in {1, 2}


def test_a_fault_of_the_program_is_a_sentence_and_not_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("triage.workspace.Workspace.init", broken)
    assert run_command_line(["init", str(tmp_path)]) == 70
    err = capsys.readouterr().err
    assert "a fault of the program: RuntimeError: unforeseen" in err
    assert "Traceback" not in err


def test_every_error_is_one_of_the_tree_and_stands_in_its_drawing() -> None:
    drawn = errors.__doc__ or ""
    raised = {name: found for name in errors.__all__ if issubclass(found := getattr(errors, name), BaseException)}
    assert set(errors.__all__) - set(raised) == {"Fault"}, "what an error carries"
    for name, found in raised.items():
        assert issubclass(found, errors.TriageError)
        assert name in drawn


def test_sql_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["demo", str(tmp_path / "d"), "--json"]) == 0
    capsys.readouterr()
    where = ["--workspace", str(tmp_path / "d")]
    assert run_command_line(["sql", "SELECT 1 AS one, NULL AS none", *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"one": 1, "none": None}]
    assert run_command_line(["sql", "SELECT 1 AS one", "--format", "csv", *where]) == 0
    assert capsys.readouterr().out == "one\n1\n"
    for query in ("proposals", "types", "venues", "failures", "labels-proposed", "voided"):
        assert run_command_line(["sql", "--query", query, *where]) == 0
    assert run_command_line(["sql", "DROP VIEW works", *where]) == 1
    assert "only questions" in capsys.readouterr().err
    assert run_command_line(["sql", *where]) == 2


@pytest.mark.parametrize(
    ("total", "done", "each", "passed", "said"),
    [
        (2878, 0, 1.0, 0.0, "about 48 min left"),
        (2878, 1000, 1.0, 3000.0, "about 1.6 h left"),  # slower than the pace: what was measured counts
        (2878, 1000, 3.0, 10.0, "about 1.6 h left"),  # what was stored came at once: the rest comes at the pace
        (10, 9, 10.0, 90.0, "about 10 s left"),
        (10, 10, 10.0, 100.0, ""),
        (None, 3, 1.0, 3.0, ""),
        (10, 0, 0.0, 0.0, ""),
    ],
)
def test_how_long_the_rest_takes(total: int | None, done: int, each: float, passed: float, said: str) -> None:
    assert time_left(total, done, each=each, passed=passed) == said
