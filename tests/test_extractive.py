"""Extractive notes: which sentence becomes which bullet, and that nothing is made up. All abstracts are our own."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.benchmarks import data_sets
from triage.extractive import CUES, extract
from triage.sentences import sentence_spans, shorten, trim

TITLE = "SlimTower: Narrow Teachers for Small Vision-Language Models"

ABSTRACT = (
    "Towers that read pictures and words together have grown popular on every shelf. However, their heavy computational cost makes them "
    "impractical on a phone. Existing methods shrink either the picture tower or the word tower, e.g. by removing layers. In this paper, we "
    "propose SlimTower, a lesson plan in which a wide tower teaches a narrow one step by step. Specifically, the narrow tower copies the "
    "attention of its teacher, layer for layer. We evaluate SlimTower on VQAv2, NLVR2 and the ShelfPix dataset. Experiments show that "
    "SlimTower keeps 97.5% of its teacher's accuracy and answers 2.4x faster. Our code is available at https://a.example/slim. We hope our "
    "work inspires more shelves."
)


def bullets(title: str, abstract: str | None) -> list[tuple[str, str]]:
    return [(b.section, b.text) for b in extract(title, abstract)]


def test_each_section_of_a_typical_abstract() -> None:
    assert bullets(TITLE, ABSTRACT) == [
        ("Motivation", "Their heavy computational cost makes them impractical on a phone."),
        ("Previous works", "Existing methods shrink either the picture tower or the word tower, e.g. by removing layers."),
        ("Method", "We propose SlimTower, a lesson plan in which a wide tower teaches a narrow one step by step."),
        ("Method", "The narrow tower copies the attention of its teacher, layer for layer."),
        ("Evaluation", "Data sets: VQAv2, NLVR2, ShelfPix"),
        ("Results", "SlimTower keeps 97.5% of its teacher's accuracy and answers 2.4x faster."),
    ]
    assert all(b.depth == 1 and b.heading == b.section for b in extract(TITLE, ABSTRACT))


def test_every_bullet_rests_on_a_sentence_of_the_abstract() -> None:
    found = {b.text[:12]: b.sentence for b in extract(TITLE, ABSTRACT)}
    assert found["Their heavy "] == "However, their heavy computational cost makes them impractical on a phone."
    assert found["Data sets: V"] == "We evaluate SlimTower on VQAv2, NLVR2 and the ShelfPix dataset."
    assert all(sentence and sentence in ABSTRACT for sentence in found.values())


def test_a_sentence_that_breaks_over_lines_is_quoted_as_it_stands() -> None:
    broken = ABSTRACT.replace(" wide tower", "\nwide   tower")
    (method, _) = [b for b in extract(TITLE, broken) if b.section == "Method"]
    assert "a\nwide   tower teaches" in (method.sentence or "")
    assert "a wide tower teaches" in method.text


@pytest.mark.parametrize("abstract", [None, "", "   \n ", "Towers.", "塔很高。"])
def test_nothing_to_say(abstract: str | None) -> None:
    assert extract(TITLE, abstract) == ()


class Case(NamedTuple):
    note: str
    abstract: str
    expected: list[tuple[str, str]]


CASES = [
    Case(
        "boiler-plate alone gives nothing",
        "Code and models are publicly available at the project page. We hope our work inspires others to build shelves. Accepted at CVPR 2023 as a poster.",
        [],
    ),
    Case(
        "weak sections are left out",
        "We introduce a ladder between two towers that lets small models borrow what large ones know.",
        [("Method", "We introduce a ladder between two towers that lets small models borrow what large ones know.")],
    ),
    Case(
        "what comes out of experiments is a result, the names go to Evaluation",
        "We propose a ladder between towers of any height. Extensive experiments on MSR-VTT and Flickr30K demonstrate the superiority of our ladder.",
        [
            ("Method", "We propose a ladder between towers of any height."),
            ("Evaluation", "Data sets: MSR-VTT, Flickr30K"),
            ("Results", "Extensive experiments on MSR-VTT and Flickr30K demonstrate the superiority of our ladder."),
        ],
    ),
    Case(
        "at most two bullets a section, the strongest, in the order of the text",
        "We propose a ladder between the towers. The ladder is made of oak and of ash. Specifically, it consists of rungs that are learned in turn. "
        "A painter then adds colour to everything. We also like the colour blue for its calm.",
        [("Method", "We propose a ladder between the towers."), ("Method", "It consists of rungs that are learned in turn.")],
    ),
    Case(
        "what others proposed before is no method of this paper",
        "Early resting is proposed to spare the patches of large towers. However, it costs a large amount of memory. "
        "To handle this challenge, we propose a chair that every patch can share.",
        [("Motivation", "It costs a large amount of memory."), ("Method", "We propose a chair that every patch can share.")],
    ),
    Case(
        "what is wrong with others' work is said of that work",
        "Towers are costly to heat. Most existing methods either suffer from limited reach or overlook the cellar. "
        "We propose a ladder that every tower can share. Shared stairs and lifts all improve on earlier models.",
        [
            ("Motivation", "Towers are costly to heat."),
            ("Previous works", "Most existing methods either suffer from limited reach or overlook the cellar."),
            ("Method", "We propose a ladder that every tower can share."),
            ("Results", "Shared stairs and lifts all improve on earlier models."),
        ],
    ),
    Case(
        "a method in the passive",
        "A chair that every patch can share is proposed. It consists of four legs that are learned in turn.",
        [("Method", "A chair that every patch can share is proposed."), ("Method", "It consists of four legs that are learned in turn.")],
    ),
    Case(
        "how it was measured, without names",
        "We present a ladder for towers of every kind. We evaluate it on three retrieval tasks and five tasks of question answering.",
        [
            ("Method", "We present a ladder for towers of every kind."),
            ("Evaluation", "We evaluate it on three retrieval tasks and five tasks of question answering."),
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_choices(case: Case) -> None:
    assert bullets("Ladders between Towers", case.abstract) == case.expected


def test_every_cue_says_why() -> None:
    assert all(cue.reason.endswith(".") and cue.phrases for cue in CUES)


# --- sentences ------------------------------------------------------------------------------------

SENTENCES = [
    ("One. Two! Three? Four.", ["One.", "Two!", "Three?", "Four."]),
    ("Seen by Li et al. Another tower, e.g. Oak, i.e. Wood vs. Stone w.r.t. Height (Fig. 3). End.", None),
    ("It takes 2.5 s. It costs 1.000 more. Version v1.2 is out.", ["It takes 2.5 s.", "It costs 1.000 more.", "Version v1.2 is out."]),
    (
        "The U.S. Army has towers. kMaX does too. mPLUG also. then not.",
        ["The U.S. Army has towers.", "kMaX does too.", "mPLUG also. then not."],
    ),
    ('He said "stop." Then (he left.) We stayed.', ['He said "stop."', "Then (he left.)", "We stayed."]),
    ("One line\nbroken. Next\n\nwithout a stop\n\nThird", ["One line\nbroken.", "Next", "without a stop", "Third"]),
    (
        "Built in closed form.Through experiments we see. See a.Node here.",
        ["Built in closed form.", "Through experiments we see.", "See a.Node here."],
    ),
    ("我们提出了一个塔。它很快！", ["我们提出了一个塔。", "它很快！"]),
    ("Wait... We go on ... and on.", ["Wait...", "We go on ... and on."]),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), SENTENCES)
def test_sentences(text: str, expected: list[str] | None) -> None:
    if expected is None:
        expected = ["Seen by Li et al. Another tower, e.g. Oak, i.e. Wood vs. Stone w.r.t. Height (Fig. 3).", "End."]
    assert [text[start:end] for start, end in sentence_spans(text)] == expected


@pytest.mark.parametrize(
    ("sentence", "trimmed"),
    [
        ("However, towers lean.", "Towers lean."),
        ("In this paper, we propose a ladder.", "We propose a ladder."),
        ("To this end, in this work we climb.", "We climb."),
        ("To tackle these issues, we climb.", "We climb."),
        ("To tackle rust, we climb.", "To tackle rust, we climb."),
        ("Moreover, mPLUG climbs.", "mPLUG climbs."),
        ("Furthermore, k-means climbs.", "k-means climbs."),
        ("Extensive experiments demonstrate that towers stand.", "Towers stand."),
        ("Experiments on stone show that towers stand.", "Experiments on stone show that towers stand."),
        ("However, ", "However,"),
        ("Howevertowers lean", "Howevertowers lean"),
    ],
)
def test_trimming(sentence: str, trimmed: str) -> None:
    assert trim(sentence) == trimmed


WORDY = "We build a ladder between a wide tower and a narrow one that carries pictures and words in both directions every day"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (WORDY, WORDY),
        (
            f"{WORDY}, which takes the load off the narrow tower so that it can rest at night, and we paint the ladder in all the colours of the shelf next to it",
            f"{WORDY}, which takes the load off the narrow tower so that it can rest at night …",
        ),
        (
            f"By hanging ropes from the windows of all the old stone towers in town, {WORDY[0].lower()}{WORDY[1:]}, and then we invite all our friends",
            f"{WORDY}, and then we invite all our friends",
        ),
        (
            f"{WORDY} (with oak, ash, elm, and any other wood that can be found in the forest behind the old town that has no towers at all)",
            f"{WORDY} …",
        ),
    ],
)
def test_shortening(text: str, short: str) -> None:
    assert shorten(text) == short


@given(
    st.lists(
        st.sampled_from(["tower", "93 million", "a factor of 2", "1,000", "by 2.5%", "(3.1 s)", "and", ", which", ", 1, 2 and 3", "$4 x$"]),
        max_size=60,
    )
)
def test_a_cut_never_parts_a_number(pieces: list[str]) -> None:
    text = " ".join(pieces).replace(" ,", ",")
    short = shorten(text)
    assert len(short) <= 220
    if short != text:
        assert short.endswith(" …")
        kept = short.removesuffix(" …")
        assert text.startswith(kept)
        assert not re.search(r"(?:93|factor of|\(3\.1|\bby|\$4|\d)\Z", kept.rstrip()) or re.match(r",", text[len(kept) :])


# --- data sets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("on VQAv2, NLVR2 and COCO", ("VQAv2", "NLVR2", "COCO")),
        ("on the MovieNet dataset and the PartNet-Mobility and BraTS 2018 benchmarks", ("MovieNet", "PartNet-Mobility", "BraTS 2018")),
        ("on benchmarks such as ShelfPix and TowerQA2", ("ShelfPix", "TowerQA2")),
        ("on three benchmark datasets (i.e., AVA, TowerQA2, JHMDB)", ("AVA", "TowerQA2", "JHMDB")),
        ("two benchmarks, namely nuShelf and SemanticShelf", ("nuShelf", "SemanticShelf")),
        ("on benchmarks such as VQA and NLI", ()),
        ("COCO, MS COCO and MSCOCO are one", ("COCO",)),
        ("RefCOCO, RefCOCO+ and COCO are three", ("RefCOCO", "RefCOCO+", "COCO")),
        ("on VQA, NLP and OOD datasets with LLMs", ()),
        ("on two VideoQA benchmarks with CLIP", ()),
        ("a tower pre-trained on LAION-400M reaches 60% on ImageNet", ("ImageNet",)),
        ("COCOA and MyGQA-like", ()),
        ("", ()),
    ],
)
def test_names_of_data_sets(text: str, names: tuple[str, ...]) -> None:
    assert data_sets(text) == names


def test_the_papers_own_name_is_no_data_set() -> None:
    assert data_sets("we test ShelfNet on the ShelfNet and WallNet datasets", without=frozenset({"shelfnet"})) == ("WallNet",)


# --- properties -----------------------------------------------------------------------------------

PARTS = st.sampled_from(
    [*re.findall(r"\S+", ABSTRACT), "\n", "\n\n", "。", "?", "on COCO.", "We propose", "existing works", "2x", "$", "(", "\u2028"]
)


@given(st.lists(st.one_of(PARTS, st.text(max_size=12)), max_size=80).map(" ".join))
def test_sentences_cover_the_text_in_order(text: str) -> None:
    spans = sentence_spans(text)
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)
    assert [end for _, end in spans] == sorted(end for _, end in spans)
    assert "".join(re.sub(r"\s", "", text[start:end]) for start, end in spans) == re.sub(r"\s", "", text)


@given(st.text(max_size=30), st.lists(st.one_of(PARTS, st.text(max_size=12)), max_size=150).map(" ".join))
def test_any_abstract_gives_few_true_bullets(title: str, abstract: str) -> None:
    found = extract(title, abstract)
    assert found == extract(title, abstract)
    assert max(Counter(b.section for b in found).values(), default=0) <= 2
    assert all(b.sentence and b.sentence in abstract and 0 < len(b.text) <= 220 and "\n" not in b.text for b in found)
    full = [b.sentence for b in found if not b.text.startswith("Data sets: ")]
    assert len(full) == len(set(full))


@pytest.mark.parametrize(
    "text", ["a. ", "A, ", "We propose existing methods, ", "(", ", which ", "on COCO. ", "AA1 and ", "\n\n", "x", "To do this "]
)
def test_time_is_linear(text: str) -> None:
    began = time.process_time()
    long = text * (400_000 // len(text))
    extract("A: b", long)
    sentence_spans(long)
    data_sets(long)
    shorten(trim(long))
    assert time.process_time() - began < 5
