"""What decisions teach: the ranker as data, training, and the step over a real warehouse."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.desk import Desk
from tests.tiny_models import SUBJECTS, make_model
from tests.workspaces import Ticking, in_run, make_workspace, put, record
from triage.ranking import Example, Ranker, features, log_odds
from triage.ranking.step import LEAST, rank
from triage.ranking.training import train
from triage.ranking.vectors import Embedded, centred
from triage.screening import propose, screen
from triage.seeds import packaged_cues
from triage.workspace import Workspace

CUES, _ = packaged_cues()


# ---- features and the ranker as data


def test_features_are_types_and_words() -> None:
    found = features("Token Pruning for VLMs", "We prune visual tokens of a VLM and it runs 2x faster.", CUES)
    assert 0 < found["type:token-reduction/pruning"] <= 1
    assert found["family:token-reduction"] == max(v for name, v in found.items() if name.startswith("type:token-reduction"))
    assert found["title:pruning"] == pytest.approx(2 / 4**0.5)
    assert {"word:visual", "word:runs", "title:vlms"} <= set(found)
    assert "word:2x" not in found
    assert features("", None, CUES) == {}


def test_without_weights_the_order_of_the_cues_stays() -> None:
    nothing = Ranker(penalty=3, shift=0, weights={})
    assert [nothing.score(s, {"word:a": 1.0}) for s in (0.0, 0.2, 0.8)] == pytest.approx([0.0, 0.2, 0.8], abs=1e-6)
    likes = Ranker(penalty=3, shift=0.5, weights={"word:a": 1.5, "word:b": -2})
    assert likes.score(0.5, {"word:a": 1.0}) == pytest.approx(1 / (1 + 2.718281828**-1), abs=1e-6)
    assert likes.score(0.5, {"word:b": 1.0}) < likes.score(0.5, {}) < likes.score(0.5, {"word:a": 0.5, "word:c": 9})
    assert likes.score(0.0, {"word:a": 9.0}) == 0.0
    assert likes.strongest(1) == (("word:b", -2),)
    assert (log_odds(0), log_odds(1)) == pytest.approx((-5.293, 5.293), abs=1e-3)


@pytest.mark.parametrize(
    "bad", ['{"form": 2, "penalty": 1, "shift": 0, "weights": {}}', '{"penalty": 1, "shift": 0, "weights": {"a": NaN}}', "{}", "[]"]
)
def test_a_model_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(ValidationError):
        Ranker.model_validate_json(bad)


# ---- training


def taught(count: int, seed: int = 1, *, taste: bool = True) -> list[Example]:
    """Works of which a person selects those with the word "adapter", or (no taste) those the cues like."""
    chance = random.Random(seed)
    made = []
    for n in range(count):
        words = {f"word:{w}": 1.0 for w in chance.sample("abcdefghijklmnop", 6)}
        likes, score = chance.random() < 0.4, chance.uniform(0.3, 0.8)
        if likes:
            words["type:adapter"] = 1.0
        selected = chance.random() < ((0.9 if likes else 0.1) if taste else score**2)
        made.append(Example(f"w{n:03}", round(score, 3), words, selected))
    return made


def test_a_taste_is_learned_and_beats_the_cues() -> None:
    trained = train(taught(80))
    assert trained.used
    assert trained.figures.precision > trained.figures.cue_precision + 0.2
    assert trained.figures.area > 0.8
    assert trained.ranker.strongest(1)[0][0] == "type:adapter"
    # the same examples in another order are the same training
    assert train(list(reversed(taught(80)))) == trained
    # what was judged keeps its average place on the scale of the cues
    example = Example("x", 0.5, {"type:adapter": 1.0}, selected=False)
    assert trained.ranker.score(0.5, example.features) > 0.5 > trained.ranker.score(0.5, {})


def test_without_a_taste_of_its_own_the_order_of_the_cues_stays() -> None:
    trained = train(taught(80, taste=False))
    assert not trained.used
    assert trained.figures.better < 0.9


# ---- the step


def paper(n: int, technique: str) -> Any:
    text = {
        "adapter": "We tune adapters in a frozen vision-language model, which needs 2% of the parameters and less memory.",
        "pruning": "We prune the tokens of a vision-language model, which makes inference 2x faster and needs less memory.",
    }[technique]
    return record(f"{technique}{n}", f"{technique.title()} number {n:02} for vision-language models", abstract=text, venue="ACL", year=2023)


def say(workspace: Workspace, title: str, what: str) -> None:
    line = {"when": "2026-11-20T00:00:00Z", "who": "me", "where": "test", "work": {"title": title, "venue": "ACL", "year": 2023}}
    with workspace.decisions_path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": f"d{title}{what}", "what": what, **line}) + "\n")


def taught_workspace(folder: Path, judged: int) -> Workspace:
    """Adapters were selected, pruning was rejected, `judged` times each; four more of each are unread."""
    workspace = make_workspace(folder)
    put(workspace, [paper(n, technique) for n in range(judged + 4) for technique in ("adapter", "pruning")])
    for n in range(judged):
        say(workspace, f"Adapter number {n:02} for vision-language models", "selected")
        say(workspace, f"Pruning number {n:02} for vision-language models", "rejected")
    return workspace


def ranked(workspace: Workspace, clock: Ticking | None = None) -> Any:
    from triage.decisions import load_decisions

    def work(run: Any) -> Any:
        load_decisions(run)
        screen(run)
        report = rank(run)
        propose(run)
        with run.warehouse.burst() as con:
            queue = con.execute("SELECT title, ranked_by FROM main.review_queue").fetchall()
            rankers = con.execute("SELECT used, selected, rejected, passed_over, precision, cue_precision FROM main.rankers").fetchall()
        return report, queue, rankers

    return in_run(workspace, work, clock=clock)


def test_the_queue_follows_what_was_learned(tmp_path: Path) -> None:
    workspace = taught_workspace(tmp_path, LEAST)
    report, queue, rankers = ranked(workspace)
    assert (report.read, report.new, report.known) == (28, 28, 0)
    assert "ordered by what your decisions taught" in report.messages[0]
    assert rankers[0][:4] == (True, 10, 10, 0)
    assert rankers[0][4] > rankers[0][5]
    assert {by for _, by in queue} == {"learned"}
    assert [title.split()[0] for title, _ in queue] == ["Adapter"] * 4 + ["Pruning"] * 4
    # nothing changed: nothing is trained or scored again
    again, queue_again, rankers_again = ranked(workspace)
    assert (again.read, again.new, again.messages) == (28, 0, ())
    assert (queue_again, len(rankers_again)) == (queue, 1)


def test_too_few_decisions_are_refused_with_what_is_lacking(tmp_path: Path) -> None:
    report, queue, rankers = ranked(taught_workspace(tmp_path, LEAST - 3))
    assert report.messages == ("ordered by the cues: 3 more selected and 3 more rejected or passed over works are needed to learn from",)
    assert report.read == 0
    assert rankers == [(False, 7, 7, 0, None, None)]
    assert {by for _, by in queue} == {"cues"}


def test_a_taken_back_decision_ends_what_was_learned(tmp_path: Path) -> None:
    workspace = taught_workspace(tmp_path, LEAST)
    ranked(workspace)
    lines = workspace.decisions_path.read_text(encoding="utf-8").splitlines(keepends=True)
    workspace.decisions_path.write_text("".join(lines[2:]), encoding="utf-8")
    report, queue, _ = ranked(workspace)
    assert "1 more selected and 1 more rejected or passed over" in report.messages[0]
    assert {by for _, by in queue} == {"cues"}


def test_without_the_extra_one_message_says_so_and_the_cues_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "triage.ranking.training")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction", None)
    workspace = taught_workspace(tmp_path, LEAST)
    report, queue, rankers = ranked(workspace)
    assert report.messages == ("ordered by the cues: 20 judged works could train a ranker, which needs pip install 'triage-papers[learn]'",)
    assert {by for _, by in queue} == {"cues"}
    assert rankers == []
    monkeypatch.undo()
    assert {by for _, by in ranked(workspace)[1]} == {"learned"}  # installed since


def test_learning_can_be_switched_off(tmp_path: Path) -> None:
    workspace = taught_workspace(tmp_path, LEAST)
    ranked(workspace)
    off = Workspace.open(workspace.root, environ={"TRIAGE_SCREENING__LEARN": "false"})
    report, queue, _ = ranked(off)
    assert (report.read, report.messages) == (0, ())
    assert {by for _, by in queue} == {"cues"}


# ---- sentence embeddings as features


def synonym_workspace(folder: Path, judged: int) -> Workspace:
    """Papers about waiting were selected and papers about mirrors rejected, hardly two in the same words; the tiny model knows both subjects."""
    workspace = make_workspace(folder)
    waiting, mirrors = (SUBJECTS[n].split() for n in (0, 1))
    texts: list[tuple[str, str | None]] = []
    for n in range(judged + 4):
        for word, words in (("selected", waiting), ("rejected", mirrors)):
            title = f"Letter {chr(97 + n)} {words[n % len(words)]} {word[0]}{n:02}"
            texts.append((title, word if n < judged else None))
    abstract = "We tune adapters in a frozen vision-language model, which needs 2% of the parameters and less memory."
    put(workspace, [record(f"k{n}", title, abstract=abstract, venue="ACL", year=2023) for n, (title, _) in enumerate(texts)])
    for title, what in texts:
        if what:
            say(workspace, title, what)
    make_model(workspace.root / "tiny")
    return workspace


def vectors(workspace: Workspace) -> list[tuple[Any, ...]]:
    return _read(workspace, "SELECT text_hash, octet_length(vector) FROM store.vector ORDER BY text_hash")


def figures(workspace: Workspace) -> list[Any]:
    return [json.loads(row[0]) for row in _read(workspace, "SELECT figures FROM store.ranker ORDER BY made_at")]


def _read(workspace: Workspace, sql: str) -> list[tuple[Any, ...]]:
    def work(run: Any) -> Any:
        with run.warehouse.burst() as con:
            return con.execute(sql).fetchall()

    return list(in_run(workspace, work))


def test_a_model_shows_what_no_word_says(tmp_path: Path) -> None:
    workspace, clock = synonym_workspace(tmp_path, 14), Ticking()
    without, _, _ = ranked(workspace, clock)
    (plain,) = figures(workspace)
    assert "sentence embeddings" not in without.messages[0]
    assert "precision_with_vectors" not in plain
    assert vectors(workspace) == []

    seeing = Workspace.open(workspace.root, environ={"TRIAGE_EMBEDDING__MODEL": "tiny"})
    report, queue, _ = ranked(seeing, clock)
    told = figures(workspace)[-1]
    assert told["precision_without_vectors"] == plain["precision"]
    assert told["precision"] == told["precision_with_vectors"] > plain["precision"]
    assert f"{told['precision_with_vectors']:.2f} with sentence embeddings, {plain['precision']:.2f} without" in report.messages[0]
    assert [title.split()[-1][0] for title, _ in queue] == ["s"] * 4 + ["r"] * 4
    kept = vectors(seeing)
    assert len(kept) == 36
    again, queue_again, rankers = ranked(seeing, clock)
    assert (again.new, again.messages, queue_again, vectors(seeing)) == (0, (), queue, kept)
    assert len(rankers) == 2
    # without the model all is as it was before
    assert ranked(workspace, clock)[0].messages == without.messages
    assert figures(workspace)[-1] == plain


def test_more_texts_than_a_run_embeds_come_the_next_nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.ranking.vectors.MOST_NEW", 14)
    workspace, clock = synonym_workspace(tmp_path, 14), Ticking()
    seeing = Workspace.open(workspace.root, environ={"TRIAGE_EMBEDDING__MODEL": "tiny"})
    counts, queue = [], []
    for _ in range(4):
        queue = ranked(seeing, clock)[1]
        counts.append(len(vectors(seeing)))
    assert counts[0] >= 14
    assert counts == sorted(counts)
    assert counts[-1] == 36
    assert [title.split()[-1][0] for title, _ in queue] == ["s"] * 4 + ["r"] * 4


def test_a_missing_model_is_told_and_the_words_go_on(tmp_path: Path) -> None:
    workspace = synonym_workspace(tmp_path, 14)
    ranked(workspace)
    lost = Workspace.open(workspace.root, environ={"TRIAGE_EMBEDDING__MODEL": "gone"})
    failures = in_run(lost, lambda run: (rank(run), run.failures)[1])
    assert [(one.step, one.kind) for one in failures] == [("rank", "settings")]
    assert "neither a folder nor a known model" in failures[0].message
    assert figures(workspace) == figures(workspace)[:1]


def test_a_work_without_a_vector_counts_as_an_average_one() -> None:
    near = Embedded("m", {"a": np.array([1.0, 0.0], np.float32), "b": np.array([0.0, 1.0], np.float32)})
    examples = [near.features("a") | {"word:x": 1.0}, near.features("b"), {}]
    learned = Ranker(penalty=3, shift=0.4, weights={"vector:0": 0.5, "vector:1": 0.1, "vector:here": 0.2, "word:x": 1.0})
    moved = centred(learned, examples)
    for seen in examples[:2]:
        assert moved.score(0.5, seen) == pytest.approx(learned.score(0.5, seen), abs=1e-5)
    average = {"vector:0": 1.5, "vector:1": 1.5, "vector:here": 1.0}  # vectors have length 3 here
    assert moved.score(0.5, {}) == pytest.approx(learned.score(0.5, average), abs=1e-5)
    assert (near.features("c"), near.basis("c"), near.basis("a")) == ({}, "", "/m")
    words = Ranker(penalty=3, shift=0.4, weights={"word:x": 1.0})
    assert centred(words, examples) == words


def test_what_stands_above_a_tick_was_passed_over(desk: Desk) -> None:
    block = (
        "## {n}. Paper {n}\n\n- [{tick}] Paper {n} | https://example.org/{n}\n\n- **Link**: https://example.org/{n}\n\n- **Conference**: ACL\n\n"
        "- **Year**: 2023\n\n- **Type**: \n\n<details>\n\n<summary><strong>Abstract</strong></summary>\n\nWords {n}.\n\n</details>\n\n---\n\n"
    )
    blocks = [block.format(n=n, tick="x" if n == 3 else " ") for n in range(1, 6)]
    text = "# 2023 Papers\n> ☐ 勾选论文后，可用脚本导出 selected_2023_papers.csv\n\n" + "".join(blocks)
    assert desk("import", desk.file("list.md", text)) == 0
    judged = "SELECT w.title, j.selected, j.weight, j.how FROM store.judged j JOIN works w USING (work_id) ORDER BY w.title"
    assert desk.rows(judged) == [
        ("Paper 1", False, 0.5, "passed over"), ("Paper 2", False, 0.5, "passed over"), ("Paper 3", True, 1.0, "selected"),
    ]  # fmt: skip


def test_the_command_tells_the_order_and_what_is_left(desk: Desk) -> None:
    workspace = taught_workspace(desk.folder, LEAST)
    told = desk.json("rank")
    assert told["ranked_by"] == "learned"
    assert told["figures"]["selected"] == 10
    assert told["reading"] == {**told["reading"], "found": 10, "unread": 8, "may_stop": False}
    shown = desk.printed("rank")
    assert "type:adaptation/adapter" in shown or "family:adaptation" in shown
    assert "8 works unread" in shown
    assert "ranked by" not in shown
    assert "by what your decisions taught" in desk.printed("why", "Adapter number 11 for vision-language models")
    assert workspace.root == desk.folder
