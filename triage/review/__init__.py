"""Review: what a person is shown about a work, and what he says of it. Free of files to read and of terminals to draw on.

    with pipeline.begin(workspace, "decide") as run:
        decide(run, ["w1a2b..."], Verdict(decision="rejected", reason="a survey"), where="triage decide")

The command line draws what these functions give; a page can use them as they are.
"""

from __future__ import annotations

from triage.review.deciding import Verdict, decide, take_back, take_back_word, take_effect
from triage.review.differences import Difference, Reason, differences
from triage.review.history import conflicts, history
from triage.review.session import Sitting
from triage.review.sheet import QueueFilter, Sheet, marked, sheet, waiting

__all__ = [
    "Difference", "QueueFilter", "Reason", "Sheet", "Sitting", "Verdict", "conflicts", "decide", "differences", "history", "marked",
    "sheet", "take_back", "take_back_word", "take_effect", "waiting",
]  # fmt: skip
