"""What the rules' confidence means: the fit behind the constants of triage/labelling/lexical.py.

    python -m tests.benchmarks.calibration FILE[:fine]...

FILEs are labelled JSONL; `coarse` is compared where it is there, with ":fine" `labels`. Prints, for each file and for all,
Platt's two numbers over the log-odds of the confidence given (0 and 1: it means what it says) and the expected calibration
error. The constants are those of annotated.jsonl:fine and taxonomy.jsonl of the development data. New constants:
intercept = a + b * old intercept, slope = b * old slope.
"""

from __future__ import annotations

import sys
from pathlib import Path

from triage.calibration import calibration_error, fit
from triage.evaluation.labelled import read_labelled
from triage.evaluation.labels import level_of
from triage.labelling import Paper
from triage.labelling.lexical import LexicalLabeller
from triage.seeds import packaged_cues, packaged_taxonomy


def told(path: Path, *, fine: bool) -> list[tuple[float, bool]]:
    """Confidence of each label given, and whether the file says the same; the survey flag left out."""
    taxonomy = packaged_taxonomy()
    papers = read_labelled([path])
    coarse = not fine and level_of(papers) == "coarse"
    found = LexicalLabeller(packaged_cues()[0], taxonomy).label([Paper(str(n), p.title, p.abstract) for n, p in enumerate(papers)])
    result = []
    for paper, labels in zip(papers, found, strict=True):
        said = set(paper.names("coarse" if coarse else "labels"))
        best: dict[str, float] = {}
        for one in (x for x in labels if x.label != "survey"):
            name = taxonomy.parent(one.label) if coarse else one.label
            best[name] = max(best.get(name, 0.0), one.confidence or 0.0)
        result += [(confidence, name in said) for name, confidence in best.items()]
    return result


def main() -> None:
    everything = []
    for name in sys.argv[1:]:
        labels = told(Path(name.removesuffix(":fine")), fine=name.endswith(":fine"))
        everything += labels
        print(f"{name}: {len(labels)} labels, {fit(labels)}, error {calibration_error(labels):.3f}")  # noqa: T201
    print(f"all: {len(everything)} labels, {fit(everything)}, error {calibration_error(everything):.3f}")  # noqa: T201


if __name__ == "__main__":
    main()
