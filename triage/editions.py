"""What one source gives of one venue's year: answers are read, papers of several answers made one, and the whole judged."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from triage.answers import Answer
from triage.drift import LEAST_WHOLE
from triage.errors import (
    BudgetSpentError,
    FetchError,
    RateLimitedError,
    RobotsRefusedError,
    SourceError,
    TruncatedError,
    UnreachableError,
    WrongMediaTypeError,
)
from triage.models import Record, Refusal
from triage.sources import Response
from triage.text import title_key

if TYPE_CHECKING:
    from triage.runs import Run
    from triage.sources import Parsed, Request
    from triage.sources.venues import VenueSource
    from triage.venues import Edition

__all__ = ["GONE", "Reading", "State", "enriched"]

State = Literal["complete", "truly none", "incomplete", "needs attention", "parsed none", "unreachable", "waiting", "disallowed"]
"""How a venue's year is: `waiting` for the rest, which another night's budget will ask for."""

GONE = frozenset({"bad status", "parsed none", RobotsRefusedError.kind})
"""What a source may answer that has never had a year: that there is no such page."""

_FIELDS = ("url", "abstract", "venue", "year", "track", "acceptance", "published", "raw_sha256")


def enriched(record: Record, other: Record) -> Record:
    """`record` with what it lacks taken from `other`, another answer about the same paper."""
    given: dict[str, Any] = {
        name: value for name in _FIELDS if getattr(record, name) is None and (value := getattr(other, name)) is not None
    }
    if other.authors and not record.authors:
        given["authors"] = other.authors
    for name in ("identifiers", "links"):
        if (both := {**getattr(other, name), **getattr(record, name)}) != getattr(record, name):
            given[name] = both
    return record.model_copy(update=given) if given else record


@dataclass
class Trouble:
    """Something that went wrong with one request; `passing` when asking again soon may help."""

    kind: str
    key: str
    message: str
    hint: str | None
    passing: bool = False


@dataclass
class Reading:
    """One source's part of one edition, in memory.

    `stored` are the source's records of that year as the warehouse has them, `best` how many papers its
    richest reading so far had.
    """

    source: VenueSource
    edition: Edition
    stored: Mapping[str, Record] = field(default_factory=dict)
    best: int = 0
    doubted: bool = False
    """The last reading needed attention: its lists are asked for again even if they are stored."""
    listing: tuple[Request, ...] = ()
    """What the source is asked first."""
    records: dict[str, Record] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    """Keys of records that were not kept yet."""
    pages: dict[str, Request] = field(default_factory=dict)
    """Papers' own pages by the paper's key, for what the listing lacks."""
    asked: set[str] = field(default_factory=set)
    causes: dict[str, str] = field(default_factory=dict)
    """What led to addresses that are asked instead of others."""
    lines: list[Answer] = field(default_factory=list)
    refused: list[tuple[str, Refusal]] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    reused: int = 0
    failed: int = 0
    short: int = 0
    """Papers that are known to be missing."""
    pages_failed: int = 0
    for_abstracts: set[str] = field(default_factory=set)
    """Addresses that were asked for abstracts alone."""
    without_abstracts: list[Trouble] = field(default_factory=list)
    """What went wrong with those: no trouble where another source has the abstracts."""
    waiting: int = 0
    """Requests that were not made because the night's budget was used up."""
    none_yet: bool = False
    """The site itself says that it has nothing of that year."""
    new: int = 0
    updated: int = 0

    # -- reading

    def read(self, run: Run, request: Request, answer: Response | SourceError, *, alternatives: bool = True) -> tuple[Request, ...]:
        """Take what an answer gives; what to ask next. A failure is noted, unless something else can be asked instead."""
        try:
            if isinstance(answer, SourceError):
                raise answer
            parsed = self.source.parse(request, answer)
        except SourceError as error:
            return self._failed(request, error, alternatives=alternatives)
        new = self._take(parsed)
        follow, leads_on = self._sorted_out(parsed)
        whole = parsed.verdict.complete or leads_on or parsed.abstracts_follow
        self.lines.append(self._line(run, request, answer, whole=whole))
        if parsed.records and not new and follow and request not in self.listing:
            self.trouble("incomplete", request, f"{request.url}: the next page shows the papers of the one before")
            return ()
        self.none_yet = self.none_yet or (parsed.verdict.complete and parsed.verdict.nothing == "truly none")
        return follow if whole else self._not_whole(request, parsed, alternatives=alternatives)

    def _failed(self, request: Request, error: SourceError, *, alternatives: bool) -> tuple[Request, ...]:
        # not for what the next night gets in the same place: a site that is closed, a body that broke off on the way
        gone = isinstance(error, UnreachableError | RateLimitedError | BudgetSpentError | TruncatedError)
        if alternatives and not gone and (instead := self._instead(request)):
            self.notes.append(f"{error.message}; asked instead for {instead[0].key}")
            self.causes |= {one.url: error.message for one in instead}
            return instead
        if request.url in self.for_abstracts and not self.page_key(request) and not gone:
            self.without_abstracts.append(Trouble(error.kind, request.key, error.message, error.hint, error.passing))
            return ()
        why = f" (asked because of {self.causes[request.url]})" if request.url in self.causes else ""
        self.failed += 1
        if isinstance(error, BudgetSpentError):
            self.waiting += 1
        elif self.page_key(request):
            self.pages_failed += 1
        elif request not in self.listing:
            self.short += 1
        answered = isinstance(error, WrongMediaTypeError) or not isinstance(error, FetchError)
        kind = "parsed none" if answered and request in self.listing else error.kind
        self.troubles.append(Trouble(kind, request.key, error.message + why, error.hint, error.passing))
        return ()

    def _not_whole(self, request: Request, parsed: Parsed, *, alternatives: bool) -> tuple[Request, ...]:
        if self.page_key(request):
            return ()  # the page was read and has no abstract: `with_abstract` tells
        if alternatives and (instead := self._instead(request)):
            self.notes.append(f"{request.url}: {parsed.verdict.reason}; asked instead for {instead[0].key}")
            return instead
        # what was refused is lacking like what did not come: an answer is not whole only when that is much
        self.short += max(parsed.verdict.declared or 0, len(parsed.records) + len(parsed.refused)) - len(parsed.records)
        self.trouble(parsed.verdict.nothing or "incomplete", request, f"{request.url}: {parsed.verdict.reason}")
        return ()

    def _instead(self, request: Request) -> tuple[Request, ...]:
        return tuple(one for one in self.source.instead(request) if one.url not in self.asked)

    def trouble(self, kind: str, request: Request, message: str) -> None:
        self.troubles.append(Trouble(kind, request.key, message, None))

    def _take(self, parsed: Parsed) -> int:
        """Keep the papers of an answer; how many this reading had not seen yet."""
        before = len(self.records)
        for record in parsed.records:
            known = self.records.get(record.source_key)
            self._put(record if known is None else enriched(known, record))
        for key, text in parsed.abstracts:
            if (known := self.records.get(key)) is not None and known.abstract is None:
                self._put(Record.model_validate(known.model_dump() | {"abstract": text}))
        self.refused += [(self.edition.key, refusal) for refusal in parsed.refused]
        return len(self.records) - before

    def _put(self, record: Record) -> None:
        key = record.source_key
        if (stored := self.stored.get(key)) is not None:
            record = enriched(record, stored)  # what an answer lacks today is not lost
        if self.records.get(key) != record:
            self.records[key] = record
            self.changed.add(key)

    def _sorted_out(self, parsed: Parsed) -> tuple[tuple[Request, ...], bool]:
        """What has to be asked next, and whether the answer leads on; pages of listed papers wait until every source was asked."""
        follow = []
        leads_on = False
        for request in parsed.more:
            if key := self.page_key(request):
                self.pages.setdefault(key, request)
                continue
            leads_on = True
            if parsed.abstracts_follow:
                self.for_abstracts.add(request.url)
            if (known := self.stored.get(request.key)) is not None and known.abstract is not None:
                self._put(known)  # a single record that is stored is not asked for again
            elif request.url not in self.asked:
                follow.append(request)
        return tuple(follow), leads_on

    def page_key(self, request: Request) -> str | None:
        """The key of the listed paper that a request is the page of: sources put it into the request's key."""
        key = request.key.rpartition(" page ")[2]
        return key if key in self.records else None

    def _line(self, run: Run, request: Request, answer: Response, *, whole: bool) -> Answer:
        return Answer(
            source=self.source.name, key=request.key, url=request.url, media_type=answer.media_type, sha256=answer.sha256,
            read_at=answer.fetched_at, run_id=run.id, by_hand=True, edition=self.edition.key, whole=whole,
        )  # fmt: skip

    # -- judging

    def settle_abstracts(self, given: Set[str]) -> None:
        """A file of abstracts that could not be had is a trouble only where no source gave them; `given` are folded titles."""
        if self.titles(with_abstract=False) - given:
            self.troubles += self.without_abstracts
            self.failed += len(self.without_abstracts)
        else:
            self.notes += [f"{one.message} (its abstracts came from elsewhere)" for one in self.without_abstracts]
        self.without_abstracts = []

    @property
    def of_the_year(self) -> list[Record]:
        """Papers of the edition; some sites give other years along with it."""
        return [record for record in self.records.values() if record.year in {None, self.edition.year}]

    @property
    def ratio(self) -> float:
        """Share of papers that were read whole, 0..1, of those that are known to be there."""
        count = len(self.of_the_year)
        return max(0.0, count - self.pages_failed) / (count + self.short) if count + self.short else 1.0

    @property
    def fewer(self) -> bool:
        """Whether there are clearly fewer papers than in the richest reading so far."""
        return len(self.of_the_year) < LEAST_WHOLE * self.best

    @property
    def state(self) -> State:
        if self.waiting:
            return "waiting"
        if not self.of_the_year and not self.best:
            if not self.troubles:
                return "truly none"
            if all(one.kind == RobotsRefusedError.kind for one in self.troubles):
                return "disallowed"
            answered = any(one.kind in {"parsed none", "incomplete", SourceError.kind} for one in self.troubles)
            return "parsed none" if answered else "unreachable"
        if self.fewer or self.ratio < LEAST_WHOLE:
            return "needs attention"
        return "incomplete" if self.troubles else "complete"

    @property
    def has_none(self) -> bool:
        """Whether the source says that it does not have this year, and never had it."""
        return (
            not self.records
            and not self.best
            and bool(self.troubles)
            and all(one.kind in GONE and not one.passing for one in self.troubles)
        )

    @property
    def with_abstract(self) -> int:
        return sum(record.abstract is not None for record in self.of_the_year)

    def titles(self, *, with_abstract: bool) -> set[str]:
        """Folded titles of the papers that have an abstract here, or of those that have none."""
        return {title_key(record.title) for record in self.records.values() if (record.abstract is not None) == with_abstract}
