"""Files the program renders: written only over what it wrote itself or has read.

A file that holds edits which were not read back (`triage sync`, a part of every run) is left alone, and the run says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from triage.errors import WorkspaceError
from triage.runs import StepReport
from triage.warehouse import stage
from triage.workspace import write_atomically

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["RenderedFile", "content_hash", "keep_texts", "write_files"]

_REMEMBERED = 20
"""Renderings kept: a file put back to one of them (another branch, a revert) holds nothing unread."""


@dataclass(frozen=True)
class RenderedFile:
    """What a file of the workspace should hold."""

    path: Path
    text: str

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()


def write_files(run: Run, step: str, files: Sequence[RenderedFile]) -> StepReport:
    """Write each file that changed. `new` were written, `known` were the same, `refused` hold somebody's edits."""
    changed: list[RenderedFile] = []
    same: list[RenderedFile] = []
    left: list[str] = []
    known = _known_contents(run)
    run.progress.step(step, len(files))
    for file in files:
        name = run.workspace.relative(file.path)
        there = content_hash(file.path)
        if there == file.sha256:
            same.append(file)
        elif there is not None and (name, there) not in known and ("", there) not in known:
            left.append(name)
        else:
            changed.append(file)
    _remember(run, files)
    for file in changed:
        write_atomically(file.path, file.text)
        run.progress.advance()
    _note_written(run, [*changed, *same])
    written = tuple(run.workspace.relative(file.path) for file in changed)
    told = [message for report in run.reports for message in report.messages]  # reading it back has said why already
    silent = {name for name in left if any(message.startswith(f"{name}: ") for message in told)}
    messages = tuple(
        f"{name}: holds edits that are not read yet, left as it is; `triage sync` says why" for name in left if name not in silent
    )
    return run.add(
        StepReport(step=step, read=len(files), new=len(written), known=len(same), refused=len(left), files=written, messages=messages)
    )


def content_hash(path: Path) -> str | None:
    """Of the bytes of a file, or None when there is none. Raises WorkspaceError when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read: {error.strerror}", hint="check that it is a file and its permissions") from error


def _known_contents(run: Run) -> set[tuple[str, str]]:
    """(path, hash) of all we rendered, and ("", hash) of every document that was read: nothing in them is unread."""
    with run.warehouse.burst() as con:
        rows = con.execute("SELECT path, sha256 FROM store.rendered UNION ALL SELECT '', sha256 FROM store.document").fetchall()
    return set(rows)


def _remember(run: Run, files: Sequence[RenderedFile]) -> None:
    """Before the files are written: after a kill in between, the next run still knows either content as its own."""
    with run.warehouse.burst() as con:
        newest = dict(con.execute("SELECT path, arg_max(sha256, position) FROM store.rendered GROUP BY path").fetchall())
        named = [(run.workspace.relative(file.path), file) for file in files]
        texts = [(name, f.sha256, f.text) for name, f in named if newest.get(name) != f.sha256]
        if not texts:
            return
        keep_texts(con, run, texts, None)
        con.execute(
            "DELETE FROM store.rendered WHERE rowid IN (SELECT rowid FROM store.rendered"
            " QUALIFY row_number() OVER (PARTITION BY path ORDER BY position DESC) > ?)",
            [_REMEMBERED],
        )


def keep_texts(con: duckdb.DuckDBPyConnection, run: Run, texts: Sequence[tuple[str, str, str]], kind: str | None) -> None:
    """Keep (path, SHA-256, text) of files as the newest state of each; `kind` as in `store.rendered`."""
    if not texts:
        return
    # a column a parameter: of a few long texts a sixth of what `stage` takes
    con.execute(
        "INSERT INTO store.rendered (path, sha256, text, position, run_id, made_at, kind)"
        " SELECT path, sha256, text, (SELECT coalesce(max(position), 0) FROM store.rendered) + 1, ?, ?, ?"
        " FROM (SELECT unnest(?::VARCHAR[]) AS path, unnest(?::VARCHAR[]) AS sha256, unnest(?::VARCHAR[]) AS text)",
        [run.id, run.now(), kind, *(list(column) for column in zip(*texts, strict=True))],
    )


def _note_written(run: Run, files: Sequence[RenderedFile]) -> None:
    """After they are written: from now on a file that holds an older rendering was put back to it, and not left by a kill."""
    rows = [{"path": run.workspace.relative(file.path), "sha256": file.sha256} for file in files]
    with run.warehouse.burst() as con:
        stage(con, "written_file", rows, dict.fromkeys(("path", "sha256"), "VARCHAR"))
        con.execute(
            "UPDATE store.rendered AS r SET kind = 'written' FROM written_file w WHERE w.path = r.path AND w.sha256 = r.sha256 AND r.kind IS NULL"
        )
