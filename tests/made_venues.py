"""The seven venues of the seed list in 2023 as made sites: real titles and links (facts), everything else invented.

Each venue serves the form its source reads, with the gap that its second source fills: CVPR has no file of events but
poster pages, ICML's file has no abstracts, ICCV's listing has none. Papers about other things stand between them.
"""

from __future__ import annotations

import csv
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from tests.servers import Reply, ScriptedServer

__all__ = ["SEEDS", "Paper", "serve_seven_venues"]

FACTS = Path(__file__).resolve().parent.parent / "seeds" / "curated_2023.csv"


@dataclass(frozen=True)
class Paper:
    """One paper of a made site; `abstract` is invented."""

    title: str
    url: str
    venue: str
    abstract: str
    author: str

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def last(self) -> str:
        return self.path.rstrip("/").rpartition("/")[2]


def _seed(number: int, row: dict[str, str]) -> Paper:
    abstract = (
        f"Vision-language models are dear to run. This made text, number {number}, stands for a study of {row['type'].lower()}: "
        f"the made model is 2x faster at inference, with 40% fewer FLOPs and parameters, and keeps its accuracy."
    )
    return Paper(row["title"], row["url"], row["venue"], abstract, f"Ada Sample{chr(97 + number % 26)}")


with FACTS.open(encoding="utf-8", newline="") as _file:
    SEEDS = tuple(_seed(number, row) for number, row in enumerate(csv.DictReader(_file)))

_PLACES = {
    "AAAI": "https://ojs.aaai.org/index.php/AAAI/article/view/9{n}",
    "ACL": "https://aclanthology.org/2023.acl-long.9{n}/",
    "EMNLP": "https://aclanthology.org/2023.emnlp-main.9{n}/",
    "CVPR": "https://cvpr.thecvf.com/virtual/2023/poster/9{n}",
    "ICCV": "https://openaccess.thecvf.com/content/ICCV2023/html/Stub_Made_Mushrooms_{n}_ICCV_2023_paper.html",
    "ICML": "https://icml.cc/virtual/2023/poster/9{n}",
    "NeurIPS": "https://neurips.cc/virtual/2023/poster/9{n}",
}
_OTHER_TITLES = {
    "AAAI": ("Counting Spores by Hand", "Truffles Without a Pig"),
    "ACL": ("Dialects of the Chanterelle", "Naming Lichen in Winter"),
    "EMNLP": ("A Grammar of Yeast", "Proverbs About Puffballs"),
    "CVPR": ("Contours of the Morel", "Fog Over Made Meadows"),
    "ICCV": ("Moss on Northern Walls", "Rust of Imaginary Wheat"),
    "ICML": ("Bounds for Mycelium Growth", "Sampling Forest Floors"),
    "NeurIPS": ("Equilibria of Made Molds", "Kernels of Real Corn"),
}
_OTHERS = tuple(
    Paper(
        _OTHER_TITLES[venue][n - 1],
        place.format(n=n),
        venue,
        f"Spores of kind {n} are counted by hand in a made forest near {venue}, and nothing is said of words or pictures.",
        f"Otto {venue.title()}stub{chr(96 + n)}",
    )
    for venue, place in _PLACES.items()
    for n in (1, 2)
)


def _of(venue: str) -> list[Paper]:
    return [paper for paper in (*_OTHERS[::2], *SEEDS, *_OTHERS[1::2]) if paper.venue == venue]


def serve_seven_venues(server: ScriptedServer) -> None:
    """Every address that a backfill of the seven venues of 2023 asks for."""
    _aaai(server, _of("AAAI"))
    _anthology(server, [*_of("ACL"), *_of("EMNLP")])
    _cvpr(server, _of("CVPR"))
    _iccv(server, _of("ICCV"))
    server.say("/static/virtual/data/icml-2023-orals-posters.json", _events(_of("ICML"), abstracts=False))
    _pmlr(server, _of("ICML"))
    server.say("/static/virtual/data/neurips-2023-orals-posters.json", _events(_of("NeurIPS"), abstracts=True))
    _neurips(server, _of("NeurIPS"))


def _page(body: str) -> Reply:
    return Reply.text(f"<!DOCTYPE html><html><head><title>Made</title></head><body>{body}</body></html>", "text/html")


# -- AAAI: sets, then one page of records


def _aaai(server: ScriptedServer, papers: Sequence[Paper]) -> None:
    oai = '<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{}</OAI-PMH>'
    name = "AAAI:MADECV"
    sets = f"<ListSets><set><setSpec>AAAI</setSpec></set><set><setSpec>{name}</setSpec></set></ListSets>"
    records = "".join(
        f"""<record><header><identifier>oai:ojs.aaai.org:article/{paper.last}</identifier><setSpec>{name}</setSpec></header><metadata>
<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>{escape(paper.title)}</dc:title><dc:creator>{paper.author.split()[1]}, {paper.author.split()[0]}</dc:creator>
<dc:description>{escape(paper.abstract)}</dc:description><dc:date>2023-06-26</dc:date><dc:identifier>{paper.url}</dc:identifier>
<dc:source>Proceedings of the AAAI Conference on Artificial Intelligence; Vol. 37 No. 1: AAAI-23; 1-9</dc:source></oai_dc:dc></metadata></record>"""
        for paper in papers
    )
    base = "/index.php/AAAI/oai"
    server.say(f"{base}?verb=ListSets", Reply.text(oai.format(sets), "text/xml"))
    asked = f"{base}?verb=ListRecords&metadataPrefix=oai_dc&set={name}&from=2023-01-01"
    server.say(asked, Reply.text(oai.format(f"<ListRecords>{records}</ListRecords>"), "text/xml"))


# -- ACL and EMNLP: one file a collection; Findings of both stand in one


def _anthology(server: ScriptedServer, papers: Sequence[Paper]) -> None:
    volumes: dict[str, dict[str, list[Paper]]] = {}
    for paper in papers:
        collection, _, rest = paper.path.strip("/").partition("-")
        volumes.setdefault(collection, {}).setdefault(rest.partition(".")[0], []).append(paper)
    for collection, of_collection in volumes.items():
        inner = "".join(_volume(name, listed) for name, listed in of_collection.items())
        body = f'<?xml version="1.0" encoding="UTF-8"?><collection id="{collection}">{inner}</collection>'
        server.say(f"/data/xml/{collection}.xml", Reply.text(body, "text/plain"))


def _volume(name: str, papers: Iterable[Paper]) -> str:
    listed = "".join(
        f'<paper id="{paper.last.rpartition(".")[2]}"><title><fixed-case>{escape(paper.title[:1])}</fixed-case>{escape(paper.title[1:])}</title>'
        f"<author><first>{paper.author.split()[0]}</first><last>{paper.author.split()[1]}</last></author>"
        f"<abstract>{escape(paper.abstract)}</abstract><url>{paper.last}</url></paper>"
        for paper in papers
    )
    return f'<volume id="{name}"><meta><booktitle>Made</booktitle><year>2023</year></meta>{listed}</volume>'


# -- the virtual sites


def _events(papers: Sequence[Paper], *, abstracts: bool) -> Reply:
    """One poster a paper, and of the first an oral besides."""
    results = [_event(paper, "Poster", abstracts) for paper in papers]
    results.append(_event(papers[0], "Oral", abstracts) | {"id": 999_999, "virtualsite_url": "/virtual/2023/oral/999999"})
    return Reply.json({"count": len(results), "next": None, "previous": None, "results": results})


def _event(paper: Paper, kind: str, abstracts: bool) -> dict[str, Any]:
    return {
        "id": int(paper.last), "name": paper.title, "authors": [{"fullname": paper.author, "institution": "Made A&amp;M"}],
        "abstract": paper.abstract if abstracts else None, "decision": None, "eventtype": kind, "virtualsite_url": paper.path,
        "sourceurl": None, "paper_url": None, "topic": None,
    }  # fmt: skip


def _cvpr(server: ScriptedServer, papers: Sequence[Paper]) -> None:
    """No file of events: the page of titles leads to poster pages of the look of 2023. The open-access site has them too."""
    links = "".join(f'<li><a href="{paper.path}">{html.escape(paper.title)}</a></li>' for paper in papers)
    server.say("/virtual/2023/papers.html", _page(f"<ul>{links}</ul>"))
    for paper in papers:
        body = (
            f'<h2 class="card-title main-title text-center">{html.escape(paper.title)}</h2>'
            f'<h3 class="card-subtitle mb-2 text-muted text-center">{paper.author}</h3>'
            f'<div id="abstractExample"><span>Abstract:</span><p>{html.escape(paper.abstract)}</p></div>'
        )
        server.say(paper.path, _page(body))
    _open_access(server, "/CVPR2023", {f"Stub_{paper.last}_CVPR_2023_paper": paper for paper in papers})


# -- CVF open access


def _iccv(server: ScriptedServer, papers: Sequence[Paper]) -> None:
    """The listing, and the virtual site with other links and abstracts for all but the last paper, which needs its page."""
    stems = {paper.last.removesuffix(".html"): paper for paper in papers}
    _open_access(server, "/ICCV2023", stems)
    posters = [
        Paper(paper.title.rstrip("."), f"/virtual/2023/poster/{n}", "ICCV", paper.abstract, paper.author)
        for n, paper in enumerate(papers, 1)
    ]
    server.say("/static/virtual/data/iccv-2023-orals-posters.json", _events(posters[:-1], abstracts=True))


def _open_access(server: ScriptedServer, listing: str, papers: dict[str, Paper]) -> None:
    name = listing.strip("/")
    entries = []
    for stem, paper in papers.items():
        title = html.escape(paper.title)
        entries.append(
            f'<dt class="ptitle"><br><a href="/content/{name}/html/{stem}.html">{title}</a></dt>'
            f'<dd><form class="authsearch"><input type="hidden" name="query_author" value="{paper.author}"></form></dd>'
            f'<dd>[<a href="/content/{name}/papers/{stem}.pdf">pdf</a>]<div class="bibref pre-white-space">@InProceedings{{x,\n'
            f"    author    = {{{paper.author.split()[1]}, {paper.author.split()[0]}}},\n    title     = {{{title}}},\n}}</div></dd>"
        )
        shown = f'<div id="papertitle">{title}</div><div id="authors"><b><i>{paper.author}</i></b></div>'
        server.say(f"/content/{name}/html/{stem}.html", _page(f'{shown}<div id="abstract">{html.escape(paper.abstract)}</div>'))
    server.say(listing, _page(f"<dl>{''.join(entries)}</dl>"))


# -- proceedings that fill what the virtual sites lack


def _pmlr(server: ScriptedServer, papers: Sequence[Paper]) -> None:
    def stem(paper: Paper) -> str:
        return f"made{paper.last}23a"

    blocks = "".join(
        f'<div class="paper"><p class="title">{html.escape(paper.title)}</p><p class="details"><span class="authors">{paper.author}</span></p>'
        f'<p class="links">[<a href="https://proceedings.mlr.press/v202/{stem(paper)}.html">abs</a>]</p></div>'
        for paper in papers
    )
    server.say("/v202/", _page(f"<h2>Volume 202: International Conference on Machine Learning, 23-29 July 2023, Honolulu</h2>{blocks}"))
    entries = "".join(
        f"- title: '{paper.title.replace(chr(39), chr(39) * 2)}'\n  abstract: '{paper.abstract}'\n  volume: 202\n"
        f"  URL: https://proceedings.mlr.press/v202/{stem(paper)}.html\n  author: \n  - given: {paper.author.split()[0]}\n"
        f"    family: {paper.author.split()[1]}\n  published: 2023-07-03 00:00:00 +0000\n"
        for paper in papers
    )
    server.say("/v202/assets/bib/citeproc.yaml", Reply.text(entries, "text/yaml"))


def _neurips(server: ScriptedServer, papers: Sequence[Paper]) -> None:
    items = "".join(
        f'<li class="conference" data-track="conference"><a title="paper title" href="/paper_files/paper/2023/hash/{int(paper.last):032x}-Abstract-Conference.html">'
        f'{html.escape(paper.title)}</a> <span class="paper-authors">{paper.author}</span></li>'
        for paper in papers
    )
    server.say("/paper_files/paper/2023", _page(f'<ul class="paper-list">{items}</ul>'))
