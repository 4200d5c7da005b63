"""Labels by the taxonomy's own words: BM25 of a paper against name, aliases, definition and notes.

A label that was just added to the taxonomy, or another field's whole taxonomy, works at once this way.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from triage.cues import SCANNED_ABSTRACT, SCANNED_TITLE
from triage.labelling import Paper
from triage.labelling.terms import COMMON, Compounds, is_english, terms, terms_at
from triage.models import Evidence, Label
from triage.taxonomy import Taxonomy, TaxonomyLabel

__all__ = ["ZeroShot", "proposed_words"]

_K1, _B = 1.2, 0.75
"""BM25 with the usual constants (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009)."""
_NAME_WEIGHT = 3
"""A word of a name or alias counts as if it stood there three times: names say more than definitions."""
_TITLE_WEIGHT = 2
"""A word or a name in the paper's title counts as two more."""
_PHRASE_WEIGHT = 2.0
"""A whole name found in the paper counts twice the rarity of its words."""
_MOST_PHRASES = 3
"""More mentions of a name than these say nothing more."""
_ENOUGH = 8.0
"""The score of confidence 0.5, in units of the rarest word's rarity. On development papers the best label scores
15 in the median when the paper is about one of them, and 6 when it is not."""
_SHARE = 0.75
"""A further label needs this share of the best one's score."""
_MOST_EVIDENCE = 4


class ZeroShot:
    """BM25 index over the texts of some labels of a taxonomy."""

    def __init__(self, taxonomy: Taxonomy, labels: Iterable[str]) -> None:
        """Index `labels`; how rare a word is, is counted over the whole taxonomy."""
        everything = {label: _label_words(entry) for label, entry in taxonomy.labels.items()}
        occurrences = Counter(word for words in everything.values() for word in words)
        count = len(everything)
        self._rarity = {word: math.log(1 + (count - n + 0.5) / (n + 0.5)) for word, n in occurrences.items()}
        self._rarest = max(self._rarity.values(), default=1.0)
        self._mean = sum(words.total() for words in everything.values()) / max(count, 1)
        self._words = {label: everything[label] for label in labels}
        entries = {label: taxonomy.labels[label] for label in self._words}
        self._excluded = {label: set(terms(entry.exclude)) - set(self._words[label]) for label, entry in entries.items()}
        self._names = {label: [n for n in map(terms, (entry.name, *entry.aliases)) if n] for label, entry in entries.items()}
        english = is_english("\n".join(f"{entry.name}. {entry.definition} {entry.include}" for entry in taxonomy.labels.values()))
        self._compounds = None if english else Compounds(occurrences)

    def label(self, paper: Paper) -> list[Label]:
        """The labels the paper's words speak for, surest first; none when it uses few of any label's words."""
        if not self._words:
            return []
        title, abstract = self._terms(paper.title[:SCANNED_TITLE]), self._terms((paper.abstract or "")[:SCANNED_ABSTRACT])
        scores = {label: self._score(label, title, abstract) for label in self._words}
        best = max(scores.values())
        chosen = [label for label, score in scores.items() if score >= _ENOUGH and score >= best * _SHARE]
        return [
            Label(
                label=label,
                confidence=round(scores[label] / (scores[label] + _ENOUGH), 4),
                producer="lexical",
                evidence=self._evidence(label, paper),
            )
            for label in sorted(chosen, key=lambda x: -scores[x])
        ]

    def _terms(self, text: str) -> list[str]:
        return [self._known(term) for term in terms(text)]

    def _known(self, term: str) -> str:
        return self._compounds.known(term) if self._compounds else term

    def _score(self, label: str, title: Sequence[str], abstract: Sequence[str]) -> float:
        """BM25 of the paper's words, plus whole names, less the words the label excludes; see `_ENOUGH` for the unit."""
        words = Counter(abstract)
        for word in title:
            words[word] += _TITLE_WEIGHT
        against = sum(self._rarity.get(word, 0.0) for word in self._excluded[label] if word in words)
        total = self._bm25(self._words[label], words) + _PHRASE_WEIGHT * self._named(label, title, abstract) - against
        return max(0.0, total / self._rarest)

    def _bm25(self, document: Counter[str], words: Mapping[str, int]) -> float:
        norm = _K1 * (1 - _B + _B * document.total() / self._mean)
        total = 0.0
        for word, count in words.items():
            if frequency := document.get(word, 0):
                total += self._rarity[word] * _saturated(count, _K1) * _saturated(frequency, norm)
        return total

    def _named(self, label: str, title: Sequence[str], abstract: Sequence[str]) -> float:
        """How much the best of the label's names stands in the paper in so many words."""
        in_title, text = f" {' '.join(title)} ", f" {' '.join(title)} | {' '.join(abstract)} "
        best = 0.0
        for name in self._names[label]:
            phrase = f" {' '.join(name)} "
            mentions = min(text.count(phrase), _MOST_PHRASES) + _TITLE_WEIGHT * (phrase in in_title)
            best = max(best, _saturated(mentions, _K1) * sum(self._rarity.get(word, 0.0) for word in name))
        return best

    def _evidence(self, label: str, paper: Paper) -> tuple[Evidence, ...]:
        """The paper's words that weigh most for the label, each once, where they stand first."""
        document = self._words[label]
        places: dict[str, Evidence] = {}
        for field, text in (("title", paper.title[:SCANNED_TITLE]), ("abstract", (paper.abstract or "")[:SCANNED_ABSTRACT])):
            for found in terms_at(text):
                term = self._known(found.term)
                if term in document and term not in places:
                    quote = text[found.start : found.end]
                    places[term] = Evidence.model_validate(
                        {
                            "field": field,
                            "start": found.start,
                            "end": found.end,
                            "quote": quote,
                            "cue": f"{label}: a word of its definition",
                        }
                    )
        heaviest = sorted(places, key=lambda w: (-self._rarity[w] * document[w], w))[:_MOST_EVIDENCE]
        return tuple(places[word] for word in heaviest)


def _saturated(count: int, k: float) -> float:
    """BM25's term: grows with the count, ever more slowly."""
    return count * (k + 1) / (count + k)


def _label_words(entry: TaxonomyLabel) -> Counter[str]:
    words = Counter(terms(f"{entry.definition}\n{entry.include}"))
    for name in {*terms(" ".join((entry.name, *entry.aliases)))}:
        words[name] += _NAME_WEIGHT
    return words


_PROPOSES = re.compile(
    r"\b(?:we|paper|work)\s+(?:\w+\s+)?(?:proposes?|introduces?|presents?|develops?|designs?)\s+(?:an?|the|our)?\s*([^.,;:()]{3,120})",
    re.IGNORECASE,
)
_PHRASE_ENDS = frozenset(
    {"that", "which", "to", "for", "with", "by", "in", "of", "on", "using", "via", "based", "called", "named", "where", "and", "from"}
)
_MOST_PROPOSED, _LONGEST_PROPOSED = 5, 40
_EMPTY = frozenset({"novel", "new", "simple", "effective", "efficient", "general", "unified", "yet"})


def proposed_words(title: str, abstract: str | None) -> str | None:
    """Words for a label the taxonomy does not have: what the authors say they propose, else words of the title.

    Letters, digits, hyphens and plus signs only, at most five words; None when there are no two such words.
    """
    found = _PROPOSES.search((abstract or "")[:SCANNED_ABSTRACT])
    for source in (found[1] if found else "", title.rpartition(":")[2], title):
        words: list[str] = []
        for word in re.findall(r"\w[\w+-]*", source[:SCANNED_TITLE]):
            if word.lower() in _PHRASE_ENDS or len(words) == _MOST_PROPOSED:
                break
            if word.lower() not in COMMON | _EMPTY:
                words.append(word[:_LONGEST_PROPOSED])
        if len(words) >= 2:
            return " ".join(words)
    return None
