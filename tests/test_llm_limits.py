"""Caps, prices and the pace: what a request may take is set aside before it is sent, whatever comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.llm_limits import Budget, Pace
from triage.llm_prices import Most, Spent, cost_of, most_of, tokens_at_most
from triage.llm_wire import Usage
from triage.settings import LlmBudget, LlmPrice

NOTHING, UNKNOWN = Spent(), Usage()
PRICE = LlmPrice(input=1.0, cached=0.5, output=4.0)
NOVEMBER = datetime(2026, 11, 30, 23, 59, 50)  # noqa: DTZ001 - the warehouse keeps UTC without zone


def budget(caps: LlmBudget, month: Spent = NOTHING, now: Callable[[], datetime] = lambda: NOVEMBER) -> Budget:
    return Budget(caps, run=Spent(), month=month, now=now)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("abc", 2), ("\n" * 10, 5), ("视觉", 6), ("a视", 4), ("é", 2), ("\U0001f600", 4), ("\ud800", 1)],
)
def test_tokens_are_bounded_by_bytes_outside_ascii(text: str, tokens: int) -> None:
    assert tokens_at_most(text) == tokens


def test_cached_tokens_are_cheaper_and_never_more_than_were_sent() -> None:
    assert cost_of(PRICE, 1_000_000, 400_000, 500_000) == 0.6 + 0.2 + 2.0
    assert cost_of(PRICE, 10, 4000, 0) == pytest.approx(10 * 0.5 / 1e6)
    assert cost_of(LlmPrice(input=1.0, output=0.0), 1_000_000, 1_000_000, 0) == 1.0
    assert cost_of(None, 1, 1, 1) is None
    assert most_of(None, 10, 20) == Most(10, 20, None)


def test_a_cap_holds_while_sixteen_are_in_flight() -> None:
    caps = budget(LlmBudget(usd_per_run=0.01))
    most = most_of(PRICE, 1000, 250)  # 0.002 dollars each
    assert [caps.reserve(most) for _ in range(16)] == [True] * 5 + [False] * 11
    assert caps.reached(most) == "", "those in flight may cost less than was set aside"
    for _ in range(5):
        caps.settle(most, Usage(1000, 1000, 0), PRICE, charged=True)  # 0.0005 each
    assert [caps.reserve(most) for _ in range(5)] == [True] * 3 + [False] * 2
    for _ in range(3):
        caps.settle(most, Usage(), PRICE, charged=True)  # lost: counted in full
    assert caps.reserve(most) is False
    assert caps.reached(most) == "the cap of $0.01 a run is reached ($0.0085 spent, and one more call may cost $0.0020)"


@given(
    st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 400), st.sampled_from(["known", "lost", "refused"]), st.booleans()), max_size=40
    ),
    st.integers(0, 6000),
)
def test_what_is_spent_never_passes_a_cap(requests: list[tuple[int, int, str, bool]], cap: int) -> None:
    """Requests in any order, some settled at once and some later; each takes at most what was set aside."""
    caps, flying, tokens = budget(LlmBudget(tokens_per_run=cap)), [], 0
    for sent, received, end, later in requests:
        most = most_of(PRICE, sent, received)
        if caps.reserve(most):
            flying.append((most, end))
        if flying and not later:
            settled, end = flying.pop(0)
            usage = Usage(settled.sent // 2, 0, settled.received) if end == "known" else Usage()
            tokens += settled.sent // 2 + settled.received if end == "known" else settled.tokens if end == "lost" else 0
            caps.settle(settled, usage, PRICE, charged=end != "refused")
        assert tokens + sum(most.tokens for most, _ in flying) <= cap


def test_calls_count_when_they_are_sent_and_refused_ones_too() -> None:
    caps = budget(LlmBudget(calls_per_month=3), month=Spent(calls=1))
    most = most_of(PRICE, 10, 10)
    assert [caps.reserve(most), caps.reserve(most), caps.reserve(most)] == [True, True, False]
    assert caps.reached(most) == "the cap of 3 calls a month is reached"
    assert caps.settle(most, Usage(), PRICE, charged=False) == (0.0, None, None)


def test_a_month_that_ends_while_the_run_goes_on_starts_its_caps_anew() -> None:
    moment = NOVEMBER
    caps = budget(LlmBudget(usd_per_month=0.0030, calls_per_run=3), month=Spent(usd=0.0005), now=lambda: moment)
    most = most_of(PRICE, 1000, 250)
    assert caps.reserve(most)
    assert not caps.reserve(most)
    moment += timedelta(seconds=20)
    caps.settle(most, Usage(1000, 0, 250), PRICE, charged=True)  # made in December: counts there
    assert not caps.reserve(most)
    assert "month" in caps.reached(most)
    moment = NOVEMBER
    caps = budget(LlmBudget(usd_per_month=0.0030), month=Spent(usd=0.0005), now=lambda: moment)
    assert caps.reserve(most)
    caps.settle(most, Usage(1000, 0, 250), PRICE, charged=True)
    moment += timedelta(seconds=20)
    assert caps.reserve(most), "a new month in UTC"


def test_an_unknown_price_never_passes_under_a_cap_in_dollars() -> None:
    caps, most = budget(LlmBudget(usd_per_run=5.0)), most_of(None, 10, 10)
    assert not caps.reserve(most)
    assert "price of the model is not known" in caps.reached(most)


def paced(pace: Pace, sizes: list[int], usage: Usage = UNKNOWN) -> list[float]:
    """When each of these requests began, seconds after the first."""

    def one(tokens: int) -> float:
        begun = pace.begin(tokens)
        moment = time.monotonic()
        pace.correct(begun, usage)
        return moment

    began = time.monotonic()
    with ThreadPoolExecutor(len(sizes)) as threads:
        return sorted(moment - began for moment in threads.map(one, sizes))


def test_no_span_holds_more_requests_or_tokens_than_the_limit() -> None:
    waits = paced(Pace(2, None, span=0.3), [1] * 5)
    assert [int(wait / 0.29) for wait in waits] == [0, 0, 1, 1, 2]
    waits = paced(Pace(None, 100, span=0.3), [60, 70, 500, 80])
    assert [int(wait / 0.29) for wait in waits] == [0, 1, 2, 3], "what is larger than the limit goes alone"


def test_tokens_that_were_not_taken_make_room_at_once() -> None:
    assert max(paced(Pace(None, 100, span=5.0), [90] * 4, Usage(1, 0, 1))) < 2.0
    assert max(paced(Pace(None, None, span=5.0), [90] * 4)) < 2.0


def test_who_is_no_longer_wanted_does_not_wait() -> None:
    pace = Pace(1, None, span=5.0)
    pace.begin(1)
    began = time.monotonic()
    pace.begin(1, still_wanted=lambda: time.monotonic() < began + 0.05)
    assert time.monotonic() - began < 2.0
