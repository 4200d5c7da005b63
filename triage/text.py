"""The one normalisation of titles, abstracts, names, links and identifiers.

Two families that must not be mixed up:

- `clean_*` make a string from outside safe to keep and show. They change as little as possible:
  a venue's own double spaces, LaTeX and curly quotes stay.
- `plain`, `title_key`, `name_tokens`, `canonical_url` make strings to *compare*, never to show.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

__all__ = [
    "GENERIC_KEYS",
    "PREPRINT_VENUES",
    "canonical_url",
    "clean_abstract",
    "clean_line",
    "clean_name",
    "clean_url",
    "identifiers_in_url",
    "identifiers_of_doi",
    "is_generic_title",
    "is_preprint",
    "name_tokens",
    "normalise_doi",
    "plain",
    "split_authors",
    "title_key",
    "venue_key",
]

PREPRINT_VENUES = frozenset({"arxiv", "biorxiv", "corr", "preprint", "ssrn"})
"""Venue names (case-folded) that mean "not published at a venue yet"."""

# C0 and C1 controls except tab and newline, byte-order mark, soft hyphen, zero-width space and word
# joiner, bidirectional overrides and isolates (they can make a list show other words than it holds),
# lone surrogates (cannot be written as UTF-8), interlinear and tag characters (invisible text).
# Zero-width (non-)joiners stay: Persian and Indic scripts need them.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
_SPACES = re.compile(r"\s+")


def _safe(text: str) -> str:
    return _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))


def clean_line(text: str) -> str:
    """One line: unwanted characters dropped, every run of white space one space, ends stripped."""
    if text.isprintable() and "  " not in text:  # then the only white space is the blank, and nothing is unwanted
        return text.strip(" ")
    return _SPACES.sub(" ", _safe(text)).strip()


def clean_abstract(text: str) -> str:
    """Lines kept as the venue had them, with `\\n` ends; outer white space and trailing blanks go."""
    if text.isprintable():  # then it is one line whose only white space is the blank, and nothing is unwanted
        return text.strip(" ")
    lines = _safe(text).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def clean_name(name: str) -> str:
    """A person's name as shown: "Last, First" turned round, homonym numbers of DBLP dropped."""
    name = re.sub(r"\s+\d{4}$", "", clean_line(name)).strip(" ,;*†‡")
    last, comma, first = name.partition(",")
    if comma and first.strip() and "," not in first and first.strip().rstrip(".").casefold() not in {"jr", "sr", "ii", "iii"}:
        return f"{first.strip()} {last.strip()}"
    return name


def split_authors(text: str) -> tuple[str, ...]:
    """Names in order from one string: `;`, `·`, ` and ` or `,` separated, as feeds and BibTeX write them.

    "Li, Junnan and Hoi, Steven" (BibTeX) and "Junnan Li, Dongxu Li and Steven Hoi" (prose) both work:
    a comma behind a name of several words, with a last name that has none, is the prose form.
    """
    text = clean_line(text)
    for separator in (r"\s*;\s*", r"\s*·\s*"):
        if re.search(separator, text):
            return _names(re.split(separator, text))
    parts = re.split(r",?\s+and\s+", text)
    if len(parts) == 1 or ("," not in parts[-1] and any(" " in p.partition(",")[0].strip() for p in parts if "," in p)):
        return _names(piece for part in parts for piece in part.split(","))
    return _names(parts)


def _names(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for part in parts if (name := clean_name(part)))


# links that cleaning does not change: most of them, and quoting is the dearest part of a record
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?:/[A-Za-z0-9%/:?#@!$&'()*+,;=~._-]*)?")


def clean_url(text: str) -> str | None:
    """An http(s) link without white space, or None when the text is no such link.

    Characters that would end a link in markdown, HTML or CSV are percent-encoded; `%` itself stays,
    so cleaning twice changes nothing.
    """
    candidate = clean_line(text)
    if _PLAIN_URL.fullmatch(candidate):
        return candidate
    try:
        parts = urlsplit(candidate)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not host:
        return None
    return quote(candidate, safe="%/:?#[]@!$&'()*+,;=~-._")


_PLAIN_LINK = re.compile(r"https?://([A-Za-z0-9][A-Za-z0-9.-]*)((?:/[A-Za-z0-9%/@!$&'()*+,=~._-]*)?)")


def canonical_url(url: str | None) -> str | None:
    """The link without what does not name the page: scheme, www, tracking, fragment, last slash.

    None when nothing specific is left (a bare host names no paper).
    """
    if not url:
        return None
    if plain_link := _PLAIN_LINK.fullmatch(url):  # what all others come to as well, at a tenth of the cost
        path = plain_link[2].rstrip("/")
        return plain_link[1].lower().removeprefix("www.") + path if path else None
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
    except ValueError:
        return None
    if not host:
        return None
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _is_tracking(k)]
    path = re.sub(r"/+$", "", parts.path)
    if not path and not query:
        return None
    return host.removeprefix("www.") + path + (f"?{urlencode(sorted(query))}" if query else "")


def _is_tracking(parameter: str) -> bool:
    name = parameter.lower()
    return name.startswith("utm_") or name in {"fbclid", "gclid", "ref", "referrer", "source", "spm", "from"}


# arXiv identifiers: https://info.arxiv.org/help/arxiv_identifier.html (new since 2007, old with archive)
_ARXIV = r"(?P<arxiv>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?"
_ARXIV_URL = re.compile(
    r"^https?://(?:www\.|export\.)?(?:arxiv\.org/(?:abs|pdf|html)|alphaxiv\.org/abs|huggingface\.co/papers)/"
    + _ARXIV
    + r"(?:\.pdf)?/?(?:[?#].*)?$"
)
_ARXIV_DOI = re.compile(r"^10\.48550/arxiv\." + _ARXIV.replace("[A-Z]", "[A-Za-z]") + "$", re.IGNORECASE)
# ACL Anthology identifiers: https://aclanthology.org/info/ids/
_ANTHOLOGY = r"(?P<anthology>\d{4}\.[a-z0-9_]+-[a-z0-9_]+\.\d+|[A-Z]\d{2}-\d{4})"
_ANTHOLOGY_URL = re.compile(r"^https?://(?:www\.)?aclanthology\.org/" + _ANTHOLOGY + r"(?:v\d+)?(?:/|\.pdf|\.bib)?(?:[?#].*)?$")
_ANTHOLOGY_DOI = re.compile(r"^10\.18653/v1/" + _ANTHOLOGY + "$", re.IGNORECASE)
_OPENREVIEW_URL = re.compile(r"^https?://openreview\.net/(?:forum|pdf)\?(?:.*&)?id=(?P<openreview>[\w-]+)")
_DOI_URL = re.compile(r"^https?://(?:dx\.)?doi\.org/(?P<doi>10\.\d{4,9}/\S+)$")


def normalise_doi(doi: str) -> str:
    """Lower case, without resolver prefix; DOIs are case-insensitive (DOI Handbook, 2.4)."""
    return re.sub(r"^(?:https?://(?:dx\.)?doi\.org/|doi:\s*)", "", clean_line(doi), flags=re.IGNORECASE).lower()


def identifiers_in_url(url: str | None) -> dict[str, str]:
    """Identifiers a link spells out: arxiv (without version), doi, anthology, openreview."""
    if not url:
        return {}
    for pattern in (_ARXIV_URL, _ANTHOLOGY_URL, _OPENREVIEW_URL):
        if found := pattern.match(url):
            return {scheme: value for scheme, value in found.groupdict().items() if value}
    found = _DOI_URL.match(url)
    return identifiers_of_doi(found["doi"]) if found else {}


def identifiers_of_doi(doi: str) -> dict[str, str]:
    """What a DOI says: arXiv's own DOIs name an arXiv id and are no second identity of the paper."""
    doi = normalise_doi(doi)
    if found := _ARXIV_DOI.match(doi):
        return {"arxiv": found["arxiv"]}
    if found := _ANTHOLOGY_DOI.match(doi):
        name = found["anthology"]
        # a DOI has no case, the ids of before 2020 are written in capitals
        return {"doi": doi, "anthology": name.upper() if "." not in name else name}
    return {"doi": doi}


_TAGS = re.compile(
    r"</?(?:i|b|em|strong|sub|sup|span|tt|u|p|br|div|a|jats:\w+|fixed-case|tex-math|math|mml:\w+)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
_ACCENT = re.compile(r"""\\(["'`^~=.uvHcdbkr])\s*\{?\\?([A-Za-z])\}?""")
_COMBINING = dict(
    zip("\"'`^~=.uvHcdbkr", "\u0308\u0301\u0300\u0302\u0303\u0304\u0307\u0306\u030c\u030b\u0327\u0323\u0331\u0328\u030a", strict=True)
)
_LETTERS = {
    "ss": "ß",
    "ae": "æ",
    "AE": "Æ",
    "oe": "œ",
    "OE": "Œ",
    "o": "ø",
    "O": "Ø",
    "l": "ł",
    "L": "Ł",
    "aa": "å",
    "AA": "Å",
    "i": "i",
    "j": "j",
}
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?\s*")
_STYLE = frozenset(
    [
        "textbf", "textit", "textrm", "textsf", "texttt", "textsc", "text", "emph",
        "mathbf", "mathcal", "mathrm", "mathbb", "mathit", "mathsf", "boldsymbol", "bm",
        "operatorname", "mbox", "left", "right", "ensuremath", "underline", "textsuperscript", "textsubscript",
    ]
)  # fmt: skip


def _without_latex(text: str) -> str:
    text = _ACCENT.sub(lambda m: m[2] + _COMBINING[m[1]], text)
    text = _COMMAND.sub(lambda m: _LETTERS.get(m[1], "" if m[1] in _STYLE else m[1] + " "), text)
    return re.sub(r"\\(.)", r"\1", text)


def plain(text: str) -> str:
    """Text to compare: entities (also double-escaped), tags, LaTeX and math signs undone, one line."""
    if "&" in text:
        text = html.unescape(html.unescape(text))
    if "<" in text:
        text = _TAGS.sub("", text)
    if "\\" in text:
        text = _without_latex(text)
    return clean_line(re.sub(r"[${}]", "", text))


# What venues and preprint servers hang on a title and what is no part of its name.
_SUFFIX = re.compile(
    r"\s*(?:[(\[](?:oral|poster|spotlight|highlight|extended abstract|student abstract|supplementary material|v\d+)[)\]]|\*)\s*$",
    re.IGNORECASE,
)
_MARKS = re.compile("[\u0300-\u036f]")
_NOT_KEY = re.compile(r"[^\w+]|_|(?<![\w+])\+")


@lru_cache(maxsize=65536)
def title_key(title: str) -> str:
    """The exact-match key: letters, digits and a trailing `+` only, without case, accents or spaces.

    "Pre-training" and "Pretraining" are the same word to it, "BLIP" and "BLIP++" are not. An empty
    key (a title of punctuation alone) matches nothing.
    """
    text = plain(title)
    while (shorter := _SUFFIX.sub("", text)) != text:
        text = shorter
    folded = _folded(text)
    # a plus counts as part of a name only behind a letter or digit ("DETR++"), not as a sign of its own
    if "+" in folded:
        folded = re.sub(r"(\w\+*)\+(?=\w)", r"\1", folded)
    return _NOT_KEY.sub("", folded if folded.isascii() else unicodedata.normalize("NFC", folded))


def _folded(text: str) -> str:
    """Without case and accents; most texts have none of the latter."""
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    return text.casefold()


# Titles that many different works carry; an equal title says nothing there (30 of 92 were wrong on the
# labelled review sets).
GENERIC_KEYS = frozenset(
    title_key(t)
    for t in (
        "Editorial", "Guest Editorial", "Preface", "Foreword", "Introduction", "Front Matter", "Frontmatter", "Back Matter",
        "Erratum", "Corrigendum", "Correction", "Retraction", "Keynote", "Invited Talk", "Panel", "Discussion", "Reply",
        "Comment", "Commentary", "Response", "Index", "Author Index", "Table of Contents", "Contents", "Book Review",
        "Abstracts", "Proceedings", "Untitled", "Letter to the Editor", "In Memoriam", "News", "Announcements", "Tutorial",
        "Workshop", "Poster", "Supplementary Material", "Organizing Committee", "Program Committee", "Title Page",
        "Guest Editors' Introduction", "Guest Editor's Introduction", "Editor's Introduction", "Editors' Introduction", "Editor's Note", "Editor's Notes",
        "Message from the Chairs", "Message from the Program Chairs", "Message from the General Chairs", "Message from the Editor", "Welcome Message",
        "Chair's Message", "President's Message", "Treasurer's Message", "Introduction to the Special Issue", "In This Issue", "Letters", "Correspondence",
        "Errata", "Addendum", "Obituary", "Calendar", "Book Reviews", "Book Review Column", "Letters to the Editor", "List of Reviewers", "Reviewers",
        "Acknowledgment of Reviewers", "Acknowledgement to Reviewers", "Masthead", "Cover", "Notes", "Summary", "Conclusion", "Conclusions",
    )
)  # fmt: skip


def is_generic_title(title: str) -> bool:
    """True for titles that name no single paper ("Editorial"), or that have no letters at all."""
    return not (key := title_key(title)) or key in GENERIC_KEYS


def name_tokens(authors: Iterable[str]) -> list[str]:
    """Sorted parts of all names, folded, of two letters or more: robust to order and initials."""
    return sorted({token for author in authors for token in _tokens_of(author)})


@lru_cache(maxsize=65536)
def _tokens_of(author: str) -> tuple[str, ...]:
    parts = re.split(r"[\W\d_]+", _folded(plain(author)))
    return tuple(t for t in parts if len(t) > 1 and t not in {"jr", "sr", "ii", "iii", "and", "et", "al"})


def venue_key(venue: str | None) -> str:
    """A venue's name folded for comparison: "NeurIPS" -> "neurips"; empty when there is none."""
    return re.sub(r"[^\w]+", "-", (venue or "").casefold()).strip("-")


def is_preprint(venue: str | None) -> bool:
    """True when a venue name means "not published at a venue yet", or is missing."""
    return venue_key(venue) in PREPRINT_VENUES or not venue
