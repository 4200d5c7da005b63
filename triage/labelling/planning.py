"""What labelling may ask of the models, at most: for `--plan`. Asks nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from triage.labelling import Paper
from triage.labelling.reading import Reader, open_reader
from triage.llm_plan import PlannedCalls, plan_questions, usual_cost
from triage.llm_several import look_up

if TYPE_CHECKING:
    import duckdb

    from triage.labelling.choosing import Candidate
    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["LONGEST_UNSEEN", "plan_labels"]

LONGEST_UNSEEN = 6000
"""Characters of title and abstract that a paper not gathered yet is taken to have at most; of 6,280 abstracts of
three venues the longest had 2,465."""


def plan_labels(
    run: Run,
    works: Sequence[str] | None,
    taxonomy: Taxonomy,
    *,
    environ: Mapping[str, str],
    unseen: int = 0,
    reprompt: bool = False,
    batch: bool = False,
) -> list[PlannedCalls | None]:
    """One entry a model: what is due now, and `unseen` papers that are not gathered yet. Empty when no model is configured.

    `reprompt`: what `triage label --reprompt` asks instead; `batch`: in batches, without repairs and at their price.
    Raises SettingsError when a model's settings or prompt are wrong.
    """
    lines: list[PlannedCalls | None] = []
    due_before: list[Candidate] = []
    for second in (False, True):
        reader = open_reader(run, taxonomy, environ, second=second)
        if reader is None:
            continue
        with run.warehouse.burst() as con:
            # what waits in a batch may come back without an answer that can be used
            wanted = reader.candidates(con, works)
            if reprompt:
                due = [one for one in wanted if reader.is_older(one)]
            else:
                due = [one for one in wanted if works is not None or not one.current]
                # whatever the first model reads now may end in the disagreement that is the second one's part
                due += [one for one in due_before if one.paper.work_id not in {x.paper.work_id for x in due}]
            lines.append(_line(con, reader, [one.paper for one in due], give_up=works is None and not reprompt, batch=batch))
            if unseen and not reprompt:
                model, question = reader.labeller.model, reader.labeller.question(Paper("w" * 13, "", "x" * LONGEST_UNSEEN))
                usual = usual_cost(con, model, "label")
                lines.append(plan_questions(model, [question] * unseen, purpose="label", usual=usual, about="not gathered yet"))
        due_before = due
    return lines


def _line(con: duckdb.DuckDBPyConnection, reader: Reader, papers: Sequence[Paper], *, give_up: bool, batch: bool) -> PlannedCalls | None:
    model = reader.labeller.model
    questions = [reader.labeller.question(paper) for paper in papers]
    past = look_up(model, con, questions)
    ask = [
        one
        for one in questions
        if past[one.work_id][0] is None and not (give_up and past[one.work_id][1] >= model.settings.nights)
    ]  # fmt: skip
    known = sum(answer is not None for answer, _ in past.values())
    return plan_questions(model, ask, purpose="label", known=known, usual=usual_cost(con, model, "label"), batch=batch)
