"""A line to an OpenAI-compatible server: one connection, one request each time, and another thread may cut it.

    for line in open_lines(base_url, key, timeout=60, count=16): ...      # one for each thread that asks
        line.exchange(body)                                             # never raises for what a server can do

The client underneath waits in plain blocking calls: sixteen at once take a fifth less CPU time than in an event loop
(1.8-1.9 ms a call against 2.2-2.7, tests/benchmarks/llm.py's bodies). Blocking calls know a limit for each read only, and
no stop from outside; both are had by shutting down the socket (`cut`, `cut_if_late`).
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from triage.errors import ModelError
from triage.llm_wire import Exchange, read_envelope, status_failure
from triage.text import clean_line

if TYPE_CHECKING:
    import ssl

    import httpx2
    import openai

__all__ = ["LARGEST_REPLY", "Line", "open_lines", "plain_client"]

LARGEST_REPLY = 2_000_000
"""Bytes of an answer; a reply of 1,200 tokens has some 6,000."""

CONNECT_SECONDS = 10.0
"""A server that has not taken the connection by then is not there; a thread that connects cannot be stopped."""

INTERRUPTED = "the run was stopped while the answer was due"

_BROKEN = frozenset({"connection", "timeout", "server error"})
"""What a line that was cut looks like to who waits at it."""


def open_lines(base_url: str, key: str, *, timeout: float, count: int) -> list[Line]:
    """As many lines to one server; `timeout` seconds for a whole answer.

    Raises ModelError "settings" when the environment's certificates or proxy are wrong.
    """
    import httpx2

    with _environment():
        tls = httpx2.create_ssl_context()  # slow to make, so made once
        return [Line(base_url, key, timeout=timeout, tls=tls) for _ in range(count)]


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """What the environment says of certificates and proxies is read when a client is made."""
    try:
        yield
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(
            f"the connection cannot be prepared: {clean_line(str(error))[:300]}", kind="settings",
            hint="check SSL_CERT_FILE, SSL_CERT_DIR and the proxies (HTTPS_PROXY, ALL_PROXY) in the environment",
        ) from error  # fmt: skip


class Line:
    """One client with one connection: no retries (we retry ourselves, so that every request is counted), no redirects
    (a paper and a key go to the server that was named), bounded answers.

    A client for all threads would look through its connections for every request, a fifth of the call with sixteen.
    """

    def __init__(self, base_url: str, key: str, *, timeout: float, tls: ssl.SSLContext) -> None:
        import httpx2

        self._timeout = timeout
        self._secret = key
        # a whole address spares the client from taking its own apart for each request
        self._address = f"{base_url.rstrip('/')}/chat/completions"
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._due: float | None = None
        self._shut_for = ""
        """Why the connection was shut: "late" for the request at hand, "stopped" for good."""
        http = httpx2.Client(
            follow_redirects=False,
            # an answer that is not compressed cannot unfold; the hook counts what comes
            headers={"Accept-Encoding": "identity"},
            event_hooks={"request": [self._follow], "response": [_bound]},
            trust_env=_may_be_behind_a_proxy(base_url),
            verify=tls,
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1),
        )
        waits = httpx2.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
        self._client = _client_class()(base_url=base_url, api_key=key or "none", max_retries=0, timeout=waits, http_client=http)

    def exchange(self, body: Mapping[str, Any]) -> Exchange:
        """Send one request and read the answer's envelope. The key is nowhere in the result."""
        with self._lock:
            if self._shut_for == "stopped":
                return Exchange("interrupted", INTERRUPTED, sent=False)
            self._shut_for, self._due = "", time.monotonic() + self._timeout
        came = self._send(body)
        with self._lock:
            self._due = None
            why = self._shut_for
        if not why or came.kind not in _BROKEN or came.status is not None:
            return came
        return self._timed_out(sent=came.sent) if why == "late" else Exchange("interrupted", INTERRUPTED, sent=came.sent)

    def cut(self) -> None:
        """End what is in flight, and let nothing begin. From any thread."""
        with self._lock:
            self._shut_for = "stopped"
            self._shut()

    def cut_if_late(self, now: float) -> None:
        """End a request whose whole answer has not come in time by now (monotonic clock). From any thread."""
        with self._lock:
            if self._due is not None and now >= self._due and not self._shut_for:
                self._shut_for = "late"
                self._shut()

    def close(self) -> None:
        self._client.close()

    def _send(self, body: Mapping[str, Any]) -> Exchange:
        import httpx2
        import openai

        try:
            response = self._client.post(self._address, cast_to=httpx2.Response, body=body)
            return read_envelope(self._readable(response))
        except openai.APIStatusError as error:
            return status_failure(error, self._readable(error.response))
        except (openai.APIConnectionError, _TooLargeError) as error:
            cause = error.__cause__ or error
            if isinstance(cause, _TooLargeError):
                return Exchange("too large", str(cause))
            sent = not isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
            if isinstance(error, openai.APITimeoutError):
                return self._timed_out(sent=sent)
            reason = self._clean(clean_line(str(cause)))[:300]
            hint = "is the server running, and llm.base_url right?"
            return Exchange("connection", f"the connection failed: {reason}", hint=hint, sent=sent)

    def _timed_out(self, *, sent: bool) -> Exchange:
        hint = "raise llm.timeout_seconds, or ask a faster model"
        return Exchange("timeout", f"no whole answer within {self._timeout:g} s", hint=hint, sent=sent)

    def _readable(self, response: httpx2.Response) -> str:
        return self._clean(response.content.decode("utf-8", "replace"))

    def _clean(self, text: str) -> str:
        return (text.replace(self._secret, "[key]") if self._secret else text).replace("\x00", "")

    def _follow(self, request: httpx2.Request) -> None:
        request.extensions["trace"] = self._trace

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Know the socket of a connection as soon as there is one; one that is no longer wanted is shut at once."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self._shut_for:
                    self._shut()

    def _shut(self) -> None:
        """Whoever waits at the socket sees its end. (Closing it would leave him waiting.)"""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not TLS's own, which belongs to the thread that reads


def plain_client(base_url: str, key: str, *, timeout: float) -> openai.OpenAI:
    """A client without the bound on answers: for files, which have their own. Raises like `open_lines`."""
    import httpx2

    with _environment():
        http = httpx2.Client(
            timeout=httpx2.Timeout(timeout),
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
            trust_env=_may_be_behind_a_proxy(base_url),
        )
        return _client_class()(base_url=base_url, api_key=key or "none", max_retries=0, timeout=timeout, http_client=http)


@lru_cache(maxsize=1)
def _client_class() -> type[openai.OpenAI]:
    import openai

    class OpenAI(openai.OpenAI):  # the name goes into the user agent, as servers know it
        """Tells a server nothing of this machine. Six headers less are a twentieth of a request's cost, too."""

        def platform_headers(self) -> dict[str, str]:
            return {}

    return OpenAI


def _may_be_behind_a_proxy(base_url: str) -> bool:
    """A server on this machine is not behind the proxy of the environment."""
    return (urlsplit(base_url).hostname or "") not in {"localhost", "127.0.0.1", "::1"}


class _TooLargeError(Exception):
    """An answer beyond LARGEST_REPLY, or a compressed one."""


def _bound(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise _TooLargeError("the answer is compressed, though it was asked not to be")
    response.stream = _bounded_stream()(response.stream)


@lru_cache(maxsize=1)
def _bounded_stream() -> Callable[[Any], httpx2.SyncByteStream]:
    import httpx2

    class Bounded(httpx2.SyncByteStream):
        def __init__(self, stream: httpx2.SyncByteStream) -> None:
            self._stream = stream

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in self._stream:
                size += len(chunk)
                if size > LARGEST_REPLY:
                    raise _TooLargeError(f"the answer is larger than {LARGEST_REPLY} bytes")
                yield chunk

        def close(self) -> None:
            self._stream.close()

    return Bounded
