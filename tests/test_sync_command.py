"""`triage sync` at a desk: files that lost blocks, that are damaged, that a new warehouse meets, and clashes that are settled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.desk import Desk, once
from triage.formats.checklist import BlockFields, parse, render
from triage.words import make  # noqa: F401

YEARS = range(2015, 2024)
SIZE = 6


def title(year: int, n: int) -> str:
    return f"Faster Reader {year}{'ABCDEF'[n]}: Token Pruning for Vision-Language Models"


def made_list(year: int) -> str:
    """Six papers, the first of them ticked; the last line ends as a person's may."""
    blocks = [
        BlockFields(
            title=title(year, n), url=f"https://example.org/{year}/{n}", venue="ACL", year=year, type="Token Pruning", ticked=n == 0,
            abstract=f"k{year}{n} prunes visual tokens of vision-language models.",
        )
        for n in range(SIZE)
    ]  # fmt: skip
    return render("yearly", year=year, blocks=blocks)


NOTES = f"2023 notes\n\n1. {title(2023, 0)}_ACL23\n\n  - Method\n    - Prunes early.\n"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def prepare(desk: Desk) -> None:
        files = [desk.file(f"../{year}.md", made_list(year)) for year in YEARS]
        assert desk("import", *files, desk.file("../notes.txt", NOTES)) == 0

    return once(tmp_path_factory.mktemp("prepared") / "w", prepare)


@pytest.fixture
def desk(prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path / "w", capsys, like=prepared)


def path(desk: Desk, year: int) -> Path:
    return desk.folder / "lists" / f"{year}.md"


def without(text: str, *places: int) -> str:
    for block in [parse(text).blocks[place] for place in places]:
        text = text.replace(block.text, "")
    return text


def decided(desk: Desk, year: int) -> list[str | None]:
    """The decision on each of a list's papers, in their order."""
    return [row[0] for row in desk.rows(f"SELECT decision FROM works WHERE contains(title, 'Reader {year}') ORDER BY title")]


FIRST = ["selected", None, None, None, None, None]


def test_files_that_lost_blocks_are_left_until_the_person_says_what_is_meant(desk: Desk, tmp_path: Path) -> None:
    texts = {year: path(desk, year).read_text() for year in YEARS}
    broken = {
        2015: without(texts[2015], 0, 1, 2, 3),
        2016: "",
        2017: texts[2017][: texts[2017].index(title(2017, 4)) + 20],
        2018: without(texts[2018], 5),
    }
    for year, text in broken.items():
        path(desk, year).write_text(text)
    path(desk, 2019).unlink()
    path(desk, 2020).write_text(without(texts[2020], 1))
    path(desk, 2021).write_text(texts[2021].replace(f"- [ ] {title(2021, 3)}", f"- [x] {title(2021, 3)}"))

    said = desk.json("sync", status=1)
    (report,) = [one for one in said["steps"] if one["step"] == "sync"]
    assert (report["refused"], report["failed"]) == (4, 0)
    left = {message.split(":")[0]: message for message in report["messages"]}
    assert "4 of 6 blocks are gone" in left["lists/2015.md"]
    assert "empty" in left["lists/2016.md"]
    for year in (2017, 2018):
        assert "cut off" in left[f"lists/{year}.md"]
    assert all("--accept-removals" in left[f"lists/{year}.md"] for year in (2015, 2017, 2018))
    assert {year: path(desk, year).read_text() for year in broken} == broken
    assert path(desk, 2019).read_text() == texts[2019]
    assert [decided(desk, year) for year in (*broken, 2019)] == [FIRST] * 5
    assert decided(desk, 2020) == ["selected", "rejected", None, None, None, None]
    assert decided(desk, 2021) == ["selected", None, None, "selected", None, None]

    path(desk, 2016).unlink()
    path(desk, 2017).write_text(texts[2017])
    again = Desk(tmp_path / "again", desk.capsys, like=desk.folder)

    assert desk("sync", "--accept-removals") == 0
    assert decided(desk, 2015) == ["rejected"] * 4 + [None] * 2
    assert decided(desk, 2018) == ["selected", None, None, None, None, "rejected"]
    assert [decided(desk, year) for year in (2016, 2017)] == [FIRST] * 2
    assert len(parse(path(desk, 2015).read_text()).blocks) == 2
    assert path(desk, 2016).read_text() == texts[2016]

    assert again("sync", "--restore-removed") == 0
    assert [decided(again, year) for year in (2015, 2016, 2017, 2018)] == [FIRST] * 4
    for year in (2015, 2018):
        blocks = parse(path(again, year).read_text()).blocks
        assert title(year, 0) in [block.title for block in blocks if block.ticked] or year == 2018
