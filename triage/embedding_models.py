"""Embedding models by name: which files they have, fetched through the one HTTP door and believed only by their hash."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from triage.embedding import MODEL_FILE, Embedder, file_sha256, load_embedder
from triage.errors import SettingsError, UsageError, WorkspaceError
from triage.nli import Classifier, load_classifier
from triage.settings import EmbeddingModel
from triage.sources import Request

if TYPE_CHECKING:
    from triage.workspace import Workspace

__all__ = ["KNOWN", "State", "known_models", "model_folder", "open_classifier", "open_embedder", "pull", "state"]

KNOWN: Mapping[str, EmbeddingModel] = {
    "all-MiniLM-L6-v2": EmbeddingModel(
        url="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        files={
            "onnx/model.onnx": "6fd5d72fe4589f189f8ebc006442dbb529bb7ce38f8082112682524616046452",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
    )
}
"""Models that are known by hash; more are named in the settings, under [embedding.models.NAME]."""

State = Literal["ready", "not here", "damaged"]
_SOURCE = "huggingface"
"""The table of settings that says where the hub is reached: a mirror in [sources.huggingface] base_url serves models too."""
_HOSTS = ("huggingface.co", "cdn-lfs.huggingface.co", "cdn-lfs.hf.co", "cas-bridge.xethub.hf.co")
_MEDIA = ("application/octet-stream", "binary/octet-stream", "application/json", "text/plain", "application/x-protobuf")
_LARGEST = 2_000_000_000
"""Bytes of one file; larger models are none for a laptop's processor."""
_PREFIX = "https://huggingface.co/"


def known_models(workspace: Workspace) -> dict[str, EmbeddingModel]:
    """The models of the table and of the settings; the user's win."""
    return {**KNOWN, **workspace.settings.embedding.models}


def model_folder(workspace: Workspace, name: str) -> Path:
    """Where a pulled model lies. Raises UsageError for a name that is not known, so no name leads elsewhere."""
    known = known_models(workspace)
    if name not in known:
        raise UsageError(f"no model {name!r}", hint=f"known are: {', '.join(sorted(known))}; your own go under [embedding.models.NAME]")
    return workspace.root / ".triage" / "models" / name


def state(workspace: Workspace, name: str) -> State:
    """Whether all files of a model are here with the right hashes."""
    folder = model_folder(workspace, name)
    if not folder.is_dir():
        return "not here"
    with contextlib.suppress(SettingsError):
        if all(file_sha256(folder / Path(path).name) == sha256 for path, sha256 in known_models(workspace)[name].files.items()):
            return "ready"
    return "damaged"


def pull(workspace: Workspace, name: str, *, clock: Callable[[], datetime], on_file: Callable[[str], Any] | None = None) -> State:
    """Fetch what a model lacks. A model appears whole and checked, or not at all; files that came whole are kept for the next try.

    Returns what it was before: "ready" when there was nothing to do. Raises FetchError, and SettingsError when a file
    does not have its hash: then nothing of the model is left.
    """
    before = state(workspace, name)
    if before == "ready":
        return before
    model, folder = known_models(workspace)[name], model_folder(workspace, name)
    part = folder.with_name(f".{name}.part")
    with _writable(folder):
        part.mkdir(parents=True, exist_ok=True)
        _fetch(workspace, model, part, clock, on_file)
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    return before


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkspaceError(f"{folder}: cannot be written: {error.strerror}", hint="check free space and permissions") from error


def _fetch(
    workspace: Workspace, model: EmbeddingModel, part: Path, clock: Callable[[], datetime], on_file: Callable[[str], Any] | None
) -> None:
    from triage.web import Door

    lacking = {path: sha256 for path, sha256 in model.files.items() if not _whole(part / Path(path).name, sha256)}
    store = part / ".raw"
    try:
        with Door(workspace.settings, raw=store / "raw", known={}, clock=clock) as door:
            for path, sha256 in lacking.items():
                if on_file:
                    on_file(path)
                request = Request(key=path, url=_address(workspace, model.url, path), accept=_MEDIA, largest=_LARGEST)
                body = door.fetch(request, source=_SOURCE, hosts=_HOSTS)
                if body.sha256 != sha256:
                    shutil.rmtree(part)
                    raise SettingsError(
                        f"{request.url}: its SHA-256 is {body.sha256}, not {sha256}; nothing of it was kept",
                        hint="the file was changed on the way or at its source: do not use it, or correct the hash in the settings",
                    )
                (part / f"{Path(path).name}.new").write_bytes(body.body)
                (part / f"{Path(path).name}.new").replace(part / Path(path).name)
    finally:
        shutil.rmtree(store, ignore_errors=True)


def _whole(path: Path, sha256: str) -> bool:
    return path.is_file() and file_sha256(path) == sha256


def _address(workspace: Workspace, url: str, path: str) -> str:
    mirror = workspace.settings.sources.named(_SOURCE).base_url
    if mirror and url.startswith(_PREFIX):
        url = f"{mirror}/{url.removeprefix(_PREFIX)}"
    return f"{url.rstrip('/')}/{path}"


def open_embedder(workspace: Workspace) -> Embedder | None:
    """The model of [embedding] model: a known name, or a folder; None when none is set.

    Raises SettingsError when it is not here, not what its hash says, or cannot be loaded.
    """
    settings = workspace.settings.embedding
    if not settings.model:
        return None
    folder, sha256, model = _located(workspace, "embedding", settings.model, settings.sha256)
    return load_embedder(folder, sha256=sha256, pooling=model.pooling if model else settings.pooling)


def open_classifier(workspace: Workspace) -> Classifier | None:
    """The model of [nli] model, as `open_embedder` does."""
    settings = workspace.settings.nli
    if not settings.model:
        return None
    folder, sha256, _ = _located(workspace, "nli", settings.model, settings.sha256)
    return load_classifier(folder, sha256=sha256, outputs=settings.outputs)


def _located(workspace: Workspace, section: str, name: str, sha256: str) -> tuple[Path, str | None, EmbeddingModel | None]:
    """Where the model `name` lies, the SHA-256 its model.onnx must have, and its entry; None for a folder."""
    if name not in known_models(workspace):
        folder = workspace.root / name
        if not folder.is_dir():
            raise SettingsError(
                f"[{section}] model: {name!r} is neither a folder nor a known model",
                hint="see `triage models list`, or name a folder with model.onnx and tokenizer.json",
            )
        return folder, sha256 or None, None
    if (found := state(workspace, name)) != "ready":
        raise SettingsError(f"[{section}] model: {name} is {found}", hint=f"get it: triage models pull {name}")
    model = known_models(workspace)[name]
    pinned = sha256 or next(sha256 for path, sha256 in model.files.items() if Path(path).name == MODEL_FILE)
    return model_folder(workspace, name), pinned, model
