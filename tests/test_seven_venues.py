"""The list of 2023 from the sites of its seven venues: gathered, matched, screened, labelled and written, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.made_venues import SEEDS, serve_seven_venues
from tests.servers import ScriptedServer
from tests.workspaces import START, Ticking, ask, make_workspace
from triage import pipeline
from triage.formats import checklist
from triage.runs import Run
from triage.sources.registry import VENUE_NAMES
from triage.workspace import Workspace

VENUES = ("aaai", "acl", "cvpr", "emnlp", "iccv", "icml", "neurips")


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, ScriptedServer, list[Run]]]:
    """A workspace that has gathered the seven venues of 2023, and then did what a night does."""
    folder = tmp_path_factory.mktemp("seven") / "workspace"
    make_workspace(folder)
    with ScriptedServer() as server:
        serve_seven_venues(server)
        tables = "".join(f'[sources.{name}]\nbase_url = "{server.url}"\npace = 0\n' for name in VENUE_NAMES)
        feeds = "[sources.arxiv]\nenabled = false\n[sources.huggingface]\nenabled = false\n"
        (folder / "triage.toml").write_text(f"[web]\nattempts = 1\nread_seconds = 5\n{tables}{feeds}")
        workspace = Workspace.open(folder, environ={})
        with pipeline.begin(workspace, "backfill", clock=Ticking(START)) as first:
            for venue in VENUES:
                pipeline.backfill_years(first, venue, 2023, 2023)
        with pipeline.begin(workspace, "run", clock=Ticking(START + timedelta(days=1))) as second:
            pipeline.run_all(second)
        yield workspace, server, [first, second]


def listed(path: Path) -> list[tuple[str, str | None, str | None, int | None]]:
    records = [entry.record for entry in checklist.read(path.read_text(encoding="utf-8")).entries]
    return [(record.title, record.url, record.venue, record.year) for record in records]


def test_the_list_of_2023_is_there_again(gathered: tuple[Workspace, ScriptedServer, list[Run]]) -> None:
    workspace, _, runs = gathered
    assert [(run.status, run.failures) for run in runs] == [("complete", ())] * 2
    found = listed(workspace.root / "lists" / "2023.md")
    assert sorted(found, key=str) == sorted(((paper.title, paper.url, paper.venue, 2023) for paper in SEEDS), key=str)
    assert [title for title, *_ in found] == [paper.title for paper in sorted(SEEDS, key=lambda one: (one.venue.casefold(), one.url))]


def test_what_a_second_source_gave_is_there_and_changed_no_link(gathered: tuple[Workspace, ScriptedServer, list[Run]]) -> None:
    workspace, _, _ = gathered
    lacking = ask(workspace, "SELECT title FROM works WHERE abstract IS NULL OR len(authors) = 0")
    assert lacking == []
    links = ask(
        workspace,
        "SELECT w.venue, min(regexp_extract(w.url, '//([^/]+)', 1)), max(regexp_extract(w.url, '//([^/]+)', 1)), list(DISTINCT r.source ORDER BY r.source)"
        " FROM works w JOIN records r USING (work_id) GROUP BY ALL ORDER BY 1",
    )
    assert links == [
        ("AAAI", "ojs.aaai.org", "ojs.aaai.org", ["aaai"]),
        ("ACL", "aclanthology.org", "aclanthology.org", ["acl"]),
        ("CVPR", "cvpr.thecvf.com", "cvpr.thecvf.com", ["cvf", "virtual"]),
        ("EMNLP", "aclanthology.org", "aclanthology.org", ["acl"]),
        ("ICCV", "openaccess.thecvf.com", "openaccess.thecvf.com", ["cvf", "virtual"]),
        ("ICML", "icml.cc", "icml.cc", ["pmlr", "virtual"]),
        ("NeurIPS", "neurips.cc", "neurips.cc", ["neurips", "virtual"]),
    ]


def test_sites_that_offer_one_file_were_asked_once_or_twice(gathered: tuple[Workspace, ScriptedServer, list[Run]]) -> None:
    _, server, _ = gathered
    targets = [target for target in server.targets() if target != "/robots.txt"]
    assert len(targets) == len(set(targets)) + 1  # Findings of ACL and EMNLP are one file
    pages = [target for target in targets if "/content/" in target or "/virtual/2023/poster/" in target]
    assert len(pages) == 6 + 2 + 1  # CVPR has no file, its eight papers a page each; ICCV's virtual site lacked one abstract
    assert len(targets) - len(pages) == 2 + 2 + 2 + 3 + 2 + 4 + 2
