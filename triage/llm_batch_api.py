"""The Batch API of an OpenAI-compatible server: a file of requests, answered within a day at a lower price.

    desk = BatchDesk(endpoint, timeout=60)
    batch_id = desk.submit(intent, lines)        # or, after a kill: desk.find(intent)
    state = desk.look(batch_id)
    for result in desk.results(state): ...       # when state.ended

Every failure of the server is a ModelError; nothing here knows what the requests are about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from triage.errors import ModelError
from triage.llm_line import LARGEST_REPLY, plain_client
from triage.llm_wire import status_failure
from triage.text import clean_line

if TYPE_CHECKING:
    import openai

    from triage.llm import Endpoint

__all__ = ["LARGEST_BATCH", "UNCERTAIN", "BatchDesk", "BatchResult", "BatchState", "chunks"]

LARGEST_BATCH = 2000
"""Requests in one batch: a file of some 20 MB, well below what servers take (50,000 and 200 MB at OpenAI)."""
LARGEST_RESULT = 200_000_000
"""Bytes of a file of answers."""
MARK = "triage_intent"
"""Key of the batch's metadata that holds our id for it."""
_MOST_LISTED = 2000
UNCERTAIN = frozenset({"connection", "timeout", "server error"})
"""Failures after which a batch may have arrived all the same; any other is the server's no."""
_OPEN = frozenset({"validating", "in_progress", "finalizing", "cancelling"})

Value = TypeVar("Value")


class BatchState(NamedTuple):
    """How a batch is at the server: its own word, whether that is final, and the files of answers."""

    status: str
    ended: bool
    files: tuple[str, ...]


class BatchResult(NamedTuple):
    """One line of a file of answers: whose it is, the HTTP status, and the body as JSON text."""

    custom_id: str
    status: int
    raw: str


class BatchDesk:
    """The batches of one server. One request each time; what fails is tried again by the next run."""

    def __init__(self, endpoint: Endpoint, *, timeout: float) -> None:
        self._endpoint = endpoint
        self._key = endpoint.key
        self._timeout = timeout

    @cached_property
    def _client(self) -> openai.OpenAI:
        return plain_client(self._endpoint.base_url, self._key, timeout=self._timeout)

    def close(self) -> None:
        if "_client" in self.__dict__:
            self._client.close()

    def submit(self, intent: str, bodies: Mapping[str, Mapping[str, Any]]) -> str:
        """Send requests (custom id -> body of chat/completions) as one batch, and give its id at the server."""
        lines = [
            {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body} for custom_id, body in bodies.items()
        ]
        content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode("utf-8", "replace")
        file = self._ask(lambda client: client.files.create(file=(f"{intent}.jsonl", content), purpose="batch"))
        batch = self._ask(
            lambda client: client.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={MARK: intent}
            )
        )
        return _id(batch.id)

    def find(self, intent: str) -> str | None:
        """The id of the batch that carries our mark; None when the server has none."""

        def look(client: openai.OpenAI) -> str | None:
            for number, batch in enumerate(client.batches.list(limit=100)):
                if (batch.metadata or {}).get(MARK) == intent:
                    return _id(batch.id)
                if number >= _MOST_LISTED:
                    break
            return None

        try:
            return self._ask(look)
        except ModelError as error:
            if error.kind == "unknown model":  # HTTP 404: a server without batches
                return None
            raise

    def look(self, batch_id: str) -> BatchState | None:
        """How a batch is; None when the server does not know it."""
        try:
            batch = self._ask(lambda client: client.batches.retrieve(batch_id))
        except ModelError as error:
            if error.kind == "unknown model":  # HTTP 404
                return None
            raise
        files = tuple(file for file in (batch.output_file_id, batch.error_file_id) if file)
        return BatchState(clean_line(str(batch.status))[:60], str(batch.status) not in _OPEN, files)

    def results(self, state: BatchState) -> Iterator[BatchResult]:
        """What was answered, line by line; lines that are no answers are passed over, and their requests are asked again."""
        for file in state.files:
            for line in self._ask(lambda client, file=file: _download(client, file)).split(b"\n"):  # type: ignore[misc]
                if result := _result(line):
                    yield result

    def _ask(self, request: Callable[[openai.OpenAI], Value]) -> Value:
        import httpx2
        import openai

        def clean(text: str) -> str:
            return text.replace(self._key, "[key]") if self._key else text

        try:
            return request(self._client)
        except openai.APIStatusError as error:
            came = status_failure(error, clean(error.response.text))
            raise ModelError(came.message or came.kind, kind=came.kind, hint=came.hint) from None
        except openai.APITimeoutError:
            raise ModelError("no answer about the batch in time", kind="timeout", hint="the next run asks again") from None
        except (openai.APIConnectionError, httpx2.HTTPError) as error:  # the second while a file is read
            reason = clean(clean_line(str(error.__cause__ or error)))[:300]
            raise ModelError(f"the connection failed: {reason}", kind="connection", hint="the next run asks again") from None
        except (openai.OpenAIError, ValueError, AttributeError, TypeError) as error:
            # an answer of another shape than the client's own models
            reason = clean(clean_line(str(error)))[:300]
            raise ModelError(f"the server's answer about a batch cannot be read: {reason}", kind="server error") from None


def _download(client: openai.OpenAI, file: str) -> bytes:
    parts, size = [], 0
    with client.files.with_streaming_response.content(file) as response:
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > LARGEST_RESULT:
                raise ModelError(f"the file of answers is larger than {LARGEST_RESULT} bytes", kind="too large")
            parts.append(chunk)
    return b"".join(parts)


def _id(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > 200 or not value.isprintable():
        raise ValueError("a batch without an id")
    return value


def _result(line: bytes) -> BatchResult | None:
    try:
        value = json.loads(line)
        custom_id, response = value["custom_id"], value.get("response") or {}
        body = response.get("body") or {"error": value.get("error") or {"message": "no answer in this line"}}
        status = int(response.get("status_code") or 500)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    raw = json.dumps(body, ensure_ascii=False)
    return BatchResult(custom_id, status, raw) if isinstance(custom_id, str) and len(raw) <= LARGEST_REPLY else None


def chunks(items: Sequence[Value], size: int) -> Iterator[Sequence[Value]]:
    """The items in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
