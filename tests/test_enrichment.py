"""Semantic Scholar, OpenAlex and DBLP: whose answer it is, and that none of them can stop a night."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.saved import answered, asked, page, parse
from triage.errors import SourceError
from triage.models import Record
from triage.sources.dblp import DBLP
from triage.sources.enrichment import Batch, EnrichmentSource, Wanted, is_about, paper_url, read_batch
from triage.sources.openalex import OpenAlex, abstract_of
from triage.sources.semanticscholar import SemanticScholar

EYES = Wanted("w1", "Cheap Eyes for Expensive Words", {"arxiv": "3101.00001"}, 2031)
OTHER = Wanted("w2", "Nobody Knows This One", {"doi": "10.5555/nothing"}, 2031)
FOG = Wanted("w3", "Captions for Fog", {"arxiv": "3101.00003"}, 2031)
NAMELESS = Wanted("w4", "A Paper Without Identifiers", {}, 2031)
EDITORIAL = Wanted("w5", "Editorial", {}, 2031)

SOURCES: tuple[tuple[EnrichmentSource, str], ...] = (
    (SemanticScholar(), "batch.json"),
    (OpenAlex(), "works.json"),
    (DBLP(), "search.json"),
)


def batch(source: EnrichmentSource, *wanted: Wanted) -> Batch:
    return source.batches(wanted, base_url="http://127.0.0.1:9/")[0]


# -- what they have in common


@pytest.mark.parametrize(("source", "name"), SOURCES, ids=lambda value: getattr(value, "name", ""))
def test_every_answer_is_aligned_with_what_was_asked(source: EnrichmentSource, name: str) -> None:
    wanted = (EYES, OTHER, FOG) if source.name != "dblp" else (EYES,)
    one = batch(source, *wanted)
    found = read_batch(source, one, answered(one.request, page(source.name, name)))
    assert one.wanted == wanted
    assert [answer is not None for answer in found.answers] == ([True, False, True] if len(wanted) == 3 else [True])
    assert found.answers[0] is not None
    assert found.answers[0].identifiers["doi"] == "10.1109/cvpr99.2031.00042"
    assert found.answers[0].url == "https://doi.org/10.1109/cvpr99.2031.00042"
    assert (found.verdict.complete, found.failure) == (True, None)


@pytest.mark.parametrize("source", [source for source, _ in SOURCES], ids=lambda source: source.name)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><title>429 Too Many Requests</title></html>",
        b'{"message": "Too Many Requests", "code": "429"}',
        b'{"error": "Invalid query", "message": "no such filter"}',
        b"[1, 2, 3]",
        b'"words"',
        b"null",
        b"{",
        b'{"results": [{}], "result": {"hits": {"@total": "1", "@sent": "1", "hit": [{}]}}}',
        b"[" * 100_000,
    ],
    ids=range(10),
)
def test_a_bad_answer_is_an_error_that_stops_nothing(source: EnrichmentSource, body: bytes) -> None:
    one = batch(source, EYES, FOG)
    with pytest.raises(SourceError):
        source.parse(one.request, answered(one.request, body))
    found = read_batch(source, one, answered(one.request, body))
    assert found.answers == (None,) * len(one.wanted)
    assert not found.verdict.complete
    assert found.failure is not None
    assert found.failure.message == found.verdict.reason


KNOWN_NAMES = st.sampled_from(
    ["paperId", "title", "externalIds", "id", "results", "result", "hits", "hit", "info", "@total", "authors", "key"]
)
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN_NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_nothing_at_all_stops_a_night(body: bytes) -> None:
    for source, _ in SOURCES:
        one = batch(source, EYES)
        assert len(read_batch(source, one, answered(one.request, body)).answers) == 1


# -- whose is it


def record(title: str = "Captions for Fog", year: int | None = 2031, **identifiers: str) -> Record:
    return Record(source="made", source_key="1", title=title, year=year, identifiers=identifiers)


@pytest.mark.parametrize(
    ("wanted", "said", "same"),
    [
        (FOG, record("Another Title", arxiv="3101.00003"), True),
        (FOG, record(), True),
        (FOG, record("Captions for fog."), True),
        (FOG, record(arxiv="3101.99999"), False),
        (FOG, record(year=2020), False),
        (FOG, record(year=None), True),
        (FOG, record("Captions for Snow"), False),
        (Wanted("x", "Captions for Fog", {"doi": "10.1/a"}), record(doi="10.1/b"), True),
        (Wanted("x", "Captions for Fog", {"doi": "10.1/ABC"}), record("Other", doi="10.1/abc"), True),
        (EDITORIAL, record("Editorial"), False),
    ],
)
def test_is_about(wanted: Wanted, said: Record, same: bool) -> None:
    assert is_about(wanted, said) is same


def test_where_a_paper_is() -> None:
    assert paper_url({"doi": "10.1/a", "arxiv": "3101.00001"}, None) == "https://doi.org/10.1/a"
    assert paper_url({"arxiv": "3101.00001"}, "https://example.org") == "https://arxiv.org/abs/3101.00001"
    assert paper_url({}, "https://example.org") == "https://example.org"


# -- Semantic Scholar


def test_semantic_scholar_asks_for_five_hundred_at_once() -> None:
    wanted = [Wanted(f"w{n}", f"Title {n}", {"arxiv": f"3101.{n:05}"}) for n in range(501)]
    batches = SemanticScholar().batches(wanted, base_url="http://127.0.0.1:9/")
    assert [len(one.wanted) for one in batches] == [500, 1]
    first = batches[0].request
    assert (first.method, first.url.partition("?")[0]) == ("POST", "http://127.0.0.1:9/graph/v1/paper/batch")
    assert json.loads(first.body or b"")["ids"][:2] == ["ARXIV:3101.00000", "ARXIV:3101.00001"]


def test_semantic_scholar_knows_three_kinds_of_identifiers() -> None:
    wanted = (EYES, OTHER, Wanted("a", "T", {"anthology": "2031.acl-long.1", "openreview": "x"}), NAMELESS)
    assert batch(SemanticScholar(), *wanted).asked == ("ARXIV:3101.00001", "DOI:10.5555/nothing", "ACL:2031.acl-long.1")


def test_semantic_scholar_tells_that_a_preprint_is_published() -> None:
    first, second = parse(SemanticScholar().parse, page("semanticscholar", "batch.json")).records
    assert (first.venue, first.year, first.published) == ("Computer Vision and Pattern Recognition", 2031, date(2031, 6, 18))
    assert first.abstract == "A camera that reads one line in ten."
    assert first.links == {"semanticscholar": "https://www.semanticscholar.org/paper/1111aaaa", "pdf": "https://example.org/eyes.pdf"}
    assert second.identifiers == {"arxiv": "3101.00003"}  # arXiv's own DOI is no second identity
    assert (second.url, second.abstract) == ("https://arxiv.org/abs/3101.00003", None)


def test_a_missing_row_shifts_nothing() -> None:
    one = batch(SemanticScholar(), EYES, OTHER, FOG)
    rows = json.loads(page("semanticscholar", "batch.json"))
    del rows[1]
    found = read_batch(SemanticScholar(), one, answered(one.request, json.dumps(rows).encode()))
    assert found.answers == (None, None, None)
    assert found.failure is not None
    assert "2 rows for 3 ids" in found.failure.message


def test_a_row_about_another_paper_answers_nothing() -> None:
    one = batch(SemanticScholar(), FOG, OTHER, EYES)
    found = read_batch(SemanticScholar(), one, answered(one.request, page("semanticscholar", "batch.json")))
    assert found.answers == (None, None, None)
    assert "2 about others" in found.verdict.reason
    assert not found.verdict.complete


def test_nothing_known_is_an_answer() -> None:
    parsed = parse(SemanticScholar().parse, b"[null, null]")
    assert (parsed.verdict.complete, parsed.verdict.nothing) == (True, "truly none")


# -- OpenAlex


def test_openalex_asks_by_doi_fifty_at_once() -> None:
    wanted = [Wanted(f"w{n}", f"Title {n}", {"arxiv": f"3101.{n:05}"}) for n in range(51)]
    batches = OpenAlex("curator@example.org").batches(wanted, base_url="http://127.0.0.1:9/")
    assert [len(one.wanted) for one in batches] == [50, 1]
    assert batches[1].request.url.startswith("http://127.0.0.1:9/works?filter=doi:10.48550/arxiv.3101.00050&per-page=50&select=")
    assert batches[1].request.url.endswith("&mailto=curator%40example.org")
    assert "mailto" not in batch(OpenAlex("https://example.org/about"), EYES).request.url
    assert batch(OpenAlex(), Wanted("x", "T", {"doi": "10.1/a|b"}), OTHER).asked == ("10.5555/nothing",)


def test_openalex_puts_the_abstract_together() -> None:
    first, second = parse(OpenAlex().parse, page("openalex", "works.json")).records
    assert first.abstract == "A camera reads one line, then another camera waits."
    assert first.identifiers == {"doi": "10.1109/cvpr99.2031.00042", "arxiv": "3101.00001"}
    assert (first.venue, first.source_key, first.published) == ("Conference on Lighthouse Vision", "W900000001", date(2031, 6, 18))
    assert (second.venue, second.url, second.abstract) == ("arXiv", "https://arxiv.org/abs/3101.00003", None)


@pytest.mark.parametrize(
    ("index", "text"),
    [
        ({"b": [1], "a": [0]}, "a b"),
        ({"a": [0, 2], "b": [1]}, "a b a"),
        ({f"w{n}": [n if n < 15 else n + 1] for n in range(30)}, " ".join(f"w{n}" for n in range(30))),
        ({"a": [0], "b": [1_000_000_000]}, None),
        ({"a": [-1, True, "0"]}, None),
        ({"a": 0}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_abstract_of(index: object, text: str | None) -> None:
    assert abstract_of(index) == text


@given(st.lists(st.text(alphabet="abcdef", min_size=1, max_size=4), min_size=1, max_size=40))
def test_every_text_survives_its_index(words: list[str]) -> None:
    index: dict[str, list[int]] = {}
    for position, word in enumerate(words):
        index.setdefault(word, []).append(position)
    assert abstract_of(dict(sorted(index.items()))) == " ".join(words)


def test_openalex_counts_what_it_declares() -> None:
    body = page("openalex", "works.json").replace(b'"count": 2', b'"count": 3')
    assert not parse(OpenAlex().parse, body).verdict.complete
    none = parse(OpenAlex().parse, b'{"meta": {"count": 0}, "results": []}').verdict
    assert (none.complete, none.nothing) == (True, "truly none")


# -- DBLP


def test_dblp_asks_for_words_and_not_for_signs() -> None:
    one = batch(DBLP(), Wanted("x", r"CLIP$^2$: A|B \emph{tests} & more?"))
    assert one.asked == ("CLIP 2 A B tests more",)
    assert DBLP().batches([EDITORIAL], base_url=DBLP.base_url) == ()
    assert len(batch(DBLP(), Wanted("x", "word " * 200)).asked[0]) <= 300


def test_dblp_prefers_the_published_version() -> None:
    one = batch(DBLP(), EYES)
    (answer,) = read_batch(DBLP(), one, answered(one.request, page("dblp", "search.json"))).answers
    assert answer is not None
    assert (answer.venue, answer.year, answer.identifiers) == ("CVPR", 2031, {"doi": "10.1109/cvpr99.2031.00042"})
    assert answer.authors == ("Ana Lindqvist", "Wei Chen")


def test_dblp_as_it_writes() -> None:
    preprint, _, question = parse(DBLP().parse, page("dblp", "search.json")).records
    assert preprint.authors == ("Ana Lindqvist",)  # one author is an object, not a list
    assert (preprint.title, preprint.venue, preprint.identifiers) == ("Cheap Eyes for Expensive Words", "arXiv", {"arxiv": "3101.00001"})
    assert question.title == "Q&A: Are Cheap Eyes Enough?"
    assert question.url == "https://dblp.org/rec/journals/hj/Ramos30"


@pytest.mark.parametrize(("title", "shown"), [("Ends Here.", "Ends Here"), ("And So On...", "And So On..."), ("Does It?", "Does It?")])
def test_dblp_full_stops(title: str, shown: str) -> None:
    body = page("dblp", "search.json").replace(b"Cheap Eyes for Expensive Words.", title.encode())
    assert parse(DBLP().parse, body).records[0].title == shown


def test_dblp_no_hit_is_an_answer_and_a_lost_hit_is_not() -> None:
    none = parse(DBLP().parse, b'{"result": {"status": {"@code": "200"}, "hits": {"@total": "0", "@sent": "0"}}}').verdict
    assert (none.complete, none.nothing) == (True, "truly none")
    body = page("dblp", "search.json").replace(b'"@sent": "3"', b'"@sent": "4"')
    assert not parse(DBLP().parse, body).verdict.complete
    with pytest.raises(SourceError, match="DBLP says: busy"):
        parse(DBLP().parse, b'{"result": {"status": {"@code": "500", "text": "busy"}, "hits": {}}}', asked())
