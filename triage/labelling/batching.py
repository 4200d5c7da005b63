"""Labels in batches, for back-fills: what is due is sent as a file and collected on a later night, at a lower price.

A batch is written down before it is sent, with an id that the server keeps as metadata. So whatever a kill leaves
behind, the next run knows: a batch that arrived is adopted, one that did not is forgotten and its papers are due again.
Answers are judged as any others; a paper whose answer cannot be used is due again, and goes into the next batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from triage.errors import ModelError
from triage.ledger import OK, Call, CallKey, Journal, journal_path, put_away, store_calls
from triage.llm_prices import cost_of
from triage.models import stable_id
from triage.warehouse import stage

if TYPE_CHECKING:
    from triage.labelling import Paper
    from triage.labelling.choosing import Candidate
    from triage.labelling.reading import Reader
    from triage.llm import Question
    from triage.llm_batch_api import BatchDesk, BatchResult
    from triage.llm_prices import Most
    from triage.runs import Run

__all__ = ["collect", "in_batches", "submit"]


class _Item(NamedTuple):
    work_id: str
    prompt_hash: str
    schema_hash: str
    taxonomy_version: str
    input_hash: str


class _Open(NamedTuple):
    intent: str
    batch_id: str | None
    model: str
    run_id: str


def in_batches(run: Run, reader: Reader) -> dict[str, str]:
    """Works whose question waits at the server: work id -> the batch."""
    endpoint = reader.labeller.model.endpoint
    with run.warehouse.burst() as con:
        rows = con.execute(
            "SELECT i.work_id, coalesce(b.batch_id, b.intent) FROM store.llm_batch b JOIN store.llm_batch_item i USING (intent)"
            " WHERE b.state IN ('intended', 'submitted') AND b.endpoint = ? AND b.model = ? AND b.second = ?",
            [endpoint.base_url, endpoint.model, reader.second],
        ).fetchall()
    return dict(rows)


def collect(run: Run, reader: Reader, candidates: Sequence[Candidate]) -> list[str]:
    """Fetch the answers of batches that have ended into the ledger, from where papers are labelled; lines for the person.

    A server that cannot be asked is a failure of the run; its batches stay open.
    """
    opened = _open_batches(run, reader)
    if not opened:
        return []
    papers = {one.paper.work_id: one.paper for one in candidates}
    lines = []
    with closing(_desk(reader)) as desk:
        for one in opened:
            try:
                lines.append(_collect_one(run, reader, desk, one, papers))
            except ModelError as error:
                name = one.batch_id or one.intent
                run.fail(reader.step, name, error.kind, f"batch {name}: {error.message}", error.hint)
    return lines


def _desk(reader: Reader) -> BatchDesk:
    from triage.llm_batch_api import BatchDesk

    model = reader.labeller.model
    return BatchDesk(model.endpoint, timeout=model.settings.timeout_seconds)


def _open_batches(run: Run, reader: Reader) -> list[_Open]:
    with run.warehouse.burst() as con:
        rows = con.execute(
            "SELECT intent, batch_id, model, run_id FROM store.llm_batch WHERE state IN ('intended', 'submitted') AND endpoint = ? AND second = ?"
            " ORDER BY made_at, intent",
            [reader.labeller.model.endpoint.base_url, reader.second],
        ).fetchall()
    return [_Open(*row) for row in rows]


def _mark(run: Run, intent: str, state: str, *, batch_id: str | None = None, message: str | None = None) -> None:
    with run.warehouse.burst() as con:
        con.execute(
            "UPDATE store.llm_batch SET state = $state, batch_id = coalesce($batch_id, batch_id), message = $message,"
            " ended_at = CASE WHEN $state = 'submitted' THEN NULL ELSE CAST($now AS TIMESTAMP) END WHERE intent = $intent",
            {"state": state, "batch_id": batch_id, "message": message, "now": run.now(), "intent": intent},
        )


def _collect_one(run: Run, reader: Reader, desk: BatchDesk, one: _Open, papers: Mapping[str, Paper]) -> str:
    batch_id = one.batch_id or desk.find(one.intent)
    state = desk.look(batch_id) if batch_id else None
    if batch_id is None or state is None:
        _mark(run, one.intent, "gone", message="the server does not know it")
        return f"batch {batch_id or one.intent} never arrived or is gone: its papers are due again"
    if not state.ended:
        _mark(run, one.intent, "submitted", batch_id=batch_id)
        return f"batch {batch_id} is {state.status}: its papers wait"
    answers: dict[str, BatchResult] = {}
    for result in desk.results(state):
        answers.setdefault(result.custom_id, result)
    return _keep(run, reader, one._replace(batch_id=batch_id), state.status, answers, papers)


def _keep(run: Run, reader: Reader, one: _Open, status: str, answers: Mapping[str, BatchResult], papers: Mapping[str, Paper]) -> str:
    """Put the answers into the ledger and close the batch, in one transaction. Requests without an answer (expired,
    cancelled) are not charged; answers nobody asked for are left out."""
    items = _items(run, one.intent)
    calls = [_call(run, reader, one, key, answers[key.work_id], papers.get(key.work_id)) for key in items if key.work_id in answers]
    journal = Journal(journal_path(run.workspace))
    try:
        journal.append(*calls)
    finally:
        journal.close()
    with run.warehouse.burst() as con:
        store_calls(con, calls)
        reader.labeller.model.remember(con)
        con.execute(
            "UPDATE store.llm_batch SET state = 'collected', batch_id = ?, message = ?, ended_at = ? WHERE intent = ?",
            [one.batch_id, status, run.now(), one.intent],
        )
    put_away(run.workspace)
    good = sum(call.status == OK for call in calls)
    cost = "cost not known" if None in (costs := [call.cost for call in calls]) else f"${sum(filter(None, costs)):.4f}"
    return f"batch {one.batch_id} is {status}: {good} of {len(items)} answers can be used, the others are due again; {cost}"


def _items(run: Run, intent: str) -> list[_Item]:
    with run.warehouse.burst() as con:
        rows = con.execute(
            f"SELECT {', '.join(_Item._fields)} FROM store.llm_batch_item WHERE intent = ? ORDER BY work_id", [intent]
        ).fetchall()
    return [_Item(*row) for row in rows]


def _call(run: Run, reader: Reader, one: _Open, item: _Item, result: BatchResult, paper: Paper | None) -> Call:
    """The row for one answer. It is judged as long as the question is still the same."""
    model = reader.labeller.model
    key = CallKey(item.prompt_hash, item.schema_hash, item.taxonomy_version, one.model, item.input_hash)
    question = reader.labeller.question(paper) if paper else None
    same = question is not None and question.key(model.endpoint.model) == key
    came, remark = model.judge_batched(question if same else None, result.status, result.raw)
    usage, cost = came.usage, None if came.status is None else 0.0
    if usage.sent is not None and usage.received is not None:
        cost = cost_of(model.batch_price, usage.sent, usage.cached or 0, usage.received)
    return Call(
        # the same each time it is collected: a kill in between makes no second row
        call_id=stable_id("c", "batch", one.batch_id or "", item.work_id), purpose="label", work_id=item.work_id,
        endpoint=model.endpoint.base_url, **key._asdict(), tokens_in=usage.sent, tokens_cached=usage.cached, tokens_out=usage.received,
        cost=cost, seconds=0.0, status=came.kind, message=remark if came.kind == OK else came.message, reply=came.raw,
        run_id=one.run_id, made_at=run.now(), attempt=1,
    )  # fmt: skip


def submit(run: Run, reader: Reader, questions: Sequence[Question[Any]]) -> tuple[int, str]:
    """Send questions in batches, as far as the caps allow: (how many were sent, why not all).

    Each batch is in the warehouse before it leaves the machine.
    """
    from triage.llm_batch_api import LARGEST_BATCH, UNCERTAIN, chunks
    from triage.llm_wire import request_body

    model, sent, why = reader.labeller.model, 0, ""
    fitting, most = [], []
    for question in questions:
        needed = model.most_of_batched(question)
        if not model.budget.reserve(needed):
            # nothing in flight can give room back: what is set aside in a batch stays so until it is collected
            why = model.budget.reached(needed) or "what is in batches already takes the rest of a cap"
            break
        fitting.append(question)
        most.append(needed)
    with closing(_desk(reader)) as desk:
        for number, part in enumerate(chunks(fitting, LARGEST_BATCH)):
            needs = most[number * LARGEST_BATCH : number * LARGEST_BATCH + len(part)]
            intent = stable_id("b", run.id, str(reader.second), *(question.work_id for question in part))
            _intend(run, reader, intent, [_item(q, model.endpoint.model) for q in part], needs)
            bodies = {
                q.work_id: request_body(
                    model.dialect, model.endpoint.model, q.messages.as_sent, q.schema,
                    most_tokens=q.most_tokens or model.settings.max_output_tokens, temperature=q.temperature,
                )
                for q in part
            }  # fmt: skip
            try:
                batch_id = desk.submit(intent, bodies)
            except ModelError as error:
                if error.kind not in UNCERTAIN:
                    _mark(run, intent, "gone", message=error.message)
                # else it may have arrived: the next run looks for it by its mark
                run.fail(reader.step, intent, error.kind, f"batch {intent} of {len(part)} papers: {error.message}", error.hint)
                return sent, f"{error.kind}: {error.message}"
            _mark(run, intent, "submitted", batch_id=batch_id)
            sent += len(part)
    return sent, why


def _item(question: Question[Any], model: str) -> _Item:
    key = question.key(model)
    return _Item(question.work_id, key.prompt_hash, key.schema_hash, key.taxonomy_version, key.input_hash)


def _intend(run: Run, reader: Reader, intent: str, items: Sequence[_Item], needs: Sequence[Most]) -> None:
    endpoint, rows = reader.labeller.model.endpoint, [item._asdict() for item in items]
    costs = [need.usd for need in needs]
    with run.warehouse.burst() as con:
        stage(con, "new_item", rows, dict.fromkeys(_Item._fields, "VARCHAR"))
        con.execute(f"INSERT INTO store.llm_batch_item SELECT ?, {', '.join(_Item._fields)} FROM new_item", [intent])
        con.execute(
            "INSERT INTO store.llm_batch VALUES (?, ?, ?, ?, NULL, 'intended', ?, ?, ?, NULL, ?, ?, NULL)",
            [
                intent, reader.second, endpoint.base_url, endpoint.model, len(rows), sum(need.tokens for need in needs),
                None if None in costs else sum(filter(None, costs)), run.id, run.now(),
            ],
        )  # fmt: skip
