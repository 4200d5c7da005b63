"""AAAI by OAI-PMH: records, tombstones, tokens, and the way round a page that cannot be had."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.saved import page
from triage.errors import SourceError, UsageError
from triage.sources import Parsed, Request, Response
from triage.sources.aaai import AAAI

SOURCE = AAAI()
OAI = "https://ojs.aaai.org/index.php/AAAI/oai"
RECORDS = f"{OAI}?verb=ListRecords&metadataPrefix=oai_dc&set=AAAI:MADECV&from=2023-01-01"


def parse(body: bytes | str, *, url: str = RECORDS, key: str = "2023 AAAI:MADECV") -> Parsed:
    body = body.encode() if isinstance(body, str) else body
    return SOURCE.parse(Request(key, url, ()), Response(url, 200, "text/xml", body, "0" * 64, datetime(2026, 11, 20, tzinfo=UTC)))


def oai(inner: str) -> str:
    return f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{inner}</OAI-PMH>'


def with_token(token: str, *, size: int, cursor: int) -> str:
    text = page("aaai", "records.xml").decode()
    return text.replace(
        "</ListRecords>", f'<resumptionToken completeListSize="{size}" cursor="{cursor}">{token}</resumptionToken></ListRecords>'
    )


def test_a_record() -> None:
    parsed = parse(page("aaai", "records.xml"))
    record = parsed.records[0]
    assert record.source_key == "90001"
    assert record.title == "Folding Tokens & Other Invented Savings"  # the English one of two
    assert record.abstract == "Invented tokens are folded in half.\n\nA second paragraph  keeps its double blank."
    assert record.authors == ("Ada Sample", "Bela van der Mock")
    assert record.url == "https://ojs.aaai.org/index.php/AAAI/article/view/90001"
    assert (record.venue, record.year, record.published) == ("AAAI", 2023, date(2023, 6, 26))
    assert record.track == "AAAI:MADECV"
    assert record.identifiers == {"doi": "10.1609/aaai.v37i1.90001"}
    assert record.links == {"pdf": "https://ojs.aaai.org/index.php/AAAI/article/download/90001/80001"}
    assert parsed.verdict.reason == "2 records of 2, 1 deleted"
    assert parsed.records[1].year == 2024  # a set holds all years


@pytest.mark.parametrize(
    ("source", "venue", "year"),
    [
        ("Proceedings of the AAAI Conference on Artificial Intelligence; Volume 33; Made Issue", "AAAI", 2019),
        ("Proceedings of the AAAI Conference on Artificial Intelligence; vol 40 no 48", "AAAI", 2026),
        ("Proceedings of the AAAI Conference on Artificial Intelligence, Volume 1", "AAAI", 1987),
        ("Proceedings of a Made Symposium; Vol. 2 No. 1: MADE '26; 1-12", "MADE", 2023),  # its volumes count from elsewhere
        ("", "MADE", 2023),
    ],
)
def test_the_year_is_the_volume_and_1986_for_this_journal_only(source: str, venue: str, year: int) -> None:
    text = page("aaai", "records.xml").decode().replace("/AAAI/article", "/MADE/article")
    text = text.replace(
        "Proceedings of the AAAI Conference on Artificial Intelligence; Vol. 37 No. 1: AAAI-23 Technical Tracks 1; 10-18", source
    )
    record = parse(text).records[0]
    assert (record.venue, record.year) == (venue, year)


def test_the_sections_come_first_each_once() -> None:
    (request,) = SOURCE.listing("AAAI", 2023, base_url="http://127.0.0.1:9/")
    assert request.url == "http://127.0.0.1:9/index.php/AAAI/oai?verb=ListSets"
    parsed = parse(page("aaai", "sets.xml"), url=request.url, key=request.key)
    assert [more.url.partition("?")[2] for more in parsed.more] == [
        "verb=ListRecords&metadataPrefix=oai_dc&set=AAAI:MADECV&from=2023-01-01",
        "verb=ListRecords&metadataPrefix=oai_dc&set=AAAI:MADENLP&from=2023-01-01",
    ]
    assert [more.key for more in parsed.more] == ["2023 AAAI:MADECV", "2023 AAAI:MADENLP"]
    assert parsed.verdict.nothing == "truly none"


def test_a_token_is_followed() -> None:
    parsed = parse(with_token("made token/1", size=115, cursor=0))
    assert not parsed.verdict.complete
    assert parsed.verdict.declared == 115
    assert [more.url for more in parsed.more] == [f"{OAI}?verb=ListRecords&resumptionToken=made+token%2F1"]
    following = parsed.more[0]
    last = parse(with_token("", size=6, cursor=3), url=following.url, key=following.key)
    assert last.verdict.complete
    assert last.more == ()


def test_a_list_that_ends_before_its_size_is_incomplete() -> None:
    parsed = parse(with_token("", size=115, cursor=3))
    assert not parsed.verdict.complete
    assert "115" in parsed.verdict.reason
    assert len(parsed.records) == 2


@pytest.mark.parametrize("url", [RECORDS, f"{OAI}?verb=ListRecords&resumptionToken=abc"])
def test_a_page_that_cannot_be_had_is_asked_for_record_by_record(url: str) -> None:
    (identifiers,) = SOURCE.instead(Request("2023 AAAI:MADECV abc", url, ()))
    assert identifiers.url == f"{OAI}?verb=ListIdentifiers&metadataPrefix=oai_dc&set=AAAI:MADECV&from=2023-01-01"
    parsed = parse(page("aaai", "identifiers.xml"), url=identifiers.url, key=identifiers.key)
    *records, further = parsed.more
    assert [more.key for more in records] == ["90001", "90003"]  # the keys their records will have; no tombstone
    assert records[0].url == f"{OAI}?verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:ojs.aaai.org:article%2F90001"
    assert further.url == f"{OAI}?verb=ListIdentifiers&resumptionToken=made-token"
    assert not parsed.verdict.complete
    assert SOURCE.instead(identifiers) == ()
    assert SOURCE.instead(records[0]) == ()


def test_one_record_is_the_one_asked_for() -> None:
    text = page("aaai", "records.xml").decode()
    record = text[text.index("<record>") : text.index("</record>") + len("</record>")]
    url = f"{OAI}?verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:ojs.aaai.org:article%2F90001"
    parsed = parse(oai(f"<GetRecord>{record}</GetRecord>"), url=url, key="90001")
    assert parsed.verdict.complete
    assert [one.source_key for one in parsed.records] == ["90001"]
    other = parse(oai(f"<GetRecord>{record}</GetRecord>"), url=url.replace("90001", "90009"), key="90009")
    assert not other.verdict.complete
    gone = '<record><header status="deleted"><identifier>oai:ojs.aaai.org:article/90001</identifier></header></record>'
    deleted = parse(oai(f"<GetRecord>{gone}</GetRecord>"), url=url, key="90001")
    assert (deleted.verdict.complete, deleted.verdict.nothing) == (True, "truly none")


def test_kinds_of_nothing() -> None:
    none = parse(oai('<error code="noRecordsMatch">made</error>'))
    assert (none.verdict.complete, none.verdict.nothing) == (True, "truly none")
    gone = '<record><header status="deleted"><identifier>oai:ojs.aaai.org:article/1</identifier></header></record>'
    deleted = parse(oai(f"<ListRecords>{gone}</ListRecords>"))
    assert (deleted.verdict.complete, deleted.verdict.nothing) == (True, "truly none")
    empty = parse(oai("<ListRecords/>"))
    assert (empty.verdict.complete, empty.verdict.nothing) == (False, "parsed none")


@pytest.mark.parametrize("inner", ['<error code="badResumptionToken">expired</error>', "<ListSets/>", "<Identify/>", ""])
def test_errors_are_errors(inner: str) -> None:
    with pytest.raises(SourceError):
        parse(oai(inner))


def test_a_record_without_metadata_is_refused_by_name() -> None:
    text = page("aaai", "records.xml").decode().replace("<metadata>", "<about>", 1).replace("</metadata>", "</about>", 1)
    parsed = parse(text.replace("oai_dc:dc", "oai_dc:thing", 2))
    assert [refusal.item for refusal in parsed.refused] == ["oai:ojs.aaai.org:article/90001"]
    assert not parsed.verdict.complete


def test_other_venues_are_elsewhere() -> None:
    with pytest.raises(UsageError):
        SOURCE.listing("IJCAI", 2023, base_url=SOURCE.base_url)


# -- web pages


ARTICLE = "https://ojs.aaai.org/index.php/AAAI/article/view/90001"


def test_a_papers_page_is_the_record_of_the_list() -> None:
    parsed = parse(page("aaai", "article.html"), url=ARTICLE, key=ARTICLE)
    (record,) = parsed.records
    listed = parse(page("aaai", "records.xml")).records[0]
    assert parsed.verdict.complete
    assert record.track == "AAAI Technical Track on Made Vision I"
    assert record.model_copy(update={"track": listed.track}) == listed  # the same paper, to the last field


def test_the_page_alone_says_which_paper_it_is_of() -> None:
    text = page("aaai", "article.html").decode()
    assert parse(text, url="file:aaai", key="").records[0].url == ARTICLE
    head = "\n".join(line for line in text.splitlines() if line.startswith("<meta name"))
    assert parse(head, url="file:aaai", key="").records[0].source_key == "90001"
    without = text.replace("DC.Description", "DC.Other")
    assert parse(without, url=ARTICLE, key="").records[0].abstract == "Invented tokens are folded in half."  # the section's
    bare = without.replace("item abstract", "item other")
    assert not parse(bare, url=ARTICLE, key="").verdict.complete


def test_an_issue_names_its_papers_and_their_pages_have_the_abstracts() -> None:
    parsed = parse(page("aaai", "issue.html"), url="http://127.0.0.1:9/index.php/AAAI/issue/view/901", key="issue 901")
    first, second = parsed.records
    assert (first.source_key, first.title, first.year, first.track) == (
        "90001", "Folding Tokens & Other Invented Savings", 2023, "AAAI Technical Track on Made Vision I",
    )  # fmt: skip
    assert first.authors == ("Ada Sample", "Bela van der Mock")
    assert first.links == {"pdf": "https://ojs.aaai.org/index.php/AAAI/article/download/90001/80001"}
    assert (second.source_key, second.track) == ("90003-90004", "Student Abstracts")  # an old number is no number
    assert parsed.abstracts_follow
    assert [more.url for more in parsed.more] == [
        "http://127.0.0.1:9/index.php/AAAI/article/view/90001",
        "http://127.0.0.1:9/index.php/AAAI/article/view/90003-90004",
    ]
    cut = parse(page("aaai", "issue.html")[:-40], url="https://ojs.aaai.org/index.php/AAAI/issue/view/901")
    assert (cut.verdict.complete, cut.abstracts_follow) == (False, False)
    newer = page("aaai", "issue.html").decode().replace("<h3", "<h2").replace("</h3>", "</h2>")
    assert parse(newer).records[0].title == first.title


def test_the_archive_names_issues() -> None:
    parsed = parse(page("aaai", "archive.html"), url="https://ojs.aaai.org/index.php/AAAI/issue/archive")
    assert [more.url.rpartition("/issue/")[2] for more in parsed.more] == ["view/902", "view/901", "archive/2"]
    assert (parsed.records, parsed.verdict.complete) == ((), False)


@pytest.mark.parametrize("body", ["<!DOCTYPE html><html><body><h1>AAAI</h1></body></html>", "{}", "", "<html>Just a moment...</html>"])
def test_other_pages_are_errors(body: str) -> None:
    with pytest.raises(SourceError):
        parse(body, url=ARTICLE)
