"""The scale: figures worked out by hand, faults of labelled files, the commands, and the gate on our own labelled papers.

The labelled papers are facts (titles, what the curator chose and typed) with abstracts in our own words, so the rules
meet wordings they were not written on.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.desk import Desk
from tests.tiny_models import make_cross_encoder, make_model
from tests.workspaces import put, record
from triage.claims import find_claims
from triage.cli import run_command_line
from triage.cues import score_text
from triage.errors import DocumentError
from triage.evaluation.claims import evaluate_claims
from triage.evaluation.intervals import interval
from triage.evaluation.labelled import LabelledPaper, read_labelled
from triage.evaluation.labels import evaluate_labels, level_of
from triage.evaluation.screening import evaluate_screening
from triage.labelling import Paper
from triage.labelling.lexical import LexicalLabeller
from triage.models import Claim, Label, Screening
from triage.ranking import Example, features
from triage.ranking.training import train
from triage.seeds import packaged_cues, packaged_taxonomy
from triage.workspace import Workspace

OWN = Path(__file__).parent / "labelled"


def paper(title: str, **said: Any) -> LabelledPaper:
    return LabelledPaper(title, None, said, "made:1")


# ---- the gate: figures of the rules on our own papers; a change that makes them worse fails here


def test_the_gate_of_screening() -> None:
    cues, _ = packaged_cues()
    report = evaluate_screening(read_labelled([OWN / "screening.jsonl"]), lambda title, abstract: score_text(title, abstract, cues))
    assert (report.n, report.positives) == (62, 25)
    assert report.recall_at["20"] >= 16
    assert report.recall_at["32"] >= 20
    assert report.area >= 0.845
    assert report.word_filter.recall_at["20"] + 5 < report.recall_at["20"]
    assert report.word_filter.area + 0.1 < report.area


def test_the_gate_of_learning() -> None:
    """What is learned from these papers may be of no use for them; it must never make their order worse."""
    cues, _ = packaged_cues()
    examples = [
        Example(f"{n:03}", score_text(p.title, p.abstract, cues).score, features(p.title, p.abstract, cues), p.flag("selected"))
        for n, p in enumerate(read_labelled([OWN / "screening.jsonl"]))
    ]
    figures = train(examples).figures
    assert figures.precision >= figures.cue_precision - 0.01
    assert figures.area >= figures.cue_area - 0.01


@pytest.mark.parametrize(("level", "micro", "macro"), [("fine", 0.70, 0.54), ("coarse", 0.70, 0.52)])
def test_the_gate_of_labels(level: Any, micro: float, macro: float) -> None:
    taxonomy = packaged_taxonomy()
    report = evaluate_labels(read_labelled([OWN / "labels.jsonl"]), LexicalLabeller(packaged_cues()[0], taxonomy), taxonomy, level=level)
    assert report.n == 36
    assert report.micro_f1 >= micro
    assert report.macro_f1 >= macro
    assert report.calibration_error <= 0.1  # confidence means what it says


def test_the_gate_of_wordings() -> None:
    """Made texts that say each technique in other words than its name, some with other techniques in the background."""
    taxonomy = packaged_taxonomy()
    report = evaluate_labels(
        read_labelled([OWN / "techniques.jsonl"]), LexicalLabeller(packaged_cues()[0], taxonomy), taxonomy, level="fine"
    )
    assert report.n == 87
    assert report.micro_f1 >= 0.91
    assert report.micro_precision >= 0.9
    assert set(taxonomy.labels) <= set(report.per_label), "a label that no text is about"


def test_the_gate_of_claims() -> None:
    report = evaluate_claims(read_labelled([OWN / "claims.jsonl"]), find_claims)
    assert report.n == 62
    assert report.precision >= 0.97
    assert report.recall >= 0.84


# ---- figures by hand


def ranked(scores: dict[str, float], chosen: set[str], kept: Sequence[str] = ()) -> Any:
    def score(title: str, abstract: str | None) -> Screening:
        assert abstract is None
        return Screening(score=scores[title], vision_language=1, efficiency=1, filter_hit=title in kept)

    return evaluate_screening([paper(title, selected=title in chosen) for title in scores], score)


def test_screening_by_hand() -> None:
    scores = {f"p{n:03}": 1 - n / 200 for n in range(200)}
    report = ranked(scores, {"p000", "p010", "p025", "p059", "p150"}, kept=[f"p{n:03}" for n in range(0, 100, 10)])
    assert report.recall_at == {"20": 2, "32": 3, "60": 4, "100": 4, "200": 5, "400": 5}
    assert report.read_for_95 == 151
    assert report.work_saved == pytest.approx(1 - 151 / 200 - 0.05)
    assert report.late == ((151, "p150"),)
    # the filter keeps ten, two of them chosen; the other 190 hold three
    assert (report.word_filter.kept, report.word_filter.found) == (10, 2)
    assert report.word_filter.recall_at["20"] == pytest.approx(2 + 3 * 10 / 190, abs=0.01)
    assert report.word_filter.recall_at["200"] == 5


@pytest.mark.parametrize(
    ("scores", "area"),
    [
        ({"a": 0.9, "b": 0.1, "c": 0.0}, 1.0),
        ({"a": 0.0, "b": 0.1, "c": 0.9}, 0.0),
        ({"a": 0.5, "b": 0.5, "c": 0.5}, 0.5),
        ({"a": 0.5, "b": 0.9, "c": 0.1}, 0.5),
    ],
)
def test_the_area_under_the_curve(scores: dict[str, float], area: float) -> None:
    assert ranked(scores, {"a"}).area == area


class Fixed:
    """A labeller that says what it was told to."""

    name = "lexical"

    def __init__(self, given: Sequence[dict[str, float]]) -> None:
        self.given = given
        self.seen: list[Paper] = []

    def label(self, papers: Sequence[Paper]) -> list[tuple[Label, ...]]:
        self.seen += papers
        return [tuple(Label(label=x, confidence=c, producer="lexical") for x, c in one.items()) for one in self.given]


def test_labels_by_hand() -> None:
    papers = [
        paper("1", labels=["compression/pruning"]),
        paper("2", labels=["compression/pruning", "adaptation/lora"]),
        paper("3", labels=[]),
    ]
    given = Fixed([{"compression/pruning": 0.9}, {"compression/pruning": 0.8, "compression/quantization": 0.6}, {"adaptation/lora": 0.3}])
    report = evaluate_labels(papers, given, packaged_taxonomy())
    assert report.level == "fine"
    assert (report.micro_precision, report.micro_recall, report.micro_f1) == (0.6667, 0.6667, 0.6667)
    assert report.macro_f1 == 0.5  # pruning 1, LoRA 0; quantization has no paper
    assert report.exact == 0.6667
    assert report.per_label["compression/pruning"].f1 == 1.0
    assert report.per_label["compression/quantization"].precision == 0.0
    # nine cells: 7 agree; both say yes in 3 of 9
    assert report.kappa == pytest.approx((7 / 9 - (1 / 9 + 4 / 9)) / (1 - 5 / 9), abs=1e-3)
    assert [(b.labels, b.right) for b in report.reliability] == [(1, 0.0), (1, 0.0), (1, 1.0), (1, 1.0)]
    assert [(p.title, p.abstract) for p in given.seen] == [("1", None), ("2", None), ("3", None)]


def test_coarse_is_the_default_where_that_field_is_there() -> None:
    taxonomy = packaged_taxonomy()
    both = [paper("1", labels=["compression/pruning"], coarse=["compression"])]
    given = [{"compression/quantization": 0.9}]
    assert level_of(both) == "coarse"
    assert evaluate_labels(both, Fixed(given), taxonomy).micro_f1 == 1.0
    assert evaluate_labels(both, Fixed(given), taxonomy, level="fine").micro_f1 == 0.0
    assert evaluate_labels([paper("1", labels=["compression/pruning"])], Fixed(given), taxonomy, level="coarse").micro_f1 == 1.0


def test_claims_by_hand() -> None:
    said = [
        {"metric": "speedup", "value": 40, "unit": "%"}, {"metric": "params", "value": 0.5, "unit": "B"}, {"metric": "storage", "value": 2, "unit": "x"},
        {"metric": "tokens", "value": 75, "unit": "%"},
    ]  # fmt: skip
    read = [("training-cost", 40, "percent"), ("params", 500, "M"), ("memory", 2, "x"), ("tokens", 75, "x"), ("flops", 75, "percent")]

    def reader(title: str, abstract: str | None) -> list[Claim]:
        del title, abstract
        return [Claim(metric=m, value=v, unit=u, direction="down", against=None, quote="q") for m, v, u in read]

    report = evaluate_claims([paper("1", claims=said)], reader)
    assert (report.claims, report.found, report.right, report.exact_metric) == (4, 5, 3, 1)
    assert (report.precision, report.recall, report.f1) == (0.6, 0.75, 0.6667)
    assert report.missed == (("1", "tokens", 75.0, "percent"),)
    assert report.wrong == (("1", "tokens", 75.0, "x"), ("1", "flops", 75.0, "percent"))


def test_intervals_are_repeatable_and_hold_the_figure() -> None:
    hits = [1.0] * 30 + [0.0] * 10

    def mean(some: Sequence[float]) -> float:
        return sum(some) / len(some)

    low, high = interval(hits, mean)
    assert (low, high) == interval(hits, mean)
    assert 0.55 < low < 0.75 < high < 0.9
    assert interval([], mean) == (0.0, 0.0)


# ---- labelled files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no paper"), ("{", ":1: not JSON"), ("[]", ":1: a line must be one JSON object"), ('{"title": ""}', ":1: 'title' and 'abstract'"),
        ('\n{"title": "a", "abstract": 3}', ":2: 'title' and 'abstract'"), ('{"title": "a"}', ":1: 'selected' must be true or false"),
        ('{"title": "a", "selected": 1}', ":1: 'selected' must be true or false"), ("[" * 100_000, ":1: not JSON"),
    ],
)  # fmt: skip
def test_faults_of_a_labelled_file_name_the_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "labelled.jsonl"
    file.write_text(content)
    with pytest.raises(DocumentError, match=message) as caught:
        evaluate_screening(read_labelled([file]), lambda title, abstract: score_text(title, abstract, packaged_cues()[0]))
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b'{"title": "a"}', mtime=0)[:-9]])
def test_a_damaged_gzip_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "labelled.jsonl.gz"
    file.write_bytes(content)
    with pytest.raises(DocumentError, match="cannot be read"):
        read_labelled([file])


def test_gzip_and_plain_files_are_read_together(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('\ufeff{"title": "a\u2028b"}\n\n')
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"title": "c", "abstract": null}', mtime=0))
    assert [p.title for p in read_labelled([tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"])] == ["a\u2028b", "c"]


@pytest.mark.parametrize(
    "claim", [{"metric": "flops"}, {"metric": "flops", "value": True, "unit": "x"}, {"metric": 1, "value": 2, "unit": "x"}]
)
def test_a_malformed_claim_is_refused(claim: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match="made:1: a claim needs"):
        evaluate_claims([paper("1", claims=[claim])], find_claims)


# ---- the commands


def out(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    capsys.readouterr()
    assert run_command_line(list(arguments)) == status
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("what", "keys"),
    [
        ("screening", {"n", "positives", "recall_at", "seconds", "word_filter", "intervals"}),
        ("labels", {"n", "micro_f1", "macro_f1", "per_label", "word_filter", "reliability", "intervals"}),
        ("claims", {"n", "precision", "recall", "f1", "word_filter", "intervals"}),
    ],
)
def test_each_report_outside_a_workspace(
    what: str, keys: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = str(OWN / f"{what}.jsonl")
    assert keys <= set(json.loads(out(capsys, "eval", what, file, "--json")))
    assert "word filter" in out(capsys, "eval", what, file)
    assert out(capsys, "eval", what, status=2 if what == "claims" else 1) == ""


def test_two_cue_files_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shipped = (Path(__file__).parent.parent / "seeds" / "cues.yaml").read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(shipped, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(shipped.replace("distill*", "zzzzzz*"), encoding="utf-8")
    both = ("--compare", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"))
    labels = json.loads(out(capsys, "eval", "labels", str(OWN / "labels.jsonl"), *both, "--json"))
    assert labels["b"]["micro_f1"] < labels["a"]["micro_f1"]
    assert labels["changed"]
    assert all("compression/distillation" in {*one["a"], *one["b"]} for one in labels["changed"])
    (tmp_path / "b.yaml").write_text(shipped.replace("efficien*", "zzzzzz*").replace("prun*", "yyyyyy*"), encoding="utf-8")
    screening = json.loads(out(capsys, "eval", "screening", str(OWN / "screening.jsonl"), *both, "--json"))
    assert screening["changed"][0]["a"] != screening["changed"][0]["b"]
    same = ("--compare", str(tmp_path / "a.yaml"), str(tmp_path / "a.yaml"))
    assert json.loads(out(capsys, "eval", "screening", str(OWN / "screening.jsonl"), *same, "--json"))["changed"] == []
    assert out(capsys, "eval", "labels", str(OWN / "labels.jsonl"), "--compare", "none.yaml", "none.yaml", status=1) == ""


LIST = """# 2023 Papers
> ☐ 勾选论文后，可用脚本导出 selected_2023_papers.csv

## 1. Token Pruning for Efficient Vision-Language Models

- [{tick}] Token Pruning for Efficient Vision-Language Models | https://example.org/1

- **Link**: https://example.org/1

- **Conference**: ACL

- **Year**: 2023

- **Type**: Token Pruning

<details>

<summary><strong>Abstract</strong></summary>

We prune tokens of a vision-language model and it runs faster.

</details>

---
"""


def test_without_a_file_the_workspaces_own_words_are_the_scale(desk: Desk) -> None:
    assert desk("eval", "screening") == 1
    assert desk("import", desk.file("list.md", LIST.format(tick="x"))) == 0
    report = desk.json("eval", "labels", "--level", "fine")
    assert (report["n"], next(iter(report["per_label"]))) == (1, "token-reduction/pruning")
    # selected only: there is nothing to rank against
    assert desk("eval", "screening") == 2
    put(Workspace.open(desk.folder, environ={}), [record("9", "Poetry of the North", venue="ACL", year=2023, abstract="On poems.")])
    assert desk("eval", "claims") == 2
    lines = (desk.folder / "decisions.jsonl").read_text(encoding="utf-8").strip().split("\n")
    said = next(line for line in map(json.loads, lines) if line["what"] == "selected")
    said |= {"id": "d000000000099", "what": "rejected", "work": {"title": "Poetry of the North", "venue": "ACL", "year": 2023}}
    with (desk.folder / "decisions.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(said, ensure_ascii=False) + "\n")
    assert desk("identify") == 0
    report = desk.json("eval", "screening")
    assert (report["n"], report["positives"], report["area"]) == (2, 1, 1.0)


# ---- local models on a labelled file

OPEN = {"title": "Queue before the GPU", "abstract": "Requests stand in a queue before the hardware. Serving is 2x faster and cheaper, with less memory and lower latency.",
        "labels": ["inference/systems"], "coarse": ["inference"]}  # fmt: skip
CLEAR = {"title": "Token Pruning for VLMs", "abstract": "We prune visual tokens, which makes inference 2x faster.",
         "labels": ["token-reduction/pruning"], "coarse": ["token-reduction"]}  # fmt: skip


@pytest.mark.parametrize(("producer", "make"), [("embedding", make_model), ("nli", make_cross_encoder)])
def test_a_local_model_is_scored_blind_beside_the_rules(
    producer: str, make: Callable[[Path], str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules know nothing of the first paper; the tiny model does."""
    desk = Desk(tmp_path / "desk", capsys)
    path = desk.file("typed.jsonl", "".join(json.dumps(one) + "\n" for one in (OPEN, CLEAR)))
    asked = ["eval", "labels", str(path), "--producer", producer, "--level", "fine"]
    assert desk(*asked) == 2
    told = capsys.readouterr().err
    assert f"[{producer}] model is not set in " in told
    assert "triage models list" in told
    monkeypatch.setenv(f"TRIAGE_{producer.upper()}__MODEL", "tiny")
    assert desk(*asked) == 1
    assert "neither a folder nor a known model" in capsys.readouterr().err
    make(desk.folder / "tiny")
    found = desk.json(*asked)
    assert (found["n"], found["producer"], found["filled"], found["ordered"]) == (2, producer, 1, 0)
    assert found["per_label"]["inference/systems"]["right"] == 1
    assert found["micro_recall"] == 1.0
    assert found["lexical"]["micro_recall"] == 0.5
    assert [(one["title"], one["b"]) for one in found["changed"]] == [("Queue before the GPU", ["inference/systems"])]
    wrong = desk.file("wrong.jsonl", "".join(json.dumps(one | {"labels": ["memory/retrieval"]}) + "\n" for one in (OPEN, CLEAR)))
    blind = desk.json("eval", "labels", str(wrong), "--producer", producer, "--level", "fine")
    assert blind["changed"] == found["changed"], "what the file says is not seen"
    printed = desk.printed(*asked, "--html", str(tmp_path / "page.html"))
    assert f"{producer} gave labels to 1 papers" in printed
    assert "Queue before the GPU" in printed
    assert "inference/systems" in (tmp_path / "page.html").read_text(encoding="utf-8")
