"""Where a paper is, or where it stopped: read from the readers' snapshot, so it works while a run is writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from triage.sources.preprints import arxiv_id
from triage.text import canonical_url, clean_line, identifiers_in_url, identifiers_of_doi, title_key

if TYPE_CHECKING:
    import duckdb

    from triage.workspace import Workspace

__all__ = ["State", "Step", "Trace", "trace"]

State = Literal[
    "never gathered",
    "refused",
    "unmatched",
    "unscreened",
    "below threshold",
    "waiting",
    "unproposed",
    "proposed",
    "selected",
    "rejected",
    "later",
]

MOST = 10
"""Works shown for one question; more means that the words are too few."""

LEAST_LETTERS = 4
"""Letters of a title's part that are looked for inside other titles."""


@dataclass(frozen=True)
class Step:
    """One thing that happened to a paper: `what` in one word, `said` in a sentence, `when` in UTC (None: not kept)."""

    what: str
    said: str
    when: str | None = None


@dataclass(frozen=True)
class Trace:
    """One paper: where it is now, and what happened on the way, in order. `work_id` is None while there is no work."""

    state: State
    title: str
    work_id: str | None
    url: str | None
    steps: tuple[Step, ...]


def trace(con: duckdb.DuckDBPyConnection, workspace: Workspace, words: str) -> list[Trace]:
    """The papers that `words` (a title or part of one, a link, a DOI, an arXiv id, a work or record id) can mean.

    At most ten, titles that fit exactly before those that only contain the words. When none was gathered,
    one trace says so: refused with the reason, spoken of but not gathered, or never seen.
    """
    records = _records(con, clean_line(words))
    works = con.execute(
        "SELECT work_id, min(record_id) FROM store.membership WHERE record_id IN (SELECT unnest(?)) GROUP BY work_id ORDER BY ALL",
        [records],
    ).fetchall()
    order = {record: place for place, record in enumerate(records)}
    traces = [_work(con, workspace, work_id) for work_id, _ in sorted(works, key=lambda row: order[row[1]])[:MOST]]
    loose = con.execute(
        "SELECT r.record_id FROM store.record r LEFT JOIN store.membership m USING (record_id)"
        " WHERE m.work_id IS NULL AND r.record_id IN (SELECT unnest(?)) ORDER BY ALL",
        [records],
    ).fetchall()
    traces += [_unmatched(con, record_id) for (record_id,) in loose[: MOST - len(traces)]]
    return traces or [_never(con, clean_line(words))]


# -- finding


def _records(con: duckdb.DuckDBPyConnection, words: str) -> list[str]:
    """Ids of the records meant, the surest kind of match only."""
    by_id = con.execute(
        "SELECT r.record_id FROM store.record r LEFT JOIN store.membership m USING (record_id)"
        " LEFT JOIN store.work_alias a ON a.new_id = m.work_id"
        " WHERE length($words) >= 4 AND (starts_with(r.record_id, $words) OR starts_with(m.work_id, $words) OR starts_with(a.old_id, $words))"
        " GROUP BY ALL ORDER BY ALL",
        {"words": words},
    ).fetchall()
    if by_id:
        return [row[0] for row in by_id]
    pairs = _keys(words)
    by_key = con.execute(
        "SELECT DISTINCT k.record_id FROM store.record_key k JOIN (SELECT unnest($schemes) AS scheme, unnest($keys) AS key) USING (scheme, key) ORDER BY ALL",
        {"schemes": [scheme for scheme, _ in pairs], "keys": [key for _, key in pairs]},
    ).fetchall()
    if by_key or "://" in words or any(scheme not in {"title"} for scheme, _ in pairs):
        return [row[0] for row in by_key]
    part = title_key(words)
    if len(part) < LEAST_LETTERS:
        return []
    inside = con.execute(
        "SELECT record_id FROM store.record WHERE contains(title_key, ?) ORDER BY length(title_key), record_id", [part]
    ).fetchall()
    return [row[0] for row in inside]


def _keys(words: str) -> list[tuple[str, str]]:
    """(scheme, key) pairs the words can stand for; a title only when they are nothing else."""
    named = identifiers_in_url(words)
    if not named and (identifier := arxiv_id(words)):
        named = {"arxiv": identifier}
    bare = words.lower().removeprefix("doi:").strip()
    if not named and bare.startswith("10.") and "/" in bare:
        named = identifiers_of_doi(bare)
    pairs = sorted(named.items())
    if "://" in words and (link := canonical_url(words)):
        pairs.append(("url", link))
    if not pairs and (key := title_key(words)):
        pairs.append(("title", key))
    return pairs


# -- telling


def _work(con: duckdb.DuckDBPyConnection, workspace: Workspace, work_id: str) -> Trace:
    found = con.execute(
        "SELECT title, url, decision, proposed, screening_score, curator_words, rank_score, unproposed FROM main.works WHERE work_id = ?",
        [work_id],
    ).fetchall()
    title, url, decision, proposed, score, words, ranked, taken_back = found[0]
    threshold = workspace.settings.screening.threshold
    state = "unproposed" if taken_back and not decision and not proposed else _state(decision, proposed, ranked, threshold)
    steps = [*_gathered(con, work_id), *_matched(con, work_id), *_apart(con, work_id)]
    steps += (
        _screened(con, work_id, score, words, threshold) + _proposed(con, work_id, state) + _labelled(con, work_id) + _spoken(con, work_id)
    )
    return Trace(state, title, work_id, url, tuple(steps))


def _state(decision: str | None, proposed: bool, score: float | None, threshold: float) -> State:
    if decision == "selected":
        return "selected"
    if decision == "rejected":
        return "rejected"
    if decision == "later":
        return "later"
    if proposed:
        return "proposed"
    if score is None:
        return "unscreened"
    return "waiting" if score >= threshold else "below threshold"


def _gathered(con: duckdb.DuckDBPyConnection, work_id: str) -> list[Step]:
    rows = con.execute(
        "SELECT source, source_key, title, first_seen, last_seen, first_run FROM main.records WHERE work_id = ? ORDER BY first_seen, source, source_key",
        [work_id],
    ).fetchall()
    return [
        Step("gathered", f"from {source} as {key}: {title!r}; last seen {_moment(last)} (run {run} saw it first)", _moment(first))
        for source, key, title, first, last, run in rows
    ]


_PAIR = (
    "SELECT e.rule, e.evidence, e.status, a.source || ' ' || a.source_key, b.source || ' ' || b.source_key, e.made_at, mb.work_id, ma.work_id, a.title, b.title"
    " FROM store.match_edge e JOIN store.record a ON a.record_id = e.a JOIN store.record b ON b.record_id = e.b"
    " JOIN store.membership ma ON ma.record_id = e.a JOIN store.membership mb ON mb.record_id = e.b"
)


def _matched(con: duckdb.DuckDBPyConnection, work_id: str) -> list[Step]:
    """The rules that hold its records together."""
    rows = con.execute(
        f"{_PAIR} WHERE ma.work_id = $work AND mb.work_id = $work AND e.status = 'auto' ORDER BY e.made_at, e.rule, e.a, e.b",
        {"work": work_id},
    ).fetchall()
    return [
        Step("matched", f"{left} and {right} are one work: the same {rule} ({evidence})", _moment(made))
        for rule, evidence, _, left, right, made, *_ in rows
    ]


def _apart(con: duckdb.DuckDBPyConnection, work_id: str) -> list[Step]:
    """Works it was nearly united with."""
    rows = con.execute(
        f"{_PAIR} WHERE (ma.work_id = $work) <> (mb.work_id = $work) ORDER BY e.made_at, e.rule, e.a, e.b LIMIT {MOST}", {"work": work_id}
    ).fetchall()
    steps = []
    for rule, evidence, _, _, _, made, right, left, left_title, right_title in rows:
        other, title = (right, right_title) if left == work_id else (left, left_title)
        steps.append(Step("kept apart", f"from {other} {title!r}, which has the same {rule}: for review ({evidence})", _moment(made)))
    return steps


def _screened(con: duckdb.DuckDBPyConnection, work_id: str, score: float | None, words: bool | None, threshold: float) -> list[Step]:
    if score is None:
        return [Step("not screened", "yet: triage run, or triage screen")]
    made = con.execute("SELECT made_at, vision_language, efficiency FROM store.screening WHERE work_id = ?", [work_id]).fetchall()[0]
    learned = con.execute("SELECT score, made_at FROM store.ranking WHERE work_id = ?", [work_id]).fetchall()
    side = "at or above" if score >= threshold else "below"
    efficiency = "not weighed" if made[2] is None else f"{made[2]:.2f}"
    parts = f"vision-language {made[1]:.2f}, efficiency {efficiency}; the curator's word filter {'keeps' if words else 'drops'} it"
    steps = [Step("screened", f"score {score:.2f}, {side} the threshold {threshold:g} ({parts})", _moment(made[0]))]
    for corrected, moment in learned:
        side = "at or above" if corrected >= threshold else "below"
        steps.append(
            Step("ranked", f"score {corrected:.2f} by what your decisions taught, {side} the threshold {threshold:g}", _moment(moment))
        )
    return steps


def _proposed(con: duckdb.DuckDBPyConnection, work_id: str, state: State) -> list[Step]:
    rows = con.execute("SELECT score, made_at FROM store.proposal WHERE work_id = ?", [work_id]).fetchall()
    if rows:
        return [Step("proposed", f"with score {rows[0][0]:.2f}", _moment(rows[0][1]))]
    if state == "unproposed":
        taken = con.execute("SELECT path, max(made_at) FROM store.unproposed WHERE work_id = ? GROUP BY path", [work_id]).fetchall()
        return [Step("unproposed", f"its proposal went when {path} was put back to an older state", _moment(made)) for path, made in taken]
    if state == "waiting":
        return [Step("waiting", "for a later run: [screening] max_proposals were better, or proposing has not run since")]
    return []


def _labelled(con: duckdb.DuckDBPyConnection, work_id: str) -> list[Step]:
    rows = con.execute(
        "SELECT producer, any_value(display), list(label ORDER BY position), max(made_at), bool_or(decides) FROM main.labels_current"
        " WHERE work_id = ? GROUP BY producer ORDER BY bool_or(decides) DESC, producer",
        [work_id],
    ).fetchall()
    return [
        Step("labelled", f"{display or ', '.join(labels)} by {producer}{'' if decides else ' (overruled)'}", _moment(made))
        for producer, display, labels, made, decides in rows
    ]


def _spoken(con: duckdb.DuckDBPyConnection, work_id: str) -> list[Step]:
    rows = con.execute(
        "SELECT what, value, reason, who, said_in, made_at, in_force FROM main.decisions WHERE work_id = ? ORDER BY made_at, decision_id",
        [work_id],
    ).fetchall()
    return [_word(*row) for row in rows]


def _word(what: str, value: str | None, reason: str | None, who: str, said_in: str, made: Any, in_force: bool) -> Step:
    said = f"{value + ' ' if value else ''}by {who} in {said_in}"
    return Step(what, said + (f", because: {reason}" if reason else "") + ("" if in_force else " (no longer in force)"), _moment(made))


def _unmatched(con: duckdb.DuckDBPyConnection, record_id: str) -> Trace:
    source, key, title, url, first = con.execute(
        "SELECT source, source_key, title, url, first_seen FROM store.record WHERE record_id = ?", [record_id]
    ).fetchall()[0]
    steps = (
        Step("gathered", f"from {source} as {key}", _moment(first)),
        Step("not matched", "to a work yet: triage run, or triage identify"),
    )
    return Trace("unmatched", title, None, url, steps)


def _never(con: duckdb.DuckDBPyConnection, words: str) -> Trace:
    steps = _waiting_words(con, words) + _refusals(con, words)
    state: State = "refused" if any(step.what == "refused" for step in steps) else "never gathered"
    if state == "never gathered":
        steps.append(Step("never gathered", "no source and no document has shown it; add it with: triage add arXiv:ID"))
    return Trace(state, words, None, None, tuple(steps))


def _waiting_words(con: duckdb.DuckDBPyConnection, words: str) -> list[Step]:
    """What a person said about a paper that no record tells of."""
    pairs = _keys(words)
    rows = con.execute(
        "SELECT DISTINCT d.what, d.value, d.reason, d.who, d.said_in, d.made_at, d.in_force FROM main.decisions d"
        " JOIN store.decision_key k ON k.reference = d.decision_id JOIN (SELECT unnest($schemes) AS scheme, unnest($keys) AS key) USING (scheme, key)"
        " WHERE d.work_id IS NULL ORDER BY d.made_at, d.what",
        {"schemes": [scheme for scheme, _ in pairs], "keys": [key for _, key in pairs]},
    ).fetchall()
    return [_word(*row) for row in rows]


def _refusals(con: duckdb.DuckDBPyConnection, words: str) -> list[Step]:
    """Failures that name it: by its id, or by the words themselves. `refused` are those of the paper itself."""
    named: Sequence[str] = [key for scheme, key in _keys(words) if scheme not in {"title", "url"}] or [words]
    rows = con.execute(
        "SELECT kind, step, item, message, made_at FROM main.failures WHERE length($word) >= 4 AND (contains(lower(item), lower($word))"
        f" OR contains(lower(message), lower($word))) ORDER BY made_at DESC LIMIT {MOST}",
        {"word": named[0]},
    ).fetchall()
    return [
        Step("refused" if kind == "refused" else "failed", f"in {step}: {item}: {message}", _moment(made))
        for kind, step, item, message, made in rows
    ]


def _moment(value: Any) -> str | None:
    return None if value is None else f"{value:%Y-%m-%d %H:%M}"
