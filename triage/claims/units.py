"""Units as the warehouse keeps them: one spelling and one scale for each quantity."""

from __future__ import annotations

import re

__all__ = ["METRICS", "UNITS", "normalised"]

METRICS = (
    "speedup", "latency", "throughput", "flops", "params", "trainable-params", "memory", "storage", "tokens", "training-cost", "data",
    "accuracy-kept", "accuracy-lost",
)  # fmt: skip
"""Every metric a claim can be about."""

UNITS = (
    "x", "percent", "M", "ms", "hours", "GPU hours", "TPU hours", "GPUs", "TPUs", "GB", "GFLOPs", "tokens", "FPS", "tokens/s", "images/s",
)  # fmt: skip
"""Every unit a claim can have."""

_SCALES: dict[str, tuple[float, str]] = {
    "%": (1, "percent"), "percent": (1, "percent"), "per cent": (1, "percent"), "percentage": (1, "percent"),
    "x": (1, "x"), "times": (1, "x"), "time": (1, "x"), "fold": (1, "x"), "×": (1, "x"),
    "k": (1e-3, "M"), "thousand": (1e-3, "M"), "m": (1, "M"), "million": (1, "M"), "millions": (1, "M"),
    "b": (1e3, "M"), "billion": (1e3, "M"), "billions": (1e3, "M"), "t": (1e6, "M"), "trillion": (1e6, "M"),
    "count": (1e-6, "M"), "": (1e-6, "M"),
    "us": (1e-3, "ms"), "ms": (1, "ms"), "millisecond": (1, "ms"), "milliseconds": (1, "ms"), "s": (1e3, "ms"), "sec": (1e3, "ms"),
    "second": (1e3, "ms"), "seconds": (1e3, "ms"), "secs": (1e3, "ms"),
    "minute": (1 / 60, "hours"), "minutes": (1 / 60, "hours"), "min": (1 / 60, "hours"), "mins": (1 / 60, "hours"),
    "hour": (1, "hours"), "hours": (1, "hours"), "h": (1, "hours"), "hrs": (1, "hours"), "hr": (1, "hours"),
    "day": (24, "hours"), "days": (24, "hours"), "week": (168, "hours"), "weeks": (168, "hours"),
    "kb": (1e-6, "GB"), "mb": (1e-3, "GB"), "gb": (1, "GB"), "tb": (1e3, "GB"), "mib": (1e-3, "GB"), "gib": (1, "GB"),
    "mflops": (1e-3, "GFLOPs"), "gflops": (1, "GFLOPs"), "tflops": (1e3, "GFLOPs"), "pflops": (1e6, "GFLOPs"),
    "mmacs": (1e-3, "GFLOPs"), "gmacs": (1, "GFLOPs"), "tmacs": (1e3, "GFLOPs"), "g": (1, "GFLOPs"),
    "tokens": (1, "tokens"), "token": (1, "tokens"), "visual tokens": (1, "tokens"),
    "fps": (1, "FPS"), "frames per second": (1, "FPS"), "tokens/s": (1, "tokens/s"), "tokens per second": (1, "tokens/s"),
    "images/s": (1, "images/s"), "images per second": (1, "images/s"),
}  # fmt: skip
_GAIN = frozenset({"speedup"})


def normalised(metric: str, value: float, unit: str) -> tuple[float, str]:
    """The value and unit as kept: "2.8 B" parameters are 2800 M, "2 days" 48 hours, a speed-up of 40 % is 1.4 x.

    A unit that is not known stays as it is written, in small letters.
    """
    spelled = re.sub(r"[\s-]+", " ", unit.strip()).casefold()
    if found := re.search(r"\b([gt]pu)\w*(?: (?:chips?|cards?|cores?))?(?: (hours?|days?))?\Z", spelled):
        return _devices(value, found[1].upper(), found[2])
    scale, kept = _SCALES.get(spelled, (1.0, spelled))
    if metric == "tokens" and kept == "M":
        scale, kept = scale * 1e6, "tokens"
    value = value * scale
    if metric in _GAIN and kept == "percent":
        value, kept = 1 + value / 100, "x"
    return round(value, 6), kept


def _devices(value: float, device: str, time: str | None) -> tuple[float, str]:
    if time is None:
        return value, f"{device}s"
    return (value * 24 if time.startswith("day") else value), f"{device} hours"
