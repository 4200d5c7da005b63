"""What a person does to a list is read back: each edit becomes a word, and nothing is lost or guessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.syncing import NAMES, Case, Year, bench, play
from triage import returned
from triage.formats.checklist import BlockFields, render, render_block
from triage.identity import identify
from triage.identity.review import merge_works, take_back
from triage.settling import settle

CACHE, MERGE, PRUNE, QUANT = NAMES
AGAIN = "lists/look-again.md"
CASES: list[Case] = []
Night = Generator[None]


def case(one: Case) -> Case:
    CASES.append(one)
    return one


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BaseException | None]:
    return play(tmp_path_factory.mktemp("sync") / "w", CASES)


# --- ticks


@case
def a_reviewed_list_has_exactly_the_form_of_the_seed(y: Year) -> Night:
    assert all(block.why for block in y.blocks())
    for name in NAMES:
        y.tick(name)
    yield
    assert y.words() == ["selected"]
    assert "> why:" not in y.text()
    assert y.text() == render("yearly", year=y.year, blocks=[block.fields for block in y.blocks()])
    assert all(block.ticked for block in y.blocks(y.venue))
    assert [y.known(name, "decision", "labelled_by") for name in NAMES] == [("selected", "human")] * 4


@case
def a_tick_taken_out_takes_the_word_back_and_rejects_nothing(y: Year) -> Night:
    y.tick(PRUNE)
    yield
    for _ in range(2):
        y.edit(PRUNE, "- [x]", "- [ ]")
        yield
        assert y.known(PRUNE, "decision") is None
        assert not y.block(PRUNE).ticked
        assert not y.block(PRUNE, y.venue).ticked
        y.tick(PRUNE)
        yield
        assert y.known(PRUNE, "decision") == "selected"
    assert y.words() == ["selected", "undo"]


@case
def a_tick_in_the_venue_list_counts_in_the_yearly_one(y: Year) -> Night:
    y.tick(PRUNE, y.venue)
    yield
    assert y.known(PRUNE, "decision") == "selected"
    assert y.block(PRUNE).ticked


@case
def a_tick_of_the_programs_that_is_gone_is_asked_about(y: Year) -> Night:
    y.tick(PRUNE)
    yield
    y.edit(PRUNE, "- [x]", "- [ ]", y.venue)  # as it stood the night before, and no git to tell an edit from an old copy
    for _ in range(2):
        yield
        assert (y.known(PRUNE, "decision"), y.words()) == ("selected", ["selected"])
        assert (y.block(PRUNE).ticked, y.block(PRUNE, y.venue).ticked) == (True, False)
        assert y.conflicts() == [("tick", "not ticked", "selected")]
    ids = [row[0] for row in y.bench.rows(f"SELECT conflict_id FROM conflicts WHERE path = '{y.venue}'")]
    settle(y.bench.run, ids, "file")
    yield
    assert (y.known(PRUNE, "decision"), y.conflicts()) == (None, [])
    assert (y.block(PRUNE).ticked, y.block(PRUNE, y.venue).ticked) == (False, False)


@case
def a_tick_that_was_asked_about_and_is_set_again_stands(y: Year) -> Night:
    y.tick(PRUNE)
    yield
    y.edit(PRUNE, "- [x]", "- [ ]", y.venue)
    yield
    y.tick(PRUNE, y.venue)
    yield
    assert (y.known(PRUNE, "decision"), y.words(), y.conflicts()) == ("selected", ["selected"], [])
    assert (y.block(PRUNE).ticked, y.block(PRUNE, y.venue).ticked) == (True, True)


@case
def an_older_venue_list_that_comes_back_loses_no_tick(y: Year) -> Night:
    old = y.text(y.venue)
    for name in NAMES:
        y.tick(name)
    yield
    y.write(old, y.venue)
    yield
    assert [y.known(name, "decision") for name in NAMES] == ["selected"] * 4
    assert all(block.ticked for block in y.blocks(y.venue))
    assert y.conflicts() == []


@case
def a_block_copied_counts_as_ticked_when_either_is(y: Year) -> Night:
    y.write(y.text() + "\n" + y.block(PRUNE).text.replace("- [ ]", "- [x]").rstrip() + "\n")
    yield
    assert y.known(PRUNE, "decision") == "selected"
    yield
    assert y.words() == ["selected"]


# --- fields


def corrects(name: str, old: str, new: str, field: str, value: object) -> None:
    def one(y: Year) -> Night:
        y.edit(PRUNE, old.format(y=y), new.format(y=y, after=y.year + 1))
        expected = value.format(y=y) if isinstance(value, str) else y.year + 1 if field == "year" else value
        yield
        assert y.words() == ["correction"]
        assert y.known(PRUNE, field) == expected
        assert y.known(PRUNE, "decision") is None
        if field != "abstract":
            assert getattr(y.block(PRUNE) if y.has(PRUNE) else y.block(PRUNE, f"lists/{y.year + 1}.md"), field) == expected
        y.comes(PRUNE, title=y.title("Prune Early").replace("Models", "Model"))  # the source drifts
        yield
        assert y.known(PRUNE, field) == expected

    one.__name__ = name
    CASES.append(one)


corrects("a_venue_edited", "**Conference**: ACL", "**Conference**: EMNLP", "venue", "EMNLP")
corrects("a_year_edited", "**Year**: {y.year}", "**Year**: {after}", "year", None)
corrects(
    "a_title_edited_in_the_heading",
    ". Prune Early",
    ". Prune Very Early",
    "title",
    "Prune Very Early {y.year}: Token Pruning for Vision-Language Models",
)
corrects(
    "a_title_edited_in_the_tick_line",
    "] Prune Early",
    "] Prune Very Early",
    "title",
    "Prune Very Early {y.year}: Token Pruning for Vision-Language Models",
)
corrects(
    "a_link_edited_in_its_line",
    "**Link**: https://example.org/",
    "**Link**: https://example.org/mine/",
    "url",
    "https://example.org/mine/prune-early-{y.year}",
)
corrects(
    "a_link_edited_in_the_tick_line",
    "| https://example.org/",
    "| https://example.org/mine/",
    "url",
    "https://example.org/mine/prune-early-{y.year}",
)
corrects(
    "an_abstract_edited",
    "we prune",
    "I say they prune",
    "abstract",
    "prune-early-{y.year}: I say they prune visual tokens of vision-language models.",
)


@case
def title_and_link_edited_at_once_are_still_the_same_paper(y: Year) -> Night:
    y.edit(PRUNE, f"- [ ] {y.title(PRUNE)} | https://example.org/", "- [x] Mine for It | https://example.org/elsewhere/")
    yield
    assert y.known(PRUNE, "title", "decision") == ("Mine for It", "selected")
    assert (y.block(PRUNE).heading, y.block(PRUNE).problems) == ("Mine for It", ())
    yield
    assert len(y.blocks()) == 4
    assert y.words() == ["correction", "selected"]


@case
def an_edited_type_is_kept_as_typed_and_is_stronger_than_any_label(y: Year) -> Night:
    y.edit(PRUNE, f"**Type**: {y.block(PRUNE).type}", "**Type**: Token Pruning / my  words")
    yield
    assert y.known(PRUNE, "type", "labelled_by", "decision") == ("Token Pruning / my words", "human", None)
    assert y.block(PRUNE).type == "Token Pruning / my words"
    y.tick(PRUNE)
    y.edit(PRUNE, "**Type**: Token Pruning / my  words", "**Type**:")
    yield
    assert y.known(PRUNE, "type") is None
    assert y.block(PRUNE).type is None


@case
def edits_of_two_fields_in_two_nights_add_up(y: Year) -> Night:
    y.tick(PRUNE)
    y.edit(PRUNE, "**Conference**: ACL", "**Conference**: EMNLP")
    yield
    y.edit(PRUNE, "we prune", "they prune")
    yield
    assert y.known(PRUNE, "venue", "contains(abstract, 'they prune')") == ("EMNLP", True)


# --- blocks


@case
def a_paper_by_hand_is_a_record_ticked_or_not(y: Year) -> Night:
    for name, ticked in (("By Hand", True), ("Not Chosen", False)):
        paper = y.paper(name)
        fields = BlockFields(
            title=paper.title, url=paper.url, venue="ICML", year=y.year, type="Early Exiting", ticked=ticked, abstract=paper.abstract
        )
        y.write(y.text() + "\n" + render_block(9, fields))
    yield
    assert y.words() == ["added", "selected"]
    assert y.known("By Hand", "decision", "venue", "type") == ("selected", "ICML", "Early Exiting")
    assert y.known("Not Chosen", "decision", "type") == (None, "Early Exiting")
    y.comes("By Hand", venue="ICML")
    yield
    assert y.known("By Hand", "records", "decision") == (2, "selected")
    assert [block.number for block in y.blocks()] == [1, 2, 3, 4, 5, 6]


@case
def a_block_taken_out_is_a_rejection_and_does_not_come_back(y: Year) -> Night:
    y.take_out(MERGE)
    yield
    assert y.known(MERGE, "decision") == "rejected"
    y.comes(MERGE, key=f"again-{y.year}", title=y.title("Merge, and Go"))
    yield
    assert not y.has(MERGE)
    assert not y.has(MERGE, y.venue)


@case
def a_rejected_paper_that_is_written_in_again_by_hand_is_asked_for(y: Year) -> Night:
    text = y.block(MERGE).text
    y.take_out(MERGE)
    yield
    plain = text[: text.index("> why:")] + text[text.index("<details>") :]
    y.write(y.text().replace("## 1.", plain + "## 1.", 1))
    yield
    assert y.known(MERGE, "decision") is None
    assert y.has(MERGE)


@case
def a_block_cut_from_one_list_and_put_into_another_is_no_rejection(y: Year) -> Night:
    y.tick(MERGE)
    yield
    text = y.block(MERGE).text
    y.take_out(MERGE)
    y.write(render("yearly", year=y.year + 1) + "\n" + text.rstrip() + "\n", f"lists/{y.year + 1}.md")
    yield
    assert y.known(MERGE, "decision") == "selected"


MISHAPS: dict[str, Callable[[str], str]] = {
    "emptied": lambda _: "",
    "without_a_block": lambda text: text[: text.index("## 1.")],
    "cut_in_half": lambda text: text[: text.index("we prune", len(text) // 2) + 4],
    "without_its_last_block": lambda text: text[: text.rindex("## ")],
    "cut_in_its_last_block": lambda text: text[: text.rindex("</details>")],
}


def mishap(name: str) -> None:
    def one(y: Year) -> Night:
        y.tick(PRUNE)
        yield
        broken = MISHAPS[name](y.text())
        y.write(broken)
        yield
        assert y.text() == broken
        assert y.known(PRUNE, "decision") == "selected"
        assert y.words() == ["selected"]
        y.path().unlink()
        yield
        assert [y.block(paper).ticked for paper in NAMES] == [False, False, True, False]

    one.__name__ = f"a_file_{name}_rejects_nothing_and_is_left"
    CASES.append(one)


for each in MISHAPS:
    mishap(each)


@case
def a_file_put_back_to_an_older_state_rejects_nothing(y: Year) -> Night:
    older = y.text()
    y.comes("After It")
    y.comes("Before It")
    yield
    y.write(older.replace(f"- [ ] {y.title(PRUNE)}", f"- [x] {y.title(PRUNE)}"))
    yield
    assert y.known(PRUNE, "decision") == "selected"
    assert len(y.blocks()) == 6
    newer = y.text()
    y.write(older)
    yield
    assert y.words() == ["selected"]
    assert y.block(PRUNE).ticked
    for name in ("After It", "Before It"):  # proposed no longer, and rejected by nobody
        assert y.known(name, "proposed", "unproposed", "decision") == (False, True, None)
        assert not y.has(name)
    yield
    assert len(y.blocks()) == 4
    y.write(newer)
    yield
    assert len(y.blocks()) == 6
    assert [y.known(name, "proposed", "unproposed") for name in ("After It", "Before It")] == [(True, False)] * 2
    assert y.words() == ["selected"]
    assert y.block(PRUNE).ticked


@case
def a_persons_order_and_free_text_stay_and_new_blocks_take_their_place(y: Year) -> Night:
    first, *others = y.blocks()
    head = y.text()[: y.text().index("## 1.")]
    y.write(
        head
        + "My plan.\n\n"
        + others[2].text.rstrip()
        + "\n\nbetween\n\n"
        + first.text
        + others[0].text
        + others[1].text.rstrip()
        + "\n\nat the end\n"
    )
    y.comes("After It")
    yield
    after = [name for name in (QUANT, "After It", CACHE, MERGE, PRUNE) for _ in [y.block(name)]]
    places = {name: y.block(name).number for name in after}
    assert places[QUANT] < places[CACHE] < places[MERGE] < places[PRUNE]  # type: ignore[operator]
    assert [line for line in y.text().split("\n") if line in ("My plan.", "between", "at the end")] == ["My plan.", "between", "at the end"]
    assert y.words() == []


# --- both sides


@case
def opposite_words_in_two_lists_are_a_conflict_and_nothing_is_said(y: Year) -> Night:
    y.take_out(CACHE)
    y.tick(CACHE, y.venue)
    yield
    yield
    assert y.known(CACHE, "decision") is None
    assert y.conflicts() == [("block", "taken out", f"selected in {y.venue}"), ("tick", "selected", f"taken out in {y.list}")]
    assert (y.has(CACHE), y.block(CACHE, y.venue).ticked) == (False, True)
    y.say(CACHE, "rejected")
    yield
    assert y.conflicts() == []
    assert not y.has(CACHE, y.venue)


@case
def a_field_changed_on_both_sides_waits_for_the_person(y: Year) -> Night:
    y.tick(PRUNE)
    yield
    y.say(PRUNE, "correction", value=json.dumps({"venue": "EMNLP"}))
    y.edit(PRUNE, "**Conference**: ACL", "**Conference**: NAACL")
    yield
    yield
    assert y.conflicts() == [("venue", "NAACL", "EMNLP")]
    assert (y.block(PRUNE).venue, y.known(PRUNE, "venue")) == ("NAACL", "EMNLP")
    y.settle("file")
    yield
    assert y.conflicts() == []
    assert (y.block(PRUNE).venue, y.known(PRUNE, "venue")) == ("NAACL", "NAACL")


@case
def a_conflict_goes_when_the_file_is_edited_to_what_the_warehouse_says(y: Year) -> Night:
    y.tick(PRUNE)
    yield
    y.say(PRUNE, "type", value="One Type")
    y.edit(PRUNE, f"**Type**: {y.block(PRUNE).type}", "**Type**: Another")
    yield
    assert y.conflicts() == [("type", "Another", "One Type")]
    y.edit(PRUNE, "**Type**: Another", "**Type**: One Type")
    yield
    assert y.conflicts() == []
    assert (y.block(PRUNE).type, y.known(PRUNE, "type")) == ("One Type", "One Type")


@case
def rejected_elsewhere_and_ticked_here_waits_for_the_person(y: Year) -> Night:
    y.say(PRUNE, "rejected")
    y.tick(PRUNE)
    yield
    assert y.conflicts() == [("tick", "selected", "rejected")]
    assert (y.block(PRUNE).ticked, y.known(PRUNE, "decision")) == (True, "rejected")
    y.settle("warehouse")
    yield
    assert not y.has(PRUNE)


@case
def a_tick_that_clashed_and_is_taken_out_again_settles_the_clash(y: Year) -> Night:
    y.say(PRUNE, "rejected")
    y.tick(PRUNE)
    yield
    assert y.conflicts() == [("tick", "selected", "rejected")]
    y.edit(PRUNE, "- [x]", "- [ ]")
    yield
    assert (y.conflicts(), y.known(PRUNE, "decision"), y.has(PRUNE)) == ([], "rejected", False)


@case
def what_was_said_elsewhere_is_written_to_every_list(y: Year) -> Night:
    y.say(PRUNE, "selected")
    y.say(PRUNE, "correction", value=json.dumps({"url": f"https://example.org/better/{y.year}"}))
    yield
    yearly, venue = y.block(PRUNE), y.block(PRUNE, y.venue)
    assert (yearly.ticked, yearly.why, yearly.link, venue.url) == (
        True,
        None,
        f"https://example.org/better/{y.year}",
        f"https://example.org/better/{y.year}",
    )
    (word,) = y.bench.rows(f"SELECT decision_id FROM decisions WHERE what = 'selected' AND work_id = '{y.work(PRUNE)}'")
    y.say(PRUNE, "undo", value=word[0])
    yield
    assert not y.block(PRUNE).ticked
    assert y.words() == []


@case
def two_lists_that_say_different_things_are_not_settled_as_the_file_says(y: Year) -> Night:
    y.edit(PRUNE, "**Conference**: ACL", "**Conference**: EMNLP")
    y.edit(PRUNE, "we prune", "they prune")
    y.edit(PRUNE, "we prune", "you prune", y.venue)
    y.edit(PRUNE, "] Prune Early", "] Prune Very Early")
    y.edit(PRUNE, ". Prune Early", ". Prune Quite Early")
    yield
    assert [field for field, *_ in y.conflicts()] == ["abstract", "abstract", "title"]
    said = y.words()
    y.settle("file")
    assert [field for field, *_ in y.conflicts()] == ["abstract", "abstract", "title"]
    assert y.words() == said
    (report,) = [one for one in y.bench.run.reports if one.step == "settle" and any(y.list in line for line in one.messages)]
    assert (report.read, report.new, report.refused, len(report.messages)) == (2, 0, 2, 2)
    y.settle("warehouse")
    yield
    assert y.bench.rows(f"SELECT count(*) FROM conflicts WHERE path = '{y.list}'") == [(0,)]
    assert y.known(PRUNE, "title", "venue") == (y.title(PRUNE), "EMNLP")
    assert y.known(PRUNE, "abstract") == f"prune-early-{y.year}: we prune visual tokens of vision-language models."
    assert (y.block(PRUNE).title, y.block(PRUNE).heading) == (y.title(PRUNE), y.title(PRUNE))
    assert "we prune" in y.block(PRUNE).text


@case
def works_that_become_one_keep_their_open_conflicts_and_a_split_gives_them_back(y: Year) -> Night:
    for paper, field, word in ((PRUNE, "venue", "correction"), (QUANT, "type", "type")):
        y.tick(paper)
        y.say(paper, word, value=json.dumps({"venue": "EMNLP"}) if field == "venue" else "One Type")
    y.edit(PRUNE, "**Conference**: ACL", "**Conference**: NAACL")
    y.edit(QUANT, f"**Type**: {y.block(QUANT).type}", "**Type**: Another")
    yield
    open_ = [("type", "Another", "One Type"), ("venue", "NAACL", "EMNLP")]
    assert y.conflicts() == open_
    owners = f"SELECT field, work_id FROM conflicts WHERE path = '{y.list}' ORDER BY field"
    before = y.bench.rows(owners)
    merge_works(y.bench.run, y.work(PRUNE), y.work(QUANT))
    identify(y.bench.run)
    yield
    assert y.conflicts() == open_
    assert len({work for _, work in y.bench.rows(owners)}) == 1
    (said,) = y.bench.rows("SELECT decision_id FROM decisions WHERE what = 'same'")
    take_back(y.bench.run, said[0])
    identify(y.bench.run)
    yield
    assert y.bench.rows(owners) == before
    assert y.conflicts() == open_


@case
def a_tick_in_the_undated_list_is_read(y: Year) -> Night:
    undated = "lists/undated.md"
    y.comes("No Year", year=None, venue=None)
    yield
    y.tick("No Year", undated)
    yield
    assert y.known("No Year", "decision", "home_year") == ("selected", None)
    assert (y.block("No Year", undated).ticked, y.block("No Year", undated).why) == (True, None)
    y.edit("No Year", "- [x]", "- [ ]", undated)
    yield
    assert y.known("No Year", "decision") is None
    assert not y.block("No Year", undated).ticked


@case
def blocks_copied_over_and_over_are_one_paper_and_none_is_rejected(y: Year) -> Night:
    block = y.block(PRUNE).text.rstrip() + "\n\n"
    plain = block[: block.index("> why:")] + block[block.index("<details>") :]
    y.write(y.text() + "\n" + 2 * block + plain + plain.replace("ACL", "EMNLP"))
    yield
    yield
    assert y.known(PRUNE, "decision", "records") == (None, 1)
    assert y.words() == []
    y.take_out(MERGE)
    yield
    assert y.words() == ["rejected"]


# --- promotions


def preprint(y: Year, name: str) -> None:
    y.comes(name, venue="arXiv", url=f"https://arxiv.org/abs/{y.year}.0000{len(name)}")


def at_venue(y: Year, name: str, year: int) -> None:
    y.comes(name, key=f"cvpr {name} {y.year}", source="cvf", venue="CVPR", year=year, url=f"https://example.org/cvpr/{name[0]}{y.year}")


@case
def a_promotion_within_the_year_changes_link_and_venue_that_nobody_edited(y: Year) -> Night:
    preprint(y, "From arXiv")
    preprint(y, "Mine Own")
    yield
    for name in ("From arXiv", "Mine Own"):
        y.tick(name)
    y.edit("Mine Own", "**Conference**: arXiv", "**Conference**: arXiv, to appear")
    yield
    for name in ("From arXiv", "Mine Own"):
        at_venue(y, name, y.year)
    yield
    promoted, own = y.block("From arXiv"), y.block("Mine Own")
    assert (promoted.venue, promoted.link, promoted.url, promoted.ticked) == (
        "CVPR", f"https://example.org/cvpr/F{y.year}", f"https://example.org/cvpr/F{y.year}", True,
    )  # fmt: skip
    assert (own.venue, own.ticked) == ("arXiv, to appear", True)


@case
def a_promotion_to_another_year_waits_for_a_tick_there(y: Year) -> Night:
    other = f"lists/{y.year + 1}.md"
    preprint(y, "Moving On")
    yield
    y.tick("Moving On")
    yield
    before = y.block("Moving On").text
    at_venue(y, "Moving On", y.year + 1)
    yield
    assert y.block("Moving On").text == before
    assert y.block("Moving On", other).why == f"you ticked it in {y.year} · now at CVPR {y.year + 1} · tick to move it here"
    y.tick("Moving On", other)
    yield
    assert not y.has("Moving On")
    assert (y.block("Moving On", other).ticked, y.block("Moving On", other).why) == (True, None)
    yield
    assert y.known("Moving On", "decision", "home_year") == ("selected", y.year + 1)


@case
def a_move_that_is_taken_out_is_declined_and_rejects_nothing(y: Year) -> Night:
    other = f"lists/{y.year + 1}.md"
    preprint(y, "Staying Here")
    yield
    y.tick("Staying Here")
    yield
    at_venue(y, "Staying Here", y.year + 1)
    y.comes("Zzz", year=y.year + 1, venue="EMNLP")
    yield
    y.take_out("Staying Here", other)
    yield
    assert y.known("Staying Here", "decision", "home_year") == ("selected", y.year)
    assert (y.has("Staying Here"), y.has("Staying Here", other)) == (True, False)


@case
def a_rejected_preprint_at_a_venue_is_shown_apart_and_only_there(y: Year) -> Night:
    preprint(y, "Twice Seen")
    yield
    y.say("Twice Seen", "rejected", reason="too early")
    at_venue(y, "Twice Seen", y.year)
    yield
    assert not y.has("Twice Seen")
    assert y.block("Twice Seen", AGAIN).why == f"rejected on 2026-11-23: too early · since then at CVPR {y.year}"
    assert y.bench.rows("SELECT count(*) FROM review_queue WHERE title LIKE 'Twice Seen%'") == [(0,)]
    y.tick("Twice Seen", AGAIN)
    yield
    assert y.known("Twice Seen", "decision") == "selected"
    assert y.block("Twice Seen").ticked
    assert not y.has("Twice Seen", AGAIN)


# --- files that are not as they should be


@case
def windows_line_ends_and_a_byte_order_mark_are_a_persons_and_stay(y: Year) -> Night:
    y.tick(PRUNE)
    y.write("\ufeff" + y.text().replace("\n", "\r\n"))
    y.comes("After It")
    yield
    assert y.known(PRUNE, "decision") == "selected"
    assert y.text().startswith(f"\ufeff# {y.year}")
    assert y.text().count("\n") == y.text().count("\r\n")
    assert len(y.blocks()) == 5


@case
def windows_line_ends_and_a_byte_order_mark_in_a_venue_list(y: Year) -> Night:
    y.tick(PRUNE, y.venue)
    y.write("\ufeff" + y.text(y.venue).replace("\n", "\r\n"), y.venue)
    y.comes("After It")
    yield
    assert y.known(PRUNE, "decision") == "selected"
    assert y.text(y.venue).startswith(f"\ufeff# ACL {y.year}")
    assert y.text(y.venue).count("\n") == y.text(y.venue).count("\r\n")
    assert len(y.blocks(y.venue)) == 5


@case
def a_block_twice_in_a_venue_list_is_one_paper(y: Year) -> Night:
    text = y.block(PRUNE, y.venue).text.rstrip()
    y.write(y.text(y.venue).rstrip() + "\n\n" + text.replace("- [ ]", "- [x]") + "\n\nmine, behind it\n", y.venue)
    yield
    assert y.known(PRUNE, "decision", "records") == ("selected", 1)
    yield
    assert (y.words(), y.conflicts()) == (["selected"], [])
    assert "mine, behind it" in y.text(y.venue)


def damage(text: str, how: str) -> bytes:
    """Damage to the second block of four."""
    block = text[text.index("## 2.") : text.index("## 3.")]
    if how == "utf16":
        return text.encode("utf-16")
    if how == "latin1":
        return text.replace(block, block.replace("we prune", "we prüne")).encode().replace("ü".encode(), "ü".encode("latin-1"))
    broken = {
        "no_tick_line": "\n".join(line for line in block.split("\n") if not line.startswith("- [ ]")),
        "two_tick_lines": block.replace("- [ ]", "- [x] Another\n\n- [ ]", 1),
        "merge_markers": f"<<<<<<< HEAD\n{block.replace('[ ]', '[x]')}=======\n{block}>>>>>>> theirs\n",
    }
    return text.replace(block, broken[how]).encode()


def damaged(how: str, which: str) -> None:
    def one(y: Year) -> Night:
        name = y.venue if which == "venue" else y.list
        y.tick(QUANT, name)
        broken = damage(y.text(name), how)
        y.write(broken, name)
        y.comes("After It")
        yield
        assert y.known(QUANT, "decision") == "selected"
        assert y.path(name).read_bytes() == broken
        assert y.words() == ["selected"]
        assert [f for f in y.bench.run.failures if f.item.startswith(f"{name}:") and f.hint]
        yield
        assert y.path(name).read_bytes() == broken
        y.path(name).unlink()
        yield
        assert (len(y.blocks(name)), y.block(QUANT, name).ticked) == (5, True)

    one.__name__ = f"with_{how}_in_a_{which}_list_the_rest_is_read_and_the_file_is_left"
    CASES.append(one)


for each in ("no_tick_line", "two_tick_lines", "merge_markers", "utf16", "latin1"):
    damaged(each, "yearly")
    damaged(each, "venue")


@pytest.mark.parametrize(
    ("limit", "most", "part"),
    [("LARGEST_FILE", 40_000, "bytes are more than any list has"), ("MOST_HEADINGS", 40, "101 headings are more than any list has")],
)
def test_a_file_larger_than_any_list_is_named_and_left_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, part: str
) -> None:
    with bench(tmp_path / "w") as made:
        large, other = Year(made, 1900), Year(made, 1902)
        for y in (large, other):
            y.comes(PRUNE)
        made.night()
        tick, before = large.block(PRUNE).text, large.text()
        large.write(before.replace(tick, tick.replace("- [ ]", "- [x]")) + ("\n## 7. " + 400 * "x") * 99 + "\n\n## 7. mine\n")
        other.tick(PRUNE)
        huge = large.text()
        with monkeypatch.context() as patched:
            patched.setattr(returned, limit, most)
            for _ in range(2):
                report = made.night()
                assert report.refused == 1
                assert any(large.list in message and part in message for message in report.messages)
                assert large.text() == huge
                assert not [m for one in made.run.reports for m in one.messages if "not read yet" in m]  # it is told once
            assert (large.known(PRUNE, "decision"), other.known(PRUNE, "decision")) == (None, "selected")
        large.write(before.replace(tick, tick.replace("- [ ]", "- [x]")))
        assert made.night().refused == 0
        assert large.known(PRUNE, "decision") == "selected"


@pytest.mark.parametrize("name", [*(one.__name__ for one in CASES), "a night with nothing new"])
def test_case(name: str, outcomes: dict[str, BaseException | None]) -> None:
    error = outcomes[name]
    if error is not None:
        raise error
