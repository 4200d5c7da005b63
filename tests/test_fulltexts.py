"""Full texts: a made HTML page and a made PDF over HTTP on loopback, into notes that name the figure; hostile ones hurt nobody."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.desk import Desk
from tests.scripted_llm import ScriptedLlm, noting
from tests.servers import Reply, ScriptedServer
from tests.workspaces import put, record
from triage.errors import SourceError
from triage.fulltext import Figure, read_html, read_pdf
from triage.fulltext import pdf as pdf_module
from triage.workspace import Workspace

URL = "https://arxiv.example/html/2401.00001"
METHOD = "Our gate scores each visual token with 12 heads and keeps 288 of them, as Fig. 2 shows. " * 6
PAGE = f"""<!DOCTYPE html><html><head><title>x</title><base href="/html/2401.00001v3/"><style>p {{}}</style></head><body><nav><p>Menu</p></nav>
<h1 class="ltx_title">A Gate for Tokens</h1><section><h2><span class="ltx_tag">1 </span>Introduction</h2>
<p>Models that see are <b>slow</b> &amp; dear, by <math alttext="2\\times"><mi>2</mi><annotation>junk</annotation></math> or more.<script>evil()</script></p></section>
<section><h2>2 Related Work</h2><p>Others prune.</p></section>
<section><h2>3 Method</h2><p>{METHOD}</p>
<figure id="F1"><img src="x1.png"><figcaption><span>Figure 1: </span>Accuracy against speed.</figcaption></figure>
<figure><img src="https://evil.example/x.png"><figcaption>Figure 3: Elsewhere.</figcaption></figure>
<figure><img src="x2.png" alt=""><figcaption>Fig. 2. Overview of our gate.</figcaption></figure>
<figure><figcaption>Table 1: Numbers.</figcaption><p>1 2 3</p></figure></section>
<section><h2>4 Experiments</h2><p>On GQA the gate is 1.9x faster. {"It holds on all sets. " * 30}</p></section>
<section><h2>References</h2><p>[1] Somebody.</p></section></body></html>""".encode()


def made_pdf(*pages: list[str]) -> bytes:
    """A PDF of lines of text, written by hand."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for lines in pages:
        shown = "".join(f"({line.replace(chr(92), '').replace('(', '').replace(')', '')}) Tj 0 -14 Td\n" for line in lines)
        stream = f"BT /F1 11 Tf 50 780 Td\n{shown}ET".encode("latin-1")
        content = len(objects) + 2
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R"
            " /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, table, len(objects) + 1, len(out),
    )  # fmt: skip


PDF = made_pdf(
    ["A Gate for Tokens", "Abstract", "We gate tokens.", "1 Introduction", "Models that see are slow, so we com-", "press them."],
    [
        "2 Method",
        *["Our gate keeps 288 visual tokens of each image."] * 12,
        "Figure 1: Overview of the gate.",
        "It has two parts.",
        "References",
        "[1] Nobody.",
    ],
)


def test_a_page_gives_the_parts_a_note_may_quote_and_its_figures() -> None:
    text = read_html(PAGE, URL)
    assert text.figures == (
        Figure(1, "Accuracy against speed.", "https://arxiv.example/html/2401.00001v3/x1.png"),
        Figure(2, "Overview of our gate.", "https://arxiv.example/html/2401.00001v3/x2.png"),
        Figure(3, "Elsewhere.", None),
    )
    assert text.overview == text.figures[1]
    assert text.parts.startswith("Introduction\nModels that see are slow & dear, by 2\\times or more.\n\nMethod\nOur gate scores")
    assert "On GQA the gate is 1.9x faster" in text.parts
    assert text.parts.endswith("Figure 1: Accuracy against speed.\nFigure 2: Overview of our gate.\nFigure 3: Elsewhere.")
    for absent in ("Others prune", "Somebody", "evil", "junk", "Menu", "1 2 3"):
        assert absent not in text.parts


def test_a_pdf_gives_its_words_and_figures() -> None:
    text = read_pdf(PDF, URL)
    assert text.figures == (Figure(1, "Overview of the gate."),)
    assert "Models that see are slow, so we compress them." in text.parts
    assert "Method\nOur gate keeps 288 visual tokens" in text.parts
    assert "Nobody" not in text.parts


HOSTILE = {
    "nothing": b"",
    "no html": b"\x00\xff" * 1000,
    "deep": b"<div>" * 200_000 + b"<p>" + b"x" * 1000,
    "nested paragraphs in figures": b"<figure>" * 50_000 + b"<p>a",
    "one long attribute": b'<p title="' + b"x" * 3_000_000,
    "many figures": b"<figure><img src=x.png><figcaption>Figure 1: " + b"y" * 100 + b"</figcaption></figure>" * 30_000,
    "entities": b"<!DOCTYPE html [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><p>&b;" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_that_is_no_paper_is_an_error_within_bounds(name: str) -> None:
    began = time.process_time()
    try:
        text = read_html(HOSTILE[name], URL)
    except SourceError as error:
        assert error.message.startswith(URL)
    else:
        assert len(text.parts) <= 13_000
    assert time.process_time() - began < 5, "nothing takes more than linear time"


def test_a_pdf_that_is_none_is_an_error() -> None:
    for body in (b"", b"%PDF-1.4 nothing", PDF[: len(PDF) // 3]):
        with pytest.raises(SourceError):
            read_pdf(body, URL)


def test_a_pdf_that_takes_for_ever_is_stopped_and_what_was_read_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = tmp_path / "pdf_process.py"
    (tmp_path / "triage.py").write_text("")
    reader.write_text(
        f"import json, sys, time\nprint(json.dumps({METHOD!r}), flush=True)\nprint('half a li', end='', flush=True)\ntime.sleep(60)\n"
    )
    monkeypatch.setattr(pdf_module, "__file__", str(tmp_path / "pdf.py"))
    monkeypatch.setattr(pdf_module, "WALL_SECONDS", 1.0)
    assert "keeps 288 of them" in read_pdf(b"whatever", URL).parts
    reader.write_text("import time\ntime.sleep(60)\n")
    with pytest.raises(SourceError) as refused:
        read_pdf(b"whatever", URL)
    assert "cannot be read within" in refused.value.message


def test_a_pdf_cannot_use_up_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_module, "MEMORY", 300_000_000)
    packer = zlib.compressobj(1)
    bomb = b"".join(packer.compress(b"(x) Tj " * 140_000) for _ in range(200)) + packer.flush()
    body = PDF.replace(b"<< /Length", b"<< /Filter /FlateDecode /Length", 1)
    start, end = body.index(b"stream\n") + 7, body.index(b"\nendstream")
    with pytest.raises(SourceError):
        read_pdf(body[:start] + bomb + body[end:].split(b"4 0 obj")[0], URL)


# --- the step


@pytest.fixture
def site() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


ABSTRACT = (
    "We propose a gate for vision-language models with token pruning that is faster. Efficient multimodal large language models need it."
)


def prepared(desk: Desk, site: ScriptedServer, papers: int, **more: str) -> dict[str, str]:
    lines = "\n".join(f"{key} = {value}" for key, value in {"enabled": "true", **more}.items())
    off = "\n".join(f"[sources.{name}]\nenabled = false" for name in ("huggingface", "arxiv"))
    (desk.folder / "triage.toml").write_text(
        f'{off}\n[fulltext]\n{lines}\n[sources.fulltext]\nbase_url = "{site.url}"\npace = 0\n[web]\nattempts = 1\n'
    )
    records = [
        record(f"2401.0000{n}", f"Token Pruning Gate number {n} for Efficient Vision-Language Models", abstract=ABSTRACT, year=2024, venue="arXiv",
               url=f"https://arxiv.org/abs/2401.0000{n}", identifiers={"arxiv": f"2401.0000{n}"})
        for n in range(1, papers + 1)
    ]  # fmt: skip
    put(Workspace.open(desk.folder, environ={}), records)
    return dict(desk.rows("SELECT identifiers['arxiv'], work_id FROM works"))


def html(body: bytes = PAGE) -> Reply:
    return Reply(body=body, headers={"Content-Type": "text/html; charset=utf-8"})


def step(steps: Any, name: str) -> Any:
    return next(one for one in steps["steps"] if one["step"] == name)


def test_a_night_fetches_a_few_and_notes_name_the_figure(desk: Desk, site: ScriptedServer) -> None:
    works = prepared(desk, site, 4, per_night="3")
    site.say("/html/2401.00001", html())
    site.say("/html/2401.00002", Reply(404))
    site.say("/pdf/2401.00002", Reply(body=PDF, headers={"Content-Type": "application/pdf"}))
    site.say("/html/2401.00003", html(b"<p>No HTML for this paper.</p>"))
    site.say("/pdf/2401.00003", Reply(body=b"<html>challenge</html>", headers={"Content-Type": "text/html"}))
    site.say("/html/2401.00004", Reply(503), html())
    first = step(desk.json("run"), "fulltext")
    assert [first[key] for key in ("read", "new", "known", "refused", "failed")] == [4, 2, 0, 2, 0]
    assert first["counts"] == {"figures": 4, "without": 1, "waiting": 1}
    rows = desk.rows("SELECT arxiv, format, status, figures FROM fulltexts ORDER BY arxiv")
    assert rows == [("2401.00001", "html", "ok", 3), ("2401.00002", "pdf", "ok", 1), ("2401.00003", None, "wrong media type", 0)]
    text = (desk.folder / "notes" / "2024.md").read_text()
    assert text.count("  - Method (See Fig. 2)") == 1
    assert f"    - Fig. 2: {site.url}/html/2401.00001v3/x2.png\n" in text
    assert text.count("  - Method (See Fig. 1)\n") == 1
    asked = len(site.seen)
    second = step(desk.json("fulltext", status=3), "fulltext")
    assert [second[key] for key in ("known", "failed")] == [3, 1], "a site that is down is asked again the next night"
    third = step(desk.json("fulltext"), "fulltext")
    assert [third[key] for key in ("known", "new")] == [3, 1]
    assert [seen.target for seen in site.seen[asked:]] == ["/html/2401.00004"] * 2
    # a new warehouse asks nobody
    asked = len(site.seen)
    (desk.folder / "triage.duckdb").unlink()
    works = prepared(desk, site, 4, per_night="3")
    assert step(desk.json("run"), "fulltext")["known"] == 3
    assert [seen.target for seen in site.seen[asked:]] == ["/html/2401.00003", "/pdf/2401.00003"], "all but what was not there"
    assert len(works) == 4


def test_notes_of_the_model_may_quote_the_full_text(desk: Desk, site: ScriptedServer) -> None:
    works = prepared(desk, site, 1)
    site.say("/html/2401.00001", html())
    with ScriptedLlm() as server:
        settings = (desk.folder / "triage.toml").read_text()
        (desk.folder / "triage.toml").write_text(f'{settings}\n[llm]\nbase_url = "{server.base_url}"\nmodel = "made"\n')
        work = works["2401.00001"]
        bullet = {
            "text": "A gate with 12 heads keeps 288 tokens",
            "quote": "scores each visual token with 12 heads and keeps 288 of them",
            "details": [],
        }
        server.default = noting(motivation=[], method=[bullet])
        assert desk("fulltext", "--work", work) == 0
        assert desk("note", "--work", work) == 0
        assert "Our gate scores each visual token" in server.asked[0].field("fulltext")
    assert desk.rows("SELECT text, sentence FROM notes WHERE decides") == [(bullet["text"], bullet["quote"])]


def test_nothing_is_fetched_unless_it_is_switched_on_or_named(desk: Desk, site: ScriptedServer) -> None:
    works = prepared(desk, site, 1, enabled="false")
    site.say("/html/2401.00001", html())
    assert [one for one in desk.json("run")["steps"] if one["step"] == "fulltext"] == []
    assert site.seen == []
    assert desk("fulltext", "--work", works["2401.00001"]) == 0
    assert len(site.seen) == 1
