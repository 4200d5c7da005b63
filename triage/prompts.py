"""Prompt files: a typed header, a stable part, and a part that differs for each paper.

    ---
    name: label
    version: 1
    variables: [taxonomy, work_id, title, abstract]
    reply: labels
    ---
    What to do, the same for every paper: {{taxonomy}}
    ---
    work_id: {{work_id}}
    {{title}} {{abstract}}

The stable part goes first, so that a server's prompt cache can serve it; whatever comes from outside stands in
the last part, inside a fence that it cannot close. The user's own `prompts/` wins over the packaged one.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from triage.errors import SettingsError
from triage.models import Frozen, Text
from triage.reference import read_reference

if TYPE_CHECKING:
    from triage.workspace import Workspace

__all__ = ["Hints", "Kind", "Messages", "Prompt", "fence", "load_prompt", "load_variant", "parse_prompt", "variant_of"]

Kind = Literal["reference", "own", "untrusted"]
"""Where a variable's value comes from: reference files (stable part), ourselves, or the outside (both: last part)."""

_HINT = "a prompt file is `---`, a header, `---`, the stable part, `---`, the part for each paper; see prompts/ of the program"
LONGEST_TEXT = 20_000
"""Characters of one text that are sent; the longest abstract of 6,280 venue papers has under 3,500."""
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Hints(Frozen):
    """What the prompt asks of the model; None leaves it to the settings or the server."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    max_output_tokens: int | None = Field(default=None, ge=16, le=100_000)


class _Header(Frozen):
    name: Text
    version: int = Field(ge=1)
    variables: tuple[Text, ...]
    reply: Text
    hints: Hints = Hints()


class Messages(Frozen):
    """What is sent: the stable part as system message, the paper as user message."""

    system: str
    user: str

    @property
    def as_sent(self) -> list[dict[str, str]]:
        """The messages of a chat, in order."""
        return [{"role": "system", "content": self.system}, {"role": "user", "content": self.user}]

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self.system}\x1f{self.user}".encode("utf-8", "replace")).hexdigest()


class Prompt(Frozen):
    """A checked prompt file. `hash` is that of the file's whole text."""

    name: str
    version: int
    reply: str
    hints: Hints
    kinds: dict[str, Kind]
    hash: str
    stable: str
    paper: str

    def render(self, values: Mapping[str, str]) -> Messages:
        """Put the values in; those from outside are fenced and no longer than LONGEST_TEXT. Raises KeyError for a variable without a value."""
        outside = {name: values[name][:LONGEST_TEXT] for name, kind in self.kinds.items() if kind == "untrusted"}
        mark = _mark(outside)

        fenced = {name: fence(text, f"{mark}-{name}") for name, text in outside.items()}
        reference = tuple((name, values[name]) for name, kind in self.kinds.items() if kind == "reference")
        return Messages(system=_stable(self.stable, reference), user=_filled(self.paper, {**values, **fenced}))


def _filled(part: str, values: Mapping[str, str]) -> str:
    # one pass: braces inside a value are the value's own
    return _VARIABLE.sub(lambda found: values[found[1]], part)


@lru_cache(maxsize=4)
def _stable(part: str, reference: tuple[tuple[str, str], ...]) -> str:
    """The part that is the same for every paper: one text for all of them."""
    return _filled(part, dict(reference))


def _mark(outside: Mapping[str, str]) -> str:
    """A tag name that depends on the texts: whoever writes one of them cannot know it. (Nor would it help: `fence`.)"""
    content = "\x1f".join(outside[name] for name in sorted(outside))
    return "untrusted-" + hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:16]


def fence(text: str, tag: str) -> str:
    """The text between `<tag>` and `</tag>`, so that nothing in it can be read as a tag or as a chat template's own mark.

    Angle brackets become ‹ and › and control words in square brackets ([INST]) become ⟦INST⟧, one character for
    one; invisible characters go. `triage.evidence` undoes this when it looks for quotes.
    """
    return f"<{tag}>\n{_escape(text)}\n</{tag}>"


_BRACKETS = str.maketrans("<>＜＞﹤﹥", "‹›‹›‹›")
_DOUBTFUL = re.compile(r"[^\t\n -~]")
"""What may be invisible."""
_CONTROL_WORDS = re.compile(r"\[(/?[A-Z][A-Z_ ]*)\]")


def _escape(text: str) -> str:
    visible = _DOUBTFUL.sub(lambda found: "" if _invisible(found[0]) else found[0], text)
    return _CONTROL_WORDS.sub("⟦\\1⟧", visible.translate(_BRACKETS))


def _invisible(letter: str) -> bool:
    selector = "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"
    return selector or unicodedata.category(letter) in {"Cf", "Cc", "Cs", "Co"}


def load_prompt(workspace: Workspace, name: str, *, kinds: Mapping[str, Kind], reply: str) -> Prompt:
    """The prompt `NAME.md`, checked against what the task gives (`kinds`) and the reply it can read.

    Raises SettingsError "FILE:LINE: ..." for anything that is wrong in it, UsageError when there is none.
    """
    text, shown = workspace.reference("prompts", f"{name}.md")
    return parse_prompt(text, shown=shown, kinds=kinds, reply=reply)


def load_variant(workspace: Workspace, name: str, language: str, *, kinds: Mapping[str, Kind], reply: str) -> Prompt:
    """The prompt in a language (`variant_of`). Raises like `load_prompt`."""
    return load_prompt(workspace, variant_of(workspace, name, language), kinds=kinds, reply=reply)


def variant_of(workspace: Workspace, name: str, language: str) -> str:
    """Which prompt is used in a language: the user's `NAME.LANGUAGE` ("note.ko") or else `NAME`, then the packaged ones.

    For a region or script ("zh-TW") the file of the language will do.
    """
    variants = [f"{name}.{language}", f"{name}.{language.partition('-')[0]}", name]
    own = [variant for variant in variants if workspace.has_own_reference("prompts", f"{variant}.md")]
    return next(iter(own or [variant for variant in variants if workspace.has_reference("prompts", f"{variant}.md")]), name)


def parse_prompt(text: str, *, shown: str, kinds: Mapping[str, Kind], reply: str) -> Prompt:
    """The same for a text that is already here; `shown` names it in messages."""
    parts = _parts(text, shown)
    # the header starts on the second line; the line in front keeps the numbers in messages right
    header, lines = read_reference("\n" + parts[0][1], _Header, name=shown)
    if header.reply != reply:
        raise SettingsError(f"{shown}:{lines.at(('reply',))}: reply: {header.reply!r}; allowed is {reply!r}", hint=_HINT)
    for number, variable in enumerate(header.variables):
        if variable not in kinds:
            allowed = ", ".join(kinds)
            raise SettingsError(
                f"{shown}:{lines.at(('variables', number))}: variables: {variable!r} is unknown; allowed are {allowed}", hint=_HINT
            )
    missing = [variable for variable in kinds if variable not in header.variables]
    if missing:
        raise SettingsError(
            f"{shown}:{lines.at(('variables',))}: variables: {', '.join(missing)} missing; this task needs every one", hint=_HINT
        )
    (stable_line, stable), (paper_line, paper) = parts[1], parts[2]
    _check_places(stable, stable_line, shown, {v for v, kind in kinds.items() if kind == "reference"}, kinds)
    _check_places(paper, paper_line, shown, {v for v, kind in kinds.items() if kind != "reference"}, kinds)
    return Prompt(
        name=header.name, version=header.version, reply=header.reply, hints=header.hints, kinds=dict(kinds),
        hash=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16], stable=stable.strip(), paper=paper.strip(),
    )  # fmt: skip


def _parts(text: str, shown: str) -> list[tuple[int, str]]:
    """(first line's number, text) of header, stable part and paper part."""
    lines = text.split("\n")
    rules = [number for number, line in enumerate(lines, 1) if line.rstrip() == "---"]
    if len(rules) != 3 or rules[0] != 1:
        place = 1 if not rules or rules[0] != 1 else rules[min(len(rules), 4) - 1]
        raise SettingsError(f"{shown}:{place}: needs exactly three lines `---`, the first at the top; found {len(rules)}", hint=_HINT)
    ends = [*rules[1:], len(lines) + 1]
    return [(start + 1, "\n".join(lines[start : end - 1])) for start, end in zip(rules, ends, strict=True)]


def _check_places(part: str, first_line: int, shown: str, allowed: set[str], kinds: Mapping[str, Kind]) -> None:
    """Every variable that belongs in this part stands there, and no other."""
    used = set()
    for found in _VARIABLE.finditer(part):
        line = first_line + part.count("\n", 0, found.start())
        if found[1] not in allowed:
            why = "belongs in the other part" if found[1] in kinds else "is no variable of this prompt"
            raise SettingsError(f"{shown}:{line}: {found[0]} {why}; allowed here are {', '.join(sorted(allowed))}", hint=_HINT)
        used.add(found[1])
    if allowed - used:
        raise SettingsError(f"{shown}:{first_line}: this part does not use {', '.join(sorted(allowed - used))}", hint=_HINT)
