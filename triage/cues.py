"""Scoring by cue rules: which words speak for a vision-language paper, for efficiency, and for each type.

    cues = load_cues(text, name="seeds/cues.yaml")
    screening = score_text(title, abstract, cues)        # score = vision-language side x efficiency side
    types = score_types(title, abstract, cues)           # weight and evidence per taxonomy label

Pure and deterministic. A hit weighs what its rule says, times where it stands: the title counts more, the
authors' own "we propose" most, sentences about earlier work and negated words little (`emphasis` in the cue
file), and phrases that only sound like a cue nearly nothing (`damping`). Time is linear in the text, and of an
abstract only the first `SCANNED_ABSTRACT` characters are read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from triage.cuefile import CueFile, Damping, Emphasis, Rule, Typing, read_cue_file
from triage.models import Evidence, Screening
from triage.phrases import Hit, PhraseMatcher, spans, tokens

__all__ = ["SCANNED_ABSTRACT", "SCANNED_TITLE", "Cues", "TypeScore", "claimed_efficiency", "load_cues", "score_text", "score_types"]

SCANNED_TITLE = 1_000
SCANNED_ABSTRACT = 20_000
"""Characters read of a title and an abstract; the longest real abstracts have about 4,000."""

FieldName = Literal["title", "abstract"]


@dataclass(frozen=True, slots=True)
class TypeScore:
    """How much speaks for one label: the sum of weights, with the words, best first."""

    label: str
    weight: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A weighted hit, in tokens of one field; `group` is a side or a label."""

    weight: float
    field: FieldName
    first: int
    end: int
    number: int
    group: str
    rule: Rule


class Cues:
    """A compiled cue file; its typed form is `file`, `vision_language` all phrases of that side."""

    def __init__(self, file: CueFile) -> None:
        """Compile. Raises PhraseError when a phrase does not follow the language of `triage.phrases`."""
        self.file = file
        self.version = file.version
        self.labels = tuple(file.types.labels)
        sides = {"vision_language": file.screening.vision_language.rules, "efficiency": file.screening.efficiency.rules}
        self._sides = _Rules(sides.items(), file.screening.emphasis)
        self.vision_language = tuple(phrase for rule in file.screening.vision_language.rules for phrase in rule.phrases)
        self._vision_language = PhraseMatcher(rule.phrases for rule in file.screening.vision_language.rules)
        self._types = _Rules(file.types.labels.items(), file.types.emphasis)
        kinds = file.contexts
        contexts = (kinds.contribution, kinds.background, kinds.description, kinds.negation, kinds.comparison)
        self._contexts = PhraseMatcher([c.phrases if c else () for c in contexts] + [d.phrases for d in file.damping])
        self._substrings = {name: tuple(s.lower() for s in profile.substrings) for name, profile in file.profiles.items()}

    def substrings(self, profile: str | None = None) -> tuple[str, ...]:
        """The lower-cased substrings of a word-filter profile (by default the file's `filter_profile`).

        Raises KeyError for a profile the file does not have.
        """
        return self._substrings[profile or self.file.filter_profile]

    def keeps(self, title: str, abstract: str | None, *, profile: str | None = None) -> bool:
        """Whether a word-filter profile (by default the file's `filter_profile`) keeps the text.

        Raises KeyError for a profile the file does not have.
        """
        text = f"{title}\n{abstract or ''}".lower()
        return any(substring in text for substring in self.substrings(profile))


class _Rules:
    """Numbered rules of several groups with their matcher."""

    def __init__(self, groups: Iterable[tuple[str, Sequence[Rule]]], emphasis: Emphasis) -> None:
        self.emphasis = emphasis
        self.rules = [(group, rule) for group, rules in groups for rule in rules]
        self.matcher = PhraseMatcher(rule.phrases for _, rule in self.rules)


def load_cues(text: str, *, name: str) -> Cues:
    """Read and compile cue YAML; `name` is the file's name for messages. Raises SettingsError "NAME:LINE: ..."."""
    return Cues(read_cue_file(text, name=name))


def score_text(title: str, abstract: str | None, cues: Cues, *, most_evidence: int = 8) -> Screening:
    """How likely the paper belongs on the list: both sides in 0..1, their product, and the words that made it.

    Evidence is given when both sides have any, the weightiest first; its offsets count characters of `title`
    and `abstract` as handed in. Most works have no vision-language word at all: those are not looked at any closer, and
    their `efficiency` is None.
    """
    kept = cues.keeps(title, abstract)
    if not cues._vision_language.possible(f"{title[:SCANNED_TITLE]} {(abstract or '')[:SCANNED_ABSTRACT]}"):
        return _NOTHING[kept]
    paper = _Paper(title, abstract, cues)
    if not paper.meets(cues._sides, "vision_language"):
        return _NOTHING[kept]
    sides = _by_group(paper.weighed(cues._sides))
    screening = cues.file.screening
    repeat = screening.emphasis.repeat
    vision = _saturated(_total(sides.get("vision_language", ()), repeat), screening.vision_language.half)
    efficiency = _saturated(_total(sides.get("efficiency", ()), repeat), screening.efficiency.half)
    score = vision * efficiency
    evidence = paper.evidence([f for found in sides.values() for f in _each_word_once(found)], most_evidence) if score > 0 else ()
    return Screening(
        score=round(score, 6), vision_language=round(vision, 6), efficiency=round(efficiency, 6), filter_hit=kept, evidence=evidence
    )


_NOTHING = {kept: Screening(score=0.0, vision_language=0.0, efficiency=None, filter_hit=kept) for kept in (True, False)}


def score_types(title: str, abstract: str | None, cues: Cues, *, most_evidence: int = 4) -> tuple[TypeScore, ...]:
    """The weight of every label that has any, the weightiest first (ties in the order of the cue file)."""
    paper = _Paper(title, abstract, cues)
    typing, repeat = cues.file.types, cues.file.types.emphasis.repeat
    claimed = _claimed(paper, cues)
    found = [replace(f, weight=f.weight * _as_claimed(f, claimed, typing)) for f in paper.weighed(cues._types)]
    scores = [
        TypeScore(label, round(_total(hits, repeat), 6), paper.evidence(_each_word_once(hits), most_evidence))
        for label, hits in _by_group(found).items()
    ]
    order = {label: number for number, label in enumerate(cues.labels)}
    return tuple(sorted((s for s in scores if s.weight > 0), key=lambda s: (-s.weight, order[s.label])))


def claimed_efficiency(title: str, abstract: str | None, cues: Cues) -> float:
    """How plainly the paper claims that something gets cheaper, 0..1; names of techniques are no claim."""
    return _claimed(_Paper(title, abstract, cues), cues)


def _claimed(paper: _Paper, cues: Cues) -> float:
    claims = [f for f in paper.weighed(cues._sides) if f.group == "efficiency" and not f.rule.technique]
    # squared, so that a stray word is nearly no claim and several are nearly a full one
    return _saturated(_total(claims, cues.file.screening.emphasis.repeat) ** 2, cues.file.types.claim_half**2)


def _as_claimed(found: _Found, claimed: float, typing: Typing) -> float:
    """How much a type's hit counts when efficiency is claimed to the degree `claimed` (0..1)."""
    in_title = found.field == "title"
    if found.rule.claimed:
        eased = in_title and typing.title_floor is not None and found.rule.claimed != "strictly"
        floor = typing.title_floor if eased and typing.title_floor is not None else typing.floor
    else:
        floor = 1.0 if in_title else typing.plain_floor
    return floor + (1 - floor) * claimed


def _by_group(found: Iterable[_Found]) -> dict[str, list[_Found]]:
    groups: dict[str, list[_Found]] = {}
    for hit in found:
        groups.setdefault(hit.group, []).append(hit)
    return groups


class _Paper:
    """A title and an abstract cut into tokens, with what its sentences are about."""

    def __init__(self, title: str, abstract: str | None, cues: Cues) -> None:
        self._cues = cues
        self._texts: dict[FieldName, str] = {"title": title[:SCANNED_TITLE], "abstract": (abstract or "")[:SCANNED_ABSTRACT]}
        self._words: dict[FieldName, list[str]] = {field: tokens(text) for field, text in self._texts.items()}
        self._found: dict[tuple[FieldName, int], list[Hit]] = {}
        self._contexts: dict[FieldName, list[Hit]] = {}
        self._dampings: dict[FieldName, list[tuple[Hit, Damping]]] = {}

    def meets(self, rules: _Rules, group: str) -> bool:
        """Whether any rule of a group has a hit."""
        return any(rules.rules[hit.rule][0] == group for field in self._words for hit in self._hits(field, rules))

    def weighed(self, rules: _Rules) -> list[_Found]:
        """All hits of rules with their weights in the context they stand in."""
        result: list[_Found] = []
        for field in self._words:
            hits = self._hits(field, rules)
            if not hits:
                continue
            factors = self._factors(field, rules.emphasis)
            for hit in hits:
                group, rule = rules.rules[hit.rule]
                if rule.where in {"both", field}:
                    weight = rule.weight * factors[hit.first] * self._damping(field, hit, group)
                    result.append(_Found(weight, field, hit.first, hit.end, hit.rule, group, rule))
        return result

    def _hits(self, field: FieldName, rules: _Rules) -> list[Hit]:
        known = self._found.get((field, id(rules)))
        if known is None:
            known = self._found[field, id(rules)] = rules.matcher.find(self._words[field])
        return known

    def _factors(self, field: FieldName, emphasis: Emphasis) -> list[float]:
        """For each token the factor of its sentence and of a negation or comparison before it."""
        words = self._words[field]
        if field not in self._contexts:
            hits = self._cues._contexts.find(words)
            self._contexts[field] = [hit for hit in hits if hit.rule <= _COMPARISON]
            self._dampings[field] = [(hit, self._cues.file.damping[hit.rule - _COMPARISON - 1]) for hit in hits if hit.rule > _COMPARISON]
        hits = self._contexts[field]
        factors = [emphasis.title] * len(words) if field == "title" else _sentence_factors(words, hits, emphasis)
        contexts = self._cues.file.contexts
        own = {hit.first for hit in hits if hit.rule == _CONTRIBUTION}
        reaching = {_NEGATION: (contexts.negation.reach, emphasis.negation), _COMPARISON: (contexts.comparison.reach, emphasis.comparison)}
        for hit in (h for h in hits if h.rule in reaching):
            reach, factor = reaching[hit.rule]
            for place in range(hit.end, min(hit.end + reach, len(words))):
                # "unlike adapters, we ...": where the authors speak of themselves again, the reach ends
                if words[place] in _ENDS or place in own:
                    break
                factors[place] *= factor
        return factors

    def _damping(self, field: FieldName, hit: Hit, group: str) -> float:
        factor = 1.0
        for other, damping in self._dampings[field]:
            if other.first < hit.end and hit.first < other.end and (not damping.only or group in damping.only):
                factor = min(factor, damping.factor)
        return factor

    def evidence(self, found: Iterable[_Found], most: int) -> tuple[Evidence, ...]:
        """The weightiest hits as quotes, each rule once."""
        best: dict[int, _Found] = {}
        for hit in sorted(found, key=_rank):
            best.setdefault(hit.number, hit)
        chosen = sorted(best.values(), key=_rank)[:most]
        places = {field: spans(self._texts[field]) for field in {hit.field for hit in chosen}}
        return tuple(self._quoted(hit, places[hit.field]) for hit in chosen)

    def _quoted(self, hit: _Found, places: Sequence[tuple[int, int]]) -> Evidence:
        start, end = places[hit.first][0], places[hit.end - 1][1]
        return Evidence(
            field=hit.field, start=start, end=end, quote=self._texts[hit.field][start:end], cue=f"{hit.group}: {hit.rule.reason}"
        )


_CONTRIBUTION, _BACKGROUND, _DESCRIPTION, _NEGATION, _COMPARISON = range(5)
_ENDS = frozenset(".!?。！？")
_ABBREVIATED = frozenset({"al", "etc", "vs", "cf", "Fig", "resp"})


def _sentence_factors(words: Sequence[str], hits: Sequence[Hit], emphasis: Emphasis) -> list[float]:
    """One factor per token: the authors' own sentences, sentences about others' work, the lead, the rest."""
    sentence_of, count = _sentences(words)
    kinds: list[set[int]] = [set() for _ in range(count)]
    for hit in hits:
        kinds[sentence_of[hit.first]].add(hit.rule)
    own = next((n for n, kind in enumerate(kinds) if _CONTRIBUTION in kind or (_DESCRIPTION in kind and _BACKGROUND not in kind)), 0)
    factors = []
    for number, kind in enumerate(kinds):
        if _CONTRIBUTION in kind:
            factors.append(emphasis.contribution)
        elif _BACKGROUND in kind:
            factors.append(emphasis.background)
        elif _DESCRIPTION in kind:
            factors.append(emphasis.contribution)
        else:
            factors.append(emphasis.lead if number < own else 1.0)
    return [factors[number] for number in sentence_of]


def _sentences(words: Sequence[str]) -> tuple[list[int], int]:
    """For each token the number of its sentence, and how many there are. "e.g." and "et al." end none."""
    ends = [place for place, word in enumerate(words) if word in _ENDS]
    numbers: list[int] = []
    number = 0
    for place in ends:
        if place and len(words[place - 1]) > 1 and words[place - 1] not in _ABBREVIATED:
            numbers += [number] * (place + 1 - len(numbers))
            number += 1
    return numbers + [number] * (len(words) - len(numbers)), number + 1


def _saturated(total: float, half: float) -> float:
    """0 for nothing, 0.5 at `half`, towards 1 for ever more: many words cannot outweigh a silent other side."""
    return total / (total + half)


def _total(found: Collection[_Found], repeat: float) -> float:
    """The sum over rules; a rule's second-best hit counts `repeat`, its third `repeat` squared, and so on."""
    shares: dict[int, float] = {}
    total = 0.0
    for hit in _each_word_once(found):
        share = shares.get(hit.number, 1.0)
        total += hit.weight * share
        shares[hit.number] = share * repeat
    return total


def _rank(hit: _Found) -> tuple[float, bool, int, int]:
    return -hit.weight, hit.field != "title", hit.first, hit.number


def _each_word_once(found: Collection[_Found]) -> list[_Found]:
    """Hits of one group, the weightiest first, those left out that share a word with a weightier one.

    "parameter-efficient tuning" meets three rules of the efficiency side and is one piece of evidence.
    """
    chosen: list[_Found] = []
    taken: set[tuple[FieldName, int]] = set()
    for hit in sorted(found, key=_rank):
        places = [(hit.field, place) for place in range(hit.first, hit.end)]
        if hit.weight > 0 and taken.isdisjoint(places):
            taken.update(places)
            chosen.append(hit)
    return chosen
