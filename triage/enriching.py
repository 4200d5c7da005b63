"""Enrichment in the night: what catalogues know of works that lack something, asked in batches and a bounded number of them.

A work is due when it lacks an abstract or a DOI, or is a preprint old enough to have been published since. What a
catalogue answers becomes a record like any other, which identity brings to its work. A work is asked about again only
after a time that doubles with every answer that brought nothing new. A catalogue that fails is named in the report and
leaves the night, the other catalogues and the works it did not answer for as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from triage.due import Due
from triage.errors import SourceError
from triage.gather import closed, known_venue, open_door
from triage.harvest import Harvest, keep_harvest, keep_state
from triage.runs import StepReport
from triage.sources import Parsed, Response
from triage.sources.enrichment import Batch, Wanted, read_batch
from triage.sources.registry import enrichment_sources
from triage.text import PREPRINT_VENUES
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run
    from triage.settings import Settings
    from triage.sources import Source
    from triage.sources.enrichment import EnrichmentSource
    from triage.web import Door

__all__ = ["FIRST_AGAIN", "LAST_AGAIN", "Gap", "catalogues", "due_works", "enrich", "planned"]

FIRST_AGAIN = timedelta(weeks=2)
"""When a work is asked about a second time; twice as long each time after that."""

LAST_AGAIN = timedelta(days=364)
"""The longest pause between two questions about one work."""

TOO_OLD = timedelta(days=3 * 365)
"""A preprint that was not published within three years is not asked for as one any more."""

GIVES = {"semanticscholar": ("abstract", "doi", "venue"), "openalex": ("abstract", "doi", "venue"), "dblp": ("doi", "venue")}
"""What each catalogue can tell: DBLP has no abstracts."""

ASKED_BY = {"semanticscholar": ("arxiv", "doi", "anthology"), "openalex": ("arxiv", "doi"), "dblp": ()}
"""The identifiers a catalogue can be asked by; none means that it is asked by title."""

SEARCHES = frozenset({"dblp"})
"""Catalogues that take one title at a time."""


@dataclass(frozen=True)
class Gap:
    """A work and what it lacks, of "abstract", "doi", "venue" (a preprint that may be published by now)."""

    work_id: str
    title: str
    year: int | None
    identifiers: dict[str, str]
    lacks: tuple[str, ...]

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.work_id, self.title, self.identifiers, self.year)


def catalogues(settings: Settings) -> dict[str, EnrichmentSource]:
    """The catalogues that are asked: those switched on, else all for which it is known who asks or where the stand-in is.

    They want to know whom to write to (https://docs.openalex.org/how-to-use-the-api/rate-limits-and-authentication,
    "the polite pool"), so without a contact in [web] none is asked unless its own table switches it on.
    """
    return {
        name: source
        for name, source in enrichment_sources(settings).items()
        if (table := settings.sources.named(name)).enabled or (table.enabled is None and (table.base_url or settings.web.contact))
    }


def planned(con: duckdb.DuckDBPyConnection, settings: Settings, now: datetime) -> list[tuple[str, int, int]]:
    """(catalogue, works, requests) of what would be asked now; `con` reads the snapshot."""
    plan = []
    for name, source in catalogues(settings).items():
        gaps = due_works(con, settings, now, name)
        plan.append((name, len(gaps), len(source.batches([gap.wanted for gap in gaps], base_url=source.base_url))))
    return plan


def enrich(run: Run, name: str) -> StepReport:
    """Ask one catalogue for what is due. `new` and `known` are its records, `failed` requests that failed."""
    source = catalogues(run.settings)[name]
    with run.warehouse.burst() as con:
        gaps = due_works(con, run.settings, run.now(), name)
    if not gaps:
        return run.add(StepReport(step=f"enrich {name}"))
    with open_door(run) as door:
        return run.add(_ask(run, source, gaps, door))


_LACKING = f"""
WITH lacking AS (
    SELECT w.work_id, w.title, w.year, w.identifiers, w.abstract IS NULL AS no_abstract,
           lower(coalesce(w.venue, 'arxiv')) IN ({", ".join(f"'{venue}'" for venue in sorted(PREPRINT_VENUES))}) AS preprint,
           w.identifiers['doi'] IS NULL AS no_doi, coalesce(w.published, try_cast(concat(w.year, '-01-01') AS DATE), w.first_seen::DATE) AS since,
           word.what AS word, p.work_id IS NOT NULL AS proposed, coalesce(k.score, s.score, 0) AS score
    FROM store.work w LEFT JOIN store.proposal p USING (work_id) LEFT JOIN store.screening s USING (work_id)
    LEFT JOIN store.ranking k USING (work_id)
    LEFT JOIN (SELECT work_id, max(what) AS what FROM main.decisions
               WHERE in_force AND what IN ('selected', 'rejected', 'later') AND work_id IS NOT NULL GROUP BY ALL) word USING (work_id)
),
wanted AS (
    SELECT *, list_filter([CASE WHEN no_abstract THEN 'abstract' END, CASE WHEN no_doi AND NOT preprint THEN 'doi' END,
                           CASE WHEN preprint AND since BETWEEN $oldest AND $old THEN 'venue' END], lambda one: list_contains($gives::VARCHAR[], one)) AS lacks
    FROM lacking WHERE word IS DISTINCT FROM 'rejected'
)
SELECT w.work_id, w.title, w.year, w.identifiers, w.lacks
FROM wanted w LEFT JOIN (SELECT * FROM store.enrichment WHERE source = $source) e USING (work_id)
WHERE len(w.lacks) > 0 AND (len($schemes::VARCHAR[]) = 0 OR list_has_any(map_keys(w.identifiers), $schemes::VARCHAR[]))
  -- asked before: when its time has come (nights at the same hour begin minutes apart), or at once when it lacks something it did not lack then
  AND (e.work_id IS NULL OR e.asked_at + to_days(least($last, $first * power(2, e.asks - 1))::INTEGER) - INTERVAL 12 HOUR <= $now
       OR NOT list_has_all(string_split(e.lacked, ' '), w.lacks))
ORDER BY (w.word IS NOT DISTINCT FROM 'selected') DESC, w.proposed DESC, e.asked_at IS NULL DESC, w.score DESC, e.asked_at, w.work_id
LIMIT $most
"""


def due_works(con: duckdb.DuckDBPyConnection, settings: Settings, now: datetime, name: str) -> list[Gap]:
    """What one catalogue is to be asked tonight: selected works first, then proposals, then by score; at most what the settings allow.

    `now` is UTC without zone; `con` reads the warehouse or its snapshot.
    """
    limits, today = settings.enrich, now.date()
    rows = con.execute(
        _LACKING,
        {
            "gives": list(GIVES[name]), "source": name, "now": now, "schemes": list(ASKED_BY[name]), "first": FIRST_AGAIN.days, "last": LAST_AGAIN.days,
            "oldest": today - TOO_OLD, "old": today - timedelta(weeks=limits.preprint_weeks),
            "most": min(limits.works, limits.searches) if name in SEARCHES else limits.works,
        },
    ).fetchall()  # fmt: skip
    return [Gap(work, title, year, dict(identifiers or {}), tuple(lacks)) for work, title, year, identifiers, lacks in rows]


def _ask(run: Run, source: EnrichmentSource, gaps: Sequence[Gap], door: Door) -> StepReport:
    """Ask for all of them, a batch a request; keep the records, and what was asked about with which answer."""
    base = run.settings.sources.named(source.name).base_url or source.base_url
    batches = {batch.request: batch for batch in source.batches([gap.wanted for gap in gaps], base_url=base)}
    if batches:
        run.progress.step(f"enrich {source.name}", len(batches), seconds_each=door.pace(next(iter(batches)).url, source.name))
    harvest = Harvest(Due(cast("Source", source), by_hand=False))
    answered: dict[str, bool] = {}
    refusal: SourceError | None = None
    for request, answer in door.fetch_all(list(batches), source=source.name, hosts=source.hosts):
        _read(harvest, batches[request], answer, answered)
        run.progress.advance()
        if refusal := closed(answer):
            break
    asked = {paper.key for batch in batches.values() for paper in batch.wanted}
    report = _keep(run, harvest, gaps, answered, asked, door)
    left = len(batches) - harvest.requests
    notes = [f"{source.name}: {len(answered)} of {len(gaps)} works asked about, {sum(answered.values())} known"]
    if refusal is not None and left:
        notes.append(f"{source.name}: {left} more requests wait for another night")
    return report.model_copy(update={"messages": (*report.messages, *notes), "counts": {**report.counts, "works": len(answered)}})


def _read(harvest: Harvest, batch: Batch, answer: Response | SourceError, answered: dict[str, bool]) -> None:
    """Take the records that are about the papers asked about; a batch that failed answers for nobody."""
    if isinstance(answer, SourceError):
        harvest.read(batch.request, answer, None)
        return
    found = read_batch(cast("EnrichmentSource", harvest.due.source), batch, answer)
    if found.failure is not None:
        harvest.read(batch.request, found.failure, None)
        return
    records = tuple({record.record_id: record for record in found.answers if record is not None}.values())
    harvest.take(batch.request, answer, Parsed(records, found.verdict, found.refused))
    if not found.verdict.complete:
        harvest.messages.append(f"{harvest.name}: {batch.request.key}: {found.verdict.reason}")
    answered.update({paper.key: record is not None for paper, record in zip(batch.wanted, found.answers, strict=True)})


def _keep(run: Run, harvest: Harvest, gaps: Sequence[Gap], answered: Mapping[str, bool], asked: set[str], door: Door) -> StepReport:
    """Commit records and fetches, then who was asked about: killed in between, the works are asked about once more."""
    name = harvest.name
    harvest.records = [known_venue(run.workspace, record) for record in harvest.records]
    report = keep_harvest(run, harvest, door.drain(), step="enrich")
    rows = [
        {"work_id": gap.work_id, "lacked": " ".join(gap.lacks), "found": answered.get(gap.work_id, False)}
        for gap in gaps
        if gap.work_id in answered or gap.work_id not in asked  # a title that cannot be searched for has its answer
    ]
    with run.warehouse.burst() as con:
        stage(con, "asked_work", rows, {"work_id": "VARCHAR", "lacked": "VARCHAR", "found": "BOOLEAN"})
        con.execute(_NOTE_ASKED, {"source": name, "now": run.now(), "run": run.id})
        con.execute("DELETE FROM store.enrichment AS e USING noted_work n WHERE e.source = n.source AND e.work_id = n.work_id")
        con.execute("INSERT INTO store.enrichment FROM noted_work")
        first = harvest.troubles[0] if harvest.troubles else None
        keep_state(con, run, name, first.kind if first else "complete", first.message[:500] if first else None, whole=first is None)
    return report


_NOTE_ASKED = """
CREATE OR REPLACE TEMP TABLE noted_work AS
SELECT a.work_id, $source::VARCHAR AS source, a.lacked,
       -- a gap that an earlier answer did not close makes the next pause longer; another gap begins anew
       CASE WHEN e.lacked IS NOT NULL AND list_has_all(string_split(e.lacked, ' '), string_split(a.lacked, ' ')) THEN e.asks + 1 ELSE 1 END AS asks,
       a.found, $now::TIMESTAMP AS asked_at, $run::VARCHAR AS run_id
FROM asked_work a LEFT JOIN (SELECT * FROM store.enrichment WHERE source = $source) e USING (work_id)
"""
