"""Back-fill from arXiv: windows of days, sets, tokens."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.saved import page, parse
from triage.errors import SourceError, UsageError
from triage.sources.arxiv_oai import WINDOW, backfill_again, backfill_requests, oai_set, read_backfill

FIRST = backfill_requests(date(2031, 1, 1), date(2031, 1, 7), categories=["cs.CV"], base_url="http://127.0.0.1:9/")[0]


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("cs.CV", "cs:cs:CV"),
        ("stat.ML", "stat:stat:ML"),
        ("eess.IV", "eess:eess:IV"),
        ("q-bio.NC", "q-bio:q-bio:NC"),
        ("hep-th", "physics:hep-th"),
        ("astro-ph.CO", "physics:astro-ph:CO"),
        ("physics.optics", "physics:physics:optics"),
        ("physics", "physics"),
        ("cs", "cs"),
    ],
)
def test_sets(category: str, name: str) -> None:
    assert oai_set(category) == name


@pytest.mark.parametrize("category", ["", "cs CV", "../x", "CS.cv&verb=Identify"])
def test_no_set(category: str) -> None:
    with pytest.raises(UsageError):
        oai_set(category)


def test_the_first_request() -> None:
    assert FIRST.url == "http://127.0.0.1:9/oai?verb=ListRecords&metadataPrefix=arXiv&set=cs:cs:CV&from=2031-01-01&until=2031-01-07"
    assert FIRST.key == "cs:cs:CV 2031-01-01..2031-01-07"


@given(st.dates(date(2005, 9, 16), date(2040, 1, 1)), st.integers(0, 60))
def test_windows_cover_every_day_once(start: date, days: int) -> None:
    requests = backfill_requests(start, start + timedelta(days=days), categories=["cs.CL"])
    covered: list[date] = []
    for request in requests:
        first, last = (date.fromisoformat(part) for part in request.key.split()[1].split(".."))
        assert last - first < WINDOW
        covered += [first + timedelta(days=n) for n in range((last - first).days + 1)]
    assert covered == [start + timedelta(days=n) for n in range(days + 1)]


def test_windows_of_several_sets_come_in_the_order_of_days() -> None:
    keys = [request.key for request in backfill_requests(date(2031, 1, 1), date(2031, 1, 9), categories=["cs.CV", "cs.CL", "cs.CV"])]
    assert keys == [
        "cs:cs:CV 2031-01-01..2031-01-07",
        "cs:cs:CL 2031-01-01..2031-01-07",
        "cs:cs:CV 2031-01-08..2031-01-09",
        "cs:cs:CL 2031-01-08..2031-01-09",
    ]
    with pytest.raises(UsageError, match="from 2031-01-02"):
        backfill_requests(date(2031, 1, 2), date(2031, 1, 1))


def test_a_page_and_the_one_behind_it() -> None:
    parsed = parse(read_backfill, page("arxiv_oai", "records.xml"), FIRST)
    (record,) = parsed.records
    assert (record.source, record.source_key, record.title) == ("arxiv", "3101.00001", "Cheap Eyes for Expensive Words")
    assert (record.published, record.abstract) == (date(2031, 1, 1), "A camera that reads one line in ten.")
    assert "1 deleted" in parsed.verdict.reason
    assert not parsed.verdict.complete
    (more,) = parsed.more
    # the token is opaque: its own escapes are escaped once more, and undone once by the server
    assert (
        more.url == "http://127.0.0.1:9/oai?verb=ListRecords&resumptionToken=verb%253DListRecords%2526from%253D2031-01-03%2526skip%253D77"
    )
    assert more.key.startswith(FIRST.key)
    assert backfill_again(more) == (FIRST,)
    assert backfill_again(FIRST) == ()


def test_keys_do_not_grow_from_page_to_page() -> None:
    body = page("arxiv_oai", "records.xml")
    second = parse(read_backfill, body, FIRST).more[0]
    third = parse(read_backfill, body.replace(b"skip%3D77", b"skip%3D99"), second).more[0]
    assert len(third.key) == len(second.key)
    assert backfill_again(third) == (FIRST,)


def test_the_last_page_is_whole() -> None:
    body = page("arxiv_oai", "records.xml").replace(b"verb%3DListRecords%26from%3D2031-01-03%26skip%3D77", b"")
    parsed = parse(read_backfill, body, FIRST)
    assert (parsed.more, parsed.verdict.complete) == ((), True)


def test_a_window_without_changes() -> None:
    body = b'<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="noRecordsMatch">none</error></OAI-PMH>'
    assert parse(read_backfill, body, FIRST).verdict.nothing == "truly none"


def test_a_token_that_leads_back_is_refused() -> None:
    body = page("arxiv_oai", "records.xml")
    with pytest.raises(SourceError, match="this one again"):
        parse(read_backfill, body, parse(read_backfill, body, FIRST).more[0])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Rate exceeded.",
        b"<html><title>503</title></html>",
        b'<feed xmlns="http://www.w3.org/2005/Atom"></feed>',
        b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="badResumptionToken">expired</error></OAI-PMH>',
        page("arxiv_oai", "records.xml")[:700],
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError):
        parse(read_backfill, body, FIRST)
