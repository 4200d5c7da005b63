"""Answers as test recorders save them: the body inside a JSON envelope, or cassettes of several exchanges in YAML.

Envelope: one object with `body` (text) and `status_code` or `status`, `url` beside them, all of them perhaps inside
`response`. Cassette: `interactions`, each with `request.uri`, `response.status.code` and `response.body.string`,
or `status_code` and `content` beside each other (https://vcrpy.readthedocs.io/en/latest/). What was refused when
it was recorded is refused again: status 400 and above is an error, however much its body looks like an answer.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

__all__ = ["Recorded", "read_recording"]

_LONGEST = 200_000_000
"""Bytes of a body, decompressed: more than any page of any source."""


@dataclass(frozen=True)
class Recorded:
    """One recorded exchange; `url` is None where the recorder did not keep it."""

    url: str | None
    status: int
    body: bytes


def read_recording(body: bytes) -> tuple[Recorded, ...]:
    """The exchanges in a recorder's file, in order; none for anything else, such as a bare answer."""
    start = body[:2048].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"{":
        return _envelope(body)
    if start.startswith((b"interactions:", b"---\ninteractions:")):
        return _cassette(body)
    return ()


def _envelope(body: bytes) -> tuple[Recorded, ...]:
    if b'"body"' not in body:  # spares reading megabytes twice
        return ()
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    outer = value if isinstance(value, dict) else {}
    inner = outer.get("response")
    said = outer | inner if isinstance(inner, dict) else outer
    status = next((said[name] for name in ("status_code", "status") if isinstance(said.get(name), int)), None)
    text, url = said.get("body"), said.get("url")
    if status is None or not isinstance(text, str):
        return ()
    return (Recorded(url if isinstance(url, str) else None, status, text.encode("utf-8", "surrogatepass")),)


def _cassette(body: bytes) -> tuple[Recorded, ...]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        value = yaml.load(body, Loader=loader)  # noqa: S506  the safe loader, in C where there is one
    except (yaml.YAMLError, RecursionError, ValueError):
        return ()
    exchanges = value.get("interactions") if isinstance(value, dict) else None
    found = (_exchange(one) for one in exchanges) if isinstance(exchanges, list) else ()
    return tuple(one for one in found if one is not None)


def _exchange(value: Any) -> Recorded | None:
    response, request = (value.get(name) for name in ("response", "request")) if isinstance(value, dict) else (None, None)
    if not isinstance(response, dict):
        return None
    status, content = response.get("status", response.get("status_code")), response.get("body", response.get("content"))
    code = status.get("code") if isinstance(status, dict) else status
    text = content.get("string") if isinstance(content, dict) else content
    url = request.get("uri") if isinstance(request, dict) else None
    if not isinstance(code, int) or not isinstance(text, str | bytes):
        return None
    packed = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return Recorded(url if isinstance(url, str) else None, code, _unpacked(packed))


def _unpacked(body: bytes) -> bytes:
    """A recorder may keep the body as it came over the wire. One that cannot be unpacked is left as it is."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, _LONGEST)
    except zlib.error:
        return body
