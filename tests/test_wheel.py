"""The wheel: what is in it, and that it works where there is no clone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy that also holds databases a user left lying about."""
    copy = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "-C", str(CLONE), "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True, check=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (CLONE / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((CLONE / name).read_bytes())
    for name in ("warehouse/triage.duckdb", "seeds/demo/snapshot.duckdb", "triage/mine.duckdb.wal", "warehouse/triage.duckdb.backup-v1"):
        (copy / name).write_bytes(b"private")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_reference_folders_and_no_database(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("prompts", "warehouse", "seeds", "flows"):
        shipped = {
            p.relative_to(CLONE).as_posix()
            for p in (CLONE / folder).rglob("*")
            if p.is_file() and "__pycache__" not in p.parts and "duckdb" not in p.name
        }
        assert {f"triage/_packaged/{name}" for name in shipped} <= set(names)
    assert [name for name in names if "duckdb" in name] == []
    assert {name.split("/")[0] for name in names} == {"triage", wheel.name.split("-py3")[0] + ".dist-info"}


@pytest.mark.slow
def test_the_demo_runs_from_the_wheel_outside_the_clone(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel)],
        check=True,
        capture_output=True,
    )
    script = (
        "import sys, triage; assert triage.__file__.startswith(sys.argv[1]), triage.__file__;"
        "from triage.cli import run_command_line as run; sys.exit(run(['demo', 'here']))"
    )
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TRIAGE_")} | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, str(site)], cwd=tmp_path, capture_output=True, text=True, env=environ, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "> why: " in done.stdout
    assert "Motivation" in done.stdout
    assert (tmp_path / "here" / "lists" / "2023.md").is_file()
    assert (tmp_path / "here" / "lists" / "venues" / "iccv-2023.md").is_file()
