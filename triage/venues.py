"""seeds/venues.yaml as a typed table: which sources serve a venue's year, in order of preference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from triage.errors import SettingsError, UsageError
from triage.text import venue_key

if TYPE_CHECKING:
    from triage.workspace import Workspace

__all__ = ["Edition", "Venue", "edition_of", "known_name", "workspace_venues"]

Held = Literal["every-year", "odd-years", "even-years", "irregular"]


@dataclass(frozen=True)
class Venue:
    """One venue: `ranges` are (first year, last year, sources in order of preference, source of the shown link)."""

    id: str
    name: str
    names: frozenset[str]
    """Folded: id, name and aliases."""
    kind: str
    month: int | None
    held: Held
    ranges: tuple[tuple[int | None, int | None, tuple[str, ...], str], ...]

    def sources(self, year: int) -> tuple[str, ...]:
        """Who serves that year: the first range that fits; empty when none does."""
        for first, last, names, _ in self.ranges:
            if (first is None or first <= year) and (last is None or year <= last):
                return names
        return ()

    def is_held(self, year: int) -> bool:
        """False for years in which the venue certainly does not take place."""
        return {"odd-years": year % 2 == 1, "even-years": year % 2 == 0}.get(self.held, True)


@dataclass(frozen=True)
class Edition:
    """One venue in one year: "cvpr-2023"."""

    venue: Venue
    year: int
    sources: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.venue.id}-{self.year}"


def workspace_venues(workspace: Workspace) -> tuple[Venue, ...]:
    """The user's venues if there are any, else the packaged. Raises SettingsError when the file is no venues file."""
    return _read(*workspace.reference("seeds", "venues.yaml"))


def known_name(workspace: Workspace, name: str | None) -> str | None:
    """What seeds/venues.yaml calls a venue that has that name or alias; None for one it does not know."""
    key = venue_key(name or "")
    return next((venue.name for venue in workspace_venues(workspace) if key and key in venue.names), None)


def edition_of(workspace: Workspace, venue: str, year: int) -> Edition:
    """The edition of a venue (by id, name or alias). Raises UsageError for an unknown venue and a year that nobody serves."""
    from triage.sources.registry import VENUE_NAMES

    venues = [one for one in workspace_venues(workspace) if set(VENUE_NAMES) & {name for row in one.ranges for name in row[2]}]
    one = next((each for each in venues if venue_key(venue) in each.names), None)
    if one is None:
        raise UsageError(f"no venue {venue!r}", hint=f"there are {', '.join(each.id for each in venues)} (seeds/venues.yaml)")
    if not one.is_held(year):
        raise UsageError(f"there is no {one.name} {year}", hint=f"it is held in {one.held.replace('-', ' ')}")
    names = tuple(name for name in one.sources(year) if name in VENUE_NAMES)
    if not names:
        raise UsageError(f"no source has {one.name} {year}", hint="seeds/venues.yaml says who serves which years")
    return Edition(one, year, names)


@lru_cache(maxsize=4)
def _read(text: str, name: str) -> tuple[Venue, ...]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return tuple(_venue(entry) for entry in yaml.load(text, Loader=loader)["venues"])  # noqa: S506  (the safe loader, in C where there is one)
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(
            f"{name}: no list of venues: {error}", hint="the file shipped with the program is an example of the form"
        ) from error


def _venue(entry: dict[str, Any]) -> Venue:
    ranges = tuple((row.get("from"), row.get("to"), tuple(map(str, row["sources"])), str(row["link"])) for row in entry["editions"])
    names = frozenset(venue_key(str(name)) for name in (entry["id"], entry["name"], *entry.get("aliases", ())))
    return Venue(str(entry["id"]), str(entry["name"]), names, str(entry["kind"]), entry.get("month"), entry["held"], ranges)
