"""One block changed in place: what is not meant stays to the character."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_lists import ALPHA, BETA, CANONICAL, FIELDS, KINDS, with_ends
from triage.formats.checklist import BlockFields, Kind, parse, render, render_block, ticked
from triage.formats.checklist_edits import unticked, untouched, updated

NEW: dict[str, Any] = {
    "title": "Owls | Seen Again <b>", "url": "https://papers.example.org/new", "venue": "CVPR", "year": 2024, "type": "Owl Merging",
    "abstract": "## 2. Not a heading\n</details>",
}  # fmt: skip


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("name", list(NEW))
def test_one_field_changes_wherever_it_is_said_and_nothing_else(name: str, ends: str) -> None:
    block = parse(with_ends(CANONICAL, ends)).blocks[0]
    changed = updated(block, {name: NEW[name]})
    assert changed.fields == replace(ALPHA, **{name: NEW[name]})
    assert changed.text == with_ends(render_block(1, changed.fields), ends) + block.trailing
    assert updated(changed, {name: getattr(ALPHA, name)}).text == block.text


def test_a_persons_own_form_stays_round_the_change() -> None:
    text = "##7) Quiet  Teachers\n* [x]   Quiet Teachers\n+ **Conference:**  ICML\nmine, keep\n<details><summary>Abstract</summary>Once.</details>\n***\n"
    block = parse(text).blocks[0]
    changed = updated(block, {"venue": "CVPR", "url": "https://papers.example.org/1"})
    assert changed.text == (
        "##7) Quiet  Teachers\n* [x] Quiet Teachers | https://papers.example.org/1\n\n- **Link**: https://papers.example.org/1\n"
        "+ **Conference:** CVPR\nmine, keep\n<details><summary>Abstract</summary>Once.</details>\n***\n"
    )
    assert (changed.url, changed.venue, changed.remarks) == ("https://papers.example.org/1", "CVPR", "mine, keep\n")


@given(FIELDS, FIELDS, st.sampled_from(KINDS))
def test_any_change_reads_back_as_it_was_said(fields: BlockFields, other: BlockFields, kind: Kind) -> None:
    block = parse(render(kind, venue="V", year=2023, blocks=[replace(fields, title=fields.title or "T", venue="V", year=2023)])).blocks[0]
    names = ["title", "url", "venue", *(["type"] if kind == "yearly" else []), "abstract"]
    changes = {name: value for name in names if (value := getattr(other, name))}
    changed = updated(block, changes)
    assert {name: getattr(changed, name) for name in changes} == changes
    assert len(parse(changed.text).blocks) == 1


@given(FIELDS)
def test_a_tick_goes_and_comes(fields: BlockFields) -> None:
    block = parse(render("yearly", year=2023, blocks=[replace(fields, title="T", ticked=False)])).blocks[0]
    assert unticked(block) is block
    assert unticked(ticked(block)) == block


def test_only_a_proposal_that_stands_as_it_was_written_is_untouched() -> None:
    text = render("yearly", year=2023, blocks=[BETA, ALPHA])
    block = parse(text).blocks[0]
    assert untouched(block, "yearly")
    assert untouched(parse(with_ends(text, "\r\n")).blocks[0], "yearly")
    for old, new in (("## 1. Quiet", "## 1. Loud"), ("- **Year**", "- **Year** "), ("> why:", "my remark\n\n> why:"), ("- [ ]", "- [x]")):
        assert not untouched(parse(text.replace(old, new)).blocks[0], "yearly")
    assert not untouched(parse(text).blocks[1], "yearly")
