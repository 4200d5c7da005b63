"""How long keeping, matching, screening and listing take, as ratios against a baseline of the same process.

    python -m tests.benchmarks.steps [WORKS]

The baseline is a bare bulk insert of the same rows into an empty DuckDB table.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.workspaces import in_run, make_workspace, record
from triage.identity import identify
from triage.lists import publish_lists
from triage.models import Record
from triage.records import keep_records
from triage.runs import Run
from triage.screening import propose, screen
from triage.warehouse import stage

WORDS = (
    "we prune visual tokens of vision-language models a student is distilled from teacher efficient attention video question answering"
    " retrieval benchmark training data images captions transformer layers method results show accuracy latency faster memory segmentation"
    " detection robust graph policy learning speech translation theory bound optimisation kernel"
).split()


def made_records(count: int, seed: int = 7) -> list[Record]:
    """Records with titles of eight words and abstracts of 150, of one venue and year."""
    chance = random.Random(seed)
    return [
        record(
            f"k{n}",
            " ".join(chance.choices(WORDS, k=8)) + f" {n}",
            abstract=". ".join(" ".join(chance.choices(WORDS, k=15)) for _ in range(10)),
            url=f"https://example.org/{n}",
            venue="ACL",
            year=2023,
            authors=("Ann Smith", "Bo Li"),
        )
        for n in range(count)
    ]


def timed(name: str, work: Callable[[], Any], baseline: float | None = None) -> float:
    """Print CPU and wall seconds of `work`, with the ratio to the baseline's CPU seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    ratio = f"  {cpu / baseline:6.1f} x baseline" if baseline else ""
    print(f"{name:<28} {cpu:7.2f} CPU s {wall:7.2f} s{ratio}")  # noqa: T201
    return cpu


def measure(run: Run, records: list[Record]) -> None:
    def bare() -> None:
        with run.warehouse.burst() as con:
            stage(con, "bare", [{"title": r.title, "abstract": r.abstract} for r in records], {"title": "VARCHAR", "abstract": "VARCHAR"})

    def keep() -> None:
        with run.warehouse.burst() as con:
            keep_records(con, run, records)

    base = timed("bare insert (baseline)", bare)
    timed("keep records", keep, base)
    timed("keep the same again", keep, base)
    timed("identify", lambda: identify(run), base)
    timed("screen", lambda: screen(run), base)
    timed("screen again", lambda: screen(run), base)
    timed("propose", lambda: propose(run), base)
    timed("write lists", lambda: publish_lists(run), base)
    timed("write lists again", lambda: publish_lists(run), base)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 18_000
    records = made_records(count)
    with tempfile.TemporaryDirectory() as folder:
        in_run(make_workspace(Path(folder)), lambda run: measure(run, records))


if __name__ == "__main__":
    main()
