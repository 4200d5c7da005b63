"""Sentences of an abstract, and one sentence made short enough for a bullet. Pure functions, linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.text import clean_line

__all__ = ["sentence_spans", "shorten", "trim"]

# A sentence may end at one of these, closing quotes and brackets included ("..." counts as one end).
_END = re.compile(
    r"(?P<mark>[.!?]{1,4})(?P<close>['\"”’)\]}]{0,3})(?P<gap>\s+|\Z)"
    r"|[。！？]['\"”’」』）)]{0,3}\s*"
    r"|\n[ \t]*\n\s*"
    # the blank is missing now and then where lines were joined; only before words that begin a sentence
    r"|(?<=[a-z)][a-z)])\.(?=(?:Also|Experiments?|Extensive|Finally|Furthermore|However|In|Moreover|Our|Specifically|The|These|This|Through|To|We)\s)"
)
_ABBREVIATIONS = frozenset(
    {
        "e.g", "i.e", "al", "cf", "vs", "w.r.t", "fig", "figs", "eq", "eqs", "eqn", "sec", "sect", "tab", "no", "nos", "vol",
        "pp", "ref", "refs", "resp", "approx", "dr", "mr", "mrs", "ms", "prof", "st", "dept", "inc", "a.k.a", "viz", "wrt",
        "app",
    }
)  # fmt: skip
"""Words before a full stop that does not end a sentence. "etc." may end one."""
_LAST_WORD = 12
"""Characters looked at before a full stop; the longest abbreviation has five."""
_BEFORE = re.compile(r"[^\s(\[{“‘\"']*\Z")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Places of the sentences: `text[start:end]` is one, without the white space around it.

    A full stop ends a sentence when white space and no small letter follow, and the word before it is
    no abbreviation; an empty line always ends one. Every character that is no white space lies in
    exactly one sentence.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for end, after in _ends(text):
        if stripped := _stripped(text, start, end):
            spans.append(stripped)
        start = after
    if stripped := _stripped(text, start, len(text)):
        spans.append(stripped)
    return spans


def _stripped(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    lead = len(piece) - len(piece.lstrip())
    body = piece.strip()
    return (start + lead, start + lead + len(body)) if body else None


def _ends(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences end, and where the text goes on."""
    for found in _END.finditer(text):
        if found["mark"] is None or found["gap"].count("\n") > 1:
            yield found.end(), found.end()
        elif found.end() < len(text) and _goes_on(text, found):
            continue
        else:
            yield found.end("close"), found.end()


def _goes_on(text: str, found: re.Match[str]) -> bool:
    following = re.compile(r"['\"“‘(\[{$\\]*(\w*)").match(text, found.end())
    word = following[1] if following else ""
    # a small letter goes on, unless it begins a name with a capital inside ("mPLUG", "kMaX")
    if word[:1].islower() and not (word[1:3] != word[1:3].lower() and len(word) > 2):
        return True
    if found["mark"] != "." or found["close"]:
        return False
    before = _BEFORE.search(text[max(0, found.start() - _LAST_WORD) : found.start()])
    last = before[0] if before else ""
    return last.casefold() in _ABBREVIATIONS or re.fullmatch(r"[A-Za-z](?:\.[A-Za-z])+", last) is not None


_CONNECTIVES = (
    "However|Nevertheless|Nonetheless|Moreover|Furthermore|Additionally|In addition|Besides|Therefore|Thus|Hence|Consequently|As a result"
    "|Accordingly|Meanwhile|Notably|Importantly|Remarkably|Also|Finally|Lastly|Overall|Specifically|In particular|Particularly|Concretely"
    "|To be specific|More specifically|In detail|To this end|To that end|In this paper|In this work|In this study|In this article|Here"
    "|In this letter|In this regard|In summary|In practice|Further|Motivated by this|Unfortunately|Yet|But|And|So|Then|Towards this end"
    "|More importantly|More encouragingly|Most importantly|Interestingly|Surprisingly|Especially|Experimentally|Empirically"
    "|In contrast|On the other hand|On the one hand|In fact"
)
_CONNECTIVE = re.compile(rf"(?:{_CONNECTIVES}),\s+(?=\S)")
_BARE_CONNECTIVE = re.compile(
    r"(?:In this paper|In this work|To this end|Then|However|Therefore|Hence|Thus|Furthermore|Finally|Here)\s+(?=(?:we|a|the|an)\b)"
)
# "To tackle these issues, ": the purpose without the issue, which another sentence names
_PURPOSE = re.compile(
    r"(?:In order )?to (?:further )?(?:address|tackle|overcome|solve|alleviate|mitigate|remedy|handle|resolve|bridge|close|fill|fix|achieve|meet|do|deal with)"
    r" (?:this|these|those|such|it|so|that|both|the (?:above|aforementioned)|all these)(?: [\w-]+){0,3},\s+(?=\S)"
    r"|To (?:address|tackle|overcome|solve|alleviate|mitigate|handle) the (?:challenge|issue|problem|gap|limitation)s?,\s+(?=\S)"
    r"|(?:Based on|In terms of|Inspired by|Motivated by|With|In view of|In light of|Given) (?:this|these|that|the above) [\w-]+(?: [\w-]+)?,\s+(?=\S)",
    re.IGNORECASE,
)
_EVIDENCE = re.compile(
    r"(?:(?:Our|The|These|All|Extensive|Comprehensive|Thorough|Empirical|Quantitative|Qualitative|Further|Various)\s+)?(?:(?:and|extensive|empirical"
    r"|comprehensive|experimental|qualitative|quantitative)\s+){0,3}(?:experiments?|experimentation|evaluations?|results?|analysis|analyses|studies)"
    r"(?:\s+results?)?\s+(?:clearly\s+|also\s+|further\s+)?(?:show|shows|demonstrate|demonstrates|indicate|indicates|reveal|reveals|verify|confirm"
    r"|validate|suggest|have shown|have demonstrated)\s+that\s+(?=\S)",
    re.IGNORECASE,
)


def trim(sentence: str) -> str:
    """One line without what ties a sentence to its neighbours ("However, ", "In this paper, ", "Experiments show that ")."""
    text = clean_line(sentence)
    for _ in range(4):
        found = _CONNECTIVE.match(text) or _BARE_CONNECTIVE.match(text) or _PURPOSE.match(text) or _EVIDENCE.match(text)
        if not found:
            break
        text = _capital(text[found.end() :])
    return text


def _capital(text: str) -> str:
    """A capital first letter, but names with their own spelling stay ("mPLUG", "k-means")."""
    word = re.match(r"[a-z]+(?![\w-])", text)
    hyphened = re.match(r"[a-z]{2,}-[a-z]", text)
    return text[0].upper() + text[1:] if word or hyphened else text


# where a sentence can stop and still say something
_SEMICOLON = re.compile(r"(?=;\s)")
_NEW_THOUGHT = re.compile(
    r"(?=,\s(?:which|where|while|whereas|thus|thereby|hence|leading|resulting|making|yielding|enabling|allowing|so|but|and then|as|since)\b)"
)
_SIGN = re.compile(r"(?=:\s)|(?=\s[–—-]{1,3}\s)|(?=,\s)")
_JOINT = re.compile(r"(?=\s(?:which|while|whereas|because|thereby|without|by|through|via|with|for|in order to)\s)")
_BLANK = re.compile(r"\s")
_SHORTEST_PART = 0.45
"""Of the length allowed; a cut before that would lose too much, but where a whole thought ends."""
_CUTS = (
    (_SEMICOLON, 0.6), (_NEW_THOUGHT, 0.6), (_SIGN, 0.6), (_SEMICOLON, 0.3), (_NEW_THOUGHT, 0.3),
    (_SIGN, _SHORTEST_PART), (_JOINT, _SHORTEST_PART), (_BLANK, _SHORTEST_PART),
)  # fmt: skip
"""Ways to cut, best first, each with the least part of the length that must stay."""
# what cannot stand last: signs, words that lead on, the one word behind a colon
_DANGLING = re.compile(
    r"(?::\s\S{1,16})?(?:[\s,;:–—(-]+(?:(?:a|an|the|of|in|on|for|to|with|and|or|by|as|from|across|that|which|at|its|their|using|between|such|is|are|has|have"
    r"|been|be|via|than|both|not|only)(?![^\s]))?){0,8}\Z"
)
_NUMBER_END = re.compile(r"[\d.,%×x]{1,40}\Z")
_SUBORDINATE = re.compile(
    r"(?:By|While|Although|Though|Since|Given|Considering|When|With|Without|Due|To|In order|Through|Whereas|As|After|Based|Unlike|Instead|Despite"
    r"|Compared|For|Because|If|Building|Built|Inspired|Motivated|Under|On|In|From|Using|Benefiting|Rather|Apart)\b"
)
_MAIN = re.compile(r", (?:in this (?:paper|work), )?(?=(?:we|our|this (?:paper|work)|a novel|novel)\b)")
"""Where the main clause of "By doing that, we ..." begins; what stands before it goes first."""
_MAIN_CLAUSE = 40
"""Characters a main clause needs to say something."""


def shorten(text: str, most: int = 220) -> str:
    """`text`, or its beginning up to the end of a clause and " …", in at most `most` characters.

    "By doing this, we ..." loses its first half when it is too long. Never cut inside brackets,
    mathematics or a number with its unit; at a space between words where no clause ends in time.
    """
    if len(text) > most and _SUBORDINATE.match(text) and (main := _MAIN.search(text, 40)):
        text = _capital(text[main.end() :])
    if len(text) <= most:
        return text
    window = text[: most - 2]
    closed = _outside_brackets(window)
    # "By doing this, it reaches that" says nothing before its second half
    comma = next((m.start() for m in re.finditer(r",\s", window) if closed[m.start()]), 0) if _SUBORDINATE.match(text) else 0
    for clause, least in _CUTS:
        places = [m.start() for m in clause.finditer(window) if m.start() >= max(least * most, comma + _MAIN_CLAUSE if comma else 0)]
        places = [place for place in places if closed[place] and not _parts_number(text, place)]
        if places:
            return _DANGLING.sub("", window[: places[-1]]) + " …"
    blanks = [m.start() for m in _BLANK.finditer(window) if m.start() >= _SHORTEST_PART * most and not _parts_number(text, m.start())]
    return (_DANGLING.sub("", window[: blanks[-1]]) if blanks else _NUMBER_END.sub("", window)) + " …"


def _outside_brackets(text: str) -> list[bool]:
    """For each place whether no bracket and no `$` is open there."""
    depth, math, outside = 0, False, []
    for sign in text:
        outside.append(depth == 0 and not math)
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth = max(0, depth - 1)
        elif sign == "$":
            math = not math
    return outside


def _parts_number(text: str, place: int) -> bool:
    """Whether a cut at `place` parts a number from its unit or list: "93 million", "a factor of 2", "1, 2 and 3"."""
    before = re.search(r"\S*\Z", text[max(0, place - 24) : place])
    after = re.match(r"[\s,;:]*(\S{0,24})", text[place : place + 30])
    beside = after[1] if after else ""
    if text[place] not in ",;":
        beside += before[0] if before else ""
    return any(sign.isdigit() for sign in beside)
