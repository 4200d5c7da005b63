"""Cases of lists that are edited, read back and written again, over one real workspace and database.

A case is a generator: it edits the list of a year of its own, and each `yield` waits for a night. All cases go on together, so
that some forty of them cost half a dozen nights.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from tests.workspaces import Ticking, make_workspace, record
from triage import pipeline
from triage.formats.checklist import Block, parse
from triage.identity import identify
from triage.lists import publish_lists
from triage.models import Record
from triage.records import keep_records
from triage.runs import Run, StepReport, open_run
from triage.screening import propose, screen
from triage.settling import settle
from triage.sync import sync_lists
from triage.words import Word, say
from triage.workspace import Workspace

NAMES = ("Cache What You Saw", "Merge and Go", "Prune Early", "Quantized Eyes")
"""The papers of every list, in the order of their links."""

Case = Callable[["Year"], Generator[None]]


class Bench:
    """What a night does about lists, step by step, with the clock going on a second at a time."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.coming: list[Record] = []

    def night(self) -> StepReport:
        """Gather, read back, judge, write the lists; the report of reading back."""
        with self.run.warehouse.burst() as con:
            keep_records(con, self.run, self.coming)
        arrived, self.coming = bool(self.coming), []
        if arrived:
            identify(self.run)
        report = sync_lists(self.run)
        if report.counts.keys() & {"added", "corrections"}:
            identify(self.run)
        if arrived:
            screen(self.run)
            propose(self.run)
            pipeline.STEPS["label"](self.run, None)
        publish_lists(self.run)
        return report

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.run.warehouse.burst() as con:
            return con.execute(sql).fetchall()


class Year:
    """The list of one year and its venue's, with four proposals: what a person and the world do to them."""

    def __init__(self, bench: Bench, year: int) -> None:
        self.bench, self.year = bench, year
        self.list, self.venue = f"lists/{year}.md", f"lists/venues/acl-{year}.md"

    def title(self, name: str) -> str:
        return f"{name} {self.year}: Token Pruning for Vision-Language Models"

    def paper(self, name: str, **fields: Any) -> Record:
        key = f"{name.replace(' ', '-').lower()}-{self.year}"
        abstract = f"{key}: we prune visual tokens of vision-language models."
        given = {"url": f"https://example.org/{key}", "venue": "ACL", "year": self.year, "abstract": abstract}
        return record(fields.pop("key", key), fields.pop("title", self.title(name)), **(given | fields))

    def comes(self, name: str, **fields: Any) -> None:
        self.bench.coming.append(self.paper(name, **fields))

    def text(self, name: str = "") -> str:
        return self.path(name).read_bytes().decode("utf-8")

    def path(self, name: str = "") -> Path:
        return self.bench.run.workspace.root / (name or self.list)

    def write(self, text: str | bytes, name: str = "") -> None:
        self.path(name).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))

    def edit(self, paper: str, old: str, new: str, name: str = "") -> None:
        """Change the first `old` behind the beginning of a paper's block."""
        text, block = self.text(name), self.block(paper, name)
        assert old in block.text
        self.write(text.replace(block.text, block.text.replace(old, new, 1)), name)

    def tick(self, paper: str, name: str = "") -> None:
        self.edit(paper, "- [ ]", "- [x]", name)

    def take_out(self, paper: str, name: str = "") -> None:
        self.write(self.text(name).replace(self.block(paper, name).text, ""), name)

    def blocks(self, name: str = "") -> list[Block]:
        return list(parse(self.text(name)).blocks) if self.path(name).exists() else []

    def block(self, paper: str, name: str = "") -> Block:
        (found,) = [block for block in self.blocks(name) if self.is_of(block, paper)]
        return found

    def is_of(self, block: Block, paper: str) -> bool:
        return f"{paper.replace(' ', '-').lower()}-{self.year}" in (block.abstract or "")

    def has(self, paper: str, name: str = "") -> bool:
        return any(self.is_of(block, paper) for block in self.blocks(name))

    def say(self, paper: str, what: Any, **rest: Any) -> None:
        """Said on the terminal."""
        say(self.bench.run, [Word(self.work(paper), what, **rest)], where="triage decide")
        identify(self.bench.run)

    def settle(self, keep: Any) -> None:
        ids = [row[0] for row in self.bench.rows(f"SELECT conflict_id FROM conflicts WHERE path = '{self.list}'")]
        assert ids
        settle(self.bench.run, ids, keep)
        identify(self.bench.run)

    def work(self, paper: str) -> str:
        key = f"{paper.replace(' ', '-').lower()}-{self.year}"
        (found,) = self.bench.rows(f"SELECT DISTINCT work_id FROM records WHERE contains(abstract, '{key}')")
        return str(found[0])

    def known(self, paper: str, *columns: str) -> Any:
        (found,) = self.bench.rows(f"SELECT {', '.join(columns)} FROM works WHERE work_id = '{self.work(paper)}'")
        return found[0] if len(columns) == 1 else found

    def conflicts(self) -> list[tuple[Any, ...]]:
        return self.bench.rows(
            f"SELECT field, in_file, in_warehouse FROM conflicts WHERE path IN ('{self.list}', '{self.venue}') ORDER BY ALL"
        )

    def words(self) -> list[str]:
        """What was said in these lists, each kind once."""
        said = self.bench.rows(
            f"SELECT DISTINCT what FROM decisions WHERE said_in IN ('{self.list}', '{self.venue}') AND what <> 'type' ORDER BY what"
        )
        return [row[0] for row in said]


def play(folder: Path, cases: list[Case]) -> dict[str, BaseException | None]:
    """Every case from beginning to end, and what went wrong in it."""
    outcomes: dict[str, BaseException | None] = {}
    with bench(folder) as made:
        years = [Year(made, 1900 + 2 * n) for n in range(len(cases))]
        for year in years:
            for name in NAMES:
                year.comes(name)
        made.night()
        live = {case.__name__: case(year) for case, year in zip(cases, years, strict=True)}
        while live:
            for name, going in list(live.items()):
                try:
                    next(going)
                except StopIteration:
                    outcomes[name] = None
                    del live[name]
                except Exception as error:  # noqa: BLE001  raised again by the case's own test
                    outcomes[name] = error
                    del live[name]
            if live:
                made.night()
        made.night()
        files = {path: path.stat().st_mtime_ns for path in made.run.workspace.root.rglob("*.md")}
        report = made.night()
        same = {path: path.stat().st_mtime_ns for path in made.run.workspace.root.rglob("*.md")} == files
        outcomes["a night with nothing new"] = None if same and not report.new else AssertionError(f"{report}")
    return outcomes


@contextlib.contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    make_workspace(folder)
    (folder / "triage.toml").write_text("[screening]\nmax_proposals = 1000\n")
    workspace = Workspace.open(folder, environ={})
    with open_run(workspace, "test", clock=Ticking()) as run:
        yield Bench(run)
