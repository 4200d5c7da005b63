"""The one exception tree.

    TriageError                   exit status 1, the base of everything we raise on purpose
    ├── UsageError                2  the command line or a Python caller asked for something impossible
    ├── WorkspaceError            1  no workspace here, or its files cannot be used
    │   └── SettingsError         1  triage.toml, an environment variable or a reference file is wrong
    ├── BusyError                 4  somebody else is writing this workspace
    ├── WarehouseError            1  the database cannot be opened, migrated or written
    │   └── NewerWarehouseError   1  it was written by a newer version of the program
    ├── DocumentError             1  a file that is imported is none of the known formats, or is broken
    ├── SourceError               3  one source could not be gathered; the others go on
    ├── ModelError                3  one model call failed; the local path stands in
    ├── QueryError                1  a SQL question cannot be answered
    └── AccountingError           5  the numbers of a step do not add up

A message says what happened and where; `hint` says what to do next.
"""

from __future__ import annotations

__all__ = [
    "AccountingError",
    "BusyError",
    "DocumentError",
    "ModelError",
    "NewerWarehouseError",
    "QueryError",
    "SettingsError",
    "SourceError",
    "TriageError",
    "UsageError",
    "WarehouseError",
    "WorkspaceError",
]


class TriageError(Exception):
    """Something the program foresaw: `str(error)` says what and where, `hint` what to do next."""

    exit_status = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TriageError):
    """The caller asked for something impossible (an unknown step, an ID that names nothing)."""

    exit_status = 2


class WorkspaceError(TriageError):
    """There is no workspace, or one of its files cannot be read or written."""


class SettingsError(WorkspaceError):
    """A setting or a reference file is wrong; the message names file, line and what is allowed."""


class BusyError(TriageError):
    """Another process holds the workspace; the message says which."""

    exit_status = 4


class WarehouseError(TriageError):
    """The DuckDB file cannot be opened, migrated or written."""


class NewerWarehouseError(WarehouseError):
    """The DuckDB file has a schema version this program does not know yet."""


class DocumentError(TriageError):
    """An imported file is none of the known formats, or cannot be read at all."""


class SourceError(TriageError):
    """One source failed; what was stored before stays, the other sources go on."""

    exit_status = 3


class ModelError(TriageError):
    """One call to a language model failed; the local path stands in and says so.

    `kind` is the short name under which the call stands in the ledger ("timeout", "refusal", ...).
    """

    exit_status = 3

    def __init__(self, message: str, *, kind: str = "model", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class QueryError(TriageError):
    """A SQL question that cannot be answered, with the database's own reason."""


class AccountingError(TriageError):
    """in != new + known + refused + failed: the run is stopped rather than believed."""

    exit_status = 5
