"""Producers of labels behind one protocol: title and abstract in, labels of the taxonomy out.

labeller = LexicalLabeller(cues, taxonomy)
labels = labeller.label([Paper(work_id="w1", title="...", abstract="...")])    # one tuple a paper, in order
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from triage.models import Label

__all__ = ["LOCAL", "Labeller", "Paper"]

LOCAL = ("learned", "nli", "embedding", "lexical")
"""Producers that ask nobody outside this machine."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What a labeller may see of a work: nothing that a person said about it."""

    work_id: str
    title: str
    abstract: str | None = None


class Labeller(Protocol):
    """One producer of labels. `name` is the producer that stands in its labels ("lexical")."""

    @property
    def name(self) -> str: ...

    def label(self, papers: Sequence[Paper]) -> list[tuple[Label, ...]]:
        """The labels of each paper, surest first; an empty tuple where it has nothing to say."""
        ...
