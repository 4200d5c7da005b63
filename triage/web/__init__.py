"""The one HTTP door: everything this program asks of a web site passes here.

    with Door(settings, raw=workspace.raw, known=validators, clock=system_clock) as door:
        response = door.fetch(request, source="arxiv", hosts=("rss.arxiv.org",))
        rows = door.drain()

`pacing` keeps the distance between two requests to one site and their number a night (threads, event loops and
processes of one workspace together), `robots` what a site asks of programs, `login` who we are where a site asks,
`policy` says which addresses may be asked, `transport` connects only to addresses it
has checked, `exchange` is one attempt, `body` its limits, `raw` the store of what came, `door` the retries,
the conditional requests and the rows. Nothing here knows what a paper is.
"""

from __future__ import annotations

from triage.web.door import Door
from triage.web.raw import RawStore
from triage.web.robots import RobotsCopy
from triage.web.rows import FETCH_COLUMNS, FetchRow, Validators

__all__ = ["FETCH_COLUMNS", "Door", "FetchRow", "RawStore", "RobotsCopy", "Validators"]
