"""What a percentage says of results: how much of them is kept, how much is lost."""

from __future__ import annotations

import re

from triage.claims.beside import Beside, Reading, count_words, last_verb, phrase_at, reading_of
from triage.claims.nouns import is_accuracy

__all__ = ["accuracy_kept", "accuracy_lost"]

_KEEPS = re.compile(r"\b(?:maintain|retain|preserv|keep|recover|sustain|match|kept|inherit)\w*(?: \w+){0,3} ?\Z")
_GOOD = r"(?:performances?|accurac(?:y|ies)|quality|capabilit(?:y|ies)|scores?|ability|abilities)"
_KEPT = re.compile(r"(?P<of>of )?(?P<the>(?:the|its|their|our) )?")
_RETENTION = re.compile(rf"\b{_GOOD} (?:retention|recovery)(?: (?:rates?|ratios?))?\Z")
_NOT_KEPT = re.compile(r"\b(?:drops?|loss(?:es)?|degradations?|improve\w*|gains?|decrease|higher|better|test|increase)\b")


def accuracy_kept(one: Beside) -> Reading | None:
    found = _KEPT.match(one.right)
    if one.unit != "%" or not found or one.link == "at":
        return None
    if one.link == "of" and (noun := _RETENTION.search(one.left)):
        return reading_of("accuracy-kept", "kept", one, count_words(noun[0]), 0)
    phrase = phrase_at(one.right[found.end() :])
    if not is_accuracy(phrase) or _NOT_KEPT.search(phrase):
        return None
    keeps = _KEEPS.search(f"{one.left} {one.link}".strip())
    verb = last_verb(" ".join(one.left.split()[-6:]))
    whose = found["the"] or re.match(r"(?:original|full|teacher|dense|baseline|supervised)\b", phrase)
    if not keeps and not (found["of"] and whose and min(one.values) >= 50 and (verb is None or verb[0] not in {"down", "up"})):
        return None
    return reading_of(
        "accuracy-kept", "kept", one, count_words(keeps[0]) - bool(one.link) if keeps else 0, count_words(found[0]) + count_words(phrase)
    )


_LOST = re.compile(
    rf"(?:(?:\w+ ){{0,2}}?{_GOOD} (?:drops?|loss(?:es)?|degradations?|decrease|decline|reduction)"
    rf"|(?:\w+ )?(?:drops?|loss(?:es)?|degradations?|decrease|decline|reduction) (?:in|of) (?:\w+ ){{0,3}}?{_GOOD})"
)
# "with only a 1 % drop on five tasks": what drops by little on tasks are results
_UNNAMED_LOSS = re.compile(r"(?:\w+ )?(?:drops?|degradations?)(?= (?:on|across|over|compared|relative|[.,;])| ?\Z)")
_LOSES = re.compile(rf"\b(?:(?:{_GOOD}|relative) )?(?:drops?|loss(?:es)?|degradations?|decrease|decline)(?: (?:in|of) (?:\w+ )?{_GOOD})?\Z")


_SMALL_LOSS = 5.0
"""Percent; authors tell of their own losses up to here, and of others' beyond."""


def accuracy_lost(one: Beside) -> Reading | None:
    if one.unit != "%":
        return None
    found = _LOST.match(one.right) or (_UNNAMED_LOSS.match(one.right) if one.little and max(one.values) <= _SMALL_LOSS else None)
    if found and (
        one.little or one.link in {"with", "at"} or re.search(r"\b(?:with|incur\w*|cost of|introduc\w*) ?(?:a|an)? ?\Z", one.left)
    ):
        return reading_of("accuracy-lost", "down", one, 0, count_words(found[0]))
    before = _LOSES.search(one.left.strip())
    # "a loss of 0.5 % in accuracy"; "performance drops by 1.2 %": large drops are told of others' methods
    named = re.match(rf"in (?:\w+ ){{0,4}}?{_GOOD}", one.right)
    if before and named and one.link == "of":
        return reading_of("accuracy-lost", "down", one, count_words(before[0]), count_words(named[0]))
    drops = re.search(
        rf"(?:^| )(?:the |our |its )?{_GOOD} (?:only |just |merely )?(?:drops|falls|decreases|degrades|declines)\Z", one.left.strip()
    )
    if drops and one.link == "by" and max(one.values) <= _SMALL_LOSS:
        return reading_of("accuracy-lost", "down", one, count_words(drops[0]), 0)
    if (
        before
        and one.little
        and one.link in {"of", "by", "within", ""}
        and (is_accuracy(before[0]) or is_accuracy(" ".join(one.right.split()[:4])))
    ):
        return reading_of("accuracy-lost", "down", one, count_words(before[0]), 0)
    return None
