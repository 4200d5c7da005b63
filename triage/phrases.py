"""The phrase language of cue files, and a matcher whose time is linear in the text.

A cue is written as words, not as a regular expression, so that a curator can read it and so that no
cue file and no abstract can make the program hang:

    knowledge distill*        words one behind the other; space, hyphen, slash and comma are all the same
    prun*|remov* token*       alternatives, `*` for any letters behind (or before) a part of a word
    pre_train*                joined, hyphenated or spaced: "pretraining", "pre-training", "pre training"
    visual? token*            an optional word
    reduc* ~3 latency         up to three words between, never across the end of a sentence
    #x fast*   by #%   # bit  a factor ("2x", "2.5 times"), a percentage, any number
    LoRA                      a capital letter makes the word case-sensitive; small letters match any case

Chinese and Japanese characters count as a word each, so phrases in those scripts work as written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

__all__ = ["STOPS", "Hit", "PhraseError", "PhraseMatcher", "spans", "tokens"]

STOPS = frozenset(".!?;:。！？；：")
"""Tokens that end a sentence or a title's first half; no phrase reaches across them."""

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    r"[xX×]\s?\d+(?:[.,]\d+)*(?![^\W_])"  # "x30", "×2.5"
    r"|\d+(?:[.,]\d+)*(?:\s?\\?%|\s?\$?(?:×|\\times)|\s?[xX](?![^\W_]))?"  # 30, 30 %, 2.5x, 2$\times$
    rf"|[{_IDEOGRAPH}]"
    rf"|[^\W_{_IDEOGRAPH}]+"
    r"|[.!?;:](?=\s|$)|[。！？；：]"
)
_NUMBER = re.compile(r"\d")
_FACTOR = re.compile(r"(?:[xX×]\s?\d.*|\d.*(?:[xX×]|\\times))\Z", re.DOTALL)
_CACHED_WORDS = 200_000
"""Distinct words remembered; beyond that the cache starts anew, so hostile text cannot fill memory."""
_LONGEST_WORD = 64
"""Longer runs of letters are no words of any language here; they match nothing."""
_MOST_VARIANTS = 256
"""A phrase that expands to more variants than this is refused."""


class PhraseError(ValueError):
    """A phrase that does not follow the language; the message says what is allowed."""


def tokens(text: str) -> list[str]:
    """The words, numbers and sentence ends of a text, as written."""
    return _TOKEN.findall(text)


def spans(text: str) -> list[tuple[int, int]]:
    """The places of `tokens(text)`: `text[start:end]` is the token."""
    return [found.span() for found in _TOKEN.finditer(text)]


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A phrase found: tokens `first` up to but not including `end`, for rule number `rule`."""

    first: int
    end: int
    rule: int


@dataclass(frozen=True, slots=True)
class _Step:
    """One word to match (`test`, an index of word tests) after at most `gap` other words."""

    test: int
    gap: int


class PhraseMatcher:
    """Many rules of phrases matched in one pass.

    Each distinct word of all texts is classified once (which word tests it passes); matching then
    only looks at integers, and each phrase has a bounded number of steps and gaps.
    """

    def __init__(self, rules: Iterable[Iterable[str]]) -> None:
        """Compile; rule numbers are positions in `rules`. Raises PhraseError naming the phrase."""
        self._tests: dict[str, int] = {}
        self._exact: dict[str, list[int]] = {}
        self._cased: dict[str, list[int]] = {}
        self._prefix: dict[str, list[int]] = {}
        self._suffix: dict[str, list[int]] = {}
        self._kinds: dict[str, list[int]] = {"#": [], "#x": [], "#%": []}
        self._starts: dict[int, list[tuple[int, tuple[_Step, ...]]]] = {}
        self._classes: dict[str, frozenset[int]] = {}
        for number, phrases in enumerate(rules):
            for phrase in phrases:
                for variant in _variants(phrase):
                    steps = tuple(_Step(self._test(word), gap) for word, gap in variant)
                    self._starts.setdefault(steps[0].test, []).append((number, steps[1:]))
        self._prefix_lengths = sorted({len(p) for p in self._prefix})
        self._suffix_lengths = sorted({len(s) for s in self._suffix})

    def find(self, words: Sequence[str]) -> list[Hit]:
        """All hits in reading order; of hits of one rule that overlap only the longest stays."""
        classes = [self._class(word) for word in words]
        found: list[Hit] = []
        for position, tests in enumerate(classes):
            for test in tests:
                for rule, steps in self._starts.get(test, ()):
                    if end := self._end(classes, words, position + 1, steps):
                        found.append(Hit(position, end, rule))
        return _without_overlaps(found) if found else found

    def _end(self, classes: Sequence[frozenset[int]], words: Sequence[str], position: int, steps: Sequence[_Step]) -> int:
        """Where a phrase that began just before `position` ends, or 0; of several ways to fill the gaps the shortest first."""
        if not steps:
            return position
        step, rest = steps[0], steps[1:]
        for place in range(position, min(position + step.gap + 1, len(classes))):
            if step.test in classes[place] and (end := self._end(classes, words, place + 1, rest)):
                return end
            if words[place] in STOPS:
                return 0
        return 0

    def _test(self, slot: str) -> int:
        if slot in self._tests:
            return self._tests[slot]
        number = self._tests[slot] = len(self._tests)
        for word in slot.split("|"):
            table, key = self._table(word)
            table.setdefault(key, []).append(number)
        return number

    def _table(self, word: str) -> tuple[dict[str, list[int]], str]:
        if word in self._kinds:
            return self._kinds, word
        if word.endswith("*"):
            return self._prefix, word[:-1]
        if word.startswith("*"):
            return self._suffix, word[1:]
        return (self._exact, word) if word == word.lower() else (self._cased, word)

    def _class(self, word: str) -> frozenset[int]:
        known = self._classes.get(word)
        if known is None:
            if len(self._classes) >= _CACHED_WORDS:
                self._classes.clear()
            known = self._classes[word] = frozenset(self._classified(word)) if len(word) <= _LONGEST_WORD else frozenset()
        return known

    def _classified(self, word: str) -> Iterable[int]:
        if (_NUMBER.search(word) and not word[0].isalpha()) or _FACTOR.match(word):
            yield from self._kinds["#"]
            yield from self._kinds["#%"] if word.endswith("%") else ()
            yield from self._kinds["#x"] if _FACTOR.match(word) else ()
        # ligatures and full-width letters of PDF text count as the letters they show
        word = word if word.isascii() else unicodedata.normalize("NFKC", word)
        small = word.lower()
        yield from self._cased.get(word, ())
        yield from self._exact.get(small, ())
        for form in {word, small}:
            for length in self._prefix_lengths:
                yield from self._prefix.get(form[:length], ()) if length <= len(form) else ()
            for length in self._suffix_lengths:
                yield from self._suffix.get(form[-length:], ()) if length <= len(form) else ()


def _without_overlaps(hits: list[Hit]) -> list[Hit]:
    kept: list[Hit] = []
    reached: dict[int, int] = {}
    for hit in sorted(hits, key=lambda h: (h.first, -h.end, h.rule)):
        if hit.first >= reached.get(hit.rule, 0):
            reached[hit.rule] = hit.end
            kept.append(hit)
    return kept


_WORD = re.compile(r"#[x%]?\Z|\*?[^\W_]+(?:_[^\W_]+)*\*?\Z|[*]?[^\W_]+\Z")


def _variants(phrase: str) -> list[list[tuple[str, int]]]:
    """A phrase as plain sequences of (alternatives joined by `|`, words that may stand before)."""
    choices: list[list[list[tuple[str, int]]]] = []
    gap = 0
    for item in phrase.split():
        if found := re.fullmatch(r"~(\d)", item):
            gap = int(found[1])
            continue
        optional = item.endswith("?")
        choices.append(_alternatives(item.removesuffix("?"), gap, phrase) + ([[]] if optional else []))
        gap = 0
    if gap or not choices or phrase.split()[0].startswith("~"):
        raise PhraseError(f"{phrase!r} must begin and end with a word, not with a gap or nothing")
    size = 1
    for choice in choices:
        size *= len(choice)
    if size > _MOST_VARIANTS:
        raise PhraseError(f"{phrase!r} stands for {size} variants; at most {_MOST_VARIANTS} are allowed, write several phrases")
    variants = [[step for part in parts for step in part] for parts in product(*choices)]
    if any(not variant for variant in variants):
        raise PhraseError(f"{phrase!r} consists of optional words only")
    return variants


def _alternatives(slot: str, gap: int, phrase: str) -> list[list[tuple[str, int]]]:
    """Single words of a slot stay together as one test; joined words become sequences of their own."""
    single: list[str] = []
    sequences: list[list[str]] = []
    for word in slot.split("|"):
        if not _WORD.match(word):
            raise PhraseError(
                f"{phrase!r}: {word!r} is no word; allowed are letters and digits, * at one end, _ inside, | between, ? behind, ~N, #, #x, #%"
            )
        for sequence in _spellings(word):
            if len(sequence) == 1:
                single.append(sequence[0])
            else:
                sequences.append(sequence)
    joined = ["|".join(dict.fromkeys(single))] if single else []
    return [[(w, gap if i == 0 else 0) for i, w in enumerate(s)] for s in [joined, *sequences] if s]


def _spellings(word: str) -> list[list[str]]:
    """`pre_train*` is "pretrain*" in one word or "pre" "train*" in two; digits and letters part as in texts."""
    if word in {"#", "#x", "#%"}:
        return [[word]]
    head, tail = ("*" if word.startswith("*") else ""), ("*" if word.endswith("*") else "")
    core = word.strip("*")
    if len(core.replace("_", "")) < 2 and (head or tail):
        raise PhraseError(f"{word!r} is too short for a *: it would match almost any word")
    spellings = [core.replace("_", ""), core.replace("_", " ")] if "_" in core else [core]
    result: list[list[str]] = []
    for spelling in spellings:
        parts = tokens(spelling)
        parts[0] = head + parts[0]
        parts[-1] += tail
        result.append(parts)
    return result


def rule_numbers(groups: Mapping[str, Sequence[object]]) -> dict[str, range]:
    """Consecutive numbers for the rules of named groups, in order."""
    start = 0
    numbers: dict[str, range] = {}
    for name, rules in groups.items():
        numbers[name] = range(start, start + len(rules))
        start += len(rules)
    return numbers
