"""What a figure can be about: the words for each metric, in small letters, hyphens as blanks."""

from __future__ import annotations

import re

__all__ = ["GAINS", "about", "is_accuracy", "trains"]

_PARAM = r"(?:param(?:eter)?s?|weights|params?)"
# the first that fits wins, so the narrower stand first
_NOUNS = tuple(
    (metric, re.compile(rf"\b(?:{words})\b"))
    for metric, words in (
        ("training-cost", r"(?:pre ?)?training (?!param)(?:\w+ )?(?:time|costs?|compute|computation|budgets?|flops|overheads?|hours|resources)"
        r"|[gt]pu (?:hours?|days?)"
                          r"|(?:fine ?tuning|finetuning) (?:time|costs?)|time (?:to learn|for (?:pre )?training)|pretraining compute|tuning time"
                          r"|training (?:and (?:inference )?)?(?:costs?|time)|convergence time|(?:costs?|time|compute) of (?:pre ?)?(?:training|fine ?tuning)"),
        ("trainable-params", rf"(?:trainable|tunable|learnable|tuned|updated|trained|task specific|task conditioning|additional|extra|added|new"
        rf"|finetuned) (?:\w+ ){{0,3}}?{_PARAM}"
                             rf"|{_PARAM} (?:updates?|tuning|that are trained)|number of training {_PARAM}|training {_PARAM}"
                             rf"|learnable weights|{_PARAM} cost"),
        ("storage", r"(?:index )?storage|disk|checkpoint sizes?|index (?:sizes?|memory|footprint)"),
        ("memory", r"memory|vram|kv ?caches?|(?:key|keys) (?:and |/ )?values? caches?|caches?|cache size|kv sizes?"),
        ("latency", r"latency|latencies|(?:inference|decoding|run|running|wall clock|walltime|prefill|prefilling|generation|response|execution"
        r"|processing|encoding|retrieval)"
                    r" ?time|time to first token|ttft|runtime|delay|time per (?:output )?token|tpot|time costs?|time consumption"),
        ("throughput", r"throughputs?|fps|frames per second|queries per second|qps"),
        ("flops", r"g?flops|tflops|mflops|g?macs|multiply adds?|floating point operations|operations|compute|computes|computations?|calculations"
                  r"|comput(?:ational|ation|ing|e) (?:costs?|complexity|complexities|overheads?|loads?|burdens?|budgets?|expenses?|resources"
                  r"|requirements?|demands?|consumption|savings?|reductions?)"
                  r"|inference (?:costs?|flops|compute|computations?)|attention computations?|complexity"),
        ("params", rf"{_PARAM}|model sizes?|model volume|model footprint|parameter (?:counts?|size|scale)|sizes? of (?:the |its |our )?\S.*"),
        ("tokens", r"tokens?|token (?:counts?|usage|number|length)|(?:sequence|prompt|token|context|input|reasoning|output|response"
        r"|original) lengths?|patches"),
        ("data", r"data|datasets?|samples?|examples?|images?|pairs|annotations?|instances|videos?|corpus|corpora|sentences|instructions?|prompts"
                 r"|captions|demonstrations|trajectories|training set"),
        ("speed", r"speeds?|efficiency|inference|decoding|encoding|generation|speed ?ups?|speedups?|acceleration|training|fine ?tuning"
        r"|finetuning|prefill(?:ing)?"),
    )
)  # fmt: skip
_ACCURACY = re.compile(
    r"\b(?:performances?|accurac(?:y|ies)|quality|capabilit(?:y|ies)|scores?|zero shot performance|fidelity|ability|abilities|recall"
    r"|precision|map|miou|f1)\b"
)
_TRAINS = re.compile(
    r"\b(?:(?:pre ?)?(?:train(?!able)\w*)|pretrain\w*|fine ?tun\w*|finetun\w*|distill?\w*|converge\w*|learn(?:ing|s)?|adaptation)\b"
)

GAINS = frozenset({"speed", "throughput"})
"""What gets better by growing; everything else gets cheaper by shrinking."""


def about(phrase: str) -> str | None:
    """The metric a noun phrase is about, "speed" for speed of any kind; None for anything that is no cost."""
    return next((metric for metric, pattern in _NOUNS if pattern.search(phrase)), None)


def is_accuracy(phrase: str) -> bool:
    """Whether the phrase speaks of how good results are."""
    return _ACCURACY.search(phrase) is not None


def trains(phrase: str) -> bool:
    """Whether the phrase speaks of training."""
    return _TRAINS.search(phrase) is not None
