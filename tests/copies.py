"""Loopback copies of all the sites there are, each with its made pages on a port of its own, as one night asks them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from tests.feeds import announcement, announcement_feed, daily_entry
from tests.servers import Answering, Reply, ScriptedServer, Seen
from tests.source_cases import PAGES
from triage.sources.registry import ENRICHMENT_NAMES, NAMES, VENUE_NAMES

__all__ = ["EDITIONS", "VENUES", "all_sites", "good", "tables"]

VENUES = """
version: 1
venues:
"""
_SERVED = (
    ("aaai", "AAAI", "aaai"), ("acl", "ACL", "acl"), ("cvpr", "CVPR", "cvf"), ("neurips", "NeurIPS", "neurips"), ("eccv", "ECCV", "ecva"),
    ("ijcai", "IJCAI", "ijcai"),
)  # fmt: skip
for _id, _name, _source in _SERVED:
    VENUES += f"  - {{id: {_id}, name: {_name}, kind: conference, month: 6, held: every-year, editions: [{{sources: [{_source}], link: {_source}}}]}}\n"
VENUES += """  - id: icml
    name: ICML
    kind: conference
    month: 7
    held: every-year
    editions:
      - {to: 2030, sources: [virtual], link: virtual}
      - {sources: [openreview, pmlr], link: pmlr}
"""
"""Every venue source serves one year whose pages are made: seeds/venues.yaml of such a workspace."""

EDITIONS = ("aaai-2023", "acl-2023", "cvpr-2025", "neurips-2024", "eccv-2030", "ijcai-2031", "icml-2025", "icml-2031")

_OAI = "/index.php/AAAI/oai"
_ICML_NOTES = "/notes?content.venueid=ICML.cc/2031/Conference&limit=1000&offset=0&sort=number:asc"


def _page(name: str, *changes: tuple[str, str]) -> Reply:
    """A made page with some changes, as its site would send it."""
    kinds = {".html": "text/html", ".json": "application/json", ".xml": "text/xml", ".yaml": "text/yaml"}
    text = (PAGES / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, (name, old)
        text = text.replace(old, new)
    return Reply.text(text, kinds[Path(name).suffix])


def _aaai() -> dict[str, Reply]:
    other = "<set><setSpec>AAAI:MADENLP</setSpec><setName>Made Language</setName></set>"
    return {
        f"{_OAI}?verb=ListSets": _page("aaai/sets.xml", (other, "")),
        f"{_OAI}?verb=ListRecords&metadataPrefix=oai_dc&set=AAAI:MADECV&from=2023-01-01": _page("aaai/records.xml"),
    }


def _acl() -> dict[str, Reply]:
    gone = ("      <volume-id>2023.otherws-1</volume-id>\n", "")
    findings = (('"2023.acl"', '"2023.findings"'), ('id="long"', 'id="acl"'), gone)
    return {"/data/xml/2023.acl.xml": _page("acl/2023.acl.xml", gone), "/data/xml/2023.findings.xml": _page("acl/2023.acl.xml", *findings),
            "/data/xml/2023.madews.xml": _page("acl/2023.madews.xml")}  # fmt: skip


def _nobody(seen: Seen) -> Reply:
    """Semantic Scholar's answer about papers it does not know: a row for each that was asked about."""
    return Reply.json([None] * len(json.loads(seen.body)["ids"]))


def good(source: str) -> dict[str, Reply | Answering]:
    """What a site answers on a good day, by path and query."""
    announced = Reply.text(announcement_feed([announcement("2611.00001", day="2026-11-20")]), "application/atom+xml")
    pages: dict[str, dict[str, Reply | Answering]] = {
        "arxiv": {"/atom/cs.CV+cs.CL+cs.LG": announced},
        "huggingface": {"/api/daily_papers": Reply.json([daily_entry("2611.00002")])},
        "aaai": dict(_aaai()),
        "acl": dict(_acl()),
        "cvf": {"/CVPR2025?day=all": _page("cvf/listing_new.html"), **_cvf()},
        "virtual": {"/static/virtual/data/icml-2025-orals-posters.json": _page("virtual/icml-2025-orals-posters.json"), "/static/virtual/data/icml-2025-abstracts.json": _page("virtual/icml-2025-abstracts.json")},
        "neurips": {"/paper_files/paper/2024": _page("neurips/index.html"), **_neurips()},
        "pmlr": {"/": _page("pmlr/volumes.html"), "/v901/": _page("pmlr/index.html"), "/v901/assets/bib/citeproc.yaml": _page("pmlr/citeproc.yaml")},
        "ecva": {"/papers.php": _page("ecva/papers.html"), **_ecva()},
        "ijcai": {"/proceedings/2031/": _page("ijcai/listing.html"), **_ijcai()},
        "openreview": {_ICML_NOTES: _page("openreview/notes.json")},
        "semanticscholar": {"/graph/v1/paper/batch": _nobody},
        "openalex": {"/works": Reply.json({"meta": {"count": 0}, "results": []})},
        "dblp": {"/search/publ/api": Reply.json({"result": {"hits": {"@total": "0", "@sent": "0"}}})},
    }  # fmt: skip
    return pages[source]


def _neurips() -> dict[str, Reply]:
    folder = "/paper_files/paper/2024/hash/"
    title = ('Made Gradients of the &amp;quot;Second&amp;quot; Kind"', 'A Benchmark of Invented Things"')
    return {
        f"{folder}0123456789abcdef0123456789abcdef-Abstract-Conference.html": _page("neurips/paper.html"),
        f"{folder}fedcba9876543210fedcba9876543210-Abstract-Datasets_and_Benchmarks_Track.html": _page("neurips/paper.html", title, ("000000-0001", "000000-0002")),
    }  # fmt: skip


def _ecva() -> dict[str, Reply]:
    folder = "/papers/eccv_2030/papers_ECCV/html/"
    second = (("Cheap Eyes for Expensive Words", "One Window, Many Captions"), ("99999-1_1", "99999-1_2"))
    return {
        f"{folder}4_ECCV_2030_paper.php": _page("ecva/paper.html"),
        f"{folder}17_ECCV_2030_paper.php": _page("ecva/paper.html", *second),
    }


def _ijcai() -> dict[str, Reply]:
    titles = {"1": "A Slow Boat that Sees Quickly", "2": "Captions for Fog", "990": "A Tide Table that Talks"}
    return {
        f"/proceedings/2031/{number}": _page("ijcai/paper.html", (titles["1"], title), ("ijcai.2031/1", f"ijcai.2031/{number}"))
        for number, title in titles.items()
    }


def _cvf() -> dict[str, Reply]:
    """The pages of the two papers of the listing."""
    folder = "/content/CVPR2025/html/"
    second = (
        ("Made Tokens and Nothing Else.", "Invented Pixels, Revisited"),
        ("Sample_Made__Tokens_and_Nothing_Else._CVPR", "Stub_Invented_Pixels_CVPR"),
    )
    return {
        f"{folder}Sample_Made__Tokens_and_Nothing_Else._CVPR_2025_paper.html": _page("cvf/paper.html"),
        f"{folder}Stub_Invented_Pixels_CVPR_2025_paper.html": _page("cvf/paper.html", *second),
    }  # fmt: skip


def tables(sites: dict[str, ScriptedServer]) -> str:
    """Settings in which every source is its copy."""
    return "".join(f'[sources.{name}]\nbase_url = "{site.url}"\npace = 0\n' for name, site in sites.items())


@contextlib.contextmanager
def all_sites() -> Iterator[dict[str, ScriptedServer]]:
    """A server for each source, with its good day."""
    with contextlib.ExitStack() as stack:
        sites = {name: stack.enter_context(ScriptedServer()) for name in (*NAMES, *VENUE_NAMES, *ENRICHMENT_NAMES)}
        for name, site in sites.items():
            for path, reply in good(name).items():
                site.say(path, reply)
        yield sites
