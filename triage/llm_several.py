"""Several papers in one request, every answer checked on its own.

    for answer in ask_in_batches(model, questions, size=4): ...      # one answer a question, as from `model.ask_all`

Every answer in a reply repeats the id of its work, and is matched by it, never by its place. An answer that is
missing, there twice, about a foreign work or not valid is the fault of that paper alone: it is asked about once more,
by itself, and so is every paper of a reply that is no reply at all. What a batch answered well is known afterwards
like any other answer, however the next run puts papers together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, create_model

from triage.errors import ModelError
from triage.ledger import CONTENT_FAILURES, OK
from triage.llm import Answer, LanguageModel, Question
from triage.llm_wire import Schema, parse_reply, read_envelope
from triage.prompts import Messages
from triage.text import clean_line
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.ledger import Call

__all__ = ["ask_in_batches", "grouped", "look_up"]

Value = TypeVar("Value")
Outcomes = dict[str, Value | ModelError]

_RULES = (
    "This time there are {count} papers below, one after the other. Judge each by itself, by its own text only. Reply with"
    " `answers`: one entry for each paper, each with the `work_id` that is given with that paper and all that is asked for above."
)
_HASH = 24
"""Hex digits of a paper's input hash inside a batch's: enough to be the paper's own, short enough for a column."""


class _Loose(BaseModel):
    """A reply about several papers, each answer not looked at yet: one that is wrong must not spoil the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: list[JsonValue]


class _BatchSchema(Schema):
    """What the server is told: a list of the replies about single papers, all their bounds included."""

    def __init__(self, single: Schema) -> None:
        strict = create_model("Answers", __config__=ConfigDict(extra="forbid"), answers=(list[single.model], ...))  # type: ignore[name-defined]
        super().__init__(strict, f"{single.name}_answers")
        self.model = _Loose


class _Several(Messages):
    """Messages about several papers; known by what is known of each."""

    hashes: tuple[str, ...]

    @cached_property
    def sha256(self) -> str:
        return "+".join(part[:_HASH] for part in self.hashes)


@dataclass(frozen=True)
class _Batch:
    """Questions that go together; the same prompt, schema and taxonomy."""

    questions: tuple[Question[Any], ...]

    def together(self, default_tokens: int) -> Question[Outcomes[Any]]:
        first, count = self.questions[0], len(self.questions)
        papers = [f"Paper {number} of {count}\n\n{one.messages.user}" for number, one in enumerate(self.questions, 1)]
        messages = _Several(
            system=f"{first.messages.system}\n\n{_RULES.format(count=count)}", user="\n\n".join(papers),
            hashes=tuple(one.messages.sha256 for one in self.questions),
        )  # fmt: skip
        return replace(
            first, work_id=" ".join(one.work_id for one in self.questions), messages=messages, schema=_BatchSchema(first.schema),
            accept=self._accept, most_tokens=sum(one.most_tokens or default_tokens for one in self.questions),
        )  # fmt: skip

    def _accept(self, reply: _Loose) -> tuple[Outcomes[Any], str | None]:
        outcomes = outcomes_of(reply, self.questions)
        ids = [_work_id(item) for item in reply.answers]
        foreign = sorted({name[:40] for name in ids if name not in outcomes})
        faults = [f"{work_id}: {error.message}" for work_id, error in outcomes.items() if isinstance(error, ModelError)]
        faults += [f"an answer about {clean_line(name)!r}, which was not asked about" for name in foreign]
        if all(isinstance(one, ModelError) for one in outcomes.values()):
            # the kind says whether a repair can help; each paper is asked about by itself anyway
            raise ModelError("; ".join(faults)[:1000], kind="foreign work")
        return outcomes, "; ".join(faults)[:1000] or None


def outcomes_of(reply: _Loose, questions: Sequence[Question[Any]]) -> Outcomes[Any]:
    """Work id -> what its answer is worth, or what is wrong with it: missing, there twice, not valid, without evidence."""
    ids = Counter(_work_id(item) for item in reply.answers)
    answers = {_work_id(item): item for item in reply.answers}
    return {one.work_id: _outcome(one, answers.get(one.work_id), ids[one.work_id]) for one in questions}


def _outcome(question: Question[Value], answer: JsonValue, times: int) -> Value | ModelError:
    if times != 1:
        return ModelError("there is no answer about it" if not times else f"there are {times} answers about it", kind="foreign work")
    try:
        value, _ = question.accept(question.schema.model.model_validate(answer, strict=False))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the answer"
        return ModelError(clean_line(f"{where}: {fault['msg']}")[:300], kind="malformed")
    except ModelError as error:
        return error
    return value


def _work_id(answer: JsonValue) -> str:
    named = answer.get("work_id") if isinstance(answer, dict) else None
    return named if isinstance(named, str) else ""


def grouped(questions: Sequence[Question[Value]], size: int, default_tokens: int) -> list[Question[Any]]:
    """The requests in which `ask_in_batches` asks first: several papers in each, and what is left over alone."""
    batches = [_Batch(tuple(questions[start : start + size])) for start in range(0, len(questions), size)]
    return [batch.together(default_tokens) if len(batch.questions) > 1 else batch.questions[0] for batch in batches]


def ask_in_batches(model: LanguageModel, questions: Sequence[Question[Value]], size: int) -> Iterator[Answer[Value]]:
    """Ask about `size` papers at once; exactly one answer a question, in the order in which they are answered.

    A request about several papers stands in the calls of the first answer that comes of it.
    """
    if size <= 1:
        yield from model.ask_all(questions)
        return
    batches = [_Batch(tuple(questions[start : start + size])) for start in range(0, len(questions), size)]
    by_ids = {" ".join(one.work_id for one in batch.questions): batch for batch in batches}
    alone: list[Question[Value]] = [batch.questions[0] for batch in batches if len(batch.questions) == 1]
    together = [batch.together(model.settings.max_output_tokens) for batch in batches if len(batch.questions) > 1]
    calls: tuple[Call, ...] = ()
    for answer in model.ask_all(together):
        calls += answer.calls
        for question in by_ids[answer.question.work_id].questions:
            came = _of_one(question, answer)
            if came is None:
                alone.append(question)
            else:
                yield replace(came, calls=calls)
                calls = ()
    for single in model.ask_all(alone):
        yield replace(single, calls=calls + single.calls)
        calls = ()


def _of_one(question: Question[Value], answer: Answer[Outcomes[Value]]) -> Answer[Value] | None:
    """What a batch's answer is for one of its papers; None when it is to be asked about by itself."""
    if answer.value is not None:
        outcome = answer.value[question.work_id]
        return None if isinstance(outcome, ModelError) else Answer(question, value=outcome)
    if answer.error is not None and answer.error.kind in CONTENT_FAILURES and not answer.waiting:
        return None
    return Answer(question, error=answer.error, waiting=answer.waiting)


def look_up(
    model: LanguageModel, con: duckdb.DuckDBPyConnection, questions: Sequence[Question[Value]]
) -> dict[str, tuple[Answer[Value] | None, int]]:
    """What the ledger knows, of requests about one paper and about several: as `LanguageModel.look_up` gives it."""
    found = model.look_up(con, questions)
    open_ones = [one for one in questions if found[one.work_id][0] is None]
    for work_id, answer in _known_in_batches(con, model.endpoint.model, open_ones).items():
        found[work_id] = (answer, found[work_id][1])
    return found


def _known_in_batches(con: duckdb.DuckDBPyConnection, model: str, questions: Sequence[Question[Value]]) -> dict[str, Answer[Value]]:
    if not questions:
        return {}
    first = questions[0]
    by_hash = {one.messages.sha256[:_HASH]: one for one in questions}
    stage(con, "wanted_part", [{"part": part} for part in by_hash], {"part": "VARCHAR"})
    rows = con.execute(
        "SELECT p.part, c.reply FROM (SELECT unnest(string_split(input_hash, '+')) AS part, reply, made_at, call_id FROM store.llm_call"
        "   WHERE status = ? AND prompt_hash = ? AND schema_hash = ? AND taxonomy_version = ? AND model = ? AND contains(input_hash, '+')) c"
        " JOIN wanted_part p USING (part) ORDER BY c.made_at, c.call_id",
        [OK, first.prompt_hash, _BatchSchema(first.schema).hash, first.taxonomy_version, model],
    ).fetchall()
    known: dict[str, Answer[Value]] = {}
    for part, reply in rows:
        question = by_hash[part]
        try:
            outcome = outcomes_of(parse_reply(read_envelope(reply).content or "", _Loose), [question])[question.work_id]
        except ModelError:
            continue
        if not isinstance(outcome, ModelError):
            known[question.work_id] = Answer(question, value=outcome, known=True)
    return known
