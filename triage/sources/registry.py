"""The sources there are, by name; each is imported when it is asked for."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from triage.errors import UsageError
from triage.sources import Parsed, Request, Response, Source

if TYPE_CHECKING:
    from triage.settings import Settings

__all__ = ["NAMES", "parse_any", "sources"]

NAMES = ("arxiv", "huggingface")
"""In the order in which they are gathered and listed."""


def sources(settings: Settings | None = None) -> dict[str, Source]:
    """Every source by name, with the settings that shape its requests (arXiv's categories)."""
    from triage.sources.arxiv import CATEGORIES, ArXiv
    from triage.sources.huggingface import HuggingFace

    categories = tuple(settings.sources.arxiv.categories) if settings else CATEGORIES
    return {source.name: source for source in (ArXiv(categories), HuggingFace())}


def parse_any(name: str, body: bytes, url: str | None, *, read_at: datetime) -> Parsed:
    """What source `name` reads in a body it is handed, wherever that came from; its form is told by its content.

    Raises UsageError for an unknown name, SourceError when the source refuses the body.
    """
    known = sources()
    if name not in known:
        raise UsageError(f"no source {name!r}", hint=f"there are: {', '.join(known)}")
    media_type = _media_type(body)
    request = Request(key="", url=url or f"file:{name}", accept=(media_type,))
    response = Response(request.url, 200, media_type, body, hashlib.sha256(body).hexdigest(), read_at)
    return known[name].parse(request, response)


def _media_type(body: bytes) -> str:
    start = body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start[:1] in {b"[", b"{"}:
        return "application/json"
    if start.startswith(b"<?xml") or b"<feed" in start or b"<oai-pmh" in start:
        return "application/xml"
    return "text/html"
