"""IJCAI: the listing of a year, and a paper's page."""

from __future__ import annotations

import pytest

from tests.saved import asked, page, parse
from triage.errors import SourceError, UsageError
from triage.sources import Request
from triage.sources.ijcai import IJCAI
from triage.web.pacing import rule_for

SOURCE = IJCAI()
LISTING = asked("IJCAI 2031", "http://127.0.0.1:9/proceedings/2031/")


def test_the_request() -> None:
    (request,) = SOURCE.listing("IJCAI", 2024, base_url="http://127.0.0.1:9")
    assert request.url == "http://127.0.0.1:9/proceedings/2024/"
    assert {rule_for(host).pace for host in SOURCE.hosts} == {10}  # the site's own wish


@pytest.mark.parametrize(("venue", "year"), [("AAAI", 2024), ("IJCAI", 2016)])
def test_what_it_does_not_have(venue: str, year: int) -> None:
    with pytest.raises(UsageError):
        SOURCE.listing(venue, year, base_url=SOURCE.base_url)


def test_the_listing_has_tracks_and_asks_for_each_paper() -> None:
    parsed = parse(SOURCE.parse, page("ijcai", "listing.html"), LISTING)
    assert [(record.source_key, record.track) for record in parsed.records] == [
        ("2031/1", "Main Track"),
        ("2031/2", "Main Track"),
        ("2031/990", "Demo Track"),
    ]
    first = parsed.records[0]
    assert (first.title, first.authors) == ("A Slow Boat that Sees Quickly", ("Ana Lindqvist", "Björn Okafor"))
    assert first.url == "https://www.ijcai.org/proceedings/2031/1"
    assert first.links == {"pdf": "https://www.ijcai.org/proceedings/2031/0001.pdf"}
    assert (parsed.verdict.complete, parsed.verdict.declared) == (True, 3)
    assert parsed.more[0].url == "http://127.0.0.1:9/proceedings/2031/1"
    assert len({more.key for more in parsed.more}) == 3


@pytest.mark.parametrize("heading", [b'<h2 class="section_title">Main Track</h2>', b'<div class="section_title">Main Track</div>'])
def test_other_headings_of_a_track(heading: bytes) -> None:
    body = page("ijcai", "listing.html").replace(b'<div class="section_title"><h3>Main Track</h3></div>', heading)
    assert parse(SOURCE.parse, body, LISTING).records[0].track == "Main Track"


@pytest.mark.parametrize("request_", [asked("IJCAI 2031 page 2031/1", "http://127.0.0.1:9/proceedings/2031/1"), asked()])
def test_a_papers_page(request_: Request) -> None:
    parsed = parse(SOURCE.parse, page("ijcai", "paper.html"), request_)
    (record,) = parsed.records
    assert record.source_key == "2031/1"
    assert record.abstract == "Most of a harbour stands still. Our boat looks at the rest, and needs a tenth of the light."
    assert record.identifiers == {"doi": "10.24963/ijcai.2031/1"}
    assert record.url == "https://www.ijcai.org/proceedings/2031/1"
    assert parsed.verdict.complete


def test_a_papers_page_without_abstract_is_not_whole() -> None:
    body = page("ijcai", "paper.html").replace(b'<div class="col-md-12">Most', b'<div class="column">Most')
    parsed = parse(SOURCE.parse, body)
    assert (parsed.records[0].abstract, parsed.verdict.complete) == (None, False)


def test_an_entry_that_lost_its_form_is_missed() -> None:
    body = page("ijcai", "listing.html").replace(b'id="paper2" class="paper_wrapper"', b'id="paper2" class="paper"')
    parsed = parse(SOURCE.parse, body, LISTING)
    assert (len(parsed.records), parsed.verdict.complete, parsed.verdict.declared) == (2, False, 3)


def test_half_a_listing_is_not_whole() -> None:
    body = page("ijcai", "listing.html")
    assert not parse(SOURCE.parse, body[: body.index(b'<div class="section">', 400)], LISTING).verdict.complete


def test_sections_without_papers_are_parsed_none() -> None:
    body = b'<html><body><div class="section_title"><h3>Main Track</h3></div></body></html>'
    assert parse(SOURCE.parse, body, LISTING).verdict.nothing == "parsed none"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><title>Access denied</title></html>",
        page("ijcai", "listing.html").replace(b"paper_wrapper", b"paper").replace(b"section_title", b"s"),
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError):
        parse(SOURCE.parse, body, LISTING)
