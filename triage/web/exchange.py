"""One attempt: ask, follow redirects by hand, judge status and media type, read the body within its limits."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import cast

import httpx

from triage.errors import (
    AddressRefusedError,
    BadStatusError,
    FetchError,
    RateLimitedError,
    RedirectRefusedError,
    StalledError,
    TruncatedError,
    UnreachableError,
    WrongMediaTypeError,
)
from triage.settings import WebSettings
from triage.sources import Request
from triage.web.body import ENCODINGS, Body
from triage.web.pacing import HostRule, Pacing, rule_for
from triage.web.policy import Policy

__all__ = ["Attempt", "Exchange", "Terms", "address_of", "rule_of"]

MOST_REDIRECTS = 5
"""A page that has moved needs one or two; browsers stop at 20."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REQUEST_TIMEOUT = 408
_PATIENCE = 429
_LONGEST_BAN = 30 * 86_400.0  # seconds; a date in the year 9999 means "not soon"
_LATER = "the next run asks again"


@dataclass
class Attempt:
    """What is known so far of one attempt; becomes its row, however it ends.

    `seconds` leaves out the waiting for a turn. `url` is the last address asked.
    """

    url: str
    status: int | None = None
    media_type: str | None = None
    size: int | None = None
    seconds: float = 0
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True)
class Terms:
    """On what terms something is asked: whom the source may ask, and the pace (seconds) and number of requests a night
    that stand in for the hosts' own. `delay` gives what a host's robots.txt wants, or raises what forbids an address."""

    policy: Policy
    pace: float | None
    most: int | None
    delay: Callable[[httpx.URL], Awaitable[float]]


class Exchange:
    """How one attempt is made, over `transport`, in turns given by `pacing`. Belongs to one event loop."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport, pacing: Pacing, web: WebSettings, *, user_agent: str, clock: Callable[[], datetime]
    ) -> None:
        self._transport = transport
        self._pacing = pacing
        self._web = web
        self._user_agent = user_agent
        self._clock = clock
        self._told: dict[str, datetime] = {}  # group -> when it may be asked again, where that is too long to wait
        times = httpx.Timeout(web.read_seconds, connect=web.connect_seconds, pool=web.connect_seconds)
        self._times = times.as_dict()

    async def ask(self, request: Request, attempt: Attempt, *, terms: Terms, headers: Mapping[str, str]) -> bytes | None:
        """The body of a good answer; None when the server says that it is unchanged (304), as `headers` let it say.

        `attempt` is filled in on the way. Raises FetchError.
        """
        policy = terms.policy
        url = address_of(request.url, policy)
        asked: list[httpx.URL] = []
        while True:
            asked.append(url)
            attempt.url, attempt.status = str(url) if len(asked) > 1 else request.url, None
            rule = rule_of(attempt.url)
            self._patience(rule, attempt.url)
            pace = max(rule.pace_at(url.path) if terms.pace is None else terms.pace, await terms.delay(url))
            async with self._pacing.turn(rule, pace, most=terms.most or rule.requests, url=attempt.url), self._within(attempt):
                self._patience(rule, attempt.url)  # another request may have been told while this one queued
                answer = await self._send(request, url, policy, headers)
                try:
                    _note(attempt, answer)
                    if answer.status_code not in _REDIRECTS:
                        return await self._judge(request, answer, attempt)
                finally:
                    # reads nothing more: a connection with a rest on it is closed, not drained
                    await answer.aclose()
            url = _redirected(request, answer, asked, policy)

    @contextlib.asynccontextmanager
    async def _within(self, attempt: Attempt) -> AsyncIterator[None]:
        """The time an attempt may take as a whole, redirects together, whatever trickles in."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._web.total_seconds - attempt.seconds):
                yield
        except TimeoutError as error:
            stalled = StalledError(
                f"not whole after {self._web.total_seconds:g} s", url=attempt.url, status=attempt.status, hint="raise [web] total_seconds"
            )
            stalled.passing = False  # another attempt would take as long
            raise stalled from error
        except FetchError as error:
            error.status = attempt.status
            raise
        finally:
            attempt.seconds += time.monotonic() - started

    async def _send(self, request: Request, url: httpx.URL, policy: Policy, more: Mapping[str, str]) -> httpx.Response:
        headers = {"User-Agent": self._user_agent, "Accept": ", ".join(request.accept), "Accept-Encoding": ENCODINGS, **more}
        if request.body is not None:
            headers["Content-Type"] = "application/json"  # what the sites' interfaces that take a POST expect
        extensions = {"timeout": self._times, "private_allowed": policy.private_allowed(url)}
        sent = httpx.Request(request.method, url, headers=headers, content=request.body, extensions=extensions)
        try:
            answer = await self._transport.handle_async_request(sent)
        except (httpx.TransportError, OSError) as error:  # OSError: TLS that breaks
            raise _unanswered(error, str(url), self._web) from error
        answer.request = sent
        return answer

    async def _judge(self, request: Request, answer: httpx.Response, attempt: Attempt) -> bytes | None:
        if answer.status_code == httpx.codes.NOT_MODIFIED:
            return None
        if answer.status_code != httpx.codes.OK:
            raise self._bad_status(answer, attempt.url)
        if attempt.media_type not in request.accept:
            raise WrongMediaTypeError(
                f"{attempt.media_type or 'no media type'} where {' or '.join(request.accept)} is due",
                url=attempt.url,
                hint="a log-in or challenge page, or the site has changed",
            )
        body = Body(attempt.url, encoding=answer.headers.get("Content-Encoding", ""), largest=request.largest)
        declared = answer.headers.get("Content-Length", "")
        try:
            body.check(int(declared) if declared.isdecimal() else 0)
            # the stream itself: bytes as they came, also from a transport that had them all at once
            async for chunk in cast("httpx.AsyncByteStream", answer.stream):
                body.feed(chunk)
            return body.finish()
        except httpx.TimeoutException as error:
            raise _silent(attempt.url, self._web) from error
        except (httpx.TransportError, OSError) as error:
            raise TruncatedError(f"the body ended too early ({_said(error)})", url=attempt.url, hint=_LATER) from error
        finally:
            attempt.size = body.size

    def _bad_status(self, answer: httpx.Response, url: str) -> FetchError:
        status = answer.status_code
        now = self._clock()
        retry_after = _seconds(answer.headers.get("Retry-After"), answer.headers.get("Date"), now)
        if retry_after is not None and retry_after > self._web.retry_after_seconds:
            self._told[rule_of(url).group] = now + timedelta(seconds=min(retry_after, _LONGEST_BAN))
            self._patience(rule_of(url), url)
        if status == _PATIENCE:
            return RateLimitedError("HTTP 429, too many requests", url=url, retry_after=retry_after, hint=f"{_LATER}; a larger pace helps")
        trouble = status >= httpx.codes.INTERNAL_SERVER_ERROR or status == _REQUEST_TIMEOUT
        error = BadStatusError(f"HTTP {status}", url=url, retry_after=retry_after, hint=_LATER if trouble else _moved(status))
        error.passing = trouble
        return error

    def _patience(self, rule: HostRule, url: str) -> None:
        """Raise RateLimitedError while a site has asked to be left alone for longer than we wait."""
        until = self._told.get(rule.group)
        if until is None or until <= self._clock():
            return
        error = RateLimitedError(
            f"asks to be left alone until {until:%Y-%m-%d %H:%M} UTC",
            url=url,
            hint="run again after that; [web] retry_after_seconds is how long is waited for",
        )
        error.until = until
        error.passing = False
        raise error


def rule_of(url: str) -> HostRule:
    """How the host of `url` is asked."""
    parts = httpx.URL(url)
    return rule_for(parts.host, parts.port)


def address_of(url: str, policy: Policy) -> httpx.URL:
    """`url` as an address that may be asked. Raises AddressRefusedError."""
    parts, objection = _parted(url, policy)
    if parts is None or objection:
        raise AddressRefusedError(
            objection or "no address", url=url, hint="a stand-in or a private network needs [sources.NAME] base_url or hosts"
        )
    return parts


def _parted(url: str, policy: Policy, *, here: httpx.URL | None = None) -> tuple[httpx.URL | None, str | None]:
    """`url` (as seen from `here`) and why it must not be asked."""
    try:
        parts = httpx.URL(url) if here is None else here.join(url)
        return parts, policy.objection(parts)
    except (httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: a host name that is none
        return None, f"no address ({_said(error)})"


def _redirected(request: Request, answer: httpx.Response, asked: list[httpx.URL], policy: Policy) -> httpx.URL:
    """Where a redirect leads, if it may be followed."""
    here, location = asked[-1], answer.headers.get("Location", "")
    there, objection = _parted(location, policy, here=here)
    if not location:
        objection = "a redirect without an address"
    elif request.method != "GET":
        objection = "what was sent is not sent on"
    elif there in asked:
        objection = "round in circles"
    elif there is not None and (here.scheme, there.scheme) == ("https", "http"):
        objection = "from https to plain http"
    elif len(asked) > MOST_REDIRECTS:
        objection = f"more than {MOST_REDIRECTS} in a row"
    if there is None or objection:
        raise RedirectRefusedError(
            f"redirect to {location[:200]!r} refused: {objection}",
            url=str(here),
            status=answer.status_code,
            hint="if the site has moved, [sources.NAME] hosts names where redirects may go",
        )
    return there


def _note(attempt: Attempt, answer: httpx.Response) -> None:
    attempt.status = answer.status_code
    attempt.media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()[:100] or None
    attempt.etag = _sendable(answer.headers.get("ETag"))
    attempt.last_modified = _sendable(answer.headers.get("Last-Modified"))


def _sendable(value: str | None) -> str | None:
    """A validator that can be sent back as it came: printable ASCII of sensible length."""
    return value if value and len(value) <= 500 and value.isascii() and value.isprintable() else None


def _unanswered(error: Exception, url: str, web: WebSettings) -> FetchError:
    """What it means that no status line came."""
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return UnreachableError(f"no connection within {web.connect_seconds:g} s", url=url, hint=f"check the network; {_LATER}")
    if isinstance(error, httpx.TimeoutException):
        return _silent(url, web)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        refused = UnreachableError(
            f"its certificate is not trusted ({_said(error)})",
            url=url,
            hint="check the clock and, for a certificate of your own, SSL_CERT_FILE",
        )
        refused.passing = False
        return refused
    return UnreachableError(f"no answer ({_said(error)})", url=url, hint=f"check the network; {_LATER}")


def _silent(url: str, web: WebSettings) -> StalledError:
    return StalledError(f"nothing came for {web.read_seconds:g} s", url=url, hint=_LATER)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:300]


def _moved(status: int) -> str:
    if status in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
        return "not published yet, or the page has moved: look at the site"
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return "the site lets no programs in, or wants a key"
    return "the site has changed: look at the address in a browser"


def _seconds(value: str | None, date: str | None, now: datetime) -> float | None:
    """Retry-After (RFC 9110, 10.2.3) in seconds, from a number or a date; None without one that can be read.

    A date is counted from the server's own Date, where it gives one, so that its clock need not agree with ours.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return float(value)
    then = _moment(value)
    if then is None:
        return None
    return max(0.0, (then - (_moment(date) or now)).total_seconds())


def _moment(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
