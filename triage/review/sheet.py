"""What a person is shown of one work before saying yes or no: everything on one sheet, nothing drawn."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from triage.errors import UsageError
from triage.text import clean_abstract

if TYPE_CHECKING:
    import duckdb

__all__ = ["ClaimLine", "LabelLine", "Near", "Part", "QueueFilter", "Sheet", "marked", "sheet", "waiting"]

_NEAR = 3


@dataclass(frozen=True)
class QueueFilter:
    """Which proposals: of a venue (as shown, any case), a year, with a label (a taxonomy id or its family), on which producers disagree."""

    venue: str | None = None
    year: int | None = None
    label: str | None = None
    disagreement: bool = False


class Part(NamedTuple):
    """A stretch of text; `evidence` when a judgement rests on it."""

    text: str
    evidence: bool


class LabelLine(NamedTuple):
    """One proposed label: who proposes it, how sure (0..1, None for a person), the words, and whether it is the one shown in lists."""

    label: str
    producer: str
    confidence: float | None
    quote: str | None
    shown: bool


class ClaimLine(NamedTuple):
    """One efficiency figure read from the text."""

    metric: str
    value: float
    unit: str
    direction: str
    quote: str


class Near(NamedTuple):
    """Another work that may be the same paper (`why` says so), or a selected one with the same type."""

    work_id: str
    title: str
    place: str
    why: str


@dataclass(frozen=True)
class Sheet:
    """One work. `links` are the other addresses its records give, `evidence` the words the screening counted."""

    work_id: str
    title: str
    authors: tuple[str, ...]
    venue: str | None
    year: int | None
    url: str | None
    links: tuple[str, ...]
    score: float | None
    type: str | None
    decision: str | None
    abstract: tuple[Part, ...]
    labels: tuple[LabelLine, ...]
    claims: tuple[ClaimLine, ...]
    near: tuple[Near, ...]


def waiting(con: duckdb.DuckDBPyConnection, wanted: QueueFilter) -> list[dict[str, Any]]:
    """The open proposals that fit, best first: work_id, title, venue, year, url, score, type, labels, labelled_by.

    `con` may be the readers' snapshot.
    """
    columns = ("work_id", "title", "venue", "year", "url", "screening_score", "type", "labels", "labelled_by")
    rows = con.execute(
        f"SELECT {', '.join(columns)} FROM main.review_queue q WHERE ($venue IS NULL OR lower(venue) = lower($venue))"
        " AND ($year IS NULL OR year = $year)"
        " AND ($label IS NULL OR list_contains(labels, $label) OR list_contains(list_transform(labels, lambda x: split_part(x, '/', 1)), $label))"
        " AND (NOT $disagreement OR work_id IN (SELECT work_id FROM main.disagreements)) ORDER BY rank_score DESC, screening_score DESC, work_id",
        {"venue": wanted.venue, "year": wanted.year, "label": wanted.label, "disagreement": wanted.disagreement},
    ).fetchall()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def sheet(con: duckdb.DuckDBPyConnection, work_id: str) -> Sheet:
    """Everything about one work (a full id). Raises UsageError when there is no such work."""
    rows = con.execute(
        "SELECT w.title, w.authors, w.venue, w.year, w.url, w.screening_score, w.type, w.decision, w.abstract, s.evidence"
        " FROM main.works w LEFT JOIN store.screening s USING (work_id) WHERE w.work_id = ?",
        [work_id],
    ).fetchall()
    if not rows:
        raise UsageError(f"{work_id}: no such work", hint='find ids with: triage sql "SELECT work_id, title FROM works"')
    title, authors, venue, year, url, score, type_, decision, abstract, evidence = rows[0]
    labels = _labels(con, work_id)
    quotes = [line.quote for line in labels if line.quote] + [one["quote"] for one in json.loads(evidence or "[]")]
    return Sheet(
        work_id=work_id, title=title, authors=tuple(authors or ()), venue=venue, year=year, url=url, links=_links(con, work_id, url),
        score=score, type=type_, decision=decision, abstract=tuple(marked(clean_abstract(abstract or ""), quotes)), labels=labels,
        claims=_claims(con, work_id), near=_near(con, work_id),
    )  # fmt: skip


def marked(text: str, quotes: Iterable[str]) -> list[Part]:
    """`text` in stretches, those inside one of the quotes marked; together they are the text exactly."""
    spans: list[tuple[int, int]] = []
    for quote in quotes:
        start = text.find(quote) if quote else -1
        if start >= 0:
            spans.append((start, start + len(quote)))
    parts, place = [], 0
    for start, end in _joined(sorted(spans)):
        if start > place:
            parts.append(Part(text[place:start], evidence=False))
        parts.append(Part(text[start:end], evidence=True))
        place = end
    if place < len(text):
        parts.append(Part(text[place:], evidence=False))
    return parts


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted spans without overlaps."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _labels(con: duckdb.DuckDBPyConnection, work_id: str) -> tuple[LabelLine, ...]:
    rows = con.execute(
        "SELECT coalesce(label || ': ' || proposed, label), producer, confidence, quote, decides AND counts FROM main.labels_current WHERE work_id = ?"
        " ORDER BY decides DESC, producer, position",
        [work_id],
    ).fetchall()
    return tuple(LabelLine(*row) for row in rows)


def _claims(con: duckdb.DuckDBPyConnection, work_id: str) -> tuple[ClaimLine, ...]:
    rows = con.execute(
        "SELECT metric, value, unit, direction, quote FROM main.claims WHERE work_id = ? ORDER BY metric, value, quote", [work_id]
    ).fetchall()
    return tuple(ClaimLine(*row) for row in rows)


def _links(con: duckdb.DuckDBPyConnection, work_id: str, url: str | None) -> tuple[str, ...]:
    rows = con.execute(
        "SELECT DISTINCT link FROM (SELECT url AS link FROM main.records WHERE work_id = $work UNION ALL"
        " SELECT unnest(map_values(links)) FROM main.records WHERE work_id = $work) WHERE link IS NOT NULL AND link IS DISTINCT FROM $url ORDER BY link",
        {"work": work_id, "url": url},
    ).fetchall()
    return tuple(row[0] for row in rows)


def _near(con: duckdb.DuckDBPyConnection, work_id: str) -> tuple[Near, ...]:
    """Works that may be the same paper, then selected ones of the same type whose titles share most words."""
    rows = con.execute(
        "WITH mine AS (SELECT * FROM main.works WHERE work_id = $work),"
        " words AS (SELECT regexp_extract_all(lower(title), '[\\pL\\pN]{4,}') AS own FROM mine),"
        " doubtful AS (SELECT CASE WHEN work_a = $work THEN work_b ELSE work_a END AS work_id, 'may be the same paper: ' || evidence AS why, 0 AS place"
        "   FROM main.uncertain_pairs WHERE $work IN (work_a, work_b)),"
        " alike AS (SELECT o.work_id, 'selected, same type' AS why,"
        "   1 + 1 / (1 + len(list_intersect(words.own, regexp_extract_all(lower(o.title), '[\\pL\\pN]{4,}')))) AS place"
        "   FROM main.works o, mine, words WHERE o.decision = 'selected' AND o.work_id <> $work AND list_has_any(o.labels, mine.labels))"
        " SELECT w.work_id, w.title, concat_ws(' ', w.venue, w.year), arg_min(f.why, f.place), min(f.place) AS place"
        " FROM (FROM doubtful UNION ALL FROM alike) f JOIN main.works w USING (work_id) GROUP BY w.work_id, w.title, w.venue, w.year"
        " ORDER BY place, w.work_id LIMIT $most",
        {"work": work_id, "most": _NEAR},
    ).fetchall()
    return tuple(Near(*row[:4]) for row in rows)
