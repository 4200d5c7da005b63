"""The workspace's git repository, through git itself: what was committed, what changed, one commit of our own files.

Nothing here touches what a person has staged or edited elsewhere: a commit is made of the named files alone.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from triage.errors import RepositoryError

if TYPE_CHECKING:
    from triage.workspace import Workspace

__all__ = ["OWN", "Repository"]

OWN = ("lists", "notes", "decisions.jsonl")
"""What a commit of ours may hold, relative to the workspace: what the program writes and the person's words."""

_SECONDS = 120
_STATES = {
    "MERGE_HEAD": "a merge", "rebase-merge": "a rebase", "rebase-apply": "a rebase", "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert", "BISECT_LOG": "a bisect",
}  # fmt: skip


@dataclass(frozen=True)
class Repository:
    """The repository a workspace lies in; `root` is the workspace, which may be a folder inside it."""

    root: Path

    @classmethod
    def of(cls, workspace: Workspace) -> Repository | None:
        """The repository, or None when the workspace lies in none. Raises RepositoryError when git is not installed."""
        found = cls(workspace.root)
        done = found._run("rev-parse", "--is-inside-work-tree", check=False)
        return found if done.returncode == 0 and done.stdout.strip() == b"true" else None

    @property
    def top(self) -> Path:
        """The folder of the whole repository; the workspace or a parent of it."""
        shown = self._run("rev-parse", "--show-cdup").stdout.decode("utf-8", "surrogateescape").rstrip("\n")
        return (self.root / shown).resolve()

    @property
    def branch(self) -> str | None:
        """The branch that is checked out, also before its first commit; None when HEAD is detached."""
        done = self._run("symbolic-ref", "--quiet", "--short", "HEAD", check=False)
        return done.stdout.decode("utf-8", "replace").strip() or None

    @property
    def head(self) -> str | None:
        """The commit that is checked out; None before the first one."""
        done = self._run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", check=False)
        return done.stdout.decode("ascii", "replace").strip() or None

    def under_way(self) -> str | None:
        """What a person has begun and not finished ("a merge", "a rebase"), or None."""
        for name, what in _STATES.items():
            path = self._run("rev-parse", "--git-path", name).stdout.decode("utf-8", "surrogateescape").strip()
            if (self.root / path).exists():
                return what
        return None

    def resolve(self, name: str) -> str:
        """The commit that `name` means. Raises RepositoryError when there is none."""
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", check=False)
        if done.returncode:
            raise RepositoryError(
                f"{name[:80]!r} names no commit of {self.root}", hint="give a commit, a branch or a tag: git log --oneline"
            )
        return done.stdout.decode("ascii").strip()

    def texts(self, commit: str, folder: str) -> dict[str, str]:
        """Path (relative to the workspace) -> text of every .md file below `folder` in a commit."""
        listed = self._run("ls-tree", "-r", "-z", "--name-only", commit, "--", folder).stdout
        names = [name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name.endswith(".md")]
        return {name: self._run("show", f"{commit}:./{name}").stdout.decode("utf-8", "replace") for name in names}

    def edited_since(self, path: str, sha256: str) -> bool:
        """Whether the last commit holds `path` with this content and the file was edited since: what git itself brings (a checkout,
        a revert, a merge) agrees with its commit or its index."""
        if self.head is None or self.under_way() or self._run("diff", "--cached", "--quiet", "HEAD", "--", path, check=False).returncode:
            return False
        done = self._run("show", "--no-textconv", f"HEAD:./{path}", check=False)
        return done.returncode == 0 and hashlib.sha256(done.stdout).hexdigest() == sha256

    def changed(self, paths: Sequence[str] = OWN) -> list[str]:
        """Files below `paths` that differ from the last commit or are new to it, relative to the workspace, sorted."""
        there = [path for path in paths if (self.root / path).exists() or self._tracked(path)]
        if not there:
            return []
        prefix = self._run("rev-parse", "--show-prefix").stdout.decode("utf-8", "surrogateescape").rstrip("\n")
        listed = self._run("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *there).stdout
        names = [entry[3:] for entry in listed.decode("utf-8", "surrogateescape").split("\0") if entry]
        return sorted(name.removeprefix(prefix) for name in names)

    def _tracked(self, path: str) -> bool:
        return bool(self._run("ls-files", "-z", "--", path).stdout)

    def switch(self, branch: str) -> None:
        """Check out `branch`, made from what is checked out now when it is new; git refuses where an edit would be lost."""
        if self._run("check-ref-format", "--branch", branch, check=False).returncode:
            raise RepositoryError(f"{branch[:80]!r} is no name for a branch", hint="such as: triage, nightly")
        if self.branch == branch:
            return
        known = self._run("show-ref", "--verify", "--quiet", f"refs/heads/{branch}", check=False).returncode == 0
        self._run("switch", "--quiet", *(() if known else ("-c",)), branch)

    def commit(self, paths: Sequence[str], message: str) -> str:
        """One commit of exactly these files as they are now; what else is staged stays staged. Returns its id.

        Raises RepositoryError with git's own reason (a hook that failed, no identity); the files stay as they are.
        """
        self._run("add", "--intent-to-add", "--", *paths)
        self._run("commit", "--quiet", "--only", "--cleanup=whitespace", "-F", "-", "--", *paths, text=message)
        return self.head or ""

    def _run(self, *arguments: str, check: bool = True, text: str = "") -> subprocess.CompletedProcess[bytes]:
        command = ["git", "-C", str(self.root), "-c", "core.quotePath=false", *arguments]
        try:
            done = subprocess.run(
                command, input=text.encode("utf-8"), capture_output=True, timeout=_SECONDS, check=False, env=_environment(os.environ)
            )
        except FileNotFoundError as error:
            raise RepositoryError("git is not installed", hint="install git, or leave the commit to yourself") from error
        except subprocess.TimeoutExpired as error:
            hint = "a hook or a signing key may be waiting for somebody; commit by hand to see"
            raise RepositoryError(f"git {arguments[0]} did not end within {_SECONDS} s", hint=hint) from error
        if check and done.returncode:
            raise _explained(arguments[0], done)
        return done


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Never asks, never opens an editor, speaks English; and the workspace's repository, whatever a hook that called us had set."""
    kept = {key: value for key, value in environ.items() if key not in {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}}
    return kept | {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "LANGUAGE": "C"}


def _explained(command: str, done: subprocess.CompletedProcess[bytes]) -> RepositoryError:
    said = " ".join((done.stderr or done.stdout).decode("utf-8", "replace").split())[:500] or f"it ended with status {done.returncode}"
    if "Please tell me who you are" in said or "unable to auto-detect email" in said or "empty ident" in said:
        hint = 'git config user.name "..." and git config user.email "..." in the workspace'
        return RepositoryError("git does not know who commits", hint=hint)
    if "index.lock" in said:
        return RepositoryError(f"another git command is at work: {said}", hint="wait for it; delete index.lock only when none runs")
    return RepositoryError(f"git {command} refused: {said}", hint="your files are as they were; try the same by hand")
