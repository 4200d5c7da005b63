"""Lists that were put back to an older state: what they propose no longer is proposed no longer, and rejected by nobody.

A revert of our commit, or another branch, takes proposals out of a file without a word about the papers. They stay out until
the file has them again (the revert is reverted, the branch is merged) or the paper turns up at a venue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.comparing import ListFile
    from triage.formats.checklist import Checklist
    from triage.runs import Run

__all__ = ["follow_files"]


def follow_files(con: duckdb.DuckDBPyConnection, run: Run, files: Sequence[ListFile]) -> list[str]:
    """Take back and give back proposals as the yearly lists among `files` (those that a person changed) show them.

    Returns a line for each file that took proposals back. Inside the caller's transaction.
    """
    yearly = [one for one in files if one.theirs and one.listed.kind == "yearly" and not one.listed.again]
    here = {work for one in yearly for work in _proposed(one.theirs, one.works[1])}
    gone = {
        work: one.listed.path
        for one in yearly
        if one.old
        for work in _proposed(one.base, one.works[0])
        if work not in one.works[1].values() and work not in here
    }
    if not gone and not con.execute("SELECT 1 FROM store.unproposed LIMIT 1").fetchall():
        return []
    stage(con, "proposed_here", [{"work_id": work} for work in sorted(here)], {"work_id": "VARCHAR"})
    shape = {"work_id": "VARCHAR", "path": "VARCHAR"}
    stage(con, "proposed_no_more", [{"work_id": work, "path": gone[work]} for work in sorted(gone)], shape)
    con.execute(
        "INSERT INTO store.proposal SELECT u.work_id, w.rank_score, $run, $now FROM store.unproposed u JOIN proposed_here USING (work_id)"
        " JOIN store.standing w USING (work_id) WHERE NOT w.proposed",
        {"run": run.id, "now": run.now()},
    )
    con.execute("DELETE FROM store.unproposed WHERE work_id IN (SELECT work_id FROM proposed_here)")
    taken = con.execute(
        "INSERT INTO store.unproposed SELECT g.work_id, g.path, $run, $now FROM proposed_no_more g JOIN store.standing w USING (work_id)"
        " WHERE w.proposed AND w.decision IS NULL RETURNING work_id, path",
        {"run": run.id, "now": run.now()},
    ).fetchall()
    con.execute("DELETE FROM store.proposal WHERE work_id IN (SELECT work_id FROM store.unproposed)")
    counts = {path: sum(other == path for _, other in taken) for path in sorted({path for _, path in taken})}
    return [
        f"{path}: put back to an older state, so {count} of its proposals {'is' if count == 1 else 'are'} taken back and nothing is rejected;"
        ' see: triage sql "SELECT title FROM works WHERE unproposed"'
        for path, count in counts.items()
    ]


def _proposed(listed: Checklist | None, works: dict[int, str]) -> list[str]:
    """The works of the blocks that are the machine's proposals."""
    blocks = listed.blocks if listed else ()
    return [work for place, work in sorted(works.items()) if blocks[place].why is not None and not blocks[place].ticked]
