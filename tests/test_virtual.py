"""The virtual sites: events and papers, the file of abstracts, and the pages where there is no file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.saved import page
from triage.errors import SourceError, UsageError
from triage.sources import Parsed, Request, Response
from triage.sources.virtual import Virtual

SOURCE = Virtual()
DATA = "https://icml.cc/static/virtual/data"
FILE = f"{DATA}/icml-2025-orals-posters.json"


def parse(body: bytes | str, *, url: str = FILE, key: str = "") -> Parsed:
    body = body.encode() if isinstance(body, str) else body
    media_type = "application/json" if body[:1] in {b"{", b"["} else "text/html"
    return SOURCE.parse(Request(key, url, ()), Response(url, 200, media_type, body, "0" * 64, datetime(2026, 11, 20, tzinfo=UTC)))


def event(number: int, **said: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Made Event {number}",
        "authors": [{"fullname": "Ada Sample"}],
        "abstract": "An event was made.",
        "decision": "Accept (poster)",
        "eventtype": "Poster",
        "virtualsite_url": f"/virtual/2025/{said.get('eventtype', 'Poster').lower()}/{number}",
        "sourceurl": "https://openreview.net/group?id=ICML.cc/2025/Conference",
        "paper_url": f"https://openreview.net/forum?id=Made{number}",
    } | said


def listed(*events: Any, count: int | None = None, **said: Any) -> str:
    return json.dumps({"count": len(events) if count is None else count, "next": None, "previous": None, "results": list(events)} | said)


def test_poster_and_oral_of_one_paper_are_one_record() -> None:
    parsed = parse(page("virtual", "icml-2025-orals-posters.json"))
    record, position = parsed.records
    assert record.source_key == "icml-2025/501"  # the poster, whose page a list shows
    assert record.title == "Gentle Pruning of Made Models"
    assert record.url == "https://icml.cc/virtual/2025/poster/501"
    assert record.acceptance == "Accept (oral)"
    assert record.abstract == "Made models are pruned, gently & slowly."
    assert record.authors == ("Ada Sample", "Bela Mock")
    assert (record.venue, record.year, record.track, record.published) == ("ICML", 2025, "Conference", None)
    assert record.identifiers == {"openreview": "MadeAbc001"}
    assert record.links == {"openreview": "https://openreview.net/forum?id=MadeAbc001"}
    # merged by title: only one of the two events names the paper's forum
    assert (position.source_key, position.acceptance, position.track) == ("icml-2025/502", "Oral", "Position Paper Track")
    assert position.identifiers == {"openreview": "MadeAbc002"}
    assert parsed.verdict.complete
    assert parsed.verdict.declared == 4


@pytest.mark.parametrize(
    ("first", "second", "highest"),
    [
        ("Accept (poster)", "Accept (oral)", "Accept (oral)"),
        ("Accept (spotlight)", "Accept (poster)", "Accept (spotlight)"),
        ("Accept: notable-top-25%", "Accept: notable-top-5%", "Accept: notable-top-5%"),
        ("Accept (Highlight)", "Accept (Poster)", "Accept (Highlight)"),
        ("Accept (oral)", "Outstanding Paper Award", "Outstanding Paper Award"),
        (None, "Accept (poster)", "Accept (poster)"),
        (None, None, "Poster"),
    ],
)
def test_the_highest_decision_as_the_venue_says_it(first: str | None, second: str | None, highest: str) -> None:
    same = "https://openreview.net/forum?id=Same"
    for one, other in ((first, second), (second, first)):
        (record,) = parse(listed(event(1, decision=one, paper_url=same), event(2, decision=other, paper_url=same))).records
        assert record.acceptance == highest
        assert record.source_key == "icml-2025/1"


@pytest.mark.parametrize(
    ("first", "second", "papers"),
    [
        ({}, {}, 2),
        ({"name": "Alike"}, {"name": "alike!"}, 2),  # two forums are two papers
        ({"name": "Alike"}, {"name": "alike!", "paper_url": None}, 1),
        ({"name": "Poster", "paper_url": None}, {"name": "Poster", "paper_url": None}, 2),  # a title that names no paper
        ({"name": "A", "paper_url": "https://openreview.net/forum?id=Q"}, {"name": "B", "paper_url": "https://openreview.net/pdf?id=Q"}, 1),
    ],
)
def test_what_is_one_paper(first: dict[str, Any], second: dict[str, Any], papers: int) -> None:
    assert len(parse(listed(event(1, **first), event(2, **second))).records) == papers


def test_the_order_of_the_file_stays() -> None:
    records = parse(listed(event(9), event(3), event(7, eventtype="Oral", paper_url="https://openreview.net/forum?id=Made9"))).records
    assert [record.source_key for record in records] == ["icml-2025/9", "icml-2025/3"]


@pytest.mark.parametrize(
    ("group", "track"),
    [
        ("ICML.cc/2025/Conference", "Conference"),
        ("NeurIPS.cc/2025/Datasets_and_Benchmarks_Track", "Datasets and Benchmarks Track"),
        ("NeurIPS.cc/2025/Position_Paper_Track", "Position Paper Track"),
        ("TMLR", "TMLR"),
        ("", None),
    ],
)
def test_the_track_is_told_by_the_source(group: str, track: str | None) -> None:
    (record,) = parse(listed(event(1, sourceurl=f"https://openreview.net/group?id={group}"))).records
    assert record.track == track


def test_the_first_200_are_not_the_year() -> None:
    parsed = parse(listed(*(event(n) for n in range(1, 201)), count=4000))
    assert len(parsed.records) == 200
    assert (parsed.verdict.complete, parsed.verdict.declared) == (False, 4000)
    assert "the rest is not in the file" in parsed.verdict.reason
    following = parse(listed(event(1), next="http://icml.cc/api/events?offset=1"))
    assert not following.verdict.complete
    assert following.more == ()  # the site answers 403 there


def test_what_is_no_paper_is_refused() -> None:
    parsed = parse(listed(event(1), event(2, eventtype="Workshop"), "a text", event(3, name=" ")))
    assert [record.source_key for record in parsed.records] == ["icml-2025/1"]
    assert [refusal.reason.split(",")[0] for refusal in parsed.refused] == [
        "an event of the kind Workshop",
        "not an event but str",
        "title: Value should have at least 1 item after validation",
    ]
    with pytest.raises(SourceError, match="Tutorial"):
        parse(listed(event(2, eventtype="Tutorial")))


def test_abstracts_beside_the_file() -> None:
    parsed = parse(listed(event(501, abstract=None), event(502, abstract="")))
    assert not parsed.verdict.complete
    assert parsed.verdict.reason.endswith("0 of 2 have an abstract")
    side, *pages = parsed.more
    assert parsed.abstracts_follow
    assert [page.url for page in pages] == [f"https://icml.cc/virtual/2025/poster/{n}" for n in (501, 502)]  # the last resort
    assert side.url == f"{DATA}/icml-2025-abstracts.json"
    beside = parse(page("virtual", "icml-2025-abstracts.json"), url=side.url, key=side.key)
    assert beside.abstracts[0] == (parsed.records[0].source_key, "Made models are pruned by a file beside the file.")
    assert len(beside.abstracts) == 2
    assert beside.records == ()
    assert not beside.verdict.complete  # one of three has no text
    none = parse('{"501": "", "502": null}', url=side.url)
    assert (none.verdict.complete, none.verdict.nothing) == (False, "parsed none")
    assert parse("{}", url=side.url).verdict.nothing == "parsed none"


def test_the_conference_is_told_without_an_address() -> None:
    for authors in ([{"fullname": "A", "url": "http://icml.cc/api/users/1"}], []):
        (record,) = parse(listed(event(1, authors=authors)), url="file:virtual").records
        assert (record.venue, record.year, record.url) == ("ICML", 2025, "https://icml.cc/virtual/2025/poster/1")


def test_links_are_the_conference_s_own_from_a_mirror_too() -> None:
    (record,) = parse(listed(event(1)), url="http://127.0.0.1:9/static/virtual/data/cvpr-2025-orals-posters.json").records
    assert (record.url, record.venue) == ("https://cvpr.thecvf.com/virtual/2025/poster/1", "CVPR")


@pytest.mark.parametrize(
    "body", ['{"detail": "Not found."}', "[]", '["a"]', '{"501": {"abstract": "x"}}', "<html><title>403</title></html>"]
)
def test_other_answers_are_errors(body: str) -> None:
    with pytest.raises(SourceError):
        parse(body)


@pytest.mark.parametrize(
    ("venue", "year", "url"),
    [
        ("CVPR", 2023, "https://cvpr.thecvf.com/static/virtual/data/cvpr-2023-orals-posters.json"),
        ("NeurIPS", 2023, "https://neurips.cc/static/virtual/data/neurips-2023-orals-posters.json"),
        ("ECCV", 2024, "https://eccv.ecva.net/static/virtual/data/eccv-2024-orals-posters.json"),
    ],
)
def test_what_is_asked_for(venue: str, year: int, url: str) -> None:
    (request,) = SOURCE.listing(venue, year, base_url=SOURCE.base_url)
    assert request.url == url
    (mirrored,) = SOURCE.listing(venue, year, base_url="http://127.0.0.1:9")
    assert mirrored.url == "http://127.0.0.1:9/" + url.split("/", 3)[3]


@pytest.mark.parametrize(("venue", "year"), [("ICCV", 2024), ("ECCV", 2025), ("CVPR", 2022), ("ACL", 2023)])
def test_what_there_is_not(venue: str, year: int) -> None:
    with pytest.raises(UsageError):
        SOURCE.listing(venue, year, base_url=SOURCE.base_url)


# -- pages


def test_where_there_is_no_file_titles_lead_to_poster_pages() -> None:
    (titles,) = SOURCE.instead(Request("icml-2025", FILE, ()))
    assert titles.url == "https://icml.cc/virtual/2025/papers.html"
    assert SOURCE.instead(titles) == ()
    parsed = parse(page("virtual", "papers.html"), url=titles.url, key=titles.key)
    assert [record.title for record in parsed.records] == ["Gentle Pruning of Made Models", "Ought Made Models to Be Small?"]
    assert [request.url for request in parsed.more] == [
        "https://icml.cc/virtual/2025/poster/501",
        "https://icml.cc/virtual/2025/poster/502",
    ]
    assert [request.key for request in parsed.more] == [record.source_key for record in parsed.records]
    assert not parsed.verdict.complete
    assert parsed.records[0].source_key == parse(page("virtual", "icml-2025-orals-posters.json")).records[0].source_key


def test_a_poster_page_of_2023() -> None:
    parsed = parse(page("virtual", "poster_2023.html"), url="https://icml.cc/virtual/2023/poster/11")
    (record,) = parsed.records
    assert parsed.verdict.complete
    assert (record.source_key, record.title) == ("icml-2023/11", "A Made Poster of 2023")
    assert record.authors == ("Ada Sample", "Bela Mock")
    assert record.abstract == "The poster was made in the older look.\nIt has two paragraphs."
    assert record.url == "https://icml.cc/virtual/2023/poster/11"
    assert record.identifiers == {"openreview": "MadePst001"}
    assert record.links["pdf"] == "https://example.org/made.pdf"


def test_a_poster_page_of_2026() -> None:
    parsed = parse(page("virtual", "poster_2026.html"), url="http://127.0.0.1:9/virtual/2026/poster/12", key="iclr-2026/12")
    (record,) = parsed.records
    assert parsed.verdict.complete
    assert (record.source_key, record.title, record.venue, record.year) == ("iclr-2026/12", "A Made Poster of 2026", "ICLR", 2026)
    assert record.authors == ("Ada Sample", "Bela Mock")  # one name stands there twice
    assert record.abstract == "The poster was made in the newer look."
    assert record.url == "https://iclr.cc/virtual/2026/poster/12"


def test_a_poster_page_without_an_abstract_or_a_title() -> None:
    url = "https://icml.cc/virtual/2023/poster/11"
    text = page("virtual", "poster_2023.html").decode()
    empty = parse(text.replace("The poster was made in the older look.", "").replace("It has two paragraphs.", ""), url=url)
    assert not empty.verdict.complete
    with pytest.raises(SourceError):
        parse(text.replace("main-title", "other"), url=url)


def test_a_list_of_workshops_is_no_list_of_papers() -> None:
    url = "https://icml.cc/virtual/2025/events/workshop"
    with pytest.raises(SourceError, match="Workshop"):
        parse(page("virtual", "events.html"), url=url)
    text = page("virtual", "events.html").decode().replace('type="Workshop"', 'type="Oral"').replace("/2025/701", "/2025/oral/701")
    (record,) = parse(text, url=url).records
    assert (record.source_key, record.acceptance, record.abstract) == ("icml-2025/701", "Oral", "Made things meet.")
