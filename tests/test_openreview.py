"""OpenReview: pages of notes, decisions, and the door that is closed to strangers."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.saved import asked, page, parse
from triage.errors import SourceError, UsageError
from triage.sources.openreview import OpenReview

SOURCE = OpenReview()
URL = "https://api2.openreview.net/notes?content.venueid=ICML.cc/2031/Conference&limit=1000&offset=0&sort=number:asc"
REQUEST = asked("ICML.cc/2031/Conference", URL)


def notes(**changes: Any) -> bytes:
    answer = json.loads(page("openreview", "notes.json"))
    content = answer["notes"][0]["content"]
    content |= {name: {"value": value} for name, value in changes.items()}
    return json.dumps(answer).encode()


def test_the_request() -> None:
    (request,) = SOURCE.listing("ICML", 2031, base_url=SOURCE.base_url)
    assert request.url == URL
    assert request.accept == ("application/json",)


@pytest.mark.parametrize(
    ("venue", "year", "host"),
    [
        ("ICLR", 2023, "api.openreview.net"),
        ("ICLR", 2024, "api2.openreview.net"),
        ("NeurIPS", 2022, "api.openreview.net"),
        ("neurips", 2023, "api2.openreview.net"),
    ],
)
def test_older_years_are_at_the_older_host(venue: str, year: int, host: str) -> None:
    (request,) = SOURCE.listing(venue, year, base_url=SOURCE.base_url)
    assert request.url.startswith(f"https://{host}/notes?")
    (request,) = SOURCE.listing(venue, year, base_url="http://127.0.0.1:9")
    assert request.url.startswith("http://127.0.0.1:9/notes?")


@pytest.mark.parametrize(("venue", "year"), [("CVPR", 2024), ("ICML", 2019)])
def test_what_it_does_not_have(venue: str, year: int) -> None:
    with pytest.raises(UsageError):
        SOURCE.listing(venue, year, base_url=SOURCE.base_url)


def test_accepted_papers() -> None:
    parsed = parse(SOURCE.parse, page("openreview", "notes.json"), REQUEST)
    first = parsed.records[0]
    assert first.source_key == "aB3_x-Yz01"
    assert first.title == "Folding Maps of Meaning"
    assert first.abstract == "A map that is folded well fits two pockets."
    assert first.url == "https://openreview.net/forum?id=aB3_x-Yz01"
    assert (first.venue, first.year, first.acceptance, first.published) == ("ICML", 2031, "Oral", date(2031, 6, 29))
    assert first.identifiers == {"openreview": "aB3_x-Yz01"}
    assert first.links == {"pdf": "https://openreview.net/pdf/0a1b.pdf"}
    assert [record.acceptance for record in parsed.records] == ["Oral", "Poster", None]
    assert (parsed.verdict.complete, parsed.verdict.declared) == (True, 3)


def test_fields_of_the_older_api_are_not_wrapped() -> None:
    answer = json.loads(page("openreview", "notes.json"))
    for note in answer["notes"]:
        note["content"] = {name: value["value"] for name, value in note["content"].items()}
    plain, wrapped = (
        parse(SOURCE.parse, body, REQUEST).records for body in (json.dumps(answer).encode(), page("openreview", "notes.json"))
    )
    assert [record.model_dump(exclude={"raw_sha256"}) for record in plain] == [
        record.model_dump(exclude={"raw_sha256"}) for record in wrapped
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"venueid": "ICML.cc/2031/Conference/Rejected_Submission"},
        {"venueid": "ICML.cc/2031/Conference/Withdrawn_Submission"},
        {"venueid": "ICML.cc/2031/Workshop/Fog"},
        {"venue": "Submitted to ICML 2031"},
        {"title": ""},
    ],
)
def test_what_is_not_accepted_is_no_record(changes: dict[str, str]) -> None:
    parsed = parse(SOURCE.parse, notes(**changes), REQUEST)
    assert len(parsed.records) == 2
    assert [refusal.item for refusal in parsed.refused] == ["aB3_x-Yz01"]


def test_the_next_page() -> None:
    body = page("openreview", "notes.json").replace(b'"count": 3', b'"count": 1005')
    parsed = parse(SOURCE.parse, body, REQUEST)
    (more,) = parsed.more
    assert "offset=3&" in more.url
    assert not parsed.verdict.complete
    last = parse(SOURCE.parse, body, asked(more.key, more.url.replace("offset=3", "offset=1002")))
    assert (last.more, last.verdict.complete) == ((), True)


def test_an_empty_conference_and_an_empty_page() -> None:
    none = parse(SOURCE.parse, b'{"count": 0, "notes": []}', REQUEST).verdict
    assert (none.complete, none.nothing) == (False, "truly none")
    lost = parse(SOURCE.parse, b'{"count": 40, "notes": []}', REQUEST).verdict
    assert (lost.complete, lost.nothing) == (False, "parsed none")


def test_a_number_that_is_not_said_is_incomplete() -> None:
    body = page("openreview", "notes.json").replace(b'"count": 3, ', b"")
    assert not parse(SOURCE.parse, body, REQUEST).verdict.complete


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><html><head><title>Verifying your browser | OpenReview</title></head></html>", "challenge"),
        (b'{"name": "ForbiddenError", "message": "Group is closed", "status": 403}', "Group is closed"),
        (b'{"count": 1}', "no list of notes"),
        (b'{"count": 1, "notes": [{"id": "x"', "not JSON"),
        (b'{"count": 2, "notes": ["a", "b"]}', "none of 2 entries"),
        (b"", "not JSON"),
    ],
)
def test_what_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        parse(SOURCE.parse, body, REQUEST)
