"""Who is asked: the cascade, the second model, disagreements, what waits, and replacing a model or prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.llm_bench import Bench, Night, copied
from tests.scripted_llm import Asked, Behaviour, ScriptedLlm, Wire, failing, good, reply_about, replying, saying
from triage import pipeline
from triage.cli import run_command_line
from triage.labelling.choosing import for_first
from triage.labelling.due import label
from triage.labelling.reprompting import Relabelling
from triage.notes import note
from triage.notes.reading import worth_a_note
from triage.seeds import workspace_taxonomy
from triage.warehouse import stage
from triage.workspace import packaged


def pruning(asked: Asked) -> Wire:
    """Another label than the rules find."""
    return replying(labels=[reply_about(asked)["labels"][0] | {"label": "token-reduction/pruning"}])(asked)


def by_model(**behaviours: Behaviour) -> Behaviour:
    return lambda asked: behaviours[asked.body["model"]](asked)


# --- the cascade


def hear(bench: Bench, number: int, producer: str, *labels: tuple[str, float]) -> None:
    """A word of another local producer about one paper."""
    with bench.run("") as run, run.warehouse.burst() as con:
        rows = [{"id": f"made-{producer}-{number}", "label": name, "sure": sure, "n": n} for n, (name, sure) in enumerate(labels)]
        con.execute("INSERT INTO store.labelling (labelling_id, work_id, producer, run_id, made_at) VALUES (?, ?, ?, 'made', ?)",
                    [f"made-{producer}-{number}", bench.works[number], producer, run.now()])  # fmt: skip
        stage(con, "heard", rows, {"id": "VARCHAR", "label": "VARCHAR", "sure": "DOUBLE", "n": "INTEGER"})
        con.execute("INSERT INTO store.label (labelling_id, position, label, confidence) SELECT id, n, label, sure FROM heard")


def test_only_doubt_among_the_local_producers_is_worth_a_call(bench: Bench, server: ScriptedLlm) -> None:
    """The rules say distillation of papers 6 to 10, and are not sure of 4; "learned" comes before them."""
    hear(bench, 6, "learned", ("compression/distillation", 0.95))
    hear(bench, 7, "learned", ("compression/pruning", 0.95))
    hear(bench, 8, "learned", ("compression/pruning", 0.9), ("compression/distillation", 0.9))  # in part the same
    hear(bench, 9, "learned")  # has nothing to say
    hear(bench, 10, "learned", ("compression/distillation", 0.6), ("compression/pruning", 0.3))
    numbers = {work_id: number for number, work_id in bench.works.items()}
    doubts = {(numbers[work_id], doubt) for work_id, doubt in bench.ask("SELECT work_id, doubt FROM store.local_doubt")}
    assert {(number, doubt) for number, doubt in doubts if number in {4, *range(6, 11)}} == {
        (4, "unsure"), (7, "disagreement"), (9, "disagreement"), (9, "unsure"), (10, "unsure"),
    }  # fmt: skip
    night = bench.label(server.base_url, READ='"disagreement"')
    doubtful = {number for number, _ in doubts} - {3}  # 3 has a person's Type
    assert {numbers[asked.work_id] for asked in server.asked} == doubtful
    server.forget()
    again = bench.label(server.base_url, READ='"disagreement"')
    assert night.report is not None
    assert again.report is not None
    assert (night.report.new, again.report.known, again.counts["calls"]) == (len(doubtful), len(doubtful), 0)


def learn(bench: Bench, scores: dict[int, tuple[float | None, float]]) -> None:
    """By number what was learned about a paper (None: nothing) and what the cues say of it."""
    with bench.run("") as run, run.warehouse.burst() as con:
        con.execute("DELETE FROM store.ranking; DELETE FROM store.screening")
        for number, (learned, cues) in scores.items():
            con.execute("INSERT INTO store.screening (work_id, score) VALUES (?, ?)", [bench.works[number], cues])
            if learned is not None:
                con.execute("INSERT INTO store.ranking (work_id, score) VALUES (?, ?)", [bench.works[number], learned])


LEARNED = {1: (0.2, 0.9), 2: (0.8, 0.1), 4: (None, 0.7), 5: (0.7, 0.3), 6: (0.7, 0.4)}


@pytest.mark.parametrize(
    ("read", "first"), [("top 1", [2]), ("top 3", [2, 4, 6]), ("top 4", [2, 4, 6, 5]), ("above 0.7", [2, 4, 6, 5]), ("above 0.75", [2])]
)
def test_the_order_of_the_queue_says_who_is_best(bench: Bench, read: str, first: list[int]) -> None:
    """What was learned before what the cues say, which part those of which the same was learned."""
    learn(bench, LEARNED)
    with bench.run("", READ=f'"{read}"') as run, run.warehouse.burst() as con:
        found = for_first(con, run.settings.llm, workspace_taxonomy(run.workspace), None)
    assert [one.paper.work_id for one in found] == [bench.works[number] for number in first]
    with bench.run("", NOTES__LLM="selected") as run:
        noted = [row[0] for row in worth_a_note(run, None, "en")]
    assert noted[:5] == [bench.works[number] for number in (2, 4, 6, 5, 1)]


def test_disagreements_of_rules_models_and_people_are_a_view(bench: Bench, server: ScriptedLlm) -> None:
    server.default = pruning
    server.script(bench.works[6], replying(labels=[], relevant="no"))
    server.script(bench.works[7], good)
    bench.label(server.base_url, [3, 6, 7, 8])
    rows = bench.ask("SELECT work_id, title, venue, year, producer_a, labels_a, producer_b, labels_b, kind FROM disagreements")
    said = {(row[0], row[4], row[6]): (tuple(row[5]), tuple(row[7]), row[8]) for row in rows}
    works = bench.works
    assert said[works[8], "llm", "lexical"] == (("token-reduction/pruning",), ("compression/distillation",), "disjoint")
    assert said[works[6], "llm", "lexical"] == ((), ("compression/distillation",), "silent")
    assert not [key for key in said if key[0] == works[7]], "they agree"
    assert said[works[3], "human", "llm"] == (("token-reduction/merging",), ("token-reduction/pruning",), "family")
    kinds = [row[8] for row in rows]
    assert kinds == sorted(kinds, key=["disjoint", "silent", "family", "partial"].index)
    assert {row[1:4] for row in rows if row[0] == works[8]} == {("Made paper number 8 on vision-language models", "AAAI", 2023)}


def test_a_second_model_reads_only_what_is_in_disagreement_and_its_word_stands(bench: Bench, server: ScriptedLlm) -> None:
    weak: Behaviour = lambda asked: (pruning if asked.work_id == bench.works[8] else good)(asked)  # noqa: E731 - one line reads best
    server.default = by_model(
        made=weak,
        strong=replying(labels=[{"label": "compression/quantization", "confidence": 0.9, "quote": "learn by knowledge distillation"}]),
    )
    night = bench.label(server.base_url, [7, 8, 9], SECOND__MODEL="strong")
    assert [(asked.body["model"], asked.work_id) for asked in server.asked if asked.body["model"] == "strong"] == [
        ("strong", bench.works[8])
    ]
    assert bench.ask("SELECT labels, labelled_by FROM works WHERE title LIKE '%number 8 %'") == [(["compression/quantization"], "llm")]
    assert bench.ask("SELECT model, label FROM labels_current WHERE producer = 'llm' AND work_id = '" + bench.works[8] + "'") == [
        ("strong", "compression/quantization")
    ]
    pairs = bench.ask(f"SELECT producer_a, model_a, producer_b, model_b, labels_b FROM disagreements WHERE work_id = '{bench.works[8]}'")
    assert ("llm", "strong", "llm", "made", ["token-reduction/pruning"]) in pairs, "the first one's word stays readable"
    assert night.status == "complete"
    server.forget()
    bench.label(server.base_url, SECOND__MODEL="strong")
    assert not [asked for asked in server.asked if asked.work_id in {bench.works[n] for n in (7, 8, 9)}]


def test_a_second_model_that_cannot_be_asked_leaves_the_first_ones_labels(bench: Bench, server: ScriptedLlm) -> None:
    server.default = by_model(made=pruning, strong=failing(401, "no key"))
    night = bench.label(server.base_url, [7, 8], SECOND__MODEL="strong")
    assert [(failure.step, failure.kind) for failure in night.failures] == [("label llm second", "authentication")]
    assert bench.ask("SELECT DISTINCT labels FROM works WHERE labelled_by = 'llm'") == [(["token-reduction/pruning"],)]
    assert [row[0] for row in bench.ask("SELECT purpose FROM llm_waiting")] == ["label llm second"] * 2
    night = bench.label(server.base_url, [7], SECOND__MODEL="strong", SECOND__KEY_ENV="NO_SUCH_KEY")
    assert [(failure.step, failure.kind) for failure in night.failures] == [("label llm second", "settings")]


def test_caps_count_both_models_together(bench: Bench, server: ScriptedLlm) -> None:
    server.default = pruning
    bench.label(server.base_url, [6, 7, 8], SECOND__MODEL="strong", BUDGET__CALLS_PER_RUN="4")
    assert [asked.body["model"] for asked in server.asked] == ["made"] * 3 + ["strong"]


def test_caps_count_labels_and_notes_together(bench: Bench, server: ScriptedLlm) -> None:
    with bench.run(server.base_url, BUDGET__CALLS_PER_RUN="3") as run:
        label(run, [bench.works[6], bench.works[7]], environ={})
        note(run, [bench.works[6], bench.works[7]], environ={})
    assert [asked.purpose for asked in server.asked] == ["label", "label", "note"]
    assert [purpose for (purpose,) in bench.ask("SELECT purpose FROM llm_waiting")] == ["note llm"]
    assert run.status == "complete"


def test_what_waits_is_marked_and_no_longer_when_it_was_read(bench: Bench, server: ScriptedLlm) -> None:
    server.script("", saying(None, refusal="No."))
    bench.label(server.base_url, [6, 7, 8], BUDGET__CALLS_PER_RUN="2")
    first, second = (asked.work_id for asked in server.asked)
    [left] = {bench.works[number] for number in (6, 7, 8)} - {first, second}
    rows = dict(bench.ask("SELECT work_id, purpose || ': ' || reason FROM llm_waiting"))
    assert rows.pop(left).startswith("label llm: budget: the cap of 2 calls a run is reached")
    assert rows == {first: "label llm: refusal: the model refused: No."}
    bench.label(server.base_url, [number for number in (6, 7, 8) if bench.works[number] == left])
    assert bench.ask("SELECT count(*) FROM llm_waiting") == [(1,)]
    bench.label("", environ={})
    assert bench.ask("SELECT count(*) FROM llm_waiting") == [(0,)], "nobody waits for a model that is not configured"


# --- replacing a model or prompt


def own_prompt(bench: Bench, words: str) -> None:
    text = (packaged("prompts") / "label.md").read_text(encoding="utf-8")
    (bench.root / "prompts").mkdir(exist_ok=True)
    (bench.root / "prompts" / "label.md").write_text(text.replace("You read papers", f"{words} You read papers"), encoding="utf-8")


def relabel(bench: Bench, server: ScriptedLlm, *, accept: bool = False, **settings: str) -> tuple[list[Relabelling], Night]:
    with bench.run(server.base_url, **settings) as run:
        changes = pipeline.relabel(run, None, accept=accept, environ={})
    return changes, Night(run.id, run.reports[0], run.failures, run.status)


def test_a_new_prompt_changes_nothing_until_it_is_accepted(bench: Bench, server: ScriptedLlm) -> None:
    bench.label(server.base_url, [6, 7, 8, 9])
    own_prompt(bench, "Be careful.")
    in_force = "SELECT work_id, labels, labelled_by FROM works ORDER BY work_id"
    before = bench.ask(in_force)
    server.script(bench.works[6], pruning)
    server.script(bench.works[7], saying(None, refusal="No."))
    server.forget()
    changes, asked = relabel(bench, server)
    assert len(server.asked) == 4
    assert [(one.work_id, one.before, one.after) for one in changes] == [
        (bench.works[6], ("compression/distillation",), ("token-reduction/pruning",))
    ]
    assert asked.report is not None
    assert (asked.report.read, asked.report.new, asked.report.failed) == (4, 3, 1)
    assert bench.ask(in_force) == before, "nothing is in force yet"
    server.forget()
    accepted, _ = relabel(bench, server, accept=True)
    assert [asked.work_id for asked in server.asked] == [bench.works[7]], "only what has no answer is asked again"
    assert accepted == changes
    assert bench.ask(f"SELECT labels FROM works WHERE work_id = '{bench.works[6]}'") == [(["token-reduction/pruning"],)]
    server.forget()
    assert relabel(bench, server)[0] == []
    assert server.asked == [], "all are by the new prompt now"


def test_a_night_says_how_many_labels_are_of_an_older_prompt(bench: Bench, server: ScriptedLlm) -> None:
    bench.label(server.base_url, [6, 7])
    own_prompt(bench, "Be careful.")
    night = bench.label(server.base_url, BUDGET__CALLS_PER_RUN="0")
    assert night.counts["older prompt"] == 2
    assert night.report is not None
    assert (
        "2 papers keep the labels of an older prompt or model; `triage label --reprompt` shows what would change" in night.report.messages
    )
    assert bench.label(server.base_url, MODEL="other", BUDGET__CALLS_PER_RUN="0").counts["older prompt"] == 2


def test_a_killed_reprompt_goes_on_from_the_ledger(bench: Bench, server: ScriptedLlm) -> None:
    bench.label(server.base_url, [6, 7, 8])
    own_prompt(bench, "Be careful.")
    server.forget()
    changes, night = relabel(bench, server, BUDGET__CALLS_PER_RUN="2")
    assert (night.counts["waiting"], changes) == (1, [])
    assert bench.ask("SELECT count(*) FROM llm_waiting") == [(0,)], "their older labels stand: nothing waits"
    relabel(bench, server)
    assert len(server.asked) == 3


# --- recordings


def test_a_recorded_run_is_repeated_without_a_network(imported: Bench, server: ScriptedLlm, tmp_path: Path) -> None:
    first, second = copied(imported, tmp_path / "a"), copied(imported, tmp_path / "b")
    recordings = tmp_path / "recorded"
    server.script(first.works[6], saying("no JSON"), pruning)
    server.script(first.works[7], saying(None, refusal="No."))
    environ = {f"TRIAGE_LLM__{key}": value for key, value in {"MODEL": "made", "BASE_URL": server.base_url}.items()}
    works = [option for number in (6, 7, 8) for option in ("--work", first.works[number])]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        assert run_command_line(["label", *works, "--record", str(recordings), "--workspace", str(first.root)]) == 3
        patch.delenv("TRIAGE_LLM__BASE_URL")
        assert len(list(recordings.iterdir())) == 4
        server.forget()
        assert run_command_line(["label", *works, "--replay", str(recordings), "--workspace", str(second.root)]) == 3
        (next(recordings.glob("*-2.json"))).unlink()
        hostile = sorted(recordings.glob("*.json"))[0]
        hostile.write_text("{" * 10)
    assert server.asked == []
    labels = "SELECT work_id, label, field, span_start, quote, producer, model FROM labels_current ORDER BY ALL"
    assert second.ask(labels) == first.ask(labels)
    assert second.ask("SELECT count(*) FROM llm_calls") == [(0,)], "no request left the machine"
    failures = "SELECT step, item, kind FROM failures ORDER BY ALL"
    assert second.ask(failures) == first.ask(failures)


def test_a_missing_recording_is_a_failure_of_its_paper_only(
    imported: Bench, server: ScriptedLlm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = copied(imported, tmp_path / "a"), copied(imported, tmp_path / "b")
    recordings = tmp_path / "recorded"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIAGE_LLM__MODEL", "made")
        patch.setenv("TRIAGE_LLM__BASE_URL", server.base_url)
        works = [option for number in (6, 7, 8, 9) for option in ("--work", first.works[number])]
        assert run_command_line(["label", *works, "--record", str(recordings), "--workspace", str(first.root)]) == 0
        server.forget()
        gone, broken, foreign, _ = sorted(recordings.iterdir())
        gone.unlink()
        broken.write_text("{" * 10)
        foreign.write_text(json.dumps(json.loads(foreign.read_text()) | {"input_hash": "another"}))
        capsys.readouterr()
        command = ["label", *works, "--producer", "llm", "--replay", str(recordings), "--workspace", str(second.root), "--json"]
        assert run_command_line(command) == 3
        report: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert [(step["new"], step["failed"]) for step in report["steps"] if step["step"] == "label llm"] == [(1, 3)]
        assert sorted({failure["kind"] for failure in report["failures"]}) == ["no recording"]
        assert run_command_line(["label", "--replay", str(tmp_path / "nowhere"), "--workspace", str(second.root)]) == 2
    assert server.asked == []
    # what a recording lacks because the ledger knew it is written too
    whole = tmp_path / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIAGE_LLM__MODEL", "made")
        patch.setenv("TRIAGE_LLM__BASE_URL", server.base_url)
        assert run_command_line(["label", *works, "--record", str(whole), "--workspace", str(first.root)]) == 0
    assert (len(list(whole.iterdir())), server.asked) == (4, [])


# --- by whom


@pytest.mark.parametrize(
    ("producers", "steps"), [(("lexical",), ["label"]), (("llm",), ["label llm"]), (("lexical", "llm"), ["label", "label llm"])]
)
def test_one_producer_only(bench: Bench, server: ScriptedLlm, producers: tuple[str, ...], steps: list[str]) -> None:
    with bench.run(server.base_url) as run:
        label(run, [bench.works[6]], producers=producers, environ={})
    assert [report.step for report in run.reports] == steps


@pytest.mark.parametrize(
    "arguments",
    [["--producer", "llm"], ["--record", "r"], ["--yes"], ["--record", "r", "--replay", "s"], ["--producer", "nobody"], ["--reprompt"]],
)
def test_what_cannot_be_meant_is_refused(imported: Bench, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["label", *arguments, "--workspace", str(imported.root)]) == 2
    assert "Traceback" not in capsys.readouterr().err


# --- scored without a call


def test_recorded_answers_are_scored_without_a_call(
    closed: Bench, server: ScriptedLlm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"TRIAGE_LLM__MODEL": "made", "TRIAGE_LLM__BASE_URL": server.base_url}
    works = [option for number in (3, 6, 7) for option in ("--work", closed.works[number])]

    def scored(producer: str, *options: str) -> Any:
        capsys.readouterr()
        assert run_command_line(["eval", "labels", *options, "--producer", producer, "--json", "--workspace", str(closed.root)]) == 0
        return json.loads(capsys.readouterr().out)

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        assert run_command_line(["label", *works, "--workspace", str(closed.root)]) == 0
        own_prompt(closed, "Be careful.")
        server.default = replying(
            labels=[{"label": "token-reduction/merging", "confidence": 0.9, "quote": "learn by knowledge distillation"}]
        )
        assert run_command_line(["label", "--reprompt", *works, "--workspace", str(closed.root)]) == 0
    said = "3 of 3 papers would change their labels, 0 keep them"
    assert said in capsys.readouterr().out, "paper 3 has a person's Type, but was named"
    hashes = [row[0] for row in closed.ask("SELECT prompt_hash FROM llm_calls GROUP BY prompt_hash ORDER BY min(made_at)")]
    server.forget()
    # paper 3: the person says merging; the first prompt said distillation, the second merging
    assert [scored(f"llm:made@{one[:6]}")["exact"] for one in hashes] == [0.0, 1.0]
    titles = [f"Made paper number {number} on vision-language models" for number in (6, 7, 8)]
    papers = [json.dumps({"title": title, "abstract": "x", "labels": ["compression/distillation"]}) for title in titles]
    (tmp_path / "typed.jsonl").write_text("\n".join(papers))
    report = scored(f"llm:made@{hashes[0]}", str(tmp_path / "typed.jsonl"))
    assert (report["n"], report["exact"], report["not_labelled"]) == (2, 1.0, 1)
    assert scored("lexical", str(tmp_path / "typed.jsonl"))["n"] == 3
    assert server.asked == []
    assert run_command_line(["eval", "labels", "--producer", "llm:nobody", "--workspace", str(closed.root)]) == 2
    assert f"llm:made@{hashes[0]}" in capsys.readouterr().err
