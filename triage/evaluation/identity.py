"""Identity against labelled pairs: the product's own rules and SQL on an in-memory warehouse.

Closure is compared with closure: records a truth file unites through a third count as a pair, and so do
records that our works unite.
"""

from __future__ import annotations

import codecs
import csv
import html
import io
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import combinations, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from triage.errors import DocumentError
from triage.identity import find_works
from triage.text import clean_line, identifiers_of_doi, is_generic_title, is_preprint, name_tokens, split_authors, title_key
from triage.warehouse import migrations, stage

if TYPE_CHECKING:
    import duckdb

__all__ = ["IdentityScore", "RuleScore", "evaluate_identity"]

_COLUMNS = ("id", "src", "title", "authors", "year", "venue", "doi")
# "1999", "1999.0" and "(1999)" are years; 0, -3 and 99999 are none
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d{2}(?!\d)")
_DOI = re.compile(r"10\.\d+/\S+")  # "nan" and "-" are no DOI that records could share

_ONE_THREAD_RECORDS = 100_000  # below, more threads only cost (triage.warehouse.spare_threads)


class RuleScore(BaseModel):
    """Of the pairs a rule united: how many, and how many are true."""

    model_config = ConfigDict(frozen=True)

    rule: str
    accepted: int
    true: int


class IdentityScore(BaseModel):
    """Pairs after closure. `precision` is None when nothing was matched, `recall` when there is nothing to find.

    `changed_*` count the true pairs whose normalised titles differ. `review` are the pairs left to a person.
    Times in seconds: of the matching alone, and with reading.
    """

    model_config = ConfigDict(frozen=True)

    records: int
    truth: int
    matched: int
    true: int
    precision: float | None
    recall: float | None
    f1: float | None
    changed: int
    changed_found: int
    changed_found_with_review: int
    review: int
    review_true: int
    rules: tuple[RuleScore, ...]
    cpu_seconds: float
    total_seconds: float


def evaluate_identity(unified: Path, pairs: Path) -> IdentityScore:
    """Match the records of `unified` (CSV: id, src, title, authors, year, venue, doi) and compare with `pairs` (CSV: a, b).

    Two values in `src`: only pairs across them count; one value: duplicates inside. Any column but id and
    title may be empty or missing. Raises DocumentError for a file that cannot be read or lacks its columns.
    """
    import duckdb

    began = time.monotonic()
    rows = _records(unified)
    sources = {name: src for name, src, *_ in rows}
    truth_pairs = _pairs(pairs, sources)
    con = duckdb.connect()
    if len(rows) < _ONE_THREAD_RECORDS:
        con.execute("SET threads = 1")
    try:
        _fill(con, rows)
        cpu = time.process_time()
        find_works(con, "evaluation", datetime(2000, 1, 1))  # noqa: DTZ001  (only a stamp, the same in every run)
        cpu = time.process_time() - cpu
        names = [str(row[0]) for row in rows]
        works = dict(con.execute("SELECT record_id, work_id FROM found").fetchall())
        edges = con.execute("SELECT a, b, rule, status FROM store.match_edge WHERE status IN ('auto', 'review') ORDER BY ALL").fetchall()
    finally:
        con.close()
    across = len(set(sources.values())) > 1
    counts = _Counting(names, sources, across)
    truth = counts.closure(truth_pairs)
    matched = counts.within(works)
    titles = {str(name): title_key(str(title)) for name, _, title, *_ in rows}
    return _score(counts, titles, truth, matched, edges, works, cpu, time.monotonic() - began)


class _Counting:
    """Pairs of places in the file, the smaller first; across sources when there are two."""

    def __init__(self, names: Sequence[str], sources: Mapping[str, str], across: bool) -> None:
        self.place = {name: n for n, name in enumerate(names)}
        self.names = names
        self.sources = sources
        self.across = across

    def pair(self, a: str, b: str) -> tuple[int, int] | None:
        if a == b or (self.across and self.sources[a] == self.sources[b]):
            return None
        x, y = self.place[a], self.place[b]
        return (x, y) if x < y else (y, x)

    def all_of(self, groups: Iterable[Sequence[str]]) -> set[tuple[int, int]]:
        return {pair for group in groups for a, b in combinations(group, 2) if (pair := self.pair(a, b))}

    def within(self, works: Mapping[str, str]) -> set[tuple[int, int]]:
        groups: dict[str, list[str]] = defaultdict(list)
        for name, work in works.items():
            groups[work].append(name)
        return self.all_of(groups.values())

    def closure(self, pairs: Iterable[tuple[str, str]]) -> set[tuple[int, int]]:
        parent: dict[str, str] = {}

        def root(name: str) -> str:
            while (above := parent.setdefault(name, name)) != name:
                parent[name] = parent[above]
                name = parent[name]
            return name

        for a, b in pairs:
            parent[root(a)] = root(b)
        return self.within({name: root(name) for name in list(parent)})


def _score(
    counts: _Counting, titles: Mapping[str, str], truth: set[tuple[int, int]], matched: set[tuple[int, int]],
    edges: Sequence[tuple[str, str, str, str]], works: Mapping[str, str], cpu: float, total: float,
) -> IdentityScore:  # fmt: skip
    review = {p for a, b, _, status in edges if status == "review" and works[a] != works[b] and (p := counts.pair(a, b))}
    changed = {(x, y) for x, y in truth if titles[counts.names[x]] != titles[counts.names[y]]}
    true = len(truth & matched)
    precision = true / len(matched) if matched else None
    recall = true / len(truth) if truth else None
    by_rule: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for a, b, rule, status in edges:
        if status == "auto" and (p := counts.pair(a, b)):
            by_rule[rule].add(p)
    return IdentityScore(
        records=len(counts.names), truth=len(truth), matched=len(matched), true=true, precision=precision, recall=recall,
        f1=2 * precision * recall / (precision + recall) if precision and recall else None,
        changed=len(changed), changed_found=len(changed & matched), changed_found_with_review=len(changed & (matched | review)),
        review=len(review), review_true=len(review & truth),
        rules=tuple(RuleScore(rule=rule, accepted=len(found), true=len(found & truth)) for rule, found in sorted(by_rule.items())),
        cpu_seconds=round(cpu, 3), total_seconds=round(total, 3),
    )  # fmt: skip


def _rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    lines = io.StringIO(_text(path).replace("\0", ""), newline="")
    try:
        reader = csv.reader(lines)
        names = [name.strip().casefold() for name in next(reader, [])]
        if lacking := [name for name in needed if name not in names]:
            raise DocumentError(
                f"{path}: no column {', '.join(lacking)}", hint=f"the first line must name the columns {', '.join(needed)}, with commas"
            )
        for row in reader:
            if row:
                yield reader.line_num, dict(zip_longest(names, row[: len(names)], fillvalue=""))
    except csv.Error as error:
        raise DocumentError(f"{path}: no CSV: {error}", hint="write it as comma-separated values with quotes, UTF-8") from error


def _text(path: Path) -> str:
    """UTF-8 or UTF-16 by its byte-order mark; what is no UTF-8 is read as Windows wrote it (cp1252)."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}", hint="give the path of a CSV file") from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _records(path: Path) -> list[tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for line, row in _rows(path, ("id", "title")):
        name = row["id"].strip()
        if not name:
            raise DocumentError(f"{path}:{line}: a record without id", hint="give every record an id of its own")
        if name in found:
            raise DocumentError(f"{path}:{line}: the id {name} stands here twice", hint="give every record an id of its own")
        found[name] = (name, *(row.get(column, "") for column in _COLUMNS[1:]))
    return list(found.values())


def _pairs(path: Path, known: Mapping[str, str]) -> list[tuple[str, str]]:
    pairs = []
    for line, row in _rows(path, ("a", "b")):
        pair = (row["a"].strip(), row["b"].strip())
        for name in pair:
            if name not in known:
                raise DocumentError(f"{path}:{line}: no record has the id {name!r}", hint="give the pairs that belong to these records")
        pairs.append(pair)
    return pairs


_SHAPE: dict[str, Any] = {
    "record_id": "VARCHAR", "source": "VARCHAR", "source_key": "VARCHAR", "title": "VARCHAR", "authors": ["VARCHAR"], "venue": "VARCHAR",
    "year": "INTEGER", "identifiers": "MAP(VARCHAR, VARCHAR)", "content_hash": "VARCHAR", "generic": "BOOLEAN", "preprint": "BOOLEAN",
    "name_tokens": ["VARCHAR"], "first_run": "VARCHAR",
}  # fmt: skip


def _fill(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    con.execute("CREATE SCHEMA store; SET enable_progress_bar = false")
    for _, _, sql in migrations():
        con.execute(sql)
    stage(con, "given", [_row(*row) for row in rows], _SHAPE)
    columns = ", ".join(_SHAPE)
    con.execute(f"INSERT INTO store.record ({columns}) SELECT {columns} FROM given")
    con.execute(
        "INSERT INTO store.record_key SELECT record_id, e.key, e.value FROM (SELECT record_id, unnest(map_entries(identifiers)) AS e FROM given)"
    )
    con.execute("DROP TABLE given; CREATE TEMP TABLE said (a VARCHAR, b VARCHAR, what VARCHAR, decision_id VARCHAR)")
    con.execute("CREATE TEMP TABLE resaid (record_id VARCHAR); CREATE TEMP TABLE recorrected (record_id VARCHAR)")


def _row(name: str, src: str, title: str, authors: str, year: str, venue: str, doi: str) -> dict[str, Any]:
    names = split_authors(html.unescape(authors))  # `K&#246;nig` is no place to cut
    found, told = _YEAR.search(year), _DOI.search(doi)
    return {
        "record_id": name, "source": src, "source_key": name, "title": clean_line(title), "authors": names, "venue": clean_line(venue) or None,
        "year": int(found[0]) if found else None, "identifiers": identifiers_of_doi(told[0].rstrip(".,;")) if told else {}, "content_hash": "1",
        "generic": is_generic_title(title), "preprint": is_preprint(venue.strip()), "name_tokens": name_tokens(names), "first_run": "",
    }  # fmt: skip
