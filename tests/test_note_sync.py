"""Notes that a person edits are read back: bullets become the person's note, free text stays."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from tests.syncing import Year, bench
from triage.decisions import load_decisions
from triage.formats.cvinw import PaperNote, render
from triage.lists import publish_lists
from triage.models import Bullet
from triage.note_sync import bullets_text, sync_notes
from triage.notes import note, notes_files
from triage.rendering import write_files
from triage.runs import StepReport
from triage.settling import settle
from triage.words import Word, make


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


def from_elsewhere(y: Year, paper: str, bullet: str, *, long_ago: bool = True) -> None:
    """A note of this paper that was said on another machine, as it comes with git into decisions.jsonl."""
    run = y.bench.run
    with run.warehouse.burst() as con:
        (made,) = make(
            con,
            [Word(y.work(paper), "note", value=one_bullet(bullet))],
            who="Bo",
            clock=lambda: datetime(2020, 1, 1, tzinfo=UTC) if long_ago else run.clock(),
            where="sync",
        )
    with run.workspace.decisions_path.open("a", encoding="utf-8") as file:
        file.write(made.model_dump_json(exclude_none=True) + "\n")
    load_decisions(run)


def one_bullet(text: str) -> str:
    return bullets_text([Bullet(section="Method", heading="Method", text=text)])


def test_a_note_said_elsewhere_and_edited_here_is_the_persons_to_decide(tmp_path: Path) -> None:
    with bench(tmp_path / "w") as b:
        y, path = Year(b, 1900), "notes/1900.md"
        for name in ("Prune Early", "Merge and Go", "Quantized Eyes"):
            y.comes(name)
        b.night()
        night(y)
        # the other machine spoke before this file was rendered, and its word came here only now: clocks tell nothing
        for name in ("Prune Early", "Merge and Go", "Quantized Eyes"):
            from_elsewhere(y, name, f"{name} over there.")
        text = y.text(path).replace("prune-early-1900: we prune", "my own words: they prune")
        cut = re.search(r"1\. Merge and Go(?:.|\n)*?(?=2\. )", text)
        assert cut
        text = text.replace(cut[0], "")
        y.write(text, path)
        report = night(y)
        assert report.counts["conflicts"] == 2
        assert any('"' in m and "my own words" in m and "Prune Early over there." in m for m in report.messages)
        assert any("no note" in m and "Merge and Go over there." in m for m in report.messages)
        assert "my own words: they prune" in y.text(path)
        assert "Merge and Go" not in y.text(path)
        assert "Quantized Eyes over there." in y.text(path)  # not edited here: what was said elsewhere is shown
        assert said(y, "Prune Early")[0] == ("human", "Prune Early over there.")
        assert night(y).counts["conflicts"] == 2

        # a newer word from there does not decide either: it was said without having seen this file
        from_elsewhere(y, "Prune Early", "Later over there.", long_ago=False)
        report = night(y)
        assert report.counts["conflicts"] == 2
        assert any("my own words" in m and "Later over there." in m for m in report.messages)
        assert "my own words: they prune" in y.text(path)

        # editing it again is the answer, and so is saying which one to keep
        y.write(y.text(path).replace("my own words", "my last words"), path)
        assert night(y).counts["conflicts"] == 1
        assert ("human", "my last words: they prune visual tokens of vision-language models.") in said(y, "Prune Early")
        settle(y.bench.run, [], "warehouse")
        assert night(y).counts["conflicts"] == 0
        assert "Merge and Go over there." in y.text(path)
        assert "my last words" in y.text(path)


def test_a_note_that_stands_in_a_file_beside_a_new_warehouse_is_not_overwritten(tmp_path: Path) -> None:
    with bench(tmp_path / "w") as b:
        y, path = Year(b, 1900), "notes/1900.md"
        y.comes("Prune Early")
        b.night()
        from_elsewhere(y, "Prune Early", "Over there.")
        paper = y.paper("Prune Early")
        bullets = tuple(Bullet(section="Method", heading="Method", text=text) for text in ("Mine.",))
        note_of = PaperNote(title=paper.title, venue="ACL", year=1900, url=paper.url, bullets=bullets)
        y.path(path).parent.mkdir(exist_ok=True)
        y.write(render("1900 notes", [note_of]), path)
        assert night(y).counts["conflicts"] == 1
        assert "Mine." in y.text(path)
        settle(y.bench.run, [], "file")
        assert night(y).counts["conflicts"] == 0
        assert "Mine." in y.text(path)
        assert said(y, "Prune Early")[0] == ("human", "Mine.")


def damage(text: str, how: str) -> bytes:
    """Damage to the second of three notes."""
    part = text[text.index("\n2. ") + 1 : text.index("\n3. ") + 1]
    if how == "utf16":
        return text.encode("utf-16")
    if how == "latin1":
        return text.replace(part, part.replace("we prune", "we prüne")).encode().replace("ü".encode(), "ü".encode("latin-1"))
    broken = {
        "merge_markers": f"<<<<<<< HEAD\n{part.replace('we prune', 'we mend')}=======\n{part}>>>>>>> theirs\n",
        "no_venue": re.sub(r"_ACL\d{4}", "_ACL", part),
    }
    return text.replace(part, broken[how]).encode()


HOW = ("utf16", "latin1", "merge_markers", "no_venue")


def test_a_notes_file_that_cannot_be_read_whole_is_read_as_far_as_it_can_and_left(tmp_path: Path) -> None:
    with bench(tmp_path / "w") as b:
        years = {how: Year(b, 1900 + n) for n, how in enumerate(HOW)}
        for y in years.values():
            for name in ("Merge and Go", "Prune Early", "Quantized Eyes"):
                y.comes(name)
        b.night()
        night(years["utf16"])
        broken = {}
        for how, y in years.items():
            path = f"notes/{y.year}.md"
            text = y.text(path).replace(f"quantized-eyes-{y.year}: we prune", "my own words: they prune")
            broken[how] = damage(text, how)
            y.write(broken[how], path)
        for _ in range(2):
            report = night(years["utf16"])
            for how, y in years.items():
                assert said(y, "Quantized Eyes")[0] == ("human", "my own words: they prune visual tokens of vision-language models."), how
                assert said(y, "Prune Early")[0][0] == "lexical", how
                assert y.path(f"notes/{y.year}.md").read_bytes() == broken[how], how
                assert [f for f in b.run.failures if f.item.startswith(f"notes/{y.year}.md:") and f.hint], how
            assert (report.failed, report.refused) == (4, 0)


def test_windows_line_ends_a_byte_order_mark_and_a_note_twice(tmp_path: Path) -> None:
    with bench(tmp_path / "w") as b:
        windows, twice, apart = Year(b, 1900), Year(b, 1902), Year(b, 1904)
        for y in (windows, twice, apart):
            for name in ("Merge and Go", "Prune Early"):
                y.comes(name)
        apart.comes("Zzz")
        b.night()
        night(windows)
        text = windows.text("notes/1900.md").replace("merge-and-go-1900: we prune", "my own words: they prune")
        windows.write("\ufeff" + text.replace("\n", "\r\n"), "notes/1900.md")
        text = twice.text("notes/1902.md")
        twice.write(
            text + "\n" + text[text.index("2. Prune") :].replace("2.", "3.").replace("we prune", "again, they prune"), "notes/1902.md"
        )
        text = apart.text("notes/1904.md")
        part = text[text.index("2. Prune") : text.index("3. Zzz")]
        both = part.replace("we prune", "I say: they prune") + part.replace("we prune", "again, they prune")
        apart.write(text.replace(part, both), "notes/1904.md")
        windows.comes("Quantized Eyes")
        b.night()
        assert night(windows).counts["conflicts"] == 1
        assert said(windows, "Merge and Go")[0] == ("human", "my own words: they prune visual tokens of vision-language models.")
        shown = windows.text("notes/1900.md")
        assert shown.startswith("\ufeff1900 notes")
        assert shown.count("\n") == shown.count("\r\n")
        assert "3. Quantized Eyes" in shown
        assert "again, they prune" in twice.text("notes/1902.md")
        assert night(windows).new == 0
        assert "again, they prune" in twice.text("notes/1902.md")
        # two versions in one file: both stand until the person leaves one
        assert all(words in apart.text("notes/1904.md") for words in ("I say: they prune", "again, they prune"))
        settle(b.run, [], "file")
        assert night(windows).counts["conflicts"] == 1
        text = apart.text("notes/1904.md")
        out = text[text.index("3. Prune") : text.index("4. Zzz")]
        apart.write(text.replace(out, "").replace("I say: they", "I say they"), "notes/1904.md")
        assert night(windows).counts["conflicts"] == 0
        assert said(apart, "Prune Early")[0] == ("human", "prune-early-1904: I say they prune visual tokens of vision-language models.")
