"""Saved answers: the made pages under tests/pages, and whatever a test makes of them, as a source is handed them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from triage.sources import Parsed, Request, Response

PAGES = Path(__file__).resolve().parent / "pages"


class Reader(Protocol):
    def __call__(self, request: Request, response: Response) -> Parsed: ...


def page(source: str, name: str) -> bytes:
    return (PAGES / source / name).read_bytes()


def asked(key: str = "", url: str = "https://example.org/answer") -> Request:
    return Request(key=key, url=url, accept=("text/html",))


def answered(request: Request, body: bytes) -> Response:
    media_type = "application/json" if body.lstrip()[:1] in {b"[", b"{"} else "text/html"
    return Response(request.url, 200, media_type, body, hashlib.sha256(body).hexdigest(), datetime(2031, 8, 1, tzinfo=UTC))


def parse(read: Reader, body: bytes, request: Request | None = None) -> Parsed:
    request = request or asked()
    return read(request, answered(request, body))
