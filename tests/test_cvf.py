"""CVF Open Access: both layouts of the listing, days, and the paper's page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.saved import page
from triage.errors import SourceError, UsageError
from triage.sources import Parsed, Request, Response
from triage.sources.cvf import CVF

SOURCE = CVF()
SITE = "https://openaccess.thecvf.com"
STEM = "Sample_Made__Tokens_and_Nothing_Else._CVPR_2025_paper"


def parse(body: bytes | str, *, url: str = f"{SITE}/CVPR2025?day=all") -> Parsed:
    body = body.encode() if isinstance(body, str) else body
    return SOURCE.parse(Request("cvpr-2025", url, ()), Response(url, 200, "text/html", body, "0" * 64, datetime(2026, 11, 20, tzinfo=UTC)))


def test_the_layout_since_2021() -> None:
    record = parse(page("cvf", "listing_new.html")).records[0]
    assert record.source_key == STEM
    assert record.title == "Made Tokens and Nothing Else."
    assert record.url == f"{SITE}/content/CVPR2025/html/{STEM}.html"  # double underscore and dot as on the page
    assert record.authors == ("Ada Sample", "Béla Mock")
    assert (record.venue, record.year, record.track, record.abstract) == ("CVPR", 2025, None, None)
    assert record.identifiers == {"arxiv": "2411.00001"}
    assert record.links == {
        "pdf": f"{SITE}/content/CVPR2025/papers/{STEM}.pdf",
        "supplement": f"{SITE}/content/CVPR2025/supplemental/Sample_Made_supplemental.pdf",
        "arxiv": "http://arxiv.org/abs/2411.00001",
    }


def test_the_layout_until_2020() -> None:
    parsed = parse(page("cvf", "listing_old.html"), url="http://openaccess.thecvf.com/ICCV2019.py")
    record = parsed.records[0]
    assert record.url == f"{SITE}/content_ICCV_2019/html/Mock_An_Old_Made_Layout_ICCV_2019_paper.html"
    assert record.authors == ("Bela Mock", "Cem Placeholder")
    assert (record.venue, record.year) == ("ICCV", 2019)
    assert parsed.verdict.complete


def test_mark_up_inside_a_title() -> None:
    assert parse(page("cvf", "listing_new.html")).records[1].title == "Invented Pixels, Revisited"


def test_pages_are_asked_for_where_the_listing_came_from() -> None:
    parsed = parse(page("cvf", "listing_new.html"), url="http://127.0.0.1:9/cvf/CVPR2025?day=all")
    assert parsed.more[0].url == f"http://127.0.0.1:9/cvf/content/CVPR2025/html/{STEM}.html"
    assert [request.key for request in parsed.more] == [record.source_key for record in parsed.records]
    assert parsed.records[0].url == f"{SITE}/content/CVPR2025/html/{STEM}.html"


def test_a_page_saved_with_absolute_links() -> None:
    saved = page("cvf", "listing_new.html").replace(b'href="/content', b'href="http://openaccess.thecvf.com/content')
    assert parse(saved).records == parse(page("cvf", "listing_new.html")).records


def test_authors_from_the_bibtex_where_there_are_no_forms() -> None:
    text = page("cvf", "listing_old.html").decode()
    start, end = text.index('<form id="form-c"'), text.index("</dd>", text.index('<form id="form-c"'))
    parsed = parse(text[:start] + text[end:], url="file:cvf")
    assert parsed.records[1].authors == ("Eve Nobody", "Dora Stub")
    assert not parsed.verdict.complete  # one of two, where none of thousands is at odds


def test_a_workshop_says_so() -> None:
    body = page("cvf", "listing_new.html").replace(b"/content/CVPR2025/html/", b"/content/CVPR2025W/MADE/html/")
    assert [record.track for record in parse(body).records] == ["workshop MADE"] * 2
    old = page("cvf", "listing_new.html").replace(b"/content/CVPR2025/html/", b"/content_CVPR_2020_workshops/MADE/html/")
    assert [(record.year, record.track) for record in parse(old, url="file:cvf").records] == [(2020, "workshop MADE")] * 2


def test_another_year_than_asked_for() -> None:
    parsed = parse(page("cvf", "listing_new.html"), url=f"{SITE}/CVPR2024?day=all")
    assert not parsed.verdict.complete
    assert "CVPR 2025" in parsed.verdict.reason


def test_days_are_asked_for_one_by_one() -> None:
    parsed = parse(page("cvf", "days.html"), url=f"{SITE}/CVPR2019")
    assert [request.url for request in parsed.more] == [f"{SITE}/CVPR2019?day=2019-06-18", f"{SITE}/CVPR2019?day=2019-06-19"]
    assert not parsed.verdict.complete
    every = page("cvf", "days.html").replace(b"</dl>", b'<dd><a href="CVPR2019?day=all">All</a></dd></dl>')
    assert [request.url for request in parse(every, url=f"{SITE}/CVPR2019").more] == [f"{SITE}/CVPR2019?day=all"]


def test_an_empty_list_is_not_none() -> None:
    parsed = parse("<html><title>CVPR 2031 Open Access Repository</title><body><dl>\n</dl></body></html>")
    assert (parsed.verdict.complete, parsed.verdict.nothing) == (False, "parsed none")


def test_a_byte_that_is_no_utf8_and_a_nul() -> None:
    body = page("cvf", "listing_new.html").replace("Béla".encode(), b"B\xe9la").replace(b"Invented", b"Inven\x00ted")
    records = parse(body).records
    assert records[0].authors[1] == "Béla Mock"
    assert records[1].title == "Invented Pixels, Revisited"


@pytest.mark.parametrize(
    ("venue", "year", "path"),
    [
        ("CVPR", 2025, "/CVPR2025?day=all"),
        ("cvpr", 2018, "/CVPR2018?day=all"),
        ("CVPR", 2016, "/CVPR2016"),
        ("ICCV", 2023, "/ICCV2023?day=all"),
        ("ICCV", 2017, "/ICCV2017"),
        ("WACV", 2024, "/WACV2024"),
    ],
)
def test_what_is_asked_for(venue: str, year: int, path: str) -> None:
    (request,) = SOURCE.listing(venue, year, base_url=SOURCE.base_url)
    assert request.url == SITE + path


@pytest.mark.parametrize(("venue", "year"), [("ICCV", 2024), ("CVPR", 2012), ("WACV", 2019), ("ECCV", 2020)])
def test_what_the_site_does_not_have(venue: str, year: int) -> None:
    with pytest.raises(UsageError):
        SOURCE.listing(venue, year, base_url=SOURCE.base_url)


def test_a_paper_page_adds_the_abstract_to_the_same_record() -> None:
    listed = parse(page("cvf", "listing_new.html"))
    parsed = parse(page("cvf", "paper.html"), url=listed.more[0].url)
    (record,) = parsed.records
    assert parsed.verdict.complete
    assert record.record_id == listed.records[0].record_id
    assert (record.title, record.authors, record.url) == (listed.records[0].title, listed.records[0].authors, listed.records[0].url)
    assert record.abstract == "Tokens are made,  and nothing else is; a line break of the source is no line break of the text."
    alone = parse(page("cvf", "paper.html"), url="file:cvf")
    assert alone.records[0].source_key == STEM  # told by its PDF


def test_a_paper_page_without_an_abstract_is_incomplete() -> None:
    parsed = parse(page("cvf", "paper.html").replace(b'id="abstract"', b'id="summary"'))
    assert not parsed.verdict.complete
    assert len(parsed.records) == 1


def test_a_page_of_no_known_paper_is_an_error() -> None:
    with pytest.raises(SourceError):
        parse(page("cvf", "paper.html").replace(b"citation_pdf_url", b"citation_file"))


def test_a_page_nested_beyond_the_parser_is_an_error() -> None:
    deep = b"<html><title>?day=all</title>" + b"<div>" * 5000 + b"<a href='?day=2019-06-18'>x</a>"
    with pytest.raises(SourceError, match="nested"):
        parse(deep)
