"""What the ranker sees of a paper: how much speaks for each efficiency type, and its words."""

from __future__ import annotations

import math
import re

from triage.cues import SCANNED_ABSTRACT, SCANNED_TITLE, Cues, score_types

__all__ = ["FEATURES_VERSION", "features"]

FEATURES_VERSION = 1
"""Raised when the same paper would get other features: every ranker is trained again then."""

_WORD = re.compile(r"[^\W\d_]{2,40}")
_TITLE_SHARE, _TEXT_SHARE = 2.0, 3.0
"""Lengths of the two word vectors. A type's feature is at most 1, so these say how far a text's words as a whole
count beside its types; found by leave-one-venue-out on three venues (see `triage eval screening --leave-one-out`)."""


def features(title: str, abstract: str | None, cues: Cues) -> dict[str, float]:
    """Named features: "type:LABEL" and "family:PARENT" in 0..1, "title:WORD" and "word:WORD".

    The words of a title, and those of title and abstract together, are each a vector of fixed length, so a long
    abstract does not weigh more than a short one. A word counts once.
    """
    found: dict[str, float] = {}
    half = cues.file.types.threshold
    for one in score_types(title, abstract, cues, most_evidence=0):
        share = one.weight / (one.weight + half)
        family = f"family:{one.label.split('/')[0]}"
        found[f"type:{one.label}"] = share
        found[family] = max(share, found.get(family, 0.0))
    text = f"{title[:SCANNED_TITLE]} {(abstract or '')[:SCANNED_ABSTRACT]}"
    for kind, part, length in (("title", title[:SCANNED_TITLE], _TITLE_SHARE), ("word", text, _TEXT_SHARE)):
        words = set(_WORD.findall(part.lower()))
        for word in sorted(words):
            found[f"{kind}:{word}"] = length / math.sqrt(len(words))
    return found
