"""What arXiv's three interfaces have in common: names of elements, and how entries, names, DOIs and days are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from xml.etree.ElementTree import Element

from pydantic import ValidationError

from triage.errors import SourceError
from triage.models import Record, Refusal
from triage.text import clean_line, clean_name, identifiers_of_doi

__all__ = [
    "ACCEPT", "ARXIV", "ATOM", "DC", "NAME", "OAI", "SEARCH", "day_of", "doi_of", "first_category", "link_of", "local_name", "names_of",
    "number_in", "read_each",
]  # fmt: skip

NAME = "arxiv"
"""The source's name."""

ACCEPT = ("application/atom+xml", "application/rss+xml", "application/xml", "text/xml")
ATOM = "{http://www.w3.org/2005/Atom}"
ARXIV = "{http://arxiv.org/schemas/atom}"
SEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"
DC = "{http://purl.org/dc/elements/1.1/}"
OAI = "{http://www.openarchives.org/OAI/2.0/}"


def read_each(elements: Iterable[Element], read: Callable[[Element], Record], url: str) -> tuple[tuple[Record, ...], tuple[Refusal, ...]]:
    """Records and refusals, in order. Raises SourceError when there are elements and not one is a paper."""
    records, refused = [], []
    for place, element in enumerate(elements, 1):
        try:
            records.append(read(element))
        except ValidationError as error:
            first = error.errors()[0]
            refused.append(Refusal(line=place, reason=f"{'.'.join(map(str, first['loc']))}: {first['msg']}", item=_entry_id(element)))
        except ValueError as error:
            refused.append(Refusal(line=place, reason=str(error), item=_entry_id(element)))
    if refused and not records:
        raise SourceError(
            f"{url}: none of {len(refused)} entries is a paper; the first: {refused[0].reason}", hint="the site may have changed"
        )
    return tuple(records), tuple(refused)


def _entry_id(element: Element) -> str:
    return clean_line(element.findtext(f"{ATOM}id") or "")[:80]


def names_of(entry: Element) -> tuple[str, ...]:
    return tuple(name for author in entry.findall(f"{ATOM}author") if (name := clean_name(author.findtext(f"{ATOM}name") or "")))


def link_of(element: Element) -> str:
    """The first link; the feed's own for a feed, the abstract's page for an entry."""
    link = element.find(f"{ATOM}link")
    return link.get("href", "") if link is not None else ""


def first_category(entry: Element) -> str | None:
    category = entry.find(f"{ATOM}category")
    return clean_line(category.get("term", "")) or None if category is not None else None


def doi_of(text: str | None) -> dict[str, str]:
    """Identifiers of the first DOI given (authors sometimes give several, blank-separated), arXiv's own left out."""
    first = next(iter((text or "").split()), "")
    found = identifiers_of_doi(first) if first.startswith("10.") else {}
    return {scheme: value for scheme, value in found.items() if scheme != "arxiv"}


def number_in(root: Element, name: str) -> int:
    text = (root.findtext(f"{SEARCH}{name}") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def day_of(text: str | None) -> date | None:
    """The date as written, in the zone it is written in: midnight in New York is that day's announcement."""
    try:
        return date.fromisoformat((text or "").strip()[:10])
    except ValueError:
        return None
