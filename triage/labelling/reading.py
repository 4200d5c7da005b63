"""The language model's part of labelling: who is worth a call, what came of it, and what waits.

Progress is kept in bursts, the ledger's rows together with the labels made from them. A run that is killed has
its replies in the journal, and the next one makes the labels from there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import quantiles
from typing import TYPE_CHECKING, NamedTuple

from triage.errors import SettingsError, UsageError
from triage.labelling.batching import collect, in_batches, submit
from triage.labelling.choosing import Candidate, for_first, for_second
from triage.labelling.storing import Labelled, store_labels
from triage.ledger import Call, drain, put_away, store_calls
from triage.runs import StepReport
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.labelling import Paper
    from triage.labelling.llm import LlmLabeller, Read
    from triage.recordings import Recordings
    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["STEPS", "Reader", "Reading", "open_reader", "read_batches"]

STEPS = ("label llm", "label llm second")
"""Names of the two readers' parts in reports, failures and `llm_waiting`."""
BURST_PAPERS, BURST_SECONDS = 200, 10.0
"""How much is kept together; opening the database for a burst takes some 30 ms."""


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
            _nobody_waits(run, STEPS[second])
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


def _nobody_waits(run: Run, step: str) -> None:
    with run.warehouse.burst() as con:
        con.execute("DELETE FROM store.llm_waiting WHERE purpose = ?", [step])


class Reading:
    """One pass of a model over what is due, with its counts. `pending`: the labels are kept without being in force. `said`: lines for the report."""

    def __init__(self, run: Run, reader: Reader, wanted: Sequence[Candidate], *, pending: bool = False, said: Sequence[str] = ()) -> None:
        self._run = run
        self._reader = reader
        self._labeller = reader.labeller
        self._pending = pending
        self.answered: list[str] = []
        """Works that have an answer now."""
        self._wanted = {one.paper.work_id: one for one in wanted}
        self._new: list[Read] = []
        self._unsaved: list[Call] = []
        self._calls: list[Call] = []
        self._counts = dict.fromkeys(("from ledger", "calls", "void", "waiting", "given up"), 0)
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
            self._mark_waiting(named)
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
        with self._run.warehouse.burst() as con:
            past = self._labeller.model.look_up(con, [self._labeller.question(paper) for paper in due])
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
            self._waiting[paper.work_id] = why[:500]
        if why:
            self._lines.append(f"{len(papers) - sent} papers wait: {why}")
        self._counts["waiting"] += len(papers)
        return []

    def _take(self, read: Read) -> None:
        self._unsaved += read.answer.calls
        self._calls += [call.model_copy(update={"reply": None}) for call in read.answer.calls]  # for the report; replies may be long
        self._run.progress.advance()
        if read.labels is not None:
            self._new.append(read)
            self.answered.append(read.paper.work_id)
            self._labelled += 1
            self._counts["void"] += len(read.void)
            return
        error = read.error
        kind, message, hint = (error.kind, error.message, error.hint) if error else ("model", "no answer", None)
        self._waiting[read.paper.work_id] = f"{kind}: {message}"[:500]
        if read.waiting:
            self._counts["waiting"] += 1
        else:
            self._failed += 1
            self._run.fail(self._reader.step, read.paper.work_id, kind, f"{read.paper.title}: {message}", hint)

    def _save(self) -> int:
        """Keep what is not kept yet, and give how many works were labelled by it."""
        if not (self._new or self._unsaved):
            return 0
        labeller, labelled_now = self._labeller, len(self._new)
        labelled = [Labelled(read.paper.work_id, self._wanted[read.paper.work_id].basis, read.labels or ()) for read in self._new]
        with self._run.warehouse.burst() as con:
            store_calls(con, self._unsaved)
            if labelled:
                store_labels(
                    con, self._run, labeller.taxonomy, "llm", labelled,
                    model=labeller.model.endpoint.model, prompt_hash=labeller.prompt.hash, second=self._reader.second, pending=self._pending,
                )  # fmt: skip
            labeller.model.remember(con)
        self._new, self._unsaved = [], []
        return labelled_now

    def _mark_waiting(self, named: Sequence[str] | None) -> None:
        """Who waits for this reader, for the view `llm_waiting`; of works that were not looked at the old word stands."""
        rows = [{"work_id": work_id, "reason": reason} for work_id, reason in self._waiting.items()]
        with self._run.warehouse.burst() as con:
            con.execute(
                "DELETE FROM store.llm_waiting WHERE purpose = $step AND ($named IS NULL OR list_contains($named, work_id))",
                {"step": self._reader.step, "named": None if named is None else list(named)},
            )
            stage(con, "new_waiting", rows, {"work_id": "VARCHAR", "reason": "VARCHAR"})
            con.execute(
                "INSERT INTO store.llm_waiting SELECT ?, work_id, reason, ?, ? FROM new_waiting",
                [self._reader.step, self._run.id, self._run.now()],
            )

    def _said(self) -> list[str]:
        """Lines for the person: what it cost, and why something waits."""
        model = self._labeller.model
        lines = [f"{model.endpoint.model}: {_spent(self._calls)}"] if self._calls else []
        lines += self._lines
        if model.stopped is not None:
            lines.append(f"{self._counts['waiting']} papers wait for the model: {model.stopped.message}")
        if older := self._counts["older prompt"]:
            lines.append(f"{older} papers keep the labels of an older prompt or model; `triage label --reprompt` shows what would change")
        return lines


def _spent(calls: Sequence[Call]) -> str:
    """Calls, tokens, money and time in words."""
    sent, received = (sum(filter(None, tokens)) for tokens in zip(*((c.tokens_in, c.tokens_out) for c in calls), strict=True))
    cost = f"${sum(call.cost or 0.0 for call in calls):.4f}"
    unknown = [call for call in calls if call.cost is None]
    if any(call.most_cost is None for call in unknown):
        cost = "cost not known for all"
    elif unknown:
        cost += f" and at most ${sum(call.most_cost or 0.0 for call in unknown):.4f} more for {len(unknown)} answers that were lost"
    half, most = _percentiles([call.seconds for call in calls])
    return f"{len(calls)} calls, {sent} tokens in, {received} out, {cost}, {half:.2f} s each (95 % within {most:.2f} s)"


def _percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    if len(seconds) == 1:
        return seconds[0], seconds[0]
    cuts = quantiles(seconds, n=20, method="inclusive")
    return cuts[9], cuts[18]
