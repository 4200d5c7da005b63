"""A person's word: kept once, with what the machine had proposed and the word it came after."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.workspaces import Ticking, ask, in_run, make_workspace, put, record
from triage.decisions import load_decisions, read_decisions
from triage.errors import UsageError
from triage.identity import identify
from triage.labelling.due import label
from triage.models import Decision, WorkReference
from triage.runs import Run
from triage.screening import propose, screen
from triage.words import Word, say, taking_back
from triage.workspace import Workspace

TITLE = "Visual Token Pruning for Vision-Language Models"
URL = "https://example.org/p/1"
FAST = "We prune visual tokens of vision-language models and run 2x faster."


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path)
    put(made, [record("a", TITLE, url=URL, abstract=FAST, venue="ACL", year=2023), record("b", "Painting Old Maps")])
    in_run(made, lambda run: (screen(run), propose(run), label(run)))
    return made


def work_of(workspace: Workspace, key: str = "a") -> str:
    return str(ask(workspace, f"SELECT work_id FROM records WHERE source_key = '{key}'")[0][0])


def speak(workspace: Workspace, *words: Word, clock: Callable[[], datetime] | None = None) -> list[Decision]:
    def work(run: Run) -> list[Decision]:
        load_decisions(run)
        fresh = say(run, words, where="test")
        identify(run)
        return fresh

    said = in_run(workspace, work, clock=clock)
    assert isinstance(said, list)
    return said


def take_back(workspace: Workspace, work: str, *, clock: Callable[[], datetime] | None = None) -> Sequence[Decision]:
    def word(run: Run) -> Any:
        with run.warehouse.burst() as con:
            words = taking_back(con, [work])
        return say(run, words, where="test")

    said = in_run(workspace, word, clock=clock)
    assert isinstance(said, list)
    return said


def test_a_word_keeps_who_when_where_and_what_the_machine_had_proposed(workspace: Workspace) -> None:
    (said,) = speak(workspace, Word(work_of(workspace), "rejected", reason="a survey"))
    (line,) = workspace.decisions_path.read_text(encoding="utf-8").splitlines()
    kept = json.loads(line)
    assert (kept["where"], kept["reason"], kept["after"], kept["work"]["url"]) == ("test", "a survey", "", URL)
    assert said.proposed
    assert kept["proposed"]["labels"] == ["token-reduction/pruning"]
    assert ask(workspace, "SELECT what, reason, proposed_type, proposed_labels, proposed_by, after FROM decisions") == [
        ("rejected", "a survey", said.proposed.type, ["token-reduction/pruning"], "lexical", "")
    ]
    assert ask(workspace, "SELECT proposed_score = screening_score FROM decisions JOIN works USING (work_id)") == [(True,)]


def test_the_same_said_again_is_the_same_word_and_a_change_of_mind_and_back_is_three(workspace: Workspace) -> None:
    work, clock = work_of(workspace), Ticking()
    assert len(speak(workspace, Word(work, "selected"), Word(work, "selected"), clock=clock)) == 1
    assert speak(workspace, Word(work, "selected"), clock=clock) == []
    assert [one.what for one in speak(workspace, Word(work, "rejected"), Word(work, "selected"), clock=clock)] == ["rejected", "selected"]
    assert ask(workspace, "SELECT decision FROM works WHERE decision IS NOT NULL") == [("selected",)]
    ids = [one.id for one in read_decisions(workspace.decisions_path)[0]]
    assert [one.after for one in read_decisions(workspace.decisions_path)[0]] == ["", ids[0], ids[1]]


def test_taken_back_is_as_if_never_said_and_can_be_said_again(workspace: Workspace) -> None:
    work, clock = work_of(workspace), Ticking()
    speak(workspace, Word(work, "rejected"), Word(work, "selected"), clock=clock)
    for _ in range(2):
        assert len(take_back(workspace, work, clock=clock)) in (1, 2)
        assert take_back(workspace, work, clock=clock) == []
        assert ask(workspace, "SELECT count(*) FROM works WHERE decision IS NOT NULL") == [(0,)]
        assert len(speak(workspace, Word(work, "selected"), clock=clock)) == 1
        assert ask(workspace, "SELECT decision FROM works WHERE decision IS NOT NULL") == [("selected",)]


def test_two_machines_that_say_the_same_say_one_word(workspace: Workspace, tmp_path: Path) -> None:
    other = make_workspace(tmp_path / "other")
    put(other, [record("x", TITLE, url=URL, source="elsewhere", abstract=FAST)])
    (here,) = speak(workspace, Word(work_of(workspace), "selected"))
    (there,) = speak(other, Word(work_of(other, "x"), "selected"), clock=Ticking(datetime(2026, 12, 1, tzinfo=UTC)))
    assert here.id == there.id


def test_a_correction_keeps_what_was_corrected_before_and_finds_its_work_in_an_empty_warehouse(workspace: Workspace) -> None:
    work, clock = work_of(workspace), Ticking()
    speak(workspace, Word(work, "correction", value=json.dumps({"title": "My Own Title"})), clock=clock)
    speak(workspace, Word(work, "correction", value=json.dumps({"url": "https://example.org/mine"})), Word(work, "selected"), clock=clock)
    corrected = [("My Own Title", "https://example.org/mine", "selected")]
    assert ask(workspace, f"SELECT title, url, decision FROM works WHERE work_id = '{work}'") == corrected
    workspace.warehouse_path.unlink()
    in_run(workspace, load_decisions, clock=clock)
    put(workspace, [record("a", TITLE, url=URL, abstract=FAST, venue="ACL", year=2023)], clock=clock)
    assert ask(workspace, "SELECT title, url, decision FROM works") == corrected


def test_a_tick_remembers_the_list_it_was_set_in(workspace: Workspace) -> None:
    work, clock = work_of(workspace), Ticking()
    speak(workspace, Word(work, "selected", list_year=2022), clock=clock)
    assert ask(workspace, f"SELECT year, home_year FROM works WHERE work_id = '{work}'") == [(2023, 2022)]
    assert speak(workspace, Word(work, "selected"), clock=clock) == []
    assert len(speak(workspace, Word(work, "selected", list_year=2023), clock=clock)) == 1
    assert ask(workspace, f"SELECT year, home_year FROM works WHERE work_id = '{work}'") == [(2023, 2023)]


def test_a_word_about_a_paper_that_is_not_here_waits_for_it(workspace: Workspace) -> None:
    speak(workspace, Word(WorkReference(title="Not Gathered Yet: Pruning"), "selected"))
    put(workspace, [record("c", "Not Gathered Yet: Pruning")])
    in_run(workspace, load_decisions)
    assert ask(workspace, "SELECT title FROM works WHERE decision = 'selected'") == [("Not Gathered Yet: Pruning",)]


def test_a_work_that_is_not_there_is_refused_and_nothing_is_said(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no such work"):
        speak(workspace, Word(work_of(workspace), "selected"), Word("w0", "selected"))
    assert workspace.decisions_path.read_text() == ""


def test_words_of_two_machines_that_did_not_know_of_each_other_are_shown_until_the_person_speaks(workspace: Workspace) -> None:
    work, clock = work_of(workspace), Ticking()
    speak(workspace, Word(work, "selected"), clock=clock)
    (here,) = workspace.decisions_path.read_text(encoding="utf-8").splitlines()
    there = json.loads(here) | {"id": "dother", "what": "rejected", "who": "Bo", "when": "2026-11-20T00:00:00Z"}
    # union: the lines of both sides, in any order
    workspace.decisions_path.write_text(here + "\n" + json.dumps(there) + "\n", encoding="utf-8")
    in_run(workspace, load_decisions, clock=clock)
    assert ask(workspace, "SELECT in_force_what, other_what, other_who FROM word_conflicts") == [("selected", "rejected", "Bo")]
    assert len(speak(workspace, Word(work, "selected"), clock=clock)) == 1
    assert ask(workspace, "SELECT * FROM word_conflicts") == []


def test_a_word_said_by_a_clock_that_was_ahead_does_not_outlive_what_is_said_after_it(workspace: Workspace) -> None:
    work = work_of(workspace)
    ahead, mended = Ticking(datetime(2031, 1, 1, tzinfo=UTC)), Ticking(datetime(2026, 11, 27, tzinfo=UTC))
    in_force = "SELECT what, reason FROM decisions WHERE in_force AND what <> 'type'"
    speak(workspace, Word(work, "selected"), clock=ahead)
    speak(workspace, Word(work, "rejected", reason="not ours"), clock=mended)
    assert ask(workspace, in_force) == [("rejected", "not ours")]
    speak(workspace, Word(work, "later"), clock=mended)
    assert ask(workspace, in_force) == [("later", None)]
    [later] = ask(workspace, "SELECT decision_id FROM decisions WHERE what = 'later'")[0]
    speak(workspace, Word(work, "undo", value=later), clock=mended)
    assert ask(workspace, in_force) == [("rejected", "not ours")], "what was said before counts again"
    speak(workspace, Word(work, "type", value="Token Pruning"), clock=ahead)
    speak(workspace, Word(work, "type", value="Token Merging"), clock=mended)
    assert ask(workspace, "SELECT type FROM works WHERE labelled_by = 'human'") == [("Token Merging",)]
