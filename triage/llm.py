"""The one model door: an OpenAI-compatible server asked through the OpenAI client.

    model = open_model(run, environ=os.environ)          # None when neither a key nor a base URL is configured
    for answer in model.ask_all(questions):              # in the order in which they end
        answer.value or answer.error

Every request is a row of the ledger before its answer is used. A question the ledger knows the answer of costs
nothing. What a reply can become is decided by the question's `accept`; nothing here writes labels, and nothing
anywhere turns a reply into a decision.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from triage.errors import ModelError
from triage.ledger import OK, Past, journal_path, known_calls, spent
from triage.llm_asking import REPLIED, Asking, accepted
from triage.llm_endpoint import Endpoint, find_endpoint, second_of
from triage.llm_limits import Budget
from triage.llm_line import open_lines
from triage.llm_prices import Most, Spent, most_of, with_share
from triage.llm_questions import Answer, Question, Talk
from triage.llm_wire import REDUCED, Dialect, Exchange, lowered, parse_reply, read_envelope

if TYPE_CHECKING:
    import duckdb

    from triage.recordings import Recordings
    from triage.runs import Run
    from triage.settings import LlmSettings

__all__ = ["Answer", "Endpoint", "LanguageModel", "Question", "find_endpoint", "open_model", "second_of"]

DIALECT_DAYS = 30
"""After this long a server is asked again for the strictest form: it may have been updated."""

Value = TypeVar("Value")


_dialects: dict[tuple[str, str], Dialect] = {}
"""What each server of this process takes, by (address, model)."""
_begun: dict[tuple[str, str], deque[list[float]]] = {}
"""The requests of the last minute to each of them, for its limits."""


def open_model(
    run: Run, *, environ: Mapping[str, str], settings: LlmSettings | None = None, recordings: Recordings | None = None
) -> LanguageModel | None:
    """The configured model with what the warehouse remembers of it; None when none is configured.

    What this run and month have spent before, for whatever and on whichever model, counts for its caps. `settings` stand
    for those of the run (`second_of`). With `recordings` to replay no server is needed, and none is asked.
    """
    settings = settings or run.settings.llm
    if recordings is not None and recordings.replay:
        return LanguageModel(run, Endpoint(settings.base_url, settings.named_model), settings=settings, recordings=recordings)
    endpoint = find_endpoint(settings, environ)
    if endpoint is None:
        return None
    with run.warehouse.burst() as con:
        before = spent(con, settings.prices, run_id=run.id, now=run.now())
        learned = con.execute(
            "SELECT reply_format, limit_key, temperature FROM store.llm_dialect WHERE endpoint = ? AND model = ? AND learned_at > ?",
            [endpoint.base_url, endpoint.model, run.now() - timedelta(days=DIALECT_DAYS)],
        ).fetchall()
    if learned:
        dialect = Dialect(reply_format=learned[0][0], limit_key=learned[0][1], temperature=learned[0][2])
        _dialects.setdefault((endpoint.base_url, endpoint.model), dialect)
    return LanguageModel(run, endpoint, settings=settings, spent_before=before, recordings=recordings)


class LanguageModel:
    """One model behind one server, for one run: asks with concurrency, retries, budget and ledger."""

    def __init__(
        self,
        run: Run,
        endpoint: Endpoint,
        *,
        settings: LlmSettings,
        spent_before: tuple[Spent, Spent] = (Spent(), Spent()),
        recordings: Recordings | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.settings = settings
        self.recordings = recordings
        self.run_id = run.id
        self.now: Callable[[], datetime] = run.now
        self._journal_path = journal_path(run.workspace)
        self.price = self.settings.prices.get(endpoint.model)
        self.batch_price = with_share(self.price, self.settings.batch_price)
        self.budget = Budget(settings.budget, run=spent_before[0], month=spent_before[1], now=self.now)
        self.stopped: ModelError | None = None
        """Why the rest was not asked: the server does not let us, or a cap is reached."""
        self.failed_in_a_row = 0
        self._place = (endpoint.base_url, endpoint.model)

    @property
    def dialect(self) -> Dialect:
        """How the server is spoken to: as it is known to want it, or the strictest way."""
        return _dialects.get(self._place, Dialect())

    @property
    def is_understood(self) -> bool:
        return self._place in _dialects

    def understood(self, dialect: Dialect) -> None:
        """The server takes this dialect."""
        _dialects.setdefault(self._place, dialect)

    def lower(self, used: Dialect, came: Exchange) -> bool:
        """The server may have said that it does not take the dialect; whether there is a lower one for it."""
        lower = lowered(used, came.status or 0, came.raw or "")
        if lower is not None and self.dialect == used:
            _dialects[self._place] = lower
        return lower is not None

    def remember(self, con: duckdb.DuckDBPyConnection) -> None:
        """Keep what this server takes, and since when, inside the caller's transaction."""
        if self._place not in _dialects:
            return
        dialect, now = self.dialect, self.now()
        same = "endpoint = ? AND model = ? AND reply_format = ? AND limit_key = ? AND temperature = ? AND learned_at > ?"
        values = [*self._place, dialect.reply_format, dialect.limit_key, dialect.temperature, now - timedelta(days=DIALECT_DAYS)]
        if not con.execute(f"SELECT 1 FROM store.llm_dialect WHERE {same}", values).fetchall():
            con.execute("DELETE FROM store.llm_dialect WHERE endpoint = ? AND model = ?", list(self._place))
            con.execute("INSERT INTO store.llm_dialect VALUES (?, ?, ?, ?, ?, ?)", [*values[:-1], now])

    def look_up(self, con: duckdb.DuckDBPyConnection, questions: Sequence[Question[Value]]) -> dict[str, tuple[Answer[Value] | None, int]]:
        """What the ledger knows: work id -> (its answer, in how many runs the model could not answer it)."""
        past = known_calls(con, [question.key(self.endpoint.model) for question in questions])
        found = {}
        for question in questions:
            before = past.get(question.key(self.endpoint.model), Past(None, 0))
            if before.reply is not None and self.recordings and not self.recordings.replay:
                self.recordings.keep(question.key(self.endpoint.model), 1, before.reply)
            found[question.work_id] = (_answered_before(question, before), before.failed_runs)
        return found

    def ask_all(self, questions: Sequence[Question[Value]]) -> Iterator[Answer[Value]]:
        """Ask, at most `concurrency` at once, and give each answer as it comes; every question gives exactly one.

        When the caller stops early, what is in flight is cut off and stands in the ledger as interrupted. Raises
        WorkspaceError when the disk does not take a call's row.
        """
        if self.recordings and self.recordings.replay:
            for question in questions:
                yield self._replayed(question, self.recordings)
        elif questions:
            endpoint, at_once = self.endpoint, min(self.settings.concurrency, len(questions))
            try:
                lines = open_lines(endpoint.base_url, endpoint.key, timeout=self.settings.timeout_seconds, count=at_once)
            except ModelError as error:
                self.stopped = error
                yield Answer(questions[0], error=error)
                yield from (Answer(question, error=error, waiting=True) for question in questions[1:])
                return
            begun = _begun.setdefault(self._place, deque())
            yield from Asking(self, questions, lines, journal=self._journal_path, begun=begun).answers()

    def _replayed(self, question: Question[Value], recordings: Recordings) -> Answer[Value]:
        """What came of a question when it was recorded: the first answer that is worth something, else what was wrong with the last."""
        failed: ModelError | None = None
        try:
            for reply in recordings.replies(question.key(self.endpoint.model)):
                came = read_envelope(reply)
                if came.kind != OK:
                    failed = ModelError(came.message or came.kind, kind=came.kind)
                    continue
                try:
                    return Answer(question, value=question.accept(parse_reply(came.content or "", question.schema.model))[0])
                except ModelError as error:
                    failed = error
        except ModelError as error:
            failed = failed or error
        return Answer(question, error=failed)

    def most_of_batched(self, question: Question[Value]) -> Most:
        """The most a question takes in a batch: one request, neither repaired nor asked again."""
        talk = Talk(question, question.most_tokens or self.settings.max_output_tokens)
        return most_of(self.batch_price, talk.tokens_at_most, talk.most_tokens)

    def judge_batched(self, question: Question[Any] | None, status: int, raw: str) -> tuple[Exchange, str | None]:
        """What an answer of a batch comes to: an exchange with its kind, and a remark for the ledger.

        Without a question (it is another one by now) the answer is only read.
        """
        if status != 200:
            came = Exchange("bad request", f"HTTP {status} in a batch", raw=raw, status=status)
            return replace(came, kind=REDUCED) if self.lower(self.dialect, came) else came, None
        came = read_envelope(raw)
        if came.kind in REPLIED:
            self.understood(self.dialect)
        if came.kind != OK or question is None:
            return came, None
        came, _, remark = accepted(question, came)
        return came, remark


def _answered_before(question: Question[Value], past: Past) -> Answer[Value] | None:
    """The answer as it was accepted then; None when there is none, or when the program has become stricter since."""
    if past.reply is None:
        return None
    try:
        value, _ = question.accept(parse_reply(read_envelope(past.reply).content or "", question.schema.model))
    except ModelError:
        return None
    return Answer(question, value=value, known=True)
