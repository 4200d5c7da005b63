"""Reports as a page: whole, loading nothing, and nothing in it that a title made up."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from triage.cli import run_command_line
from triage.cues import score_text
from triage.evaluation.held_out import leave_one_out
from triage.evaluation.labelled import LabelledPaper, read_labelled
from triage.evaluation.labels import evaluate_labels
from triage.evaluation.page import labels_page, screening_page
from triage.evaluation.screening import evaluate_screening
from triage.labelling.lexical import LexicalLabeller
from triage.seeds import packaged_cues, packaged_taxonomy

OWN = Path(__file__).parent / "labelled"
EVIL = '</title><script>alert(1)</script><img src="https://example.org/x" onerror=alert(1)>'
CUES, _ = packaged_cues()


class Reader(HTMLParser):
    """Collects tags and attributes, and whether every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def whole_and_alone(page: str) -> Reader:
    read = Reader(page)
    assert read.open == []
    assert not {"script", "img", "link", "iframe", "foreignobject", "a"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in {"src", "href", "xlink:href"}]
    assert "default-src 'none'" in page
    assert "url(" not in page
    return read


def test_the_page_of_a_screening() -> None:
    papers = [*read_labelled([OWN / "screening.jsonl"]), LabelledPaper(EVIL, None, {"selected": True}, "made:1")]
    papers += [LabelledPaper(f"Filler {n}", None, {"selected": False}, "made:2") for n in range(60)]
    report = evaluate_screening(papers, lambda title, abstract: score_text(title, abstract, CUES))
    page = screening_page([("by the cues", report), (EVIL, report)], [EVIL])
    assert whole_and_alone(page).tags.count("svg") == 1
    assert "26 chosen of 123 papers" in page
    # two steps for each chosen paper and the two ends: the curve is drawn from the ranks
    curve = page.split('<polyline points="')[-2 - 1].split('"')[0]
    assert len(curve.split()) in {2 * report.positives + 2, 2}
    assert screening_page([("by the cues", report)]) == screening_page([("by the cues", report)])


def test_the_page_of_labels() -> None:
    taxonomy = packaged_taxonomy()
    papers = read_labelled([OWN / "labels.jsonl"])
    report = evaluate_labels(papers, LexicalLabeller(CUES, taxonomy), taxonomy, level="fine")
    page = labels_page([("", report)])
    assert whole_and_alone(page).tags.count("svg") == 2
    assert f"micro-F1 {report.micro_f1:.3f}" in page.lower().replace("micro-f1", "micro-F1")
    assert page.count("<circle") == len(report.reliability) + len(report.reliability_calibrated)
    # every label of a person stands somewhere in its row
    said = {label: one.papers for label, one in report.per_label.items()}
    for label, count in said.items():
        assert sum(n for one, _, n in report.confusion if one == label) >= count
    assert sum(n for one, other, n in report.confusion if one == other) == sum(one.right for one in report.per_label.values())


@pytest.mark.parametrize("what", ["screening", "labels"])
def test_the_option_writes_it(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "report.html"
    assert run_command_line(["eval", what, str(OWN / f"{what}.jsonl"), "--html", str(page), "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["n"] > 30
    assert f"written: {page}" in shown.err
    whole_and_alone(page.read_text(encoding="utf-8"))
    assert run_command_line(["eval", what, str(OWN / f"{what}.jsonl"), "--html", str(tmp_path / "report.html" / "x")]) == 1
    assert "cannot be written" in capsys.readouterr().err


# ---- leaving one file out


def venue(name: str, likes: str, count: int = 12) -> list[LabelledPaper]:
    """A venue in full: works on two techniques, of which a person chose those on the one they like."""
    texts = {
        "adapter": "We tune adapters in a frozen vision-language model, which needs 2% of the parameters and less memory.",
        "pruning": "We prune the tokens of a vision-language model, which makes inference 2x faster and needs less memory.",
    }
    return [
        LabelledPaper(f"{technique} {n:02} at {name}", text, {"selected": technique == likes}, f"{name}:{n}")
        for n in range(count)
        for technique, text in texts.items()
    ]


def test_what_other_files_teach_is_told_and_compared() -> None:
    taught = leave_one_out([(name, venue(name, "adapter", 40)) for name in ("A", "B")], CUES)
    assert (taught.cues.n, taught.cues.positives) == (160, 80)
    assert taught.learned.recall_at["60"] == 60
    assert taught.cues.recall_at["60"] < 60
    assert taught.better
    assert "learning helps here" in taught.verdict
    assert [(one.file, one.n, one.positives, one.learned_from) for one in taught.held_out] == [("A", 80, 40, 40), ("B", 80, 40, 40)]


def test_a_held_out_file_teaches_nothing_about_itself() -> None:
    """Each file is liked for something else: what the one teaches is wrong for the other, and the report says so."""
    taught = leave_one_out([("A", venue("A", "adapter")), ("B", venue("B", "pruning"))], CUES)
    assert taught.learned.area < taught.cues.area
    assert not taught.better
    assert "stays the default" in taught.verdict


def test_too_little_in_the_other_files_leaves_the_cues() -> None:
    none: list[Any] = venue("B", "nothing")
    report = leave_one_out([("A", venue("A", "adapter")), ("B", none)], CUES)
    assert report.held_out[0].penalty is None
    assert report.held_out[1].penalty is not None


def test_the_option_needs_two_files(capsys: pytest.CaptureFixture[str]) -> None:
    one = str(OWN / "screening.jsonl")
    assert run_command_line(["eval", "screening", one, "--leave-one-out"]) == 2
    assert "two files or more" in capsys.readouterr().err
    assert run_command_line(["eval", "screening", one, one, "--leave-one-out", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["n"], report["positives"]) == (124, 50)
    assert {"learned", "held_out", "better", "verdict"} == set(report["leave_one_out"])
