"""The steps in order; the command line uses them as they are, flows/ wraps them as Prefect tasks.

Each step takes a run, works in batches, is idempotent and gives a report whose numbers add up. A run
that was killed is repaired by the next one: every step works out what is due from the warehouse.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date as Date  # noqa: N812  `date` is the name of a parameter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from triage.adding import add
from triage.backfill import backfill, gather_venues, restore_editions
from triage.claiming import claim
from triage.comparing import Removals
from triage.decisions import load_decisions
from triage.due import chosen
from triage.enriching import catalogues, enrich
from triage.errors import DocumentError, SourceError, UsageError, WarehouseError
from triage.fulltexts import fulltext
from triage.gather import gather as gather_sources
from triage.gather import restore_answers
from triage.identity import identify
from triage.imports import Handed, import_documents, read_file, restore_documents
from triage.labelling import LOCAL
from triage.labelling.due import label
from triage.labelling.planning import LONGEST_UNSEEN, plan_labels
from triage.labelling.reprompting import Relabelling, reprompt
from triage.ledger import drain, spent
from triage.lists import publish_lists
from triage.llm_plan import planned
from triage.note_sync import sync_notes
from triage.notes import note
from triage.notes import notes_files as _notes_files
from triage.notes.planning import plan_notes
from triage.ranking.step import rank
from triage.reading import keep_progress
from triage.references import works_named
from triage.rehearsal import rehearse
from triage.rendering import write_files
from triage.runs import Clock, Progress, Run, StepReport, open_run, system_clock
from triage.screening import propose, screen
from triage.searches import gather_searches
from triage.seeds import workspace_taxonomy
from triage.settling import settle
from triage.sync import sync_lists
from triage.windows import backfill_arxiv

if TYPE_CHECKING:
    from triage.llm_plan import Plan
    from triage.recordings import Recordings
    from triage.workspace import Workspace

__all__ = [
    "STEPS",
    "add_papers",
    "backfill_preprints",
    "backfill_years",
    "begin",
    "gather_feeds",
    "gather_source",
    "gather_venues",
    "import_files",
    "plan_calls",
    "publish",
    "rank_again",
    "relabel",
    "run_all",
    "source_names",
    "step_names",
    "sync",
    "work_ids",
]


@contextlib.contextmanager
def begin(workspace: Workspace, command: str, *, clock: Clock = system_clock, progress: Progress | None = None) -> Iterator[Run]:
    """A run that has already put back what a new or repaired warehouse lacks, and read the person's words."""
    with open_run(workspace, command, clock=clock, progress=progress) as run:
        restored = restore_documents(run), restore_answers(run), restore_editions(run)
        if any(restored):
            identify(run)
        load_decisions(run)
        yield run


def _screen(run: Run, works: Sequence[str] | None = None) -> StepReport:
    report = screen(run, works)
    rank(run)
    propose(run)
    keep_progress(run)
    return report


def rank_again(run: Run) -> StepReport:
    """Train the ranker from the decisions as they are, score anew and propose; `triage rank`."""
    screen(run)
    report = rank(run, again=True)
    propose(run)
    keep_progress(run)
    return report


def _identify(run: Run, works: Sequence[str] | None = None) -> StepReport:
    if works is not None:
        raise UsageError("identify works on records, not on single works", hint="leave --work out")
    return identify(run)


def _enrich(run: Run, works: Sequence[str] | None = None) -> StepReport:
    """Each catalogue in turn; what one brings is matched before the next is asked, so that no gap is asked for twice."""
    if works is not None:
        raise UsageError("what is missing is worked out for all works", hint="leave --work out")
    report = StepReport(step="enrich")
    for name in catalogues(run.settings):
        try:
            report = enrich(run, name)
        except (SourceError, WarehouseError) as error:  # whatever is wrong with it, the night goes on
            run.fail(f"enrich {name}", name, "not enriched", error.message, error.hint)
            continue
        if report.new or report.counts.get("changed"):
            identify(run)
    return report


def _sync(run: Run, works: Sequence[str] | None = None) -> StepReport:
    if works is not None:
        raise UsageError("files are read back whole", hint="leave --work out")
    return sync(run)


def sync(
    run: Run, *, removals: Removals = "ask", keep: Literal["file", "warehouse"] | None = None, conflicts: Sequence[str] = ()
) -> StepReport:
    """Read back what a person did to lists and notes; with `keep`, settle what is open between files and warehouse: everything, or
    the `conflicts` with these ids (or their beginnings)."""
    report, noted = sync_lists(run, removals=removals), sync_notes(run, removals=removals)
    if keep:
        settle(run, conflicts, keep)  # also where it says nothing new: the word that stands may have come by decisions.jsonl just now
    if keep or any(one.counts.get(name) for one in (report, noted) for name in ("corrections", "added")):
        identify(run)
    return report


def publish(run: Run, works: Sequence[str] | None = None) -> StepReport:
    """Write the lists and the notes that changed."""
    if works is not None:
        raise UsageError("lists are written whole", hint="leave --work out")
    report = publish_lists(run)
    with run.warehouse.burst() as con:
        files = _notes_files(con, run)
    write_files(run, "notes", files)
    return report


ENRICH = "enrich"

STEPS: dict[str, Callable[[Run, Sequence[str] | None], StepReport]] = {
    "identify": _identify,
    ENRICH: _enrich,
    "sync": _sync,
    "screen": _screen,
    "label": label,
    "fulltext": fulltext,
    "note": note,
    "claim": claim,
    "publish": publish,
}
"""The steps behind gathering, in order."""


SEARCHED = "huggingface"
"""The source whose saved searches are gathered with its feed."""


def step_names(*, date: Date | None = None, gather: bool = True) -> list[str]:
    """The steps of a run, in order: catalogues are asked where feeds are, and not for a run of one day."""
    return [name for name in STEPS if name != ENRICH or (gather and date is None)]


def run_all(run: Run, *, date: Date | None = None, gather: bool = True) -> None:
    """Gather what is due (or one `date`), then every step, in order. A source that fails stops nothing."""
    if gather:
        gather_feeds(run, date=date)
        if date is None:
            gather_venues(run)
    for name in step_names(date=date, gather=gather):
        STEPS[name](run, None)


def gather_feeds(run: Run, names: Sequence[str] | None = None, *, date: Date | None = None) -> list[StepReport]:
    """What is due of the feeds (or the named ones) with the saved searches, or one `date`, which no search has."""
    reports = gather_sources(run, names, date=date)
    searched = gather_searches(run) if date is None and (not names or SEARCHED in names) else None
    return reports if searched is None else [*reports, searched]


def relabel(
    run: Run, works: Sequence[str] | None, *, accept: bool, environ: Mapping[str, str] | None = None, recordings: Recordings | None = None
) -> list[Relabelling]:
    """What the present models and prompt change of the labels that older ones made; in force only with `accept`."""
    return reprompt(run, works, workspace_taxonomy(run.workspace), accept=accept, environ=environ, recordings=recordings)


def plan_calls(
    workspace: Workspace,
    *,
    names: Sequence[str] = (),
    night: bool = False,
    reprompt: bool = False,
    batch: bool = False,
    clock: Clock = system_clock,
    environ: Mapping[str, str],
) -> Plan:
    """What the models may be asked at most by `triage label` (of the named works, in a `batch`), or by a whole `night`.

    Worked out on a copy of the warehouse: nothing is asked, and nothing is written in the workspace. Papers a night
    has yet to gather count as `screening.max_proposals` long ones.
    """
    with rehearse(workspace, "plan", clock=clock) as run:
        load_decisions(run)
        drain(run)
        unseen, notes = 0, []
        if night:
            identify(run)
            _screen(run)
            unseen = run.settings.screening.max_proposals if source_names(run) or run.settings.venues.gather else 0
        works = work_ids(run, names)
        label(run, works, producers=LOCAL)
        lines = plan_labels(run, works, workspace_taxonomy(workspace), environ=environ, unseen=unseen, reprompt=reprompt, batch=batch)
        if night:
            lines += plan_notes(run, works, environ=environ, unseen=unseen, longest=LONGEST_UNSEEN)
        if not lines:
            notes.append("no model is configured, or none is allowed: nothing is asked")
        elif unseen:
            notes.append(
                f"a night proposes at most {unseen} papers that are not gathered yet; each is taken to have {LONGEST_UNSEEN} characters"
            )
        if lines and unseen:
            notes.append("a paper whose text changes tonight (an abstract that is found) is asked about again: that is not counted")
        with run.warehouse.burst() as con:
            before = spent(con, run.settings.llm.prices, run_id=run.id, now=run.now())
        return planned(lines, run.settings.llm.budget, before, notes)


def source_names(run: Run) -> list[str]:
    """The sources that are not switched off, in the order in which they are gathered."""
    return [source.name for source in chosen(run.settings, None)]


def gather_source(run: Run, name: str, *, date: Date | None = None) -> StepReport:
    """Gather one source; done once more in the same run, it asks again for what is still due.

    Raises SourceError when requests failed, which is in the run's report and failures then; its `passing`
    says whether it may help to ask again soon.
    """
    step = f"gather {name}"
    run.try_again(step)
    report, *_ = gather_feeds(run, [name], date=date)
    if not report.failed:
        return report
    first = next(failure for failure in run.failures if failure.step == step and failure.kind != "refused")
    error = SourceError(first.message, hint=first.hint)
    error.passing = bool(report.counts.get("may pass"))
    raise error


def backfill_years(run: Run, venue: str, first: int, last: int) -> None:
    """Gather a venue's years, from the first to the last in which it was held, and identify their papers.

    Raises UsageError for an unknown venue, and when nobody serves any of the years.
    """
    if last < first:
        raise UsageError(f"the years {first} to {last} are none", hint="--year-to is the last year, YEAR the first")
    refusals = []
    for year in range(first, last + 1):
        try:
            backfill(run, venue, year)
        except UsageError as error:
            refusals.append(error)
    if len(refusals) == last + 1 - first:
        raise refusals[0]
    identify(run)


def backfill_preprints(run: Run, first: Date, last: Date, categories: Sequence[str] = ()) -> None:
    """Gather what arXiv changed in those days, both included, and identify its papers. Raises UsageError for days that are none."""
    backfill_arxiv(run, first, last, categories=categories or None)
    identify(run)


def add_papers(run: Run, references: Sequence[str]) -> list[str]:
    """Look papers up by hand, then every step; their ids, DOIs or links. Raises UsageError before anything is asked."""
    added = add(run, references)
    run_all(run, gather=False)
    return added


def import_files(
    workspace: Workspace, paths: Sequence[Path], *, clock: Clock = system_clock, progress: Progress | None = None
) -> tuple[list[tuple[Path, Handed, StepReport]], list[tuple[Path, DocumentError]]]:
    """Import documents; a file that is refused leaves the others alone and writes nothing.

    Returns what was imported with its report, and what was refused with the reason.
    """
    read: list[tuple[Path, Handed]] = []
    refused: list[tuple[Path, DocumentError]] = []
    for path in paths:
        try:
            read.append((path, read_file(path)))
        except DocumentError as error:
            refused.append((path, error))
    if not read:
        return [], refused
    with begin(workspace, "import", clock=clock, progress=progress) as run:
        reports = import_documents(run, [handed for _, handed in read])
        identify(run)
        for path, reason in refused:
            run.fail("import", str(path), "refused document", reason.message, reason.hint)
    return [(path, handed, report) for (path, handed), report in zip(read, reports, strict=True)], refused


def work_ids(run: Run, names: Sequence[str]) -> list[str] | None:
    """Full work ids for ids or their beginnings; None for no names, which means whatever is due.

    Raises UsageError for a name that fits no work, or more than one.
    """
    if not names:
        return None
    with run.warehouse.burst() as con:
        return works_named(con, names)
