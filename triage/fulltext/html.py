"""A paper's HTML page (arXiv makes it by LaTeXML): sections, paragraphs, figures with their images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from triage.errors import SourceError
from triage.fulltext.model import MOST_CHARACTERS, Figure, FullText, Passage, bounded, in_order
from triage.text import clean_url

__all__ = ["read_html"]

_HEADINGS = frozenset({"h1", "h2", "h3", "h4"})
_LONGEST_PARAGRAPH, _LONGEST_CAPTION, _LONGEST_HEADING = 8_000, 600, 200
_MOST_FIGURES = 60
_CAPTION = re.compile(r"\s*Fig(?:ure|\.)?\s*(\d{1,3})\s*[:.|]?\s*(.*)", re.IGNORECASE | re.DOTALL)
_NUMBERED = re.compile(r"^(?:\d+(?:\.\d+)*|[IVX]{1,5})\.?\s+")
_LEAST_TEXT = 500
"""Characters; a page with less is a note that there is no HTML of this paper."""


def read_html(body: bytes, url: str) -> FullText:
    """The full text in a page that was fetched from `url`. Raises SourceError when there is none in it.

    Time and memory are bounded by the size of the page: the parser does not nest deeper than 256, and no more than
    MOST_CHARACTERS are taken.
    """
    root = _root(body, url)
    base = _base(root, url)
    passages: list[Passage] = []
    figures: list[Figure] = []
    heading, room = "", MOST_CHARACTERS
    for element in root.iter("h1", "h2", "h3", "h4", "p", "figure"):
        if element.tag in _HEADINGS:
            heading = _NUMBERED.sub("", bounded(_words(element), _LONGEST_HEADING))
        elif element.tag == "figure":
            if len(figures) < _MOST_FIGURES and (figure := _figure(element, base)):
                figures.append(figure)
        elif not _inside_figure(element) and (text := bounded(_words(element), min(room, _LONGEST_PARAGRAPH))):
            passages.append(Passage(heading, text))
            room -= len(text)
            if room <= 0:
                break
    if sum(len(one.text) for one in passages) < _LEAST_TEXT:
        raise SourceError(f"{url}: the page holds no text of a paper", hint="there may be no HTML of it; its PDF is tried next")
    return FullText(tuple(passages), in_order(figures))


def _root(body: bytes, url: str) -> Any:
    from lxml import etree, html  # type: ignore[import-untyped]  # lxml brings no types

    try:
        # the page says how it is encoded only in a header, which the door does not keep: arXiv writes UTF-8
        return html.fromstring(body, parser=html.HTMLParser(encoding="utf-8", huge_tree=False, remove_comments=True, remove_pis=True))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError) as error:
        raise SourceError(f"{url}: the page cannot be read as HTML: {str(error)[:200]}") from None


def _base(root: Any, url: str) -> str:
    """What images are named relative to: arXiv's pages say it, as they may be asked for without their version."""
    said = next((element.get("href") for element in root.iter("base")), None)
    # else as if the page were a folder
    return _own_link(url, said) or (url if url.endswith("/") else f"{url}/")


def _words(element: Any) -> Iterator[str]:
    """The text of an element in pieces, mathematics as LaTeX where the page has it, nothing of scripts and styles."""
    skip = None
    for event, node in _walk(element):
        if skip is not None:
            if event == "end" and node is skip:
                skip = None
                yield node.tail or "" if node is not element else ""
            continue
        if event == "start":
            if node.tag in {"script", "style", "math", "svg", "button", "template"}:
                skip = node
                yield node.get("alttext", "") if node.tag == "math" else ""
            else:
                yield node.text or ""
        elif node is not element:
            yield node.tail or ""


def _walk(element: Any) -> Iterator[tuple[str, Any]]:
    from lxml import etree

    yield from etree.iterwalk(element, events=("start", "end"))


def _inside_figure(element: Any) -> bool:
    return next(element.iterancestors("figure", "footer", "nav", "header"), None) is not None


def _figure(element: Any, url: str) -> Figure | None:
    """A numbered figure with its own image; tables and parts of figures are none."""
    caption = next(iter(element.iterchildren("figcaption")), None)
    said = _CAPTION.fullmatch(bounded(_words(caption), _LONGEST_CAPTION)) if caption is not None else None
    if said is None:
        return None
    image = next(element.iter("img"), None)
    return Figure(int(said[1]), said[2].strip(), _own_link(url, image.get("src")) if image is not None else None)


def _own_link(url: str, source: str | None) -> str | None:
    """The address of an image of the page's own site, else None: data and other people's servers are no figure's place."""
    if not source or len(source) > 500:
        return None
    try:
        link = urljoin(url, source)
        same = urlsplit(link)[:2] == urlsplit(url)[:2]
    except ValueError:
        return None
    return clean_url(link) if same else None
