"""What reading and keeping whole venues costs, as ratios against a baseline of the same process.

    python -m tests.benchmarks.sources

Baselines: bare lxml over the same listing, json.loads and ElementTree over the same files, a bare bulk insert of the
same rows, and the first of two backfills over answers that did not change. Pages are made, of the sites' forms.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from lxml import etree  # type: ignore[import-untyped]  # lxml brings no types

from tests.benchmarks.steps import WORDS, made_records
from tests.servers import Reply, ScriptedServer
from tests.workspaces import START, Ticking, ask, in_run, make_workspace
from triage import pipeline
from triage.records import keep_records
from triage.runs import Run
from triage.sources import Parsed, Request, Response
from triage.sources.registry import VENUE_NAMES, venue_sources
from triage.warehouse import stage
from triage.workspace import Workspace

CHANCE = random.Random(11)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def words(count: int) -> str:
    return " ".join(CHANCE.choices(WORDS, k=count))


def listing(entries: int) -> bytes:
    """A CVF listing of the look since 2021; 1,500 entries are 2.6 MB."""
    parts = []
    for n in range(entries):
        title, stem = words(9).title(), f"Made_{words(7).title().replace(' ', '_')}_{n}_CVPR_2025_paper"
        names = [f"{CHANCE.choice(WORDS).title()} {CHANCE.choice(WORDS).title()}{n}" for _ in range(5)]
        forms = ",\n".join(
            f'<form id="form-{n}-{k}" action="/CVPR2025" method="post" class="authsearch"><input type="hidden" name="query_author" value="{name}">'
            f'<a href="#" onclick="document.getElementById(\'form-{n}-{k}\').submit();">{name}</a></form>'
            for k, name in enumerate(names)
        )
        people = " and ".join(", ".join(reversed(name.split())) for name in names)
        parts.append(
            f'<dt class="ptitle"><br><a href="/content/CVPR2025/html/{stem}.html">{title}</a></dt>\n<dd>\n{forms}\n</dd>\n<dd>\n'
            f'[<a href="/content/CVPR2025/papers/{stem}.pdf">pdf</a>]\n[<a href="/content/CVPR2025/supplemental/{stem}.pdf">supp</a>]\n'
            f'<div class="link2">[<a class="fakelink" onclick="$(this).siblings(\'.bibref\').slideToggle()">bibtex</a>]\n<div class="bibref pre-white-space">'
            f"@InProceedings{{Made_2025_CVPR,\n    author    = {{{people}}},\n    title     = {{{title}}},\n    booktitle = {{Made}},\n"
            f"    month     = {{June}},\n    year      = {{2025}},\n    pages     = {{{n}-{n + 9}}}\n}}</div>\n</div>\n</dd>\n"
        )
    return f"<!DOCTYPE html>\n<html><head><title>Made</title></head><body><dl>\n{''.join(parts)}</dl></body></html>".encode()


def events(count: int) -> bytes:
    """A virtual site's file: a poster a paper with its abstract, every tenth an oral besides."""
    results: list[dict[str, Any]] = []
    while len(results) < count:
        n = len(results)
        event = {
            "id": 100_000 + n, "uid": f"{n:032x}", "name": f"{words(9).title()} {n}", "abstract": words(170),
            "authors": [{"id": k, "fullname": f"Ann{n} Made{k}", "url": "http://neurips.cc/api/x", "institution": "Made &amp; Co"} for k in range(5)],
            "topic": None, "keywords": [], "decision": "Accept (poster)", "session": "Made", "eventtype": "Poster",
            "virtualsite_url": f"/virtual/2025/poster/{100_000 + n}", "sourceurl": "https://openreview.net/group?id=NeurIPS.cc/2025/Conference",
            "paper_url": f"https://openreview.net/forum?id=Made{n:06}", "paper_pdf_url": None, "eventmedia": [], "related_events_ids": [],
        }  # fmt: skip
        results.append(event)
        if n % 10 == 0:
            results.append(event | {"id": 200_000 + n, "eventtype": "Oral", "decision": "Accept (oral)"})
    return json.dumps({"count": len(results), "next": None, "previous": None, "results": results}).encode()


def collection(papers: int) -> bytes:
    """An Anthology file; 900 papers are 1.5 MB."""
    made = "".join(
        f'<paper id="{n}"><title><fixed-case>M</fixed-case>ade {words(9)}</title>'
        + "".join(f"<author><first>Ann{n}</first><last>Made{k}</last></author>" for k in range(4))
        + f"<pages>{n}</pages><abstract>{words(170)} <tex-math>2^k</tex-math></abstract><url>2022.acl-long.{n}</url>"
        f"<bibkey>made-{n}</bibkey><doi>10.18653/v1/2022.acl-long.{n}</doi></paper>\n"
        for n in range(1, papers + 1)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><collection id="2022.acl"><volume id="long"><meta><year>2022</year></meta>{made}</volume></collection>'.encode()


def timed(work: Callable[[], Any], times: int = 3) -> float:
    """CPU seconds, the best of a few: other work on the machine only adds to them."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def told(name: str, seconds: float, baseline: float, limit: str) -> None:
    print(f"{name:<44} {seconds:6.2f} CPU s  {seconds / baseline:5.2f} x {baseline:5.2f} s   ({limit})")  # noqa: T201


def parse(name: str, body: bytes, url: str, key: str, media_type: str = "text/html") -> Parsed:
    return venue_sources()[name].parse(Request(key, url, ()), Response(url, 200, media_type, body, "0" * 64, NOW))


def reading() -> None:
    page = listing(1500)
    cvf = timed(lambda: parse("cvf", page, "https://openaccess.thecvf.com/CVPR2025?day=all", "cvpr-2025"))
    bare = timed(lambda: etree.fromstring(page, etree.HTMLParser(encoding="utf-8")))
    told(f"CVF listing, 1,500 entries, {len(page) / 1e6:.1f} MB", cvf, bare, "at most 3 x bare lxml")
    file = events(5000)
    url = "https://neurips.cc/static/virtual/data/neurips-2025-orals-posters.json"
    virtual = timed(lambda: parse("virtual", file, url, "neurips-2025", "application/json"))
    told(f"virtual JSON, 5,000 events, {len(file) / 1e6:.1f} MB", virtual, timed(lambda: json.loads(file)), "under 1 CPU s")
    xml = collection(900)
    anthology = timed(lambda: parse("acl", xml, "https://example.org/data/xml/2022.acl.xml", "acl-2022 2022.acl", "application/xml"))
    told(f"Anthology XML, 900 papers, {len(xml) / 1e6:.1f} MB", anthology, timed(lambda: ElementTree.fromstring(xml)), "under 1 CPU s")


def writing(folder: Path) -> None:
    records = made_records(20_000)

    def measure(run: Run) -> None:
        def bare() -> None:
            rows = [{"title": record.title, "abstract": record.abstract} for record in records]
            with run.warehouse.burst() as con:
                stage(con, "bare", rows, {"title": "VARCHAR", "abstract": "VARCHAR"})

        def keep() -> None:
            with run.warehouse.burst() as con:
                keep_records(con, run, records)

        told("writing 20,000 records", timed(keep, 1), timed(bare), "under 3 s")

    in_run(make_workspace(folder), measure)


def twice(folder: Path) -> None:
    """A venue's year of 4,500 papers, backfilled twice over loopback, while its files stay as they are."""
    make_workspace(folder)
    with ScriptedServer() as server:
        tables = "".join(f'[sources.{name}]\nbase_url = "{server.url}"\npace = 0\n' for name in VENUE_NAMES)
        (folder / "triage.toml").write_text(f"[web]\nattempts = 1\nread_seconds = 30\n{tables}")
        file = events(5000)
        server.say("/static/virtual/data/neurips-2025-orals-posters.json", Reply.text(file, "application/json"))
        workspace = Workspace.open(folder, environ={})

        def backfill(hours: int) -> None:
            with pipeline.begin(workspace, "backfill", clock=Ticking(START + timedelta(hours=hours))) as run:
                pipeline.backfill_years(run, "neurips", 2025, 2025)

        first = timed(lambda: backfill(0), 1)
        before = ask(workspace, "SELECT record_id, title, abstract, changed_run FROM store.record ORDER BY ALL")
        second = timed(lambda: backfill(1), 1)
        same = ask(workspace, "SELECT record_id, title, abstract, changed_run FROM store.record ORDER BY ALL") == before
    told(f"second backfill, {len(before)} papers, {'nothing' if same else 'SOMETHING'} changed", second, first, "under 0.2 x the first")


def main() -> None:
    reading()
    with tempfile.TemporaryDirectory() as folder:
        writing(Path(folder) / "writing")
        twice(Path(folder) / "twice")


if __name__ == "__main__":
    main()
