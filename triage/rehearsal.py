"""A run over a copy of the warehouse that is thrown away: what steps would do, with nothing written in the workspace."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from triage.errors import BusyError, WarehouseError
from triage.ledger import journal_path
from triage.runs import Clock, Run, open_run, system_clock
from triage.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

    from triage.settings import Settings

__all__ = ["rehearse"]

_OWN = ("prompts", "seeds", "queries", ".triage/models")
"""Folders of the workspace that a step reads and does not write."""


@contextlib.contextmanager
def rehearse(workspace: Workspace, command: str, *, clock: Clock = system_clock) -> Iterator[Run]:
    """A run whose warehouse is a copy in a temporary folder, with the journal of a run that was killed beside it.

    Raises WarehouseError when there is no warehouse yet, BusyError while another process is writing it.
    """
    import duckdb

    if not workspace.warehouse_path.exists():
        raise WarehouseError(
            f"{workspace.warehouse_path}: there is no warehouse yet", hint="gather something first: triage import FILE, or triage run"
        )
    with tempfile.TemporaryDirectory(prefix="triage-") as folder:
        root = Path(folder)
        (root / ".triage").mkdir()
        for name in _OWN:
            if (workspace.root / name).is_dir():
                (root / name).symlink_to(workspace.root / name)
        copy = Workspace(root, _settings(workspace))
        _copy_warehouse(workspace, copy)
        for of in (lambda x: x.decisions_path, journal_path):
            if of(workspace).exists():
                of(copy).parent.mkdir(exist_ok=True)
                shutil.copy2(of(workspace), of(copy))
        # held open, each of the run's bursts costs a thirtieth of a second less
        with contextlib.closing(duckdb.connect(str(copy.warehouse_path))), open_run(copy, command, clock=clock, publish=False) as run:
            yield run


def _settings(workspace: Workspace) -> Settings:
    """The same settings, with the copy's own warehouse, and with the folders of models found from elsewhere."""
    settings = workspace.settings
    # relative: the warehouse's own place may be an absolute path
    updates: dict[str, object] = {"workspace": settings.workspace.model_copy(update={"warehouse": "triage.duckdb"})}
    for name, section in (("embedding", settings.embedding), ("nli", settings.nli)):
        if section.model and (workspace.root / section.model).is_dir():
            updates[name] = section.model_copy(update={"model": str(workspace.root / section.model)})
    return settings.model_copy(update=updates)


def _copy_warehouse(workspace: Workspace, copy: Workspace) -> None:
    import duckdb

    deadline = time.monotonic() + workspace.settings.workspace.wait_seconds
    con = duckdb.connect(str(copy.warehouse_path))
    try:
        while not _attached(con, workspace.warehouse_path):
            if time.monotonic() > deadline:
                raise BusyError(f"{workspace.warehouse_path} is open in another process", hint="wait until that run has finished")
            time.sleep(0.1)
        con.execute("COPY FROM DATABASE live TO triage")
    except duckdb.Error as error:
        raise WarehouseError(
            f"{workspace.warehouse_path}: {str(error).splitlines()[0]}", hint="any writing command repairs it: triage list"
        ) from error
    finally:
        con.close()


def _attached(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Attach the warehouse to read it; False while another process writes it."""
    import duckdb

    try:
        con.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS live (READ_ONLY)")
    except duckdb.Error as error:
        if "lock" not in str(error).lower():
            raise
        return False
    return True
