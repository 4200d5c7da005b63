"""What calls to a language model take, in tokens and US dollars: known afterwards, bounded before."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from triage.settings import LlmPrice

__all__ = ["Most", "Spent", "cost_of", "most_of", "tokens_at_most", "with_share"]

CHARACTERS_A_TOKEN = 2
"""ASCII characters a token, at the least over a whole request: English prose has four to five, code and LaTeX some three."""


class Spent(NamedTuple):
    """Calls, tokens (sent and received) and US dollars."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def plus(self, calls: int, tokens: int, usd: float) -> Spent:
        return Spent(self.calls + calls, self.tokens + tokens, self.usd + usd)


class Most(NamedTuple):
    """The most one request can take: tokens sent and received, and US dollars (None while its price is unknown)."""

    sent: int
    received: int
    usd: float | None

    @property
    def tokens(self) -> int:
        return self.sent + self.received


@lru_cache(maxsize=64)  # most of a request is the same for every paper
def tokens_at_most(text: str) -> int:
    """How many tokens `text` has at most.

    Outside ASCII every byte counts as a token: byte-level tokenizers, which all current models have, never make more.
    """
    characters, size = len(text), len(text.encode("utf-8", "replace"))
    if characters == size:
        return -(-characters // CHARACTERS_A_TOKEN)
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // CHARACTERS_A_TOKEN) + size - plain


def cost_of(price: LlmPrice | None, sent: int, cached: int, received: int) -> float | None:
    """US dollars for these tokens, `cached` of the sent ones being read from the server's cache; None without a price."""
    if price is None:
        return None
    cached = min(cached, sent)
    cheaper = price.input if price.cached is None else price.cached
    return ((sent - cached) * price.input + cached * cheaper + received * price.output) / 1_000_000


def most_of(price: LlmPrice | None, sent: int, received: int) -> Most:
    """A request of at most these tokens, none of them read from a cache."""
    return Most(sent, received, cost_of(price, sent, 0, received))


def with_share(price: LlmPrice | None, share: float) -> LlmPrice | None:
    """A price that is only a share of it, as in a batch; None without a price."""
    if price is None:
        return None
    parts = {name: value * share for name, value in price.model_dump().items() if value is not None}
    return price.model_copy(update=parts)
