"""A workspace: the user's folder, its settings, and where everything in it lives.

The user's own `prompts/`, `seeds/` and `queries/` win over the packaged files; migrations and views
are always the packaged ones. Packaged files are found in a wheel (`triage/_packaged/`), in an
editable install and in a plain checkout (beside the `triage` folder).
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from triage.errors import BusyError, SettingsError, UsageError, WorkspaceError
from triage.settings import Settings, load_settings

__all__ = ["SETTINGS_FILE", "Workspace", "packaged", "write_atomically"]

SETTINGS_FILE = "triage.toml"
Reference = Literal["prompts", "seeds", "queries"]

_TOML = """\
# Settings of this triage workspace. Every line is optional; what is commented out shows the default.
# Environment variables override: TRIAGE_SCREENING__THRESHOLD=0.4 sets [screening] threshold.

[workspace]
# person = "Your Name"             # who signs decisions; else git's user.name, else the login name
# warehouse = "triage.duckdb"      # the DuckDB file, relative to this folder or absolute
# wait_seconds = 15                # how long to wait while another process has the database open

[screening]
# threshold = 0.35                 # works scored at least this are proposed (0..1)
# max_proposals = 50               # at most this many new proposals a run, best first
# scope = "curator-words"          # what a venue list holds: "curator-words" (the word filter) or "cues"
# scope_threshold = 0.15           # with scope = "cues": works scored at least this
# learn = true                     # order by what your decisions teach, where that is proven better (needs the extra `learn`)

[labels]
# threshold = 0.5                  # labels below this confidence are kept but not shown
# producers = ["llm", "learned", "nli", "embedding", "lexical"]   # whose labels come first, after a person's

[notes]
# proposals = true                 # write notes for proposals too, not only for selected works
# llm = "proposals"                # with a language model it writes notes of: "proposals" (and selected works), "selected" or "none"
# language = "en"                  # of the model's notes: "ko", "zh", "de", ...; what they quote stays in the paper's own words

[fulltext]
# enabled = false                  # true: fetch the full texts of selected works and proposals from arXiv, for notes and figures
# per_night = 20                   # at most this many papers a run, one request in 15 seconds
# formats = ["html", "pdf"]        # tried in this order; PDFs need: pip install 'triage-papers[fulltext]'

[web]
# contact = ""                     # an address of yours for the sites we ask, such as "mailto:you@example.org"; please give one
# purpose = ""                     # a word more about who asks, such as "reading list of our group"
# connect_seconds = 10             # for a connection
# read_seconds = 30                # without a single byte
# total_seconds = 300              # for one attempt, from connecting to the last byte
# attempts = 4                     # requests for one address while the site is busy, down or slow
# retry_after_seconds = 120        # a site that asks for a longer pause is left alone until the next run
# requests_per_night = 5000        # an example, none by default: at most so many at any one host; else its own, see `triage sources`
# allow_private = false            # true: sources may answer from private networks; an address in base_url always may
# proxy = ""                       # such as "http://proxy.example.org:3128"; proxies of the environment are not used

[gather]
# since = 7                        # days a feed is read back into an empty warehouse

[venues]
# gather = ["cvpr-2026"]           # an example, none by default: gathered by every run until they are complete

[enrich]
# What is missing (abstracts, DOIs, "this preprint is now at CVPR") is asked of Semantic Scholar, OpenAlex and DBLP as soon
# as a contact is given above, or where a catalogue's own table switches it on.
# works = 1000                     # asked about in one night, selected and proposed ones first
# searches = 50                    # of these, one request each at a catalogue that takes no ids (DBLP)
# preprint_weeks = 8               # age of a preprint before it may have been published elsewhere

# A table for each source, all keys optional: base_url (a mirror in its place), pace (seconds between two requests),
# hosts (where requests and redirects may go), requests_per_night, enabled, robots (false for a mirror of your own whose
# robots.txt is not meant for you; it is obeyed everywhere else). Sources: aaai, acl, cvf, virtual, neurips, pmlr, ecva, ijcai,
# openreview, huggingface, arxiv, semanticscholar, openalex, dblp; fulltext for full texts.
[sources.arxiv]
# categories = ["cs.CV", "cs.CL", "cs.LG"]   # whose daily announcements are read
# pace = 3.0                       # arXiv's own rule, over all its addresses together
# enabled = true

[sources.huggingface]
# searches = ["efficient vision-language model"]   # an example, none by default: asked once a day each, papers of any year
# base_url = "https://huggingface.co"
# pace = 1.0
# enabled = true

[embedding]
# Sentence embeddings order and fill what the rules leave open; they need the extra `embeddings` and a model.
# model = ""                       # a name of `triage models list`, or a folder with model.onnx and tokenizer.json
# sha256 = ""                      # what model.onnx of a folder must have
# pooling = "mean"                 # of a folder's model: "mean" or "first" (the first token's vector)
# Models of your own are tables [embedding.models.NAME] with url, files (each with its SHA-256) and pooling: see the README.

[nli]
# Zero-shot labels where rules and embeddings find none, by a model of natural language inference; the same extra.
# model = ""                       # a folder with model.onnx, tokenizer.json and config.json, or a name of [embedding.models.NAME]
# sha256 = ""                      # what model.onnx of a folder must have
# outputs = []                     # without config.json: what its outputs mean, such as ["contradiction", "entailment", "neutral"]
# template = "This paper is about {name}: {definition}"   # what a paper must entail to have a label
# threshold = 0.9                  # from this probability on (0.5..1)

[llm]
# A language model reads only when OPENAI_API_KEY is set or base_url is given. Keys belong in the environment, never here.
# enabled = true                   # false: never, whatever the environment holds
# base_url = ""                    # any OpenAI-compatible server, such as "http://127.0.0.1:8080/v1" (then name the model too)
# model = ""                       # else gpt-4.1-mini
# key_env = ""                     # the variable with the key; with base_url no key is sent unless you name one here
# read = "proposals"               # who is worth a call: "proposals", "all", "top 20", "above 0.5" (works.rank_score) or "disagreement"
# timeout_seconds = 60             # for one whole request
# max_attempts = 3                 # requests for one paper while the server is busy, down or slow
# retry_seconds = 1.0              # pause before the second attempt; doubled each time
# longest_wait_seconds = 60        # a server that asks for a longer pause is left alone until the next run
# concurrency = 8                  # requests at once; fewer while the server says it is too many
# requests_per_minute = 500        # an example, no limit by default
# tokens_per_minute = 200000       # an example, no limit by default; sent and received together
# max_output_tokens = 1200         # for one reply
# batch_size = 1                   # papers in one request; each answer is checked on its own, a bad one is asked for again alone
# nights = 3                       # runs after which a paper the model cannot read is not paid for again
# prices."gpt-4.1-mini" = { input = 0.40, cached = 0.10, output = 1.60 }   # example, none by default: dollars per million tokens
# batch_price = 0.5                # what a call costs in a batch (`triage label --batch`), as a share of its price

[llm.budget]                       # hard caps over all purposes and models; the numbers are examples, by default there is none
# calls_per_run = 200              # what does not fit waits for the next run
# calls_per_month = 2000           # a calendar month in UTC
# tokens_per_run = 500000          # sent and received
# tokens_per_month = 5000000
# usd_per_run = 0.50               # caps in dollars need the price of the model
# usd_per_month = 5.0

[llm.second]                       # a second, stronger model, asked only where the first and the local producers disagree
# model = ""                       # none while empty; where it was asked its labels are in force
# base_url = ""                    # else that of [llm]
# key_env = ""                     # else that of [llm]
# read = "disagreement"
"""

_GITIGNORE = """\
# What triage can make again. decisions.jsonl, lists/ and notes/ are yours: keep them in git.
/triage.duckdb*
/snapshot.duckdb*
/.snapshot.duckdb*
/raw/
/.triage/
"""


_GITATTRIBUTES = """\
# Words said on two machines are all kept: the lines of both sides, in any order.
/decisions.jsonl merge=union
"""


def packaged(kind: str) -> Path:
    """The folder of packaged files of one kind: prompts, seeds, warehouse or flows.

    Raises WorkspaceError when the installation lacks it.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "_packaged" / kind, here.parent / kind):
        if folder.is_dir():
            return folder
    raise WorkspaceError(f"the installation lacks its folder {kind!r}", hint="install the package again")


def _shipped(kind: Reference) -> Path:
    return packaged("warehouse") / "queries" if kind == "queries" else packaged(kind)


@functools.lru_cache(maxsize=1)
def venue_source_names() -> tuple[str, ...]:
    """The sources that the packaged seeds/venues.yaml names for venues, in its order: each is a module of triage.sources.

    The user's own file says which of them serve a venue; it cannot bring a program of its own.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    said = yaml.load((packaged("seeds") / "venues.yaml").read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  the safe loader, in C
    roles = said["source_roles"]
    others = {name for role, names in roles.items() if role != "venue" for name in names}
    used = (name for venue in said["venues"] for edition in venue["editions"] for name in edition["sources"])
    return tuple(dict.fromkeys(name for name in (*roles["venue"], *used) if name not in others))


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write through a temporary file, fsync and replace: a reader sees the old or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    content = content.encode("utf-8") if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise WorkspaceError(
            f"{path}: cannot be written: {error.strerror}", hint="check free space and permissions; nothing was changed"
        ) from error


@dataclass(frozen=True)
class Workspace:
    """A folder with a triage.toml. Paths are absolute; nothing is created by looking."""

    root: Path
    settings: Settings

    @classmethod
    def open(cls, start: Path | None, *, environ: Mapping[str, str]) -> Workspace:
        """The workspace at `start`, or the nearest parent of the current folder that has a triage.toml.

        Raises WorkspaceError when there is none (pointing to `triage init`), SettingsError when the
        settings are wrong.
        """
        root = _find(start)
        path = root / SETTINGS_FILE
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: cannot be read: {error}", hint="it must be a text file in UTF-8") from error
        return cls(root, load_settings(text, name=str(path), environ=environ))

    @classmethod
    def init(cls, folder: Path, *, environ: Mapping[str, str]) -> tuple[Workspace, list[str]]:
        """Make a workspace of `folder` (created when missing); files that exist stay as they are.

        Returns the workspace and the names of the files that were written.
        """
        written = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(f"{folder}: cannot be made: {error.strerror}", hint="choose another folder") from error
        for name, content in (
            (SETTINGS_FILE, _TOML),
            (".gitignore", _GITIGNORE),
            (".gitattributes", _GITATTRIBUTES),
            ("decisions.jsonl", ""),
        ):
            if not (folder / name).exists():
                write_atomically(folder / name, content)
                written.append(name)
        return cls.open(folder, environ=environ), written

    @property
    def warehouse_path(self) -> Path:
        return self.root / self.settings.workspace.warehouse

    @property
    def snapshot_path(self) -> Path:
        return self.warehouse_path.with_name("snapshot.duckdb")

    @property
    def decisions_path(self) -> Path:
        return self.root / "decisions.jsonl"

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    def list_path(self, year: int | None) -> Path:
        return self.root / "lists" / ("undated.md" if year is None else f"{year}.md")

    def venue_list_path(self, venue: str, year: int) -> Path:
        return self.root / "lists" / "venues" / f"{safe_name(venue)}-{year}.md"

    def notes_path(self, year: int | None) -> Path:
        return self.root / "notes" / ("undated.md" if year is None else f"{year}.md")

    def relative(self, path: Path) -> str:
        """The path as shown to the user and kept in the warehouse: relative, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    def has_reference(self, kind: Reference, name: str) -> bool:
        """Whether there is a reference file of that name, the user's own or a packaged one."""
        return (self.root / kind / name).is_file() or (_shipped(kind) / name).is_file()

    def has_own_reference(self, kind: Reference, name: str) -> bool:
        """Whether the user has a reference file of that name."""
        return (self.root / kind / name).is_file()

    def references(self, kind: Reference) -> list[str]:
        """The names of all reference files of one kind, the user's own and the packaged."""
        folders = [folder for folder in (self.root / kind, _shipped(kind)) if folder.is_dir()]
        return sorted({path.name for folder in folders for path in folder.iterdir() if path.is_file()})

    def reference(self, kind: Reference, name: str) -> tuple[str, str]:
        """(text, name to show) of a reference file: the user's own if there is one, else the packaged.

        Raises SettingsError when it cannot be read, UsageError when there is none of that name.
        """
        own = self.root / kind / name
        shipped = _shipped(kind) / name
        path = own if own.is_file() else shipped
        try:
            return path.read_text(encoding="utf-8-sig"), str(path.relative_to(self.root)) if path == own else f"packaged {kind}/{name}"
        except FileNotFoundError:
            raise UsageError(f"no {kind} file {name!r}", hint=f"there are: {', '.join(self.references(kind))}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: cannot be read: {error}", hint="it must be a text file in UTF-8") from error

    @contextlib.contextmanager
    def locked(self, command: str, *, started: str) -> Iterator[None]:
        """Hold the workspace for one writing command; the system lets go when the process dies.

        Raises BusyError at once, naming the holder, when another process has it.
        """
        import filelock

        state = self.root / ".triage"
        try:
            state.mkdir(exist_ok=True)
            lock = filelock.FileLock(state / "lock", timeout=0)
            lock.acquire()
        except filelock.Timeout:
            raise BusyError(f"{self.root} is held by {_holder(state)}", hint="wait until it has finished, or stop that process") from None
        except OSError as error:
            raise WorkspaceError(
                f"{state}: cannot be written: {error.strerror}", hint="check the folder's permissions and free space"
            ) from error
        try:
            write_atomically(state / "holder.json", json.dumps({"pid": os.getpid(), "command": command, "started": started}))
            yield
        finally:
            lock.release()


def safe_name(venue: str) -> str:
    """A venue as a file name: letters, digits and hyphens only, so that no venue leaves its folder."""
    from triage.text import venue_key

    return venue_key(venue)[:80] or "unknown"


def _find(start: Path | None) -> Path:
    if start is not None:
        if (start / SETTINGS_FILE).is_file():
            return start.resolve()
        raise WorkspaceError(f"{start} is no workspace (it has no {SETTINGS_FILE})", hint=f"make one: triage init {start}")
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise WorkspaceError(
        f"no workspace here: neither {here} nor a parent has a {SETTINGS_FILE}",
        hint="make one with `triage init`, or name one with --workspace DIR",
    )


def _holder(state: Path) -> str:
    try:
        holder = json.loads((state / "holder.json").read_text(encoding="utf-8"))
        return f"`{holder['command']}`, process {holder['pid']}, since {holder['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
