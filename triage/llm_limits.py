"""Limits on asking a model: calls, tokens and money (hard caps), how many a minute, and how many at once.

Each is shared by the threads that ask.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from triage.llm_prices import Most, Spent, cost_of
from triage.llm_wire import Usage

if TYPE_CHECKING:
    from triage.settings import LlmBudget, LlmPrice

__all__ = ["Budget", "Charge", "Gate", "Pace"]

LOOK_UP_SECONDS = 0.1
"""How often a thread that waits looks whether it is still to go on."""


class Charge(NamedTuple):
    """What a request cost, in US dollars; where that is not known and it may have been charged, the most it took and cost."""

    cost: float | None
    most_tokens: int | None = None
    most_cost: float | None = None


class Budget:
    """Hard caps: what a request may take at most is set aside before it is sent, and settled when its tokens are known.

    One for all models and purposes of a run. `run` and `month` are what was spent before; a month that ends while the
    run goes on starts the month's caps anew.
    """

    def __init__(self, caps: LlmBudget, *, run: Spent, month: Spent, now: Callable[[], datetime]) -> None:
        self._caps = caps
        self._run = run
        self._month = month
        self._now = now
        self._in_month = _month_of(now())
        self._aside = Spent()
        self._turn = threading.Lock()

    def reserve(self, most: Most) -> bool:
        """Set the most this request can take aside. False when it does not fit: for good when `reached` says so,
        else until requests in flight, which seldom take what is set aside for them, have settled."""
        with self._turn:
            self._turn_the_month()
            if self.reached(most):
                return False
            needed = Spent(1, most.tokens, most.usd or 0.0)
            for unit, cap, _, spent in self._caps_now():
                if cap is not None and sum(getattr(x, unit) for x in (spent, self._aside, needed)) > cap:
                    return False
            # a call is a call once it is sent, whatever comes of it: it is counted at once
            self._count(Spent(1, 0, 0.0))
            self._aside = self._aside.plus(0, needed.tokens, needed.usd)
            return True

    def reached(self, most: Most) -> str:
        """Which cap this request would pass whatever becomes of those in flight, in words; "" for none."""
        needed = Spent(1, most.tokens, most.usd or 0.0)
        for unit, cap, span, spent in self._caps_now():
            if cap is None:
                continue
            if unit == "usd" and most.usd is None:
                return "the price of the model is not known, and there is a cap in dollars"
            taken, more = getattr(spent, unit), getattr(needed, unit)
            if taken + more > cap:
                return _words(unit, cap, span, taken, more)
        return ""

    def settle(self, most: Most, usage: Usage, price: LlmPrice | None, *, charged: bool) -> Charge:
        """Count a request that ended. `charged`: it may have been charged though its tokens are not known; then it
        counts in full."""
        with self._turn:
            self._turn_the_month()
            self._aside = self._aside.plus(0, -most.tokens, -(most.usd or 0.0))
            if usage.sent is not None and usage.received is not None:
                cost = cost_of(price, usage.sent, usage.cached or 0, usage.received)
                self._count(Spent(0, usage.sent + usage.received, cost or 0.0))
                return Charge(cost)
            if not charged:
                return Charge(0.0)
            self._count(Spent(0, most.tokens, most.usd or 0.0))
            return Charge(None, most.tokens, most.usd)

    def _count(self, more: Spent) -> None:
        self._run, self._month = self._run.plus(*more), self._month.plus(*more)

    def _turn_the_month(self) -> None:
        month = _month_of(self._now())
        if month != self._in_month:
            self._in_month, self._month = month, Spent()

    def _caps_now(self) -> Iterator[tuple[str, float | None, str, Spent]]:
        """(unit, cap, span, spent in it)."""
        caps = self._caps
        yield "calls", caps.calls_per_run, "run", self._run
        yield "calls", caps.calls_per_month, "month", self._month
        yield "tokens", caps.tokens_per_run, "run", self._run
        yield "tokens", caps.tokens_per_month, "month", self._month
        yield "usd", caps.usd_per_run, "run", self._run
        yield "usd", caps.usd_per_month, "month", self._month


def _month_of(moment: datetime) -> tuple[int, int]:
    return moment.year, moment.month


def _words(unit: str, cap: float, span: str, spent: float, more: float) -> str:
    if unit == "calls":
        return f"the cap of {cap:g} calls a {span} is reached"
    if unit == "tokens":
        return f"the cap of {cap:.0f} tokens a {span} is reached ({spent:.0f} spent, and one more call may take {more:.0f})"
    return f"the cap of ${cap:g} a {span} is reached (${spent:.4f} spent, and one more call may cost ${more:.4f})"


class Pace:
    """At most so many requests and tokens in any `span` seconds; None is no limit.

    Tokens count as the most a request may take until it is known what it took. A request that is larger than the
    limit by itself goes alone: it would wait for ever. `begun` are earlier requests to the same server from
    this process: [when by the monotonic clock, tokens].
    """

    def __init__(self, requests: int | None, tokens: int | None, *, begun: deque[list[float]] | None = None, span: float = 60.0) -> None:
        self._requests = requests
        self._tokens = tokens
        self._span = span
        self._begun = deque() if begun is None else begun
        self._turn = threading.Lock()

    def begin(self, tokens: int, *, still_wanted: Callable[[], bool] = lambda: True) -> list[float]:
        """Wait for room, one thread after the other, or until it is no longer wanted. What it gives is for `correct`."""
        mine = [0.0, float(tokens)]
        if self._requests is None and self._tokens is None:
            return mine
        with self._turn:
            while still_wanted():
                now = time.monotonic()
                while self._begun and self._begun[0][0] <= now - self._span:
                    self._begun.popleft()
                if self._room(tokens):
                    mine[0] = now
                    self._begun.append(mine)
                    break
                # corrections make room before the oldest has gone
                time.sleep(min(max(self._begun[0][0] + self._span - now, 0.001), LOOK_UP_SECONDS, self._span / 60))
        return mine

    def _room(self, tokens: int) -> bool:
        begun = list(self._begun)
        if not begun:
            return True
        if self._requests is not None and len(begun) >= self._requests:
            return False
        return self._tokens is None or sum(entry[1] for entry in begun) + tokens <= self._tokens

    @staticmethod
    def correct(begun: list[float], usage: Usage) -> None:
        """What the request took, where the server said it."""
        if usage.sent is not None and usage.received is not None:
            begun[1] = float(usage.sent + usage.received)


class Gate:
    """At most `most` requests at once; half as many, after a pause, when the server says it is too many.

    The width grows back by one with each round of requests that went well.
    """

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._width = float(most)
        self._inside = 0
        self._opens = 0.0
        self._changed = threading.Condition()

    @property
    def width(self) -> int:
        return max(1, int(self._width))

    def enter(self, still_wanted: Callable[[], bool] = lambda: True) -> bool:
        """Wait for a place, to be given back with `leave`; False when it is no longer wanted."""
        with self._changed:
            while still_wanted():
                pause = self._opens - time.monotonic()
                if pause <= 0 and self._inside < self.width:
                    self._inside += 1
                    return True
                self._changed.wait(min(pause, LOOK_UP_SECONDS) if pause > 0 else LOOK_UP_SECONDS)
        return False

    def leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify()

    def widen(self) -> None:
        """A request went well."""
        with self._changed:
            self._width = min(self._most, self._width + 1 / self._width)

    def slow_down(self, pause: float) -> None:
        """The server wants `pause` seconds of quiet; complaints that arrive within it count once."""
        with self._changed:
            now = time.monotonic()
            if now >= self._opens:
                self._width = max(1.0, self._width / 2)
            self._opens = max(self._opens, now + pause)
