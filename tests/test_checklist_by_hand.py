"""The checkbox list after a person had it: every character is kept, every change understood or named."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.made_lists import ALPHA, BETA, CANONICAL, FIELDS, GAMMA, LINES, RAW, SMALL, with_ends
from triage.formats import checklist
from triage.formats.checklist import Block, BlockFields

ONE = BlockFields(title="Merge and Go", url="https://example.org/1", venue="ICCV", year=2023, type="new", abstract="We merge.")
SHARP = (
    "\n<details>\n", "\n</details>\n", "\n---\n", "\n## 3. Merge\n\n- [x] Merge\n\n", "\n## Notes of mine\n\nseen\n\n", "\n<<<<<<< a\n",
    "\n>>>>>>> b\n", "\n- [ ] Merge | https://example.org/1\n", "\n- **Type**: \n\n", "\n> why: 0.5 · merging\n\n", "\n# 2024 Papers\n", "|", "\\<b>",
)  # fmt: skip
"""Lines and characters that act in a list."""

# --- nothing is lost


@given(st.one_of(st.text(), LINES, RAW))
@example("\ufeff## 1. T\r- [x] T\r\n")
@example("## 1. \n<details>\n## 2. \n- [ ] x\n<details>")
def test_any_text_is_kept_to_the_character(text: str) -> None:
    listed = checklist.parse(text)
    assert listed.text == text
    assert checklist.assemble(listed.preamble, [block.text for block in listed.blocks], listed.tail).count("\n") == text.count("\n")
    assert len(checklist.read(text).entries) + len(checklist.read(text).refused) == len(listed.blocks)
    assert all(block.text.endswith(block.trailing) and 1 <= block.line <= len(text) for block in listed.blocks)


@given(
    blocks=st.lists(FIELDS, min_size=1, max_size=3), edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 6), RAW), max_size=4)
)
def test_a_list_edited_anywhere_is_kept_to_the_character(blocks: list[BlockFields], edits: list[tuple[int, int, str]]) -> None:
    text = checklist.render("yearly", year=2023, blocks=blocks)
    for place, cut, words in edits:
        at = place % (len(text) + 1)
        text = text[:at] + words + text[at + cut :]
    listed = checklist.parse(text)
    assert listed.text == text
    grown = checklist.grow(listed, listed.blocks, [])
    again = checklist.parse(grown)
    assert [block.fields for block in again.blocks] == [block.fields for block in listed.blocks]
    assert checklist.grow(again, again.blocks, []) == grown


@given(
    blocks=st.lists(FIELDS.filter(lambda f: f.title != ""), min_size=2, max_size=4),
    at=st.integers(0, 2),
    words=st.text(alphabet="abc é.\t", max_size=20),
)
def test_free_text_between_blocks_stays_and_changes_no_field(blocks: list[BlockFields], at: int, words: str) -> None:
    listed = checklist.parse(checklist.render("yearly", year=2023, blocks=blocks))
    texts = [block.text for block in listed.blocks]
    at %= len(texts)
    texts[at] = texts[at] + ("" if texts[at].endswith("\n\n") else "\n") + f"{words}\n\n"
    again = checklist.parse(listed.preamble + "".join(texts))
    assert [b.fields for b in again.blocks] == [b.fields for b in listed.blocks]
    assert again.text == listed.preamble + "".join(texts)


def _other_ends(block: Block) -> Block:
    return replace(block, **{name: getattr(block, name).replace("\r\n", "\n") for name in ("text", "trailing", "remarks")})


@given(
    blocks=st.lists(FIELDS, min_size=1, max_size=5),
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 12), st.one_of(RAW, LINES, st.sampled_from(SHARP))), max_size=4),
)
@example(blocks=[ONE, ONE], edits=[(0, 0, "<details>\n")])
@example(blocks=[ONE, ONE, ONE], edits=[(150, 0, "\n<<<<<<< a\n")])
def test_blocks_read_in_one_go_say_what_they_say_line_by_line(blocks: list[BlockFields], edits: list[tuple[int, int, str]]) -> None:
    # a list with CRLF is always read line by line
    text = checklist.render("yearly", year=2023, blocks=blocks)
    for place, cut, words in edits:
        at = place % (len(text) + 1)
        text = text[:at] + words + text[at + cut :]
    text = text.replace("\r", "")
    at_once, by_line = checklist.parse(text), checklist.parse(text.replace("\n", "\r\n"))
    assert at_once.blocks == tuple(_other_ends(block) for block in by_line.blocks)
    assert (at_once.preamble, at_once.tail) == (by_line.preamble.replace("\r", ""), by_line.tail.replace("\r", ""))
    assert replace(at_once, preamble="", blocks=(), tail="") == replace(by_line, preamble="", blocks=(), tail="")


def test_a_block_that_was_read_before_is_found_on_its_new_line() -> None:
    text = checklist.render("yearly", year=2023, blocks=[ONE, ONE])
    before = checklist.parse(text)
    after = checklist.parse(text.replace("## 1.", "a remark\n\n## 1.", 1))
    assert [block.line for block in after.blocks] == [block.line + 2 for block in before.blocks]
    assert checklist.parse(text) == before


def test_a_missing_blank_line_and_a_strange_order_survive() -> None:
    listed = checklist.parse(SMALL)
    assert [(b.title, b.type, b.ticked, b.problems) for b in listed.blocks] == [
        ("Second by Link", "Owl Distiling", True, ()),
        ("First by Link", "Dinamic Hopping", False, ()),
    ]
    assert checklist.grow(listed, listed.blocks, []) == SMALL
    fresh = checklist.render("yearly", year=2023, blocks=[b.fields for b in listed.blocks])
    assert fresh == SMALL.replace("---\n## 2", "---\n\n## 2")


# --- what a person does to a file


@dataclass(frozen=True)
class Edit:
    """One change a person makes to SMALL, and what must be read then."""

    id: str
    old: str
    new: str
    titles: tuple[str, ...] = ("Second by Link", "First by Link")
    problem: str | None = None
    refused: str | None = None
    line: int = 5


EDITS = [
    Edit("capital tick", "- [x] Second", "- [X] Second"),
    Edit("star bullet", "- [x] Second", "* [x] Second"),
    Edit("bold colon", "- **Type**: Owl Distiling", "- **Type:** Owl Distiling"),
    Edit("full-width colon", "- **Type**: Owl Distiling", "- **Type**： Owl Distiling"),
    Edit("no blank after #", "## 1. Second", "##1. Second"),
    Edit("bracketed link", "- **Link**: https://papers.example.org/9", "- **Link**: <https://papers.example.org/9>"),
    Edit("markdown link", "- **Link**: https://papers.example.org/9", "- **Link**: [pdf](https://papers.example.org/9)"),
    Edit(
        "blank before summary",
        "<details>\n<summary><strong>Abstract</strong></summary>\n\nOne.",
        "<details>\n\n<summary>Abstract</summary>\nOne.",
    ),
    Edit(
        "all on one line",
        "<details>\n<summary><strong>Abstract</strong></summary>\n\nOne.\n\n</details>",
        "<details><summary>Abstract</summary>One.</details>",
    ),
    Edit(
        "own section first",
        "<details>\n<summary><s",
        "<details><summary>My thoughts</summary>\nGood.\n</details>\n\n<details>\n<summary><s",
        problem="line 17: a line",
    ),
    Edit("unknown mark", "- [ ] First", "- [?] First", problem="line 27: unknown mark [?], read as not ticked"),
    Edit("no number", "## 1. Second", "## Second", problem="line 5: the heading has no number"),
    Edit("other heading", "## 1. Second by Link", "## 1. Renamed", problem="line 7: the tick line's title is not the heading's"),
    Edit(
        "other tick title", "- [x] Second by Link", "- [x] Renamed", titles=("Renamed", "First by Link"), problem="line 7: the tick line's"
    ),
    Edit("no tick title", "- [x] Second by Link |", "- [x] |", problem="line 7: the tick line has no title"),
    Edit("no tick link", "Second by Link | https://papers.example.org/9", "Second by Link", problem="line 7: no link in the tick line"),
    Edit("no scheme", "Second by Link | https://", "Second by Link | "),
    Edit("no heading", "---\n## 2. First by Link\n", "---\n", problem="line 26: no heading"),
    Edit("wrong year", "- **Year**: 2023\n\n- **Type**: Owl", "- **Year**: soon\n\n- **Type**: Owl", problem="line 13: 'soon' is no year"),
    Edit(
        "two types",
        "- **Type**: Owl Distiling",
        "- **Type**: Owl Distiling\n- **Type**: Other",
        problem="line 16: a second Type line that says something else",
    ),
    Edit(
        "own words inside",
        "- **Type**: Owl Distiling",
        "- **Type**: Owl Distiling\n\nread again!",
        problem="line 17: a line that is no part of the form",
    ),
    Edit("abstract left open", "One.\n\n</details>\n", "One.\n", problem="line 17: the abstract is not closed"),
    Edit("abstract closed in its last line", "One.\n\n</details>", "One.</details>"),
    Edit("no rule", "</details>\n\n---\n## 2", "</details>\n\n## 2", problem="line 22: no --- behind the block"),
    Edit("last abstract left open", "Two.\n\n</details>\n\n---\n", "Two.\n", problem="the abstract is not closed"),
    Edit("to-do behind a block", "---\n## 2", "---\n\n- [ ] mail the authors\n\n## 2"),
    Edit("section heading", "---\n## 2", "---\n\n## My notes\n\n- [ ] read more\n\n## 2"),
    Edit("another list behind", "Two.\n\n</details>\n\n---\n", "Two.\n\n</details>\n\n---\n\n# ICML 2023 Papers\n"),
    Edit("no tick line", "- [x] Second by Link |", "Second by Link |", titles=("First by Link",), refused="no tick line"),
    Edit("no title", "Second by Link", "", titles=("First by Link",), refused="the title is empty"),
    Edit(
        "two ticks",
        "- [x] Se",
        "- [ ] Second by Link | https://papers.example.org/9\n- [x] Se",
        titles=("First by Link",),
        refused="two tick lines",
    ),
    Edit(
        "conflict in the tick",
        "- [ ] First by Link | https://papers.example.org/10\n",
        "<<<<<<< HEAD\n- [x] First by Link | https://papers.example.org/10\n=======\n"
        "- [ ] First by Link | https://papers.example.org/10\n>>>>>>> theirs\n",
        titles=("Second by Link",),
        refused="a merge conflict is left in the block, line 27",
        line=25,
    ),
    Edit(
        "conflict in the abstract",
        "Two.",
        "<<<<<<< HEAD\nTwo.\n=======\nTo.\n>>>>>>> theirs",
        titles=("Second by Link",),
        refused="a merge conflict is left in the block, line 40",
        line=25,
    ),
    Edit("conflict round a block", "---\n## 2", "---\n<<<<<<< HEAD\n## 2", problem="line 25: a merge conflict marker"),
]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.id)
def test_an_edit_by_hand_is_understood_or_named_with_its_line(edit: Edit, ends: str) -> None:
    text = SMALL.replace(edit.old, edit.new)
    assert text != SMALL
    text = with_ends(text, ends)
    listed = checklist.parse(text)
    document = checklist.read(text)
    assert listed.text == text
    assert checklist.recognises(text)
    assert tuple(entry.record.title for entry in document.entries) == edit.titles
    assert [(r.line, r.reason.startswith(edit.refused or "")) for r in document.refused] == ([(edit.line, True)] if edit.refused else [])
    said = [problem for block in listed.blocks for problem in block.problems]
    assert any(edit.problem in problem for problem in said) if edit.problem else edit.refused or not said
    for entry in document.entries:
        place = {"First": ("Two.", "10", "Dinamic Hopping", False)}.get(entry.record.title.split()[0], ("One.", "9", "Owl Distiling", True))
        last = entry.record.url.rsplit("/", 1)[1] if entry.record.url else None
        assert (entry.record.abstract, last, entry.type, entry.ticked) == place


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
def test_line_ends_and_a_byte_order_mark_change_no_field(ends: str) -> None:
    plain = checklist.parse(CANONICAL)
    text = "\ufeff" + with_ends(CANONICAL, ends)
    listed = checklist.parse(text)
    assert [b.fields for b in listed.blocks] == [b.fields for b in plain.blocks]
    assert (listed.title, listed.year, listed.text) == ("2023 Papers", 2023, text)
    assert [b.line for b in listed.blocks] == [b.line for b in plain.blocks]
    bare = "\ufeff" + with_ends(plain.blocks[0].text, ends)
    assert [b.fields for b in checklist.parse(bare).blocks] == [ALPHA]
    assert checklist.recognises(text)
    assert checklist.recognises(bare)


def test_a_conflict_between_whole_blocks_keeps_both() -> None:
    one, two = (checklist.render_block(3, replace(GAMMA, title=title)) for title in ("Mine", "Theirs"))
    text = CANONICAL + f"\n<<<<<<< HEAD\n{one}=======\n{two}>>>>>>> branch\n"
    listed = checklist.parse(text)
    assert [e.record.title for e in checklist.read(text).entries][-2:] == ["Mine", "Theirs"]
    assert listed.text == text
    said = [problem for block in listed.blocks for problem in block.problems] + list(listed.problems)
    marked = [number for number, line in enumerate(text.split("\n"), 1) if line[:7] in ("<<<<<<<", "=======", ">>>>>>>")]
    assert said == [f"line {number}: a merge conflict marker" for number in marked]
    assert len(listed.problems) == 1


def test_an_abstract_of_a_hand_made_file_may_hold_anything_up_to_its_end() -> None:
    inside = "## 7. Not a block\n\n- [x] Nor this | https://a.example/b\n\n- **Type**: nor that\n\n---\n\ntext with </details> inside"
    text = SMALL.replace("One.", inside)
    listed = checklist.parse(text)
    assert [b.abstract for b in listed.blocks] == [inside, "Two."]
    assert [b.type for b in listed.blocks] == ["Owl Distiling", "Dinamic Hopping"]


def test_a_section_inside_a_hand_made_abstract_does_not_cut_it() -> None:
    inside = "One.\n<details>\nmore of it"
    listed = checklist.parse(SMALL.replace("One.", inside))
    assert [b.abstract for b in listed.blocks] == [inside, "Two."]
    assert [b.problems for b in listed.blocks] == [(), ()]


def test_a_figure_at_the_head_of_a_title_is_no_number() -> None:
    (first, _) = checklist.parse(SMALL.replace("## 1. Second by Link", "## 2.5D Owls").replace("Second by Link", "2.5D Owls")).blocks
    assert (first.number, first.heading, first.title) == (None, "2.5D Owls", "2.5D Owls")


def test_several_abstracts_left_open_lose_no_block() -> None:
    text = checklist.render("yearly", year=2023, blocks=[ALPHA, BETA, GAMMA]).replace("</details>\n", "")
    listed = checklist.parse(text)
    assert [b.title for b in listed.blocks] == [ALPHA.title, BETA.title, GAMMA.title]
    assert [b.abstract for b in listed.blocks] == [ALPHA.abstract, BETA.abstract, GAMMA.abstract]
    assert listed.text == text


OLDER = """\
# ICCV 2023 Papers

> ☐ 勾选论文后，可用脚本导出 selected_papers.txt

## 1. Old Owl

- [x] Old Owl | https://arxiv.org/abs/2301.00001v2

- **Link**: https://arxiv.org/abs/2301.00001v2

<details>
<summary><strong>Abstract</strong></summary>

Hoo.

</details>

---
"""


@pytest.mark.parametrize(
    ("heading", "name", "venue", "year"),
    [
        ("# ICCV 2023 Papers", "venue-list", "ICCV", 2023),
        ("# ICCV Papers", "venue-list", "ICCV", None),
        ("# 2023 Papers", "yearly-list", None, 2023),
        ("# Papers", "venue-list", None, None),
        ("Owls I like", "venue-list", None, None),
    ],
)
def test_the_older_form_takes_venue_and_year_from_its_heading(heading: str, name: str, venue: str | None, year: int | None) -> None:
    text = OLDER.replace("# ICCV 2023 Papers", heading)
    assert checklist.recognises(text)
    document = checklist.read(text)
    (entry,) = document.entries
    assert (document.format, entry.record.venue, entry.record.year, entry.ticked, entry.type) == (name, venue, year, True, None)
    assert entry.record.identifiers == {"arxiv": "2301.00001"}
    assert entry.record.source_key == f"{name}:arxiv.org/abs/2301.00001v2"
    assert (entry.record.source, entry.line, entry.record.abstract) == ("documents", 5, "Hoo.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a list \x00",
        "# Related Papers\n\nSome prose.\n",
        "# Groceries\n\n## Monday\n\n- [ ] milk\n- [x] eggs\n",
        "1. Title_CVPR22\n\n- Motivation\n    - a thing\n",
        "# Thesis\n\n## 1. Introduction\n\nWe begin.\n\n- a point | https://a.example/b\n",
    ],
)
def test_other_documents_are_not_taken_for_a_list(text: str) -> None:
    assert not checklist.recognises(text)
    assert checklist.parse(text).text == text
