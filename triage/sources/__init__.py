"""Sources: pure. A source says what to request and turns a response into records; it never does I/O.

`gather.py` drives it through the one HTTP door (`web.py`), keeps the raw response, and believes a
response only when the source's own completeness verdict does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, Protocol

from triage.models import Record, Refusal

__all__ = ["Nothing", "Parsed", "Request", "Response", "Source", "Verdict"]

Nothing = Literal["truly none", "parsed none"]
"""Kinds of nothing in an answer: there was none to give, or there should have been something."""


@dataclass(frozen=True)
class Request:
    """One thing to ask for: `key` names it within its source ("2024-08-01"), `accept` are the media types a
    good answer may have (any other, such as a challenge page, is a failure)."""

    key: str
    url: str
    accept: tuple[str, ...]
    method: Literal["GET", "POST"] = "GET"
    body: bytes | None = None
    largest: int = 64_000_000
    """Bytes of body, decompressed, beyond which the answer is refused."""


@dataclass(frozen=True)
class Response:
    """A good answer: status 200 (or what was stored, where the server said 304), one of the accepted media
    types, whole, within the size limit. `sha256` names the body in the raw store."""

    url: str
    status: int
    media_type: str
    body: bytes
    sha256: str
    fetched_at: datetime
    unchanged: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is whole. `declared` is the number the answer itself claims (None: it claims none),
    `nothing` says which kind of nothing when there are no records."""

    complete: bool
    reason: str
    declared: int | None = None
    nothing: Nothing | None = None


@dataclass(frozen=True)
class Parsed:
    """What a response yields: in = records + refused; `more` are follow-up requests (the next page).

    An answer that is incomplete and names `more` is completed by them: its day is complete when each of
    them is. `day` is the day the answer itself says it is of, None when it says none.
    """

    records: tuple[Record, ...]
    verdict: Verdict
    refused: tuple[Refusal, ...] = ()
    more: tuple[Request, ...] = field(default=())
    day: date | None = None
    abstracts: tuple[tuple[str, str], ...] = ()
    """`source_key` and abstract of papers that another answer of the same source lists: a file of abstracts
    alone names no titles, so it yields no records."""
    abstracts_follow: bool = False
    """The answer lacks nothing but abstracts, and `more` are the pages that have them."""


class Source(Protocol):
    """One feed or venue site. `parse` raises SourceError when the answer is not what the source gives
    (HTML where JSON is due, a list of strings, an error entry)."""

    name: str
    hosts: tuple[str, ...]
    """Hosts its requests and redirects may go to."""
    base_url: str
    """Default address; settings may put another in its place."""
    shows_one_day: bool = False
    """Whether it shows its newest day only, so that a day that was missed cannot be asked for."""

    def due(self, *, today: date, final: date | None, since_days: int) -> tuple[date, ...]:
        """Days to ask for, oldest first, given the last day known to be final (None: empty warehouse)."""
        ...

    def requests(self, day: date, *, base_url: str) -> tuple[Request, ...]: ...

    def parse(self, request: Request, response: Response) -> Parsed: ...

    def day_at(self, moment: datetime) -> date:
        """The day whose list stands at the source at that moment (with zone). Default: the day in UTC."""
        return moment.astimezone(UTC).date()

    def settled(self, day: date, read_at: datetime) -> bool:
        """Whether a list of `day` that was read then cannot grow any more. Default: read after the day, in UTC."""
        return read_at >= datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)

    def missed(self, final: date, shown: date) -> tuple[date, ...]:
        """Days behind `final` that a source which shows one day only cannot give any more. Default: none."""
        del final, shown
        return ()
