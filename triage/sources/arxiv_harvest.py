"""arXiv's OAI-PMH answers: records in the formats arXiv and arXivRaw, tombstones, the token of the next page."""

from __future__ import annotations

import re
from datetime import date
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

from triage.errors import SourceError
from triage.models import Record
from triage.sources import Nothing, Parsed, Request, Response, Verdict
from triage.sources.arxiv_xml import ACCEPT, NAME, OAI, day_of, doi_of, local_name, read_each
from triage.sources.preprints import arxiv_fields, arxiv_id, one_line
from triage.text import clean_line, split_authors

__all__ = ["parse_harvest"]

_AFFILIATION = re.compile(r"\s*\([^()]*(?:\([^()]*\)[^()]*)*\)")
"""Affiliations in the one string of names: "Ann Smith (Made University), Bo Li (1 and 2)"."""


def parse_harvest(root: Element, request: Request, response: Response) -> Parsed:
    error = root.find(f"{OAI}error")
    if error is not None:
        code, said = error.get("code", ""), clean_line(error.text or "")[:200]
        if code == "noRecordsMatch":
            return Parsed((), Verdict(True, "no records match", 0, "truly none"))
        raise SourceError(f"{request.url}: arXiv says: {code}: {said}", hint="an expired token is asked for anew in the next run")
    headers = list(root.iter(f"{OAI}header"))
    deleted = sum(header.get("status") == "deleted" for header in headers)
    # the list element's namespace is sure, that of a record's metadata differs between recordings
    elements = [element for element in root.iter() if local_name(element) in {"arXiv", "arXivRaw"}]
    records, refused = read_each(elements, lambda element: _harvested(element, response.sha256), request.url)
    more, declared = _resumption(root, request)
    if len(elements) + deleted != len(headers):
        return Parsed(
            records, Verdict(False, f"{len(headers)} headers, but {len(elements)} records and {deleted} deleted", declared), refused, more
        )
    reason = f"{len(elements)} records" + (f", {deleted} deleted" if deleted else "") + (", more to come" if more else "")
    nothing: Nothing | None = None if records else "truly none" if deleted else "parsed none"
    return Parsed(records, Verdict(not more and nothing != "parsed none", reason, declared, nothing), refused, more)


def _resumption(root: Element, request: Request) -> tuple[tuple[Request, ...], int | None]:
    token = next(root.iter(f"{OAI}resumptionToken"), None)
    if token is None:
        return (), None
    size = token.get("completeListSize", "")
    declared = int(size) if size.isascii() and size.isdigit() else None
    if not (text := (token.text or "").strip()):
        return (), declared
    query = urlencode({"verb": "ListRecords", "resumptionToken": text})
    return (Request(key=f"{request.key} {text}"[:200], url=f"{request.url.partition('?')[0]}?{query}", accept=ACCEPT),), declared


def _harvested(element: Element, sha256: str) -> Record:
    """A record in the format arXiv, or in arXivRaw, which has names in one string and every version with its date."""
    said = {local_name(child): child for child in reversed(element)}

    def text(name: str) -> str | None:
        return said[name].text if name in said else None

    identifier = arxiv_id(text("id") or "")
    if identifier is None:
        raise ValueError("no arXiv id")
    fields = arxiv_fields(identifier)
    fields["identifiers"] |= doi_of(text("doi"))
    return Record(
        source=NAME,
        source_key=identifier,
        title=clean_line(text("title") or ""),
        abstract=one_line(text("abstract")),
        authors=_harvested_names(said["authors"]) if "authors" in said else (),
        track=next(iter((text("categories") or "").split()), None),
        published=day_of(text("created")) or _first_version(element),
        raw_sha256=sha256,
        **fields,
    )


def _harvested_names(authors: Element) -> tuple[str, ...]:
    if len(authors) == 0:
        return split_authors(_AFFILIATION.sub("", authors.text or ""))
    names = []
    for author in authors:
        parts = {local_name(part): clean_line(part.text or "") for part in author}
        name = clean_line(f"{parts.get('forenames', '')} {parts.get('keyname', '')} {parts.get('suffix', '')}")
        if re.search(r"\w", name):  # collaborations are followed by an author named ":"
            names.append(name)
    return tuple(names)


def _first_version(element: Element) -> date | None:
    """The day of v1: "Mon, 2 Apr 2007 19:18:42 GMT" (arXivRaw)."""
    for version in element:
        if local_name(version) == "version" and version.get("version") == "v1":
            said = next((part.text or "" for part in version if local_name(part) == "date"), "")
            try:
                return parsedate_to_datetime(said).date()
            except ValueError:
                return None
    return None
