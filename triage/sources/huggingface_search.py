"""Hugging Face's paper search: the pages a curator's list often starts from (`/papers?q=...`), by their API.

A search is a ranking, not a list: it has no end that could be missed, holds any indexed arXiv paper of any year,
and gives the same items as the daily list, so they are read by the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

from triage.errors import UsageError
from triage.sources import Parsed, Request, Response, Verdict
from triage.sources.huggingface import HuggingFace
from triage.text import clean_line

__all__ = ["LONGEST_QUERY", "MOST_HITS", "read_search", "search_request", "search_requests"]

LONGEST_QUERY = 250
"""Characters of a query; the API refuses longer ones."""

MOST_HITS = 120
"""Papers one search gives at most; there is no second page."""


def search_request(query: str, *, limit: int = MOST_HITS, base_url: str = HuggingFace.base_url) -> Request:
    """One search. Raises UsageError for an empty or too long query, or a limit the API does not take."""
    words = clean_line(query)
    if not words or len(words) > LONGEST_QUERY:
        raise UsageError(f"a search of {len(words)} characters", hint=f"Hugging Face takes 1 to {LONGEST_QUERY}")
    if not 1 <= limit <= MOST_HITS:
        raise UsageError(f"a search for {limit} papers", hint=f"Hugging Face gives 1 to {MOST_HITS}")
    address = urlencode({"q": words, "limit": limit})
    return Request(key=f"search {words}", url=f"{base_url.rstrip('/')}/api/papers/search?{address}", accept=("application/json",))


def search_requests(queries: Sequence[str], *, limit: int = MOST_HITS, base_url: str = HuggingFace.base_url) -> tuple[Request, ...]:
    """The saved searches, in order, each once. Raises UsageError like `search_request`."""
    words = dict.fromkeys(clean_line(query) for query in queries)
    return tuple(search_request(query, limit=limit, base_url=base_url) for query in words)


def read_search(request: Request, response: Response) -> Parsed:
    """The papers found, best first. Raises SourceError when the answer is no list of papers.

    As many as were asked for is a whole answer here, and none is an answer too; more than were asked for means that the
    search was not heeded.
    """
    parsed = HuggingFace().parse(request, response)
    records = tuple({record.source_key: record for record in parsed.records}.values())
    found, asked = len(parsed.records) + len(parsed.refused), _limit(request.url)
    if not found:
        verdict = Verdict(True, "nothing found", 0, "truly none")
    elif found > asked:
        verdict = Verdict(False, f"{found} papers where {asked} were asked for: the search was not heeded")
    else:
        verdict = Verdict(True, f"{len(records)} papers found")
    return replace(parsed, records=records, verdict=verdict, more=(), day=None)


def _limit(url: str) -> int:
    said = parse_qs(urlsplit(url).query).get("limit", [""])[0]
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else MOST_HITS
