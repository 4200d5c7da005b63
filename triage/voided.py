"""What a model said and was not believed: kept as such, counted, and never used for anything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from triage.text import clean_line
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.runs import Run

__all__ = ["Void", "VoidKind", "store_voided", "told"]

VoidKind = Literal["label", "proposal", "claim", "bullet"]

_LONGEST = 300


class Void(NamedTuple):
    """One entry of a reply that does not count: what it said, and why it was not believed."""

    kind: VoidKind
    text: str
    reason: str


def told(voids: Sequence[Void]) -> str:
    """All of them in one line, for the ledger and for messages."""
    return "; ".join(f"{clean_line(one.text)[:60]}: {one.reason}" for one in voids)[:1000]


def store_voided(
    con: duckdb.DuckDBPyConnection, run: Run, purpose: str, found: Sequence[tuple[str, Void]], *, model: str, prompt_hash: str
) -> None:
    """Keep (work id, void) pairs inside the caller's transaction. A reply that is read again adds nothing."""
    if not found:
        return
    rows = [
        {"work_id": work_id, "kind": void.kind, "text": clean_line(void.text)[:_LONGEST], "reason": clean_line(void.reason)[:_LONGEST]}
        for work_id, void in found
    ]
    stage(con, "new_void", rows, dict.fromkeys(("work_id", "kind", "text", "reason"), "VARCHAR"))
    con.execute(
        "INSERT INTO store.voided SELECT DISTINCT n.work_id, $purpose, n.kind, n.text, n.reason, $model, $prompt, $run, $now FROM new_void n"
        " WHERE NOT EXISTS (SELECT 1 FROM store.voided v WHERE v.work_id = n.work_id AND v.purpose = $purpose AND v.kind = n.kind"
        "   AND v.text = n.text AND v.reason = n.reason AND v.model = $model AND v.prompt_hash = $prompt) ORDER BY ALL",
        {"purpose": purpose, "model": model, "prompt": prompt_hash, "run": run.id, "now": run.now()},
    )
