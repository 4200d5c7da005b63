"""ECVA: all years of ECCV in one page, and a paper's page."""

from __future__ import annotations

import pytest

from tests.saved import asked, page, parse
from triage.errors import SourceError, UsageError
from triage.sources.ecva import ECVA

SOURCE = ECVA()
LISTING = asked("ECCV 2030", "http://127.0.0.1:9/papers.php")


def test_one_page_for_every_year() -> None:
    (request,) = SOURCE.listing("ECCV", 2024, base_url="http://127.0.0.1:9/")
    assert (request.key, request.url) == ("ECCV 2024", "http://127.0.0.1:9/papers.php")


@pytest.mark.parametrize(("venue", "year"), [("ICCV", 2024), ("ECCV", 2023), ("ECCV", 2016)])
def test_what_it_does_not_have(venue: str, year: int) -> None:
    with pytest.raises(UsageError, match=f"no {venue} {year}"):
        SOURCE.listing(venue, year, base_url=SOURCE.base_url)


def test_the_year_asked_for_and_no_other() -> None:
    parsed = parse(SOURCE.parse, page("ecva", "papers.html"), LISTING)
    first, second = parsed.records
    assert first.source_key == "eccv_2030/4_ECCV_2030_paper"
    assert first.title == "Cheap Eyes for Expensive Words"
    assert first.authors == ("Ana Lindqvist", "Björn Okafor", "Cai Sørensen")
    assert second.authors == ("Dora Mbeki",)
    assert first.url == "https://www.ecva.net/papers/eccv_2030/papers_ECCV/html/4_ECCV_2030_paper.php"
    assert first.links == {"pdf": "https://www.ecva.net/papers/eccv_2030/papers_ECCV/papers/00004.pdf"}
    assert first.identifiers == {"doi": "10.1007/978-3-031-99999-1_1"}
    assert (first.venue, first.year, first.abstract) == ("ECCV", 2030, None)
    assert (parsed.verdict.complete, parsed.verdict.declared) == (True, 2)
    assert [more.url for more in parsed.more] == [
        "http://127.0.0.1:9/papers/eccv_2030/papers_ECCV/html/4_ECCV_2030_paper.php",
        "http://127.0.0.1:9/papers/eccv_2030/papers_ECCV/html/17_ECCV_2030_paper.php",
    ]


@pytest.mark.parametrize(("year", "names"), [(2020, ("Emil Ramos", "Fay Ito")), (2018, ("Gil Vega", "Fay Ito"))])
def test_names_as_each_year_wrote_them(year: int, names: tuple[str, ...]) -> None:
    (record,) = parse(SOURCE.parse, page("ecva", "papers.html"), asked(f"ECCV {year}")).records
    assert (record.year, record.authors) == (year, names)


def test_a_single_author_of_2018_is_one_person() -> None:
    body = page("ecva", "papers.html").replace(b"Vega, Gil and Ito, Fay", b"Vega, Gil")
    assert parse(SOURCE.parse, body, asked("ECCV 2018")).records[0].authors == ("Gil Vega",)


def test_without_a_year_all_of_them() -> None:
    parsed = parse(SOURCE.parse, page("ecva", "papers.html"))
    assert [record.year for record in parsed.records] == [2030, 2030, 2020, 2018]
    assert parsed.verdict.complete


def test_a_year_that_is_not_there_yet() -> None:
    parsed = parse(SOURCE.parse, page("ecva", "papers.html"), asked("ECCV 2032"))
    assert (parsed.verdict.complete, parsed.verdict.nothing) == (True, "truly none")
    assert "2018, 2020, 2030" in parsed.verdict.reason


def test_a_papers_page_gives_the_abstract_of_the_same_paper() -> None:
    listed = parse(SOURCE.parse, page("ecva", "papers.html"), LISTING)
    parsed = parse(SOURCE.parse, page("ecva", "paper.html"), listed.more[0])
    (record,) = parsed.records
    assert record.source_key == listed.records[0].source_key
    assert (record.title, record.authors, record.url) == (listed.records[0].title, listed.records[0].authors, listed.records[0].url)
    assert record.links == listed.records[0].links
    assert record.identifiers == listed.records[0].identifiers
    assert record.abstract == "A camera that reads one line in ten understands as much as one that reads them all."
    assert parsed.verdict.complete


def test_a_papers_page_without_its_abstract_is_not_whole() -> None:
    listed = parse(SOURCE.parse, page("ecva", "papers.html"), LISTING)
    body = page("ecva", "paper.html").replace(b'id="abstract"', b'id="summary"')
    parsed = parse(SOURCE.parse, body, listed.more[0])
    assert (parsed.records[0].abstract, parsed.verdict.complete) == (None, False)


def test_a_papers_page_of_an_unknown_paper_is_refused() -> None:
    with pytest.raises(SourceError, match="which paper"):
        parse(SOURCE.parse, page("ecva", "paper.html"))


def test_half_a_page_is_not_whole() -> None:
    body = page("ecva", "papers.html")
    cut = body[: body.index(b"<button", 400)]
    parsed = parse(SOURCE.parse, cut, LISTING)
    assert len(parsed.records) == 2
    assert not parsed.verdict.complete
    assert not parse(SOURCE.parse, cut, asked("ECCV 2020")).verdict.complete


def test_an_entry_that_lost_its_form_is_missed() -> None:
    body = page("ecva", "papers.html").replace(
        b'<dt class="ptitle"><br>\n<a href="papers/eccv_2030/papers_ECCV/html/17',
        b'<dt class="title"><br>\n<a href="papers/eccv_2030/papers_ECCV/html/17',
    )
    parsed = parse(SOURCE.parse, body, LISTING)
    assert (len(parsed.records), parsed.verdict.complete, parsed.verdict.declared) == (1, False, 2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><title>Just a moment...</title></html>",
        page("ecva", "papers.html").replace(b"ptitle", b"paper-title"),
        b"<html><dl></dl></html>",
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError):
        parse(SOURCE.parse, body, LISTING)


def test_a_stray_byte_is_no_reason_to_lose_a_year() -> None:
    body = page("ecva", "papers.html").replace(b"Okafor", b"Okaf\xf6r")
    assert parse(SOURCE.parse, body, LISTING).records[0].authors[1] == "Björn Okaför"


def test_control_characters_behind_a_broken_line() -> None:
    body = page("ecva", "papers.html").replace(b"Cheap Eyes", b"Cheap<br>\x01\x0bEyes")
    assert parse(SOURCE.parse, body, LISTING).records[0].title.startswith("Cheap ")
