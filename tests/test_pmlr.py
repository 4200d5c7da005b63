"""PMLR: a volume's index, its files of abstracts, a paper's page and source."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.saved import asked, page, parse
from triage.errors import SourceError, UsageError
from triage.sources.pmlr import PMLR

SOURCE = PMLR()
INDEX = asked("ICML 2031 index", "http://127.0.0.1:9/v901/")
CITEPROC = asked("ICML 2031 citeproc 2", "http://127.0.0.1:9/v901/assets/bib/citeproc.yaml")


def test_a_known_volume_is_asked_for_directly() -> None:
    (request,) = SOURCE.listing("ICML", 2023, base_url="http://127.0.0.1:9/")
    assert request.url == "http://127.0.0.1:9/v202/"


def test_a_volume_that_is_not_known_is_found_on_the_front_page() -> None:
    (request,) = SOURCE.listing("ICML", 2031, base_url=SOURCE.base_url)
    assert request.url == "https://proceedings.mlr.press/"
    parsed = parse(SOURCE.parse, page("pmlr", "volumes.html"), request)
    assert [more.url for more in parsed.more] == ["https://proceedings.mlr.press/v901/"]
    assert (parsed.records, parsed.verdict.complete) == ((), False)


@pytest.mark.parametrize(("venue", "year", "volume"), [("COLT", 2031, "v903"), ("UAI", 2031, None), ("ICML", 2032, None)])
def test_the_front_page_names_other_venues_too(venue: str, year: int, volume: str | None) -> None:
    (request,) = SOURCE.listing(venue, year, base_url=SOURCE.base_url)
    parsed = parse(SOURCE.parse, page("pmlr", "volumes.html"), request)
    assert [more.url.split("/")[-2] for more in parsed.more] == ([volume] if volume else [])
    assert (parsed.verdict.complete, parsed.verdict.nothing) == (volume is None, "truly none")


@pytest.mark.parametrize(("venue", "year"), [("ICML", 2006), ("CVPR", 2023)])
def test_what_it_does_not_have(venue: str, year: int) -> None:
    with pytest.raises(UsageError, match=f"no {venue} {year}"):
        SOURCE.listing(venue, year, base_url=SOURCE.base_url)


def test_a_venues_name_is_written_its_own_way() -> None:
    assert SOURCE.listing("icml", 2023, base_url=SOURCE.base_url)[0].key == "ICML 2023 index"


def test_papers_without_authors_are_another_layout() -> None:
    body = page("pmlr", "index.html").replace(b'class="authors"', b'class="people"')
    assert not parse(SOURCE.parse, body, INDEX).verdict.complete


def test_the_index_gives_papers_and_asks_for_their_abstracts() -> None:
    parsed = parse(SOURCE.parse, page("pmlr", "index.html"), INDEX)
    first, second = parsed.records
    assert first.source_key == "v901/lindqvist31a"
    assert first.title == "Pruning Lighthouse Lenses & Other Large Optics"
    assert first.authors == ("Ana Lindqvist", "Björn Okafor", "Cai 't Hooft")
    assert (first.venue, first.year, first.abstract) == ("ICML", 2031, None)
    assert first.url == "https://proceedings.mlr.press/v901/lindqvist31a.html"
    assert first.identifiers == {"openreview": "LightH0use"}
    assert first.links["pdf"] == "https://proceedings.mlr.press/v901/lindqvist31a/lindqvist31a.pdf"
    assert second.identifiers == {}  # "id=false" is no forum
    assert "openreview" not in second.links
    assert (parsed.verdict.complete, parsed.verdict.declared) == (True, 2)
    assert [(more.key, more.url) for more in parsed.more] == [(CITEPROC.key, CITEPROC.url)]


def test_an_index_without_its_request_tells_venue_and_year() -> None:
    record = parse(SOURCE.parse, page("pmlr", "index.html")).records[0]
    assert (record.venue, record.year) == ("ICML", 2031)


def test_the_yaml_file_has_all_abstracts() -> None:
    parsed = parse(SOURCE.parse, page("pmlr", "citeproc.yaml"), CITEPROC)
    first, second = parsed.records
    assert first.abstract == (
        "A lens of two tonnes need not be ground twice. We drop every ring that sailors cannot see, and the harbour's keeper saves a third of his oil."
    )
    assert first.published == date(2031, 7, 1)
    assert second.title == r"Tokens at Half Price: $\mathcal{O}(n)$ Ferries"
    assert second.authors == ("Null Nobody",)  # a name, not nothing
    assert parsed.verdict.complete
    assert parsed.verdict.declared == 2
    assert {record.source_key for record in parsed.records} == {
        record.source_key for record in parse(SOURCE.parse, page("pmlr", "index.html")).records
    }


def test_one_broken_name_costs_one_paper_and_the_other_file_is_asked_instead() -> None:
    body = page("pmlr", "citeproc.yaml").replace(b"family: Hooft", b"family: 't Hooft")
    parsed = parse(SOURCE.parse, body, CITEPROC)
    assert [record.source_key for record in parsed.records] == ["v901/nobody31a"]
    assert not parsed.verdict.complete
    assert "Pruning Lighthouse" in parsed.refused[0].item
    (instead,) = SOURCE.instead(CITEPROC)
    assert instead.url == "http://127.0.0.1:9/v901/assets/bib/bibliography.bib"
    assert SOURCE.instead(INDEX) == SOURCE.instead(instead) == ()


def test_fewer_papers_than_the_index_has_is_incomplete() -> None:
    parsed = parse(SOURCE.parse, page("pmlr", "citeproc.yaml"), asked("ICML 2031 citeproc 3"))
    assert not parsed.verdict.complete
    assert "2 papers of 3" in parsed.verdict.reason


def test_a_file_without_abstracts_is_incomplete() -> None:
    body = page("pmlr", "citeproc.yaml").replace(b"  abstract:", b"  note:")
    parsed = parse(SOURCE.parse, body, CITEPROC)
    assert len(parsed.records) == 2
    assert not parsed.verdict.complete
    assert "0 of 2 have an abstract" in parsed.verdict.reason


def test_the_bibtex_file_says_the_same() -> None:
    parsed = parse(SOURCE.parse, page("pmlr", "bibliography.bib"), asked("ICML 2031 bibliography 2"))
    first, second = parsed.records
    from_yaml = parse(SOURCE.parse, page("pmlr", "citeproc.yaml"), CITEPROC).records
    assert [(record.source_key, record.title, record.authors, record.url) for record in parsed.records] == [
        (record.source_key, record.title, record.authors, record.url) for record in from_yaml
    ]
    assert first.abstract == from_yaml[0].abstract
    assert second.abstract == "Ferries wait {for the last passenger. K = 3 of them are never aboard. Ours leave when the average one is."
    assert parsed.verdict.complete


def test_a_papers_page() -> None:
    (record,) = parse(SOURCE.parse, page("pmlr", "paper.html")).records
    assert (record.source_key, record.venue, record.year) == ("v901/lindqvist31a", "ICML", 2031)
    assert record.abstract == "A lens of two tonnes need not be ground twice. The keeper saves a third of his oil."
    assert record.authors == ("Ana Lindqvist", "Björn Okafor")
    assert record.published == date(2031, 7, 1)
    assert record.identifiers == {"openreview": "LightH0use"}


def test_a_papers_source() -> None:
    (record,) = parse(SOURCE.parse, page("pmlr", "post.md")).records
    assert record.url == "https://proceedings.mlr.press/v901/lindqvist31a.html"
    assert record.title == "Pruning Lighthouse Lenses & Other Large Optics"
    assert record.abstract is not None
    assert "that sailors cannot see" in record.abstract
    assert (record.venue, record.year, record.published) == ("ICML", 2031, date(2031, 7, 1))
    assert record.identifiers == {"openreview": "LightH0use"}


@pytest.mark.parametrize("name", ["index.html", "citeproc.yaml", "bibliography.bib", "volumes.html"])
def test_half_an_answer_is_not_whole(name: str) -> None:
    body = page("pmlr", name)
    try:
        parsed = parse(SOURCE.parse, body[: len(body) * 2 // 3], CITEPROC)
    except SourceError:
        return
    assert not parsed.verdict.complete


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><head><title>Just a moment...</title></head><body></body></html>",
        b"<html><body><h1>Volume 901</h1><div class='entry'>Pruning</div></body></html>",
        b"@Proceedings{pmlr-v901, title = {All}}",
        b"---\nlayout: proceedings\nvolume: '901'\n---\n",
        page("pmlr", "index.html").replace(b">abs<", b">page<"),
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError):
        parse(SOURCE.parse, body, INDEX)


def test_repeated_entries_count_once() -> None:
    body = page("pmlr", "citeproc.yaml")
    parsed = parse(SOURCE.parse, body + body, CITEPROC)
    assert len(parsed.records) == 2
    assert "2 repeated" in parsed.verdict.reason


@given(st.text(max_size=60), st.text(max_size=200))
def test_hostile_texts_never_break_a_record(title: str, abstract: str) -> None:
    quoted = [text.replace("'", "''") for text in (title, abstract)]
    body = f"- title: '{quoted[0]}'\n  abstract: '{quoted[1]}'\n  URL: https://proceedings.mlr.press/v901/x31a.html\n".encode(
        "utf-8", "replace"
    )
    try:
        parsed = parse(SOURCE.parse, body, asked("ICML 2031 citeproc 1"))
    except SourceError:
        return
    assert [record.source_key for record in parsed.records] == ["v901/x31a"]
    assert "\n" not in parsed.records[0].title
