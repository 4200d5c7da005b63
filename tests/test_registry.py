"""The sources by name: what seeds/venues.yaml names is there, and reads whatever it is handed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.saved import page
from triage.errors import SettingsError, UsageError
from triage.settings import load_settings
from triage.sources.openalex import OpenAlex
from triage.sources.registry import ENRICHMENT_NAMES, NAMES, VENUE_NAMES, enrichment_sources, parse_any, sources, venue_sources

VENUES: dict[str, Any] = yaml.safe_load((Path(__file__).resolve().parent.parent / "seeds" / "venues.yaml").read_text(encoding="utf-8"))
READ_AT = datetime(2031, 8, 1, tzinfo=UTC)

EDITIONS = [
    (venue["name"], edition.get("from", 2024) + (venue["held"] == "odd-years" and edition.get("from", 2024) % 2 == 0), name)
    for venue in VENUES["venues"]
    if venue["kind"] == "conference"
    for edition in venue["editions"]
    for name in edition["sources"][:1]
]


def test_every_source_that_is_named_is_there() -> None:
    roles = VENUES["source_roles"]
    assert set(roles["venue"]) <= set(VENUE_NAMES) == set(venue_sources())
    assert tuple(roles["enrichment"]) == ENRICHMENT_NAMES == tuple(enrichment_sources())
    assert set(roles["feed"]) == set(NAMES) == set(sources())


@pytest.mark.parametrize(("venue", "year", "name"), EDITIONS)
def test_the_first_source_of_an_edition_has_its_first_year(venue: str, year: int, name: str) -> None:
    source = venue_sources()[name]
    requests = source.listing(venue, year, base_url=source.base_url)
    assert requests
    assert all(request.url.startswith("https://") and request.accept for request in requests)


@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("pmlr", "index.html", 2),
        ("pmlr", "citeproc.yaml", 2),
        ("pmlr", "bibliography.bib", 2),
        ("pmlr", "post.md", 1),
        ("ecva", "papers.html", 4),
        ("ijcai", "listing.html", 3),
        ("openreview", "notes.json", 3),
        ("semanticscholar", "batch.json", 2),
        ("openalex", "works.json", 2),
        ("dblp", "search.json", 3),
    ],
)
def test_a_saved_answer_is_read_by_its_content_alone(name: str, file: str, count: int) -> None:
    records = parse_any(name, page(name, file), None, read_at=READ_AT).records
    assert len(records) == count
    assert {record.source for record in records} == {name}
    assert all(record.venue and record.year and record.url for record in records)


def test_a_saved_search_of_hugging_face_is_a_ranking() -> None:
    url = "https://huggingface.co/api/papers/search?q=cheap+eyes&limit=2"
    assert parse_any("huggingface", page("huggingface_search", "search.json"), url, read_at=READ_AT).verdict.complete


def test_an_unknown_source() -> None:
    with pytest.raises(UsageError, match="no source 'scholar'"):
        parse_any("scholar", b"", None, read_at=READ_AT)


def test_openalex_is_told_the_contact_of_the_settings() -> None:
    settings = load_settings('[web]\ncontact = "curator@example.org"\n', name="triage.toml", environ={})
    source = enrichment_sources(settings)["openalex"]
    assert isinstance(source, OpenAlex)
    assert source.contact == "curator@example.org"


def test_a_table_of_settings_for_every_source_and_for_no_other() -> None:
    tables = "".join(f"[sources.{name}]\npace = 9\n" for name in (*NAMES, *VENUE_NAMES, *ENRICHMENT_NAMES))
    settings = load_settings(tables, name="triage.toml", environ={})
    assert {settings.sources.named(name).pace for name in (*NAMES, *VENUE_NAMES, *ENRICHMENT_NAMES)} == {9}
    with pytest.raises(SettingsError, match=r"triage\.toml:2: sources\.arxvi: unknown key, did you mean 'arxiv'\?"):
        load_settings("\n[sources.arxvi]\npace = 9\n", name="triage.toml", environ={})
    with pytest.raises(SettingsError, match=r"sources\.arxvi"):
        load_settings("", name="triage.toml", environ={"TRIAGE_SOURCES__ARXVI__PACE": "1"})
