"""Processes that are kept alive: started in order, looked after, started again a bounded number of times, ended together."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triage.errors import TriageError

__all__ = ["MOST_RESTARTS", "RESTART_WINDOW", "STARTUP_SECONDS", "Child", "answers", "watch"]

MOST_RESTARTS = 5
RESTART_WINDOW = 3600.0
"""Seconds: a child that ends more than MOST_RESTARTS times in this window will not get better by itself."""

STARTUP_SECONDS = 120
"""How long Prefect's server may take to answer: 8 s on an idle machine, 33 s measured on a busy one at the first start."""

_LOOK_SECONDS = 1.0
_LISTEN_SECONDS = 60.0
_MOST_SILENCES = 5  # in a row: SQLite under load leaves single questions unanswered
_STOP_SECONDS = 30.0  # more than the warden's own grace
_LARGEST_LOG = 5_000_000  # bytes; then the log starts again beside one old file


@dataclass
class Child:
    """A process with all it starts. `api` is the Prefect API it serves; it is ready when that answers."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    api: str = ""
    log: Path | None = None
    ends: deque[float] = field(default_factory=deque)
    _process: subprocess.Popen[bytes] | None = None
    _silences: int = 0
    _listened: float = 0.0

    def start(self) -> None:
        """Start it under a warden, which ends it when we are gone, whatever ended us."""
        command = [sys.executable, "-P", "-m", "triage.cli.warden", *self.command]
        self._silences, self._listened = 0, time.monotonic()
        if self._process and self._process.stdin:
            self._process.stdin.close()
        if self.log is None:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, env=dict(self.environ))
            return
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.old"))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, env=dict(self.environ), stdout=log, stderr=log)

    @property
    def ended(self) -> str | None:
        """How it ended, or None while it runs."""
        status = self._process.poll() if self._process else None
        return None if status is None else f"ended with status {status}"

    def silent(self) -> bool:
        """Whether it runs but has not answered for several minutes; asked at most once a minute."""
        if not self.api or time.monotonic() - self._listened < _LISTEN_SECONDS:
            return False
        self._silences = 0 if answers(self.api) else self._silences + 1
        self._listened = time.monotonic()
        return self._silences >= _MOST_SILENCES

    def stop(self) -> None:
        """End it and all it started; returns when they are gone."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def where(self) -> str:
        return f"see {self.log}" if self.log else "see its messages above"


def watch(children: Sequence[Child], stop: threading.Event, *, say: Callable[[str], None], ready: Callable[[Child], None]) -> None:
    """Start `children` in order, each when the one before is ready, and keep them alive until `stop` is set.

    `ready` is told of each start that succeeded. Ends all of them, the last first, whatever happens.
    Raises TriageError when one does not get ready in STARTUP_SECONDS, or ends more than MOST_RESTARTS
    times in RESTART_WINDOW.
    """
    try:
        for child in children:
            _start(child, stop, say, ready)
        while not stop.wait(_LOOK_SECONDS):
            for child in children:
                if child.silent():
                    child.stop()
                if child.ended:
                    _count_end(child, say)
                    _start(child, stop, say, ready)
    finally:
        for child in reversed(children):
            child.stop()


def _start(child: Child, stop: threading.Event, say: Callable[[str], None], ready: Callable[[Child], None]) -> None:
    while not stop.is_set():
        child.start()
        _wait(child, stop)
        if child.ended:
            _count_end(child, say)
        else:
            ready(child)
            return


def _wait(child: Child, stop: threading.Event) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while child.api and not child.ended and not stop.is_set() and not answers(child.api):
        if time.monotonic() > deadline:
            raise TriageError(
                f"the {child.name} did not answer within {STARTUP_SECONDS} s at {child.api}",
                hint=f"{child.where}; a busy machine may need another try",
            )
        stop.wait(0.25)


def _count_end(child: Child, say: Callable[[str], None]) -> None:
    now = time.monotonic()
    child.ends.append(now)
    while now - child.ends[0] > RESTART_WINDOW:
        child.ends.popleft()
    if len(child.ends) > MOST_RESTARTS:
        raise TriageError(
            f"the {child.name} {child.ended}, for the {len(child.ends)}th time within {RESTART_WINDOW / 60:.0f} minutes",
            hint=f"{child.where}; until it works, let the system's own scheduler call `triage run`",
        )
    say(f"the {child.name} {child.ended}; started again ({len(child.ends)} of {MOST_RESTARTS}); {child.where}")


def answers(api: str) -> bool:
    """Whether a Prefect API says that it is well."""
    import httpx

    try:
        # no proxy of the environment stands between us and our own machine
        return httpx.get(f"{api}/health", timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
