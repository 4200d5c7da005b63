"""The producer `embedding`: fills in where no rule fires, and orders labels the rules hold equally likely.

A paper is the mean of its sentences with its title counted as much as all of them together; a label is its name
with its definition and what it includes. Embeddings alone are poor at a taxonomy, so they never overrule a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from triage.cues import SCANNED_ABSTRACT, SCANNED_TITLE
from triage.labelling import Labeller, Paper
from triage.models import Evidence, Label
from triage.sentences import sentence_spans
from triage.vectors import text_hash

if TYPE_CHECKING:
    from triage.embedding import Embedder, Vector
    from triage.taxonomy import Taxonomy

__all__ = ["CLAIMED", "SUREST", "EmbeddingLabeller", "Passage", "Vectors", "passages"]

_MOST_SENTENCES = 16
"""Of an abstract; the longest of venue papers have about fifteen."""
_NEAR = 0.5
"""Cosine at which a label fills in with confidence 0.5. With MiniLM the right label has .5 in the median, and the nearest
of papers where it is wrong .46: only what is nearer than most is believed."""
_APART = 0.05
"""How much nearer than the second label the best must be; with MiniLM that is .06 in the median where it is right, and
.03 where it is wrong."""
SUREST = 0.75
"""The most confidence nearness alone gives."""
_EQUAL = 0.01
"""Two labels whose confidence differs by less are equally likely to the rules."""
CLAIMED = 0.5
"""How plainly efficiency must be claimed (0..1) before a paper without a rule is filled in."""


class Vectors:
    """Vectors of texts by one model, each computed once; `known` are those of earlier runs, `made` the new ones."""

    def __init__(self, embedder: Embedder, known: Mapping[str, Vector] | None = None) -> None:
        self._embedder = embedder
        self._known: dict[str, Vector] = dict(known or {})
        self.made: dict[str, Vector] = {}

    def of(self, texts: Iterable[str]) -> dict[str, Vector]:
        """The vector of each text."""
        wanted = {text: text_hash(text) for text in texts}
        lacking = [text for text, name in wanted.items() if name not in self._known]
        for text, vector in zip(lacking, self._embedder.embed(lacking), strict=True):
            self._known[wanted[text]] = self.made[wanted[text]] = vector
        return {text: self._known[name] for text, name in wanted.items()}


class Passage(NamedTuple):
    """A title or a sentence of an abstract, with its place."""

    field: Literal["title", "abstract"]
    start: int
    text: str


class EmbeddingLabeller:
    """Adds to a `base` labeller; gives labels only where it has something to say, and then all of the paper's.

    `claimed` says how plainly a paper claims efficiency (0..1): without a claim there is nothing to fill in.
    """

    def __init__(self, base: Labeller, taxonomy: Taxonomy, vectors: Vectors, claimed: Callable[[Paper], float]) -> None:
        self._base = base
        self._vectors = vectors
        self._claimed = claimed
        self._taxonomy = taxonomy
        self._labels = {
            label: f"{entry.name}. {entry.definition} {entry.include}".strip() for label, entry in taxonomy.labels.items()
        }  # fmt: skip

    @property
    def name(self) -> Literal["embedding"]:
        return "embedding"

    def label(self, papers: Sequence[Paper]) -> list[tuple[Label, ...]]:
        """The labels of each paper, surest first; an empty tuple where the base labeller's stand as they are."""
        return self.label_over(papers, self._base.label(papers))

    def texts(self, papers: Sequence[Paper], bases: Sequence[Sequence[Label]]) -> list[str]:
        """All texts whose vectors `label_over` will need for these papers."""
        unclear = [paper for paper, base in zip(papers, bases, strict=True) if self._empty(paper, base) or _tied(base)]
        return list(dict.fromkeys([*self._labels.values(), *(p.text for paper in unclear for p in passages(paper))])) if unclear else []

    def label_over(self, papers: Sequence[Paper], bases: Sequence[tuple[Label, ...]]) -> list[tuple[Label, ...]]:
        """The same as `label`, with the base labeller's labels given."""
        self._vectors.of(self.texts(papers, bases))  # all at once: batches of like length
        return [self._one(paper, base) for paper, base in zip(papers, bases, strict=True)]

    def _empty(self, paper: Paper, base: Sequence[Label]) -> bool:
        return not any(label.label in self._labels for label in base) and self._claimed(paper) >= CLAIMED

    def _one(self, paper: Paper, base: tuple[Label, ...]) -> tuple[Label, ...]:
        if self._empty(paper, base):
            return self._filled(paper, base)
        if _tied(base):
            near = self._nearness(paper)
            first, second = base[0], base[1]
            if near.get(second.label, 0.0) >= near.get(first.label, 0.0) + _APART:
                return tuple(label.model_copy(update={"producer": "embedding"}) for label in (second, first, *base[2:]))
        return ()

    def _filled(self, paper: Paper, base: tuple[Label, ...]) -> tuple[Label, ...]:
        near = sorted(self._nearness(paper).items(), key=lambda x: (-x[1], x[0]))
        if not near or near[0][1] < _NEAR or (len(near) > 1 and near[0][1] - near[1][1] < _APART):
            return ()
        label, cosine = near[0]
        confidence = round(min(SUREST, 0.5 + (cosine - _NEAR)), 4)
        found = Label(label=label, confidence=confidence, producer="embedding", evidence=(self._evidence(paper, label),))
        # a parent the rules found says less than one of its labels; "other" says nothing
        kept = [one for one in base if one.label in self._taxonomy.flags and one.label != "other"]
        return (found, *(one.model_copy(update={"producer": "embedding"}) for one in kept))

    def _nearness(self, paper: Paper) -> dict[str, float]:
        """Cosine of the paper and each label."""
        import numpy as np

        parts = passages(paper)
        vectors = self._vectors.of([*(p.text for p in parts), *self._labels.values()])
        titles = [vectors[p.text] for p in parts if p.field == "title"]
        sentences = [vectors[p.text] for p in parts if p.field == "abstract"]
        whole = sum((np.mean(some, axis=0) for some in (titles, sentences) if some), start=np.zeros(1, dtype=np.float32))
        length = float(np.linalg.norm(whole))
        return {label: float(np.dot(whole, vectors[text])) / length for label, text in self._labels.items()} if length else {}

    def _evidence(self, paper: Paper, label: str) -> Evidence:
        """The passage nearest to the label, exactly as it stands."""
        import numpy as np

        parts = passages(paper)
        vectors = self._vectors.of([*(p.text for p in parts), self._labels[label]])
        best = max(parts, key=lambda p: float(np.dot(vectors[p.text], vectors[self._labels[label]])))
        cue = f"{label}: nearest to its definition"
        return Evidence(field=best.field, start=best.start, end=best.start + len(best.text), quote=best.text, cue=cue)


def _tied(base: Sequence[Label]) -> bool:
    """Whether the rules hold the first two labels equally likely."""
    return len(base) > 1 and abs((base[0].confidence or 0.0) - (base[1].confidence or 0.0)) < _EQUAL


def passages(paper: Paper) -> list[Passage]:
    """The title and the first sentences of the abstract, each with its place."""
    title, abstract = paper.title[:SCANNED_TITLE], (paper.abstract or "")[:SCANNED_ABSTRACT]
    found = [Passage("title", 0, title)] if title.strip() else []
    places = list(sentence_spans(abstract))[:_MOST_SENTENCES]
    return found + [Passage("abstract", start, abstract[start:end]) for start, end in places if abstract[start:end].strip()]
