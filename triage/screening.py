"""Works -> ranked proposals.

A work is screened again only when its text or the cues changed. Proposals are the best-scored works
nobody has spoken about, at most N new ones a run; one that was made stays until a person decides or
its score falls below the threshold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from triage.cues import SCANNED_ABSTRACT, SCANNED_TITLE, score_text
from triage.phrase_patterns import UNUSUAL, pattern
from triage.runs import StepReport
from triage.seeds import workspace_cues
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.cues import Cues
    from triage.runs import Run

__all__ = ["propose", "screen"]

_SHAPE: dict[str, Any] = {
    "work_id": "VARCHAR", "score": "DOUBLE", "vision_language": "DOUBLE", "efficiency": "DOUBLE", "filter_hit": "BOOLEAN",
    "evidence": "JSON", "basis": "VARCHAR",
}  # fmt: skip


def screen(run: Run, works: Sequence[str] | None = None) -> StepReport:
    """Score what is due, or the named works whatever is known of them. `new` were scored, `known` had not changed.

    Works without any vision-language word are most of a venue. They are found by one expression over all texts and kept
    as such without leaving the warehouse; only the others are read and weighed.
    """
    cues, version = workspace_cues(run.workspace)
    with run.warehouse.burst() as con:
        total = con.execute("SELECT count(*) FROM store.work").fetchall()[0][0] if works is None else len(works)
        due = _find_due(con, version, works)
        candidates = _find_candidates(con, cues, run) if due else []
    run.progress.step("screen", due)
    run.progress.advance(due - len(candidates))
    rows = []
    for work_id, title, abstract, basis in candidates:
        scored = score_text(title, abstract, cues)
        evidence = [one.model_dump() for one in scored.evidence]
        rows.append(
            {
                "work_id": work_id, "score": scored.score, "vision_language": scored.vision_language, "efficiency": scored.efficiency,
                "filter_hit": scored.filter_hit, "evidence": evidence, "basis": basis,
            }
        )  # fmt: skip
        run.progress.advance()
    with run.warehouse.burst() as con:
        stage(con, "scored", rows, _SHAPE)
        con.execute("DELETE FROM store.screening WHERE work_id IN (SELECT work_id FROM scored)")
        con.execute("INSERT INTO store.screening SELECT *, ?, ? FROM scored", [run.id, run.now()])
        con.execute("DELETE FROM store.screening WHERE work_id NOT IN (SELECT work_id FROM store.work)")
    return run.add(StepReport(step="screen", read=total, new=due, known=total - due))


def _find_due(con: duckdb.DuckDBPyConnection, version: str, works: Sequence[str] | None) -> int:
    """The table `due` of works to screen; returns how many they are."""
    return int(
        con.execute(
            "CREATE OR REPLACE TEMP TABLE due AS SELECT w.work_id, w.text_hash || $version AS basis"
            " FROM store.work w LEFT JOIN store.screening s USING (work_id)"
            " WHERE CASE WHEN $works IS NULL THEN s.basis IS DISTINCT FROM w.text_hash || $version ELSE list_contains($works, w.work_id) END",
            {"version": version, "works": None if works is None else list(works)},
        ).fetchall()[0][0]
    )


def _find_candidates(con: duckdb.DuckDBPyConnection, cues: Cues, run: Run) -> list[tuple[str, str, str | None, str]]:
    """(work id, title, abstract, basis) of those of `due` that hold a vision-language word; the others are kept as such."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE candidate AS SELECT w.work_id FROM due JOIN store.work w USING (work_id)"
        " WHERE regexp_matches(concat_ws(' ', w.title, w.abstract), $unusual)"
        f" OR regexp_matches(lower(concat_ws(' ', left(w.title, {SCANNED_TITLE}), left(w.abstract, {SCANNED_ABSTRACT}))), $pattern)",
        {"unusual": UNUSUAL, "pattern": pattern(cues.vision_language)},
    )
    _keep_the_others(con, cues, run)
    return con.execute(
        "SELECT w.work_id, w.title, w.abstract, d.basis FROM due d JOIN candidate USING (work_id) JOIN store.work w USING (work_id) ORDER BY w.work_id"
    ).fetchall()


def _keep_the_others(con: duckdb.DuckDBPyConnection, cues: Cues, run: Run) -> None:
    """What `score_text` says of texts without a vision-language word, of all such works that are due."""
    con.execute("DELETE FROM store.screening WHERE work_id IN (SELECT work_id FROM due ANTI JOIN candidate USING (work_id))")
    con.execute(
        "INSERT INTO store.screening (work_id, score, vision_language, efficiency, filter_hit, evidence, basis, run_id, made_at)"
        " SELECT d.work_id, 0, 0, NULL, regexp_matches(lower(concat_ws(chr(10), w.title, w.abstract)), $substrings),"
        " '[]', d.basis, $run, $now FROM due d ANTI JOIN candidate USING (work_id) JOIN store.work w USING (work_id) ORDER BY w.work_id",
        {"substrings": "|".join(map(re.escape, cues.substrings())), "run": run.id, "now": run.now()},
    )


def propose(run: Run) -> StepReport:
    """Propose the best works above the threshold that nobody has decided on, at most `max_proposals` new ones.

    The threshold and the order are those of `rank_score`. A proposal is withdrawn only when the cues, too, put it below
    the threshold: what was learned since moves it down the queue and does not take it out of a list.
    Works whose proposal a person took back with the file stay out. `read` are all other works at or above the threshold or
    proposed before; `new` were proposed now, `known`
    are proposed or decided already, `refused` did not fit into this run and wait for the next.
    """
    settings = run.settings.screening
    run.progress.step("propose")
    with run.warehouse.burst() as con:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE standing AS SELECT work_id, screening_score, rank_score, decision, proposed FROM store.standing"
            " WHERE proposed OR (rank_score >= ? AND work_id NOT IN (SELECT work_id FROM store.taken_back))",
            [settings.threshold],
        )
        withdrawn = con.execute(
            "DELETE FROM store.proposal WHERE work_id IN (SELECT work_id FROM standing WHERE decision IS NULL AND greatest(screening_score, rank_score) < ?)"
            " OR work_id NOT IN (SELECT work_id FROM store.work)",
            [settings.threshold],
        ).fetchall()[0][0]
        new = con.execute(
            "INSERT INTO store.proposal SELECT work_id, rank_score, $run, $now FROM standing WHERE decision IS NULL AND NOT proposed"
            " ORDER BY rank_score DESC, screening_score DESC, work_id LIMIT $most",
            {"run": run.id, "now": run.now(), "most": settings.max_proposals},
        ).fetchall()[0][0]
        read, waiting = con.execute("SELECT count(*), count(*) FILTER (decision IS NULL AND NOT proposed) FROM standing").fetchall()[0]
    left = waiting - new
    return run.add(
        StepReport(
            step="propose", read=read, new=new, known=read - new - left, refused=left,
            counts={"proposals": new, "withdrawn": withdrawn, "waiting": left},
        )
    )  # fmt: skip
