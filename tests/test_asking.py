"""triage prompts: what would be sent is what is sent."""

from __future__ import annotations

from tests.desk import Desk
from tests.documents import YEARLY_BY_HAND
from tests.scripted_llm import ScriptedLlm


def test_what_is_shown_is_what_is_sent(desk: Desk) -> None:
    with ScriptedLlm() as server:
        (desk.folder / "triage.toml").write_text(f'[llm]\nbase_url = "{server.base_url}"\nmodel = "made"\n[notes]\nlanguage = "ko"\n')
        assert desk("import", desk.file("a.md", YEARLY_BY_HAND)) == 0
        [(work_id,)] = desk.rows("SELECT work_id FROM works WHERE title LIKE 'Prune Early%'")
        shown = {task: desk.json("prompts", "show", task, "--work", work_id[:6]) for task in ("label", "note")}
        printed = desk.printed("prompts", "show", "note", "--work", work_id)
        for step in ("label", "note"):
            assert desk(step, "--work", work_id) == 0
        assert [asked.body for asked in server.asked] == [shown["label"], shown["note"]]
        assert printed == f"--- system\n{server.asked[1].system}\n--- user\n{server.asked[1].user}\n"
    assert "Korean" in printed
    assert shown["note"]["messages"][1]["content"].rstrip().endswith("-fulltext>"), "the paper comes last"


def test_prompts_are_listed_with_what_is_wrong_with_them(desk: Desk) -> None:
    files = {(one["task"], one["file"], one["used"]) for one in desk.json("prompts", "list")}
    others = {("note", f"packaged prompts/note.{language}.md", False) for language in ("ko", "zh")}
    assert files == {("label", "packaged prompts/label.md", True), ("note", "packaged prompts/note.md", True), *others}
    (desk.folder / "prompts").mkdir()
    (desk.folder / "prompts" / "note.ko.md").write_text("---\nname: x\n")
    (desk.folder / "prompts" / "label.md").write_text(
        "---\nname: x\nfoo: 1\n---\nA {{taxonomy}}\n---\n{{work_id}} {{title}} {{abstract}}\n"
    )
    listed = {one["file"]: (one["used"], one["fault"]) for one in desk.json("prompts", "list", status=1)}
    assert listed["packaged prompts/note.md"] == (True, None)
    assert listed["prompts/note.ko.md"][0] is False
    assert "unknown key" in str(listed["prompts/label.md"][1])
    assert desk("prompts", "show", "label") == 1
    assert desk("prompts", "show", "nothing") == 2
    assert desk("prompts", "show", "note", "--work", "w0") == 1
    assert "{{abstract}}" in desk.printed("prompts", "show", "note")
