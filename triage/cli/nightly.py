"""Where the command line meets Prefect: flows/nightly.py loaded by its path, its settings, one run, a schedule.

    python -P -m triage.cli.nightly WORKSPACE CRON TIMEZONE     # the scheduler `triage serve` starts and watches

Prefect is imported inside functions: 1 to 2 seconds that no other command pays for.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage.cli.children import STARTUP_SECONDS, answers
from triage.errors import TriageError, UsageError
from triage.models import stable_id
from triage.workspace import packaged, safe_name

if TYPE_CHECKING:
    from prefect import Flow

    from triage.runs import Run
    from triage.workspace import Workspace

__all__ = ["api_configured", "next_run", "prefect_home", "prefect_settings", "run_nightly", "serve_nightly", "served_path"]


def api_configured(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a Prefect API; only then does a plain `triage run` use it."""
    return bool(environ.get("PREFECT_API_URL"))


def prefect_home(workspace: Workspace) -> Path:
    """Prefect's own files (its database, its logs), git-ignored."""
    return workspace.root / ".triage" / "prefect"


def served_path(workspace: Workspace) -> Path:
    """Where a running `triage serve` notes the API of its server."""
    return prefect_home(workspace) / "served.json"


def prefect_settings(workspace: Workspace, environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` with what Prefect needs here; what is set already stays as it is."""
    ours = {
        "PREFECT_HOME": str(prefect_home(workspace)),
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(STARTUP_SECONDS),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    return ours | dict(environ)


def load_nightly() -> Flow[..., Any]:
    """The flow `nightly`, loaded by its path: in a checkout, an editable install or a wheel."""
    from prefect.flows import load_flow_from_entrypoint

    return load_flow_from_entrypoint(f"{packaged('flows') / 'nightly.py'}:nightly")


def run_nightly(workspace: Workspace, day: date | None = None, *, commit: bool = False, branch: str | None = None) -> Run:
    """Run the flow here and now, and give the run it made. What the flow raised is raised again.

    Without a configured API the server of a running `triage serve` is told, else a temporary one. Raises
    TriageError when Prefect cannot be reached; nothing was begun then.
    """
    if "prefect" not in sys.modules:  # it reads its settings once, when it is imported
        # Prefect makes the last folder of its home, not those above it
        prefect_home(workspace).parent.mkdir(exist_ok=True)
        os.environ.update(prefect_settings(workspace, os.environ))
        if not api_configured(os.environ) and (api := _served_api(workspace)):
            os.environ["PREFECT_API_URL"] = api
    _reach_prefect()
    flow: Callable[..., Run] = load_nightly()
    return flow(str(workspace.root), None if day is None else day.isoformat(), commit, branch)


def _reach_prefect() -> None:
    from prefect.client.orchestration import get_client

    problem: Exception | None
    try:
        with get_client(sync_client=True) as client:
            problem = client.api_healthcheck()
    except RuntimeError as error:
        # a temporary server that did not start in time
        problem = error
    if problem is not None:
        raise TriageError(f"Prefect cannot be reached: {problem}", hint="see PREFECT_API_URL; `triage run --no-prefect` does without")


def _served_api(workspace: Workspace) -> str | None:
    """The API of the server that a running `triage serve` has: a second server would share its database."""
    try:
        api = json.loads(served_path(workspace).read_text(encoding="utf-8"))["api"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return api if isinstance(api, str) and answers(api) else None


def _deployment_name(workspace: Workspace) -> str:
    """The workspace's name with a few digits of its path: two workspaces may share a Prefect server."""
    return f"{safe_name(workspace.root.name)}-{stable_id('', str(workspace.root))[:6]}"


def next_run(cron: str, timezone: str) -> datetime:
    """When the schedule is due next, as Prefect works it out.

    Raises UsageError unless it is five fields of cron that ever come true, in a zone of the IANA database.
    """
    import asyncio
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        hint = "use a name such as Europe/Berlin, America/New_York or UTC"
        raise UsageError(f"--timezone {timezone[:80]!r}: no such time zone", hint=hint) from None
    if (fields := len(cron.split())) != 5:
        raise UsageError(f"--cron {cron[:80]!r}: {fields} fields, not five", hint=_CRON_HINT)
    from prefect.server.schemas.schedules import CronSchedule

    try:
        (due,) = asyncio.run(CronSchedule(cron=cron, timezone=timezone).get_dates(1))
    except ValueError as error:
        # pydantic's ValidationError, which has several lines, and croniter's own errors are ValueErrors
        reason = "it never comes true" if "next date" in str(error) else "no cron expression that Prefect takes"
        raise UsageError(f"--cron {cron[:80]!r}: {reason}", hint=_CRON_HINT) from None
    return due


_CRON_HINT = 'minute, hour, day of month, month, day of week, in quotes: "0 2 * * *" is every night at two'


def serve_nightly(root: Path, cron: str, timezone: str) -> None:
    """Register the schedule with the configured Prefect API and run what is due, one at a time, until stopped."""
    from prefect.schedules import Cron

    from triage.workspace import Workspace

    workspace = Workspace.open(root, environ=os.environ)
    load_nightly().serve(
        name=_deployment_name(workspace),
        schedule=Cron(cron, timezone=timezone),
        parameters={"workspace": str(root)},
        description=f"The night of {root}",
        limit=1,
        print_starting_message=False,
    )


if __name__ == "__main__":
    import warnings

    # Prefect 3.8 calls Runner.astop() from its signal handler without awaiting it, and goes on to end as it should
    warnings.filterwarnings("ignore", message=r"coroutine 'Runner\.astop' was never awaited", category=RuntimeWarning)
    serve_nightly(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
