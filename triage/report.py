"""How a run went, as markdown: for a Prefect artifact, or for whoever reads the night over breakfast.

Titles, addresses and messages come from outside: in the markdown they are text and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from triage.text import clean_line

if TYPE_CHECKING:
    from triage.runs import Run, StepReport

__all__ = ["markdown_report", "markdown_text"]

_MOST_ROWS = 100
_LONGEST = 400

# What can act inside a table cell in CommonMark 0.31, in GitHub's tables and links, and in usual extensions
# (math, emoji, marked text). "&" comes first: the entities made for "<" and ">" hold one.
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
_ACTING = re.compile(r"[\\`*_{}\[\]#|~!:@$^=+]")
_WWW = re.compile(r"(?<=www)\.", re.IGNORECASE)


def markdown_text(text: str, *, longest: int = _LONGEST) -> str:
    """One line of untrusted text for a markdown table cell, cut after `longest` characters; shown as it was."""
    line = clean_line(text)
    if len(line) > longest:
        line = line[: longest - 1] + "…"
    line = _WWW.sub(r"\\.", _ACTING.sub(r"\\\g<0>", line))
    for character, entity in _ENTITIES:
        line = line.replace(character, entity)
    return line


def markdown_report(run: Run, status: str) -> str:
    """The numbers of each step, what failed and what to do about it, which files changed."""
    failures = [(f.step, f.item, f.kind, f.message, f.hint or "") for f in run.failures]
    parts = [
        [f"# Run {markdown_text(run.id)}: {markdown_text(status)}"],
        ["Every row adds up: in = new + known + refused + failed."],
        _numbers(run.reports),
        _section("Failures", ("step", "item", "kind", "what happened", "what to do"), failures),
        _section("Changed files", ("file",), [(file,) for report in run.reports for file in report.files]),
        _section("To know", ("step", "note"), [(report.step, message) for report in run.reports for message in report.messages]),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _numbers(reports: Sequence[StepReport]) -> list[str]:
    names = ("read", "new", "known", "refused", "failed")
    lines = ["| step | in | new | known | refused | failed | also |", "|---|--:|--:|--:|--:|--:|---|"]
    for report in reports:
        also = ", ".join(f"{count} {name}" for name, count in report.counts.items() if count)
        lines.append(_row([report.step, *(str(getattr(report, name)) for name in names), also]))
    return lines


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return [f"## {title}: none"]
    lines = [f"## {title}: {len(rows)}", "", _row(columns), "|" + "---|" * len(columns), *map(_row, rows[:_MOST_ROWS])]
    if len(rows) > _MOST_ROWS:
        lines += ["", f"{len(rows) - _MOST_ROWS} more are in the warehouse: views `runs` and `failures`."]
    return lines


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(markdown_text(cell) for cell in cells) + " |"
