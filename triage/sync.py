"""Lists read back: what a person did to the files becomes words, before anything is rendered.

Each file is compared with what was last there (rendered by the program, or read by it), and what it says is weighed against
what the warehouse has learned meanwhile. Words go to decisions.jsonl first; the file as read is the base of what is rendered
next. Killed anywhere, the next sync finds the same edits and says nothing twice. A file that cannot be read whole, or that lacks
more than a person would take out, is left as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from triage.collector import uncollected
from triage.comparing import ListFile, Removals, choose_base, compare, judge, touched_works
from triage.errors import RepositoryError
from triage.growth import ListName
from triage.hearing import Heard, hear
from triage.listed import LOOK_AGAIN, facts_of, open_conflicts, stage_shown, venue_lists, wanted_on
from triage.lists import find_blocks, parsed
from triage.repository import Repository
from triage.returned import Returned, keep_states, known_states, read_back
from triage.runs import StepReport
from triage.settling import TO_DECIDE, conflict_id, keep_clashes
from triage.unproposing import follow_files
from triage.words import Word, say, taking_back

if TYPE_CHECKING:
    import duckdb

    from triage.models import Decision
    from triage.runs import Run

__all__ = ["sync_lists"]

_YEARLY = re.compile(r"lists/(?:([0-9]{4})|undated)\.md")


@uncollected()  # blocks make no cycles
def sync_lists(run: Run, *, removals: Removals = "ask") -> StepReport:
    """Read every list that a person changed, and say what it says.

    `read` are the files there, `new` those whose edits were read, `known` those without any, `refused` those that are left as
    they are until the person has looked (the message says why), `failed` those that could not be read whole.
    """
    run.progress.step("sync")
    with run.warehouse.burst() as con:
        there, files = _changed_files(con, run)
        for one in files:
            choose_base(one, removals)
        _find_works(con, files)
        for one in files:
            if not one.left:
                judge(one, removals)
            if one.unticked and _edited_by_hand(run, one):
                one.old = False
        _compare(con, run, [one for one in files if not one.left])
        heard = hear([one.told for one in files if one.told])
        words = [*_spelled_out(con, heard)]
    said = say(run, words, where="sync")
    with run.warehouse.burst() as con:
        taken_back = follow_files(con, run, [one for one in files if not one.left])
        keep_states(con, run, [one.returned for one in files if one.kept])
        conflicts = keep_clashes(con, run, heard.clashes, _answered(files), folder="lists/")
    return _report(run, there, files, said, conflicts, taken_back)


# --- which files hold something unread


def _changed_files(con: duckdb.DuckDBPyConnection, run: Run) -> tuple[int, list[ListFile]]:
    """How many lists there are, and those that are not as they were last known."""
    paths = {path for (path,) in con.execute("SELECT DISTINCT path FROM store.rendered WHERE starts_with(path, 'lists/')").fetchall()}
    folder = run.workspace.root / "lists"
    by_hand = (run.workspace.relative(path) for path in (folder.glob("*.md") if folder.is_dir() else ()))
    paths |= {name for name in by_hand if name == LOOK_AGAIN or _YEARLY.fullmatch(name)}
    read = {path: returned for path in sorted(paths) if (returned := read_back(run.workspace.root / path, path))}
    states = known_states(con, list(read.values()))
    changed = [one for one in read.values() if not states.is_read(one) and not states.never_written(one)]
    if not changed:
        return len(read), []
    venues = venue_lists(con, run.workspace) if any(one.path.count("/") > 1 for one in changed) else {}
    return len(read), [
        ListFile(venues.get(one.path) or _named(one), one, states.of(one.path), old=states.put_back(one) is not None) for one in changed
    ]


def _named(returned: Returned) -> ListName:
    """Which list a file is by its own name, or by its heading."""
    if returned.path == LOOK_AGAIN:
        return ListName(LOOK_AGAIN, again=True)
    if found := _YEARLY.fullmatch(returned.path):
        return ListName(returned.path, "yearly", int(found[1]) if found[1] else None)
    heading = parsed(returned.text)
    return ListName(returned.path, "venue", heading.year, heading.venue)


def _find_works(con: duckdb.DuckDBPyConnection, files: Sequence[ListFile]) -> None:
    lists = [(one, side) for one in files if one.theirs for side in (one.base, one.theirs) if side]
    found = find_blocks(con, [side for _, side in lists])
    for (one, side), works in zip(lists, found, strict=True):
        one.works = (works, one.works[1]) if side is one.base else (one.works[0], works)


def _edited_by_hand(run: Run, one: ListFile) -> bool:
    """Whether git shows that a file which is as it stood before is an edit of what the program wrote last, and no checkout."""
    try:
        repository = Repository.of(run.workspace)
        return repository is not None and repository.edited_since(one.returned.path, one.states[0].sha256)
    except RepositoryError:
        return False  # git cannot tell: the person is asked


# --- what they say


def _compare(con: duckdb.DuckDBPyConnection, run: Run, files: Sequence[ListFile]) -> None:
    if not files:
        return
    touched = {work for one in files for work in touched_works(one)}
    stage_shown(con, run.workspace, touched)
    facts = facts_of(con, touched)
    conflicts = open_conflicts(con, [one.listed.path for one in files])
    for one in files:
        compare(one, facts, wanted_on(con, one.listed) if one.base else [], conflicts)


def _spelled_out(con: duckdb.DuckDBPyConnection, heard: Heard) -> Iterator[Word]:
    """The words, with `undo` of all that stands made into one for each word that is taken back."""
    for word in heard.words:
        if word.what == "undo" and isinstance(word.work, str):
            yield from (replace(one, where=word.where) for one in taking_back(con, [word.work]))
        else:
            yield word


def _answered(files: Sequence[ListFile]) -> Iterator[tuple[str, str, str]]:
    """(path, work, field) of everything that was edited in this file since it clashed."""
    for told in (one.told for one in files if one.told):
        yield from ((told.listed.path, work, edit.field) for work, edit in told.edits)
        yield from ((told.listed.path, act.work_id, name) for act in told.acts for name in ("tick", "block"))
        yield from ((told.listed.path, work, "tick") for work in told.unsaid)


# --- what is kept


_COUNTED = {
    "selected": "selected", "rejected": "rejected", "undo": "taken back", "type": "types", "correction": "corrections", "added": "added",
}  # fmt: skip


def _told_of_old(one: ListFile) -> str:
    path = one.listed.path
    if not one.unticked:
        return (
            f"{path}: is as it stood before (another branch, a revert?), so only its ticks were read, and it is written anew;"
            " a tick to be taken back: take it out by itself now"
        )
    ids = " ".join(f"--conflict {conflict_id(path, work, 'tick')}" for work in sorted(one.unticked))
    return (
        f"{path}: lacks a tick and is else as it stood before. If you took it out: triage sync --keep file {ids};"
        f" if an older file came back: triage sync --keep warehouse {ids}"
    )


def _report(
    run: Run, there: int, files: Sequence[ListFile], said: Sequence[Decision], conflicts: Sequence[str], taken_back: Sequence[str]
) -> StepReport:
    messages = [f"{one.listed.path}: {one.left}; nothing was read from it" for one in files if one.left]
    messages += [_told_of_old(one) for one in files if one.old and not one.left]
    failed = 0
    for one in files:
        if one.left or one.whole or one.theirs is None:
            continue
        failed += 1
        problems = [*one.returned.problems, *((block.line, block.refusal) for block in one.theirs.blocks if block.refusal)]
        for line, reason in sorted(set(problems))[:100]:
            run.fail(
                "sync",
                f"{one.listed.path}:{line}",
                "unreadable part",
                reason or "",
                "mend it; the rest was read, the file is left as it is",
            )
    counts = Counter(_COUNTED.get(decision.what, decision.what) for decision in said)
    counts["conflicts"] = len(conflicts)
    refused = sum(1 for one in files if one.left)
    return run.add(
        StepReport(
            step="sync", read=there, new=len(files) - refused - failed, known=there - len(files), refused=refused, failed=failed,
            counts=dict(counts), messages=(*messages, *taken_back, *conflicts, *([TO_DECIDE] if conflicts else [])),
        )
    )  # fmt: skip
