"""Labels from a language model: a typed reply, tied to its paper, every label bound to words of the text.

What is not in the text is not believed: a label whose quote does not stand in the title or the abstract is void,
and so is one that rests on words which give orders to the reader. A label the taxonomy does not have becomes
`other` with the words proposed for it. A reply can become labels and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from triage.errors import ModelError
from triage.evidence import find_quote, reads_as_order
from triage.labelling import Paper
from triage.llm import Answer, LanguageModel, Question
from triage.llm_wire import Schema
from triage.models import Evidence, Label
from triage.prompts import Kind, Prompt, load_prompt
from triage.text import clean_line

if TYPE_CHECKING:
    from triage.taxonomy import Taxonomy
    from triage.workspace import Workspace

__all__ = ["KINDS", "REPLY", "LabelReply", "LlmLabeller", "Read", "label_prompt", "labels_from", "taxonomy_text"]

REPLY = "labels"
KINDS: dict[str, Kind] = {"taxonomy": "reference", "work_id": "own", "title": "untrusted", "abstract": "untrusted"}
"""The variables of prompts/label.md and where their values come from."""

MOST_LABELS = 8
"""A paper has one to three types; a reply with more than this many has not read it."""

_RESERVED = re.compile(
    r"\b(?:select(?:ed)?|reject(?:ed)?|accept(?:ed)?|approved?|later|human|curator|tick(?:ed)?|checked|decision|undo)\b", re.IGNORECASE
)
"""Words of a person's decision: no name for a technique."""
_NAME = re.compile(r"[\w][\w +/&.,'()-]{1,58}[\w)]")


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("must be a number from 0 to 1")
    return value


def _not_too_many(value: list[LabelItem] | list[ProposedItem]) -> list[LabelItem] | list[ProposedItem]:
    if len(value) > MOST_LABELS:
        raise ValueError(f"at most {MOST_LABELS} entries")
    return value


Share = Annotated[float, AfterValidator(_share)]


class _Reply(BaseModel):
    """No defaults, nothing optional, no further keys; bounds in validators: strict servers refuse them in a schema."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelItem(_Reply):
    label: str
    confidence: Share
    quote: str


class ProposedItem(_Reply):
    name: str
    confidence: Share
    quote: str


class LabelReply(_Reply):
    """What the model is to say about one paper."""

    work_id: str
    relevant: Literal["yes", "no"]
    relevance: Share
    labels: Annotated[list[LabelItem], AfterValidator(_not_too_many)]
    proposed: Annotated[list[ProposedItem], AfterValidator(_not_too_many)]

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.relevant == "yes" and not (self.labels or self.proposed):
            raise ValueError("a relevant paper needs at least one entry in labels or proposed")
        return self


@dataclass(frozen=True)
class Read:
    """What the model made of one paper. `labels` is None when the question has no answer (`error` says why);
    `waiting` when it was not asked to the end and is due again. `void` are the labels that were not believed."""

    paper: Paper
    labels: tuple[Label, ...] | None
    void: tuple[str, ...]
    answer: Answer[tuple[tuple[Label, ...], tuple[str, ...]]]

    @property
    def error(self) -> ModelError | None:
        return self.answer.error

    @property
    def waiting(self) -> bool:
        return self.answer.waiting


def label_prompt(workspace: Workspace) -> Prompt:
    """The user's prompts/label.md if there is one, else the packaged. Raises SettingsError when it is wrong."""
    return load_prompt(workspace, "label", kinds=KINDS, reply=REPLY)


def taxonomy_text(taxonomy: Taxonomy) -> str:
    """The taxonomy as it stands in the prompt: one line a label, in the file's order, families first.

    `other` is left out: a reply names what has no label under `proposed`.
    """
    lines = []
    for group in (taxonomy.parents, taxonomy.labels, taxonomy.flags):
        for entry in (x for x in group.values() if x.id != "other"):
            more = [entry.definition]
            if entry.include:
                more.append(f"Includes: {entry.include}")
            if entry.exclude:
                more.append(f"Not: {entry.exclude}")
            lines.append(f"- {entry.id} ({entry.name}): {' '.join(more)}")
    return "\n".join(lines)


class LlmLabeller:
    """The producer `llm`. `read` gives papers as they are answered, `label` is the plain protocol."""

    def __init__(self, model: LanguageModel, prompt: Prompt, taxonomy: Taxonomy) -> None:
        self.model = model
        self.prompt = prompt
        self.taxonomy = taxonomy
        self._schema = Schema(LabelReply, REPLY)
        self._taxonomy_text = taxonomy_text(taxonomy)

    @property
    def name(self) -> Literal["llm"]:
        return "llm"

    def question(self, paper: Paper) -> Question[tuple[tuple[Label, ...], tuple[str, ...]]]:
        """What is asked about a paper: exactly the messages that are sent, and how the reply is judged."""
        values = {"taxonomy": self._taxonomy_text, "work_id": paper.work_id, "title": paper.title, "abstract": paper.abstract or ""}

        def accept(reply: LabelReply) -> tuple[tuple[tuple[Label, ...], tuple[str, ...]], str | None]:
            labels, void = labels_from(reply, paper, self.taxonomy)
            return (labels, void), f"void: {'; '.join(void)}" if void else None

        return Question(
            purpose="label", work_id=paper.work_id, messages=self.prompt.render(values), schema=self._schema, accept=accept,
            prompt_hash=self.prompt.hash, taxonomy_version=str(self.taxonomy.version),
            temperature=self.prompt.hints.temperature, most_tokens=self.prompt.hints.max_output_tokens,
        )  # fmt: skip

    def read(self, papers: Iterable[Paper]) -> Iterator[Read]:
        """Ask about each paper, several at once; exactly one `Read` a paper, in the order in which they are answered."""
        by_id = {paper.work_id: paper for paper in papers}
        for answer in self.model.ask_all([self.question(paper) for paper in by_id.values()]):
            yield self.as_read(by_id[answer.question.work_id], answer)

    def as_read(self, paper: Paper, answer: Answer[tuple[tuple[Label, ...], tuple[str, ...]]]) -> Read:
        labels, void = answer.value if answer.value is not None else (None, ())
        return Read(paper, labels, void, answer)

    def label(self, papers: Sequence[Paper]) -> list[tuple[Label, ...]]:
        """The labels of each paper, in order. Raises ModelError when one of them could not be read."""
        found: dict[str, tuple[Label, ...]] = {}
        for read in self.read(papers):
            if read.labels is None:
                raise read.error or ModelError(f"{read.paper.work_id}: no answer")
            found[read.paper.work_id] = read.labels
        return [found[paper.work_id] for paper in papers]


def labels_from(reply: LabelReply, paper: Paper, taxonomy: Taxonomy) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    """(labels that hold, surest first; why others do not) for a reply about `paper`.

    Raises ModelError of kind "foreign work" when it is about another one, "no evidence" when it has labels and
    none of them holds.
    """
    if reply.work_id != paper.work_id:
        raise ModelError(f"the reply is about {clean_line(reply.work_id)[:60]!r}, not about {paper.work_id}", kind="foreign work")
    named = [(item.label, item.confidence, item.quote) for item in reply.labels]
    named += [(f"?{item.name}", item.confidence, item.quote) for item in reply.proposed]
    kept: dict[tuple[str, str | None], Label] = {}
    void = []
    for name, confidence, quote in named:
        label, proposed = _named(name, taxonomy)
        shown = clean_line(name.lstrip("?"))[:60]
        if label is None:
            void.append(f"{shown!r} is no name for a technique")
        elif isinstance(evidence := _evidence(quote, paper, taxonomy), str):
            void.append(f"{shown}: {evidence}")
        elif (label, proposed) not in kept:
            kept[label, proposed] = Label(label=label, confidence=confidence, producer="llm", evidence=(evidence,), proposed=proposed)
    if named and not kept:
        raise ModelError(f"no label holds: {'; '.join(void)}"[:1000], kind="no evidence")
    # "other" goes last: it names what has no label yet
    return tuple(sorted(kept.values(), key=lambda x: (x.label == "other", -(x.confidence or 0.0)))), tuple(void)


def _named(name: str, taxonomy: Taxonomy) -> tuple[str | None, str | None]:
    """(taxonomy id, None), ("other", proposed words), or (None, None) for what is no name."""
    plain = clean_line(name.lstrip("?"))
    if plain in taxonomy.ids and plain != "other":
        return plain, None
    known = taxonomy.labels_for_type(plain)
    if len(known) == 1:
        return known[0], None
    if not _NAME.fullmatch(plain) or len(plain.split()) > 6 or _RESERVED.search(plain):
        return None, None
    return "other", plain


def _evidence(quote: str, paper: Paper, taxonomy: Taxonomy) -> Evidence | str:
    """The quote with its place in the original text, or why it is no evidence."""
    if reads_as_order(quote) or any("/" in label and label in quote for label in taxonomy.ids):
        return "the quote gives an order instead of describing the paper"
    places: tuple[tuple[Literal["title", "abstract"], str], ...] = (("title", paper.title), ("abstract", paper.abstract or ""))
    for field, text in places:
        if span := find_quote(text, quote):
            found = text[span.start : span.end]
            return Evidence(field=field, start=span.start, end=span.end, quote=found, cue="llm")
    return f"the quote {clean_line(quote)[:80]!r} is not in the text"
