"""Cue rules: which words speak for a vision-language paper, for efficiency, and for each efficiency type.

    cues = load_cues(text, name="seeds/cues.yaml")
    screening = score_text(title, abstract, cues)        # score = vision-language side x efficiency side
    types = score_types(title, abstract, cues)           # weight and evidence per taxonomy label

Pure and deterministic. A hit weighs what its rule says, times where it stands: the title counts more, the
authors' own "we propose" most, sentences about earlier work and negated words little (`contexts` in the cue
file), and phrases that only sound like a cue nearly nothing (`damping`). Time is linear in the text, and of an
abstract only the first `SCANNED_ABSTRACT` characters are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from triage.errors import SettingsError
from triage.models import Evidence, Frozen, Screening, Text
from triage.phrases import Hit, PhraseError, PhraseMatcher, spans, tokens
from triage.reference import Lines, read_reference

__all__ = ["SCANNED_ABSTRACT", "SCANNED_TITLE", "Cues", "TypeScore", "load_cues", "score_text", "score_types"]

SCANNED_TITLE = 1_000
SCANNED_ABSTRACT = 20_000
"""Characters read of a title and an abstract; the longest real abstracts have about 4,000."""

FieldName = Literal["title", "abstract"]
Positive = Annotated[float, Field(gt=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]


class Rule(Frozen):
    """Phrases that say the same, with their weight and why.

    `claimed` is for types: the rule counts only as far as the paper claims efficiency at all ("fusion" is a
    type here when it is made cheaper, and just a word otherwise).
    """

    phrases: tuple[Text, ...] = Field(min_length=1)
    weight: Positive
    reason: Text
    where: Literal["title", "abstract", "both"] = "both"
    claimed: bool = False


class Damping(Frozen):
    """Phrases inside which a hit counts only `factor`; `only` names the sides or labels it is for (all if empty)."""

    phrases: tuple[Text, ...] = Field(min_length=1)
    factor: Share
    reason: Text
    only: tuple[Text, ...] = ()


class Context(Frozen):
    """Words that show what a sentence is about, and how much a hit in such a sentence counts."""

    phrases: tuple[Text, ...] = Field(min_length=1)
    factor: Annotated[float, Field(ge=0, le=10)]
    reason: Text


class Contexts(Frozen):
    """Kinds of sentences. `lead` is the factor of sentences before the first of the authors' own words."""

    contribution: Context
    background: Context
    negation: Context
    negation_reach: Annotated[int, Field(ge=0, le=10)] = 3
    lead: Share = 1.0


class Side(Frozen):
    """One side of the screening product: a sum of weights equal to `half` gives 0.5."""

    half: Positive
    rules: tuple[Rule, ...] = Field(min_length=1)


class Sides(Frozen):
    vision_language: Side
    efficiency: Side


class TypeSettings(Frozen):
    """How weights become labels: `threshold` is the weight that gives confidence 0.5; a further label needs at
    least `share` of the best one's weight; `floor` is what a `claimed` rule counts without any claim."""

    threshold: Positive
    share: Share
    floor: Share = 0.0


class Profile(Frozen):
    """A word filter: keeps a text that holds one of the substrings, whatever the case."""

    substrings: tuple[Text, ...] = Field(min_length=1)
    reason: Text


class CueFile(Frozen):
    """The cue file as written: see the comments in seeds/cues.yaml."""

    version: Annotated[int, Field(ge=1)]
    title_factor: Positive = 1.0
    repeat_factor: Share = 0.0
    contexts: Contexts
    damping: tuple[Damping, ...] = ()
    sides: Sides
    type_settings: TypeSettings
    types: dict[str, tuple[Rule, ...]]
    profiles: dict[str, Profile] = Field(default_factory=dict)
    filter_profile: str


@dataclass(frozen=True, slots=True)
class TypeScore:
    """How much speaks for one label: the sum of weights, with the words, best first."""

    label: str
    weight: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A weighted hit, in tokens of one field."""

    weight: float
    field: FieldName
    first: int
    end: int
    rule: int


class Cues:
    """A compiled cue file. Rules are numbered through: roles, dampings, sides, then types."""

    def __init__(self, file: CueFile) -> None:
        """Compile. Raises PhraseError when a phrase does not follow the language of `triage.phrases`."""
        self.file = file
        self.version = file.version
        contexts = file.contexts
        self.groups: dict[str, tuple[Rule, ...]] = {
            "vision_language": file.sides.vision_language.rules,
            "efficiency": file.sides.efficiency.rules,
            **file.types,
        }
        self.rules: list[tuple[str, Rule]] = [(group, rule) for group, rules in self.groups.items() for rule in rules]
        sides = len(file.sides.vision_language.rules) + len(file.sides.efficiency.rules)
        self.side_matcher = PhraseMatcher(rule.phrases for _, rule in self.rules[:sides])
        self.type_matcher = PhraseMatcher(rule.phrases for _, rule in self.rules[sides:])
        self.first_type = sides
        self.context_matcher = PhraseMatcher([contexts.contribution.phrases, contexts.background.phrases, contexts.negation.phrases])
        self.damping_matcher = PhraseMatcher(d.phrases for d in file.damping)
        self.filter_words = tuple(word.lower() for word in file.profiles[file.filter_profile].substrings)

    @property
    def typed_labels(self) -> Mapping[str, tuple[Rule, ...]]:
        """Labels that have cues; every other label of a taxonomy is matched by its texts."""
        return MappingProxyType(self.file.types)

    def keeps(self, title: str, abstract: str | None, *, profile: str | None = None) -> bool:
        """Whether a word-filter profile (by default the file's `filter_profile`) keeps the text."""
        words = self.filter_words if profile is None else tuple(w.lower() for w in self.file.profiles[profile].substrings)
        text = f"{title}\n{abstract or ''}".lower()
        return any(word in text for word in words)


def load_cues(text: str, *, name: str) -> Cues:
    """Read cue YAML; `name` is the file's name for messages.

    Raises SettingsError "NAME:LINE: ..." for unknown keys, wrong values and phrases outside the language.
    """
    file, lines = read_reference(text, CueFile, name=name)
    hint = "phrases are explained at the top of the shipped cues.yaml"
    if file.filter_profile not in file.profiles:
        line = lines.at(("filter_profile",))
        raise SettingsError(f"{name}:{line}: filter_profile: allowed are {', '.join(sorted(file.profiles)) or 'none'}", hint=hint)
    _check_phrases(file, lines, name, hint)
    return Cues(file)


def _check_phrases(file: CueFile, lines: Lines, name: str, hint: str) -> None:
    for path, phrases in _all_phrases(file):
        for number, phrase in enumerate(phrases):
            try:
                PhraseMatcher([[phrase]])
            except PhraseError as error:
                raise SettingsError(f"{name}:{lines.at((*path, number))}: {error}", hint=hint) from error
    known = {"vision_language", "efficiency", *file.types}
    for number, damping in enumerate(file.damping):
        for unknown in (label for label in damping.only if label not in known):
            line = lines.at(("damping", number, "only"))
            raise SettingsError(f"{name}:{line}: {unknown!r} has no rules here; allowed are {', '.join(sorted(known))}", hint=hint)


def _all_phrases(file: CueFile) -> Iterable[tuple[tuple[str | int, ...], tuple[str, ...]]]:
    contexts = file.contexts
    for kind, context in (("contribution", contexts.contribution), ("background", contexts.background), ("negation", contexts.negation)):
        yield ("contexts", kind, "phrases"), context.phrases
    for number, damping in enumerate(file.damping):
        yield ("damping", number, "phrases"), damping.phrases
    for side, part in (("vision_language", file.sides.vision_language), ("efficiency", file.sides.efficiency)):
        for number, rule in enumerate(part.rules):
            yield ("sides", side, "rules", number, "phrases"), rule.phrases
    for label, rules in file.types.items():
        for number, rule in enumerate(rules):
            yield ("types", label, number, "phrases"), rule.phrases


def score_text(title: str, abstract: str | None, cues: Cues, *, most_evidence: int = 8) -> Screening:
    """How likely the paper belongs on the list: both sides in 0..1, their product, and the words that made it.

    Evidence is given when both sides have any, the weightiest first; its offsets count characters of `title`
    and `abstract` as handed in.
    """
    paper = _Paper(title, abstract)
    found = paper.weighed(cues, cues.side_matcher, 0)
    vision, efficiency = _side_values(found, cues)
    score = vision * efficiency
    evidence = _evidence(found, paper, cues, most_evidence) if score > 0 else ()
    return Screening(
        score=round(score, 6),
        vision_language=round(vision, 6),
        efficiency=round(efficiency, 6),
        filter_hit=cues.keeps(title, abstract),
        evidence=evidence,
    )


def score_types(title: str, abstract: str | None, cues: Cues, *, most_evidence: int = 4) -> tuple[TypeScore, ...]:
    """The weight of every label that has any, the weightiest first (ties in the order of the cue file)."""
    paper = _Paper(title, abstract)
    _, efficiency = _side_values(paper.weighed(cues, cues.side_matcher, 0), cues)
    floor = cues.file.type_settings.floor
    claimed = floor + (1 - floor) * efficiency
    by_label: dict[str, list[_Found]] = {}
    for found in paper.weighed(cues, cues.type_matcher, cues.first_type):
        label, rule = cues.rules[found.rule]
        weight = found.weight * (claimed if rule.claimed else 1.0)
        if weight > 0:
            by_label.setdefault(label, []).append(_Found(weight, found.field, found.first, found.end, found.rule))
    scores = [
        TypeScore(label, round(_total(found, cues.file.repeat_factor), 6), _evidence(found, paper, cues, most_evidence))
        for label, found in by_label.items()
    ]
    order = {label: number for number, label in enumerate(cues.groups)}
    return tuple(sorted(scores, key=lambda s: (-s.weight, order[s.label])))


class _Paper:
    """A title and an abstract cut into tokens, with what its sentences are about."""

    def __init__(self, title: str, abstract: str | None) -> None:
        self.texts: dict[FieldName, str] = {"title": title[:SCANNED_TITLE], "abstract": (abstract or "")[:SCANNED_ABSTRACT]}
        self.words: dict[FieldName, list[str]] = {field: tokens(text) for field, text in self.texts.items()}
        self._factors: dict[FieldName, tuple[list[float], list[Hit]]] = {}

    def weighed(self, cues: Cues, matcher: PhraseMatcher, offset: int) -> list[_Found]:
        """All hits of a matcher's rules with their weights in context; `offset` is its first rule's number."""
        result: list[_Found] = []
        for field, words in self.words.items():
            hits = matcher.find(words)
            if not hits:
                continue
            factors, damped = self._context(cues, field)
            for hit in hits:
                group, rule = cues.rules[hit.rule + offset]
                if rule.where in {"both", field}:
                    weight = rule.weight * factors[hit.first] * _damping(hit, damped, group, cues)
                    result.append(_Found(weight, field, hit.first, hit.end, hit.rule + offset))
        return result

    def _context(self, cues: Cues, field: FieldName) -> tuple[list[float], list[Hit]]:
        """For each token the factor of its sentence and of a negation before it; and the damping hits."""
        if field not in self._factors:
            words = self.words[field]
            hits = cues.context_matcher.find(words)
            if field == "title":
                factors = [cues.file.title_factor] * len(words)
            else:
                factors = _sentence_factors(self.texts[field], words, hits, cues.file.contexts)
            _negate(factors, words, hits, cues.file.contexts)
            self._factors[field] = factors, cues.damping_matcher.find(words)
        return self._factors[field]


_CONTRIBUTION, _BACKGROUND, _NEGATION = 0, 1, 2
_ENDS = frozenset(".!?。！？")


def _sentence_factors(text: str, words: Sequence[str], hits: Sequence[Hit], contexts: Contexts) -> list[float]:
    """One factor per token: the authors' own sentences, sentences about others' work, the lead, the rest."""
    sentence_of, count = _sentences(words)
    kinds: list[set[int]] = [set() for _ in range(count)]
    for hit in hits:
        kinds[sentence_of[hit.first]].add(hit.rule)
    own = next((n for n, kind in enumerate(kinds) if _CONTRIBUTION in kind), 0)
    factors = []
    for number, kind in enumerate(kinds):
        if _CONTRIBUTION in kind:
            factors.append(contexts.contribution.factor)
        elif _BACKGROUND in kind:
            factors.append(contexts.background.factor)
        else:
            factors.append(contexts.lead if number < own else 1.0)
    return [factors[number] for number in sentence_of]


def _sentences(words: Sequence[str]) -> tuple[list[int], int]:
    """For each token the number of its sentence, and how many there are. "e.g." and "i.e." end none."""
    numbers: list[int] = []
    number = 0
    for place, word in enumerate(words):
        numbers.append(number)
        if word in _ENDS and place and len(words[place - 1]) > 1 and words[place - 1] not in {"al", "etc", "vs"}:
            number += 1
    return numbers, number + 1


def _negate(factors: list[float], words: Sequence[str], hits: Sequence[Hit], contexts: Contexts) -> None:
    for hit in hits:
        if hit.rule == _NEGATION:
            for place in range(hit.end, min(hit.end + contexts.negation_reach, len(words))):
                if words[place] in _ENDS:
                    break
                factors[place] *= contexts.negation.factor


def _damping(hit: Hit, damped: Sequence[Hit], group: str, cues: Cues) -> float:
    factor = 1.0
    for other in damped:
        if other.first < hit.end and hit.first < other.end:
            damping = cues.file.damping[other.rule]
            if not damping.only or group in damping.only:
                factor = min(factor, damping.factor)
    return factor


def _side_values(found: Sequence[_Found], cues: Cues) -> tuple[float, float]:
    vision = [f for f in found if cues.rules[f.rule][0] == "vision_language"]
    efficiency = [f for f in found if cues.rules[f.rule][0] == "efficiency"]
    repeat, sides = cues.file.repeat_factor, cues.file.sides
    return _saturated(_total(vision, repeat), sides.vision_language.half), _saturated(_total(efficiency, repeat), sides.efficiency.half)


def _saturated(total: float, half: float) -> float:
    """0 for nothing, 0.5 at `half`, towards 1 for ever more: many words cannot outweigh a silent other side."""
    return total / (total + half)


def _total(found: Iterable[_Found], repeat: float) -> float:
    """The sum over rules; a rule's second-best hit counts `repeat`, its third `repeat` squared, and so on."""
    by_rule: dict[int, list[float]] = {}
    for hit in found:
        by_rule.setdefault(hit.rule, []).append(hit.weight)
    total = 0.0
    for weights in by_rule.values():
        share = 1.0
        for weight in sorted(weights, reverse=True):
            total += weight * share
            share *= repeat
    return total


Item = TypeVar("Item")


def _evidence(found: Sequence[_Found], paper: _Paper, cues: Cues, most: int) -> tuple[Evidence, ...]:
    """The weightiest hits as quotes, each rule and each place once."""
    chosen: list[_Found] = []
    rules: set[int] = set()
    for hit in sorted(found, key=lambda f: (-f.weight, f.field != "title", f.first, f.rule)):
        if len(chosen) == most:
            break
        if hit.weight > 0 and hit.rule not in rules:
            chosen.append(hit)
            rules.add(hit.rule)
    places: dict[FieldName, list[tuple[int, int]]] = {field: spans(paper.texts[field]) for field in {hit.field for hit in chosen}}
    result = []
    for hit in chosen:
        start, end = places[hit.field][hit.first][0], places[hit.field][hit.end - 1][1]
        group, rule = cues.rules[hit.rule]
        result.append(
            Evidence(field=hit.field, start=start, end=end, quote=paper.texts[hit.field][start:end], cue=f"{group}: {rule.reason}")
        )
    return tuple(result)
