"""The sources there are, by name; each is imported when it is asked for."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from triage.errors import UsageError
from triage.sources import Parsed, Request, Response, Source
from triage.sources.enrichment import EnrichmentSource
from triage.sources.venues import VenueSource

if TYPE_CHECKING:
    from triage.settings import Settings

__all__ = ["ENRICHMENT_NAMES", "NAMES", "VENUE_NAMES", "enrichment_sources", "every_source", "parse_any", "sources", "venue_sources"]

NAMES = ("arxiv", "huggingface")
"""In the order in which they are gathered and listed."""

VENUE_NAMES = ("aaai", "acl", "cvf", "virtual", "neurips", "pmlr", "ecva", "ijcai", "openreview")
"""Sources that serve a venue's year when they are asked to; no night gathers them."""

ENRICHMENT_NAMES = ("semanticscholar", "openalex", "dblp")
"""Catalogues that are asked about papers we have, in this order; none of them can stop a night."""


def sources(settings: Settings | None = None) -> dict[str, Source]:
    """Every source by name, with the settings that shape its requests (arXiv's categories)."""
    from triage.sources.arxiv import CATEGORIES, ArXiv
    from triage.sources.huggingface import HuggingFace

    categories = tuple(settings.sources.arxiv.categories) if settings else CATEGORIES
    return {source.name: source for source in (ArXiv(categories), HuggingFace())}


def venue_sources() -> dict[str, VenueSource]:
    """Every venue source by name, in the order of VENUE_NAMES."""
    from triage.sources.aaai import AAAI
    from triage.sources.acl import ACL
    from triage.sources.cvf import CVF
    from triage.sources.ecva import ECVA
    from triage.sources.ijcai import IJCAI
    from triage.sources.neurips import NeurIPS
    from triage.sources.openreview import OpenReview
    from triage.sources.pmlr import PMLR
    from triage.sources.virtual import Virtual

    known: tuple[VenueSource, ...] = (AAAI(), ACL(), CVF(), Virtual(), NeurIPS(), PMLR(), ECVA(), IJCAI(), OpenReview())
    return {source.name: source for source in known}


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

    Raises UsageError for an unknown name, SourceError when the source refuses the body.
    """
    known = every_source()
    if name not in known:
        raise UsageError(f"no source {name!r}", hint=f"there are: {', '.join(known)}")
    media_type = _media_type(body)
    request = Request(key="", url=url or f"file:{name}", accept=(media_type,))
    response = Response(request.url, 200, media_type, body, hashlib.sha256(body).hexdigest(), read_at)
    if name == "huggingface" and "/api/papers/search?" in request.url:
        from triage.sources.huggingface_search import read_search

        return read_search(request, response)
    return known[name].parse(request, response)


def _media_type(body: bytes) -> str:
    start = body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start[:1] in {b"[", b"{"}:
        return "application/json"
    if start.startswith(b"<?xml") or b"<feed" in start or b"<oai-pmh" in start:
        return "application/xml"
    return "text/html"
