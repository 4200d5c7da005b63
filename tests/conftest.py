"""Settings of the whole test run: property tests are repeatable; HYPOTHESIS_EXAMPLES raises their number by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import HealthCheck, settings

from tests.desk import Desk

if TYPE_CHECKING:
    from tests.llm_bench import Bench
    from tests.scripted_llm import ScriptedLlm

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


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A workspace of made papers for the tests of the model path; they copy it before they change it."""
    from tests.llm_bench import import_made

    return import_made(tmp_path_factory.mktemp("llm"))


@pytest.fixture
def closed(imported: Bench, tmp_path: Path) -> Bench:
    """Such a workspace of the test's own."""
    from tests.llm_bench import copied

    return copied(imported, tmp_path)


@pytest.fixture
def bench(closed: Bench) -> Iterator[Bench]:
    """The same, its database held open: each burst then costs a thirtieth of a second less."""
    with closing(duckdb.connect(str(closed.root / "triage.duckdb"))):
        yield closed


@pytest.fixture
def server() -> Iterator[ScriptedLlm]:
    """A language model's server that answers well until it is told otherwise."""
    from tests.scripted_llm import ScriptedLlm

    with ScriptedLlm() as server:
        yield server


@pytest.fixture(autouse=True)
def nobody_elses_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test spends anybody's money or schedules at anybody's server, whatever the machine's environment holds."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PREFECT_API_URL", "TRIAGE_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENREVIEW_TOKEN", "OPENREVIEW_USERNAME", "OPENREVIEW_PASSWORD", "S2_API_KEY"):
        monkeypatch.delenv(name, raising=False)
