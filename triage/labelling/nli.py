"""The producer `nli`: zero-shot labels where neither rules nor embeddings found one, last of all.

A label is believed when the paper, title first, entails a statement made of its name and definition. A model that
affirms many labels of one paper tells them apart no longer, and says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from triage.cues import SCANNED_ABSTRACT, SCANNED_TITLE
from triage.labelling import Labeller, Paper
from triage.labelling.embedding import CLAIMED, SUREST, passages
from triage.models import Evidence, Label
from triage.vectors import text_hash

if TYPE_CHECKING:
    from triage.nli import Classifier
    from triage.taxonomy import Taxonomy, TaxonomyLabel

__all__ = ["Entailments", "NliLabeller", "premise", "statement"]

_MOST = 3
"""Labels of one paper: of annotated papers hardly one has more."""


class Entailments:
    """Probabilities of pairs of a text and a statement by one model, each computed once.

    `known` are those of earlier runs and `made` the new ones, by the hashes of text and statement.
    """

    def __init__(self, classifier: Classifier, known: Mapping[tuple[str, str], float] | None = None) -> None:
        self._classifier = classifier
        self._known: dict[tuple[str, str], float] = dict(known or {})
        self.made: dict[tuple[str, str], float] = {}

    def of(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], float]:
        """The probability of each pair."""
        wanted = {(text, said): (text_hash(text), text_hash(said)) for text, said in pairs}
        lacking = [pair for pair, name in wanted.items() if name not in self._known]
        for pair, probability in zip(lacking, self._classifier.entailment(lacking), strict=True):
            self._known[wanted[pair]] = self.made[wanted[pair]] = probability
        return {pair: self._known[name] for pair, name in wanted.items()}


class NliLabeller:
    """Adds to a `base` labeller: gives labels only where that one gives none of the taxonomy's.

    `claimed` says how plainly a paper claims efficiency (0..1): without a claim there is nothing to fill in.
    `template` makes the statements; labels entailed with at least `threshold` are believed.
    """

    def __init__(
        self, base: Labeller, taxonomy: Taxonomy, entailments: Entailments, claimed: Callable[[Paper], float],
        *, template: str, threshold: float,
    ) -> None:  # fmt: skip
        self._base = base
        self._taxonomy = taxonomy
        self._entailments = entailments
        self._claimed = claimed
        self._threshold = threshold
        self._statements = {label: statement(template, entry) for label, entry in taxonomy.labels.items()}

    @property
    def name(self) -> Literal["nli"]:
        return "nli"

    def label(self, papers: Sequence[Paper]) -> list[tuple[Label, ...]]:
        """The labels of each paper, surest first; an empty tuple where it has nothing to say."""
        return self.label_over(papers, self._base.label(papers))

    def texts(self, papers: Sequence[Paper], bases: Sequence[Sequence[Label]]) -> list[str]:
        """All texts that `label_over` may ask about for these papers."""
        silent = [paper for paper, base in zip(papers, bases, strict=True) if self._silent(paper, base)]
        return list(dict.fromkeys(text for paper in silent for text in (premise(paper), *(p.text for p in passages(paper)))))

    def label_over(self, papers: Sequence[Paper], bases: Sequence[tuple[Label, ...]]) -> list[tuple[Label, ...]]:
        """The same as `label`, with the base labeller's labels given."""
        return [self._one(paper, base) for paper, base in zip(papers, bases, strict=True)]

    def _silent(self, paper: Paper, base: Sequence[Label]) -> bool:
        return bool(paper.title.strip()) and not any(one.label in self._statements for one in base) and self._claimed(paper) >= CLAIMED

    def _one(self, paper: Paper, base: tuple[Label, ...]) -> tuple[Label, ...]:
        if not self._silent(paper, base):
            return ()
        text = premise(paper)
        found = self._entailments.of((text, said) for said in self._statements.values())
        scores = {label: found[text, said] for label, said in self._statements.items()}
        sure = sorted((label for label, score in scores.items() if score >= self._threshold), key=lambda x: (-scores[x], x))
        if not 0 < len(sure) <= _MOST:
            return ()
        labels = [
            Label(label=one, confidence=self._confidence(scores[one]), producer="nli", evidence=(self._evidence(paper, one),))
            for one in sure
        ]
        # a parent the others found says less than one of its labels; "other" says nothing
        kept = [one for one in base if one.label in self._taxonomy.flags and one.label != "other"]
        return (*labels, *(one.model_copy(update={"producer": "nli"}) for one in kept))

    def _confidence(self, score: float) -> float:
        """0.5 at the threshold: what a model gives without having seen an example is no better known than nearness."""
        return round(0.5 + (SUREST - 0.5) * (score - self._threshold) / (1 - self._threshold), 4)

    def _evidence(self, paper: Paper, label: str) -> Evidence:
        """The sentence that entails the label most, exactly as it stands; the first of equals."""
        parts, said = passages(paper), self._statements[label]
        found = self._entailments.of((p.text, said) for p in parts)
        best = max(parts, key=lambda p: found[p.text, said])
        cue = f"{label}: entails its definition most"
        return Evidence(field=best.field, start=best.start, end=best.start + len(best.text), quote=best.text, cue=cue)


def premise(paper: Paper) -> str:
    """What the model reads of a paper: the title, then the abstract as far as the model's length goes."""
    return f"{paper.title[:SCANNED_TITLE].rstrip('. ')}. {(paper.abstract or '')[:SCANNED_ABSTRACT]}".strip()


def statement(template: str, entry: TaxonomyLabel) -> str:
    """What a paper with this label entails: `template` with {name} and {definition} in place, whatever those hold."""
    said = {"{name}": entry.name, "{definition}": entry.definition}
    pieces = template.replace("{name}", "\0{name}\0").replace("{definition}", "\0{definition}\0").split("\0")
    return " ".join("".join(said.get(piece, piece) for piece in pieces).split())
