"""The NLI classifier's part of labelling: what is due for it, its probabilities kept, its labels stored or taken back.

It comes after the rules and the embedding model and reads what they left without a label that counts. A model that is
missing is one failure that says what to do; the others' labels stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from triage.cues import claimed_efficiency
from triage.errors import SettingsError, UsageError
from triage.labelling import Paper
from triage.labelling.lexical import LexicalLabeller
from triage.labelling.quoting import quoted
from triage.labelling.storing import Labelled, store_labels
from triage.models import stable_id
from triage.runs import StepReport
from triage.seeds import workspace_cues
from triage.vectors import text_hash
from triage.warehouse import stage

if TYPE_CHECKING:
    from triage.cues import Cues
    from triage.labelling.nli import Entailments
    from triage.nli import Classifier
    from triage.runs import Run
    from triage.taxonomy import Taxonomy

__all__ = ["label_by_nli"]

STEP = "label nli"
_BATCH_PAPERS = 20
"""Kept together: a label takes some tens of milliseconds a paper, so that a run that is killed loses less than a minute."""
_ENTAILMENT: dict[str, Any] = {**dict.fromkeys(("passage_hash", "statement_hash"), "VARCHAR"), "probability": "DOUBLE"}
_READ: dict[str, Any] = dict.fromkeys(("work_id", "basis"), "VARCHAR")


class _Wanted(NamedTuple):
    """A work without a label that counts (`silent`), or with labels of ours in force (`labelled`).

    `known`: read as it is now. `flags`: those of the taxonomy's flags that the rules gave and that count.
    """

    paper: Paper
    basis: str
    silent: bool
    known: bool
    labelled: bool
    flags: frozenset[str]


def label_by_nli(run: Run, works: Sequence[str] | None, taxonomy: Taxonomy) -> int:
    """Label by the configured model what the other local producers left open, of what is due or of the named works.

    Nothing when no model is configured. How many were read. In the report `new` were read now and `known` had not
    changed; `labelled` got labels, of `taken back` what was said before no longer stands.
    """
    if not run.settings.nli.model:
        return 0
    from triage.embedding_models import open_classifier

    try:
        classifier = open_classifier(run.workspace)
    except (SettingsError, UsageError) as error:
        run.fail(STEP, "model", "settings", error.message, error.hint)
        return 0
    return _label(run, works, taxonomy, classifier) if classifier else 0


def _label(run: Run, works: Sequence[str] | None, taxonomy: Taxonomy, classifier: Classifier) -> int:
    cues, cues_version = workspace_cues(run.workspace)
    rule = stable_id("n", run.settings.nli.template, str(run.settings.nli.threshold))
    wanted = _wanted(run, f"{taxonomy.version}/{cues_version}/{classifier.id}/{rule}", works, taxonomy)
    due = [one for one in wanted if works is not None or not one.known]
    run.progress.step(STEP, len(due))
    counts = dict.fromkeys(("labelled", "taken back", "pairs computed"), 0)
    read = 0
    try:
        for start in range(0, len(due), _BATCH_PAPERS):
            some = due[start : start + _BATCH_PAPERS]
            _batch(run, some, taxonomy, cues, classifier, counts)
            read += len(some)
    except SettingsError as error:  # a model that loads and cannot be run
        run.fail(STEP, "model", "settings", error.message, error.hint)
    known = len(wanted) - len(due)
    run.add(StepReport(step=STEP, read=len(wanted), new=read, known=known, failed=len(due) - read, counts=counts))
    return read


def _batch(run: Run, rows: Sequence[_Wanted], taxonomy: Taxonomy, cues: Cues, classifier: Classifier, counts: dict[str, int]) -> None:
    from triage.labelling.nli import Entailments, NliLabeller

    open_ = [one for one in rows if one.silent]
    papers = [one.paper for one in open_]
    rules = LexicalLabeller(cues, taxonomy)
    bases = [tuple(x for x in labels if x.label in one.flags) for one, labels in zip(open_, rules.label(papers), strict=True)]

    def labeller(entailments: Entailments) -> NliLabeller:
        nli = run.settings.nli
        return NliLabeller(
            rules, taxonomy, entailments, lambda p: claimed_efficiency(p.title, p.abstract, cues), template=nli.template, threshold=nli.threshold
        )  # fmt: skip

    texts = labeller(Entailments(classifier)).texts(papers, bases)
    entailments = Entailments(classifier, _known(run, classifier.id, map(text_hash, texts)))
    found = dict(zip((p.work_id for p in papers), labeller(entailments).label_over(papers, bases), strict=True))
    labelled = []
    for one in rows:
        labels = found.get(one.paper.work_id, ())
        counts["labelled"] += bool(labels)
        counts["taken back"] += one.labelled and not labels
        if labels or one.labelled:  # an empty answer takes back what it said before
            labelled.append(Labelled(one.paper.work_id, one.basis, tuple(quoted(one.paper, x) for x in labels)))
        run.progress.advance()
    counts["pairs computed"] += len(entailments.made)
    with run.warehouse.burst() as con:
        if labelled:
            store_labels(con, run, taxonomy, "nli", labelled, model=run.settings.nli.model)
        _keep(con, run, classifier.id, entailments.made, [{"work_id": one.paper.work_id, "basis": one.basis} for one in rows])


def _wanted(run: Run, version: str, works: Sequence[str] | None, taxonomy: Taxonomy) -> list[_Wanted]:
    flags = [one for one in taxonomy.flags if one != "other"]
    with run.warehouse.burst() as con:
        rows = con.execute(
            "WITH said AS (SELECT work_id, bool_or(list_contains($labels, label)) AS spoken,"
            "   list(label) FILTER (producer = 'lexical' AND list_contains($flags, label)) AS flags"
            "   FROM main.labels_current WHERE counts AND producer IN ('lexical', 'embedding') GROUP BY work_id),"
            " asked AS (SELECT w.work_id, w.title, w.abstract, NOT coalesce(s.spoken, false) AS silent, l.work_id IS NOT NULL AS labelled,"
            "   coalesce(s.flags, []) AS flags,"
            "   concat(w.text_hash, $version, '/', array_to_string(list_sort(coalesce(s.flags, [])), ' ')) AS present"
            "   FROM store.work w JOIN main.works v USING (work_id) LEFT JOIN said s USING (work_id)"
            "   LEFT JOIN (SELECT work_id FROM store.labelling_current WHERE producer = 'nli') l USING (work_id)"
            "   WHERE CASE WHEN $works IS NULL THEN v.decision = 'selected' OR (v.proposed AND v.decision IS NULL)"
            "   ELSE list_contains($works, w.work_id) END)"
            " SELECT a.work_id, title, abstract, CASE WHEN silent THEN present ELSE 'others' END AS basis, silent, labelled, flags,"
            "   silent AND r.basis IS NOT DISTINCT FROM present FROM asked a"
            " LEFT JOIN (SELECT work_id, max(basis) AS basis FROM store.nli_read GROUP BY work_id) r ON r.work_id = a.work_id"
            " WHERE silent OR labelled ORDER BY a.work_id",
            {"version": version, "works": None if works is None else list(works), "labels": list(taxonomy.labels), "flags": flags},
        ).fetchall()
    return [
        _Wanted(Paper(work_id, title, abstract), basis, silent, known, labelled, frozenset(flagged))
        for work_id, title, abstract, basis, silent, labelled, flagged, known in rows
    ]


def _known(run: Run, model: str, names: Iterable[str]) -> Mapping[tuple[str, str], float]:
    """Probabilities of earlier runs, by the hashes of text and statement."""
    with run.warehouse.burst() as con:
        rows = con.execute(
            "SELECT passage_hash, statement_hash, probability FROM store.entailment WHERE model = ? AND list_contains(?, passage_hash)",
            [model, list(names)],
        ).fetchall()
    return {(passage, said): probability for passage, said, probability in rows}


def _keep(con: Any, run: Run, model: str, made: Mapping[tuple[str, str], float], read: Sequence[dict[str, str]]) -> None:
    rows = [{"passage_hash": text, "statement_hash": said, "probability": p} for (text, said), p in made.items()]
    stage(con, "new_entailment", rows, _ENTAILMENT)
    con.execute("INSERT INTO store.entailment SELECT ?, * FROM new_entailment ORDER BY passage_hash, statement_hash", [model])
    # of another model they are of no use: one model is configured at a time
    con.execute("DELETE FROM store.entailment WHERE model <> ?", [model])
    stage(con, "now_read", read, _READ)
    con.execute("DELETE FROM store.nli_read WHERE work_id IN (SELECT work_id FROM now_read)")
    con.execute("INSERT INTO store.nli_read SELECT work_id, basis, ?, ? FROM now_read", [run.id, run.now()])
