"""Whose link a list shows, read from seeds/venues.yaml: the part of that file that identity needs."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from triage.errors import SettingsError
from triage.text import venue_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from triage.workspace import Workspace

__all__ = ["LinkOrder", "link_order"]


class LinkOrder(NamedTuple):
    """A source's place (0 first) for the link of papers of a venue (folded name), in years from `first` to `last`."""

    venue: str
    first: int
    last: int
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


_FIRST, _LAST = 1000, 9999  # four-digit years: an edition without `from` or `to` goes as far as the site goes


def _orders(venue: dict[str, Any]) -> list[LinkOrder]:
    names = dict.fromkeys(venue_key(str(name)) for name in (venue["name"], venue["id"], *venue.get("aliases", ())))
    return [
        LinkOrder(name, first, last, source, place)
        for name in names
        for first, last, edition in _spans(venue.get("editions", ()))
        for place, source in enumerate(dict.fromkeys([edition["link"], *edition["sources"]]))
    ]


def _spans(editions: Sequence[dict[str, Any]]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(first year, last year, edition) without overlap: of several that fit a year, the first counts."""
    ranges = [(edition.get("from") or _FIRST, edition.get("to") or _LAST, edition) for edition in editions]
    edges = sorted({first for first, _, _ in ranges} | {last + 1 for _, last, _ in ranges})
    for first, behind in pairwise(edges):
        fitting = next((edition for start, end, edition in ranges if start <= first and behind - 1 <= end), None)
        if fitting is not None:
            yield first, behind - 1, fitting
