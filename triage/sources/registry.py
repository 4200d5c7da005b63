"""The sources there are, by name; each is imported when it is asked for."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from triage.errors import SourceError, UsageError
from triage.sources import Parsed, Request, Response, Source, Verdict
from triage.sources.enrichment import EnrichmentSource
from triage.sources.recordings import read_recording
from triage.sources.venues import VenueSource
from triage.workspace import venue_source_names

if TYPE_CHECKING:
    from triage.settings import Settings

__all__ = ["ENRICHMENT_NAMES", "NAMES", "VENUE_NAMES", "enrichment_sources", "every_source", "parse_any", "sources", "venue_sources"]

NAMES = ("arxiv", "huggingface")
"""In the order in which they are gathered and listed."""

VENUE_NAMES = venue_source_names()
"""Sources that serve a venue's year when they are asked to: those that the packaged seeds/venues.yaml names."""

ENRICHMENT_NAMES = ("semanticscholar", "openalex", "dblp")
"""Catalogues that are asked about papers we have, in this order; none of them can stop a night."""


def sources(settings: Settings | None = None) -> dict[str, Source]:
    """Every source by name, with the settings that shape its requests (arXiv's categories)."""
    from triage.sources.arxiv import CATEGORIES, ArXiv
    from triage.sources.huggingface import HuggingFace

    categories = tuple(settings.sources.arxiv.categories) if settings else CATEGORIES
    return {source.name: source for source in (ArXiv(categories), HuggingFace())}


def venue_sources() -> dict[str, VenueSource]:
    """Every venue source by name, in the order of VENUE_NAMES: source NAME is the one class of that name in triage/sources/NAME.py."""
    return {name: _venue_source(name) for name in VENUE_NAMES}


def _venue_source(name: str) -> VenueSource:
    module = importlib.import_module(f"triage.sources.{name}")
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__ and VenueSource in value.__mro__:
            source: VenueSource = value()
            if source.name == name:
                return source
    raise UsageError(
        f"seeds/venues.yaml names the source {name!r}, and triage/sources/{name}.py has no VenueSource of that name",
        hint="add the class, or correct the name",
    )


def enrichment_sources(settings: Settings | None = None) -> dict[str, EnrichmentSource]:
    """Every enrichment source by name, in the order of ENRICHMENT_NAMES, with the contact address that OpenAlex asks for."""
    from triage.sources.dblp import DBLP
    from triage.sources.openalex import OpenAlex
    from triage.sources.semanticscholar import SemanticScholar

    known: tuple[EnrichmentSource, ...] = (SemanticScholar(), OpenAlex(settings.web.contact if settings else ""), DBLP())
    return {source.name: source for source in known}


def every_source(settings: Settings | None = None) -> dict[str, Source | VenueSource | EnrichmentSource]:
    """Whatever can read an answer, by name."""
    return {**sources(settings), **venue_sources(), **enrichment_sources(settings)}


def parse_any(name: str, body: bytes, url: str | None, *, read_at: datetime) -> Parsed:
    """What source `name` reads in a body it is handed, wherever that came from; its form is told by its content.

    A recorder's file (sources/recordings.py) is read as the answers in it. Raises UsageError for an unknown name,
    SourceError when the source refuses the body.
    """
    known = every_source()
    if name not in known:
        raise UsageError(f"no source {name!r}", hint=f"there are: {', '.join(known)}")
    recorded = read_recording(body)
    if not recorded:
        return _parse_one(known[name], body, url or f"file:{name}", read_at)
    parts = []
    for one in recorded:
        address = url or one.url or f"file:{name}"
        if one.status >= 400:
            raise SourceError(f"{address}: recorded with HTTP status {one.status}, which is no answer", hint="record it again, or ask anew")
        parts.append(_parse_one(known[name], one.body, address, read_at))
    return parts[0] if len(parts) == 1 else _joined(parts)


def _parse_one(source: Source | VenueSource | EnrichmentSource, body: bytes, url: str, read_at: datetime) -> Parsed:
    media_type = _media_type(body)
    request = Request(key="", url=url, accept=(media_type,))
    response = Response(request.url, 200, media_type, body, hashlib.sha256(body).hexdigest(), read_at)
    if source.name == "huggingface" and "/api/papers/search?" in request.url:
        from triage.sources.huggingface_search import read_search

        return read_search(request, response)
    return source.parse(request, response)


def _joined(parts: Sequence[Parsed]) -> Parsed:
    """Several answers as one: whole when each of them is; a paper that several have counts once."""
    records = {record.source_key: record for part in reversed(parts) for record in part.records}
    ordered = dict.fromkeys(record.source_key for part in parts for record in part.records)
    verdict = Verdict(
        all(part.verdict.complete for part in parts),
        f"{len(parts)} answers: " + "; ".join(part.verdict.reason for part in parts),
        nothing=None if records else parts[0].verdict.nothing,
    )
    refused = tuple(refusal for part in parts for refusal in part.refused)
    return Parsed(tuple(records[key] for key in ordered), verdict, refused, tuple(one for part in parts for one in part.more))


def _media_type(body: bytes) -> str:
    start = body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start[:1] in {b"[", b"{"}:
        return "application/json"
    if start.startswith(b"<?xml") or b"<feed" in start or b"<oai-pmh" in start:
        return "application/xml"
    return "text/html"
