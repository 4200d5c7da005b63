"""Settings of the whole test run: property tests are repeatable; HYPOTHESIS_EXAMPLES raises their number by hand."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import HealthCheck, settings

from tests.desk import Desk, once

if TYPE_CHECKING:
    from tests.llm_bench import Bench
    from tests.scripted_llm import ScriptedLlm


class _WithoutPandas:
    """Refuses pandas, which is not there, at once: DuckDB tries to import it for every parameter of a statement, and to
    look for it in all folders of the path took a tenth of the time of the whole run."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)


if importlib.util.find_spec("pandas") is None:
    sys.meta_path.insert(0, _WithoutPandas)

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "200")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """What is there by now stays until the end: to go through it again and again, looking for what can be freed, took a
    fiftieth of the time of the whole run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A workspace as the module's own `prepare(desk)` leaves it, if there is one: made once, and copied for each test."""
    prepare = getattr(request.module, "prepare", None)
    return once(tmp_path_factory.mktemp("prepared") / "reading", prepare) if prepare else None


@pytest.fixture
def desk(prepared: Path | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path / "reading", capsys, like=prepared)


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
