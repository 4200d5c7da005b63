"""One sitting before the queue: works are shown, words are said, each word is on the disk before the next work is shown.

    sitting = Sitting(workspace, con, works, clock=..., who=...)
    while (shown := sitting.current) is not None:
        sitting.say(Verdict(decision="selected"))

The warehouse is not held meanwhile: a night can run while a person reads. It hears of the words when the sitting is
settled, or in the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from triage.decisions import append_decisions
from triage.review.deciding import Verdict
from triage.review.sheet import Sheet, sheet
from triage.words import Word, make

if TYPE_CHECKING:
    import duckdb

    from triage.models import Decision
    from triage.workspace import Workspace

__all__ = ["Sitting"]


@dataclass
class Sitting:
    """A walk through works (full ids, in the order in which they are shown). `con` is the readers' snapshot."""

    workspace: Workspace
    con: duckdb.DuckDBPyConnection
    works: Sequence[str]
    clock: Callable[[], datetime]
    who: str
    where: str = "triage queue"
    place: int = 0
    said: list[tuple[int, list[Decision]]] = field(default_factory=list)
    """(place of the work, words), in the order in which they were said, without those that were taken back."""
    _heard: dict[str, list[Decision]] = field(default_factory=dict)

    @property
    def current(self) -> Sheet | None:
        """The work that is due, None at the end."""
        return sheet(self.con, self.works[self.place]) if self.place < len(self.works) else None

    @property
    def left(self) -> int:
        return max(len(self.works) - self.place, 0)

    def skip(self) -> None:
        """Go on without a word."""
        self.place += 1

    def say(self, verdict: Verdict) -> list[Decision]:
        """Say a word about the current work; a decision goes on to the next one, a Type alone does not.

        Raises UsageError for a word that cannot be kept, WorkspaceError when it could not be written.
        """
        decisions = self._keep(verdict.words(self.works[self.place]))
        if decisions:
            self.said.append((self.place, decisions))
        if verdict.decision:
            self.place += 1
        return decisions

    def undo(self) -> list[Decision]:
        """Take back what was said last in this sitting and show that work again; nothing when nothing was said."""
        if not self.said:
            return []
        self.place, decisions = self.said.pop()
        return self._keep([Word(self.works[self.place], "undo", value=one.id) for one in decisions])

    def _keep(self, words: Sequence[Word]) -> list[Decision]:
        """Append the words, and remember them: the snapshot does not know them yet."""
        work = self.works[self.place]
        heard = {work: self._heard.get(work, [])}
        made = make(self.con, words, who=self.who, clock=self.clock, where=self.where, heard=heard)
        decisions = append_decisions(self.workspace, made)
        self._heard.setdefault(work, []).extend(decisions)
        return decisions
