"""The checkbox list: what was written comes back, and no text from outside breaks the form."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.made_lists import ALPHA, BETA, BLOCKS, CANONICAL, GAMMA, KINDS, LINE
from triage.formats import checklist
from triage.formats.checklist import BlockFields, Kind
from triage.text import clean_abstract

# --- the canonical form

VENUE_LIST = """\
# ICCV 2023 Papers

> ☐ 勾选论文后，可用脚本导出 selected_iccv2023_papers.csv

## 1. Undated Owl

- [ ] Undated Owl | https://papers.example.org/iccv/1

- **Link**: https://papers.example.org/iccv/1

<details>
<summary><strong>Abstract</strong></summary>

</details>

---
"""


def test_a_fresh_yearly_list_has_the_canonical_form() -> None:
    assert checklist.render("yearly", year=2023, blocks=[ALPHA, BETA, GAMMA]) == CANONICAL


def test_a_fresh_venue_list_has_no_type_and_leaves_out_what_is_missing() -> None:
    fields = BlockFields(title="Undated Owl", url="https://papers.example.org/iccv/1", type="Early Exiting", why="0.5")
    assert checklist.render("venue", venue="ICCV", year=2023, blocks=[fields]) == VENUE_LIST


@pytest.mark.parametrize(
    ("venue", "year", "heading", "export"),
    [
        (None, 2023, "# 2023 Papers", "selected_2023_papers.csv"),
        (None, None, "# Undated Papers", "selected_undated_papers.csv"),
        ("NeurIPS", 2024, "# NeurIPS 2024 Papers", "selected_neurips2024_papers.csv"),
        ("ICCV", None, "# ICCV Papers", "selected_iccv_papers.csv"),
        ("Owls 2022 & Friends", 2023, "# Owls 2022 & Friends 2023 Papers", "selected_owls-2022-friends2023_papers.csv"),
    ],
)
def test_headings_say_venue_and_year_and_are_read_back(venue: str | None, year: int | None, heading: str, export: str) -> None:
    kind: Kind = "venue" if venue else "yearly"
    text = checklist.render(kind, venue=venue, year=year)
    assert text == f"{heading}\n\n> ☐ 勾选论文后，可用脚本导出 {export}\n"
    listed = checklist.parse(text)
    assert (listed.kind, listed.venue, listed.year, listed.title) == (kind, venue, year, heading[2:])
    assert checklist.recognises(text)


def test_reading_gives_every_field_of_every_block() -> None:
    listed = checklist.parse(CANONICAL)
    assert [block.fields for block in listed.blocks] == [ALPHA, BETA, GAMMA]
    assert [(b.number, b.line, b.heading == b.title, b.link == b.url, b.closed) for b in listed.blocks] == [
        (1, 5, True, True, True),
        (2, 27, True, True, True),
        (3, 50, True, True, True),
    ]
    assert [b.problems for b in listed.blocks] == [(), (), ()]
    assert (listed.preamble.count("\n"), listed.tail, listed.problems) == (4, "", ())


def test_a_reason_is_shown_only_while_the_block_waits_for_an_answer() -> None:
    assert "> why:" not in checklist.render_block(1, replace(BETA, ticked=True))
    assert "> why:" not in checklist.render_block(1, BETA, "venue")


# --- round trip of anything a source can send


def shown(fields: BlockFields, kind: Kind) -> BlockFields:
    """What of the fields the form has a line for."""
    if kind == "venue":
        return replace(fields, type=None, why=None)
    return replace(fields, why=None) if fields.ticked else fields


@settings(max_examples=max(300, settings().max_examples))
@given(kind=st.sampled_from(KINDS), venue=LINE, year=st.one_of(st.none(), st.integers(1000, 9999)), blocks=BLOCKS)
@example(kind="yearly", venue="", year=2023, blocks=[BlockFields(title="A | https://a.example/b")])
@example(kind="yearly", venue="", year=2023, blocks=[BlockFields(title="A \\\\| www.a.example", abstract="\\\\\\</details>")])
def test_a_written_list_is_read_back_as_it_was(kind: Kind, venue: str, year: int | None, blocks: list[BlockFields]) -> None:
    text = checklist.render(kind, venue=venue, year=year, blocks=blocks)
    listed = checklist.parse(text)
    assert [block.fields for block in listed.blocks] == [shown(fields, kind) for fields in blocks]
    assert [block.number for block in listed.blocks] == list(range(1, len(blocks) + 1))
    assert [block.problems for block in listed.blocks] == [()] * len(blocks)
    assert [block.refusal for block in listed.blocks] == [None if f.title else "the title is empty" for f in blocks]
    assert listed.text == text


@given(kind=st.sampled_from(KINDS), blocks=BLOCKS)
def test_every_readable_block_of_a_written_list_becomes_a_record(kind: Kind, blocks: list[BlockFields]) -> None:
    text = checklist.render(kind, venue="ICCV", year=2023, blocks=blocks)
    document = checklist.read(text)
    assert checklist.recognises(text)
    assert [(e.record.title, e.record.url, e.record.abstract, e.ticked) for e in document.entries] == [
        (f.title, f.url, f.abstract, f.ticked) for f in blocks if f.title
    ]
    assert len(document.refused) == sum(not f.title for f in blocks)


HOSTILE = [
    "</details>",
    "Before </details> after",
    "## 2. A second heading",
    "- [x] Ticked by nobody | https://a.example/b",
    "- **Type**: Mine",
    "> why: me",
    "---",
    "===",
    "-",
    "<<<<<<< HEAD",
    "```",
    "<!-- hidden",
    "<script>",
    "\\</details>",
    "\\\\---",
]


@pytest.mark.parametrize("line", HOSTILE)
def test_an_escaped_line_is_neither_structure_nor_markup(line: str) -> None:
    text = checklist.render_block(1, BlockFields(title="Title", abstract=f"First.\n{line}\nLast."), "venue")
    written = text.split("\n")[text.split("\n").index("First.") + 1]
    assert written.count("\\") % 2 == 1, "an even run would leave the character behind it alive"
    assert written.replace("\\", "") == line.replace("\\", "")


@pytest.mark.parametrize(
    "text",
    [
        "Costs fall (<30%), $a<b$ and \\textbf{more}  stays; “quoted” text\nbreaks here.",
        "- a list item\n- another\n1. one\n> a quotation\n    code",
        "**bold** _it_ `code` [link](https://a.example) & &amp; \\# \\alpha \\\\",
        "p < 0.05 <- arrow, x <= y, C# and #hash, a | b || c, e-mail <me@a.example>",
    ],
)
def test_ordinary_text_stands_verbatim(text: str) -> None:
    assert text in checklist.render_block(1, BlockFields(title="T", abstract=text))


def test_backslashes_of_a_hand_made_file_are_read_as_markdown_reads_them() -> None:
    abstract = "\\# of tokens\n\\alpha \\\\<b> \\<i>\n\\\\---"
    (block,) = checklist.parse(f"## 1. T\n\n- [ ] T \\| U | https://a.example/t\n\n<details>\n\n{abstract}\n\n</details>\n\n---\n").blocks
    assert block.abstract == "# of tokens\n\\alpha \\\\<b> <i>\n\\\\---"
    assert block.title == "T \\| U"


def test_no_paper_shares_a_key_with_another() -> None:
    same = replace(ALPHA, title="Another Title under the Same Link")
    unlinked = replace(GAMMA, title="Plain")
    text = checklist.render("yearly", year=2023, blocks=[ALPHA, same, ALPHA, same, unlinked, replace(unlinked, title="???")])
    link = "yearly-list:papers.example.org/aaai/101"
    assert [e.record.source_key for e in checklist.read(text).entries] == [
        link,
        f"{link}#anothertitleunderthesamelink",
        link,
        f"{link}#anothertitleunderthesamelink",
        "yearly-list:title:plain",
        "yearly-list:title:???",
    ]


def test_an_empty_text_is_the_same_as_none() -> None:
    assert BlockFields(title="T", url="", venue="", type="", why="", abstract="") == BlockFields(title="T")


def test_long_runs_of_one_character_do_not_slow_the_reader_down() -> None:
    abstract = "\n".join([*("\\" * 200_000, "<" * 200_000, "- " * 200_000, "#" * 200_000), "\n" * 200_000, " " * 200_000 + "x"])
    fields = BlockFields(title="\\" * 200_000 + "|" * 200_000, abstract=clean_abstract(abstract))
    text = checklist.render("yearly", year=2023, blocks=[fields])
    assert checklist.parse(text).blocks[0].fields == fields
    assert checklist.parse(abstract + text).text == abstract + text
    assert not checklist.recognises(abstract)
