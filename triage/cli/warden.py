"""Runs a command in a process group of its own, and ends the whole group when its own standard input ends.

    python -P -m triage.cli.warden COMMAND [ARGUMENT...]

Whoever starts it holds the other end of standard input. When that process ends, however it ends (kill -9
included), the pipe closes, and no server, scheduler or running night stays behind. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["GRACE_SECONDS", "main"]

GRACE_SECONDS = 20.0
"""From SIGTERM to SIGKILL: a night that is running writes how it ended, the scheduler reports it to its server."""

_LOOK_SECONDS = 0.2


def main(command: list[str]) -> int:
    """Run `command` until it ends or standard input does; returns its exit status (128 + signal when killed)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # a Ctrl-C or a service manager signals everybody; the order of ending is our starter's business.
        # A function and not SIG_IGN, which the child would inherit
        signal.signal(number, lambda _number, _frame: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        _wait(child)
    finally:
        _end_group(child)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _wait(child: subprocess.Popen[bytes]) -> None:
    while child.poll() is None:
        readable, _, _ = select.select([0], [], [], _LOOK_SECONDS)
        if readable and not os.read(0, 1024):
            return


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the group `child` leads, SIGKILL to what is left of it after the grace."""
    deadline = time.monotonic() + GRACE_SECONDS
    _signal_group(child.pid, signal.SIGTERM)
    while _group_lives(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()


def _group_lives(child: subprocess.Popen[bytes]) -> bool:
    child.poll()
    try:
        os.killpg(child.pid, 0)
    except (ProcessLookupError, PermissionError):
        # macOS answers EPERM for a group of nothing but zombies
        return False
    # in a container nobody may collect orphans that ended: such zombies count as gone
    return not Path("/proc/self/stat").exists() or any(_runs(stat, child.pid) for stat in Path("/proc").glob("[0-9]*/stat"))


def _runs(stat: Path, group: int) -> bool:
    """Whether a process belongs to `group` and has not ended: fields 3 and 5 of its stat, see proc(5)."""
    try:
        state, _, its_group = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return int(its_group) == group and state not in "ZX"


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
