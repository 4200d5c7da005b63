"""The queue: what it shows and keeps, with a real terminal (a pseudo-terminal) and without one."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desk import Desk, import_all
from triage.queries import open_snapshot
from triage.review import QueueFilter, marked, sheet, waiting

PATIENCE = 60.0


def prepare(desk: Desk) -> None:
    import_all(desk)
    heading = "# ICCV 2023 Papers\n\n> selected_iccv2023_papers.csv\n\n"
    texts = [
        ("Token Pruning for Fast Vision-Language Models", "We prune visual tokens of a vision-language model and run 2x faster."),
        (
            "\x1b[31mDistilling\x1b[0m [bold]Small[/bold] Vision-Language Models",
            "We distill a large vision-language model into a small student for efficient inference, 2x faster with 50% of the parameters.",
        ),
        ("Quantizing Vision-Language Models to Four Bits", "We quantize a vision-language model to four bits, which halves its memory."),
    ]
    blocks = "".join(
        f"## {n}. {title}\n\n- [ ] {title} | https://example.org/q{n}\n\n- **Link**: https://example.org/q{n}\n\n- **Year**: 2023\n\n"
        f"<details>\n<summary><strong>Abstract</strong></summary>\n\n{abstract}\n\n</details>\n\n---\n\n"
        for n, (title, abstract) in enumerate(texts, 1)
    )
    assert desk("import", desk.file("q.md", heading + blocks)) == 0
    assert desk("run") == 0


def words(desk: Desk) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (desk.folder / "decisions.jsonl").read_text().split("\n") if line]


class Terminal:
    """`triage queue` behind a pseudo-terminal: keys go in, what is drawn comes out."""

    def __init__(self, desk: Desk, *arguments: str) -> None:
        primary, secondary = pty.openpty()
        self.primary = primary
        command = [sys.executable, "-c", "from triage.cli import main; main()", "queue", "--workspace", str(desk.folder), *arguments]
        self.process = subprocess.Popen(
            command, stdin=secondary, stdout=secondary, stderr=secondary, start_new_session=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
        )  # fmt: skip
        os.close(secondary)
        self.drawn = ""

    def until(self, text: str) -> str:
        """Read until `text` is drawn; everything since the last time."""
        start = len(self.drawn)
        end = time.monotonic() + PATIENCE
        while text not in self.drawn[start:]:
            ready, _, _ = select.select([self.primary], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} never came: {self.drawn[-2000:]!r}"
            try:
                self.drawn += os.read(self.primary, 65536).decode("utf-8", "replace")
            except OSError:
                break
        assert text in self.drawn[start:], self.drawn[-2000:]
        return self.drawn[start:]

    def press(self, keys: str) -> None:
        os.write(self.primary, keys.encode())

    def end(self) -> int:
        status = self.process.wait(timeout=PATIENCE)
        os.close(self.primary)
        return status


def test_keys_say_words_that_are_kept_at_once(desk: Desk) -> None:
    order = [row[0] for row in desk.rows("SELECT work_id FROM review_queue ORDER BY rank_score DESC, screening_score DESC, work_id")]
    before = len(words(desk))
    terminal = Terminal(desk)
    first = terminal.until("q quit")
    assert "1 of" in first
    assert "score 0." in first
    assert "by lexical" in first
    terminal.press("?")
    terminal.until("it belongs on the list")
    terminal.press("t")
    terminal.until("type (Enter to leave it)")
    terminal.press("My Type\r")
    terminal.until("q quit")
    terminal.press("y")
    terminal.until("q quit")
    assert [(w["what"], w.get("value")) for w in words(desk)[before:]] == [("type", "My Type"), ("selected", None)]
    terminal.press("n")
    terminal.until("why not")
    terminal.press("too narrow\r")
    terminal.until("2 of" if len(order) < 3 else "q quit")
    assert words(desk)[-1] | {"what": "rejected", "reason": "too narrow"} == words(desk)[-1]
    terminal.press("u")
    terminal.until("q quit")
    assert words(desk)[-1]["what"] == "undo"
    terminal.press("q")
    terminal.until("likely papers are left unread")
    assert terminal.end() == 0
    said = dict(desk.rows("SELECT work_id, decision FROM works WHERE decision IS NOT NULL"))
    assert said[order[0]] == "selected"
    assert order[1] not in said
    assert desk.rows(f"SELECT type FROM works WHERE work_id = '{order[0]}'") == [("My Type",)]
    assert "- **Type**: My Type" in (desk.folder / "lists" / "2023.md").read_text()


@pytest.mark.parametrize("how", ["interrupt", "end of input", "hung up"])
def test_whatever_ends_a_sitting_words_are_kept(desk: Desk, how: str) -> None:
    before = len(words(desk))
    terminal = Terminal(desk)
    terminal.until("q quit")
    terminal.press("y")
    terminal.until("q quit")
    if how == "interrupt":
        terminal.press("\x03")
        assert terminal.end() == 0
    elif how == "end of input":
        terminal.press("\x04")
        assert terminal.end() == 0
    else:
        terminal.process.send_signal(signal.SIGKILL)
        terminal.end()
        assert desk("list") == 0
    assert [w["what"] for w in words(desk)[before:]] == ["selected"]
    assert desk.rows("SELECT count(*) FROM works WHERE decision = 'selected' AND title LIKE '%Models%'")[0][0] >= 1


def test_a_hostile_title_draws_nothing_of_its_own(desk: Desk) -> None:
    terminal = Terminal(desk)
    for _ in range(len(desk.rows("SELECT 1 FROM review_queue"))):
        terminal.until("q quit")
        terminal.press("s")
    terminal.until("likely papers are left unread")
    terminal.end()
    assert "[bold]Small[/bold]" in re.sub(r"\x1b\[[0-9;]*m", "", terminal.drawn)
    assert "\x1b[31mDistilling" not in terminal.drawn


def test_without_a_terminal_the_queue_is_a_table(desk: Desk) -> None:
    shown = desk.printed("queue")
    assert "Token Pruning for Fast Vision-Language Models" in shown
    assert "likely papers are left unread" in shown
    told = desk.json("queue", "--label", "compression", "--year", "2023", "--venue", "iccv")
    assert {row["title"] for row in told["waiting"]} >= {"Quantizing Vision-Language Models to Four Bits"}
    assert all(any(label.startswith("compression/") for label in row["labels"]) for row in told["waiting"])
    assert told["progress"]["unread"] > 0
    assert desk.json("queue", "--year", "1999")["waiting"] == []


def test_a_sheet_has_everything_and_quotes_stand_in_the_text(desk: Desk) -> None:
    con = open_snapshot(desk.folder / "snapshot.duckdb")
    try:
        found = [row["work_id"] for row in waiting(con, QueueFilter()) if row["title"].startswith("Token Pruning for Fast")]
        shown = sheet(con, found[0])
    finally:
        con.close()
    assert "".join(part.text for part in shown.abstract) == "We prune visual tokens of a vision-language model and run 2x faster."
    assert any(part.evidence for part in shown.abstract)
    assert [(claim.metric, claim.value) for claim in shown.claims] == [("speedup", 2.0)]
    assert any(label.label == "token-reduction/pruning" and label.shown for label in shown.labels)


@given(st.text("ab c", max_size=30), st.lists(st.text("ab c", max_size=5), max_size=4))
def test_marking_keeps_the_text(text: str, quotes: list[str]) -> None:
    parts = marked(text, quotes)
    assert "".join(part.text for part in parts) == text
    for quote in quotes:
        assert quote not in text or not quote or any(part.evidence and part.text for part in parts)
