"""What every source of venues keeps to, held over its made pages (tests/source_cases.py)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.source_cases import CASES, PAGES, Case
from triage.errors import SourceError, UsageError
from triage.sources import Parsed, Request, Response
from triage.sources.registry import VENUE_NAMES, parse_any, venue_sources
from triage.text import clean_line

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)

CHALLENGE = b"""<!DOCTYPE html><html lang="en"><head><title>Just a moment...</title></head>
<body><h1>Verifying your browser</h1><p>Enable JavaScript and cookies to continue</p><div class="cf-turnstile"></div></body></html>"""
ANOTHER_PAGE = (
    b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><p>A page about <a href='/x'>other things</a>.</p></body></html>"
)

HOSTILE = (
    "<script>alert(1)</script>",
    "**Bold** [link](javascript:alert(1)) | `code` # heading",
    "- [x] a ticked box",
    '=HYPERLINK("http://evil.example")',
    "a \u202etxt.exe\u202c \u200bzero \ufeffwidth",
    "tab\there\nand a line",
    "\u2028separated\u2029paragraphs\x85and \x07bells \x1b[31mred",
    "'; DROP TABLE records; --",
    "]]> --> {{ template }} ${shell} \\input{x} %s",
    "\U0001f600 and \U000e0041tags",
)


def parse(case: Case, body: bytes) -> Parsed:
    source = venue_sources()[case.source]
    request = Request(case.key, case.url, ())
    json = case.file.endswith(".json")
    xml = case.file.endswith(".xml")
    media_type = "application/json" if json else "application/xml" if xml else "text/html"
    return source.parse(request, Response(case.url, 200, media_type, body, "a" * 64, NOW))


def believed(case: Case, body: bytes) -> bool:
    """Whether the source takes the answer for a whole one; anything but a SourceError goes through."""
    try:
        return parse(case, body).verdict.complete
    except SourceError as error:
        assert error.message.startswith(case.url)
        assert error.hint
        return False


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    assert isinstance(request.param, Case)
    return request.param


def test_every_source_takes_part() -> None:
    assert {case.source for case in CASES} >= set(VENUE_NAMES)
    assert tuple(venue_sources()) == VENUE_NAMES
    assert all((PAGES / case.source / case.file).exists() for case in CASES)


def test_its_page_is_whole(case: Case) -> None:
    parsed = parse(case, case.body)
    assert parsed.verdict.complete, parsed.verdict.reason
    assert parsed.verdict.nothing is None
    assert len(parsed.records) == case.papers
    assert parsed.refused == ()
    assert case.title in case.body.decode()


def test_records_are_filled(case: Case) -> None:
    for record in parse(case, case.body).records:
        assert record.source == case.source
        assert record.source_key
        assert record.venue
        assert record.year
        assert record.url
        assert record.url.startswith("https://")
        assert record.authors
        assert all("," not in author for author in record.authors)
        assert record.raw_sha256 == "a" * 64


def test_twice_the_same(case: Case) -> None:
    assert parse(case, case.body) == parse(case, case.body)


def test_what_follows_is_asked_of_its_own_hosts(case: Case) -> None:
    source = venue_sources()[case.source]
    parsed = parse(case, case.body)
    for request in parsed.more:
        assert re.match(r"https?://([^/]+)/", request.url)[1] in source.hosts  # type: ignore[index]
        assert request.accept
        assert request.key
    assert len({(request.key, request.url) for request in parsed.more}) == len(parsed.more)


def test_by_name(case: Case) -> None:
    assert parse_any(case.source, case.body, case.url, read_at=NOW).records
    with pytest.raises(UsageError):
        parse_any("nobody", case.body, case.url, read_at=NOW)


def test_a_venue_it_does_not_have() -> None:
    for source in venue_sources().values():
        for venue, year in (("cvpr", 1900), ("neurips", 1066), ("aaai", -1), ("acl", 0)):
            with pytest.raises(UsageError):
                source.listing(venue, year, base_url=source.base_url)


@pytest.mark.parametrize(
    "body", [b"", b" \n\t", b"\xef\xbb\xbf", b"{}", b"[]", b"null", b"<html></html>", b'{"error": "gone"}', b"\x00\xff\xfe"]
)
def test_an_empty_answer_is_an_error(case: Case, body: bytes) -> None:
    with pytest.raises(SourceError):
        parse(case, body)


def test_a_page_without_entries_is_not_believed(case: Case) -> None:
    none = re.sub(case.entry, "", case.body.decode(), flags=re.DOTALL)
    assert none != case.body.decode()
    try:
        parsed = parse(case, none.encode())
    except SourceError:
        return
    assert parsed.records == ()
    assert not parsed.verdict.complete or parsed.verdict.nothing == "truly none"  # every record was deleted


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4, 0.6, 0.8, 0.95])
def test_half_a_page_is_not_believed(case: Case, share: float) -> None:
    body = case.body.rstrip()
    assert not believed(case, body[: int(len(body) * share)])


@given(st.data())
def test_no_cut_before_the_last_entry_is_believed(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES))
    text = case.body.decode()
    last = [len(text[: found.end()].rstrip()) for found in re.finditer(case.entry, text, re.DOTALL)][-1]
    assert not believed(case, text[: data.draw(st.integers(1, last - 1))].encode())


def test_another_layout_is_not_believed(case: Case) -> None:
    for old, new in case.changes:
        text = case.body.decode()
        assert old in text
        assert not believed(case, text.replace(old, new).encode()), old


@pytest.mark.parametrize("body", [CHALLENGE, ANOTHER_PAGE])
def test_another_page_is_an_error(case: Case, body: bytes) -> None:
    with pytest.raises(SourceError):
        parse(case, body)


def test_an_entry_given_twice_is_one_paper(case: Case) -> None:
    text = case.body.decode()
    found = re.search(case.entry, text, re.DOTALL)
    assert found
    twice = text[: found.end()] + case.between + found[0] + text[found.end() :]
    once, parsed = parse(case, case.body), parse(case, twice.encode())
    assert [record.source_key for record in parsed.records] == [record.source_key for record in once.records]
    assert parsed.records == once.records


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(case: Case, text: str) -> None:
    page = case.body.decode().replace(case.title, case.escaped(f"Made {text}"))
    parsed = parse(case, page.encode("utf-8", "surrogatepass"))
    assert len(parsed.records) == case.papers
    titles = [record.title for record in parsed.records]
    # a format may be unable to carry a control character, and may undo an entity; what comes is one clean line
    assert any(title.startswith("Made ") and clean_line(title) == title for title in titles)
    assert all(clean_line(title) == title and "\x1b" not in title for title in titles)
    if "<" in text or "[" in text:
        assert any(clean_line(re.sub("[\x00-\x1f]", " ", text)) in title for title in titles) or "\x1b" in text


@given(st.sampled_from(CASES), st.binary(max_size=400), st.integers(0, 10_000), st.integers(0, 200))
def test_damage_is_an_error_or_a_verdict(case: Case, noise: bytes, place: int, length: int) -> None:
    body = case.body
    place %= len(body)
    believed(case, body[:place] + noise + body[place + length :])
