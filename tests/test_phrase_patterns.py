"""Phrases as one expression for DuckDB: it may match too much and never too little."""

from __future__ import annotations

import re
import sys

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_cues import PHRASES
from triage.phrase_patterns import LONGEST, UNUSUAL, pattern
from triage.phrases import PhraseError, PhraseMatcher, tokens
from triage.seeds import packaged_cues

CONNECTION = duckdb.connect()
SIDE = packaged_cues()[0].vision_language
OWN = [
    ("prune* ~2 #x",), ("#% fewer",), ("Qwen # VL",), ("BEiT_3 model",), ("2D token*",), ("CLIP",), ("视 觉",), ("*2vec words",), ("22* fast*",),
    ("*VLM ~1 token*|#",), ("naïve|plain way",), ("x ray",), ("4x model",),
]  # fmt: skip

EXPRESSIONS = [(phrases, pattern(phrases)) for phrases in (*OWN, SIDE)]


def candidate(phrases: tuple[str, ...], text: str) -> bool:
    """What the screening step asks the warehouse."""
    expressions = {"unusual": UNUSUAL, "pattern": pattern(phrases)}
    asked = "SELECT regexp_matches($text, $unusual) OR regexp_matches(lower($text), $pattern)"
    return bool(CONNECTION.execute(asked, {"text": text, **expressions}).fetchall()[0][0])


PIECES = st.sampled_from(
    ["prune", "pruned", "Qwen", "VL", "2", "2.5", "22", "22nd", "x", "3x", "x30", "4 x", "30 %", "30%", "fewer", "BEiT-3", "model", "2D", "tokens", "CLIP", "clip's", "视觉",
     "word2vec", "words", "fast", "MyVLM", "naïve", "plain", "way", "x-ray", "2$\\times$", "2\\times", "ﬁ", "vision", "language", "images", "with", "text",
     "visual", "question", "answering", "long", "video", "understanding", ".", ". ", "; ", " ", " ", "-", "/", "_", "\n", "…", "’s", "×", "é", "İ", "𝑥"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=40)


@given(st.lists(TEXTS, max_size=30))
def test_what_a_phrase_meets_is_a_candidate(texts: list[str]) -> None:
    for phrases, expression in EXPRESSIONS:
        matcher = PhraseMatcher([phrases])
        wanted = {text for text in texts if matcher.find(tokens(text))}
        if wanted:
            asked = "SELECT x FROM unnest($texts::VARCHAR[]) AS t(x) WHERE NOT (regexp_matches(x, $unusual) OR regexp_matches(lower(x), $pattern))"
            missed = CONNECTION.execute(asked, {"texts": sorted(wanted), "unusual": UNUSUAL, "pattern": expression}).fetchall()
            assert missed == [], phrases


@pytest.mark.parametrize(("phrase", "text", "pieces"), PHRASES)
def test_the_language_of_phrases_is_followed(phrase: str, text: str, pieces: list[str]) -> None:
    assert candidate((phrase,), text) or not pieces


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("vision language", "the vision of a language"),
        ("CLIP", "eclipse and clipping"),
        ("visual token*", "visual acuity of a token"),
        ("long ~1 video", "a long and rather dull video"),
        ("video retrieval", "video – a “study” of retrieval × 3 ≤ 4"),
        ("naïve", "a naive way"),
        ("图", "a picture"),
    ],
)
def test_what_is_left_out(phrase: str, text: str) -> None:
    assert not candidate((phrase,), text)


def test_letters_outside_ascii_are_never_left_out() -> None:
    """Such a word may be longer than what the expression sees of it, or become plain letters ("ﬁ")."""
    asked = (
        "SELECT chr(c::INTEGER) FROM range(128, ?) AS t(c) WHERE c NOT BETWEEN 55296 AND 57343 AND NOT regexp_matches(chr(c::INTEGER), ?)"
    )
    usual = [row[0] for row in CONNECTION.execute(asked, [sys.maxunicode + 1, UNUSUAL]).fetchall()]
    assert [letter for letter in usual if re.match(r"\w", letter)] == []
    assert {"–", "’", "×", "≤", "°"} <= set(usual)


def test_very_many_phrases_leave_nothing_out() -> None:
    """A longer expression would cost more than it saves."""
    many = tuple(f"word{number} other{number}" for number in range(LONGEST // 20))
    assert pattern(many) == ""
    assert candidate(many, "nothing of it")
    assert pattern(SIDE) != ""


def test_a_phrase_outside_the_language_is_refused() -> None:
    with pytest.raises(PhraseError, match="~2 tokens"):
        pattern(["~2 tokens"])
