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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

__all__ = ["NUMBERS", "STOPS", "Hit", "PhraseError", "PhraseMatcher", "spans", "tokens", "variants"]

STOPS = frozenset(".!?;:。！？；：")
"""Tokens that end a sentence or a title's first half; no phrase reaches across them."""

NUMBERS = frozenset({"#", "#x", "#%"})
"""Words of a phrase that stand for numbers."""

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    r"[A-WYZa-wyz][A-Za-z0-9]*+(?![^\W_])"  # an English word: tried first because ASCII classes are twice as fast
    r"|[xX×]\s?\d+(?:[.,]\d+)*(?![^\W_])"  # "x30", "×2.5"
    r"|\d+(?:[.,]\d+)*(?:\s?\\?%|\s?\$?(?:×|\\times)|\s?[xX](?![^\W_]))?"  # 30, 30 %, 2.5x, 2$\times$
    rf"|[{_IDEOGRAPH}]|[^\W_{_IDEOGRAPH}]+"
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


class _Step(NamedTuple):
    """One word to match (`test`, the number of a word test) after at most `gap` other words."""

    test: int
    gap: int


class _Phrase(NamedTuple):
    """A phrase of rule number `rule` behind its first word; `needs` are the tests of the other words."""

    rule: int
    steps: tuple[_Step, ...]
    needs: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class _Word:
    """What a word is: the tests it passes, and the phrases it can begin."""

    tests: frozenset[int]
    begins: tuple[_Phrase, ...]


_UNKNOWN = _Word(frozenset(), ())

# ASCII signs that part words in `_TOKEN`, except those that belong to numbers ("30%")
_SIGNS = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum() and chr(code) != "%"})


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
        self._kinds: dict[str, list[int]] = {kind: [] for kind in sorted(NUMBERS)}
        self._begins: dict[int, list[_Phrase]] = {}
        self._known: dict[str, _Word] = {}
        self._seen: set[str] = set()
        self._telling: dict[str, _Word] = {}
        for number, phrases in enumerate(rules):
            for phrase in phrases:
                for variant in variants(phrase):
                    first, *rest = (_Step(self._test(word), gap) for word, gap in variant)
                    compiled = _Phrase(number, tuple(rest), frozenset(step.test for step in rest))
                    self._begins.setdefault(first.test, []).append(compiled)
        numbers = frozenset(test for tests in self._kinds.values() for test in tests)
        # numbers may reach over signs and blanks ("30 %"), so texts in pieces are taken to hold any
        self._numbers = _Word(numbers, tuple(phrase for test in sorted(numbers) for phrase in self._begins.get(test, ())))
        self._by_beginning = _grouped(self._prefix, slice(0, 2))
        self._by_end = _grouped(self._suffix, slice(-2, None))

    def find(self, words: Sequence[str]) -> list[Hit]:
        """All hits in reading order; of hits of one rule that overlap only the longest stays."""
        known = self._known
        try:
            classes = [known[word] for word in words]
        except KeyError:
            self._learn(words)
            classes = [known[word] for word in words]
        distinct = set(classes)
        present: set[int] = set()
        present.update(*[word.tests for word in distinct])
        viable = {word: phrases for word in distinct if word.begins and (phrases := [one for one in word.begins if one.needs <= present])}
        found: list[Hit] = []
        for position, word in enumerate(classes):
            if word in viable:
                for rule, steps, _ in viable[word]:
                    if end := _end(classes, words, position + 1, steps):
                        found.append(Hit(position, end, rule))
        return _without_overlaps(found) if found else found

    def possible(self, text: str) -> bool:
        """False when no phrase can stand in the text: for none of them all words do, in whatever order.

        A fifth of the work of `find`, for callers to whom most texts say nothing.
        """
        pieces = set(text.translate(_SIGNS).split())
        if fresh := pieces - self._seen:
            self._learn_pieces(fresh)
        telling = self._telling
        words = [telling[piece] for piece in pieces if piece in telling]
        present = set(self._numbers.tests)
        present.update(*[word.tests for word in words])
        for word in (*words, self._numbers):
            for phrase in word.begins:
                if phrase.needs <= present:
                    return True
        return False

    def _learn_pieces(self, pieces: Collection[str]) -> None:
        """A piece is what stands between ASCII signs; it may hold several tokens ("2D"), or a part of a number ("2.5x")."""
        if len(self._seen) >= _CACHED_WORDS:
            self._seen.clear()
            self._telling.clear()
        for piece in pieces:
            words = tokens(piece)
            self._learn(words)
            if tests := frozenset().union(*[self._known[word].tests for word in words]):
                self._telling[piece] = _Word(tests, tuple(phrase for word in words for phrase in self._known[word].begins))
        self._seen.update(pieces)

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

    def _learn(self, words: Sequence[str]) -> None:
        if len(self._known) >= _CACHED_WORDS:
            self._known.clear()
        for word in set(words).difference(self._known):
            tests = frozenset(self._passed(word)) if len(word) <= _LONGEST_WORD else frozenset()
            begins = tuple(phrase for test in sorted(tests) for phrase in self._begins.get(test, ()))
            self._known[word] = _Word(tests, begins) if tests else _UNKNOWN

    def _passed(self, word: str) -> Iterable[int]:
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
            for part, tests in self._by_beginning.get(form[:2], ()):
                yield from tests if form.startswith(part) else ()
            for part, tests in self._by_end.get(form[-2:], ()):
                yield from tests if form.endswith(part) else ()


def _grouped(parts: Mapping[str, list[int]], two: slice) -> dict[str, list[tuple[str, list[int]]]]:
    """Parts of words by their two outer letters, so that a word is compared with few of them."""
    groups: dict[str, list[tuple[str, list[int]]]] = {}
    for part, tests in parts.items():
        groups.setdefault(part[two], []).append((part, tests))
    return groups


def _end(classes: Sequence[_Word], words: Sequence[str], position: int, steps: tuple[_Step, ...]) -> int:
    """Where a phrase that began just before `position` ends, or 0; of several ways to fill the gaps the shortest first."""
    if not steps:
        return position
    step, rest = steps[0], steps[1:]
    for place in range(position, min(position + step.gap + 1, len(classes))):
        if step.test in classes[place].tests and (end := _end(classes, words, place + 1, rest)):
            return end
        if words[place] in STOPS:
            return 0
    return 0


def _without_overlaps(hits: list[Hit]) -> list[Hit]:
    kept: list[Hit] = []
    reached: dict[int, int] = {}
    for hit in sorted(hits, key=lambda h: (h.first, -h.end, h.rule)):
        if hit.first >= reached.get(hit.rule, 0):
            reached[hit.rule] = hit.end
            kept.append(hit)
    return kept


_WORD = re.compile(r"#[x%]?\Z|\*?[^\W_]+(?:_[^\W_]+)*\*?\Z|[*]?[^\W_]+\Z")


def variants(phrase: str) -> list[list[tuple[str, int]]]:
    """A phrase as plain sequences of (alternatives joined by `|`, words that may stand before). Raises PhraseError."""
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
    if word in NUMBERS:
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
