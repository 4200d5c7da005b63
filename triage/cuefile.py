"""The cue file as written (seeds/cues.yaml): typed, strict, with file and line in every refusal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from triage.errors import Fault
from triage.models import Frozen, Text
from triage.phrases import PhraseError, PhraseMatcher
from triage.reference import Lines, read_reference, refusal

__all__ = ["Context", "CueFile", "Damping", "Emphasis", "Rule", "read_cue_file"]

Positive = Annotated[float, Field(gt=0, le=100)]
Factor = Annotated[float, Field(ge=0, le=10)]
Share = Annotated[float, Field(ge=0, le=1)]
Phrases = Annotated[tuple[Text, ...], Field(min_length=1)]


class Rule(Frozen):
    """Phrases that say the same, with their weight and why.

    `claimed` is for types: the rule counts only as far as the paper claims efficiency at all ("fusion" is a
    type here when it is made cheaper, and just a word otherwise), "strictly" also for its title. `technique` is for the efficiency side: the
    rule names a technique, which alone is no claim that anything got cheaper.
    """

    phrases: Phrases
    weight: Positive
    reason: Text
    where: Literal["title", "abstract", "both"] = "both"
    claimed: bool | Literal["strictly"] = False
    technique: bool = False


class Damping(Frozen):
    """Phrases inside which a hit counts only `factor`; `only` names the sides or labels it is for (all if empty)."""

    phrases: Phrases
    factor: Share
    reason: Text
    only: tuple[Text, ...] = ()


class Context(Frozen):
    """Words that show what a sentence is about. `reach`: how many words behind them are meant (0: the sentence)."""

    phrases: Phrases
    reason: Text
    reach: Annotated[int, Field(ge=0, le=10)] = 0


class Contexts(Frozen):
    """Kinds of sentences: the authors' own work, others' work, a description of either; negation and comparison
    reach a few words. A `description` ("reduces", "uses") is the authors' own unless the sentence is about others."""

    contribution: Context
    background: Context
    negation: Context
    comparison: Context
    description: Context | None = None


class Emphasis(Frozen):
    """By what a hit's weight is multiplied where it stands.

    `lead` is for sentences before the first one about the authors' own work. A rule's second-best hit counts
    `repeat`, its third `repeat` squared, and so on.
    """

    title: Factor
    contribution: Factor
    background: Factor
    lead: Factor
    negation: Factor
    comparison: Factor
    repeat: Share


class Side(Frozen):
    """One side of the screening product: a sum of weights equal to `half` gives 0.5."""

    half: Positive
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class Screen(Frozen):
    """The two sides of screening."""

    emphasis: Emphasis
    vision_language: Side
    efficiency: Side


class Yield(Frozen):
    """`label` goes over, with its weight, to `to`, which says more, where that has at least `share` of its weight."""

    label: Text
    to: Text
    share: Factor
    reason: Text


class Typing(Frozen):
    """The rules of each label, and how weights become labels.

    `threshold` is the weight that gives confidence 0.5; a further label needs at least `share` of the best one's
    weight, one under the same parent `family_share`. A `claimed` rule counts `floor` (in the title `title_floor`, if
    given) without any claim of efficiency, any other at least `plain_floor` in the abstract and fully in the title;
    claims that weigh `claim_half` are half a claim. Of `rivals`, names for nearly the same, only the strongest stays;
    `yields` name pairs of which one says more. `purposes` are labels that say what gets cheaper and not by which means;
    they stand behind the techniques and need `purpose_share` of the best one's weight. `defaults` give, for a parent,
    the label it mostly means where none is named.
    """

    emphasis: Emphasis
    threshold: Positive
    share: Share
    family_share: Share
    floor: Share
    plain_floor: Share
    claim_half: Positive
    title_floor: Share | None = None
    purposes: tuple[Text, ...] = ()
    purpose_share: Share = 0.0
    rivals: tuple[tuple[Text, ...], ...] = ()
    yields: tuple[Yield, ...] = ()
    defaults: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, tuple[Rule, ...]]


class Profile(Frozen):
    """A word filter: keeps a text that holds one of the substrings, whatever the case."""

    substrings: Phrases
    reason: Text


class CueFile(Frozen):
    """The whole file."""

    version: Annotated[int, Field(ge=1)]
    filter_profile: Text
    profiles: dict[str, Profile]
    contexts: Contexts
    damping: tuple[Damping, ...] = ()
    screening: Screen
    types: Typing


def read_cue_file(text: str, *, name: str) -> CueFile:
    """Read cue YAML; `name` is the file's name for messages.

    Raises SettingsError "NAME:LINE: ..." for unknown keys, wrong values, names of labels without rules and
    phrases outside the language of `triage.phrases`; its `faults` are all of them, of the keys and values first.
    """
    file, lines = read_reference(text, CueFile, name=name)
    if faults := [*_profile_faults(file, lines), *_phrase_faults(file, lines), *_name_faults(file, lines)]:
        raise refusal(name, faults)
    return file


_HINT = "the form is explained at the top of the shipped cues.yaml"


def _profile_faults(file: CueFile, lines: Lines) -> Iterator[Fault]:
    if file.filter_profile not in file.profiles:
        allowed = ", ".join(sorted(file.profiles)) or "none"
        yield Fault(lines.at(("filter_profile",)), f"filter_profile: allowed are {allowed}", _HINT)


def _phrase_faults(file: CueFile, lines: Lines) -> Iterator[Fault]:
    for path, phrases in _all_phrases(file):
        for number, phrase in enumerate(phrases):
            try:
                PhraseMatcher([[phrase]])
            except PhraseError as error:
                yield Fault(lines.at((*path, number)), str(error), _HINT)


def _name_faults(file: CueFile, lines: Lines) -> Iterator[Fault]:
    known = {"vision_language", "efficiency", *file.types.labels}
    used: list[tuple[tuple[str | int, ...], tuple[str, ...]]] = [(("damping", n, "only"), d.only) for n, d in enumerate(file.damping)]
    used.append((("types", "purposes"), file.types.purposes))
    used += [(("types", "defaults", parent), (parent, label)) for parent, label in file.types.defaults.items()]
    used += [(("types", "rivals", n), rivals) for n, rivals in enumerate(file.types.rivals)]
    used += [(("types", "yields", n), (one.label, one.to)) for n, one in enumerate(file.types.yields)]
    for path, labels in used:
        for unknown in (label for label in labels if label not in known):
            yield Fault(lines.at(path), f"{unknown!r} has no rules here; allowed are {', '.join(sorted(known))}", _HINT)


def _all_phrases(file: CueFile) -> Iterable[tuple[tuple[str | int, ...], tuple[str, ...]]]:
    for kind in ("contribution", "background", "description", "negation", "comparison"):
        if context := getattr(file.contexts, kind):
            yield ("contexts", kind, "phrases"), context.phrases
    for number, damping in enumerate(file.damping):
        yield ("damping", number, "phrases"), damping.phrases
    for side in ("vision_language", "efficiency"):
        for number, rule in enumerate(getattr(file.screening, side).rules):
            yield ("screening", side, "rules", number, "phrases"), rule.phrases
    for label, rules in file.types.labels.items():
        for number, rule in enumerate(rules):
            yield ("types", "labels", label, number, "phrases"), rule.phrases
