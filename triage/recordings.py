"""A folder of a model's answers, one file a request: a run that can be repeated without a network.

The file's name is the hash of what was asked (prompt, schema, taxonomy version, model, input) and the number of the
answer: a reply that had to be repaired is 1, the repaired one 2. Failures of the server are not recorded. The files
hold the raw answers as they came, and no key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pydantic import ValidationError

from triage.errors import ModelError, UsageError
from triage.ledger import CallKey
from triage.models import Frozen
from triage.workspace import write_atomically

__all__ = ["Recordings"]

LARGEST = 8_000_000
"""Bytes of a file; an answer has 2 MB at most, and JSON may escape each of its characters."""


class _Recording(Frozen):
    prompt_hash: str
    schema_hash: str
    taxonomy_version: str
    model: str
    input_hash: str
    number: int
    reply: str


class Recordings:
    """The folder `--record` writes and `--replay` reads; with `replay` nothing is asked of any server.

    Raises UsageError when there is no such folder to replay.
    """

    def __init__(self, folder: Path, *, replay: bool) -> None:
        if replay and not folder.is_dir():
            raise UsageError(f"{folder}: there is no such folder", hint="name the folder that `triage label --record DIR` wrote")
        self.folder = folder
        self.replay = replay

    def keep(self, key: CallKey, number: int, reply: str) -> None:
        """Write one answer. Raises WorkspaceError when it cannot be written."""
        recording = _Recording(**key._asdict(), number=number, reply=reply)
        write_atomically(self._path(key, number), recording.model_dump_json(indent=1) + "\n")

    def replies(self, key: CallKey) -> Iterator[str]:
        """The recorded answers to a question, in order. Raises ModelError "no recording" for none, or a file that is no such."""
        for number in count(1):
            path = self._path(key, number)
            if not path.is_file():
                if number == 1:
                    hint = f"record it: triage label --record {self.folder}"
                    raise ModelError(f"{path}: this request is not recorded", kind="no recording", hint=hint)
                return
            yield _read(path, key, number)

    def _path(self, key: CallKey, number: int) -> Path:
        name = hashlib.sha256("\x1f".join(key).encode("utf-8", "replace")).hexdigest()[:32]
        return self.folder / f"{name}-{number}.json"


def _read(path: Path, key: CallKey, number: int) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        recording = _Recording.model_validate_json(path.read_bytes())
    except (OSError, ValidationError, ValueError) as error:
        reason = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise ModelError(
            f"{path}: no recording of an answer: {reason}", kind="no recording", hint="record it again, or remove the file"
        ) from None
    if recording.model_dump(exclude={"reply"}) != {**key._asdict(), "number": number}:
        raise ModelError(f"{path}: the recording of another request", kind="no recording", hint="file names are not to be changed")
    return recording.reply
