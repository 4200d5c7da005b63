"""Records -> works: what is one paper, what is not, in whatever order it arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.workspaces import ask, make_workspace, put, record
from triage.models import Record

TITLE = "A Made Title About Pruning Visual Tokens"


class Case(NamedTuple):
    note: str
    records: list[dict[str, Any]]
    works: int


CASES = [
    Case("the same arXiv id, titles that drifted", [{"identifiers": {"arxiv": "2301.00001"}}, {"title": TITLE + " in Video", "identifiers": {"arxiv": "2301.00001"}}], 1),
    Case("the same id under a wholly different title is a copied link: review", [{"identifiers": {"arxiv": "2301.00001"}}, {"title": "Zebra Fish Growth", "identifiers": {"arxiv": "2301.00001"}}], 2),
    Case("case, hyphens and a trailing full stop", [{}, {"title": "A made title about pruning visual-tokens."}], 1),
    Case("two arXiv ids are two papers", [{"identifiers": {"arxiv": "2301.00001"}}, {"identifiers": {"arxiv": "2301.00002"}}], 2),
    Case("two DOIs are two papers", [{"identifiers": {"doi": "10.1/a"}}, {"identifiers": {"doi": "10.1/b"}}], 2),
    Case("two OpenReview forums of one paper (workshop, main) veto nothing", [{"identifiers": {"openreview": "a"}}, {"identifiers": {"openreview": "b"}}], 1),
    Case("a preprint two years before its venue", [{"venue": "arXiv", "year": 2021}, {"venue": "CVPR", "year": 2023}], 1),
    Case("a preprint five years before", [{"venue": "arXiv", "year": 2018}, {"venue": "CVPR", "year": 2023}], 2),
    Case("published in two years", [{"venue": "ACL", "year": 2022}, {"venue": "CVPR", "year": 2023}], 2),
    Case("no year fits any year", [{}, {"venue": "CVPR", "year": 2023}], 1),
    Case("no year, two dated candidates that differ: nobody knows which", [{}, {"venue": "ACL", "year": 2020}, {"venue": "CVPR", "year": 2023}], 3),
    Case("no year, and one of five dated records differs: a typing error", [{}, *({"venue": "ACL", "year": year} for year in (2020, 2020, 2020, 2020, 2021))], 2),
    Case("no year, a preprint and its publication", [{}, {"venue": "arXiv", "year": 2022}, {"venue": "CVPR", "year": 2023}], 1),
    Case("a preprint between two publications goes to the nearer", [{"venue": "arXiv", "year": 2021}, {"venue": "ACL", "year": 2022}, {"venue": "CVPR", "year": 2024}], 2),
    Case("the same title by other people", [{"authors": ("Ann Smith", "Bo Li")}, {"authors": ("Carl Jones",)}], 2),
    Case("authors with initials and turned round", [{"authors": ("Ann B. Smith",)}, {"authors": ("Smith A.",)}], 1),
    Case("a long title cited with three years is no column", [{"venue": "ACL", "year": year} for year in (2020, 2020, 2021, 2022)], 3),
    Case("year 0 is no year", [{"venue": "ACL", "year": 0}, {"venue": "ACL", "year": 2022}], 1),
    Case("authors as one string", [{"authors": ("Ann Smith, Bo Li",)}, {"authors": ("Ann Smith", "Bo Li")}], 1),
    Case("authors as one string, other people", [{"authors": ("Ann Smith, Bo Li",)}, {"authors": ("Carl Jones", "Di Zhu")}], 2),
    Case("an arXiv id inside a DOI vetoes no DOI of the publisher", [{"identifiers": {"doi": "https://doi.org/10.48550/ARXIV.2301.00001v2"}}, {"identifiers": {"arxiv": "2301.00001", "doi": "10.1234/x"}}], 1),
    Case("a DOI in capitals and as a link", [{"title": "Drifting Title on Tokens", "identifiers": {"doi": "10.1234/ABC"}}, {"title": "Drifting Title on Token", "identifiers": {"doi": "https://doi.org/10.1234/abc"}}], 1),
    Case("mojibake is another word, never a wrong merge", [{"title": "Ã‰tude des motifs"}, {"title": "Étude des motifs"}], 2),
    Case("a generic title", [{"title": "Editorial"}, {"title": "Editorial"}], 2),
    Case("version numbers are part of the name", [{"title": "BLIP: Bootstrapping"}, {"title": "BLIP-2: Bootstrapping"}], 2),
    Case("a title of one word says too little", [{"title": "Attention"}, {"title": "Attention"}], 2),
    Case("a title of one word by the same people in the same year", [{"title": "Attention", "authors": ("Ann Smith", "Bo Li"), "year": 2020, "venue": "ACL"}, {"title": "ATTENTION.", "authors": ("B. Li", "A. Smith"), "year": 2020, "venue": "ACL"}], 1),
    Case("a title of one word by other people", [{"title": "Attention", "authors": ("Ann Smith",)}, {"title": "Attention", "authors": ("Carl Jones",)}], 2),
    Case("given and family name swapped", [{"authors": ("Junnan Li", "Bo Wang")}, {"authors": ("Li Junnan", "Wang Bo")}], 1),
    Case("two thousand authors, and the same with initials", [{"authors": tuple(f"Given{n} Family{n}" for n in range(2000))}, {"authors": tuple(f"G. Family{n}" for n in range(2000))}], 1),
    Case("a letter with its accent, and letter and accent apart", [{"title": "\u00c9tude des motifs rares"}, {"title": "E\u0301tude des motifs rares"}], 1),
    Case("a DOI copied to another paper goes to review", [{"identifiers": {"doi": "10.1234/x"}}, {"title": "Zebra Fish Growth", "identifiers": {"doi": "10.1234/x"}}], 2),
    Case("a link copied to another paper goes to review", [{"url": "https://example.org/p/1"}, {"title": "Zebra Fish Growth", "url": "https://example.org/p/1"}], 2),
    Case("a title without letters matches nothing", [{"title": "???"}, {"title": "???"}], 2),
    Case("the same page under tracking parameters", [{"url": "https://example.org/p/1?utm_source=x"}, {"title": "A Made Title on Pruning Visual Tokens", "url": "http://www.example.org/p/1/"}], 1),
    Case("two ids would meet in one work through a third record", [{"identifiers": {"arxiv": "2301.00001"}}, {}, {"identifiers": {"arxiv": "2301.00002"}}], 2),
    Case("right to left and combining characters", [{"title": "שלום עולם ועוד"}, {"title": "שלום עולם ועוד "}], 1),
]  # fmt: skip


def _records(case: Case) -> list[Record]:
    return [
        record(f"k{n}", fields.get("title", TITLE), **{k: v for k, v in fields.items() if k != "title"})
        for n, fields in enumerate(case.records)
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_cases_whatever_the_order(case: Case, tmp_path: Path) -> None:
    """One after the other, all at once in another order, and, of three and more, backwards."""
    groupings = set()
    records = _records(case)
    for number, batches in enumerate(
        ([[one] for one in records], [[*records[1:], records[0]]], [[one] for one in records[::-1]])[: len(records)]
    ):
        workspace = make_workspace(tmp_path / str(number))
        put(workspace, *batches)
        works = ask(
            workspace,
            "SELECT list(source_key ORDER BY source_key) AS k FROM records r JOIN store.work USING (work_id) GROUP BY work_id ORDER BY k",
        )
        assert len(works) == case.works
        assert sum(len(keys) for (keys,) in works) == len(records), "none is without a work"
        groupings.add(str(works))
    assert len(groupings) == 1


@pytest.mark.parametrize("title", ["", "   ", "\u200b", "\n\t"])
def test_a_record_without_title_is_none(title: str) -> None:
    with pytest.raises(ValidationError, match="title"):
        record("a", title)


def test_numbers_add_up_and_nothing_is_due_twice(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    first = put(workspace, [record("a", TITLE), record("b", TITLE), record("c", "Another Title Altogether")])
    assert (first.read, first.new, first.known) == (3, 2, 1)
    again = put(workspace, [record("a", TITLE)])
    assert (again.read, again.new, again.known) == (0, 0, 0)


def test_every_link_says_which_rule_made_it(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE, identifiers={"arxiv": "2301.00001"}), record("b", TITLE, identifiers={"arxiv": "2301.00001"})])
    assert ask(workspace, "SELECT rule, status, evidence FROM store.match_edge ORDER BY rule") == [
        ("arxiv", "auto", "2301.00001"),
        ("title", "auto", "amadetitleaboutpruningvisualtokens"),
    ]


def test_a_pair_that_a_veto_stops_waits_for_review(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE, identifiers={"doi": "10.1/a"}), record("b", TITLE, identifiers={"doi": "10.1/b"})])
    assert ask(workspace, "SELECT rule, status, evidence LIKE '%two identifiers%' FROM store.match_edge") == [("title", "review", True)]


def test_a_corrected_title_leaves_the_wrong_work(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE), record("b", TITLE)])
    put(workspace, [record("b", "What Record B Was Really About")])
    assert ask(workspace, "SELECT title FROM works ORDER BY title") == [(TITLE,), ("What Record B Was Really About",)]


def test_the_best_record_shows_and_the_id_stays(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(
        workspace,
        [
            record(
                "pre",
                TITLE,
                venue="arXiv",
                year=2022,
                url="https://arxiv.org/abs/2201.00001",
                abstract="From the preprint.",
                identifiers={"arxiv": "2201.00001"},
            )
        ],
    )
    before = ask(workspace, "SELECT work_id FROM works")
    put(workspace, [record("pub", TITLE.upper(), venue="CVPR", year=2023, url="https://example.org/cvpr/1", identifiers={"doi": "10.1/x"})])
    assert ask(workspace, "SELECT work_id, title, venue, year, url, abstract, records, identifiers FROM works") == [
        (
            before[0][0],
            TITLE.upper(),
            "CVPR",
            2023,
            "https://example.org/cvpr/1",
            "From the preprint.",
            2,
            {"arxiv": "2201.00001", "doi": "10.1/x"},
        )
    ]


def test_two_thousand_authors_and_a_title_of_two_thousand_characters(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    long = "word " * 400
    authors = tuple(f"Given{n} Family{n}" for n in range(2000))
    put(workspace, [record("a", long.strip(), authors=authors), record("b", long.strip(), authors=authors[::-1]), record("c", "Word")])
    assert ask(workspace, "SELECT count(*) FROM works") == [(2,)]


def test_a_paper_that_everybody_cites_is_one_work(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record(f"k{n}", TITLE, year=2020, venue="ACL") for n in range(130)])
    assert ask(workspace, "SELECT records FROM works") == [(130,)]


_titles = st.sampled_from(["Alpha Beta Gamma", "Alpha Beta Gamma.", "Delta Epsilon Zeta", "Editorial"])
_made = st.builds(
    lambda title, year, venue, arxiv, authors: {"title": title, "year": year, "venue": venue, "identifiers": {"arxiv": arxiv} if arxiv else {}, "authors": authors},
    _titles,
    st.sampled_from([None, 2020, 2021, 2023]),
    st.sampled_from([None, "arXiv", "CVPR"]),
    st.sampled_from([None, None, "2001.00001", "2001.00002"]),
    st.sampled_from([(), ("Ann Smith",), ("Bo Li",)]),
)  # fmt: skip


@hypothesis_settings(max_examples=8)
@given(st.lists(_made, min_size=2, max_size=7), st.randoms(use_true_random=False))
def test_order_and_batches_of_arrival_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, made: list[dict[str, Any]], shuffle: Any
) -> None:
    records = [record(f"k{n}", **fields) for n, fields in enumerate(made)]
    groupings = []
    for _ in range(2):
        workspace = make_workspace(tmp_path_factory.mktemp("order"))
        cut = shuffle.randint(0, len(records))
        put(workspace, records[:cut], records[cut:])
        groupings.append(ask(workspace, "SELECT list(source_key ORDER BY source_key) AS k FROM records GROUP BY work_id ORDER BY k"))
        shuffle.shuffle(records)
    assert groupings[0] == groupings[1]
