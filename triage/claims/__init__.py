"""Efficiency figures in a title and an abstract as typed rows.

    find_claims("", "It runs 2x faster with 30% fewer FLOPs.")
    # speedup 2 x up, flops 30 percent down

Precision before recall: a number becomes a claim only when the words beside it say what got cheaper, or that it
is little. Units are normalised, so that values can be compared:

    speedup           x (40 % faster is 1.4 x)
    latency           ms, or x and percent of a reduction
    throughput        x and percent, or a rate such as FPS and tokens/s
    params, data      M (millions), or x and percent
    trainable-params  the same
    flops             GFLOPs, or x and percent
    memory, storage   GB, or x and percent
    tokens            tokens, or x and percent
    training-cost     hours, GPU hours, GPUs, TPUs, or x and percent
    accuracy-kept, accuracy-lost    percent

`direction` is "up" for what grew (speed, throughput), "down" for what was taken away, "kept" for what is left or
used ("tunes 1 % of the parameters", "40M parameters", "98 % of the accuracy").
"""

from __future__ import annotations

from triage.claims.finding import find_claims
from triage.claims.units import METRICS, UNITS, normalised

__all__ = ["METRICS", "UNITS", "find_claims", "normalised"]
