"""Lists that grow: what enters, what stays, what goes, and that nothing from outside breaks them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.desk import Desk, import_all
from tests.documents import VENUE, YEARLY
from tests.workspaces import ask
from triage.decisions import append_decisions
from triage.formats.checklist import BlockFields, parse, render
from triage.models import Decision
from triage.workspace import Workspace

MERGE = "Merge and Go: Visual Token Merging for Fast Vision-Language Models"
FAST = "We prune visual tokens of vision-language models and run 2x faster with half the FLOPs."


def say(desk: Desk, what: str, title: str, *, key: str, hour: int = 12) -> None:
    moment = f"2026-11-24T{hour:02}:00:00Z"
    decision = {"id": key, "when": moment, "who": "Ann", "where": "test", "what": what, "work": {"title": title, "year": 2023}}
    append_decisions(Workspace.open(desk.folder, environ={}), [Decision.model_validate(decision)])


def listed(desk: Desk, name: str = "lists/2023.md") -> list[tuple[str, bool, bool]]:
    """(title, ticked, has a reason) of every block."""
    text = (desk.folder / name).read_text(encoding="utf-8")
    blocks = parse(text).blocks
    assert [block.number for block in blocks] == list(range(1, len(blocks) + 1))
    return [(block.title, block.ticked, block.why is not None) for block in blocks]


def test_a_proposal_has_one_reason_with_score_labels_evidence_and_producer(desk: Desk) -> None:
    import_all(desk)
    desk.json("run")
    why = re.search(r"^> why: (.*)$", (desk.folder / "lists/2023.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert why
    score, labels, quote, producer = why[1].split(" · ")
    assert 0 < float(score) <= 1
    assert "token-reduction/merging" in labels
    assert quote.startswith('"')
    assert quote.strip('"').lower() in VENUE.lower()
    assert producer == "lexical"


def test_lists_are_left_alone_only_while_nothing_changes_that_they_are_made_from(desk: Desk) -> None:
    import_all(desk)
    path, venue = desk.folder / "lists/2023.md", desk.folder / "lists/venues/iccv-2023.md"
    workspace = Workspace.open(desk.folder, environ={})
    for _ in range(2):
        assert desk("run") == 0
    text, blocks = path.read_text(encoding="utf-8"), venue.read_text(encoding="utf-8").count("\n## ")
    made = ask(workspace, "SELECT path, sha256 FROM store.list_input ORDER BY path")
    there = sorted((desk.folder / "lists").rglob("*.md"))
    assert made == [(p.relative_to(desk.folder).as_posix(), hashlib.sha256(p.read_bytes()).hexdigest()) for p in there]
    path.unlink()
    assert desk("run") == 0
    assert path.read_text(encoding="utf-8") == text
    say(desk, "rejected", MERGE, key="d1")
    assert desk("run") == 0
    assert MERGE not in path.read_text(encoding="utf-8")
    with (desk.folder / "triage.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[screening]\nscope = "cues"\nscope_threshold = 1.0\n')
    assert desk("run") == 0
    assert venue.read_text(encoding="utf-8").count("\n## ") < blocks


def test_a_selected_proposal_is_ticked_and_loses_its_reason(desk: Desk) -> None:
    import_all(desk)
    desk.json("run")
    assert (MERGE, False, True) in listed(desk)
    say(desk, "selected", MERGE, key="d1")
    desk.json("run")
    assert (MERGE, True, False) in listed(desk)
    assert "- [x] Merge and Go" in (desk.folder / "lists/venues/iccv-2023.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("what", ["rejected", "later"])
def test_a_rejected_proposal_goes_and_does_not_come_back(what: str, desk: Desk) -> None:
    import_all(desk)
    desk.json("run")
    say(desk, what, MERGE, key="d1")
    for _ in range(2):
        desk.json("run")
        assert MERGE not in [title for title, _, _ in listed(desk)]
    drifted = VENUE.replace("Merge and Go: Visual Token Merging", "Merge and Go: Visual-token merging").replace("# ICCV", "# ICCV")
    assert desk("import", desk.file("again.md", drifted)) == 0
    desk.json("run")
    assert MERGE not in [title for title, _, _ in listed(desk)]
    assert desk.rows("SELECT count(*) FROM review_queue WHERE title ILIKE 'merge and go%'") == [(0,)]


def test_a_proposal_that_falls_below_the_threshold_goes_and_a_persons_block_stays(desk: Desk) -> None:
    import_all(desk)
    desk.json("run")
    assert (MERGE, False, True) in listed(desk)
    (desk.folder / "triage.toml").write_text(
        "[screening]\nthreshold = 1.0\n[sources.huggingface]\nenabled = false\n[sources.arxiv]\nenabled = false\n"
    )
    desk.json("run")
    assert [title for title, _, _ in listed(desk)] == [
        "Prune Early: Token Pruning for Vision-Language Models",
        "A Small Teacher: Distilling Image-Text Encoders",
        "Seen but Not Chosen: Adapters for Video-Language Models",
    ]


def test_at_most_n_proposals_a_run_the_best_first_and_the_rest_the_next_time(desk: Desk) -> None:
    blocks = [
        BlockFields(title=f"Pruning Visual Tokens, Part {n}", url=f"https://example.org/{n}", venue="ACL", year=2023, abstract=FAST)
        for n in range(5)
    ]
    (desk.folder / "triage.toml").write_text(
        "[screening]\nmax_proposals = 2\n[sources.huggingface]\nenabled = false\n[sources.arxiv]\nenabled = false\n"
    )
    desk("import", desk.file("v.md", render("venue", venue="ACL", year=2023, blocks=blocks)))
    for proposed in (2, 4, 5, 5):
        desk.json("run")
        assert len(listed(desk)) == proposed
        assert desk.rows("SELECT count(*) FROM review_queue") == [(proposed,)]


def test_no_year_no_link_no_venue(desk: Desk) -> None:
    text = "# 2023 Papers\n\n## 1. Bare Title: Token Pruning for Vision-Language Models\n\n- [x] Bare Title: Token Pruning for Vision-Language Models\n\n---\n"
    older = text.replace("# 2023 Papers", "# Papers\n\n> selected_papers.txt").replace("Bare", "Older")
    assert desk("import", desk.file("a.md", text), desk.file("b.md", older)) == 0
    desk.json("run")
    assert desk.printed("list", "2023", "--stdout") == text
    undated = (desk.folder / "lists/undated.md").read_text(encoding="utf-8")
    assert undated.startswith("# Undated Papers\n")
    assert "- [x] Older Title: Token Pruning for Vision-Language Models\n" in undated
    assert "**Link**" not in undated
    assert "**Year**" not in undated


def test_a_venue_list_holds_what_is_in_scope(desk: Desk) -> None:
    blocks = [
        BlockFields(
            title="Vision-Language Things", url="https://example.org/1", venue="ICCV", year=2023, abstract="About vision-language models."
        )
    ]
    blocks.append(BlockFields(title="Painting Old Maps", url="https://example.org/2", venue="ICCV", year=2023, abstract="About maps."))
    desk("import", desk.file("y.md", render("yearly", year=2023, blocks=blocks)))
    desk.json("run")
    assert listed(desk, "lists/venues/iccv-2023.md") == [("Vision-Language Things", False, False)]


EVIL = [
    "</details><script>alert(1)</script> token pruning for vision-language models",
    "- [x] ticked by the text: token pruning for vision-language models",
    "## 9. token pruning | https://evil.example/ for vision-language models",
    "> why: 1.00 token pruning for vision-language models",
    "--- token pruning for vision-language models",
    "<!-- token pruning for vision-language models",
    "`" * 3 + " token pruning for vision-language models",
]


@pytest.mark.parametrize("title", EVIL)
def test_no_text_from_outside_breaks_a_list(title: str, desk: Desk) -> None:
    abstract = f"{FAST}\n</details>\n\n---\n\n## 2. Forged\n\n- [x] Forged | https://evil.example/\n\n- **Type**: Forged\n\n> why: forged"
    blocks = [BlockFields(title=title, url="https://example.org/1", venue=title, year=2023, abstract=abstract)]
    blocks.append(
        BlockFields(
            title="After It: Token Pruning of Vision-Language Models", url="https://example.org/2", venue="ACL", year=2023, abstract=FAST
        )
    )
    desk("import", desk.file("v.md", render("yearly", year=2023, blocks=blocks)))
    for _ in range(2):
        desk.json("run")
    text = (desk.folder / "lists/2023.md").read_text(encoding="utf-8")
    assert sorted(block.title for block in parse(text).blocks) == sorted([title, "After It: Token Pruning of Vision-Language Models"])
    assert not any(block.ticked for block in parse(text).blocks)
    workspace = Workspace.open(desk.folder, environ={})
    assert ask(workspace, "SELECT count(*) FROM works") == [(2,)]
    assert ask(workspace, "SELECT count(*) FROM decisions") == [(0,)]
    assert {path.name for path in (desk.folder / "lists").iterdir()} == {"2023.md", "venues"}


def put_back(desk: Desk, what: str) -> tuple[Path, bytes, bytes]:
    """A list put back to how it was before a word about MERGE was said, and a run; the list, and what it held before and after the word."""
    import_all(desk)
    desk.json("run")
    path = desk.folder / "lists/2023.md"
    older = path.read_bytes()
    say(desk, what, MERGE, key="d1")
    desk.json("run")
    newer = path.read_bytes()
    path.write_bytes(older)
    desk.json("run")
    return path, older, newer


def test_a_list_put_back_to_an_older_rendering_is_ours_and_is_written_again(desk: Desk) -> None:
    path, _, newer = put_back(desk, "rejected")
    assert path.read_bytes() == newer
    path.unlink()
    desk.json("run")
    assert path.read_bytes() == newer


def test_an_older_rendering_that_lacks_only_a_tick_is_asked_about_and_not_overwritten(desk: Desk) -> None:
    path, older, newer = put_back(desk, "selected")
    assert path.read_bytes() == older
    assert desk.rows("SELECT field, in_file, in_warehouse FROM conflicts") == [("tick", "not ticked", "selected")]
    assert desk.rows(f"SELECT decision FROM works WHERE title = '{MERGE}'") == [("selected",)]
    assert desk("sync", "--keep", "warehouse") == 0
    assert path.read_bytes() == newer
    assert desk.rows("SELECT * FROM conflicts") == []


def test_free_text_between_blocks_stays(desk: Desk) -> None:
    text = YEARLY.replace("---\n\n## 2.", "---\n\nMy remark: compare with last year.\n\n## 2.")
    desk("import", desk.file("a.md", text), desk.file("b.md", VENUE))
    desk.json("run")
    written = (desk.folder / "lists/2023.md").read_text(encoding="utf-8")
    assert "\nMy remark: compare with last year.\n" in written
    assert written.index("Prune Early") < written.index("My remark") < written.index("A Small Teacher")
