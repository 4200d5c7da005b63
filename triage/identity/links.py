"""Whose link a list shows, read from seeds/venues.yaml: the part of that file that identity needs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from triage.errors import SettingsError
from triage.text import venue_key

if TYPE_CHECKING:
    from triage.workspace import Workspace

__all__ = ["LinkOrder", "link_order"]


class LinkOrder(NamedTuple):
    """A source's place (0 first) for the link of papers of a venue (folded name), in years from `first` to `last`."""

    venue: str
    first: int | None
    last: int | None
    source: str
    place: int


def link_order(workspace: Workspace) -> tuple[LinkOrder, ...]:
    """The user's venues if there are any, else the packaged: the `link` source first, then `sources` in order.

    Raises SettingsError when the file is no venues file.
    """
    text, name = workspace.reference("seeds", "venues.yaml")
    return _read(text, name)


@lru_cache(maxsize=4)
def _read(text: str, name: str) -> tuple[LinkOrder, ...]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        venues = yaml.load(text, Loader=loader)["venues"]  # noqa: S506  (the safe loader, in C where there is one)
        return tuple(one for venue in venues for one in _orders(venue))
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"{name}: no list of venues: {error}", hint="the file shipped with the program is an example of the form"
        ) from error


def _orders(venue: dict[str, Any]) -> list[LinkOrder]:
    found: dict[tuple[Any, ...], LinkOrder] = {}
    for name in (venue["name"], venue["id"], *venue.get("aliases", ())):
        later: int | None = None
        for edition in venue.get("editions", ()):
            first, last = edition.get("from"), edition.get("to")
            if last is None and later is not None:
                last = later - 1  # the first range that fits counts, and ranges are listed from the newest on
            later = first if first is not None else later
            sources = dict.fromkeys([edition["link"], *edition["sources"]])
            for place, source in enumerate(sources):
                one = LinkOrder(venue_key(str(name)), first, last, source, place)
                found.setdefault(one[:4], one)
    return list(found.values())
