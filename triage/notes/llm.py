"""Notes from a language model in the CVinW form: every bullet quotes the paper, in whatever language it is written.

A bullet whose quote does not stand in the paper is void, and so is one that holds a number or a link the paper does
not have, that gives orders, or that speaks as if somebody had decided something. A reply can become bullets and
nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from triage.errors import ModelError
from triage.evidence import find_quote, missing_numbers
from triage.llm import Question
from triage.llm_wire import Schema
from triage.models import Bullet, Section
from triage.orders import reads_as_order, speaks_of_decisions
from triage.prompts import Kind, Messages, Prompt, load_variant
from triage.text import clean_line
from triage.voided import Void, told

if TYPE_CHECKING:
    from triage.workspace import Workspace

__all__ = [
    "KINDS",
    "LANGUAGES",
    "REPLY",
    "NotePaper",
    "NoteReply",
    "NoteWriter",
    "language_name",
    "note_from",
    "note_messages",
    "note_prompt",
]

REPLY = "note"
KINDS: dict[str, Kind] = {
    "language": "reference", "work_id": "own", "title": "untrusted", "abstract": "untrusted", "fulltext": "untrusted",
}  # fmt: skip
"""The variables of prompts/note.md and where their values come from."""

LANGUAGES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "en": "English", "es": "Spanish", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "no": "Norwegian",
    "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian",
    "vi": "Vietnamese", "zh": "Chinese (simplified characters)", "zh-Hant": "Chinese (traditional characters)",
    "zh-HK": "Chinese (traditional characters, as in Hong Kong)", "zh-TW": "Chinese (traditional characters, as in Taiwan)",
}  # fmt: skip
"""Names of languages by ISO 639-1 code, a few with a region or script, as a prompt says them."""

MOST_ENTRIES = 8
"""A section has one to four bullets; a reply with more than this many copies the abstract."""
LONGEST_BULLET = 400
"""Characters: forty words are some 250."""
NOT_AT_HAND = "(not to hand)"


def _few(value: list[NoteItem] | list[MethodItem]) -> list[NoteItem] | list[MethodItem]:
    if len(value) > MOST_ENTRIES:
        raise ValueError(f"at most {MOST_ENTRIES} entries")
    return value


class _Reply(BaseModel):
    """No defaults, nothing optional, no further keys; bounds in validators: strict servers refuse them in a schema."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoteItem(_Reply):
    text: str
    quote: str


Items = Annotated[list[NoteItem], AfterValidator(_few)]


class MethodItem(_Reply):
    text: str
    quote: str
    details: Items


class NoteReply(_Reply):
    """What the model is to note of one paper."""

    work_id: str
    previous_works: Items
    motivation: Items
    method: Annotated[list[MethodItem], AfterValidator(_few)]
    evaluation: Items
    results: Items

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.previous_works or self.motivation or self.method or self.evaluation or self.results):
            raise ValueError("a note needs at least one entry")
        return self


@dataclass(frozen=True, slots=True)
class NotePaper:
    """What a note may rest on. `fulltext` are the parts of the full text that are sent along, "" when there are none."""

    work_id: str
    title: str
    abstract: str = ""
    fulltext: str = ""

    @property
    def texts(self) -> tuple[str, str, str]:
        return self.title, self.abstract, self.fulltext


def note_prompt(workspace: Workspace) -> Prompt:
    """prompts/note.LANGUAGE.md if there is one, else prompts/note.md; the user's own before the packaged.

    Raises SettingsError when it is wrong.
    """
    return load_variant(workspace, "note", workspace.settings.notes.language, kinds=KINDS, reply=REPLY)


def language_name(code: str) -> str:
    """A language as the prompt says it: "Korean" for "ko"; a code that is not known stays one."""
    name = LANGUAGES.get(code.partition("-")[0])
    if code in LANGUAGES or name is None:
        return LANGUAGES.get(code, f"the language with the code {code!r}")
    return f"{name} ({code})"


def note_messages(prompt: Prompt, language: str, paper: NotePaper) -> Messages:
    """Exactly what is sent about one paper; `language` is the code of the settings."""
    return prompt.render({
        "language": language_name(language), "work_id": paper.work_id, "title": paper.title, "abstract": paper.abstract,
        "fulltext": paper.fulltext or NOT_AT_HAND,
    })  # fmt: skip


class NoteWriter:
    """Makes the question about a paper, and remembers what was void in its last reply."""

    def __init__(self, prompt: Prompt, language: str) -> None:
        self.prompt = prompt
        self.language = language
        self._schema = Schema(NoteReply, REPLY)
        self._void: dict[str, tuple[Void, ...]] = {}

    def question(self, paper: NotePaper) -> Question[tuple[Bullet, ...]]:
        def accept(reply: NoteReply) -> tuple[tuple[Bullet, ...], str | None]:
            bullets, void = note_from(reply, paper)
            self._void[paper.work_id] = void
            if not bullets:
                raise ModelError(f"no bullet holds: {told(void)}"[:1000], kind="no evidence")
            return bullets, f"void: {told(void)}" if void else None

        return Question(
            purpose="note", work_id=paper.work_id, messages=note_messages(self.prompt, self.language, paper), schema=self._schema,
            accept=accept, prompt_hash=self.prompt.hash, taxonomy_version="", temperature=self.prompt.hints.temperature,
            most_tokens=self.prompt.hints.max_output_tokens,
        )  # fmt: skip

    def take_void(self, work_id: str) -> tuple[Void, ...]:
        """What was void in the last reply about this work; once."""
        return self._void.pop(work_id, ())


_SECTIONS: tuple[tuple[str, Section, str], ...] = (
    ("previous_works", "Previous works", "Previous works"),
    ("motivation", "Motivation", "Motivation"),
    ("method", "Method", "Method"),
    ("evaluation", "Evaluation", "Evaluation datasets"),
    ("results", "Results", "Results"),
)
"""Key of the reply, section, heading as it is written: the order of the form."""


def note_from(reply: NoteReply, paper: NotePaper) -> tuple[tuple[Bullet, ...], tuple[Void, ...]]:
    """(bullets that hold, in the order of the form; those that do not) for a reply about `paper`.

    The details of a method's bullet that is void stand on their own. Raises ModelError of kind "foreign work" when
    the reply is about another paper.
    """
    if reply.work_id != paper.work_id:
        raise ModelError(f"the reply is about {clean_line(reply.work_id)[:60]!r}, not about {paper.work_id}", kind="foreign work")
    judging = _Judging(paper)
    for key, section, heading in _SECTIONS:
        for item in getattr(reply, key):
            held = judging.take(section, heading, item, depth=1)
            for detail in item.details if isinstance(item, MethodItem) else ():
                judging.take(section, heading, detail, depth=2 if held else 1)
    return tuple(judging.bullets), tuple(judging.void)


class _Judging:
    def __init__(self, paper: NotePaper) -> None:
        self._paper = paper
        self._source = "\n".join(paper.texts)
        self._said: set[str] = set()
        self.bullets: list[Bullet] = []
        self.void: list[Void] = []

    def take(self, section: Section, heading: str, item: NoteItem | MethodItem, *, depth: int) -> bool:
        """Whether the bullet holds; it is kept then, with the words it rests on."""
        text = _plain(item.text)
        reason = self._objection(text, item.quote)
        found = None if reason else _words(self._paper.texts, item.quote)
        if reason is None and found is None:
            reason = f"the quote {clean_line(item.quote)[:80]!r} is not in the text"
        if found is None or reason:
            self.void.append(Void("bullet", f"{heading}: {text}", reason or ""))
            return False
        self._said.add(text.casefold())
        self.bullets.append(Bullet(section=section, heading=heading, text=text, depth=depth, sentence=found))
        return True

    def _objection(self, text: str, quote: str) -> str | None:
        """Why a bullet does not hold, wherever its quote stands; None when nothing speaks against it."""
        if not any(letter.isalnum() for letter in text):
            return "it says nothing"
        if len(text) > LONGEST_BULLET:
            return f"it is longer than {LONGEST_BULLET} characters"
        if text.casefold() in self._said:
            return "it says what another bullet says"
        if reads_as_order(text) or reads_as_order(quote):
            return "it gives an order instead of describing the paper"
        if speaks_of_decisions(text):
            return "it speaks of a decision, which only a person makes"
        if foreign := [link for link in _LINK.findall(text) if link not in self._source]:
            return f"the link {foreign[0][:80]!r} is not in the text"
        if missing := missing_numbers(text, self._source):
            return f"the number {missing[0]} is not in the text"
        return None


_LINK = re.compile(r"(?:\w+://|www\.|mailto:|data:|javascript:)[^\s)\]>]*|\]\([^)]*\)?", re.IGNORECASE)
_LEAD = re.compile(r"(?:[-*•·–+]|\d{1,2}[.)])\s+")


def _plain(text: str) -> str:
    """One line without a bullet sign of its own."""
    return _LEAD.sub("", clean_line(text), count=1) if _LEAD.match(clean_line(text)) else clean_line(text)


def _words(texts: Iterable[str], quote: str) -> str | None:
    """The quote as it stands in the first text that has it."""
    for text in texts:
        if span := find_quote(text, quote):
            return text[span.start : span.end]
    return None
