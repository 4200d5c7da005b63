"""What a producer has said already, as a labeller: scored without a single new call.

    recorded = recorded_labels(snapshot, "llm:gpt-4.1-mini@3f2a")
    papers = [paper for paper in papers if recorded.knows(paper.title)]
    evaluate_labels(papers, recorded, taxonomy)

Answers that are kept without being in force (`triage label --reprompt`) count too: that is how prompts are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from triage.errors import UsageError
from triage.labelling import Paper
from triage.models import Label
from triage.queries import open_snapshot
from triage.text import title_key

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RecordedLabeller", "recorded_labels"]


class RecordedLabeller:
    """Labels by the paper's title, as they were said. Knows nothing of papers the producer has not labelled."""

    def __init__(self, name: str, labels: Mapping[str, tuple[Label, ...]]) -> None:
        self.name = name
        self._labels = labels

    def knows(self, title: str) -> bool:
        return title_key(title) in self._labels

    def label(self, papers: Sequence[Paper]) -> list[tuple[Label, ...]]:
        """The labels of each paper, surest first. Raises KeyError for a paper that was not labelled."""
        return [self._labels[title_key(paper.title)] for paper in papers]


def recorded_labels(snapshot: Path, spec: str) -> RecordedLabeller:
    """The newest labels of one producer: "lexical", "llm", "llm:MODEL" or "llm:MODEL@PROMPT" (its hash, or the beginning of it).

    Raises UsageError when it has labelled nothing, naming those that have.
    """
    producer, _, rest = spec.partition(":")
    model, _, prompt = rest.rpartition("@") if "@" in rest else (rest, "", "")
    con = open_snapshot(snapshot)
    try:
        rows = con.execute(
            "WITH said AS ("
            " SELECT labelling_id, work_id FROM store.labelling WHERE producer = $producer AND ($model = '' OR model = $model)"
            " AND starts_with(coalesce(prompt_hash, ''), $prompt)"
            " QUALIFY row_number() OVER (PARTITION BY work_id ORDER BY made_at DESC, run_id DESC, labelling_id) = 1)"
            " SELECT w.title, list({label: b.label, confidence: b.confidence} ORDER BY b.position) FILTER (b.label IS NOT NULL)"
            " FROM said s JOIN store.work w USING (work_id) LEFT JOIN store.label b USING (labelling_id)"
            " GROUP BY w.work_id, w.title ORDER BY w.work_id",
            {"producer": producer, "model": model, "prompt": prompt},
        ).fetchall()
        known = con.execute(
            "SELECT DISTINCT concat(producer, ':' || model, '@' || prompt_hash) AS name FROM store.labelling WHERE producer <> 'human' ORDER BY name"
        ).fetchall()
    finally:
        con.close()
    if not rows:
        there = ", ".join(name for (name,) in known) or "none yet"
        raise UsageError(f"{spec!r} has labelled nothing here", hint=f"producers with labels: {there}")
    return RecordedLabeller(spec, {title_key(title): _labels(producer, said) for title, said in rows})


def _labels(producer: Any, said: Sequence[Mapping[str, Any]] | None) -> tuple[Label, ...]:
    return tuple(Label(label=one["label"], confidence=one["confidence"], producer=producer) for one in said or ())
