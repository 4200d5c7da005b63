"""The HTTP door over real HTTP on loopback: good answers, every bad one, retries, conditional requests, rows."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.doors import NOW, QUICK, SOURCE, Naps, ask, json_request, open_door, web_settings
from tests.servers import Reply, ScriptedServer, Zeros, bomb
from triage.errors import BadStatusError, FetchError, RateLimitedError, SourceError, StalledError, TooLargeError, TriageError, UsageError
from triage.sources import Request, Response
from triage.warehouse import Warehouse, stage
from triage.web import FETCH_COLUMNS, RawStore, Validators


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


PAPERS = [{"title": "A made paper"}]
BODY = b'[{"title": "A made paper"}]'
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({}, BODY),
        ({"Content-Encoding": "gzip"}, gzip.compress(BODY, mtime=0)),
        ({"Content-Encoding": "gzip"}, gzip.compress(BODY[:5], mtime=0) + gzip.compress(BODY[5:], mtime=0)),
        ({"Content-Encoding": "deflate"}, zlib.compress(BODY)),
        ({"Content-Encoding": "deflate"}, zlib.compress(BODY)[2:-4]),
        ({"Content-Encoding": "identity", "Content-Type": "Application/JSON; charset=utf-8"}, BODY),
    ],
    ids=["plain", "gzip", "two gzip members", "deflate", "bare deflate", "charset"],
)
@pytest.mark.parametrize("length", ["right", "chunked", "none"])
def test_a_good_answer_is_whole_and_kept(server: ScriptedServer, tmp_path: Path, headers: dict[str, str], sent: bytes, length: str) -> None:
    server.say("/feed", Reply(body=sent, headers={**JSON, **headers}, length=length))
    with open_door(tmp_path, web_settings(server.url)) as door:
        response = ask(door, f"{server.url}/feed?date=2026-11-22")
        assert response == Response(
            f"{server.url}/feed?date=2026-11-22", 200, "application/json", BODY, hashlib.sha256(BODY).hexdigest(), NOW
        )
        assert RawStore(tmp_path / "raw").load(response.sha256) == BODY
        assert [(row.status, row.failure, row.bytes, row.attempts) for row in door.drain()] == [(200, None, len(BODY), 1)]
        assert door.drain() == []


def test_the_request_says_who_asks_and_for_what(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/batch", Reply.json(PAPERS))
    web = QUICK + 'contact = "mailto:ann@example.org"\npurpose = "reading list"\n'
    with open_door(tmp_path, web_settings(server.url, web=web)) as door:
        ask(door, f"{server.url}/batch", method="POST", body=b'{"ids": []}')
    seen = server.seen[0]
    name, _, comment = seen.headers["user-agent"].partition(" ")
    assert name.startswith("triage-papers/")
    assert comment == "(+mailto:ann@example.org; reading list)"
    assert (seen.method, seen.body, seen.headers["content-type"]) == ("POST", b'{"ids": []}', "application/json")
    assert (seen.headers["accept"], seen.headers["accept-encoding"]) == ("application/json", "gzip, deflate")
    assert "cookie" not in seen.headers


@dataclass(frozen=True)
class Case:
    id: str
    kind: str
    replies: tuple[Reply, ...]
    requests: int = 1
    status: int | None = 200
    said: str = ""


def html(text: str) -> Reply:
    return Reply.text(f"<!doctype html><title>{text}</title>", "text/html; charset=utf-8")


def moved(to: str, status: int = 302) -> Reply:
    return Reply(status, headers={"Location": to})


BAD = [
    Case("body shorter than declared", "truncated", (Reply.json(PAPERS, length=900, cut=True),), 2),
    Case("chunks without an end", "truncated", (Reply.json(PAPERS, length="chunked", cut=True),), 2),
    Case(
        "gzip without an end", "truncated", (Reply(body=gzip.compress(BODY, mtime=0)[:-9], headers=JSON | {"Content-Encoding": "gzip"}),), 2
    ),
    Case("gzip that is none", "truncated", (Reply(body=BODY, headers=JSON | {"Content-Encoding": "gzip"}),), 2, said="damaged"),
    Case("gzip and more", "truncated", (Reply(body=gzip.compress(BODY, mtime=0) + b"xx", headers=JSON | {"Content-Encoding": "gzip"}),), 2),
    Case("empty gzip", "truncated", (Reply(headers=JSON | {"Content-Encoding": "gzip"}),), 2),
    Case("HTML where JSON is due", "wrong media type", (html("Verifying your browser"),), said="text/html where application/json"),
    Case("no media type", "wrong media type", (Reply(body=BODY),), said="no media type"),
    Case("an encoding nobody asked for", "wrong media type", (Reply(body=BODY, headers=JSON | {"Content-Encoding": "br"}),), said="'br'"),
    Case("404", "bad status", (Reply(404),), status=404, said="HTTP 404"),
    Case("403", "bad status", (Reply(403),), status=403),
    Case("204", "bad status", (Reply(204, length="none"),), status=204),
    Case("unchanged, though nothing was known", "bad status", (Reply(304, length="none"),), status=304, said="nothing was known"),
    Case("500 for ever", "bad status", (Reply(500),), 2, 500, "HTTP 500"),
    Case("429 without Retry-After", "rate limited", (Reply(429),), 2, 429),
    Case("429 with Retry-After", "rate limited", (Reply(429, headers={"Retry-After": "5"}),), 2, 429),
    Case("429 for an hour", "rate limited", (Reply(429, headers={"Retry-After": "3600"}),), 1, 429, "until 2026-11-23 03:00 UTC"),
    Case("503 for an hour", "rate limited", (Reply(503, headers={"Retry-After": "Mon, 23 Nov 2026 03:00:00 GMT"}),), 1, 503, "03:00 UTC"),
    Case("503 for ever and a day", "rate limited", (Reply(503, headers={"Retry-After": "9" * 9}),), 1, 503, "2026-12-23"),
    Case("redirect to another host", "redirect refused", (moved("https://elsewhere.example/feed"),), 1, 302, "elsewhere.example:443"),
    Case("redirect to another port", "redirect refused", (moved("http://127.0.0.1:1/feed"),), 1, 302, "127.0.0.1:1"),
    Case("redirect to a file", "redirect refused", (moved("file:///etc/passwd", 301),), 1, 301, "only http and https"),
    Case("redirect with a password", "redirect refused", (moved("//ann:secret@127.0.0.1/"),), 1, 302, "password"),
    Case("redirect to nowhere", "redirect refused", (Reply(307),), 1, 307, "without an address"),
    Case("redirect to no address", "redirect refused", (moved("http://[::1/"),), 1, 302, "no address"),
    Case("redirect to no name", "redirect refused", (moved("http://xn--/"),), 1, 302, "no address"),
    Case("redirect to no port", "redirect refused", (moved("http://127.0.0.1:99999/"),), 1, 302, "no port"),
    Case("redirect in circles", "redirect refused", (moved("/feed?again"),), 2, 302, "circles"),
    Case("redirect on and on", "redirect refused", tuple(moved(f"/feed?{n}") for n in range(9)), 6, 302, "more than 5"),
    Case("200 MB declared", "too large", (Reply(body=Zeros(200), headers=JSON, length=200 * 2**20),)),
    Case("200 MB in chunks", "too large", (Reply(body=Zeros(200), headers=JSON, length="chunked"),)),
    Case("gzip bomb", "too large", (Reply(body=bomb(100), headers=JSON | {"Content-Encoding": "gzip"}),)),
    Case("a body that stalls", "stalled", (Reply.json(PAPERS, length=900, stall=True),), 2, said="nothing came for 0.3 s"),
    Case("headers that do not come", "stalled", (Reply.json(PAPERS, before=30),), 2, None),
    Case("connection dropped", "unreachable", (Reply(hang_up=True),), 2, None),
    Case("headers without end", "unreachable", (Reply.json(PAPERS, headers={"X-Long": "x" * 200_000}),), 2, None),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.id)
def test_a_bad_answer_is_a_clear_failure(server: ScriptedServer, tmp_path: Path, case: Case) -> None:
    server.say("/feed", *case.replies)
    with open_door(tmp_path, web_settings(server.url)) as door:
        started = time.monotonic()
        with pytest.raises(FetchError) as raised:
            ask(door, f"{server.url}/feed", largest=1_000_000)
        assert time.monotonic() - started < 5
        rows = door.drain()
    error = raised.value
    assert (error.kind, error.status) == (case.kind, case.status)
    assert error.message.startswith(f"{server.url}/feed")
    assert case.said in error.message
    assert error.hint or case.status == 304
    assert len(server.seen) == case.requests
    assert {(row.failure, row.status, row.sha256) for row in rows} == {(case.kind, case.status, None)}
    assert server.sent < 20_000_000, "what is refused is not read to its end"
    assert not list(tmp_path.glob("raw/*/*"))


def test_a_bomb_is_never_held(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/feed", Reply(body=bomb(100), headers={**JSON, "Content-Encoding": "gzip"}))
    with open_door(tmp_path, web_settings(server.url)) as door:
        with pytest.raises(FetchError):
            ask(door, f"{server.url}/warm")
        tracemalloc.start()
        try:
            with pytest.raises(TooLargeError):
                ask(door, f"{server.url}/feed", largest=1_000_000)
            assert tracemalloc.get_traced_memory()[1] < 8_000_000
        finally:
            tracemalloc.stop()


def test_what_trickles_is_stopped_as_a_whole_and_not_asked_again(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/feed", Reply(body=BODY * 20, headers=JSON, between=0.05))
    with open_door(tmp_path, web_settings(server.url, web="read_seconds = 5\ntotal_seconds = 0.4\nattempts = 3")) as door:
        with pytest.raises(StalledError, match=r"not whole after 0\.4 s"):
            ask(door, f"{server.url}/feed")
        (row,) = door.drain()
    assert len(server.seen) == 1
    assert row.seconds == pytest.approx(0.4, abs=0.3)
    assert 0 < (row.bytes or 0) < 30


def test_nobody_listens(tmp_path: Path) -> None:
    with ScriptedServer() as gone:
        url = gone.url
    with open_door(tmp_path, web_settings(url)) as door:
        with pytest.raises(FetchError, match="no answer") as raised:
            ask(door, f"{url}/feed")
        assert [(row.failure, row.attempts) for row in door.drain()] == [("unreachable", 1), ("unreachable", 2)]
    assert raised.value.kind == "unreachable"


def test_a_name_that_does_not_exist(tmp_path: Path) -> None:
    with open_door(tmp_path, web_settings("http://nobody.invalid")) as door, pytest.raises(FetchError) as raised:
        ask(door, "http://nobody.invalid/feed")
    assert (raised.value.kind, raised.value.passing) == ("unreachable", True)


# -- retries


@pytest.mark.parametrize("bad", [Reply(503), Reply(500), Reply(408), Reply(hang_up=True), Reply.json(PAPERS, length=900, cut=True)])
def test_a_storm_passes(server: ScriptedServer, tmp_path: Path, bad: Reply) -> None:
    server.say("/feed", bad, bad, bad, Reply.json(PAPERS))
    naps = Naps()
    with open_door(tmp_path, web_settings(server.url, web="attempts = 4"), sleep=naps) as door:
        assert ask(door, f"{server.url}/feed").body == BODY
        rows = door.drain()
    assert naps.seconds == [1.5, 3.0, 6.0], "doubled each time, three quarters of it at a jitter of one half"
    assert [row.attempts for row in rows] == [1, 2, 3, 4]
    assert [row.failure is None for row in rows] == [False, False, False, True]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.5),
        ({"Retry-After": "120"}, 120.5),
        ({"Retry-After": "0"}, 0.5),
        ({"Retry-After": "Mon, 23 Nov 2026 02:00:09 GMT"}, 9.5),
        ({"Retry-After": "Mon, 23 Nov 2026 09:00:09 GMT", "Date": "Mon, 23 Nov 2026 09:00:00 GMT"}, 9.5),
        ({"Retry-After": "Sat, 01 Jan 2000 00:00:00 GMT"}, 0.5),
        ({"Retry-After": "soon"}, 1.5),
        ({"Retry-After": "-5"}, 1.5),
        ({}, 1.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(server: ScriptedServer, tmp_path: Path, status: int, headers: dict[str, str], seconds: float) -> None:
    server.say("/feed", Reply(status, headers=headers), Reply.json(PAPERS))
    naps = Naps()
    with open_door(tmp_path, web_settings(server.url), sleep=naps) as door:
        assert ask(door, f"{server.url}/feed").body == BODY
    assert naps.seconds == [pytest.approx(seconds, abs=0.3)]


def test_a_site_that_wants_longer_is_left_alone_by_all_requests(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/feed", Reply(429, headers={"Retry-After": "600"}), Reply.json(PAPERS))
    moment, naps = [NOW], Naps()
    settings = web_settings(server.url, table="pace = 3")
    with open_door(tmp_path, settings, clock=lambda: moment[0], sleep=naps) as door:
        for _ in range(3):
            with pytest.raises(RateLimitedError) as raised:
                ask(door, f"{server.url}/feed")
            assert (raised.value.until, raised.value.passing) == (NOW + timedelta(seconds=600), False)
        assert len(server.seen) == 1
        assert naps.seconds == [], "what will not be asked takes no turn"
        moment[0] += timedelta(seconds=601)
        assert ask(door, f"{server.url}/feed").body == BODY


# -- conditional requests


def test_what_is_unchanged_comes_from_the_store(server: ScriptedServer, tmp_path: Path) -> None:
    stamps = {"ETag": 'W/"17"', "Last-Modified": "Sun, 22 Nov 2026 20:00:00 GMT"}
    url = f"{server.url}/feed"
    server.say("/feed", Reply.json(PAPERS, headers=stamps), Reply(304, length="none"))
    settings = web_settings(server.url)
    with open_door(tmp_path, settings) as door:
        first = ask(door, url)
        (row,) = door.drain()
    assert (row.etag, row.last_modified) == (stamps["ETag"], stamps["Last-Modified"])
    known = {url: Validators(row.sha256 or "", row.etag, row.last_modified, row.media_type)}
    with open_door(tmp_path, settings, known=known) as door:
        second = ask(door, url)
        (again,) = door.drain()
    assert (first.unchanged, second.unchanged) == (False, True)
    assert (second.body, second.sha256, second.media_type, second.status) == (BODY, first.sha256, "application/json", 200)
    assert (server.seen[1].headers["if-none-match"], server.seen[1].headers["if-modified-since"]) == tuple(stamps.values())
    assert (again.status, again.failure, again.bytes, again.etag, again.sha256) == (304, None, None, row.etag, row.sha256)


@pytest.mark.parametrize(
    "harm", [Path.unlink, lambda path: path.write_bytes(b"junk"), lambda path: path.write_bytes(gzip.compress(b"other", mtime=0))]
)
def test_without_the_stored_body_the_request_is_unconditional(
    server: ScriptedServer, tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    raw = RawStore(tmp_path / "raw")
    sha256 = raw.save(BODY)
    harm(raw.path(sha256))
    server.say("/feed", Reply.json(PAPERS))
    with open_door(tmp_path, web_settings(server.url), known={f"{server.url}/feed": Validators(sha256, '"17"')}) as door:
        assert ask(door, f"{server.url}/feed").unchanged is False
    assert "if-none-match" not in server.seen[0].headers
    assert raw.load(sha256) == BODY, "and the store is whole again"


def test_a_validator_that_could_not_be_sent_back_is_not_kept(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/feed", Reply.json(PAPERS, headers={"ETag": '"é"', "Last-Modified": "x" * 501}))
    with open_door(tmp_path, web_settings(server.url)) as door:
        ask(door, f"{server.url}/feed")
        (row,) = door.drain()
    assert (row.etag, row.last_modified) == (None, None)


# -- redirects


def test_redirects_within_the_source_are_followed(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/old", moved("new", 301))
    server.say("/new", moved(f"{server.url}/feed?a=1", 308))
    server.say("/feed", Reply.json(PAPERS))
    with open_door(tmp_path, web_settings(server.url)) as door:
        response = ask(door, f"{server.url}/old")
        (row,) = door.drain()
        with pytest.raises(FetchError, match="not sent on"):
            ask(door, f"{server.url}/old", method="POST", body=b"{}")
    assert server.targets()[:3] == ["/old", "/new", "/feed?a=1"]
    assert (response.url, row.url) == (f"{server.url}/feed?a=1", f"{server.url}/old")


# -- many at once


def test_many_requests_come_back_in_order_with_their_failures_in_place(server: ScriptedServer, tmp_path: Path) -> None:
    for number in range(20):
        server.say(f"/{number}", Reply.json([number], before=0.03 * (number % 3)))
    server.say("/7", html("sorry"))
    requests = [json_request(f"{server.url}/{number}", key=f"{number:02}") for number in range(20)]
    with open_door(tmp_path, web_settings(server.url)) as door:
        answers = list(door.fetch_all(iter(requests), source=SOURCE, hosts=()))
        rows = door.drain()
    assert [request for request, _ in answers] == requests
    bodies = [answer.body if isinstance(answer, Response) else answer.kind.encode() for _, answer in answers]
    assert bodies == [f"[{number}]".encode() if number != 7 else b"wrong media type" for number in range(20)]
    assert max(seen.beside for seen in server.seen) == 1, "two connections to a host without a rule of its own"
    assert [row.key for row in rows] == [request.key for request in requests]


def test_what_nobody_takes_is_not_asked(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/feed", Reply.json(PAPERS))
    with open_door(tmp_path, web_settings(server.url)) as door:
        answers = door.fetch_all((json_request(f"{server.url}/feed?{n}") for n in range(1000)), source=SOURCE, hosts=())
        next(answers)
        answers.close()
    assert len(server.seen) < 20


def test_it_works_inside_running_event_loops_one_after_the_other(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/feed", Reply.json(PAPERS))

    async def task() -> bytes:
        return ask(door, f"{server.url}/feed").body

    with open_door(tmp_path, web_settings(server.url)) as door:
        assert [asyncio.run(task()), asyncio.run(task())] == [BODY, BODY]


def test_a_closed_door_says_so(server: ScriptedServer, tmp_path: Path) -> None:
    with open_door(tmp_path, web_settings(server.url)) as door:
        pass
    with pytest.raises(UsageError, match="closed"):
        ask(door, f"{server.url}/feed")


def test_a_body_that_cannot_be_kept_is_no_answer(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/feed", Reply.json(PAPERS))
    (tmp_path / "raw").write_text("in the way")
    with open_door(tmp_path, web_settings(server.url)) as door:
        with pytest.raises(TriageError) as raised:
            ask(door, f"{server.url}/feed")
        assert [(row.status, row.failure) for row in door.drain()] == [(200, "workspace")]
    assert not isinstance(raised.value, SourceError)


# -- the warehouse


def test_every_attempt_becomes_a_row_of_the_warehouse(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/feed", Reply(503), Reply.json(PAPERS, headers={"ETag": '"1"'}))
    with open_door(tmp_path, web_settings(server.url)) as door:
        response = ask(door, f"{server.url}/feed")
        with pytest.raises(BadStatusError):
            ask(door, f"{server.url}/gone", key="gone")
        rows = door.drain()
    warehouse = Warehouse(tmp_path / "w.duckdb", tmp_path / "s.duckdb")
    warehouse.prepare(datetime(2026, 11, 23, tzinfo=UTC))
    with warehouse.burst() as con:
        stage(con, "fetched", [vars(row) for row in rows], FETCH_COLUMNS)
        con.execute("INSERT INTO store.fetch BY NAME SELECT 'r1' AS run_id, * FROM fetched")
        kept = con.execute(
            "SELECT run_id, key, url, status, failure, bytes, attempts, etag, sha256, fetched_at FROM main.fetches"
        ).fetchall()
    at = NOW.replace(tzinfo=None)
    assert kept == [
        ("r1", "2026-11-22", f"{server.url}/feed", 503, "bad status", None, 1, None, None, at),
        ("r1", "2026-11-22", f"{server.url}/feed", 200, None, len(BODY), 2, '"1"', response.sha256, at),
        ("r1", "gone", f"{server.url}/gone", 404, "bad status", None, 1, None, None, at),
    ]


def test_requests_are_what_sources_say(tmp_path: Path) -> None:
    with open_door(tmp_path, web_settings(None)) as door, pytest.raises(FetchError, match="none of the source's"):
        door.fetch(Request(key="k", url="https://elsewhere.example/", accept=("text/html",)), source=SOURCE, hosts=("huggingface.co",))
