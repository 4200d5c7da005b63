"""A person's word about works, said in a command or on a page: kept in decisions.jsonl before anything else happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from triage.decisions import read_decisions
from triage.errors import UsageError
from triage.identity import identify
from triage.pipeline import publish, sync
from triage.text import clean_line
from triage.words import Word, say

if TYPE_CHECKING:
    from triage.models import Decision
    from triage.runs import Run

__all__ = ["Verdict", "decide", "take_back", "take_back_word", "take_effect"]

LONGEST_TYPE, LONGEST_REASON = 200, 2000
"""Characters; a Type is one line of a list, a reason a remark. More is a slip of the clipboard."""


@dataclass(frozen=True)
class Verdict:
    """What is said of a work: selected, rejected (with a reason, which may be missing) or later, and the Type as typed."""

    decision: Literal["selected", "rejected", "later"] | None = None
    reason: str | None = None
    type: str | None = None

    def words(self, work: str) -> list[Word]:
        """The words for one work (a full id). Raises UsageError for a Type or reason that cannot be kept."""
        said: list[Word] = []
        reason = _line(self.reason, "reason", LONGEST_REASON)
        if self.decision:
            said.append(Word(work, self.decision, reason=reason))
        if self.type is not None:
            typed = _line(self.type, "Type", LONGEST_TYPE)
            if typed is None:
                raise UsageError("an empty Type says nothing", hint="to take a Type back: triage decisions undo ID")
            said.append(Word(work, "type", value=typed))
        return said


def _line(text: str | None, name: str, longest: int) -> str | None:
    """`text` as one clean line, None when nothing is left of it."""
    line = clean_line(text or "")
    if len(line) > longest:
        raise UsageError(f"a {name} of {len(line)} characters", hint=f"at most {longest}")
    return line or None


def decide(run: Run, works: Sequence[str], verdict: Verdict, *, where: str) -> list[Decision]:
    """Say the same of each work (full ids). Returns the words that were new; what is in force already is not said again.

    Raises UsageError for an unknown work or a word that cannot be kept, with nothing said.
    """
    return say(run, [word for work in works for word in verdict.words(work)], where=where)


# the newest word of each topic that came from the same place within a second of the newest of all
_NEWEST = """
WITH newest AS (
    SELECT d.work_id, d.decision_id, d.made_at, d.said_in, d.in_force, s.position FROM main.decisions d
    JOIN (SELECT decision_id, position FROM store.decision) s USING (decision_id)
    WHERE d.stands AND d.what NOT IN ('same', 'not-same') AND list_contains(?, d.work_id)
    QUALIFY row_number() OVER (
        PARTITION BY d.work_id, CASE WHEN d.what IN ('selected', 'rejected', 'later') THEN 'decision' ELSE d.what END
        ORDER BY d.in_force DESC, d.made_at DESC, s.position DESC) = 1
),
beside AS (
    SELECT *, first_value(made_at) OVER last AS last_at, first_value(said_in) OVER last AS last_in FROM newest
    WINDOW last AS (PARTITION BY work_id ORDER BY made_at DESC, position DESC)
)
SELECT work_id, list(decision_id ORDER BY position DESC) FROM beside
WHERE made_at > last_at - INTERVAL 1 SECOND AND said_in IS NOT DISTINCT FROM last_in GROUP BY work_id
"""


def take_back(run: Run, works: Sequence[str], *, where: str) -> list[Decision]:
    """Undo the newest word about each work, with what was said in one breath with it (the Type of a tick); what was said
    before counts again.

    Raises UsageError for a work of which nothing was said, with nothing taken back.
    """
    with run.warehouse.burst() as con:
        newest: dict[str, list[str]] = dict(con.execute(_NEWEST, [list(works)]).fetchall())
    if missing := [work for work in works if work not in newest]:
        raise UsageError(
            f"{missing[0]}: nothing was said of it that could be taken back", hint=f"see: triage decisions --work {missing[0]}"
        )
    return say(run, [Word(work, "undo", value=word) for work in works for word in newest[work]], where=where)


def take_back_word(run: Run, name: str, *, where: str) -> list[Decision]:
    """Undo one word, given by its id or the beginning of it; nothing comes back when it was taken back before.

    Raises UsageError when no word, or more than one, begins so.
    """
    found = [d for d in read_decisions(run.workspace.decisions_path)[0] if d.id.startswith(name)]
    if len(found) != 1:
        known = f"{len(found)} decisions begin so" if found else "no such decision"
        raise UsageError(f"{name}: {known}", hint="find ids with: triage decisions")
    word = found[0]
    if word.what == "undo":
        raise UsageError(f"{word.id} took a word back itself", hint="say that word again instead: triage decide")
    with run.warehouse.burst() as con:
        rows = con.execute("SELECT work_id, stands FROM main.decisions WHERE decision_id = ?", [word.id]).fetchall()
    if rows and not rows[0][1]:
        return []
    work = rows[0][0] if rows and word.what not in {"same", "not-same"} else None
    return say(run, [Word(work or word.work, "undo", value=word.id)], where=where)


def take_effect(run: Run) -> None:
    """Let what was said take effect: works are matched and corrected again where a word asks for it, what the files hold
    is read, and they are written."""
    identify(run)
    sync(run)
    publish(run)
