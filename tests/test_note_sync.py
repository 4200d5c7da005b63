"""Notes that a person edits are read back: bullets become the person's note, free text stays."""

from __future__ import annotations

import re
from pathlib import Path

from tests.syncing import Year, bench
from triage.lists import publish_lists
from triage.note_sync import sync_notes
from triage.notes import note, notes_files
from triage.rendering import write_files
from triage.runs import StepReport


def night(y: Year) -> StepReport:
    run = y.bench.run
    report = sync_notes(run)
    note(run)
    with run.warehouse.burst() as con:
        files = notes_files(con, run)
    write_files(run, "notes", files)
    publish_lists(run)
    return report


def said(y: Year, paper: str) -> list[tuple[str, str]]:
    return [
        (producer, text)
        for producer, text in y.bench.rows(
            f"SELECT producer, text FROM notes WHERE work_id = '{y.work(paper)}' AND text <> '' ORDER BY producer, position"
        )
    ]


def test_what_a_person_does_to_notes(tmp_path: Path) -> None:
    with bench(tmp_path / "w") as b:
        y = Year(b, 1900)
        for name in ("Prune Early", "Merge and Go", "Quantized Eyes"):
            y.comes(name)
        b.night()
        night(y)
        path = "notes/1900.md"
        assert y.text(path).count("> machine: lexical") == 3
        assert night(y).new == 0

        # bullets of a machine's note edited, free text between, a note taken out
        first = y.text(path).index("Merge and Go")
        text = y.text(path)
        text = text[:first] + text[first:].replace("merge-and-go-1900: we prune", "my own words: they prune", 1)
        text = text.replace("\n2. Prune", "\nfree text of mine\n\n2. Prune", 1)
        y.write(text, path)
        report = night(y)
        assert report.counts["notes"] == 1
        assert ("human", "my own words: they prune visual tokens of vision-language models.") in said(y, "Merge and Go")
        assert "\nfree text of mine\n" in y.text(path)
        assert y.text(path).count("> machine: lexical") == 2
        assert night(y).new == 0

        taken = re.search(r"2\. Prune Early(?:.|\n)*?(?=3\. )", y.text(path))
        assert taken
        y.write(y.text(path).replace(taken[0], ""), path)
        night(y)
        assert "Prune Early" not in y.text(path)
        assert "2. Quantized Eyes" in y.text(path)
        assert y.known("Prune Early", "decision") is None
        assert night(y).new == 0

        # the words hold in a new warehouse, and are stronger than what a machine writes again
        emptied = y.text(path)
        y.write("", path)
        assert night(y).refused == 1
        assert y.text(path) == ""
        y.path(path).unlink()
        night(y)
        assert "my own words" in y.text(path)
        assert "Prune Early" not in y.text(path)
        assert "free text of mine" in emptied
