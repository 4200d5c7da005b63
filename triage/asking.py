"""Exactly what would be sent to a language model about one work, without sending it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triage.errors import SettingsError, UsageError
from triage.labelling import Paper
from triage.labelling.llm import KINDS as LABEL_KINDS
from triage.labelling.llm import REPLY as LABEL_REPLY
from triage.labelling.llm import LabelReply, label_messages, label_prompt, taxonomy_text
from triage.llm_wire import Dialect, Schema, request_body
from triage.notes.llm import KINDS as NOTE_KINDS
from triage.notes.llm import REPLY as NOTE_REPLY
from triage.notes.llm import NotePaper, NoteReply, note_messages, note_prompt
from triage.notes.reading import full_text_parts
from triage.prompts import Kind, Messages, Prompt, parse_prompt, variant_of
from triage.seeds import workspace_taxonomy

if TYPE_CHECKING:
    import duckdb

    from triage.workspace import Workspace

__all__ = ["Listed", "known_prompts", "messages_about", "prompt_named", "request_about"]

_TASKS: dict[str, tuple[dict[str, Kind], str]] = {"label": (LABEL_KINDS, LABEL_REPLY), "note": (NOTE_KINDS, NOTE_REPLY)}


@dataclass(frozen=True)
class Listed:
    """A prompt file: `file` says whose it is, `used` whether this workspace's settings use it, `fault` what is wrong with it."""

    task: str
    file: str
    used: bool
    prompt: Prompt | None
    fault: str | None = None


def known_prompts(workspace: Workspace) -> list[Listed]:
    """Every prompt file, the user's own before the packaged of that name."""
    used = {"label": "label.md", "note": f"{variant_of(workspace, 'note', workspace.settings.notes.language)}.md"}
    found = []
    for name in workspace.references("prompts"):
        task = name.partition(".")[0]
        if not name.endswith(".md") or task not in _TASKS:
            continue
        text, shown = workspace.reference("prompts", name)
        kinds, reply = _TASKS[task]
        try:
            found.append(Listed(task, shown, used[task] == name, parse_prompt(text, shown=shown, kinds=kinds, reply=reply)))
        except SettingsError as error:
            found.append(Listed(task, shown, used[task] == name, None, error.message))
    return found


def prompt_named(workspace: Workspace, task: str) -> Prompt:
    """The prompt that the settings use for a task ("label", "note"). Raises UsageError for another one."""
    if task not in _TASKS:
        raise UsageError(f"no prompt {task!r}", hint=f"there are: {', '.join(_TASKS)}")
    return label_prompt(workspace) if task == "label" else note_prompt(workspace)


def messages_about(workspace: Workspace, con: duckdb.DuckDBPyConnection, task: str, work_id: str) -> Messages:
    """The messages about one work, as the next call would hold them; `con` reads the snapshot."""
    prompt = prompt_named(workspace, task)
    [(title, abstract)] = con.execute("SELECT title, abstract FROM main.works WHERE work_id = ?", [work_id]).fetchall()
    if task == "label":
        return label_messages(prompt, taxonomy_text(workspace_taxonomy(workspace)), Paper(work_id, title, abstract))
    parts = full_text_parts(con, [work_id]).get(work_id, "")
    return note_messages(prompt, workspace.settings.notes.language, NotePaper(work_id, title, abstract or "", parts))


def request_about(workspace: Workspace, con: duckdb.DuckDBPyConnection, task: str, work_id: str) -> dict[str, Any]:
    """The body of the request, in the form the configured server is known to take, else in the strictest."""
    settings, messages = workspace.settings.llm, messages_about(workspace, con, task, work_id)
    schema = Schema(LabelReply, LABEL_REPLY) if task == "label" else Schema(NoteReply, NOTE_REPLY)
    learned = con.execute(
        "SELECT reply_format, limit_key, temperature FROM store.llm_dialect WHERE model = ? AND (endpoint = ? OR ? = '') ORDER BY learned_at DESC LIMIT 1",
        [settings.named_model, settings.base_url, settings.base_url],
    ).fetchall()
    dialect = Dialect(reply_format=learned[0][0], limit_key=learned[0][1], temperature=learned[0][2]) if learned else Dialect()
    hints = prompt_named(workspace, task).hints
    sent = [{"role": "system", "content": messages.system}, {"role": "user", "content": messages.user}]
    most = hints.max_output_tokens or settings.max_output_tokens
    return request_body(dialect, settings.named_model, sent, schema, most_tokens=most, temperature=hints.temperature)
