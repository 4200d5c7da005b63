"""Limits on asking a model: money and calls (hard caps), and how many requests at once."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING

from triage.llm_wire import Usage

if TYPE_CHECKING:
    from triage.settings import LlmBudget, LlmPrice

__all__ = ["Budget", "Gate"]

CHARACTERS_A_TOKEN = 2
"""For the most a request can cost before its tokens are counted: English has four to five, LaTeX and Chinese fewer."""


class Budget:
    """Hard caps: what a request may cost at most is set aside before it is sent, and settled when its tokens are known."""

    def __init__(self, caps: LlmBudget, price: LlmPrice | None, spent_this_month: float) -> None:
        self._caps = caps
        self._price = price
        self._before = spent_this_month
        self._calls = 0
        self._spent = 0.0
        self._set_aside = 0.0
        self.reached = ""
        """Which cap is reached, in words; "" while none is."""

    def reserve(self, characters: int, most_tokens: int) -> float | None:
        """Set the most this request can cost aside; None when it does not fit: for good when `reached` says so,
        else until requests in flight, which seldom cost what is set aside for them, have settled."""
        caps, waits = self._caps, False
        most = self._cost(characters / CHARACTERS_A_TOKEN, 0, most_tokens) or 0.0
        if caps.calls_per_run is not None and self._calls >= caps.calls_per_run:
            self.reached = f"the cap of {caps.calls_per_run} calls a run is reached"
        for span, cap, spent in (("run", caps.usd_per_run, self._spent), ("month", caps.usd_per_month, self._before + self._spent)):
            if cap is not None and spent + most > cap:
                self.reached = f"the cap of ${cap:g} a {span} is reached (${spent:.4f} spent, and one more call may cost ${most:.4f})"
            waits = waits or (cap is not None and spent + self._set_aside + most > cap)
        if self.reached or waits:
            return None
        self._calls += 1
        self._set_aside += most
        return most

    def settle(self, reserved: float, usage: Usage, *, lost: bool) -> float | None:
        """The cost of a request that ended, in US dollars; None when tokens or price are unknown.

        A request whose answer was lost may have been charged: the caps of this run count it in full.
        """
        self._set_aside -= reserved
        cost = None if usage.sent is None or usage.received is None else self._cost(usage.sent, usage.cached or 0, usage.received)
        self._spent += reserved if cost is None and lost else cost or 0.0
        return cost

    def _cost(self, sent: float, cached: float, received: float) -> float | None:
        if self._price is None:
            return None
        cached = min(cached, sent)
        cheaper = self._price.input if self._price.cached is None else self._price.cached
        return ((sent - cached) * self._price.input + cached * cheaper + received * self._price.output) / 1_000_000


class Gate:
    """At most `most` requests at once; half as many, after a pause, when the server says it is too many.

    Belongs to one event loop. The width grows back by one with each round of requests that went well.
    """

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._width = float(most)
        self._inside = 0
        self._opens = 0.0
        self._changed = asyncio.Condition()

    @property
    def width(self) -> int:
        return max(1, int(self._width))

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._inside < self.width)
                pause = self._opens - loop.time()
                if pause <= 0:
                    self._inside += 1
                    return
            await asyncio.sleep(pause)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        async with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def widen(self) -> None:
        """A request went well."""
        self._width = min(self._most, self._width + 1 / self._width)

    def slow_down(self, pause: float) -> None:
        """The server wants `pause` seconds of quiet; complaints that arrive within it count once."""
        now = asyncio.get_running_loop().time()
        if now >= self._opens:
            self._width = max(1.0, self._width / 2)
        self._opens = max(self._opens, now + pause)
