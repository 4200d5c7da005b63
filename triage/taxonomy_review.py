"""A taxonomy file looked over, and two of them compared, before any label is made from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from triage.cuefile import CueFile, read_cue_file
from triage.errors import SettingsError
from triage.models import Frozen
from triage.reference import Lines, read_reference
from triage.taxonomy import Taxonomy, TaxonomyFile, TaxonomyLabel, fold, load_taxonomy

__all__ = ["Change", "Finding", "changes", "review_cues", "review_taxonomy"]


class Finding(Frozen):
    """Something to mend (`error`) or to know (`warning`) about a file: "NAME:LINE: message", and what to do about it."""

    severity: Literal["error", "warning"]
    file: str
    line: int
    message: str
    hint: str


class Change(Frozen):
    """What happens to one label, parent or flag from an older file to a newer one.

    `renamed`: the id stays and the name changes. `moved`: the id goes and another takes over its name or one of
    its aliases (`to`). `redefined`: definition, notes or aliases change.
    """

    kind: Literal["added", "removed", "renamed", "moved", "redefined"]
    id: str
    name: str
    to: str | None = None
    detail: str = ""


def review_taxonomy(text: str, *, name: str) -> list[Finding]:
    """What a taxonomy leaves to be desired, in the order of its lines.

    Where it cannot be used at all (wrong keys, an id twice, two labels of one name) all the reasons, and nothing beyond.
    """
    try:
        load_taxonomy(text, name=name)
    except SettingsError as error:
        return _errors(error, name)
    file, lines = read_reference(text, TaxonomyFile, name=name)
    groups = (("parents", file.parents), ("labels", file.labels), ("flags", file.flags))
    entries = [(group, number, entry) for group, some in groups for number, entry in enumerate(some)]
    found = [*_definitions(entries, lines, name), *_aliases(entries, lines, name), *_childless(file, lines, name)]
    return sorted(found, key=lambda x: (x.line, x.message))


def _errors(error: SettingsError, name: str) -> list[Finding]:
    found = [Finding(severity="error", file=name, line=f.line, message=f.message, hint=f.hint) for f in error.faults]
    return sorted(found, key=lambda x: (x.line, x.message))


Entry = tuple[str, int, TaxonomyLabel]


_DEFINE = "write in a sentence what belongs under it; works are matched against it"


def _definitions(entries: Iterable[Entry], lines: Lines, name: str) -> Iterator[Finding]:
    for group, number, entry in entries:
        line = lines.at((group, number, "definition"))
        if not fold(entry.definition):
            yield Finding(severity="error", file=name, line=line, message=f"{entry.id} has no definition", hint=_DEFINE)
        elif fold(entry.definition) in {fold(entry.name), fold(entry.id)}:
            yield Finding(
                severity="error", file=name, line=line, message=f"the definition of {entry.id} only repeats its name", hint=_DEFINE
            )


def _aliases(entries: list[Entry], lines: Lines, name: str) -> Iterator[Finding]:
    names = {fold(entry.name): entry.id for _, _, entry in entries}
    owners: dict[tuple[str, str], str] = {}
    for group, number, entry in entries:
        seen: set[str] = set()
        for place, alias in enumerate(entry.aliases):
            key, line = fold(alias), lines.at((group, number, "aliases", place))
            message, hint = None, "take the alias out"
            if not key:
                message = f"an alias of {entry.id} has no letters"
            elif key in seen:
                message = f"{entry.id} has the alias {alias!r} twice"
            elif names.get(key, entry.id) != entry.id:
                message = f"the alias {alias!r} of {entry.id} is the name of {names[key]}, which it will always mean"
            elif owners.setdefault((group, key), entry.id) != entry.id:
                message = f"the alias {alias!r} of {entry.id} is also one of {owners[group, key]}: it stands for both"
                hint = "leave it when a Type written so means both, else take it out of one"
            if message:
                yield Finding(severity="warning", file=name, line=line, message=message, hint=hint)
            seen.add(key)


def _childless(file: TaxonomyFile, lines: Lines, name: str) -> Iterator[Finding]:
    used = {label.id.partition("/")[0] for label in file.labels}
    for number, parent in enumerate(file.parents):
        if parent.id not in used:
            line = lines.at(("parents", number, "id"))
            yield Finding(
                severity="warning",
                file=name,
                line=line,
                message=f"no label stands under {parent.id}",
                hint="add one, or take the parent out",
            )


def review_cues(text: str, taxonomy: Taxonomy | None, *, name: str) -> list[Finding]:
    """What is wrong with a cue file; else the labels it has rules for and the taxonomy, if there is one, does not know:
    those rules say nothing."""
    try:
        read_cue_file(text, name=name)
    except SettingsError as error:
        return _errors(error, name)
    file, lines = read_reference(text, CueFile, name=name)
    if taxonomy is None:
        return []
    unknown = [label for label in file.types.labels if label not in taxonomy.ids]
    return [
        Finding(
            severity="warning", file=name, line=lines.at(("types", "labels", label)),
            message=f"rules for {label!r}, which the taxonomy does not have; they say nothing",
            hint="add the label to the taxonomy, correct its id, or take its rules out",
        )
        for label in unknown
    ]  # fmt: skip


def changes(old: Taxonomy, new: Taxonomy) -> list[Change]:
    """What changes from one taxonomy to the other, in the order of the newer file, what goes last."""
    gone = [label for label in old.ids if label not in new.ids]
    came = [label for label in new.ids if label not in old.ids]
    moved = {label: to for label in gone if (to := _heir(old.entry(label), [new.entry(x) for x in came]))}
    found = []
    for label in new.ids:
        entry = new.entry(label)
        if label in came:
            if label not in moved.values():
                found.append(Change(kind="added", id=label, name=entry.name))
            continue
        before = old.entry(label)
        if before.name != entry.name:
            found.append(Change(kind="renamed", id=label, name=entry.name, detail=f"was {before.name!r}"))
        parts = [part for part in ("definition", "include", "exclude", "aliases") if getattr(before, part) != getattr(entry, part)]
        if parts:
            found.append(Change(kind="redefined", id=label, name=entry.name, detail=", ".join(parts)))
    found += [Change(kind="moved", id=label, name=old.entry(label).name, to=to) for label, to in moved.items()]
    return found + [Change(kind="removed", id=label, name=old.entry(label).name) for label in gone if label not in moved]


def _heir(entry: TaxonomyLabel, came: Iterable[TaxonomyLabel]) -> str | None:
    """The new label that takes over the name of one that went, or is known by it."""
    name = fold(entry.name)
    for other in came:
        if name in {fold(other.name), *map(fold, other.aliases)}:
            return other.id
    return None
