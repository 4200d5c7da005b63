"""Natural language inference by an ONNX cross-encoder: does a text entail a statement? Needs the extra `embeddings`.

    classifier = load_classifier(folder, sha256="...")    # a folder with model.onnx, tokenizer.json and config.json
    [probability] = classifier.entailment([("We prune tokens.", "This paper is about pruning.")])

onnxruntime, tokenizers and numpy are imported when a model is loaded and not before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from triage.embedding import open_model
from triage.errors import SettingsError

__all__ = ["CONFIG_FILE", "Classifier", "load_classifier"]

CONFIG_FILE = "config.json"
_LONGEST = 384
"""Tokens of a text and its statement together: a title, an abstract of some 250 words and a definition. What is longer
loses its end, so the title always stays."""
_BATCH = 16
_MEANINGS = ({"contradiction", "entailment", "neutral"}, {"entailment", "not_entailment"})
_LARGEST_CONFIG = 1_000_000
"""Bytes; that of a model with three outputs has about a thousand."""


class Classifier:
    """A loaded model. `id` names the model, its tokenizer and the meaning of its outputs."""

    def __init__(self, session: Any, tokenizer: Any, *, id: str, outputs: Sequence[str]) -> None:  # noqa: A002  the noun of this program
        self.id = id
        self._session = session
        self._tokenizer = tokenizer
        self._outputs = tuple(outputs)
        self._inputs = [one.name for one in session.get_inputs()]

    def entailment(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """For each (text, statement) the probability 0..1 that the text entails the statement rather than contradicts it, in order.

        Being neutral is left out, as is usual where each label is asked about by itself (Yin et al. 2019, "Benchmarking
        Zero-shot Text Classification"). Raises SettingsError when the model is none for pairs of texts.
        """
        order = sorted(range(len(pairs)), key=lambda n: (sum(map(len, pairs[n])), n))  # batches of like length
        found: dict[int, float] = {}
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            found.update(zip(some, self._batch([pairs[n] for n in some]), strict=True))
        return [found[n] for n in range(len(pairs))]

    def _batch(self, pairs: list[tuple[str, str]]) -> list[float]:
        import numpy as np

        encoded = self._tokenizer.encode_batch(pairs)
        given = {
            "input_ids": np.array([one.ids for one in encoded], dtype=np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], dtype=np.int64),
            "token_type_ids": np.array([one.type_ids for one in encoded], dtype=np.int64),
        }
        try:
            out = np.asarray(self._session.run(None, {name: given[name] for name in self._inputs})[0], dtype=np.float64)
        except Exception as error:  # onnxruntime has a dozen bare exceptions
            raise SettingsError(f"[nli] model: cannot be run: {error}", hint="it must be an ONNX export of an NLI model") from error
        if out.shape != (len(pairs), len(self._outputs)) or not np.isfinite(out).all():
            raise SettingsError(
                f"[nli] model: gives {out.shape} for {len(pairs)} pairs and the outputs {', '.join(self._outputs)}",
                hint="its first output must be a number for each of them; correct [nli] outputs or its config.json",
            )
        against = "contradiction" if "contradiction" in self._outputs else "not_entailment"
        lead = out[:, self._outputs.index("entailment")] - out[:, self._outputs.index(against)]
        return [float(one) for one in 1 / (1 + np.exp(-np.clip(lead, -50, 50)))]


def load_classifier(folder: Path, *, sha256: str | None = None, outputs: Sequence[str] = ()) -> Classifier:
    """The model in `folder`, which holds model.onnx and tokenizer.json; `sha256` is what model.onnx must have.

    What its outputs mean, in order, is said by `outputs`, else by `id2label` of its config.json; it is never guessed,
    as models differ. Raises SettingsError when the extra, a file, the right hash or that meaning is missing, or the
    files are no such model.
    """
    opened = open_model(folder, sha256=sha256, section="nli", longest=_LONGEST)
    meaning = tuple(outputs) or _configured(folder / CONFIG_FILE)
    id_ = hashlib.sha256("/".join((*opened.hashes, *meaning)).encode()).hexdigest()[:16]
    return Classifier(opened.session, opened.tokenizer, id=id_, outputs=meaning)


def _configured(path: Path) -> tuple[str, ...]:
    hint = 'write [nli] outputs = ["contradiction", "entailment", "neutral"] in the order its model card gives'
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(_LARGEST_CONFIG))["id2label"]
        meaning = tuple(str(said[str(n)]).lower().replace("-", "_").replace(" ", "_") for n in range(len(said)))
    except OSError as error:
        raise SettingsError(f"[nli] {path}: cannot be read: {error.strerror}; what do the model's outputs mean?", hint=hint) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SettingsError(f"[nli] {path}: does not say what the model's outputs mean (no id2label)", hint=hint) from error
    if len(set(meaning)) != len(meaning) or set(meaning) not in _MEANINGS:
        raise SettingsError(f"[nli] {path}: its outputs are {', '.join(meaning)[:200]}, not those of an NLI model", hint=hint)
    return meaning
