"""An OpenAI-compatible server on loopback that answers well, or badly on order. Real HTTP.

    with ScriptedLlm() as server:
        server.script("w1", rate_limited(0.1), good)      # the first request about w1, the second; then `good` again
        ...
        server.asked                                       # what it was asked, in order

As a process of its own (for measuring): python -m tests.scripted_llm --delay 0.2
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

from tests.scripted_batches import Batches

Behaviour = Callable[["Asked"], "Wire"]


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def system(self) -> str:
        return str(self.body["messages"][0]["content"])

    @property
    def user(self) -> str:
        return str(self.body["messages"][1]["content"])

    @property
    def work_id(self) -> str:
        found = re.search(r"^work_id: (\S+)$", self.user, re.MULTILINE)
        return found[1] if found else ""

    def field(self, name: str) -> str:
        """The fenced title or abstract."""
        found = re.search(rf"<(untrusted-[0-9a-f]+-{name})>\n(.*)\n</\1>", self.user, re.DOTALL)
        return found[2] if found else ""

    @property
    def purpose(self) -> Literal["label", "note"]:
        return "note" if "-fulltext>" in self.user else "label"

    @property
    def format(self) -> str:
        return str(self.body.get("response_format", {}).get("type", "plain"))

    @property
    def repair(self) -> str:
        """The last message when the client shows a reply of ours with what is wrong with it, else ""."""
        messages = self.body["messages"]
        return str(messages[-1]["content"]) if len(messages) > 2 else ""


@dataclass(frozen=True)
class Wire:
    """What goes over the wire: `drop` closes the connection before the headers or in the middle of the body."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: Literal["before", "middle", ""] = ""
    trickle: float = 0.0
    """Seconds between single bytes of the body."""


def reply_about(asked: Asked, **changes: Any) -> dict[str, Any]:
    """A good reply: a label that rests on the first five words of the abstract."""
    quote = " ".join((asked.field("abstract") or asked.field("title")).split()[:5])
    label = {"label": "compression/distillation", "confidence": 0.9, "quote": quote}
    return {"work_id": asked.work_id, "relevant": "yes", "relevance": 0.8, "labels": [label], "proposed": [], "claims": [], **changes}


def note_about(asked: Asked, **changes: Any) -> dict[str, Any]:
    """A good note: two bullets that rest on the first words of the abstract."""
    words = (asked.field("abstract") or asked.field("title")).split()
    main = {"text": "Students learn from a teacher", "quote": " ".join(words[:5]), "details": []}
    why = {"text": "Big models need much memory", "quote": " ".join(words[2:7])}
    empty: dict[str, Any] = {"previous_works": [], "evaluation": [], "results": []}
    return {"work_id": asked.work_id, **empty, "motivation": [why], "method": [main], **changes}


def completion(content: str | None, *, finish: str = "stop", refusal: str | None = None, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, "prompt_tokens_details": {"cached_tokens": 800}}
    choice = {"index": 0, "finish_reason": finish, "message": message}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "made", "choices": [choice], "usage": usage, **more}


def wired(value: object, **how: Any) -> Wire:
    return Wire(json.dumps(value).encode(), **how)


def good(asked: Asked) -> Wire:
    return wired(completion(json.dumps(note_about(asked) if asked.purpose == "note" else reply_about(asked))))


def saying(content: str | None, **how: Any) -> Behaviour:
    """A completion with this content, whatever it is."""
    return lambda _: wired(completion(content, **how))


def replying(**changes: Any) -> Behaviour:
    """A good reply with some keys changed."""
    return lambda asked: wired(completion(json.dumps(reply_about(asked, **changes))))


def noting(**changes: Any) -> Behaviour:
    """A good note with some sections changed."""
    return lambda asked: wired(completion(json.dumps(note_about(asked, **changes))))


def failing(status: int, message: str, *, code: str | None = None, **headers: str) -> Behaviour:
    return lambda _: wired(
        {"error": {"message": message, "code": code}}, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def rate_limited(retry_after: str | None = None) -> Behaviour:
    return failing(429, "slow down", **({"Retry_After": retry_after} if retry_after is not None else {}))


def slow(seconds: float) -> Behaviour:
    def behave(asked: Asked) -> Wire:
        return Wire(good(asked).body, delay=seconds)

    return behave


def trickling(pause: float) -> Behaviour:
    """Never silent for long, and never done: a timeout on single reads does not see it."""
    return lambda asked: Wire(good(asked).body, trickle=pause)


def dropped(where: Literal["before", "middle"]) -> Behaviour:
    return lambda asked: Wire(good(asked).body, drop=where)


def raw(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    return lambda _: Wire(body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def old_server(*taken: str) -> Behaviour:
    """Takes only some reply formats ("json_object", "plain") and says so with HTTP 500, as llama-cpp-python does."""

    def behave(asked: Asked) -> Wire:
        if asked.format not in taken:
            return wired({"error": {"message": f"[{{'loc': ('body', 'response_format', 'type'), 'input': '{asked.format}'}}]"}}, status=500)
        return good(asked)

    return behave


class ScriptedLlm:
    """The server, in a thread. `default` answers what no script is left for."""

    def __init__(self, default: Behaviour = good, *, port: int = 0) -> None:
        self.default = default
        self.batches = Batches(lambda body: _plainly(self.answer(Asked("batch", {}, body))))
        self.asked: list[Asked] = []
        self.most_at_once = 0
        self._at_once = 0
        self._scripts: dict[str, deque[Behaviour]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._server = _server(self, port)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def script(self, work_id: str, *behaviours: Behaviour) -> None:
        """What the next requests about this work get; "" stands for requests about any work."""
        self._scripts[work_id].extend(behaviours)

    def forget(self) -> None:
        self.asked.clear()
        self.most_at_once = 0

    def about_batches(self, method: str, path: str, body: bytes) -> Wire | None:
        with self._lock:
            reply = self.batches.handle(method, path, body)
        if reply is None:
            return None
        return Wire(reply.body, status=reply.status, drop="before" if reply.status == 0 else "middle" if reply.status < 0 else "")

    def answer(self, asked: Asked) -> Wire:
        with self._lock:
            self.asked.append(asked)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            script = self._scripts[asked.work_id] or self._scripts[""]
            behaviour = script.popleft() if script else self.default
        wire = behaviour(asked)
        if wire.delay:
            time.sleep(wire.delay)
        with self._lock:
            self._at_once -= 1
        return wire

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _plainly(wire: Wire) -> tuple[int, bytes]:
    return wire.status, wire.body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests are about."""


def _server(scripted: ScriptedLlm, port: int) -> _Server:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._send(scripted.about_batches("GET", self.path, b"") or Wire(b"{}", status=404))

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            wire = scripted.about_batches("POST", self.path, content)
            self._send(wire or scripted.answer(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(content))))

        def _send(self, wire: Wire) -> None:
            if wire.drop == "before":
                self._hang_up()
                return
            head = {"Content-Type": "application/json", "Content-Length": str(len(wire.body)), **wire.headers}
            lines = [f"HTTP/1.1 {max(wire.status, 200)} Scripted", *(f"{name}: {value}" for name, value in head.items()), "", ""]
            self.wfile.write("\r\n".join(lines).encode())
            if wire.drop == "middle":
                self.wfile.write(wire.body[: len(wire.body) // 2])
                self._hang_up()
            elif wire.trickle:
                for place in range(len(wire.body)):
                    self.wfile.write(wire.body[place : place + 1])
                    time.sleep(wire.trickle)
            else:
                self.wfile.write(wire.body)

        def _hang_up(self) -> None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            del format, args

    return _Server(("127.0.0.1", port), Handler)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    chosen = parser.parse_args(arguments)
    with ScriptedLlm(slow(chosen.delay), port=chosen.port) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        sys.stdin.read()  # until whoever started it goes away
        sys.stdout.write(f"{len(server.asked)} requests, at most {server.most_at_once} at once\n")


if __name__ == "__main__":
    main()
