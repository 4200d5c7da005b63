"""The Anthology's XML: mark-up inside texts, ids old and new, events and their workshops."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.saved import page
from triage.errors import SourceError, UsageError
from triage.sources import Parsed, Request, Response
from triage.sources.acl import ACL
from triage.sources.anthology import named

SOURCE = ACL()
DATA = "https://raw.githubusercontent.com/acl-org/acl-anthology/master/data/xml"


def parse(body: bytes | str, *, name: str = "2023.acl", key: str = "acl-2023 2023.acl") -> Parsed:
    body = body.encode() if isinstance(body, str) else body
    url = f"{DATA}/{name}.xml"
    return SOURCE.parse(Request(key, url, ()), Response(url, 200, "text/plain", body, "0" * 64, datetime(2026, 11, 20, tzinfo=UTC)))


def collection(name: str, volumes: str) -> str:
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<collection id=\"{name}\">{volumes}</collection>"


def volume(name: str, papers: str, *, year: int = 2019, venue: str = "", book: str = "Proceedings of a Made Meeting") -> str:
    said = f"<venue>{venue}</venue>" if venue else ""
    return f'<volume id="{name}"><meta><booktitle>{book}</booktitle><year>{year}</year>{said}</meta>{papers}</volume>'


def paper(number: int | str, title: str = "Made", rest: str = "") -> str:
    return f'<paper id="{number}"><title>{title}</title>{rest}</paper>'


def test_a_paper() -> None:
    record = parse(page("acl", "2023.acl.xml")).records[0]
    assert record.source_key == "2023.acl-long.1"
    assert record.title == "MadeBERT: Shrinking Imaginary Encoders by 2^k"  # mark-up cuts through words
    assert record.abstract == "We shrink nothing that exists; see https://example.org/made.  Two blanks stay."
    assert record.authors == ("Ada Sample", "Bela van der Mock", "Mononym")
    assert record.url == "https://aclanthology.org/2023.acl-long.1/"
    assert (record.venue, record.year, record.track) == ("ACL", 2023, "long")
    assert record.acceptance == "Best Made Paper; Area Chair Award"
    assert record.identifiers == {"anthology": "2023.acl-long.1", "doi": "10.18653/v1/2023.acl-long.1"}
    assert record.links == {"pdf": "https://aclanthology.org/2023.acl-long.1.pdf", "code": "https://github.com/example/made"}
    assert record.published is None  # a month is no day


def test_volumes_and_front_matter() -> None:
    parsed = parse(page("acl", "2023.acl.xml"))
    assert [record.track for record in parsed.records] == ["long", "long", "industry"]
    assert parsed.verdict.declared == 3  # neither front matter nor the keynote


def test_the_event_names_its_workshops() -> None:
    parsed = parse(page("acl", "2023.acl.xml"))
    assert [request.url for request in parsed.more] == [f"{DATA}/2023.madews.xml", f"{DATA}/2023.otherws.xml"]
    assert parsed.more[0].key == "acl-2023 2023.madews 1,2"
    workshop = parse(page("acl", "2023.madews.xml"), name="2023.madews", key=parsed.more[0].key)
    held, elsewhere = workshop.records
    assert (held.venue, held.track) == ("ACL", "Proceedings of the Third Workshop on Made Things")
    assert (elsewhere.venue, elsewhere.source_key) == ("madews", "2023.madews-3.4")  # its link leads away, its id is built
    assert workshop.verdict.complete  # workshops may have no abstracts
    assert parse(page("acl", "2023.acl.xml"), key="emnlp-2023 2023.acl").more == ()


def test_what_is_asked_for() -> None:
    def urls(venue: str, year: int) -> list[str]:
        return [request.url.removeprefix("http://127.0.0.1:9") for request in SOURCE.listing(venue, year, base_url="http://127.0.0.1:9/")]

    assert urls("ACL", 2023) == ["/data/xml/2023.acl.xml", "/data/xml/2023.findings.xml"]
    assert urls("findings", 2021) == ["/data/xml/2021.findings.xml"]
    assert [urls(venue, 2019) for venue in ("acl", "emnlp", "naacl")] == [
        ["/data/xml/P19.xml"],
        ["/data/xml/D19.xml"],
        ["/data/xml/N19.xml"],
    ]
    with pytest.raises(UsageError):
        SOURCE.listing("findings", 2019, base_url=SOURCE.base_url)


@pytest.mark.parametrize(
    ("name", "number", "identifier"),
    [
        ("P19", ("1", "7"), "P19-1007"),
        ("J89", ("4", "12"), "J89-4012"),
        ("W19", ("23", "5"), "W19-2305"),
        ("D19", ("1", "123"), "D19-1123"),
        ("D19", ("52", "3"), "D19-5203"),
        ("2021.emnlp", ("main", "9"), "2021.emnlp-main.9"),
    ],
)
def test_ids_old_and_new(name: str, number: tuple[str, str], identifier: str) -> None:
    parsed = parse(collection(name, volume(number[0], paper(number[1]) + paper("0", "Front matter"))), name=name, key="")
    (record,) = parsed.records
    assert record.source_key == identifier
    assert record.identifiers == {"anthology": identifier}
    assert record.url == f"https://aclanthology.org/{identifier}/"
    said = parse(collection(name, volume(number[0], paper(number[1], rest=f"<url>{identifier}</url>"))), name=name, key="")
    assert said.records[0].source_key == identifier


@pytest.mark.parametrize(
    ("name", "number", "said", "venue"),
    [
        ("2023.findings", "emnlp", "findings", "EMNLP"),
        ("2020.findings", "made", "findings", "Findings"),
        ("D19", "1", "", "EMNLP"),
        ("J89", "1", "cl", "cl"),
        ("2023.naacl", "short", "naacl", "NAACL"),
    ],
)
def test_the_event_of_a_volume(name: str, number: str, said: str, venue: str) -> None:
    parsed = parse(collection(name, volume(number, paper(1), venue=said)), name=name, key="")
    assert parsed.records[0].venue == venue


def test_a_numbered_volume_says_in_its_title_what_it_is() -> None:
    parsed = parse(collection("P19", volume("1", paper(1), book="Proceedings of the Made Meeting (Volume 1: Long Papers)")), key="")
    assert parsed.records[0].track == "Long Papers"


def test_a_doi_with_capitals_does_not_change_the_id() -> None:
    parsed = parse(collection("P19", volume("1", paper(1, rest="<doi>10.18653/v1/P19-1001</doi>"))), key="")
    assert parsed.records[0].identifiers == {"doi": "10.18653/v1/p19-1001", "anthology": "P19-1001"}


def test_an_event_without_abstracts_is_incomplete() -> None:
    body = page("acl", "2023.acl.xml").decode()
    assert (
        parse(
            body.replace("<abstract>The retriever", "<abstract/><note>The retriever").replace("was made.</abstract>", "was made.</note>")
        ).verdict.reason
        == "3 papers of 3; 2 of 3 have an abstract"
    )


def test_a_paper_without_a_title_is_refused_by_name() -> None:
    parsed = parse(collection("2022.acl", volume("long", paper(1) + paper(2, "<i> </i>"), year=2022)), key="")
    assert [refusal.item for refusal in parsed.refused] == ["2022.acl-long.2"]
    assert not parsed.verdict.complete


@pytest.mark.parametrize(
    "body", [collection("2022.acl", ""), collection("../etc", volume("1", paper(1))), "<volume id='P19'/>", "<!doctype html><html lang=en>"]
)
def test_another_file_is_an_error(body: str) -> None:
    with pytest.raises(SourceError):
        parse(body)


# -- web pages


def parse_page(name: str, url: str, change: tuple[str, str] = ("", "")) -> Parsed:
    text = page("acl", name).decode().replace(*change) if change[0] else page("acl", name).decode()
    return SOURCE.parse(Request("", url, ()), Response(url, 200, "text/html", text.encode(), "0" * 64, datetime(2026, 11, 20, tzinfo=UTC)))


def test_a_papers_page() -> None:
    parsed = parse_page("paper.html", "file:acl")
    (record,) = parsed.records
    assert parsed.verdict.complete
    assert (record.source_key, record.title) == ("2023.acl-long.1", "MadeBERT: Shrinking Imaginary Encoders by 2^k")
    assert record.authors == ("Ada Sample", "Bela van der Mock", "Mononym")
    assert record.abstract == "We shrink nothing that exists; see https://example.org/made."
    assert (record.venue, record.year, record.track, record.published) == ("ACL", 2023, "long", None)
    assert record.identifiers == {"anthology": "2023.acl-long.1", "doi": "10.18653/v1/2023.acl-long.1"}
    assert record.url == "https://aclanthology.org/2023.acl-long.1/"


def test_the_abstract_may_stand_in_the_pages_script_only() -> None:
    said = parse_page("paper.html", "file:acl", ("acl-abstract", "other"))
    assert said.records[0].abstract == 'We shrink "nothing" that exists.'
    head = page("acl", "paper.html").decode().partition("<body>")[0]
    bare = SOURCE.parse(
        Request("", "file:acl", ()), Response("file:acl", 200, "text/html", head.encode(), "", datetime(2026, 11, 20, tzinfo=UTC))
    )
    assert (bare.verdict.complete, len(bare.records)) == (False, 1)


def test_a_list_of_a_volume_or_an_event() -> None:
    parsed = parse_page("volume.html", "https://aclanthology.org/events/acl-2023/")
    first, second = parsed.records  # neither the volumes nor their front matter
    assert (first.source_key, first.title, first.abstract) == (
        "2023.acl-long.1", "MadeBERT: Shrinking Imaginary Encoders", "We shrink nothing that exists.",
    )  # fmt: skip
    assert first.authors == ("Ada Sample", "Bela van der Mock")
    assert (second.title, second.venue, second.abstract) == ("Small Talk & Smaller Models", "madews", None)
    assert parsed.verdict.complete
    alone = parse_page("volume.html", "https://aclanthology.org/volumes/2023.acl-long/", ("madews-1", "acl-demo"))
    assert alone.verdict.reason == "2 papers; 1 of 2 have an abstract"
    cut = parse_page("volume.html", "file:acl", ("</html>", ""))
    assert not cut.verdict.complete


@pytest.mark.parametrize(
    ("identifier", "parts"),
    [
        ("2023.acl-long.721", ("2023.acl", "long", "721")),
        ("2020.findings-emnlp.1", ("2020.findings", "emnlp", "1")),
        ("P19-1007", ("P19", "1", "7")),
        ("W19-2305", ("W19", "23", "5")),
        ("D19-5203", ("D19", "52", "3")),
        ("P19-1000", ("P19", "1", "0")),
        ("volumes", None),
    ],
)
def test_what_an_id_says(identifier: str, parts: tuple[str, str, str] | None) -> None:
    assert named(identifier) == parts
