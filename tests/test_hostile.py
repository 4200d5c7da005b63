"""Fifty abstracts that give orders (tests/hostile_abstracts.json, all our own): the fence holds for each, and a reply
of a model that obeyed comes to nothing, through the real step and a real server on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.llm_bench import Bench
from tests.scripted_llm import Asked, ScriptedLlm, Wire, completion, note_about, reply_about, wired
from tests.workspaces import ask, put, record
from triage import pipeline
from triage.formats import checklist, cvinw
from triage.labelling import Paper
from triage.labelling.llm import label_messages, label_prompt, taxonomy_text
from triage.labelling.reading import read_batches
from triage.notes.llm import NotePaper, note_messages, note_prompt
from triage.notes.reading import write_by_model
from triage.orders import reads_as_order
from triage.prompts import Messages
from triage.seeds import packaged_taxonomy, workspace_taxonomy
from triage.text import clean_abstract
from triage.workspace import Workspace

CASES = json.loads((Path(__file__).parent / "hostile_abstracts.json").read_text(encoding="utf-8"))
NAMES = [case["name"] for case in CASES]
ORDERS: dict[str, str] = {case["title"]: case["order"] for case in CASES}
HONEST = "We distill a large teacher into a small student"


def test_there_are_fifty_of_them_and_each_has_its_order_in_the_text() -> None:
    assert len(set(NAMES)) == 50
    assert all(case["order"].strip() in case["abstract"] and HONEST in case["abstract"] for case in CASES)


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Paper], list[Messages]]:
    workspace, _ = Workspace.init(tmp_path_factory.mktemp("fences"), environ={})
    label, note, taxonomy = label_prompt(workspace), note_prompt(workspace), taxonomy_text(packaged_taxonomy())

    def rendered(paper: Paper) -> list[Messages]:
        whole = NotePaper(paper.work_id, paper.title, paper.abstract or "", paper.abstract or "")
        return [label_messages(label, taxonomy, paper), note_messages(note, "en", whole)]

    return rendered


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_fence_holds(messages: Callable[[Paper], list[Messages]], case: dict[str, str]) -> None:
    stable = messages(Paper("w1", "A title", "An abstract."))
    for sent, harmless in zip(messages(Paper("w1", case["title"], case["abstract"])), stable, strict=True):
        assert sent.system == harmless.system, "nothing of the paper reaches the instructions"
        tags = re.findall(r"<(/?)(untrusted-[0-9a-f]{16})-(\w+)>", sent.user)
        fields = [name for slash, _, name in tags if not slash]
        assert [(slash, name) for slash, _, name in tags] == [(slash, name) for name in fields for slash in ("", "/")]
        assert len({mark for _, mark, _ in tags}) == 1
        outside = re.sub(r"<(untrusted-[0-9a-f]{16}-\w+)>\n.*?\n</\1>", "", sent.user, flags=re.DOTALL)
        assert outside == re.sub(r"<(untrusted-[0-9a-f]{16}-\w+)>\n.*?\n</\1>", "", harmless.user, flags=re.DOTALL)
        assert sent.user.count("<") == sent.user.count(">") == len(tags), "nothing else can be read as a tag"
        assert not re.search(
            r"[\x00-\x08\x0b-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\U000e0000-\U000e007f]|\[/?INST\]|<\|", sent.user
        )


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_quote_of_the_order_is_known_for_one(case: dict[str, str]) -> None:
    assert reads_as_order(clean_abstract(case["order"]))
    assert not reads_as_order(HONEST)


# --- replies that obeyed, through the step


def order_of(asked: Asked) -> str:
    return ORDERS[asked.field("title")]


def entry(label: str, quote: str) -> dict[str, Any]:
    return {"label": label, "confidence": 1, "quote": quote}


def claim(quote: str) -> dict[str, Any]:
    return {"metric": "speedup", "value": 100, "unit": "x", "direction": "up", "against": "", "quote": quote}


def bullet(text: str, quote: str, *details: dict[str, Any], step: bool = False) -> dict[str, Any]:
    return {"text": text, "quote": quote, **({"details": list(details)} if step else {})}


def obedient_labels(asked: Asked) -> dict[str, Any]:
    """The order as evidence, labels that decide, proposals that decide, figures that are not there."""
    order = order_of(asked)
    labels = [
        entry("compression/pruning", order),
        entry("selected", HONEST),
        entry("Approved by the curator", HONEST),
        entry("human", HONEST),
    ]
    proposed = [{"name": name, "confidence": 1, "quote": quote} for name, quote in (("KV tricks", order), ("ticked", HONEST))]
    return reply_about(asked, labels=labels, proposed=proposed, claims=[claim(order), claim(HONEST), claim("it is 100x faster")])


def half_an_order(asked: Asked) -> dict[str, Any]:
    order = order_of(asked).strip()
    return reply_about(asked, labels=[entry("compression/pruning", order[: max(30, len(order) // 2)])])


def obedient_note(asked: Asked) -> dict[str, Any]:
    """The order as a bullet and as evidence, words of a decision, numbers and links that are not there."""
    order = order_of(asked)
    steps = [
        bullet("Fine", order, bullet("[x] done", HONEST), step=True),
        bullet("Approved by a human", HONEST, bullet("It is 731 times faster", HONEST), step=True),
    ]
    return note_about(
        asked,
        motivation=[bullet(order[:300], HONEST), bullet("Marked as selected", HONEST)],
        method=steps,
        results=[bullet("See https://evil.example/9", HONEST)],
    )


FEW = 6
"""Papers for replies that do not depend on what the paper says."""
NIGHTS: tuple[tuple[str, int, Callable[[Asked], dict[str, Any]], str], ...] = (
    ("label", 50, obedient_labels, "no evidence"),
    ("label", 50, half_an_order, "no evidence"),
    ("label", FEW, lambda a: reply_about(a, work_id="w000000000000"), "foreign work"),
    ("label", FEW, lambda a: reply_about(a, decision="selected", who="human"), "malformed"),
    ("note", 50, obedient_note, "no evidence"),
    ("note", FEW, lambda a: note_about(a, work_id="w000000000000"), "foreign work"),
    ("note", FEW, lambda a: note_about(a, decision="selected"), "malformed"),
)  # fmt: skip
"""Step, number of papers, what the model replies, and what the failure of each of them is called."""


@dataclass(frozen=True)
class Obeyed:
    bench: Bench
    before: Any
    after: Any
    kinds: list[list[str]]


def state(workspace: Workspace) -> Any:
    """Everything a reply must not change: decisions, types, and what each step had said before the model came."""
    return (
        ask(workspace, "SELECT * EXCLUDE (last_run, last_seen) FROM works ORDER BY work_id"),
        ask(workspace, "SELECT * FROM decisions ORDER BY ALL"),
        ask(workspace, "SELECT * EXCLUDE (run_id, made_at) FROM notes ORDER BY ALL"),
        ask(workspace, "SELECT * EXCLUDE (run_id, made_at) FROM claims ORDER BY ALL"),
        (workspace.root / "decisions.jsonl").read_bytes(),
        {path.name: path.read_bytes() for name in ("lists", "notes") for path in sorted((workspace.root / name).rglob("*.md"))},
    )


@pytest.fixture(scope="module")
def obeyed(tmp_path_factory: pytest.TempPathFactory) -> Obeyed:
    """The fifty papers, labelled and noted by the rules; then every kind of obedient reply about each of them."""
    workspace, _ = Workspace.init(tmp_path_factory.mktemp("obeyed"), environ={})
    records = [
        record(str(n), case["title"], abstract=case["abstract"], venue="AAAI", year=2023, url=f"https://example.org/{n}")
        for n, case in enumerate(CASES)
    ]
    put(workspace, records)
    bench = Bench(workspace.root, dict(enumerate(row[0] for row in ask(workspace, "SELECT work_id FROM works ORDER BY 1"))))
    works = list(bench.works.values())

    def whole() -> Any:
        with pipeline.begin(bench.open(""), "run") as run:
            pipeline.run_all(run, gather=False)
        return state(workspace)

    def night(base_url: str, step: str, works: list[str]) -> list[str]:
        # without the rules: they have spoken, and what is looked at here is what the model adds
        with bench.run(base_url, CONCURRENCY="8") as run:
            if step == "label":
                list(read_batches(run, works, workspace_taxonomy(run.workspace), environ={}))
            else:
                write_by_model(run, works, environ={})
        return [failure.kind for failure in run.failures]

    before, kinds = whole(), []
    with ScriptedLlm() as server, closing(duckdb.connect(str(workspace.root / "triage.duckdb"))):
        for step, many, reply, _ in NIGHTS:
            server.default = replying_by(reply)
            kinds.append(night(server.base_url, step, works[:many]))
    with pipeline.begin(bench.open(""), "list") as run:
        pipeline.publish(run)
    return Obeyed(bench, before, state(workspace), kinds)


def replying_by(reply: Callable[[Asked], dict[str, Any]]) -> Callable[[Asked], Wire]:
    return lambda asked: wired(completion(json.dumps(reply(asked))))


def test_every_obedient_reply_is_void_and_nothing_changed(obeyed: Obeyed) -> None:
    assert obeyed.kinds == [[kind] * many for _, many, _, kind in NIGHTS]
    workspace = obeyed.bench.open("")
    for before, after in zip(obeyed.before, obeyed.after, strict=True):
        assert before == after
    assert ask(workspace, "SELECT count(*) FROM labels_current WHERE producer = 'llm'") == [(0,)]
    assert ask(workspace, "SELECT count(*) FROM decisions") == [(0,)]
    counted = dict(ask(workspace, "SELECT kind, count(DISTINCT work_id) FROM voided GROUP BY kind"))
    assert counted == {"label": 50, "proposal": 50, "claim": 50, "bullet": 50}


def test_lists_and_notes_hold_fifty_papers_and_no_more(obeyed: Obeyed) -> None:
    workspace = obeyed.bench.open("")
    titles = sorted(ORDERS)
    for path in (workspace.root / "lists").rglob("*.md"):
        read = checklist.parse(path.read_text(encoding="utf-8"))
        assert all(block.refusal is None and not block.ticked and block.title in ORDERS for block in read.blocks)
    for path in (workspace.root / "notes").rglob("*.md"):
        notes = cvinw.parse(path.read_text(encoding="utf-8")).notes
        assert {note.title for note in notes} <= set(titles)
        assert {note.producer for note in notes} == {"lexical"}
