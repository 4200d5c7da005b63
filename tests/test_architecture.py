"""Who may import whom: downward only, and no step another step."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parent.parent

# From the bottom up; a package's name stands for everything in it.
LAYERS = (
    {
        "benchmarks", "collector", "errors", "formats", "logistic", "models", "phrases", "reference", "sentences", "text", "titles",
    },
    {
        "calibration", "changes", "claimfile", "claims", "cuefile", "cues", "evidence", "extractive", "fulltext",
        "orders", "phrase_patterns", "settings", "taxonomy", "taxonomy_review", "workspace",
    },
    {
        "answers", "decisions", "due", "embedding", "embedding_models", "ledger", "llm", "llm_asking", "llm_batch_api",
        "llm_endpoint", "llm_limits", "llm_line", "llm_pass", "llm_plan", "llm_prices", "llm_questions", "llm_several", "llm_wire",
        "merging", "nli", "prompts", "queries", "recordings", "records", "references", "rehearsal", "rendering",
        "repository", "returned", "runs", "seeds", "settling", "sources", "unchanged", "vectors", "venues",
        "voided", "warehouse", "web", "words",
    },
    {
        "adding", "backfill", "claiming", "comparing", "drift", "editions", "enriching", "exports", "fulltexts",
        "gather", "growth", "harvest", "hearing", "identity", "imports", "labelling", "listed", "lists", "note_sync",
        "notes", "ranking", "reading", "screening", "searches", "sync", "trace", "unproposing", "windows",
    },
    {
        "asking", "committing", "evaluation", "pipeline", "report",
    },
    {
        "cli", "review",
    },
)  # fmt: skip
STEPS = (
    {
        "adding", "backfill", "drift", "editions", "enriching", "gather", "harvest", "searches", "windows",
    },
    {
        "imports",
    },
    {
        "identity",
    },
    {
        "ranking", "reading", "screening",
    },
    {
        "labelling",
    },
    {
        "note_sync", "notes",
    },
    {
        "claiming",
    },
    {
        "comparing", "growth", "hearing", "listed", "lists", "sync", "unproposing",
    },
    {
        "exports",
    },
    {
        "trace",
    },
    {
        "fulltexts",
    },
)  # fmt: skip


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted((CLONE / "triage").rglob("*.py")):
        parts = path.relative_to(CLONE / "triage").with_suffix("").parts
        if parts != ("__init__",) and "_packaged" not in parts:
            found.append((parts[0], path))
    return found


def imported(path: Path) -> set[str]:
    """Top-level names below `triage` that a file imports anywhere, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "triage":
            parts = node.module.split(".")
            names |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("triage.")}
    return names


def layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def step(name: str) -> int | None:
    return next((number for number, names in enumerate(STEPS) if name in names), None)


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: str(value)[-40:])
def test_imports_go_down(name: str, path: Path) -> None:
    for other in imported(path) - {name}:
        assert layer(other) <= layer(name), f"{path.name} imports {other} from above"
        if step(name) is not None and step(other) is not None:
            assert step(other) == step(name), f"step {path.name} imports step {other}"


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: str(value)[-40:])
def test_prefect_stays_in_flows_and_in_the_commands_that_start_them(name: str, path: Path) -> None:
    if name == "cli":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        assert not [n for n in names if n.split(".")[0] in {"prefect", "flows"}], path
