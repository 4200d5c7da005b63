"""The one exception tree.

    TriageError                   exit status 1, the base of everything we raise on purpose
    ├── UsageError                2  the command line or a Python caller asked for something impossible
    ├── WorkspaceError            1  no workspace here, or its files cannot be used
    │   └── SettingsError         1  triage.toml, an environment variable or a reference file is wrong
    ├── RepositoryError           1  git, or the state of the workspace's repository, does not allow it
    ├── BusyError                 4  somebody else is writing this workspace
    ├── WarehouseError            1  the database cannot be opened, migrated or written
    │   └── NewerWarehouseError   1  it was written by a newer version of the program
    ├── DocumentError             1  a file that is imported is none of the known formats, or is broken
    ├── SourceError               3  one source could not be gathered; the others go on
    │   └── FetchError            3  an address gave no good answer (kind, url, status)
    │       ├── UnreachableError        no connection, or it ended before an answer
    │       ├── StalledError            nothing came for too long, or the whole took too long
    │       ├── TruncatedError          the body ended too early, or its compression is damaged
    │       ├── TooLargeError           more bytes of body than the request allows
    │       ├── BadStatusError          a status other than 200: 404, 500
    │       ├── RateLimitedError        429, or a longer Retry-After than is waited for (until)
    │       ├── WrongMediaTypeError     HTML where JSON is due, or an encoding that was not asked for
    │       ├── RedirectRefusedError    sent to another host, to plain http, or round in circles
    │       ├── AddressRefusedError     not http(s), a host that is not the source's, a private address
    │       ├── RobotsRefusedError      the host's robots.txt disallows it (rule)
    │       └── BudgetSpentError        the night's requests at that host are used up (until)
    ├── ModelError                3  one model call failed; the local path stands in
    ├── QueryError                1  a SQL question cannot be answered
    └── AccountingError           5  the numbers of a step do not add up

A message says what happened and where; `hint` says what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

__all__ = [
    "AccountingError",
    "AddressRefusedError",
    "BadStatusError",
    "BudgetSpentError",
    "BusyError",
    "DocumentError",
    "Fault",
    "FetchError",
    "ModelError",
    "NewerWarehouseError",
    "QueryError",
    "RateLimitedError",
    "RedirectRefusedError",
    "RepositoryError",
    "RobotsRefusedError",
    "SettingsError",
    "SourceError",
    "StalledError",
    "TooLargeError",
    "TriageError",
    "TruncatedError",
    "UnreachableError",
    "UsageError",
    "WarehouseError",
    "WorkspaceError",
    "WrongMediaTypeError",
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


class Fault(NamedTuple):
    """One of the things wrong with a file: its line (from 1), what is wrong there, and what to do about it."""

    line: int
    message: str
    hint: str


class SettingsError(WorkspaceError):
    """A setting or a reference file is wrong; the message names file, line and what is allowed.

    Of a reference file `faults` are all that were found; the message is the first of them.
    """

    def __init__(self, message: str, *, hint: str | None = None, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message, hint=hint)
        self.faults = tuple(faults)


class RepositoryError(TriageError):
    """git is not there or refused: the message is git's own reason, the workspace's files are as they were."""


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
    """One source failed; what was stored before stays, the other sources go on.

    `kind` is the short name under which it is counted; the base class itself means that an answer came,
    whole and of the right media type, and is still not what the source gives. `passing` says whether asking
    again soon may help.
    """

    exit_status = 3
    kind = "not what the source gives"
    passing = False


class FetchError(SourceError):
    """One address gave no good answer: `url` is where it failed (behind redirects), `status` what HTTP said, if anything.

    `retry_after` says for how many seconds the server asked to be left alone.
    """

    kind = "not fetched"

    def __init__(
        self, problem: str, *, url: str, status: int | None = None, retry_after: float | None = None, hint: str | None = None
    ) -> None:
        super().__init__(f"{url[:500]}: {problem}", hint=hint)
        self.problem = problem
        self.url = url
        self.status = status
        self.retry_after = retry_after


class UnreachableError(FetchError):
    """No name, no connection, no certificate that can be trusted, or the connection ended before an answer."""

    kind = "unreachable"
    passing = True


class StalledError(FetchError):
    """Nothing came for too long (passing), or the answer as a whole took too long (not passing)."""

    kind = "stalled"
    passing = True


class TruncatedError(FetchError):
    """The body ended before its declared or its compressed end, or its compression is damaged."""

    kind = "truncated"
    passing = True


class TooLargeError(FetchError):
    """The body, as sent or decompressed, has more bytes than the request allows."""

    kind = "too large"


class BadStatusError(FetchError):
    """A status other than 200 that has no class of its own; the server's own trouble (5xx, 408) may pass."""

    kind = "bad status"


class RateLimitedError(FetchError):
    """The server asks for patience: 429, or a Retry-After beyond what is waited for; `until` is when to try again (UTC)."""

    kind = "rate limited"
    passing = True
    until: datetime | None = None


class WrongMediaTypeError(FetchError):
    """The answer has a media type or a content encoding that was not asked for, such as a challenge page in HTML."""

    kind = "wrong media type"


class RedirectRefusedError(FetchError):
    """A redirect to a host that is not the source's, from https to http, without an address, or one too many."""

    kind = "redirect refused"


class AddressRefusedError(FetchError):
    """An address that is never asked: not http(s), not a host of the source, or on a private network."""

    kind = "address refused"


class RobotsRefusedError(FetchError):
    """The host's robots.txt disallows the address for us; it was not asked. `rule` is the line that says so."""

    kind = "disallowed"
    rule = ""


class BudgetSpentError(FetchError):
    """As many requests as one night may make at that host were made; `until` is when there are new ones (UTC)."""

    kind = "budget spent"
    until: datetime | None = None


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
