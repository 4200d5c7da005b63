"""One bad night: every way in which a server or a reply can be wrong, over real HTTP on loopback.

Each case is a paper of one run (`NIGHT`); what stands in the ledger for it afterwards is the expectation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.llm_bench import PAPERS, Bench, Night, copied
from tests.scripted_llm import (
    Asked,
    Behaviour,
    ScriptedLlm,
    Wire,
    dropped,
    failing,
    good,
    rate_limited,
    raw,
    reply_about,
    replying,
    saying,
    slow,
    trickling,
)  # fmt: skip


def labelled(*names: str, quote: str = "learn by knowledge distillation") -> Behaviour:
    return lambda asked: replying(labels=[{"label": name, "confidence": 0.9, "quote": quote} for name in names])(asked)


def proposing(*names: str) -> Behaviour:
    return replying(labels=[], proposed=[{"name": name, "confidence": 0.7, "quote": "from one big teacher"} for name in names])


def half_made_up(asked: Asked) -> Wire:
    label = reply_about(asked)["labels"][0]
    made_up = {"label": "conditional-compute/moe", "confidence": 0.99, "quote": "a mixture of experts routes every token"}
    return replying(labels=[made_up, label])(asked)


def in_a_code_fence(asked: Asked) -> Wire:
    return saying(f"<think>{{not this}}</think>Here you are:\n```json\n{json.dumps(reply_about(asked))}\n```\nAnything else?")(asked)


def with_a_key_twice(asked: Asked) -> Wire:
    return saying(json.dumps(reply_about(asked)).replace('"relevant":', '"relevant": "no", "relevant":'))(asked)


@dataclass(frozen=True)
class Case:
    """What one paper meets, the statuses of its requests, and the labels the model's part ends with (None: the rules' stand)."""

    script: tuple[Behaviour, ...]
    statuses: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    note: str = ""


DISTILLED = ("compression/distillation",)
NIGHT: dict[str, Case] = {
    "429 with Retry-After": Case((rate_limited("0.05"), good), ("rate limit", "ok"), DISTILLED),
    "429 without": Case((rate_limited(), good), ("rate limit", "ok"), DISTILLED),
    "503, then well": Case((failing(503, "busy"), good), ("server error", "ok"), DISTILLED),
    "503 for good": Case((failing(503, "busy"),) * 3, ("server error",) * 3),
    "half a body of JSON": Case((raw(b'{"choices": [{"mess'), good), ("server error", "ok"), DISTILLED),
    "an HTML page": Case((raw(b"<html>Log in</html>"), good), ("server error", "ok"), DISTILLED),
    "an error inside a 200": Case((raw(b'{"error": {"message": "upstream"}}'), good), ("server error", "ok"), DISTILLED),
    "connection dropped before": Case((dropped("before"), good), ("connection", "ok"), DISTILLED),
    "connection dropped in the middle": Case((dropped("middle"), good), ("connection", "ok"), DISTILLED),
    "silent": Case((slow(3.0), good), ("timeout", "ok"), DISTILLED),
    "dripping": Case((trickling(0.05), good), ("timeout", "ok"), DISTILLED, "each byte comes in time, the whole does not"),
    "endless": Case((raw(b" " * 2_100_000),), ("too large",)),
    "sent elsewhere": Case((raw(b"", 307, Location="http://127.0.0.1:9/v1"),), ("bad request",), None, "a paper and a key go to the named server only"),
    "empty reply": Case((saying(""), good), ("empty", "ok"), DISTILLED),
    "no choices": Case((raw(b'{"choices": []}'), good), ("empty", "ok"), DISTILLED),
    "half JSON": Case((saying('{"work_id": "w'), good), ("malformed", "ok"), DISTILLED),
    "prose twice": Case((saying("I think it is about students."),) * 2, ("malformed",) * 2),
    "a foreign key": Case((replying(decision="selected"),) * 2, ("malformed",) * 2, None, "there is nowhere to put a decision"),
    "a key missing": Case((saying('{"relevant": "yes"}'), good), ("malformed", "ok"), DISTILLED),
    "a key twice": Case((with_a_key_twice, good), ("malformed", "ok"), DISTILLED),
    "a wrong enum": Case((replying(relevant="maybe"), good), ("wrong value", "ok"), DISTILLED),
    "a confidence of 90": Case((replying(relevance=90), good), ("wrong value", "ok"), DISTILLED),
    "not a number": Case((saying('{"work_id": "w", "relevant": "no", "relevance": NaN, "labels": [], "proposed": [], "claims": []}'), good), ("wrong value", "ok"), DISTILLED),
    "relevant without labels": Case((replying(labels=[]), good), ("wrong value", "ok"), DISTILLED),
    "another work's id": Case((replying(work_id="w000000000000"),), ("foreign work",)),
    "refusal": Case((saying(None, refusal="I cannot help with that."),), ("refusal",)),
    "cut at the limit": Case((saying('{"work_id"', finish="length"),) * 2, ("length",) * 2),
    "cut, then whole": Case((saying('{"work_id"', finish="length"), good), ("length", "ok"), DISTILLED),
    "content filter": Case((saying(None, finish="content_filter"),), ("content filter",)),
    "a made-up quote": Case((labelled("compression/pruning", quote="prunes half of the heads"),), ("no evidence",)),
    "one quote of two made up": Case((half_made_up,), ("ok",), DISTILLED, "the void one is named in the ledger"),
    "a label of its own": Case((labelled("wobble tuning"),), ("ok",), ("other: wobble tuning",)),
    "a proposal": Case((proposing("Wobble tuning"),), ("ok",), ("other: Wobble tuning",)),
    "a proposal that is known": Case((proposing("knowledge distillation"),), ("ok",), DISTILLED),
    "a label as its name": Case((labelled("Model Distillation", "compression/distillation"),), ("ok",), DISTILLED),
    "a label that decides": Case((labelled("selected", "marked by a human", "x\n- [x] y"),), ("no evidence",)),
    "in a code fence": Case((in_a_code_fence,), ("ok",), DISTILLED),
    "not relevant": Case((replying(relevant="no", labels=[]),), ("ok",), ()),
}  # fmt: skip
NUMBERS = dict(zip(NIGHT, [n for n in range(1, PAPERS + 1) if n not in (3, 4, 5)], strict=False))


@dataclass(frozen=True)
class BadNight:
    night: Night
    statuses: dict[str, tuple[str, ...]]
    messages: dict[str, list[str | None]]
    labels: dict[str, tuple[str, ...] | None]
    asked: dict[str, list[Asked]]
    bench: Bench


@pytest.fixture(scope="module")
def bad_night(imported: Bench, tmp_path_factory: pytest.TempPathFactory) -> BadNight:
    """One run over all of NIGHT; a good paper goes first, so that the server is known to be well."""
    bench = copied(imported, tmp_path_factory.mktemp("bad"))
    works = bench.works
    with ScriptedLlm() as server:
        bench.label(server.base_url, [4])
        for name, case in NIGHT.items():
            server.script(works[NUMBERS[name]], *case.script)
        night = bench.label(server.base_url, list(NUMBERS.values()), TIMEOUT_SECONDS="1.5", CONCURRENCY="8")
        asked: dict[str, list[Asked]] = {name: [a for a in server.asked if a.work_id == works[NUMBERS[name]]] for name in NIGHT}
    names = {works[number]: name for name, number in NUMBERS.items()}
    statuses: dict[str, tuple[str, ...]] = dict.fromkeys(NIGHT, ())
    messages: dict[str, list[str | None]] = {name: [] for name in NIGHT}
    for work_id, status, message in bench.ask("SELECT work_id, status, message FROM llm_calls ORDER BY work_id, attempt"):
        if work_id in names:
            statuses[names[work_id]] += (status,)
            messages[names[work_id]].append(message)
    labels: dict[str, tuple[str, ...] | None] = dict.fromkeys(NIGHT)
    for (work_id,) in bench.ask("SELECT DISTINCT work_id FROM works WHERE labelled_by = 'llm'"):
        if work_id in names:
            labels[names[work_id]] = ()
    for work_id, name, proposed in bench.ask(
        "SELECT work_id, label, proposed FROM labels_current WHERE producer = 'llm' ORDER BY work_id, position"
    ):
        if work_id in names:
            labels[names[work_id]] = (*(labels[names[work_id]] or ()), f"{name}: {proposed}" if proposed else name)
    return BadNight(night, statuses, messages, labels, asked, bench)


@pytest.mark.parametrize("name", NIGHT)
def test_each_fault_has_its_name_and_its_next_step(bad_night: BadNight, name: str) -> None:
    case = NIGHT[name]
    assert (bad_night.statuses[name], bad_night.labels[name]) == (case.statuses, case.labels)
    assert len(bad_night.asked[name]) == len(case.statuses), "every request that left the machine is a row"
    failures = [failure.kind for failure in bad_night.night.failures if failure.item == bad_night.bench.works[NUMBERS[name]]]
    assert failures == ([case.statuses[-1]] if case.labels is None else [])


def test_a_bad_night_adds_up_and_the_rules_stand_in(bad_night: BadNight) -> None:
    night = bad_night.night
    failed = sum(case.labels is None for case in NIGHT.values())
    assert night.report is not None
    assert (night.report.read, night.report.failed, night.report.new, night.report.refused) == (len(NIGHT), failed, len(NIGHT) - failed, 0)
    # one of two labels, one made-up label, and three that decide
    assert (night.counts["void"], night.status) == (5, "partial")
    lost = [NUMBERS[name] for name, case in NIGHT.items() if case.labels is None]
    rows = bad_night.bench.ask("SELECT CAST(regexp_extract(title, 'number (\\d+)', 1) AS INTEGER), labelled_by, type FROM works")
    assert {(by, kind) for number, by, kind in rows if number in lost} == {("lexical", "Model Distillation")}


def test_a_repair_shows_the_model_what_is_wrong(bad_night: BadNight) -> None:
    repair = bad_night.asked["a wrong enum"][1].repair
    assert "relevant" in repair
    assert "'yes' or 'no'" in repair
    assert '"additionalProperties": false' in repair, "with the schema"
    assert bad_night.asked["a wrong enum"][1].body["messages"][2]["role"] == "assistant"


def test_a_reply_that_was_cut_gets_more_room_once(bad_night: BadNight) -> None:
    assert [asked.body["max_tokens"] for asked in bad_night.asked["cut at the limit"]] == [1200, 2400]


def test_void_labels_are_named_in_the_ledger(bad_night: BadNight) -> None:
    [message] = bad_night.messages["one quote of two made up"]
    assert message is not None
    assert message.startswith("void: conditional-compute/moe: the quote 'a mixture of experts")


def test_the_next_night_asks_about_what_failed_and_nothing_else(bad_night: BadNight, tmp_path: Path) -> None:
    bench = copied(bad_night.bench, tmp_path)
    lost = sorted(NUMBERS[name] for name, case in NIGHT.items() if case.labels is None)
    fresh = sorted(set(range(1, PAPERS + 1)) - {3, 4} - set(NUMBERS.values()))
    with ScriptedLlm() as server:
        night = bench.label(server.base_url)
        assert sorted(_number(asked) for asked in server.asked) == sorted(lost + fresh)
    assert night.status == "complete"
    assert bench.ask("SELECT count(*) FROM works WHERE labelled_by = 'llm'") == [(PAPERS - 1,)]


def _number(asked: Asked) -> int:
    return int(asked.field("title").split()[3])
