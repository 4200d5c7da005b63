"""Web pages as trees: BeautifulSoup for one paper's page, bare lxml for listings of megabytes (13 times as fast)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from triage.errors import SourceError
from triage.sources.completeness import SITE_CHANGED
from triage.text import clean_line

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import PageElement

__all__ = ["behind_heading", "block_text", "not_the_page", "page_title", "read_listing", "read_pieces", "read_soup", "said_in_meta", "utf8"]

_PIECE = 65_536
"""Bytes given to the parser at a time."""

_CHALLENGE = re.compile(
    r"verif(?:y|ying) (?:that )?(?:your browser|you are (?:a )?human)|just a moment|checking your browser|captcha|cf-chl|turnstile"
    r"|enable javascript and cookies|access denied|unusual traffic",
    re.IGNORECASE,
)
_LINE_END = re.compile(r"[ \t]*[\r\n][ \t\r\n]*")
_BLOCKS = frozenset({"p", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "section", "blockquote", "pre", "tr", "table"})
_HEADINGS = ("h1", "h2", "h3", "h4", "h5")


def read_soup(body: bytes, url: str) -> BeautifulSoup:
    """One page as a tree, whatever it holds. Raises SourceError when it is nested beyond what the parser reads."""
    from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, XMLParsedAsHTMLWarning

    read_listing(body, url)  # for its refusals: bs4 keeps the parser's complaints to itself
    with warnings.catch_warnings():
        # what bs4 says about odd bodies (XML, a bare address) the sources say themselves, with the address
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        return BeautifulSoup(utf8(body), "lxml", from_encoding="utf-8")


def read_listing(body: bytes, url: str) -> Any:
    """The root element of a page, an `lxml` element. Raises SourceError when there is none, or the parser stopped half-way."""
    from lxml import etree  # type: ignore[import-untyped]  # lxml brings no types

    parser = etree.HTMLParser(encoding="utf-8")
    try:
        root = etree.fromstring(utf8(body), parser)
    except etree.ParseError as error:
        raise SourceError(f"{url}: no web page ({clean_line(str(error))[:100]})", hint=SITE_CHANGED) from error
    if root is None:
        raise SourceError(f"{url}: an empty page", hint=SITE_CHANGED)
    if any("xcessive depth" in entry.message for entry in parser.error_log):
        raise SourceError(f"{url}: nested too deeply to be read whole", hint=SITE_CHANGED)
    return root


def read_pieces(body: bytes, tags: tuple[str, ...]) -> Iterator[Any]:
    """The elements of those tags, each when it ends, for listings of megabytes: an element is emptied behind its use,
    as a tree of 10 MB costs more to build up and give back than all that is read from it."""
    from lxml import etree

    parser = etree.HTMLPullParser(events=("end",), tag=tags, encoding="utf-8")
    page = utf8(body)
    for start in range(0, len(page) + 1, _PIECE):
        if start + _PIECE > len(page):
            parser.feed(page[start:] or b" ")
            parser.close()
        else:
            parser.feed(page[start : start + _PIECE])
        for _, element in parser.read_events():
            yield element
            element.clear(keep_tail=False)


def utf8(body: bytes) -> bytes:
    """The page as UTF-8: a byte that is none is read as Windows-1252, as browsers do. A NUL would end the page for the parser."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("utf-8", "surrogateescape")
        text = re.sub("[\udc80-\udcff]", lambda found: bytes([ord(found[0]) - 0xDC00]).decode("cp1252", "ignore"), text)
        body = text.encode("utf-8")
    return body.replace(b"\x00", b"") if b"\x00" in body else body


def not_the_page(body: bytes, url: str, lacking: str) -> SourceError:
    """The error for a page without what it is asked for, `lacking`: a challenge page, or another layout."""
    start = body[:20_000].decode("utf-8", "replace")
    if not start.strip():
        return SourceError(f"{url}: an empty page", hint=SITE_CHANGED)
    if found := _CHALLENGE.search(start):
        said = clean_line(found[0]).lower()
        return SourceError(f"{url}: a challenge page ({said!r}), not {lacking}", hint="it wants a person with a browser; try again later")
    return SourceError(f"{url}: a web page without {lacking}", hint=SITE_CHANGED)


def said_in_meta(page: BeautifulSoup, name: str) -> list[str]:
    """The contents of all <meta name="..."> of one name, in order, one line each, empty ones left out."""
    found = (clean_line(str(tag.get("content") or "")) for tag in page.find_all("meta", attrs={"name": name}))
    return [content for content in found if content]


def page_title(page: BeautifulSoup) -> str:
    """What the browser shows as the page's title; empty when it has none."""
    return clean_line(page.title.get_text()) if page.title else ""


def behind_heading(page: BeautifulSoup, heading: str) -> list[PageElement]:
    """What stands behind the heading of that text, up to the next heading or block with one; empty when there is none."""
    from bs4.element import Tag

    for tag in page.find_all(_HEADINGS):
        if clean_line(tag.get_text()).rstrip(":").casefold() == heading.casefold():
            found: list[PageElement] = []
            for sibling in tag.next_siblings:
                if isinstance(sibling, Tag) and (sibling.name in _HEADINGS or sibling.find(_HEADINGS) is not None):
                    break
                found.append(sibling)
            return found
    return []


def block_text(*elements: PageElement) -> str:
    """Text as a reader sees it: lines end where blocks and <br> end, a line end in the source is a space.

    Runs of blanks stay as they are: venues' own double spaces are part of their abstracts.
    """
    from bs4.element import NavigableString, PreformattedString, Tag

    parts: list[str] = []
    stack: list[PageElement | str] = list(reversed(elements))
    while stack:
        node = stack.pop()
        if isinstance(node, Tag):
            if node.name == "br":
                parts.append("\n")
            elif node.name in _BLOCKS:
                stack.extend(("\n", *reversed(node.contents), "\n"))
            elif node.name not in {"script", "style", "template"}:
                stack.extend(reversed(node.contents))
        elif isinstance(node, NavigableString):
            if not isinstance(node, PreformattedString):  # comments, declarations
                parts.append(_LINE_END.sub(" ", node))
        elif isinstance(node, str):
            parts.append(node)
    lines = (line.strip(" \t") for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)
