"""Work without the collector of cycles: what makes hundreds of thousands of plain values is looked through by it for nothing."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["uncollected"]


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Within this (or in a function it decorates) cycles are not looked for: a tenth to a sixth of the time of rows and blocks."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
