"""From documents to lists, notes, exports and answers: through the command line, on real files and a real database."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.desk import Desk, import_all
from tests.documents import NOTES, PAGE, VENUE, YEARLY, YEARLY_BY_HAND
from triage.workspace import Workspace


def test_import_reports_what_it_read_and_the_same_again_is_known(desk: Desk) -> None:
    path = desk.file("a.md", YEARLY)
    numbers = {"file": path, "format": "yearly-list", "read": 3, "new": 3, "known": 0, "refused": 0, "failed": 0}
    assert desk.json("import", path) == numbers
    assert desk.json("import", path) == numbers | {"new": 0, "known": 3}
    several = desk.json("import", desk.file("b.md", VENUE), desk.file("c.txt", NOTES), desk.file("d.txt", PAGE))
    assert [(one["format"], one["read"], one["new"]) for one in several] == [
        ("venue-list", 3, 3),
        ("notes", 1, 1),
        ("huggingface-page", 2, 2),
    ]
    assert desk.rows("SELECT count(*), (SELECT count(*) FROM works) FROM records") == [(9, 6)]


def test_a_tick_is_a_decision_and_its_type_a_label_and_no_tick_says_nothing(desk: Desk) -> None:
    import_all(desk)
    assert desk.rows(
        "SELECT title, decision, type, labels, labelled_by FROM works WHERE year = 2023 AND venue <> 'arXiv' ORDER BY title"
    ) == [
        ("A Small Teacher: Distilling Image-Text Encoders", "selected", "Model Distillation", ["compression/distillation"], "human"),
        ("Merge and Go: Visual Token Merging for Fast Vision-Language Models", None, None, [], None),
        ("Painting Old Maps", None, None, [], None),
        ("Prune Early: Token Pruning for Vision-Language Models", "selected", "Token Pruning", ["token-reduction/pruning"], "human"),
        ("Seen but Not Chosen: Adapters for Video-Language Models", None, None, [], None),
    ]
    lines = [json.loads(line) for line in (desk.folder / "decisions.jsonl").read_text().strip().split("\n")]
    assert [(line["what"], line.get("value")) for line in lines] == [
        ("selected", None), ("type", "Token Pruning"), ("selected", None), ("type", "Model Distillation"),
    ]  # fmt: skip
    assert {line["where"] for line in lines} == {"import a.md"}


def test_an_imported_list_comes_back_to_the_byte(desk: Desk) -> None:
    import_all(desk)
    assert desk.printed("list", "2023", "--stdout") == YEARLY_BY_HAND


def test_the_run_adds_proposals_with_their_reason_and_leaves_every_other_byte(desk: Desk) -> None:
    import_all(desk)
    report = desk.json("run")
    assert report["status"] == "complete"
    for step in report["steps"]:
        assert step["read"] == step["new"] + step["known"] + step["refused"] + step["failed"]
    text = (desk.folder / "lists" / "2023.md").read_text(encoding="utf-8")
    assert "## 3. Merge and Go" in text
    assert "\n> why: 0." in text
    assert "token-reduction/merging" in text
    for block in YEARLY_BY_HAND.split("## ")[1:]:
        assert block.split(". ", 1)[1].rstrip("\n") in text
    assert "Painting Old Maps" not in text
    undated = (desk.folder / "lists" / "2024.md").read_text(encoding="utf-8")
    assert "- **Conference**: arXiv" in undated
    assert "Quantized Eyes" in undated
    notes = (desk.folder / "notes" / "2023.md").read_text(encoding="utf-8")
    assert "Prune before layer 3. 빠르다." in notes


def test_a_second_run_writes_nothing(desk: Desk) -> None:
    import_all(desk)
    desk.json("run")
    before = {path: path.stat().st_mtime_ns for name in ("lists", "notes") for path in (desk.folder / name).rglob("*.md")}
    state = desk.state()
    report = desk.json("run")
    assert {step["step"]: step["new"] for step in report["steps"] if step["new"]} == {}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert desk.state() == state


def test_ticking_a_proposal_in_the_file_selects_it_in_the_next_run(desk: Desk) -> None:
    import_all(desk)
    desk.json("run")
    path = desk.folder / "lists" / "2023.md"
    head, _, rest = path.read_text(encoding="utf-8").partition("- [ ] Merge and Go")
    path.write_text(f"{head}- [x] Merge and Go{rest}", encoding="utf-8")
    edited = path.read_text(encoding="utf-8")
    report = desk.json("run")
    assert [step["counts"]["selected"] for step in report["steps"] if step["step"] == "sync"] == [1]
    assert desk.rows("SELECT decision FROM works WHERE title LIKE 'Merge and Go%'") == [("selected",)]
    settled = path.read_text(encoding="utf-8")
    assert settled.count("- [x] Merge and Go") == 1
    assert settled == re.sub(r"(- \[x\] Merge and Go(?:.|\n)*?)> why: .*\n\n", r"\1", edited)


def test_export_is_a_csv_that_no_spreadsheet_runs(desk: Desk) -> None:
    evil = YEARLY.replace("Model Distillation", "=HYPERLINK(1)").replace("A Small Teacher:", '+Small, "Teacher":')
    desk("import", desk.file("a.md", evil))
    rows = list(csv.DictReader(io.StringIO(desk.printed("export", "2023", "--format", "csv", "--stdout"))))
    assert [(row["title"], row["url"], row["type"]) for row in rows] == [
        ("Prune Early: Token Pruning for Vision-Language Models", "https://example.org/acl/1", "Token Pruning"),
        ('\'+Small, "Teacher": Distilling Image-Text Encoders', "https://example.org/cvpr/7", "'=HYPERLINK(1)"),
    ]
    assert desk("export", "2023") == 0
    assert (desk.folder / "selected_2023_papers.csv").read_bytes()[:3] == b"tit"


def test_the_warehouse_can_be_deleted_and_is_made_again(desk: Desk) -> None:
    import_all(desk)
    desk.json("run")
    before = desk.state()
    for path in desk.folder.glob("*.duckdb*"):
        path.unlink()
    assert desk.json("run")["status"] == "complete"
    assert desk.state() == before


def test_one_step_at_a_time_gives_the_same_as_a_run(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_all(desk)
    desk.json("run")
    other = Desk(tmp_path / "steps", capsys)
    import_all(other)
    for step in ("identify", "sync", "screen", "label", "note", "claim", "list"):
        assert other(step) == 0
    assert other.state() == desk.state()


def test_one_work_by_the_beginning_of_its_id(desk: Desk) -> None:
    import_all(desk)
    work = desk.rows("SELECT work_id FROM works WHERE title LIKE 'Painting%'")[0][0]
    for step in ("screen", "label", "note", "claim"):
        assert [s["new"] for s in desk.json(step, "--work", work[:9])["steps"] if s["step"] == step] == [1]
    assert desk("screen", "--work", "w") == 2
    assert desk("screen", "--work", "nothing") == 2


BAD = [
    ("not UTF-8", b"# 2023 Papers\n\xff\xfe", "not UTF-8"),
    ("NUL", YEARLY.encode() + b"\x00", "NUL"),
    ("none of these", b"just some words\n", "none of the known documents"),
    ("empty", b"", "none of the known documents"),
    ("one endless line", b"# 2023 Papers\n\n" + b"x" * 6_000_000, "a line of"),
]


@pytest.mark.parametrize(("note", "content", "said"), BAD, ids=[case[0] for case in BAD])
def test_a_bad_file_is_refused_and_nothing_is_written(note: str, content: bytes, said: str, desk: Desk) -> None:
    import_all(desk)
    before = sorted((path, path.stat().st_mtime_ns) for path in desk.folder.rglob("*") if path.name != "bad.md")
    path = desk.file("bad.md", content)
    desk.capsys.readouterr()
    assert desk("import", path) == 1, note
    err = desk.capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert [(p, t) for p, t in before if p.is_file()] == [(p, p.stat().st_mtime_ns) for p, _ in before if p.is_file()]
    assert desk.json("import", path, desk.file("e.txt", PAGE.replace("Quantized", "Sharper")), status=3)[0]["refused"] == 1


def test_titles_of_one_word_and_of_two_thousand_characters(desk: Desk) -> None:
    from triage.formats.checklist import BlockFields, render

    blocks = [BlockFields(title="Word", url="https://example.org/1", venue="ACL", year=2023, ticked=True, type="Token Pruning")]
    blocks.append(BlockFields(title="long " * 400, url="https://example.org/2", venue="ACL", year=2023, ticked=True, type="LoRA"))
    text = render("yearly", year=2023, blocks=blocks)
    assert desk("import", desk.file("a.md", text)) == 0
    assert desk.json("run")["status"] == "complete"
    assert (desk.folder / "lists" / "2023.md").read_text(encoding="utf-8") == text


def _hold(folder: str, held: Any, release: Any) -> None:
    with Workspace.open(Path(folder), environ={}).locked("run", started="2026-11-23T02:00:00"):
        held.set()
        release.wait(30)


def test_two_runs_at_once(desk: Desk) -> None:
    spawn = multiprocessing.get_context("spawn")
    held, release = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(str(desk.folder), held, release))
    other.start()
    assert held.wait(20)
    desk.capsys.readouterr()
    assert desk("run") == 4
    err = desk.capsys.readouterr().err
    assert f"process {other.pid}" in err
    assert "`run`" in err
    release.set()
    other.join(20)
    assert desk("run") == 0


@pytest.mark.slow
def test_killed_anywhere_the_next_run_repairs(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = Desk(tmp_path / "whole", capsys)
    import_all(whole)
    assert whole("run") == 0
    files = [desk.file(n, t) for n, t in (("a.md", YEARLY_BY_HAND), ("b.md", VENUE), ("c.txt", NOTES), ("d.txt", PAGE))]
    for wait in (0.5, 0.7, 0.9, 1.1, 1.4):
        script = f"from triage.cli import run_command_line as r; r(['import', *{files!r}, '-w', {str(desk.folder)!r}]); r(['run', '-w', {str(desk.folder)!r}])"
        killed = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    assert desk("import", *files) == 0
    assert desk("run") == 0
    assert desk.state() == whole.state()
    assert desk.rows("SELECT count(*) FROM runs WHERE status = 'running'") == [(0,)]
    lines = (desk.folder / "decisions.jsonl").read_text().strip().split("\n")
    assert len(lines) == len({json.loads(line)["id"] for line in lines}) == 4


def test_a_full_disk_says_so_and_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import_all(desk)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    desk.capsys.readouterr()
    assert desk("run") == 1
    err = desk.capsys.readouterr().err
    assert "No space left on device" in err
    assert "free space" in err
    monkeypatch.undo()
    assert not list(desk.folder.rglob("*.tmp"))
    assert desk("run") == 0
    assert desk.printed("list", "2023", "--stdout") == (desk.folder / "lists" / "2023.md").read_text(encoding="utf-8")
    assert desk.rows("SELECT count(*) FROM works WHERE decision = 'selected'") == [(2,)]


def test_our_own_notes_handed_in_do_not_become_a_persons_words(desk: Desk) -> None:
    import_all(desk)
    desk.json("run")
    before = desk.rows("SELECT producer, count(*) FROM notes GROUP BY ALL ORDER BY ALL")
    assert "> machine: lexical" in (desk.folder / "notes" / "2023.md").read_text(encoding="utf-8")
    assert desk("import", str(desk.folder / "notes" / "2023.md")) == 0
    assert desk.rows("SELECT producer, count(*) FROM notes GROUP BY ALL ORDER BY ALL") == before
    assert desk.json("run")["status"] == "complete"
