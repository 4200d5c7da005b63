"""The reference data of a workspace: the user's own taxonomy and cues, or the packaged ones."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from triage.cues import Cues, load_cues
from triage.taxonomy import Taxonomy, load_taxonomy
from triage.workspace import packaged

if TYPE_CHECKING:
    from triage.workspace import Workspace

__all__ = ["packaged_cues", "packaged_taxonomy", "workspace_cues", "workspace_taxonomy"]


def workspace_taxonomy(workspace: Workspace) -> Taxonomy:
    """The user's taxonomy if there is one, else the packaged. Raises SettingsError when it is wrong."""
    return _taxonomy(*workspace.reference("seeds", "taxonomy.yaml"))


def workspace_cues(workspace: Workspace) -> tuple[Cues, str]:
    """The user's cues if there are any, else the packaged; with a hash of their text. Raises SettingsError."""
    return _cues(*workspace.reference("seeds", "cues.yaml"))


def packaged_taxonomy() -> Taxonomy:
    """The taxonomy that is shipped, for use outside a workspace."""
    return _taxonomy(_packaged("taxonomy.yaml"), "packaged seeds/taxonomy.yaml")


def packaged_cues() -> tuple[Cues, str]:
    """The cues that are shipped, for use outside a workspace; with a hash of their text."""
    return _cues(_packaged("cues.yaml"), "packaged seeds/cues.yaml")


def _packaged(name: str) -> str:
    return (packaged("seeds") / name).read_text(encoding="utf-8")


@lru_cache(maxsize=4)  # reading it strictly takes a fiftieth of a second, and half a dozen steps of a run need it
def _taxonomy(text: str, name: str) -> Taxonomy:
    return load_taxonomy(text, name=name)


@lru_cache(maxsize=4)  # compiling some thousand phrases takes a tenth of a second, and several steps need them
def _cues(text: str, name: str) -> tuple[Cues, str]:
    return load_cues(text, name=name), hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
