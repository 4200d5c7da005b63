"""The taxonomy: what people type, what the program writes, and what a wrong file is told."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.errors import SettingsError
from triage.taxonomy import Taxonomy, load_taxonomy
from triage.workspace import packaged

TEXT = (packaged("seeds") / "taxonomy.yaml").read_text(encoding="utf-8")
TAXONOMY = load_taxonomy(TEXT, name="seeds/taxonomy.yaml")

# The 22 Types of the yearly list, each as it was typed, with the labels it stands for.
TYPES = [
    ("Model Distillation", ["compression/distillation"]),
    ("Distilling", ["compression/distillation"]),
    ("Model Distillation & Pruning", ["compression/distillation", "compression/pruning"]),
    ("Model Pruning", ["compression/pruning"]),
    ("Sparse Subnetwork Searching", ["compression/pruning"]),
    ("Model Quantization", ["compression/quantization"]),
    ("Token Pruning", ["token-reduction/pruning"]),
    ("Token Sparsification", ["token-reduction/pruning"]),
    ("Token Merging", ["token-reduction/merging"]),
    ("Token Pruning & Merging", ["token-reduction/pruning", "token-reduction/merging"]),
    ("Lightweight architecture", ["architecture/lightweight"]),
    ("Lightweight Archecture", ["architecture/lightweight"]),
    ("Simplified Architecture", ["architecture/simplified"]),
    ("Efficient Fusion", ["architecture/fusion"]),
    ("Sparse Attention", ["architecture/efficient-attention"]),
    ("Early Exiting", ["conditional-compute/early-exit"]),
    ("Dynamic routing", ["conditional-compute/dynamic-routing"]),
    ("Dynamic Skippping", ["conditional-compute/layer-skipping"]),
    ("Sparse MoE", ["conditional-compute/moe"]),
    ("Sparse Routing/Activation", ["conditional-compute/dynamic-routing", "adaptation/partial-tuning"]),
    ("Efficient Adapter", ["adaptation/adapter"]),
    ("Memory Mechanism", ["memory/retrieval"]),
]

SMALL = """\
version: 3
parents:
  - id: soil
    name: Soil
    definition: What lies under the plants.
labels:
  - id: soil/drainage
    name: Soil Drainage
    definition: How water leaves the ground.
    aliases: [draining]
  - id: soil/mulch
    name: Soil Mulch
    definition: A cover of straw or bark.
flags:
  - id: other
    name: Other
    definition: Anything else.
"""


@pytest.mark.parametrize(("raw", "labels"), TYPES)
def test_every_type_of_the_list_has_its_labels(raw: str, labels: list[str]) -> None:
    assert TAXONOMY.labels_for_type(raw) == tuple(labels)


def test_there_are_22_types() -> None:
    assert len({raw for raw, _ in TYPES}) == 22


@pytest.mark.parametrize(
    ("raw", "labels"),
    [
        ("  token   PRUNING ", ["token-reduction/pruning"]),
        ("token-pruning", ["token-reduction/pruning"]),
        ("Token Pruning + Token Merging", ["token-reduction/pruning", "token-reduction/merging"]),
        ("Token Pruning / Merging", ["token-reduction/pruning", "token-reduction/merging"]),
        ("token pruning, merging", ["token-reduction/pruning", "token-reduction/merging"]),
        ("Token Pruning and Model Quantization", ["token-reduction/pruning", "compression/quantization"]),
        ("Token Merging & Token Merging", ["token-reduction/merging"]),
        ("compression/pruning", ["compression/pruning"]),
        ("KD", ["compression/distillation"]),
        ("Survey", ["survey"]),
        ("PEFT", ["adaptation"]),
    ],
)
def test_case_spaces_punctuation_and_combinations(raw: str, labels: list[str]) -> None:
    assert TAXONOMY.labels_for_type(raw) == tuple(labels)


@pytest.mark.parametrize("raw", ["", "  ", "&", "Gardening", "Token Pruning & Gardening", "Gardening / Merging", "///"])
def test_an_unknown_type_has_no_labels(raw: str) -> None:
    assert TAXONOMY.labels_for_type(raw) == ()


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (["token-reduction/pruning", "token-reduction/merging"], "Token Pruning & Merging"),
        (["token-reduction/merging", "token-reduction/pruning"], "Token Pruning & Merging"),
        (["compression/pruning", "compression/distillation"], "Model Distillation & Pruning"),
        (["compression/pruning", "token-reduction/pruning"], "Token Pruning & Model Pruning"),
        (["adaptation/lora"], "LoRA"),
        (["survey", "adaptation/lora", "survey"], "LoRA & Survey"),
        (["adaptation/lora", "gone/label"], "LoRA & gone/label"),
        ([], ""),
    ],
)
def test_display(labels: list[str], shown: str) -> None:
    assert TAXONOMY.display(labels) == shown


def test_what_is_written_is_understood_again() -> None:
    for count in (1, 2):
        for labels in itertools.combinations(TAXONOMY.ids, count):
            assert set(TAXONOMY.labels_for_type(TAXONOMY.display(labels))) == set(labels), labels


@given(st.sets(st.sampled_from(TAXONOMY.ids), min_size=1, max_size=4))
def test_display_does_not_depend_on_the_order(labels: set[str]) -> None:
    ordered = sorted(labels)
    assert TAXONOMY.display(ordered) == TAXONOMY.display(ordered[::-1])


@given(st.text(max_size=80))
def test_any_type_gives_known_labels_or_none(raw: str) -> None:
    assert set(TAXONOMY.labels_for_type(raw)) <= set(TAXONOMY.ids)


def test_parents() -> None:
    assert TAXONOMY.parent("token-reduction/pruning") == "token-reduction"
    assert TAXONOMY.parent("survey") == "survey"
    assert {TAXONOMY.parent(label) for label in TAXONOMY.labels} == set(TAXONOMY.parents)
    assert TAXONOMY.entry("adaptation").name == "Efficient Adaptation"
    with pytest.raises(KeyError):
        TAXONOMY.entry("gone/label")


def test_another_fields_taxonomy() -> None:
    taxonomy = load_taxonomy(SMALL, name="mine.yaml")
    assert isinstance(taxonomy, Taxonomy)
    assert taxonomy.version == 3
    assert taxonomy.ids == ("soil/drainage", "soil/mulch", "other", "soil")
    assert taxonomy.display(["soil/mulch", "soil/drainage"]) == "Soil Drainage & Mulch"
    assert taxonomy.labels_for_type("draining + mulch") == ()
    assert taxonomy.labels_for_type("soil drainage + mulch") == ("soil/drainage", "soil/mulch")


REFUSED = [
    ("an unknown key", SMALL.replace("aliases", "alias"), "mine.yaml:10: labels.0.alias: unknown key; allowed are aliases, definition"),
    ("an unknown key at the top", SMALL + "more: 1\n", "mine.yaml:18: more: unknown key; allowed are flags, labels, parents, version"),
    (
        "a missing key",
        SMALL.replace("    definition: A cover of straw or bark.\n", ""),
        "mine.yaml:11: labels.1.definition: this key is missing",
    ),
    ("an id twice", SMALL.replace("soil/mulch", "soil/drainage"), "mine.yaml:11: labels.1.id: 'soil/drainage' stands here twice"),
    (
        "an unknown parent",
        SMALL.replace("soil/mulch", "sky/mulch"),
        "mine.yaml:11: labels.1.id: 'sky' is not among the parents; allowed are soil",
    ),
    ("no parent", SMALL.replace("soil/mulch", "mulch"), "mine.yaml:11: labels.1.id: 'mulch'; allowed is parent/label"),
    (
        "a flag with a parent",
        SMALL.replace("id: other", "id: soil/other"),
        "mine.yaml:15: flags.0.id: 'soil/other'; allowed is a word without",
    ),
    (
        "a name twice",
        SMALL.replace("Soil Mulch", "soil drainage"),
        "mine.yaml:12: labels.1.name: 'soil/mulch' has the name of 'soil/drainage'",
    ),
    ("a name of signs", SMALL.replace("Soil Mulch", "'&'"), "mine.yaml:12: labels.1.name: 'soil/mulch' has a name without letters"),
    ("a bad id", SMALL.replace("soil/mulch", "Soil Mulch!"), "mine.yaml:11: labels.1.id: an id has small letters"),
    (
        "a key twice",
        SMALL.replace("    name: Soil Mulch\n", "    name: Soil Mulch\n    name: Bark\n"),
        "mine.yaml:13: labels.1.name: the key stands",
    ),
    (
        "an anchor",
        SMALL.replace("[draining]", "&a [draining]").replace("bark.", "bark.\n    aliases: *a"),
        "mine.yaml:10: anchors and aliases",
    ),
    ("not YAML", SMALL.replace("[draining]", "[draining"), "mine.yaml:11: not valid YAML"),
    ("a bad version", SMALL.replace("version: 3", "version: three"), "mine.yaml:1: version: Input should be a valid integer"),
    ("no labels", "version: 1\nlabels: []\n", "mine.yaml:2: labels: "),
    ("no mapping", "- one\n- two\n", "mine.yaml:1: the file must be a mapping of keys; allowed are flags"),
    ("nothing", "", "mine.yaml:1: the file must be a mapping"),
    ("a list as a key", "? [a, b]\n: c\n", "mine.yaml:1: a key must be a single word"),
    ("a control character", SMALL + "x: \x07\n", "mine.yaml:18: not valid YAML: unacceptable character"),
    ("too deep", "[" * 60, "mine.yaml:1: nested more than 40 deep"),
]


@pytest.mark.parametrize(("text", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_wrong_file_is_told_where_and_what(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_taxonomy(text, name="mine.yaml")
    assert str(caught.value).startswith(message)
    assert caught.value.hint


def outcome(text: str) -> str:
    """The message a file is refused with, or "" when it is read."""
    try:
        return "" if load_taxonomy(text, name="any.yaml").labels else "no labels"
    except SettingsError as error:
        return str(error)


@given(
    st.text(max_size=200)
    | st.sampled_from(["version: 1\nlabels:\n", SMALL]).flatmap(lambda head: st.text(max_size=60).map(lambda tail: head + tail))
)
def test_any_text_is_read_or_refused(text: str) -> None:
    message = outcome(text)
    assert not message or message.startswith("any.yaml")
