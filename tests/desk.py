"""A workspace with the command line over it, as a person at a desk has it."""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.documents import NOTES, PAGE, VENUE, YEARLY_BY_HAND
from tests.workspaces import ask, give_warehouse
from triage.cli import run_command_line
from triage.workspace import Workspace

__all__ = ["Desk", "import_all", "once"]


class _Unheard:
    """Stands in for pytest's capture where nothing that is printed is looked at."""

    def readouterr(self) -> Any:
        return SimpleNamespace(out="", err="")


class Desk:
    """A workspace and the command line over it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str] | _Unheard, *, like: Path | None = None) -> None:
        """A new workspace, or a copy of the one at `like`: made once for many tests, it costs each of them next to nothing."""
        self.folder = folder
        self.capsys = capsys
        if like is not None:
            shutil.copytree(like, folder)
            return
        assert self("init", str(folder)) == 0
        give_warehouse(folder)
        (folder / "triage.toml").write_text("[sources.huggingface]\nenabled = false\n[sources.arxiv]\nenabled = false\n")
        self.out()

    def __call__(self, *arguments: str) -> int:
        located = arguments if arguments[0] == "init" else (*arguments, "--workspace", str(self.folder))
        return run_command_line(list(located))

    def out(self) -> str:
        return str(self.capsys.readouterr().out)

    def json(self, *arguments: str, status: int = 0) -> Any:
        self.out()
        assert self(*arguments, "--json") == status
        return json.loads(self.out())

    def printed(self, *arguments: str) -> str:
        self.out()
        assert self(*arguments) == 0
        return self.out()

    def file(self, name: str, text: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return str(path)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return ask(Workspace.open(self.folder, environ={}), sql)

    def state(self) -> str:
        """Everything a user can see, apart from when and in which run it came about."""
        works = self.rows(
            "SELECT title, venue, year, url, type, labels, decision, round(screening_score, 4), proposed, records, identifiers FROM works ORDER BY ALL"
        )
        notes = self.rows("SELECT w.title, n.producer, n.position, n.text FROM notes n JOIN works w USING (work_id) ORDER BY ALL")
        files = {
            str(path.relative_to(self.folder)): path.read_text(encoding="utf-8")
            for name in ("lists", "notes")
            for path in sorted((self.folder / name).rglob("*.md"))
        }
        return repr((works, notes, files))


def import_all(desk: Desk) -> None:
    """A list, a venue's list, notes and a page, imported; into a desk that has nothing yet. Its settings stay as they are."""
    shutil.copytree(_all_imported(), desk.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("triage.toml"))


@cache
def _all_imported() -> Path:
    def prepare(desk: Desk) -> None:
        files = [desk.file(n, t) for n, t in (("a.md", YEARLY_BY_HAND), ("b.md", VENUE), ("c.txt", NOTES), ("d.txt", PAGE))]
        assert desk("import", *files) == 0

    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return once(folder / "reading", prepare)


def once(folder: Path, prepare: Callable[[Desk], None]) -> Path:
    """A workspace in `folder` as `prepare` leaves it, to be copied by `Desk(..., like=...)`; for fixtures of a whole module."""

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        prepare(Desk(folder, _Unheard()))
    return folder
