"""The language model's part of labelling: who is worth a call, what came of it, and what waits.

Progress is kept in bursts, the ledger's rows together with the labels made from them. A run that is killed has
its replies in the journal, and the next one makes the labels from there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from triage.errors import SettingsError, UsageError
from triage.labelling.batching import collect, in_batches, submit
from triage.labelling.choosing import Candidate, for_first, for_second
from triage.labelling.opinions import store_readings
from triage.labelling.storing import Labelled, store_labels
from triage.ledger import drain
from triage.llm_pass import Pass, mark_waiting
from triage.voided import store_voided

if TYPE_CHECKING:
    import duckdb

    from triage.labelling.llm import LlmLabeller
    from triage.labelling.llm import Reading as LabelReading
    from triage.llm import Answer, Question
    from triage.recordings import Recordings
    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["STEPS", "Reader", "Reading", "open_reader", "read_batches"]

STEPS = ("label llm", "label llm second")
"""Names of the two readers' parts in reports, failures and `llm_waiting`."""


class Reader(NamedTuple):
    """A model with its part: the first reads what is worth a call, the second what is left in disagreement."""

    step: str
    labeller: LlmLabeller
    second: bool

    def candidates(self, con: duckdb.DuckDBPyConnection, works: Sequence[str] | None) -> list[Candidate]:
        choose = for_second if self.second else for_first
        return choose(con, self.labeller.model.settings, self.labeller.taxonomy, works)

    def is_older(self, candidate: Candidate) -> bool:
        """Whether labels in force are this reader's, by another model or prompt than it has now."""
        made_by = (candidate.model, candidate.prompt_hash)
        return (
            candidate.current and candidate.model is not None and made_by != (self.labeller.model.endpoint.model, self.labeller.prompt.hash)
        )


def read_batches(
    run: Run,
    works: Sequence[str] | None,
    taxonomy: Taxonomy,
    *,
    environ: Mapping[str, str] | None = None,
    recordings: Recordings | None = None,
    batch: bool = False,
) -> Iterator[int]:
    """Label by the configured models what is worth a call and due, or the named works; nothing when none is configured.

    Each step labels a batch and keeps it, and gives how many works it was; the last one of each model adds its
    report. There `new` were labelled now (by a call or from the ledger), `known` had not changed, `refused` wait for
    a later run or were given up, `failed` could not be read; the rules' labels stand for all but `new` and `known`.
    Open batches are collected first. With `batch` what is left goes into new ones instead of being asked at once.
    """
    drain(run)
    for second in (False, True):
        reader = _configured(run, taxonomy, os.environ if environ is None else environ, recordings, second=second)
        if reader is None:
            mark_waiting(run, STEPS[second], {}, None)
            continue
        with run.warehouse.burst() as con:
            wanted = reader.candidates(con, works)
        # what has come back is in the ledger then, and answers from there
        said = [] if recordings is not None and recordings.replay else collect(run, reader, wanted)
        due = [one for one in wanted if works is not None or not one.current]
        yield from Reading(run, reader, wanted, said=said).batches(due, named=works, batch=batch)


def _configured(run: Run, taxonomy: Taxonomy, environ: Mapping[str, str], recordings: Recordings | None, *, second: bool) -> Reader | None:
    """The reader, or None when none is configured; what is wrong with it is a failure of the run."""
    try:
        return open_reader(run, taxonomy, environ, second=second, recordings=recordings)
    except (SettingsError, UsageError) as error:
        run.fail(STEPS[second], "llm", "settings", error.message, error.hint)
        return None


def open_reader(
    run: Run, taxonomy: Taxonomy, environ: Mapping[str, str], *, second: bool = False, recordings: Recordings | None = None
) -> Reader | None:
    """A model with its prompt; None when none is configured. Imported here: without a model nobody pays for it.

    Raises SettingsError when its settings or its prompt are wrong.
    """
    from triage.llm import find_endpoint, open_model, second_of

    settings = second_of(run.settings.llm) if second else run.settings.llm
    replayed = recordings is not None and recordings.replay
    if settings is None or not (replayed or find_endpoint(settings, environ)):
        return None
    from triage.labelling.llm import LlmLabeller, label_prompt

    prompt = label_prompt(run.workspace)
    model = open_model(run, environ=environ, settings=settings, recordings=recordings)
    return None if model is None else Reader(STEPS[second], LlmLabeller(model, prompt, taxonomy), second)


class Reading:
    """One pass of a model over what is due, with its counts.

    `pending`: the labels are kept without being in force. `said`: lines for the report.
    """

    def __init__(self, run: Run, reader: Reader, wanted: Sequence[Candidate], *, pending: bool = False, said: Sequence[str] = ()) -> None:
        self._run = run
        self._reader = reader
        self._labeller = reader.labeller
        self._pending = pending
        self._wanted = {one.paper.work_id: one for one in wanted}
        self._said = list(said)
        self._older = 0 if pending else sum(map(reader.is_older, wanted))
        self.readings: list[tuple[str, str, LabelReading]] = []
        """(work id, basis, reading) of what is kept without being in force."""
        titles = {one.paper.work_id: one.paper.title for one in wanted}
        self._pass = Pass(run, reader.step, reader.labeller.model, titles, keep=self._keep, marks=not pending)
        self._pass.counts |= {"claims": 0, "older prompt": self._older}

    def batches(self, due: Sequence[Candidate], *, named: Sequence[str] | None, batch: bool = False) -> Iterator[int]:
        """Answer from the ledger what it knows, ask about the rest. What failed too often is asked again only if `named`.

        With `batch` the rest is sent in batches, and waits there.
        """
        questions = [self._labeller.question(one.paper) for one in due]
        yield from self._pass.batches(questions, named=named, hold=self._send if batch else self._in_batches)
        self._run.add(self._pass.report(wanted=len(self._wanted), known=len(self._wanted) - len(due), said=self._lines()))

    def _in_batches(self, questions: Sequence[Question[LabelReading]]) -> dict[str, str]:
        """Those that wait in a batch already."""
        waiting = in_batches(self._run, self._reader) if questions else {}
        return {one.work_id: f"in batch {waiting[one.work_id]}" for one in questions if one.work_id in waiting}

    def _send(self, questions: Sequence[Question[LabelReading]]) -> dict[str, str]:
        """Send them in batches; none of them is asked at once."""
        held = self._in_batches(questions)
        ask = [one for one in questions if one.work_id not in held]
        if not ask:
            return held
        sent, why = submit(self._run, self._reader, ask)
        self._said.append(f"{sent} papers sent in a batch; a later run collects the answers")
        if why:
            self._said.append(f"{len(ask) - sent} papers wait: {why}")
        return held | {one.work_id: "in a batch" if number < sent else why for number, one in enumerate(ask)}

    def _keep(self, con: duckdb.DuckDBPyConnection, answers: Sequence[Answer[LabelReading]]) -> dict[str, int]:
        """Keep what came of some papers, inside the burst that keeps their calls."""
        labeller, run = self._labeller, self._run
        who = {"model": labeller.model.endpoint.model, "prompt_hash": labeller.prompt.hash}
        readings = [(a.question.work_id, self._wanted[a.question.work_id].basis, a.value) for a in answers if a.value is not None]
        void = [(a.question.work_id, one) for a in answers for one in labeller.take_void(a.question.work_id)]
        if readings:
            labelled = [Labelled(work_id, basis, reading.labels) for work_id, basis, reading in readings]
            store_labels(con, run, labeller.taxonomy, "llm", labelled, **who, second=self._reader.second, pending=self._pending)
        if self._pending:
            self.readings += readings
        elif readings:
            store_readings(con, run, readings, **who)
        store_voided(con, run, "label", void, **who)
        return {"void": len(void), "claims": sum(len(reading.claims) for _, _, reading in readings)}

    def _lines(self) -> list[str]:
        if not self._older:
            return self._said
        return [
            *self._said,
            f"{self._older} papers keep the labels of an older prompt or model; `triage label --reprompt` shows what would change",
        ]
