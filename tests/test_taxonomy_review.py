"""triage taxonomy check and diff, and re-labelled kept apart from new. All texts are made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.desk import Desk
from tests.documents import YEARLY_BY_HAND
from triage.cli import run_command_line
from triage.taxonomy import load_taxonomy
from triage.taxonomy_review import changes, review_cues, review_taxonomy
from triage.workspace import packaged

SHIPPED = (packaged("seeds") / "taxonomy.yaml").read_text(encoding="utf-8")
CUES = (packaged("seeds") / "cues.yaml").read_text(encoding="utf-8")

GARDEN = """\
version: 1
parents:
  - {id: soil, name: Soil, definition: What lies under the plants.}
  - {id: sky, name: Sky, definition: What is above.}
labels:
  - {id: soil/drainage, name: Drainage, definition: Ditches that let water leave wet ground., aliases: [draining, Draining]}
  - {id: soil/mulch, name: Mulching, definition: " . ", aliases: [drainage, ground cover]}
  - {id: soil/straw, name: Straw, definition: straw, aliases: [ground cover, "!"]}
"""


def test_what_a_taxonomy_leaves_to_be_desired() -> None:
    told = [(one.severity, one.line, one.message) for one in review_taxonomy(GARDEN, name="garden.yaml")]
    assert told == [
        ("warning", 4, "no label stands under sky"),
        ("warning", 6, "soil/drainage has the alias 'Draining' twice"),
        ("error", 7, "soil/mulch has no definition"),
        ("warning", 7, "the alias 'drainage' of soil/mulch is the name of soil/drainage, which it will always mean"),
        ("warning", 8, "an alias of soil/straw has no letters"),
        ("warning", 8, "the alias 'ground cover' of soil/straw is also one of soil/mulch: it stands for both"),
        ("error", 8, "the definition of soil/straw only repeats its name"),
    ]


BROKEN = """\
version: none
parents:
  - {id: soil, name: Soil, definition: What lies under the plants.}
labels:
  - {id: Soil Drainage, name: Drainage, definition: Ditches.}
  - {id: soil/mulch, name: Mulching, definitoin: Straw.}
  - {id: soil/mulch, name: Straw, definition: Stalks of grain., aliases: [3]}
  - {id: sky/rain, name: "mulching!", definition: Water from above.}
  - just words
"""


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Of keys and values, and of what is wrong between entries, as far as those can be read."""
    found = review_taxonomy(BROKEN, name="garden.yaml")
    assert {(one.severity, one.file) for one in found} == {("error", "garden.yaml")}
    assert [(one.line, one.message.split(":")[0]) for one in found] == [
        (1, "version"),
        (5, "labels.0.id"),
        (6, "labels.1.definition"),
        (6, "labels.1.definitoin"),
        (7, "labels.2.aliases.0"),
        (7, "labels.2.id"),
        (8, "labels.3.id"),
        (8, "labels.3.name"),
        (9, "labels.4"),
    ]
    hints = {one.message.split(":")[0]: one.hint for one in found}
    assert hints["labels.1.definitoin"] == "spell it as one of those, or take the line out"
    assert "add that parent" in hints["labels.3.id"]
    assert all(hints.values())


def test_all_that_is_wrong_with_the_cues_is_told_at_once() -> None:
    wrong = CUES.replace("- visual instruction*", "- visual ~2", 1).replace("- token budget", "- t* budget", 1)
    told = review_cues(wrong, None, name="cues.yaml")
    lines = wrong.splitlines()
    assert [lines[one.line - 1].strip() for one in told] == ["- visual ~2", "- t* budget"]
    assert {one.severity for one in told} == {"error"}
    assert review_cues(CUES, None, name="cues.yaml") == []


def test_the_command_tells_all_of_a_broken_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "garden.yaml"
    path.write_text(BROKEN, encoding="utf-8")
    assert run_command_line(["taxonomy", "check", str(path)]) == 1
    out = capsys.readouterr().out
    assert out.count("error: ") == out.count("  what to do: ") == 9
    assert f"{path}: cannot be used: 9 errors" in out
    assert run_command_line(["taxonomy", "check", str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["labels"], len(told["findings"])) == (None, None, 9)
    path.write_text("- nothing of it", encoding="utf-8")
    assert run_command_line(["taxonomy", "check", str(path)]) == 1
    assert f"error: {path}:1: the file must be a mapping" in capsys.readouterr().out


def test_the_shipped_files_are_in_order() -> None:
    told = review_taxonomy(SHIPPED, name="taxonomy.yaml") + review_cues(CUES, load_taxonomy(SHIPPED, name="t"), name="cues.yaml")
    assert [one.message for one in told if one.severity == "error"] == []
    # on purpose: that Type of the curator's means both
    assert [one.message.split("'")[1] for one in told] == ["sparse routing/activation"]


def test_rules_for_labels_there_are_none_of() -> None:
    told = review_cues(CUES, load_taxonomy(GARDEN, name="garden.yaml"), name="cues.yaml")
    first = next(one for one in told if "'compression/pruning'" in one.message)
    assert CUES.splitlines()[first.line - 1].strip() == "compression/pruning:"


OLD = load_taxonomy(
    """\
version: 1
parents: [{id: soil, name: Soil, definition: What lies under the plants.}]
labels:
  - {id: soil/drainage, name: Drainage, definition: Ditches.}
  - {id: soil/mulch, name: Mulching, definition: Straw on the ground.}
  - {id: soil/lime, name: Liming, definition: Chalk on the ground.}
  - {id: soil/worms, name: Worms, definition: Animals in the ground.}
""",
    name="old.yaml",
)
NEW = load_taxonomy(
    """\
version: 2
parents: [{id: soil, name: Soil, definition: What lies under the plants.}]
labels:
  - {id: soil/drainage, name: Draining, definition: Ditches and pipes.}
  - {id: soil/cover, name: Ground Cover, definition: Straw on the ground., aliases: [mulching]}
  - {id: soil/lime, name: Liming, definition: Chalk on the ground.}
  - {id: soil/ash, name: Ash, definition: Ash on the ground.}
""",
    name="new.yaml",
)


def test_what_changes_between_two_taxonomies() -> None:
    assert [(c.kind, c.id, c.to, c.detail) for c in changes(OLD, NEW)] == [
        ("renamed", "soil/drainage", None, "was 'Drainage'"),
        ("redefined", "soil/drainage", None, "definition"),
        ("added", "soil/ash", None, ""),
        ("moved", "soil/mulch", "soil/cover", ""),
        ("removed", "soil/worms", None, ""),
    ]
    assert changes(NEW, NEW) == []


def test_the_command_tells_file_line_and_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["taxonomy", "check"]) == 0
    assert "warning: packaged seeds/taxonomy.yaml:" in capsys.readouterr().out
    assert run_command_line(["taxonomy", "check", "--strict"]) == 1
    Path("garden.yaml").write_text(GARDEN, encoding="utf-8")
    assert run_command_line(["taxonomy", "check", "garden.yaml"]) == 1
    assert "error: garden.yaml:7: soil/mulch has no definition" in capsys.readouterr().out
    Path("garden.yaml").write_text(GARDEN.replace("soil/straw", "soil/mulch"), encoding="utf-8")
    assert run_command_line(["taxonomy", "check", "garden.yaml"]) == 1
    assert "error: garden.yaml:8: labels.2.id: 'soil/mulch' stands here twice\n  what to do: give one" in capsys.readouterr().out
    assert run_command_line(["taxonomy", "check", "none.yaml"]) == 1
    assert "what to do: name a taxonomy file" in capsys.readouterr().err
    assert run_command_line(["taxonomy", "diff", "packaged", "packaged"]) == 0
    assert "no label changes" in capsys.readouterr().out


def test_what_would_move_is_told_first_and_kept_apart_from_what_is_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path / "desk", capsys)
    assert desk("import", desk.file("a.md", YEARLY_BY_HAND)) == 0
    first = desk.json("run")
    (report,) = [step for step in first["steps"] if step["step"] == "label"]
    works = report["new"]
    assert works > 0
    assert report["counts"] == {"first labelled": works, "relabelled": 0, "type changed": 0}
    before = desk.rows("SELECT work_id, label FROM labels_current WHERE producer = 'lexical' ORDER BY ALL")
    gone = next(label for _, label in before if "/" in label)

    # without that label, and its rules left where they are
    block = SHIPPED[SHIPPED.index(f"  - id: {gone}\n") :]
    block = block[: block.index("  - id: ", 5)]
    (desk.folder / "seeds").mkdir()
    mine = desk.file("seeds/taxonomy.yaml", SHIPPED.replace(block, "").replace("version: 1", "version: 2"))
    told = desk.json("taxonomy", "diff", "packaged", mine)
    assert [(c["kind"], c["id"]) for c in told["changes"]] == [("removed", gone)]
    moved = {one["work_id"] for one in told["relabelled"]["moved"]}
    assert moved == {work for work, label in before if label == gone}
    assert told["relabelled"]["works"] == works
    assert desk.rows("SELECT work_id, label FROM labels_current WHERE producer = 'lexical' ORDER BY ALL") == before
    assert desk.rows("SELECT count(*) FROM relabelled") == [(0,)]
    assert f"{len(moved)} of {works} works would be re-labelled" in desk.printed("taxonomy", "diff", "packaged", mine)

    second = desk.json("run")
    (report,) = [step for step in second["steps"] if step["step"] == "label"]
    assert report["counts"] == {"first labelled": 0, "relabelled": works, "type changed": len(moved)}
    rows = desk.rows("SELECT work_id, before_version, after_version FROM relabelled")
    assert {row[0] for row in rows} == moved
    assert {row[1:] for row in rows} == {("1", "2")}


def test_a_change_without_a_new_version_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(SHIPPED, encoding="utf-8")
    new.write_text(SHIPPED.replace("name: Token Pruning", "name: Token Dropping"), encoding="utf-8")
    assert run_command_line(["taxonomy", "diff", str(old), str(new)]) == 0
    out = capsys.readouterr().out
    assert "renamed: token-reduction/pruning 'Token Dropping' (was 'Token Pruning')" in out
    assert "until NEW has a higher `version`" in out
