"""A person's words: appended, never lost, found again after anything."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workspaces import ask, in_run, make_workspace, put, record
from triage.decisions import append_decisions, load_decisions, read_decisions
from triage.models import Decision, WorkReference
from triage.runs import Run, StepReport
from triage.workspace import Workspace

WHEN = datetime(2026, 11, 1, 12, tzinfo=UTC)
TITLE = "A Made Title About Pruning Visual Tokens"


def word(key: str, what: str = "selected", *, value: str | None = None, title: str = TITLE, hour: int = 12, **work: object) -> Decision:
    reference = WorkReference.model_validate({"title": title, **work})
    return Decision.model_validate(
        {"id": key, "when": WHEN.replace(hour=hour), "who": "Ann", "where": "test", "what": what, "value": value, "work": reference}
    )


def load(workspace: Workspace) -> StepReport:
    report = in_run(workspace, load_decisions)
    assert isinstance(report, StepReport)
    return report


def test_appended_words_are_read_back_once(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    words = [word("d1"), word("d2", "type", value="Token Pruning")]
    assert append_decisions(workspace, words) == words
    assert append_decisions(workspace, words) == []
    assert read_decisions(workspace.decisions_path) == (words, [])
    assert len(workspace.decisions_path.read_text().strip().split("\n")) == 2


def test_a_line_that_a_crash_cut_is_named_and_the_next_word_is_not_glued_to_it(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    append_decisions(workspace, [word("d1")])
    with workspace.decisions_path.open("a") as file:
        file.write('{"id": "d2", "when": "2026')
    append_decisions(workspace, [word("d3")])
    decisions, refusals = read_decisions(workspace.decisions_path)
    assert [d.id for d in decisions] == ["d1", "d3"]
    assert [r.line for r in refusals] == [2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"<<<<<<< HEAD", "merge conflict marker"),
        (b"not json", "not a decision"),
        (b"\xff\xfe", "not a decision"),
        (b'{"id": "x"}', "not a decision"),
        (b'"' + b"x" * 1_100_000 + b'"', "no decision"),
    ],
)
def test_lines_that_are_none_are_named_and_the_rest_counts(line: bytes, reason: str, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    append_decisions(workspace, [word("d1")])
    before = workspace.decisions_path.read_bytes() + line + b"\n"
    workspace.decisions_path.write_bytes(before)
    report = load(workspace)
    assert (report.read, report.new, report.failed) == (2, 1, 1)
    assert reason in ask(workspace, "SELECT message FROM failures")[0][0]
    assert ask(workspace, "SELECT status FROM runs ORDER BY run_id DESC LIMIT 1") == [("partial",)]
    assert workspace.decisions_path.read_bytes() == before


@pytest.mark.parametrize(
    "named",
    [
        {"identifiers": {"arxiv": "2301.00001"}, "title": "Something Else Was Written There"},
        {"url": "https://www.example.org/p/1/?utm_source=mail", "title": "Something Else Was Written There"},
        {"title": TITLE.lower()},
    ],
)
def test_a_word_finds_its_work_by_identifier_link_or_title(named: dict[str, object], tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    append_decisions(workspace, [word("d1", **named)])  # type: ignore[arg-type]
    assert load(workspace).counts == {"waiting": 1}
    put(
        workspace,
        [record("a", TITLE, url="https://example.org/p/1", identifiers={"arxiv": "2301.00001"}), record("b", "Another Paper Altogether")],
    )
    assert ask(workspace, "SELECT title, decision FROM works ORDER BY title") == [(TITLE, "selected"), ("Another Paper Altogether", None)]


def test_a_title_that_two_works_share_waits_for_a_person(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE, identifiers={"doi": "10.1/a"}), record("b", TITLE, identifiers={"doi": "10.1/b"})])
    append_decisions(workspace, [word("d1")])
    assert load(workspace).counts == {"waiting": 1}
    assert ask(workspace, "SELECT count(*) FROM works WHERE decision IS NOT NULL") == [(0,)]


def test_the_newest_word_counts_and_undo_takes_one_back(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE)])
    append_decisions(workspace, [word("d1", "selected", hour=1), word("d2", "rejected", hour=2)])
    load(workspace)
    assert ask(workspace, "SELECT decision FROM works") == [("rejected",)]
    append_decisions(workspace, [word("d3", "undo", value="d2", hour=3)])
    load(workspace)
    assert ask(workspace, "SELECT decision FROM works") == [("selected",)]
    assert ask(workspace, "SELECT decision_id, in_force FROM decisions WHERE what <> 'undo' ORDER BY decision_id") == [
        ("d1", True),
        ("d2", False),
    ]


def test_a_type_as_typed_is_shown_and_mapped_to_labels(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE), record("b", "Another Paper Altogether")])
    append_decisions(
        workspace,
        [word("d1", "type", value="Dynamic Skippping"), word("d2", "type", value="My Own Idea", title="Another Paper Altogether")],
    )
    load(workspace)
    assert ask(workspace, "SELECT type, labels, labelled_by FROM works ORDER BY type") == [
        ("Dynamic Skippping", ["conditional-compute/layer-skipping"], "human"),
        ("My Own Idea", [], "human"),
    ]
    append_decisions(workspace, [word("d3", "undo", value="d1", hour=13)])
    load(workspace)
    assert ask(workspace, "SELECT type FROM works ORDER BY type") == [("My Own Idea",), (None,)]


def test_words_of_two_machines_join_by_union(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE)])
    ours, theirs = word("d1", "selected", hour=1), word("d2", "rejected", hour=9)
    for order in ([ours, theirs, ours], [theirs, ours]):
        workspace.decisions_path.write_text("".join(d.model_dump_json() + "\n" for d in order))
        load(workspace)
        assert ask(workspace, "SELECT decision FROM works") == [("rejected",)]


def test_loading_again_changes_nothing(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE)])
    append_decisions(workspace, [word("d1"), word("d2", "type", value="Token Pruning")])
    load(workspace)
    sql = (
        "SELECT (SELECT list(decisions ORDER BY decision_id) FROM decisions), (SELECT list((label, display, made_at)) FROM labels_current)"
    )
    before = ask(workspace, sql)
    assert load(workspace).known == 2
    assert ask(workspace, sql) == before


@given(st.lists(st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"")), max_size=6))
def test_any_bytes_are_read_without_loss_of_the_good_lines(tmp_path_factory: pytest.TempPathFactory, garbage: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("decisions") / "decisions.jsonl"
    good = word("d1").model_dump_json().encode()
    path.write_bytes(b"\n".join([*garbage, good]) + b"\n")
    decisions, refusals = read_decisions(path)
    assert [d.id for d in decisions] == ["d1"]
    assert len(refusals) == sum(bool(line.strip()) for line in garbage)


def test_every_line_is_plain_json_with_what_a_person_needs(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    append_decisions(
        workspace,
        [word("d1", "type", value='字 \u2028 "quoted"', url="https://example.org/p", year=2023, identifiers={"arxiv": "2301.00001"})],
    )
    line = json.loads(workspace.decisions_path.read_text(encoding="utf-8"))
    assert line == {
        "id": "d1", "when": "2026-11-01T12:00:00Z", "who": "Ann", "where": "test", "what": "type", "value": "字 \u2028 \"quoted\"",
        "work": {"title": TITLE, "url": "https://example.org/p", "year": 2023, "identifiers": {"arxiv": "2301.00001"}},
    }  # fmt: skip


def test_a_run_reads_the_words_first(tmp_path: Path) -> None:
    from triage import pipeline

    workspace = make_workspace(tmp_path)
    append_decisions(workspace, [word("d1")])

    def steps(run: Run) -> list[str]:
        return [report.step for report in run.reports]

    with pipeline.begin(workspace, "test") as run:
        assert steps(run) == ["decisions"]
