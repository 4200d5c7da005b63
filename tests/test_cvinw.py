"""Notes in the CVinW form: both forms read, nothing lost, our form exactly inverted."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.errors import UsageError
from triage.formats.cvinw import NAMES, PaperNote, parse, read, recognises, render
from triage.models import Bullet, Section
from triage.text import clean_line, clean_url

HAND = """\
Reading group

1. Slim Towers for Slow Phones_CVPR23

  • Previous works
    • Earlier towers are wide (넓은 탑은 느리다).
  • Method (See Figure 2 and Figure 3)
  • Experiment results
    • Half the width, same height.
      • On a phone, too.

image-20230101000000000

\u00a0\u0020

2. Bent Adapter- Gentle Tuning of Towers_NeruIPS22

  • Motivation
    • 1) tuning is dear (see Fig. 1 (c))
  • Evaluation: we climb three towers.
  • Evaluation Dataset
    • Tower-400 (T400): stairs.

3. Snake_case names in towers_arXiv22

  • Results
    • none yet
"""


def bullet(section: Section, text: str, depth: int = 1, heading: str | None = None) -> Bullet:
    return Bullet(section=section, heading=heading or section, text=text, depth=depth)


def test_the_hand_written_form() -> None:
    document = read(HAND)
    assert recognises(HAND)
    assert NAMES == ("notes",)
    assert document.format == "notes"
    assert document.refused == ()
    assert document.list_title == "Reading group"
    records = [e.record for e in document.entries]
    assert [(r.title, r.venue, r.year) for r in records] == [
        ("Slim Towers for Slow Phones", "CVPR", 2023),
        ("Bent Adapter- Gentle Tuning of Towers", "NeurIPS", 2022),
        ("Snake_case names in towers", "arXiv", 2022),
    ]
    assert [r.source_key for r in records] == [
        "notes:slimtowersforslowphones_cvpr2023",
        "notes:bentadaptergentletuningoftowers_neurips2022",
        "notes:snakecasenamesintowers_arxiv2022",
    ]
    assert {r.source for r in records} == {"documents"}
    assert [e.line for e in document.entries] == [3, 16, 24]
    assert [e.producer for e in document.entries] == [None, None, None]
    assert document.entries[0].bullets == (
        bullet("Previous works", "Earlier towers are wide (넓은 탑은 느리다)."),
        bullet("Method", "", 0, "Method (See Figure 2 and Figure 3)"),
        bullet("Results", "Half the width, same height.", 1, "Experiment results"),
        bullet("Results", "On a phone, too.", 2, "Experiment results"),
    )
    assert document.entries[1].bullets == (
        bullet("Motivation", "1) tuning is dear (see Fig. 1 (c))"),
        bullet("Evaluation", "we climb three towers.", 0),
        bullet("Evaluation", "Tower-400 (T400): stairs.", 1, "Evaluation Dataset"),
    )


def test_free_lines_are_kept_with_their_numbers_and_are_no_bullets() -> None:
    assert parse(HAND).blocks[1].free == ((12, "image-20230101000000000"),)


def test_our_form_is_written_like_this() -> None:
    notes = [
        PaperNote(
            title="Slim Towers",
            venue="CVPR",
            year=2023,
            url="https://towers.example/1",
            bullets=(bullet("Motivation", "why"), bullet("Motivation", "because", 2), bullet("Evaluation", "three towers", 0)),
            producer="lexical",
        ),
        PaperNote(title="Snake_ICCV21", venue="Findings of ACL", year=1998),
        PaperNote(title="Nowhere_CVPR23"),
    ]
    assert (
        render("2023 notes", notes)
        == r"""2023 notes

1. Slim Towers_CVPR23

  - Motivation
    - why
      - because
  - Evaluation: three towers
  - Link: https://towers.example/1
  > machine: lexical

2. Snake_ICCV21\

  - Venue: Findings of ACL
  - Year: 1998

3. Nowhere_CVPR23\

  - Venue:
"""
    )


def test_what_a_machine_wrote_does_not_come_back_as_a_persons_word() -> None:
    note = PaperNote(
        title="Slim Towers", venue="CVPR", year=2023, url="https://arxiv.org/abs/2301.00001v2", bullets=(bullet("Method", "cut"),)
    )
    text = render("Notes", [replace(note, producer="lexical"), replace(note, title="Broad Towers")])
    entries = read(text).entries
    assert [e.producer for e in entries] == ["lexical", None]
    assert entries[0].record.url == "https://arxiv.org/abs/2301.00001v2"
    assert entries[0].record.identifiers == {"arxiv": "2301.00001"}
    assert entries[0].bullets == note.bullets


class Heading(NamedTuple):
    heading: str
    title: str
    venue: str | None
    year: int | None


HEADINGS = [
    Heading("1. Made Up_CVPR23", "Made Up", "CVPR", 2023),
    Heading("7.  Made   Up_ECCV2020 ", "Made Up", "ECCV", 2020),
    Heading("1. Made Up_ICLR'24", "Made Up", "ICLR", 2024),
    Heading("1. Made_Up_in_2D_CVPR09", "Made_Up_in_2D", "CVPR", 2009),
    Heading("1. Made Up_CVPR22_CVPR23", "Made Up_CVPR22", "CVPR", 2023),
    Heading("1. 2. Made Up_CVPR-W23", "2. Made Up", "CVPR-W", 2023),
    Heading("1. Made Up_NeruIPS22", "Made Up", "NeurIPS", 2022),
    Heading("1. Made Up_Arxiv22", "Made Up", "arXiv", 2022),
    Heading("1. Made Up", "Made Up", None, None),
    Heading("\ufeff1. Made Up_CVPR23", "Made Up", "CVPR", 2023),
    Heading("1. Made Up_CVPR23\r", "Made Up", "CVPR", 2023),
]


@pytest.mark.parametrize("case", HEADINGS, ids=lambda case: case.heading)
def test_headings(case: Heading) -> None:
    (note,) = parse(f"{case.heading}\n\n  • Method\n    • cut\n").notes
    assert (note.title, note.venue, note.year) == (case.title, case.venue, case.year)
    assert note.bullets == (bullet("Method", "cut"),)


@pytest.mark.parametrize("heading", ["5. Made Up_CVPR", "5. Made Up_CVPR2x", "5. Made_up"])
def test_a_heading_without_a_year_is_refused_with_its_line(heading: str) -> None:
    document = read(f"Notes\n\n1. Good_CVPR23\n\n  • Method\n    • cut\n\n{heading}\n\n  • Method\n    • paste\n")
    assert [e.record.title for e in document.entries] == ["Good"]
    assert document.entries[0].bullets == (bullet("Method", "cut"),)
    ((line, reason, item),) = [(r.line, r.reason, r.item) for r in document.refused]
    assert (line, item) == (8, heading)
    assert "Title_VENUEYY" in reason


class Lines(NamedTuple):
    note: str
    lines: str
    bullets: tuple[Bullet, ...]
    free: tuple[str, ...] = ()


LINES = [
    Lines("every heading of the form", "• Evaluation Dataset\n • a", (bullet("Evaluation", "a", 1, "Evaluation Dataset"),)),
    Lines("results under another name", "• Experimental results\n • a", (bullet("Results", "a", 1, "Experimental results"),)),
    Lines("any case, emphasis", "- **METHOD:** a", (bullet("Method", "a", 0, "METHOD"),)),
    Lines("a remark and own text", "- Method (Fig. 1 (c)): a: b", (bullet("Method", "a: b", 0, "Method (Fig. 1 (c))"),)),
    Lines(
        "tabs and four blanks",
        "* Method\n\t* a\n\t\t* b\n        * c",
        (bullet("Method", "a"), bullet("Method", "b", 2), bullet("Method", "c", 2)),
    ),
    Lines(
        "a wrapped bullet",
        "• Method\n  • first half\n    second half\n  • b",
        (bullet("Method", "first half second half"), bullet("Method", "b")),
    ),
    Lines("a name of a section deeper down is a bullet", "• Method\n  • Results", (bullet("Method", "Results"),)),
    Lines("an unknown section", "• Method\n  • a\n• Dreams\n  • b", (bullet("Method", "a"),), ("• Dreams", "  • b")),
    Lines("bullets before any section", "  • a\n• Method\n  • b", (bullet("Method", "b"),), ("  • a",)),
    Lines(
        "a section said twice",
        "• Method\n  • a\n• Results\n  • r\n• Method\n  • b",
        (bullet("Method", "a"), bullet("Results", "r"), bullet("Method", "b")),
    ),
    Lines("a script is no link", "- Link: javascript:alert(1)", (), ("- Link: javascript:alert(1)",)),
    Lines("a second link", "- Link: https://a.example/\n- Link: https://b.example/", (), ("- Link: https://b.example/",)),
    Lines("the heading has said the venue", "- Venue: ACL", (), ("- Venue: ACL",)),
    Lines(
        "numbered and quoted lines are free text",
        "• Method\n  • a\n1. first do this\n> look",
        (bullet("Method", "a"),),
        ("1. first do this", "> look"),
    ),
    Lines("an empty bullet says nothing", "• Method\n  •\n  • a", (bullet("Method", "a"),)),
    Lines("a line separator inside a bullet", "• Method\n  • a\u2028b", (bullet("Method", "a b"),)),
]


@pytest.mark.parametrize("case", LINES, ids=lambda case: case.note)
def test_lines_under_a_heading(case: Lines) -> None:
    text = f"1. Made Up_CVPR23\n\n{case.lines}\n"
    document = parse(text)
    (block,) = document.blocks
    assert block.note is not None
    assert block.note.bullets == case.bullets
    assert tuple(line for _, line in block.free) == case.free
    assert document.text == text
    assert all(text.split("\n")[number - 1] == line for number, line in block.free)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words\n",
        "# Notes\n\n1. Introduction\n\n- Background\n- Methods\n",
        "1. Made Up_CVPR23\n2. Made Down_CVPR23\n",
        "## 1. Made Up\n\n- [ ] Made Up | https://a.example/1\n\n---\n",
        "Daily Papers\n\n1. one\n2. two\n",
    ],
)
def test_other_documents_are_not_recognised(text: str) -> None:
    assert not recognises(text)


@pytest.mark.parametrize("wrong", [{"title": " \u200b "}, {"title": "Made Up", "year": -1}, {"title": "Made Up", "year": 10000}])
def test_a_note_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        PaperNote(**wrong)  # type: ignore[arg-type]


def test_a_heading_that_names_another_section_becomes_the_sections_name() -> None:
    note = PaperNote(title="Made Up", bullets=(Bullet(section="Method", heading="Results", text="a"),))
    assert note.bullets == (bullet("Method", "a"),)


def test_headings_left_alone_go_once_something_stands_under_them() -> None:
    alone = bullet("Method", "", 0)
    assert PaperNote(title="Made Up", bullets=(alone, alone, bullet("Method", "a"), alone)).bullets == (bullet("Method", "a"), alone)


def test_a_million_lines_take_seconds() -> None:
    began = time.process_time()
    parse("1. x\n" * 50_000 + "\n" * 50_000 + "1. " + "_a" * 500_000 + "\n  • Method " + "(" * 300_000 + "\n" + "  • a\n" * 50_000)
    assert time.process_time() - began < 10


# --- properties -----------------------------------------------------------------------------------

PIECES = r"""\ _ : - • > ( ) < ** ~ 1. 23 _CVPR23 _arXiv22 \_ICCV21 CVPR Method Method: Results Link: Venue: Year: machine:
https://a.example/ <b> </details> <!-- \<b 한글 # ## [x] | --- ``` 1\. 2. Evaluation Dataset"""
FRAGMENTS = st.sampled_from([*PIECES.split(), "\u00a0", "\u2028", "\u3000", " "])
LINE = st.lists(st.one_of(FRAGMENTS, st.text(max_size=6)), max_size=7).map(lambda parts: clean_line("".join(parts))) | st.lists(
    FRAGMENTS, max_size=6
).map(lambda parts: clean_line(" ".join(parts)))
HEADED = st.sampled_from(
    [
        ("Motivation", "Motivation"),
        ("Previous works", "Previous works"),
        ("Method", "Method"),
        ("Method", "Method (See Figure 2 and Figure 3)"),
        ("Evaluation", "Evaluation"),
        ("Evaluation", "Evaluation Dataset"),
        ("Results", "Experiment results"),
        ("Results", "Results (<b (c): d)"),
        ("Results", "no heading"),
    ]
)


@st.composite
def bullets(draw: st.DrawFn) -> Bullet:
    section, heading = draw(HEADED)
    return Bullet.model_validate({"section": section, "heading": heading, "text": draw(LINE), "depth": draw(st.integers(0, 4))})


NOTES = st.builds(
    PaperNote,
    title=LINE.filter(bool),
    venue=st.none() | st.sampled_from(["CVPR", "arXiv", "NeruIPS", "neurips", "Findings of ACL", "V", "TACL2"]) | LINE,
    year=st.none() | st.integers(1990, 2105) | st.integers(0, 9999),
    url=st.none() | LINE.map(lambda text: clean_url("https://a.example/" + text)),
    bullets=st.lists(bullets(), max_size=6).map(tuple),
    producer=st.none() | st.just("lexical") | LINE,
)


@settings(max_examples=max(300, settings().max_examples))
@given(title=LINE, notes=st.lists(NOTES, max_size=4))
def test_our_form_is_exactly_inverted(title: str, notes: list[PaperNote]) -> None:
    text = render(title, notes)
    document = parse(text)
    assert document.title == title
    assert list(document.notes) == notes
    assert document.text == text
    assert render(document.title, document.notes) == text
    assert [block.free for block in document.blocks[1:]] == [()] * len(notes)
    assert recognises(text) == any(note.bullets or note.url for note in notes)
    assert read(text).refused == ()


@settings(max_examples=max(300, settings().max_examples))
@given(
    st.lists(
        st.one_of(
            LINE,
            st.text(max_size=20),
            st.sampled_from(HAND.split("\n")),
            st.sampled_from(["\n", "\r\n", "\r", "  • ", "    - ", "\t", "1. A_CVPR23\n", "2. B\n", "\ufeff", "\x00", "\u2028"]),
        ),
        max_size=25,
    ).map(lambda parts: "\n".join(parts) if len(parts) % 2 else "".join(parts))
)
def test_any_text_is_kept_byte_for_byte(text: str) -> None:
    document = parse(text)
    assert document.text == text
    numbered = text.split("\n")
    for block in document.blocks:
        assert text.startswith(block.text, _offset(text, block.line))
        assert all(numbered[number - 1] == line for number, line in block.free)
    report = read(text)
    assert len(report.entries) + len(report.refused) == sum(block.number is not None for block in document.blocks)


def _offset(text: str, line: int) -> int:
    return sum(len(part) + 1 for part in text.split("\n")[: line - 1])
