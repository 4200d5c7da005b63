"""What a call to a language model costs this machine, and what a kill -9 loses.

    python -m tests.benchmarks.llm [WORKS] [KILLS]       # 1000 10

The scripted server runs in a process of its own and answers after 0.2 s; sixteen requests at once. Printed are CPU
milliseconds a call, in all and without the import of the client, which a run pays once; the same for the OpenAI client
alone (bodies of the same length from as many threads through one pool, answers thrown away); the wall time over the ideal one, the calls of
a second run, and for each of ten kills at random moments how many calls were paid twice and how many labels were lost.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.llm_bench import document
from tests.workspaces import ask
from triage import pipeline
from triage.labelling.due import label
from triage.runs import StepReport
from triage.workspace import Workspace

DELAY, AT_ONCE = 0.2, 16
LABEL = """
import os, sys
from pathlib import Path
from triage import pipeline
from triage.labelling.due import label
from triage.workspace import Workspace
with pipeline.begin(Workspace.open(Path(sys.argv[1]), environ=os.environ), "label") as run:
    label(run, producers=["llm"], environ={})
"""


@contextmanager
def scripted_server() -> Iterator[tuple[str, list[str]]]:
    """The address, and a list that holds what it counted when it has ended: the ids of the papers asked about."""
    command = [sys.executable, "-m", "tests.scripted_llm", "--delay", str(DELAY)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    counted: list[str] = []
    try:
        yield server.stdout.readline().strip(), counted
    finally:
        server.stdin.close()
        counted += server.stdout.read().split("\n")
        server.wait()


def settings(base_url: str) -> dict[str, str]:
    return {
        "TRIAGE_LLM__BASE_URL": base_url,
        "TRIAGE_LLM__MODEL": "made",
        "TRIAGE_LLM__CONCURRENCY": str(AT_ONCE),
        "TRIAGE_LLM__READ": '"all"',
    }


def label_all(root: Path, base_url: str) -> tuple[StepReport, float, float]:
    """The model's part over everything due: its report, CPU seconds and wall seconds."""
    with pipeline.begin(Workspace.open(root, environ=settings(base_url)), "label") as run:
        cpu, wall = time.process_time(), time.perf_counter()
        label(run, producers=["llm"], environ={})
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return next(report for report in run.reports if report.step == "label llm"), cpu, wall


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def import_works(folder: Path, count: int) -> Path:
    workspace, _ = Workspace.init(folder / "workspace", environ={})
    (folder / "made.md").write_text(document(range(1, count + 1)), encoding="utf-8")
    pipeline.import_files(workspace, [folder / "made.md"])
    return workspace.root


def client_alone(base_url: str, calls: int, *, stable: int = 14_000, paper: int = 1_500) -> float:
    """CPU seconds of the OpenAI client for as many calls with `stable` + `paper` characters each, its import left out."""
    import httpx2
    import openai

    body = {
        "model": "made",
        "messages": [{"role": "system", "content": "s" * stable}, {"role": "user", "content": "work_id: w\n" + "p" * paper}],
    }
    left = iter(range(calls))

    def ask_all(client: openai.OpenAI) -> None:
        for _ in left:
            client.post("/chat/completions", cast_to=httpx2.Response, body=body)

    cpu = time.process_time()
    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0) as client, ThreadPoolExecutor(AT_ONCE) as threads:
        for asked in [threads.submit(ask_all, client) for _ in range(AT_ONCE)]:
            asked.result()
    return time.process_time() - cpu


def measure(root: Path, works: int) -> None:
    with scripted_server() as (base_url, _):
        once = time.process_time()
        importlib.import_module("openai")
        once = time.process_time() - once
        report, cpu, wall = label_all(root, base_url)
        calls, ideal = report.counts["calls"], works * DELAY / AT_ONCE
        say(
            f"{calls} calls: {1000 * (cpu + once) / calls:.2f} ms CPU a call, {1000 * cpu / calls:.2f} without the client's import ({once:.2f} s)"
        )
        say(f"wall {wall:.1f} s over the ideal {ideal:.1f} s = {wall / ideal:.2f}")
        alone = client_alone(base_url, calls)
        say(f"the client alone: {1000 * alone / calls:.2f} ms CPU a call; ratio {cpu / alone:.2f}")
        for message in report.messages:
            say(f"    {message}")
        report, cpu, _ = label_all(root, base_url)
        say(f"second run: {report.counts['calls']} calls, {report.known} known, {cpu:.2f} s CPU")


def kill_once(root: Path, works: int, after: float) -> dict[str, Any]:
    """Label, killed `after` seconds from its first request; then label to the end, and count."""
    with scripted_server() as (base_url, counted):
        process = subprocess.Popen([sys.executable, "-c", LABEL, str(root)], env=os.environ | settings(base_url))
        journal = root / ".triage" / "llm-journal.jsonl"
        while process.poll() is None and not (journal.exists() and journal.stat().st_size):
            time.sleep(0.005)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        ended = process.wait()
        report, _, _ = label_all(root, base_url)
    asked = int(counted[0].split()[0])
    workspace = Workspace.open(root, environ={})
    [(rows, labelled)] = ask(
        workspace, "SELECT (SELECT count(*) FROM llm_calls), (SELECT count(DISTINCT work_id) FROM labels_current WHERE producer = 'llm')"
    )
    return {
        "killed": ended == -9,
        "asked": asked,
        "twice": asked - works,
        "no row": asked - rows,
        "lost": works - labelled,
        "calls after": report.counts["calls"],
    }


def main() -> None:
    works, kills = (int(sys.argv[n]) if len(sys.argv) > n else default for n, default in ((1, 1000), (2, 10)))
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        # elsewhere, so that what it leaves in memory is no part of what is measured
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            root = process.submit(import_works, Path(folder), works).result()
        clean = Path(folder) / "clean"
        shutil.copytree(root, clean)
        measure(root, works)
        for number in range(kills):
            copy = Path(folder) / f"kill-{number}"
            shutil.copytree(clean, copy)
            say(f"kill {number}: {json.dumps(kill_once(copy, works, chance.uniform(0, works * DELAY / AT_ONCE)))}")
            shutil.rmtree(copy)


if __name__ == "__main__":
    main()
