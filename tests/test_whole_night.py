"""A night over loopback copies of all the sites: some fail in every way sites do, the others are whole, the next night repairs all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

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


class Faults(NamedTuple):
    """Which site has which trouble in the first night."""

    down: str
    busy: str
    changed: str
    half: str
    catalogue: str


NIGHTS = (
    Faults(down="cvf", busy="pmlr", changed="ijcai", half="aaai", catalogue="dblp"),
    Faults(down="acl", busy="openreview", changed="neurips", half="virtual", catalogue="semanticscholar"),
    Faults(down="arxiv", busy="huggingface", changed="ecva", half="acl", catalogue="openalex"),
)
KINDS = {"down": {"unreachable"}, "busy": {"rate limited"}, "changed": {"parsed none"}, "half": {"truncated"}, "catalogue": {"unreachable"}}


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
def two_good_nights(sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    opened = workspace(tmp_path_factory.mktemp("good") / "workspace", sites)
    for hours in (0, 2):
        run = night(opened, hours)
        assert (run.status, run.failures) == ("complete", ())
    assert {state for _, _, state, *_ in end_state(opened)["editions"]} == {"complete"}
    # a venue-year that its site offers in one file costs one request, or two with the file of abstracts
    prices = dict(ask(opened, "SELECT source, requests_all FROM edition_sources WHERE source IN ('virtual', 'openreview', 'aaai')"))
    assert prices == {"virtual": 1, "openreview": 1, "aaai": 2}
    return end_state(opened)


def spoil(sites: Sites, faults: Faults) -> None:
    sites[faults.down].otherwise = Reply(hang_up=True)
    sites[faults.busy].otherwise = Reply(429, headers={"Retry-After": "4000"})
    sites[faults.catalogue].otherwise = Reply(503)
    sites[faults.changed].otherwise = Reply.text("<!doctype html><html><body><main>Our new look.</main></body></html>", "text/html")
    for path, reply in good(faults.half).items():
        assert isinstance(reply, Reply)
        assert isinstance(reply.body, bytes)
        body = reply.body[: len(reply.body) // 2]
        sites[faults.half].say(path, Reply(body=body, headers=reply.headers, length=len(reply.body), cut=True))


def mend(sites: Sites) -> None:
    for name, site in sites.items():
        site.otherwise = None
        for path, reply in good(name).items():
            site.say(path, reply)


@pytest.mark.parametrize("faults", NIGHTS, ids=lambda faults: f"{faults.down} down")
def test_a_bad_night_says_which_and_why_and_the_next_repairs_it(
    faults: Faults,
    sites: Sites,
    two_good_nights: dict[str, list[tuple[Any, ...]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    opened = workspace(tmp_path / "workspace", sites)
    spoil(sites, faults)
    try:
        bad = night(opened, 0)
    finally:
        mend(sites)
    assert print_report(bad, as_json=False) == 3
    said = capsys.readouterr()
    for trouble, name in faults._asdict().items():
        kinds = {failure.kind for failure in bad.failures if failure.step.split()[-1] == name}
        assert kinds == KINDS[trouble], (trouble, name)
        assert sites[name].place in said.err, "the report says where"
        assert "what to do" in said.err
    failed = {failure.step.split()[-1] for failure in bad.failures}
    assert failed == set(faults)
    states = dict(ask(opened, "SELECT name, state FROM sources"))
    whole = {name for name, state in states.items() if state in {"complete", "truly none"}}
    assert whole >= set(states) - set(faults), "the others are complete"
    assert not whole & set(faults)
    repaired = night(opened, 2)
    assert (repaired.status, repaired.failures) == ("complete", ())
    assert end_state(opened) == two_good_nights


def test_every_source_can_be_read_again_from_what_is_stored(sites: Sites, tmp_path: Path) -> None:
    opened = workspace(tmp_path / "workspace", sites)
    night(opened, 0)
    before = end_state(opened)
    asked = sum(len(site.seen) for site in sites.values())
    with pipeline.begin(opened, "reparse", clock=Ticking(START + timedelta(hours=2))) as run:
        for name in sites:
            reparse(run, name)
    assert (run.status, run.failures) == ("complete", ())
    read = {report.step.split()[-1]: report.read for report in run.reports if report.step.startswith("reparse")}
    assert set(read) == set(sites), "each has something stored"
    assert sum(report.new + report.counts.get("changed", 0) for report in run.reports) == 0
    assert end_state(opened) == before
    assert sum(len(site.seen) for site in sites.values()) == asked


def test_after_a_whole_night_a_bad_one_deletes_and_overwrites_nothing(sites: Sites, tmp_path: Path) -> None:
    opened = workspace(tmp_path / "workspace", sites)
    venues_only(opened, 0)
    before = end_state(opened)
    spoil(sites, NIGHTS[0])
    try:
        bad = venues_only(opened, 40)  # complete years are looked at again after a month
    finally:
        mend(sites)
    assert bad.status == "partial"
    assert end_state(opened)["gathered"] == before["gathered"]
    states = {(venue, year): state for venue, year, state, *_ in end_state(opened)["editions"]}
    assert states == {
        ("aaai", 2023): "needs attention", ("acl", 2023): "complete", ("cvpr", 2025): "needs attention", ("eccv", 2030): "complete",
        ("icml", 2025): "complete", ("icml", 2031): "incomplete", ("ijcai", 2031): "needs attention", ("neurips", 2024): "complete",
    }  # fmt: skip
    mended = venues_only(opened, 41)
    assert (mended.status, mended.failures) == ("complete", ())
    assert {state for _, _, state, *_ in end_state(opened)["editions"]} == {"complete"}
