"""Phrases, cue files, screening scores and type weights. All texts are made for these tests."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.cues import SCANNED_ABSTRACT, Cues, claimed_efficiency, load_cues, score_text, score_types
from triage.errors import SettingsError
from triage.models import Evidence
from triage.phrases import PhraseError, PhraseMatcher, spans, tokens
from triage.taxonomy import load_taxonomy
from triage.workspace import packaged

SEEDS = packaged("seeds")
TEXT = (SEEDS / "cues.yaml").read_text(encoding="utf-8")
CUES = load_cues(TEXT, name="seeds/cues.yaml")
TAXONOMY = load_taxonomy((SEEDS / "taxonomy.yaml").read_text(encoding="utf-8"), name="seeds/taxonomy.yaml")


def found(phrase: str, text: str) -> list[str]:
    """The pieces of text a single phrase matches."""
    places = spans(text)
    return [text[places[hit.first][0] : places[hit.end - 1][1]] for hit in PhraseMatcher([[phrase]]).find(tokens(text))]


PHRASES = [
    ("knowledge distill*", "With Knowledge-Distillation we", ["Knowledge-Distillation"]),
    ("knowledge distill*", "knowledge, distilled", ["knowledge, distilled"]),
    ("knowledge distill*", "knowledge. Distilled", []),
    ("prun*|drop* token*", "dropping tokens, pruned token", ["dropping tokens", "pruned token"]),
    ("token*", "tokens and tokenizers, Token", ["tokens", "tokenizers", "Token"]),
    ("pre_train*", "pretraining, pre-training, pre training, retraining", ["pretraining", "pre-training", "pre training"]),
    ("visual? token", "a token, a visual token", ["token", "visual token"]),
    ("reduc* ~3 latency", "reduces the overall wall latency", ["reduces the overall wall latency"]),
    ("reduc* ~2 latency", "reduces the overall wall latency", []),
    ("reduc* ~3 latency", "It reduces cost. Low latency", []),
    ("aa ~2 bb|cc ~1 dd", "aa bb xx yy cc dd", []),
    ("aa ~3 bb|cc ~1 dd", "aa bb xx yy cc dd", ["aa bb xx yy cc dd"]),
    ("CLIP", "CLIP and clip and Clip", ["CLIP"]),
    ("clip", "CLIP and clip and Clip", ["CLIP", "clip", "Clip"]),
    ("*VLM", "MobileVLM, WavLM, vlm", ["MobileVLM"]),
    ("LoRA*", "LoRAs, lorax", ["LoRAs"]),
    ("#x fast*", "2x faster, 2.5× faster, 3 x fast, 12$\\times$ faster, x30 faster, fox faster",
     ["2x faster", "2.5× faster", "3 x fast", "12$\\times$ faster", "x30 faster"]),
    ("by #%", "by 30%, by 30 %, by 30\\%, by 30", ["by 30%", "by 30 %", "by 30\\%"]),
    ("# bit", "4-bit, 4bit, four bit", ["4-bit", "4bit"]),
    ("# times", "7 times, 1,000 times, many times", ["7 times", "1,000 times"]),
    ("efﬁcient", "efficient", []),
    ("efficient", "efﬁcient with a ligature", ["efﬁcient"]),
    ("知识蒸馏", "我们提出知识蒸馏方法", ["知识蒸馏"]),
    ("模型 ~2 压缩", "模型的压缩", ["模型的压缩"]),
    ("naïve", "a naïve way", ["naïve"]),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "text", "pieces"), PHRASES)
def test_phrases(phrase: str, text: str, pieces: list[str]) -> None:
    assert found(phrase, text) == pieces


@pytest.mark.parametrize(
    "phrase", ["", "   ", "~3", "~2 word", "word ~2", "a*", "*", "wo*rd", "(a|b)", "a.b", "word?", "||", "x" + " a|b_c?" * 9, "##"]
)
def test_words_outside_the_language_are_refused(phrase: str) -> None:
    with pytest.raises(PhraseError):
        PhraseMatcher([[phrase]])


@given(st.text(max_size=300))
def test_tokens_and_their_places_agree(text: str) -> None:
    assert [text[start:end] for start, end in spans(text)] == tokens(text)


# Titles a person would type without a second thought, with the label that must come first.
NAMED = [
    ("Distilling a Large Vision-Language Model into a Small One", "compression/distillation"),
    ("Structured Pruning of Multimodal Transformers", "compression/pruning"),
    ("Searching Sparse Subnetworks in Captioning Models", "compression/pruning"),
    ("4-bit Post-Training Quantization of LVLMs", "compression/quantization"),
    ("W4A8 Kernels: GPTQ and AWQ Revisited", "compression/quantization"),
    ("Singular Value Decomposition for Compact MLLMs", "compression/low-rank"),
    ("Pruning Visual Tokens in Multimodal LLMs", "token-reduction/pruning"),
    ("Which Image Patches Matter? Patch Selection for VLMs", "token-reduction/pruning"),
    ("Merging Similar Tokens in Video Encoders", "token-reduction/merging"),
    ("A Perceiver Resampler for Long Documents", "token-reduction/resampling"),
    ("Key-Frame Selection Makes Video Question Answering Cheap", "token-reduction/frame-selection"),
    ("Prompt Compression for Retrieval Pipelines", "token-reduction/prompt-compression"),
    ("Visual Token Compression Revisited", "token-reduction"),
    ("Sparse Attention for Webpages", "architecture/efficient-attention"),
    ("A Mamba Backbone for Captioning", "architecture/ssm-linear"),
    ("SmallTalkVLM: a Small Vision-Language Model", "architecture/small-model"),
    ("A Locality-Aware Projector for MLLMs", "architecture/projector"),
    ("Early Exiting in Captioning", "conditional-compute/early-exit"),
    ("Layer Skipping for Multimodal Decoders", "conditional-compute/layer-skipping"),
    ("Dynamic Routing between Modalities", "conditional-compute/dynamic-routing"),
    ("Adapter Tuning of CLIP", "adaptation/adapter"),
    ("Visual Prompt Tuning at Scale", "adaptation/prompt"),
    ("LoRA for Image-Text Models", "adaptation/lora"),
    ("Ladder Side-Tuning of Frozen Encoders", "adaptation/side-tuning"),
    ("Selective Fine-Tuning of Bias Terms", "adaptation/partial-tuning"),
    ("Zeroth-Order Fine-Tuning without Back-Propagation", "adaptation/memory-efficient"),
    ("KV Cache Eviction for Multimodal Context", "inference/kv-cache"),
    ("Speculative Decoding with a Drafter of Tiny Size", "inference/speculative-decoding"),
    ("Efficient Reasoning: Stop Overthinking", "inference/efficient-reasoning"),
    ("Low-Precision Training with FP8", "training/low-precision"),
    ("Accelerating Vision-Language Pre-Training", "training/efficient-pretraining"),
    ("Coreset Selection for Visual Instruction Tuning", "training/data-selection"),
    ("Efficient Multimodal Models: a Survey", "survey"),
]


@pytest.mark.parametrize(("title", "label"), NAMED)
def test_a_technique_in_the_title_is_the_first_type(title: str, label: str) -> None:
    scores = score_types(title, None, CUES)
    assert scores[0].label == label
    assert scores[0].weight >= CUES.file.types.threshold


CHEAPER = "We cut latency by 40% and need 2x fewer FLOPs."
CLAIMED = [
    ("MoE for VLMs", "We build a sparse mixture of experts.", "conditional-compute/moe"),
    ("Faster Captions", "We generate several tokens in one step by parallel decoding.", "inference/parallel-decoding"),
    ("Cheaper Fusion of Image and Text", "We propose an asymmetric fusion inside the backbone.", "architecture/fusion"),
    ("Captions for Phones", "We design a lightweight network for edge devices.", "architecture/lightweight"),
    ("Reading Pages", "We answer without an object detector.", "architecture/simplified"),
    ("Looking Closer", "We choose a dynamic resolution for each image.", "token-reduction/resolution"),
    ("Knowing More", "We build a retrieval-augmented model with an external memory.", "memory/retrieval"),
    ("Serving VLMs", "We schedule requests in a serving engine and fuse CUDA kernels.", "inference/systems"),
    ("A Student of Images", "We train a student model under a large teacher model by distillation.", "compression/distillation"),
]


@pytest.mark.parametrize(("title", "abstract", "label"), CLAIMED)
def test_a_claim_of_efficiency_makes_a_word_a_type(title: str, abstract: str, label: str) -> None:
    with_claim = {s.label: s.weight for s in score_types(title, f"{abstract} {CHEAPER}", CUES)}
    without = {s.label: s.weight for s in score_types("Pictures", abstract, CUES)}
    assert with_claim[label] >= CUES.file.types.threshold
    assert without.get(label, 0.0) < with_claim[label]


NOT_MEANT = [
    ("Vector-Quantized Image Tokenizers", "We learn a codebook by vector quantization.", "compression/quantization"),
    ("Learned Image Compression", "We study image compression at low bit rates.", "compression/pruning"),
    ("Dataset Distillation", "We condense a dataset by dataset distillation.", "compression/distillation"),
    ("Pruning Tokens", "We prune tokens early.", "compression/pruning"),
    ("Low-Rank Adaptation", "We use low-rank updates.", "compression/low-rank"),
    ("Asking Reviewers", "A user survey with forty people.", "survey"),
]


@pytest.mark.parametrize(("title", "abstract", "label"), NOT_MEANT)
def test_words_that_mean_something_else_are_no_type(title: str, abstract: str, label: str) -> None:
    weights = {s.label: s.weight for s in score_types(title, abstract, CUES)}
    assert weights.get(label, 0.0) < CUES.file.types.threshold


LEAD = "Pictures and words belong together."
# (what, stronger abstract, weaker abstract): the first must say more about efficiency than the second.
STRONGER = [
    (
        "a figure than praise",
        "Our vision-language model is 2x faster with 30 % fewer FLOPs.",
        "Our vision-language model is simple yet efficient.",
    ),
    ("own work than background", "We reduce the computational cost of VLMs.", "Existing VLM methods are computationally expensive."),
    ("doing than not doing", "We prune tokens of the VLM.", "We answer without pruning tokens of the VLM."),
    ("a claim than a manner of speaking", "Our VLM is more efficient.", "Our VLM efficiently captures the scene."),
    ("cost than labelling cost", "We lower the inference cost of VLMs.", "We lower the annotation cost of VLMs."),
    ("distilling than data distillation", "We use model quantization in a VLM.", "We use vector quantization in a VLM."),
    ("more than less", "We prune a VLM and cut latency.", "We prune a VLM."),
]


@pytest.mark.parametrize(("stronger", "weaker"), [case[1:] for case in STRONGER], ids=[case[0] for case in STRONGER])
def test_what_says_more_about_efficiency(stronger: str, weaker: str) -> None:
    more, less = (score_text("Pictures", f"{LEAD} {abstract}", CUES) for abstract in (stronger, weaker))
    assert (more.efficiency or 0) > (less.efficiency or 0)
    assert more.score > less.score


def test_the_product_of_two_sides() -> None:
    both = score_text("Token Pruning for Vision-Language Models", "We make VLMs 2x faster.", CUES)
    assert 0.35 < both.score <= 1
    assert both.score == pytest.approx(both.vision_language * (both.efficiency or 0), abs=1e-5)
    assert score_text("Token Pruning of Text", "We make text models 2x faster.", CUES).score == 0
    assert score_text("Vision-Language Models See Colours", "We look at colours.", CUES).score == 0
    assert score_text("", None, CUES).model_dump() == {
        "score": 0.0, "vision_language": 0.0, "efficiency": None, "filter_hit": False, "evidence": (),
    }  # fmt: skip


def test_the_title_weighs_more() -> None:
    title, body = "Distillation of VLMs", "Colours of things"
    assert score_text(title, body, CUES).score > score_text(body, title, CUES).score


def test_evidence_is_weightiest_first_and_names_its_rule() -> None:
    shown = score_text("Token Pruning for Vision-Language Models", "Our VLM is 2x faster. " * 3 + "It needs less memory.", CUES).evidence
    assert [e.quote for e in shown[:2]] == ["Vision-Language", "Token Pruning"]
    assert shown[0].cue == "vision_language: a model of vision and language by name"
    assert "2x faster" in {e.quote for e in shown}
    assert len({e.cue for e in shown}) == len(shown) <= 8
    assert len(score_text("Token Pruning for Vision-Language Models", "Faster.", CUES, most_evidence=1).evidence) == 1


WORDS = st.sampled_from(
    ["We", "prune", "visual", "tokens", "vision-language", "VLM", "CLIP", "2x", "faster", "distillation", "LoRA", "without", "than", "e.g.", ".",
     "\n", "  ", "efﬁcient", "知识蒸馏", "🙂", "ẞtraße", "İstanbul", "30\\%", "KV", "cache", "\u2028", "survey", "adapter", "e\u0301"]
)  # fmt: skip
ANY = st.lists(WORDS | st.text(max_size=5), max_size=40).map(" ".join) | st.text(max_size=200)


def exact(evidence: tuple[Evidence, ...], title: str, abstract: str | None) -> bool:
    texts = {"title": title, "abstract": abstract or ""}
    return all(texts[e.field][e.start : e.end] == e.quote for e in evidence)


@given(ANY, st.none() | ANY)
def test_evidence_stands_where_it_says_and_scores_are_shares(title: str, abstract: str | None) -> None:
    screening = score_text(title, abstract, CUES)
    assert exact(screening.evidence, title, abstract)
    assert all(0 <= value <= 1 for value in (screening.score, screening.vision_language, screening.efficiency or 0))
    scores = score_types(title, abstract, CUES)
    assert all(exact(s.evidence, title, abstract) and s.evidence and s.weight > 0 for s in scores)
    assert [s.weight for s in scores] == sorted((s.weight for s in scores), reverse=True)


NUMBERED = PhraseMatcher([["prune* ~2 #x"], ["#% fewer"], ["vision language"], ["2D token*"], ["CLIP"], ["视 觉"], ["#"]])


@given(
    ANY
    | st.lists(WORDS | st.sampled_from(["30 %", "fewer", "x 2", "2D", "vision_language", "CLIP's", "视觉", "naïve", "1,5x"])).map("".join)
)
def test_what_is_found_was_possible(text: str) -> None:
    for matcher in (NUMBERED, CUES._vision_language):
        assert matcher.possible(text) or not matcher.find(tokens(text))


def test_what_is_not_possible() -> None:
    matcher = PhraseMatcher([["vision ~3 language"], ["prun* token*"]])
    assert matcher.possible("language of vision")  # order is not looked at
    assert not matcher.possible("vision of pruned things")
    assert not matcher.possible("")


@given(ANY, ANY)
def test_the_same_text_has_the_same_score_whatever_was_read_before(title: str, abstract: str) -> None:
    fresh = load_cues(SMALL, name="mine.yaml")
    used = load_cues(SMALL, name="mine.yaml")
    score_text(abstract, title, used)
    assert score_text(title, abstract, fresh) == score_text(title, abstract, used)
    assert score_types(title, abstract, fresh) == score_types(title, abstract, used)


FRAGMENTS = st.sampled_from(
    ["vision-language", "Video Language", "vision", "video", "language", "-", " ", "VLM", "wavlm", "MLLM", "multi-modal", "multimodal", "multi modal",
     "large ", "llm", "LLM", "Language", "\n", "model"]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=8).map("".join), st.lists(FRAGMENTS, max_size=8).map("".join))
def test_the_curators_filter_is_his_pattern(title: str, abstract: str) -> None:
    pattern = r"(?:vision|video)[- ]language|vlm|mllm|multi-?modal (?:large )?(?:language|llm)"
    expected = re.search(pattern, f"{title}\n{abstract}", re.IGNORECASE) is not None
    assert CUES.keeps(title, abstract) is expected
    assert score_text(title, abstract, CUES).filter_hit is expected


def test_a_profile_by_name() -> None:
    assert CUES.keeps("Our WavLM", None, profile="curator-words")
    with pytest.raises(KeyError):
        CUES.keeps("Our WavLM", None, profile="no-such-profile")


HOSTILE = [
    ("one word", "a" * 1_000_000),
    ("one word of signs", "é" * 1_000_000),
    ("no spaces between cues", "prune" * 200_000),
    ("a phrase that never ends", "reduce " * 150_000),
    ("many gaps", "reduces the cost of a " * 50_000),
    ("half phrases", "we only only just merely " * 40_000),
    ("digits", "1" * 1_000_000),
    ("digits and dots", "1.1" * 330_000),
    ("numbers", "x2 x3 4x 5% " * 80_000),
    ("spaces", "We" + " " * 1_000_000 + "prune"),
    ("full stops", "VLM. " * 200_000),
    ("dots", "." * 1_000_000),
    ("all different", " ".join(f"w{n}" for n in range(150_000))),
    ("cues only", "pruning vision-language tokens 2x faster without latency " * 20_000),
]


@pytest.mark.parametrize("text", [case[1] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_a_hostile_text_costs_no_more_than_a_long_one(text: str) -> None:
    begin = time.process_time()
    score_text(text, text, CUES)
    score_types(text, text, CUES)
    assert time.process_time() - begin < 1.0


def test_only_the_beginning_of_a_long_abstract_is_read() -> None:
    padding = "word " * (SCANNED_ABSTRACT // 5)
    assert (score_text("VLM", f"We prune. {padding}", CUES).efficiency or 0) > 0
    assert score_text("VLM", f"{padding} We prune.", CUES).efficiency == 0


def test_a_venue_is_screened_in_seconds() -> None:
    body = (
        "Colours are seen in many rooms. Most people walk through them slowly and we propose to look at them again. Extensive experiments show that "
        "rooms differ by 3% on five benchmarks, and that a simple network with an encoder learns what people like. "
    )
    papers = [(f"Rooms of colour {n}", body * 4 + ("Our VLM prunes tokens. " if n % 10 == 0 else "")) for n in range(500)]
    begin = time.process_time()
    scored = [score_text(title, abstract, CUES) for title, abstract in papers]
    # 18,000 works are to take 4 CPU seconds, or 500 of them 0.11; ten times that leaves room for a slow machine
    assert time.process_time() - begin < 1.1
    assert sum(s.score > 0 for s in scored) == 50


def test_claims_are_not_names_of_techniques() -> None:
    assert claimed_efficiency("Distillation of Models by Distillation", "We distil and prune.", CUES) == 0
    assert claimed_efficiency("Pictures", CHEAPER, CUES) > 0.5


def test_the_packaged_rules_are_for_labels_of_the_packaged_taxonomy() -> None:
    assert set(CUES.labels) <= set(TAXONOMY.ids)
    assert set(TAXONOMY.labels) <= set(CUES.labels)


SMALL = """\
version: 2
filter_profile: mine
profiles:
  mine: {substrings: [garden], reason: ours}
contexts:
  contribution: {phrases: [we], reason: own}
  background: {phrases: [others], reason: theirs}
  negation: {phrases: [without], reason: not, reach: 2}
  comparison: {phrases: [than], reason: rivals, reach: 2}
damping:
  - phrases: [prune juice]
    factor: 0.0
    reason: a drink
    only: [efficiency]
screening:
  emphasis: &E {title: 2, contribution: 1, background: 0.5, lead: 1, negation: 0, comparison: 1, repeat: 0}
  vision_language:
    half: 1
    rules:
      - {phrases: [garden], weight: 1, reason: a garden}
  efficiency:
    half: 1
    rules:
      - {phrases: [prune*], weight: 1, reason: pruning}
types:
  emphasis: {title: 2, contribution: 1, background: 0.5, lead: 1, negation: 0, comparison: 1, repeat: 0}
  threshold: 1
  share: 0.5
  family_share: 0.5
  floor: 0
  plain_floor: 1
  claim_half: 1
  labels:
    soil/drainage:
      - {phrases: [drain*], weight: 1, reason: draining}
""".replace("&E ", "")

SMALL_SCORES = [
    ("Garden", "We prune.", 2 / 3 * 1 / 2),
    ("garden pruned", None, 2 / 3 * 2 / 3),
    ("Garden", "Others prune.", 2 / 3 * 1 / 3),
    ("Garden", "Others prune and we prune.", 2 / 3 * 1 / 2),
    ("Garden", "Without a prune.", 0.0),
    ("Garden", "Without a very big prune.", 2 / 3 * 1 / 2),
    ("Garden", "Prune juice.", 0.0),
    ("Garden garden", "Prune prune.", 2 / 3 * 1 / 2),
]


@pytest.mark.parametrize(("title", "abstract", "score"), SMALL_SCORES)
def test_how_a_score_is_made(title: str, abstract: str | None, score: float) -> None:
    assert score_text(title, abstract, load_cues(SMALL, name="mine.yaml")).score == pytest.approx(score, abs=1e-5)


DESCRIBED = SMALL.replace("  negation:", "  description: {phrases: [uses], reason: what a method does}\n  negation:")


@pytest.mark.parametrize(
    ("abstract", "share"),
    [
        ("It uses a prune.", 2),  # a description is the authors' own ...
        ("Others uses a prune.", 0.5),  # ... unless the sentence is about others
        ("Without others, we prune.", 2),  # the reach of "without" ends where the authors speak of themselves
        ("Without the prune.", 0),
    ],
)
def test_whose_sentence_it_is(abstract: str, share: float) -> None:
    cues = load_cues(DESCRIBED.replace("contribution: 1, background", "contribution: 2, background"), name="mine.yaml")
    assert score_text("Garden", abstract, cues).score == pytest.approx(2 / 3 * share / (share + 1), abs=1e-5)


@pytest.mark.parametrize(
    ("claimed", "title_floor", "weight"),
    [("true", "", 0), ("true", "  title_floor: 0.5\n", 1), ("strictly", "  title_floor: 0.5\n", 0), ("false", "", 2)],
)
def test_how_much_a_rule_counts_where_nothing_is_claimed(claimed: str, title_floor: str, weight: float) -> None:
    text = SMALL.replace("weight: 1, reason: draining", f"weight: 1, claimed: {claimed}, reason: draining").replace(
        "  labels:", f"{title_floor}  labels:"
    )
    assert sum(s.weight for s in score_types("Draining", None, load_cues(text, name="mine.yaml"))) == pytest.approx(weight)


def test_a_users_own_cues() -> None:
    cues = load_cues(SMALL, name="mine.yaml")
    assert isinstance(cues, Cues)
    assert cues.version == 2
    assert cues.keeps("My GARDEN", None)
    assert [s.label for s in score_types("Draining", None, cues)] == ["soil/drainage"]


WRONG = [
    ("an unknown key", SMALL.replace("half: 1\n    rules:\n      - {phrases: [g", "harf: 1\n    rules:\n      - {phrases: [g"),
     "mine.yaml:18: screening.vision_language.harf: unknown key; allowed are half, rules"),
    ("an unknown key of a rule", SMALL.replace("weight: 1, reason: a garden", "weigth: 1, reason: a garden"),
     "mine.yaml:20: screening.vision_language.rules.0.weigth: unknown key; allowed are claimed, phrases, reason"),
    ("a rule without reason", SMALL.replace(", reason: draining", ""), "mine.yaml:35: types.labels.soil/drainage.0.reason: this key is missing"),
    ("a phrase outside the language", SMALL.replace("[drain*]", "['dr*in']"), "mine.yaml:35: 'dr*in': 'dr*in' is no word; allowed are"),
    ("a damping for nothing", SMALL.replace("only: [efficiency]", "only: [sky]"),
     "mine.yaml:14: 'sky' has no rules here; allowed are efficiency, soil/drainage, vision_language"),
    ("a filter that is no profile", SMALL.replace("filter_profile: mine", "filter_profile: yours"), "mine.yaml:2: filter_profile: allowed are mine"),
    ("a negative weight", SMALL.replace("weight: 1, reason: pruning", "weight: -1, reason: pruning"),
     "mine.yaml:24: screening.efficiency.rules.0.weight: Input should be greater than 0"),
    ("no rules", SMALL.replace("      - {phrases: [prune*], weight: 1, reason: pruning}\n", "      []\n"), "mine.yaml:23: screening.efficiency.rules: "),
    ("a label that goes over to nothing", SMALL.replace("  labels:", "  yields:\n    - {label: soil/drainage, to: soil/mulch, share: 1, reason: r}\n  labels:"),
     "mine.yaml:34: 'soil/mulch' has no rules here"),
    ("nothing", "", "mine.yaml:1: the file must be a mapping"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_wrong_cue_file_is_told_where_and_what(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_cues(text, name="mine.yaml")
    assert str(caught.value).startswith(message)
    assert caught.value.hint
