"""Labels by rules and by the taxonomy's own words. All texts are made for these tests."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_taxonomies import PAPERS, AboutLabel
from triage.cues import load_cues
from triage.labelling import Labeller, Paper
from triage.labelling.lexical import LexicalLabeller
from triage.models import Label
from triage.taxonomy import load_taxonomy
from triage.workspace import packaged

SEEDS = packaged("seeds")
TAXONOMY_TEXT = (SEEDS / "taxonomy.yaml").read_text(encoding="utf-8")
CUES = load_cues((SEEDS / "cues.yaml").read_text(encoding="utf-8"), name="seeds/cues.yaml")
TAXONOMY = load_taxonomy(TAXONOMY_TEXT, name="seeds/taxonomy.yaml")
LABELLER = LexicalLabeller(CUES, TAXONOMY)

# A label somebody adds to the taxonomy, with no rule in cues.yaml.
ADDED = """
  - id: inference/photonic
    name: Photonic Inference
    definition: Light in place of electrons multiplies matrices while a model answers.
    include: Optical processors, interferometer meshes, diffractive layers.
    exclude: Cameras and other sensors.
    aliases: [optical computing, photonic accelerator]
"""
WITH_ADDED = load_taxonomy(
    TAXONOMY_TEXT.replace("\n  - id: training/low-precision", f"{ADDED}\n  - id: training/low-precision"), name="mine.yaml"
)

GARDEN = load_taxonomy(
    """\
version: 1
parents:
  - {id: soil, name: Soil, definition: What lies under the plants.}
  - {id: plants, name: Plants, definition: What grows.}
labels:
  - {id: soil/drainage, name: Drainage, definition: Ditches and pipes that let water leave wet ground., aliases: [draining]}
  - {id: soil/mulch, name: Mulching, definition: A cover of straw or bark that keeps the ground moist., aliases: [ground cover]}
  - {id: plants/grafting, name: Grafting, definition: "A twig of one tree grows on the trunk of another.", aliases: [budding]}
  - {id: plants/watering, name: Watering, definition: Giving water by can or hose or sprinkler., aliases: [irrigation]}
""",
    name="garden.yaml",
)


def labels_of(title: str, abstract: str | None = None, labeller: LexicalLabeller = LABELLER) -> tuple[Label, ...]:
    return labeller.label([Paper("w1", title, abstract)])[0]


def ids(labels: tuple[Label, ...]) -> list[str]:
    return [label.label for label in labels]


CASES = [
    ("Pruning and Merging Tokens of VLMs", "We prune tokens and merge similar tokens. Latency falls by 40%.", {"token-reduction/pruning", "token-reduction/merging"}),
    ("Distillation and Pruning for Small Captioners", "We use knowledge distillation and structured pruning; the model is 3x smaller.",
     {"compression/distillation", "compression/pruning"}),
    ("Quantized LoRA Fine-Tuning of Multimodal LLMs", "We quantize weights to 4 bits and train LoRA with little GPU memory.",
     {"compression/quantization", "adaptation/lora"}),
    ("Parameter-Efficient Transfer for Retrieval", "We train few parameters.", {"adaptation/adapter"}),
    ("Masking for Cheap Pre-Training of Video-Language Models", "We mask most tokens, which makes pre-training 2x faster and cuts the cost by 50%.",
     {"token-reduction/pruning", "training/efficient-pretraining"}),
    ("A Survey of Token Pruning", "We review methods.", {"survey", "token-reduction/pruning"}),
    ("Prune, Then Recycle", "Visual tokens that matter little are pruned. Latency falls by 40%.", {"token-reduction/pruning"}),
    ("Four Bits for Keys and Values", "We quantize the KV cache of VLMs; cache memory falls by 70%.", {"inference/kv-cache"}),
    ("Unlike Pruning, Unlike Adapters", "Orthogonal to quantization and compatible with LoRA, we merge visual tokens. Latency falls by 40%.",
     {"token-reduction/merging"}),
    ("A Mean Teacher for Retrieval (Student Abstract)", "We look at colours.", set()),
    ("Colours of Rooms", "We look at colours.", set()),
    ("Colours of Rooms", None, set()),
    ("", None, set()),
]  # fmt: skip


@pytest.mark.parametrize(("title", "abstract", "labels"), CASES)
def test_labels(title: str, abstract: str | None, labels: set[str]) -> None:
    assert set(ids(labels_of(title, abstract))) == labels


def test_a_label_says_who_how_surely_and_why() -> None:
    (label,) = labels_of("Distilling Answers", "We look at colours.")
    assert (label.label, label.producer, label.proposed) == ("compression/distillation", "lexical", None)
    assert label.confidence is not None
    assert 0.5 <= label.confidence < 1
    assert label.evidence[0].quote == "Distilling"
    assert label.evidence[0].cue.startswith("compression/distillation: ")


def test_more_evidence_is_more_confidence() -> None:
    sentences = ["", " We quantize weights.", " Our model needs 4 bits.", " We compare binarized models."]
    confidences = [
        labels_of("Quantization of VLMs", "Pictures." + "".join(sentences[: n + 1]))[0].confidence or 0 for n in range(len(sentences))
    ]
    assert confidences == sorted(confidences)
    assert confidences[0] < confidences[-1]


def test_techniques_come_before_what_they_are_for() -> None:
    found = ids(
        labels_of("Cheap Pre-Training of VLMs, Faster Pre-Training of VLMs", "We prune visual tokens; pre-training cost falls by 50%.")
    )
    assert found == ["token-reduction/pruning", "training/efficient-pretraining"]


def test_a_parent_stands_where_none_of_its_labels_does() -> None:
    assert ids(labels_of("Visual Token Compression for VLMs", "Latency falls by 40%.")) == ["token-reduction"]
    assert ids(labels_of("Visual Token Compression for VLMs", "We prune tokens. Latency falls by 40%.")) == ["token-reduction/pruning"]


def test_other_with_proposed_words_when_nothing_fits() -> None:
    abstract = (
        "We propose a holographic index for questions. It is 5x faster, needs 60% less memory and lowers inference cost on mobile devices."
    )
    (label,) = labels_of("Holograms Answer Questions Faster", abstract)
    assert label.label == "other"
    assert label.proposed == "holographic index"
    (label,) = labels_of("Faster Answers: Knotted Ribbon Tables", abstract.replace("We propose a holographic index", "There is an index"))
    assert label.proposed == "Knotted Ribbon Tables"
    assert labels_of("Holograms Answer Questions", "We propose a holographic index.") == ()


def test_words_proposed_are_plain_words() -> None:
    abstract = "We propose | <b>`folded`</b> [link](http://example.org) tables of paper. They are 5x faster and need 60% less memory on mobile devices."
    (label,) = labels_of("Faster Answers", abstract)
    assert label.label == "other"
    assert label.proposed is not None
    assert set(label.proposed) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-_ ")


def test_a_label_added_to_the_taxonomy_works_at_once() -> None:
    labeller = LexicalLabeller(CUES, WITH_ADDED)
    title, abstract = (
        "Optical Computing for Captions",
        "We build an interferometer mesh: a photonic accelerator that multiplies matrices by light.",
    )
    assert ids(labels_of(title, abstract)) == []
    (label,) = labels_of(title, abstract, labeller)
    assert label.label == "inference/photonic"
    assert label.confidence is not None
    assert label.confidence >= 0.5
    assert {"Optical", "photonic"} <= {e.quote for e in label.evidence}
    assert ids(labels_of("Colours of Rooms", "Light falls through windows onto paper.", labeller)) == []
    assert ids(labels_of("Token Pruning", "We prune tokens.", labeller)) == ["token-reduction/pruning"]


@pytest.mark.parametrize(
    ("title", "abstract", "label"),
    [
        ("Draining Meadows", "Ditches and pipes let water leave the wet ground.", "soil/drainage"),
        ("Budding of Plum Trees", "A twig of plum grows on the trunk of another tree by grafting.", "plants/grafting"),
        ("Straw as Ground Cover", "Mulching with bark keeps the ground moist.", "soil/mulch"),
        ("Sprinkler Irrigation", "We compare hose, can and sprinkler for watering.", "plants/watering"),
    ],
)
def test_another_fields_taxonomy_needs_no_rules(title: str, abstract: str, label: str) -> None:
    labeller = LexicalLabeller(CUES, GARDEN)
    assert ids(labels_of(title, abstract, labeller))[0] == label
    assert "compression/distillation" in labeller.unused
    assert ids(labels_of("Distilling Vision-Language Models", "We distil 2x faster models.", labeller)) == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.title)
def test_another_language_needs_no_rules_either(paper: AboutLabel) -> None:
    """Compounds, particles and scripts without spaces."""
    labeller = LexicalLabeller(CUES, load_taxonomy(paper.taxonomy, name="mine.yaml"))
    found = labels_of(paper.title, paper.abstract, labeller)
    assert ids(found)[:1] == ([paper.label] if paper.label else [])
    texts = {"title": paper.title, "abstract": paper.abstract}
    assert all(texts[e.field][e.start : e.end] == e.quote for label in found for e in label.evidence)


def test_nothing_of_the_packaged_rules_is_unused() -> None:
    assert LABELLER.unused == ()
    assert LABELLER.name == "lexical"


def test_it_is_a_labeller_and_keeps_the_order_of_papers() -> None:
    labeller: Labeller = LABELLER
    papers = [Paper("a", "Model Quantization"), Paper("b", "Colours"), Paper("c", "Token Merging")]
    assert [ids(labels) for labels in labeller.label(papers)] == [["compression/quantization"], [], ["token-reduction/merging"]]
    assert labeller.label([]) == []


WORDS = st.sampled_from(
    [
        "We",
        "prune",
        "tokens",
        "VLM",
        "2x",
        "faster",
        "distillation",
        "LoRA",
        "optical",
        "computing",
        "photonic",
        "light",
        ".",
        "survey",
        "KV",
        "cache",
        "ß",
        "知",
    ]
)


@given(st.lists(WORDS, max_size=30).map(" ".join), st.none() | st.lists(WORDS, max_size=60).map(" ".join) | st.text(max_size=60))
def test_any_paper(title: str, abstract: str | None) -> None:
    labeller = LexicalLabeller(CUES, WITH_ADDED)
    labels = labels_of(title, abstract, labeller)
    assert labels == labels_of(title, abstract, labeller)
    assert len(set(ids(labels))) == len(labels)
    assert set(ids(labels)) <= set(WITH_ADDED.ids)
    texts = {"title": title, "abstract": abstract or ""}
    for label in labels:
        assert label.confidence is not None
        assert 0.5 <= label.confidence <= 1
        assert all(texts[e.field][e.start : e.end] == e.quote for e in label.evidence)
        assert label.evidence or label.label == "other"


@pytest.mark.parametrize("text", ["optical computing " * 60_000, "We propose " + " " * 500_000, "x" * 1_000_000, "we propose a " * 90_000])
def test_a_hostile_text_costs_no_more_than_a_long_one(text: str) -> None:
    labeller = LexicalLabeller(CUES, WITH_ADDED)
    begin = time.process_time()
    labeller.label([Paper("w1", text, text)])
    assert time.process_time() - begin < 1.0
