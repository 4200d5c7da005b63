"""Who we are at the sites that ask: keys and passwords from the environment, sent to that site and kept nowhere.

    OPENREVIEW_TOKEN, or OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD     a login at OpenReview (its own client's names)
    S2_API_KEY                                                           a key of Semantic Scholar's API

No key stands in triage.toml, in an address, in the raw store or in a message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from triage.errors import SettingsError, SourceError
from triage.sources import Request

__all__ = ["LOGIN_HINT", "WANTED", "Credentials", "find_credentials", "log_in"]

LOGIN_HINT = (
    "OpenReview wants a login (a new one, if there is one): set OPENREVIEW_TOKEN, or OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD; or leave it out: "
    "[sources.openreview] enabled = false"
)

WANTED = {"openreview": LOGIN_HINT}
"""What to do where a source answers with a challenge page, or 401 or 403."""

Send = Callable[[Request], Awaitable[bytes]]


@dataclass(frozen=True)
class Credentials:
    """What one source's requests carry: `headers` at once, or the token that `name` and `password` are given for."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    name: str = ""
    password: str = field(default="", repr=False)


def find_credentials(environ: Mapping[str, str]) -> dict[str, Credentials]:
    """What the environment holds, by source. Raises SettingsError for half a login and for what no header can carry."""
    found = {}
    values = {
        name: environ.get(name, "").strip() for name in ("OPENREVIEW_TOKEN", "OPENREVIEW_USERNAME", "OPENREVIEW_PASSWORD", "S2_API_KEY")
    }
    for name in ("OPENREVIEW_TOKEN", "S2_API_KEY"):
        if not re.fullmatch(r"[!-~]*", values[name]):
            raise SettingsError(f"environment variable {name}: only printable ASCII characters without spaces", hint="copy it again")
    if bool(values["OPENREVIEW_USERNAME"]) != bool(values["OPENREVIEW_PASSWORD"]) and not values["OPENREVIEW_TOKEN"]:
        raise SettingsError("only one of OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD is set", hint="set both, or OPENREVIEW_TOKEN")
    if token := values["OPENREVIEW_TOKEN"]:
        found["openreview"] = Credentials({"Authorization": f"Bearer {token}"})
    elif name := values["OPENREVIEW_USERNAME"]:
        found["openreview"] = Credentials(name=name, password=values["OPENREVIEW_PASSWORD"])
    if key := values["S2_API_KEY"]:
        found["semanticscholar"] = Credentials({"x-api-key": key})
    return found


async def log_in(credentials: Credentials, base_url: str, send: Send) -> Mapping[str, str]:
    """The headers of the source's requests; OpenReview's login (POST /login {id, password} -> {token}) where one is needed.

    Raises SourceError when no token comes back.
    """
    if credentials.headers:
        return credentials.headers
    body = json.dumps({"id": credentials.name, "password": credentials.password}).encode()
    url = f"{base_url.rstrip('/')}/login"
    request = Request(key="login", url=url, accept=("application/json",), method="POST", body=body, largest=100_000)
    try:
        answer = json.loads(await send(request))
    except ValueError:
        answer = None
    except SourceError as error:
        error.hint = f"check the name and the password; {LOGIN_HINT}"
        raise
    token = answer.get("token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]{1,10000}", token):
        raise SourceError(
            f"{url}: no token in the answer to the login", hint="an account that asks for a second factor needs a token: OPENREVIEW_TOKEN"
        )
    return {"Authorization": f"Bearer {token}"}
