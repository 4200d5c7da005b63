"""Labels that producers gave to the works of a workspace: two of them side by side, and against a person's types.

A producer is named as `lexical`, `embedding`, `nli`, `llm`, `llm:MODEL` or `llm:MODEL@PROMPT`, with the beginning of the prompt's
hash; of several labellings of a work the newest counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict

from triage.errors import UsageError
from triage.evaluation.labelled import LabelledPaper
from triage.evaluation.labels import LabelsReport, Level, agreement, evaluate_labels
from triage.labelling import Paper
from triage.models import Label
from triage.queries import open_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from triage.taxonomy import Taxonomy

__all__ = ["Changed", "ProducersReport", "compare_producers", "names_producer"]

_NAME = re.compile(r"(?P<producer>lexical|embedding|nli|learned|llm)(?::(?P<model>[^@]+))?(?:@(?P<prompt>[0-9a-f]+))?")
_MOST_LISTED = 12


class Changed(BaseModel):
    """A work to which the two gave different labels."""

    model_config = ConfigDict(frozen=True)

    work_id: str
    title: str
    a: tuple[str, ...]
    b: tuple[str, ...]


class ProducersReport(BaseModel):
    """`n` works were labelled by both, `same` of them alike; `kappa` is their agreement beyond chance.

    `a` and `b` are their figures against a person's types, on the works of those that have one; None when none has.
    """

    model_config = ConfigDict(frozen=True)

    n: int
    same: int
    kappa: float
    level: Level
    a: LabelsReport | None
    b: LabelsReport | None
    changed: tuple[Changed, ...]


class _Given(NamedTuple):
    title: str
    abstract: str | None
    labels: tuple[Label, ...]


class _Recorded:
    """A labeller that says again what was recorded, paper by paper in the order it was made for."""

    def __init__(self, labels: Sequence[tuple[Label, ...]]) -> None:
        self._labels = list(labels)

    @property
    def name(self) -> str:
        return "recorded"

    def label(self, papers: Sequence[Paper]) -> list[tuple[Label, ...]]:
        return self._labels[: len(papers)]


def names_producer(name: str) -> bool:
    """Whether `name` has the form of a producer's, whether or not it labelled anything."""
    return _NAME.fullmatch(name) is not None


def compare_producers(
    snapshot: Path, names: tuple[str, str], taxonomy: Taxonomy, *, level: Level = "fine", threshold: float = 0.5
) -> ProducersReport:
    """Two producers over the works both have labelled; labels below `threshold` do not count.

    Raises UsageError for a name that is none or that labelled nothing (with those that did), and when there is no
    work that both have labelled.
    """
    con = open_snapshot(snapshot)
    try:
        first, second = (_recorded(con, name) for name in names)
        typed = dict(
            con.execute(
                "SELECT work_id, list(label ORDER BY position) FROM main.labels_current WHERE producer = 'human' GROUP BY work_id"
            ).fetchall()
        )
    finally:
        con.close()
    works = sorted(first.keys() & second.keys())
    if not works:
        raise UsageError(
            f"no work was labelled by both: {len(first)} by {names[0]}, {len(second)} by {names[1]}",
            hint="let the second label the same works first: triage label --work ID",
        )
    a, b = ([_shown(given[work], taxonomy, level, threshold) for work in works] for given in (first, second))
    judged = [work for work in works if work in typed]
    papers = [LabelledPaper(first[work].title, first[work].abstract, {"labels": typed[work]}, f"work {work}") for work in judged]
    reports = [
        evaluate_labels(papers, _Recorded([given[work].labels for work in judged]), taxonomy, level=level, threshold=threshold)
        if papers
        else None
        for given in (first, second)
    ]
    changed = tuple(
        Changed(work_id=work, title=first[work].title, a=tuple(sorted(one)), b=tuple(sorted(other)))
        for work, one, other in zip(works, a, b, strict=True)
        if one != other
    )
    return ProducersReport(
        n=len(works), same=len(works) - len(changed), kappa=agreement(a, b), level=level, a=reports[0], b=reports[1], changed=changed
    )


def _shown(given: _Given, taxonomy: Taxonomy, level: Level, threshold: float) -> frozenset[str]:
    labels = [one.label for one in given.labels if one.confidence is None or one.confidence >= threshold]
    return frozenset(taxonomy.parent(label) if level == "coarse" else label for label in labels)


def _recorded(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, _Given]:
    """The newest labels by the named producer of each work it labelled, confidence as it is shown."""
    named = _NAME.fullmatch(name)
    if named is None:
        raise UsageError(f"{name!r} is no file and no producer", hint=f"there are labels by {_known(con)}")
    rows = con.execute(
        "WITH newest AS (SELECT * FROM store.labelling WHERE producer = $producer AND ($model IS NULL OR model = $model)"
        " AND ($prompt IS NULL OR starts_with(prompt_hash, $prompt))"
        " QUALIFY row_number() OVER (PARTITION BY work_id ORDER BY made_at DESC, run_id DESC, labelling_id) = 1)"
        " SELECT n.work_id, w.title, w.abstract, b.label, b.confidence FROM newest n JOIN store.work w USING (work_id)"
        " LEFT JOIN store.label_calibrated b USING (labelling_id) ORDER BY n.work_id, b.position",
        {"producer": named["producer"], "model": named["model"], "prompt": named["prompt"]},
    ).fetchall()
    if not rows:
        raise UsageError(f"{name} has labelled no work here", hint=f"there are labels by {_known(con)}")
    found: dict[str, _Given] = {}
    for work_id, title, abstract, label, confidence in rows:
        before = found.get(work_id, _Given(title, abstract, ()))
        more = () if label is None else (Label.model_validate({"label": label, "confidence": confidence, "producer": named["producer"]}),)
        found[work_id] = before._replace(labels=(*before.labels, *more))
    return found


def _known(con: duckdb.DuckDBPyConnection) -> str:
    rows = con.execute(
        "SELECT producer || coalesce(':' || model, '') || coalesce('@' || left(prompt_hash, 8), '') AS name, count(DISTINCT work_id)"
        " FROM store.labelling WHERE producer <> 'human' GROUP BY name ORDER BY count(DISTINCT work_id) DESC, name LIMIT ?",
        [_MOST_LISTED],
    ).fetchall()
    return ", ".join(f"{name} ({count} works)" for name, count in rows) or "nobody yet: triage label"
