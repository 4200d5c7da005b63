"""Questions to a language model, what comes of them, and how many requests one of them may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from triage.errors import ModelError
from triage.ledger import Call, CallKey
from triage.llm_prices import tokens_at_most
from triage.llm_wire import TRANSIENT, Dialect, Exchange, Schema
from triage.prompts import Messages

__all__ = ["Answer", "Question", "Talk"]

Value = TypeVar("Value")


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


class Talk(Generic[Value]):
    """The requests for one question: what was said so far and which second chances are used up."""

    def __init__(self, question: Question[Value], most_tokens: int) -> None:
        self.question = question
        self.most_tokens = most_tokens
        self.messages = question.messages.as_sent
        self.calls: list[Call] = []
        self.value: Value | None = None
        self.dialect = Dialect()
        self.repaired = False
        self.extended = False
        self.recorded = 0

    @property
    def tokens_at_most(self) -> int:
        """How much the next request sends, at most: the schema goes in words, beside the messages, or both."""
        schema = self.question.schema
        return sum(tokens_at_most(text) for text in (*(message["content"] for message in self.messages), schema.in_words, schema.text))

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
