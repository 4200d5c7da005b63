"""What several sources say alike about an answer that is not whole, or not the expected one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from triage.models import Record
from triage.sources import Verdict

__all__ = ["SITE_CHANGED", "with_abstracts"]

SITE_CHANGED = "the site has changed its pages, or this is another page than was asked for; what was gathered before stays"
"""What to do where a layout is not the expected one."""


def with_abstracts(verdict: Verdict, records: Sequence[Record], share: float) -> Verdict:
    """The verdict, no longer complete when fewer than `share` (0..1) of the records have an abstract."""
    count = sum(record.abstract is not None for record in records)
    if count >= share * len(records):
        return verdict
    return replace(verdict, complete=False, reason=f"{verdict.reason}; {count} of {len(records)} have an abstract")
