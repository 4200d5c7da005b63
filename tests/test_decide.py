"""A person's word by command: said, shown, taken back, and stronger than whatever comes later."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.desk import Desk, import_all
from tests.documents import YEARLY_BY_HAND


def prepare(desk: Desk) -> None:
    import_all(desk)
    assert desk("run") == 0


def proposal(desk: Desk) -> tuple[str, str]:
    work, title = desk.rows("SELECT work_id, title FROM review_queue LIMIT 1")[0]
    return work, title


def words(desk: Desk) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (desk.folder / "decisions.jsonl").read_text().split("\n") if line]


def decision(desk: Desk, work: str) -> Any:
    return desk.rows(f"SELECT decision FROM works WHERE work_id = '{work}'")[0][0]


def lists(desk: Desk) -> str:
    return "\n".join(path.read_text() for path in sorted((desk.folder / "lists").rglob("*.md")))


def test_a_selected_work_is_ticked_in_its_list_and_keeps_what_the_machine_had_said(desk: Desk) -> None:
    work, title = proposal(desk)
    assert f"- [ ] {title}" in lists(desk)
    assert desk("decide", work[:8], "--select", "--type", "Token  Pruning") == 0
    assert decision(desk, work) == "selected"
    assert f"- [x] {title}" in lists(desk)
    selected, typed = words(desk)[-2:]
    assert (selected["what"], typed["what"], typed["value"]) == ("selected", "type", "Token Pruning")
    assert selected["where"] == "triage decide"
    assert selected["proposed"]["score"] > 0.35
    assert desk.rows(f"SELECT type, labelled_by FROM works WHERE work_id = '{work}'") == [("Token Pruning", "human")]


def test_a_rejected_work_leaves_the_lists_and_never_comes_back_by_itself(desk: Desk) -> None:
    work, title = proposal(desk)
    assert desk("decide", work, "--reject", "a survey,\nnot a method") == 0
    assert decision(desk, work) == "rejected"
    assert words(desk)[-1]["reason"] == "a survey, not a method"
    assert f"## {title}" not in lists(desk)
    assert f"] {title}" not in lists(desk)
    assert desk("run") == 0
    assert desk.rows(f"SELECT * FROM review_queue WHERE work_id = '{work}'") == []
    (desk.folder / "triage.duckdb").unlink()
    assert desk("run") == 0
    assert decision(desk, work) == "rejected"
    assert desk.rows(f"SELECT * FROM review_queue WHERE work_id = '{work}'") == []


def test_later_leaves_the_queue_and_undo_brings_back_what_was_before(desk: Desk) -> None:
    work, _ = proposal(desk)
    for arguments in (["--later"], ["--reject", ""], ["--select"]):
        assert desk("decide", work, *arguments) == 0
    said = [decision(desk, work)]
    for _ in range(3):
        assert desk("decide", work, "--undo") == 0
        said.append(decision(desk, work))
    assert said == ["selected", "rejected", "later", None]
    assert desk("decide", work, "--undo") == 2
    assert desk.rows(f"SELECT count(*) FROM review_queue WHERE work_id = '{work}'") == [(1,)]


def test_undo_takes_a_tick_of_a_file_back_with_the_type_said_with_it(desk: Desk) -> None:
    work, title = proposal(desk)
    path = next(path for path in sorted((desk.folder / "lists").glob("*.md")) if f"- [ ] {title} |" in path.read_text())
    path.write_text(path.read_text().replace(f"- [ ] {title} |", f"- [x] {title} |"))
    assert desk("sync") == 0
    assert {one["what"] for one in words(desk) if one["work"]["title"] == title} == {"selected", "type"}
    assert desk("decide", work, "--undo") == 0
    assert (decision(desk, work), desk.rows(f"SELECT labelled_by FROM works WHERE work_id = '{work}'")) == (None, [("lexical",)])
    assert f"- [ ] {title} |" in path.read_text()


def test_the_same_word_again_is_no_word(desk: Desk) -> None:
    work, _ = proposal(desk)
    assert desk("decide", work, "--later") == 0
    before = words(desk)
    assert desk.printed("decide", work, "--later") == "that was said already; nothing changed\n"
    assert words(desk) == before


def test_several_works_at_once_or_none(desk: Desk) -> None:
    ids = [row[0] for row in desk.rows("SELECT work_id FROM works ORDER BY work_id LIMIT 3")]
    before = words(desk)
    assert desk("decide", *ids, "no-such-work", "--later") == 2
    assert words(desk) == before
    told = desk.json("decide", *ids, "--later")
    assert sorted(word["what"] for word in told["said"]) == ["later"] * 3
    assert {decision(desk, work) for work in ids} == {"later"}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "say what"),
        (["--select", "--later"], "say one of"),
        (["--undo", "--type", "x"], "takes a word back"),
        (["--later", "--type", "x"], "needs no --type"),
        (["--type", " \n"], "empty Type"),
        (["--type", "x" * 201], "201 characters"),
        (["--reject", "x" * 2001], "2001 characters"),
    ],
)
def test_words_that_cannot_be_kept_are_refused(desk: Desk, arguments: list[str], part: str) -> None:
    work, _ = proposal(desk)
    before = words(desk)
    assert desk("decide", work, *arguments) == 2
    assert part in desk.capsys.readouterr().err
    assert words(desk) == before


def test_what_was_said_is_listed_and_taken_back_by_its_id(desk: Desk) -> None:
    work, title = proposal(desk)
    assert desk("decide", work, "--reject", "too narrow") == 0
    told = desk.json("decisions", "--work", work)
    assert [(one["what"], one["reason"], one["in_force"]) for one in told["decisions"]] == [("rejected", "too narrow", True)]
    shown = desk.printed("decisions", "--what", "rejected", "--in-force")
    assert title in shown
    assert "too narrow" in shown
    assert "the machine had said" in shown
    assert desk("decisions", "undo", told["decisions"][0]["decision_id"][:6]) == 0
    assert decision(desk, work) is None
    assert desk.printed("decisions", "undo", told["decisions"][0]["decision_id"]) == "that was said already; nothing changed\n"
    assert [one["what"] for one in desk.json("decisions", "--work", work)["decisions"]] == ["undo", "rejected"]
    assert desk.printed("decisions", "--work", work, "--in-force") == "nothing was said that fits\n"
    assert desk("decisions", "undo", "d-nothing") == 2
    assert desk("decisions", "--work", "w-nothing") == 2


def test_filters_by_person_and_day(desk: Desk) -> None:
    everything = desk.json("decisions")["decisions"]
    assert everything
    assert desk.json("decisions", "--who", everything[0]["who"].upper(), "--since", "2000-01-01")["decisions"] == everything
    assert desk.json("decisions", "--since", "2999-01-01")["decisions"] == []
    assert desk.json("decisions", "--who", "somebody else")["decisions"] == []
    assert desk.json("decisions", "--limit", "1")["decisions"] == everything[:1]


def test_a_hostile_title_stays_text(desk: Desk) -> None:
    title = "\x1b[31mRed\x1b[0m [bold]Pruning[/bold] of visual tokens for efficient vision-language models"
    desk.file(
        "h.md",
        YEARLY_BY_HAND.split("## 1.")[0] + f"## 1. {title}\n\n- [ ] {title} | https://example.org/hostile\n\n- **Year**: 2023\n\n---\n",
    )
    assert desk("import", str(desk.folder / "h.md")) == 0
    work = desk.rows("SELECT work_id FROM works WHERE url = 'https://example.org/hostile'")[0][0]
    shown = desk.printed("decide", work, "--later") + desk.printed("decisions")
    assert "\x1b" not in shown
    assert "[bold]" in shown
