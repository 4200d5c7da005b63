"""The entries of one answer: each is read by itself, so one bad entry costs one refusal and never the page.

Whatever an answer holds is accounted for: entries = records + refused + repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from triage.errors import SourceError
from triage.models import Record, Refusal
from triage.sources import Verdict
from triage.sources.completeness import SITE_CHANGED
from triage.text import clean_line

__all__ = ["MOST_REFUSED", "Entries", "read_entries"]

MOST_REFUSED = 0.05
"""Share of entries that may be refused before an answer counts as incomplete: the completeness ratio every source is held to."""

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Entries:
    """What came of the entries of one answer. `repeated` counts entries whose key an earlier one had."""

    records: tuple[Record, ...]
    refused: tuple[Refusal, ...]
    repeated: int

    @property
    def count(self) -> int:
        return len(self.records) + len(self.refused) + self.repeated

    def verdict(self, *, declared: int | None, what: str, whole: bool = True, signed: bool = False) -> Verdict:
        """Complete when nothing declared is missing, hardly anything is refused and the answer did not end early.

        `signed` says that papers name their authors there: when hardly any does, the layout is another one.
        """
        found = len(self.records)
        if not self.count:
            reason = f"no {what}" + (f" where {declared} are declared" if declared else "")
            return Verdict(False, reason, declared, "parsed none")
        reason = f"{found} {what}" + (f" of {declared}" if declared is not None else "")
        reason += f", {len(self.refused)} refused" if self.refused else ""
        reason += f", {self.repeated} repeated" if self.repeated else ""
        if not whole:
            return Verdict(False, f"{reason}; the answer ends too early", declared)
        if declared is not None and declared not in {found + len(self.refused), self.count}:
            return Verdict(False, f"{reason}: the numbers differ", declared)
        unsigned = sum(not record.authors for record in self.records) if signed else 0
        if unsigned and 2 * unsigned >= found:
            return Verdict(False, f"{reason}, {unsigned} without authors", declared)
        return Verdict(len(self.refused) <= MOST_REFUSED * self.count, reason, declared)


def read_entries(
    entries: Iterable[Entry], read: Callable[[Entry], Record], *, url: str, named: Callable[[Entry], str] = lambda _: ""
) -> Entries:
    """Read each entry; `read` raises ValueError (pydantic's too) for what is no paper, `named` says which entry it was.

    Of two entries with one key the first counts. Raises SourceError when there are entries and not one is a paper.
    """
    records: dict[str, Record] = {}
    refused: list[Refusal] = []
    repeated = 0
    for place, entry in enumerate(entries, 1):
        try:
            record = read(entry)
        except ValidationError as error:
            first = error.errors()[0]
            refused.append(Refusal(line=place, reason=f"{'.'.join(map(str, first['loc']))}: {first['msg']}", item=_name(named, entry)))
        except ValueError as error:
            refused.append(Refusal(line=place, reason=str(error) or type(error).__name__, item=_name(named, entry)))
        else:
            repeated += record.source_key in records
            records.setdefault(record.source_key, record)
    if refused and not records:
        raise SourceError(f"{url}: none of {len(refused)} entries is a paper; the first: {refused[0].reason}", hint=SITE_CHANGED)
    return Entries(tuple(records.values()), tuple(refused), repeated)


def _name(named: Callable[[Entry], str], entry: Entry) -> str:
    return clean_line(named(entry))[:80]
