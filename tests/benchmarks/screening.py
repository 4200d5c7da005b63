"""What screening a year of venues costs: CPU seconds through the real step, as a ratio to cutting the texts into words, and memory.

    python -m tests.benchmarks.screening [WORKS] [FILE...]

Texts are made, one in seven about vision and language, or taken from labelled FILEs (JSONL, also .gz), again and again.
Works are put into the warehouse directly, as they lie there after a night.
"""

from __future__ import annotations

import hashlib
import random
import resource
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.steps import WORDS, timed
from tests.workspaces import in_run, make_workspace
from triage.evaluation.labelled import read_labelled
from triage.phrases import tokens
from triage.ranking.step import rank
from triage.runs import Run
from triage.screening import propose, screen
from triage.warehouse import stage

OTHER = (
    "we study the bound of a policy under noise and show that graphs of agents learn to speak in sentences with few parallel corpora while"
    " kernels estimate density on manifolds our proof needs no smoothness parsing depth maps from lidar points improves driving benchmarks"
    " results over strong baselines are significant code will be released convex optimisation converges robust to attacks on federated users"
).split()


def made_texts(count: int, seed: int = 7) -> list[tuple[str, str | None]]:
    """Titles of eight words and abstracts of 180, one in seven with the words of the field."""
    chance = random.Random(seed)
    texts: list[tuple[str, str | None]] = []
    for n in range(count):
        words = WORDS if n % 7 == 0 else OTHER
        title = " ".join(chance.choices(words, k=8))
        # words of one's own, as real texts have them: a matcher must meet each once
        sentences = [" ".join([*chance.choices(words, k=17), f"term{chance.randrange(count)}"]) for _ in range(10)]
        texts.append((f"{title} {n}", ". ".join(sentences)))
    return texts


def measure(run: Run, texts: list[tuple[str, str | None]]) -> None:
    rows = [
        {
            "work_id": f"w{n:012}",
            "title": title,
            "abstract": abstract,
            "text_hash": hashlib.sha256(f"{n}{title}{abstract}".encode()).hexdigest(),
        }
        for n, (title, abstract) in enumerate(texts)
    ]
    with run.warehouse.burst() as con:
        stage(con, "made", rows, dict.fromkeys(("work_id", "title", "abstract", "text_hash"), "VARCHAR"))
        con.execute("INSERT INTO store.work BY NAME SELECT * FROM made")
    base = timed("cut into words (baseline)", lambda: [tokens(f"{title} {abstract}") for title, abstract in texts])
    timed(f"screen {len(texts)}", lambda: screen(run), base)
    timed("screen again", lambda: screen(run), base)
    timed("rank, nothing judged", lambda: rank(run), base)
    timed("propose", lambda: propose(run), base)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")  # noqa: T201


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 18_000
    papers = read_labelled([Path(name) for name in sys.argv[2:]]) if sys.argv[2:] else []
    texts = [(paper.title, paper.abstract) for paper in papers]
    texts = (texts * (count // len(texts) + 1))[:count] if texts else made_texts(count)
    with tempfile.TemporaryDirectory() as folder:
        in_run(make_workspace(Path(folder)), lambda run: measure(run, texts))


if __name__ == "__main__":
    main()
