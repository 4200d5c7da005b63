"""From a title and an abstract to claims: sentence by sentence, number by number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from triage.claims.beside import Beside, Reading
from triage.claims.nouns import trains
from triage.claims.quantities import Group, Token, groups, read_tokens
from triage.claims.rules import read_figure
from triage.claims.units import normalised
from triage.models import Claim
from triage.sentences import sentence_spans

__all__ = ["find_claims"]

SCANNED = 20_000
"""Characters read of a title or an abstract; the longest real abstracts have about 4,000."""
_REACH, _REACH_RIGHT = 48, 16
"""Words and signs looked at on the left and on the right of a number; a list of examples may stand before it."""

_MOST = (
    "up to|upto|as much as|as high as|as many as|over|above|more than|at least|beyond|about|around|nearly|almost|approximately|approx .|roughly|close to"
    "|an average of|average|on average|a factor of|factors of|factor of|an extra|an additional|another|up|a|an|the"
    "|average|mean|impressive|remarkable|further|another"
    "|≥|>|some|~|up to a factor of|total|maximum|max|(?:of )?around|significant|substantial|staggering|\\+|-"
)
_LITTLE = "only|merely|just|mere|as few as|as little as|less than|fewer than|no more than|tiny|a tiny|under|below|within|<|≤|marginal|a marginal|solely|minimal"
_BEFORE = re.compile(rf"(?:(?:^|(?<= ))(?:{_LITTLE}|{_MOST}) )*\Z")
_IS_LITTLE = re.compile(rf"(?:^|(?<= ))(?:{_LITTLE}) ")
_IS_BOUND = re.compile(r"\b(?:less than|fewer than|no more than|under|below)\b|[<≤]")
_LINK = re.compile(r"(?:^|(?<= ))(by|of|to|into|at|from|with|in|within|for) \Z")
_ONLY_NEAR = re.compile(r"\b(?:only|merely|just|solely) (?:\w+ ){1,4}\Z")
_LIST_LITTLE = re.compile(r"\b(?:only|merely|just) # (?:\w+ ){0,4}(?:and|,|, and) \Z")
_SUFFICES = re.compile(r"(?:(?!(?:and|but|while|than|not)\b)\w+ ){1,10}?(?:suffices?|(?:is|are) (?:enough|sufficient|sufficing))\b")
_TUNING = re.compile(
    r"parameter[- ]efficient|\bpeft\b|\bpetl\b|\badapters?\b|prompt[- ](?:tuning|learning)|\blora\b|fine-?tun"
    r"|low-rank adapt|side[- ]tun|prefix[- ]tun|efficient transfer",
    re.IGNORECASE,
)
_SMALLER = re.compile(r"distill|compress|prun|quantiz|lightweight|tiny|small", re.IGNORECASE)
_MARK = re.compile(r"(?:text)?times[}$]*")
_FOLLOWS = re.compile(r"# (?:(?:in|on|for|with|at) )?(?:\w+ ){1,5}(?:and|,|, and) (?:by )?\Z")
_AGAINST = re.compile(
    r"\s*,?\s*(?:when\s+|as\s+)?(?:compared\s+(?:with|to|against)|than|relative\s+to|versus|vs\.?|over|against|in\s+comparison\s+(?:with|to)|w\.?r\.?t\.?)\s+"
    r"(?:that\s+of\s+|those\s+of\s+)?(?P<what>[^,.;:()\n]{2,80})"
)
_FIRST_AGAINST = re.compile(r"\s*(?:When\s+)?[Cc]ompared\s+(?:with|to)\s+(?P<what>[^,.;:()\n]{2,80}),")
_ENOUGH = re.compile(r"\s+(?:while|with|and|on|in|at|for|when|without|using|across|that|which|by|under|whose|during)\s")


def find_claims(title: str, abstract: str | None) -> tuple[Claim, ...]:
    """The efficiency figures of a paper in reading order, each once; ranges and lists give one claim a number.

    Every quote is an exact part of the title or the abstract. Time is linear; of each field `SCANNED`
    characters are read.
    """
    found: dict[tuple[str, float, str], Claim] = {}
    title, abstract = title[:SCANNED], (abstract or "")[:SCANNED]
    whole = f"{title}\n{abstract}"
    tuning = _TUNING.search(whole) is not None and not _SMALLER.search(title)
    for text in (title, abstract):
        for start, end in sentence_spans(text):
            for claim in _of_sentence(text, start, end, tuning=tuning):
                found.setdefault((claim.metric, claim.value, claim.unit), claim)
    return tuple(found.values())


def _of_sentence(text: str, start: int, end: int, *, tuning: bool) -> Iterator[Claim]:
    tokens = read_tokens(text, start, end)
    previous: tuple[Group, Reading] | None = None
    for group in groups(tokens):
        one = _beside(tokens, group, tuning=tuning)
        reading = read_figure(one) or _as_before(one, group, previous)
        if reading is None:
            continue
        previous = group, reading
        # what stands between, such as "by up to", belongs to the quote
        words = reading.left + one.skipped if reading.left or one.little else 0
        reading = reading._replace(left=words, unit=reading.unit or one.unit)
        yield from _claims(text, (start, end), tokens, group, reading)


def _as_before(one: Beside, group: Group, previous: tuple[Group, Reading] | None) -> Reading | None:
    """ "2.3x for A and 1.7x for B", "from 2.8M to 0.7M (24%)": the same thing once more."""
    if previous is None:
        return None
    before, reading = previous
    apart = group.first - before.end
    again = (
        before.unit == group.unit
        and apart <= 8
        and _FOLLOWS.search(f"{one.left} ")
        and one.right.startswith(("in ", "on ", "for ", "with ", "at "))
    )
    share = group.unit == "%" and apart == 1 and one.left.endswith("# (") and one.right.startswith(")") and reading.direction == "kept"
    if not (again or share) or (again and one.link not in {"", "by", "of"}):
        return None
    metric = reading.metrics[-1]
    if metric in {"training-cost", "speedup"} and again and group.unit == "x":
        metric = "training-cost" if trains(" ".join(one.right.split()[:3])) else "speedup"
    return Reading((metric,) * len(group.values), "up" if metric == "speedup" else reading.direction, 0, 0)


def _beside(tokens: Sequence[Token], group: Group, *, tuning: bool) -> Beside:
    left = _words(tokens[max(0, group.first - _REACH) : group.first])
    for sign in (" ; ", " : ", " ? ", " ! "):
        left = left.rpartition(sign)[2]
    before = _BEFORE.search(f"{left} ") if left else None
    bare, approximately = (f"{left} "[: before.start()], before[0]) if before else (f"{left} ", "")
    link = _LINK.search(bare)
    # "by only 1 %", "only by 1 %": what calls it little may stand on either side of the preposition
    rest = bare[: link.start()] if link else bare
    outer = _BEFORE.search(rest)
    near = _ONLY_NEAR.search(rest) or _LIST_LITTLE.search(bare)
    right = _words(tokens[group.end : group.end + _REACH_RIGHT])
    little = bool(_IS_LITTLE.search(approximately) or near or _SUFFICES.match(right) or (link and outer and _IS_LITTLE.search(outer[0])))
    mark = tokens[group.first - 1] if group.first else None
    return Beside(
        left=rest.strip(),
        link=link[1] if link else "",
        little=little,
        negative=mark is not None and mark.text == "-" and mark.end == tokens[group.first].start,
        right=right,
        unit="x" if not group.unit and "factor" in approximately else group.unit,
        values=tuple(token.value or 0.0 for token in group.values),
        tuning=tuning,
        bound=_IS_BOUND.search(approximately) is not None,
        skipped=len(f"{left} ".split()) - len(rest.split()),
    )


def _words(tokens: Sequence[Token]) -> str:
    words: list[str] = []
    for token in tokens:
        if token.value is not None:
            words.append("#" if token.unit or words[-2:] == ["factor", "of"] else "0")
        elif token.text not in {"-", "+"}:
            words.append(token.text)
    return " ".join(words)


def _claims(text: str, sentence: tuple[int, int], tokens: Sequence[Token], group: Group, reading: Reading) -> Iterator[Claim]:
    first = _step(tokens, group.first, -reading.left)
    last = _step(tokens, group.end - 1, reading.right)
    begin, finish = tokens[first].start, tokens[last].end
    if text[finish - 1] == "\\" and (mark := _MARK.match(text, finish)):  # "\times" is read as an x, of which only the first sign is one
        finish = mark.end()
    against = _against(text[finish : sentence[1]], text[sentence[0] : begin])
    for metric, token in zip(reading.metrics, group.values, strict=True):
        if not metric or token.value is None:
            continue
        value, unit = normalised(metric, token.value, reading.unit or "")
        if value <= 0:
            continue
        yield Claim(metric=metric, value=value, unit=unit, direction=reading.direction, against=against, quote=text[begin:finish])


def _step(tokens: Sequence[Token], place: int, words: int) -> int:
    """The token `words` words further; hyphens are no words."""
    step = 1 if words > 0 else -1
    for _ in range(abs(words)):
        place += step
        while 0 < place < len(tokens) - 1 and tokens[place].text in {"-", "+"}:
            place += step
    return min(max(place, 0), len(tokens) - 1)


def _against(behind: str, before: str) -> str | None:
    found = _AGAINST.match(behind) or _FIRST_AGAINST.match(before)
    if not found:
        return None
    what = _ENOUGH.split(found["what"], maxsplit=1)[0].strip()
    return what if len(what) > 1 else None
