"""Which conferences have a "virtual" site, and how its answers, papers and addresses are named."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from triage.sources import Request
from triage.text import clean_url

__all__ = ["BY_NAME", "FILE", "NAME", "NO_PAPERS", "SITES", "Site", "key_of", "shown", "site_of"]

NAME = "virtual"
"""The source's name: the sites are one source."""


class Site(NamedTuple):
    """A conference's site: its name in the site's file names, the venue's name, the host, the first year there."""

    conference: str
    venue: str
    host: str
    first: int


SITES = tuple(
    Site(*row)
    for row in (
        ("icml", "ICML", "icml.cc", 2020),
        ("neurips", "NeurIPS", "neurips.cc", 2020),
        ("iclr", "ICLR", "iclr.cc", 2020),
        ("cvpr", "CVPR", "cvpr.thecvf.com", 2023),
        ("iccv", "ICCV", "iccv.thecvf.com", 2023),
        ("eccv", "ECCV", "eccv.ecva.net", 2024),
        ("mlsys", "MLSys", "mlsys.org", 2021),
    )
)
BY_NAME = {site.conference: site for site in SITES} | {"nips": SITES[1]}
_BY_HOST = {site.host: site for site in SITES} | {"nips.cc": SITES[1]}

FILE = re.compile(r"/([a-z]+)-(\d{4})-(?:orals-posters|abstracts)\.json")
_KEY = re.compile(r"([a-z]+)-(\d{4})(?:[/ ]|$)")
_NAMED = re.compile(r"\b(ICML|NeurIPS|NIPS|ICLR|CVPR|ICCV|ECCV|MLSys)\b\s*(\d{4})?", re.IGNORECASE)

NO_PAPERS = frozenset(
    [
        "workshop", "tutorial", "invited talk", "keynote", "social", "session", "break", "expo", "competition", "demonstration",
        "panel", "affinity workshop", "town hall", "mentorship", "remarks", "registration desk", "reception", "talk",
        "doctoral consortium", "expo demonstration", "expo talk panel", "expo workshop",
    ]
)  # fmt: skip
"""Kinds of event that are no paper."""


def site_of(request: Request, *hints: str) -> tuple[Site | None, int | None]:
    """The conference and the year of an answer: by the request's key, its address, else by what the answer says (`hints`)."""
    url = request.url
    for found in (_KEY.match(request.key), FILE.search(url)):
        if found and found[1] in BY_NAME:
            return BY_NAME[found[1]], int(found[2])
    year = re.search(r"/virtual/(\d{4})/", url)
    host = urlsplit(url).hostname or ""
    if host in _BY_HOST:
        return _BY_HOST[host], int(year[1]) if year else None
    for hint in hints:
        if (host := urlsplit(hint).hostname or "") in _BY_HOST:
            return _BY_HOST[host], int(year[1]) if year else None
        if found := _NAMED.search(hint):
            return BY_NAME[found[1].lower()], int(year[1]) if year else int(found[2]) if found[2] else None
    return None, int(year[1]) if year else None


def key_of(site: Site | None, year: int | None, number: int | str) -> str:
    """ "neurips-2025/119718": event numbers are a site's own, and the sites are one source."""
    return f"{site.conference if site else 'unknown'}-{year or 0}/{number}"


def shown(site: Site | None, path: str) -> str | None:
    """The address at the conference's own host, wherever the answer came from; None where neither is known."""
    if path.startswith("http"):
        return clean_url(path)
    return clean_url(f"https://{site.host}{path}") if site and path.startswith("/") else None
