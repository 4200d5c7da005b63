"""The typed settings of a workspace: triage.toml, overridden by environment variables.

`TRIAGE_SCREENING__THRESHOLD=0.4` overrides `threshold` in `[screening]`. An unknown key or a bad value
is refused with the file, the line and what is allowed.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from triage.errors import SettingsError

__all__ = ["Settings", "load_settings"]

Share = Annotated[float, Field(ge=0, le=1)]
Producer = Literal["learned", "llm", "nli", "embedding", "lexical"]

DEFAULT_MODEL = "gpt-4.1-mini"
"""Asked when a key but no model is configured: cheap, takes a strict schema and a temperature."""


def _http_address(value: str) -> str:
    """`value` without a final slash. Raises ValueError unless it is a plain http(s) address."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment or parts.port == 0:
        raise ValueError("must be an http(s) address such as http://127.0.0.1:8080/v1, without a user name, password or query")
    return value.rstrip("/")


def _http_address_or_none(value: str) -> str:
    return _http_address(value) if value else value


def _header_comment(value: str) -> str:
    """`value`, fit to stand in the comment of a User-Agent header (RFC 9110, 5.6.5)."""
    if not re.fullmatch(r"[ -~]*", value) or re.search(r"[();\\]", value):
        raise ValueError("must be printable ASCII without ( ) ; and backslash: it becomes part of a header")
    return value.strip()


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WorkspaceSettings(_Section):
    """Who speaks here, and where the warehouse lies (relative to the workspace)."""

    person: str = ""
    warehouse: Annotated[str, Field(min_length=1)] = "triage.duckdb"
    wait_seconds: Annotated[float, Field(ge=0, le=600)] = 15


class ScreeningSettings(_Section):
    """What is proposed, in which order, and what a venue list holds."""

    threshold: Share = 0.35
    max_proposals: Annotated[int, Field(ge=0)] = 50
    scope: Literal["curator-words", "cues"] = "curator-words"
    scope_threshold: Share = 0.15
    learn: bool = True


class LabelSettings(_Section):
    """Which labels count, and whose word comes first after a person's.

    The NLI classifier stands before those it speaks after: it speaks only where they gave no label that counts, and
    behind them its word would never be shown.
    """

    threshold: Share = 0.5
    producers: tuple[Producer, ...] = ("llm", "learned", "nli", "embedding", "lexical")


class NoteSettings(_Section):
    """Which works get a note written; which of them a language model writes, where one is configured, and in which
    language (ISO 639-1, perhaps with a region or script: "zh", "zh-TW")."""

    proposals: bool = True
    llm: Literal["proposals", "selected", "none"] = "proposals"
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")] = "en"


class FulltextSettings(_Section):
    """Whether full texts are fetched from arXiv, how many a run, and in which order their forms are tried."""

    enabled: bool = False
    per_night: Annotated[int, Field(ge=1, le=500)] = 20
    formats: Annotated[tuple[Literal["html", "pdf"], ...], Field(min_length=1)] = ("html", "pdf")


class WebSettings(_Section):
    """How the one HTTP door asks: who it says it is, how long it waits, how often it tries.

    Seconds each: `connect_seconds` for a connection, `read_seconds` without a single byte, `total_seconds`
    for one attempt from connecting to the last byte, `retry_after_seconds` the longest pause a server may
    ask for and still be waited for. `requests_per_night` stands in for every host's own budget of requests.
    `proxy` is the only proxy used: the environment's are not read (see triage/web/transport.py).
    """

    contact: Annotated[str, Field(max_length=200), AfterValidator(_header_comment)] = ""
    purpose: Annotated[str, Field(max_length=200), AfterValidator(_header_comment)] = ""
    connect_seconds: Annotated[float, Field(gt=0, le=120)] = 10
    read_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    total_seconds: Annotated[float, Field(gt=0, le=3600)] = 300
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    retry_after_seconds: Annotated[float, Field(ge=0, le=3600)] = 120
    requests_per_night: Annotated[int, Field(ge=1)] | None = None
    allow_private: bool = False
    proxy: Annotated[str, AfterValidator(_http_address_or_none)] = ""


class GatherSettings(_Section):
    """How far back a feed is read into an empty warehouse, in days."""

    since: Annotated[int, Field(ge=1, le=366)] = 7


class EnrichSettings(_Section):
    """What the catalogues are asked about the papers we have, and how much of it in one night.

    `works` are asked about at most in a night, of which `searches` one by one (a catalogue that takes no ids);
    `preprint_weeks` is how old a preprint is before it may have been published elsewhere.
    """

    works: Annotated[int, Field(ge=0)] = 1000
    searches: Annotated[int, Field(ge=0)] = 50
    preprint_weeks: Annotated[int, Field(ge=1)] = 8


class VenuesSettings(_Section):
    """Venues and years that a night gathers until they are complete, such as "cvpr-2023"."""

    gather: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]+-\d{4}$")], ...] = ()


class SourceSettings(_Section):
    """What stands in for one source's own choice; None leaves it as it is.

    `base_url` is another address for the same pages (a mirror, a test), which may then be on this machine;
    `pace` seconds between the starts of two requests; `hosts` where requests and redirects may go
    ("host", or "host:port" for that port only); `requests_per_night` the most that one night asks; `robots`
    false for a mirror whose robots.txt is not meant for its owner.
    """

    base_url: Annotated[str, AfterValidator(_http_address)] | None = None
    pace: Annotated[float, Field(ge=0, le=3600)] | None = None
    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+(:\d{1,5})?$")], ...] | None = None
    enabled: bool | None = None
    requests_per_night: Annotated[int, Field(ge=1)] | None = None
    robots: bool = True


class ArxivSettings(SourceSettings):
    """arXiv besides: whose daily announcements are read."""

    categories: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z-]+(\.[A-Za-z-]+)?$")], ...], Field(min_length=1)] = (
        "cs.CV",
        "cs.CL",
        "cs.LG",
    )


class HuggingFaceSettings(SourceSettings):
    """Hugging Face besides: searches of its papers that every night asks, each once a day (at most 250 characters)."""

    searches: tuple[Annotated[str, Field(pattern=r"\S", max_length=250)], ...] = ()


class SourcesSettings(_Section):
    """One table a source; a source that only seeds/venues.yaml names has one too (`load_settings` refuses other names)."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, SourceSettings] = Field(init=False)

    aaai: SourceSettings = SourceSettings()
    acl: SourceSettings = SourceSettings()
    cvf: SourceSettings = SourceSettings()
    virtual: SourceSettings = SourceSettings()
    neurips: SourceSettings = SourceSettings()
    pmlr: SourceSettings = SourceSettings()
    ecva: SourceSettings = SourceSettings()
    ijcai: SourceSettings = SourceSettings()
    openreview: SourceSettings = SourceSettings()
    huggingface: HuggingFaceSettings = HuggingFaceSettings()
    arxiv: ArxivSettings = ArxivSettings()
    semanticscholar: SourceSettings = SourceSettings()
    openalex: SourceSettings = SourceSettings()
    dblp: SourceSettings = SourceSettings()
    fulltext: SourceSettings = SourceSettings()

    def named(self, name: str) -> SourceSettings:
        """The table of source `name`; an empty one for a source that has none."""
        table = getattr(self, name, None)
        return table if isinstance(table, SourceSettings) else SourceSettings()


class LlmPrice(_Section):
    """What a model costs, in US dollars per million tokens; `cached` is the price of tokens read from the server's cache."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]
    cached: Annotated[float, Field(ge=0)] | None = None


class LlmBudget(_Section):
    """Hard caps over all purposes and models together; None is no cap. What does not fit waits for a later run.

    A month is one of the calendar in UTC. Tokens are those sent and those received.
    """

    calls_per_run: Annotated[int, Field(ge=0)] | None = None
    calls_per_month: Annotated[int, Field(ge=0)] | None = None
    tokens_per_run: Annotated[int, Field(ge=0)] | None = None
    tokens_per_month: Annotated[int, Field(ge=0)] | None = None
    usd_per_run: Annotated[float, Field(ge=0)] | None = None
    usd_per_month: Annotated[float, Field(ge=0)] | None = None

    @property
    def in_dollars(self) -> bool:
        return self.usd_per_run is not None or self.usd_per_month is not None


class LlmSecond(_Section):
    """A second, stronger model for what the first and the local producers disagree on; none while `model` is "".

    Empty `base_url` and `key_env` are those of `[llm]`.
    """

    model: str = ""
    base_url: Annotated[str, AfterValidator(_http_address_or_none)] = ""
    key_env: str = ""
    read: Literal["disagreement"] = "disagreement"


class LlmSettings(_Section):
    """The language model, used only when a key (environment) or `base_url` is configured.

    No key stands here: `key_env` names the environment variable that holds it. `read` says which works
    are worth a call: "proposals" (and selected works without a Type of yours), "all" (also those with one),
    "top N" (of them the first N in the order of the queue), "above X" (works.rank_score at least X), "disagreement" (what
    the local producers disagree on or are not sure of: triage/labelling/choosing.py).
    """

    enabled: bool = True
    base_url: Annotated[str, AfterValidator(_http_address_or_none)] = ""
    model: str = ""
    key_env: str = ""
    read: Annotated[str, Field(pattern=r"^(proposals|all|disagreement|top [1-9]\d{0,5}|above (0(\.\d+)?|1(\.0+)?))$")] = "proposals"
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    retry_seconds: Annotated[float, Field(ge=0, le=60)] = 1
    longest_wait_seconds: Annotated[float, Field(ge=0, le=600)] = 60
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=16, le=100_000)] = 1200
    batch_size: Annotated[int, Field(ge=1, le=20)] = 1
    nights: Annotated[int, Field(ge=1)] = 3
    budget: LlmBudget = LlmBudget()
    prices: dict[str, LlmPrice] = Field(default_factory=dict)
    batch_price: Share = 0.5
    second: LlmSecond = LlmSecond()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.base_url and not self.model:
            raise ValueError("base_url needs model beside it: the name under which that server knows its model")
        if self.second.base_url and not self.second.model:
            raise ValueError("second.base_url needs second.model beside it: the name under which that server knows its model")
        if self.second.model == self.named_model:
            raise ValueError(f"second.model must be another model than the first, which is {self.named_model}")
        for model in (self.named_model, self.second.model):
            if self.budget.in_dollars and model and model not in self.prices:
                raise ValueError(f'a budget in dollars needs the price: [llm.prices."{model}"] with input and output')
        return self

    @property
    def named_model(self) -> str:
        return self.model or DEFAULT_MODEL


def _model_files(value: dict[str, str]) -> dict[str, str]:
    names = [path.rpartition("/")[2] for path in value]
    if sorted(names) not in (["model.onnx", "tokenizer.json"], ["config.json", "model.onnx", "tokenizer.json"]):
        raise ValueError("must name one model.onnx and one tokenizer.json, and for an NLI model one config.json")
    return value


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# each part begins with a letter or digit: no "..", nothing absolute, nothing hidden
ModelPath = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*$", max_length=200)]
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$", max_length=100)]
Pooling = Literal["mean", "first"]


class EmbeddingModel(_Section):
    """A model that can be pulled: `files` below `url` with their SHA-256; `pooling` makes one vector of a text's tokens."""

    url: Annotated[str, AfterValidator(_http_address)]
    files: Annotated[dict[ModelPath, Sha256], AfterValidator(_model_files)]
    pooling: Pooling = "mean"


class EmbeddingSettings(_Section):
    """The sentence-embedding model, used only when one is named: a name of `triage models list`, or a folder.

    `sha256` pins model.onnx (for a folder; a named model is pinned by its entry); `pooling` is for a folder.
    """

    model: str = ""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    pooling: Pooling = "mean"
    models: dict[ModelName, EmbeddingModel] = Field(default_factory=dict)


def _statement(value: str) -> str:
    used = set(re.findall(r"\{(\w*)\}", value))
    if not used or used - {"name", "definition"}:
        raise ValueError("must hold {name} or {definition} of a label, and no other field")
    return value


Output = Literal["contradiction", "entailment", "neutral", "not_entailment"]


def _outputs(value: tuple[str, ...]) -> tuple[str, ...]:
    if value and sorted(value) not in (["contradiction", "entailment", "neutral"], ["entailment", "not_entailment"]):
        raise ValueError("must be contradiction, entailment and neutral, or entailment and not_entailment, each once")
    return value


class NliSettings(_Section):
    """The zero-shot classifier, used only when a model is named: a name of `triage models list`, or a folder.

    A model of natural language inference says whether a text entails a statement; `template` makes the statement of a
    label from its name and definition, and from `threshold` on the label is believed. `sha256` pins model.onnx of a
    folder; `outputs` are what the model's outputs mean, in their order, where it has no config.json that says so.
    """

    model: str = ""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    outputs: Annotated[tuple[Output, ...], AfterValidator(_outputs)] = ()
    template: Annotated[str, Field(max_length=500), AfterValidator(_statement)] = "This paper is about {name}: {definition}"
    threshold: Annotated[float, Field(ge=0.5, lt=1)] = 0.9


class Settings(_Section):
    """All settings; every key has a default, so an empty file is a valid one."""

    workspace: WorkspaceSettings = WorkspaceSettings()
    screening: ScreeningSettings = ScreeningSettings()
    labels: LabelSettings = LabelSettings()
    notes: NoteSettings = NoteSettings()
    fulltext: FulltextSettings = FulltextSettings()
    web: WebSettings = WebSettings()
    gather: GatherSettings = GatherSettings()
    venues: VenuesSettings = VenuesSettings()
    enrich: EnrichSettings = EnrichSettings()
    sources: SourcesSettings = SourcesSettings()
    llm: LlmSettings = LlmSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    nli: NliSettings = NliSettings()


def load_settings(text: str, *, name: str, environ: Mapping[str, str]) -> Settings:
    """Read TOML `text` (of file `name`) with overrides from `environ`.

    Raises SettingsError: "NAME:LINE: section.key: what is wrong; what is allowed".
    """
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{name}: not valid TOML: {error}", hint="correct that line; `triage init` writes a commented example"
        ) from error
    overridden = _override(values, environ)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _refusal([dict(problem) for problem in error.errors()], text, name, overridden) from error
    if unknown := set(settings.sources.model_extra or ()) - set(_named_sources()):
        raise _refusal([{"type": "extra_forbidden", "loc": ("sources", one)} for one in sorted(unknown)], text, name, overridden)
    return settings


def _named_sources() -> tuple[str, ...]:
    from triage.workspace import venue_source_names  # it imports this module

    return venue_source_names()


def _refusal(problems: list[dict[str, Any]], text: str, name: str, overridden: Mapping[tuple[str, ...], str]) -> SettingsError:
    said = "\n".join(_explain(problem, text, name, overridden) for problem in problems)
    return SettingsError(said, hint="see the comments in a fresh triage.toml (`triage init` in an empty folder)")


def _override(values: dict[str, Any], environ: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Put TRIAGE_SECTION__KEY variables into `values`; return which paths came from which variable."""
    overridden: dict[tuple[str, ...], str] = {}
    for variable in sorted(environ):
        if not variable.startswith("TRIAGE_") or "__" not in variable:
            continue
        path = tuple(variable.removeprefix("TRIAGE_").lower().split("__"))
        place = values
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise SettingsError(f"environment variable {variable}: {part} is not a section", hint="unset it or correct its name")
        place[path[-1]] = _toml_value(environ[variable])
        overridden[path] = variable
    return overridden


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(problem: dict[str, Any], text: str, name: str, overridden: Mapping[tuple[str, ...], str]) -> str:
    path = tuple(str(part) for part in problem["loc"])
    where = _where(path, text, name, overridden)
    dotted = ".".join(path)
    if problem["type"] == "extra_forbidden":
        allowed = _keys_at(path[:-1])
        near = difflib.get_close_matches(path[-1], allowed, n=1)
        guess = f", did you mean {near[0]!r}?" if near else ""
        return f"{where}: {dotted}: unknown key{guess} (allowed: {', '.join(allowed)})"
    return f"{where}: {dotted}: {problem['msg']}; got {problem['input']!r}"


def _where(path: tuple[str, ...], text: str, name: str, overridden: Mapping[tuple[str, ...], str]) -> str:
    for length in range(len(path), 0, -1):
        if variable := overridden.get(path[:length]):
            return f"environment variable {variable}"
    return f"{name}:{_line_of(path, text)}"


def _keys_at(path: tuple[str, ...]) -> list[str]:
    model: Any = Settings
    for part in path:
        if get_origin(model) is dict:
            model = get_args(model)[1]
            continue
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        model = field.annotation if field else None
    return sorted(model.model_fields) if hasattr(model, "model_fields") else []


def _line_of(path: tuple[str, ...], text: str) -> int:
    """The 1-based line where `path` is set; tomllib gives none, so headers and keys are followed by eye."""
    section: tuple[str, ...] = ()
    best = (0, 1)
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            section = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            here = section
        elif key := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            here = section + tuple(part.strip("\"'") for part in key[1].split("."))
        else:
            continue
        if here == path[: len(here)] and len(here) > best[0]:
            best = (len(here), number)
    return best[1]
