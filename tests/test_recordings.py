"""Answers in the files of test recorders: read like the bare answer, and what was refused then is refused now."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from tests.saved import page
from triage.errors import SourceError
from triage.sources.recordings import read_recording
from triage.sources.registry import parse_any

READ_AT = datetime(2031, 8, 1, tzinfo=UTC)
SEARCH = "https://api.semanticscholar.org/graph/v1/paper/search?query=eyes&offset="
BATCH = page("semanticscholar", "batch.json")

API = """<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" xmlns="http://www.w3.org/2005/Atom">
  <opensearch:totalResults>{total}</opensearch:totalResults>{entries}
</feed>"""
ENTRY = "<entry><id>http://arxiv.org/abs/3101.00001v1</id><title>Cheap Eyes</title><summary>Made.</summary></entry>"
IDS = "https://export.arxiv.org/api/query?id_list="


def envelope(body: str, *, status: int = 200, url: str = f"{IDS}3101.00001") -> bytes:
    return json.dumps({"url": url, "status_code": status, "body": body}).encode()


def cassette(*exchanges: tuple[str, int, bytes]) -> bytes:
    said = [
        {"request": {"method": "GET", "uri": url}, "response": {"status": {"code": status, "message": ""}, "body": {"string": body}}}
        for url, status, body in exchanges
    ]
    return yaml.safe_dump({"interactions": said, "version": 1}).encode()


def test_an_envelope_is_the_answer_in_it() -> None:
    bare = API.format(total=1, entries=ENTRY)
    parsed = parse_any("arxiv", envelope(bare), None, read_at=READ_AT)
    assert parsed == parse_any("arxiv", bare.encode(), f"{IDS}3101.00001", read_at=READ_AT)
    assert parsed.verdict.reason == "all 1 ids"  # the recorded address says what was asked


@pytest.mark.parametrize("status", ["status_code", "status"])
@pytest.mark.parametrize("inside", [True, False])
def test_forms_of_envelopes(status: str, inside: bool) -> None:
    said: dict[str, Any] = {status: 200, "body": API.format(total=1, entries=ENTRY), "headers": {}}
    body = json.dumps({"url": f"{IDS}3101.00001", "response": said} if inside else {"url": f"{IDS}3101.00001"} | said).encode()
    assert [one.status for one in read_recording(body)] == [200]
    assert [record.title for record in parse_any("arxiv", body, None, read_at=READ_AT).records] == ["Cheap Eyes"]


def test_nothing_found_is_nothing_found_in_an_envelope_too() -> None:
    parsed = parse_any("arxiv", envelope(API.format(total=0, entries=""), url=f"{IDS}3101.99999"), None, read_at=READ_AT)
    assert parsed.records == ()
    assert not parsed.verdict.complete
    assert parsed.verdict.reason == "1 of 1 ids are not known to arXiv: 3101.99999"


def test_a_recorded_refusal_is_no_answer_whatever_its_body_looks_like() -> None:
    with pytest.raises(SourceError, match="HTTP status 400"):
        parse_any("arxiv", envelope(API.format(total=1, entries=ENTRY), status=400), None, read_at=READ_AT)
    with pytest.raises(SourceError, match="HTTP status 404"):
        parse_any("semanticscholar", cassette((SEARCH, 404, BATCH)), None, read_at=READ_AT)


def test_a_cassette_is_its_answers_in_order_each_paper_once() -> None:
    first = json.loads(BATCH)
    second = [first[0] | {"paperId": "c" * 40, "title": "A Third Made Paper"}, first[0]]
    body = cassette((f"{SEARCH}0", 200, BATCH), (f"{SEARCH}2", 200, gzip.compress(json.dumps(second).encode())))
    parsed = parse_any("semanticscholar", body, None, read_at=READ_AT)
    alone = parse_any("semanticscholar", BATCH, None, read_at=READ_AT)
    assert [record.title for record in parsed.records] == [*(record.title for record in alone.records), "A Third Made Paper"]
    assert parsed.verdict.complete
    assert parsed.verdict.reason.startswith("2 answers: ")


def test_the_older_form_of_a_cassette() -> None:
    body = yaml.safe_dump(
        {"interactions": [{"request": {"uri": SEARCH}, "response": {"status_code": 200, "content": BATCH.decode()}}]}
    ).encode()
    assert len(parse_any("semanticscholar", body, None, read_at=READ_AT).records) == 2


def test_an_empty_search() -> None:
    parsed = parse_any("semanticscholar", b'{"total": 0, "offset": 0}', None, read_at=READ_AT)
    assert (parsed.verdict.complete, parsed.verdict.nothing) == (True, "truly none")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"body": "x"}',
        b'{"status": "ok", "body": 1}',
        b"interactions: [",
        b"interactions: 3",
        b"interactions:\n- 1\n- {response: 2}",
        b"[]",
    ],
)
def test_what_is_no_recording_is_left_to_the_source(body: bytes) -> None:
    assert read_recording(body) == ()
    with pytest.raises(SourceError):
        parse_any("arxiv", body, None, read_at=READ_AT)
