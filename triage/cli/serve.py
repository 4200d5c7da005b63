"""triage serve: Prefect's server, if none is configured, and a scheduler for the night, watched until stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli.common import json_option, open_workspace, workspace_option

if TYPE_CHECKING:
    from triage.cli.children import Child
    from triage.workspace import Workspace

__all__ = ["serve_command"]


@click.command("serve", epilog='Example: triage serve --cron "0 2 * * *" --timezone Europe/Berlin')
@click.option("--cron", default="0 2 * * *", show_default=True, metavar="CRON", help="When to run: five fields of cron, in quotes.")
@click.option("--timezone", default="UTC", show_default=True, metavar="ZONE", help="The time zone of --cron, such as Europe/Berlin.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of Prefect's own pages on 127.0.0.1; else a free one.")
@workspace_option
@json_option
def serve_command(cron: str, timezone: str, port: int | None, folder: Path | None, as_json: bool) -> int:
    """Do `triage run` on a schedule, until you stop it with Ctrl-C.

    With PREFECT_API_URL set, that Prefect server keeps the schedule; else one is started on this
    machine, reachable from this machine only, with its files under .triage/prefect. A server or
    scheduler that dies is started again, and said so. A night that was missed is caught up by the next.
    With --json every line it says is an object on standard output.
    """
    from triage.cli import nightly
    from triage.cli.children import Child, watch
    from triage.errors import UsageError

    if not hasattr(os, "killpg"):
        raise UsageError("triage serve needs POSIX process groups", hint="let this system's own scheduler call `triage run`")
    say = _say_json if as_json else _say
    workspace = open_workspace(folder)
    due = nightly.next_run(cron, timezone)
    environ = nightly.prefect_settings(workspace, os.environ)
    with _alone(workspace):
        children = []
        if not nightly.api_configured(environ):
            children.append(server := _server(workspace, environ, _port(port)))
            environ["PREFECT_API_URL"] = server.api
        elif port:
            raise UsageError("--port is for a server of our own, but PREFECT_API_URL names one", hint="leave one of the two out")
        command = (sys.executable, "-P", "-m", "triage.cli.nightly", str(workspace.root), cron, timezone)
        children.append(Child("scheduler", command, environ))
        say(f"{workspace.root}: `{cron}` in {timezone}, next on {due:%Y-%m-%d at %H:%M %Z}; Ctrl-C ends it")
        watch(children, _stop_signal(), say=say, ready=lambda child: _remember(workspace, child, say))
    say("stopped")
    return 0


def _say(text: str) -> None:
    click.echo(f"serve: {text}", err=True)


def _say_json(text: str) -> None:
    click.echo(json.dumps({"serve": text}, ensure_ascii=False))


def _stop_signal() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set, also where a background job was told to ignore Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """One `triage serve` a workspace: a second would share its database and schedule. Raises BusyError."""
    import filelock

    from triage.cli.nightly import prefect_home, served_path
    from triage.errors import BusyError, WorkspaceError

    home = prefect_home(workspace)
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(home / "serve.lock", timeout=0)
        lock.acquire()
    except filelock.Timeout:
        raise BusyError(f"{workspace.root} is served already", hint="end the other `triage serve` first") from None
    except OSError as error:
        hint = "check the folder's permissions and free space"
        raise WorkspaceError(f"{home}: cannot be written: {error.strerror}", hint=hint) from error
    try:
        yield
    finally:
        served_path(workspace).unlink(missing_ok=True)
        lock.release()


def _server(workspace: Workspace, environ: dict[str, str], port: int) -> Child:
    """Prefect's server on the loopback interface. Changes `environ` so that its clients reach it without a proxy."""
    from triage.cli.children import Child
    from triage.cli.nightly import prefect_home

    for name in ("NO_PROXY", "no_proxy"):
        environ[name] = ",".join(filter(None, (environ.get(name), "127.0.0.1")))
    api = f"http://127.0.0.1:{port}/api"
    command = (sys.executable, "-P", "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
    # its pages in the browser ask this address
    return Child("Prefect server", command, environ | {"PREFECT_UI_API_URL": api}, api=api, log=prefect_home(workspace) / "server.log")


def _port(wanted: int | None) -> int:
    """The wanted port, or any free one of the loopback interface. Raises UsageError when the wanted one is taken."""
    from triage.errors import UsageError

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except OSError as error:
            raise UsageError(f"--port {wanted}: {error.strerror}", hint="name another port, or none for a free one") from None
        port: int = probe.getsockname()[1]
    return port


def _remember(workspace: Workspace, child: Child, say: Callable[[str], None]) -> None:
    """Note where our server answers, for a `triage run --prefect` meanwhile."""
    from triage.cli.nightly import served_path
    from triage.workspace import write_atomically

    if child.api:
        write_atomically(served_path(workspace), json.dumps({"api": child.api}))
        say(f"Prefect's pages: {child.api.removesuffix('/api')}")
