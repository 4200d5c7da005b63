"""robots.txt, as RFC 9309 reads it: which addresses a host keeps programs away from, and how slowly it wants to be asked.

The file of a host is asked for through the same door, kept in the raw store, believed for a day and then asked for
conditionally. No file (4xx) allows everything. A file that cannot be had (5xx, no connection) forbids everything for
now, unless an older copy is there, which then goes on to hold. Interfaces that are offered to programs under terms of
their own (`pacing.RULES`) are asked under those terms; a mirror in `base_url` is a site like any other.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from triage.errors import (
    BadStatusError,
    BudgetSpentError,
    FetchError,
    RateLimitedError,
    RedirectRefusedError,
    RobotsRefusedError,
    UnreachableError,
    WrongMediaTypeError,
)
from triage.sources import Request, Response

if TYPE_CHECKING:
    import httpx
    from protego import Protego

__all__ = ["KEY", "Robots", "RobotsCopy", "disallowing_rule", "is_unavailable"]

KEY = "robots.txt"
"""Name of the request in `fetches`."""

TOKEN = "triage-papers"  # noqa: S105  the product token of our User-Agent header, no secret
"""What a robots.txt calls us (RFC 9309, 2.2.1)."""

BELIEVED = timedelta(hours=24)
"""How long a copy is used without asking again (RFC 9309, 2.4)."""

LARGEST = 5_000_000
"""Bytes; ten times what a reader must take (RFC 9309, 2.5)."""

LONGEST_DELAY = 120
"""Seconds; a site that wants to be asked more rarely (aaai.org: twice a day) wants no programs to go through it."""

_UNAVAILABLE = range(400, 500)


@dataclass(frozen=True)
class RobotsCopy:
    """What was last known of a host's robots.txt: `text` is None where it had none."""

    text: str | None
    fetched_at: datetime


Ask = Callable[[Request], Awaitable[Response]]


class Robots:
    """The files of all hosts, each asked for once. Belongs to one event loop; `known` maps their addresses to copies."""

    def __init__(self, known: Mapping[str, RobotsCopy], *, clock: Callable[[], datetime]) -> None:
        self._known = known
        self._clock = clock
        self._files: dict[str, asyncio.Task[tuple[Protego, str] | None]] = {}

    async def delay(self, url: httpx.URL, ask: Ask) -> float:
        """Seconds the host wants between two requests, 0 when it does not say. `ask` fetches without asking here again.

        Raises RobotsRefusedError when `url` is disallowed, and whatever kept the file from being had.
        """
        address = str(url.copy_with(raw_path=b"/robots.txt", fragment=None))
        if address not in self._files:
            self._files[address] = asyncio.create_task(self._file(address, ask))
            self._files[address].add_done_callback(lambda task: task.cancelled() or task.exception())
        found = await asyncio.shield(self._files[address])
        if found is None:
            return 0
        rules, text = found
        delay = float(rules.crawl_delay(TOKEN) or 0)
        if rules.can_fetch(str(url), TOKEN) and not delay > LONGEST_DELAY:
            return max(delay, 0) if math.isfinite(delay) else 0
        rule = f"Crawl-delay: {delay:g}" if delay > LONGEST_DELAY else disallowing_rule(text, str(url))
        error = RobotsRefusedError(
            f'robots.txt of {url.host} does not allow it for us ("{rule}")',
            url=str(url),
            hint="ask the site for leave or leave it out; robots = false in the source's table is for a mirror of your own",
        )
        error.rule = rule
        raise error

    async def _file(self, address: str, ask: Ask) -> tuple[Protego, str] | None:
        copy = self._known.get(address)
        if copy is None or not timedelta(0) <= self._clock() - copy.fetched_at < BELIEVED:
            copy = await self._asked(address, copy, ask)
        if copy.text is None:
            return None
        from protego import Protego

        return Protego.parse(copy.text), copy.text

    async def _asked(self, address: str, copy: RobotsCopy | None, ask: Ask) -> RobotsCopy:
        request = Request(key=KEY, url=address, accept=("text/plain",), largest=LARGEST)
        try:
            answer = await ask(request)
        except FetchError as error:
            if is_unavailable(error):
                return RobotsCopy(None, self._clock())
            if copy is not None:
                return copy
            if isinstance(error, BudgetSpentError | RateLimitedError):
                raise
            hint = f"{error.hint or 'the next run asks again'}; a site whose robots.txt cannot be had is not asked (RFC 9309, 2.3.1.4)"
            unreachable = UnreachableError(error.problem, url=address, status=error.status, hint=hint)
            unreachable.passing = error.passing
            raise unreachable from error
        return RobotsCopy(answer.body.decode("utf-8-sig", "replace"), answer.fetched_at)


def is_unavailable(error: FetchError) -> bool:
    """Whether a host has no robots.txt (RFC 9309, 2.3.1.3): 4xx, a page in its place, or a way that leads elsewhere."""
    if isinstance(error, WrongMediaTypeError | RedirectRefusedError):
        return True
    return isinstance(error, BadStatusError) and not isinstance(error, RateLimitedError) and error.status in _UNAVAILABLE


def disallowing_rule(text: str, url: str) -> str:
    """The line of a robots.txt that keeps us from `url`: the longest that matches, as the standard has it."""
    from protego import Protego

    found = [
        line
        for line, path in _disallowed(text)
        if not Protego.parse(f"User-agent: *\nDisallow: {path}").can_fetch(url, TOKEN)
    ]  # fmt: skip
    return max(found, key=len, default="Disallow")[:200]


def _disallowed(text: str) -> Iterator[tuple[str, str]]:
    """(line, path) of the rules for us; those for everyone where no group names us."""
    groups: list[tuple[list[str], list[tuple[str, str]]]] = []
    for line in re.split(r"\r\n|\r|\n", text):
        field, _, value = line.partition("#")[0].partition(":")
        field, value = field.strip().lower(), value.strip()
        if field == "user-agent":
            if not groups or groups[-1][1]:
                groups.append(([], []))
            groups[-1][0].append(value.lower())
        elif field in {"allow", "disallow"} and groups:
            groups[-1][1].append((f"{field.capitalize()}: {value}", value if field == "disallow" else ""))
    ours = [rules for names, rules in groups if any(name != "*" and TOKEN.startswith(name) for name in names if name)]
    for rules in ours or [rules for names, rules in groups if "*" in names]:
        yield from ((line, path) for line, path in rules if path)
