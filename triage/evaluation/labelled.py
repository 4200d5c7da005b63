"""Labelled papers, one JSON object a line (also .gz): `title`, `abstract` and what a person said of them.

For screening `selected`, for labels `labels` (fine ids) or `coarse` (their parents), for claims `claims`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.errors import DocumentError

__all__ = ["LabelledPaper", "read_labelled"]

_LONGEST_LINE = 10_000_000
_MOST_BYTES = 2_000_000_000
"""Decompressed; a labelled file has some megabytes, and a gzip bomb must not fill memory."""
_HINT = 'one JSON object a line, such as {"title": "...", "abstract": "...", "selected": true}'


@dataclass(frozen=True, slots=True)
class LabelledPaper:
    """A paper and what a person said of it; `said` is not handed to what is evaluated. `where` is FILE:LINE."""

    title: str
    abstract: str | None
    said: Mapping[str, Any]
    where: str

    def flag(self, name: str) -> bool:
        """A true or false said of the paper. Raises DocumentError when it is missing or something else."""
        value = self.said.get(name)
        if not isinstance(value, bool):
            raise DocumentError(f"{self.where}: {name!r} must be true or false", hint=_HINT)
        return value

    def names(self, name: str) -> tuple[str, ...]:
        """A list of words said of the paper. Raises DocumentError when it is missing or something else."""
        value = self.said.get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise DocumentError(f"{self.where}: {name!r} must be a list of words", hint=_HINT)
        return tuple(dict.fromkeys(value))

    def objects(self, name: str) -> tuple[Mapping[str, Any], ...]:
        """A list of JSON objects said of the paper. Raises DocumentError when it is missing or something else."""
        value = self.said.get(name)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise DocumentError(f"{self.where}: {name!r} must be a list of JSON objects", hint=_HINT)
        return tuple(value)


def read_labelled(paths: Iterable[Path]) -> list[LabelledPaper]:
    """All papers of the files, in order. Raises DocumentError "FILE:LINE: ..." for the first fault, and when there is none."""
    papers = [_paper(line, f"{path}:{number}") for path in paths for number, line in _lines(path)]
    if not papers:
        raise DocumentError("the labelled files hold no paper", hint=_HINT)
    return papers


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    size = 0
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                number += 1
                size += len(line)
                if size > _MOST_BYTES or len(line) >= _LONGEST_LINE:
                    raise DocumentError(f"{path}:{number}: the file is too large", hint="split it into several files")
                if line.strip():
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}:{number}: not UTF-8", hint="save the file as UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DocumentError(
            f"{path}: cannot be read: {error}", hint="check the name, the permissions and whether the file is whole"
        ) from error


def _paper(line: str, where: str) -> LabelledPaper:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{where}: not JSON: {error}", hint=_HINT) from error
    if not isinstance(said, dict):
        raise DocumentError(f"{where}: a line must be one JSON object", hint=_HINT)
    title, abstract = said.get("title"), said.get("abstract")
    if not isinstance(title, str) or not title.strip() or not isinstance(abstract, str | None):
        raise DocumentError(f"{where}: 'title' and 'abstract' must be texts, and a title is needed", hint=_HINT)
    return LabelledPaper(title, abstract, said, where)
