"""Words of any language as index terms, for matching papers with a taxonomy's own words.

English words lose their endings. Chinese and Japanese have no spaces and Korean words carry particles, so for
those scripts a term is two characters in a row, the usual unit of retrieval (Nie et al., On the Use of Words and
N-grams for Chinese Information Retrieval, 2000). Function words are no terms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from triage.phrases import STOPS, spans

__all__ = ["COMMON", "Compounds", "Term", "is_english", "terms", "terms_at"]

_ENGLISH = frozenset("""
a about above across after all along also although an and any approach are as at based be because been before being between both
but by can could data did do does done each either else every few for from further get given has have he her here how however i if
in instead into is it its itself just large learn learned learning less made make makes many may method methods might model models
more most much must new nor not novel of off often on one only or other our out over own paper papers propose proposed results
same see several she should show since so some such task tasks than that the their them then there these they this those through
thus to too towards trained training two under until up upon us use used uses using very via was we well were what when where
whether which while who whose why will with within without work works would you your
""".split())  # fmt: skip
_OTHERS = frozenset("""
aber alle als auch auf aus bei beim bis das dass dem den denn der des die diese dieser dieses durch ein eine einem einen einer eines
er es für hat ihr ihre im ist kann kein keine man mit nach nicht noch nur ob oder sich sie sind so sowie über um und unter vom von
vor war was wenn werden wie wir wird zu zum zur zwischen
au aux avec ce ces cette dans de des du elle en est et il ils la le les leur leurs mais ne nous on ou par pas plus pour que qui sa
sans se ses son sont sur un une
al como con cual del desde donde el ella ellos entre esta este esto ha hay la las lo los más muy no para pero por que se ser sin
sobre son su sus también un una uno y
""".split())  # fmt: skip
COMMON = _ENGLISH | _OTHERS
"""Words that say nothing of a subject: English, German, French, Spanish."""
_COMMON_CHARACTERS = frozenset("的了是在和与與及或等对對为為将將其一之中上下不我们們这這那有也就都而于於被把以の")
_ENDINGS = ("izations", "isations", "ization", "isation", "ations", "ation", "izing", "ising", "ized", "ised", "ings", "ing", "ions", "ion",
            "ers", "ies", "ed", "er", "es", "s", "e", "y")  # fmt: skip
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]\Z")
_HANGUL = re.compile(r"[\uac00-\ud7a3]{1,64}\Z")
_LEAST_PART = 5
"""Letters of a word that counts as a part of a compound; shorter ones stand in too many by chance."""
_CACHED = 50_000
_ENGLISH_SHARE = 0.15
"""Share of English function words that only an English text reaches: English texts have about .3, German ones .05."""


class Term(NamedTuple):
    """An index term and where it stands: `text[start:end]`."""

    term: str
    start: int
    end: int


def terms(text: str) -> list[str]:
    """The terms of a text in order."""
    return [found.term for found in terms_at(text)]


def terms_at(text: str) -> Iterator[Term]:
    """The terms of a text with their places."""
    before: tuple[str, int, int] | None = None  # an ideograph whose neighbour is still to come
    alone = False
    for start, end in spans(text):
        word = text[start:end]
        if _IDEOGRAPH.match(word):
            if before and before[2] == start:
                if not _COMMON_CHARACTERS & {before[0], word}:
                    yield Term(before[0] + word, before[1], end)
                alone = False
            else:
                if before and alone:
                    yield Term(*before)
                alone = word not in _COMMON_CHARACTERS
            before = (word, start, end)
            continue
        if before and alone:
            yield Term(*before)
        before, alone = None, False
        yield from _word(word, start, end)
    if before and alone:
        yield Term(*before)


def _word(word: str, start: int, end: int) -> Iterator[Term]:
    if _HANGUL.match(word):
        pairs = range(max(1, len(word) - 1))
        yield from (Term(word[n : n + 2], start + n, min(start + n + 2, end)) for n in pairs)
    elif word not in STOPS and word.lower() not in COMMON:
        yield Term(_stem(word), start, end)


def _stem(word: str) -> str:
    """A word without its English ending: "pruning", "pruned" and "prune" are one."""
    word = word.lower()
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] else word


def is_english(text: str) -> bool:
    """Whether a text of some length is English, by its function words."""
    words = [text[start:end].lower() for start, end in spans(text)]
    words = [word for word in words if word not in STOPS]
    return bool(words) and sum(word in _ENGLISH for word in words) >= _ENGLISH_SHARE * len(words)


class Compounds:
    """Finds a vocabulary's words inside longer ones: "Entwässerungsgraben" is about "Entwässerung".

    For languages that join words or change their ends; English has neither to speak of and is left alone.
    """

    def __init__(self, vocabulary: Iterable[str]) -> None:
        words = set(vocabulary)
        self._words = words
        # the longest first: it says most
        self._parts = sorted((word for word in words if len(word) >= _LEAST_PART), key=lambda w: (-len(w), w))
        self._known: dict[str, str] = {}

    def known(self, term: str) -> str:
        """The vocabulary's word that `term` is, begins or ends with; `term` itself when there is none."""
        if term in self._words or len(term) < _LEAST_PART or len(term) > 64:
            return term
        if term not in self._known:
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[term] = next((part for part in self._parts if term.startswith(part) or term.endswith(part)), term)
        return self._known[term]
