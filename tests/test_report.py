"""A run's report as markdown: it adds up, and nothing from outside can act in it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.workspaces import in_run, make_workspace
from triage.report import markdown_report, markdown_text
from triage.runs import Run, StepReport
from triage.text import clean_line

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ACTING = "\\`*_{}[]()#+-.!|<>~:@$&^=/ \n\"'aw;0x1"


@given(st.one_of(st.text(max_size=60), st.text(alphabet=ACTING, max_size=60)))
@example("<script>alert(1)</script>")
@example("![x](http://example.org/pixel) [y](javascript:alert(1)) `z` **b** ~~s~~")
@example("a \\| b | c\n| d |")
@example("&lt;b&gt; &amp; &#60;")
@example("trailing backslash \\")
def test_any_text_is_shown_as_it_was_and_stays_in_its_cell(text: str) -> None:
    rendered = MARKDOWN.parse(f"| a | b |\n|---|---|\n| {markdown_text(text)} | z |\n")
    cells = [token.children or [] for token in rendered if token.type == "inline"]
    assert len(cells) == 4
    assert {token.type for token in cells[2]} <= {"text"}
    assert "".join(token.content for token in cells[2]) == clean_line(text)


def test_long_text_is_cut() -> None:
    assert markdown_text("ab " * 1000, longest=5) == "ab a…"


def test_the_report_tells_numbers_failures_files_and_messages(tmp_path: Path) -> None:
    def night(run: Run) -> str:
        run.add(StepReport(step="gather feed", read=7, new=3, known=2, refused=1, failed=1, counts={"changed": 2, "days": 0}))
        run.add(StepReport(step="lists", read=1, new=1, files=("lists/2023.md",), messages=("one | two",)))
        run.fail("gather feed", "2026-11-20", "bad status", "https://example.org/<x>: 503", "try later")
        return markdown_report(run, "partial")

    text = in_run(make_workspace(tmp_path), night)
    for line in (
        "| gather feed | 7 | 3 | 2 | 1 | 1 | 2 changed |",
        "## Failures: 1",
        r"| gather feed | 2026-11-20 | bad status | https\://example.org/&lt;x&gt;\: 503 | try later |",
        "## Changed files: 1",
        "| lists/2023.md |",
        r"| lists | one \| two |",
    ):
        assert line in text.split("\n")


def test_a_thousand_failures_do_not_drown_the_report(tmp_path: Path) -> None:
    def night(run: Run) -> str:
        for number in range(1000):
            run.fail("label", f"w{number}", "model", "no answer")
        return markdown_report(run, "partial")

    text = in_run(make_workspace(tmp_path), night)
    assert "## Failures: 1000" in text
    assert "900 more are in the warehouse" in text
    assert text.count("no answer") == 100
