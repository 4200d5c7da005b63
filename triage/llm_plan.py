"""How many calls, tokens and dollars questions take at most, before any is asked.

The most is the worst case in everything: each request fails as often as it may, is repaired, is cut and asked again
with twice the room, nothing is read from the server's cache, and every reply fills its room. Tokens are bounded from
above (`triage.llm_prices.tokens_at_most`). A server that ignores the limit on a reply's length is beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from triage.llm_prices import Spent, cost_of, most_of, tokens_at_most
from triage.llm_several import grouped
from triage.models import Frozen

if TYPE_CHECKING:
    import duckdb

    from triage.llm import LanguageModel, Question
    from triage.llm_wire import Dialect
    from triage.settings import LlmBudget

__all__ = ["Cap", "Plan", "PlannedCalls", "plan_questions", "planned", "usual_cost", "worst_case"]

LADDER = 5
"""A server can say at most so often that it does not take a dialect: two reply formats, two limits, a temperature."""
REPAIR_CHARACTERS = 2000
"""What a repair adds in words of ours, the schema apart."""


class PlannedCalls(Frozen):
    """What one purpose asks of one model. `calls` is one a paper that is not known, or one for several; `most_usd` is None while the price
    is unknown; `usual_usd` is what such calls cost so far, None when there were none or their price is unknown."""

    purpose: str
    model: str
    papers: int
    known: int
    calls: int
    most_calls: int
    most_tokens_in: int
    most_tokens_out: int
    most_usd: float | None
    usual_usd: float | None
    about: str = ""


class Cap(Frozen):
    """One cap of `[llm.budget]` and what is left of it."""

    unit: str
    span: str
    cap: float
    spent: float
    left: float


class Plan(Frozen):
    """All that a run may ask. `most_calls` and `most_usd` are held down by the caps; `most_usd` is None while a price is unknown.

    `notes` say what the figures rest on.
    """

    calls: tuple[PlannedCalls, ...]
    caps: tuple[Cap, ...]
    most_calls: int
    most_tokens: int
    most_usd: float | None
    notes: tuple[str, ...] = ()


class WorstCase(NamedTuple):
    """The most one question takes."""

    calls: int
    sent: int
    received: int


def worst_case(question: Question[Any], *, most_tokens: int, max_attempts: int) -> WorstCase:
    """The most that one question takes, without the ladder of dialects: those requests are refused and cost nothing.

    In `LanguageModel._ask` a request may fail for a while (`max_attempts` times, three times as often for 429, which
    is never charged), and besides be repaired once and cut once; the last one ends it. So `max_attempts` + 2 may be charged.
    """
    schema = question.schema
    first = sum(tokens_at_most(text) for text in (question.messages.system, question.messages.user, schema.in_words, schema.text))
    # the repair shows the reply (at most the tokens it had) and the complaint, with the schema once more
    repaired = first + 2 * most_tokens + tokens_at_most(schema.in_words) + REPAIR_CHARACTERS // 2
    charged = max_attempts + 2
    return WorstCase(3 * max_attempts + 2, first + (charged - 1) * repaired, most_tokens + (charged - 1) * 2 * most_tokens)


def plan_questions(
    model: LanguageModel,
    questions: Sequence[Question[Any]],
    *,
    purpose: str,
    known: int = 0,
    usual: float | None = None,
    about: str = "",
    batch: bool = False,
) -> PlannedCalls | None:
    """What these questions take at most; None when there is nothing to say.

    `known`: papers beside them whose answer the ledger has; `usual`: what one paper cost so far.
    """
    if not (questions or known):
        return None
    settings = model.settings
    if batch:
        most = [model.most_of_batched(one) for one in questions]
        sent, received = sum(one.sent for one in most), sum(one.received for one in most)
        return PlannedCalls(
            purpose=purpose, model=model.endpoint.model, papers=len(questions) + known, known=known, calls=len(questions),
            most_calls=len(questions), most_tokens_in=sent, most_tokens_out=received, most_usd=most_of(model.batch_price, sent, received).usd,
            usual_usd=None if usual is None else usual * settings.batch_price * len(questions), about="in a batch",
        )  # fmt: skip
    first = grouped(questions, settings.batch_size, settings.max_output_tokens)
    # a paper whose answer among several cannot be used is asked about once more, alone
    requests = [*first, *questions] if settings.batch_size > 1 else first
    worst = [
        worst_case(one, most_tokens=one.most_tokens or settings.max_output_tokens, max_attempts=settings.max_attempts) for one in requests
    ]
    # a dialect is refused to all that are in flight at that moment
    ladder = min(len(requests), settings.concurrency) * steps_down(model.dialect)
    sent, received = sum(one.sent for one in worst), sum(one.received for one in worst)
    return PlannedCalls(
        purpose=purpose, model=model.endpoint.model, papers=len(questions) + known, known=known, calls=len(first),
        most_calls=sum(one.calls for one in worst) + ladder, most_tokens_in=sent, most_tokens_out=received,
        most_usd=most_of(model.price, sent, received).usd, usual_usd=None if usual is None else usual * len(questions), about=about,
    )  # fmt: skip


def steps_down(dialect: Dialect) -> int:
    """How often the server may still refuse the dialect."""
    taken = ("json_schema", "json_object", "plain").index(dialect.reply_format)
    taken += ("max_tokens", "max_completion_tokens", "none").index(dialect.limit_key) + (not dialect.temperature)
    return LADDER - taken


def planned(calls: Iterable[PlannedCalls | None], budget: LlmBudget, spent: tuple[Spent, Spent], notes: Iterable[str] = ()) -> Plan:
    """The whole of what is planned, under the caps. `spent`: in this run and in this month so far."""
    lines = tuple(one for one in calls if one is not None)
    caps = tuple(_caps(budget, spent))
    left = {unit: [cap.left for cap in caps if cap.unit == unit] for unit in ("calls", "tokens", "usd")}
    costs = [one.most_usd for one in lines]
    tokens = sum(one.most_tokens_in + one.most_tokens_out for one in lines)
    return Plan(
        calls=lines, caps=caps, notes=tuple(notes),
        most_calls=int(min([sum(one.most_calls for one in lines), *left["calls"]])),
        most_tokens=int(min([tokens, *left["tokens"]])),
        most_usd=None if None in costs else min([sum(cost or 0.0 for cost in costs), *left["usd"]]),
    )  # fmt: skip


def _caps(budget: LlmBudget, spent: tuple[Spent, Spent]) -> Iterable[Cap]:
    for unit in ("calls", "tokens", "usd"):
        for span, before in zip(("run", "month"), spent, strict=True):
            cap, used = getattr(budget, f"{unit}_per_{span}"), getattr(before, unit)
            if cap is not None:
                yield Cap(unit=unit, span=span, cap=cap, spent=used, left=max(0.0, cap - used))


def usual_cost(con: duckdb.DuckDBPyConnection, model: LanguageModel, purpose: str) -> float | None:
    """What a paper's calls to this model for this purpose have cost so far, in dollars at today's price; None without
    calls or without a price."""
    rows = con.execute(
        "SELECT sum(tokens_in) / count(DISTINCT work_id), coalesce(sum(tokens_cached), 0) / count(DISTINCT work_id),"
        " sum(tokens_out) / count(DISTINCT work_id) FROM store.llm_call"
        # a request about several papers names them all
        " WHERE model = ? AND purpose = ? AND tokens_in IS NOT NULL AND tokens_out IS NOT NULL AND NOT contains(work_id, ' ') HAVING count(*) > 0",
        [model.endpoint.model, purpose],
    ).fetchall()
    return cost_of(model.price, *(round(figure) for figure in rows[0])) if rows else None
