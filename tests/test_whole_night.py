"""A night over loopback copies of all the sites: some fail in every way sites do, the others are whole, the next night repairs all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.copies import EDITIONS, VENUES, all_sites, good, tables
from tests.servers import Reply, ScriptedServer
from tests.workspaces import START, Ticking, ask, make_workspace
from triage import pipeline
from triage.backfill import gather_venues, reparse
from triage.cli.common import print_report
from triage.runs import Run
from triage.workspace import Workspace

Sites = dict[str, ScriptedServer]

STATES = {
    "gathered": "SELECT source, source_key, title, abstract, authors, venue, year, track, acceptance, identifiers, links, url FROM records",
    "works": "SELECT title, venue, year, url, identifiers, records, abstract FROM works",
    "days": "SELECT source, day, status, records, nothing FROM store.day",
    "editions": "SELECT venue, year, state, records, came, with_abstract, ratio, reason FROM editions",
    "their sources": "SELECT venue, year, source, state, records, came, with_abstract, ratio, reason FROM edition_sources",
    "sources": "SELECT name, state, reason, records FROM sources",
}
"""What two nights leave, apart from when it came about and how often it was asked."""


FAULTS = {
    "down": ("cvf", "arxiv"),
    "busy": ("pmlr", "huggingface"),
    "changed": ("ijcai", "ecva", "neurips"),
    "half": ("aaai", "virtual"),
    "catalogue": ("dblp",),
}
"""Which sites have which trouble in the bad night; the others have a good one."""

SPOILT = {name for names in FAULTS.values() for name in names}
KINDS = {"down": "unreachable", "busy": "rate limited", "changed": "parsed none", "half": "truncated", "catalogue": "unreachable"}


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    with all_sites() as made:
        yield made


def workspace(folder: Path, sites: Sites) -> Workspace:
    make_workspace(folder)
    (folder / "seeds").mkdir()
    (folder / "seeds" / "venues.yaml").write_text(VENUES, encoding="utf-8")
    named = ", ".join(f'"{name}"' for name in EDITIONS)
    (folder / "triage.toml").write_text(f"[web]\nattempts = 1\nread_seconds = 2\n[venues]\ngather = [{named}]\n{tables(sites)}")
    return Workspace.open(folder, environ={})


def night(opened: Workspace, hours: float) -> Run:
    with pipeline.begin(opened, "run", clock=Ticking(START + timedelta(hours=hours))) as run:
        pipeline.run_all(run)
    return run


def venues_only(opened: Workspace, days: int) -> Run:
    with pipeline.begin(opened, "run", clock=Ticking(START + timedelta(days=days))) as run:
        gather_venues(run)
    return run


def end_state(opened: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    return {name: ask(opened, f"{sql} ORDER BY ALL") for name, sql in STATES.items()}


@pytest.fixture(scope="module")
def good_folder(sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of two good nights."""
    opened = workspace(tmp_path_factory.mktemp("good") / "workspace", sites)
    for hours in (0, 2):
        run = night(opened, hours)
        assert (run.status, run.failures) == ("complete", ())
    assert {state for _, _, state, *_ in end_state(opened)["editions"]} == {"complete"}
    return opened.root


def spoil(sites: Sites) -> None:
    for trouble, names in FAULTS.items():
        for name in names:
            SPOILING[trouble](sites[name], name)


def cut(site: ScriptedServer, name: str) -> None:
    """Half of every body."""
    for path, reply in good(name).items():
        assert isinstance(reply, Reply)
        assert isinstance(reply.body, bytes)
        site.say(path, Reply(body=reply.body[: len(reply.body) // 2], headers=reply.headers, length=len(reply.body), cut=True))


def always(reply: Reply) -> Callable[[ScriptedServer, str], None]:
    return lambda site, _: setattr(site, "otherwise", reply)


SPOILING = {
    "down": always(Reply(hang_up=True)),
    "busy": always(Reply(429, headers={"Retry-After": "4000"})),
    "changed": always(Reply.text("<!doctype html><html><body><main>Our new look.</main></body></html>", "text/html")),
    "half": cut,
    "catalogue": always(Reply(503)),
}


def mend(sites: Sites) -> None:
    for name, site in sites.items():
        site.otherwise = None
        for path, reply in good(name).items():
            site.say(path, reply)


def test_a_venue_year_in_one_file_costs_one_request_or_two(good_folder: Path) -> None:
    opened = Workspace.open(good_folder, environ={})
    prices = dict(ask(opened, "SELECT source, requests_all FROM edition_sources WHERE source IN ('virtual', 'openreview', 'aaai')"))
    assert prices == {"virtual": 1, "openreview": 1, "aaai": 2}


def test_a_bad_night_says_which_and_why_and_the_next_repairs_it(
    sites: Sites, good_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = workspace(tmp_path / "workspace", sites)
    spoil(sites)
    try:
        bad = night(opened, 0)
    finally:
        mend(sites)
    assert print_report(bad, as_json=False) == 3
    said = capsys.readouterr().err
    told = {(failure.step.split()[-1], failure.kind) for failure in bad.failures}
    assert told == {(name, KINDS[trouble]) for trouble, names in FAULTS.items() for name in names}
    assert all(sites[name].place in said for name in SPOILT), "the report says where"
    assert said.count("what to do") == len(bad.failures)
    states = dict(ask(opened, "SELECT name, state FROM sources"))
    whole = {name for name, state in states.items() if state in {"complete", "truly none"}}
    assert whole == set(states) - SPOILT, "the others are complete"
    assert whole >= {"acl", "openreview", "semanticscholar"}
    repaired = night(opened, 2)
    assert (repaired.status, repaired.failures) == ("complete", ())
    assert end_state(opened) == end_state(Workspace.open(good_folder, environ={}))


def test_after_a_whole_night_a_bad_one_deletes_and_overwrites_nothing(sites: Sites, good_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(good_folder, tmp_path / "workspace")
    opened = Workspace.open(tmp_path / "workspace", environ={})
    before = end_state(opened)
    spoil(sites)
    try:
        bad = venues_only(opened, 40)  # complete years are looked at again after a month
    finally:
        mend(sites)
    assert bad.status == "partial"
    assert end_state(opened)["gathered"] == before["gathered"]
    states = {(venue, year): state for venue, year, state, *_ in end_state(opened)["editions"]}
    assert states == {
        ("aaai", 2023): "needs attention", ("acl", 2023): "complete", ("cvpr", 2025): "needs attention", ("eccv", 2030): "needs attention",
        ("icml", 2025): "needs attention", ("icml", 2031): "incomplete", ("ijcai", 2031): "needs attention", ("neurips", 2024): "needs attention",
    }  # fmt: skip
    mended = venues_only(opened, 41)
    assert (mended.status, mended.failures) == ("complete", ())
    assert {state for _, _, state, *_ in end_state(opened)["editions"]} == {"complete"}


def test_every_source_can_be_read_again_from_what_is_stored(sites: Sites, good_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(good_folder, tmp_path / "workspace")
    opened = Workspace.open(tmp_path / "workspace", environ={})
    before = end_state(opened)
    asked = sum(len(site.seen) for site in sites.values())
    with pipeline.begin(opened, "reparse", clock=Ticking(START + timedelta(hours=4))) as run:
        for name in sites:
            reparse(run, name)
    assert (run.status, run.failures) == ("complete", ())
    read = {report.step.split()[-1] for report in run.reports if report.step.startswith("reparse")}
    assert read == set(sites), "each has something stored"
    assert sum(report.new + report.counts.get("changed", 0) for report in run.reports) == 0
    assert end_state(opened) == before
    assert sum(len(site.seen) for site in sites.values()) == asked
