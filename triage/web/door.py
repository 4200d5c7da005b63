"""The door itself: retries, conditional requests, the raw store, and a row for every attempt."""

from __future__ import annotations

import asyncio
import concurrent.futures
import random
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from triage.errors import FetchError, RateLimitedError, SourceError, TriageError, UsageError
from triage.settings import Settings
from triage.sources import Request, Response
from triage.web.pacing import Pacing, Sleep
from triage.web.raw import RawStore
from triage.web.rows import FetchRow, Validators

if TYPE_CHECKING:
    import httpx

    from triage.web.exchange import Attempt, Exchange
    from triage.web.policy import Policy

__all__ = ["Door"]
