"""AAAI: the proceedings' OAI-PMH interface (OJS 3 at ojs.aaai.org), set by set.

The flow: ListSets names the journal's sections; ListRecords of each gives whole records, a hundred a page,
further pages by token. A page that answers 500 (one broken article is enough) loses its token and with it
all later pages; `instead` then asks for the set's identifiers and for each record by itself.

A set holds all years, and there is no filter by year; `from` leaves out what was last touched before the
year, the rest comes along with its own year. The site's web pages are understood too (aaai_pages). Endpoint and traps: recordings of October 2026.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree.ElementTree import Element

from triage.errors import SourceError, UsageError
from triage.models import Record
from triage.sources import Nothing, Parsed, Request, Response, Verdict
from triage.sources.aaai_pages import HOST, NAME, parse_page, proceedings_year
from triage.sources.completeness import SITE_CHANGED
from triage.sources.entries import read_entries
from triage.sources.reading import read_xml
from triage.sources.venues import VenueSource
from triage.text import clean_line, clean_name, clean_url, identifiers_of_doi, venue_key

__all__ = ["AAAI"]

FIRST_YEAR = 1987
"""Volume 1 (`aaai_pages.proceedings_year`)."""

_ACCEPT = ("text/xml", "application/xml")
_OAI = "{http://www.openarchives.org/OAI/2.0/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_JOURNAL = re.compile(r"/index\.php/([\w-]+)/")


class AAAI(VenueSource):
    """The AAAI conference's proceedings, 1987 on. Every 3 s: its server takes 2 to 3 s a page, and a census ran at that pace."""

    name = NAME
    hosts = ("ojs.aaai.org",)
    base_url = HOST

    def listing(self, venue: str, year: int, *, base_url: str) -> tuple[Request, ...]:
        """The sections; records follow from them."""
        if venue_key(venue) != "aaai" or year < FIRST_YEAR:
            raise UsageError(f"ojs.aaai.org has no {venue} {year}", hint=f"it has AAAI, {FIRST_YEAR} and later")
        return (_request(f"{year} sets", f"{base_url.rstrip('/')}/index.php/AAAI/oai", {"verb": "ListSets"}),)

    def parse(self, request: Request, response: Response) -> Parsed:
        """An OAI-PMH answer, told by the verb it holds, or one of the site's web pages.

        Raises SourceError for any other XML, for OAI's own errors and for other pages.
        """
        if not re.match(rb"\s*<(?:\?xml|OAI-PMH)", response.body.removeprefix(b"\xef\xbb\xbf")):
            return parse_page(request, response)
        root = read_xml(response.body, request.url)
        if root.tag != f"{_OAI}OAI-PMH":
            raise SourceError(f"{request.url}: not OAI-PMH but <{clean_line(root.tag)[:80]}>", hint=SITE_CHANGED)
        if (error := root.find(f"{_OAI}error")) is not None:
            return _nothing_said(error, request)
        for verb, read in (("ListSets", _sets), ("ListIdentifiers", _identifiers), ("ListRecords", _records), ("GetRecord", _one)):
            if (answer := root.find(f"{_OAI}{verb}")) is not None:
                return read(answer, request, response)
        raise SourceError(f"{request.url}: OAI-PMH without sets, identifiers or records", hint=SITE_CHANGED)

    def instead(self, request: Request) -> tuple[Request, ...]:
        """For any page of a set's records: the set's identifiers, whose answer asks for the records one by one."""
        year, _, rest = request.key.partition(" ")
        spec = rest.partition(" ")[0]
        if "verb=ListRecords" not in request.url or not spec or not year.isdigit():
            return ()
        return (_listed("ListIdentifiers", year, spec, _base(request)),)


def _base(request: Request) -> str:
    return request.url.partition("?")[0]


def _request(key: str, base: str, query: dict[str, str]) -> Request:
    return Request(key=key[:200], url=f"{base}?{urlencode(query, safe=':')}", accept=_ACCEPT)


def _listed(verb: str, year: str, spec: str, base: str) -> Request:
    query = {"verb": verb, "metadataPrefix": "oai_dc", "set": spec, "from": f"{int(year):04}-01-01"}
    return _request(f"{year} {spec}" if verb == "ListRecords" else f"{year} {spec} identifiers", base, query)


def _nothing_said(error: Element, request: Request) -> Parsed:
    code, said = error.get("code", ""), clean_line(error.text or "")[:200]
    if code in {"noRecordsMatch", "idDoesNotExist"}:
        return Parsed((), Verdict(True, "no records match" if code == "noRecordsMatch" else "no such record", 0, "truly none"))
    raise SourceError(f"{request.url}: AAAI says: {code}: {said}", hint="an expired token is asked for anew in the next run")


def _sets(answer: Element, request: Request, response: Response) -> Parsed:
    """Sections as ListRecords requests. Specs that differ in case alone are one set to the server."""
    del response
    found = [clean_line(spec.text or "") for spec in answer.iter(f"{_OAI}setSpec")]
    sections: dict[str, str] = {}
    for spec in found:
        if ":" in spec:
            sections.setdefault(spec.casefold(), spec)
    specs = list(sections.values()) or [spec for spec in dict.fromkeys(found) if spec]
    if not specs:
        raise SourceError(f"{request.url}: a list of sets without a set", hint=SITE_CHANGED)
    year = request.key.partition(" ")[0]
    year = year if year.isdigit() else str(FIRST_YEAR)
    token, declared, _ = _token(answer, request)
    more = tuple(_listed("ListRecords", year, spec, _base(request)) for spec in specs) + token
    return Parsed((), Verdict(False, f"{len(specs)} sets, asked for one by one", declared, "truly none"), more=more)


def _identifiers(answer: Element, request: Request, response: Response) -> Parsed:
    """Identifiers as GetRecord requests; the key of each is the `source_key` its record will have."""
    del response
    headers = answer.findall(f"{_OAI}header")
    token, declared, whole = _token(answer, request, len(headers))
    names = dict.fromkeys(_name(header) for header in headers if header.get("status") != "deleted")
    queries = [{"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": name} for name in names if name]
    more = tuple(_request(_key(query["identifier"]), _base(request), query) for query in queries) + token
    nothing: Nothing = "truly none" if headers else "parsed none"
    reason = f"{len(queries)} identifiers, asked for one by one" if headers else "no identifiers"
    return Parsed((), Verdict(bool(headers) and whole and not more, reason, declared, nothing), more=more)


def _records(answer: Element, request: Request, response: Response) -> Parsed:
    elements = answer.findall(f"{_OAI}record")
    deleted = [element for element in elements if _is_deleted(element)]
    living = [element for element in elements if not _is_deleted(element)]
    more, declared, whole = _token(answer, request, len(elements))
    if not elements:
        return Parsed((), Verdict(False, "a page without records", declared, "parsed none"), more=more)
    entries = read_entries(living, lambda element: _record(element, response.sha256), url=request.url, named=_named)
    # the declared number is that of all pages together; of this one every record counts
    own = entries.verdict(declared=len(living), what="records")
    nothing: Nothing | None = None if living else "truly none"
    reason = own.reason if living else "no records"
    reason += (f", {len(deleted)} deleted" if deleted else "") + (", more to come" if more else "")
    reason += "" if whole else f"; the list ends before its declared {declared}"
    complete = whole and not more and (own.complete or not living)
    return Parsed(entries.records, Verdict(complete, reason, declared, nothing), entries.refused, more)


def _one(answer: Element, request: Request, response: Response) -> Parsed:
    elements = answer.findall(f"{_OAI}record")
    living = [element for element in elements if not _is_deleted(element)]
    entries = read_entries(living, lambda element: _record(element, response.sha256), url=request.url, named=_named)
    records, refused = entries.records, entries.refused
    asked = parse_qs(urlsplit(request.url).query).get("identifier", [""])[0]
    given = [_named(element) for element in elements]
    if not elements or (asked and given != [asked]):
        return Parsed(records, Verdict(False, f"asked for {asked or 'one record'}, got {', '.join(given) or 'none'}"[:300], 1), refused)
    return Parsed(records, Verdict(True, "the record" if records else "deleted", 1, None if records else "truly none"), refused)


def _is_deleted(element: Element) -> bool:
    header = element.find(f"{_OAI}header")
    return header is not None and header.get("status") == "deleted"


def _token(answer: Element, request: Request, count: int = 0) -> tuple[tuple[Request, ...], int | None, bool]:
    """The next page, the declared size of the whole list, and whether a list that ends here has reached that size."""
    token = answer.find(f"{_OAI}resumptionToken")
    if token is None:
        return (), None, True
    size, cursor = token.get("completeListSize", ""), token.get("cursor", "")
    declared = int(size) if size.isascii() and size.isdigit() else None
    if text := (token.text or "").strip():
        verb = answer.tag.removeprefix(_OAI)
        key = " ".join([*request.key.split(" ")[:2], text])
        return (_request(key, _base(request), {"verb": verb, "resumptionToken": text}),), declared, True
    reached = int(cursor) + count if cursor.isascii() and cursor.isdigit() else None
    return (), declared, declared is None or reached is None or reached >= declared


# -- one record


def _name(header: Element | None) -> str:
    return clean_line(header.findtext(f"{_OAI}identifier") or "") if header is not None else ""


def _named(element: Element) -> str:
    return _name(element.find(f"{_OAI}header"))


def _key(identifier: str) -> str:
    """ "25296" of "oai:ojs.aaai.org:article/25296": numbers are the installation's own, not a journal's."""
    return identifier.rpartition("article/")[2]


def _record(element: Element, sha256: str) -> Record:
    header = element.find(f"{_OAI}header")
    work = next((part for part in element.iter() if part.tag.endswith("}dc")), None)
    if header is None or not (name := _name(header)):
        raise ValueError("no identifier")
    if work is None:
        raise ValueError(f"{name}: no metadata")
    sections = [clean_line(spec.text or "") for spec in header.findall(f"{_OAI}setSpec")]
    identifiers = [clean_line(part.text or "") for part in work.findall(f"{_DC}identifier")]
    page = next((text for text in identifiers if text.startswith("http")), None)
    published = _day(work.findtext(f"{_DC}date"))
    venue, year = _issue(work, page)
    doi = next((text for text in identifiers if text.startswith("10.")), None)
    return Record(
        source=AAAI.name,
        source_key=_key(name),
        title=_said(work, "title") or "",
        abstract=_said(work, "description") or None,
        authors=tuple(author for part in work.findall(f"{_DC}creator") if (author := clean_name(part.text or ""))),
        url=clean_url(page) if page else None,
        venue=venue,
        year=year or (published.year if published else None),
        track=next((spec for spec in sections if ":" in spec), None) or next(iter(sections), None),
        published=published,
        identifiers=identifiers_of_doi(doi) if doi else {},
        links=_pdf(work),
        raw_sha256=sha256,
    )


def _said(work: Element, name: str) -> str | None:
    """The English one where a field comes in several languages, else the first."""
    parts = [part for part in work.findall(f"{_DC}{name}") if (part.text or "").strip()]
    english = [part for part in parts if part.get(_LANGUAGE, "").lower().startswith("en")]
    return next(("".join(part.itertext()) for part in (*english, *parts)), None)


def _issue(work: Element, page: str | None) -> tuple[str | None, int | None]:
    """Venue and year. The server has other journals too; to them the rule of volumes does not apply."""
    for part in work.findall(f"{_DC}source"):
        if year := proceedings_year(clean_line(part.text or "")):
            return "AAAI", year
    journal = _JOURNAL.search(page or "")
    return (journal[1] if journal else None), None


def _pdf(work: Element) -> dict[str, str]:
    """The file behind the viewer page that dc:relation names: article/view/<id>/<galley> becomes article/download/..."""
    relations: Sequence[str] = [clean_line(part.text or "") for part in work.findall(f"{_DC}relation")]
    for relation in relations:
        if re.search(r"/article/view/[^/]+/[^/]+$", relation) and (link := clean_url(relation.replace("/view/", "/download/"))):
            return {"pdf": link}
    return {}


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "").strip()[:10])
    except ValueError:
        return None
