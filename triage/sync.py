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
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from triage.formats.checklist import Checklist
from triage.growth import ListName
from triage.hearing import Heard, ListEdits, Versions, edits_of_list, hear
from triage.listed import LOOK_AGAIN, facts_of, lists_due, open_conflicts, stage_shown, wanted_on
from triage.lists import Standing, find_blocks, parsed
from triage.merging import Matching, lines_apart, match, vanished_suspiciously
from triage.returned import Returned, read_back
from triage.runs import StepReport
from triage.settling import keep_clashes
from triage.warehouse import stage
from triage.words import Word, say, taking_back

if TYPE_CHECKING:
    import duckdb

    from triage.models import Decision
    from triage.runs import Run

__all__ = ["Removals", "sync_lists"]

Removals = Literal["ask", "accept", "restore"]
"""What to make of blocks that are gone where it is not plain that a person took them out: leave the file and ask, take it for
a rejection, or read the rest and write the blocks again."""

_YEARLY = re.compile(r"lists/(?:([0-9]{4})|undated)\.md")


@dataclass(frozen=True)
class _State:
    """What once stood in a file, and when."""

    text: str
    sha256: str
    moment: datetime


@dataclass
class _File:
    """One file on its way from bytes to words; `left` says why it is left as it is."""

    listed: ListName
    returned: Returned
    states: list[_State]
    base: Checklist | None = None
    since: datetime | None = None
    theirs: Checklist | None = None
    works: tuple[dict[int, str], dict[int, str]] = field(default_factory=lambda: ({}, {}))
    matching: Matching = field(default_factory=lambda: Matching({}, {}))
    gone: list[int] = field(default_factory=list)
    told: ListEdits | None = None
    left: str | None = None

    @property
    def whole(self) -> bool:
        """Whether every part of it was read, so that it may be written over."""
        return not self.left and not self.returned.problems and self.theirs is not None and not any(b.refusal for b in self.theirs.blocks)


def sync_lists(run: Run, *, removals: Removals = "ask") -> StepReport:
    """Read every list that a person changed, and say what it says.

    `read` are the files there, `new` those whose edits were read, `known` those without any, `refused` those that are left as
    they are until the person has looked (the message says why), `failed` those that could not be read whole.
    """
    run.progress.step("sync")
    with run.warehouse.burst() as con:
        stage_shown(con, run.workspace)
        there, files = _changed_files(con, run)
        for one in files:
            _choose_base(one, removals)
        _find_works(con, files)
        for one in files:
            if not one.left:
                _judge(one, removals)
        _compare(con, [one for one in files if not one.left])
        heard = hear([one.told for one in files if one.told])
        words = [*_spelled_out(con, heard)]
    said = say(run, words, where="sync")
    with run.warehouse.burst() as con:
        _remember(con, run, [one for one in files if one.whole])
        conflicts = keep_clashes(con, run, heard.clashes, _answered(files))
    return _report(run, there, files, said, conflicts)


# --- which files hold something unread


def _changed_files(con: duckdb.DuckDBPyConnection, run: Run) -> tuple[int, list[_File]]:
    """How many lists there are, and those that are not as they were last known."""
    names = {one.path: one for one in lists_due(con, run.workspace)}
    folder = run.workspace.root / "lists"
    for path in sorted(folder.glob("*.md")) if folder.is_dir() else ():
        name = run.workspace.relative(path)
        if found := _YEARLY.fullmatch(name):
            names.setdefault(name, ListName(name, "yearly", int(found[1]) if found[1] else None))
        elif name == LOOK_AGAIN:
            names.setdefault(name, ListName(name, again=True))
    read = {path: returned for path in names if (returned := read_back(run.workspace.root / path, path))}
    states: dict[str, list[_State]] = {path: [] for path in read}
    documents = {row[0] for row in con.execute("SELECT sha256 FROM store.document").fetchall()}
    for path, text, sha256, moment in con.execute(
        "SELECT path, text, sha256, made_at FROM store.rendered WHERE list_contains(?, path) ORDER BY position DESC", [list(read)]
    ).fetchall():
        states[path].append(_State(text, sha256, moment))
    files = [
        _File(names[path], returned, states[path])
        for path, returned in read.items()
        if returned.sha256 not in documents and returned.sha256 not in {state.sha256 for state in states[path]}
    ]
    return len(read), files


def _choose_base(one: _File, removals: Removals) -> None:
    """Take the file apart, and find the state of it that it plainly comes from: the newest, unless blocks of that are gone and
    an older one is nearer (another branch, a revert of our commit, an old copy)."""
    if one.returned.refusal:
        one.left = one.returned.refusal
        return
    one.theirs = parsed(one.returned.text)
    if not one.states:
        return
    newest = one.states[0]
    one.base, one.since = parsed(newest.text), newest.moment
    if removals == "accept" or not one.theirs.blocks:
        return
    if len(match(one.base, one.theirs, {}, {}).pairs) == len(one.base.blocks):
        return
    lines = Counter(one.returned.text.splitlines())
    nearest = min(one.states, key=lambda state: lines_apart(lines, state.text))  # of several as near, the newest
    if nearest is not newest:
        one.base, one.since = parsed(nearest.text), nearest.moment


def _find_works(con: duckdb.DuckDBPyConnection, files: Sequence[_File]) -> None:
    lists = [(one, side) for one in files if one.theirs for side in (one.base, one.theirs) if side]
    found = find_blocks(con, [side for _, side in lists])
    for (one, side), works in zip(lists, found, strict=True):
        one.works = (works, one.works[1]) if side is one.base else (one.works[0], works)


def _judge(one: _File, removals: Removals) -> None:
    """Match the blocks, and decide whether those that are gone were taken out by a person."""
    if one.base is None or one.theirs is None:
        return
    one.matching = match(one.base, one.theirs, *one.works)
    gone = [n for n, block in enumerate(one.base.blocks) if n not in one.matching.pairs and block.refusal is None]
    unread = one.returned.problems or any(block.refusal for block in one.theirs.blocks)
    reason = vanished_suspiciously(one.base, one.theirs, gone)
    if removals == "accept" and not unread:
        one.gone = gone
    elif removals == "restore" or unread:
        one.gone = []
    elif reason:
        one.left = f"{reason}; put it back (git restore), or say what is meant: --accept-removals, --restore-removed"
    else:
        one.gone = gone


# --- what they say


def _compare(con: duckdb.DuckDBPyConnection, files: Sequence[_File]) -> None:
    works = {work for one in files for side in one.works for work in side.values()}
    facts = facts_of(con, works)
    conflicts = open_conflicts(con, [one.listed.path for one in files])
    for one in files:
        if one.theirs is None:
            continue
        wanted = wanted_on(con, one.listed) if one.base else []
        base = replace(one.base, kind="yearly") if one.base and one.listed.again else one.base
        ours = Standing(one.listed, base, one.works[0]).grown(facts, wanted, conflicts)
        believed = [
            n for n, block in enumerate(one.theirs.blocks) if block.refusal is None and one.returned.believed(block.line, block.text)
        ]
        one.told = edits_of_list(
            Versions(one.listed, base, one.theirs, one.matching, one.works, ours, facts, one.since, frozenset(believed), one.gone)
        )


def _spelled_out(con: duckdb.DuckDBPyConnection, heard: Heard) -> Iterator[Word]:
    """The words, with `undo` of all that stands made into one for each word that is taken back."""
    for word in heard.words:
        if word.what == "undo" and isinstance(word.work, str):
            yield from (replace(one, where=word.where) for one in taking_back(con, [word.work]))
        else:
            yield word


def _answered(files: Sequence[_File]) -> Iterator[tuple[str, str, str]]:
    """(path, work, field) of everything that was edited in this file."""
    for told in (one.told for one in files if one.told):
        yield from ((told.listed.path, work, edit.field) for work, edit in told.edits)
        yield from ((told.listed.path, act.work_id, name) for act in told.acts for name in ("tick", "block"))


# --- what is kept


def _remember(con: duckdb.DuckDBPyConnection, run: Run, files: Sequence[_File]) -> None:
    """The files as they were read: the newest base of each list, and nothing unread in them."""
    rows = [{"path": one.listed.path, "sha256": one.returned.sha256, "text": one.returned.text} for one in files]
    stage(con, "read_file", rows, dict.fromkeys(("path", "sha256", "text"), "VARCHAR"))
    con.execute(
        "INSERT INTO store.rendered (path, sha256, text, position, run_id, made_at, kind)"
        " SELECT path, sha256, text, (SELECT coalesce(max(position), 0) FROM store.rendered) + 1, ?, ?, 'read' FROM read_file",
        [run.id, run.now()],
    )


_COUNTED = {
    "selected": "selected", "rejected": "rejected", "undo": "taken back", "type": "types", "correction": "corrections", "added": "added",
}  # fmt: skip


def _report(run: Run, there: int, files: Sequence[_File], said: Sequence[Decision], conflicts: Sequence[str]) -> StepReport:
    messages = [f"{one.listed.path}: {one.left}; nothing was read from it" for one in files if one.left]
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
            counts=dict(counts), messages=(*messages, *conflicts),
        )
    )  # fmt: skip
