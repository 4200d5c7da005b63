"""Sentence embeddings as features: where a work lies, for the ranker to learn a direction from.

    nearby = embedded(run, works)                        # None without a configured model
    nearby.features("w1")                                # {"vector:0": 0.13, ..., "vector:here": 1.0}, or {}

The ranker's penalty shares one direction among all dimensions, so nothing beforehand is fitted on decisions and
nothing can leak from one fold of its cross-validation into another. What is new is embedded in the order given,
at most `MOST_NEW` texts a run; a work that has no vector yet counts as an average one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.cues import SCANNED_TITLE
from triage.ranking.ranker import Ranker
from triage.vectors import keep_vectors, known_vectors, text_hash

if TYPE_CHECKING:
    from triage.embedding import Vector
    from triage.runs import Run

__all__ = ["HERE", "MOST_NEW", "Embedded", "centred", "embedded"]

MOST_NEW = 300
"""Texts embedded in one run: about half a minute on one core with a model like MiniLM. The rest come the next nights."""
_LENGTH = 3.0
"""Of the vector beside the other features, as that of a text's words (`triage.ranking.features`). Cross-validated on 96 annotated
papers of three venues with MiniLM, average precision is .934 without vectors, .943, .948, .943 and .937 for lengths of 2, 3, 4 and 8."""
_READ = 2_000
"""Characters of an abstract that are embedded; models read some 256 tokens."""
HERE = "vector:here"
"""1 where a work has a vector; its weight takes off what the average judged work has."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of works by the model `model` (its id)."""

    model: str
    vectors: Mapping[str, Vector]

    def features(self, work_id: str) -> dict[str, float]:
        """Named features of a work; none where it has no vector yet."""
        vector = self.vectors.get(work_id)
        if vector is None:
            return {}
        return {**{f"vector:{n}": float(value) * _LENGTH for n, value in enumerate(vector)}, HERE: 1.0}

    def basis(self, work_id: str) -> str:
        """What a work's score rests on beside its text: the model, where it has a vector."""
        return f"/{self.model}" if work_id in self.vectors else ""


def centred(ranker: Ranker, examples: Sequence[Mapping[str, float]]) -> Ranker:
    """The ranker for which a work without a vector is like the average of these examples that have one."""
    some = [one for one in examples if HERE in one]
    weights = {name: weight for name, weight in ranker.weights.items() if name.startswith("vector:") and name != HERE}
    if not some or not weights:
        return ranker
    average = sum(weight * one.get(name, 0.0) for one in some for name, weight in weights.items()) / len(some)
    before = ranker.weights.get(HERE, 0.0)
    # works with a vector keep their correction; those without get that of the average one
    shift = ranker.shift - average - before
    return ranker.model_copy(update={"weights": {**ranker.weights, HERE: round(-average, 6)}, "shift": round(shift, 6)})


def embedded(run: Run, works: Sequence[tuple[str, str, str | None]]) -> Embedded | None:
    """Vectors of works (id, title, abstract), as far as they are known or fit into this run; None without a model.

    A model that is missing is one failure that says what to do; what follows is as without one.
    """
    if not run.settings.embedding.model:
        return None
    from triage.embedding_models import open_embedder
    from triage.errors import SettingsError, UsageError

    try:
        embedder = open_embedder(run.workspace)
        if embedder is None:
            return None
        texts = {work_id: f"{title[:SCANNED_TITLE]}. {(abstract or '')[:_READ]}" for work_id, title, abstract in works}
        names = {work_id: text_hash(text) for work_id, text in texts.items()}
        with run.warehouse.burst() as con:
            known = known_vectors(con, embedder.id, names.values())
        lacking = list(dict.fromkeys(text for work_id, text in texts.items() if names[work_id] not in known))[:MOST_NEW]
        made = {text_hash(text): vector for text, vector in zip(lacking, embedder.embed(lacking), strict=True)}
    except (SettingsError, UsageError) as error:
        run.fail("rank", "model", "settings", error.message, error.hint)
        return None
    if made:
        with run.warehouse.burst() as con:
            keep_vectors(con, embedder.id, made)
    vectors = {**known, **made}
    return Embedded(embedder.id, {work_id: vectors[name] for work_id, name in names.items() if name in vectors})
