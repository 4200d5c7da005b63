"""The paper-by-paper comparison of two versions of the lists."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from tests.made_lists import BLOCKS
from triage.changes import KINDS, body, changes, subject
from triage.formats.checklist import BlockFields, render

PRUNED = BlockFields(
    title="Pruning", url="https://arxiv.org/abs/2301.00001", venue="arXiv", year=2023, type="Token Pruning", why="0.8 · lexical"
)
OTHER = BlockFields(title="Other", url="https://example.org/2", venue="ICCV", year=2023, type="Survey", ticked=True, abstract="Words.")


def lists(*blocks: BlockFields, path: str = "lists/2023.md") -> dict[str, str]:
    return {path: render("yearly", year=2023, blocks=blocks)}


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ([], [PRUNED], "proposed"),
        ([], [replace(PRUNED, ticked=True)], "selected"),
        ([], [replace(PRUNED, why=None)], "added"),
        ([PRUNED], [], "withdrawn"),
        ([OTHER], [], "removed"),
        ([PRUNED], [replace(PRUNED, ticked=True)], "selected"),
        ([OTHER], [replace(OTHER, ticked=False)], "unselected"),
        ([PRUNED], [replace(PRUNED, type="Token Merging")], "re-labelled"),
        ([PRUNED], [replace(PRUNED, venue="CVPR", url="https://example.org/cvpr", type="Token Merging")], "promoted"),
        ([OTHER], [replace(OTHER, venue="CVPR")], "edited"),
        ([OTHER], [replace(OTHER, title="Another")], "edited"),
        ([OTHER], [replace(OTHER, abstract="Other words.")], "edited"),
        ([PRUNED], [replace(PRUNED, why="0.7 · lexical")], "reworded"),
    ],
)
def test_kinds(before: list[BlockFields], after: list[BlockFields], kind: str) -> None:
    assert [one.kind for one in changes(lists(*before), lists(*after))] == [kind]


def test_a_paper_in_another_list_has_moved() -> None:
    (one,) = changes(lists(OTHER), lists(replace(OTHER, venue="CVPR", year=2024), path="lists/2024.md"))
    assert (one.kind, one.was, one.path) == ("moved", "lists/2023.md", "lists/2024.md")
    assert {field.name: (field.before, field.after) for field in one.fields} == {"venue": ("ICCV", "CVPR"), "year": ("2023", "2024")}


def test_the_subject_counts_and_the_body_lists() -> None:
    promoted = replace(PRUNED, venue="CVPR")
    found = changes(
        lists(PRUNED, OTHER),
        lists(promoted, replace(OTHER, type="Model Pruning"), replace(OTHER, title="New", url="https://example.org/3")),
    )
    assert subject(found) == "1 promoted to CVPR, 1 re-labelled, 1 selected"
    assert body(found).split("\n")[:2] == ["promoted (a preprint that is published now)", "- Pruning (CVPR 2023); venue: arXiv -> CVPR"]
    assert subject([]) == "lists and notes"


UNTICKED = BLOCKS.map(lambda blocks: [replace(block, ticked=False) for block in blocks if block.title])


@given(UNTICKED, UNTICKED)
def test_nothing_changed_is_nothing_and_every_paper_is_accounted_for(before: list[BlockFields], after: list[BlockFields]) -> None:
    assert changes(lists(*before), lists(*before)) == []
    found = changes(lists(*before), lists(*after))
    arrived = sum(one.kind in {"proposed", "added"} for one in found)
    gone = sum(one.kind in {"withdrawn", "removed"} for one in found)
    assert len(before) + arrived - gone == len(after)
    assert {one.kind for one in found} <= set(KINDS)
    assert all(line.startswith(("- ", *KINDS)) or not line for line in body(found).split("\n"))
