"""Back-fill from arXiv: windows of days, sets, tokens."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.saved import page, parse
from triage.errors import SourceError, UsageError
from triage.sources.arxiv_oai import WINDOW, backfill_windows, oai_set, page_headers, read_backfill

FIRST = backfill_windows(date(2031, 1, 6), date(2031, 1, 12), categories=["cs.CV"], base_url="http://127.0.0.1:9/")[0].request


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
    assert FIRST.url == "http://127.0.0.1:9/oai?verb=ListRecords&metadataPrefix=arXiv&set=cs:cs:CV&from=2031-01-06&until=2031-01-12"
    assert FIRST.key == "cs:cs:CV 2031-01-06..2031-01-12"


@given(st.dates(date(2005, 9, 16), date(2040, 1, 1)), st.integers(0, 60))
def test_windows_cover_every_day_once(start: date, days: int) -> None:
    covered: list[date] = []
    for window in backfill_windows(start, start + timedelta(days=days), categories=["cs.CL"]):
        assert window.last - window.first < WINDOW
        assert window.last.isocalendar().week == window.first.isocalendar().week  # whichever day one begins with
        covered += [window.first + timedelta(days=n) for n in range((window.last - window.first).days + 1)]
    assert covered == [start + timedelta(days=n) for n in range(days + 1)]


def test_windows_of_several_sets_come_in_the_order_of_days() -> None:
    windows = backfill_windows(date(2031, 1, 1), date(2031, 1, 9), categories=["cs.CV", "cs.CL", "cs.CV"])
    keys = [window.request.key for window in windows]
    assert keys == [
        "cs:cs:CV 2031-01-01..2031-01-05",
        "cs:cs:CL 2031-01-01..2031-01-05",
        "cs:cs:CV 2031-01-06..2031-01-09",
        "cs:cs:CL 2031-01-06..2031-01-09",
    ]
    with pytest.raises(UsageError, match="from 2031-01-02"):
        backfill_windows(date(2031, 1, 2), date(2031, 1, 1))


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
    assert page_headers(page("arxiv_oai", "records.xml")) == 2  # the deleted one counts


def test_keys_do_not_grow_from_page_to_page() -> None:
    body = page("arxiv_oai", "records.xml")
    second = parse(read_backfill, body, FIRST).more[0]
    third = parse(read_backfill, body.replace(b"skip%3D77", b"skip%3D99"), second).more[0]
    assert len(third.key) == len(second.key)


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
