"""What the readers' snapshot costs after a command that writes, on a warehouse of 12,000 works.

    python -m tests.benchmarks.snapshot [WORKS]

The baseline is DuckDB's own copy, table by table and view by view, in the same process. CPU seconds count those of the
process that copies too.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.steps import made_records
from tests.workspaces import Ticking
from triage.identity import identify
from triage.records import keep_records
from triage.runs import Run, open_run
from triage.workspace import Workspace


def cpu_seconds(do: Callable[[], None]) -> float:
    """The best of three, children's time included."""
    taken = []
    for _ in range(3):
        before = os.times()
        do()
        after = os.times()
        taken.append(sum(after[:4]) - sum(before[:4]))
    return min(taken)


def measure(run: Run, count: int) -> None:
    with run.warehouse.burst() as con:
        keep_records(con, run, made_records(count))
    identify(run)
    target = run.workspace.root / "copy.duckdb"

    def by_tables() -> None:
        target.unlink(missing_ok=True)
        with run.warehouse.burst() as con:
            con.execute("COMMIT")
            con.execute(f"ATTACH '{target}' AS copied")
            con.execute("COPY FROM DATABASE triage TO copied")
            con.execute("DETACH copied")
            con.execute("BEGIN")

    def publish() -> None:
        with run.warehouse.burst() as con:
            con.execute("INSERT INTO store.setting VALUES ('benchmark', 'x')")
        run.warehouse.publish(run.now())

    base, ours = cpu_seconds(by_tables), cpu_seconds(publish)
    size = run.workspace.snapshot_path.stat().st_size / 1e6
    print(f"{count} works, {size:.0f} MB: {ours:.2f} s CPU, table by table {base:.2f} s; ratio {ours / base:.2f}")  # noqa: T201


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12_000
    with tempfile.TemporaryDirectory() as folder:
        Workspace.init(Path(folder), environ={})
        with open_run(Workspace.open(Path(folder), environ={}), "benchmark", clock=Ticking()) as run:
            measure(run, count)


if __name__ == "__main__":
    main()
