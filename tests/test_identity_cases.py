"""False friends and true ones, a note each; a mistake is fixed by adding a case first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.workspaces import ask, make_workspace, put, record
from triage.identity.rules import DOUBTS, TITLE_RULES, WORTH_COMPARING
from triage.text import title_key
from triage.titles import PLAIN_TITLE, SQL_SIGNATURE, form_key, sql_forms, title_form
from triage.workspace import Workspace

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "identity_cases.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def identified(tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """How many works each case makes: half of them in one run."""
    counts = []
    for half in (CASES[::2], CASES[1::2]):  # neighbours that share names stand in different warehouses
        workspace = make_workspace(tmp_path_factory.mktemp("cases"))
        records = [
            record(f"{n}/{place}", fields["title"], source=f"case{n}", **{k: v for k, v in fields.items() if k != "title"})
            for n, case in enumerate(half)
            for place, fields in enumerate(case["records"])
        ]
        put(workspace, records)
        found = dict(ask(workspace, "SELECT source, count(DISTINCT work_id) FROM records GROUP BY source"))
        counts.append([found[f"case{n}"] for n in range(len(half))])
    return [counts[n % 2][n // 2] for n in range(len(CASES))]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["note"] for case in CASES])
def test_case(number: int, identified: list[int]) -> None:
    assert identified[number] == CASES[number]["works"]


def uncertain(workspace: Workspace) -> list[tuple[str, str]]:
    return [(min(row), max(row)) for row in ask(workspace, "SELECT title_a, title_b FROM uncertain_pairs")]


def test_a_renamed_paper_with_its_abstract_and_authors_waits_for_a_person(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    abstract = "Handheld translators drain batteries because every camera frame reaches the decoder. We skip frames whose gist was already spoken, keeping accuracy on menus, signs and timetables while tripling endurance."
    later = abstract.replace("Handheld translators", "Portable interpreters").replace("tripling", "doubling")
    put(
        workspace,
        [
            record("pre", "Speak Once: Gist Caching", authors=("Ann Smith", "Bo Li", "Cy Wu"), venue="arXiv", year=2022, abstract=abstract),
            record(
                "pub",
                "Frame Skipping in Portable Translation",
                authors=("A. Smith", "B. Li", "C. Wu"),
                venue="CVPR",
                year=2023,
                abstract=later,
            ),
            record(
                "other",
                "Menus of the World",
                authors=("Ann Smith", "Bo Li", "Cy Wu"),
                venue="CVPR",
                year=2023,
                abstract="Restaurants print many dishes. " * 9,
            ),
        ],
    )
    assert ask(workspace, "SELECT count(*) FROM works") == [(3,)]
    assert uncertain(workspace) == [("Frame Skipping in Portable Translation", "Speak Once: Gist Caching")]
    assert "renamed" in ask(workspace, "SELECT evidence FROM uncertain_pairs")[0][0]


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("Pruning Visual Tokens by Attention in Practice", "Pruning Visual Tokens by Attention in Robust Practice", "nearly alike"),
        ("A Survey on Large Vision Encoders and Tokens", "A Survey on Large Vision Encoders and Tokens: Robots, Cars and Drones", "inside"),
        ("FoldFormer: Token Reduction for Video Understanding", "DropNet: Token Reduction for Video Understanding", "another name"),
    ],
)
def test_what_is_too_little_goes_to_review(first: str, second: str, why: str, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", first), record("b", second)])
    assert ask(workspace, "SELECT count(*) FROM works") == [(2,)]
    assert why in ask(workspace, "SELECT evidence FROM uncertain_pairs")[0][0]


_texts = st.text(alphabet=st.sampled_from("aBé 1+:-–—.()[]{}\\$&;'\"*_?!וָआी中ﬁ²×"), max_size=40) | st.text(max_size=30)


@given(_texts)
def test_the_key_of_a_form_is_the_title_key(title: str) -> None:
    assert form_key(title_form(title)) == title_key(title)


@pytest.mark.parametrize(
    ("title", "form"),
    [
        ("A trial of small doses.[Erratum appears in Chest 1993 May;103(5):1640]", "a trial of small doses"),
        ("A trial of small doses [see comments]", "a trial of small doses"),
        ("A trial of small doses [Review] [45 refs]", "a trial of small doses"),
        ("A trial of small doses (abstract)", "a trial of small doses"),
        ("A trial of small doses [abstract no: 134]", "a trial of small doses"),
        ("A trial of small doses <ORIGINAL> UN ESSAI", "a trial of small doses"),
        ("Effects of a drug [corrected] on rats", "effects of a drug : corrected : on rats"),
        ("Abstract [abstract] reasoning", "abstract : abstract : reasoning"),
        ("[Abstract reasoning in rats]", "abstract reasoning in rats"),
        ("Comment on: a trial [Comment on Smith]", "comment on : a trial : comment on smith"),
    ],
)
def test_notes_of_databases_are_no_title(title: str, form: str) -> None:
    assert title_form(title) == form


_plain = st.from_regex(PLAIN_TITLE, fullmatch=True).map(lambda text: " ".join(text.split()))


@given(
    st.lists(
        _plain
        | st.sampled_from(
            [
                "A (v2)",
                "B [Oral] ",
                "c - d -- e",
                "It's: a? b.c. d",
                ": a, b/c :",
                "-a --- b- - c.",
                '(a) "b" [c]; d: (e',
                " a - (b):",
                "A b [see comment]",
                "C.[Erratum in D 1(2):3]",
                "E (abstract) (v2)",
            ]
        ),
        min_size=1,
        max_size=20,
    )
)
def test_sql_makes_the_same_forms(titles: list[str]) -> None:
    with duckdb.connect() as con:
        found = con.execute(f"SELECT title FROM {sql_forms('(SELECT unnest(?) AS title)')}", [titles]).fetchall()
    assert [form for (form,) in found] == [title_form(title) for title in titles]


def test_no_rule_or_doubt_takes_a_pair_that_is_not_worth_comparing() -> None:
    """Over random features, as consistent as real ones are: words in common, a likeness that equal titles and the same words allow."""
    flags = ("exact", "tail_equal", "tails_equal", "heads_equal", "part", "last_part", "cut")
    often = (
        "same_numbers",
        "name_equal",
        "coined",
        "agree",
        "several_authors",
        "both_published",
        "mistyped",
        "sibling",
        "siblings",
        "contrary",
        "marked",
    )
    columns = [f"random() < 0.05 AS {flag}" for flag in flags] + [f"random() < 0.5 AS {flag}" for flag in often]
    made = f"""
        SELECT *, (random() * (fewer + 1))::INTEGER AS shared, (random() * 6)::INTEGER AS telling, fewer + (random() * 3)::INTEGER AS more,
               abstract_likeness IS NOT NULL AS abstracts
        FROM (SELECT {", ".join(columns)}, CASE WHEN random() < 0.1 THEN random() END AS abstract_likeness, (random() * 9)::INTEGER AS fewer, random() AS likeness, (random() * 3)::INTEGER AS gap,
                     (random() * 60)::INTEGER AS length, (random() * 3)::INTEGER AS names_x, (random() * 3)::INTEGER AS names_y FROM range(200000))
    """
    # below half of the words in common no pair of titles was ever compared by its words
    real = f"shared <= fewer AND ({' OR '.join(flags)} OR abstracts OR shared >= 0.5 * fewer)"
    with duckdb.connect() as con:
        con.execute("SELECT setseed(0.5)")
        con.execute(f"CREATE TABLE features AS SELECT * FROM ({made}) WHERE {real}")
        for judged in (*TITLE_RULES, *DOUBTS):
            taken, lost = con.execute(
                f"SELECT count(*), count(*) FILTER (NOT ({WORTH_COMPARING})) FROM features WHERE {judged.condition}"
            ).fetchall()[0]
            assert taken > 0, judged.name
            assert lost == 0, judged.name


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("part ii", "part 2", True),
        ("part i", "part ii", False),
        ("two stage", "2 stage", True),
        ("10x faster", "10 x faster", True),
        ("blip", "blip 2", False),
        ("vit++", "vit", False),
        ("the i of the storm", "the eye of the storm", True),
    ],
)
def test_number_signatures(left: str, right: str, same: bool) -> None:
    with duckdb.connect() as con:
        rows = con.execute(f"SELECT {SQL_SIGNATURE} FROM (SELECT unnest(?) AS form)", [[left, right]]).fetchall()
    assert (rows[0] == rows[1]) is same


def test_a_block_that_outgrows_its_cap_does_without_it_in_any_order(tmp_path: Path) -> None:
    # typo and original meet only in blocks of words that the others share and make too large
    pair = [record("p0", "Qorvexa melthiva brundolic tarsivane wexo"), record("p1", "Qorvexa melthiva brundolic tarsivane wexa")]
    others = [record(f"o{n}", f"Qorvexa melthiva brundolic tarsivane z{n} more words follow") for n in range(110)]
    alone = make_workspace(tmp_path / "alone")
    put(alone, pair)
    assert ask(alone, "SELECT count(*) FROM works") == [(1,)]
    for name, batches in (("first", [pair, others]), ("last", [others, pair]), ("once", [pair + others])):
        workspace = make_workspace(tmp_path / name)
        put(workspace, *batches)
        assert ask(workspace, "SELECT count(*) FROM works") == [(112,)], name


_drifting = st.builds(
    lambda title, year, venue, authors, arxiv: {"title": title, "year": year, "venue": venue, "authors": authors, "identifiers": arxiv},
    st.sampled_from(
        [
            "TokDrop: Early Removal of Redundant Image Tokens", "Early Removal of Redundant Image Tokens", "TokSkip: Early Removal of Redundant Image Tokens",
            "Early Removal of Redundant Image Token", "Early Removal of Redundant Image Tokens: A Study", "TokDrop-2: Early Removal of Redundant Image Tokens",
        ]
    ),
    st.sampled_from([None, 2020, 2021, 2022, 2023]),
    st.sampled_from(["arXiv", "CVPR"]),
    st.sampled_from([(), ("Ann Smith", "Bo Li"), ("Carl Jones",)]),
    st.sampled_from([{}, {}, {"arxiv": "2001.00001"}, {"arxiv": "2001.00002"}]),
)  # fmt: skip


@hypothesis_settings(max_examples=6)
@given(st.lists(_drifting, min_size=3, max_size=9), st.randoms(use_true_random=False))
def test_drifting_titles_make_the_same_works_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, made: list[dict[str, Any]], shuffle: Any
) -> None:
    records = [record(f"k{n}", **fields) for n, fields in enumerate(made)]
    groupings = set()
    for _ in range(2):
        workspace = make_workspace(tmp_path_factory.mktemp("order"))
        first, second = sorted((shuffle.randint(0, len(records)), shuffle.randint(0, len(records))))
        put(workspace, records[:first], records[first:second], records[second:])
        works = ask(workspace, "SELECT list(source_key ORDER BY source_key) AS k FROM records GROUP BY work_id ORDER BY k")
        pairs = ask(workspace, "SELECT a, b, rule, status FROM matches ORDER BY ALL")
        groupings.add(str((works, pairs)))
        shuffle.shuffle(records)
    assert len(groupings) == 1
