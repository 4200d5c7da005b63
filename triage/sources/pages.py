"""What listings and papers' pages of several sites are read with: elements by class, links, names, days.

On top of `soup.read_listing`: bare lxml, because listings have megabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urljoin, urlsplit

from triage.errors import SourceError
from triage.sources.soup import not_the_page, read_listing
from triage.text import clean_line, clean_url, split_authors

__all__ = ["Page", "absolute", "day_of", "listed_names", "read_page", "text_of"]


@dataclass(frozen=True)
class Page:
    """A parsed page; elements are lxml's. `whole` says whether it ends as pages do."""

    root: Any
    body: bytes
    url: str
    whole: bool

    def find(self, tag: str, name: str, within: Any = None) -> list[Any]:
        """Elements `tag` ("*" for any) that have the class `name`, in order."""
        top = self.root if within is None else within
        return list(top.xpath(f"descendant::{tag}[contains(concat(' ', normalize-space(@class), ' '), ' {name} ')]"))

    def with_id(self, name: str) -> Any | None:
        """The first element with that id."""
        return next(iter(self.root.xpath("//*[@id=$name]", name=name)), None)

    def metas(self, name: str) -> list[str]:
        """The contents of every <meta name=...>, in order, on one line each, empty ones left out."""
        found = (clean_line(element.get("content") or "") for element in self.root.iter("meta") if element.get("name") == name)
        return [content for content in found if content]

    def meta(self, name: str) -> str | None:
        """The first of `metas`."""
        return next(iter(self.metas(name)), None)

    def links(self, within: Any = None) -> Iterator[tuple[str, str]]:
        """(text, address as written) of every link, in order."""
        for element in (self.root if within is None else within).iter("a"):
            if href := (element.get("href") or "").strip():
                yield text_of(element), href

    def without(self, lacking: str) -> SourceError:
        """The error for a page that does not have what is due: a challenge page, an empty one, or another layout."""
        return not_the_page(self.body, self.url, lacking)


def read_page(body: bytes, url: str) -> Page:
    """The page. Raises SourceError when it is empty, or nested beyond what the parser reads."""
    root = read_listing(re.sub(rb"<br\b", b" <br", body, flags=re.IGNORECASE), url)  # a broken line divides words
    return Page(root, body, url, whole=b"</html" in body[-4096:].lower())


def text_of(element: Any | None) -> str:
    """All text in an element but not its comments, on one line; empty for none. Form feeds come from PDFs, between words."""
    return clean_line(str(element.xpath("string()")).replace("\x0c", " ")) if element is not None else ""


def absolute(href: str | None, base: str) -> str | None:
    """A link as it stands in a page, made absolute and safe; None for none, or for one that is not http(s)."""
    try:
        joined = urljoin(base, (href or "").strip())
        urlsplit(joined)
    except ValueError:
        return None
    return clean_url(joined) if href else None


_MARK = re.compile(r"[*†‡§¶#∗⋆]+")


def listed_names(text: str) -> tuple[str, ...]:
    """Names from a listing's one string, without the marks for equal contribution: "Ann Smith*, Bo Li" or "Smith, Ann and Li, Bo".

    A doubled comma and an empty place are no name.
    """
    return split_authors(re.sub(r"\s*,(?:\s*,)+", ",", _MARK.sub("", clean_line(text))).strip(" ,;"))


def day_of(text: str | None) -> date | None:
    """The day of "2024/07/08" or "2024-07-08 00:00:00 +0000"; None when there is no whole date."""
    found = re.match(r"\s*(\d{4})[/-](\d{1,2})[/-](\d{1,2})\b", text or "")
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None
