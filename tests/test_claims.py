"""Efficiency figures in made sentences: what each says, and what is no claim at all."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desk import Desk
from tests.workspaces import put, record
from triage.claiming import claim
from triage.claims import UNITS, find_claims, normalised
from triage.pipeline import begin
from triage.workspace import Workspace

CASES = [
    ("GPU memory drops from 24 GB to 9 GB.", "memory 9 GB kept"),
    ("Latency is lowered from 120 ms to 40 ms.", "latency 40 ms kept"),
    ("The cache shrinks by 80% and throughput rises 3x.", "memory 80 percent down; throughput 3 x up"),
    ("Decoding is sped up by 1.9x with a loss of 0.5% in accuracy.", "speedup 1.9 x up; accuracy-lost 0.5 percent down"),
    ("With half the tokens, performance drops by 1.2%.", "tokens 50 percent kept; accuracy-lost 1.2 percent down"),
    ("The gate saves almost half of the parameters.", "params 50 percent down"),
    ("Only a third of the data is used for training.", "data 33.3 percent kept"),
    ("The second half of the layers is skipped, and half a dozen heads.", ""),
    ("A three-fold reduction in the number of weights required follows.", "params 3 x down"),
    ("We held a one-day workshop on training.", ""),
    ("More than 97% of all weights stay untouched.", "trainable-params 97 percent down"),
    ("A decoder of 0.4B parameters without any pre-training suffices.", "params 400 M kept"),
    ("It has only 12.5 million parameters and about 2.4 billion MACs.", "params 12.5 M kept; flops 2.4 GFLOPs kept"),
    ("GPT-9 was trained with 3.6 billion MACs.", ""),
    ("Savings in computation (on the order of 2-4x) come with small losses.", "flops 2 x down; flops 4 x down"),
    (
        "It shows a performance retention of roughly 91% and 78% of the dense model.",
        "accuracy-kept 91 percent kept; accuracy-kept 78 percent kept",
    ),
    (
        "It decodes twice as fast with only a 1-3 % drop on ten tasks.",
        "speedup 2 x up; accuracy-lost 1 percent down; accuracy-lost 3 percent down",
    ),
    ("The cut costs a loss of 0.07% in the top-1 accuracy.", "accuracy-lost 0.07 percent down"),
    (
        "It lowers the training cost of many known backbones (e.g., ResNet, ConvNeXt, DeiT, PVT, Swin, CSWin and others of that kind) by >1.4x.",
        "training-cost 1.4 x down",
    ),
    ("We render the views in real-time (48 fps).", "throughput 48 FPS kept"),
    ("It draws faces at 512x512 with 19FPS.", "throughput 19 FPS kept"),
    ("Existing methods draw faces with 3 FPS.", ""),
    ("However, they can only save about 20% of the training memory.", ""),
    (
        "Memory cost and training time are reduced by more than 60% and 40%, respectively.",
        "memory 60 percent down; training-cost 40 percent down",
    ),
    ("The network is light-weight (48K parameters) and quick.", "params 0.048 M kept"),
    ("A 5-fold enhancement in inference efficiency comes with it.", "speedup 5 x up"),
    ("Our table takes less than 5ms for a large picture.", "latency 5 ms kept"),
    ("We reduce the time consumption up to two orders of magnitude.", "latency 100 x down"),
    ("It does so when compressing a deep network almost 90 times.", "params 90 x down"),
    ("It is better in sample efficiency (4-20x faster) and in adaptation.", "data 4 x down; data 20 x down"),
    ("Without our fix, accuracy drops by 20%.", ""),
    ("The speedup ranges from 1.5x to 2x.", "speedup 1.5 x up; speedup 2 x up"),
    ("It reduces the FLOPs of a backbone by 71.85% without accuracy degradation.", "flops 71.85 percent down"),
    ("It is as good while saving 3.2-5.7x computational cost.", "flops 3.2 x down; flops 5.7 x down"),
    ("It speeds up the training of such networks up to 10x.", "training-cost 10 x down"),
    ("The small one greatly improves the inference speed (up to 9.3x).", "speedup 9.3 x up"),
    ("It improves the training efficiency (up to 70%).", ""),
    ("Updates work by only downloading a few parameters (10%) instead of all.", ""),
    ("Our student decodes 2.5x faster than BigNet.", "speedup 2.5 x up"),
    ("Captioning becomes 1.9$\\times$ faster with no loss.", "speedup 1.9 x up"),
    ("We report a \\textbf{3.1$\\times$} speed-up on phones.", "speedup 3.1 x up"),
    ("The gate gives a speedup of up to 38% on long clips.", "speedup 1.38 x up"),
    ("It answers twice as fast as the dense network.", "speedup 2 x up"),
    ("Retrieval is sped up by an order of magnitude.", "speedup 10 x up"),
    ("It yields 2.4× to 3.4× improvements in generation speed.", "speedup 2.4 x up; speedup 3.4 x up"),
    ("Speedups of 1.5x in training and 1.8x in inference follow.", "training-cost 1.5 x down; speedup 1.8 x up"),
    ("We boost inference speed by 25% at equal quality.", "speedup 1.25 x up"),
    ("Skipping layers accelerates training by 4 times.", "training-cost 4 x down"),
    ("Latency falls by over 50% on a phone.", "latency 50 percent down"),
    ("This shortens the inference time by 30% and peak memory usage by 5%.", "latency 30 percent down; memory 5 percent down"),
    ("One image takes an inference time of only 41 ms.", "latency 41 ms kept"),
    ("Serving reaches 3x higher throughput than before.", "throughput 3 x up"),
    ("Our detector runs at 62 FPS on one card.", "throughput 62 FPS kept"),
    ("The router reaches -11.97% FLOPs without retraining.", "flops 11.97 percent down"),
    ("It cuts the GFLOPs by 43% in every layer.", "flops 43 percent down"),
    ("A 20% reduction in training compute is possible.", "training-cost 20 percent down"),
    ("Our student needs only 2.8 GFLOPs a frame.", "flops 2.8 GFLOPs kept"),
    ("We prune tokens to cut MACs from 17.6 to 4.4 GFLOPs.", "flops 4.4 GFLOPs kept"),
    ("With only 40M parameters the student saves the model size by more than 75%.", "params 40 M kept; params 75 percent down"),
    ("It has 93 million parameters (44.3% of the teacher) in all.", "params 93 M kept; params 44.3 percent kept"),
    ("Up to 25% of the model parameters are removed.", "params 25 percent down"),
    ("The student is 6x smaller.", "params 6 x down"),
    ("It uses just 2.1 billion parameters.", "params 2100 M kept"),
    ("We update only 1.2% of the parameters.", "trainable-params 1.2 percent kept"),
    ("Tuning 0.5-0.7% of the weights is enough.", "trainable-params 0.5 percent kept; trainable-params 0.7 percent kept"),
    ("By freezing more than 98% of all parameters we stay cheap.", "trainable-params 98 percent down"),
    ("Adapters with x30 less learnable parameters win.", "trainable-params 30 x down"),
    ("We shrink the number of trainable parameters by a factor of 1,000.", "trainable-params 1000 x down"),
    ("Memory drops: we need 2.7x less GPU memory.", "memory 2.7 x down"),
    ("Only 10% of the KV cache is kept.", "memory 10 percent kept"),
    ("Training memory is reduced to 10.8% of the usual.", "memory 10.8 percent kept"),
    ("Fine-tuning requires only 6 GB of GPU memory.", "memory 6 GB kept"),
    ("The index needs 19.1x less index storage.", "storage 19.1 x down"),
    ("It reduces the number of visual tokens by 75%.", "tokens 75 percent down"),
    ("We keep only 64 visual tokens for each image.", "tokens 64 tokens kept"),
    ("Answers come with 4x fewer tokens.", "tokens 4 x down"),
    ("Pre-training costs only 50 A100 GPU hours.", "training-cost 50 GPU hours kept"),
    ("The model is trained within two days.", "training-cost 48 hours kept"),
    ("With only four TPUv4 chips it is trained.", "training-cost 4 TPUs kept"),
    ("Pre-trained with only 4M images, it still leads.", "data 4 M kept"),
    ("We shrink the caption dataset from 2.8M to 0.7M (25%).", "data 0.7 M kept; data 25 percent kept"),
    ("With just 1% labeled data it works.", "data 1 percent kept"),
    ("The student retains 98.4% of the teacher's performance.", "accuracy-kept 98.4 percent kept"),
    ("This comes with only a 0.6% accuracy drop.", "accuracy-lost 0.6 percent down"),
    ("There is a performance loss of less than 1% in accuracy.", "accuracy-lost 1 percent down"),
    (
        "We reduce the trainable parameters and memory by 95% and 35% respectively.",
        "trainable-params 95 percent down; memory 35 percent down",
    ),
]

NONE = [
    "It improves top-1 accuracy by 3.5% over the baseline.",
    "Accuracy reaches 84.5% on eleven datasets.",
    "We outperform a 10x larger model by 2.3 points.",
    "Images are resized to 224x224 and cut by 16x16 patches.",
    "We train on 8 x RTX 3090 cards.",
    "Existing methods only reduce memory by up to 30%.",
    "Performance degradations of up to 37% are seen in standard models.",
    "CC3M, ViT-B/32 and LLaMA-7B are used in 2023.",
    "The set holds 9000 slides and 180 hours of video.",
    "LLaMA comes in sizes from 7B to 65B.",
    "At 70% sparsity the perplexity is 5.3.",
    "The model is much faster and needs far less memory.",
    "A student trained on all data gains 14.6% in terms of overall accuracy.",
    "Two parameters and 3 layers are tuned.",
    "This reduces the error on the clip dataset by 3.7%.",
    "It keeps 10% of the content with high accuracy.",
    "",
]


def told(abstract: str) -> str:
    return "; ".join(f"{c.metric} {c.value:g} {c.unit} {c.direction}" for c in find_claims("", abstract))


@pytest.mark.parametrize(("abstract", "expected"), CASES, ids=[case[0][:50] for case in CASES])
def test_a_figure_and_what_it_says(abstract: str, expected: str) -> None:
    assert told(abstract) == expected


@pytest.mark.parametrize("abstract", NONE, ids=lambda text: text[:50])
def test_numbers_that_are_no_claims(abstract: str) -> None:
    assert told(abstract) == ""


@pytest.mark.parametrize(
    ("abstract", "against"),
    [
        ("It is 2x faster than the dense model on long clips.", "the dense model"),
        ("It saves 30% FLOPs compared with BigNet, and more.", "BigNet"),
        ("Compared to the teacher, memory is cut by 40%.", "the teacher"),
        ("It is 2x faster.", None),
    ],
)
def test_what_it_is_compared_with(abstract: str, against: str | None) -> None:
    assert [c.against for c in find_claims("", abstract)] == [against]


def test_titles_are_read_and_a_figure_counts_once() -> None:
    found = find_claims("Twice as Good: 2x Faster Captions", "Our captions are 2x faster. Yes, 2x faster.")
    assert [(c.metric, c.value, c.quote) for c in found] == [("speedup", 2, "2x Faster")]


def test_the_quote_holds_the_words_and_the_markup_of_the_number() -> None:
    (found,) = find_claims("", "We cut visual tokens by up to $16\\times$ in all.")
    assert found.quote == "cut visual tokens by up to $16\\times$"


@pytest.mark.parametrize(
    ("metric", "value", "unit", "expected"),
    [
        ("params", 7, "B", (7000, "M")), ("params", 500_000, "", (0.5, "M")), ("speedup", 40, "%", (1.4, "x")), ("latency", 0.2, "s", (200, "ms")),
        ("training-cost", 2, "days", (48, "hours")), ("training-cost", 3, "GPU days", (72, "GPU hours")), ("training-cost", 4, "TPUv4 chips", (4, "TPUs")),
        ("memory", 512, "MB", (0.512, "GB")), ("tokens", 2, "k", (2000, "tokens")), ("flops", 1.2, "TFLOPs", (1200, "GFLOPs")), ("x", 1, "Furlongs", (1, "furlongs")),
    ],
)  # fmt: skip
def test_units_have_one_scale(metric: str, value: float, unit: str, expected: tuple[float, str]) -> None:
    assert normalised(metric, value, unit) == expected


WORDS = st.sampled_from(
    "2x 1.5 - 7.8x by over 50% reduces the memory latency only 3M parameters from to and of up ( ) , . ; $\\times$ % × faster 4 GPU hours "
    "retains accuracy tokens fewer x30 twice as fast factor 10,000 an order magnitude two days 数 \\% ~".split()
)


@given(st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=200))
def test_every_claim_is_whole_whatever_the_text(text: str) -> None:
    for one in find_claims(text[:40], text):
        assert one.quote in text
        assert one.value > 0
        assert one.unit in UNITS
        assert any(sign.isdigit() for sign in one.quote) or {"order", "twice", "two"} & set(one.quote.lower().split())


@pytest.mark.parametrize(
    "piece", ["2x ", "reduces 3% of ", "1 ", "only ", "$\\times$", "1.4 - ", "(", "about 5 and ", "a" * 50, "9" * 50, "less than of "]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    start = time.process_time()
    find_claims(piece * 400, piece * 100_000)
    assert time.process_time() - start < 3


def test_the_step_reads_what_is_due_once(desk: Desk) -> None:
    workspace = Workspace.open(desk.folder, environ={})
    put(
        workspace,
        [record("1", "Fast CLIP", abstract="CLIP runs 2x faster with 30% fewer FLOPs."), record("2", "Slow CLIP", abstract="No figures.")],
    )
    works = {title: work for work, title in desk.rows("SELECT work_id, title FROM works")}
    chosen = list(works.values())

    def read(named: list[str] | None) -> tuple[int, int, dict[str, int]]:
        with begin(workspace, "test") as run:
            report = claim(run, named)
        return report.new, report.known, report.counts

    assert read(None) == (0, 0, {"claims": 0})
    assert read(chosen) == (2, 0, {"claims": 2})
    rows = desk.rows("SELECT work_id, metric, value, unit, direction, producer FROM claims ORDER BY metric")
    fast = works["Fast CLIP"]
    assert rows == [(fast, "flops", 30.0, "percent", "down", "lexical"), (fast, "speedup", 2.0, "x", "up", "lexical")]
    assert read(chosen) == (2, 0, {"claims": 2})
    assert desk.rows("SELECT work_id, metric, value, unit, direction, producer FROM claims ORDER BY metric") == rows


def test_a_run_writes_claims_of_proposals_and_leaves_them_alone_afterwards(desk: Desk) -> None:
    abstract = "We distill a vision-language model with token pruning: it runs 2x faster with 30% fewer FLOPs and 40M parameters fewer. Efficient VLM inference."
    put(Workspace.open(desk.folder, environ={}), [record("1", "Efficient Vision-Language Model Distillation", abstract=abstract)])
    steps = {step["step"]: step for step in desk.json("run")["steps"]}
    assert (steps["claim"]["new"], steps["claim"]["counts"]["claims"]) == (1, 2)
    made = desk.rows("SELECT metric, run_id FROM claims ORDER BY ALL")
    steps = {step["step"]: step for step in desk.json("run")["steps"]}
    assert (steps["claim"]["new"], steps["claim"]["known"]) == (0, 1)
    assert desk.rows("SELECT metric, run_id FROM claims ORDER BY ALL") == made
