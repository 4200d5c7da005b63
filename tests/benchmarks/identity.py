"""How fast and how well identity works at half a million papers. Run by hand, it takes some minutes:

    python -m tests.benchmarks.identity [--sizes 50000,100000,500000] [--new 10000] [--json]

For each size it makes papers, indexes them all, then identifies 10,000 new records against them: nine in
ten are a known paper as another source would write it (typo, case, accents, LaTeX, subtitle dropped, other
acronym, authors in another order, version suffix), one in ten is new. Beside it the time of a plain join on
the exact key over the same records, so that two machines can be compared. Every stage is a process of its
own; CPU seconds and peak memory are the system's own figures for it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from triage.identity import identify_due
from triage.models import Record
from triage.records import keep_records
from triage.runs import open_run
from triage.text import is_generic_title, is_preprint, name_tokens, title_key
from triage.warehouse import stage
from triage.workspace import Workspace

FREQUENT = (
    "learning deep neural network model data approach method system analysis image video language large training efficient detection"
    " recognition segmentation representation generation supervised transformer visual vision framework classification estimation"
    " prediction optimization adaptive object knowledge semantic attention robust graph text time human pose depth scene motion domain"
    " adaptation transfer retrieval question answering reasoning alignment prompt tuning pruning quantization distillation token sparse"
    " dynamic hierarchical contrastive generative diffusion multimodal temporal spatial local global unified joint progressive cross"
).split()
SYLLABLES = "ra no ti me lu ka so vi pe do mar len tor ban cis fel gra hym jol kri nep ost pul qui rus ster thal umb vor wex zan dra plo shi".split()
GIVEN = "Ana Bo Carla Dai Elif Femi Gil Hana Ivo Jun Kofi Lea Mei Nils Oya Pia Qiang Rosa Sven Tomás Uma Vera Wei Xin Yara Zoë André Núria Jürgen Søren".split()
JOINTS = ("for", "with", "via", "of", "in", "on", "from", "and")
YEARS = range(2015, 2026)


def word(rng: random.Random) -> str:
    """Half the words of a title are frequent, the rest come from a long tail of some thirty thousand."""
    if rng.random() < 0.5:
        return FREQUENT[min(int(rng.expovariate(1 / 25)), len(FREQUENT) - 1)]
    return "".join(SYLLABLES[min(int(rng.expovariate(1 / 12)), len(SYLLABLES) - 1)] for _ in range(rng.randint(2, 4)))


def phrase(rng: random.Random, words: int) -> str:
    parts = []
    for place in range(words):
        parts.append(word(rng).capitalize())
        if place + 1 < words and rng.random() < 0.25:
            parts.append(rng.choice(JOINTS))
    return " ".join(parts)


def acronym(rng: random.Random) -> str:
    return "".join(rng.choice(SYLLABLES).capitalize() for _ in range(2)) + rng.choice(("", "", "Net", "-2", "Former"))


def person(rng: random.Random) -> str:
    return f"{rng.choice(GIVEN)} {''.join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 3))).capitalize()}"


def paper(rng: random.Random) -> dict[str, Any]:
    title = phrase(rng, rng.randint(5, 10))
    if rng.random() < 0.35:
        title = f"{acronym(rng)}: {title}"
    elif rng.random() < 0.25:
        title = f"{title}: {phrase(rng, rng.randint(3, 6))}"
    return {"title": title, "authors": [person(rng) for _ in range(rng.randint(2, 6))], "year": rng.choice(YEARS)}


def typo(title: str, rng: random.Random) -> str:
    place = rng.randrange(1, len(title) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return title[:place] + title[place + 1 :]
    if kind == 1:
        return title[:place] + title[place + 1] + title[place] + title[place + 2 :]
    return title[:place] + rng.choice("aeioustrn") + title[place:]


def accented(title: str, rng: random.Random) -> str:
    place = title.find(rng.choice("aeo"), 2)
    return title if place < 0 else unicodedata.normalize("NFC", title[: place + 1] + "\u0301" + title[place + 1 :])


def latex(title: str, rng: random.Random) -> str:
    words = title.split(" ")
    place = rng.randrange(len(words))
    words[place] = rng.choice((r"\textbf{%s}", r"{%s}", r"\emph{%s}")) % words[place]
    return " ".join(words)


def without_subtitle(title: str, _: random.Random) -> str:
    head, colon, _rest = title.partition(": ")
    return head if colon and len(head.split(" ")) > 3 else title


def other_acronym(title: str, rng: random.Random) -> str:
    head, colon, rest = title.partition(": ")
    return (
        title
        if not colon or len(head.split(" ")) > 1
        else rng.choice((rest, f"{acronym(rng).rstrip('-2')}: {rest}" if "-2" not in head else rest))
    )


PERTURBATIONS: dict[str, Callable[[str, random.Random], str]] = {
    "typo": typo,
    "case": lambda title, rng: rng.choice((title.upper(), title.lower())),
    "accents": accented,
    "latex": latex,
    "subtitle": without_subtitle,
    "acronym": other_acronym,
    "authors": lambda title, _: title,
    "suffix": lambda title, rng: title + rng.choice((" (v2)", " [v3]", " (Oral)", "*", ".")),
}


def perturbed(made: dict[str, Any], kind: str, rng: random.Random) -> dict[str, Any]:
    """The paper as another source would write it; a second, small change in one of four."""
    title = PERTURBATIONS[kind](made["title"], rng)
    if rng.random() < 0.25:
        title = PERTURBATIONS[rng.choice(("case", "suffix", "typo"))](title, rng)
    authors = list(made["authors"])
    if kind == "authors" or rng.random() < 0.2:
        rng.shuffle(authors)
    if rng.random() < 0.3:
        authors = [f"{name.split(' ')[0][0]}. {name.split(' ')[-1]}" for name in authors]
    return {"title": title, "authors": [] if rng.random() < 0.1 else authors, "year": made["year"] + rng.choice((0, 0, 1))}


def papers(size: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(7)
    for _ in range(size):
        yield paper(rng)


_SHAPE: dict[str, Any] = {
    "record_id": "VARCHAR", "source": "VARCHAR", "source_key": "VARCHAR", "title": "VARCHAR", "authors": ["VARCHAR"], "venue": "VARCHAR", "year": "INTEGER",
    "identifiers": "MAP(VARCHAR, VARCHAR)", "links": "MAP(VARCHAR, VARCHAR)", "content_hash": "VARCHAR", "title_key": "VARCHAR", "generic": "BOOLEAN",
    "preprint": "BOOLEAN", "name_tokens": ["VARCHAR"],
}  # fmt: skip


def row(made: dict[str, Any], key: str, venue: str) -> dict[str, Any]:
    record = Record(source="made", source_key=key, title=made["title"], authors=tuple(made["authors"]), venue=venue, year=made["year"])
    return {
        **record.model_dump(mode="json"), "record_id": record.record_id, "content_hash": key, "title_key": title_key(record.title),
        "generic": is_generic_title(record.title), "preprint": is_preprint(venue), "name_tokens": name_tokens(record.authors),
    }  # fmt: skip


def figures(since: float) -> dict[str, float]:
    return {
        "cpu_seconds": round(time.process_time() - since, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def load(folder: Path, size: int) -> None:
    """Put the papers into a new workspace, as records that were never identified."""
    workspace = Workspace.init(folder, environ={})[0]
    with open_run(workspace, "load", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as run:
        batch: list[dict[str, Any]] = []
        with run.warehouse.burst() as con:
            for number, made in enumerate(papers(size)):
                batch.append(row(made, str(number), "arXiv"))
                if len(batch) == 20_000 or number + 1 == size:
                    stage(con, "made", batch, _SHAPE)
                    columns = ", ".join(_SHAPE)
                    con.execute(
                        f"INSERT INTO store.record ({columns}, first_run, last_run, first_seen, last_seen) SELECT {columns}, $run, $run, $now, $now FROM made",
                        {"run": run.id, "now": run.now()},
                    )
                    con.execute("INSERT INTO store.record_key SELECT record_id, 'title', title_key FROM made")
                    batch.clear()


def index(folder: Path) -> dict[str, float]:
    workspace = Workspace.open(folder, environ={})
    with open_run(workspace, "index") as run, run.warehouse.burst() as con:
        began = time.process_time()
        identify_due(con, run)
        return figures(began)


def night(folder: Path, size: int, new: int) -> dict[str, float]:
    """New records against everything: time and memory of the step, then precision and recall."""
    rng = random.Random(11)
    chosen = dict.fromkeys(rng.sample(range(size), min(size, new * 9 // 10)))
    known = {n: made for n, made in enumerate(papers(size)) if n in chosen}
    kinds = sorted(PERTURBATIONS)
    arriving = [
        (perturbed(made, kinds[place % len(kinds)], rng), f"new{n}", n, kinds[place % len(kinds)])
        for place, (n, made) in enumerate(known.items())
    ]
    fresh = random.Random(13)
    arriving += [(paper(fresh), f"fresh{n}", -1, "fresh") for n in range(new - len(known))]
    records = [
        Record(source="night", source_key=key, title=made["title"], authors=tuple(made["authors"]), venue="CVPR", year=made["year"])
        for made, key, _, _ in arriving
    ]
    del known
    workspace = Workspace.open(folder, environ={})
    with open_run(workspace, "night") as run, run.warehouse.burst() as con:
        keep_records(con, run, records)
        began = time.process_time()
        identify_due(con, run)
        found: dict[str, float] = figures(began)
        began = time.process_time()
        con.execute(
            "SELECT count(*) FROM store.record a JOIN store.record b USING (title_key) WHERE a.source = 'night' AND b.source = 'made'"
        ).fetchall()
        found["baseline_cpu_seconds"] = round(time.process_time() - began, 3)
        works = dict(
            con.execute(
                "SELECT record_id, work_id FROM store.membership WHERE work_id IN (SELECT work_id FROM store.membership JOIN store.record USING (record_id) WHERE source = 'night')"
            ).fetchall()
        )
        made_in = dict(
            con.execute(
                "SELECT work_id, list(source_key) FROM store.membership JOIN store.record USING (record_id) WHERE source = 'made' AND work_id IN (SELECT work_id FROM store.membership JOIN store.record USING (record_id) WHERE source = 'night') GROUP BY work_id"
            ).fetchall()
        )
    right = wrong = 0
    missed: dict[str, int] = {}
    for record, (_, _, truth, kind) in zip(records, arriving, strict=True):
        united = made_in.get(works[record.record_id], [])
        wrong += sum(int(key) != truth for key in united)
        if truth >= 0:
            right += str(truth) in united
            missed[kind] = missed.get(kind, 0) + (str(truth) not in united)
    total = sum(truth >= 0 for _, _, truth, _ in arriving)
    return (
        found
        | {"precision": round(right / max(1, right + wrong), 4), "recall": round(right / total, 4)}
        | {f"missed_{k}": n for k, n in missed.items()}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="50000,100000,500000")
    parser.add_argument("--new", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stage", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        name, folder, size = arguments.stage
        if name == "load":
            load(Path(folder), int(size))
            answer: dict[str, float] = {}
        else:
            answer = index(Path(folder)) if name == "index" else night(Path(folder), int(size), arguments.new)
        sys.stdout.write(json.dumps(answer) + "\n")
        return
    previous: dict[str, float] = {}
    for size in map(int, arguments.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            found: dict[str, float] = {"size": size}
            for name in ("load", "index", "night"):
                command = [
                    sys.executable,
                    "-m",
                    "tests.benchmarks.identity",
                    "--new",
                    str(arguments.new),
                    "--stage",
                    name,
                    folder,
                    str(size),
                ]
                out = subprocess.run(command, check=True, capture_output=True, text=True, env=None)
                found |= {f"{name}_{key}": value for key, value in json.loads(out.stdout.strip().split("\n")[-1]).items()}
            for key in ("index_cpu_seconds", "night_cpu_seconds"):
                if previous:
                    found[f"{key}_growth"] = round(found[key] / max(0.01, previous[key]) / (size / previous["size"]), 2)
            found["night_over_baseline"] = round(found["night_cpu_seconds"] / max(0.001, found["night_baseline_cpu_seconds"]), 1)
            previous = found
        sys.stdout.write(json.dumps(found, indent=None if arguments.json else 1) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
