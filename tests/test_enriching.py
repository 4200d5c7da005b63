"""The catalogues in the night, over real HTTP on loopback: what is due, what comes of it, and that none can stop a night."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Reply, ScriptedServer
from tests.workspaces import Ticking, ask, make_workspace, record
from triage import pipeline
from triage.cli import run_command_line
from triage.enriching import catalogues
from triage.identity import identify
from triage.models import Record
from triage.records import keep_records
from triage.runs import Run
from triage.settings import load_settings
from triage.workspace import Workspace

NIGHT = datetime(2031, 9, 1, 2, 0, tzinfo=UTC)
BATCH, WORKS, SEARCH = "/graph/v1/paper/batch", "/works", "/search/publ/api"
NOBODY: dict[str, Reply] = {
    BATCH: Reply.json([None]),
    WORKS: Reply.json({"meta": {"count": 0}, "results": []}),
    SEARCH: Reply.json({"result": {"hits": {"@total": "0", "@sent": "0"}}}),
}

EYES = record(
    "3101.00001", "Cheap Eyes for Expensive Words", source="arxiv", venue="arXiv", year=2031, abstract="One line in ten.",
    published=date(2031, 1, 2), identifiers={"arxiv": "3101.00001"}, authors=("Ana Lindqvist",), url="https://arxiv.org/abs/3101.00001",
)  # fmt: skip
YOUNG = EYES.model_copy(
    update={"source_key": "3108.00009", "title": "A Young Preprint", "published": date(2031, 8, 20), "identifiers": {"arxiv": "3108.00009"}, "url": None}
)  # fmt: skip
FOG = record("fog", "Captions for Fog", venue="CVPR", year=2031, abstract="Fog is described.", authors=("Cai Sørensen",))
WHOLE = record("whole", "Whole Already", venue="CVPR", year=2031, abstract="All of it.", identifiers={"doi": "10.1/whole"})
EYES_AT_CVPR = {
    "paperId": "1111aaaa", "externalIds": {"ArXiv": "3101.00001", "DOI": "10.1109/CVPR99.2031.00042"}, "title": "Cheap Eyes for Expensive Words",
    "venue": "Computer Vision and Pattern Recognition", "year": 2031, "authors": [{"name": "Ana Lindqvist"}], "abstract": "One line in ten.",
}  # fmt: skip


def hit(title: str, key: str, **info: str) -> dict[str, Any]:
    return {"info": {"title": f"{title}.", "key": key, "year": "2031", "type": "Conference and Workshop Papers", **info}}


def found(*hits: dict[str, Any]) -> Reply:
    return Reply.json({"result": {"hits": {"@total": str(len(hits)), "@sent": str(len(hits)), "hit": list(hits)}}})


class Catalogues:
    """A workspace with some works whose catalogues are the scripted server."""

    def __init__(self, folder: Path, server: ScriptedServer) -> None:
        self.server, self.folder = server, folder
        make_workspace(folder)
        self.settings()
        for path, reply in NOBODY.items():
            server.say(path, reply)

    def settings(self, more: str = "") -> None:
        tables = "".join(f'[sources.{n}]\nbase_url = "{self.server.url}"\npace = 0\n' for n in ("semanticscholar", "openalex", "dblp"))
        feeds = "[sources.arxiv]\nenabled = false\n[sources.huggingface]\nenabled = false\n"
        (self.folder / "triage.toml").write_text(f"[web]\nattempts = 1\nread_seconds = 2\n{more}\n{tables}{feeds}")
        self.workspace = Workspace.open(self.folder, environ={})

    def put(self, *records: Record) -> None:
        with pipeline.begin(self.workspace, "test", clock=Ticking(NIGHT - timedelta(days=1))) as run:
            with run.warehouse.burst() as con:
                keep_records(con, run, records)
            identify(run)

    def night(self, days: float = 0, *, whole: bool = False) -> Run:
        """The step, or a whole night."""
        with pipeline.begin(self.workspace, "run", clock=Ticking(NIGHT + timedelta(days=days))) as run:
            if whole:
                pipeline.run_all(run)
            else:
                pipeline.STEPS["enrich"](run, None)
        return run

    def asked(self) -> list[str]:
        paths = [seen.target.partition("?")[0] for seen in self.server.seen]
        self.server.seen.clear()
        return paths

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return ask(self.workspace, sql)

    def works(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT title, venue, year, identifiers['doi'], records FROM works ORDER BY title")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Catalogues]:
    with ScriptedServer() as server:
        yield Catalogues(tmp_path / "workspace", server)


def test_a_preprint_turns_up_at_its_venue_and_a_doi_is_found(site: Catalogues) -> None:
    site.put(EYES, YOUNG, FOG, WHOLE)
    site.server.say(BATCH, Reply.json([EYES_AT_CVPR]))
    other = hit("Captions for Fog and Rain", "conf/x/1", venue="CVPR")
    site.server.say(SEARCH, found(hit("Captions for Fog", "conf/cvpr/S31", venue="CVPR", doi="10.1109/CVPR99.2031.7"), other))
    run = site.night()
    assert (run.status, run.failures) == ("complete", ())
    # what Semantic Scholar gave is not asked for at OpenAlex any more; a young preprint and a whole work are left alone
    assert site.asked() == [BATCH, SEARCH]
    assert site.works() == [
        ("A Young Preprint", "arXiv", 2031, None, 1),
        ("Captions for Fog", "CVPR", 2031, "10.1109/cvpr99.2031.7", 2),
        ("Cheap Eyes for Expensive Words", "CVPR", 2031, "10.1109/cvpr99.2031.00042", 2),
        ("Whole Already", "CVPR", 2031, "10.1/whole", 1),
    ]
    assert site.rows("SELECT from_venue, to_venue FROM promotions") == [("arXiv", "CVPR")]
    assert site.rows("SELECT title, source, lacked, found, asks FROM enrichments ORDER BY ALL") == [
        ("Captions for Fog", "dblp", "doi", True, 1),
        ("Cheap Eyes for Expensive Words", "semanticscholar", "venue", True, 1),
    ]
    reports = {report.step: report for report in run.reports}
    assert (reports["enrich semanticscholar"].new, reports["enrich dblp"].new) == (1, 1)
    assert site.rows("SELECT name, state FROM sources WHERE name IN ('semanticscholar', 'openalex', 'dblp') ORDER BY name") == [
        ("dblp", "complete"),
        ("semanticscholar", "complete"),
    ]
    site.night(days=1)
    assert site.asked() == []


def test_a_deleted_warehouse_comes_back_with_what_was_kept_and_nothing_else(site: Catalogues) -> None:
    site.put(FOG)
    other = hit("Another Paper", "conf/x/1", venue="Harbour Conf")
    site.server.say(SEARCH, found(hit("Captions for Fog", "conf/x/2", venue="Harbour Conf", doi="10.1/fog"), other))
    site.night()
    kept = site.rows("SELECT source, source_key, venue FROM records WHERE source = 'dblp'")
    assert kept == [("dblp", "conf/x/2", None)], "a venue that nobody here knows decides nothing"
    for file in site.folder.glob("*.duckdb*"):
        file.unlink()
    with pipeline.begin(site.workspace, "test", clock=Ticking(NIGHT)):
        pass
    assert site.rows("SELECT source, source_key, venue FROM records WHERE source = 'dblp'") == kept


def test_what_nobody_knows_is_asked_again_after_a_time_that_doubles(site: Catalogues) -> None:
    site.put(EYES)
    nights = {}
    for days in (0, 13, 14, 41, 42):
        site.night(days)
        nights[days] = site.asked().count(BATCH)
    assert [days for days, count in nights.items() if count] == [0, 14, 42]
    assert site.rows("SELECT source, found, asks FROM enrichments WHERE source = 'semanticscholar'") == [("semanticscholar", False, 3)]


def test_a_catalogue_that_is_down_is_named_and_stops_nothing(site: Catalogues) -> None:
    site.put(EYES, FOG)
    site.server.say(BATCH, Reply(503))
    site.server.say(WORKS, Reply.text("<p>moment</p>", "text/html"))
    site.server.say(SEARCH, found(hit("Captions for Fog", "conf/cvpr/S31", venue="CVPR", doi="10.1109/CVPR99.2031.7")))
    run = site.night(whole=True)
    assert run.status == "partial"
    assert [(failure.step, failure.kind) for failure in run.failures] == [
        ("enrich semanticscholar", "bad status"),
        ("enrich openalex", "wrong media type"),
    ]
    assert [report.step for report in run.reports][-2:] == ["lists", "notes"], "the night goes on"
    assert site.works()[0][3] == "10.1109/cvpr99.2031.7"
    assert site.rows("SELECT name, state FROM sources WHERE name = 'semanticscholar'") == [("semanticscholar", "bad status")]
    site.server.say(BATCH, Reply.json([EYES_AT_CVPR]))
    site.asked()
    assert site.night(days=1).status == "complete"
    assert site.asked()[0] == BATCH
    assert site.works()[1][1] == "CVPR"


def test_a_night_asks_for_so_many_the_ones_a_person_wants_first(site: Catalogues) -> None:
    others = [record(f"k{n}", f"A Made Title Number {n}", venue="CVPR", year=2031, abstract="x") for n in range(5)]
    site.put(*others, FOG)
    line = {
        "id": "d1", "when": "2031-08-31T00:00:00Z", "who": "ann", "where": "test", "what": "selected",
        "work": {"title": FOG.title, "venue": "CVPR", "year": 2031},
    }  # fmt: skip
    (site.folder / "decisions.jsonl").write_text(json.dumps(line) + "\n")
    site.settings("[enrich]\nsearches = 2\n")
    site.night()
    first, second = (seen.target for seen in site.server.seen)
    assert "Captions+for+Fog" in first
    assert "Number" in second
    site.asked()
    site.night(days=1)
    assert site.asked() == [SEARCH, SEARCH], "the next night goes on with others"
    assert site.rows("SELECT count(*), max(asks) FROM enrichments") == [(4, 1)]


def test_catalogues_are_asked_once_it_is_known_who_asks() -> None:
    def names(text: str) -> list[str]:
        return list(catalogues(load_settings(text, name="f.toml", environ={})))

    assert names("") == []
    assert names('[web]\ncontact = "mailto:ann@example.org"') == ["semanticscholar", "openalex", "dblp"]
    assert names('[web]\ncontact = "mailto:ann@example.org"\n[sources.dblp]\nenabled = false') == ["semanticscholar", "openalex"]
    assert names("[sources.openalex]\nenabled = true") == ["openalex"]


def test_the_command_asks_and_reports(site: Catalogues, capsys: pytest.CaptureFixture[str]) -> None:
    site.put(record("w", "Neither Abstract Nor DOI", venue="CVPR", year=2020))
    site.server.say(SEARCH, Reply(500))
    assert run_command_line(["enrich", "--json", "--workspace", str(site.folder)]) == 3
    told = json.loads(capsys.readouterr().out)
    assert [(failure["step"], failure["kind"]) for failure in told["failures"]] == [("enrich dblp", "bad status")]
