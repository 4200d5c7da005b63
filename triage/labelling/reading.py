"""The language model's part of labelling: who is worth a call, what came of it, and what waits.

Progress is kept in bursts, the ledger's rows together with the labels made from them. A run that is killed has
its replies in the journal, and the next one makes the labels from there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from triage.errors import SettingsError, UsageError
from triage.labelling import Paper
from triage.labelling.opinions import store_readings
from triage.labelling.storing import Labelled, store_labels
from triage.ledger import Call, drain, put_away, store_calls
from triage.llm_pass import cost_line
from triage.runs import StepReport
from triage.voided import Void, store_voided

if TYPE_CHECKING:
    from triage.labelling.llm import LlmLabeller, Read
    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["read_batches"]

STEP = "label llm"
BURST_PAPERS, BURST_SECONDS = 200, 10.0
"""How much is kept together; opening the database for a burst takes some 30 ms."""


def read_batches(run: Run, works: Sequence[str] | None, taxonomy: Taxonomy, *, environ: Mapping[str, str] | None = None) -> Iterator[int]:
    """Label by the configured model what is worth a call and due, or the named works; nothing when none is configured.

    Each step labels a batch and keeps it, and gives how many works it was; the last one adds the report. There
    `new` were labelled now (by a call or from the ledger), `known` had not changed, `refused` wait for a later run
    or were given up, `failed` could not be read; the rules' labels stand for all but `new` and `known`.
    """
    drain(run)
    try:
        labeller = _labeller(run, taxonomy, os.environ if environ is None else environ)
    except (SettingsError, UsageError) as error:
        run.fail(STEP, "llm", "settings", error.message, error.hint)
        return
    if labeller is None:
        return
    wanted = _wanted(run, works, taxonomy)
    due = {row[0]: Paper(*row[:3]) for row in wanted if works is not None or not row[4]}
    reading = _Reading(run, taxonomy, labeller, {row[0]: row[3] for row in wanted})
    yield from reading.batches(len(wanted), due, given_up=works is None)


def _labeller(run: Run, taxonomy: Taxonomy, environ: Mapping[str, str]) -> LlmLabeller | None:
    """The model with its prompt. Imported here: without a model nobody pays for it."""
    from triage.llm import find_endpoint, open_model

    if find_endpoint(run.settings.llm, environ) is None:
        return None
    from triage.labelling.llm import LlmLabeller, label_prompt

    prompt = label_prompt(run.workspace)
    model = open_model(run, environ=environ)
    return None if model is None else LlmLabeller(model, prompt, taxonomy)


def _wanted(run: Run, works: Sequence[str] | None, taxonomy: Taxonomy) -> list[tuple[Any, ...]]:
    """(work id, title, abstract, basis, whether it is up to date) of what is worth a call, best-scored first.

    A new model or prompt does not make a work due: a change of labels is never a silent side effect of one.
    """
    rule, _, figure = run.settings.llm.read.partition(" ")
    with run.warehouse.burst() as con:
        rows = con.execute(
            "SELECT w.work_id, w.title, w.abstract, w.text_hash || $version, l.basis IS NOT DISTINCT FROM w.text_hash || $version"
            " FROM store.work w JOIN main.works v USING (work_id)"
            " LEFT JOIN (SELECT work_id, basis FROM store.labelling_current WHERE producer = 'llm') l USING (work_id)"
            " WHERE CASE WHEN $works IS NULL"
            " THEN (v.decision = 'selected' OR (v.proposed AND v.decision IS NULL))"
            "   AND ($all OR v.labelled_by IS DISTINCT FROM 'human') AND ($least IS NULL OR v.screening_score >= $least)"
            " ELSE list_contains($works, w.work_id) END ORDER BY v.screening_score DESC NULLS LAST, w.work_id",
            {
                "version": f"/{taxonomy.version}",
                "works": None if works is None else list(works),
                "all": rule == "all",
                "least": float(figure) if rule == "above" else None,
            },
        ).fetchall()
    return rows[: int(figure)] if rule == "top" and works is None else rows


class _Reading:
    """One pass of the model over what is due, with its counts."""

    def __init__(self, run: Run, taxonomy: Taxonomy, labeller: LlmLabeller, basis: Mapping[str, str]) -> None:
        self._run = run
        self._taxonomy = taxonomy
        self._labeller = labeller
        self._basis = basis
        self._new: list[Read] = []
        self._void: list[tuple[str, Void]] = []
        self._unsaved: list[Call] = []
        self._calls: list[Call] = []
        self._counts = dict.fromkeys(("from ledger", "calls", "claims", "void", "waiting", "given up"), 0)
        self._labelled = 0
        self._failed = 0

    def batches(self, wanted: int, due: Mapping[str, Paper], *, given_up: bool) -> Iterator[int]:
        """Answer from the ledger what it knows, ask about the rest. `given_up`: leave out what failed too often."""
        self._run.progress.step("label llm", len(due))
        ask = self._look_up(due, given_up=given_up)
        since = time.monotonic()
        for read in self._labeller.read(ask):
            self._take(read)
            if len(self._new) >= BURST_PAPERS or time.monotonic() - since > BURST_SECONDS:
                yield self._save()
                since = time.monotonic()
        last = self._save()
        # every request of this run is in the warehouse now
        put_away(self._run.workspace)
        self._run.add(self._report(wanted, due))
        yield last

    def _report(self, wanted: int, due: Mapping[str, Paper]) -> StepReport:
        self._counts["calls"] = len(self._calls)
        waiting = self._counts["waiting"] + self._counts["given up"]
        return StepReport(
            step=STEP, read=wanted, new=self._labelled, known=wanted - len(due), refused=waiting, failed=self._failed,
            counts=dict(self._counts), messages=tuple(self._said()),
        )  # fmt: skip

    def _look_up(self, due: Mapping[str, Paper], *, given_up: bool) -> list[Paper]:
        if not due:
            return []
        from triage.llm_several import look_up

        with self._run.warehouse.burst() as con:
            past = look_up(self._labeller.model, con, [self._labeller.question(paper) for paper in due.values()])
        ask = []
        for work_id, paper in due.items():
            answer, failed_runs = past[work_id]
            if answer is not None:
                self._counts["from ledger"] += 1
                self._take(self._labeller.as_read(paper, answer))
            elif given_up and failed_runs >= self._run.settings.llm.nights:
                self._counts["given up"] += 1
            else:
                ask.append(paper)
        return ask

    def _take(self, read: Read) -> None:
        self._unsaved += read.answer.calls
        self._calls += [call.model_copy(update={"reply": None}) for call in read.answer.calls]  # for the report; replies may be long
        self._run.progress.advance()
        self._void += [(read.paper.work_id, void) for void in read.void]
        self._counts["void"] += len(read.void)
        if read.reading is not None:
            self._new.append(read)
            self._labelled += 1
            self._counts["claims"] += len(read.reading.claims)
        elif read.waiting:
            self._counts["waiting"] += 1
        else:
            self._failed += 1
            error = read.error
            kind, message, hint = (error.kind, error.message, error.hint) if error else ("model", "no answer", None)
            self._run.fail(STEP, read.paper.work_id, kind, f"{read.paper.title}: {message}", hint)

    def _save(self) -> int:
        """Keep what is not kept yet, and give how many works were labelled by it."""
        if not (self._new or self._unsaved or self._void):
            return 0
        model, labelled_now, prompt_hash = self._labeller.model, len(self._new), self._labeller.prompt.hash
        labelled = [Labelled(read.paper.work_id, self._basis[read.paper.work_id], read.labels or ()) for read in self._new]
        with self._run.warehouse.burst() as con:
            store_calls(con, self._unsaved)
            if labelled:
                store_labels(con, self._run, self._taxonomy, "llm", labelled, model=model.endpoint.model, prompt_hash=prompt_hash)
                readings = [(read.paper.work_id, self._basis[read.paper.work_id], read.reading) for read in self._new if read.reading]
                store_readings(con, self._run, readings, model=model.endpoint.model, prompt_hash=prompt_hash)
            store_voided(con, self._run, "label", self._void, model=model.endpoint.model, prompt_hash=prompt_hash)
            model.remember(con)
        self._new, self._unsaved, self._void = [], [], []
        return labelled_now

    def _said(self) -> list[str]:
        """Lines for the person: what it cost, and why something waits."""
        lines = []
        if self._calls:
            lines.append(cost_line(self._labeller.model.endpoint.model, self._calls))
        stopped = self._labeller.model.stopped
        if stopped is not None:
            lines.append(f"{self._counts['waiting']} papers wait for the model: {stopped.message}")
        return lines
