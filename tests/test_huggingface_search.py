"""Hugging Face's search: saved queries, and rankings read as such."""

from __future__ import annotations

import json
from datetime import date as Date  # noqa: N812  `date` is the name of a parameter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.feeds import daily_list
from tests.saved import asked, page, parse
from tests.servers import Reply, ScriptedServer
from tests.workspaces import START, Ticking, ask, make_workspace
from triage import pipeline
from triage.errors import SourceError, UsageError
from triage.runs import Run
from triage.searches import plan_searches
from triage.sources.huggingface_search import MOST_HITS, read_search, search_request, search_requests
from triage.workspace import Workspace

REQUEST = search_request("cheap eyes", base_url="http://127.0.0.1:9/")


def test_the_request() -> None:
    assert REQUEST.url == "http://127.0.0.1:9/api/papers/search?q=cheap+eyes&limit=120"
    assert search_request(" vision \n language ").key == "search vision language"


@pytest.mark.parametrize(("query", "limit"), [("", 10), ("  ", 10), ("x" * 251, 10), ("x", 0), ("x", 121)])
def test_what_the_site_would_refuse(query: str, limit: int) -> None:
    with pytest.raises(UsageError):
        search_request(query, limit=limit)


def test_saved_searches_are_asked_once_each() -> None:
    keys = [request.key for request in search_requests(["token pruning", "small  model", "token pruning", "small model"])]
    assert keys == ["search token pruning", "search small model"]


def test_papers_best_first() -> None:
    parsed = parse(read_search, page("huggingface_search", "search.json"), REQUEST)
    assert [(record.source, record.source_key) for record in parsed.records] == [
        ("huggingface", "3101.00001"),
        ("huggingface", "3012.00007"),
    ]
    assert parsed.records[0].title == "Cheap Eyes for Expensive Words"
    assert parsed.records[1].year == 2030  # any year, not a day's
    assert (parsed.verdict.complete, parsed.more, parsed.day) == (True, (), None)


@pytest.mark.parametrize(("limit", "complete"), [(2, True), (3, True), (1, False)])
def test_as_many_as_asked_for_is_whole_and_more_is_odd(limit: int, complete: bool) -> None:
    parsed = parse(read_search, page("huggingface_search", "search.json"), search_request("cheap eyes", limit=limit))
    assert parsed.verdict.complete is complete


def test_nothing_found_is_an_answer() -> None:
    verdict = parse(read_search, b"[]", REQUEST).verdict
    assert (verdict.complete, verdict.nothing) == (True, "truly none")


def test_a_paper_that_is_listed_twice_counts_once() -> None:
    items = json.loads(page("huggingface_search", "search.json"))
    assert len(parse(read_search, json.dumps(items * 2).encode(), REQUEST).records) == 2


@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"error": "q is required"}', b'["a"]', b'[{"paper": {}}]'])
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError):
        parse(read_search, body, asked("search x", f"https://huggingface.co/api/papers/search?q=x&limit={MOST_HITS}"))


# -- saved searches in a night


SEARCH = "/api/papers/search?q=cheap+eyes&limit=120"
OTHER = "/api/papers/search?q=token+pruning&limit=120"


class Nights:
    """A workspace with two saved searches; both feeds answer with nothing new."""

    def __init__(self, folder: Path, server: ScriptedServer) -> None:
        self.server = server
        make_workspace(folder)
        tables = f'[sources.arxiv]\nenabled = false\n[sources.huggingface]\nbase_url = "{server.url}"\npace = 0\n'
        (folder / "triage.toml").write_text(
            f'[web]\nattempts = 1\n[gather]\nsince = 1\n{tables}searches = ["cheap  eyes", "token pruning", "cheap eyes"]\n'
        )
        self.workspace = Workspace.open(folder, environ={})
        server.say("/api/daily_papers", Reply.json([]))
        server.say(SEARCH, Reply.text(daily_list("2405.00001", "1905.00002"), "application/json"))
        server.say(OTHER, Reply.text(daily_list("2405.00001"), "application/json"))

    def night(self, *, hours: int = 0, date: Date | None = None) -> Run:
        with pipeline.begin(self.workspace, "gather", clock=Ticking(START + timedelta(hours=hours))) as run:
            pipeline.gather_feeds(run, date=date)
        return run

    def searched(self) -> list[str]:
        targets = [target for target in self.server.targets() if "/search" in target]
        self.server.seen.clear()
        return targets


def test_saved_searches_are_asked_once_a_day_and_what_failed_again(tmp_path: Path) -> None:
    with ScriptedServer() as server:
        nights = Nights(tmp_path / "workspace", server)
        assert [request.key for request in plan_searches(nights.workspace, START)] == ["search cheap eyes", "search token pruning"]
        server.say(OTHER, Reply.json({"error": "made fault"}))
        run = nights.night()
        report = run.reports[-1]
        assert (report.step, report.read, report.new, report.failed) == ("search huggingface", 3, 2, 1)
        assert (run.status, [failure.kind for failure in run.failures]) == ("partial", ["not what the source gives"])
        assert nights.searched() == [SEARCH, OTHER]
        assert ask(nights.workspace, "SELECT source_key FROM records ORDER BY ALL") == [("1905.00002",), ("2405.00001",)]

        server.say(OTHER, Reply.text(daily_list("2405.00001", "2405.00009"), "application/json"))
        assert [request.key for request in plan_searches(nights.workspace, START + timedelta(hours=1))] == ["search token pruning"]
        nights.night(date=START.date())
        assert nights.searched() == []  # no search has a date
        run = nights.night(hours=2)
        assert (nights.searched(), run.status, run.reports[-1].new) == ([OTHER], "complete", 1)
        assert nights.night(hours=3).status == "complete"
        assert nights.searched() == []
        nights.night(hours=24)
        assert nights.searched() == [SEARCH, OTHER]
