"""Hugging Face's search: saved queries, and rankings read as such."""

from __future__ import annotations

import json

import pytest

from tests.saved import asked, page, parse
from triage.errors import SourceError, UsageError
from triage.sources.huggingface_search import MOST_HITS, read_search, search_request, search_requests

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
