"""The door itself: retries, conditional requests, the raw store, and a row for every attempt."""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import random
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from triage.errors import (
    AddressRefusedError,
    BadStatusError,
    BudgetSpentError,
    FetchError,
    RateLimitedError,
    RobotsRefusedError,
    SourceError,
    TriageError,
    UsageError,
    WrongMediaTypeError,
)
from triage.sources import Request, Response
from triage.web.login import WANTED, Credentials, log_in
from triage.web.pacing import Pacing, Sleep
from triage.web.raw import RawStore
from triage.web.robots import KEY, Robots, RobotsCopy, is_unavailable
from triage.web.rows import FetchRow, Validators

if TYPE_CHECKING:
    import httpx

    from triage.settings import Settings, WebSettings
    from triage.web.exchange import Attempt, Exchange, Terms
    from triage.web.policy import Policy

__all__ = ["Door"]

_FIRST_PAUSE = 2.0  # seconds before the second attempt, doubled for each further one
_LONGEST_PAUSE = 30.0
_AHEAD = 8  # requests under way before the first of them is taken: enough for two hosts' queues, few bodies in memory


@dataclass(frozen=True)
class _Errand:
    """A request with all that is known about it before it is made."""

    request: Request
    source: str
    terms: Terms
    known: Validators | None
    stored: bytes | None
    own: Mapping[str, str]
    """Headers that say who we are at this site."""

    @property
    def conditions(self) -> dict[str, str]:
        """Headers that ask for the body only if it is another one (RFC 9110, 13.1)."""
        if self.known is None or self.stored is None:
            return {}
        headers = {"If-None-Match": self.known.etag, "If-Modified-Since": self.known.last_modified}
        return {name: value for name, value in headers.items() if value}


class Door:
    """Asks sites for things, politely and within limits, from any number of threads.

    The requests run on one event loop in a thread of the door's own, so callers may be threads, event loops
    (which then stand still meanwhile) or Prefect tasks. Use it in a `with` block.

    `raw` is the folder of the raw store; the pace is kept beside it, in `.triage/pace`. `known` maps
    addresses to what their last good answers said about themselves, `robots` those of robots.txt to the last
    copies, `credentials` sources to what they ask of us. `transport` stands in for the network
    (then names are not looked up), `sleep` and `jitter` (0..1) for waiting and chance.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        raw: Path,
        known: Mapping[str, Validators],
        clock: Callable[[], datetime],
        robots: Mapping[str, RobotsCopy] | None = None,
        credentials: Mapping[str, Credentials] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._known = known
        self._clock = clock
        self._transport = transport
        self._sleep = sleep
        self._jitter = jitter
        self._raw = RawStore(raw)
        longest_hold = settings.web.retry_after_seconds + 1  # and the jitter
        self._pacing = Pacing(raw.parent / ".triage" / "pace", sleep=sleep, longest_hold=longest_hold, clock=clock)
        self._robots = Robots(robots or {}, clock=clock)
        self._credentials = credentials or {}
        self._logins: dict[str, asyncio.Task[Mapping[str, str]]] = {}
        self._rows: deque[FetchRow] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._exchange: Exchange

    def __enter__(self) -> Self:
        from triage.web.exchange import Exchange
        from triage.web.transport import CheckedTransport

        web = self._settings.web
        if self._transport is None:
            self._transport = CheckedTransport(proxy=web.proxy)
        self._exchange = Exchange(self._transport, self._pacing, web, user_agent=_user_agent(web), clock=self._clock)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="triage-web", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._shut(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def fetch(self, request: Request, *, source: str, hosts: tuple[str, ...], pace: float | None = None) -> Response:
        """A good answer to `request`, in its turn, after as many attempts as the settings allow.

        `hosts` may be asked and redirected to, and the host of `[sources.NAME] base_url`; `[sources.NAME]
        hosts` takes their place. `pace` in seconds, else that of the settings, else the host's own
        (`pacing.RULES`). Raises FetchError, WorkspaceError when the answer cannot be kept, UsageError
        outside a `with` block.
        """
        return _result(self._submit(request, source, hosts, pace))

    def fetch_all(
        self, requests: Iterable[Request], *, source: str, hosts: tuple[str, ...], pace: float | None = None
    ) -> Generator[tuple[Request, Response | SourceError]]:
        """Each request with its answer or what went wrong, in the order of the requests; a few are under way at once.

        A generator: nothing is asked before it is iterated, and what is still under way is dropped with it.
        """
        coming = iter(requests)
        waiting: deque[tuple[Request, concurrent.futures.Future[Response]]] = deque()
        try:
            while True:
                for request in itertools.islice(coming, _AHEAD - len(waiting)):
                    waiting.append((request, self._submit(request, source, hosts, pace)))
                if not waiting:
                    return
                request, future = waiting.popleft()
                try:
                    answer: Response | SourceError = _result(future)
                except SourceError as error:
                    answer = error
                yield request, answer
        finally:
            for _, future in waiting:
                future.cancel()

    def pace(self, url: str, source: str) -> float:
        """Seconds from one request of a source for addresses like `url` to its next, as far as is known before asking."""
        import httpx

        from triage.web.exchange import rule_of

        own = self._settings.sources.named(source).pace
        return rule_of(url).pace_at(httpx.URL(url).path) if own is None else own

    def drain(self) -> list[FetchRow]:
        """The rows of all attempts since the last call, by source, key, address and attempt."""
        rows = [self._rows.popleft() for _ in range(len(self._rows))]
        return sorted(rows, key=lambda row: (row.source, row.key, row.url, row.attempts))

    def _submit(self, request: Request, source: str, hosts: tuple[str, ...], pace: float | None) -> concurrent.futures.Future[Response]:
        if self._loop is None:
            raise UsageError("the door is closed", hint="use it in a `with Door(...) as door:` block")
        return asyncio.run_coroutine_threadsafe(self._fetch(request, source, hosts, pace), self._loop)

    async def _fetch(self, request: Request, source: str, hosts: tuple[str, ...], pace: float | None) -> Response:
        from triage.web.exchange import Attempt, address_of
        from triage.web.policy import policy_for

        policy = policy_for(self._settings.web, self._settings.sources.named(source), hosts)
        known = self._known.get(request.url) if request.method == "GET" else None
        stored = None if known is None else await asyncio.to_thread(self._raw.find, known.sha256)
        terms = self._terms(source, policy, pace, robots=True)
        errand = _Errand(request, source, terms, known, stored, await self._own(source, policy))
        try:
            address = address_of(request.url, policy)
            await terms.delay(address)  # the same for every attempt: what is not allowed is not tried four times
        except SourceError as error:
            if isinstance(error, AddressRefusedError | RobotsRefusedError):
                self._note(errand, Attempt(request.url), 1, error.kind, None)
            raise
        return await self._attempts(errand)

    async def _attempts(self, errand: _Errand) -> Response:
        """As many attempts as the settings allow while what fails may pass."""
        number = 1
        while True:
            try:
                return await self._attempt(errand, number)
            except FetchError as error:
                if not error.passing or number >= self._settings.web.attempts:
                    raise
                await self._pause(error, number)
            number += 1

    def _terms(self, source: str, policy: Policy, pace: float | None, *, robots: bool) -> Terms:
        from triage.web.exchange import Terms, rule_of

        table = self._settings.sources.named(source)

        async def delay(url: httpx.URL) -> float:
            if not (robots and table.robots) or rule_of(str(url)).is_interface(url.host, url.path):
                return 0
            return await self._robots.delay(url, ask)

        async def ask(request: Request) -> Response:
            terms = self._terms(source, policy, pace, robots=False)
            known = self._known.get(request.url)
            stored = None if known is None else await asyncio.to_thread(self._raw.find, known.sha256)
            return await self._attempts(_Errand(request, source, terms, known, stored, {}))

        pace = table.pace if pace is None else pace
        return Terms(policy, pace, table.requests_per_night or self._settings.web.requests_per_night, delay)

    async def _own(self, source: str, policy: Policy) -> Mapping[str, str]:
        """The headers that say who we are at a source; a login is made once, by whoever comes first."""
        credentials = self._credentials.get(source)
        if credentials is None:
            return {}
        if source not in self._logins:
            self._logins[source] = asyncio.create_task(self._log_in(source, credentials, policy))
            self._logins[source].add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._logins[source])

    async def _log_in(self, source: str, credentials: Credentials, policy: Policy) -> Mapping[str, str]:
        from triage.sources.registry import every_source
        from triage.web.exchange import Attempt

        async def send(request: Request) -> bytes:
            """What comes back is a secret: it is read and not kept."""
            attempt = Attempt(request.url)
            failure: str | None = "stopped"
            errand = _Errand(request, source, self._terms(source, policy, None, robots=False), None, None, {})
            try:
                body = await self._exchange.ask(request, attempt, terms=errand.terms, headers={})
                failure = None
            except SourceError as error:
                failure = error.kind
                raise
            finally:
                self._note(errand, attempt, 1, failure, None)
            return body or b""

        base_url = self._settings.sources.named(source).base_url or every_source(self._settings)[source].base_url
        return await log_in(credentials, base_url, send)

    async def _attempt(self, errand: _Errand, number: int) -> Response:
        """One attempt and its row; a request that waits for another night was none."""
        from triage.web.exchange import Attempt

        attempt = Attempt(errand.request.url)
        failure: str | None = "stopped"
        sha256: str | None = None
        try:
            response = await self._asked(errand, attempt)
            failure, sha256 = None, response.sha256
        except SourceError as error:
            failure = error.kind
            if isinstance(error, WrongMediaTypeError) or getattr(error, "status", None) in {401, 403}:
                error.hint = WANTED.get(errand.source, error.hint)
            if errand.request.key == KEY and isinstance(error, FetchError) and is_unavailable(error):
                failure = None  # that a host has no robots.txt is an answer
            raise
        except TriageError:
            failure = "workspace"  # the pace or the body could not be kept
            raise
        else:
            return response
        finally:
            if failure != BudgetSpentError.kind:
                self._note(errand, attempt, number, failure, sha256)

    async def _asked(self, errand: _Errand, attempt: Attempt) -> Response:
        request, known = errand.request, errand.known
        body = await self._exchange.ask(request, attempt, terms=errand.terms, headers={**errand.conditions, **errand.own})
        unchanged = body is None
        if body is not None:
            sha256 = await asyncio.to_thread(self._raw.save, body)
        elif known is None or errand.stored is None:
            raise BadStatusError("HTTP 304, unchanged, though nothing was known of it", url=attempt.url, status=304)
        else:
            body, sha256 = errand.stored, known.sha256
            # a 304 need not repeat what has not changed; kept for the next time
            attempt.etag = attempt.etag or known.etag
            attempt.last_modified = attempt.last_modified or known.last_modified
            attempt.media_type = known.media_type or request.accept[0]
        return Response(
            url=attempt.url,
            status=200,
            media_type=attempt.media_type or "",
            body=body,
            sha256=sha256,
            fetched_at=self._clock(),
            unchanged=unchanged,
        )

    async def _pause(self, error: FetchError, number: int) -> None:
        """Wait before the next attempt: as long as the server says, else longer each time, never twice the same.

        A site that is asked too much is left alone by all requests, not only by this one.
        """
        from triage.web.exchange import rule_of

        longest = min(_FIRST_PAUSE * 2 ** (number - 1), _LONGEST_PAUSE)
        seconds = longest * (1 + self._jitter()) / 2 if error.retry_after is None else error.retry_after + self._jitter()
        if error.retry_after is not None or isinstance(error, RateLimitedError):
            self._pacing.hold(rule_of(error.url), seconds)
        else:
            await self._sleep(seconds)

    def _note(self, errand: _Errand, attempt: Attempt, number: int, failure: str | None, sha256: str | None) -> None:
        row = FetchRow(
            source=errand.source,
            key=errand.request.key,
            url=errand.request.url,
            status=attempt.status,
            failure=failure,
            media_type=attempt.media_type,
            bytes=attempt.size,
            seconds=round(attempt.seconds, 3),
            attempts=number,
            etag=attempt.etag,
            last_modified=attempt.last_modified,
            sha256=sha256,
            fetched_at=self._clock().astimezone(UTC).replace(tzinfo=None),
        )
        self._rows.append(row)

    async def _shut(self) -> None:
        loop = asyncio.get_running_loop()
        others = asyncio.all_tasks(loop) - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._transport is not None:
            await self._transport.aclose()
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()


def _result(future: concurrent.futures.Future[Response]) -> Response:
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        raise UsageError("the door was closed while a request was under way", hint="take all answers inside the `with` block") from None
    finally:
        future.cancel()  # when the caller was interrupted while waiting; else nothing


def _user_agent(web: WebSettings) -> str:
    """triage-papers/VERSION (+contact; purpose): who we are, and whom to write to."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        name = f"triage-papers/{version('triage-papers')}"
    except PackageNotFoundError:  # run from a plain checkout
        name = "triage-papers"
    comment = "; ".join(piece for piece in (web.contact and f"+{web.contact}", web.purpose) if piece)
    return f"{name} ({comment})" if comment else name
