"""Records -> Works: which records tell of the same paper.

`rules` says what makes two records one and what keeps them apart; `blocks` finds the pairs to look at;
`pairs` judges them, in SQL; `components` unites what belongs together, with vetoes that hold for whole
components; `works` makes the rows users see; `review` brings in what a person said.

Incremental and independent of the order of arrival: the pairs of every record that is new or has changed
are found anew, and the components that they touch are built anew from all their pairs, strongest first.
"""

from __future__ import annotations

from triage.identity.review import merge_works, not_same, split_work, take_back
from triage.identity.rules import DOUBTS, RULES, VETOES, Doubt, Rule, Veto
from triage.identity.steps import find_works, identify, identify_due

__all__ = [
    "DOUBTS",
    "RULES",
    "VETOES",
    "Doubt",
    "Rule",
    "Veto",
    "find_works",
    "identify",
    "identify_due",
    "merge_works",
    "not_same",
    "split_work",
    "take_back",
]
