"""Several papers in one request: answers are matched by the id they repeat, and a bad one is one paper's trouble."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from tests.llm_bench import Bench, copied
from tests.scripted_llm import Asked, ScriptedLlm, Wire, completion, failing, good, saying, wired
from triage.ledger import journal_path
from triage.llm import open_model

NUMBERS = [6, 7, 8, 9]
"""A request of four, in other tests."""
LABEL = "compression/distillation"


def ids(asked: Asked) -> list[str]:
    return re.findall(r"^work_id: (\S+)$", asked.user, re.MULTILINE)


def answer(asked: Asked, work_id: str, **changes: Any) -> dict[str, Any]:
    """A good answer about one of the papers of a request: it quotes that paper's own number."""
    paper = asked.user.split(f"work_id: {work_id}")[1]
    number = re.search(r"Small students of number \d+", paper)
    assert number
    label = {"label": LABEL, "confidence": 0.9, "quote": number[0]}
    return {"work_id": work_id, "relevant": "yes", "relevance": 0.8, "labels": [label], "proposed": [], "claims": [], **changes}


def answering(change: Callable[[Asked, list[dict[str, Any]]], list[Any]]) -> Callable[[Asked], Wire]:
    """Good answers about all papers of a request, some of them spoilt; a request about one is answered well."""

    def behave(asked: Asked) -> Wire:
        if len(ids(asked)) == 1:
            return good(asked)
        return wired(completion(json.dumps({"answers": change(asked, [answer(asked, one) for one in ids(asked)])})))

    return behave


def shifted(_: Asked, answers: list[dict[str, Any]]) -> list[Any]:
    names = [one["work_id"] for one in answers]
    return [{**one, "work_id": name} for one, name in zip(answers, names[1:] + names[:1], strict=True)]


CASES: dict[str, tuple[Callable[[Asked, list[dict[str, Any]]], list[Any]], int]] = {
    "all well": (lambda _, a: a, 0),
    "in another order": (lambda _, a: a[::-1], 0),
    "one missing": (lambda _, a: a[1:], 1),
    "one twice": (lambda _, a: [*a, a[0]], 1),
    "one twice, with other labels": (lambda _, a: [*a, {**a[0], "labels": []}], 1),
    "a foreign one more": (lambda _, a: [*a, {**a[0], "work_id": "w000000000000"}], 0),
    "a foreign one instead": (lambda _, a: [{**a[0], "work_id": "w000000000000"}, *a[1:]], 1),
    "all shifted by one": (shifted, 3),
    "a wrong enum in one": (lambda _, a: [{**a[0], "relevant": "maybe"}, *a[1:]], 1),
    "a key too many in one": (lambda _, a: [{**a[0], "decision": "selected"}, *a[1:]], 1),
    "one is no object": (lambda _, a: ["sorry", *a[1:]], 1),
    "no evidence in one": (lambda _, a: [{**a[0], "labels": [{"label": LABEL, "confidence": 1, "quote": "not in the text"}]}, *a[1:]], 1),
    "none at all": (lambda _, __: [], 3),
}  # fmt: skip


SIZE = 3
"""Papers in a request of the night below: each case has one request."""


@dataclass(frozen=True)
class Night:
    """One run over all cases: status, sizes of the requests about each case's papers, what labels those have."""

    status: str
    sizes: dict[str, list[int]]
    labels: dict[str, list[tuple[int, bool]]]
    rows: int
    requests: int


@pytest.fixture(scope="module")
def night(imported: Bench, tmp_path_factory: pytest.TempPathFactory) -> Night:
    bench = copied(imported, tmp_path_factory.mktemp("night"))
    numbers = {work: number for number, work in bench.works.items() if number not in (3, 4, 5)}
    chosen = sorted(numbers)[: SIZE * len(CASES)]  # as the step puts them together
    papers = {name: chosen[SIZE * place : SIZE * (place + 1)] for place, name in enumerate(CASES)}
    case_of = {work: name for name, works in papers.items() for work in works}

    def behave(asked: Asked) -> Wire:
        return answering(CASES[case_of[ids(asked)[0]]][0])(asked)

    with ScriptedLlm(behave) as server, closing(duckdb.connect(str(bench.root / "triage.duckdb"))):
        night = bench.label(server.base_url, [numbers[work] for work in chosen], BATCH_SIZE=str(SIZE))
        sizes: dict[str, list[int]] = {name: [] for name in CASES}
        for asked in server.asked:
            sizes[case_of[ids(asked)[0]]].append(len(ids(asked)))
        requests = len(server.asked)
    labels: dict[str, list[tuple[int, bool]]] = {name: [] for name in CASES}
    for work, there in bench.ask(
        "SELECT work_id, contains(w.abstract, l.quote) FROM labels_current l JOIN works w USING (work_id) WHERE l.producer = 'llm' ORDER BY 1"
    ):
        labels[case_of[work]].append((work, there))
    return Night(night.status, sizes, labels, bench.ask("SELECT count(*) FROM llm_calls")[0][0], requests)


@pytest.mark.parametrize("name", CASES)
def test_a_bad_answer_is_asked_for_again_alone(night: Night, name: str) -> None:
    assert night.sizes[name] == [SIZE] + [1] * CASES[name][1]
    assert [there for _, there in night.labels[name]] == [True] * SIZE, "each paper has the answer that quotes it"
    assert night.status == "complete"


def test_every_request_of_that_night_is_one_row(night: Night) -> None:
    assert night.rows == night.requests


def test_the_papers_of_a_request_stand_each_in_its_own_fence(bench: Bench, server: ScriptedLlm) -> None:
    server.default = answering(CASES["all well"][0])
    bench.label(server.base_url, NUMBERS, BATCH_SIZE="4")
    [asked] = server.asked
    assert len(set(re.findall(r"<(untrusted-[0-9a-f]{16})-abstract>", asked.user))) == 4
    assert "4 papers below" in asked.system
    assert asked.body["max_tokens"] == 4 * 1200
    schema = asked.body["response_format"]["json_schema"]["schema"]
    assert set(schema["$defs"]) >= {"LabelReply", "ClaimItem"}
    assert bench.ask("SELECT work_id FROM llm_calls") == [(" ".join(ids(asked)),)]


def test_a_reply_that_is_none_loses_no_paper(bench: Bench, server: ScriptedLlm) -> None:
    server.default = lambda asked: saying("I read them all.")(asked) if len(ids(asked)) > 1 else good(asked)
    night = bench.label(server.base_url, NUMBERS, BATCH_SIZE="4")
    assert (night.status, [len(ids(asked)) for asked in server.asked]) == ("complete", [4, 4, 1, 1, 1, 1])


def test_a_server_that_fails_fails_the_papers_of_the_request(bench: Bench, server: ScriptedLlm) -> None:
    server.default = failing(503, "busy")
    night = bench.label(server.base_url, NUMBERS, BATCH_SIZE="4", MAX_ATTEMPTS="1")
    assert [failure.kind for failure in night.failures] == ["server error"] * 4
    assert (len(server.asked), bench.ask("SELECT count(*) FROM llm_calls")) == (1, [(1,)])


def test_what_a_batch_answered_is_known_however_papers_are_put_together_next(bench: Bench, server: ScriptedLlm) -> None:
    server.default = answering(CASES["all well"][0])
    with bench.run(server.base_url, BATCH_SIZE="3") as run:
        from triage.labelling import Paper
        from triage.labelling.llm import LlmLabeller, label_prompt
        from triage.seeds import workspace_taxonomy

        model = open_model(run, environ={})
        assert model is not None
        papers = [
            Paper(*row)
            for row in bench.ask("SELECT work_id, title, abstract FROM works ORDER BY work_id")
            if row[0] in {bench.works[n] for n in (6, 7, 8)}
        ]
        assert len(list(LlmLabeller(model, label_prompt(run.workspace), workspace_taxonomy(run.workspace)).read(papers))) == 3
    assert journal_path(bench.open("")).exists(), "a run that was killed before it kept anything"
    server.forget()
    night = bench.label(server.base_url, [8, 9, 6, 7], BATCH_SIZE="2")
    assert (night.counts["from ledger"], night.counts["calls"], [len(ids(asked)) for asked in server.asked]) == (3, 1, [1])
    server.forget()
    assert bench.label(server.base_url, NUMBERS, BATCH_SIZE="1").counts["from ledger"] == 4
    assert server.asked == []
