"""Back-fill from arXiv over real HTTP on loopback: windows, tokens, kills, refusals, and nothing asked twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from tests.feeds import oai_deleted, oai_list, oai_record
from tests.servers import Reply, ScriptedServer
from tests.workspaces import START, Ticking, ask, make_workspace
from triage import pipeline
from triage.cli import run_command_line
from triage.runs import Run, StepReport
from triage.workspace import Workspace

WEEK = "/oai?verb=ListRecords&metadataPrefix=arXiv&set=cs:cs:CV&from=2026-11-09&until=2026-11-15"
NEXT = "/oai?verb=ListRecords&metadataPrefix=arXiv&set=cs:cs:CV&from=2026-11-16&until=2026-11-18"
SECOND_PAGE = "/oai?verb=ListRecords&resumptionToken=made-1"
NONE = Reply.text(oai_list('<error code="noRecordsMatch">none</error>'), "text/xml")


def answer(*records: str, token: str = "", size: int | None = None, cursor: int = 0) -> Reply:
    declared = f' completeListSize="{size}" cursor="{cursor}"' if size else ""
    end = f"<resumptionToken{declared}>{token}</resumptionToken>" if token or size else ""
    return Reply.text(oai_list(f"<ListRecords>{''.join(records)}{end}</ListRecords>"), "text/xml")


class Site:
    def __init__(self, folder: Path, server: ScriptedServer) -> None:
        self.server = server
        make_workspace(folder)
        table = f'[sources.arxiv]\nbase_url = "{server.url}"\npace = 0\ncategories = ["cs.CV"]\n'
        (folder / "triage.toml").write_text(f"[web]\nattempts = 2\nread_seconds = 5\nretry_after_seconds = 1\n{table}")
        self.workspace = Workspace.open(folder, environ={})
        server.say(WEEK, answer(oai_record("2411.00001"), oai_deleted("2411.00002"), token="made-1", size=3))
        server.say(SECOND_PAGE, answer(oai_record("2411.00003"), size=3, cursor=2))
        server.say(NEXT, NONE)

    def backfill(self, first: str = "2026-11-09", last: str = "2026-11-18", *, at: datetime = START) -> Run:
        with pipeline.begin(self.workspace, "backfill", clock=Ticking(at)) as run:
            pipeline.backfill_preprints(run, date.fromisoformat(first), date.fromisoformat(last))
        return run

    def asked(self) -> list[str]:
        targets = [target for target in self.server.targets() if target != "/robots.txt"]
        self.server.seen.clear()
        return targets

    def keys(self) -> list[str]:
        return [key for (key,) in ask(self.workspace, "SELECT source_key FROM records ORDER BY ALL")]


def told(run: Run) -> StepReport:
    return next(report for report in run.reports if report.step == "backfill arxiv")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ScriptedServer() as server:
        yield Site(tmp_path / "workspace", server)


def test_windows_are_read_to_their_end_and_never_again(site: Site) -> None:
    run = site.backfill()
    report = told(run)
    assert (run.status, report.new, report.counts["requests"], report.counts["windows"]) == ("complete", 2, 3, 2)
    assert site.asked() == [WEEK, SECOND_PAGE, NEXT]
    assert site.keys() == ["2411.00001", "2411.00003"]
    again = site.backfill(at=START + timedelta(days=40))
    assert (site.asked(), told(again).read, again.status) == ([], 0, "complete")
    site.backfill("2026-11-11", "2026-11-15", at=START + timedelta(days=41))
    assert site.asked() == []  # these days are in a week that was read
    site.workspace.warehouse_path.unlink()
    assert site.backfill(at=START + timedelta(days=42)).status == "complete"
    assert site.asked() == []  # a warehouse that is gone is made again from what is stored
    assert site.keys() == ["2411.00001", "2411.00003"]


def test_what_was_broken_off_goes_on_where_it_stopped(site: Site) -> None:
    site.server.say(SECOND_PAGE, Reply(503))
    run = site.backfill()
    assert (run.status, [failure.kind for failure in run.failures]) == ("partial", ["bad status"])
    assert site.keys() == ["2411.00001"]  # the page that came is kept
    site.asked()
    assert site.backfill(at=START + timedelta(hours=1)).status == "partial"
    assert site.asked() == [SECOND_PAGE, SECOND_PAGE]  # two attempts, and nothing that is stored
    expired = Reply.text(oai_list('<error code="badResumptionToken">expired</error>'), "text/xml")
    site.server.say(SECOND_PAGE, expired, answer(oai_record("2411.00003"), size=3, cursor=2))
    run = site.backfill(at=START + timedelta(hours=2))
    assert (run.status, site.asked()) == ("complete", [SECOND_PAGE, WEEK, SECOND_PAGE])  # the window begins anew
    assert site.keys() == ["2411.00001", "2411.00003"]


def test_arxiv_that_wants_to_be_left_alone_is(site: Site) -> None:
    site.server.say(WEEK, Reply(429, headers={"Retry-After": "0"}), Reply(429, headers={"Retry-After": "3600"}))
    run = site.backfill()
    report = told(run)
    assert (run.status, len(run.failures), report.failed, report.read) == ("partial", 1, 2, 2)
    assert site.asked() == [WEEK, WEEK]  # once more, as it allowed, and then nothing: not the other window either
    site.server.say(WEEK, answer(oai_record("2411.00001"), size=1))
    assert site.backfill(at=START + timedelta(hours=1)).status == "complete"
    assert site.asked() == [WEEK, NEXT]


def test_a_window_that_is_not_over_is_read_again_and_a_short_list_is_not_believed(site: Site) -> None:
    today = NEXT.replace("2026-11-18", "2026-11-22")
    site.server.say(today, answer(oai_record("2411.00004")))
    at = datetime.fromisoformat("2026-11-22T10:00:00+00:00")
    assert site.backfill("2026-11-16", "2026-11-22", at=at).status == "complete"
    site.server.say(today, answer(oai_record("2411.00004"), oai_record("2411.00005"), size=9))
    run = site.backfill("2026-11-16", "2026-11-22", at=at + timedelta(days=1))
    assert site.asked() == [today, today]
    assert (run.status, run.failures[0].message.rpartition(": ")[2]) == ("partial", "2 records came where 9 are declared")
    assert site.keys() == ["2411.00004", "2411.00005"]


@pytest.mark.parametrize(
    "words",
    [
        ["arxiv"], ["arxiv", "2023", "--from", "2023-01-01"], ["cvpr"], ["cvpr", "2023", "--from", "2023-01-01"],
        ["arxiv", "--from", "2026-02-01", "--to", "2026-01-01"], ["arxiv", "--from", "2026-01-01", "--to", "2999-01-01"],
        ["arxiv", "--from", "2026-01-01", "--to", "2026-01-02", "--category", "cs.CV&verb=Identify"],
    ],
)  # fmt: skip
def test_what_is_refused_before_anything_is_asked(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    make_workspace(tmp_path / "workspace")
    assert run_command_line(["backfill", *words, "--workspace", str(tmp_path / "workspace")]) in {1, 2}
    said = capsys.readouterr().err
    assert "what to do" in said
