"""What is kept of every attempt, and what is remembered of a good answer for the next time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["FETCH_COLUMNS", "FetchRow", "Validators"]


@dataclass(frozen=True)
class Validators:
    """What the last good answer of an address said about itself: asked with it, a server may say "unchanged" (RFC 9110, 13).

    `sha256` names its body in the raw store; without that body the request is made unconditionally.
    """

    sha256: str
    etag: str | None = None
    last_modified: str | None = None
    media_type: str | None = None


@dataclass(frozen=True)
class FetchRow:
    """One attempt to fetch one address, good or not: a row of `store.fetch`.

    `key` is the request's own name in its source. `status` is None when no answer came, `failure` is None
    when the answer was good, else the kind of its error. `bytes` counts the body decompressed, `seconds` the
    attempt without the waiting for its turn. `attempts` counts the attempts for this request so far, this
    one included. `fetched_at` is UTC without zone, as the warehouse keeps it.
    """

    source: str
    key: str
    url: str
    status: int | None
    failure: str | None
    media_type: str | None
    bytes: int | None
    seconds: float
    attempts: int
    etag: str | None
    last_modified: str | None
    sha256: str | None
    fetched_at: datetime

    @property
    def was_made(self) -> bool:
        """Whether a request left this machine: an address that is refused, or a site that wants to be left alone, is not asked."""
        return self.status is not None or self.failure not in {"disallowed", "address refused", "rate limited", "workspace", "stopped"}


FETCH_COLUMNS = {
    "source": "VARCHAR",
    "key": "VARCHAR",
    "url": "VARCHAR",
    "status": "INTEGER",
    "failure": "VARCHAR",
    "media_type": "VARCHAR",
    "bytes": "BIGINT",
    "seconds": "DOUBLE",
    "attempts": "INTEGER",
    "etag": "VARCHAR",
    "last_modified": "VARCHAR",
    "sha256": "VARCHAR",
    "fetched_at": "TIMESTAMP",
}
"""The fields of FetchRow with their DuckDB types, for `triage.warehouse.stage`; `store.fetch` has `run_id` besides."""
