"""Bodies as sources read them: strict UTF-8, JSON, XML without a DTD. Whatever is none of these is a SourceError."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from triage.errors import SourceError

__all__ = ["read_json", "read_text", "read_xml"]

_AGAIN = "it is asked for again in the next run; the raw answer was not believed"


def read_text(body: bytes, url: str) -> str:
    """The body as text. Raises SourceError with the byte where it is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{url}: not UTF-8 (byte {error.start})", hint=_AGAIN) from error


def read_json(body: bytes, url: str) -> Any:
    """Any JSON value. Raises SourceError for truncated JSON, HTML and the like, with the place."""
    text = read_text(body, url)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        kind = (
            "a web page where JSON is due"
            if text.lstrip()[:1] == "<"
            else f"not JSON ({error.msg} at character {error.pos} of {len(text)})"
        )
        raise SourceError(f"{url}: {kind}", hint=_AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{url}: not JSON that can be read ({type(error).__name__})", hint=_AGAIN) from error


class _WithoutDTD(ElementTree.TreeBuilder):
    """Entities are declared in a DTD; no feed of ours has one, so none is expanded."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        del pubid, system
        raise SourceError(f"a document type ({name}), which no feed has: a web page, or an attempt to expand entities", hint=_AGAIN)


def read_xml(body: bytes, url: str) -> ElementTree.Element:
    """The root element. Raises SourceError for XML that is truncated, broken or brings a DTD."""
    parser = ElementTree.XMLParser(target=_WithoutDTD())  # noqa: S314  a DTD is refused, nothing external is read
    try:
        parser.feed(read_text(body, url))
        root = parser.close()
    except ElementTree.ParseError as error:
        raise SourceError(f"{url}: not well-formed XML ({error})", hint=_AGAIN) from error
    except SourceError as error:
        raise SourceError(f"{url}: {error.message.removeprefix(f'{url}: ')}", hint=error.hint) from error
    if not isinstance(root, ElementTree.Element):
        raise SourceError(f"{url}: XML without an element", hint=_AGAIN)
    return root
