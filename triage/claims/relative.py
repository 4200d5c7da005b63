"""What the words beside a factor or a percentage say it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from triage.claims.accuracy import accuracy_kept, accuracy_lost
from triage.claims.beside import (
    CHANGE,
    PHRASE,
    STOP,
    Beside,
    Direction,
    Reading,
    count_words,
    last_verb,
    phrase_at,
    reading_of,
    saved_metric,
    speed_of,
)  # fmt: skip
from triage.claims.nouns import GAINS, about, is_accuracy, trains

__all__ = ["RELATIVE", "from_to"]

# 2x faster, 1.7x inference speed-up, 30 % acceleration
_FASTER = re.compile(
    r"(?:(?:or|even) (?:more )?)?(?P<between>(?:(?!(?:than|and|with|of|in|to|for|on|while|by|fewer|less|lower|smaller"
    r"|memory|more|reduction|higher)\b)\w+ ){0,4}?)"
    r"(?P<word>faster|quicker|speed ?ups?|speedups?|accelerations?|speed improvements?|speed gains?|as fast)\b"
    r"(?P<after>(?: (?:in|of|for|at|on|during) (?:the )?\w+| (?:inference|training|decoding|generation|convergence|learning|\w+ training|\w+ inference))?)"
)


_LEARNS_FROM_LESS = re.compile(r"\b(?:sample|data|label) efficiency \(\Z")


def _faster(one: Beside) -> Reading | None:
    found = _FASTER.match(one.right)
    if not found:
        return None
    if _LEARNS_FROM_LESS.search(one.left):
        return reading_of("data", "down", one, 0, 0)
    around = f"{found['between']}{found['after']}"
    before = " ".join(one.left.split()[-4:])
    metric = "throughput" if "throughput" in around else speed_of(f"{around} {before}")
    size = (
        count_words(found[0])
        if re.match(r" (?:in|inf|tr|dec|gen|conv|lea)", found["after"])
        else count_words(found[0]) - count_words(found["after"])
    )
    return reading_of(metric, "down" if metric == "training-cost" else "up", one, 0, size)


# 30 % fewer tokens, 4x smaller memory
_LESS = re.compile(
    r"(?:(?:or|even) (?:more )?)?(?:\w+ly )?(?P<less>less|fewer|lower|smaller|reduced|shorter|cheaper|lighter)\b ?(?P<rest>.*)"
)


def _fewer(one: Beside) -> Reading | None:
    found = _LESS.match(one.right)
    if not found:
        return None
    phrase = phrase_at(found["rest"])
    metric = saved_metric(phrase)
    if phrase == "time" and trains(" ".join(found["rest"].split()[:4])):
        metric = "training-cost"
    if metric is None and found["less"] == "smaller" and one.unit == "x" and not phrase.startswith(("dataset", "batch")):
        metric = "params" if not phrase or about(phrase) == "params" or re.match(r"(?:\w+ )?models?\b|in size", phrase) else None
    return reading_of(metric, "down", one, 0, count_words(one.right[: found.start("rest")]) + count_words(phrase))


# 75 % reduction in memory, 2.7x peak memory savings
_REDUCTION = re.compile(
    r"(?P<what>(?:(?!(?:than|and|with|of|in|to|for|on|while|by|drop|loss|accuracy|performance)\b)\w+ ){0,5}?)"
    r"(?:reductions?|decrease|savings?|compression|less)\b(?: (?:in|of|on|for) (?P<of>.*))?"
)
_NAMES_SPEED = re.compile(r"\b(?:speeds?|speed ?ups?|efficiency|throughput|fps|acceleration)\b")
_GAIN = re.compile(
    r"(?P<what>(?:(?!(?:than|and|with|of|in|to|for|on|while|by|accuracy|performance)\b)\w+ ){0,4}?)"
    r"(?:increases?|improvements?|enhancements?|gains?|boosts?)\b(?: (?:in|of|on) (?P<of>.*))?"
)


_COUNTED = re.compile(r"(?:the )?(?:total |overall )?(?:number|amount) of ")


def _reduction(one: Beside) -> Reading | None:
    found = _REDUCTION.match(one.right)
    if not found:
        return None
    counted = _COUNTED.match(found["of"] or "")
    phrase = phrase_at((found["of"] or "")[counted.end() if counted else 0 :])
    if is_accuracy(phrase) or is_accuracy(found["what"]):
        return None
    metric = saved_metric(phrase) or saved_metric(found["what"])
    head = found.start("of") + (counted.end() if counted else 0) if found["of"] else found.end()
    return reading_of(metric, "down", one, 0, count_words(one.right[:head]) + count_words(phrase))


def _gain(one: Beside) -> Reading | None:
    found = _GAIN.match(one.right)
    if not found:
        return None
    phrase = phrase_at(found["of"] or "")
    metric = about(phrase) if phrase else about(found["what"])
    if metric not in GAINS or is_accuracy(f"{phrase} {found['what']}") or not _NAMES_SPEED.search(f"{phrase} {found['what']}"):
        return None
    metric = speed_of(f"{phrase} {found['what']}") if metric == "speed" else metric
    head = found.start("of") if found["of"] else found.end()
    return reading_of(metric, "up", one, 0, count_words(one.right[:head]) + count_words(phrase))


# 3x higher throughput, 5x more parameter-efficient
_MORE = re.compile(r"(?P<more>higher|more|greater|better|increased|improved|larger)\b (?P<rest>.*)")


def _more(one: Beside) -> Reading | None:
    found = _MORE.match(one.right)
    phrase = phrase_at(found["rest"] if found else one.right)
    size = count_words(phrase) + (1 if found else 0)
    if found and (efficient := re.match(r"(?:(\w+) )?efficient\b", phrase)):
        metric = about(efficient[1] or "") or "speed"
        metric = {"speed": "speedup", "params": "trainable-params"}.get(metric, metric)
        metric = "training-cost" if efficient[1] and trains(efficient[1]) else metric
        return reading_of(metric, "up" if metric == "speedup" else "down", one, 0, size)
    metric_or_none = about(phrase)
    if metric_or_none == "throughput" and (found or re.match(r"(?:\w+ ){0,3}throughput\b", phrase)):
        return reading_of("throughput", "up", one, 0, size)
    if found and metric_or_none == "speed" and re.search(r"speed|efficiency", phrase):
        metric = speed_of(phrase)
        return reading_of(metric, "down" if metric == "training-cost" else "up", one, 0, size)
    return None


_MEASURED = re.compile(
    r"(?:in terms of |absolute |in )?(?:(?!(?:without|with|while|and|at|but|for)\b)\w+ ){0,2}?(?:accuracy|map|miou|points?|recall|auc|score)\b"
)


_PASSIVE = re.compile(
    r"(?P<what>(?:\w+ ){1,5}?)(?:(?:is|are|was|were|gets?|can be|being) )?(?:further |also |significantly |thus )?"
    r"(?:(?P<down>falls?|fell|falling|drops?|dropped|decreas(?:es|ed|ing)|shrinks?|shrunk|reduced|cut|lowered|shortened|lower)"
    r"|(?P<quick>accelerated|sped up)|(?P<up>grows?|rises?|improves?|improved|increases?|increased|boosted|raised))\Z"
)


def _changes_itself(one: Beside) -> Reading | None:
    """ "latency falls by 50 %", "decoding is accelerated by 2x"."""
    left = " ".join(one.left.rpartition("#")[2].split()[-7:])
    found = _PASSIVE.search(left)
    # "rises 3x" needs no preposition; "prompts shrink 20x" leaves open what of them
    bare = one.link == "" and one.unit == "x" and found is not None and found["up"] is not None
    if (
        not (one.link in {"by", "to"} or bare)
        or not found
        or is_accuracy(left)
        or (one.link == "to" and (found["quick"] or one.unit != "%"))
    ):
        return None
    if found["up"]:
        metric = about(found["what"])
        if metric not in GAINS or not _NAMES_SPEED.search(found["what"]) or one.link == "to":
            return None
        metric = "throughput" if metric == "throughput" else speed_of(found["what"])
        return reading_of(metric, "down" if metric == "training-cost" else "up", one, count_words(found[0]), 0)
    parts = re.split(r" and | , ", found["what"].strip())
    if len(parts) == len(one.values) > 1 and found["down"] and all(map(saved_metric, parts)):
        return Reading(tuple(saved_metric(part) or "" for part in parts), "kept" if one.link == "to" else "down", count_words(found[0]), 0)
    metric = speed_of(found["what"]) if found["quick"] else saved_metric(found["what"])
    direction: Direction = "up" if metric == "speedup" else "kept" if one.link == "to" else "down"
    return reading_of(metric, direction, one, count_words(found[0]), 0)


_NO_COST = re.compile(r"\b(?:auc|roc|errors?|wer|cer|fid|perplexity|bias|gaps?|hallucinations?|noise)\b")


_NAME = 5
"""Words of what changed, where its figure stands in parentheses behind it."""
_AFTER_FACTOR = re.compile(r"(?:on|in|when|with|while|without|compared|over|across|and|at|for)\b.*")


def _as_by(one: Beside) -> Beside | None:
    """The number as one behind "by", where it stands bare or in parentheses; None where that is no figure of what changed."""
    if one.left.endswith(" (") and one.right.startswith(")"):  # "improves the inference speed (up to 9x)"
        left = one.left[:-2]
        verb = last_verb(left, CHANGE)
        if verb is None or STOP.search(verb[2]) or count_words(verb[2]) > _NAME or (one.unit == "%" and "efficiency" in verb[2]):
            return None
        return replace(one, left=left, link="by")
    verb = last_verb(one.left, CHANGE)
    behind = re.match(r"\w", _AFTER_FACTOR.sub("", one.right))
    if verb and verb[0] == "quick" and not one.link and one.unit == "x" and verb[2] and not behind:
        return replace(one, link="by")  # "speeds up the training of such models 10x"
    if verb and verb[0] == "down" and not one.link and verb[2] and not STOP.search(f"{verb[2]} ") and not behind:
        return replace(one, link="by")  # "reduces latency up to 3x"
    return one


def _saved_directly(one: Beside) -> Reading | None:
    """ "saving 3x computational cost"."""
    verb = last_verb(one.left, CHANGE)
    if verb is None or verb[0] != "down" or one.link or one.unit != "x" or verb[2]:
        return None
    phrase = phrase_at(one.right)
    return reading_of(saved_metric(phrase), "down", one, count_words(verb[1]), count_words(phrase))


def _changed_by(given: Beside) -> Reading | None:
    """ "reduces the FLOPs by 43 %", "speeding up decoding by 4.5x"; behind an "and" the verb stands further left."""
    one = _as_by(given)
    verb = last_verb(one.left, CHANGE) if one else None
    if one is None or one.link not in {"by", "to"} or verb is None or _MEASURED.match(one.right):
        return None
    kind, _, behind = verb
    phrase = behind.rpartition("#")[2].strip()
    phrase = re.sub(r"^(?:and|,|or|while|, and) ", "", phrase) if "#" in behind else phrase
    if "#" in behind and (STOP.match(phrase) or count_words(phrase) > PHRASE):
        return None
    size = count_words(phrase) + (0 if "#" in behind else count_words(verb[1]))
    if kind == "quick" and one.link == "by":
        metric: str | None = speed_of(phrase)
        return reading_of(metric, "down" if metric == "training-cost" else "up", one, size, 0)
    if kind == "up" and one.link == "by" and about(phrase) in GAINS and not is_accuracy(phrase):
        metric = "throughput" if about(phrase) == "throughput" else speed_of(phrase)
        return reading_of(metric, "down" if metric == "training-cost" else "up", one, size, 0)
    if kind == "up" and one.link == "by" and re.search(r"\b(?:time|latency|cost)\b", phrase) and one.unit == "x":
        return reading_of(saved_metric(phrase), "down", one, size, 0)
    if kind != "down" or _NO_COST.search(phrase) or (one.link == "to" and one.unit != "%"):
        return None
    parts = re.split(r" and | , ", phrase)
    if len(parts) == len(one.values) > 1 and all(map(saved_metric, parts)):
        return Reading(tuple(saved_metric(part) or "" for part in parts), "down", size, 0)
    metric = saved_metric(phrase if one.link == "by" and len(parts) == 1 else parts[-1]) or saved_metric(phrase)
    if (
        metric is None
        and verb[1].startswith("compress")
        and one.unit == "x"
        and re.search(r"\b(?:models?|networks?|transformers?)\Z", phrase)
    ):
        metric = "params"
    if metric == "params" and (one.tuning or verb[1] in {"fewer", "less"}) and "size" not in phrase:
        metric = "trainable-params"
    return reading_of(metric, "kept" if one.link == "to" else "down", one, size, 0)


# speed-ups of up to 2x; a memory reduction of 30 %; achieving throughput gains of 3x
_OF = re.compile(
    r"(?:(?P<speed>\b(?:(?:inference|decoding|training|\w+) )?(?:speed ?ups?|speedups?|accelerations?)(?: (?:ratios?|rates?|factors?))?)"
    r"|(?P<down>(?:\b\w+ ){0,4}(?:reductions?|savings?|decrease)(?: (?:in|of) (?:\w+ ){0,4}?\w+)?)"
    r"|(?P<up>(?:\b\w+ ){0,3}throughput (?:improvements?|gains?|increases?)))"
    r"(?: (?:for|on|in|over) (?:\w+ ){0,3}\w+)?(?: ,)?(?: (?:achiev|reach|rang)(?:ing|es))?(?P<mark> \(| :)?(?(mark) ?(?:on the order|by a factor)?)\Z"
)


def _figure_of(one: Beside) -> Reading | None:
    found = _OF.search(one.left.strip())
    if not found or not (one.link in {"of", "by", "to", "from"} or found["mark"] or found[0].endswith(("achieving", "reaching"))):
        return None
    size = count_words(found[0])
    if found["speed"]:
        metric: str | None = speed_of(found["speed"] + " " + phrase_at(re.sub(r"^(?:in|on|for) ", "", one.right)))
        return reading_of(metric, "down" if metric == "training-cost" else "up", one, size, 0)
    if found["up"]:
        return reading_of("throughput", "up", one, size, 0)
    phrase = found["down"]
    if is_accuracy(phrase):
        return None
    behind = re.match(r"(?:in|of) (.*)", one.right)
    metric = saved_metric(phrase) or (saved_metric(phrase_at(behind[1])) if behind else None)
    return reading_of(metric, "down", one, size, 0)


# 1 % of the parameters
_SHARE = re.compile(r"(?:of |as (?:many|much) )?(?:(?:the|its|their|our|all|total|overall|original|entire|whole|full|available) )*")


_NO_SHARE = re.compile(r"\b(?:savings?|sparsity|increase|higher|more|points?|larger|per|bits?|rates?|reuse)\b")


def _share(one: Beside) -> Reading | None:
    head = _SHARE.match(one.right)
    rest = one.right[head.end() if head else 0 :]
    phrase = phrase_at(rest)
    metric = saved_metric(phrase) if one.unit == "%" else None
    if metric in {None, "throughput"} or is_accuracy(phrase) or _NO_SHARE.search(phrase):
        return None
    near = " ".join(one.left.split()[-9:])
    verb = last_verb(f"{near} {one.link}".strip())
    kind = verb[0] if verb and verb[1] not in {"less", "fewer", "smaller", "lower"} else ""
    passive = re.match(r"(?:\w+ ){0,6}?(?:are|is|being|were) (?:\w+ )?(?P<verb>\w+)", rest)
    behind = last_verb(passive["verb"]) if passive else None
    if _UNTOUCHED.match(rest):
        kind = "freeze"
    size = count_words(one.right[: head.end() if head else 0]) + count_words(phrase)
    left = min(count_words(verb[2]) + 1 - bool(one.link), 9) if verb else 0
    if behind and behind[0] in {"down", "tune"}:
        kind = behind[0]
    down = kind in {"down", "freeze"} or one.negative or (verb is not None and verb[1] in {"skip", "ignore"})
    if not down and (
        max(one.values) >= 100
        or metric == "latency"
        or not (one.little or (kind in {"tune", "use"} and (metric != "data" or kind == "tune")))
    ):
        return None
    if metric == "params" and (
        kind in {"tune", "freeze"} or (one.tuning and kind != "down") or re.search(r"\b(?:updates?|tuning)\b", rest[:60])
    ):
        metric = "trainable-params"
    return reading_of(metric, "down" if down else "kept", one, left, size)


# what is said of the parameters that are not trained
_UNTOUCHED = re.compile(
    r"(?:(?:model|backbone|pre ?trained|network) )?(?:param(?:eter)?s?|weights) (?:are|is|stays?|remains?|kept|left|being) (?:\w+ )?"
    r"(?:untouched|unchanged|frozen|fixed|intact)\b"
)
_FROM = re.compile(r"\bfrom\Z")


def from_to(one: Beside) -> Reading | None:
    """ "from 2.8M to 0.67M": only the second number is the figure; a verb before, or a phrase behind, says of what."""
    if one.link != "from" or len(one.values) != 2 or one.values[1] >= one.values[0]:
        return None
    itself = _PASSIVE.search(" ".join(one.left.rpartition("#")[2].split()[-7:]))
    alone = itself and itself["down"] and not re.match(r"(?:to|and|we|it) ", itself["what"])
    if itself and alone and (metric := saved_metric(itself["what"])) not in {None, "data"}:
        return Reading(("", str(metric)), "kept", count_words(itself[0]), 0)
    verb = last_verb(one.left, CHANGE)
    if verb is None or verb[0] != "down":
        return None
    metric = saved_metric(re.sub(r"[#(),0]| and ", " ", verb[2])) or saved_metric(phrase_at(one.right))
    if one.unit in {"k", "m", "b", "million", "billion"} and metric not in {"params", "trainable-params", "data"}:
        return None
    size = count_words(verb[2].rpartition("#")[2]) + (0 if "#" in verb[2] else count_words(verb[1]))
    return Reading(("", metric), "kept", size, 0) if metric else None


_OF_THE_TEACHER = re.compile(r"of (?:the |its |their )?(?:\w+ )?(?:teacher|original|full|baseline|dense|base|uncompressed|counterpart)")


def _share_of_model(one: Beside) -> Reading | None:
    """ "93 million parameters, 44.3% of the teacher"."""
    found = _OF_THE_TEACHER.match(one.right)
    if one.unit == "%" and found and re.search(r"# (?:\w+ )?param(?:eter)?s? [,(] ?(?:which is |that is |or )?\Z", f"{one.left} "):
        return reading_of("params", "kept", one, 0, count_words(found[0]))
    return None


RELATIVE: Sequence[Callable[[Beside], Reading | None]] = (
    accuracy_lost, accuracy_kept, from_to, _faster, _fewer, _reduction, _gain, _more, _saved_directly, _changed_by, _changes_itself,
    _figure_of, _share_of_model, _share,
)  # fmt: skip
