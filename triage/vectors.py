"""Vectors of texts kept in the warehouse, by model and text, so that no text is embedded twice."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from triage.models import stable_id
from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

    from triage.embedding import Vector

__all__ = ["keep_vectors", "known_vectors", "text_hash"]

_VECTOR: dict[str, Any] = dict.fromkeys(("model", "text_hash", "vector"), "VARCHAR")


def text_hash(text: str) -> str:
    """The name of a text in the cache of vectors."""
    return stable_id("t", text)


def known_vectors(con: duckdb.DuckDBPyConnection, model: str, names: Iterable[str]) -> dict[str, Vector]:
    """Vectors of earlier runs by the model of that id, by the hashes of their texts."""
    import numpy as np

    rows = con.execute(
        "SELECT text_hash, vector FROM store.vector WHERE model = ? AND list_contains(?, text_hash)", [model, list(names)]
    ).fetchall()
    return {name: np.frombuffer(vector, dtype="<f4") for name, vector in rows}


def keep_vectors(con: duckdb.DuckDBPyConnection, model: str, made: Mapping[str, Vector]) -> None:
    """Keep new vectors by the hashes of their texts; those of other models go: one model is configured at a time."""
    rows = [{"model": model, "text_hash": name, "vector": base64.b64encode(v.astype("<f4").tobytes()).decode()} for name, v in made.items()]
    stage(con, "new_vector", rows, _VECTOR)
    con.execute("INSERT INTO store.vector SELECT model, text_hash, from_base64(vector) FROM new_vector ORDER BY text_hash")
    con.execute("DELETE FROM store.vector WHERE model <> ?", [model])
