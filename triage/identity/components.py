"""Pairs -> components: union-find over the touched records, with vetoes that hold for whole components.

Strongest pairs first; a union that would put a conflict into one component is left to review. The result
depends on the pairs alone, never on the order in which records came.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from triage.identity.rules import AUTHORS, PERSON, RULES, TITLE_RULES, YEARS

__all__ = ["Edge", "Node", "unite"]

_BY_TITLE = frozenset(rule.name for rule in TITLE_RULES)


@dataclass
class Node:
    """A record, or the component it stands for, as far as the vetoes need it.

    `order` decides which record founds a work: the run that first saw it, then its id. `years` are those
    of published records, `apart` the records that may never join it.
    """

    record_id: str
    order: tuple[str, str]
    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    years: set[int] = field(default_factory=set)
    dated: bool = True
    named: bool = True
    apart: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.members.add(self.record_id)


@dataclass
class Edge:
    """A pair that a rule takes; `status` is what comes of it: auto, or review."""

    a: str
    b: str
    rule: str
    score: float
    status: str = "auto"


def unite(nodes: Mapping[str, Node], edges: Sequence[Edge], apart: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Record id -> id of the record that founds its component; sets `status` of the edges.

    `apart` are pairs that must not meet in one component, by a person's word or by a veto, with the veto's name.
    """
    because: dict[frozenset[str], str] = {}
    for a, b, veto in apart:
        nodes[a].apart.add(b)
        nodes[b].apart.add(a)
        because[frozenset((a, b))] = veto
    _leave_open(nodes, edges, because)
    parent = {record_id: record_id for record_id in nodes}

    def root(record_id: str) -> str:
        while parent[record_id] != record_id:
            parent[record_id] = parent[parent[record_id]]
            record_id = parent[record_id]
        return record_id

    for edge in sorted(edges, key=lambda e: (RULES[e.rule].strength, -e.score, e.a, e.b)):
        left, right = nodes[root(edge.a)], nodes[root(edge.b)]
        if edge.status != "auto" or left is right:
            continue
        if _conflict(left, right, edge.rule):
            edge.status = "review"
            continue
        keeper, other = (left, right) if left.order <= right.order else (right, left)
        parent[other.record_id] = keeper.record_id
        _join(keeper, other)
    return {record_id: root(record_id) for record_id in nodes}


def _join(keeper: Node, other: Node) -> None:
    keeper.years |= other.years
    keeper.apart |= other.apart
    keeper.members |= other.members
    for scheme, values in other.ids.items():
        keeper.ids[scheme] |= values


def _conflict(left: Node, right: Node, rule: str) -> bool:
    """Whether anything in one component keeps it from anything in the other; a person's word may join two identifiers."""
    if not left.apart.isdisjoint(right.members):
        return True
    if rule == PERSON:
        return False
    if any(values and right.ids[scheme] and values != right.ids[scheme] for scheme, values in list(left.ids.items())):
        return True
    return rule in _BY_TITLE and bool(left.years and right.years and not left.years & right.years)


_MOST_OF = 0.75
"""Share of the dated records of a title that must name one year, so that the others are held to be typing errors."""


def _leave_open(nodes: Mapping[str, Node], edges: Sequence[Edge], because: Mapping[frozenset[str], str]) -> None:
    """A record without year that fits two papers of different years could be either: nobody knows which.

    Unless most records of the title name one year. The same for a record without authors between two papers
    by different people.
    """
    near: dict[str, dict[str, list[Edge]]] = defaultdict(lambda: defaultdict(list))
    for edge in edges:
        if edge.rule in _BY_TITLE:
            for one, other in ((edge.a, edge.b), (edge.b, edge.a)):
                if not (nodes[one].dated and nodes[one].named):
                    near[one][other].append(edge)
    for record_id, found in near.items():
        clash = _clashes(nodes, found.keys(), because)
        doubtful = set() if nodes[record_id].named else clash[AUTHORS]
        if not nodes[record_id].dated:
            doubtful |= _other_years(nodes, clash[YEARS])
        for edge in (edge for other in doubtful for edge in found[other]):
            edge.status = "review"


def _clashes(nodes: Mapping[str, Node], others: Set[str], because: Mapping[frozenset[str], str]) -> dict[str, set[str]]:
    """Those of `others` that years, or authors, keep apart from one another."""
    clash: dict[str, set[str]] = {YEARS: set(), AUTHORS: set()}
    for other in others:
        for against in nodes[other].apart & others:
            if (veto := because[frozenset((other, against))]) in clash:
                clash[veto] |= {other, against}
    return clash


def _other_years(nodes: Mapping[str, Node], clash: set[str]) -> set[str]:
    """Those of `clash` that are not of the one year most of them name; all of them when there is no such year."""
    told = Counter(year for other in clash for year in nodes[other].years)
    for year, times in told.most_common(1):
        if times >= _MOST_OF * told.total():
            return {other for other in clash if year not in nodes[other].years}
    return clash
