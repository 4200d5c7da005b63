"""The workspace's own human decisions and labels as labelled papers.

Blind: what is scored sees title and abstract only; the person's word stays in `said`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.errors import UsageError
from triage.evaluation.labelled import LabelledPaper
from triage.queries import open_snapshot

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["own_decisions", "own_labels"]


def own_decisions(snapshot: Path) -> list[LabelledPaper]:
    """Works a person selected or rejected. Raises UsageError when there are none of either."""
    con = open_snapshot(snapshot)
    try:
        rows = con.execute(
            "SELECT work_id, title, abstract, decision = 'selected' FROM main.works WHERE decision IN ('selected', 'rejected') ORDER BY work_id"
        ).fetchall()
    finally:
        con.close()
    if len({row[3] for row in rows}) < 2:
        raise UsageError(
            f"{len(rows)} works are decided on, and not both selected and rejected ones: there is nothing to rank",
            hint="decide on some papers first, or name a labelled file",
        )
    return [LabelledPaper(title, abstract, {"selected": selected}, f"work {work}") for work, title, abstract, selected in rows]


def own_labels(snapshot: Path) -> list[LabelledPaper]:
    """Works whose Type a person typed, as far as the taxonomy knows it. Raises UsageError when there are none."""
    con = open_snapshot(snapshot)
    try:
        rows = con.execute(
            "SELECT w.work_id, any_value(w.title), any_value(w.abstract), list(l.label ORDER BY l.position)"
            " FROM main.labels_current l JOIN main.works w USING (work_id) WHERE l.producer = 'human' GROUP BY w.work_id ORDER BY w.work_id"
        ).fetchall()
    finally:
        con.close()
    if not rows:
        raise UsageError("no work has a type of yours that the taxonomy knows", hint="type some in a list, or name a labelled file")
    return [LabelledPaper(title, abstract, {"labels": labels}, f"work {work}") for work, title, abstract, labels in rows]
