"""The screening step: what the warehouse sorts out by itself is what scoring the text would say."""

from __future__ import annotations

import json
from pathlib import Path

from tests.workspaces import in_run, make_workspace
from triage.cues import SCANNED_ABSTRACT, score_text
from triage.runs import Run
from triage.screening import screen
from triage.seeds import workspace_cues
from triage.warehouse import stage

TEXTS: list[tuple[str, str | None]] = [
    ("Pruning Tokens of Vision-Language Models", "We prune visual tokens. It is 2x faster."),
    ("Colours of Rooms", "We look at rooms again."),
    ("Colours of Rooms", None),
    ("A Video Language", None),
    ("A Vision-\nLanguage Garden", "and an efficient gardener"),
    ("Visual Token", ""),
    ("A vision. Language of gardens", "The eclipse of a model: 30 fewer words"),
    ("Efﬁcient ViT for VQA", "With ﬁne words and naïve ways."),
    ("视觉语言模型", "我们提出剪枝方法"),
    ("Gärten", "nichts davon, und kein Wort"),
    ("A long one", "word " * (SCANNED_ABSTRACT // 5) + " vision-language model, efficient"),
    ("A MULTIMODAL LARGE LANGUAGE and so on", None),
    ("", None),
]


def kept(run: Run) -> list[tuple[object, ...]]:
    with run.warehouse.burst() as con:
        asked = (
            "SELECT work_id, score, vision_language, efficiency, filter_hit, evidence::VARCHAR, basis FROM store.screening ORDER BY work_id"
        )
        return con.execute(asked).fetchall()


def add(run: Run, texts: list[tuple[str, str | None]]) -> None:
    rows = [
        {"work_id": f"w{n:03}", "title": title, "abstract": abstract, "text_hash": f"hash{n}"} for n, (title, abstract) in enumerate(texts)
    ]
    with run.warehouse.burst() as con:
        con.execute("DELETE FROM store.work")
        stage(con, "made", rows, dict.fromkeys(("work_id", "title", "abstract", "text_hash"), "VARCHAR"))
        con.execute("INSERT INTO store.work BY NAME SELECT * FROM made")


def test_the_step_keeps_what_scoring_each_text_says(tmp_path: Path) -> None:
    def work(run: Run) -> None:
        cues, version = workspace_cues(run.workspace)
        add(run, TEXTS)
        report = screen(run)
        assert (report.read, report.new, report.known) == (len(TEXTS), len(TEXTS), 0)
        for n, ((title, abstract), row) in enumerate(zip(TEXTS, kept(run), strict=True)):
            said = score_text(title, abstract, cues)
            assert row[:5] == (f"w{n:03}", said.score, said.vision_language, said.efficiency, said.filter_hit), title
            assert json.loads(str(row[5])) == [one.model_dump() for one in said.evidence]
            assert row[6] == f"hash{n}{version}"

    in_run(make_workspace(tmp_path), work)


def test_only_what_changed_is_screened_again(tmp_path: Path) -> None:
    def work(run: Run) -> None:
        add(run, TEXTS)
        screen(run)
        before = kept(run)
        assert screen(run).new == 0
        with run.warehouse.burst() as con:
            con.execute("UPDATE store.work SET title = 'A VLM', text_hash = 'new' WHERE work_id = 'w001'")
            con.execute("UPDATE store.work SET title = 'Rooms', abstract = NULL, text_hash = 'new' WHERE work_id = 'w000'")
            con.execute("DELETE FROM store.work WHERE work_id = 'w002'")
        report = screen(run)
        assert (report.read, report.new, report.known) == (len(TEXTS) - 1, 2, len(TEXTS) - 3)
        after = kept(run)
        assert [row[0] for row in after] == [row[0] for row in before if row[0] != "w002"]
        assert after[2:] == before[3:]
        assert (after[0][1], after[0][3]) == (0, None)  # it had a score
        said = score_text("A VLM", TEXTS[1][1], workspace_cues(run.workspace)[0])
        assert (after[1][2], after[1][3]) == (said.vision_language, 0)  # it had none
        assert screen(run, ["w003"]).new == 1
        assert kept(run) == after

    in_run(make_workspace(tmp_path), work)
