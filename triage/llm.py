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
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from triage.errors import ModelError, SettingsError
from triage.ledger import OK, Call, CallKey, Journal, Past, journal_path, known_calls
from triage.llm_limits import Budget, Gate
from triage.llm_wire import (
    REDUCED,
    TRANSIENT,
    Dialect,
    Exchange,
    Schema,
    connect,
    exchange,
    lowered,
    parse_reply,
    read_envelope,
    request_body,
)
from triage.prompts import Messages

if TYPE_CHECKING:
    import duckdb
    import openai

    from triage.runs import Run
    from triage.settings import LlmSettings

__all__ = ["Answer", "Endpoint", "LanguageModel", "Question", "find_endpoint", "open_model"]

OPENAI_ADDRESS = "https://api.openai.com/v1"
DIALECT_DAYS = 30
"""After this long a server is asked again for the strictest form: it may have been updated."""
FAILED_IN_A_ROW = 5
"""Papers that failed one after the other for reasons of the server: the rest waits for the next run."""

_STOPPING = frozenset({"authentication", "quota", "unknown model"})
_SERVERS_FAULT = TRANSIENT | {"bad request", "too large"}
_REPAIRABLE = frozenset({"malformed", "wrong value"})
_REPLIED = frozenset({OK, "refusal", "length"})
"""After one of these it is known that the server takes the dialect."""
_LOST = frozenset({"timeout", "interrupted", "too large"})
"""The answer may exist, and be charged, though we do not have it."""
_BUDGET_HINT = "the rest waits for the next run; raise [llm.budget] for more"

Value = TypeVar("Value")


@dataclass(frozen=True)
class Endpoint:
    """Where and whom to ask; `key` is "" for servers that want none, and never leaves this object but as a header."""

    base_url: str
    model: str
    key: str = field(repr=False, default="")


def find_endpoint(settings: LlmSettings, environ: Mapping[str, str]) -> Endpoint | None:
    """What is configured, or None. A key alone means OpenAI (or OPENAI_BASE_URL, the client's own variable).

    With `base_url` in the settings a key is only sent when `key_env` names it: the key of one server is not for
    another. Raises SettingsError when `key_env` names a variable that is not set.
    """
    if not settings.enabled:
        return None
    if settings.key_env and not environ.get(settings.key_env, "").strip():
        raise SettingsError(f"llm.key_env: the environment variable {settings.key_env} is not set", hint="set it, or llm.enabled = false")
    variable = settings.key_env or ("" if settings.base_url else "OPENAI_API_KEY")
    key = environ.get(variable, "").strip() if variable else ""
    if not (key or settings.base_url):
        return None
    if not re.fullmatch(r"[!-~]*", key):
        raise SettingsError(
            f"environment variable {variable}: a key has only printable ASCII characters and no spaces", hint="copy it again"
        )
    base_url = settings.base_url or environ.get("OPENAI_BASE_URL", "").strip().rstrip("/") or OPENAI_ADDRESS
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise SettingsError(
            "environment variable OPENAI_BASE_URL: must be an http(s) address without user name or query", hint="or set llm.base_url"
        )
    return Endpoint(base_url, settings.named_model, key)


@dataclass(frozen=True)
class Question(Generic[Value]):
    """One thing to ask about one work.

    `accept` takes the checked reply and gives what it is worth and a remark for the ledger; it raises ModelError
    for a reply that is worth nothing (of a foreign work, without evidence).
    """

    purpose: str
    work_id: str
    messages: Messages
    schema: Schema
    accept: Callable[[Any], tuple[Value, str | None]]
    prompt_hash: str
    taxonomy_version: str
    temperature: float | None = None
    most_tokens: int | None = None

    def key(self, model: str) -> CallKey:
        return CallKey(self.prompt_hash, self.schema.hash, self.taxonomy_version, model, self.messages.sha256)


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """What came of a question: a value, or an error. `calls` are the requests made for it (none when the ledger
    knew the answer), `waiting` says that it was not asked (to the end) and is due again."""

    question: Question[Value]
    value: Value | None = None
    error: ModelError | None = None
    calls: tuple[Call, ...] = ()
    known: bool = False
    waiting: bool = False


_dialects: dict[tuple[str, str], Dialect] = {}
"""What each server of this process takes, by (address, model)."""


def open_model(run: Run, *, environ: Mapping[str, str]) -> LanguageModel | None:
    """The configured model with what the warehouse remembers of it; None when none is configured."""
    endpoint = find_endpoint(run.settings.llm, environ)
    if endpoint is None:
        return None
    with run.warehouse.burst() as con:
        month = con.execute(
            "SELECT coalesce(sum(cost), 0) FROM store.llm_call WHERE made_at >= date_trunc('month', CAST(? AS TIMESTAMP))", [run.now()]
        )
        spent = float(month.fetchall()[0][0])
        learned = con.execute(
            "SELECT reply_format, limit_key, temperature FROM store.llm_dialect WHERE endpoint = ? AND model = ? AND learned_at > ?",
            [endpoint.base_url, endpoint.model, run.now() - timedelta(days=DIALECT_DAYS)],
        ).fetchall()
    if learned:
        dialect = Dialect(reply_format=learned[0][0], limit_key=learned[0][1], temperature=learned[0][2])
        _dialects.setdefault((endpoint.base_url, endpoint.model), dialect)
    return LanguageModel(run, endpoint, spent_this_month=spent)


class LanguageModel:
    """One model behind one server, for one run: asks with concurrency, retries, budget and ledger."""

    def __init__(self, run: Run, endpoint: Endpoint, *, spent_this_month: float = 0.0) -> None:
        self.endpoint = endpoint
        self.settings: LlmSettings = run.settings.llm
        self._run_id = run.id
        self._now: Callable[[], datetime] = run.now
        self._journal_path = journal_path(run.workspace)
        price = self.settings.prices.get(endpoint.model)
        self.budget = Budget(self.settings.budget, price, spent_this_month)
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
            found[question.work_id] = (_answered_before(question, before), before.failed_runs)
        return found

    def ask_all(self, questions: Sequence[Question[Value]]) -> Iterator[Answer[Value]]:
        """Ask, at most `concurrency` at once, and give each answer as it comes; every question gives exactly one.

        The event loop lives in a thread of its own, so this works inside a flow's loop too. When the caller stops
        early, what is in flight is cancelled and stands in the ledger as interrupted.
        """
        if not questions:
            return
        answers: queue.SimpleQueue[Answer[Value] | BaseException | None] = queue.SimpleQueue()
        started: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None] = queue.SimpleQueue()

        async def work() -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - for the type checker: we are in a task
            started.put((asyncio.get_running_loop(), task))
            await self._ask_all(questions, answers.put)

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
                yield answer
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                if running:
                    running[0].call_soon_threadsafe(running[1].cancel)
            thread.join()

    async def _ask_all(self, questions: Sequence[Question[Value]], give: Callable[[Answer[Value]], None]) -> None:
        settings = self.settings
        async with contextlib.AsyncExitStack() as closing:
            journal = Journal(self._journal_path)
            closing.callback(journal.close)
            client = connect(self.endpoint.base_url, self.endpoint.key, timeout=settings.timeout_seconds, connections=settings.concurrency)
            closing.push_async_callback(client.close)
            waiting, gate = deque(questions), Gate(settings.concurrency)
            # one at a time until it is known what the server takes, so that not sixteen run into the same wall
            while waiting and self._place not in _dialects:
                give(await self._ask(client, journal, gate, waiting.popleft()))

            async def worker() -> None:
                while waiting:
                    give(await self._ask(client, journal, gate, waiting.popleft()))

            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(settings.concurrency, len(waiting))):
                        group.create_task(worker())
            except BaseExceptionGroup as failures:
                raise failures.exceptions[0] from None

    async def _ask(self, client: openai.AsyncOpenAI, journal: Journal, gate: Gate, question: Question[Value]) -> Answer[Value]:
        """One question to its end: requests, pauses, one repair."""
        talk = _Talk(question, question.most_tokens or self.settings.max_output_tokens)
        while self._asking():
            async with gate:
                # others may have met a wall while this one waited
                reserved = await self._reserve(talk) if self._asking() else None
                if reserved is None:
                    self.stopped = self.stopped or ModelError(self.budget.reached, kind="budget", hint=_BUDGET_HINT)
                    break
                used = self.dialect
                came = await self._request(client, journal, talk, used, reserved)
            if came.kind == OK:
                self._failed_in_a_row = 0
                gate.widen()
                return Answer(question, value=talk.value, calls=tuple(talk.calls))
            if not await self._goes_on(talk, came, used, gate):
                return self._failed(talk, came)
        return Answer(question, error=self.stopped, calls=tuple(talk.calls), waiting=True)

    async def _reserve(self, talk: _Talk[Value]) -> float | None:
        """Room in the budget for the next request, waited for while only requests in flight stand in the way."""
        while (reserved := self.budget.reserve(talk.characters, talk.most_tokens)) is None and not self.budget.reached and self._asking():
            await asyncio.sleep(0.02)
        return reserved

    def _asking(self) -> bool:
        return self.stopped is None

    def _failed(self, talk: _Talk[Value], came: Exchange) -> Answer[Value]:
        error = ModelError(came.message or came.kind, kind=came.kind, hint=came.hint)
        self._failed_in_a_row = self._failed_in_a_row + 1 if came.kind in _SERVERS_FAULT else 0
        too_long = came.kind == "rate limit" and (came.retry_after or 0) > self.settings.longest_wait_seconds
        if came.kind in _STOPPING or too_long or self._failed_in_a_row >= FAILED_IN_A_ROW:
            self.stopped = error
        return Answer(talk.question, error=error, calls=tuple(talk.calls))

    async def _request(
        self, client: openai.AsyncOpenAI, journal: Journal, talk: _Talk[Value], dialect: Dialect, reserved: float
    ) -> Exchange:
        """One request, in the journal before its answer is used."""
        question = talk.question
        body = request_body(
            dialect, self.endpoint.model, talk.messages, question.schema, most_tokens=talk.most_tokens, temperature=question.temperature
        )
        began = time.monotonic()
        came, remark = Exchange("interrupted", "the run was stopped while the answer was due"), None
        try:
            came = await exchange(client, body, timeout=self.settings.timeout_seconds, secret=self.endpoint.key)
            came, remark = self._judge(talk, came, dialect)
        finally:
            cost = self.budget.settle(reserved, came.usage, lost=came.kind in _LOST)
            call = self._call(talk, came, remark, time.monotonic() - began, cost)
            talk.calls.append(call)
            await journal.append(call)
        return came

    def _judge(self, talk: _Talk[Value], came: Exchange, dialect: Dialect) -> tuple[Exchange, str | None]:
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

    async def _goes_on(self, talk: _Talk[Value], came: Exchange, used: Dialect, gate: Gate) -> bool:
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

    def _call(self, talk: _Talk[Value], came: Exchange, remark: str | None, seconds: float, cost: float | None) -> Call:
        question, usage = talk.question, came.usage
        return Call(
            call_id=f"c{uuid.uuid4().hex[:16]}", purpose=question.purpose, work_id=question.work_id, endpoint=self.endpoint.base_url,
            **question.key(self.endpoint.model)._asdict(), tokens_in=usage.sent, tokens_cached=usage.cached, tokens_out=usage.received,
            cost=cost, seconds=round(seconds, 4), status=came.kind, message=remark if came.kind == OK else came.message, reply=came.raw,
            run_id=self._run_id, made_at=self._now(), attempt=len(talk.calls) + 1,
        )  # fmt: skip


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
    return Exchange(kind, message or came.message, hint or came.hint, came.content, came.raw, came.usage, came.status, came.retry_after)


class _Talk(Generic[Value]):
    """The requests for one question: what was said so far and which second chances are used up."""

    def __init__(self, question: Question[Value], most_tokens: int) -> None:
        self.question = question
        self.most_tokens = most_tokens
        self.messages = [{"role": "system", "content": question.messages.system}, {"role": "user", "content": question.messages.user}]
        self.calls: list[Call] = []
        self.value: Value | None = None
        self.repaired = False
        self.extended = False

    @property
    def characters(self) -> int:
        """How much the next request sends, at most."""
        return sum(len(message["content"]) for message in self.messages) + len(self.question.schema.text)

    def attempts_left(self, most: int, kind: str) -> int:
        """A busy server gets more patience than a broken one: the pauses between are its own wish."""
        tried = sum(call.status in TRANSIENT for call in self.calls)
        return (most * 3 if kind == "rate limit" else most) - tried

    def pause(self, first: float) -> float:
        """Seconds: doubled with each failure, at most a minute; spread by the work's id, so that not all come back at once."""
        tried = sum(call.status in TRANSIENT for call in self.calls)
        spread = 0.75 + int(self.question.messages.sha256[:4], 16) / 0xFFFF / 2
        return float(min(60.0, first * 2 ** (tried - 1))) * spread

    def repair(self, came: Exchange) -> None:
        """Show the model its reply and what is wrong with it, once."""
        self.repaired = True
        complaint = f"That reply cannot be used: {came.message}\nReply again, for the same paper. {self.question.schema.in_words}"
        said = (came.content or "")[:8000].encode("utf-8", "replace").decode("utf-8")
        self.messages += [{"role": "assistant", "content": said}, {"role": "user", "content": complaint}]
