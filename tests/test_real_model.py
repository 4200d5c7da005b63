"""The wire format against a real model server of yours. Not part of any run unless it is asked for:

    TRIAGE_TEST_LLM_URL=http://127.0.0.1:8080/v1 TRIAGE_TEST_LLM_MODEL=NAME python -m pytest -n0 -m real_model

TRIAGE_TEST_LLM_KEY holds its key, when it wants one. A small model's labels are worth nothing; what is looked at is
that its answers are understood, or told as what they are, and that every request is a row.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.llm_bench import Bench, import_made

pytestmark = pytest.mark.real_model

KNOWN = {
    "ok", "unsupported", "malformed", "wrong value", "length", "empty", "no evidence", "foreign work", "refusal", "content filter",
}  # fmt: skip
"""Every way in which an answer of a working server can end."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return import_made(tmp_path_factory.mktemp("real"))


def test_a_real_server_is_understood(bench: Bench, tmp_path: Path) -> None:
    del tmp_path
    url, model = os.environ["TRIAGE_TEST_LLM_URL"], os.environ["TRIAGE_TEST_LLM_MODEL"]
    key = os.environ.get("TRIAGE_TEST_LLM_KEY", "")
    settings = {"MODEL": model, "CONCURRENCY": "1", "TIMEOUT_SECONDS": "600", "MAX_OUTPUT_TOKENS": "400"} | (
        {"KEY_ENV": "KEY"} if key else {}
    )
    works = [1, 2]
    nights = [night(url, works, environ={"KEY": key}, **settings) for night in (bench.label, bench.note)]
    for night in nights:
        assert night.report is not None
        assert night.report.read == len(works) == night.report.new + night.report.failed
    rows = bench.ask("SELECT purpose, status, tokens_in, tokens_out, message, left(reply, 200) FROM llm_calls ORDER BY made_at, attempt")
    for row in rows:
        print(row)  # noqa: T201 - shown with -s: what the server made of it
    assert {status for _, status, *_ in rows} <= KNOWN
    assert all(sent and received for _, status, sent, received, *_ in rows if status == "ok")
    assert {purpose for purpose, *_ in rows} == {"label", "note"}
    assert bench.ask("SELECT count(*) FROM decisions WHERE said_in NOT LIKE 'import %'") == [(0,)]
