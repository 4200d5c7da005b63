"""What the words beside an amount say it is: parameters, data, devices, time, memory, rates."""

from __future__ import annotations

import re

from triage.claims.beside import Beside, Reading, count_words, last_verb, phrase_at, reading_of
from triage.claims.nouns import about, trains

__all__ = ["OWN", "amount", "data", "devices", "operations", "parameters", "time"]

# the authors' own, so that sizes of other people's models are no claims
_FEWEST_PARAMETERS = 500
"""Fewer, written without a unit, are settings of a method and no size of a model."""
OWN = re.compile(r"\b(?:we|our|ours|proposed|resulting|student|this (?:model|method|approach)|it)\b")
_NO_OWN_SIZE = re.compile(r"\b(?:than|compared|existing|previous|prior|such as)\b")


_NEAR = 30
"""Words in which whose a figure is must be said; further away another sentence part speaks of others."""


def _own(one: Beside) -> bool:
    return OWN.search(" ".join(one.left.split()[-_NEAR:])) is not None


def parameters(one: Beside) -> Reading | None:
    phrase = phrase_at(one.right)
    found = re.match(r"(?:\w+ ){0,3}?param(?:eter)?s?\b(?! (?:model|llm|language|vision))", phrase)
    if not found or about(found[0]) not in {"params", "trainable-params"} or (not one.unit and max(one.values) < _FEWEST_PARAMETERS):
        return None
    if one.bound and not _own(one):
        return None
    near = " ".join(one.left.split()[-8:])
    verb = last_verb(f"{near} {one.link}".strip())
    has = re.search(r"\b(?:has|have|contains?|containing|comprises?|requires?|requiring|uses?|adds?|adding) ?\Z", near) and _own(one)
    compared = re.match(
        r"(?:\w+ ){0,2}?param(?:eter)?s? [(,] (?:only |just )?# of (?:the |its )?(?:teacher|original|full|baseline|base)", one.right
    )
    # nobody counts the trainable parameters of others in millions
    own_count = one.unit and re.match(r"(?:trainable|learnable|tunable) param", one.right)
    small = re.search(r"\b(?:light ?weight|compact|tiny) \(\Z", one.left)
    if not one.little and not compared and not small and not own_count and (not has or _NO_OWN_SIZE.search(one.left)):
        return None
    tuned = about(found[0]) == "trainable-params" or (verb and verb[0] == "tune") or (one.tuning and not has)
    left = count_words(verb[2]) + 1 if verb else 0
    return reading_of("trainable-params" if tuned else "params", "kept", one, min(left, 6), count_words(found[0]))


def data(one: Beside) -> Reading | None:
    phrase = phrase_at(one.right)
    tokens = re.match(r"(?:\w+ ){0,2}?tokens?\b", phrase)
    metric = about(phrase)
    if tokens and one.unit in {"k", ""}:
        few = one.little or (one.link in {"to", "into"} and (last_verb(one.left) or ("",))[0] == "down")
        if few and min(one.values) >= 2 and not re.search(r"trainable|learnable|prompt|prefix|training|extra|additional|special", phrase):
            return reading_of("tokens", "kept", one, 0, count_words(tokens[0]))
        return None
    if metric != "data" and not (tokens and one.unit):
        return None
    small = not one.unit and min(one.values) < 100
    return reading_of("data", "kept", one, 0, count_words(phrase)) if one.little and not small else None


_OPERATIONS = re.compile(r"(?P<what>flops?|macs|multiply adds?|multiply accumulates?|floating point operations)\b")
_ENOUGH_OPERATIONS = {"million": "mflops", "m": "mflops", "billion": "gflops", "b": "gflops", "trillion": "tflops"}


def operations(one: Beside) -> Reading | None:
    """ "with only 16 million parameters and 3.6 billion MACs": what is said to be little of one is said of both."""
    found, unit = _OPERATIONS.match(one.right), _ENOUGH_OPERATIONS.get(one.unit)
    if not found or unit is None:
        return None
    listed = re.search(r"\b(?:only|merely|just) # (?:\w+ ){0,3}(?:and|,|, and)\Z", one.left)
    if not one.little and not listed:
        return None
    return Reading(("flops",) * len(one.values), "kept", 0, count_words(found[0]), unit)


_DEVICE_TIME = re.compile(r"(?:\w+ ){0,3}?(?P<device>[gt]pu|a100|v100|h100|a6000|h800)\w* (?P<time>hours?|days?)\b")
_DEVICES = re.compile(r"(?:\w+ ){0,3}?(?P<device>[gt]pu)\w*(?: (?:chips?|cards?|cores?))?")


def devices(one: Beside) -> Reading | None:
    if one.unit:
        return None
    if time := _DEVICE_TIME.match(one.right):
        device = "TPU" if time["device"] == "tpu" else "GPU"
        return Reading(("training-cost",) * len(one.values), "kept", 0, count_words(time[0]), f"{device} {time['time']}")
    found = _DEVICES.match(phrase_at(one.right))
    if found and one.little and not re.search(r"\bmemory\b", one.right[:40]):
        return Reading(("training-cost",) * len(one.values), "kept", 0, count_words(found[0]), f"{found['device']}s")
    return None


def time(one: Beside) -> Reading | None:
    left, right = " ".join(one.left.split()[-14:]), " ".join(one.right.split()[:8])
    if one.unit in {"ms", "millisecond", "milliseconds", "s", "second", "seconds", "sec"}:
        each = re.match(r"(?:per|/) ?\w+", right)
        itself = one.link in {"", "in", "within", "at"} and re.search(r"\b(?:takes?|taking|runs?|running|infers?) ?\Z", left)
        if (
            each
            or (itself and "ms" in one.unit and (one.little or _own(one)))
            or re.search(r"\b(?:latency|inference|runtime|run time|inference time)\b", left)
            or re.match(r"(?:\w+ )?(?:latency|inference)", right)
        ):
            return reading_of("latency", "kept", one, 0, 2 if each else 0)
        return None
    within = one.link in {"in", "within", "for"} or one.little or re.search(r"\b(?:takes?|requir\w+|needs?) ?\Z", one.left)
    # "in two days" closes a sentence about training, wherever in it training is named
    if within and not right.startswith("of ") and trains(f"{one.left} {right}"):
        return reading_of("training-cost", "kept", one, 0, 0)
    return None


def amount(one: Beside) -> Reading | None:
    """Memory, FLOPs and rates, when they are little or the authors' own."""
    own = _own(one) and not _NO_OWN_SIZE.search(one.left)
    if one.unit in {"gb", "mb", "gib", "mib", "kb", "tb"}:
        memory = re.match(r"(?:of )?(?:\w+ ){0,2}?(?P<what>memory|vram|storage|disk)\b(?! (?:single )?gpu)", one.right)
        named = re.search(r"\b(?:memory(?: \w+){0,3}|storage(?: \w+){0,2})\Z", one.left)
        if (memory or named) and (one.little or (own and re.search(r"\b(?:requir\w+|needs?|consum\w+|us(?:es|ing)) ?\Z", one.left))):
            what = memory["what"] if memory else str(named[0] if named else "")
            return reading_of(
                "storage" if what.startswith(("stor", "disk")) else "memory", "kept", one, 0, count_words(memory[0]) if memory else 0
            )
        return None
    if "flop" in one.unit or "mac" in one.unit:
        return reading_of("flops", "kept", one, 0, 0) if one.little or (own and one.link in {"with", "at"}) else None
    reaches = re.search(
        r"\b(?:runs?|running|achiev\w+|reach\w+|at|speed|throughput)\b|\breal time \(", " ".join(one.left.split()[-6:]) + " " + one.link
    )
    with_rate = one.link == "with" and one.unit != "g" and not _NO_OWN_SIZE.search(one.left)
    return reading_of("throughput", "kept", one, 0, 0) if reaches or with_rate or one.little else None
