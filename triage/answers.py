"""raw/answers.jsonl: which bodies of the raw store were read as what, so that a warehouse can be made again.

One line an answer, appended before its records are committed; a line whose records never were is read
again by the next run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from triage.errors import WorkspaceError
from triage.models import Frozen

if TYPE_CHECKING:
    from triage.workspace import Workspace

__all__ = ["Answer", "append_answers", "read_answers"]


class Answer(Frozen):
    """One believed answer. `day` and `status` are what came of its day (None for a look-up by id)."""

    source: str
    key: str
    url: str
    media_type: str
    sha256: str
    read_at: datetime
    run_id: str
    day: date | None = None
    status: Literal["final", "open", "failed"] | None = None
    by_hand: bool = False
    edition: str | None = None
    """The venue and year it was asked for ("cvpr-2023"); None for feeds."""
    keys: tuple[str, ...] | None = None
    """Of an answer that tells of other papers besides those asked about: the source's keys of the records that were kept."""
    whole: bool = True
    """Whether it was complete, or is completed by the answers it leads to."""


def append_answers(workspace: Workspace, answers: Sequence[Answer]) -> None:
    """Append and fsync. A last line that a crash left without its end gets one first."""
    if not answers:
        return
    path = workspace.raw / "answers.jsonl"
    lines = "".join(answer.model_dump_json(exclude_none=True) + "\n" for answer in answers).encode("utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                lines = lines if file.read(1) == b"\n" else b"\n" + lines
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be written: {error.strerror}", hint="check free space and permissions, then run again"
        ) from error


def read_answers(workspace: Workspace) -> list[Answer]:
    """All lines in the file's order; a line that is none (a crash cut it) is left out."""
    try:
        content = (workspace.raw / "answers.jsonl").read_bytes()
    except FileNotFoundError:
        return []
    answers = []
    for line in content.split(b"\n"):
        try:
            answers.append(Answer.model_validate_json(line))
        except ValidationError:
            continue  # cut by a crash: its records were never committed, the site is asked again
    return answers
