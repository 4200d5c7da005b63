"""The checkbox list: what was written comes back, what a person did is kept, nothing breaks the form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from triage.formats import checklist
from triage.formats.checklist import Block, BlockFields, Checklist, Kind, OrderKey
from triage.text import clean_abstract, clean_line, clean_url

KINDS: tuple[Kind, ...] = ("yearly", "venue")

# --- the canonical form

ALPHA = BlockFields(
    title="Pruned Owls See Further",
    url="https://papers.example.org/aaai/101",
    venue="AAAI",
    year=2023,
    type="Token Pruning",
    ticked=True,
    abstract="Owls keep  few tokens (<30% of them),\nand $\\alpha < 2$ suffices.",
)
BETA = BlockFields(
    title="Quiet Teachers",
    url="https://papers.example.org/icml/7",
    venue="ICML",
    year=2023,
    why='0.81 · compression/distillation · "a quiet teacher" · lexical',
    abstract="A teacher speaks once.",
)
GAMMA = BlockFields(title="No Link at All", venue="NeurIPS", year=2023, abstract="Nobody put it online.")

CANONICAL = """\
# 2023 Papers

> ☐ 勾选论文后，可用脚本导出 selected_2023_papers.csv

## 1. Pruned Owls See Further

- [x] Pruned Owls See Further | https://papers.example.org/aaai/101

- **Link**: https://papers.example.org/aaai/101

- **Conference**: AAAI

- **Year**: 2023

- **Type**: Token Pruning

<details>
<summary><strong>Abstract</strong></summary>

Owls keep  few tokens (<30% of them),
and $\\alpha < 2$ suffices.

</details>

---

## 2. Quiet Teachers

- [ ] Quiet Teachers | https://papers.example.org/icml/7

- **Link**: https://papers.example.org/icml/7

- **Conference**: ICML

- **Year**: 2023

- **Type**:

> why: 0.81 · compression/distillation · "a quiet teacher" · lexical

<details>
<summary><strong>Abstract</strong></summary>

A teacher speaks once.

</details>

---

## 3. No Link at All

- [ ] No Link at All

- **Conference**: NeurIPS

- **Year**: 2023

- **Type**:

<details>
<summary><strong>Abstract</strong></summary>

Nobody put it online.

</details>

---
"""

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

NASTY = [
    *("## 2. Another", "##2. x", "# 2024 Papers", "- [x] Taken | https://a.example/b", "- [ ]", "* [X] y", "+ [] z"),
    *("- **Link**: https://a.example/c", "- **Type**: Free", "* **Year**: 1", "- **Conference:** X", "> why: because", "> ☐ export"),
    *("</details>", "<details>", "<details open>", "<summary>s</summary>", "</DETAILS >", "mid </details> line", "<!--", "-->", "<?x", "<![CDATA["),
    *("<script>alert(1)</script>", "<img src=x onerror=y>", "a <b", "<b", "</p", "$x<y$", "<30%", "<https://a.example/d>", "<a.example/e>"),
    *("---", "- - -", "***", "___", "===", "-", "=", "<<<<<<< HEAD", "=======", ">>>>>>> theirs", "||||||| base"),
    *("```", "~~~", "```python", "`", "\\", "\\\\", "\\<b>", "\\\\</details>", "\\## 1. x", "\\\\---", "\\|", "\\```"),
    *(" | ", "|", " | https://a.example/f", "| www.a.example/g", "\\| https://a.example/h", "https://a.example/i", "|a.example/j", " | <https://k.example/l>"),
    *("\n", "\n\n", "\n\n\n", "    ", "\t", "  ", "\r\n", "\r", "\x85", "\u2028", "\u00a0", "\u3000", "\ufeff", "\x0c", "\x1c", "\u200d", "\u202e"),
    *("1. ", "12) ", "[x](y)", "：", "☐", "é", "e\u0301", "纸", "𝒳", "&lt;/details&gt;", "&amp;", "# ", "#", "Papers", "Abstract"),
]
RAW = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=8)), max_size=8).map("".join)
LINES = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=8)), max_size=8).map("\n".join)
LINE = RAW.map(clean_line)
LINK = st.one_of(
    st.none(),
    st.sampled_from(["https://papers.example.org/1", "http://a.example/b|c", "HTTPS://EXAMPLE.org/?q=<b>&r=\\", "https://é.example/纸 #x"]).map(clean_url),
    RAW.map(lambda path: clean_url(f"https://a.example/{path}")),
)
FIELDS = st.builds(
    BlockFields,
    title=LINE,
    url=LINK,
    venue=LINE,
    year=st.one_of(st.none(), st.integers(0, 9999)),
    type=LINE,
    why=LINE,
    ticked=st.booleans(),
    abstract=st.one_of(RAW, LINES).map(clean_abstract),
)
BLOCKS = st.lists(FIELDS, max_size=4)


def shown(fields: BlockFields, kind: Kind) -> BlockFields:
    """What of the fields the form has a line for."""
    if kind == "venue":
        return replace(fields, type=None, why=None)
    return replace(fields, why=None) if fields.ticked else fields


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
    backslashes = max(len(run) for run in written.replace("\\", "\\ ").split(" ") if set(run) <= {"\\"})
    assert written != line
    assert backslashes == 1
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


@given(blocks=st.lists(FIELDS, min_size=1, max_size=3), edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 6), RAW), max_size=4))
def test_a_list_edited_anywhere_is_kept_to_the_character(blocks: list[BlockFields], edits: list[tuple[int, int, str]]) -> None:
    text = checklist.render("yearly", year=2023, blocks=blocks)
    for place, cut, words in edits:
        at = place % (len(text) + 1)
        text = text[:at] + words + text[at + cut :]
    listed = checklist.parse(text)
    assert listed.text == text
    assert all(block.text.startswith(block.text[: -len(block.trailing) or None]) for block in listed.blocks)
    assert checklist.parse(checklist.grow(listed, listed.blocks, [])).text == checklist.grow(listed, listed.blocks, [])


@given(blocks=st.lists(FIELDS.filter(lambda f: f.title != ""), min_size=2, max_size=4), at=st.integers(0, 2), words=st.text(alphabet="abc é.\t", max_size=20))
def test_free_text_between_blocks_stays_and_changes_no_field(blocks: list[BlockFields], at: int, words: str) -> None:
    listed = checklist.parse(checklist.render("yearly", year=2023, blocks=blocks))
    texts = [block.text for block in listed.blocks]
    at %= len(texts)
    texts[at] = texts[at] + ("" if texts[at].endswith("\n\n") else "\n") + f"{words}\n\n"
    again = checklist.parse(listed.preamble + "".join(texts))
    assert [b.fields for b in again.blocks] == [b.fields for b in listed.blocks]
    assert again.text == listed.preamble + "".join(texts)


SMALL = """\
# 2023 Papers

> ☐ 勾选论文后，可用脚本导出 selected_2023_papers.csv

## 1. Second by Link

- [x] Second by Link | https://papers.example.org/9

- **Link**: https://papers.example.org/9

- **Conference**: ICCV

- **Year**: 2023

- **Type**: Distilling

<details>
<summary><strong>Abstract</strong></summary>

One.

</details>

---
## 2. First by Link

- [ ] First by Link | https://papers.example.org/10

- **Link**: https://papers.example.org/10

- **Conference**: ICCV

- **Year**: 2023

- **Type**: Dynamic Skippping

<details>
<summary><strong>Abstract</strong></summary>

Two.

</details>

---
"""


def test_a_missing_blank_line_and_a_strange_order_survive() -> None:
    listed = checklist.parse(SMALL)
    assert [(b.title, b.type, b.ticked, b.problems) for b in listed.blocks] == [
        ("Second by Link", "Distilling", True, ()),
        ("First by Link", "Dynamic Skippping", False, ()),
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
    Edit("bold colon", "- **Type**: Distilling", "- **Type:** Distilling"),
    Edit("full-width colon", "- **Type**: Distilling", "- **Type**： Distilling"),
    Edit("no blank after #", "## 1. Second", "##1. Second"),
    Edit("bracketed link", "- **Link**: https://papers.example.org/9", "- **Link**: <https://papers.example.org/9>"),
    Edit("markdown link", "- **Link**: https://papers.example.org/9", "- **Link**: [pdf](https://papers.example.org/9)"),
    Edit("blank before summary", "<details>\n<summary><strong>Abstract</strong></summary>\n\nOne.", "<details>\n\n<summary>Abstract</summary>\nOne."),
    Edit("all on one line", "<details>\n<summary><strong>Abstract</strong></summary>\n\nOne.\n\n</details>", "<details><summary>Abstract</summary>One.</details>"),
    Edit("own section first", "<details>\n<summary><s", "<details><summary>My thoughts</summary>\nGood.\n</details>\n\n<details>\n<summary><s", problem="line 17: a line"),
    Edit("unknown mark", "- [ ] First", "- [?] First", problem="line 27: unknown mark [?], read as not ticked"),
    Edit("no number", "## 1. Second", "## Second", problem="line 5: the heading has no number"),
    Edit("other heading", "## 1. Second by Link", "## 1. Renamed", problem="line 7: the tick line's title is not the heading's"),
    Edit("other tick title", "- [x] Second by Link", "- [x] Renamed", titles=("Renamed", "First by Link"), problem="line 7: the tick line's"),
    Edit("no tick title", "- [x] Second by Link |", "- [x] |", problem="line 7: the tick line has no title"),
    Edit("no tick link", "Second by Link | https://papers.example.org/9", "Second by Link", problem="line 7: no link in the tick line"),
    Edit("no scheme", "Second by Link | https://", "Second by Link | "),
    Edit("no heading", "---\n## 2. First by Link\n", "---\n", problem="line 26: no heading"),
    Edit("wrong year", "- **Year**: 2023\n\n- **Type**: Di", "- **Year**: soon\n\n- **Type**: Di", problem="line 13: 'soon' is no year"),
    Edit("two types", "- **Type**: Distilling", "- **Type**: Distilling\n- **Type**: Other", problem="line 16: a second Type line that says something else"),
    Edit("own words inside", "- **Type**: Distilling", "- **Type**: Distilling\n\nread again!", problem="line 17: a line that is no part of the form"),
    Edit("abstract left open", "One.\n\n</details>\n", "One.\n", problem="line 17: the abstract is not closed"),
    Edit("abstract closed in its last line", "One.\n\n</details>", "One.</details>"),
    Edit("no rule", "</details>\n\n---\n## 2", "</details>\n\n## 2", problem="line 22: no --- behind the block"),
    Edit("last abstract left open", "Two.\n\n</details>\n\n---\n", "Two.\n", problem="the abstract is not closed"),
    Edit("to-do behind a block", "---\n## 2", "---\n\n- [ ] mail the authors\n\n## 2"),
    Edit("section heading", "---\n## 2", "---\n\n## My notes\n\n- [ ] read more\n\n## 2"),
    Edit("another list behind", "Two.\n\n</details>\n\n---\n", "Two.\n\n</details>\n\n---\n\n# ICML 2023 Papers\n"),
    Edit("no tick line", "- [x] Second by Link |", "Second by Link |", titles=("First by Link",), refused="no tick line"),
    Edit("no title", "Second by Link", "", titles=("First by Link",), refused="the title is empty"),
    Edit("two ticks", "- [x] Se", "- [ ] Second by Link | https://papers.example.org/9\n- [x] Se", titles=("First by Link",), refused="two tick lines"),
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


def _with_ends(text: str, ends: str) -> str:
    return text.replace("\n", ends)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.id)
def test_an_edit_by_hand_is_understood_or_named_with_its_line(edit: Edit, ends: str) -> None:
    text = SMALL.replace(edit.old, edit.new)
    assert text != SMALL
    text = _with_ends(text, ends)
    listed = checklist.parse(text)
    document = checklist.read(text)
    assert listed.text == text
    assert checklist.recognises(text)
    assert tuple(entry.record.title for entry in document.entries) == edit.titles
    assert [(r.line, r.reason.startswith(edit.refused or "")) for r in document.refused] == ([(edit.line, True)] if edit.refused else [])
    said = [problem for block in listed.blocks for problem in block.problems]
    assert any(edit.problem in problem for problem in said) if edit.problem else edit.refused or not said
    for entry in document.entries:
        place = {"First": ("Two.", "10", "Dynamic Skippping", False)}.get(entry.record.title.split()[0], ("One.", "9", "Distilling", True))
        last = entry.record.url.rsplit("/", 1)[1] if entry.record.url else None
        assert (entry.record.abstract, last, entry.type, entry.ticked) == place


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
def test_line_ends_and_a_byte_order_mark_change_no_field(ends: str) -> None:
    plain = checklist.parse(CANONICAL)
    text = "\ufeff" + _with_ends(CANONICAL, ends)
    listed = checklist.parse(text)
    assert [b.fields for b in listed.blocks] == [b.fields for b in plain.blocks]
    assert (listed.title, listed.year, listed.text) == ("2023 Papers", 2023, text)
    assert [b.line for b in listed.blocks] == [b.line for b in plain.blocks]
    bare = "\ufeff" + _with_ends(plain.blocks[0].text, ends)
    assert [b.fields for b in checklist.parse(bare).blocks] == [ALPHA]
    assert checklist.recognises(text)
    assert checklist.recognises(bare)


def test_a_conflict_between_whole_blocks_keeps_both() -> None:
    one, two = (checklist.render_block(3, replace(GAMMA, title=title)) for title in ("Mine", "Theirs"))
    text = CANONICAL + f"\n<<<<<<< HEAD\n{one}=======\n{two}>>>>>>> branch\n"
    listed = checklist.parse(text)
    assert [e.record.title for e in checklist.read(text).entries][-2:] == ["Mine", "Theirs"]
    assert listed.text == text
    assert [p for b in listed.blocks for p in b.problems] == ["line 69: a merge conflict marker", "line 87: a merge conflict marker"]
    assert listed.problems == ("line 105: a merge conflict marker",)


def test_an_abstract_of_a_hand_made_file_may_hold_anything_up_to_its_end() -> None:
    inside = "## 7. Not a block\n\n- [x] Nor this | https://a.example/b\n\n- **Type**: nor that\n\n---\n\ntext with </details> inside"
    text = SMALL.replace("One.", inside)
    listed = checklist.parse(text)
    assert [b.abstract for b in listed.blocks] == [inside, "Two."]
    assert [b.type for b in listed.blocks] == ["Distilling", "Dynamic Skippping"]


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


# --- order, numbers and growth


def test_lists_are_ordered_by_venue_then_link_as_a_plain_string() -> None:
    wanted = [
        ("AAAI", "https://a.example/1", "z"),
        ("ICCV", "https://a.example/848", "a"),
        ("iccv", "https://a.example/92", "a"),
        ("NeurIPS", "https://a.example/1", "a"),
        ("NeurIPS", None, "a"),
        ("NeurIPS", None, "B"),
        (None, "https://a.example/0", "a"),
    ]
    # the same venue in two spellings: case decides last, so that the order is total
    assert sorted(reversed(wanted), key=lambda t: checklist.order_key(*t)) == wanted
    links = ["https://a.example/848", "https://a.example/860", "https://a.example/901", "https://a.example/92"]
    assert sorted(reversed(links), key=lambda link: checklist.order_key(None, link, "")) == links


def _new(link: str) -> tuple[OrderKey, str]:
    fields = BlockFields(title=f"New {link}", url=f"https://a.example/{link}")
    return checklist.order_key(None, fields.url, fields.title), checklist.render_block(1, fields)


def _list(links: str) -> Checklist:
    return checklist.parse(checklist.render("yearly", year=2023, blocks=[BlockFields(title=x, url=f"https://a.example/{x}") for x in links]))


@pytest.mark.parametrize(
    ("existing", "new", "expected"),
    [
        ("", "ba", "AB"),
        ("bd", "ace", "AbCdE"),
        ("bd", "bd", "bBdD"),
        ("abcz", "d", "abcDz"),
        ("bcdea", "f", "bcdeFa"),  # a put last by a person does not draw the others behind it
        ("zbcd", "ae", "zAbcdE"),  # nor does z, put first, keep them in front of it
        ("dcba", "e", "dcbaE"),
        ("acbd", "e", "acbdE"),
    ],
)
def test_new_blocks_take_their_place_and_nobody_else_moves(existing: str, new: str, expected: str) -> None:
    listed = _list(existing)
    texts = checklist.insert_in_order(listed.blocks, [_new(x) for x in new], before=listed.preamble)
    grown = checklist.parse(checklist.assemble(listed.preamble, texts, listed.tail))
    assert "".join(b.title.removeprefix("New ").upper() if b.title.startswith("New") else b.title for b in grown.blocks) == expected
    assert [b.number for b in grown.blocks] == list(range(1, len(grown.blocks) + 1))
    assert [t for t in texts if any(t == b.text for b in listed.blocks)] == [b.text for b in listed.blocks]


@given(old=st.lists(st.integers(0, 99), max_size=8), new=st.lists(st.integers(0, 99), max_size=5), ordered=st.booleans())
def test_a_list_grows_in_order_and_in_the_canonical_form(old: list[int], new: list[int], ordered: bool) -> None:
    def paper(name: str, number: int) -> BlockFields:
        return BlockFields(title=f"{name} {number}", url=f"https://a.example/{number:02d}", venue="ACL", year=2023)

    existing = [paper("Old", number) for number in (sorted(old) if ordered else old)]
    base = checklist.parse(checklist.render("yearly", year=2023, blocks=existing))
    text = checklist.grow(base, base.blocks, [paper("New", number) for number in new])
    grown = [block.fields for block in checklist.parse(text).blocks]
    assert text == checklist.render("yearly", year=2023, blocks=grown)
    assert [fields for fields in grown if fields.title.startswith("Old")] == existing
    assert sorted(f.title for f in grown if f.title.startswith("New")) == sorted(f"New {number}" for number in new)
    if ordered:
        assert [f.url for f in grown] == sorted(f"https://a.example/{number:02d}" for number in old + new)


def test_renumbering_touches_only_numbers_that_are_wrong() -> None:
    texts = ["##  01)  Odd  \r\nrest 7. ", "## 7. Two\n## 9. inside\n", "## Three has none\n", "- [ ] no heading\n", "\n## 2.5D Five\n"]
    assert checklist.renumber(texts) == [texts[0], "## 2. Two\n## 9. inside\n", "## 3. Three has none\n", texts[3], "\n## 5. 2.5D Five\n"]


def test_a_list_grows_in_its_own_line_ends_and_keeps_its_footer() -> None:
    text = _with_ends(SMALL + "\nkept by me\n", "\r\n")
    listed = checklist.parse(text)
    assert listed.tail == "\r\nkept by me\r\n"
    new = BlockFields(title="Third", url="https://papers.example.org/99", venue="ICCV", year=2023, abstract="a\nb")
    grown = checklist.grow(listed, listed.blocks, [new])
    assert "\n" not in grown.replace("\r\n", "")
    assert [b.title for b in checklist.parse(grown).blocks] == ["Second by Link", "First by Link", "Third"]
    assert [b.fields for b in checklist.parse(grown).blocks][2] == new
    assert grown.startswith(text.removesuffix("\r\nkept by me\r\n") + "\r\n## 3. Third\r\n")
    assert grown.endswith("---\r\n\r\nkept by me\r\n")


def _kept(listed: Checklist, *titles: str) -> list[Block]:
    return [block for block in listed.blocks if block.title in titles]


def test_a_block_taken_out_leaves_a_clean_list() -> None:
    listed = checklist.parse(CANONICAL)
    two = checklist.grow(listed, _kept(listed, ALPHA.title, GAMMA.title), [])
    assert two == checklist.render("yearly", year=2023, blocks=[ALPHA, GAMMA])
    one = checklist.grow(listed, _kept(listed, ALPHA.title), [])
    assert one == checklist.render("yearly", year=2023, blocks=[ALPHA])
    assert checklist.grow(listed, _kept(listed, ALPHA.title), [BETA, GAMMA]) == CANONICAL


def test_what_a_person_wrote_outlives_the_block_it_stood_at() -> None:
    text = CANONICAL.replace("- **Type**:\n\n> why", "- **Type**:\n\nask Kim\n\n> why").replace("---\n\n## 3", "---\n\nbehind it\n\n## 3")
    listed = checklist.parse(text)
    assert [b.remarks for b in listed.blocks] == ["", "ask Kim\n", ""]
    grown = checklist.grow(listed, _kept(listed, ALPHA.title, GAMMA.title), [])
    assert [b.fields for b in checklist.parse(grown).blocks] == [ALPHA, GAMMA]
    assert "---\n\nask Kim\n\nbehind it\n\n## 2. No Link at All\n" in grown
    first = checklist.grow(listed, _kept(listed, GAMMA.title), [])
    assert "selected_2023_papers.csv\n\nask Kim\n\nbehind it\n\n## 1. No Link at All\n" in first


def test_a_block_that_cannot_be_read_is_never_taken_out() -> None:
    text = CANONICAL.replace("- [ ] Quiet Teachers |", "Quiet Teachers |")
    listed = checklist.parse(text)
    assert listed.blocks[1].refusal is not None
    assert checklist.grow(listed, _kept(listed, ALPHA.title, GAMMA.title), []) == text


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
def test_ticking_changes_one_character(ends: str) -> None:
    text = _with_ends(SMALL, ends)
    listed = checklist.parse(text)
    ticked = checklist.ticked(listed.blocks[1])
    assert ticked.text == listed.blocks[1].text.replace("- [ ]", "- [x]")
    assert ticked.ticked
    assert checklist.ticked(ticked) == ticked
    assert checklist.grow(listed, [listed.blocks[0], ticked], []) == text.replace("- [ ]", "- [x]")


def test_a_proposal_is_rewritten_only_when_it_says_something_else() -> None:
    text = CANONICAL.replace("---\n\n## 3", "---\n\nbehind it\n\n## 3")
    listed = checklist.parse(text)
    assert checklist.rewritten(listed.blocks[1], BETA) is listed.blocks[1]
    fields = replace(BETA, type="Distilling", why="0.93 · lexical")
    changed = checklist.rewritten(listed.blocks[1], fields)
    assert changed.fields == fields
    assert changed.text == checklist.render_block(2, fields) + "\nbehind it\n\n"
    grown = checklist.grow(listed, [listed.blocks[0], changed, listed.blocks[2]], [])
    assert grown == text.replace("- **Type**:\n\n> why: " + str(BETA.why), "- **Type**: Distilling\n\n> why: 0.93 · lexical")


def test_remarks_inside_a_proposal_keep_it_from_being_rewritten_but_not_from_being_ticked() -> None:
    listed = checklist.parse(CANONICAL.replace("> why", "ask Kim\n\n> why"))
    block = listed.blocks[1]
    assert checklist.rewritten(block, replace(BETA, why="new")) is block
    chosen = checklist.rewritten(block, replace(BETA, ticked=True))
    assert chosen.text == block.text.replace("- [ ]", "- [x]")


def test_an_empty_text_is_the_same_as_none() -> None:
    assert BlockFields(title="T", url="", venue="", type="", why="", abstract="") == BlockFields(title="T")


def test_long_runs_of_one_character_do_not_slow_the_reader_down() -> None:
    abstract = "\n".join([*("\\" * 20_000, "<" * 20_000, "- " * 20_000, "#" * 20_000), "\n" * 20_000, " " * 20_000 + "x"])
    fields = BlockFields(title="\\" * 20_000 + "|" * 20_000, abstract=clean_abstract(abstract))
    text = checklist.render("yearly", year=2023, blocks=[fields])
    assert checklist.parse(text).blocks[0].fields == fields
    assert checklist.parse(abstract + text).text == abstract + text
    assert not checklist.recognises(abstract)
