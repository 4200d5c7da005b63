"""Which model is asked, and where: worked out from the settings and the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from triage.errors import SettingsError

if TYPE_CHECKING:
    from triage.settings import LlmSettings

__all__ = ["Endpoint", "find_endpoint", "second_of"]

OPENAI_ADDRESS = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Endpoint:
    """Where and whom to ask; `key` is "" for servers that want none, and never leaves this object but as a header."""

    base_url: str
    model: str
    key: str = field(repr=False, default="")


def find_endpoint(settings: LlmSettings, environ: Mapping[str, str]) -> Endpoint | None:
    """What is configured, or None. A key alone means OpenAI (or OPENAI_BASE_URL, the client's own variable).

    With `base_url` in the settings a key is only sent when `key_env` names it: the key of one server is not for
    another. Raises SettingsError when `key_env` names a variable that is not set.
    """
    if not settings.enabled:
        return None
    if settings.key_env and not environ.get(settings.key_env, "").strip():
        raise SettingsError(f"llm.key_env: the environment variable {settings.key_env} is not set", hint="set it, or llm.enabled = false")
    variable = settings.key_env or ("" if settings.base_url else "OPENAI_API_KEY")
    key = environ.get(variable, "").strip() if variable else ""
    if not (key or settings.base_url):
        return None
    if not re.fullmatch(r"[!-~]*", key):
        raise SettingsError(
            f"environment variable {variable}: a key has only printable ASCII characters and no spaces", hint="copy it again"
        )
    base_url = settings.base_url or environ.get("OPENAI_BASE_URL", "").strip().rstrip("/") or OPENAI_ADDRESS
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise SettingsError(
            "environment variable OPENAI_BASE_URL: must be an http(s) address without user name or query", hint="or set llm.base_url"
        )
    return Endpoint(base_url, settings.named_model, key)


def second_of(settings: LlmSettings) -> LlmSettings | None:
    """The settings of the second model, standing in the place of the first; None when none is configured.

    Its key is the first one's only at the first one's address.
    """
    second = settings.second
    if not second.model:
        return None
    key_env = second.key_env or ("" if second.base_url else settings.key_env)
    return settings.model_copy(update={"model": second.model, "base_url": second.base_url or settings.base_url, "key_env": key_env})
