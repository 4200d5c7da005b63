"""The language model's part of labelling: who is worth a call, what came of it, and what waits.

Progress is kept in bursts, the ledger's rows together with the labels made from them. A run that is killed has
its replies in the journal, and the next one makes the labels from there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from triage.errors import SettingsError, UsageError
from triage.labelling.batching import collect, in_batches, submit
from triage.labelling.choosing import Candidate, for_first, for_second
from triage.labelling.opinions import store_readings
from triage.labelling.storing import Labelled, store_labels
from triage.ledger import Call, drain, put_away, store_calls
from triage.llm_pass import BURST_PAPERS, BURST_SECONDS, cost_line, mark_waiting
from triage.runs import StepReport
from triage.voided import Void, store_voided

if TYPE_CHECKING:
    import duckdb

    from triage.labelling import Paper
    from triage.labelling.llm import LlmLabeller, Read
    from triage.labelling.llm import Reading as LabelReading
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
        self.readings: list[tuple[str, str, LabelReading]] = []
        """(work id, basis, reading) of what is kept without being in force."""
        self._wanted = {one.paper.work_id: one for one in wanted}
        self._new: list[Read] = []
        self._void: list[tuple[str, Void]] = []
        self._unsaved: list[Call] = []
        self._calls: list[Call] = []
        self._counts = dict.fromkeys(("from ledger", "calls", "claims", "void", "waiting", "given up"), 0)
        self._counts["older prompt"] = 0 if pending else sum(map(reader.is_older, wanted))
        self._waiting: dict[str, str] = {}
        self._labelled = 0
        self._failed = 0
        self._lines = list(said)

    def batches(self, due: Sequence[Candidate], *, named: Sequence[str] | None, batch: bool = False) -> Iterator[int]:
        """Answer from the ledger what it knows, ask about the rest. What failed too often is asked again only if `named`.

        With `batch` the rest is sent in batches, and waits there.
        """
        self._run.progress.step(self._reader.step, len(due))
        ask = self._without_batched(self._look_up([one.paper for one in due], give_up=named is None))
        if batch and ask:
            ask = self._send(ask)
        since = time.monotonic()
        for read in self._labeller.read(ask):
            self._take(read)
            if len(self._new) >= BURST_PAPERS or time.monotonic() - since > BURST_SECONDS:
                yield self._save()
                since = time.monotonic()
        last = self._save()
        if not self._pending:
            mark_waiting(self._run, self._reader.step, self._waiting, named)
        # every request of this run is in the warehouse now
        put_away(self._run.workspace)
        self._run.add(self._report(len(due)))
        yield last

    def _report(self, due: int) -> StepReport:
        self._counts["calls"] = len(self._calls)
        waiting = self._counts["waiting"] + self._counts["given up"]
        return StepReport(
            step=self._reader.step, read=len(self._wanted), new=self._labelled, known=len(self._wanted) - due, refused=waiting,
            failed=self._failed, counts=dict(self._counts), messages=tuple(self._said()),
        )  # fmt: skip

    def _look_up(self, due: Sequence[Paper], *, give_up: bool) -> list[Paper]:
        if not due:
            return []
        from triage.llm_several import look_up

        with self._run.warehouse.burst() as con:
            past = look_up(self._labeller.model, con, [self._labeller.question(paper) for paper in due])
        ask = []
        for paper in due:
            answer, failed_runs = past[paper.work_id]
            if answer is not None:
                self._counts["from ledger"] += 1
                self._take(self._labeller.as_read(paper, answer))
            elif give_up and failed_runs >= self._run.settings.llm.nights:
                self._counts["given up"] += 1
                self._waiting[paper.work_id] = f"given up: no usable answer in {failed_runs} runs; triage label --work asks once more"
            else:
                ask.append(paper)
        return ask

    def _without_batched(self, papers: Sequence[Paper]) -> list[Paper]:
        """Those whose question does not wait in a batch already."""
        waiting = in_batches(self._run, self._reader) if papers else {}
        for paper in papers:
            if batch_id := waiting.get(paper.work_id):
                self._waiting[paper.work_id] = f"in batch {batch_id}"
                self._counts["waiting"] += 1
        return [paper for paper in papers if paper.work_id not in waiting]

    def _send(self, papers: Sequence[Paper]) -> list[Paper]:
        """Send papers in batches; none of them is asked about at once."""
        sent, why = submit(self._run, self._reader, papers)
        self._lines.append(f"{sent} papers sent in a batch; a later run collects the answers")
        for paper in papers[:sent]:
            self._waiting[paper.work_id] = "in a batch"
        for paper in papers[sent:]:
            self._waiting[paper.work_id] = why
        if why:
            self._lines.append(f"{len(papers) - sent} papers wait: {why}")
        self._counts["waiting"] += len(papers)
        return []

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
            return
        error = read.error
        kind, message, hint = (error.kind, error.message, error.hint) if error else ("model", "no answer", None)
        self._waiting[read.paper.work_id] = f"{kind}: {message}"
        if read.waiting:
            self._counts["waiting"] += 1
        else:
            self._failed += 1
            self._run.fail(self._reader.step, read.paper.work_id, kind, f"{read.paper.title}: {message}", hint)

    def _save(self) -> int:
        """Keep what is not kept yet, and give how many works were labelled by it."""
        if not (self._new or self._unsaved or self._void):
            return 0
        model, labelled_now = self._labeller.model, len(self._new)
        who = {"model": model.endpoint.model, "prompt_hash": self._labeller.prompt.hash}
        readings = [(r.paper.work_id, self._wanted[r.paper.work_id].basis, r.reading) for r in self._new if r.reading]
        labelled = [Labelled(work_id, basis, reading.labels) for work_id, basis, reading in readings]
        with self._run.warehouse.burst() as con:
            store_calls(con, self._unsaved)
            if labelled:
                store_labels(
                    con, self._run, self._labeller.taxonomy, "llm", labelled, model=who["model"], prompt_hash=who["prompt_hash"],
                    second=self._reader.second, pending=self._pending,
                )  # fmt: skip
            if readings and not self._pending:
                store_readings(con, self._run, readings, **who)
            store_voided(con, self._run, "label", self._void, **who)
            model.remember(con)
        self.readings += readings if self._pending else []
        self._new, self._unsaved, self._void = [], [], []
        return labelled_now

    def _said(self) -> list[str]:
        """Lines for the person: what it cost, and why something waits."""
        model = self._labeller.model
        lines = [cost_line(model.endpoint.model, self._calls)] if self._calls else []
        lines += self._lines
        if model.stopped is not None:
            lines.append(f"{self._counts['waiting']} papers wait for the model: {model.stopped.message}")
        if older := self._counts["older prompt"]:
            lines.append(f"{older} papers keep the labels of an older prompt or model; `triage label --reprompt` shows what would change")
        return lines
