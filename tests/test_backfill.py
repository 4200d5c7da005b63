"""Whole venues over real HTTP on loopback: sources in their order, gaps filled, kills survived, poorer answers noticed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Reply, ScriptedServer, Seen
from tests.source_cases import PAGES
from tests.workspaces import START, Ticking, ask, make_workspace
from triage import pipeline
from triage.backfill import backfill, gather_venues
from triage.cli import run_command_line
from triage.errors import SettingsError, UsageError
from triage.runs import Run
from triage.sources import Parsed, Request, Response
from triage.sources.registry import VENUE_NAMES
from triage.sources.virtual import Virtual
from triage.venues import edition_of
from triage.workspace import Workspace

CLONE = Path(__file__).resolve().parent.parent
LISTING = "/CVPR2025"
VIRTUAL = "/static/virtual/data/cvpr-2025-orals-posters.json"
FIRST = "/content/CVPR2025/html/Sample_Made__Tokens_and_Nothing_Else._CVPR_2025_paper.html"
SECOND = "/content/CVPR2025/html/Stub_Invented_Pixels_CVPR_2025_paper.html"
AUTHORS = {"Made Tokens and Nothing Else.": ["Ada Sample", "Béla Mock"], "Invented Pixels, Revisited": ["Dora Stub"]}


def page(name: str) -> Reply:
    kinds = {".html": "text/html", ".json": "application/json", ".xml": "text/xml", ".yaml": "text/yaml"}
    return Reply.text((PAGES / name).read_bytes(), kinds[Path(name).suffix])


def events(*titles: str, abstract: str | None = "Invented for a test.", declared: int | None = None) -> Reply:
    results = [
        {
            "id": 700 + place, "name": title, "authors": [{"fullname": name} for name in AUTHORS.get(title, ["Ada Sample"])], "abstract": abstract, "decision": "Accept (poster)",
            "eventtype": "Poster", "virtualsite_url": f"/virtual/2025/poster/{700 + place}",
        }
        for place, title in enumerate(titles)
    ]  # fmt: skip
    return Reply.json({"count": len(results) if declared is None else declared, "next": None, "results": results})


class Site:
    """A workspace whose venue sources are all the scripted server."""

    def __init__(self, folder: Path, server: ScriptedServer) -> None:
        self.server = server
        self.folder = folder
        make_workspace(folder)
        tables = "".join(f'[sources.{name}]\nbase_url = "{server.url}"\npace = 0\n' for name in VENUE_NAMES)
        feeds = "[sources.arxiv]\nenabled = false\n[sources.huggingface]\nenabled = false\n"
        self.settings = f"[web]\nattempts = 1\nread_seconds = 2\n{tables}{feeds}"
        self.open()

    def open(self, more: str = "") -> None:
        (self.folder / "triage.toml").write_text(f"{more}\n{self.settings}")
        self.workspace = Workspace.open(self.folder, environ={})

    def cvpr(self) -> None:
        """Two papers at CVF, of which the virtual site has one with its abstract."""
        self.server.say(LISTING, page("cvf/listing_new.html"))
        self.server.say(FIRST, page("cvf/paper.html"))
        paper = (PAGES / "cvf/paper.html").read_text()
        other = paper.replace("Made Tokens and Nothing Else.", "Invented Pixels, Revisited").replace(
            "Sample_Made__Tokens_and_Nothing_Else._CVPR", "Stub_Invented_Pixels_CVPR"
        )
        self.server.say(SECOND, Reply.text(other.replace("Sample_Made__Invented Pixels, Revisited", "x"), "text/html"))
        self.server.say(VIRTUAL, events("Made Tokens and Nothing Else.", "Invented Pixels, Revisited", abstract="Invented for a test."))

    def backfill(self, venue: str = "cvpr", year: int = 2025, *, at: datetime = START) -> Run:
        with pipeline.begin(self.workspace, "backfill", clock=Ticking(at)) as run:
            backfill(run, venue, year)
            pipeline.STEPS["identify"](run, None)
        return run

    def asked(self) -> list[str]:
        targets = sorted(self.server.targets())
        self.server.seen.clear()
        return targets

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return ask(self.workspace, sql)

    def edition(self, columns: str = "state, records, came, with_abstract") -> tuple[Any, ...]:
        (row,) = self.rows(f"SELECT {columns} FROM store.edition")
        return row

    def records(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT source, source_key, title, abstract, authors, url FROM records ORDER BY ALL")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ScriptedServer() as server:
        yield Site(tmp_path / "workspace", server)


def test_two_sources_one_request_each_and_the_shown_link_is_the_preferred_one(site: Site) -> None:
    site.cvpr()
    run = site.backfill()
    assert (run.status, run.failures) == ("complete", ())
    assert site.asked() == [f"{LISTING}?day=all", VIRTUAL]
    assert site.edition("state, records, came, with_abstract, ratio, requests") == ("complete", 2, 2, 2, 1.0, 2)
    assert site.rows("SELECT title, url, records FROM works ORDER BY title") == [
        ("Invented Pixels, Revisited", "https://cvpr.thecvf.com/virtual/2025/poster/701", 2),
        ("Made Tokens and Nothing Else.", "https://cvpr.thecvf.com/virtual/2025/poster/700", 2),
    ]
    assert site.rows("SELECT source, state, came, requests FROM store.edition_source ORDER BY source") == [
        ("cvf", "complete", 2, 1),
        ("virtual", "complete", 2, 1),
    ]


def test_pages_are_asked_only_for_papers_without_an_abstract_anywhere(site: Site) -> None:
    site.cvpr()
    site.server.say(VIRTUAL, events("Invented Pixels, Revisited"))
    run = site.backfill()
    assert run.status == "complete"
    assert site.asked() == sorted([f"{LISTING}?day=all", VIRTUAL, FIRST])
    ((abstract,),) = site.rows("SELECT abstract FROM records WHERE source = 'cvf' AND title LIKE 'Made Tokens%'")
    assert abstract.startswith("Tokens are made,  and nothing else is")
    assert site.rows("SELECT len(authors) FROM records WHERE source = 'cvf' ORDER BY ALL") == [(1,), (2,)]


def test_a_second_backfill_asks_lists_only_and_changes_nothing(site: Site) -> None:
    site.cvpr()
    site.server.say(VIRTUAL, events("Invented Pixels, Revisited"))
    site.backfill()
    site.asked()
    before = site.records()
    run = site.backfill(at=START + timedelta(hours=1))
    assert site.asked() == [f"{LISTING}?day=all", VIRTUAL]
    assert [(report.new, report.known, report.counts["changed"]) for report in run.reports if "backfill" in report.step] == [
        (0, 1, 0),
        (0, 2, 0),
    ]
    assert site.records() == before


def test_a_failed_page_is_reported_and_only_that_is_asked_for_again(site: Site) -> None:
    site.cvpr()
    site.server.say(SECOND, Reply(500))
    site.server.say(VIRTUAL, Reply(404))
    site.server.say("/virtual/2025/papers.html", Reply(404))
    run = site.backfill()
    assert run.status == "partial"
    assert [(failure.step, failure.kind) for failure in run.failures if failure.kind == "needs attention"] == [
        ("backfill cvpr-2025 cvf", "needs attention")
    ]
    assert sum(SECOND in failure.message for failure in run.failures) == 1
    site.asked()
    site.cvpr()
    again = site.backfill(at=START + timedelta(hours=1))
    assert again.status == "complete"
    assert site.asked() == [f"{LISTING}?day=all", VIRTUAL]  # no page: one is stored, the virtual site has the other abstract now
    assert site.edition("state, records") == ("complete", 2)


def test_what_a_kill_left_is_read_from_raw(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.cvpr()
    site.server.say(VIRTUAL, events("Something Else That Was Made"))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("triage.backfill._note_source", interrupted)
        site.backfill()
    assert FIRST in site.asked()
    for file in site.folder.glob("*.duckdb*"):
        file.unlink()
    run = site.backfill(at=START + timedelta(hours=1))
    assert site.asked() == []
    assert site.edition() == ("complete", 1, 1, 1)
    assert [report.step for report in run.reports[:2]] == ["restore cvpr-2025 virtual", "restore cvpr-2025 cvf"]
    assert len(site.records()) == 3
    assert all(row[3] for row in site.records())


def interrupted(*arguments: object) -> None:
    del arguments
    raise KeyboardInterrupt


def test_fewer_papers_than_last_time_need_attention_and_overwrite_nothing(site: Site) -> None:
    titles = [f"Made Paper Number {number} of Many" for number in range(40)]
    site.server.say(VIRTUAL, events(*titles))
    site.server.say(LISTING, page("cvf/listing_new.html"))
    site.cvpr()
    site.server.say(VIRTUAL, events(*titles))
    site.backfill()
    before = site.records()
    site.server.say(VIRTUAL, events("A Poorer Title", *titles[1:20]))
    run = site.backfill(at=START + timedelta(days=1))
    assert run.status == "partial"
    assert [(failure.kind, failure.message) for failure in run.failures] == [("needs attention", "20 papers where there were 40")]
    assert site.records() == before
    assert site.edition("state, records, came") == ("needs attention", 40, 20)
    site.server.say(VIRTUAL, events(*titles))
    assert site.backfill(at=START + timedelta(days=2)).status == "complete"
    assert site.edition("state, records, came") == ("complete", 40, 40)


def test_a_file_that_stops_early_is_not_whole(site: Site) -> None:
    site.cvpr()
    site.server.say(VIRTUAL, events("Made Tokens and Nothing Else.", "Invented Pixels, Revisited", declared=400))
    run = site.backfill()
    assert run.status == "partial"
    assert "/virtual/2025/papers.html" in site.asked()
    assert site.edition("state, records")[0] != "complete"
    assert len(site.records()) == 4  # what came is kept


def test_a_site_that_is_down_does_not_stop_the_other(site: Site) -> None:
    site.cvpr()
    site.server.say(VIRTUAL, Reply(hang_up=True))
    run = site.backfill()
    assert run.status == "partial"
    assert site.rows("SELECT source, state FROM store.edition_source ORDER BY ALL") == [("cvf", "complete"), ("virtual", "unreachable")]
    assert site.rows("SELECT count(*) FROM works") == [(2,)]


def test_a_second_source_that_fails_is_told_though_nothing_is_lacking(site: Site) -> None:
    site.cvpr()
    assert site.backfill().status == "complete"
    site.server.say(LISTING, Reply(500))
    run = site.backfill(at=START + timedelta(hours=1))
    assert [(failure.step, failure.kind) for failure in run.failures] == [
        ("backfill cvpr-2025 cvf", "bad status"),
        ("backfill cvpr-2025 cvf", "needs attention"),
    ]
    assert site.edition("state, records, with_abstract") == ("incomplete", 2, 2)
    site.cvpr()
    assert site.backfill(at=START + timedelta(hours=2)).status == "complete"


def test_a_second_source_that_never_had_the_year_is_no_failure(site: Site) -> None:
    site.cvpr()
    site.server.say(LISTING, Reply(404))
    run = site.backfill()
    assert run.status == "complete"
    assert any("HTTP 404 (the other sources have all of it)" in message for report in run.reports for message in report.messages)
    assert site.edition("state, records") == ("complete", 2)


def test_a_night_makes_so_many_requests_and_the_next_asks_for_the_rest(site: Site) -> None:
    site.cvpr()
    site.server.say(VIRTUAL, events("Something Else That Was Made"))
    environ = {"TRIAGE_SOURCES__CVF__REQUESTS_PER_NIGHT": "4"}  # of its host, which here is the virtual site's too: robots.txt, two lists
    site.workspace = Workspace.open(site.folder, environ=environ)
    run = site.backfill()
    assert (run.status, [failure.kind for failure in run.failures]) == ("partial", ["budget spent"])
    assert "run again after" in str(run.failures[0].hint)
    assert site.asked() == sorted([f"{LISTING}?day=all", VIRTUAL, FIRST])
    assert site.rows("SELECT source, state, requests FROM edition_sources ORDER BY source") == [
        ("cvf", "waiting", 2),
        ("virtual", "complete", 1),
    ]
    again = site.backfill(at=START + timedelta(days=1))
    assert again.status == "complete"
    assert site.asked() == [SECOND], "what is stored is not asked for again"
    assert site.rows("SELECT source, state, requests, requests_all, requests_per_paper FROM edition_sources WHERE source = 'cvf'") == [
        ("cvf", "complete", 1, 3, 1.5)
    ]


def test_what_robots_txt_forbids_is_told_and_never_asked(site: Site) -> None:
    site.cvpr()
    site.server.say("/robots.txt", Reply.text("User-agent: *\nDisallow: /CVPR2025", "text/plain"))
    run = site.backfill()
    assert [(failure.step, failure.kind) for failure in run.failures] == []
    assert site.asked() == [VIRTUAL]
    assert site.rows("SELECT source, state FROM edition_sources ORDER BY source") == [("cvf", "disallowed"), ("virtual", "complete")]
    assert any("Disallow: /CVPR2025" in message for report in run.reports for message in report.messages)
    site.server.say(VIRTUAL, events("Made Tokens and Nothing Else.", abstract=None))
    lacking = site.backfill(at=START + timedelta(hours=1))
    assert "disallowed" in [failure.kind for failure in lacking.failures]


def test_fields_that_come_later_are_kept_with_the_run_that_brought_them(site: Site) -> None:
    site.cvpr()
    title = "Made Tokens and Nothing Else."
    site.server.say(LISTING, Reply(404))
    site.server.say(VIRTUAL, events(title, abstract=None))
    first = site.backfill()
    assert site.rows("SELECT * FROM record_changes") == []
    site.server.say(VIRTUAL, events(title, abstract="It came later."))
    second = site.backfill(at=START + timedelta(days=8))
    site.server.say(VIRTUAL, events(title, abstract=None))
    site.backfill(at=START + timedelta(days=16))
    rows = site.rows("SELECT source, title, field, came, before, after, run_id, work_id IS NOT NULL FROM record_changes ORDER BY field")
    assert rows == [("virtual", title, "abstract", True, None, "It came later.", second.id, True)]
    assert site.rows("SELECT abstract, first_run FROM records") == [("It came later.", first.id)]


CHALLENGE = Reply.text("<!doctype html><title>Verifying your browser</title>", "text/html")


def test_openreview_answers_after_a_login_and_says_what_to_do_without(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = "/notes?content.venueid=ICLR.cc/2019/Conference&limit=1000&offset=0&sort=number:asc"
    body = (PAGES / "openreview/notes.json").read_bytes().replace(b"ICML", b"ICLR").replace(b"2031", b"2019")

    def answer(seen: Seen) -> Reply:
        known = seen.headers.get("authorization") == "Bearer made-token"
        return Reply.text(body, "application/json") if known else CHALLENGE

    site.server.say(notes, answer)
    site.server.say("/login", Reply.json({"token": "made-token"}))
    run = site.backfill("iclr", 2019)
    assert run.status == "partial"
    assert "OPENREVIEW_TOKEN" in str(run.failures[0].hint)
    monkeypatch.setenv("OPENREVIEW_USERNAME", "ann@example.org")
    monkeypatch.setenv("OPENREVIEW_PASSWORD", "not-kept")
    assert site.backfill("iclr", 2019, at=START + timedelta(hours=1)).status == "complete"
    assert site.edition("state, records") == ("complete", 3)
    written = b"".join(path.read_bytes() for path in site.folder.rglob("*") if path.is_file())
    assert b"not-kept" not in written
    assert b"made-token" not in written


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.workspaces import Ticking
from triage import pipeline
from triage.backfill import backfill
from triage.workspace import Workspace

with pipeline.begin(Workspace.open(Path(sys.argv[1]), environ={}), "backfill", clock=Ticking()) as run:
    backfill(run, "cvpr", 2025)
"""


@pytest.mark.slow
def test_killed_in_the_middle_nothing_that_is_stored_is_asked_for_again(site: Site) -> None:
    site.cvpr()
    site.server.say(VIRTUAL, events("Something Else That Was Made"))
    page = (PAGES / "cvf/paper.html").read_bytes()
    site.server.say(SECOND, Reply.text(page, "text/html", before=60))
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(site.folder)], env=os.environ | {"PYTHONPATH": str(CLONE)})
    try:
        journal = site.folder / "raw" / "answers.jsonl"
        while not (journal.exists() and FIRST in journal.read_text() and SECOND in site.server.targets()):
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    site.asked()
    site.cvpr()
    site.server.say(VIRTUAL, events("Something Else That Was Made"))
    assert site.backfill(at=START + timedelta(hours=1)).status == "complete"
    assert site.asked() == [SECOND]
    assert site.edition("state, records, with_abstract") == ("complete", 1, 1)


def test_aaai_goes_on_record_by_record_where_a_page_breaks(site: Site) -> None:
    base = "/index.php/AAAI/oai"
    sets = (PAGES / "aaai/sets.xml").read_text().replace("<set><setSpec>AAAI:MADENLP</setSpec><setName>Made Language</setName></set>", "")
    records = (PAGES / "aaai/records.xml").read_text()
    identifiers = (
        (PAGES / "aaai/identifiers.xml")
        .read_text()
        .replace('<resumptionToken completeListSize="120" cursor="0">made-token</resumptionToken>', "")
    )
    begin, _, rest = records.partition("    <record>")
    first, second, third = ["    <record>" + part for part in rest.partition("  </ListRecords>")[0].split("    <record>")]
    end = "  </ListRecords>\n</OAI-PMH>"

    def one(record: str) -> Reply:
        text = (begin + record + end).replace("ListRecords", "GetRecord")
        return Reply.text(text, "text/xml")

    site.server.say(f"{base}?verb=ListSets", Reply.text(sets, "text/xml"))
    site.server.say(f"{base}?verb=ListRecords&metadataPrefix=oai_dc&set=AAAI:MADECV&from=2023-01-01", Reply(500))
    site.server.say(
        f"{base}?verb=ListIdentifiers&metadataPrefix=oai_dc&set=AAAI:MADECV&from=2023-01-01", Reply.text(identifiers, "text/xml")
    )
    for number, record in (("90001", first), ("90003", third)):
        site.server.say(f"{base}?verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:ojs.aaai.org:article%2F{number}", one(record))
    assert 'status="deleted"' in second
    run = site.backfill("aaai", 2023)
    assert [failure.message for failure in run.failures] == []
    assert site.edition() == ("complete", 1, 1, 1)
    assert site.rows("SELECT source_key, year FROM records ORDER BY ALL") == [("90001", 2023), ("90003", 2024)]


def test_a_night_gathers_what_the_settings_name_until_it_is_complete(site: Site) -> None:
    site.cvpr()
    site.open('[venues]\ngather = ["cvpr-2025"]')
    for expected in ([f"{LISTING}?day=all", VIRTUAL], []):
        with pipeline.begin(site.workspace, "run", clock=Ticking()) as run:
            gather_venues(run)
        assert site.asked() == expected
    (site.folder / "triage.toml").write_text('[venues]\ngather = ["CVPR 2025"]')
    with pytest.raises(SettingsError, match=r"venues\.gather"):
        Workspace.open(site.folder, environ={})


def test_venues_and_years_that_nobody_serves_are_refused(site: Site) -> None:
    for venue, year, said in (
        ("nowhere", 2023, "no venue"),
        ("iccv", 2024, "no ICCV 2024"),
        ("cvpr", 1999, "no source"),
        ("arxiv", 2023, "no venue"),
    ):
        with pytest.raises(UsageError, match=said):
            edition_of(site.workspace, venue, year)
    assert edition_of(site.workspace, "Computer Vision and Pattern Recognition", 2025).sources == ("virtual", "cvf")
    assert edition_of(site.workspace, "CVPR", 2014).sources == ("cvf",)


def test_the_command_gathers_years_and_reports(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.cvpr()
    place = ["--workspace", str(site.folder)]
    assert run_command_line(["backfill", "cvpr", "2025", "--json", *place]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [
        (step["step"], step["read"], step["new"], step["counts"]["requests"]) for step in told["steps"] if "backfill" in step["step"]
    ] == [
        ("backfill cvpr-2025 virtual", 2, 2, 1),
        ("backfill cvpr-2025 cvf", 2, 2, 1),
    ]
    assert run_command_line(["backfill", "cvpr", "2025", "--year-to", "2024", *place]) == 2
    assert run_command_line(["backfill", "nowhere", "2025", *place]) == 2


def test_a_corrected_parser_is_replayed_over_what_is_stored(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.cvpr()
    site.backfill()
    site.asked()
    place = ["--workspace", str(site.folder)]
    read = Virtual.parse

    def corrected(self: Virtual, request: Request, response: Response) -> Parsed:
        parsed = read(self, request, response)
        return replace(parsed, records=tuple(record.model_copy(update={"track": "Corrected Track"}) for record in parsed.records))

    with monkeypatch.context() as patched:
        patched.setattr(Virtual, "parse", corrected)
        assert run_command_line(["sources", "reparse", "virtual", *place]) == 0
    assert site.asked() == []
    assert site.rows("SELECT source, track, count(*) FROM records GROUP BY ALL ORDER BY ALL") == [
        ("cvf", None, 2),
        ("virtual", "Corrected Track", 2),
    ]
    assert run_command_line(["sources", "reparse", "nowhere", *place]) == 2


def test_a_source_that_is_switched_off_is_not_asked(site: Site) -> None:
    site.cvpr()
    site.settings = site.settings.replace("[sources.cvf]\n", "[sources.cvf]\nenabled = false\n")
    site.open()
    site.backfill()
    assert site.asked() == [VIRTUAL]
    assert site.rows("SELECT DISTINCT source FROM records") == [("virtual",)]
