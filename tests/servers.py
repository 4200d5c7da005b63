"""A scripted HTTP server on loopback, for tests that need a real network underneath.

    with ScriptedServer() as server:
        server.say("/feed", Reply(503), Reply.json([]))
        ... f"{server.url}/feed" ...
        assert [seen.target for seen in server.seen] == ["/feed", "/feed"]

The replies for a path are given one after the other and the last one for ever; a path without a script is
404. Requests for /robots.txt are kept apart, in `robots`: most tests are not about them. A reply can misbehave in every way a site does: end too early, say nothing, trickle, hang up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

__all__ = ["Reply", "ScriptedServer", "Seen", "certificate"]


@dataclass(frozen=True)
class Seen:
    """A request as it came: `at` in seconds (time.monotonic), `connection` numbers the connection, `beside` counts
    the other requests being answered at that moment."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    connection: int
    beside: int


@dataclass(frozen=True)
class Reply:
    """One answer. `body` may be an iterable of pieces, made while they are sent.

    `length`: "right", a number to declare instead, "chunked", or "none" (the end of the connection is the end).
    `before` seconds of silence before the status line, `between` seconds between two pieces, `hang_up` closes
    the connection without an answer, `cut` leaves the body unfinished, `stall` never finishes it.
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | str = "right"
    before: float = 0
    between: float = 0
    hang_up: bool = False
    cut: bool = False
    stall: bool = False

    @classmethod
    def json(cls, value: Any, **fields: Any) -> Reply:
        headers = {"Content-Type": "application/json", **fields.pop("headers", {})}
        return cls(body=json.dumps(value).encode(), headers=headers, **fields)

    @classmethod
    def text(cls, body: str | bytes, media_type: str, **fields: Any) -> Reply:
        headers = {"Content-Type": media_type, **fields.pop("headers", {})}
        return cls(body=body.encode() if isinstance(body, str) else body, headers=headers, **fields)


Answering = Callable[[Seen], Reply]


class Zeros:
    """Megabytes of zeros, made while they are read."""

    def __init__(self, megabytes: int) -> None:
        self.megabytes = megabytes

    def __iter__(self) -> Iterator[bytes]:
        piece = bytes(65_536)
        return (piece for _ in range(self.megabytes * 16))


def bomb(megabytes: int) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join(map(squeeze.compress, Zeros(megabytes))) + squeeze.flush()


def certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate for a host's name, made now and its own authority, and a server's context with it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1)
    )
    made = (
        builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "certificate.pem").write_bytes(pem)
    (folder / "both.pem").write_bytes(pem + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return folder / "certificate.pem", context


class ScriptedServer:
    """The server; runs in a thread of its own, between `with` and the end of the block."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.robots: list[Seen] = []
        self.otherwise: Reply | None = None
        """What every address answers while it is set, whatever was said."""
        self.sent = 0
        """Bytes of body handed to the network, over all answers."""
        self._scripts: dict[str, list[Reply | Answering]] = {}
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted-server", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = 0
        self._answering = 0

    def say(self, path: str, *replies: Reply | Answering) -> None:
        """What `path` (without its query, or with it) answers from now on, one after the other; a function answers by the request."""
        self._scripts[path] = list(replies)

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def place(self) -> str:
        """host:port"""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.place}"

    def targets(self) -> list[str]:
        return [seen.target for seen in self.seen]

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls), self._loop
        ).result()
        return self

    def __exit__(self, *exception: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._connections += 1
        number = self._connections
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
                while await self._one(reader, writer, number):
                    pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if writer.is_closing() else writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        """Answer one request; whether the connection may serve another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        seen = Seen(method, target, headers, body, time.monotonic(), connection, self._answering)
        (self.robots if target == "/robots.txt" else self.seen).append(seen)
        self._answering += 1
        try:
            reply = self._next(target)
            return await self._answer(reply if isinstance(reply, Reply) else reply(seen), writer)
        finally:
            self._answering -= 1

    def _next(self, target: str) -> Reply | Answering:
        if self.otherwise is not None:
            return self.otherwise
        script = self._scripts.get(target) or self._scripts.get(target.partition("?")[0])
        if not script:
            return Reply(404)
        return script.pop(0) if len(script) > 1 else script[0]

    async def _answer(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(reply.before)
        if reply.hang_up:
            writer.transport.abort()
            return False
        headers = {"Connection": "keep-alive", **reply.headers}
        if reply.length == "chunked":
            headers["Transfer-Encoding"] = "chunked"
        elif reply.length == "right":
            headers["Content-Length"] = str(len(reply.body) if isinstance(reply.body, bytes) else sum(map(len, reply.body)))
        elif reply.length != "none":
            headers["Content-Length"] = str(reply.length)
        lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        for piece in _pieces(reply):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.length == "chunked" else piece)
            await writer.drain()
            self.sent += len(piece)
            await asyncio.sleep(reply.between)
        if reply.stall:
            await asyncio.sleep(3600)
        if reply.length == "chunked" and not reply.cut:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return not reply.cut and reply.length != "none"


def _pieces(reply: Reply) -> Iterator[bytes]:
    """The body as it is sent: a byte string whole, or a byte at a time where time is to pass between."""
    if not isinstance(reply.body, bytes):
        yield from reply.body
    elif reply.between:
        yield from (reply.body[n : n + 1] for n in range(len(reply.body)))
    elif reply.body:
        yield reply.body
