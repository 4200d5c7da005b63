"""The step `identify`: what is due, in order, inside one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.decisions import resolve_decisions
from triage.identity.blocks import add_forms, widen_due
from triage.identity.components import Edge, Node, unite
from triage.identity.links import link_order
from triage.identity.pairs import judge_pairs
from triage.identity.review import stage_person_pairs
from triage.identity.rules import PERSON, VETO_SCHEMES
from triage.identity.works import apply_corrections, corrected_works, store_membership, visible_works
from triage.models import stable_id
from triage.runs import StepReport
from triage.seeds import workspace_taxonomy
from triage.warehouse import stage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import duckdb

    from triage.runs import Run

__all__ = ["find_works", "identify", "identify_due"]

_LEAST_MEMORY, _MEMORY_A_RECORD = 280, 3  # MB, and kB for every record that is new

_MOST_LINES = 20
"""Promotions told one by one in a run's report; the view `promotions` has all."""


def identify(run: Run) -> StepReport:
    """Match every record that is new or has changed. Numbers: `new` records founded works, `known` joined one."""
    run.progress.step("identify")
    with run.warehouse.burst() as con:
        report = identify_due(con, run)
    return run.add(report)


def identify_due(con: duckdb.DuckDBPyConnection, run: Run) -> StepReport:
    """The same inside the caller's transaction, without adding the report to the run."""
    _bound_memory(con)
    stage_person_pairs(con)
    corrected_works(con)
    arrived = find_works(con, run.id, run.now())
    if not arrived and not con.execute("SELECT count(*) FROM found").fetchall()[0][0]:
        return StepReport(step="identify")
    founded = con.execute(
        "WITH fresh AS (SELECT work_id, lone FROM found JOIN arrived USING (record_id) WHERE work_id NOT IN (SELECT work_id FROM store.work))"
        " SELECT count(*) FILTER (lone) + count(DISTINCT work_id) FILTER (NOT lone) FROM fresh"
    ).fetchall()[0][0]
    store_membership(con, run)
    promotions = visible_works(con, run, link_order(run.workspace))
    resolve_decisions(con, run, workspace_taxonomy(run.workspace))
    apply_corrections(con)
    con.execute("DELETE FROM store.person_pair; INSERT INTO store.person_pair SELECT a, b, what, decision_id FROM said")
    uncertain = con.execute("SELECT count(*) FROM store.match_edge WHERE status = 'review' AND run_id = ?", [run.id]).fetchall()[0][0]
    lines = tuple(promotions[:_MOST_LINES])
    if len(promotions) > _MOST_LINES:
        lines += (f"{len(promotions) - _MOST_LINES} more promotions: triage sql \"SELECT * FROM promotions WHERE run_id = '{run.id}'\"",)
    return StepReport(
        step="identify", read=arrived, new=founded, known=arrived - founded, messages=lines,
        counts={"works": founded, "uncertain": uncertain, "promoted": len(promotions)},
    )  # fmt: skip


def _bound_memory(con: duckdb.DuckDBPyConnection) -> None:
    """Keep DuckDB's buffers to what the step needs: left alone it keeps every block it reads, 600 MB at half a million works.

    Measured with 10,000 new records against 500,000: the same time, a third less memory. It spills beside the warehouse.
    """
    waiting = con.execute("SELECT greatest((SELECT count(*) FROM store.record) - (SELECT count(*) FROM store.membership), 0)").fetchall()[
        0
    ][0]
    con.execute(f"SET memory_limit = '{_LEAST_MEMORY + waiting * _MEMORY_A_RECORD // 1000}MB'")


def find_works(con: duckdb.DuckDBPyConnection, run_id: str, moment: datetime) -> int:
    """Pairs and components of what is due; temporary tables `said`, `resaid` and `recorrected` must be there.

    Makes temporary tables `arrived` (record_id: new or changed) and `found` (record_id, work_id, lone: of every touched
    component; lone is a record without pairs), stores the pairs in store.match_edge, and returns how many records were new or changed.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE due AS SELECT r.record_id FROM store.record r LEFT JOIN store.membership m USING (record_id)"
        " LEFT JOIN store.title_form f USING (record_id) WHERE m.content_hash IS DISTINCT FROM r.content_hash OR f.record_id IS NULL"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE arrived AS FROM due")
    arrived = int(con.execute("SELECT count(*) FROM due").fetchall()[0][0])
    add_forms(con)
    con.execute(
        "INSERT INTO due SELECT record_id FROM (FROM resaid UNION FROM recorrected) WHERE record_id NOT IN (SELECT record_id FROM due)"
    )
    if not con.execute("SELECT count(*) FROM due").fetchall()[0][0]:
        con.execute("CREATE OR REPLACE TEMP TABLE found (record_id VARCHAR, work_id VARCHAR, lone BOOLEAN)")
        return 0
    widen_due(con)
    judge_pairs(con)
    _store_pairs(con, run_id, moment)
    _grow_touched(con)
    _build_components(con)
    return arrived


def _store_pairs(con: duckdb.DuckDBPyConnection, run_id: str, moment: datetime) -> None:
    """Replace all pairs of records that are due; pairs elsewhere stay."""
    con.execute("INSERT INTO pair SELECT a, b, ?, 1.0, 'auto', 'auto', decision_id FROM said WHERE what = 'same'", [PERSON])
    con.execute("DELETE FROM store.match_edge WHERE a IN (SELECT record_id FROM due) OR b IN (SELECT record_id FROM due)")
    con.execute("DELETE FROM store.match_edge WHERE rule = ?", [PERSON])
    # a touched key gives all its pairs, also those between records that are not due
    con.execute("DELETE FROM store.match_edge AS e USING pair p WHERE e.a = p.a AND e.b = p.b AND e.rule = p.rule")
    con.execute(
        "INSERT INTO store.match_edge SELECT a, b, rule, score, verdict, status, evidence, ?, ? FROM pair ORDER BY a, b, rule",
        [run_id, moment],
    )


def _grow_touched(con: duckdb.DuckDBPyConnection) -> None:
    """Temporary table `touched` (record_id): everything in the components, old and new, of what is due."""
    con.execute("CREATE OR REPLACE TEMP TABLE touched AS SELECT record_id FROM due UNION SELECT a FROM pair UNION SELECT b FROM pair")
    con.execute("CREATE OR REPLACE TEMP TABLE rim AS FROM touched")
    while True:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE rim AS SELECT DISTINCT n AS record_id FROM ("
            " SELECT b AS n FROM store.match_edge WHERE pairwise = 'auto' AND a IN (SELECT record_id FROM rim)"
            " UNION SELECT a FROM store.match_edge WHERE pairwise = 'auto' AND b IN (SELECT record_id FROM rim)"
            " UNION SELECT o.record_id FROM store.membership o WHERE o.work_id IN (SELECT m.work_id FROM store.membership m JOIN rim USING (record_id))"
            ") WHERE n NOT IN (SELECT record_id FROM touched)"
        )
        if not con.execute("SELECT count(*) FROM rim").fetchall()[0][0]:
            return
        con.execute("INSERT INTO touched FROM rim")


def _build_components(con: duckdb.DuckDBPyConnection) -> None:
    """Temporary table `found` from all pairs of touched records; sets the pairs' status."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE linked AS SELECT a, b, rule, score FROM store.match_edge WHERE pairwise = 'auto' AND a IN (SELECT record_id FROM touched)"
    )
    nodes = _nodes(con)
    edges = [Edge(*row) for row in con.execute("SELECT a, b, rule, score FROM linked").fetchall()]
    apart = con.execute(
        "WITH said_apart AS (SELECT a, b FROM said WHERE what = 'not-same'), united AS (SELECT a, b FROM said WHERE what = 'same'),"
        " vetoed AS (SELECT a, b, regexp_extract(evidence, '[(]([^()]*)[)]$', 1) AS veto FROM store.match_edge WHERE pairwise = 'veto'"
        "   UNION ALL SELECT a, b, 'a person said so' FROM said_apart),"
        " ends AS (SELECT a AS record_id FROM linked UNION SELECT b FROM linked)"
        " SELECT a, b, min(veto) FROM vetoed WHERE a IN (FROM ends) AND b IN (FROM ends) AND (a, b) NOT IN (SELECT (a, b) FROM united) GROUP BY ALL"
        " ORDER BY ALL"
    ).fetchall()
    founders = unite(nodes, edges, apart)
    works = {founder: stable_id("w", founder) for founder in set(founders.values())}
    rows = [{"record_id": record, "work_id": works[founder], "lone": False} for record, founder in founders.items()]
    stage(con, "found", rows, {"record_id": "VARCHAR", "work_id": "VARCHAR", "lone": "BOOLEAN"})
    # a record without pairs founds a work of its own: the same id as `stable_id("w", record_id)`
    con.execute(
        "INSERT INTO found SELECT record_id, 'w' || sha256(record_id)[:12], true FROM touched WHERE record_id NOT IN (SELECT record_id FROM found)"
    )
    _store_statuses(con, edges)


def _nodes(con: duckdb.DuckDBPyConnection) -> dict[str, Node]:
    schemes = ", ".join(f"identifiers['{scheme}']" for scheme in VETO_SCHEMES)
    nodes = {}
    for record_id, first_run, year, preprint, named, *ids in con.execute(
        f"SELECT record_id, first_run, year, preprint, len(name_tokens) > 0, {schemes} FROM store.record"
        " WHERE record_id IN (SELECT a FROM linked UNION SELECT b FROM linked)"
    ).fetchall():
        node = Node(record_id, (first_run, record_id), dated=year is not None, named=bool(named))
        for scheme, value in zip(VETO_SCHEMES, ids, strict=True):
            if value:
                node.ids[scheme].add(value)
        if year is not None and not preprint:
            node.years.add(year)
        nodes[record_id] = node
    return nodes


def _store_statuses(con: duckdb.DuckDBPyConnection, edges: Iterable[Edge]) -> None:
    rows = [{"a": e.a, "b": e.b, "rule": e.rule, "status": e.status} for e in edges]
    stage(con, "edge_status", rows, dict.fromkeys(("a", "b", "rule", "status"), "VARCHAR"))
    con.execute(
        "UPDATE store.match_edge AS e SET status = s.status FROM edge_status s"
        " WHERE e.a = s.a AND e.b = s.b AND e.rule = s.rule AND e.status <> s.status"
    )
