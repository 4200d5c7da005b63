"""Settings of the whole test run: property tests are repeatable; HYPOTHESIS_EXAMPLES raises their number by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.desk import Desk

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "200")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path / "reading", capsys)


@pytest.fixture(autouse=True)
def nobody_elses_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test spends anybody's money or schedules at anybody's server, whatever the machine's environment holds."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PREFECT_API_URL", "TRIAGE_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENREVIEW_TOKEN", "OPENREVIEW_USERNAME", "OPENREVIEW_PASSWORD", "S2_API_KEY"):
        monkeypatch.delenv(name, raising=False)
