"""NeurIPS proceedings: lists and pages in the looks they have had."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.saved import page
from triage.errors import SourceError, UsageError
from triage.sources import Parsed, Request, Response
from triage.sources.neurips import NeurIPS

SOURCE = NeurIPS()
SITE = "https://proceedings.neurips.cc"
SHA = "0123456789abcdef0123456789abcdef"


def parse(body: bytes | str, *, url: str = f"{SITE}/paper_files/paper/2024") -> Parsed:
    body = body.encode() if isinstance(body, str) else body
    return SOURCE.parse(Request("neurips", url, ()), Response(url, 200, "text/html", body, "0" * 64, datetime(2026, 11, 20, tzinfo=UTC)))


def test_the_list_of_2024() -> None:
    parsed = parse(page("neurips", "index.html"))
    first, second = parsed.records
    assert first.title == 'Made Gradients of the "Second" Kind'  # escaped twice
    assert first.authors == ("Ada Sample", "Bela Mock")
    assert (first.venue, first.year, first.track) == ("NeurIPS", 2024, "Main Conference Track")
    assert second.track == "Datasets and Benchmarks Track"
    assert first.url == f"{SITE}/paper_files/paper/2024/hash/{SHA}-Abstract-Conference.html"
    assert first.source_key == f"2024/{SHA}-Conference"
    assert parsed.verdict.complete
    assert parsed.verdict.declared == 2
    assert [request.url for request in parsed.more] == [first.url, second.url]


def test_a_list_before_2022() -> None:
    parsed = parse(page("neurips", "index_old.html"), url="https://papers.nips.cc/paper/2019")
    (record,) = parsed.records
    assert (record.title, record.authors, record.year, record.track) == ("An Older Made Look", ("Dora Stub", "Eve Nobody"), 2019, None)
    assert record.url == f"{SITE}/paper/2019/hash/aaaaaaaabbbbbbbbccccccccdddddddd-Abstract.html"
    assert parsed.more[0].url == "https://papers.nips.cc/paper/2019/hash/aaaaaaaabbbbbbbbccccccccdddddddd-Abstract.html"
    assert parsed.verdict.complete


def test_a_list_shorter_than_it_says() -> None:
    parsed = parse(page("neurips", "index.html").replace(b"2 papers", b"4,493 papers"))
    assert (parsed.verdict.complete, parsed.verdict.declared) == (False, 4493)
    assert len(parsed.records) == 2


def test_pages_of_tracks_are_followed() -> None:
    link = '<li><a href="/paper_files/paper/vol38-main-conference">Main Conference</a></li>'
    text = page("neurips", "index.html").decode()
    companion = f"{SITE}/paper_files/paper/vol38-main-conference"
    both = parse(text.replace("</ul>", f"{link}</ul>"))
    assert both.more[0].url == companion
    assert len(both.more) == 3
    only = parse(f'<html><body><ul class="paper-list">{link}</ul></body></html>', url=f"{SITE}/paper_files/paper/2025")
    assert [request.url for request in only.more] == [companion]
    assert not only.verdict.complete
    assert parse(text.replace("</ul>", f"{link}</ul>"), url=companion).more == both.more[1:]


def test_an_empty_list_is_not_none() -> None:
    parsed = parse('<html><body><ul class="paper-list"></ul></body></html>')
    assert (parsed.verdict.complete, parsed.verdict.nothing) == (False, "parsed none")


def test_paragraphs_nested_in_the_abstract() -> None:
    listed = parse(page("neurips", "index.html"))
    parsed = parse(page("neurips", "paper.html"), url=listed.more[0].url)
    (record,) = parsed.records
    assert parsed.verdict.complete
    assert record.abstract == "Gradients of the second kind are made.\nThey are <3 times as steep."
    assert record.record_id == listed.records[0].record_id
    assert (record.title, record.authors, record.url, record.track) == (
        listed.records[0].title,
        listed.records[0].authors,
        listed.records[0].url,
        listed.records[0].track,
    )
    assert record.published == date(2024, 12, 16)
    assert record.identifiers == {"doi": "10.52202/000000-0001"}
    assert record.links == {"pdf": f"{SITE}/paper_files/paper/2024/file/{SHA}-Paper-Conference.pdf"}
    assert parse(page("neurips", "paper.html"), url="file:neurips").records[0].model_copy(update={"raw_sha256": None}) == record.model_copy(
        update={"raw_sha256": None}
    )


def test_a_page_in_the_older_look() -> None:
    (record,) = parse(
        page("neurips", "paper_old.html"), url=f"{SITE}/paper/2019/hash/aaaaaaaabbbbbbbbccccccccdddddddd-Abstract.html"
    ).records
    assert record.abstract == "It looks older than it is."  # and nothing of the policy below
    assert (record.published, record.year, record.source_key) == (None, 2019, "2019/aaaaaaaabbbbbbbbccccccccdddddddd")


def test_a_page_without_an_abstract_is_incomplete() -> None:
    parsed = parse(page("neurips", "paper.html").replace(b">Abstract</h2>", b">Summary</h2>"))
    assert not parsed.verdict.complete
    assert len(parsed.records) == 1


def test_a_page_of_no_known_paper_is_an_error() -> None:
    with pytest.raises(SourceError):
        parse(page("neurips", "paper.html").replace(b"citation_pdf_url", b"citation_file"), url="file:neurips")


def test_what_is_asked_for() -> None:
    assert [request.url for request in SOURCE.listing("NIPS", 2019, base_url=f"{SITE}/")] == [f"{SITE}/paper_files/paper/2019"]
    with pytest.raises(UsageError):
        SOURCE.listing("NeurIPS", 1986, base_url=SITE)
