"""The words of a request to an OpenAI-compatible server: what is sent, how the answer is read, what each failure is called.

Servers differ in what they take. A `Dialect` says what one of them takes, and `lowered` what to try next when it
says no: a strict schema, a JSON object with the schema beside it, plain words; `max_tokens` or its newer name;
a temperature or none.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast

from pydantic import BaseModel, ValidationError

from triage.errors import ModelError
from triage.models import Frozen
from triage.text import clean_line

if TYPE_CHECKING:
    import openai

__all__ = [
    "REDUCED", "TRANSIENT", "Dialect", "Exchange", "Schema", "Usage", "lowered", "parse_reply", "read_envelope", "request_body", "status_failure",
]  # fmt: skip

TRANSIENT = frozenset({"timeout", "connection", "rate limit", "server error", "empty"})
"""Failures that may be gone a moment later."""

REDUCED = "unsupported"
"""The server does not take this dialect; the next lower one is tried."""

Reply = TypeVar("Reply", bound=BaseModel)


class Dialect(Frozen):
    """What a server takes. The first value of each is tried first."""

    reply_format: Literal["json_schema", "json_object", "plain"] = "json_schema"
    limit_key: Literal["max_tokens", "max_completion_tokens", "none"] = "max_tokens"
    temperature: bool = True


class Usage(NamedTuple):
    """Tokens as the server counted them; None where it did not say."""

    sent: int | None = None
    cached: int | None = None
    received: int | None = None


@dataclass(frozen=True)
class Exchange:
    """One request and what came of it. `kind` is "ok" or the name of the failure; `raw` is the body as it came,
    `status` the HTTP status of an error, `sent` whether the request can have left the machine."""

    kind: str
    message: str | None = None
    hint: str | None = None
    content: str | None = None
    raw: str | None = None
    usage: Usage = field(default_factory=Usage)
    status: int | None = None
    retry_after: float | None = None
    sent: bool = True

    @property
    def charged(self) -> bool:
        """Whether it may be charged where its tokens are not known: a good answer, or one that was lost. Errors are not."""
        return self.sent and self.status is None


class Schema:
    """The JSON schema of a reply model, as strict servers want it: no defaults, no free dicts, nothing optional."""

    def __init__(self, model: type[BaseModel], name: str) -> None:
        self.model = model
        self.name = name
        self.json = model.model_json_schema()
        self.text = json.dumps(self.json, ensure_ascii=False, sort_keys=True)
        self.hash = hashlib.sha256(self.text.encode("utf-8")).hexdigest()[:16]
        self.in_words = f"Reply with one JSON object and nothing else, no code fence. It must fit this JSON schema:\n{self.text}"
        """For servers that do not take a schema."""


def request_body(
    dialect: Dialect, model: str, messages: Sequence[Mapping[str, str]], schema: Schema, *, most_tokens: int, temperature: float | None
) -> dict[str, Any]:
    """The body for `chat/completions`. The schema in words joins the first message, which is the stable part."""
    sent = [dict(message) for message in messages]
    body: dict[str, Any] = {"model": model, "messages": sent}
    if dialect.reply_format == "json_schema":
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": schema.name, "strict": True, "schema": schema.json}}
    else:
        sent[0]["content"] += f"\n\n{schema.in_words}"
    if dialect.reply_format == "json_object":
        body["response_format"] = {"type": "json_object", "schema": schema.json}
    if dialect.limit_key != "none":
        body[dialect.limit_key] = most_tokens
    if dialect.temperature and temperature is not None:
        body["temperature"] = temperature
    return body


_FORMAT = re.compile(r"response_format|json_schema|json_object|guided_json|grammar", re.IGNORECASE)
_UNWELCOME = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed|extra|instead", re.IGNORECASE
)
_REFUSING = frozenset({400, 404, 415, 422, 500, 501})


def lowered(dialect: Dialect, status: int, text: str) -> Dialect | None:
    """What to try next when an error says that the server does not take this dialect; None when it says something else."""
    if status not in _REFUSING:
        return None
    if dialect.reply_format != "plain" and _FORMAT.search(text):
        return dialect.model_copy(update={"reply_format": "json_object" if dialect.reply_format == "json_schema" else "plain"})
    if not _UNWELCOME.search(text):
        return None
    if dialect.temperature and "temperature" in text:
        return dialect.model_copy(update={"temperature": False})
    if dialect.limit_key != "none" and dialect.limit_key in text:
        return dialect.model_copy(update={"limit_key": "max_completion_tokens" if dialect.limit_key == "max_tokens" else "none"})
    return None


_STOPS = {
    401: ("authentication", "the server does not accept the key", "check the key in the environment, and llm.key_env"),
    402: ("quota", "the server wants to be paid", "check your account there"),
    403: ("authentication", "the server does not allow this", "check the key in the environment, and what it may do"),
    404: ("unknown model", "the server does not know this address or model", "check llm.base_url and llm.model"),
}


def status_failure(error: openai.APIStatusError, raw: str) -> Exchange:
    """A name for an HTTP error, from its status and what it says."""
    status, said = error.status_code, _said(raw)
    retry_after = _retry_after(error.response.headers)
    kind, what, hint = "bad request", "the server refused the request", None
    if status in _STOPS:
        kind, what, hint = _STOPS[status]
    elif status == 429 and re.search(r"insufficient_quota|billing|credit", raw):
        kind, what, hint = _STOPS[402]
    elif status == 429:
        kind, what = "rate limit", "too many requests"
    elif status >= 500 or status in {408, 409}:
        kind, what = "server error", "the server failed"
    elif status < 400:
        what, hint = "the server sends elsewhere, which is not followed", "put the final address into llm.base_url"
    elif re.search(r"content_filter|content_policy|content management policy", raw):
        kind, what = "content filter", "a content filter refused the paper"
    return Exchange(kind, f"{what} (HTTP {status}): {said}", hint, raw=raw, status=status, retry_after=retry_after)


def _said(raw: str) -> str:
    """The message in an error body, one line."""
    try:
        body = json.loads(raw)
        error = body.get("error", body)
        said = error.get("message") if isinstance(error, dict) else error
    except (ValueError, AttributeError, RecursionError):
        said = None
    return clean_line(said if isinstance(said, str) else raw)[:300]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` (seconds or a date, RFC 9110 10.2.3)."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        if re.fullmatch(r"\d{1,9}(\.\d+)?", value.strip()):
            return float(value) * factor
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return None


def read_envelope(raw: str) -> Exchange:
    """The words in a chat completion, or why there are none."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return Exchange("server error", "the server answered something that is not JSON", raw=raw)
    if not isinstance(body, dict):
        return Exchange("server error", "the server answered something that is no chat completion", raw=raw)
    if body.get("error"):
        # some gateways say 200 and put the failure inside
        return Exchange("server error", f"the server failed: {_said(raw)}", raw=raw)
    usage = _usage(body.get("usage"))
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return Exchange("empty", "the answer holds no message", raw=raw, usage=usage)
    kind, why, content = _content(message, choice.get("finish_reason"))
    return Exchange(kind, why, content=content, raw=raw, usage=usage)


def _content(message: Mapping[str, Any], finish: object) -> tuple[str, str | None, str | None]:
    content = message.get("content")
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal.strip():
        return "refusal", f"the model refused: {clean_line(refusal)[:300]}", None
    if finish == "content_filter":
        return "content filter", "a content filter cut the reply", None
    if finish == "length":
        return "length", "the reply was cut at the limit of tokens", None
    if not isinstance(content, str) or not content.strip():
        return "empty", "the reply is empty", None
    return "ok", None, content


def _usage(value: object) -> Usage:
    if not isinstance(value, dict):
        return Usage()
    details = value.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return Usage(_count(value.get("prompt_tokens")), _count(cached), _count(value.get("completion_tokens")))


def _count(value: object) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
    return cast("int", value) if good else None


_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)


def parse_reply(content: str, model: type[Reply]) -> Reply:
    """The one JSON object in a reply, checked. Code fences, thoughts and words around it are passed over.

    Raises ModelError of kind "malformed" (no such object, missing or foreign keys) or "wrong value" (outside
    what the field allows); the message is what a repair shows the model.
    """
    text = _THOUGHT.sub("", content)
    start = text.find("{")
    try:
        if start < 0:
            raise ValueError("there is no JSON object in the reply")
        value, _ = json.JSONDecoder(object_pairs_hook=_once).raw_decode(text, start)
        return model.model_validate(value, strict=False)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        wrong = all(fault["type"] in {"literal_error", "value_error", "enum"} for fault in faults)
        said = "; ".join(f"{'.'.join(str(p) for p in fault['loc']) or 'the reply'}: {fault['msg']}" for fault in faults[:5])
        raise ModelError(clean_line(said)[:600], kind="wrong value" if wrong else "malformed") from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"not valid JSON: {clean_line(str(error))[:300]}", kind="malformed") from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
