"""The checkbox list that grows: order, numbers, and what stays untouched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_lists import ALPHA, BETA, CANONICAL, GAMMA, SMALL, with_ends
from triage.formats import checklist
from triage.formats.checklist import Block, BlockFields, Checklist, OrderKey

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
    mixed = [wanted[place] for place in (4, 6, 1, 5, 0, 3, 2)]
    assert sorted(mixed, key=lambda t: checklist.order_key(*t)) == wanted
    links = [f"https://a.example/{number}" for number in (92, 901, 848, 860)]
    assert [link[18:] for link in sorted(links, key=lambda link: checklist.order_key(None, link, ""))] == ["848", "860", "901", "92"]


def _new(link: str) -> tuple[OrderKey, str]:
    fields = BlockFields(title=f"New {link}", url=f"https://a.example/{link}")
    return checklist.order_key(None, fields.url, fields.title), checklist.render_block(1, fields)


def _list(links: str) -> Checklist:
    return checklist.parse(
        checklist.render("yearly", year=2023, blocks=[BlockFields(title=x, url=f"https://a.example/{x}") for x in links])
    )


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
    text = with_ends(SMALL + "\nkept by me\n", "\r\n")
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
    text = with_ends(SMALL, ends)
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
    fields = replace(BETA, type="Owl Distiling", why="0.93 · lexical")
    changed = checklist.rewritten(listed.blocks[1], fields)
    assert changed.fields == fields
    assert changed.text == checklist.render_block(2, fields) + "\nbehind it\n\n"
    grown = checklist.grow(listed, [listed.blocks[0], changed, listed.blocks[2]], [])
    assert grown == text.replace("- **Type**:\n\n> why: " + str(BETA.why), "- **Type**: Owl Distiling\n\n> why: 0.93 · lexical")


def test_a_proposal_without_its_rule_gets_one() -> None:
    listed = checklist.parse(CANONICAL.replace("speaks once.\n\n</details>\n\n---\n", "speaks once.\n\n</details>\n"))
    assert not listed.blocks[1].closed
    fields = replace(BETA, why="0.93 · lexical")
    grown = checklist.grow(listed, [listed.blocks[0], checklist.rewritten(listed.blocks[1], fields), listed.blocks[2]], [])
    assert [b.fields for b in checklist.parse(grown).blocks] == [ALPHA, fields, GAMMA]
    assert [b.problems for b in checklist.parse(grown).blocks] == [(), (), ()]
    assert grown == CANONICAL.replace(str(BETA.why), str(fields.why))


def test_a_proposal_without_section_and_rule_gets_both() -> None:
    bare = f"# 2023 Papers\n\n## 1. {BETA.title}\n\n- [ ] {BETA.title} | {BETA.url}\n\n> why: old\n"
    one, two = checklist.parse(bare), checklist.parse(bare + "## 2. Next\n\n- [ ] Next\n")
    for listed in (one, two):
        changed = checklist.rewritten(listed.blocks[0], BETA)
        grown = checklist.grow(listed, [changed, *listed.blocks[1:]], [])
        assert grown == "# 2023 Papers\n\n" + checklist.render_block(1, BETA) + ("\n## 2. Next\n\n- [ ] Next\n" if listed is two else "")


def test_a_block_put_into_an_empty_file_starts_it() -> None:
    assert checklist.grow(checklist.parse(""), [], [GAMMA]) == checklist.render_block(1, GAMMA)


def test_remarks_inside_a_proposal_keep_it_from_being_rewritten_but_not_from_being_ticked() -> None:
    listed = checklist.parse(CANONICAL.replace("> why", "ask Kim\n\n> why"))
    block = listed.blocks[1]
    assert checklist.rewritten(block, replace(BETA, why="new")) is block
    chosen = checklist.rewritten(block, replace(BETA, ticked=True))
    assert chosen.text == block.text.replace("- [ ]", "- [x]")
