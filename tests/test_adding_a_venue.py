"""The README's example of a venue on a site of its own, done as it stands there in a copy of the clone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.servers import Reply, ScriptedServer

CLONE = Path(__file__).resolve().parent.parent
PARTS = dict(
    re.findall(r"<!-- venue: (\S+) -->\n```\w+\n(.*?\n)```\n<!-- /venue -->", (CLONE / "README.md").read_text(encoding="utf-8"), re.DOTALL)
)
PAGE = "tests/pages/dune/2031.html"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clone with what the README adds: new files whole, an entry at the end of a list."""
    root = tmp_path_factory.mktemp("clone")
    for name in ("triage", "seeds", "warehouse", "prompts", "flows", "tests"):
        shutil.copytree(CLONE / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "_packaged", "labelled", "benchmarks"))
    shutil.copy(CLONE / "pyproject.toml", root)
    for name in ("triage/sources/dune.py", PAGE):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(PARTS[name], encoding="utf-8")
    venues = root / "seeds" / "venues.yaml"
    venues.write_text(venues.read_text(encoding="utf-8").rstrip() + "\n" + PARTS["seeds/venues.yaml"], encoding="utf-8")
    cases = root / "tests" / "source_cases.py"
    cases.write_text(cases.read_text(encoding="utf-8") + f"\nCASES += ({PARTS['tests/source_cases.py'].strip()},)\n", encoding="utf-8")
    return root


def run(root: Path, words: Sequence[str], *, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")} | {"PYTHONPATH": str(root)}
    return subprocess.run([sys.executable, "-P", *words], cwd=cwd or root, env=environ, capture_output=True, text=True, check=False)


def triage(root: Path, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run(root, ["-c", "from triage.cli import main; main()", *words], cwd=cwd)


def test_the_readme_shows_every_part() -> None:
    assert sorted(PARTS) == ["seeds/venues.yaml", PAGE, "tests/source_cases.py", "triage/sources/dune.py"]


def test_its_page_is_read_and_its_year_gathered(copy: Path, tmp_path: Path) -> None:
    read = triage(copy, "sources", "parse", "dune", PAGE, "--url", "https://dune.example.org/2031/")
    assert (read.returncode, read.stderr) == (0, "complete: 2 records, 2 declared: 2 papers of 2\n")
    first = json.loads(read.stdout.splitlines()[0])
    assert (first["source"], first["source_key"], first["venue"], first["year"]) == ("dune", "2031/1", "DUNE", 2031)
    assert first["authors"] == ["Ada Sample", "Bo Mock"]
    assert triage(copy, "init", str(tmp_path / "list")).returncode == 0
    with ScriptedServer() as server:
        server.say("/2031/", Reply.text((copy / PAGE).read_bytes(), "text/html"))
        (tmp_path / "list" / "triage.toml").write_text(f'[sources.dune]\nbase_url = "{server.url}"\npace = 0\n')
        gathered = triage(copy, "backfill", "dune", "2031", "--json", cwd=tmp_path / "list")
    assert gathered.returncode == 0, gathered.stderr
    (step,) = [step for step in json.loads(gathered.stdout)["steps"] if step["step"] == "backfill dune-2031 dune"]
    assert (step["read"], step["new"]) == (2, 2)


def test_it_keeps_the_contract_and_the_style(copy: Path) -> None:
    files = ("tests/test_source_contract.py", "tests/test_registry.py", "tests/test_reference.py")
    held = run(copy, ["-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *files, "-k", "dune or DUNE or takes_part or venues or named"])
    assert held.returncode == 0, held.stdout[-3000:]
    assert " passed" in held.stdout
    checked = run(copy, ["-m", "ruff", "check", "--no-cache", "triage/sources/dune.py"])
    assert checked.returncode == 0, checked.stdout
