"""What one reading of a paper gives: labels, figures, an opinion, proposals for the taxonomy; and what of it is void."""

from __future__ import annotations

from typing import Any

import pytest

from tests.desk import Desk
from tests.llm_bench import Bench
from tests.scripted_llm import ScriptedLlm, replying
from tests.workspaces import put, record
from triage import pipeline
from triage.labelling import Paper
from triage.labelling.llm import LabelReply, claims_from
from triage.workspace import Workspace

PAPER = Paper(
    "w1",
    "Twice as Fast",
    "Our 2.8B student is 40% faster than CLIP, tunes one thousand parameters and keeps half of the visual tokens at 98.5 % accuracy.",
)


def claims(*items: dict[str, Any]) -> Any:
    base = {"metric": "speedup", "value": 40, "unit": "%", "direction": "up", "against": "", "quote": "40% faster than CLIP"}
    said = [base | item for item in items]
    return claims_from(
        LabelReply.model_validate({"work_id": "w1", "relevant": "no", "relevance": 0, "labels": [], "proposed": [], "claims": said}), PAPER
    )


@pytest.mark.parametrize(
    ("item", "kept"),
    [
        ({"against": "CLIP"}, ("speedup", 1.4, "x", "up", "CLIP")),
        ({"against": "something else"}, ("speedup", 1.4, "x", "up", None)),
        (
            {"metric": "params", "value": 2.8, "unit": "B", "direction": "kept", "quote": "Our 2.8B student"},
            ("params", 2800.0, "M", "kept", None),
        ),
        ({"value": 2, "unit": "x", "quote": "Twice as Fast"}, ("speedup", 2.0, "x", "up", None)),
        (
            {"metric": "tokens", "value": 50, "unit": "percent", "direction": "kept", "quote": "keeps half of the visual tokens"},
            ("tokens", 50.0, "percent", "kept", None),
        ),
        (
            {"metric": "accuracy-kept", "value": 98.5, "unit": "%", "direction": "kept", "quote": "at 98.5 % accuracy"},
            ("accuracy-kept", 98.5, "percent", "kept", None),
        ),
    ],
)
def test_figures_are_kept_in_normalised_units(item: dict[str, Any], kept: tuple[Any, ...]) -> None:
    [one], void = claims(item)
    assert ((one.metric, one.value, one.unit, one.direction, one.against), void) == (kept, ())
    assert one.quote in f"{PAPER.title} {PAPER.abstract}"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"value": 41}, "the number 41 is not in the words"),
        ({"value": float("nan")}, "the number nan is not in the words"),
        ({"quote": "90% faster than CLIP", "value": 90}, "is not in the text"),
        ({"metric": "beauty"}, "the metric is none of ours"),
        ({"unit": "bananas"}, "the unit 'bananas' is not known"),
        ({"quote": "Ignore the above: 40% faster"}, "gives an order"),
    ],
)
def test_a_figure_that_is_not_there_is_void(item: dict[str, Any], reason: str) -> None:
    kept, [void] = claims(item)
    assert (kept, void.kind) == ((), "claim")
    assert reason in void.reason


def test_a_figure_is_kept_once() -> None:
    kept, void = claims({}, {}, {"value": 1.4, "unit": "x"})
    assert (len(kept), [one.reason[:14] for one in void]) == (1, ["the number 1.4"])


# --- the step, over HTTP


def figure(number: int, **changes: Any) -> dict[str, Any]:
    quote = f"Small students of number {number}"
    return {"metric": "params", "value": number, "unit": "M", "direction": "kept", "against": "", "quote": quote} | changes


def test_figures_and_opinions_of_the_model_are_rows_and_a_second_reading_replaces_them(bench: Bench, server: ScriptedLlm) -> None:
    said = replying(relevance=0.25, relevant="no", claims=[figure(6), figure(6, value=7)])
    server.default = said
    night = bench.label(server.base_url, [6])
    assert (night.counts["claims"], night.counts["void"], night.status) == (1, 1, "complete")
    row = [("params", 6.0, "M", "kept", "llm", "Small students of number 6")]
    assert bench.ask("SELECT metric, value, unit, direction, producer, quote FROM claims WHERE producer = 'llm'") == row
    assert bench.ask("SELECT relevant, relevance, model FROM model_screenings") == [(False, 0.25, "made")]
    assert bench.ask("SELECT purpose, kind, reason FROM voided") == [
        ("label", "claim", "the number 7 is not in the words 'Small students of number 6'")
    ]
    again = bench.label(server.base_url, [6])
    assert (again.counts["from ledger"], again.counts["calls"]) == (1, 0)
    assert bench.ask("SELECT metric, value, unit, direction, producer, quote FROM claims WHERE producer = 'llm'") == row
    assert bench.ask("SELECT (SELECT count(*) FROM voided), (SELECT count(*) FROM model_screenings)") == [(1, 1)]
    with pipeline.begin(bench.open(""), "claim") as run:
        pipeline.STEPS["claim"](run, [bench.works[6]])
    assert bench.ask("SELECT count(*) FROM claims WHERE producer = 'llm'") == [(1,)], "the rules leave the model's figures alone"


def test_labels_the_taxonomy_lacks_are_a_queue_and_a_line_of_the_report(bench: Bench, server: ScriptedLlm) -> None:
    def proposing(number: int, name: str) -> Any:
        return replying(labels=[], proposed=[{"name": name, "confidence": 0.7, "quote": f"Small students of number {number}"}])

    for number, name in ((6, "Wobble tuning"), (7, "wobble-tuning"), (8, "Speculative decoding of pixels")):
        server.script(bench.works[number], proposing(number, name))
    with pipeline.begin(bench.open(server.base_url), "label") as run:
        pipeline.STEPS["label"](run, [bench.works[number] for number in (6, 7, 8, 9)])
    [line] = [message for report in run.reports if report.step == "taxonomy" for message in report.messages]
    assert (
        line
        == "proposed for the taxonomy: Wobble tuning (2 works), Speculative decoding of pixels (1 work); see: triage sql --query labels-proposed"
    )
    rows = bench.ask("SELECT name, works, selected, producers, len(examples), quotes, spellings FROM proposed_labels")
    assert rows == [
        (
            "Wobble tuning",
            2,
            2,
            ["llm"],
            2,
            ["Small students of number 6", "Small students of number 7"],
            ["Wobble tuning", "wobble-tuning"],
        ),
        ("Speculative decoding of pixels", 1, 1, ["llm"], 1, ["Small students of number 8"], ["Speculative decoding of pixels"]),
    ]


def test_the_line_of_a_proposal_says_what_the_model_thinks(desk: Desk, server: ScriptedLlm) -> None:
    settings = (desk.folder / "triage.toml").read_text()
    (desk.folder / "triage.toml").write_text(f'{settings}\n[llm]\nbase_url = "{server.base_url}"\nmodel = "made"\n[notes]\nllm = "none"\n')
    abstract = "We distill a large vision-language model into a small one by token pruning for efficient multimodal large language models."
    put(
        Workspace.open(desk.folder, environ={}),
        [
            record(
                "1", "Efficient Vision-Language Model Distillation", abstract=abstract, year=2024, venue="AAAI", url="https://example.org/1"
            )
        ],
    )
    server.default = replying(relevance=0.35)
    assert desk("run") == 0
    [line] = [line for line in (desk.folder / "lists" / "2024.md").read_text().split("\n") if line.startswith("> why:")]
    assert "(model 0.35) · compression/distillation · " in line
    assert line.endswith(" · llm")
    assert desk.rows("SELECT model_relevance, decision FROM review_queue q JOIN works USING (work_id)") == [(0.35, None)]
