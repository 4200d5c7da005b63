"""One line to a model's server: how long it waits, and that another thread can end the wait wherever it is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.scripted_llm import completion
from tests.servers import Reply, ScriptedServer, certificate
from triage.llm_line import Line, open_lines
from triage.llm_wire import Exchange

BODY = {"model": "made", "messages": [{"role": "user", "content": "Hello"}]}
PATH = "/v1/chat/completions"
SAID = Reply.json(completion("Hello too"))


@contextmanager
def line_to(address: str, timeout: float = 30.0) -> Iterator[Line]:
    [line] = open_lines(f"{address}/v1", "sk-made", timeout=timeout, count=1)
    with closing(line):
        yield line


def after(seconds: float, do: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, do)
    timer.start()
    return timer


def cut_while_waiting(line: Line, *, seconds: float = 0.2) -> Exchange:
    """What an exchange comes to that is cut off meanwhile; it must not take longer for that."""
    after(seconds, line.cut)
    began = time.monotonic()
    came = line.exchange(BODY)
    assert time.monotonic() - began < seconds + 5.0
    return came


WAITS = {
    "silence": Reply(before=3600),
    "half a body": Reply(body=b'{"choices": [', length=500, stall=True),
    "a body without a length": Reply(body=b'{"choices": [', length="none", stall=True),
    "drops": Reply(body=[b" "] * 3600, between=0.02, length=3600),
}


@pytest.mark.parametrize("wait", WAITS)
def test_what_is_in_flight_ends_when_it_is_cut_and_nothing_begins_afterwards(wait: str) -> None:
    with ScriptedServer() as server, line_to(server.url) as line:
        server.say(PATH, SAID, WAITS[wait])
        assert line.exchange(BODY).content == "Hello too"
        came = cut_while_waiting(line)
        assert (came.kind, came.sent, came.charged) == ("interrupted", True, True)
        again = line.exchange(BODY)
        assert (again.kind, again.sent, len(server.seen)) == ("interrupted", False, 2)


def test_a_connection_with_tls_is_cut_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted, context = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with ScriptedServer(tls=context) as server, line_to(f"https://localhost:{server.port}") as line:
        server.say(PATH, SAID, WAITS["half a body"])
        assert line.exchange(BODY).content == "Hello too"
        assert cut_while_waiting(line).kind == "interrupted"


def test_a_server_that_takes_the_connection_and_does_not_shake_hands_costs_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf, line_to(f"https://localhost:{deaf.getsockname()[1]}", timeout=1.0) as line:
        came = line.exchange(BODY)
    assert (came.kind, came.sent) == ("timeout", False)


def test_a_server_that_does_not_take_the_connection_costs_nothing() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address), line_to(f"http://127.0.0.1:{address[1]}", timeout=0.4) as line:
            came = line.exchange(BODY)
    assert (came.kind, came.sent, came.charged) == ("timeout", False, False)
    assert came.message == "no whole answer within 0.4 s"


def test_an_answer_that_is_not_whole_in_time_is_given_up_and_the_line_is_as_good_as_before() -> None:
    with ScriptedServer() as server, line_to(server.url, timeout=0.4) as line, ThreadPoolExecutor(1) as thread:
        server.say(PATH, WAITS["drops"], SAID)
        asked = thread.submit(line.exchange, BODY)
        while not server.seen:
            time.sleep(0.01)
        line.cut_if_late(time.monotonic() - 0.1)
        time.sleep(0.05)
        assert not asked.done(), "its time is not over"
        line.cut_if_late(time.monotonic() + 0.4)
        came = asked.result(timeout=5)
        assert (came.kind, came.sent) == ("timeout", True)
        assert line.exchange(BODY).content == "Hello too"
        line.cut_if_late(time.monotonic() + 3600)
        assert line.exchange(BODY).content == "Hello too", "a line at rest is never late"
        assert len({seen.connection for seen in server.seen}) == 2
