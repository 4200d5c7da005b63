"""What the contract of tests/test_source_contract.py is held over: one entry a made page.

A source joins with entries here and a folder tests/pages/<source>/; a test sees to it that every source in
the registry has one.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

__all__ = ["CASES", "PAGES", "Case"]

PAGES = Path(__file__).parent / "pages"


def in_xml(text: str) -> str:
    """As XML carries it: characters XML cannot hold are left out."""
    return escape(re.sub("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]", "", text))


def in_html(text: str) -> str:
    return html.escape(text).replace("\x00", "")


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


@dataclass(frozen=True)
class Case:
    """One made page of one source.

    `papers` is how many it holds, `title` one title as the file spells it, `entry` a pattern that fits the whole
    entry of each paper, `changes` are (old, new) in the file, each of which makes another layout of it,
    `escaped` writes a text as the file's format does. `key` and `url` are those of the request.
    """

    source: str
    file: str
    url: str
    papers: int
    title: str
    entry: str
    changes: tuple[tuple[str, str], ...]
    escaped: Callable[[str], str]
    key: str = ""
    between: str = ""
    """What stands between two entries."""

    @property
    def body(self) -> bytes:
        return (PAGES / self.source / self.file).read_bytes()

    def __str__(self) -> str:
        return f"{self.source}/{self.file}"


CASES = (
    Case(
        "aaai",
        "records.xml",
        "https://ojs.aaai.org/index.php/AAAI/oai?verb=ListRecords&metadataPrefix=oai_dc&set=AAAI:MADECV&from=2023-01-01",
        papers=2,
        title="Folding Tokens &amp; Other Invented Savings",
        entry=r"<record>\s*<header>.*?</record>",
        changes=(("ListRecords>", "ListThings>"), ("OAI-PMH", "OAI-XYZ"), ("dc:title", "dc:name"), ("record>", "row>")),
        escaped=in_xml,
        key="2023 AAAI:MADECV",
    ),
    Case(
        "acl",
        "2023.acl.xml",
        "https://raw.githubusercontent.com/acl-org/acl-anthology/master/data/xml/2023.acl.xml",
        papers=3,
        title="Sparse Answers to Questions Nobody Asked",
        entry=r'<paper id="\d+">.*?</paper>',
        changes=(
            ("collection", "proceedings"),
            ("paper ", "article "),
            ("title>", "name>"),
            ("abstract>", "summary>"),
            ("volume ", "book "),
        ),
        escaped=in_xml,
        key="acl-2023 2023.acl",
    ),
    Case(
        "acl",
        "volume.html",
        "https://aclanthology.org/events/acl-2023/",
        papers=2,
        title="Small Talk &amp; Smaller Models",
        entry=r'<div class="d-sm-flex align-items-stretch mb-3">.*?</span></div>\s*',
        changes=(("align-items-stretch", "row"), ("/people/", "/persons/"), ("strong>", "b>"), ("/2023", "/papers/x2023")),
        escaped=in_html,
    ),
    Case(
        "cvf",
        "listing_new.html",
        "https://openaccess.thecvf.com/CVPR2025?day=all",
        papers=2,
        title="Made Tokens and Nothing Else.</a>",
        entry=r'<dt class="ptitle">.*?</dd>\s*<dd>.*?</dd>\s*',
        changes=(('"ptitle"', '"paper"'), ("/html/", "/page/"), ("query_author", "q"), (">pdf<", ">file<"), ("bibref", "cite")),
        escaped=lambda text: in_html(text) + "</a>",
        key="cvpr-2025",
    ),
    Case(
        "cvf",
        "listing_old.html",
        "http://openaccess.thecvf.com/ICCV2019.py",
        papers=2,
        title="An Old Made Layout</a>",
        entry=r'<dt class="ptitle">.*?</dd>\s*<dd>.*?</dd>\s*',
        changes=(('"ptitle"', '"paper"'), ("/html/", "/page/"), ("ICCV_2019", "ICCV_2017")),
        escaped=lambda text: in_html(text) + "</a>",
        key="iccv-2019",
    ),
    Case(
        "virtual",
        "icml-2025-orals-posters.json",
        "https://icml.cc/static/virtual/data/icml-2025-orals-posters.json",
        papers=2,
        title="Gentle Pruning of Made Models",
        entry=r'(?m)^ \{"id": [^\n]*\n',
        changes=(
            ('"results"', '"items"'),
            ('"name"', '"title"'),
            ('"id": ', '"ident": '),
            ('"abstract"', '"summary"'),
            ('"count"', '"total"'),
        ),
        escaped=in_json,
        key="icml-2025",
    ),
    Case(
        "neurips",
        "index.html",
        "https://proceedings.neurips.cc/paper_files/paper/2024",
        papers=2,
        title="A Benchmark of Invented Things",
        entry=r"<li .*?</li>\s*",
        changes=(("-Abstract-", "-Summary-"), ("2 papers", "3 papers"), ("paper/2024/", "paper/2023/"), ("/hash/", "/page/")),
        escaped=in_html,
        key="neurips-2024",
    ),
    Case(
        "pmlr",
        "index.html",
        "https://proceedings.mlr.press/v901/",
        papers=2,
        title="Pruning Lighthouse Lenses &amp; Other Large Optics",
        entry=r'<div class="paper">.*?</div>\s*',
        changes=(
            ('"paper"', '"item"'),
            ('"title"', '"name"'),
            ('"authors"', '"people"'),
            ('"links"', '"more"'),
            (">abs<", ">page<"),
            ("Volume 901:", "Book:"),
        ),
        escaped=in_html,
        key="ICML 2031 index",
    ),
    Case(
        "pmlr",
        "citeproc.yaml",
        "https://proceedings.mlr.press/v901/assets/bib/citeproc.yaml",
        papers=2,
        title="Pruning Lighthouse Lenses & Other Large Optics",
        entry=r"- title:.*?  published: [^\n]*\n",
        changes=(("- title:", "- name:"), ("URL:", "link:"), ("abstract:", "summary:"), ("author:", "people:"), ("- title", "  title")),
        escaped=lambda text: text.replace("'", "''"),
        key="ICML 2031 citeproc 2",
    ),
    Case(
        "pmlr",
        "bibliography.bib",
        "https://proceedings.mlr.press/v901/assets/bib/bibliography.bib",
        papers=2,
        title=r"Pruning Lighthouse {L}enses \& Other Large Optics",
        entry=r"@InProceedings\{.*?\n\}(?:\n\n)?",
        changes=(
            ("@InProceedings", "@Misc"),
            ("title =", "name ="),
            ("author =", "people ="),
            ("url =", "link ="),
            ("abstract =", "summary ="),
        ),
        escaped=str,
        key="ICML 2031 bibliography 2",
    ),
    Case(
        "ecva",
        "papers.html",
        "https://www.ecva.net/papers.php",
        papers=2,
        title="One Window, Many Captions",
        entry=r'<dt class="ptitle">.*?</dd>\s*<dd>.*?</dd>\s*',
        changes=(('"ptitle"', '"paper"'), ("/html/", "/page/"), ("<dd>", "<dt>"), ("_paper.php", "_paper.html")),
        escaped=in_html,
        key="ECCV 2030",
    ),
    Case(
        "ijcai",
        "listing.html",
        "https://www.ijcai.org/proceedings/2031/",
        papers=3,
        title="Captions for Fog",
        entry=r'<div id="paper\d+" class="paper_wrapper">.*?</div>\s*<div.*?</div>\s*<div.*?</div></div>\s*',
        changes=(
            ("paper_wrapper", "paper"),
            (">Details<", ">More<"),
            ('"title"', '"name"'),
            ('"authors"', '"people"'),
            ("/proceedings/2031/", "/papers/2031/"),
        ),
        escaped=in_html,
        key="IJCAI 2031",
    ),
    Case(
        "openreview",
        "notes.json",
        "https://api2.openreview.net/notes?content.venueid=ICML.cc/2031/Conference&limit=1000&offset=0&sort=number:asc",
        papers=3,
        title="Folding Maps of Meaning",
        entry=r'\{"id": "\w.*?\}\}\}(?:,\n )?',
        changes=(
            ('"notes"', '"items"'),
            ('"content"', '"fields"'),
            ('"title"', '"name"'),
            ('"count"', '"total"'),
            ('"authors"', '"people"'),
            ('"venueid"', '"place"'),
        ),
        escaped=in_json,
        key="ICML.cc/2031/Conference",
    ),
)
