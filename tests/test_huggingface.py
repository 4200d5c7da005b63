"""Hugging Face Daily Papers: what a day's list gives, and when it is not believed."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feeds import daily_entry, daily_list, daily_page
from triage.errors import SourceError
from triage.sources import Parsed, Request, Response
from triage.sources.huggingface import HuggingFace

SOURCE = HuggingFace()
DAY = date(2026, 11, 18)  # a Wednesday
LATER = datetime(2026, 11, 19, 2, 0, tzinfo=UTC)


def parse(body: bytes, *, day: date = DAY, media_type: str = "application/json", read_at: datetime = LATER, url: str = "") -> Parsed:
    request = SOURCE.requests(day, base_url=SOURCE.base_url)[0]
    if url:
        request = Request(request.key, url, request.accept)
    return SOURCE.parse(request, Response(request.url, 200, media_type, body, "0" * 64, read_at))


def test_a_record_from_the_fields_that_were_always_there() -> None:
    record = parse(json.dumps([daily_entry("2611.01234", "Merging\n  Made Tokens")]).encode()).records[0]
    assert record.source == "huggingface"
    assert record.source_key == "2611.01234"
    assert record.title == "Merging Made Tokens"
    assert record.abstract == "Tokens of the made paper 2611.01234 are merged."  # hard line breaks came and went
    assert record.authors == ("Ann Made", "Bo Invented")
    assert record.published == date(2026, 11, 17)  # the inner day, not the outer one
    assert (record.venue, record.year) == ("arXiv", 2026)
    assert record.url == "https://arxiv.org/abs/2611.01234"
    assert record.identifiers == {"arxiv": "2611.01234"}
    assert record.links == {"pdf": "https://arxiv.org/pdf/2611.01234", "huggingface": "https://huggingface.co/papers/2611.01234"}


def test_optional_fields_become_links() -> None:
    entry = daily_entry("2611.01234", githubRepo="https://github.com/made/code", projectPage="javascript:alert(1)", ai_keywords=["x"])
    links = parse(json.dumps([entry]).encode()).records[0].links
    assert links["code"] == "https://github.com/made/code"
    assert "project" not in links


def test_the_request_asks_for_the_day_and_the_largest_page() -> None:
    (request,) = SOURCE.requests(DAY, base_url="http://127.0.0.1:9/")
    assert request.url == "http://127.0.0.1:9/api/daily_papers?date=2026-11-18&limit=100"
    assert request.key == "2026-11-18"


def test_the_year_is_that_of_the_id() -> None:
    entry = daily_entry("2601.00001", publishedAt="2025-12-31T20:00:00.000Z")
    record = parse(json.dumps([entry]).encode()).records[0]
    assert (record.year, record.published) == (2026, date(2025, 12, 31))


def test_a_full_page_is_suspect_and_asks_for_the_next() -> None:
    parsed = parse(daily_list(*[f"2611.{n:05}" for n in range(100)]))
    assert not parsed.verdict.complete
    assert [request.url for request in parsed.more] == ["https://huggingface.co/api/daily_papers?date=2026-11-18&limit=100&p=1"]
    last = SOURCE.parse(parsed.more[0], Response(parsed.more[0].url, 200, "application/json", b"[]", "0" * 64, LATER))
    assert last.verdict.complete
    assert parse(daily_list(*[f"2611.{n:05}" for n in range(50)])).verdict.complete
    default_page = "https://huggingface.co/api/daily_papers?date=2026-11-18"
    assert not parse(daily_list(*[f"2611.{n:05}" for n in range(50)]), url=default_page).verdict.complete


def test_a_list_of_another_day_is_not_believed() -> None:
    other = [daily_entry(f"2611.0000{n}", submittedOnDailyAt="2026-11-17T01:00:00.000Z") for n in range(3)]
    parsed = parse(json.dumps(other).encode())
    assert len(parsed.records) == 3
    assert not parsed.verdict.complete
    assert "2026-11-17" in parsed.verdict.reason
    other[0]["paper"]["submittedOnDailyAt"] = "2026-11-18T23:00:00.000Z"
    assert parse(json.dumps(other).encode()).verdict.complete


class Empty(NamedTuple):
    day: date
    read_at: datetime
    complete: bool
    nothing: str
    note: str


EMPTY = [
    Empty(DAY, datetime(2026, 11, 18, 2, 0, tzinfo=UTC), True, "truly none", "the day has just begun"),
    Empty(DAY, LATER, False, "parsed none", "a weekday without a paper"),
    Empty(date(2026, 11, 21), datetime(2026, 11, 22, 2, 0, tzinfo=UTC), True, "truly none", "a Saturday"),
    Empty(date(2026, 11, 22), datetime(2026, 11, 23, 2, 0, tzinfo=UTC), True, "truly none", "a Sunday"),
    Empty(DAY, datetime(2026, 11, 21, 2, 0, tzinfo=UTC), False, "parsed none", "a weekday, three days later"),
    Empty(DAY, datetime(2026, 11, 22, 2, 0, tzinfo=UTC), True, "truly none", "a weekday, four days later: a holiday"),
]


@pytest.mark.parametrize("case", EMPTY, ids=lambda case: case.note)
def test_kinds_of_nothing(case: Empty) -> None:
    verdict = parse(b"[]", day=case.day, read_at=case.read_at).verdict
    assert (verdict.complete, verdict.nothing) == (case.complete, case.nothing)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (daily_list("2611.00001")[:-30], "not JSON"),
        (b"<!doctype html><title>Just a moment</title>", "a web page where JSON is due"),
        (b'{"error": "Invalid date"}', "an error: Invalid date"),
        (b'{"results": []}', "a list is due"),
        (b"[\"{'paper': 1}\", \"{'paper': 2}\"]", "texts, not objects"),
        (b"[1, 2]", "none of 2 items is a paper"),
        (b'[{"paper": {"id": "2611.00001"}}]', "none of 1 items is a paper"),
        (b"[" * 100_000, "not JSON"),
        (b'["\xff"]', "not UTF-8 (byte 2)"),
        (b"", "not JSON"),
    ],
)
def test_what_is_no_list_of_papers_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=r"daily_papers") as caught:
        parse(body)
    assert words in caught.value.message
    assert caught.value.hint


def test_one_broken_item_is_refused_and_the_others_stay() -> None:
    broken = daily_entry("2611.00002")
    del broken["paper"]["title"]
    empty = daily_entry("2611.00003", title=" \u200b ")
    parsed = parse(json.dumps([daily_entry("2611.00001"), broken, empty]).encode())
    assert [record.source_key for record in parsed.records] == ["2611.00001"]
    assert [(refusal.line, refusal.item) for refusal in parsed.refused] == [(2, "2611.00002"), (3, "2611.00003")]
    assert "title" in parsed.refused[0].reason


def test_the_page_holds_the_same_list_in_an_attribute() -> None:
    entries = [daily_entry("2611.00001", 'A "made" <title> & more'), daily_entry("2611.00002")]
    parsed = parse(daily_page(entries, date="2026-11-18T00:00:00.000Z"), media_type="text/html")
    assert [record.title for record in parsed.records] == ['A "made" <title> & more', "Made paper 2611.00002"]
    assert (parsed.verdict.complete, parsed.verdict.declared, parsed.day) == (True, 2, DAY)
    fewer = parse(daily_page(entries, cards=3, dateString="2026-11-18"), media_type="text/html")
    assert (fewer.verdict.complete, fewer.verdict.declared) == (False, 3)


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Verifying your browser</body></html>",
        b'<div data-target="DailyPapers" data-props="{&quot;date&quot;:1}"></div>',
        b'<div data-target="DailyPapers" data-props="nothing"></div>',
        b'<div data-target="DailyPapers" data-props="{&quot;dailyPapers&quot;:{}}"></div>',
        b"<![nonsense[ <div>",
    ],
)
def test_a_page_without_the_list_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError):
        parse(body, media_type="text/html")


def test_due_are_the_days_behind_the_last_final_one() -> None:
    today = date(2026, 11, 20)
    assert SOURCE.due(today=today, final=date(2026, 11, 18), since_days=7) == (date(2026, 11, 19), today)
    assert SOURCE.due(today=today, final=today, since_days=7) == ()
    assert SOURCE.due(today=today, final=None, since_days=3) == (date(2026, 11, 18), date(2026, 11, 19), today)
    assert len(SOURCE.due(today=today, final=date(2026, 9, 20), since_days=7)) == 61  # two months away: all of them


def test_a_day_is_settled_when_it_was_read_after_its_end() -> None:
    assert not SOURCE.settled(DAY, datetime(2026, 11, 18, 23, 59, 59, tzinfo=UTC))
    assert SOURCE.settled(DAY, datetime(2026, 11, 19, 0, 0, tzinfo=UTC))


@given(st.lists(st.integers(0, 99_999), unique=True, max_size=20), st.data())
def test_no_part_of_a_list_is_taken_for_the_whole(numbers: list[int], data: st.DataObject) -> None:
    body = daily_list(*[f"2611.{number:05}" for number in numbers])
    assert [record.source_key for record in parse(body).records] == [f"2611.{number:05}" for number in numbers]
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(SourceError):
        parse(body[:cut])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["paper", "id", "title", "authors", "name", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), st.sampled_from(["application/json", "text/html"]))
def test_nothing_but_a_source_error_comes_of_any_body(body: bytes, media_type: str) -> None:
    with contextlib.suppress(SourceError):
        parsed = parse(body, media_type=media_type)
        assert len(parsed.records) == 0 or parsed.verdict.complete
