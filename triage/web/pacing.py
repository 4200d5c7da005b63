"""The distance between two requests to one site, and how many there are at once.

Both hold over all threads, event loops and processes that use one workspace: turns are taken through
files in its `.triage/pace` folder, and the system gives a dead process's turn back.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from triage.errors import BudgetSpentError, WorkspaceError

if TYPE_CHECKING:
    import filelock

__all__ = ["NIGHT", "OTHER", "RULES", "HostRule", "Pacing", "rule_for"]

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True)
class HostRule:
    """How the hosts of one `group` are asked, counted together, and why.

    `pace` seconds between the starts of two requests, at most `connections` at once, at most `requests` a night.
    Paths that begin with one of `files` hold a whole year in one file and are asked at `file_pace`. Addresses
    (host and path) that begin with one of `interfaces` are offered to programs under terms of their own: those
    terms, which `pace` and `requests` keep, hold there, and not robots.txt, which speaks to crawlers of pages.
    """

    group: str
    hosts: tuple[str, ...]
    pace: float
    connections: int
    reason: str
    requests: int = 5000
    files: tuple[str, ...] = ()
    file_pace: float = 1
    interfaces: tuple[str, ...] = ()

    def pace_at(self, path: str) -> float:
        """Seconds until the next request after one for `path`."""
        return self.file_pace if path.startswith(self.files) and self.files else self.pace

    def is_interface(self, host: str, path: str) -> bool:
        """Whether an address is one of an interface for programs."""
        return bool(self.interfaces) and (host.removeprefix("www.") + path).startswith(self.interfaces)


RULES = (
    HostRule(
        "arxiv",
        ("arxiv.org", "export.arxiv.org", "oaipmh.arxiv.org", "rss.arxiv.org"),
        pace=3,
        connections=1,
        reason="arXiv's terms for API, OAI-PMH and feeds: one request every three seconds and one connection, all together",
        interfaces=("export.arxiv.org/api/", "export.arxiv.org/oai2", "oaipmh.arxiv.org/oai", "rss.arxiv.org/"),
    ),
    HostRule(
        "aaai",
        ("ojs.aaai.org",),
        pace=3,
        connections=1,
        reason="the server takes 2 to 3 seconds a page, and a census of it was paced so",
        interfaces=("ojs.aaai.org/index.php/AAAI/oai",),
    ),
    HostRule(
        "github",
        ("raw.githubusercontent.com",),
        pace=1,
        connections=2,
        reason="no rule known for named files: a request a second disturbs nobody, and a venue's year is one file",
        # the Anthology's data, which its makers publish as files for programs
        interfaces=("raw.githubusercontent.com/acl-org/",),
    ),
    HostRule(
        "virtual",
        ("icml.cc", "neurips.cc", "iclr.cc", "mlsys.org", "cvpr.thecvf.com", "iccv.thecvf.com", "eccv.ecva.net"),
        pace=10,
        connections=1,
        reason="one platform behind all of them; its robots.txt gives bots delays, and a review of its policy chose 10 seconds a page",
        requests=2500,  # seven hours of pages
        files=("/static/virtual/data/",),
    ),
    HostRule("ijcai", ("ijcai.org",), pace=10, connections=1, reason="crawl-delay of its robots.txt", requests=2500),
    HostRule(
        "openreview",
        ("api.openreview.net", "api2.openreview.net", "openreview.net"),
        pace=7.2,
        connections=1,
        reason="its ratelimit-policy header allows 500 requests an hour",
        requests=1000,
        interfaces=("api.openreview.net/", "api2.openreview.net/"),
    ),
    HostRule(
        "semanticscholar",
        ("api.semanticscholar.org",),
        pace=3,
        connections=1,
        reason="clients without a key share one allowance",
        requests=300,
        interfaces=("api.semanticscholar.org/graph/",),
    ),
    HostRule(
        "openalex",
        ("api.openalex.org",),
        pace=1,
        connections=1,
        reason="well below its ten requests a second; what counts is its allowance of requests a day",
        requests=1000,
        interfaces=("api.openalex.org/",),
    ),
    HostRule(
        "dblp",
        ("dblp.org",),
        pace=2,
        connections=1,
        reason="it asks clients to be slow and answers 429 otherwise",
        requests=500,
        interfaces=("dblp.org/search/publ/api",),
    ),
    HostRule(
        "huggingface",
        ("huggingface.co",),
        pace=1,
        connections=2,
        reason="no rule of its own for anonymous readers: a request a second disturbs nobody",
        interfaces=("huggingface.co/api/",),
    ),
    HostRule(
        "cvf", ("openaccess.thecvf.com",), pace=1, connections=2, reason="no rule of its own; a page a paper, so a whole venue is an hour"
    ),
)
"""Sites with manners of their own (`www.` is left off); every other host is asked as OTHER says."""

OTHER = HostRule("", (), pace=1, connections=2, reason="no rule known: a request a second disturbs nobody")

NIGHT = timedelta(hours=20)
"""How long a night's budget of requests holds, from its first request: less than a day, so that a night at the
same hour finds a new one, whatever the one before it did."""

_POLL = 0.02  # seconds between two looks whether another process has finished: well under any pace
_GATE_SECONDS = 10.0  # the gate is held for a read and a write; longer means a stopped process or a broken disk


def rule_for(host: str, port: int | None = None) -> HostRule:
    """The rule for a host; on a port of its own it is another server, with a group of its own."""
    if port is None:
        name = host.removeprefix("www.")
        for rule in RULES:
            if name in rule.hosts:
                return rule
    return HostRule(host if port is None else f"{host}:{port}", (host,), OTHER.pace, OTHER.connections, OTHER.reason)


class Pacing:
    """Turns at the sites, kept in `folder`. Belongs to one event loop; files tie it to all others.

    `sleep` waits for a turn; `longest_hold` is the longest pause (seconds) that `hold` is ever given; `clock`
    says which night it is.
    """

    def __init__(self, folder: Path, *, sleep: Sleep, longest_hold: float, clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._sleep = sleep
        self._longest_hold = longest_hold
        self._clock = clock
        self._queues: dict[str, asyncio.Semaphore] = {}

    @contextlib.asynccontextmanager
    async def turn(self, rule: HostRule, pace: float, *, most: int, url: str) -> AsyncIterator[None]:
        """One request's turn: entered when it may start, left when its answer has been read.

        Raises BudgetSpentError when `most` requests were made this night, WorkspaceError when the folder cannot
        be written. `url` is for the message.
        """
        queue = self._queues.setdefault(rule.group, asyncio.Semaphore(rule.connections))
        async with queue:  # first come, first served among our own, so that few of them look at the files
            seat = await self._seat(rule)
            try:
                wait = self._reserve(rule, pace, most, url)
                if wait > 0:
                    await self._sleep(wait)
                yield
            finally:
                seat.release()

    def hold(self, rule: HostRule, seconds: float) -> None:
        """Let nobody of this workspace start a request of that group for so many seconds."""
        with self._gate(rule):
            now = time.time()
            self._write(rule, max(self._earliest(rule, rule.pace, now), now + min(seconds, self._longest_hold)))

    async def _seat(self, rule: HostRule) -> filelock.BaseFileLock:
        """One of the group's places, held until released or until this process dies."""
        import filelock

        seats = [filelock.FileLock(self._file(rule, f"{number}.lock")) for number in range(rule.connections)]
        while True:
            with self._usable():
                for seat in seats:
                    try:
                        seat.acquire(timeout=0)
                    except filelock.Timeout:
                        continue
                    return seat
            await asyncio.sleep(_POLL)  # really: an injected sleep that returns at once would spin

    def _reserve(self, rule: HostRule, pace: float, most: int, url: str) -> float:
        """Take the next start for ourselves, and one request of the night's; how many seconds it is away."""
        with self._gate(rule):
            self._spend(rule, most, url)
            now = time.time()
            start = max(now, self._earliest(rule, pace, now))
            self._write(rule, start + pace)
            return start - now

    def _spend(self, rule: HostRule, most: int, url: str) -> None:
        """Count a request of this night, which the count survives whatever ends the process."""
        now = self._clock().astimezone(UTC)
        file = self._file(rule, "night")
        since, made = now, 0
        with contextlib.suppress(FileNotFoundError, ValueError):  # ValueError: its writer was killed in the middle
            moment, _, count = file.read_text(encoding="ascii").partition(" ")
            since, made = datetime.fromisoformat(moment).astimezone(UTC), int(count)
        if not timedelta(0) <= now - since < NIGHT:  # another night, or the clock was set back
            since, made = now, 0
        if made >= most:
            until = since + NIGHT
            error = BudgetSpentError(
                f"the {most:,} requests of this night at {rule.group} are used up; the rest waits",
                url=url,
                hint=f"run again after {until:%Y-%m-%d %H:%M} UTC, or raise requests_per_night in [web] or in the source's table",
            )
            error.until = until
            raise error
        file.write_text(f"{since.isoformat()} {made + 1}", encoding="ascii")

    @contextlib.contextmanager
    def _gate(self, rule: HostRule) -> Iterator[None]:
        import filelock

        with self._usable():
            gate = filelock.FileLock(self._file(rule, "gate"), timeout=_GATE_SECONDS)
            try:
                gate.acquire(poll_interval=0.005)
            except filelock.Timeout:
                raise WorkspaceError(
                    f"{self._file(rule, 'gate')} has been held for {_GATE_SECONDS:g} s",
                    hint="is a triage process stopped? end it, then try again",
                ) from None
            try:
                yield
            finally:
                gate.release()

    def _earliest(self, rule: HostRule, pace: float, now: float) -> float:
        """When the next request may start, in seconds since 1970.

        No more than `connections` starts are ever reserved ahead, so anything later than those and a hold was
        written before the clock was set back.
        """
        try:
            earliest = float(self._file(rule, "next").read_text(encoding="ascii"))
        except FileNotFoundError:
            return now
        except ValueError:
            return now + pace  # its writer was killed in the middle: as if a request had just been made
        farthest = now + rule.connections * max(pace, rule.pace) + self._longest_hold
        return min(earliest, farthest)

    def _write(self, rule: HostRule, earliest: float) -> None:
        self._file(rule, "next").write_text(f"{earliest:.6f}", encoding="ascii")

    def _file(self, rule: HostRule, ending: str) -> Path:
        return self._folder / f"{re.sub(r'[^a-z0-9.-]', '_', rule.group)}.{ending}"

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise WorkspaceError(
                f"{self._folder}: cannot be written: {error.strerror or error}", hint="check the folder's permissions and free space"
            ) from error
