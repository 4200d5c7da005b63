"""--plan: what models may be asked at most, worked out on a copy; a real run never passes it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.llm_bench import PAPERS, SETTINGS, Bench
from tests.scripted_llm import Asked, Behaviour, ScriptedLlm, Wire, completion, failing, good, rate_limited, reply_about, wired
from triage.cli import run_command_line
from triage.llm import find_endpoint

PRICES = "{made = {input = 1.0, output = 4.0}}"


@pytest.fixture
def bench(closed: Bench) -> Bench:
    """Nobody else has it open: a plan reads the database for itself."""
    return closed


class Planner:
    """The command line over a workspace with a model."""

    def __init__(self, bench: Bench, base_url: str, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.bench, self.capsys, self.patch = bench, capsys, patch
        self.set(**SETTINGS, BASE_URL=base_url)

    def set(self, **settings: str) -> None:
        for name, value in settings.items():
            self.patch.setenv(f"TRIAGE_LLM__{name}", value)

    def plan(self, command: str, *options: str) -> Any:
        self.capsys.readouterr()
        assert run_command_line([command, "--plan", "--json", *options, "--workspace", str(self.bench.root)]) == 0
        return json.loads(self.capsys.readouterr().out)


@pytest.fixture
def planner(bench: Bench, server: ScriptedLlm, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Planner:
    return Planner(bench, server.base_url, capsys, monkeypatch)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_plan_asks_nothing_and_writes_nothing(planner: Planner, server: ScriptedLlm) -> None:
    before = files(planner.bench.root)
    plan = planner.plan("label")
    [line] = plan["calls"]
    assert (line["purpose"], line["model"], line["papers"], line["known"], line["calls"]) == ("label", "made", PAPERS - 1, 0, PAPERS - 1)
    # three attempts, a repair and a longer reply: eleven requests a paper at most, and the ladder for those in flight
    assert line["most_calls"] == 11 * (PAPERS - 1) + 4 * 5
    assert (line["most_usd"], line["usual_usd"], plan["most_usd"], plan["caps"]) == (None, None, None, []), (
        "a price that is unknown is not nothing"
    )
    assert (files(planner.bench.root), server.asked) == (before, [])


def test_what_the_ledger_knows_costs_nothing_and_caps_hold_the_plan_down(planner: Planner, server: ScriptedLlm) -> None:
    planner.set(PRICES=PRICES, BUDGET="{calls_per_run = 30, usd_per_month = 0.5}")
    bench = planner.bench
    bench.label(server.base_url, [6, 7, 8], PRICES=PRICES)
    named = planner.plan("label", *(x for number in (6, 7, 8, 9) for x in ("--work", bench.works[number])))
    [line] = named["calls"]
    assert (line["papers"], line["known"], line["calls"], line["usual_usd"]) == (4, 3, 1, pytest.approx(0.0014))
    plan = planner.plan("label")
    assert (plan["calls"][0]["calls"], plan["calls"][0]["known"]) == (PAPERS - 4, 0), "what is labelled is not due at all"
    caps = {(cap["unit"], cap["span"]): (cap["spent"], cap["left"]) for cap in plan["caps"]}
    assert caps == {("calls", "run"): (0, 30), ("usd", "month"): (pytest.approx(0.0042), pytest.approx(0.4958))}
    assert (plan["most_calls"], plan["most_usd"]) == (30, pytest.approx(0.4958))


def test_a_night_counts_what_it_may_yet_gather_and_a_second_model(planner: Planner) -> None:
    planner.set(PRICES="{made = {input = 1.0, output = 4.0}, strong = {input = 10.0, output = 40.0}}", SECOND__MODEL="strong")
    plan = planner.plan("run")
    assert [(line["purpose"], line["model"], line["about"], line["calls"]) for line in plan["calls"]] == [
        ("label", "made", "", PAPERS - 1), ("label", "made", "not gathered yet", 50),
        ("label", "strong", "", PAPERS - 1), ("label", "strong", "not gathered yet", 50),
        ("note", "made", "", PAPERS), ("note", "made", "not gathered yet", 50),
    ]  # fmt: skip
    lines = {(line["model"], line["about"]): line for line in plan["calls"] if line["purpose"] == "label"}
    assert lines["strong", ""]["most_usd"] == pytest.approx(10 * lines["made", ""]["most_usd"])
    assert plan["most_usd"] == pytest.approx(sum(line["most_usd"] for line in plan["calls"]))
    assert "at most 50 papers" in plan["notes"][0]
    for source in ("huggingface", "arxiv"):
        planner.patch.setenv(f"TRIAGE_SOURCES__{source.upper()}__ENABLED", "false")
    for source in ("aaai", "acl", "cvf", "virtual", "neurips", "pmlr", "ecva", "ijcai", "openreview"):
        planner.patch.setenv(f"TRIAGE_SOURCES__{source.upper()}__ENABLED", "false")
    assert [line["about"] for line in planner.plan("run")["calls"]] == ["", "", ""]


def test_a_plan_for_people_names_what_is_unknown(
    imported: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = ["label", "--plan", "--work", imported.works[7], "--workspace", str(imported.root)]
    assert run_command_line(command) == 0
    assert "no model is configured" in capsys.readouterr().out
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert run_command_line(command) == 0
    out = capsys.readouterr().out
    assert "label, gpt-4.1-mini: 1 papers, 0 of them answered already: 1 calls" in out
    assert "the price of gpt-4.1-mini is unknown" in out
    assert "$" not in out
    assert run_command_line(["init", str(tmp_path / "new")]) == 0
    assert run_command_line(["label", "--plan", "--workspace", str(tmp_path / "new")]) == 1
    assert "there is no warehouse yet" in capsys.readouterr().err


def test_a_plan_of_a_new_prompt(planner: Planner, server: ScriptedLlm) -> None:
    planner.bench.label(server.base_url, [6, 7])
    assert planner.plan("label", "--reprompt")["calls"] == []
    planner.set(MODEL="other")
    [line] = planner.plan("label", "--reprompt")["calls"]
    assert (line["model"], line["calls"]) == ("other", 2)


# --- a real run never passes its plan


def dear(asked: Asked, content: str, finish: str = "stop") -> Wire:
    """An answer that takes all a request can take: a token for two letters sent, the reply's whole room."""
    sent = (
        sum(len(message["content"]) for message in asked.body["messages"]) // 2
        + len(json.dumps(asked.body.get("response_format", ""))) // 2
    )
    usage = {"prompt_tokens": sent, "completion_tokens": asked.body["max_tokens"], "total_tokens": 0}
    return wired(completion(content, finish=finish) | {"usage": usage})


def worst(asked: Asked) -> Wire:
    return dear(asked, json.dumps(reply_about(asked)))


def hostile(seed: int) -> Behaviour:
    """Anything a server may do, at the highest price."""
    chance = random.Random(seed)
    choices: list[Behaviour] = [
        worst, good, failing(503, "busy"), rate_limited("0.001"), rate_limited(),
        lambda asked: dear(asked, "no JSON " * 300), lambda asked: dear(asked, '{"work_id"', "length"), lambda asked: dear(asked, ""),
        lambda _: wired({"choices": "?"}), lambda _: Wire(b"half", drop="middle"), lambda _: Wire(b"", drop="before"),
    ]  # fmt: skip
    return lambda asked: chance.choice(choices)(asked)


@pytest.mark.parametrize("seed", range(2))
def test_no_run_costs_more_than_its_plan(planner: Planner, server: ScriptedLlm, seed: int) -> None:
    planner.set(PRICES=PRICES, CONCURRENCY="8", RETRY_SECONDS="0.001")
    bench, numbers = planner.bench, list(range(6, 18))
    options = [x for number in numbers for x in ("--work", bench.works[number])]
    server.script("", worst)  # the dialect is known by one good answer, or it is asked one by one for ever
    bench.label(server.base_url, [1], PRICES=PRICES)
    before = len(server.asked)
    plan = planner.plan("label", *options)
    server.default = hostile(seed)
    bench.label(server.base_url, numbers, PRICES=PRICES, CONCURRENCY="8", RETRY_SECONDS="0.001")
    [(calls, cost, sent, received)] = bench.ask(
        "SELECT count(*), sum(coalesce(cost, most_cost)), sum(tokens_in), sum(tokens_out) FROM llm_calls"
        f" WHERE work_id <> '{bench.works[1]}'"
    )
    assert calls == len(server.asked) - before, "every request that left the machine is a row"
    [line] = plan["calls"]
    assert calls <= line["most_calls"]
    assert (sent <= line["most_tokens_in"], received <= line["most_tokens_out"]) == (True, True)
    assert 0 < cost <= plan["most_usd"]
    assert bench.ask("SELECT count(*) FROM llm_calls WHERE cost IS NULL AND most_cost IS NULL") == [(0,)]


def test_the_worst_paper_of_all_comes_to_its_bound_and_not_beyond(planner: Planner, server: ScriptedLlm) -> None:
    planner.set(PRICES=PRICES, RETRY_SECONDS="0.001")
    bench = planner.bench
    bench.label(server.base_url, [1])
    plan = planner.plan("label", "--work", bench.works[7])
    cut: Behaviour = lambda asked: dear(asked, '{"work_id"', "length")  # noqa: E731 - one line reads best
    empty: Behaviour = lambda asked: dear(asked, "")  # noqa: E731
    server.script(bench.works[7], lambda asked: dear(asked, "no JSON"), cut, *[rate_limited("0.001")] * 2, *[empty] * 3)
    server.forget()
    bench.label(server.base_url, [7], PRICES=PRICES, RETRY_SECONDS="0.001")
    [(cost,)] = bench.ask(f"SELECT sum(cost) FROM llm_calls WHERE work_id = '{bench.works[7]}'")
    assert len(server.asked) == 5, "a rate limit takes patience from the others, never gives them more"
    assert plan["most_usd"] / 4 < cost <= plan["most_usd"]
    assert find_endpoint(bench.open(server.base_url).settings.llm, {}) is not None
