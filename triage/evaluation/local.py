"""The local models as labellers of papers that are not in the warehouse: rules first, then the model where it has something to say.

    labeller = local_labeller(workspace, "embedding", cues, taxonomy)
    report = evaluate_labels(papers, labeller, taxonomy)
    labeller.filled, labeller.ordered      # papers it gave a label the rules had not, or put in another order

The same parts as a night's labelling, in the same order, over texts alone: nothing is kept and nobody's word is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from triage.cues import claimed_efficiency
from triage.embedding_models import open_classifier, open_embedder
from triage.errors import UsageError
from triage.labelling import Labeller, Paper
from triage.labelling.lexical import LexicalLabeller

if TYPE_CHECKING:
    from triage.cues import Cues
    from triage.models import Label
    from triage.taxonomy import Taxonomy
    from triage.workspace import Workspace

__all__ = ["LOCAL_MODELS", "LocalLabeller", "LocalModel", "local_labeller"]

LocalModel = Literal["embedding", "nli"]
LOCAL_MODELS: tuple[LocalModel, ...] = ("embedding", "nli")


class _Over(Protocol):
    """A labeller that speaks after another one; an empty answer leaves that one's labels as they are."""

    @property
    def name(self) -> LocalModel: ...

    def label_over(self, papers: Sequence[Paper], bases: Sequence[tuple[Label, ...]]) -> list[tuple[Label, ...]]: ...


class LocalLabeller:
    """The rules and one or two models behind them. `filled` and `ordered` count papers of the last call that the last model changed."""

    def __init__(self, rules: Labeller, models: Sequence[_Over], *, threshold: float) -> None:
        self.name = models[-1].name
        self._threshold = threshold
        self.filled = self.ordered = 0
        self._rules = rules
        self._models = models

    def label(self, papers: Sequence[Paper]) -> list[tuple[Label, ...]]:
        """The labels of each paper, surest first: the last model's where it has any, else those that stood before it."""
        labels = self._rules.label(papers)
        for model in self._models:
            # an NLI model reads what has no label that counts, as it does at night
            least = self._threshold if model.name == "nli" else 0.0
            found = model.label_over(papers, [tuple(x for x in one if (x.confidence or 0.0) >= least) for one in labels])
            changed = [(new, old) for new, old in zip(found, labels, strict=True) if new]
            self.ordered = sum({x.label for x in new} == {x.label for x in old} for new, old in changed)
            self.filled = len(changed) - self.ordered
            labels = [new or old for new, old in zip(found, labels, strict=True)]
        return labels


def local_labeller(workspace: Workspace, name: LocalModel, cues: Cues, taxonomy: Taxonomy) -> LocalLabeller:
    """The labeller `name` with the model of the settings; "nli" comes behind an embedding model where one is set.

    Raises UsageError when no model is set, and SettingsError when it is not here or cannot be loaded.
    """
    rules = LexicalLabeller(cues, taxonomy)

    def claimed(paper: Paper) -> float:
        return claimed_efficiency(paper.title, paper.abstract, cues)

    models: list[_Over] = []
    if embedder := open_embedder(workspace):
        from triage.labelling.embedding import EmbeddingLabeller, Vectors

        models.append(EmbeddingLabeller(rules, taxonomy, Vectors(embedder), claimed))
    if name == "nli" and (classifier := open_classifier(workspace)):
        from triage.labelling.nli import Entailments, NliLabeller

        nli = workspace.settings.nli
        models.append(NliLabeller(rules, taxonomy, Entailments(classifier), claimed, template=nli.template, threshold=nli.threshold))
    if not models or models[-1].name != name:
        raise UsageError(
            f"[{name}] model is not set in {workspace.root / 'triage.toml'}, so there is nothing to score",
            hint=f"see `triage models list`, and write the name of a model or its folder under [{name}]",
        )
    return LocalLabeller(rules, models, threshold=workspace.settings.labels.threshold)
