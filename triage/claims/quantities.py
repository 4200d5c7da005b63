"""Numbers with their units in a sentence, and the words between them. Linear time.

Markup does not matter: "2.6$\\times$", "\\textbf{2.6x}" and "2.6 ×" are one quantity. Every token knows its place in
the text, so that a quote can be cut out of it exactly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Group", "Token", "groups", "read_tokens"]

_LONGEST_WORD = 40

_MARKUP = re.compile(
    r"\\(?:texttimes|times)|\\%|\\(?:text|math)(?:bf|it|rm|tt|sf)\b|\\(?:emph|sim|approx|small|leq?|geq?)\b|\\[(){}]|\*\*|[${}~∼～≈\n\t\\]|×|[–—−‐‑]"
)


def _flat(found: re.Match[str]) -> str:
    """Markup as blanks of the same length, so that places stay."""
    text = found[0]
    if text in {"×", "\\times", "\\texttimes"}:
        return "x".ljust(len(text))
    if text == "\\%":
        return " %"
    return "-" if text in "–—−‐‑" else " " * len(text)


_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "twenty": 20,
}  # fmt: skip
_PARTS = {"half": 50.0, "third": 33.3, "quarter": 25.0, "tenth": 10.0}
"""Parts in words, in percent."""
_UNIT = (
    r"%|percentage(?=\s+(?:of|points?)\b)|per\s?cent\b|times\b|[xX](?=faster|smaller|less|fewer|lower|speed)|[xX](?![^\W_])(?!\s?\d)|-?\s?fold\b"
    r"|(?:million|billion|thousand|trillion)\b|[KMBkmb](?![^\W_])|ms\b|milliseconds?\b|seconds?\b|secs?\b|s(?=\s?(?:/|per\b))"
    r"|minutes?\b|mins?\b|hours?\b|hrs?\b|h\b|days?\b|weeks?\b|[KMGT]i?B\b|[MGTP]?FLOPs?\b|[MGT]MACs\b|G\b|FPS\b|fps\b|frames\s+per\s+second\b"
    r"|tokens?\s?(?:/\s?s(?:ec)?\b|per\s+second\b)|images?\s?(?:/\s?s(?:ec)?\b|per\s+second\b)"
)
_TOKEN = re.compile(
    rf"(?P<magnitude>(?:(?:an?|one)\s+|(?P<many>two|three|four)\s+)orders?\s+of\s+magnitude)"
    r"|(?P<twice>\btwice\b(?=\s+(?:as|faster)\b))"
    rf"|(?<![^\W_])(?<![A-Za-z0-9][-/.])[xX]\s?(?P<before>{_NUMBER})(?![^\W_]|\.\d)"
    rf"|(?<![^\W_])(?<![A-WYZa-wyz][-/.])(?<!\d\.)(?P<number>{_NUMBER})(?![.,]\d)(?:\s{{0,6}}-?(?P<unit>{_UNIT})|(?![^\W_]))"
    # "half of the parameters", "a third of the time"; "the second half of the layers" is no share
    r"|(?<!second )(?<!first )(?<!other )(?<!latter )\b(?P<part>half|(?:a|one)[\s-](?:third|quarter|tenth))\b"
    r"(?=\s+(?:of\s|the\s|its\s|our\s|their\s|as\s+many\s))"
    rf"|\b(?P<spelled>{'|'.join(_WORDS)})(?:\s+|-(?=fold))(?P<of>times|fold|thousand|million|billion|minutes?|hours?|days?|weeks?)\b"
    r"|(?P<word>[^\W\d_][^\W_]*(?:['’](?:s|t)\b)?)"
    r"|(?P<name>\d+[^\W_]*[^\W\d_][^\W_]*|[^\W_]+)"
    r"|(?P<sign>[.,;:!?()/<>≤≥+-]|\[|\])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word in small letters, a sign, or "#" for a number; `start` and `end` are places in the text."""

    text: str
    start: int
    end: int
    value: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers of one unit that belong together ("1.4 - 7.8x", "95% and 35%"): tokens `first` up to, not including, `end`."""

    first: int
    end: int
    unit: str
    values: tuple[Token, ...]


def read_tokens(text: str, start: int, end: int) -> list[Token]:
    """The tokens of `text[start:end]`."""
    flat = _MARKUP.sub(_flat, text[start:end])
    return [_token(found, start) for found in _TOKEN.finditer(flat)]


def _token(found: re.Match[str], start: int) -> Token:
    place = (start + found.start(), start + found.end())
    if found["magnitude"]:
        return Token("#", *place, float(10 ** _WORDS.get(found["many"] or "", 1)), "x")
    if found["spelled"]:
        return Token("#", *place, float(_WORDS[found["spelled"].casefold()]), _unit(found["of"]))
    if found["part"]:
        return Token("#", *place, _PARTS[found["part"].casefold().replace("-", " ").split()[-1]], "%")
    if found["twice"]:
        return Token("#", *place, 2.0, "x")
    if found["before"]:
        return Token("#", *place, _value(found["before"]), "x")
    if found["number"]:
        return Token("#", *place, _value(found["number"]), _unit(found["unit"] or ""))
    word = found[0].casefold().replace("’", "'")[:_LONGEST_WORD]
    if word in _WORDS:
        return Token("#", *place, float(_WORDS[word]), "")
    return Token(word, *place)


def _value(written: str) -> float:
    # a number of hundreds of digits is no figure; a float keeps it finite
    return float(written.replace(",", "")[:30])


def _unit(written: str) -> str:
    unit = re.sub(r"\s+", " ", written).casefold().strip(" -")
    if unit in {"%", "percent", "per cent", "percentage"}:
        return "%"
    if unit in {"x", "times", "fold"}:
        return "x"
    if unit.startswith(("token", "image")):
        return f"{unit[:5].rstrip('s')}s/s"
    return "fps" if unit.startswith("frames") else unit


_JOINS = frozenset({"-", "to", "/", "and", "or", ",", "~"})
_SPANS = frozenset({"-", "to", "/", "~"})
"""What joins a number without a unit to the next one that has it: "1.4 - 7.8x"."""


def groups(tokens: Sequence[Token]) -> list[Group]:
    """Numbers of the tokens, those of a range or a list together, in reading order."""
    found: list[Group] = []
    for place, token in enumerate(tokens):
        if token.value is None:
            continue
        last = found[-1] if found else None
        if last and _joined(tokens[last.end : place], last, token):
            found[-1] = Group(last.first, place + 1, token.unit or last.unit, (*last.values, token))
        else:
            found.append(Group(place, place + 1, token.unit, (token,)))
    return found


def _joined(between: Sequence[Token], last: Group, token: Token) -> bool:
    joins = [one.text for one in between]
    if not joins:
        return bool(token.unit) and last.unit in {token.unit, ""}
    if len(joins) > 2 or not _JOINS.issuperset(joins):
        return False
    if last.unit == token.unit:
        return bool(token.unit) or joins[0] in _SPANS
    return not last.unit and len(joins) == 1 and joins[0] in _SPANS
