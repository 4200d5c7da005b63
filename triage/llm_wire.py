"""One request to an OpenAI-compatible server: what is sent, how the answer is read, what each failure is called.

Servers differ in what they take. A `Dialect` says what one of them takes, and `lowered` what to try next when it
says no: a strict schema, a JSON object with the schema beside it, plain words; `max_tokens` or its newer name;
a temperature or none.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from triage.errors import ModelError
from triage.models import Frozen
from triage.text import clean_line

if TYPE_CHECKING:
    import httpx2
    import openai

__all__ = [
    "LARGEST_REPLY", "REDUCED", "TRANSIENT", "Dialect", "Exchange", "Schema", "Usage", "connect", "connect_plainly", "exchange", "lowered", "parse_reply",
    "read_envelope", "request_body", "status_failure",
]  # fmt: skip

LARGEST_REPLY = 2_000_000
"""Bytes of an answer; a reply of 1,200 tokens has some 6,000."""

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

    @property
    def in_words(self) -> str:
        """For servers that do not take a schema."""
        return f"Reply with one JSON object and nothing else, no code fence. It must fit this JSON schema:\n{self.text}"


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


def connect(base_url: str, key: str, *, timeout: float, connections: int) -> list[openai.AsyncOpenAI]:
    """Clients for one event loop, one for each connection: one request each time (we retry ourselves, so that every
    request is counted), no redirects (a paper and a key go to the server that was named), bounded answers.

    A pool looks at all of its connections for every request, which costs a fifth of the call with sixteen of them.
    """
    import httpx2

    tls = httpx2.create_ssl_context()  # slow to make, so made once
    asynchronous, _ = _client_classes()

    def client() -> openai.AsyncOpenAI:
        http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(timeout),
            follow_redirects=False,
            # an answer that is not compressed cannot unfold; the hook counts what comes
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_bound]},
            trust_env=_may_be_behind_a_proxy(base_url),
            verify=tls,
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1),
        )
        return asynchronous(base_url=base_url, api_key=key or "none", max_retries=0, timeout=timeout, http_client=http)

    return [client() for _ in range(connections)]


class _Reticent:
    """Mixed into a client: tells a server nothing of this machine. Six headers less are a twentieth of a request's cost, too."""

    def platform_headers(self) -> dict[str, str]:
        return {}


@lru_cache(maxsize=1)
def _client_classes() -> tuple[type[openai.AsyncOpenAI], type[openai.OpenAI]]:
    import openai

    # their names go into the user agent, as servers know it
    class AsyncOpenAI(_Reticent, openai.AsyncOpenAI):
        pass

    class OpenAI(_Reticent, openai.OpenAI):
        pass

    return AsyncOpenAI, OpenAI


def connect_plainly(base_url: str, key: str, *, timeout: float) -> openai.OpenAI:
    """The same without a loop and without the bound on answers: for files, which have their own."""
    import httpx2

    http = httpx2.Client(
        timeout=httpx2.Timeout(timeout),
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        trust_env=_may_be_behind_a_proxy(base_url),
    )
    _, plain = _client_classes()
    return plain(base_url=base_url, api_key=key or "none", max_retries=0, timeout=timeout, http_client=http)


def _may_be_behind_a_proxy(base_url: str) -> bool:
    """A server on this machine is not behind the proxy of the environment."""
    return (urlsplit(base_url).hostname or "") not in {"localhost", "127.0.0.1", "::1"}


class _TooLargeError(Exception):
    """An answer beyond LARGEST_REPLY, or a compressed one."""


async def _bound(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise _TooLargeError("the answer is compressed, though it was asked not to be")
    response.stream = _bounded_stream()(response.stream)


@lru_cache(maxsize=1)
def _bounded_stream() -> Callable[[Any], httpx2.AsyncByteStream]:
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in self._stream:
                size += len(chunk)
                if size > LARGEST_REPLY:
                    raise _TooLargeError(f"the answer is larger than {LARGEST_REPLY} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    return Bounded


async def exchange(client: openai.AsyncOpenAI, body: dict[str, Any], *, timeout: float, secret: str) -> Exchange:
    """Send one request and read the answer's envelope. Never raises for what a server can do; the key is nowhere in the result."""
    import httpx2
    import openai

    def clean(text: str) -> str:
        return (text.replace(secret, "[key]") if secret else text).replace("\x00", "")

    try:
        async with asyncio.timeout(timeout):
            # a whole address spares the client from taking its own apart for each request; that one ends in a slash
            response = await client.post(f"{client.base_url}chat/completions", cast_to=httpx2.Response, body=body)
        return read_envelope(clean(response.content.decode("utf-8", "replace")))
    except (TimeoutError, openai.APITimeoutError):
        return Exchange("timeout", f"no whole answer within {timeout:g} s", hint="raise llm.timeout_seconds, or ask a faster model")
    except openai.APIStatusError as error:
        return status_failure(error, clean(error.response.content.decode("utf-8", "replace")))
    except openai.APIConnectionError as error:
        if isinstance(error.__cause__, _TooLargeError):
            return Exchange("too large", str(error.__cause__))
        reason = clean(clean_line(str(error.__cause__ or error)))
        sent = not isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
        return Exchange(
            "connection", f"the connection failed: {reason[:300]}", hint="is the server running, and llm.base_url right?", sent=sent
        )
    except _TooLargeError as error:
        return Exchange("too large", str(error))


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
