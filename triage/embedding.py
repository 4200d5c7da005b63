"""Sentence embeddings by an ONNX model: texts in, vectors of length one out. Needs the extra `embeddings`.

    embedder = load_embedder(folder, sha256="...")    # a folder with model.onnx and tokenizer.json
    vectors = embedder.embed(["a sentence", "another"])

onnxruntime, tokenizers and numpy are imported when a model is loaded and not before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from triage.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

__all__ = ["MODEL_FILE", "TOKENIZER_FILE", "Embedder", "OpenedModel", "Pooling", "file_sha256", "load_embedder", "open_model"]

MODEL_FILE, TOKENIZER_FILE = "model.onnx", "tokenizer.json"
Pooling = Literal["mean", "first"]
_LONGEST = 256
"""Tokens of one text; sentence models are trained on at most so many, and a sentence has some thirty."""
_BATCH = 32
_EXTRA = "install it: pip install 'triage-papers[embeddings]'; without it labels come from the rules alone"


class Embedder:
    """A loaded model. `id` names the model, its tokenizer and its pooling: vectors of one id can be compared."""

    def __init__(self, session: Any, tokenizer: Any, *, id: str, pooling: Pooling) -> None:  # noqa: A002  the noun of this program
        self.id = id
        self._session = session
        self._tokenizer = tokenizer
        self._pooling = pooling
        self._inputs = [one.name for one in session.get_inputs()]

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector of length one for each text, in order. Texts of like length are computed together.

        Raises SettingsError when the model is none for sentences.
        """
        order = sorted(range(len(texts)), key=lambda n: (len(texts[n]), n))
        vectors: dict[int, Vector] = {}
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            vectors.update(zip(some, self._batch([texts[n] for n in some]), strict=True))
        return [vectors[n] for n in range(len(texts))]

    def _batch(self, texts: list[str]) -> list[Vector]:
        import numpy as np

        encoded = self._tokenizer.encode_batch(texts)
        mask = np.array([one.attention_mask for one in encoded], dtype=np.int64)
        given = {
            "input_ids": np.array([one.ids for one in encoded], dtype=np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        try:
            out = np.asarray(self._session.run(None, {name: given[name] for name in self._inputs})[0], dtype=np.float32)
        except Exception as error:  # onnxruntime has a dozen bare exceptions
            raise SettingsError(
                f"[embedding] model: cannot be run: {error}", hint="it must be an ONNX export of a sentence model"
            ) from error
        if out.ndim == 3:
            weights = mask[:, :, None].astype(np.float32)
            out = out[:, 0] if self._pooling == "first" else (out * weights).sum(1) / np.maximum(weights.sum(1), 1)
        if out.ndim != 2 or len(out) != len(texts) or not np.isfinite(out).all():
            raise SettingsError(
                f"[embedding] model: gives {out.shape} for {len(texts)} texts",
                hint="its first output must be a vector for each text or each token",
            )
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        return list(out / np.maximum(norms, 1e-12))


def load_embedder(folder: Path, *, sha256: str | None = None, pooling: Pooling = "mean") -> Embedder:
    """The model in `folder`, which holds model.onnx and tokenizer.json; `sha256` is what model.onnx must have.

    Raises SettingsError when the extra, a file or the right hash is missing, or the files are no model.
    """
    opened = open_model(folder, sha256=sha256, section="embedding", longest=_LONGEST)
    id_ = hashlib.sha256("/".join((*opened.hashes, pooling)).encode()).hexdigest()[:16]
    return Embedder(opened.session, opened.tokenizer, id=id_, pooling=pooling)


class OpenedModel(NamedTuple):
    """An ONNX session, the tokenizer that cuts and pads for it, and the SHA-256 of both files."""

    session: Any
    tokenizer: Any
    hashes: tuple[str, str]


def open_model(folder: Path, *, sha256: str | None, section: str, longest: int) -> OpenedModel:
    """The files of a model that reads text, of at most `longest` tokens at once; `section` of the settings names it.

    Raises SettingsError when the extra, a file or the right hash is missing, or the files are no such model.
    """
    try:
        import numpy  # noqa: F401
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise SettingsError(f"[{section}] needs the extra `embeddings`: {error}", hint=_EXTRA) from error
    model, words = folder / MODEL_FILE, folder / TOKENIZER_FILE
    hashes = (file_sha256(model, section), file_sha256(words, section))
    if sha256 and hashes[0] != sha256:
        raise SettingsError(
            f"[{section}] {model}: its SHA-256 is {hashes[0]}, not the {sha256} of the settings",
            hint="pull the model again, or correct sha256",
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        tokenizer = Tokenizer.from_file(str(words))
        tokenizer.enable_truncation(longest)
        tokenizer.enable_padding(**_padding(tokenizer))
    except Exception as error:  # both libraries raise bare exceptions
        raise SettingsError(
            f"[{section}] {folder}: no model that can be loaded: {error}", hint="it must hold model.onnx and tokenizer.json"
        ) from error
    unknown = {one.name for one in session.get_inputs()} - {"input_ids", "attention_mask", "token_type_ids"}
    if unknown:
        raise SettingsError(
            f"[{section}] {model}: wants {', '.join(sorted(unknown))}", hint="it must be an ONNX export of a model that reads text"
        )
    return OpenedModel(session, tokenizer, hashes)


def _padding(tokenizer: Any) -> dict[str, Any]:
    """The model's own padding token, by the two names it has in practice; the library's default where it has none."""
    known = ((token, tokenizer.token_to_id(token)) for token in ("[PAD]", "<pad>"))
    return next(({"pad_id": number, "pad_token": token} for token, number in known if number is not None), {})


def file_sha256(path: Path, section: str = "embedding") -> str:
    """The SHA-256 of a file in hex. Raises SettingsError, in the name of a section, when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SettingsError(
            f"[{section}] {path}: cannot be read: {error.strerror}",
            hint="see `triage models list`, and get one with `triage models pull NAME`",
        ) from error
