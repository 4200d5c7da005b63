"""One round of questions: put to a model by several threads, each with a line of its own to the server.

A request's whole life is here: the limits it waits for, the row it leaves in the journal before its answer is used, and
what comes next when it failed. What the threads share is changed by one of them at a time.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from triage.errors import ModelError
from triage.ledger import OK, Call, Journal
from triage.llm_limits import Charge, Gate, Pace
from triage.llm_line import INTERRUPTED, Line
from triage.llm_prices import Most, most_of
from triage.llm_questions import Answer, Question, Talk
from triage.llm_wire import REDUCED, TRANSIENT, Exchange, lowered, parse_reply, request_body

if TYPE_CHECKING:
    from pathlib import Path

    from triage.llm import LanguageModel

__all__ = ["REPLIED", "Asking", "accepted"]

FAILED_IN_A_ROW = 5
"""Papers that failed one after the other for reasons of the server: the rest waits for the next run."""

HAND_OVER_SECONDS = 0.2
"""How long an answer may wait for others on its way to the caller: to wake him for each costs both threads."""

_STOPPING = frozenset({"authentication", "quota", "unknown model"})
_SERVERS_FAULT = TRANSIENT | {"bad request", "too large"}
_REPAIRABLE = frozenset({"malformed", "wrong value"})
REPLIED = frozenset({OK, "refusal", "length"})
"""After one of these it is known that the server takes the dialect."""
_BUDGET_HINT = "the rest waits for the next run; raise [llm.budget] for more"

Value = TypeVar("Value")


class Asking(Generic[Value]):
    """As many questions at once as there are lines. What the round learns of the server and why it ended stays with the model."""

    def __init__(
        self, model: LanguageModel, questions: Sequence[Question[Value]], lines: Sequence[Line], *, journal: Path, begun: deque[list[float]]
    ) -> None:
        settings = model.settings
        self._model = model
        self._settings = settings
        self._waiting = deque(questions)
        self._lines = lines
        self._at_work = len(lines)
        self._gate = Gate(settings.concurrency)
        self._pace = Pace(settings.requests_per_minute, settings.tokens_per_minute, begun=begun)
        self._journal = Journal(journal)
        self._turn = threading.Lock()
        self._came: queue.SimpleQueue[Answer[Value] | BaseException | None] = queue.SimpleQueue()
        """Answers; what broke a thread; None from each thread that has ended."""
        self._understood = threading.Event()
        """It is known what the server takes, or nobody is left to find out."""
        self._ended = threading.Event()
        """All threads have ended by themselves."""
        self._over = threading.Event()
        """Nobody wants more answers."""

    def answers(self) -> Iterator[Answer[Value]]:
        """Each answer as it comes; every question gives exactly one. When the caller stops early, what is in flight is
        cut off and stands in the ledger as interrupted."""
        threads = [threading.Thread(target=self._watch, name="llm watch", daemon=True)]
        for number, line in enumerate(self._lines):
            threads.append(threading.Thread(target=self._work, args=(line, number == 0), name=f"llm {number}", daemon=True))
        started = []
        try:
            for thread in threads:
                thread.start()
                started.append(thread)
            yield from self._given()
        finally:
            self._over.set()
            for line in self._lines:
                line.cut()
            for thread in started:
                thread.join()
            for line in self._lines:
                line.close()
            self._journal.close()

    def _given(self) -> Iterator[Answer[Value]]:
        working = len(self._lines)
        while working:
            came = [self._came.get()]
            self._ended.wait(HAND_OVER_SECONDS)
            while not self._came.empty():
                came.append(self._came.get())
            for one in came:
                if isinstance(one, BaseException):
                    raise one
                if one is None:
                    working -= 1
                else:
                    yield one

    def _watch(self) -> None:
        """A server that sends a byte now and then keeps every read short and the whole answer long."""
        while not self._over.wait(min(1.0, self._settings.timeout_seconds / 10)):
            now = time.monotonic()
            for line in self._lines:
                line.cut_if_late(now)

    def _work(self, line: Line, is_first: bool) -> None:
        try:
            # one at a time until it is known what the server takes, so that not sixteen run into the same wall
            while is_first and not self._model.is_understood and (question := self._next()):
                self._came.put(self._ask(line, question))
            if is_first:
                self._understood.set()
            self._understood.wait()
            while question := self._next():
                self._came.put(self._ask(line, question))
        except BaseException as error:  # noqa: BLE001 - raised again where the answers are read
            self._over.set()
            self._came.put(error)
        finally:
            self._understood.set()
            with self._turn:
                self._at_work -= 1
                if not self._at_work:
                    self._ended.set()
            self._came.put(None)

    def _next(self) -> Question[Value] | None:
        try:
            return None if self._over.is_set() else self._waiting.popleft()
        except IndexError:
            return None

    def _asking(self) -> bool:
        return self._model.stopped is None and not self._over.is_set()

    def _ask(self, line: Line, question: Question[Value]) -> Answer[Value]:
        """One question to its end: requests, pauses, one repair."""
        talk = Talk(question, question.most_tokens or self._settings.max_output_tokens)
        while self._gate.enter(self._asking):
            try:
                came = self._within_limits(line, talk)
            finally:
                self._gate.leave()
            if came is None:
                break
            if came.kind == OK:
                self._model.failed_in_a_row = 0
                self._gate.widen()
                return Answer(question, value=talk.value, calls=tuple(talk.calls))
            if not self._goes_on(talk, came):
                return self._failed(talk, came)
        return Answer(question, error=self._model.stopped, calls=tuple(talk.calls), waiting=True)

    def _within_limits(self, line: Line, talk: Talk[Value]) -> Exchange | None:
        """The next request, when there is room for it; None when there will be none."""
        most = most_of(self._model.price, talk.tokens_at_most, talk.most_tokens)
        begun = self._pace.begin(most.tokens, still_wanted=self._asking)
        if not self._reserve(most):
            return None
        came = self._request(line, talk, most)
        self._pace.correct(begun, came.usage)
        return came

    def _reserve(self, most: Most) -> bool:
        """Room in the budget for the next request, waited for while only requests in flight stand in the way."""
        budget = self._model.budget
        while self._asking():
            if budget.reserve(most):
                return True
            reached = budget.reached(most)
            if reached:
                self._stop(ModelError(reached, kind="budget", hint=_BUDGET_HINT))
            self._over.wait(0.02)
        return False

    def _stop(self, why: ModelError) -> None:
        with self._turn:
            self._model.stopped = self._model.stopped or why

    def _request(self, line: Line, talk: Talk[Value], most: Most) -> Exchange:
        """One request, in the journal before its answer is used."""
        question, model = talk.question, self._model
        talk.dialect = model.dialect
        body = request_body(
            talk.dialect,
            model.endpoint.model,
            talk.messages,
            question.schema,
            most_tokens=talk.most_tokens,
            temperature=question.temperature,
        )
        began = time.monotonic()
        came, remark = Exchange("interrupted", INTERRUPTED), None
        try:
            came = line.exchange(body)
            with self._turn:
                came, remark = self._judge(talk, came)
        finally:
            charge = model.budget.settle(most, came.usage, model.price, charged=came.charged)
            call = self._call(talk, came, remark, time.monotonic() - began, charge)
            talk.calls.append(call)
            self._journal.append(call)
        return came

    def _judge(self, talk: Talk[Value], came: Exchange) -> tuple[Exchange, str | None]:
        """What an exchange comes to: a value (kept in the talk) with a remark, or the name of what is wrong with it."""
        model, question = self._model, talk.question
        if model.recordings and came.status is None and came.raw is not None:
            talk.recorded += 1
            model.recordings.keep(question.key(model.endpoint.model), talk.recorded, came.raw)
        if came.status is not None and lowered(talk.dialect, came.status, came.raw or ""):
            return replace(came, kind=REDUCED), None
        if came.kind in REPLIED:
            model.understood(talk.dialect)
        if came.kind != OK:
            return came, None
        worth = accepted(question, came)
        came, talk.value, remark = worth
        return came, remark

    def _goes_on(self, talk: Talk[Value], came: Exchange) -> bool:
        """Prepare the next request of a talk; False when there is to be none."""
        if came.kind == REDUCED:
            with self._turn:
                self._model.lower(talk.dialect, came)
            return True
        if came.kind in _REPAIRABLE and not talk.repaired and came.content:
            talk.repair(came)
            return True
        if came.kind == "length" and not talk.extended:
            talk.extended = True
            talk.most_tokens *= 2
            return True
        if came.kind not in TRANSIENT or talk.attempts_left(self._settings.max_attempts, came.kind) <= 0:
            return False
        asked = came.retry_after or 0.0
        if asked > self._settings.longest_wait_seconds:
            return False
        pause = max(asked, talk.pause(self._settings.retry_seconds))
        if came.kind == "rate limit":
            self._gate.slow_down(pause)
        else:
            self._over.wait(pause)
        return True

    def _failed(self, talk: Talk[Value], came: Exchange) -> Answer[Value]:
        model = self._model
        error = ModelError(came.message or came.kind, kind=came.kind, hint=came.hint)
        too_long = came.kind == "rate limit" and (came.retry_after or 0) > self._settings.longest_wait_seconds
        with self._turn:
            model.failed_in_a_row = model.failed_in_a_row + 1 if came.kind in _SERVERS_FAULT else 0
            if came.kind in _STOPPING or too_long or model.failed_in_a_row >= FAILED_IN_A_ROW:
                model.stopped = error
        return Answer(talk.question, error=error, calls=tuple(talk.calls))

    def _call(self, talk: Talk[Value], came: Exchange, remark: str | None, seconds: float, charge: Charge) -> Call:
        question, usage, model = talk.question, came.usage, self._model
        return Call(
            call_id=f"c{uuid.uuid4().hex[:16]}", purpose=question.purpose, work_id=question.work_id, endpoint=model.endpoint.base_url,
            **question.key(model.endpoint.model)._asdict(), tokens_in=usage.sent, tokens_cached=usage.cached, tokens_out=usage.received,
            **charge._asdict(), seconds=round(seconds, 4), status=came.kind, message=remark if came.kind == OK else came.message, reply=came.raw,
            run_id=model.run_id, made_at=model.now(), attempt=len(talk.calls) + 1,
        )  # fmt: skip


def accepted(question: Question[Value], came: Exchange) -> tuple[Exchange, Value | None, str | None]:
    """What a whole reply is worth: the exchange with its value and a remark, or named after what is wrong with it."""
    try:
        value, remark = question.accept(parse_reply(came.content or "", question.schema.model))
    except ModelError as error:
        return replace(came, kind=error.kind, message=error.message or came.message, hint=error.hint or came.hint), None, None
    return came, value, remark
