"""What a number is, by the words beside it: the rules in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from triage.claims.amounts import OWN, amount, data, devices, operations, parameters, time
from triage.claims.beside import Beside, Reading
from triage.claims.relative import RELATIVE, from_to

__all__ = ["read_figure"]

_COUNTS = frozenset({"", "k", "m", "b", "million", "billion", "thousand", "trillion"})
_TIMES = frozenset({"ms", "millisecond", "milliseconds", "s", "second", "seconds", "sec", "secs", "minute", "minutes", "min", "mins", "hour", "hours",
                    "hr", "hrs", "h", "day", "days", "week", "weeks"})  # fmt: skip
_OTHERS = re.compile(
    r"(?:(?:however|although|though|while|since|yet|but|,|unfortunately|moreover|recently) )*"
    r"(?:the |most |many |some )*(?:existing|previous|prior|current|conventional"
    r"|traditional|recent|other|these|those|sota)(?: \w+){0,4} (?:methods?|works?|approach(?:es)?|models|techniques|efforts|studies|llms|mllms|vlms)\b"
    r"|(?:however|but|yet|unfortunately|nevertheless)(?: ,)? they (?:(?:can|could|still|do) ){0,2}only\b"
)


def read_figure(one: Beside) -> Reading | None:
    """What a number is, by the first rule that fits; nothing in a sentence about other people's methods."""
    if _OTHERS.match(one.left) and not OWN.search(one.left):
        return None
    rules: Sequence[Callable[[Beside], Reading | None]]
    if one.unit in {"x", "%"}:
        rules = RELATIVE
    elif one.unit in _COUNTS:
        rules = (from_to, devices, operations, parameters, data)
    elif one.unit in _TIMES:
        rules = (from_to, time)
    else:
        rules = (from_to, amount)
    return next((reading for rule in rules if (reading := rule(one))), None)
