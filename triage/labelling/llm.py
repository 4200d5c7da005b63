"""Labels from a language model: a typed reply, tied to its paper, every label bound to words of the text.

What is not in the text is not believed: a label or a figure whose quote does not stand in the title or the abstract
is void, and so is one that rests on words which give orders to the reader. A label the taxonomy does not have becomes
`other` with the words proposed for it. A reply can become labels, figures and an opinion, never a decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from triage.claims import METRICS, UNITS, normalised
from triage.errors import ModelError
from triage.evidence import find_quote, has_number
from triage.labelling import Paper
from triage.llm import Answer, LanguageModel, Question
from triage.llm_several import ask_in_batches
from triage.llm_wire import Schema
from triage.models import Claim, Evidence, Label
from triage.orders import reads_as_order
from triage.prompts import Kind, Messages, Prompt, load_prompt
from triage.text import clean_line
from triage.voided import Void, VoidKind, told

if TYPE_CHECKING:
    from triage.taxonomy import Taxonomy
    from triage.workspace import Workspace

__all__ = [
    "KINDS", "REPLY", "LabelReply", "LlmLabeller", "Read", "Reading", "claims_from", "label_messages", "label_prompt",
    "reading_from", "taxonomy_text",
]  # fmt: skip

REPLY = "labels"
KINDS: dict[str, Kind] = {"taxonomy": "reference", "work_id": "own", "title": "untrusted", "abstract": "untrusted"}
"""The variables of prompts/label.md and where their values come from."""

MOST_LABELS = 8
"""A paper has one to three types; a reply with more than this many has not read it."""
MOST_CLAIMS = 12
"""An abstract with more efficiency figures than this is none we have seen."""

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


def _few_claims(value: list[ClaimItem]) -> list[ClaimItem]:
    if len(value) > MOST_CLAIMS:
        raise ValueError(f"at most {MOST_CLAIMS} entries")
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


class ClaimItem(_Reply):
    """A figure as the paper writes it: `value` 2.8 and `unit` "B" where the text says 2.8B; `against` "" when it does not say."""

    metric: str
    value: float
    unit: str
    direction: Literal["up", "down", "kept"]
    against: str
    quote: str


class LabelReply(_Reply):
    """What the model is to say about one paper."""

    work_id: str
    relevant: Literal["yes", "no"]
    relevance: Share
    labels: Annotated[list[LabelItem], AfterValidator(_not_too_many)]
    proposed: Annotated[list[ProposedItem], AfterValidator(_not_too_many)]
    claims: Annotated[list[ClaimItem], AfterValidator(_few_claims)]

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.relevant == "yes" and not (self.labels or self.proposed):
            raise ValueError("a relevant paper needs at least one entry in labels or proposed")
        return self


@dataclass(frozen=True)
class Reading:
    """What a reply comes to: labels that hold, surest first; figures; the opinion whether the paper belongs on the
    list (`relevance` 0..1); and `void`, what was not believed."""

    labels: tuple[Label, ...]
    claims: tuple[Claim, ...]
    relevant: bool
    relevance: float
    void: tuple[Void, ...]


@dataclass(frozen=True)
class Read:
    """What the model made of one paper. `reading` is None when the question has no answer (`error` says why);
    `waiting` when it was not asked to the end and is due again. `void` is what was not believed, also of a reply of
    which nothing was."""

    paper: Paper
    reading: Reading | None
    void: tuple[Void, ...]
    answer: Answer[Reading]

    @property
    def labels(self) -> tuple[Label, ...] | None:
        return None if self.reading is None else self.reading.labels

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


def label_messages(prompt: Prompt, taxonomy: str, paper: Paper) -> Messages:
    """Exactly what is sent about one paper; `taxonomy` as `taxonomy_text` writes it."""
    return prompt.render({"taxonomy": taxonomy, "work_id": paper.work_id, "title": paper.title, "abstract": paper.abstract or ""})


class LlmLabeller:
    """The producer `llm`. `read` gives papers as they are answered, `label` is the plain protocol."""

    def __init__(self, model: LanguageModel, prompt: Prompt, taxonomy: Taxonomy) -> None:
        self.model = model
        self.prompt = prompt
        self.taxonomy = taxonomy
        self._schema = Schema(LabelReply, REPLY)
        self._taxonomy_text = taxonomy_text(taxonomy)
        self._void: dict[str, tuple[Void, ...]] = {}

    @property
    def name(self) -> Literal["llm"]:
        return "llm"

    def question(self, paper: Paper) -> Question[Reading]:
        """What is asked about a paper: exactly the messages that are sent, and how the reply is judged."""

        def accept(reply: LabelReply) -> tuple[Reading, str | None]:
            reading, void = reading_from(reply, paper, self.taxonomy)
            self._void[paper.work_id] = void
            if reading is None:
                raise ModelError(f"no label holds: {told(void)}"[:1000], kind="no evidence")
            return reading, f"void: {told(void)}" if void else None

        return Question(
            purpose="label", work_id=paper.work_id, messages=label_messages(self.prompt, self._taxonomy_text, paper), schema=self._schema,
            accept=accept, prompt_hash=self.prompt.hash, taxonomy_version=str(self.taxonomy.version),
            temperature=self.prompt.hints.temperature, most_tokens=self.prompt.hints.max_output_tokens,
        )  # fmt: skip

    def read(self, papers: Iterable[Paper]) -> Iterator[Read]:
        """Ask about each paper, several at once; exactly one `Read` a paper, in the order in which they are answered."""
        by_id = {paper.work_id: paper for paper in papers}
        for answer in ask_in_batches(self.model, [self.question(paper) for paper in by_id.values()], self.model.settings.batch_size):
            paper = by_id[answer.question.work_id]
            yield Read(paper, answer.value, self.take_void(paper.work_id), answer)

    def take_void(self, work_id: str) -> tuple[Void, ...]:
        """What of the last reply about a work was void; given once."""
        return self._void.pop(work_id, ())

    def label(self, papers: Sequence[Paper]) -> list[tuple[Label, ...]]:
        """The labels of each paper, in order. Raises ModelError when one of them could not be read."""
        found: dict[str, tuple[Label, ...]] = {}
        for read in self.read(papers):
            if read.labels is None:
                raise read.error or ModelError(f"{read.paper.work_id}: no answer")
            found[read.paper.work_id] = read.labels
        return [found[paper.work_id] for paper in papers]


def reading_from(reply: LabelReply, paper: Paper, taxonomy: Taxonomy) -> tuple[Reading | None, tuple[Void, ...]]:
    """(what a reply about `paper` comes to, what of it is void); None when it has labels and none of them holds.

    Raises ModelError of kind "foreign work" when it is about another paper.
    """
    labels, void = _labels(reply, paper, taxonomy)
    claims, no_claims = claims_from(reply, paper)
    void += no_claims
    if (reply.labels or reply.proposed) and not labels:
        return None, void
    return Reading(labels, claims, reply.relevant == "yes", reply.relevance, void), void


def _labels(reply: LabelReply, paper: Paper, taxonomy: Taxonomy) -> tuple[tuple[Label, ...], tuple[Void, ...]]:
    if reply.work_id != paper.work_id:
        raise ModelError(f"the reply is about {clean_line(reply.work_id)[:60]!r}, not about {paper.work_id}", kind="foreign work")
    named: list[tuple[VoidKind, str, float, str]] = [("label", item.label, item.confidence, item.quote) for item in reply.labels]
    named += [("proposal", item.name, item.confidence, item.quote) for item in reply.proposed]
    kept: dict[tuple[str, str | None], Label] = {}
    void: list[Void] = []
    for kind, name, confidence, quote in named:
        label, proposed = _named(name, taxonomy)
        if label is None:
            void.append(Void(kind, name, "it is no name for a technique"))
        elif isinstance(evidence := _evidence(quote, paper, taxonomy), str):
            void.append(Void(kind, name, evidence))
        elif (label, proposed) not in kept:
            kept[label, proposed] = Label(label=label, confidence=confidence, producer="llm", evidence=(evidence,), proposed=proposed)
    # "other" goes last: it names what has no label yet
    return tuple(sorted(kept.values(), key=lambda x: (x.label == "other", -(x.confidence or 0.0)))), tuple(void)


def claims_from(reply: LabelReply, paper: Paper) -> tuple[tuple[Claim, ...], tuple[Void, ...]]:
    """(figures that hold, in normalised units, each once; those that do not) for a reply about `paper`."""
    kept: dict[tuple[object, ...], Claim] = {}
    void: list[Void] = []
    for item in reply.claims:
        claim = _claim(item, paper)
        if isinstance(claim, str):
            void.append(Void("claim", f"{item.metric} {item.value:g} {item.unit}: {item.quote}", claim))
        else:
            kept.setdefault((claim.metric, claim.value, claim.unit, claim.direction), claim)
    return tuple(kept.values()), tuple(void)


def _claim(item: ClaimItem, paper: Paper) -> Claim | str:
    """The figure as it is kept, or why it does not hold."""
    if item.metric not in METRICS:
        return "the metric is none of ours"
    if reads_as_order(item.quote):
        return _GIVES_ORDERS
    place = _place(item.quote, paper)
    if place is None:
        return _no_quote(item.quote)
    if not has_number(item.value, place.quote):
        return f"the number {item.value:g} is not in the words {clean_line(place.quote)[:80]!r}"
    value, unit = normalised(item.metric, item.value, item.unit)
    if unit not in UNITS:
        return f"the unit {clean_line(item.unit)[:40]!r} is not known"
    against = _place(item.against, paper)
    return Claim(
        metric=item.metric, value=value, unit=unit, direction=item.direction, against=clean_line(against.quote) if against else None,
        quote=place.quote,
    )  # fmt: skip


def _named(name: str, taxonomy: Taxonomy) -> tuple[str | None, str | None]:
    """(taxonomy id, None), ("other", proposed words), or (None, None) for what is no name."""
    plain = clean_line(name)
    if plain in taxonomy.ids and plain != "other":
        return plain, None
    known = taxonomy.labels_for_type(plain)
    if len(known) == 1:
        return known[0], None
    if not _NAME.fullmatch(plain) or len(plain.split()) > 6 or _RESERVED.search(plain):
        return None, None
    return "other", plain


_GIVES_ORDERS = "the quote gives an order instead of describing the paper"


def _no_quote(quote: str) -> str:
    return f"the quote {clean_line(quote)[:80]!r} is not in the text"


def _evidence(quote: str, paper: Paper, taxonomy: Taxonomy) -> Evidence | str:
    """The quote with its place in the original text, or why it is no evidence."""
    if reads_as_order(quote) or ("/" in quote and any("/" in label and label in quote for label in taxonomy.ids)):
        return _GIVES_ORDERS
    return _place(quote, paper) or _no_quote(quote)


def _place(quote: str, paper: Paper) -> Evidence | None:
    """The quote as it stands in the original text; None when it does not."""
    places: tuple[tuple[Literal["title", "abstract"], str], ...] = (("title", paper.title), ("abstract", paper.abstract or ""))
    for field, text in places:
        if span := find_quote(text, quote):
            return Evidence(field=field, start=span.start, end=span.end, quote=text[span.start : span.end], cue="llm")
    return None
