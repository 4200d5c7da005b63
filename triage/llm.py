"""The one model door: an OpenAI-compatible server asked through the OpenAI client.

    model = open_model(run, environ=os.environ)          # None when neither a key nor a base URL is configured
    for answer in model.ask_all(questions):              # in the order in which they end
        answer.value or answer.error

Every request is a row of the ledger before its answer is used. A question the ledger knows the answer of costs
nothing. What a reply can become is decided by the question's `accept`; nothing here writes labels, and nothing
anywhere turns a reply into a decision.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from triage.errors import ModelError
from triage.ledger import OK, Call, Journal, Past, journal_path, known_calls, spent
from triage.llm_endpoint import Endpoint, find_endpoint, second_of
from triage.llm_limits import Budget, Charge, Gate, Pace
from triage.llm_prices import Most, Spent, most_of, with_share
from triage.llm_questions import Answer, Question, Talk
from triage.llm_wire import (
    REDUCED,
    TRANSIENT,
    Dialect,
    Exchange,
    connect,
    exchange,
    lowered,
    parse_reply,
    read_envelope,
    request_body,
)

if TYPE_CHECKING:
    import duckdb
    import openai

    from triage.recordings import Recordings
    from triage.runs import Run
    from triage.settings import LlmSettings

__all__ = ["Answer", "Endpoint", "LanguageModel", "Question", "find_endpoint", "open_model", "second_of"]

DIALECT_DAYS = 30
"""After this long a server is asked again for the strictest form: it may have been updated."""
FAILED_IN_A_ROW = 5
"""Papers that failed one after the other for reasons of the server: the rest waits for the next run."""

HAND_OVER_SECONDS = 0.05
"""How long an answer may wait for others on its way to the caller's thread."""

_STOPPING = frozenset({"authentication", "quota", "unknown model"})
_SERVERS_FAULT = TRANSIENT | {"bad request", "too large"}
_REPAIRABLE = frozenset({"malformed", "wrong value"})
_REPLIED = frozenset({OK, "refusal", "length"})
"""After one of these it is known that the server takes the dialect."""
_BUDGET_HINT = "the rest waits for the next run; raise [llm.budget] for more"

Value = TypeVar("Value")


_dialects: dict[tuple[str, str], Dialect] = {}
"""What each server of this process takes, by (address, model)."""
_begun: dict[tuple[str, str], deque[list[float]]] = {}
"""The requests of the last minute to each of them, for its limits."""


def open_model(
    run: Run, *, environ: Mapping[str, str], settings: LlmSettings | None = None, recordings: Recordings | None = None
) -> LanguageModel | None:
    """The configured model with what the warehouse remembers of it; None when none is configured.

    What this run and month have spent before, for whatever and on whichever model, counts for its caps. `settings` stand
    for those of the run (`second_of`). With `recordings` to replay no server is needed, and none is asked.
    """
    settings = settings or run.settings.llm
    if recordings is not None and recordings.replay:
        return LanguageModel(run, Endpoint(settings.base_url, settings.named_model), settings=settings, recordings=recordings)
    endpoint = find_endpoint(settings, environ)
    if endpoint is None:
        return None
    with run.warehouse.burst() as con:
        before = spent(con, settings.prices, run_id=run.id, now=run.now())
        learned = con.execute(
            "SELECT reply_format, limit_key, temperature FROM store.llm_dialect WHERE endpoint = ? AND model = ? AND learned_at > ?",
            [endpoint.base_url, endpoint.model, run.now() - timedelta(days=DIALECT_DAYS)],
        ).fetchall()
    if learned:
        dialect = Dialect(reply_format=learned[0][0], limit_key=learned[0][1], temperature=learned[0][2])
        _dialects.setdefault((endpoint.base_url, endpoint.model), dialect)
    return LanguageModel(run, endpoint, settings=settings, spent_before=before, recordings=recordings)


class LanguageModel:
    """One model behind one server, for one run: asks with concurrency, retries, budget and ledger."""

    def __init__(
        self,
        run: Run,
        endpoint: Endpoint,
        *,
        settings: LlmSettings,
        spent_before: tuple[Spent, Spent] = (Spent(), Spent()),
        recordings: Recordings | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.settings = settings
        self.recordings = recordings
        self._run_id = run.id
        self._now: Callable[[], datetime] = run.now
        self._journal_path = journal_path(run.workspace)
        self.price = self.settings.prices.get(endpoint.model)
        self.batch_price = with_share(self.price, self.settings.batch_price)
        self.budget = Budget(settings.budget, run=spent_before[0], month=spent_before[1], now=self._now)
        self.stopped: ModelError | None = None
        """Why the rest was not asked: the server does not let us, or a cap is reached."""
        self._failed_in_a_row = 0
        self._place = (endpoint.base_url, endpoint.model)

    @property
    def dialect(self) -> Dialect:
        return _dialects.get(self._place, Dialect())

    def remember(self, con: duckdb.DuckDBPyConnection) -> None:
        """Keep what this server takes, and since when, inside the caller's transaction."""
        if self._place not in _dialects:
            return
        dialect, now = self.dialect, self._now()
        same = "endpoint = ? AND model = ? AND reply_format = ? AND limit_key = ? AND temperature = ? AND learned_at > ?"
        values = [*self._place, dialect.reply_format, dialect.limit_key, dialect.temperature, now - timedelta(days=DIALECT_DAYS)]
        if not con.execute(f"SELECT 1 FROM store.llm_dialect WHERE {same}", values).fetchall():
            con.execute("DELETE FROM store.llm_dialect WHERE endpoint = ? AND model = ?", list(self._place))
            con.execute("INSERT INTO store.llm_dialect VALUES (?, ?, ?, ?, ?, ?)", [*values[:-1], now])

    def look_up(self, con: duckdb.DuckDBPyConnection, questions: Sequence[Question[Value]]) -> dict[str, tuple[Answer[Value] | None, int]]:
        """What the ledger knows: work id -> (its answer, in how many runs the model could not answer it)."""
        past = known_calls(con, [question.key(self.endpoint.model) for question in questions])
        found = {}
        for question in questions:
            before = past.get(question.key(self.endpoint.model), Past(None, 0))
            if before.reply is not None and self.recordings and not self.recordings.replay:
                self.recordings.keep(question.key(self.endpoint.model), 1, before.reply)
            found[question.work_id] = (_answered_before(question, before), before.failed_runs)
        return found

    def ask_all(self, questions: Sequence[Question[Value]]) -> Iterator[Answer[Value]]:
        """Ask, at most `concurrency` at once, and give each answer as it comes; every question gives exactly one.

        The event loop lives in a thread of its own, so this works inside a flow's loop too. When the caller stops
        early, what is in flight is cancelled and stands in the ledger as interrupted.
        """
        if not questions:
            return
        answers: queue.SimpleQueue[list[Answer[Value]] | BaseException | None] = queue.SimpleQueue()
        started: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None] = queue.SimpleQueue()

        async def work() -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - for the type checker: we are in a task
            started.put((asyncio.get_running_loop(), task))
            basket = _Basket(answers.put)
            try:
                await self._ask_all(questions, basket.add)
            finally:
                basket.hand_over()

        def live() -> None:
            try:
                asyncio.run(work())
            except asyncio.CancelledError:
                answers.put(None)
            except BaseException as error:  # noqa: BLE001 - raised again where the answers are read
                answers.put(error)
            else:
                answers.put(None)
            started.put(None)  # for the case that no loop could be made

        thread = threading.Thread(target=live, name="llm", daemon=True)
        thread.start()
        running = started.get()
        try:
            while (answer := answers.get()) is not None:
                if isinstance(answer, BaseException):
                    raise answer
                yield from answer
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                if running:
                    running[0].call_soon_threadsafe(running[1].cancel)
            thread.join()

    async def _ask_all(self, questions: Sequence[Question[Value]], give: Callable[[Answer[Value]], None]) -> None:
        if self.recordings and self.recordings.replay:
            for question in questions:
                give(self._replayed(question, self.recordings))
            return
        settings = self.settings
        async with contextlib.AsyncExitStack() as closing:
            journal = Journal(self._journal_path)
            closing.callback(journal.close)
            waiting = deque(questions)
            at_once = min(settings.concurrency, len(waiting))
            clients = connect(self.endpoint.base_url, self.endpoint.key, timeout=settings.timeout_seconds, connections=at_once)
            for client in clients:
                closing.push_async_callback(client.close)
            gate = Gate(settings.concurrency)
            pace = Pace(settings.requests_per_minute, settings.tokens_per_minute, begun=_begun.setdefault(self._place, deque()))
            # one at a time until it is known what the server takes, so that not sixteen run into the same wall
            while waiting and self._place not in _dialects:
                give(await self._ask(clients[0], journal, gate, pace, waiting.popleft()))

            async def worker(client: openai.AsyncOpenAI) -> None:
                while waiting:
                    give(await self._ask(client, journal, gate, pace, waiting.popleft()))

            try:
                async with asyncio.TaskGroup() as group:
                    for client in clients:
                        group.create_task(worker(client))
            except BaseExceptionGroup as failures:
                raise failures.exceptions[0] from None

    async def _ask(self, client: openai.AsyncOpenAI, journal: Journal, gate: Gate, pace: Pace, question: Question[Value]) -> Answer[Value]:
        """One question to its end: requests, pauses, one repair."""
        talk = Talk(question, question.most_tokens or self.settings.max_output_tokens)
        while self._asking():
            async with gate:
                most = most_of(self.price, talk.tokens_at_most, talk.most_tokens)
                begun = await pace.begin(most.tokens, still_wanted=self._asking)
                # others may have met a wall while this one waited
                if not (self._asking() and await self._reserve(most)):
                    self.stopped = self.stopped or ModelError(self.budget.reached(most), kind="budget", hint=_BUDGET_HINT)
                    break
                used = self.dialect
                came = await self._request(client, journal, talk, used, most)
                pace.correct(begun, came.usage)
            if came.kind == OK:
                self._failed_in_a_row = 0
                gate.widen()
                return Answer(question, value=talk.value, calls=tuple(talk.calls))
            if not await self._goes_on(talk, came, used, gate):
                return self._failed(talk, came)
        return Answer(question, error=self.stopped, calls=tuple(talk.calls), waiting=True)

    def _replayed(self, question: Question[Value], recordings: Recordings) -> Answer[Value]:
        """What came of a question when it was recorded: the first answer that is worth something, else what was wrong with the last."""
        failed: ModelError | None = None
        try:
            for reply in recordings.replies(question.key(self.endpoint.model)):
                came = read_envelope(reply)
                if came.kind != OK:
                    failed = ModelError(came.message or came.kind, kind=came.kind)
                    continue
                try:
                    return Answer(question, value=question.accept(parse_reply(came.content or "", question.schema.model))[0])
                except ModelError as error:
                    failed = error
        except ModelError as error:
            failed = failed or error
        return Answer(question, error=failed)

    def most_of_batched(self, question: Question[Value]) -> Most:
        """The most a question takes in a batch: one request, neither repaired nor asked again."""
        talk = Talk(question, question.most_tokens or self.settings.max_output_tokens)
        return most_of(self.batch_price, talk.tokens_at_most, talk.most_tokens)

    def judge_batched(self, question: Question[Any] | None, status: int, raw: str) -> tuple[Exchange, str | None]:
        """What an answer of a batch comes to: an exchange with its kind, and a remark for the ledger.

        Without a question (it is another one by now) the answer is only read.
        """
        if status != 200:
            lower = lowered(self.dialect, status, raw)
            if lower is not None:
                _dialects[self._place] = lower
            return Exchange(REDUCED if lower else "bad request", f"HTTP {status} in a batch", raw=raw, status=status), None
        came = read_envelope(raw)
        if came.kind in _REPLIED:
            _dialects.setdefault(self._place, self.dialect)
        if came.kind != OK or question is None:
            return came, None
        try:
            _, remark = question.accept(parse_reply(came.content or "", question.schema.model))
        except ModelError as error:
            return _renamed(came, error.kind, error.message, error.hint), None
        return came, remark

    async def _reserve(self, most: Most) -> bool:
        """Room in the budget for the next request, waited for while only requests in flight stand in the way."""
        while not (reserved := self.budget.reserve(most)) and not self.budget.reached(most) and self._asking():
            await asyncio.sleep(0.02)
        return reserved

    def _asking(self) -> bool:
        return self.stopped is None

    def _failed(self, talk: Talk[Value], came: Exchange) -> Answer[Value]:
        error = ModelError(came.message or came.kind, kind=came.kind, hint=came.hint)
        self._failed_in_a_row = self._failed_in_a_row + 1 if came.kind in _SERVERS_FAULT else 0
        too_long = came.kind == "rate limit" and (came.retry_after or 0) > self.settings.longest_wait_seconds
        if came.kind in _STOPPING or too_long or self._failed_in_a_row >= FAILED_IN_A_ROW:
            self.stopped = error
        return Answer(talk.question, error=error, calls=tuple(talk.calls))

    async def _request(self, client: openai.AsyncOpenAI, journal: Journal, talk: Talk[Value], dialect: Dialect, most: Most) -> Exchange:
        """One request, in the journal before its answer is used."""
        question = talk.question
        body = request_body(
            dialect, self.endpoint.model, talk.messages, question.schema, most_tokens=talk.most_tokens, temperature=question.temperature
        )
        began = time.monotonic()
        came, remark = Exchange("interrupted", "the run was stopped while the answer was due"), None
        try:
            came = await exchange(client, body, timeout=self.settings.timeout_seconds, secret=self.endpoint.key)
            if self.recordings and came.status is None and came.raw is not None:
                talk.recorded += 1
                self.recordings.keep(question.key(self.endpoint.model), talk.recorded, came.raw)
            came, remark = self._judge(talk, came, dialect)
        finally:
            charge = self.budget.settle(most, came.usage, self.price, charged=came.charged)
            call = self._call(talk, came, remark, time.monotonic() - began, charge)
            talk.calls.append(call)
            await journal.append(call)
        return came

    def _judge(self, talk: Talk[Value], came: Exchange, dialect: Dialect) -> tuple[Exchange, str | None]:
        """What an exchange comes to: a value (kept in the talk) with a remark, or the name of what is wrong with it."""
        if came.status is not None and lowered(dialect, came.status, came.raw or ""):
            return _renamed(came, REDUCED), None
        if came.kind in _REPLIED:
            _dialects.setdefault(self._place, dialect)
        if came.kind != OK:
            return came, None
        question = talk.question
        try:
            talk.value, remark = question.accept(parse_reply(came.content or "", question.schema.model))
        except ModelError as error:
            return _renamed(came, error.kind, error.message, error.hint), None
        return came, remark

    async def _goes_on(self, talk: Talk[Value], came: Exchange, used: Dialect, gate: Gate) -> bool:
        """Prepare the next request of a talk; False when there is to be none."""
        if came.kind == REDUCED:
            lower = lowered(used, came.status or 0, came.raw or "")
            if lower is not None and self.dialect == used:
                _dialects[self._place] = lower
            return True
        if came.kind in _REPAIRABLE and not talk.repaired and came.content:
            talk.repair(came)
            return True
        if came.kind == "length" and not talk.extended:
            talk.extended = True
            talk.most_tokens *= 2
            return True
        if came.kind not in TRANSIENT or talk.attempts_left(self.settings.max_attempts, came.kind) <= 0:
            return False
        asked = came.retry_after or 0.0
        if asked > self.settings.longest_wait_seconds:
            return False
        pause = max(asked, talk.pause(self.settings.retry_seconds))
        if came.kind == "rate limit":
            gate.slow_down(pause)
        else:
            await asyncio.sleep(pause)
        return True

    def _call(self, talk: Talk[Value], came: Exchange, remark: str | None, seconds: float, charge: Charge) -> Call:
        question, usage = talk.question, came.usage
        return Call(
            call_id=f"c{uuid.uuid4().hex[:16]}", purpose=question.purpose, work_id=question.work_id, endpoint=self.endpoint.base_url,
            **question.key(self.endpoint.model)._asdict(), tokens_in=usage.sent, tokens_cached=usage.cached, tokens_out=usage.received,
            **charge._asdict(), seconds=round(seconds, 4), status=came.kind, message=remark if came.kind == OK else came.message, reply=came.raw,
            run_id=self._run_id, made_at=self._now(), attempt=len(talk.calls) + 1,
        )  # fmt: skip


class _Basket(Generic[Value]):
    """Hands answers over to the other thread at most twenty times a second: to wake it for each costs both threads."""

    def __init__(self, give: Callable[[list[Answer[Value]]], None]) -> None:
        self._give = give
        self._answers: list[Answer[Value]] = []

    def add(self, answer: Answer[Value]) -> None:
        if not self._answers:
            asyncio.get_running_loop().call_later(HAND_OVER_SECONDS, self.hand_over)
        self._answers.append(answer)

    def hand_over(self) -> None:
        answers, self._answers = self._answers, []
        if answers:
            self._give(answers)


def _answered_before(question: Question[Value], past: Past) -> Answer[Value] | None:
    """The answer as it was accepted then; None when there is none, or when the program has become stricter since."""
    if past.reply is None:
        return None
    try:
        value, _ = question.accept(parse_reply(read_envelope(past.reply).content or "", question.schema.model))
    except ModelError:
        return None
    return Answer(question, value=value, known=True)


def _renamed(came: Exchange, kind: str, message: str | None = None, hint: str | None = None) -> Exchange:
    return replace(came, kind=kind, message=message or came.message, hint=hint or came.hint)
