"""A new prompt or model over papers that an older one has labelled: asked first, looked at, and only then in force.

The answers are kept as pending labellings, which decide nothing. Accepting them makes no call: they are taken as they
were shown, and what was not shown yet is answered by the ledger or asked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from triage.errors import UsageError
from triage.labelling.opinions import store_readings
from triage.labelling.reading import Reader, Reading, open_reader
from triage.ledger import drain
from triage.models import Frozen

if TYPE_CHECKING:
    from triage.labelling.llm import Reading as LabelReading
    from triage.recordings import Recordings
    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["Relabelling", "reprompt"]


class Relabelling(Frozen):
    """One work whose labels the new prompt or model changes; labels that count, in order."""

    work_id: str
    title: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    model: str
    prompt_hash: str


def reprompt(
    run: Run,
    works: Sequence[str] | None,
    taxonomy: Taxonomy,
    *,
    accept: bool,
    environ: Mapping[str, str] | None = None,
    recordings: Recordings | None = None,
) -> list[Relabelling]:
    """Ask the present models with the present prompt about what older ones have labelled (all, or the named works).

    Gives the works whose labels change: in force from now on with `accept`, else not. The report's `new` are the works
    that were answered; `refused` and `failed` ones keep their labels. Raises UsageError when no model is configured.
    """
    drain(run)
    changes: list[Relabelling] = []
    configured = False
    for second in (False, True):
        reader = open_reader(run, taxonomy, os.environ if environ is None else environ, second=second, recordings=recordings)
        if reader is None:
            continue
        configured = True
        with run.warehouse.burst() as con:
            older = [one for one in reader.candidates(con, works) if reader.is_older(one)]
        if second and not older:
            continue
        asked = Reading(run, reader._replace(step="reprompt second" if second else "reprompt"), older, pending=True)
        for _ in asked.batches(older, named=[one.paper.work_id for one in older]):
            pass
        changes += _changes(run, reader, [work_id for work_id, _, _ in asked.readings])
        if accept:
            _accept(run, reader, asked.readings)
    if not configured:
        raise UsageError("no language model is configured", hint="set OPENAI_API_KEY, or base_url and model in [llm]")
    return changes


_OF_READER = (
    "l.pending AND l.producer = 'llm' AND l.model = $model AND l.prompt_hash = $prompt AND coalesce(l.second, false) = $second"
    " AND list_contains($works, l.work_id)"
)


def _named(reader: Reader, works: Sequence[str]) -> dict[str, object]:
    labeller = reader.labeller
    return {"model": labeller.model.endpoint.model, "prompt": labeller.prompt.hash, "second": reader.second, "works": list(works)}


def _changes(run: Run, reader: Reader, works: Sequence[str]) -> list[Relabelling]:
    with run.warehouse.burst() as con:
        rows = con.execute(
            "WITH pending AS ("
            " SELECT l.work_id, coalesce(list(b.label ORDER BY b.position) FILTER (b.label IS NOT NULL), []) AS labels FROM store.labelling l"
            " LEFT JOIN store.label_calibrated b ON b.labelling_id = l.labelling_id AND b.confidence >= $least"
            f" WHERE {_OF_READER} GROUP BY l.work_id)"
            " SELECT p.work_id, w.title, s.labels, p.labels FROM pending p JOIN store.work w USING (work_id)"
            " JOIN store.labels_said s ON s.work_id = p.work_id AND s.producer = 'llm' AND s.rank = floor(s.rank)"
            " WHERE list_sort(s.labels) <> list_sort(p.labels) ORDER BY w.title, p.work_id",
            {**_named(reader, works), "least": run.settings.labels.threshold},
        ).fetchall()
    labeller = reader.labeller
    return [
        Relabelling(
            work_id=work_id, title=title, before=tuple(before), after=tuple(after),
            model=labeller.model.endpoint.model, prompt_hash=labeller.prompt.hash,
        )
        for work_id, title, before, after in rows
    ]  # fmt: skip


def _accept(run: Run, reader: Reader, readings: Sequence[tuple[str, str, LabelReading]]) -> None:
    """Labels, figures and opinions of the answers come into force."""
    labeller, works = reader.labeller, [work_id for work_id, _, _ in readings]
    with run.warehouse.burst() as con:
        con.execute(
            f"UPDATE store.labelling AS l SET pending = false, made_at = $now WHERE {_OF_READER}",
            {**_named(reader, works), "now": run.now()},
        )
        store_readings(con, run, readings, model=labeller.model.endpoint.model, prompt_hash=labeller.prompt.hash)
