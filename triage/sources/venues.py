"""Venue sources: what a site gives for one venue and year, and how a paper page fills what a listing lacks.

A venue source is pure like every other: `listing` says where to begin, `parse` turns an answer into
records and names what to ask for next (`Parsed.more`: further pages, abstracts, paper pages). The
driver fetches, keeps the raw answers and believes a venue-year only when every answer was whole.
"""

from __future__ import annotations

from typing import Protocol

from triage.sources import Parsed, Request, Response

__all__ = ["VenueSource"]


class VenueSource(Protocol):
    """One site that serves venues by year.

    Record fields: `source` is the source's name, `source_key` its own key (an article's number, an
    Anthology id, a path), so that a listing and a paper page of one paper have the same key and the
    later answer enriches the earlier; `venue` is the venue's name in seeds/venues.yaml, `track` and
    `acceptance` as the site says them.
    """

    name: str
    hosts: tuple[str, ...]
    base_url: str

    def listing(self, venue: str, year: int, *, base_url: str) -> tuple[Request, ...]:
        """What to ask for first. Raises UsageError for a venue or year the site does not have."""
        ...

    def parse(self, request: Request, response: Response) -> Parsed:
        """Raises SourceError when the answer is not what the site gives (another layout, a challenge page)."""
        ...

    def instead(self, request: Request) -> tuple[Request, ...]:
        """What to ask for where `request` failed for good, or its answer was not whole. Default: there is nothing else."""
        del request
        return ()
