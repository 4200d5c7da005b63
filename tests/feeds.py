"""Small made feeds of the forms the sources read; every name and sentence in them is invented."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr


def daily_entry(identifier: str, title: str = "", **paper: Any) -> dict[str, Any]:
    """One item of the Daily Papers API: with only the fields that were always there, unless more are given."""
    fields = {
        "id": identifier,
        "authors": [{"_id": "a1", "name": "Ann Made", "hidden": False}, {"_id": "a2", "name": "Bo Invented", "hidden": False}],
        "publishedAt": "2026-11-17T23:30:00.000Z",
        "title": title or f"Made paper {identifier}",
        "summary": f"Tokens of the made paper\n{identifier} are merged.",
        "upvotes": 3,
    }
    return {"paper": fields | paper, "publishedAt": "2026-11-18T04:00:00.000Z", "title": title, "numComments": 0}


def daily_list(*identifiers: str) -> bytes:
    return json.dumps([daily_entry(identifier) for identifier in identifiers]).encode()


def daily_page(entries: Sequence[dict[str, Any]], *, cards: int | None = None, **props: Any) -> bytes:
    """The HTML page with the same list in an attribute, and a card for each paper."""
    data = html.escape(json.dumps({"canSubmit": False, "dailyPapers": list(entries)} | props), quote=True)
    shown = "".join("<article><h3><a href='/papers/x'>x</a></h3></article>" for _ in range(len(entries) if cards is None else cards))
    page = f'<!doctype html><html><body><div class="SVELTE_HYDRATER contents" data-target="DailyPapers" data-props="{data}">{shown}</div></body></html>'
    return page.encode()


def announcement(
    identifier: str, kind: str = "new", *, creator: str = "Ann Made, Bo Invented", day: str = "2026-11-20", title: str = ""
) -> str:
    """One entry of the daily Atom feed. `identifier` without version."""
    return f"""<entry><id>oai:arXiv.org:{identifier}v1</id><title>{escape(title or f"Made announcement {identifier}")}</title>
    <link href="https://arxiv.org/abs/{identifier}" rel="alternate" type="text/html"/>
    <summary>arXiv:{identifier}v1 Announce Type: {kind}
Abstract: The made model of {identifier} skips layers.</summary>
    <category term="cs.CV"/><category term="cs.LG"/><published>{day}T00:00:00-05:00</published>
    <arxiv:announce_type>{kind}</arxiv:announce_type><dc:creator>{escape(creator)}</dc:creator></entry>"""


def announcement_feed(entries: Sequence[str], *, updated: str = "2026-11-20T05:00:12+00:00") -> bytes:
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns="http://www.w3.org/2005/Atom">
  <id>http://rss.arxiv.org/atom/cs.CV</id><title>made updates</title><updated>{updated}</updated>{"".join(entries)}</feed>""".encode()


def api_entry(identifier: str, *, version: int = 2, doi: str = "", title: str = "") -> str:
    """One entry of the API's Atom, in the form it has since late 2025."""
    given = f"<arxiv:doi>{escape(doi)}</arxiv:doi>" if doi else ""
    return f"""<entry><id>http://arxiv.org/abs/{identifier}v{version}</id><title>{escape(title or f"Made look-up {identifier}")}</title>
    <updated>2026-11-19T09:00:00Z</updated><link href="https://arxiv.org/abs/{identifier}v{version}"/>
    <summary>  A made summary of {identifier}
  over two lines.</summary><category term="cs.LG"/><category term="cs.CV"/><published>2024-01-05T18:00:00Z</published>{given}
    <arxiv:primary_category term="cs.CV"/><author><name>Ann Made</name></author><author><name>Bo Invented</name></author></entry>"""


def api_feed(entries: Sequence[str], *, total: int | None = None, start: int = 0, per_page: int = 10, own: str = "") -> bytes:
    """`own` is the address in the feed's own link."""
    link = f"<link href={quoteattr(own)} type='application/atom+xml'/>" if own else ""
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">
  <id>https://arxiv.org/api/made</id><title>made query</title><updated>2026-11-20T00:00:00Z</updated>{link}
  <opensearch:itemsPerPage>{per_page}</opensearch:itemsPerPage>
  <opensearch:totalResults>{len(entries) if total is None else total}</opensearch:totalResults>
  <opensearch:startIndex>{start}</opensearch:startIndex>{"".join(entries)}</feed>""".encode()


def oai_record(identifier: str, *, authors: str = "", title: str = "") -> str:
    names = authors or "<author><keyname>Made</keyname><forenames>Ann</forenames></author>"
    return f"""<record><header><identifier>oai:arXiv.org:{identifier}</identifier><datestamp>2026-11-20</datestamp></header>
  <metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{identifier}</id><created>2024-01-05</created><authors>{names}</authors>
  <title>{escape(title or f"Made harvest {identifier}")}
  over two lines</title><categories>cs.CV cs.LG</categories><doi>10.1000/Made.{identifier}</doi>
  <abstract>  A made abstract
of {identifier}.</abstract></arXiv></metadata></record>"""


def oai_deleted(identifier: str) -> str:
    return f'<record><header status="deleted"><identifier>oai:arXiv.org:{identifier}</identifier></header></record>'


def oai_list(inner: str) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">
<responseDate>2026-11-20T00:00:00Z</responseDate><request verb="ListRecords">https://oaipmh.arxiv.org/oai</request>{inner}</OAI-PMH>""".encode()
