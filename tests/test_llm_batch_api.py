"""Batches over real HTTP on loopback: sent once whatever is killed in between, collected later, what is unusable sent again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.llm_bench import SETTINGS, Bench
from tests.scripted_llm import ScriptedLlm, replying, saying
from triage.cli import run_command_line

NUMBERS = [6, 7, 8, 9]


def sent(server: ScriptedLlm) -> list[str]:
    """The works in the batches the server was asked to do, one entry a request."""
    files = [server.batches.files[batch["input_file_id"]] for batch in server.batches.made.values()]
    return sorted(json.loads(line)["custom_id"] for file in files for line in file.splitlines())


def labelled(bench: Bench) -> set[str]:
    return {work_id for (work_id,) in bench.ask("SELECT work_id FROM works WHERE labelled_by = 'llm'")}


def works(bench: Bench, *numbers: int) -> set[str]:
    return {bench.works[number] for number in numbers}


PRICES = "{made = {input = 1.0, cached = 0.5, output = 4.0}}"


def test_a_batch_is_sent_waits_and_is_collected_by_a_later_night(bench: Bench, server: ScriptedLlm) -> None:
    night = bench.send(server.base_url, NUMBERS, PRICES=PRICES)
    assert night.report is not None
    assert (night.report.refused, night.counts["waiting"], night.counts["calls"], night.status) == (4, 4, 0, "complete")
    assert "4 papers sent in a batch; a later run collects the answers" in night.report.messages
    assert (sent(server), server.asked) == (sorted(works(bench, *NUMBERS)), [])
    assert dict(bench.ask("SELECT work_id, reason FROM llm_waiting")) == dict.fromkeys(works(bench, *NUMBERS), "in a batch")
    # a night in between asks about the others only
    between = bench.label(server.base_url, [*NUMBERS, 10], PRICES=PRICES)
    assert ([asked.work_id for asked in server.asked], between.counts["waiting"]) == ([bench.works[10]], 4)
    server.batches.finish()
    server.forget()
    later = bench.label(server.base_url, NUMBERS, PRICES=PRICES)
    assert later.report is not None
    assert (later.report.new, later.counts["from ledger"], later.counts["calls"], server.asked) == (4, 4, 0, [])
    assert later.report.messages[0] == "batch batch_1 is completed: 4 of 4 answers can be used, the others are due again; $0.0020"
    assert labelled(bench) == works(bench, *NUMBERS, 10)
    # half of the price of 200 + 800 cached tokens in and 100 out
    rows = bench.ask("SELECT status, round(cost, 9), tokens_in FROM llm_calls WHERE run_id = '" + night.run_id + "'")
    assert rows == [("ok", 0.0005, 1000)] * 4, "the run that sent them is the one that paid"
    assert bench.ask("SELECT count(*) FROM llm_waiting") == [(0,)]
    assert bench.send(server.base_url, NUMBERS).counts["from ledger"] == 4
    assert len(server.batches.made) == 1


@pytest.mark.parametrize("moment", ["upload", "create"])
def test_a_batch_whose_sending_was_cut_is_never_sent_twice(bench: Bench, server: ScriptedLlm, moment: Any) -> None:
    server.batches.fail_next = moment
    night = bench.send(server.base_url, NUMBERS)
    assert [(failure.step, failure.kind) for failure in night.failures] == [("label llm", "connection")]
    again = bench.send(server.base_url, NUMBERS)
    assert again.status == "complete"
    assert sent(server) == sorted(works(bench, *NUMBERS)), "each paper once"
    server.batches.finish()
    assert bench.label(server.base_url, NUMBERS).counts["calls"] == 0
    assert labelled(bench) == works(bench, *NUMBERS)
    states = [state for (state,) in bench.ask("SELECT state FROM store.llm_batch ORDER BY made_at")]
    assert states == (["gone", "collected"] if moment == "upload" else ["collected"])


@pytest.mark.parametrize("moment", ["look", "download"])
def test_a_collection_that_was_cut_is_done_again(bench: Bench, server: ScriptedLlm, moment: Any) -> None:
    bench.send(server.base_url, NUMBERS)
    server.batches.finish()
    server.forget()
    server.batches.fail_next = moment
    night = bench.label(server.base_url, NUMBERS)
    assert [failure.step for failure in night.failures] == ["label llm"]
    assert (night.counts["waiting"], server.asked) == (4, [])
    bench.label(server.base_url, NUMBERS)
    assert labelled(bench) == works(bench, *NUMBERS)
    assert bench.ask("SELECT count(*), count(DISTINCT call_id) FROM llm_calls") == [(4, 4)]


def test_what_cannot_be_used_goes_into_the_next_batch_until_it_is_given_up(bench: Bench, server: ScriptedLlm) -> None:
    server.script(bench.works[6], *[saying("no JSON")] * 3)
    server.script(bench.works[7], replying(work_id=bench.works[8]))
    server.batches.extra_lines = [
        b"no JSON",
        b'{"custom_id": "w000000000000", "response": {"status_code": 200, "body": {}}}',
        b"[]",
        b"\xff",
    ]
    bench.send(server.base_url, NUMBERS)
    server.batches.finish("expired", answered=3)
    night = bench.send(server.base_url, None, READ='"top 44"', NIGHTS="1")
    assert night.counts["given up"] == len(works(bench, 6, 7) - {never_reached(server)})
    assert labelled(bench) == works(bench, *NUMBERS) - works(bench, 6, 7) - {never_reached(server)}
    assert sent(server).count(never_reached(server)) == 2, "it is in the second batch too"
    assert {asked.path for asked in server.asked} == {"batch"}


def never_reached(server: ScriptedLlm) -> str:
    """The request of the first batch that the server did not come to."""
    return str([json.loads(line)["custom_id"] for line in server.batches.files["file-1"].splitlines()][3])


def test_caps_hold_for_batches_and_for_what_is_asked_beside_them(bench: Bench, server: ScriptedLlm) -> None:
    # before it is collected a request counts as the most it may cost: 0.0044 tokens in at half a dollar a million, 1200 out at two
    night = bench.send(server.base_url, NUMBERS, PRICES=PRICES, BUDGET="{usd_per_month = 0.012}")
    assert night.report is not None
    inside = len(sent(server))
    assert 0 < inside < 4
    assert any("the cap of $0.012 a month" in line or "takes the rest of a cap" in line for line in night.report.messages)
    beside = bench.label(server.base_url, [10], PRICES=PRICES, BUDGET="{usd_per_month = 0.012}")
    assert (beside.counts["waiting"], server.asked) == (1, []), "what is set aside for the batch is not there twice"
    server.batches.finish()
    server.forget()
    after = bench.label(server.base_url, NUMBERS, PRICES=PRICES, BUDGET="{usd_per_month = 0.012}")
    assert after.counts["from ledger"] == inside
    assert after.counts["calls"] >= 0
    [(spent,)] = bench.ask("SELECT sum(coalesce(cost, most_cost)) FROM llm_calls")
    assert spent <= 0.012


def test_a_server_without_batches_is_told_and_the_papers_wait(bench: Bench, server: ScriptedLlm) -> None:
    server.batches.supported = False
    night = bench.send(server.base_url, NUMBERS)
    assert [failure.kind for failure in night.failures] == ["unknown model"]
    assert (night.counts["waiting"], labelled(bench)) == (4, set())
    bench.label(server.base_url, NUMBERS)
    assert labelled(bench) == works(bench, *NUMBERS), "the batch never arrived: they are asked about at once"


def test_an_answer_to_what_is_no_longer_asked_is_kept_and_labels_nothing(bench: Bench, server: ScriptedLlm) -> None:
    bench.send(server.base_url, NUMBERS)
    server.batches.finish()
    (bench.root / "prompts").mkdir()
    text = (Path(__file__).parents[1] / "prompts" / "label.md").read_text(encoding="utf-8")
    (bench.root / "prompts" / "label.md").write_text(text.replace("You read papers", "Be careful. You read papers"))
    night = bench.label(server.base_url, NUMBERS)
    assert (night.counts["from ledger"], night.counts["calls"]) == (0, 4)
    assert bench.ask("SELECT count(*), count(DISTINCT prompt_hash) FROM llm_calls WHERE status = 'ok'") == [(8, 2)]


def test_the_plan_of_a_batch_is_one_call_a_paper_at_its_price(
    imported: Bench, server: ScriptedLlm, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (SETTINGS | {"BASE_URL": server.base_url, "PRICES": PRICES}).items():
        monkeypatch.setenv(f"TRIAGE_LLM__{name}", value)
    plans = []
    for options in ([], ["--batch"]):
        assert (
            run_command_line(["label", "--plan", "--work", imported.works[7], *options, "--json", "--workspace", str(imported.root)]) == 0
        )
        plans.append(json.loads(capsys.readouterr().out))
    whole, batch = (plan["calls"][0] for plan in plans)
    assert (batch["calls"], batch["most_calls"], batch["about"]) == (1, 1, "in a batch")
    assert batch["most_usd"] == pytest.approx((batch["most_tokens_in"] + 4 * batch["most_tokens_out"]) / 2e6)
    assert batch["most_usd"] < whole["most_usd"] / 5
