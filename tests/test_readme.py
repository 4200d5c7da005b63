"""The README's examples are run as they stand, in order, in a shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parent.parent
README = (CLONE / "README.md").read_text(encoding="utf-8")


def marked(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```bash\n(.*?)\n```\n<!-- /{name} -->", README, re.DOTALL)
    assert found, name
    return found[1]


def examples() -> list[str]:
    """Bash blocks of the guide, without the two commands and without blocks marked as needing a world outside."""
    text = re.sub(r"<!-- (demo|tests|outside) -->.*?<!-- /\1 -->", "", README, flags=re.DOTALL)
    return re.findall(r"```bash\n(.*?)\n```", text, re.DOTALL)


def test_the_two_commands_are_complete_and_one_line_each() -> None:
    for name, ending in (("demo", "triage demo"), ("tests", "pytest -q")):
        command = marked(name)
        assert "\n" not in command
        assert command.startswith("python3 -m venv .venv && ")
        assert command.endswith(ending)
    assert marked("tests") in (CLONE / ".ci" / "run").read_text(encoding="utf-8") or "<!-- tests -->" in (CLONE / ".ci" / "run").read_text(
        encoding="utf-8"
    )


@pytest.mark.slow
def test_the_guide_runs_from_beginning_to_end(tmp_path: Path) -> None:
    demo = CLONE / "seeds" / "demo"
    places = {"2023-papers.md": "2023-papers.md", "cvinw-notes.txt": "notes.txt", "hf-page.txt": "huggingface-page.txt"}
    blocks = examples()
    assert len(blocks) >= 4
    copies = "\n".join(f'cp "{demo / source}" {name}' for name, source in places.items())
    script = "set -e\n" + blocks[0] + "\n" + copies + "\n" + "\n".join(blocks[1:])
    (tmp_path / "bin").mkdir()
    runner = tmp_path / "bin" / "triage"
    runner.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from triage.cli import main; main()" "$@"\n')
    runner.chmod(0o755)
    offline = {f"TRIAGE_SOURCES__{name}__ENABLED": "false" for name in ("HUGGINGFACE", "ARXIV")}
    environ = os.environ | offline | {"PATH": f"{runner.parent}:{os.environ['PATH']}", "PYTHONPATH": str(CLONE)}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "written: lists/2023.md" in done.stdout
    assert (tmp_path / "reading-list" / "selected_2023_papers.csv").is_file()
