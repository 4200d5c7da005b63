"""What `triage sources` shows: each source, how it is, how its hosts are asked, and the venues' years it gave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triage.settings import Settings
    from triage.sources import Source
    from triage.sources.enrichment import EnrichmentSource
    from triage.sources.venues import VenueSource
    from triage.workspace import Workspace

__all__ = ["source_lines", "source_rows"]

_COLUMNS = ("name", "enabled", "last_success", "last_attempt", "records", "last_day", "completeness", "lacking", "state", "reason")
_EDITION = (
    "venue",
    "year",
    "state",
    "records",
    "came",
    "with_abstract",
    "ratio",
    "requests_per_paper",
    "reason",
    "asked_at",
    "complete_at",
)


def source_rows(workspace: Workspace) -> list[dict[str, Any]]:
    """The view `sources`, or what the settings alone say before the first run, of every source, the feeds first."""
    from triage.enriching import catalogues
    from triage.sources.registry import ENRICHMENT_NAMES, VENUE_NAMES, every_source

    known = {row["name"]: row for row in _asked(workspace, "sources", _COLUMNS)}
    editions = _asked(workspace, "edition_sources", ("source", *_EDITION))
    asked = catalogues(workspace.settings)
    rows = []
    for name, source in every_source(workspace.settings).items():
        enabled = name in asked if name in ENRICHMENT_NAMES else workspace.settings.sources.named(name).enabled is not False
        unknown = dict.fromkeys(_COLUMNS) | {"name": name, "records": 0, "lacking": [], "state": "never asked"}
        kind = "catalogue" if name in ENRICHMENT_NAMES else "venues" if name in VENUE_NAMES else "feed"
        ours = [{key: row[key] for key in _EDITION} for row in editions if row["source"] == name]
        rows.append(
            known.get(name, unknown) | {"enabled": enabled, "kind": kind, "hosts": _hosts(workspace.settings, source), "editions": ours}
        )
    return rows


def _asked(workspace: Workspace, view: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    from triage.queries import answer, as_json

    if not workspace.snapshot_path.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(as_json(answer(workspace.snapshot_path, f"SELECT {', '.join(columns)} FROM {view}")))
    return rows


def _hosts(settings: Settings, source: Source | VenueSource | EnrichmentSource) -> list[dict[str, Any]]:
    """How each host of a source is asked, by the table and what the settings put in its place."""
    from triage.web.exchange import rule_of

    table = settings.sources.named(source.name)
    addresses = [table.base_url] if table.base_url else [f"https://{host}" for host in table.hosts or source.hosts]
    rows = []
    for address in addresses:
        rule = rule_of(address)
        host = address.partition("://")[2].partition("/")[0]
        own = [start for start in rule.interfaces if start.startswith(host)]
        rows.append(
            {
                "host": host,
                "seconds_apart": rule.pace if table.pace is None else table.pace,
                "requests_per_night": table.requests_per_night or settings.web.requests_per_night or rule.requests,
                "robots": "not read: switched off" if not table.robots else "obeyed, but for its interface" if own else "obeyed",
                "interfaces": own,
                "reason": rule.reason if table.pace is None else "set in triage.toml",
            }
        )
    return rows


def source_lines(row: dict[str, Any]) -> Iterator[str]:
    """One source for a person: how it is, what it lacks, how it is asked, what it gave of which venue."""
    off = "asked once [web] contact is given" if row["kind"] == "catalogue" else "switched off"
    state = row["state"] if row["enabled"] else off
    read = f"{row['records']} records, read up to {row['last_day']}" if row["last_day"] else f"{row['records']} records"
    whole = "" if row["completeness"] is None else f", {row['completeness']:.0%} of the days whole"
    success = f", last success {row['last_success'][:16].replace('T', ' ')} UTC" if row["last_success"] else ", no success yet"
    yield f"{row['name']:>15}: {state}; {read}{whole}{success}"
    if row["lacking"]:
        yield f"{'':>17}lacks {', '.join(row['lacking'])}"
    if row["reason"]:
        yield f"{'':>17}{row['reason']}"
    for one in row["editions"]:
        price = "" if one["requests_per_paper"] is None else f", {one['requests_per_paper']:g} requests a paper"
        why = f": {one['reason']}" if one["reason"] else ""
        yield f"{'':>17}{one['venue']}-{one['year']} {one['state']}, {one['records']} papers, {one['with_abstract']} with abstract{price}{why}"
    for terms, hosts in _alike(row["hosts"]):
        yield f"{'':>17}asks {', '.join(hosts)}: {terms}"


def _alike(hosts: list[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """(how, hosts) with the hosts that are asked in the same way together."""
    groups: dict[str, list[str]] = {}
    for one in hosts:
        terms = f"{one['seconds_apart']:g} s apart, {one['requests_per_night']} requests a night, robots.txt {one['robots']}"
        groups.setdefault(terms, []).append(one["host"])
    yield from groups.items()
