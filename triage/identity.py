"""Records -> Works: which records tell of the same paper.

Rules, cheapest first (what each earned on labelled data is in its `Rule.reason`): the same identifier,
the same link, the same normalised title. Vetoes keep papers apart: two different identifiers of one
scheme, years that do not fit, authors that share no name. A pair that a rule finds and a veto stops
goes to review, never into one work.

Incremental and independent of the order of arrival: the pairs of every touched key are found anew, and
components that they touch are built anew from all their pairs, strongest first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from triage.decisions import resolve_decisions
from triage.seeds import workspace_taxonomy
from triage.models import stable_id
from triage.runs import StepReport
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["RULES", "Rule", "identify", "identify_due"]


@dataclass(frozen=True)
class Rule:
    """One way two records can be the same paper: `strength` orders the unions, lower first."""

    name: str
    strength: int
    reason: str


RULES = {
    rule.name: rule
    for rule in (
        Rule("arxiv", 0, "the same arXiv id, version stripped"),
        Rule("doi", 1, "the same DOI, arXiv's own DOIs read as arXiv ids"),
        Rule("anthology", 2, "the same ACL Anthology id"),
        Rule("openreview", 3, "the same OpenReview forum"),
        Rule("url", 4, "the same canonical link"),
        Rule("title", 5, "the same normalised title, years that fit; 1506 of 1506 right on preprint-venue pairs"),
    )
}

VETO_SCHEMES = ("arxiv", "doi", "anthology")
"""Two different values of one of these are two papers. OpenReview forums are per submission: no veto."""

PREPRINT_GAP = 3
"""Years a preprint may be older than its publication; between two published records there is none."""

LEAST_TITLE_RATIO = 0.5
"""The same identifier under titles less alike than this goes to review: 0.35 % of hand-copied links are wrong."""

LARGEST_BLOCK = 200
"""Records sharing one title key; beyond it the title says nothing (a table of contents, a series)."""


def identify(run: Run) -> StepReport:
    """Match every record that is new or has changed. Numbers: `new` records founded works, `known` joined one."""
    run.progress.step("identify")
    with run.warehouse.burst() as con:
        report = identify_due(con, run)
    return run.add(report)


def identify_due(con: duckdb.DuckDBPyConnection, run: Run) -> StepReport:
    """The same inside the caller's transaction, without adding the report to the run."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE due AS SELECT r.record_id FROM store.record r LEFT JOIN store.membership m USING (record_id)"
        " WHERE m.content_hash IS DISTINCT FROM r.content_hash"
    )
    arrived = {row[0] for row in con.execute("SELECT record_id FROM due").fetchall()}
    if not arrived:
        return StepReport(step="identify")
    _widen_due(con)
    _find_pairs(con, run)
    before = {row[0] for row in con.execute("SELECT DISTINCT work_id FROM store.membership").fetchall()}
    records, edges = _touched(con)
    founders = _components(records, edges)
    _store_statuses(con, edges)
    _store_membership(con, run, founders)
    resolve_decisions(con, run, workspace_taxonomy(run.workspace))
    new = {work for record, work in founders.items() if record in arrived and work not in before}
    reviews = con.execute("SELECT count(*) FROM store.match_edge WHERE status = 'review' AND run_id = ?", [run.id]).fetchall()[0][0]
    founded = len(new)
    return StepReport(
        step="identify", read=len(arrived), new=founded, known=len(arrived) - founded, counts={"works": founded, "uncertain": reviews}
    )


def _widen_due(con: duckdb.DuckDBPyConnection) -> None:
    """A changed record takes its old neighbours with it: what stood between them may have gone."""
    con.execute(
        "INSERT INTO due SELECT DISTINCT neighbour FROM ("
        " SELECT b AS neighbour FROM store.match_edge WHERE a IN (SELECT record_id FROM due)"
        " UNION SELECT a FROM store.match_edge WHERE b IN (SELECT record_id FROM due)"
        ") WHERE neighbour NOT IN (SELECT record_id FROM due)"
    )


# Pairs of one block, a < b. `block` is every record that shares a key with one that is due, so that the
# rule about undated records sees all candidates whatever came first.
_BLOCK = f"""
CREATE OR REPLACE TEMP TABLE block AS
WITH touched AS (SELECT DISTINCT k.scheme, k.key FROM store.record_key k JOIN due USING (record_id)),
whole AS (
    SELECT k.scheme, k.key, r.record_id, r.identifiers, r.title_key, r.generic, r.preprint, r.year, r.name_tokens
    FROM store.record_key k JOIN touched USING (scheme, key) JOIN store.record r USING (record_id)
    WHERE NOT (k.scheme = 'title' AND r.generic)
)
SELECT * FROM whole QUALIFY count(*) OVER (PARTITION BY scheme, key) <= {LARGEST_BLOCK}
"""

_FITS = f"(x.year = y.year OR (abs(x.year - y.year) <= {PREPRINT_GAP} AND (x.preprint OR y.preprint)))"

_PAIRS = f"""
CREATE OR REPLACE TEMP TABLE pair AS
WITH torn AS (  -- blocks in which two dated records do not fit: an undated one could be either
    SELECT DISTINCT x.scheme, x.key FROM block x JOIN block y USING (scheme, key)
    WHERE x.scheme = 'title' AND x.record_id < y.record_id AND x.year IS NOT NULL AND y.year IS NOT NULL AND NOT {_FITS}
),
met AS (
    SELECT x.scheme, x.key, x.record_id AS a, y.record_id AS b,
           {" OR ".join(f"coalesce(x.identifiers['{s}'] <> y.identifiers['{s}'], false)" for s in VETO_SCHEMES)} AS two_identifiers,
           len(x.name_tokens) > 0 AND len(y.name_tokens) > 0 AND NOT list_has_any(x.name_tokens, y.name_tokens) AS no_author,
           CASE WHEN x.year IS NOT NULL AND y.year IS NOT NULL THEN NOT {_FITS}
                ELSE (x.year IS NULL) <> (y.year IS NULL) AND t.key IS NOT NULL END AS year_unfit,
           CASE WHEN x.title_key = y.title_key THEN 1.0 ELSE
                1.0 - levenshtein(x.title_key[:300], y.title_key[:300]) / greatest(length(x.title_key[:300]), length(y.title_key[:300]), 1)
           END AS alike,
           coalesce(abs(x.year - y.year), 0) AS gap
    FROM block x JOIN block y USING (scheme, key) LEFT JOIN torn t USING (scheme, key)
    WHERE x.record_id < y.record_id
)
SELECT a, b, scheme AS rule, key,
       CASE WHEN scheme = 'title' THEN 1.0 - gap / 10.0 ELSE alike END AS score,
       CASE WHEN two_identifiers THEN 'two identifiers of one scheme'
            WHEN scheme = 'title' AND year_unfit THEN 'years do not fit'
            WHEN scheme = 'title' AND no_author THEN 'no author in common'
            WHEN scheme <> 'title' AND alike < {LEAST_TITLE_RATIO} THEN 'titles differ'
       END AS veto
FROM met
"""


def _find_pairs(con: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Replace all pairs between records of touched blocks; pairs elsewhere stay."""
    con.execute(_BLOCK)
    con.execute(_PAIRS)
    con.execute("DELETE FROM store.match_edge WHERE a IN (SELECT record_id FROM due) OR b IN (SELECT record_id FROM due)")
    con.execute("DELETE FROM store.match_edge AS e USING pair p WHERE e.a = p.a AND e.b = p.b AND e.rule = p.rule")
    con.execute(
        "INSERT INTO store.match_edge SELECT a, b, rule, score, CASE WHEN veto IS NULL THEN 'auto' ELSE 'review' END,"
        " CASE WHEN veto IS NULL THEN 'auto' ELSE 'review' END, key || coalesce(' (' || veto || ')', ''), ?, ? FROM pair ORDER BY a, b, rule",
        [run.id, run.now()],
    )


@dataclass
class _Node:
    """A record, or the component it stands for, as far as the vetoes need it."""

    record_id: str
    order: tuple[str, str]
    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    years: set[int] = field(default_factory=set)


@dataclass
class _Edge:
    a: str
    b: str
    rule: str
    score: float
    status: str = "auto"


def _touched(con: duckdb.DuckDBPyConnection) -> tuple[dict[str, _Node], list[_Edge]]:
    """All records and automatic pairs of the components that touch what is due."""
    con.execute("CREATE OR REPLACE TEMP TABLE touched AS SELECT record_id FROM due UNION SELECT a FROM pair UNION SELECT b FROM pair")
    while True:
        grown = con.execute(
            "INSERT INTO touched SELECT DISTINCT n FROM ("
            " SELECT b AS n FROM store.match_edge WHERE pairwise = 'auto' AND a IN (SELECT record_id FROM touched)"
            " UNION SELECT a FROM store.match_edge WHERE pairwise = 'auto' AND b IN (SELECT record_id FROM touched)"
            " UNION SELECT o.record_id FROM store.membership o JOIN store.membership m USING (work_id) JOIN touched t ON t.record_id = m.record_id"
            ") WHERE n NOT IN (SELECT record_id FROM touched)"
        ).fetchall()[0][0]
        if not grown:
            break
    nodes = {}
    for record_id, first_run, identifiers, year, preprint in con.execute(
        "SELECT record_id, first_run, identifiers, year, preprint FROM store.record JOIN touched USING (record_id)"
    ).fetchall():
        node = _Node(record_id, (first_run, record_id))
        for scheme in VETO_SCHEMES:
            if value := identifiers.get(scheme):
                node.ids[scheme].add(value)
        if year is not None and not preprint:
            node.years.add(year)
        nodes[record_id] = node
    edges = [
        _Edge(*row)
        for row in con.execute(
            "SELECT a, b, rule, score FROM store.match_edge WHERE pairwise = 'auto' AND a IN (SELECT record_id FROM touched)"
        ).fetchall()
    ]
    return nodes, edges


def _components(nodes: dict[str, _Node], edges: Sequence[_Edge]) -> dict[str, str]:
    """Unite along the pairs, strongest first, as long as no veto stands; returns record -> work id.

    A union that would put a conflict into one component is marked for review instead. A work is named
    after its earliest record, so its name stays when others join.
    """
    parent = {record_id: record_id for record_id in nodes}

    def root(record_id: str) -> str:
        while parent[record_id] != record_id:
            parent[record_id] = parent[parent[record_id]]
            record_id = parent[record_id]
        return record_id

    for edge in sorted(edges, key=lambda e: (RULES[e.rule].strength, -e.score, e.a, e.b)):
        left, right = nodes[root(edge.a)], nodes[root(edge.b)]
        if left is right:
            continue
        if _conflict(left, right, by_title=edge.rule == "title"):
            edge.status = "review"
            continue
        keeper, other = (left, right) if left.order <= right.order else (right, left)
        parent[other.record_id] = keeper.record_id
        keeper.years |= other.years
        for scheme, values in other.ids.items():
            keeper.ids[scheme] |= values
    return {record_id: stable_id("w", root(record_id)) for record_id in nodes}


def _conflict(left: _Node, right: _Node, *, by_title: bool) -> bool:
    if any(left.ids[s] and right.ids[s] and left.ids[s] != right.ids[s] for s in VETO_SCHEMES):
        return True
    return by_title and bool(left.years and right.years and not left.years & right.years)


def _store_statuses(con: duckdb.DuckDBPyConnection, edges: Iterable[_Edge]) -> None:
    rows = [{"a": e.a, "b": e.b, "rule": e.rule, "status": e.status} for e in edges]
    stage(con, "edge_status", rows, dict.fromkeys(("a", "b", "rule", "status"), "VARCHAR"))
    con.execute(
        "UPDATE store.match_edge AS e SET status = s.status FROM edge_status s"
        " WHERE e.a = s.a AND e.b = s.b AND e.rule = s.rule AND e.status <> s.status"
    )


def _store_membership(con: duckdb.DuckDBPyConnection, run: Run, works: dict[str, str]) -> None:
    rows = [{"record_id": record, "work_id": work} for record, work in works.items()]
    stage(con, "found", rows, {"record_id": "VARCHAR", "work_id": "VARCHAR"})
    con.execute(
        "CREATE OR REPLACE TEMP TABLE moved AS SELECT m.work_id AS old_id, min(f.work_id) AS new_id FROM store.membership m JOIN found f USING (record_id)"
        " WHERE m.work_id NOT IN (SELECT work_id FROM found) GROUP BY ALL"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE stale AS SELECT DISTINCT m.work_id FROM store.membership m JOIN found USING (record_id)")
    con.execute("DELETE FROM store.membership WHERE record_id IN (SELECT record_id FROM found)")
    con.execute(
        "INSERT INTO store.membership SELECT f.record_id, f.work_id, r.content_hash FROM found f JOIN store.record r USING (record_id)"
    )
    con.execute("INSERT INTO store.work_alias SELECT old_id, new_id, ?, ? FROM moved", [run.id, run.now()])
    for table in ("screening", "proposal", "labelling", "note", "claim"):
        con.execute(f"UPDATE store.{table} AS t SET work_id = m.new_id FROM moved m WHERE t.work_id = m.old_id")
    for table in ("screening", "proposal"):  # one row a work: where two works became one, the newer stays
        con.execute(
            f"DELETE FROM store.{table} WHERE work_id IN (SELECT new_id FROM moved) AND rowid NOT IN"
            f" (SELECT arg_max(rowid, made_at) FROM store.{table} GROUP BY work_id)"
        )
    con.execute("DELETE FROM store.work WHERE work_id IN (SELECT work_id FROM stale UNION SELECT work_id FROM found)")
    con.execute(_VISIBLE)


# The visible fields of a work, best record first: published before preprint, with a link before without,
# typed notes last (their titles are shortened by hand), the list a person keeps before the rest.
_VISIBLE = """
INSERT INTO store.work
WITH ranked AS (
    SELECT m.work_id, r.*,
           CASE WHEN r.source <> 'documents' THEN 1 WHEN starts_with(r.source_key, 'yearly-list:') THEN 0
                WHEN starts_with(r.source_key, 'notes:') THEN 3 ELSE 2 END AS keeper,
           row_number() OVER (PARTITION BY m.work_id ORDER BY r.preprint, r.url IS NULL, keeper, r.record_id) AS place,
           row_number() OVER (PARTITION BY m.work_id ORDER BY keeper = 3, r.preprint, r.url IS NULL, keeper, r.record_id) AS title_place
    FROM store.membership m JOIN store.record r USING (record_id)
    WHERE m.work_id IN (SELECT work_id FROM found)
),
named AS (  -- one value a scheme; a work may have several OpenReview forums, the smallest is shown
    SELECT work_id, map_from_entries(list({k: scheme, v: value} ORDER BY scheme)) AS identifiers
    FROM (SELECT work_id, e.key AS scheme, min(e.value) AS value
          FROM (SELECT work_id, unnest(map_entries(identifiers)) AS e FROM ranked) GROUP BY ALL)
    GROUP BY work_id
)
SELECT work_id, arg_min(record_id, place), arg_min(title, title_place),
       arg_min(abstract, title_place) FILTER (abstract IS NOT NULL),
       coalesce(arg_min(authors, place) FILTER (len(authors) > 0), []),
       arg_min(venue, place) FILTER (venue IS NOT NULL), arg_min(year, place) FILTER (year IS NOT NULL),
       arg_min(url, place) FILTER (url IS NOT NULL), min(published),
       coalesce(any_value(named.identifiers), MAP {}),
       count(*), md5(arg_min(title, title_place) || chr(31) || coalesce(arg_min(abstract, title_place) FILTER (abstract IS NOT NULL), '')),
       min(first_run), max(last_run), min(first_seen), max(last_seen)
FROM ranked LEFT JOIN named USING (work_id) GROUP BY work_id
"""
