"""Works -> full texts: fetched politely, a few a night, off unless the settings say otherwise.

arXiv's HTML page first, its PDF where there is none. What was fetched lies in raw/, and `raw/fulltext.jsonl` says what
is what, so that a warehouse made anew asks for nothing again. A paper without a full text is not asked for every night.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from triage.answers import Answer, append_answers, read_answers
from triage.errors import FetchError, SourceError
from triage.fulltext import FullText, can_read_pdf, read_html, read_pdf
from triage.runs import StepReport
from triage.sources import Request, Response
from triage.warehouse import stage
from triage.web.raw import RawStore

if TYPE_CHECKING:
    from triage.runs import Run
    from triage.web import Door

__all__ = ["fulltext"]

STEP = SOURCE = "fulltext"
INDEX = "fulltext.jsonl"
BASE_URL = "https://arxiv.org"
HOSTS = ("arxiv.org", "www.arxiv.org")
LARGEST = {"html": 8_000_000, "pdf": 25_000_000}
"""Bytes; the median page has 0.4 MB, the median PDF 3 MB."""
ACCEPT = {"html": ("text/html", "application/xhtml+xml"), "pdf": ("application/pdf",)}
PACE = 15.0
"""Seconds between two requests, unless the settings say otherwise: whole papers weigh more than the three seconds of the API."""
AGAIN_AFTER = timedelta(days=14)
"""A paper without a full text is looked for again after this long: arXiv makes some pages late."""

_ROW: dict[str, Any] = dict.fromkeys(("arxiv", "format", "url", "sha256", "status", "message", "parts", "figures"), "VARCHAR")


@dataclass(frozen=True)
class _Found:
    """What came of one paper: a row of store.fulltext. `passing`: nothing is known of it, the next run asks again."""

    arxiv: str
    status: str = "ok"
    message: str | None = None
    format: str | None = None
    url: str | None = None
    sha256: str | None = None
    text: FullText | None = None
    passing: bool = False

    def row(self) -> dict[str, Any]:
        figures = [] if self.text is None else [
            {"number": one.number, "caption": one.caption, "url": one.url, "overview": one == self.text.overview} for one in self.text.figures
        ]  # fmt: skip
        return {
            "arxiv": self.arxiv, "format": self.format, "url": self.url, "sha256": self.sha256, "status": self.status, "message": self.message,
            "parts": None if self.text is None else self.text.parts, "figures": json.dumps(figures, ensure_ascii=False),
        }  # fmt: skip


def fulltext(run: Run, works: Sequence[str] | None = None) -> StepReport:
    """Fetch the full texts of selected works and proposals that have an arXiv id, at most `per_night`; or of the named works.

    `new` were read, `known` were to hand or are known not to be there, `refused` have none or wait for a later run,
    `failed` could not be fetched. When the settings switch it off only named works are fetched.
    """
    _restore(run)
    settings = run.settings.fulltext
    if works is None and not settings.enabled:
        return StepReport(step=STEP)
    wanted = _wanted(run, works)
    due = [arxiv for arxiv, known in wanted if works is not None or not known]
    chosen = due if works is not None else due[: settings.per_night]
    run.progress.step(STEP, len(chosen))
    found = _fetch(run, chosen) if chosen else []
    _store(run, [one for one in found if not one.passing])
    for one in found:
        if one.passing:
            run.fail(STEP, f"arXiv:{one.arxiv}", one.status, one.message or one.status, "the next run asks again")
    new, failed = sum(one.text is not None for one in found), sum(one.passing for one in found)
    without, waiting = len(found) - new - failed, len(due) - len(chosen)
    messages = () if can_read_pdf() else ("PDFs cannot be read: pip install 'triage-papers[fulltext]'",)
    return run.add(
        StepReport(
            step=STEP, read=len(wanted), new=new, known=len(wanted) - len(due), refused=without + waiting, failed=failed,
            counts={"figures": sum(len(one.text.figures) for one in found if one.text), "without": without, "waiting": waiting},
            messages=messages if without else (),
        )
    )  # fmt: skip


def _wanted(run: Run, works: Sequence[str] | None) -> list[tuple[str, bool]]:
    """(arXiv id, whether it is known) of works that get a machine's note, selected ones first, then in the order of the queue."""
    with run.warehouse.burst() as con:
        return con.execute(
            "WITH wanted AS (SELECT v.identifiers['arxiv'] AS arxiv, v.decision, v.rank_score FROM main.works v"
            " WHERE v.identifiers['arxiv'] IS NOT NULL AND CASE WHEN $works IS NULL"
            " THEN (v.decision = 'selected' OR (v.proposed AND v.decision IS NULL))"
            "   AND NOT EXISTS (SELECT 1 FROM main.notes h WHERE h.work_id = v.work_id AND h.producer = 'human')"
            " ELSE list_contains($works, v.work_id) END)"
            " SELECT w.arxiv, coalesce(bool_or(f.status = 'ok' OR f.made_at > $again), false) FROM wanted w LEFT JOIN store.fulltext f USING (arxiv)"
            " GROUP BY w.arxiv ORDER BY bool_or(w.decision = 'selected') IS NOT TRUE, max(w.rank_score) DESC NULLS LAST, w.arxiv",
            {"works": None if works is None else list(works), "again": run.now() - AGAIN_AFTER},
        ).fetchall()


def _fetch(run: Run, papers: Sequence[str]) -> list[_Found]:
    from triage.web import Door

    found = []
    # no validators: what was fetched well is not asked for again
    with Door(run.settings, raw=run.workspace.raw, known={}, clock=run.clock) as door:
        for arxiv in papers:
            found.append(_one(run, door, arxiv))
            run.progress.advance()
        rows = door.drain()
    _keep_fetches(run, rows)
    return found


def _one(run: Run, door: Door, arxiv: str) -> _Found:
    """The page, else the PDF, of one paper."""
    last = _Found(arxiv, "not there", "neither HTML nor a PDF that can be read")
    table = run.settings.sources.fulltext
    base, pace = table.base_url or BASE_URL, PACE if table.pace is None else table.pace
    for form in run.settings.fulltext.formats:
        if form == "pdf" and not can_read_pdf():
            continue
        url = f"{base}/{form}/{arxiv}"
        try:
            response = door.fetch(Request(arxiv, url, ACCEPT[form], largest=LARGEST[form]), source=SOURCE, hosts=HOSTS, pace=pace)
            found = _read(arxiv, form, response.url, response.body, response.sha256)
        except SourceError as error:
            if isinstance(error, FetchError) and (error.passing or error.kind == "redirect refused"):
                return _Found(arxiv, error.kind, error.message, passing=True)
            last = _Found(arxiv, error.kind, error.message)
            continue
        append_answers(run.workspace, [_line(run, found, response)], name=INDEX)
        return found
    return last


def _line(run: Run, found: _Found, response: Response) -> Answer:
    return Answer(
        source=SOURCE, key=found.arxiv, url=response.url, media_type=response.media_type, sha256=response.sha256, read_at=response.fetched_at,
        run_id=run.id,
    )  # fmt: skip


def _read(arxiv: str, form: str, url: str, body: bytes, sha256: str) -> _Found:
    text = read_html(body, url) if form == "html" else read_pdf(body, url)
    return _Found(arxiv, format=form, url=url, sha256=sha256, text=text)


def _restore(run: Run) -> None:
    """Read again what raw/ holds and the warehouse does not."""
    lines = {line.key: line for line in read_answers(run.workspace, name=INDEX)}
    if not lines:
        return
    with run.warehouse.burst() as con:
        known = {row[0] for row in con.execute("SELECT arxiv FROM store.fulltext").fetchall()}
    store, found = RawStore(run.workspace.raw), []
    for arxiv, line in sorted(lines.items()):
        body = None if arxiv in known else store.find(line.sha256)
        form = "pdf" if line.media_type in ACCEPT["pdf"] else "html"
        if body is None or (form == "pdf" and not can_read_pdf()):
            continue
        try:
            found.append(_read(arxiv, form, line.url, body, line.sha256))
        except SourceError as error:
            found.append(_Found(arxiv, error.kind, error.message))
    if found:
        _store(run, found)


def _store(run: Run, found: Sequence[_Found]) -> None:
    with run.warehouse.burst() as con:
        stage(con, "new_fulltext", [one.row() for one in found], _ROW)
        con.execute("DELETE FROM store.fulltext WHERE arxiv IN (SELECT arxiv FROM new_fulltext)")
        con.execute(
            "INSERT INTO store.fulltext (arxiv, format, url, sha256, status, message, parts, figures, run_id, made_at)"
            " SELECT arxiv, format, url, sha256, status, message, parts, figures::JSON, ?, ? FROM new_fulltext",
            [run.id, run.now()],
        )


def _keep_fetches(run: Run, rows: Sequence[Any]) -> None:
    from dataclasses import asdict

    from triage.web import FETCH_COLUMNS

    columns: Mapping[str, str] = FETCH_COLUMNS
    with run.warehouse.burst() as con:
        stage(con, "made_fetch", [asdict(row) for row in rows], columns)
        names = ", ".join(columns)
        con.execute(f"INSERT INTO store.fetch (run_id, {names}) SELECT ?, {names} FROM made_fetch", [run.id])
