"""PMLR (proceedings.mlr.press): ICML and every other conference of the series, two requests a volume.

The volume's index gives every paper with its OpenReview id and says how many there are; one more file,
`citeproc.yaml`, has all abstracts. It is printed by a template that quotes no names, so a name like "'t Hooft"
breaks a whole YAML document: entries are read one by one (which is also four times faster: 0.4 CPU s for
1,828 entries of 4.6 MB), and where that leaves gaps `bibliography.bib` is asked `instead`. A paper's own page and
the sources of a volume (`_posts/*.md` of github.com/mlresearch/v<N>) are understood too.

Pace: one second; the site has no robots.txt and is served by a content network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from triage.errors import SourceError, UsageError
from triage.models import Record
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.bibtex import BibEntry, read_bibtex
from triage.sources.completeness import SITE_CHANGED, with_abstracts
from triage.sources.entries import Entries, read_entries
from triage.sources.pages import Page, absolute, day_of, listed_names, read_page, text_of
from triage.sources.preprints import one_line
from triage.sources.reading import read_text
from triage.sources.venues import VenueSource
from triage.text import clean_line, clean_name, clean_url, identifiers_in_url, identifiers_of_doi

__all__ = ["PMLR"]

ICML_VOLUMES = {
    2013: 28, 2014: 32, 2015: 37, 2016: 48, 2017: 70, 2018: 80, 2019: 97, 2020: 119, 2021: 139, 2022: 162, 2023: 202, 2024: 235, 2025: 267,
}  # fmt: skip
"""Volume by year. Years that are not here, and other venues, are looked up on the front page: one request more."""

FIRST_YEAR = 2007
"""Volume 1 of the series."""

WITH_ABSTRACT = 0.9
"""Share of a volume's papers that have an abstract in its bibliography files; prefaces have none."""

_SERIES = {
    "International Conference on Machine Learning": "ICML",
    "International Conference on Artificial Intelligence and Statistics": "AISTATS",
    "Conference on Learning Theory": "COLT",
    "Conference on Robot Learning": "CoRL",
    "Asian Conference on Machine Learning": "ACML",
    "Conference on Uncertainty in Artificial Intelligence": "UAI",
}
"""Conferences by their full names, as headings and files of a volume give them; another one is a line here."""

_HTML = ("text/html", "application/xhtml+xml")
_YAML = ("text/yaml", "text/x-yaml", "application/yaml", "application/x-yaml", "text/plain", "application/octet-stream")
_BIBTEX = ("application/x-bibtex", "text/x-bibtex", "text/plain", "application/octet-stream")
_KEY = re.compile(r"^(?P<venue>.+?) (?P<year>\d{4})(?: (?P<form>\S+))?(?: (?P<count>\d+))?$")


class PMLR(VenueSource):
    """One volume a venue and year."""

    name = "pmlr"
    hosts = ("proceedings.mlr.press",)
    base_url = "https://proceedings.mlr.press"

    def listing(self, venue: str, year: int, *, base_url: str) -> tuple[Request, ...]:
        """The volume's index, or the front page that names the volume. Raises UsageError for other venues, and before 2007."""
        name = next((short for short in _SERIES.values() if short.upper() == venue.upper()), None)
        if name is None or year < FIRST_YEAR:
            raise UsageError(f"PMLR has no {venue} {year}", hint=f"it has {', '.join(_SERIES.values())}, the earliest of {FIRST_YEAR}")
        base = base_url.rstrip("/")
        volume = ICML_VOLUMES.get(year) if name == "ICML" else None
        if volume:
            return (_index(f"{name} {year}", volume, base),)
        return (Request(key=f"{name} {year} volumes", url=f"{base}/", accept=_HTML),)

    def parse(self, request: Request, response: Response) -> Parsed:
        """Front page, volume index, citeproc.yaml, bibliography.bib, a paper's page or its source: told apart by content.

        Raises SourceError for anything else.
        """
        start = response.body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
        if start.startswith(b"@") or re.match(rb"%[^<]*\n\s*@\w+\s*\{", start):
            return _parse_bibliography(request, response)
        if re.match(rb"(?:---\s*)?- \w+:", start):
            return _parse_citeproc(request, response)
        if start.startswith(b"---"):
            return _parse_post(request, response)
        page = read_page(response.body, request.url)
        if page.find("div", "paper") or page.find("p", "links"):
            return _parse_index(page, request, response)
        if page.with_id("abstract") is not None or page.meta("citation_title"):
            return _parse_paper(page, request, response)
        return _parse_front(page, request)

    def instead(self, request: Request) -> tuple[Request, ...]:
        """The BibTeX file where the YAML file was broken."""
        found = _KEY.match(request.key)
        if not found or found["form"] != "citeproc":
            return ()
        base = request.url.rpartition("/assets/")[0]
        key = f"{found['venue']} {found['year']} bibliography {found['count']}"
        return (Request(key=key, url=f"{base}/assets/bib/bibliography.bib", accept=_BIBTEX),)


def _index(key: str, volume: int, base: str) -> Request:
    return Request(key=f"{key} index", url=f"{base}/v{volume}/", accept=_HTML)


def _asked(request: Request) -> tuple[str | None, int | None, int | None]:
    """Venue, year and number of papers, as far as the request's key says them."""
    found = _KEY.match(request.key)
    return (found["venue"], int(found["year"]), int(found["count"]) if found["count"] else None) if found else (None, None, None)


# -- front page and index


def _parse_front(page: Page, request: Request) -> Parsed:
    volumes = [element for element in page.root.iter("li") if re.match(r"Volume \d+\b", text_of(element))]
    if not volumes:
        raise page.without("a list of volumes or papers")
    venue, year, _ = _asked(request)
    wanted = f"{venue} {year}".casefold()
    for element in volumes:
        number, _, called = text_of(element).removeprefix("Volume ").partition(" ")
        called = re.sub(r"^proceedings of (?:the )?|\s*proceedings$", "", called.strip(" :").casefold()).strip()
        if venue and called == wanted and number.isdigit():
            more = (_index(f"{venue} {year}", int(number), request.url.rstrip("/")),)
            return Parsed((), Verdict(False, f"no papers but their volume, {number}", nothing="truly none"), more=more)
    if not page.whole:
        return Parsed((), Verdict(False, "the list of volumes ends too early", None, "parsed none"))
    return Parsed((), Verdict(True, f"{len(volumes)} volumes, none is {venue or 'asked for'} {year or ''}".strip(), 0, "truly none"))


def _parse_index(page: Page, request: Request, response: Response) -> Parsed:
    heading = next((text for element in page.root.iter("h2") if (text := text_of(element)).startswith("Volume ")), "")
    if not heading:
        raise page.without("a heading that names the volume")
    volume = re.match(r"Volume (\d+)", heading)
    venue, year, _ = _asked(request)
    years = re.findall(r"\b(?:19|20)\d\d\b", heading)
    context = _Context(
        venue or _series(heading.partition(":")[2]),
        year or (int(years[-1]) if years else None),
        f"{PMLR.base_url}/v{volume[1]}/" if volume else request.url,
        response.sha256,
    )
    blocks = page.find("div", "paper")
    entries = read_entries(blocks, lambda block: _listed(page, block, context), url=request.url, named=text_of)
    declared = len(page.find("p", "links"))
    verdict = entries.verdict(declared=declared, what="papers", whole=page.whole, signed=True)
    more: tuple[Request, ...] = ()
    if entries.records:
        url = f"{request.url.rstrip('/')}/assets/bib/citeproc.yaml"
        more = (Request(key=f"{context.venue} {context.year} citeproc {len(entries.records)}", url=url, accept=_YAML),)
    return Parsed(entries.records, verdict, entries.refused, more)


@dataclass(frozen=True)
class _Context:
    """What all papers of one answer share; relative links in it start at `base`."""

    venue: str | None
    year: int | None
    base: str
    sha256: str


def _listed(page: Page, block: Any, context: _Context) -> Record:
    found: dict[str, str] = {}
    for text, href in page.links(block):
        found.setdefault(text.casefold(), href)
    url = absolute(found.get("abs"), context.base)
    if url is None:
        raise ValueError("no link to the paper's page")
    title = next(iter(page.find("p", "title", block)), None)
    authors = next(iter(page.find("span", "authors", block)), None)
    return _record(
        context,
        url=url,
        title=text_of(title),
        authors=listed_names(text_of(authors)),
        pdf=absolute(found.get("download pdf"), context.base),
        forum=absolute(found.get("openreview"), context.base),
    )


def _series(text: str) -> str | None:
    """The short name of a conference in "Proceedings of the 40th International Conference on Machine Learning, 23-29 July"."""
    return next((short for name, short in _SERIES.items() if name.casefold() in clean_line(text).casefold()), None)


# -- one record, whatever it was read from


def _record(
    context: _Context,
    *,
    url: str,
    title: str,
    authors: Sequence[str],
    abstract: str | None = None,
    pdf: str | None = None,
    forum: str | None = None,
    doi: str | None = None,
    published: str | None = None,
) -> Record:
    """Raises ValueError for a link that is no paper's: keys are "v202/smith23a", from the link."""
    key = re.search(r"/(v\d+|r\d+)/([^/]+?)\.html?$", url)
    if key is None:
        raise ValueError("the link is not one of a paper in a volume")
    forum = None if (forum or "").endswith("=false") else forum  # printed so where a paper has no forum
    identifiers = identifiers_in_url(forum) | (identifiers_of_doi(doi) if doi else {})
    links = {"pdf": pdf, "openreview": forum if "openreview" in identifiers else None}
    return Record(
        source=PMLR.name,
        source_key=f"{key[1]}/{key[2]}",
        title=clean_line(title),
        abstract=one_line(abstract),
        authors=tuple(authors),
        url=url,
        venue=context.venue,
        year=context.year,
        published=day_of(published),
        identifiers=identifiers,
        links={name: link for name, link in links.items() if link},
        raw_sha256=context.sha256,
    )


def _parse_paper(page: Page, request: Request, response: Response) -> Parsed:
    url = absolute(page.meta("citation_abstract_html_url"), PMLR.base_url)
    title = page.meta("citation_title")
    if url is None or title is None:
        raise page.without("the title and the address of a paper")
    published = page.meta("citation_publication_date")
    day, (venue, year, _) = day_of(published), _asked(request)
    venue = venue or _series(page.meta("citation_conference_title") or "")
    context = _Context(venue, year or (day.year if day else None), PMLR.base_url, response.sha256)
    forum = next((href for text, href in page.links() if text == "OpenReview"), None)
    abstract = text_of(page.with_id("abstract"))
    pdf = absolute(page.meta("citation_pdf_url"), url)
    try:
        record = _record(
            context,
            url=url,
            title=title,
            authors=tuple(clean_name(name) for name in page.metas("citation_author")),
            abstract=abstract,
            pdf=pdf,
            forum=forum,
            published=published,
        )
    except ValueError as error:
        raise SourceError(f"{request.url}: not a paper's page: {error}", hint=SITE_CHANGED) from error
    whole = page.whole and bool(abstract)
    return Parsed((record,), Verdict(whole, "1 paper" if abstract else "1 paper, without its abstract", 1))


# -- the files of a volume


def _parse_citeproc(request: Request, response: Response) -> Parsed:
    text = _without_carriage_returns(read_text(response.body, request.url))
    items = re.split(r"^(?=- \w+:)", text, flags=re.MULTILINE)[1:]
    read = _yaml_reader()
    entries = read_entries(items, lambda item: _cited(read(item), request, response.sha256), url=request.url, named=_first_line)
    # every paper's lines end with the same one, so that a file that stops between two lines shows
    whole = text.endswith("\n") and _last_name(items[-1]) == _last_name(items[0])
    return _judged(entries, request, whole=whole)


def _parse_post(request: Request, response: Response) -> Parsed:
    """One paper's source: YAML between two lines of dashes."""
    text = _without_carriage_returns(read_text(response.body, request.url))
    front = re.match(r"---[ \t]*\n(.*?)\n---[ \t]*(?:\n|$)", text, flags=re.DOTALL)
    if front is None:
        raise SourceError(f"{request.url}: no front matter that ends", hint="the file is cut off, or is another one")
    try:
        fields = _yaml_reader()(front[1])
        volume, stem = str(fields.get("volume", "")), str(fields.get("id", ""))
        fields.setdefault("URL", f"{PMLR.base_url}/v{volume}/{stem}.html" if volume and stem else "")
        fields.setdefault("published", fields.get("date"))
        fields.setdefault("PDF", fields.get("pdf"))
        record = _cited(fields, request, response.sha256)
    except ValueError as error:
        raise SourceError(f"{request.url}: not a paper's source: {error}", hint=SITE_CHANGED) from error
    return Parsed((record,), Verdict(record.abstract is not None, "1 paper" + ("" if record.abstract else ", without its abstract"), 1))


def _without_carriage_returns(text: str) -> str:
    """Line ends are newlines; other carriage returns, and what YAML does not allow in a file at all, are blanks."""
    return re.sub("\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", " ", text).replace("\r\n", "\n")


def _yaml_reader() -> Any:
    """A function from the YAML text of one paper to its fields, all scalars as text: a person may be called No or Null.

    It raises ValueError for what is no YAML.
    """
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # PyYAML may come without its C parser, ten times faster

    def read(text: str) -> dict[str, Any]:
        try:
            value = yaml.load(text, Loader=loader)  # noqa: S506  the base loader makes text, lists and mappings only
        except (yaml.YAMLError, RecursionError) as error:
            raise ValueError(f"not valid YAML: {getattr(error, 'problem', None) or type(error).__name__}") from error
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if not isinstance(value, dict):
            raise ValueError("no mapping of fields")
        return value

    return read


def _cited(fields: dict[str, Any], request: Request, sha256: str) -> Record:
    venue, year, _ = _asked(request)
    issued = fields.get("issued")
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    volume = _text(fields, "volume")
    by_volume = {str(number): a_year for a_year, number in ICML_VOLUMES.items()}
    year = year or by_volume.get(volume) or (int(parts[0]) if isinstance(parts, list) and parts and str(parts[0]).isdigit() else None)
    context = _Context(venue or _series(_text(fields, "container-title")), year, PMLR.base_url, sha256)
    authors = fields.get("author")
    named = [_full_name(person) for person in authors if isinstance(person, dict)] if isinstance(authors, list) else []
    forum = _text(fields, "openreview")
    return _record(
        context,
        url=clean_url(_text(fields, "URL")) or "",
        title=_text(fields, "title"),
        authors=tuple(name for name in named if name),
        abstract=_text(fields, "abstract"),
        pdf=clean_url(_text(fields, "PDF")),
        forum=f"https://openreview.net/forum?id={forum}" if re.fullmatch(r"[\w-]+", forum) else None,
        doi=_text(fields, "DOI") or None,
        published=_text(fields, "published"),
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _full_name(person: dict[str, Any]) -> str:
    return clean_line(" ".join(_text(person, part) for part in ("given", "prefix", "family", "suffix")))


def _parse_bibliography(request: Request, response: Response) -> Parsed:
    found = list(read_bibtex(read_text(response.body, request.url)))
    papers = [entry for entry in found if entry.kind == "inproceedings"]
    if not papers:
        raise SourceError(f"{request.url}: BibTeX without a paper", hint=SITE_CHANGED)
    entries = read_entries(
        papers, lambda entry: _from_bibtex(entry, request, response.sha256), url=request.url, named=lambda entry: entry.key
    )
    return _judged(entries, request, whole=found[-1].whole)


def _from_bibtex(entry: BibEntry, request: Request, sha256: str) -> Record:
    if not entry.whole:
        raise ValueError("the entry stops in the middle")
    venue, year, _ = _asked(request)
    said = entry.fields.get("year", "")
    venue = venue or _series(entry.fields.get("booktitle", ""))
    forum = entry.fields.get("openreview", "")
    return _record(
        _Context(venue, year or (int(said) if said.isdigit() else None), PMLR.base_url, sha256),
        url=(clean_url(entry.fields.get("url", "")) or "").replace("http://", "https://", 1),
        title=entry.title,
        authors=entry.authors,
        abstract=entry.fields.get("abstract"),
        pdf=clean_url(entry.fields.get("pdf", "")),
        forum=f"https://openreview.net/forum?id={forum}" if re.fullmatch(r"[\w-]+", forum) else None,
        doi=entry.fields.get("doi") or None,
    )


def _judged(entries: Entries, request: Request, *, whole: bool) -> Parsed:
    """The verdict on a file of a whole volume: all papers of the index, nearly all with an abstract, nothing refused.

    Stricter than a listing, because another file can be asked instead.
    """
    declared = _asked(request)[2]
    verdict = entries.verdict(declared=declared, what="papers", whole=whole, signed=True)
    if entries.refused:
        verdict = replace(verdict, complete=False)
    return Parsed(entries.records, with_abstracts(verdict, entries.records, WITH_ABSTRACT), entries.refused)


def _last_name(item: str) -> str | None:
    return next(iter(re.findall(r"^(?:- |  )(\w[\w-]*):", item, flags=re.MULTILINE)[::-1]), None)


def _first_line(item: str) -> str:
    return item.partition("\n")[0].removeprefix("- ")
