"""The efficiency taxonomy: labels, their names, and what people type for them.

taxonomy = load_taxonomy(text, name="seeds/taxonomy.yaml")
taxonomy.labels_for_type("token pruning + merging")    # ("token-reduction/pruning", "token-reduction/merging")
taxonomy.display(["token-reduction/pruning", "token-reduction/merging"])    # "Token Pruning & Merging"
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from pydantic import Field, field_validator

from triage.errors import Fault, SettingsError
from triage.models import Frozen, Text
from triage.reference import Lines, plain_values, read_reference, refusal

__all__ = ["Taxonomy", "TaxonomyFile", "TaxonomyLabel", "fold", "load_taxonomy"]

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:/[a-z0-9]+(?:-[a-z0-9]+)*)?\Z")
_HINT = "ids look like parent/label in small letters, digits and hyphens; see the comments in the shipped taxonomy.yaml"


class TaxonomyLabel(Frozen):
    """One label, parent or flag: `name` is written as a Type, `aliases` are Types as people typed them."""

    id: Text
    name: Text
    definition: Text
    include: str = ""
    exclude: str = ""
    aliases: tuple[Text, ...] = ()

    @field_validator("id")
    @classmethod
    def _id_form(cls, value: str) -> str:
        if not _ID.match(value):
            raise ValueError("an id has small letters, digits and hyphens, with one slash between parent and label")
        return value


class TaxonomyFile(Frozen):
    """The file as written."""

    version: int = Field(ge=1)
    parents: tuple[TaxonomyLabel, ...] = ()
    labels: tuple[TaxonomyLabel, ...] = Field(min_length=1)
    flags: tuple[TaxonomyLabel, ...] = ()


class Taxonomy:
    """A version of the taxonomy. Order is the file's order everywhere."""

    def __init__(
        self, version: int, parents: Iterable[TaxonomyLabel], labels: Iterable[TaxonomyLabel], flags: Iterable[TaxonomyLabel] = ()
    ) -> None:
        self.version = version
        self.parents: Mapping[str, TaxonomyLabel] = MappingProxyType({p.id: p for p in parents})
        self.labels: Mapping[str, TaxonomyLabel] = MappingProxyType({x.id: x for x in labels})
        self.flags: Mapping[str, TaxonomyLabel] = MappingProxyType({f.id: f for f in flags})

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Every id that may stand in a Label: labels, then flags, then parents (for "this family, kind unknown")."""
        return (*self.labels, *self.flags, *self.parents)

    def parent(self, label: str) -> str:
        """The coarse label: "compression/pruning" -> "compression"; parents and flags are their own."""
        return label.partition("/")[0]

    def entry(self, label: str) -> TaxonomyLabel:
        """The label, flag or parent of that id. Raises KeyError for an id this version does not have."""
        for table in (self.labels, self.flags, self.parents):
            if label in table:
                return table[label]
        raise KeyError(label)

    def labels_for_type(self, raw: str) -> tuple[str, ...]:
        """The labels a Type stands for, in the order written; () when any part of it is unknown.

        Case, spaces and punctuation do not matter. Parts may be joined by "&", "+", "/", "," or "and";
        a part may leave out the first words of the one before it ("Token Pruning & Merging").
        """
        whole = self._by_alias.get(fold(raw))
        if whole:
            return whole
        found: list[str] = []
        before = ""
        for part in _parts(raw):
            known = self._part(part, before)
            if not known:
                return ()
            found.extend(known[1])
            before = known[0]
        return tuple(dict.fromkeys(found))

    def display(self, labels: Sequence[str]) -> str:
        """The Type written for labels, in the taxonomy's order, so that one set has one spelling.

        Neighbours under one parent whose names begin with the same words share them. An id this version
        does not know is written as it stands: a label of an older version is shown, not lost.
        """
        order = {label: number for number, label in enumerate(self.ids)}
        chosen = sorted(dict.fromkeys(labels), key=lambda x: (order.get(x, len(order)), x))
        written: list[str] = []
        previous: tuple[str, str] | None = None
        for label in chosen:
            name = self.entry(label).name if label in order else label
            shared = _shared_words(previous[1], name) if previous and previous[0] == self.parent(label) else 0
            written.append(" ".join(name.split()[shared:]))
            previous = (self.parent(label), name)
        return " & ".join(written)

    def _part(self, part: str, before: str) -> tuple[str, tuple[str, ...]] | None:
        """A part of a Type with the words it stands for: "Merging" behind "Token Pruning" is "Token Merging".

        Words are only carried over within one parent, as `display` writes them.
        """
        words = before.split()
        family = {self.parent(label) for label in self._by_alias.get(fold(before), ())}
        for length in range(len(words) - 1, 0, -1):
            full = " ".join([*words[:length], part])
            known = self._by_alias.get(fold(full), ())
            if known and {self.parent(label) for label in known} <= family:
                return full, known
        known = self._by_alias.get(fold(part), ())
        return (part, known) if known else None

    @cached_property
    def _by_alias(self) -> Mapping[str, tuple[str, ...]]:
        """Folded name or alias to labels. A fine label's own name wins over any alias, labels over parents."""
        table: dict[str, tuple[str, ...]] = {}
        for group in (self.labels, self.flags, self.parents):
            own: dict[str, list[str]] = {}
            for entry in group.values():
                for alias in entry.aliases:
                    own.setdefault(fold(alias), []).append(entry.id)
            own.update({fold(entry.name): [entry.id] for entry in group.values()})
            own.update({fold(entry.id): [entry.id] for entry in group.values()})
            for key, ids in own.items():
                table.setdefault(key, tuple(dict.fromkeys(ids)))
        return table


def load_taxonomy(text: str, *, name: str) -> Taxonomy:
    """Read taxonomy YAML; `name` is the file's name for messages.

    Raises SettingsError "NAME:LINE: ..." for unknown keys, ids that are used twice, labels whose parent is not
    listed, and names that two labels share; its `faults` are all of them.
    """
    try:
        file, lines = read_reference(text, TaxonomyFile, name=name)
    except SettingsError as error:
        raise refusal(name, [*error.faults, *_faults_between(text, name)]) from error
    entries = [_Named(g, n, e.id, e.name) for g in _GROUPS for n, e in enumerate(getattr(file, g))]
    if faults := [*_id_faults(entries, lines), *_name_faults(entries, lines)]:
        raise refusal(name, faults)
    return Taxonomy(file.version, file.parents, file.labels, file.flags)


_GROUPS = ("parents", "labels", "flags")


class _Named(NamedTuple):
    """What tells one entry of the file from the others; `id` and `name` are "" where they cannot be read."""

    group: str
    number: int
    id: str
    name: str


def _faults_between(text: str, name: str) -> list[Fault]:
    """What is wrong between the entries of a file that cannot be read as a whole, as far as their ids and names can be."""
    try:
        values, lines = plain_values(text, name)
    except SettingsError:
        return []
    if not isinstance(values, dict):
        return []
    entries = []
    for group in _GROUPS:
        listed = values.get(group)
        for number, entry in enumerate(listed if isinstance(listed, list) else ()):
            said = entry if isinstance(entry, dict) else {}
            id_, name_ = (value if isinstance(value, str) else "" for value in (said.get("id"), said.get("name")))
            entries.append(_Named(group, number, id_ if _ID.match(id_) else "", name_))
    return [*_id_faults(entries, lines), *_name_faults([one for one in entries if one.name], lines)]


def _id_faults(entries: Sequence[_Named], lines: Lines) -> Iterator[Fault]:
    parents = [one.id for one in entries if one.group == "parents" and one.id]
    seen: set[str] = set()
    for group, number, id_, _ in (one for one in entries if one.id):
        line, place = lines.at((group, number, "id")), f"{group}.{number}.id"
        if id_ in seen:
            yield Fault(line, f"{place}: {id_!r} stands here twice", "give one of the two another id, or take it out")
        seen.add(id_)
        parent, slash, _ = id_.partition("/")
        if bool(slash) != (group == "labels"):
            allowed = "parent/label" if group == "labels" else "a word without a slash"
            yield Fault(line, f"{place}: {id_!r}; allowed is {allowed}", _HINT)
        elif slash and parent not in parents:
            yield Fault(
                line,
                f"{place}: {parent!r} is not among the parents; allowed are {', '.join(parents) or 'none'}",
                "correct the part before the slash, or add that parent under `parents`",
            )


def _name_faults(entries: Sequence[_Named], lines: Lines) -> Iterator[Fault]:
    """Two labels with one name could not be told apart in a list; a shared alias means both labels."""
    seen: dict[str, str] = {}
    for group, number, id_, name in entries:
        key = fold(name)
        if not key or key in seen:
            what = f"has the name of {seen[key]!r}" if key else "has a name without letters"
            line = lines.at((group, number, "name"))
            yield Fault(line, f"{group}.{number}.name: {id_!r} {what}", "give it a name of its own: it is what stands in the lists")
        else:
            seen[key] = id_


def fold(text: str) -> str:
    """Letters and digits only, folded: "Low-Rank" and "low rank" are one."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def _parts(raw: str) -> list[str]:
    pieces = re.split(r"\s*[&+/,;、，＋]\s*|\s+and\s+", raw.strip(), flags=re.IGNORECASE)
    return [piece for piece in pieces if fold(piece)]


def _shared_words(before: str, name: str) -> int:
    """How many first words two names share, at least one word of `name` left over."""
    a, b = before.split(), name.split()
    shared = 0
    while shared < min(len(a), len(b)) - 1 and a[shared] == b[shared]:
        shared += 1
    return shared
