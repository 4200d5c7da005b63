"""A file of the workspace as a person left it: its text, and what of it cannot be read, by line."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from triage.errors import WorkspaceError
from triage.rendering import keep_texts

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["LARGEST_FILE", "MOST_HEADINGS", "Returned", "State", "States", "keep_states", "known_states", "read_back"]

LARGEST_FILE = 200_000_000
"""Bytes: a list of 100,000 papers with abstracts; anything larger is no list."""

MOST_HEADINGS = 500_000
"""Numbered headings, or unresolved merges, in one file: five times the largest list; millions of them would take the night to tell apart."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONFLICT_START, _CONFLICT_END = re.compile(r"<{7}(?: |$)"), re.compile(r">{7}(?: |$)")
_UNREADABLE = "\ufffd"


@dataclass(frozen=True)
class Returned:
    """What a file holds. `problems` are (line, reason): with any, it is read as far as it can be and never overwritten.

    `spans` are the lines (first, last) in which nothing may be believed: an unresolved merge. `refusal` says why nothing at
    all can be read. `marks` says whether characters that could not be decoded stand as U+FFFD.
    """

    path: str
    text: str
    sha256: str
    problems: tuple[tuple[int, str], ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    refusal: str | None = None
    marks: bool = False

    def believed(self, first: int, text: str) -> bool:
        """Whether a part that starts on line `first` (from 1) and has this text can be read."""
        last = first + text.count("\n")
        if any(start <= last and first <= stop for start, stop in self.spans):
            return False
        return not (self.marks and _UNREADABLE in text)


def read_back(path: Path, name: str) -> Returned | None:
    """The file, or None when there is none. Raises WorkspaceError when it cannot be read at all."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST_FILE else b""
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read: {error.strerror}", hint="check that it is a file and its permissions") from error
    sha256 = hashlib.sha256(content).hexdigest()
    if size > LARGEST_FILE:
        return Returned(name, "", sha256, refusal=f"{size} bytes are more than any list has ({LARGEST_FILE}); put it back (git restore)")
    text, problems, marks = _decoded(content)
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        return Returned(name, "", sha256, refusal=f"line {line}: a NUL byte, so this is no text in UTF-8; save it as UTF-8")
    if not text.strip():
        return Returned(name, "", sha256, refusal="it is empty; delete it to have it written again")
    for mark, what in (("\n## ", "headings"), ("\n<<<<<<<", "unresolved merges")):
        if (count := text.count(mark)) > MOST_HEADINGS:
            return Returned(
                name, "", sha256, refusal=f"{count} {what} are more than any list has ({MOST_HEADINGS}); put it back (git restore)"
            )
    spans = tuple(_conflicts(text)) if "<<<<<<<" in text else ()
    problems += [(first, f"an unresolved merge, up to line {last}: keep one side and delete the markers") for first, last in spans]
    return Returned(name, text, sha256, tuple(problems), spans, marks=marks)


def _decoded(content: bytes) -> tuple[str, list[tuple[int, str]], bool]:
    """Text, what is wrong with its encoding, and whether characters were lost."""
    if content.startswith(_UTF16):
        text = content.decode("utf-16", "replace")
        return text, [(1, "the file is UTF-16: it is read, and not written before it is saved as UTF-8")], "\ufffd" in text
    try:
        return content.decode("utf-8"), [], False
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace")
    problems = [(n, "not UTF-8 text; save the file as UTF-8") for n, line in enumerate(text.split("\n"), 1) if _UNREADABLE in line]
    return text, problems, True


def _conflicts(text: str) -> list[tuple[int, int]]:
    """(first, last) line of every unresolved merge; one that is not closed reaches to the end."""
    found: list[tuple[int, int]] = []
    first = 0
    number = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not first and _CONFLICT_START.match(line):
            first = number
        elif first and _CONFLICT_END.match(line):
            found.append((first, number))
            first = 0
    return [*found, (first, number)] if first else found


# --- what a file was before


@dataclass(frozen=True)
class State:
    """What once stood in a file, and when (UTC); `read` when a person had left it so, else the program wrote it, and is known
    to have finished when `written`."""

    text: str
    sha256: str
    moment: datetime
    read: bool
    written: bool


@dataclass(frozen=True)
class States:
    """The states of each file that are remembered, the newest first; `documents` are the hashes of what was imported, with when."""

    by_path: dict[str, list[State]]
    documents: dict[str, datetime]

    def of(self, path: str) -> Sequence[State]:
        return self.by_path.get(path, ())

    def is_read(self, returned: Returned) -> bool:
        """Whether nothing in the file is unread: it is as it was last known, or as it was imported since."""
        newest = next(iter(self.of(returned.path)), None)
        imported = self.documents.get(returned.sha256)
        if newest is None:
            return imported is not None
        return returned.sha256 == newest.sha256 or (imported is not None and imported >= newest.moment)

    def put_back(self, returned: Returned) -> int | None:
        """Which older state a file was put back to, the newest being 0, an imported document the oldest; None when it was not.

        A person who takes the last edit back also makes the state before it: that is an edit, unless the program wrote last.
        """
        states = self.of(returned.path)
        found = next((n for n, state in enumerate(states) if state.sha256 == returned.sha256), None)
        if found is None and returned.sha256 in self.documents:
            return len(states)
        return None if found == 1 and states[0].read else found

    def never_written(self, returned: Returned) -> bool:
        """Whether the file is as it was before the newest rendering, which the program was killed over."""
        states = self.of(returned.path)
        return bool(states) and self.put_back(returned) == 1 and not states[0].written


def known_states(con: duckdb.DuckDBPyConnection, files: Sequence[Returned]) -> States:
    """What these files were before; of one that is as it was last known only that state, for its older texts are long."""
    documents = dict(con.execute("SELECT sha256, max(imported_at) FROM store.document GROUP BY sha256").fetchall())
    newest = con.execute(
        "SELECT path, sha256, made_at, coalesce(kind = 'read', false), coalesce(kind = 'written', false) FROM store.rendered"
        " WHERE list_contains(?, path) QUALIFY row_number() OVER (PARTITION BY path ORDER BY position DESC) = 1",
        [[one.path for one in files]],
    ).fetchall()
    there = {(one.path, one.sha256): one.text for one in files}
    states = {path: [State(there[path, sha256], sha256, *rest)] for path, sha256, *rest in newest if (path, sha256) in there}
    for path, *rest in con.execute(
        "SELECT path, text, sha256, made_at, coalesce(kind = 'read', false), coalesce(kind = 'written', false) FROM store.rendered WHERE list_contains(?, path)"
        " ORDER BY position DESC",
        [[one.path for one in files if one.path not in states]],
    ).fetchall():
        states.setdefault(path, []).append(State(*rest))
    return States(states, documents)


def keep_states(con: duckdb.DuckDBPyConnection, run: Run, files: Sequence[Returned]) -> None:
    """Remember files as they were read: each is the newest base of what is rendered, and nothing in it is unread."""
    keep_texts(con, run, [(one.path, one.sha256, one.text) for one in files], "read")
