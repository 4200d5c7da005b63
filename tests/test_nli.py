"""Zero-shot labels by a real, tiny ONNX cross-encoder. All texts are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.desk import Desk
from tests.tiny_models import make_cross_encoder, make_model
from triage.errors import SettingsError
from triage.labelling import Labeller, Paper
from triage.labelling.nli import Entailments, NliLabeller, premise, statement
from triage.models import Label
from triage.nli import load_classifier
from triage.seeds import packaged_taxonomy
from triage.settings import load_settings

TAXONOMY = packaged_taxonomy()
QUEUE = Paper("w1", "Queue before the GPU", "Many people wait. Requests stand in a queue before the hardware. We like it.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cross")
    make_cross_encoder(folder)
    return folder


# ---- the model


def test_probabilities_have_the_order_of_the_pairs(folder: Path) -> None:
    pairs = [
        ("we like it " * 60, "kernels"),
        ("a queue", "about kernels"),
        ("kernels", "fused"),
        ("", "kernels"),
        ("prism and queue", "fused kernels"),
    ]
    classifier = load_classifier(folder)
    assert [round(one, 2) for one in classifier.entailment(pairs)] == [0, 1, 0, 0, 1]
    assert [classifier.entailment([pair])[0] for pair in pairs] == pytest.approx(classifier.entailment(pairs))  # padding changes nothing
    assert classifier.entailment([]) == []
    assert classifier.entailment([("queue " + "word " * 2000, "kernels")])[0] > 0.9  # the end is cut, the beginning and the statement stay
    assert classifier.entailment([("word " * 2000 + "queue", "kernels")])[0] < 0.1


def test_what_the_outputs_mean_is_said_and_never_guessed(folder: Path, tmp_path: Path) -> None:
    pair = [("queue", "kernels")]
    sha256 = make_cross_encoder(tmp_path, id2label={"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"})
    for config in (None, "{", '{"id2label": 3}', '{"id2label": {"1": "entailment"}}', "[" * 100_000):
        if config is not None:
            (tmp_path / "config.json").write_text(config)
        with pytest.raises(SettingsError) as refused:
            load_classifier(tmp_path)
        assert "[nli] outputs" in str(refused.value.hint)
    (tmp_path / "config.json").unlink()
    with pytest.raises(SettingsError, match="what do the model's outputs mean"):
        load_classifier(tmp_path)
    told = load_classifier(tmp_path, sha256=sha256, outputs=("contradiction", "entailment", "neutral"))
    assert told.entailment(pair) == load_classifier(folder).entailment(pair)
    assert told.id == load_classifier(folder).id
    turned = load_classifier(tmp_path, outputs=("entailment", "contradiction", "neutral"))
    assert turned.entailment(pair)[0] < 0.1
    assert turned.id != told.id
    with pytest.raises(SettingsError, match=r"gives \(1, 3\) for 1 pairs"):
        load_classifier(tmp_path, outputs=("entailment", "not_entailment")).entailment(pair)
    with pytest.raises(SettingsError, match=r"\[nli\].*its SHA-256 is"):
        load_classifier(tmp_path, sha256="0" * 64)


def test_a_sentence_model_is_no_classifier(tmp_path: Path) -> None:
    make_model(tmp_path)
    with pytest.raises(SettingsError, match=r"\[nli\] model: gives"):
        load_classifier(tmp_path, outputs=("entailment", "not_entailment")).entailment([("a", "b")])


@pytest.mark.parametrize(
    "line",
    [
        'template = "no field"',
        'template = "{name} {other}"',
        "threshold = 1.0",
        'outputs = ["entailment"]',
        'outputs = ["yes", "no"]',
        'sha256 = "x"',
    ],
)
def test_settings_that_mean_nothing_are_refused(line: str) -> None:
    with pytest.raises(SettingsError, match=r"f.toml:2: nli\."):
        load_settings(f"[nli]\n{line}\n", name="f.toml", environ={})


# ---- the producer


class Given:
    """A labeller with an answer given beforehand."""

    name = "lexical"

    def __init__(self, *labels: str) -> None:
        self.labels = tuple(Label(label=name, confidence=0.8, producer="lexical") for name in labels)

    def label(self, papers: list[Paper]) -> list[tuple[Label, ...]]:
        return [self.labels for _ in papers]


def labelled(
    folder: Path, paper: Paper, *base: str, claimed: float = 1.0, template: str = "About {name}: {definition}"
) -> tuple[Label, ...]:
    labeller: Labeller = NliLabeller(
        Given(*base), TAXONOMY, Entailments(load_classifier(folder)), lambda _: claimed, template=template, threshold=0.9,  # type: ignore[arg-type]
    )  # fmt: skip
    return labeller.label([paper])[0]


def test_it_labels_what_is_entailed_and_quotes_the_sentence(folder: Path) -> None:
    (label,) = labelled(folder, Paper("w1", "Waiting in Line", QUEUE.abstract))
    assert (label.label, label.producer) == ("inference/systems", "nli")
    assert label.confidence is not None
    assert 0.5 <= label.confidence <= 0.75
    (evidence,) = label.evidence
    assert evidence.quote == "Requests stand in a queue before the hardware."
    assert (QUEUE.abstract or "")[evidence.start : evidence.end] == evidence.quote
    both = labelled(folder, Paper("w2", "A Prism in a Queue", None), "survey", "other")
    assert [x.label for x in both] == ["inference/systems", "token-reduction/merging", "survey"]
    assert {x.producer for x in both} == {"nli"}


def test_it_says_nothing_where_another_has_spoken_or_nothing_is_told_apart(folder: Path) -> None:
    assert labelled(folder, QUEUE, "compression/pruning") == ()
    assert labelled(folder, QUEUE, claimed=0.1) == ()
    assert labelled(folder, Paper("w2", "Colours of rooms", "We look at walls.")) == ()
    assert labelled(folder, Paper("w3", "", None)) == ()
    assert labelled(folder, QUEUE, template="kernels {name}") == ()  # every label is entailed: none is told apart


def test_statements_and_premises_are_made_of_any_text() -> None:
    entry = TAXONOMY.labels["inference/systems"].model_copy(update={"name": "{definition} {0}", "definition": "a {name}\n## b"})
    assert statement("On {name}: {definition}", entry) == "On {definition} {0}: a {name} ## b"
    assert premise(Paper("w", "A title.", None)) == "A title."
    assert premise(Paper("w", "A title", "An abstract.")) == "A title. An abstract."


# ---- in a workspace


def paper(number: int, title: str, abstract: str) -> str:
    link = f"https://example.org/{number}"
    return (
        f"## {number}. {title}\n- [x] {title} | {link}\n- **Link**: {link}\n- **Conference**: MADE\n- **Year**: 2024\n\n"
        f"<details>\n<summary><strong>Abstract</strong></summary>\n\n{abstract}\n\n</details>\n\n---\n\n"
    )


PAPERS = "# 2024 Papers\n\n" + "".join(
    (
        paper(1, "Waiting before the GPU", "Vision-language models are costly. Requests stand in a queue before the hardware. It is 3x faster and 60% cheaper."),
        paper(2, "Token Pruning for VLMs", "We prune visual tokens in a queue. It is 3x faster and 60% cheaper."),
    )
)  # fmt: skip
LABELS = "SELECT title, labels, labelled_by FROM works ORDER BY title"


def step(report: Any) -> Any:
    return next((one for one in report["steps"] if one["step"] == "label nli"), None)


def test_a_run_asks_once_takes_back_and_goes_on_without_its_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "desk", capsys)
    assert desk("import", desk.file("a.md", PAPERS)) == 0
    assert desk("label", "--producer", "nli") == 2
    assert "[nli] model in triage.toml names one" in capsys.readouterr().err

    monkeypatch.setenv("TRIAGE_NLI__MODEL", "cross")
    told = desk.json("label", status=3)  # the folder is not there
    assert "neither a folder nor a known model" in told["failures"][0]["message"]
    before = desk.rows(LABELS)
    assert {by for *_, by in before} == {"lexical"}

    make_cross_encoder(desk.folder / "cross")
    assert desk.printed("models", "check") == "cross: works, a sentence entails itself with probability 0.00\n"
    first = step(desk.json("label"))
    assert (first["read"], first["new"], first["counts"]["labelled"]) == (1, 1, 1)
    assert first["counts"]["pairs computed"] > len(TAXONOMY.labels)
    assert desk.rows(LABELS) == [
        ("Token Pruning for VLMs", ["token-reduction/pruning"], "lexical"),
        ("Waiting before the GPU", ["inference/systems"], "nli"),
    ]
    (quote,) = desk.rows("SELECT quote FROM labels_current WHERE producer = 'nli'")
    assert quote == ("Requests stand in a queue before the hardware.",)

    monkeypatch.setenv("TRIAGE_LABELS__THRESHOLD", "0.99")  # now the rules' labels of the other do not count: it is asked about too
    second = step(desk.json("label"))
    assert (second["read"], second["new"], second["known"], second["counts"]["labelled"]) == (2, 1, 1, 1)
    monkeypatch.setenv("TRIAGE_LABELS__THRESHOLD", "0.5")
    work = desk.rows("SELECT work_id FROM works WHERE title LIKE 'Waiting%'")[0][0]
    again = step(desk.json("label", "--producer", "nli", "--work", work))  # on demand: nothing is computed twice
    assert (again["new"], again["counts"]["labelled"], again["counts"]["pairs computed"]) == (1, 1, 0)

    monkeypatch.delenv("TRIAGE_NLI__MODEL")
    assert step(desk.json("label")) is None
    assert desk.rows(LABELS) == before  # nobody would take it back: it decides nothing
    monkeypatch.setenv("TRIAGE_NLI__MODEL", "cross")
    make_cross_encoder(desk.folder / "cross", words=("nothing", "known"))  # another model, which knows nothing of it
    assert step(desk.json("label"))["counts"]["taken back"] == 2  # of one as the rules' labels count again
    assert desk.rows("SELECT count(*) FROM labels_current WHERE producer = 'nli'") == [(0,)]
    assert desk.rows(LABELS) == before
