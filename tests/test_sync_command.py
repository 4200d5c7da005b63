"""`triage sync` at a desk: files that lost blocks, that are damaged, that a new warehouse meets, and clashes that are settled."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.desk import Desk
from triage.formats.checklist import BlockFields, parse, render

YEARS = range(2015, 2022)
NAMES = ("Cache What You Saw", "Merge and Go", "Prune Early", "Quantized Eyes", "Small Teacher", "Wide Gate")
"""The papers of every list, in the order of their links."""


def title(year: int, n: int) -> str:
    return f"{NAMES[n]} {year}: Token Pruning for Vision-Language Models"


def abstract(year: int, n: int) -> str:
    return f"{NAMES[n].replace(' ', '-').lower()}-{year}: we prune visual tokens of vision-language models."


def made_list(year: int) -> str:
    """Six papers, the first of them ticked."""
    blocks = [
        BlockFields(
            title=title(year, n), url=f"https://example.org/{year}/{n}", venue="ACL", year=year, type="Token Pruning", ticked=n == 0,
            abstract=abstract(year, n),
        )
        for n in range(len(NAMES))
    ]  # fmt: skip
    return render("yearly", year=year, blocks=blocks)


NOTES = f"2021 notes\n\n1. {title(2021, 0)}_ACL21\n\n  - Method\n    - Prunes early.\n"


def prepare(desk: Desk) -> None:
    files = [desk.file(f"../{year}.md", made_list(year)) for year in YEARS]
    assert desk("import", *files, desk.file("../notes.txt", NOTES)) == 0
    assert desk("sync") == 0


def path(desk: Desk, year: int) -> Path:
    return desk.folder / "lists" / f"{year}.md"


def without(text: str, *places: int) -> str:
    for block in [parse(text).blocks[place] for place in places]:
        text = text.replace(block.text, "")
    return text


def decided(desk: Desk, year: int) -> list[str | None]:
    """The decision on each of a list's papers, in their order."""
    return [row[0] for row in desk.rows(f"SELECT decision FROM works WHERE contains(title, ' {year}: Token') ORDER BY title")]


FIRST = ["selected", None, None, None, None, None]


def word_of_another_machine(year: int, venue: str) -> str:
    """A line as a merge of decisions.jsonl by union brings it."""
    work = {"title": title(year, 0), "url": f"https://example.org/{year}/0", "venue": "ACL", "year": year, "identifiers": {}}
    word = {"id": f"dother{year}", "when": datetime.now(UTC).isoformat(), "who": "Bo", "where": "elsewhere", "what": "correction"}
    return json.dumps(word | {"work": work, "value": json.dumps({"venue": venue})}) + "\n"


def test_what_is_not_plain_waits_for_the_person(desk: Desk, tmp_path: Path) -> None:
    texts = {year: path(desk, year).read_text() for year in YEARS}
    broken = {
        2015: without(texts[2015], 0, 1, 2, 3),
        2016: "",
        2017: texts[2017][: texts[2017].index(abstract(2017, 3)) + 20],
        2018: without(texts[2018], 5),
    }
    for year, text in broken.items():
        path(desk, year).write_text(text)
    path(desk, 2019).unlink()
    path(desk, 2020).write_text(without(texts[2020], 1).replace("- [x]", "- [ ]"))
    path(desk, 2021).write_text(texts[2021].replace("**Conference**: ACL", "**Conference**: NAACL", 1))
    with (desk.folder / "decisions.jsonl").open("a") as file:
        file.write(word_of_another_machine(2021, "EMNLP"))

    said = desk.json("sync", status=1)
    (report,) = [one for one in said["steps"] if one["step"] == "sync"]
    assert (report["refused"], report["failed"], report["counts"]["conflicts"]) == (4, 0, 1)
    left = {message.split(":")[0]: message for message in report["messages"]}
    assert "4 of 6 blocks are gone" in left["lists/2015.md"]
    assert "empty" in left["lists/2016.md"]
    assert all("cut off" in left[f"lists/{year}.md"] for year in (2017, 2018))
    assert all("--accept-removals" in left[f"lists/{year}.md"] for year in (2015, 2017, 2018))
    assert {year: path(desk, year).read_text() for year in broken} == broken
    assert path(desk, 2019).read_text() == texts[2019]
    assert [decided(desk, year) for year in (*broken, 2019)] == [FIRST] * 5
    assert decided(desk, 2020) == [None, "rejected", None, None, None, None]
    assert desk.rows("SELECT field, in_file, in_warehouse FROM conflicts") == [("venue", "NAACL", "EMNLP")]

    path(desk, 2016).unlink()
    path(desk, 2017).write_text(texts[2017])
    other = Desk(tmp_path / "other", desk.capsys, like=desk.folder)

    assert desk("sync", "--accept-removals", "--keep", "file") == 0
    assert decided(desk, 2015) == ["rejected"] * 4 + [None] * 2
    assert decided(desk, 2018) == ["selected", None, None, None, None, "rejected"]
    assert [decided(desk, year) for year in (2016, 2017)] == [FIRST] * 2
    assert len(parse(path(desk, 2015).read_text()).blocks) == 2
    assert path(desk, 2016).read_text() == texts[2016]
    assert settled(desk) == "NAACL"

    assert other("sync", "--restore-removed", "--keep", "warehouse") == 0
    assert [decided(other, year) for year in (2015, 2016, 2017, 2018)] == [FIRST] * 4
    assert [block.title for block in parse(path(other, 2015).read_text()).blocks if block.ticked] == [title(2015, 0)]
    assert settled(other) == "EMNLP"

    # the same list imported once more does not say again what was taken back since
    assert desk("import", desk.file("../again.md", made_list(2020))) == 0
    assert decided(desk, 2020) == [None, "rejected", None, None, None, None]


def settled(desk: Desk) -> str:
    """The venue that everybody agrees on."""
    assert desk.rows("SELECT * FROM conflicts") == []
    (venue,) = desk.rows(f"SELECT venue FROM works WHERE title = '{title(2021, 0)}'")
    assert parse(path(desk, 2021).read_text()).blocks[0].venue == venue[0]
    return str(venue[0])


def test_damaged_files_are_read_as_far_as_they_can_be_and_left(desk: Desk) -> None:
    texts = {year: path(desk, year).read_text().replace(f"- [ ] {title(year, 5)}", f"- [x] {title(year, 5)}") for year in YEARS}
    second = {year: parse(text).blocks[1].text for year, text in texts.items()}
    broken = {
        2015: texts[2015].encode("utf-16"),
        2016: texts[2016].replace(second[2016], second[2016].replace("we prune", "we pr?ne")).encode().replace(b"pr?ne", b"pr\xfcne"),
        2017: texts[2017].replace(second[2017], f"<<<<<<< HEAD\n{second[2017]}=======\n>>>>>>> theirs\n").encode(),
        2018: (texts[2018].rstrip("\n") + "\n\n" + second[2018] + second[2018]).encode(),
        2019: b"\xef\xbb\xbf" + texts[2019].replace("\n", "\r\n").encode(),
        2020: texts[2020].replace(second[2020], f"=======\n{second[2020]}").encode(),
    }
    for year, content in broken.items():
        path(desk, year).write_bytes(content)
    assert desk("sync") == 3
    printed = desk.capsys.readouterr()
    for year in (2015, 2016, 2017):
        assert f"failed: sync: lists/{year}.md:" in printed.err
        assert path(desk, year).read_bytes() == broken[year]
    assert [decided(desk, year) for year in broken] == [["selected", None, None, None, None, "selected"]] * len(broken)
    again = path(desk, 2019).read_bytes()
    assert again.startswith(b"\xef\xbb\xbf# 2019")
    assert again.count(b"\n") == again.count(b"\r\n")
    assert "=======" in path(desk, 2020).read_text()  # free text of the person


def test_a_new_warehouse_meets_edited_files_and_loses_no_word(desk: Desk) -> None:
    path(desk, 2015).write_text(path(desk, 2015).read_text().replace("- [ ]", "- [x]"))
    path(desk, 2016).write_text(without(path(desk, 2016).read_text(), 0, 3))
    path(desk, 2017).write_text(path(desk, 2017).read_text().replace("- [x]", "- [ ]").replace("Token Pruning\n\n<", "My Type\n\n<", 1))
    notes = desk.folder / "notes" / "2021.md"
    assert "Prunes early." in notes.read_text()
    notes.write_text(notes.read_text().replace("Prunes early.", "Prunes early, as I see it."))
    for name in desk.folder.glob("*.duckdb*"):
        name.unlink()
    assert desk("sync") == 0
    assert decided(desk, 2015) == ["selected"] * len(NAMES)
    assert [decided(desk, year) for year in (2016, 2017, 2018)] == [FIRST] * 3
    assert desk.rows("SELECT count(*) FROM decisions WHERE what IN ('rejected', 'undo')") == [(0,)]
    assert "Prunes early, as I see it." in notes.read_text()
    assert all(block.ticked for block in parse(path(desk, 2015).read_text()).blocks)
