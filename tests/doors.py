"""What the tests of the HTTP door share: a door whose source stands on a scripted server, and time that only seems to pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from triage.settings import Settings, load_settings
from triage.sources import Request, Response
from triage.web import Door, Validators

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SOURCE = "huggingface"
QUICK = "connect_seconds = 2\nread_seconds = 0.3\ntotal_seconds = 5\nattempts = 2\n"
"""[web] settings with which a silent server does not hold a test up."""


def web_settings(base_url: str | None, *, web: str = QUICK, table: str = "pace = 0", robots: bool = False) -> Settings:
    """Settings with a stand-in for the source at `base_url` (None: its own site); `robots` whether its robots.txt counts."""
    base = f'base_url = "{base_url}"' if base_url else ""
    obeyed = "" if robots else "robots = false"
    return load_settings(f"[web]\n{web}\n[sources.{SOURCE}]\n{base}\n{table}\n{obeyed}\n", name="f.toml", environ={})


class Naps:
    """A sleep that returns at once and remembers how long it was asked to take."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@contextlib.contextmanager
def open_door(
    folder: Path,
    settings: Settings,
    *,
    known: Mapping[str, Validators] | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
    **fields: Any,
) -> Iterator[Door]:
    fields.setdefault("sleep", Naps())
    with Door(settings, raw=folder / "raw", known=known or {}, clock=clock, jitter=lambda: 0.5, **fields) as door:
        yield door


def json_request(url: str, *, largest: int = 64_000_000, **fields: Any) -> Request:
    return Request(key=fields.pop("key", "2026-11-22"), url=url, accept=("application/json",), largest=largest, **fields)


def ask(door: Door, url: str, *, hosts: tuple[str, ...] = (), **fields: Any) -> Response:
    return door.fetch(json_request(url, **fields), source=SOURCE, hosts=hosts)
