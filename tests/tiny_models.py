"""Tiny models in ONNX, made here: each known word has a vector of its subject, so that nearness and entailment can be foretold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from triage.embedding import MODEL_FILE, TOKENIZER_FILE, file_sha256

__all__ = ["NLI_SUBJECTS", "SUBJECTS", "make_cross_encoder", "make_model"]

SUBJECTS = (
    "kernels serving schedul scheduling requests gpu queue hardware batching paging",
    "kaleidoscope mirrors prism merged fused similar clustering pooling aggregated",
    "attic shelf store fetched memory knowledge retrieval",
)
"""Words of one line point in one direction; any other word in a direction of its own that is nobody's."""
NLI_SUBJECTS = ("queue kernels", "prism mirrors fused")
"""The first of a line stand in papers, the last in a label's definition."""


def make_model(folder: Path, *, words: tuple[str, ...] = SUBJECTS, token_types: bool = True) -> str:
    """Write model.onnx and tokenizer.json; the model's SHA-256. `token_types`: with the third input BERT-like models have."""
    table = _vocabulary(folder, words, nobody=0.2)
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if token_types else [])]
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in names],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", len(words) + 1])],
        [numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / MODEL_FILE))
    return file_sha256(folder / MODEL_FILE)


def make_cross_encoder(folder: Path, *, words: tuple[str, ...] = NLI_SUBJECTS, id2label: dict[str, str] | None = None) -> str:
    """Write model.onnx, tokenizer.json and config.json; the model's SHA-256.

    A text entails a statement when both have a word of one subject; the outputs are contradiction, entailment, neutral.
    """
    table = _vocabulary(folder, words, nobody=0.0)
    said = id2label or {"0": "CONTRADICTION", "1": "ENTAILMENT", "2": "NEUTRAL"}
    (folder / "config.json").write_text(json.dumps({"id2label": said}), encoding="utf-8")
    make = helper.make_node
    nodes = [
        make("Gather", ["table", "input_ids"], ["vectors"]),
        make("Cast", ["token_type_ids"], ["second"], to=TensorProto.FLOAT),
        make("Unsqueeze", ["second", "last"], ["in_second"]),
        make("Sub", ["one", "in_second"], ["in_first"]),
        *(make("Mul", ["vectors", f"in_{side}"], [f"of_{side}"]) for side in ("first", "second")),
        *(make("ReduceMax", [f"of_{side}"], [f"{side}_subjects"], axes=[1], keepdims=0) for side in ("first", "second")),
        make("Mul", ["first_subjects", "second_subjects"], ["shared"]),
        make("ReduceMax", ["shared"], ["any_shared"], axes=[1], keepdims=1),
        make("Sub", ["any_shared", "half"], ["lead"]),
        make("Mul", ["lead", "weights"], ["logits"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "table": table, "one": np.ones(1, np.float32), "half": np.full(1, 0.5, np.float32),
        "weights": np.array([[-6, 6, 0]], np.float32), "last": np.array([2], np.int64),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "tiny-nli",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("input_ids", "token_type_ids")],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(folder / MODEL_FILE))
    return file_sha256(folder / MODEL_FILE)


def _vocabulary(folder: Path, words: tuple[str, ...], *, nobody: float) -> NDArray[np.float32]:
    """Write tokenizer.json; a row for each token. Padding and unknown words have `nobody` in a column of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    unit = np.eye(len(words) + 1, dtype=np.float32)
    table = [unit[-1] * np.float32(nobody)] * 2
    vocabulary = {"[PAD]": 0, "[UNK]": 1}
    for number, line in enumerate(words):
        for word in line.split():
            vocabulary[word] = len(table)
            table.append(unit[number])
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / TOKENIZER_FILE))
    return np.stack(table)
