"""arXiv: announcements, look-ups and harvested records, and when they are not believed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feeds import announcement, announcement_feed, api_entry, api_feed, oai_deleted, oai_list, oai_record
from triage.errors import SourceError
from triage.sources import Parsed, Request, Response
from triage.sources.arxiv import ArXiv
from triage.sources.arxiv_feed import LARGEST_FEED

SOURCE = ArXiv()
FRIDAY = date(2026, 11, 20)
SATURDAY = date(2026, 11, 21)
READ = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)  # Friday evening in New York


def parse(body: bytes, *, day: date = FRIDAY, read_at: datetime = READ, url: str = "") -> Parsed:
    request = SOURCE.requests(day, base_url=SOURCE.base_url)[0]
    if url:
        request = Request(request.key, url, request.accept)
    return SOURCE.parse(request, Response(request.url, 200, "application/xml", body, "0" * 64, read_at))


def test_an_announcement() -> None:
    parsed = parse(announcement_feed([announcement("2611.01234", creator="Ann Made, Bo Invented, Jr., Carl de la Made")]))
    (record,) = parsed.records
    assert (record.source, record.source_key, record.identifiers) == ("arxiv", "2611.01234", {"arxiv": "2611.01234"})
    assert record.title == "Made announcement 2611.01234"
    assert record.abstract == "The made model of 2611.01234 skips layers."
    assert record.authors == ("Ann Made", "Bo Invented, Jr.", "Carl de la Made")
    assert (record.venue, record.year, record.track, record.published) == ("arXiv", 2026, "cs.CV", FRIDAY)
    assert record.url == "https://arxiv.org/abs/2611.01234"
    assert record.links == {"pdf": "https://arxiv.org/pdf/2611.01234"}
    assert (parsed.day, parsed.verdict.complete, parsed.verdict.reason) == (FRIDAY, True, "1 new")


def test_every_type_of_announcement_yields_a_record_and_only_new_ones_a_day() -> None:
    kinds = ("new", "cross", "replace", "replace-cross")
    parsed = parse(announcement_feed([announcement(f"2611.0000{n}", kind) for n, kind in enumerate(kinds)]))
    assert [record.published for record in parsed.records] == [FRIDAY, None, None, None]
    assert [record.abstract for record in parsed.records] == [f"The made model of 2611.0000{n} skips layers." for n in range(4)]


def test_the_feed_is_asked_for_all_categories_at_once() -> None:
    (request,) = ArXiv(("cs.CV", "eess.IV")).requests(FRIDAY, base_url="http://127.0.0.1:9/mirror/")
    assert request.url == "http://127.0.0.1:9/mirror/atom/cs.CV+eess.IV"
    assert (request.key, "application/atom+xml" in request.accept) == ("2026-11-20", True)


class Empty(NamedTuple):
    asked: date
    updated: str
    read_at: datetime
    complete: bool
    day: date
    note: str


MONDAY = date(2026, 11, 23)
EMPTY = [
    Empty(SATURDAY, "2026-11-21T05:00:12+00:00", datetime(2026, 11, 22, 2, 0, tzinfo=UTC), True, SATURDAY, "Saturday's feed"),
    Empty(MONDAY, "2026-11-23T05:00:12+00:00", datetime(2026, 11, 24, 2, 0, tzinfo=UTC), False, MONDAY, "Monday's feed"),
    Empty(
        MONDAY,
        "2026-11-22T05:00:12+00:00",
        datetime(2026, 11, 23, 6, 0, tzinfo=UTC),
        True,
        date(2026, 11, 22),
        "Monday, but Sunday's feed still stands",
    ),
    Empty(MONDAY, "", datetime(2026, 11, 24, 2, 0, tzinfo=UTC), False, MONDAY, "a feed that does not say when it was built"),
    Empty(
        SATURDAY, "2026-12-02T05:00:12+00:00", datetime(2026, 12, 3, 2, 0, tzinfo=UTC), True, SATURDAY, "asked for a past Saturday by hand"
    ),
]


@pytest.mark.parametrize("case", EMPTY, ids=lambda case: case.note)
def test_an_empty_feed_is_normal_on_a_weekend_only(case: Empty) -> None:
    parsed = parse(announcement_feed([], updated=case.updated), day=case.asked, read_at=case.read_at)
    assert (parsed.verdict.complete, parsed.day) == (case.complete, case.day)
    assert parsed.verdict.nothing == ("truly none" if case.complete else "parsed none")


def test_a_feed_as_large_as_the_service_makes_it_is_asked_for_by_category() -> None:
    entries = [announcement(f"2611.{n:05}") for n in range(LARGEST_FEED)]
    parsed = parse(announcement_feed(entries))
    assert not parsed.verdict.complete
    assert [request.url.rpartition("/")[2] for request in parsed.more] == ["cs.CV", "cs.CL", "cs.LG"]
    one = parse(announcement_feed(entries), url="https://rss.arxiv.org/atom/cs.CV")
    assert (one.verdict.complete, one.more) == (False, ())


def test_due_is_the_announcement_that_stands_now_and_was_not_read() -> None:
    assert SOURCE.day_at(datetime(2026, 11, 24, 2, 0, tzinfo=UTC)) == MONDAY
    assert SOURCE.day_at(datetime(2026, 11, 24, 5, 0, tzinfo=UTC)) == date(2026, 11, 24)
    assert SOURCE.due(today=MONDAY, final=None, since_days=7) == (MONDAY,)
    assert SOURCE.due(today=MONDAY, final=SATURDAY, since_days=7) == (MONDAY,)
    assert SOURCE.due(today=MONDAY, final=MONDAY, since_days=7) == ()


def test_missed_are_the_weekdays_the_feed_no_longer_shows() -> None:
    assert SOURCE.missed(date(2026, 11, 18), MONDAY) == (date(2026, 11, 19), FRIDAY)
    assert SOURCE.missed(FRIDAY, MONDAY) == ()
    assert SOURCE.missed(MONDAY, MONDAY) == ()
    assert SOURCE.missed(MONDAY, FRIDAY) == ()


def test_a_look_up() -> None:
    (record,) = parse(api_feed([api_entry("2401.00005", doi="10.1000/ABC 10.1000/second")])).records
    assert (record.source_key, record.title) == ("2401.00005", "Made look-up 2401.00005")
    assert record.abstract == "A made summary of 2401.00005 over two lines."
    assert record.authors == ("Ann Made", "Bo Invented")
    assert (record.year, record.track, record.published) == (2024, "cs.CV", date(2024, 1, 5))
    assert record.identifiers == {"arxiv": "2401.00005", "doi": "10.1000/abc"}


def test_ids_asked_are_ids_returned() -> None:
    request = SOURCE.lookup(["2401.00005", "cs/0101001"], base_url=SOURCE.base_url)
    assert request.url == "https://export.arxiv.org/api/query?id_list=2401.00005,cs/0101001&max_results=2"
    assert SOURCE.lookup(["2401.00005"], base_url="http://127.0.0.1:9").url.startswith("http://127.0.0.1:9/api/query?")
    both = parse(api_feed([api_entry("cs/0101001"), api_entry("2401.00005")]), url=request.url)
    assert both.verdict.complete
    assert [record.year for record in both.records] == [2001, 2024]
    one = parse(api_feed([api_entry("2401.00005", version=3)]), url=request.url)
    assert (one.verdict.complete, "cs/0101001" in one.verdict.reason) == (False, True)
    none = parse(api_feed([]), url=request.url)
    assert (none.verdict.complete, none.verdict.nothing) == (False, "truly none")


def test_ids_asked_are_also_read_from_the_feeds_own_link() -> None:
    own = "https://arxiv.org/api/query?search_query=&id_list=2401.00005v1,2401.00006"
    assert not parse(api_feed([api_entry("2401.00005")], own=own), url="file:arxiv").verdict.complete


def test_a_search_is_complete_when_the_page_is() -> None:
    entries = [api_entry(f"2401.0000{n}") for n in range(3)]
    url = "https://export.arxiv.org/api/query?search_query=all:made"
    assert parse(api_feed(entries, total=700, per_page=3), url=url).verdict.complete
    assert parse(api_feed(entries, total=9, start=6), url=url).verdict.complete
    short = parse(api_feed(entries, total=700), url=url).verdict
    assert (short.complete, short.declared) == (False, 700)
    empty = parse(api_feed([], total=700), url=url).verdict
    assert (empty.complete, empty.nothing) == (False, "parsed none")
    assert parse(api_feed([], total=0), url=url).verdict.nothing == "truly none"


def test_an_error_entry_is_no_record() -> None:
    error = "<entry><id>https://arxiv.org/api/errors#made</id><title>Error</title><summary>made reason</summary></entry>"
    with pytest.raises(SourceError, match="made reason"):
        parse(api_feed([error]))


def test_harvested_records() -> None:
    names = (
        "<author><keyname>Made</keyname><forenames>Ann</forenames></author>"
        "<author><keyname>The Made Collaboration</keyname></author><author><keyname>:</keyname></author>"
        "<author><keyname>Invented</keyname><forenames>Bo</forenames><suffix>Jr.</suffix></author>"
    )
    parsed = parse(oai_list(f"<ListRecords>{oai_record('2401.00005', authors=names)}{oai_deleted('2401.00006')}</ListRecords>"))
    (record,) = parsed.records
    assert (record.title, record.abstract) == ("Made harvest 2401.00005 over two lines", "A made abstract of 2401.00005.")
    assert record.authors == ("Ann Made", "The Made Collaboration", "Bo Invented Jr.")
    assert record.identifiers == {"arxiv": "2401.00005", "doi": "10.1000/made.2401.00005"}
    assert (record.published, record.track) == (date(2024, 1, 5), "cs.CV")
    assert (parsed.verdict.complete, parsed.verdict.reason) == (True, "1 records, 1 deleted")


def test_harvested_records_of_the_older_format() -> None:
    raw = """<record><header><identifier>oai:arXiv.org:2401.00008</identifier><datestamp>2024-03-01</datestamp></header>
  <metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>2401.00008</id><submitter>Ann Made</submitter>
  <version version="v1"><date>Fri, 5 Jan 2024 18:00:00 GMT</date><size>9kb</size></version>
  <version version="v2"><date>Fri, 1 Mar 2024 08:00:00 GMT</date><size>10kb</size></version>
  <title>Made raw
  title</title><authors>Ann Made (Made University), Bo Invented (1 and 2) and Carl Stub</authors><categories>cs.CV stat.ML</categories>
  <doi>10.1000/raw 10.1000/other</doi><abstract>  Raw and
made.</abstract></arXivRaw></metadata></record>"""
    parsed = parse(oai_list(f"<ListRecords>{raw}</ListRecords>"))
    (record,) = parsed.records
    assert parsed.verdict.complete
    assert (record.title, record.abstract, record.track) == ("Made raw title", "Raw and made.", "cs.CV")
    assert record.authors == ("Ann Made", "Bo Invented", "Carl Stub")
    assert record.published == date(2024, 1, 5)
    assert record.identifiers == {"arxiv": "2401.00008", "doi": "10.1000/raw"}


def test_the_feed_as_rss() -> None:
    item = """<item><title>Made &amp;amp; announced</title><link>https://arxiv.org/abs/2401.0000{n}</link>
<description>arXiv:2401.0000{n}v1 Announce Type: {kind}
Abstract: Made in
RSS.</description><guid isPermaLink="false">oai:arXiv.org:2401.0000{n}v1</guid><category>cs.CV</category><category>cs.LG</category>
<pubDate>Mon, 08 Jan 2024 00:00:00 -0500</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>
<dc:creator>Ann Made, Bo Invented</dc:creator></item>"""
    head = """<?xml version='1.0' encoding='UTF-8'?><rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
  version="2.0"><channel><title>cs.CV updates</title><pubDate>Mon, 08 Jan 2024 00:00:00 -0500</pubDate>"""
    kinds = ("new", "cross", "replace", "replace-cross")
    body = head + "".join(item.format(n=n, kind=kind) for n, kind in enumerate(kinds, 1)) + "</channel></rss>"
    parsed = parse(body.encode())
    assert (parsed.day, parsed.verdict.complete) == (date(2024, 1, 8), True)
    assert parsed.verdict.reason == "1 cross, 1 new, 1 replace, 1 replace-cross"
    record = parsed.records[0]
    assert (record.source_key, record.abstract, record.track) == ("2401.00001", "Made in RSS.", "cs.CV")
    assert record.authors == ("Ann Made", "Bo Invented")
    assert [one.published for one in parsed.records] == [date(2024, 1, 8), None, None, None]
    empty = parse((head + "</channel></rss>").encode())
    assert (empty.records, empty.day, empty.verdict.complete) == ((), date(2024, 1, 8), False)


def test_a_token_asks_for_the_rest() -> None:
    token = '<resumptionToken completeListSize="1500" cursor="0">abc|1001</resumptionToken>'
    parsed = parse(
        oai_list(f"<ListRecords>{oai_record('2401.00005')}{token}</ListRecords>"),
        url="https://oaipmh.arxiv.org/oai?verb=ListRecords&set=cs",
    )
    assert (parsed.verdict.complete, parsed.verdict.declared) == (False, 1500)
    assert [request.url for request in parsed.more] == ["https://oaipmh.arxiv.org/oai?verb=ListRecords&resumptionToken=abc%7C1001"]


def test_a_header_without_its_record_is_noticed() -> None:
    lone = "<record><header><identifier>oai:arXiv.org:2401.00007</identifier></header></record>"
    assert not parse(oai_list(f"<ListRecords>{oai_record('2401.00005')}{lone}</ListRecords>")).verdict.complete


def test_harvests_errors() -> None:
    assert parse(oai_list('<error code="noRecordsMatch">none</error>')).verdict.nothing == "truly none"
    with pytest.raises(SourceError, match="badResumptionToken"):
        parse(oai_list('<error code="badResumptionToken">expired</error>'))


BOMB = b"""<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<feed xmlns="http://www.w3.org/2005/Atom"><title>&b;</title></feed>"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (announcement_feed([announcement("2611.00001")])[:-20], "not well-formed"),
        (b"<!DOCTYPE html><html><body>Rate exceeded.</body></html>", "document type"),
        (b"<html><body>Rate exceeded.</body></html>", "neither an Atom feed"),
        (b"Rate exceeded.", "not well-formed"),
        (b"", "not well-formed"),
        (b"\xff\xfe<\x00f\x00e\x00e\x00d\x00", "not UTF-8"),
        (BOMB, "document type"),
        (announcement_feed(["<entry><id>urn:made</id><title>Made</title></entry>"]), "none of 1 entries is a paper"),
        (announcement_feed([announcement("2611.00001", title=" ")]), "none of 1 entries is a paper"),
    ],
)
def test_what_is_no_feed_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(body)
    assert words in caught.value.message
    assert caught.value.hint


def test_one_broken_entry_is_refused_and_the_others_stay() -> None:
    parsed = parse(announcement_feed([announcement("2611.00001"), "<entry><id>urn:made</id><title>Made</title></entry>"]))
    assert [record.source_key for record in parsed.records] == ["2611.00001"]
    assert [(refusal.line, refusal.reason, refusal.item) for refusal in parsed.refused] == [(2, "no arXiv id", "urn:made")]


TEXT = st.text(st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)


@given(st.lists(TEXT.filter(lambda text: any(char.isalnum() for char in text)), min_size=1, max_size=5), st.data())
def test_titles_come_through_and_no_part_is_taken_for_the_whole(titles: list[str], data: st.DataObject) -> None:
    body = announcement_feed([announcement(f"2611.{n:05}", title=title) for n, title in enumerate(titles)])
    records = parse(body).records
    assert [record.source_key for record in records] == [f"2611.{n:05}" for n in range(len(titles))]
    for record, title in zip(records, titles, strict=True):
        assert [char for char in title if char.isalnum()] == [char for char in record.title if char.isalnum()]
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(SourceError):
        parse(body[:cut])


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_nothing_but_a_source_error_comes_of_any_body(body: bytes) -> None:
    with pytest.raises(SourceError):
        parse(body)
