"""The raw store: what sites answered, compressed, each body once, named by its hash."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from pathlib import Path

from triage.errors import WorkspaceError
from triage.workspace import write_atomically

__all__ = ["RawStore"]


class RawStore:
    """Bodies under `folder`/<first two digits>/<sha256>.gz."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where the body of that hash lies. Raises WorkspaceError for what is no SHA-256 in lower-case hex."""
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise WorkspaceError(f"{sha256[:80]!r} is no SHA-256", hint="the raw store knows bodies by 64 lower-case hex digits")
        return self.folder / sha256[:2] / f"{sha256}.gz"

    def save(self, body: bytes) -> str:
        """Keep `body`; its SHA-256. A file that is there already stays, unless it is damaged.

        Raises WorkspaceError when it cannot be written; there is never half a file.
        """
        sha256 = hashlib.sha256(body).hexdigest()
        if self.find(sha256) is None:
            # without a time in the header the same body is always the same file
            write_atomically(self.path(sha256), gzip.compress(body, mtime=0))
        return sha256

    def load(self, sha256: str) -> bytes:
        """The body of that hash. Raises WorkspaceError when it is missing or not what its name says."""
        path = self.path(sha256)
        try:
            body = gzip.decompress(path.read_bytes())
        except FileNotFoundError:
            raise WorkspaceError(f"{path}: not in the raw store", hint="the next run fetches it again") from None
        except (OSError, EOFError, zlib.error) as error:
            raise WorkspaceError(f"{path}: cannot be read: {error}", hint="delete it; the next run fetches it again") from error
        if hashlib.sha256(body).hexdigest() != sha256:
            raise WorkspaceError(f"{path}: the body does not have the hash it is named by", hint="delete it; the next run fetches it again")
        return body

    def find(self, sha256: str) -> bytes | None:
        """The body of that hash, or None when it is missing or damaged."""
        try:
            return self.load(sha256)
        except WorkspaceError:
            return None
