"""Confidence that means what it says: by hand, on made labellers, and over a workspace's own types."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.workspaces import in_run, make_workspace, put, record
from triage.calibration import Calibration, calibration_error, cross_validated, fit
from triage.cli import run_command_line
from triage.decisions import load_decisions
from triage.labelling.calibrating import calibrate
from triage.labelling.storing import Labelled, store_labels
from triage.models import Label
from triage.seeds import packaged_taxonomy
from triage.workspace import Workspace


def labeller(count: int, seed: int = 5) -> list[tuple[float, bool]]:
    """Says 0.9 of what is right in six of ten cases, and 0.6 of what is right in three of ten."""
    chance = random.Random(seed)
    return [(c, chance.random() < {0.9: 0.6, 0.6: 0.3}[c]) for c in chance.choices((0.9, 0.6), k=count)]


def test_what_was_said_too_surely_is_toned_down() -> None:
    calibration = fit(labeller(400))
    assert calibration.apply(0.9) == pytest.approx(0.6, abs=0.06)
    assert calibration.apply(0.6) == pytest.approx(0.3, abs=0.06)


def test_a_few_labels_change_little_and_none_nothing() -> None:
    assert fit([]) == Calibration()
    assert [Calibration().apply(c) for c in (0.0, 0.25, 0.9, 1.0)] == pytest.approx([0.001, 0.25, 0.9, 0.999])
    assert fit([(0.9, False)]).apply(0.9) > 0.5
    assert fit([(1.0, True), (0.0, False)]).apply(0.9) > 0.85


def test_the_error_by_hand() -> None:
    told = [(0.9, True), (0.9, False), (0.55, True)]
    assert calibration_error(told) == pytest.approx((0.8 + 0.45) / 3, abs=1e-4)
    assert calibration_error([]) == 0.0
    assert calibration_error([(1.0, True), (0.0, False)]) == 0.0


def test_the_error_falls_on_labels_it_has_not_seen() -> None:
    papers = [[one] for one in labeller(200)]
    held_out = cross_validated(papers)
    assert [right for _, right in held_out] == [right for [(_, right)] in papers]
    assert calibration_error(held_out) < 0.5 * calibration_error([one for some in papers for one in some])
    assert cross_validated([[], [(0.5, True)]]) == [(0.5, True)]


# ---- over a workspace

TYPED, WRONG = "compression/pruning", "compression/quantization"


def labelled_workspace(folder: Path, works: int, *, least: float = 0.5) -> Any:
    """Works typed as pruning; a model says pruning of all of them and is right, and quantization of all and is wrong."""
    make_workspace(folder)
    workspace = Workspace.open(folder, environ={"TRIAGE_LABELS__THRESHOLD": str(least)})
    put(workspace, [record(str(n), f"Paper number {n:03}", venue="ACL", year=2023) for n in range(works)])
    for n in range(works):
        work = {"title": f"Paper number {n:03}", "venue": "ACL", "year": 2023}
        line = {
            "id": f"d{n}",
            "when": "2026-11-20T00:00:00Z",
            "who": "me",
            "where": "test",
            "what": "type",
            "value": "Model Pruning",
            "work": work,
        }
        with workspace.decisions_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def work_(run: Any) -> Any:
        load_decisions(run)
        taxonomy = packaged_taxonomy()
        with run.warehouse.burst() as con:
            ids = [row[0] for row in con.execute("SELECT work_id FROM store.work ORDER BY work_id").fetchall()]
            labels = (Label(label=TYPED, confidence=0.8, producer="llm"), Label(label=WRONG, confidence=0.7, producer="llm"))
            store_labels(con, run, taxonomy, "llm", [Labelled(one, "b", labels) for one in ids], model="m", prompt_hash="p")
        calibrate(run, taxonomy)
        with run.warehouse.burst() as con:
            shown = con.execute(
                "SELECT DISTINCT label, confidence, given_confidence, counts, display FROM main.labels_current WHERE producer = 'llm' ORDER BY label"
            ).fetchall()
            return shown, con.execute("SELECT producer, model, used, labels, error_before, error_after FROM main.calibrations").fetchall()

    return in_run(workspace, work_)


def test_own_types_correct_the_confidence_and_what_is_shown(tmp_path: Path) -> None:
    shown, calibrations = labelled_workspace(tmp_path, 25)
    (right, wrong) = shown
    assert (right[0], right[2:]) == (TYPED, (0.8, True, "Model Pruning"))
    assert right[1] > 0.5
    assert (wrong[0], wrong[2:]) == (WRONG, (0.7, False, "Model Pruning"))
    assert wrong[1] < 0.5
    assert calibrations[0][:4] == ("llm", "m", True, 50)
    assert calibrations[0][5] < calibrations[0][4]


def test_too_few_types_leave_it_as_given(tmp_path: Path) -> None:
    shown, calibrations = labelled_workspace(tmp_path, 10)
    assert [row[1:4] for row in shown] == [(0.8, 0.8, True), (0.7, 0.7, True)]
    assert calibrations == []


def test_two_producers_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labelled_workspace(tmp_path, 6)

    def other(run: Any) -> None:
        with run.warehouse.burst() as con:
            ids = [row[0] for row in con.execute("SELECT work_id FROM store.work ORDER BY work_id LIMIT 4").fetchall()]
            one = (Label(label=TYPED, confidence=0.9, producer="lexical"),)
            store_labels(con, run, packaged_taxonomy(), "lexical", [Labelled(work, "b", one if n else ()) for n, work in enumerate(ids)])

    in_run(Workspace.open(tmp_path, environ={}), other)

    def said(*arguments: str, status: int = 0) -> str:
        capsys.readouterr()
        assert run_command_line(["eval", "labels", *arguments, "--workspace", str(tmp_path)]) == status
        out = capsys.readouterr()
        return out.out if not status else out.err

    report = json.loads(said("--compare", "llm:m", "lexical", "--json"))
    assert (report["n"], report["same"], len(report["changed"])) == (4, 0, 4)
    assert sorted(report["changed"], key=lambda one: len(one["b"]))[0]["b"] == []
    assert report["changed"][0]["a"] == [TYPED, WRONG]
    assert (report["a"]["n"], report["a"]["micro_recall"], report["b"]["micro_precision"]) == (4, 1.0, 1.0)
    assert report["a"]["micro_precision"] == 0.5
    assert "4 works labelled by both: kappa" in said("--compare", "llm", "lexical")
    assert "there are labels by llm:m@p (6 works), lexical (4 works)" in said("--compare", "nobody", "lexical", status=2)
    assert "llm:other has labelled no work" in said("--compare", "llm:other", "lexical", status=2)
    assert "leave FILE out" in said(str(Path(__file__)), "--compare", "llm", "lexical", status=2)
