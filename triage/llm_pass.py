"""One pass of the model over what is due: the ledger first, then calls, kept in bursts, counted.

    asking = Pass(run, "note llm", model, titles, keep=keep)
    for kept in asking.batches(questions, named=None): ...
    run.add(asking.report(wanted=..., known=...))

Progress is kept in bursts, the ledger's rows together with what was made of them. A run that is killed has its
replies in the journal, and the next one takes them from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import quantiles
from typing import TYPE_CHECKING, Generic, TypeVar

from triage.ledger import Call, put_away, store_calls
from triage.llm import Answer, LanguageModel, Question
from triage.llm_several import ask_in_batches, look_up
from triage.runs import StepReport
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["BURST_PAPERS", "BURST_SECONDS", "Pass", "cost_line", "mark_waiting"]

BURST_PAPERS, BURST_SECONDS = 1000, 30.0
"""How much is kept together: a burst takes some 80 ms beside its rows, and what is not kept yet stands in the journal."""

Value = TypeVar("Value")
Keep = Callable[["duckdb.DuckDBPyConnection", Sequence[Answer[Value]]], Mapping[str, int]]
Hold = Callable[[Sequence[Question[Value]]], Mapping[str, str]]


class Pass(Generic[Value]):
    """Asks questions about works and hands every answer to `keep`, inside the burst that also keeps its calls.

    `keep` gets answers with a value and without (an error), and gives figures to count ("void": 2). `titles` are
    those of the works, for messages. Without `marks` nobody is said to wait: the pass only tries something.
    """

    def __init__(
        self, run: Run, step: str, model: LanguageModel, titles: Mapping[str, str], *, keep: Keep[Value], marks: bool = True
    ) -> None:
        self._run = run
        self._step = step
        self._model = model
        self._titles = titles
        self._keep = keep
        self._marks = marks
        self._fresh: list[Answer[Value]] = []
        self._calls: list[Call] = []
        self.counts = dict.fromkeys(("from ledger", "calls", "void", "waiting", "given up"), 0)
        self._answered = 0
        self._failed = 0
        self._waiting: dict[str, str] = {}

    def batches(
        self, questions: Sequence[Question[Value]], *, named: Sequence[str] | None, hold: Hold[Value] | None = None
    ) -> Iterator[int]:
        """Answer from the ledger what it knows, ask the rest; gives how many were answered with each burst.

        What failed in too many runs for reasons that lie in the paper or the reply is asked again only if works were
        `named`. `hold` gets the questions that are left and says which of them are not asked now: work id -> why.
        """
        self._run.progress.step(self._step, len(questions))
        ask, since = self._look_up(questions, give_up=named is None), time.monotonic()
        if hold:
            ask = self._without_held(ask, hold(ask))
        for answer in ask_in_batches(self._model, ask, self._model.settings.batch_size):
            self._take(answer)
            if len(self._fresh) >= BURST_PAPERS or time.monotonic() - since > BURST_SECONDS:
                yield self._save()
                since = time.monotonic()
        last = self._save()
        if self._marks:
            mark_waiting(self._run, self._step, self._waiting, named)
        # every request of this run is in the warehouse now
        put_away(self._run.workspace)
        yield last

    def report(self, *, wanted: int, known: int, said: Sequence[str] = ()) -> StepReport:
        """`new` were answered now (by a call or from the ledger), `known` had not changed, `refused` wait for a later
        run or were given up, `failed` could not be answered. `said` are further lines for the person."""
        self.counts["calls"] = len(self._calls)
        messages = [cost_line(self._model.endpoint.model, self._calls)] if self._calls else []
        messages += said
        if self._model.stopped is not None and self.counts["waiting"]:
            messages.append(f"{self.counts['waiting']} papers wait for the model: {self._model.stopped.message}")
        return StepReport(
            step=self._step, read=wanted, new=self._answered, known=known, refused=self.counts["waiting"] + self.counts["given up"],
            failed=self._failed, counts=dict(self.counts), messages=tuple(messages),
        )  # fmt: skip

    def _look_up(self, questions: Sequence[Question[Value]], *, give_up: bool) -> list[Question[Value]]:
        if not questions:
            return []
        with self._run.warehouse.burst() as con:
            past = look_up(self._model, con, questions)
        ask = []
        for question in questions:
            answer, failed_runs = past[question.work_id]
            if answer is not None:
                self.counts["from ledger"] += 1
                self._take(answer)
            elif give_up and failed_runs >= self._run.settings.llm.nights:
                self.counts["given up"] += 1
                self._waiting[question.work_id] = f"given up: no usable answer in {failed_runs} runs; name it with --work to ask once more"
                self._run.progress.advance()
            else:
                ask.append(question)
        return ask

    def _without_held(self, questions: Sequence[Question[Value]], held: Mapping[str, str]) -> list[Question[Value]]:
        self._waiting.update(held)
        self.counts["waiting"] += len(held)
        for _ in held:
            self._run.progress.advance()
        return [question for question in questions if question.work_id not in held]

    def _take(self, answer: Answer[Value]) -> None:
        self._fresh.append(answer)
        self._calls += [call.model_copy(update={"reply": None}) for call in answer.calls]  # for the report; replies may be long
        self._run.progress.advance()
        if answer.value is not None:
            self._answered += 1
            return
        error, work_id = answer.error, answer.question.work_id
        kind, message, hint = (error.kind, error.message, error.hint) if error else ("model", "no answer", None)
        self._waiting[work_id] = f"{kind}: {message}"
        if answer.waiting:
            self.counts["waiting"] += 1
        else:
            self._failed += 1
            self._run.fail(self._step, work_id, kind, f"{self._titles.get(work_id, work_id)}: {message}", hint)

    def _save(self) -> int:
        """Keep what is not kept yet, and give how many works were answered with it."""
        if not self._fresh:
            return 0
        fresh, self._fresh = self._fresh, []
        with self._run.warehouse.burst() as con:
            store_calls(con, [call for answer in fresh for call in answer.calls])
            for name, count in self._keep(con, fresh).items():
                self.counts[name] = self.counts.get(name, 0) + count
            self._model.remember(con)
        return sum(answer.value is not None for answer in fresh)


def cost_line(model: str, calls: Sequence[Call]) -> str:
    """What the calls of a step cost, in one line: number, tokens, dollars and seconds. There is at least one call."""
    sent, received = (sum(filter(None, tokens)) for tokens in zip(*((c.tokens_in, c.tokens_out) for c in calls), strict=True))
    cost = f"${sum(call.cost or 0.0 for call in calls):.4f}"
    unknown = [call for call in calls if call.cost is None]
    if any(call.most_cost is None for call in unknown):
        cost = "cost not known for all"
    elif unknown:
        cost += f" and at most ${sum(call.most_cost or 0.0 for call in unknown):.4f} more for {len(unknown)} answers that were lost"
    half, most = _percentiles([call.seconds for call in calls])
    return f"{model}: {len(calls)} calls, {sent} tokens in, {received} out, {cost}, {half:.2f} s each (95 % within {most:.2f} s)"


def mark_waiting(run: Run, step: str, waiting: Mapping[str, str], named: Sequence[str] | None) -> None:
    """Who waits for this step and why (work id -> reason), for the view `llm_waiting`. Where works were `named`, the
    others keep what was said of them."""
    rows = [{"work_id": work_id, "reason": reason[:500]} for work_id, reason in waiting.items()]
    with run.warehouse.burst() as con:
        con.execute(
            "DELETE FROM store.llm_waiting WHERE purpose = $step AND ($named IS NULL OR list_contains($named, work_id))",
            {"step": step, "named": None if named is None else list(named)},
        )
        stage(con, "new_waiting", rows, {"work_id": "VARCHAR", "reason": "VARCHAR"})
        con.execute("INSERT INTO store.llm_waiting SELECT ?, work_id, reason, ?, ? FROM new_waiting", [step, run.id, run.now()])


def _percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    if len(seconds) == 1:
        return seconds[0], seconds[0]
    cuts = quantiles(seconds, n=20, method="inclusive")
    return cuts[9], cuts[18]
