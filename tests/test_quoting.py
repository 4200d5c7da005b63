"""Quotes a person can judge, exactly as they stand in the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triage.labelling import Paper
from triage.labelling.quoting import LONGEST_QUOTE, quoted
from triage.models import Evidence, Label

ABSTRACT = "Models are slow. We distill a large teacher into a compact student; it keeps accuracy. Code is public."


def label(field: str, text: str, word: str) -> Label:
    start = text.index(word)
    evidence = Evidence(field=field, start=start, end=start + len(word), quote=word, cue="x")  # type: ignore[arg-type]
    return Label(label="compression/distillation", confidence=0.9, producer="lexical", evidence=(evidence,))


def test_the_sentence_round_the_words() -> None:
    found = quoted(Paper("w", "A Title", ABSTRACT), label("abstract", ABSTRACT, "distill"))
    assert found.evidence[0].quote == "We distill a large teacher into a compact student;"


def test_the_abstract_before_the_title() -> None:
    in_title, in_abstract = (
        label("title", "On Distillation", "Distillation").evidence[0],
        label("abstract", ABSTRACT, "distill").evidence[0],
    )
    both = Label(label="compression/distillation", confidence=0.9, producer="lexical", evidence=(in_title, in_abstract))
    found = quoted(Paper("w", "On Distillation", ABSTRACT), both)
    assert found.evidence[0].field == "abstract"
    assert found.evidence[1] == in_title
    assert quoted(Paper("w", "On Distillation"), label("title", "On Distillation", "Distillation")).evidence[0].quote == "On Distillation"


def test_no_evidence_stays_none() -> None:
    bare = Label(label="other", confidence=0.6, producer="lexical", proposed="sparse retrieval")
    assert quoted(Paper("w", "T", ABSTRACT), bare) == bare


@given(st.text(alphabet="ab .;\n", max_size=400), st.data())
def test_every_quote_stands_in_the_text_and_holds_the_words(text: str, data: st.DataObject) -> None:
    if not text.strip():
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, min(len(text), start + 30)))
    evidence = Evidence(field="abstract", start=start, end=end, quote=text[start:end], cue="x")
    one = Label(label="a/b", confidence=0.5, producer="lexical", evidence=(evidence,))
    found = quoted(Paper("w", "T", text), one).evidence[0]
    assert text[found.start : found.end] == found.quote
    assert found.start <= start
    assert found.end >= end
    assert len(found.quote) <= max(LONGEST_QUOTE, end - start) + 1
