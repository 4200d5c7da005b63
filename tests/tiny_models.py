"""A tiny sentence model in ONNX, made here: each known word has a vector of its subject, so that nearness can be foretold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from triage.embedding import MODEL_FILE, TOKENIZER_FILE, file_sha256

__all__ = ["SUBJECTS", "make_model"]

SUBJECTS = (
    "kernels serving schedul scheduling requests gpu queue hardware batching paging",
    "kaleidoscope mirrors prism merged fused similar clustering pooling aggregated",
    "attic shelf store fetched memory knowledge retrieval",
)
"""Words of one line point in one direction; any other word in a direction of its own that is nobody's."""


def make_model(folder: Path, *, words: tuple[str, ...] = SUBJECTS, token_types: bool = True) -> str:
    """Write model.onnx and tokenizer.json; the model's SHA-256. `token_types`: with the third input BERT-like models have."""
    folder.mkdir(parents=True, exist_ok=True)
    table = [np.eye(len(words) + 1, dtype=np.float32)[-1] * 0.2] * 2  # padding and unknown words
    vocabulary = {"[PAD]": 0, "[UNK]": 1}
    for number, line in enumerate(words):
        for word in line.split():
            vocabulary[word] = len(table)
            table.append(np.eye(len(words) + 1, dtype=np.float32)[number])
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / TOKENIZER_FILE))
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if token_types else [])]
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in names],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", len(words) + 1])],
        [numpy_helper.from_array(np.stack(table), "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / MODEL_FILE))
    return file_sha256(folder / MODEL_FILE)
