"""How long a list of 5,000 blocks takes to be read back and written again after a person's edits.

    python -m tests.benchmarks.sync [BLOCKS]

The baseline is taking the same text apart once, in the same process.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.steps import made_records, timed
from tests.workspaces import Ticking
from triage.formats.checklist import parse
from triage.identity import identify
from triage.lists import publish_lists
from triage.records import keep_records
from triage.runs import Run, open_run
from triage.screening import propose, screen
from triage.sync import sync_lists
from triage.workspace import Workspace


def measure(run: Run, count: int) -> None:
    with run.warehouse.burst() as con:
        keep_records(con, run, made_records(count))
    identify(run)
    screen(run)
    propose(run)
    publish_lists(run)
    path = run.workspace.root / "lists" / "2023.md"
    text = path.read_text(encoding="utf-8")
    print(f"{text.count('- [ ]')} blocks, {len(text) / 1e6:.1f} MB")  # noqa: T201
    base = timed("take apart (baseline)", lambda: parse(text + "\n"))
    timed("sync, nothing edited", lambda: sync_lists(run), base)
    path.write_text(text.replace("- [ ]", "- [x]", 20).replace("**Conference**: ACL", "**Conference**: EMNLP", 5), encoding="utf-8")

    def night() -> None:
        sync_lists(run)
        publish_lists(run)

    timed("sync and render, 20 ticks", night, base)
    timed("again, nothing edited", night, base)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with tempfile.TemporaryDirectory() as folder:
        Workspace.init(Path(folder), environ={})
        (Path(folder) / "triage.toml").write_text("[screening]\nmax_proposals = 100000\nthreshold = 0.0\n")
        with open_run(Workspace.open(Path(folder), environ={}), "benchmark", clock=Ticking()) as run:
            measure(run, count)


if __name__ == "__main__":
    main()
