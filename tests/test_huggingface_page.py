"""Pages of Hugging Face papers as text: both forms, and what copying does to them."""

from __future__ import annotations

import time
from datetime import date
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.formats.huggingface_page import NAMES, read, recognises
from triage.text import clean_line, title_key

HEAD = "new\n\nGet trending papers in your email inbox!\n\nSubscribe\n\nDaily Papers\n\nbyAK and the research community\n\nJan 7\n\n"

LONG = (
    "Phones that look at pictures get warm, because every patch of the picture walks through every layer of the model. We let dull patches "
    "sit down early, which halves the walking and keeps the answers; a stopwatch on two phones agrees with that."
)
OTHER = (
    "Wide towers answer slowly. A narrow tower taught by a wide one answers almost as well in a third of the time, and we describe a lesson "
    "plan of four steps that makes the teaching itself cheap, measured on our own shelf of 12,000 pictures."
)

DATED = f"""{HEAD}Seated Patches: Early Rest for Dull Image Parts

{LONG}

  • 11 authors
·
Dec 27, 2023 1

What Do Narrow Towers Learn?

{OTHER}

made-up-lab Made-Up Lab's Tower Group
·
Sep 4, 2024"""

PLAIN = f"""{HEAD}Seated Patches: Early Rest for Dull Image Parts

{LONG}

What Do Narrow Towers Learn?

{OTHER}
"""


def pairs(text: str) -> list[tuple[str, str | None]]:
    return [(e.record.title, e.record.abstract) for e in read(text).entries]


PAPERS = [("Seated Patches: Early Rest for Dull Image Parts", LONG), ("What Do Narrow Towers Learn?", OTHER)]


def test_the_page_with_dates() -> None:
    document = read(DATED)
    assert NAMES == ("huggingface-page",)
    assert document.format == "huggingface-page"
    assert document.refused == ()
    assert pairs(DATED) == PAPERS
    assert [e.record.published for e in document.entries] == [date(2023, 12, 27), date(2024, 9, 4)]
    assert [e.record.year for e in document.entries] == [2023, 2024]
    assert [e.record.source_key for e in document.entries] == [f"huggingface-page:{title_key(title)}" for title, _ in PAPERS]
    assert {(e.record.source, e.record.venue) for e in document.entries} == {("documents", "arXiv")}
    assert [e.line for e in document.entries] == [13, 21]


def test_the_page_of_titles_and_abstracts() -> None:
    document = read(PLAIN)
    assert document.refused == ()
    assert pairs(PLAIN) == PAPERS
    assert {(e.record.published, e.record.year, e.record.venue) for e in document.entries} == {(None, None, "arXiv")}
    assert [e.line for e in document.entries] == [13, 17]


@pytest.mark.parametrize("page", [DATED, PLAIN], ids=["dated", "plain"])
@pytest.mark.parametrize(
    "changed",
    [
        lambda page: page,
        lambda page: page.replace("\n", "\r\n"),
        lambda page: page.replace("\n\n", "\n"),
        lambda page: page.replace("\n", "\n\n"),
        lambda page: page.replace("\n\n", "\n\u00a0\n  \n"),
        lambda page: "\ufeff" + page + "\n\n\n",
        lambda page: "Hugging Face\n\nModels\n\nDatasets\n\nPapers\n\n" + page,
        lambda page: page + "\n\nPrevious\n\nNext\n\nTOS\n\nPrivacy\n",
    ],
    ids=["as copied", "CRLF", "no blank lines", "twice the blank lines", "blanks in blank lines", "BOM", "menu above", "page foot below"],
)
def test_what_copying_does_to_a_page(page: str, changed) -> None:  # type: ignore[no-untyped-def]
    text = changed(page)
    assert recognises(text)
    assert pairs(text) == PAPERS
    assert read(text).refused == ()
    assert [e.record.published for e in read(text).entries] == [e.record.published for e in read(page).entries]


def test_two_pages_in_one_file() -> None:
    assert pairs(DATED + "\n" + PLAIN) == PAPERS * 2
    assert pairs(PLAIN + "\n" + DATED) == PAPERS * 2


class Foot(NamedTuple):
    foot: str
    published: date | None


FEET = [
    Foot("  • 6 authors\n·\nSep 22, 2025", date(2025, 9, 22)),
    Foot("  • 1 author\n·\nMay 1, 2024 1,204", date(2024, 5, 1)),
    Foot("  • 6 authors\n·\nSeptember 22, 2025 1.2k", date(2025, 9, 22)),
    Foot("• 6 authors · Sep 22, 2025 3", date(2025, 9, 22)),
    Foot("• 6 authors\n· Sep 22, 2025", date(2025, 9, 22)),
    Foot("• 6 authors\nSep 22, 2025\n12", date(2025, 9, 22)),
    Foot("Made-Up Lab, Inc.\n·\nSep 22, 2025", date(2025, 9, 22)),
    Foot("Made-Up Lab · Sep 22, 2025", date(2025, 9, 22)),
    Foot("Made-Up Lab\n\n·\n\nSep 22, 2025", date(2025, 9, 22)),
    Foot("·\nSep 22, 2025", date(2025, 9, 22)),
    Foot("• 6 authors\n·\nSep 31, 2025", None),
    Foot("• 6 authors\n·\n2 days ago", None),
    Foot("• 6 authors", None),
]


@pytest.mark.parametrize("case", FEET, ids=lambda case: case.foot)
def test_footers(case: Foot) -> None:
    text = f"{HEAD}Seated Patches: Early Rest for Dull Image Parts\n\n{LONG}\n\n{case.foot}\n\nWhat Do Narrow Towers Learn?\n\n{OTHER}\n"
    assert pairs(text) == PAPERS
    assert read(text).refused == ()
    assert [e.record.published for e in read(text).entries] == [case.published, None]


class Body(NamedTuple):
    note: str
    body: str
    expected: list[tuple[str, str]]
    refused: list[tuple[int, str]] = []  # noqa: RUF012


BODIES = [
    Body(
        "paragraphs",
        f"A Title\n\n{LONG}\n\nCode: https://a.example/x\n\n{OTHER}",
        [("A Title", f"{LONG}\n\nCode: https://a.example/x\n\n{OTHER}")],
    ),
    Body(
        "a date line in the abstract",
        f"A Title\n\n{LONG}\n\nDec 27, 2023 1\n\n{OTHER}",
        [("A Title", f"{LONG}\n\nDec 27, 2023 1\n\n{OTHER}")],
    ),
    Body("a structured abstract", f"A Title\n\n{LONG}\n\nResults\n\n{OTHER}", [("A Title", f"{LONG}\n\nResults\n\n{OTHER}")]),
    Body("a list in the abstract", f"A Title\n\n{LONG}\n\n1) We sit\n\n- we stand", [("A Title", f"{LONG}\n\n1) We sit\n\n- we stand")]),
    Body("hard-wrapped", f"A Title\n\n{LONG[:113]}\n{LONG[114:]}", [("A Title", f"{LONG[:113]}\n{LONG[114:]}")]),
    Body("a short abstract", "A Title\n\nWe let patches sit down early.", [("A Title", "We let patches sit down early.")]),
    Body("colons and questions", f"Sit? Stand! A: B: C vs. Tower\n\n{LONG}", [("Sit? Stand! A: B: C vs. Tower", LONG)]),
    Body(
        "a title with a full stop",
        f"One\n\n{LONG}\n\nTwo Narrow Towers in One Room.\n\n{OTHER}",
        [("One", LONG), ("Two Narrow Towers in One Room.", OTHER)],
    ),
    Body("titles that look like months", f"Marigold\n\n{LONG}\n\nDecoder\n\n{OTHER}", [("Marigold", LONG), ("Decoder", OTHER)]),
    Body("a title of signs", f"???\n\n{LONG}", [("???", LONG)]),
    Body("a title without abstract", f"One Lost Title\n\nTwo\n\n{LONG}", [("Two", LONG)], [(13, "One Lost Title")]),
    Body("the last title alone", f"One\n\n{LONG}\n\nAlone at the End", [("One", LONG)], [(17, "Alone at the End")]),
    Body("an abstract without title", f"{LONG}\n\nOne\n\n{OTHER}", [("One", OTHER)], [(13, LONG)]),
]


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.note)
def test_titles_and_abstracts(case: Body) -> None:
    document = read(HEAD + case.body + "\n")
    assert pairs(HEAD + case.body + "\n") == case.expected
    assert [(r.line, r.item) for r in document.refused] == case.refused


def test_nothing_pairs_across_a_footer() -> None:
    text = f"{HEAD}A Lonely Title\n\n• 2 authors\n·\nMay 1, 2024\n\n{OTHER}\n\n• 3 authors\n·\nMay 2, 2024\n\nA Title\n\n{LONG}\n\n• 1 author\n"
    assert pairs(text) == [("A Title", LONG)]
    assert [(r.line, r.item) for r in read(text).refused] == [(13, "A Lonely Title"), (19, OTHER)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "new\n\nSubscribe\n",
        f"A Title\n\n{LONG}\n",
        f"Daily Papers\n\nA Title\n\n{LONG}\n",
        f"# Reading\n\nbyAK and the research community\n\nDaily Papers\n\nA Title\n\n{LONG}\n",
        "1. A Title_CVPR23\n\n  • Method\n    • sit\n",
        "# 2023 Papers\n\n## 1. A Title\n\n- [ ] A Title | https://a.example/1\n\n---\n",
        f"Some prose that speaks of a page.\n\n{LONG}\n\n{OTHER}\n\n• 2 authors\n·\nMay 1, 2024\n",
        "Meeting\n\nWe met.\n\nMade-Up Lab\n·\nMay 1, 2024\n",
    ],
)
def test_other_documents_are_not_recognised(text: str) -> None:
    assert not recognises(text)


def test_papers_with_footers_are_recognised_without_the_masthead() -> None:
    text = DATED.removeprefix(HEAD)
    assert recognises(text)
    assert pairs(text) == PAPERS


def test_a_large_page_takes_linear_time() -> None:
    began = time.process_time()
    document = read(HEAD + f"A Title\n\n{LONG}\n\n" * 5_000 + "x" * 5_000_000 + "\n\n" + "•\n·\n" * 20_000 + "Daily Papers\n" * 20_000)
    assert len(document.entries) == 5_000
    assert time.process_time() - began < 10


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [*DATED.split("\n"), "", "", "·", "• 3 authors", "May 1, 2024", "Results", "Daily Papers", "2048", "\u2028", "\x00"]
            ),
            st.text(max_size=30),
        ),
        max_size=30,
    )
)
def test_any_text_is_read_with_true_line_numbers(lines: list[str]) -> None:
    text = "\n".join(lines)
    document = read(text)
    numbered = text.split("\n")
    for entry in document.entries:
        assert entry.record.title.startswith(clean_line(numbered[entry.line - 1]))
        assert entry.record.abstract
    for refusal in document.refused:
        assert refusal.item.startswith(clean_line(numbered[refusal.line - 1])[:300])
    places = sorted([e.line for e in document.entries] + [r.line for r in document.refused])
    assert len(places) == len(set(places))
    recognises(text)


WORDS = ["Seated", "Narrow", "Towers", "for", "Patches:", "in", "Vision-Language", "Models", "2.5D", "Kangaroo?", "A", "on"]
TITLES = st.lists(st.sampled_from(WORDS), min_size=2, max_size=9).map(lambda words: "On " + " ".join(words).rstrip(":"))


@given(
    st.lists(
        st.tuples(TITLES, st.sampled_from([LONG, OTHER]), st.none() | st.dates(date(2013, 1, 1), date(2030, 1, 1))), min_size=1, max_size=8
    )
)
def test_made_pages_are_read_back(papers: list[tuple[str, str, date | None]]) -> None:
    def foot(day: date | None) -> str:
        return f"\n\n  • 3 authors\n·\n{day:%b} {day.day}, {day.year} 4" if day else ""

    text = HEAD + "\n\n".join(f"{title}\n\n{abstract}{foot(day)}" for title, abstract, day in papers)
    document = read(text)
    assert [(e.record.title, e.record.abstract, e.record.published) for e in document.entries] == papers
    assert document.refused == ()
