"""The reference files in seeds/: facts of the curated papers, the venues, and the demo documents."""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from triage.text import clean_line, clean_url, identifiers_in_url, is_preprint, title_key, venue_key

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
DEMO = SEEDS / "demo"

SOURCES = {
    "aaai", "acl", "cvf", "virtual", "neurips", "pmlr", "ecva", "ijcai", "openreview",
    "huggingface", "arxiv", "semanticscholar", "openalex", "dblp", "documents",
}  # fmt: skip
VENUES = {
    "AAAI", "ACL", "EMNLP", "NAACL", "EACL", "Findings", "CVPR", "ICCV", "WACV", "ECCV", "ICML", "NeurIPS", "ICLR", "IJCAI", "arXiv",
}  # fmt: skip
HOST_OF_LINK = {
    "aaai": "ojs.aaai.org",
    "acl": "aclanthology.org",
    "cvf": "openaccess.thecvf.com",
}
LIST_FILES = ("2023-papers.md", "acl-2023.md", "emnlp-2023.md", "iccv-2023.md")


def curated() -> list[dict[str, str]]:
    with (SEEDS / "curated_2023.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@lru_cache
def venue_file() -> dict[str, Any]:
    loaded = yaml.safe_load((SEEDS / "venues.yaml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def venues() -> dict[str, dict[str, Any]]:
    return {venue["name"]: venue for venue in venue_file()["venues"]}


def edition(venue: dict[str, Any], year: int) -> dict[str, Any] | None:
    """The first range of years that fits, as the comment in venues.yaml says."""
    fitting = (e for e in venue["editions"] if e.get("from", 0) <= year <= e.get("to", 9999))
    return next(fitting, None)


def demo(name: str) -> str:
    return (DEMO / name).read_bytes().decode("utf-8")


def blocks(name: str) -> list[str]:
    return re.split(r"(?m)^(?=## \d+\. )", demo(name))[1:]


# --- curated_2023.csv ---------------------------------------------------------------------------------------------


def test_curated_file_has_the_32_papers_in_the_order_of_the_list() -> None:
    rows = curated()
    assert list(rows[0]) == ["title", "url", "venue", "year", "type"]
    assert len(rows) == 32
    assert [row["venue"] for row in rows] == sorted((row["venue"] for row in rows), key=str.casefold)
    assert {row["year"] for row in rows} == {"2023"}


def test_curated_papers_are_32_different_ones() -> None:
    rows = curated()
    assert len({row["url"] for row in rows}) == 32
    assert len({title_key(row["title"]) for row in rows}) == 32


def test_curated_venue_counts() -> None:
    assert Counter(row["venue"] for row in curated()) == {
        "AAAI": 1, "ACL": 4, "CVPR": 6, "EMNLP": 4, "ICCV": 10, "ICML": 4, "NeurIPS": 3,
    }  # fmt: skip


def test_curated_types_are_the_22_strings_as_typed() -> None:
    counts = Counter(row["type"] for row in curated())
    assert len(counts) == 22
    assert counts["Model Distillation"] == 7
    assert counts["Efficient Adapter"] == 3
    assert counts["Lightweight Archecture"] == counts["Lightweight architecture"] == counts["Dynamic Skippping"] == 1


@pytest.mark.parametrize("row", curated(), ids=lambda row: row["url"].rsplit("/", 1)[-1][:40])
def test_curated_values_are_clean(row: dict[str, str]) -> None:
    for value in row.values():
        assert value
        assert clean_line(value) == value
    assert clean_url(row["url"]) == row["url"]


def test_curated_anthology_links_spell_out_their_identifier() -> None:
    named = {row["url"] for row in curated() if "anthology" in identifiers_in_url(row["url"])}
    assert named == {row["url"] for row in curated() if row["venue"] in {"ACL", "EMNLP"}}


# --- venues.yaml --------------------------------------------------------------------------------------------------


def test_venue_file_has_a_version_and_the_venues_of_the_field() -> None:
    assert venue_file()["version"] == 1
    names = [venue["name"] for venue in venue_file()["venues"]]
    assert set(names) >= VENUES
    assert len(names) == len(set(names))


def test_every_source_has_exactly_one_role() -> None:
    named = [source for sources in venue_file()["source_roles"].values() for source in sources]
    assert len(named) == len(set(named))
    assert set(named) == SOURCES


def test_no_name_or_alias_means_two_venues() -> None:
    keys = [venue_key(name) for venue in venue_file()["venues"] for name in (venue["name"], *venue["aliases"])]
    assert [key for key, count in Counter(keys).items() if count > 1] == []


@pytest.mark.parametrize("name", sorted(VENUES))
def test_a_venue_is_well_formed(name: str) -> None:
    venue = venues()[name]
    roles = venue_file()["source_roles"]
    assert set(venue) == {"id", "name", "aliases", "kind", "month", "held", "editions"}
    assert venue["id"] == venue_key(name)
    assert venue["kind"] == ("preprint" if is_preprint(name) else "conference")
    assert venue["month"] in (range(1, 13) if venue["kind"] == "conference" else {None})
    assert venue["held"] in {"every-year", "odd-years", "even-years", "irregular"}
    assert venue["editions"]
    for entry in venue["editions"]:
        assert set(entry) <= {"from", "to", "sources", "link"}
        assert set(entry["sources"]) <= set(roles["venue"] + roles["feed"])
        assert len(entry["sources"]) == len(set(entry["sources"]))
        assert entry["link"] in entry["sources"]


@pytest.mark.parametrize("name", sorted(VENUES))
def test_no_edition_is_hidden_behind_an_earlier_one(name: str) -> None:
    venue = venues()[name]
    starts = [entry.get("from", 0) for entry in venue["editions"]]
    assert starts == sorted(set(starts), reverse=True)
    assert [edition(venue, entry.get("from", 2000)) for entry in venue["editions"]] == venue["editions"]


@pytest.mark.parametrize("row", curated(), ids=lambda row: row["url"].rsplit("/", 1)[-1][:40])
def test_the_link_a_venue_shows_is_the_one_the_curator_kept(row: dict[str, str]) -> None:
    entry = edition(venues()[row["venue"]], int(row["year"]))
    assert entry is not None
    host = row["url"].split("/")[2]
    if entry["link"] == "virtual":
        assert "/virtual/2023/poster/" in row["url"]
    else:
        assert host == HOST_OF_LINK[entry["link"]]


def test_years_before_a_site_begins_have_no_source() -> None:
    assert edition(venues()["WACV"], 2019) is None
    assert edition(venues()["Findings"], 2019) is None
    assert edition(venues()["CVPR"], 2022) == {"from": 2013, "sources": ["cvf"], "link": "cvf"}


# --- demo documents -----------------------------------------------------------------------------------------------


def test_demo_documents_are_small_and_complete() -> None:
    names = sorted(path.name for path in DEMO.iterdir() if path.suffix in {".md", ".txt"})
    assert names == sorted([*LIST_FILES, "huggingface-page.txt", "notes.txt"])
    assert sum((DEMO / name).stat().st_size for name in names) < 120_000
    assert [len(blocks(name)) for name in LIST_FILES] == [8, 5, 15, 25]


@pytest.mark.parametrize("name", LIST_FILES)
def test_demo_lists_have_the_form_of_the_list(name: str) -> None:
    stem = name.removesuffix(".md")
    venue, key = ("", "2023") if stem == "2023-papers" else (stem.split("-")[0].upper() + " ", stem.replace("-", ""))
    head = f"# {venue}2023 Papers\n\n> ☐ 勾选论文后，可用脚本导出 selected_{key}_papers.csv\n\n"
    body = "".join(blocks(name))
    assert demo(name) == head + body
    assert body.endswith("\n\n</details>\n\n---\n")
    order = [(block_value(block, "Conference").casefold(), block_value(block, "Link")) for block in blocks(name)]
    assert order == sorted(order)


def block_value(block: str, key: str) -> str:
    found = re.search(rf"(?m)^- \*\*{key}\*\*: (.+)$", block)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("name", "number"), [(name, number) for name in LIST_FILES for number in range(1, len(blocks(name)) + 1)])
def test_demo_block_agrees_with_itself(name: str, number: int) -> None:
    block = blocks(name)[number - 1]
    title = block.split("\n")[0].removeprefix(f"## {number}. ")
    yearly = name == "2023-papers.md"
    url = block_value(block, "Link")
    head = [f"## {number}. {title}", f"- [{'x' if yearly else ' '}] {title} | {url}", f"- **Link**: {url}"]
    head += [f"- **Conference**: {block_value(block, 'Conference')}", "- **Year**: 2023"]
    head += [f"- **Type**: {block_value(block, 'Type')}"] if yearly else []
    opening = "\n\n".join([*head, "<details>\n<summary><strong>Abstract</strong></summary>\n\n"])
    closing = "\n\n</details>\n\n---\n"
    assert block.startswith(opening)
    abstract, end, after = block.removeprefix(opening).partition(closing)
    assert end
    assert after == ("" if number == len(blocks(name)) else "\n")
    assert len(abstract) > 200
    assert abstract == abstract.strip()


def test_demo_yearly_list_repeats_the_curated_facts() -> None:
    facts = {row["url"]: row for row in curated()}
    for block in blocks("2023-papers.md"):
        row = facts[block_value(block, "Link")]
        assert block.startswith(f"## {block.split('. ')[0].removeprefix('## ')}. {row['title']}\n")
        assert (block_value(block, "Conference"), block_value(block, "Type")) == (row["venue"], row["type"])


def test_demo_documents_tell_of_three_papers_twice() -> None:
    listed = [block.split("\n")[0].split(". ", 1)[1] for name in LIST_FILES for block in blocks(name)]
    page = re.findall(r"(?m)^(.+)\n\n.+\n\n.+\n·\n", demo("huggingface-page.txt"))
    noted = re.findall(r"(?m)^\d+\. (.+)_[A-Za-z]+\d\d$", demo("notes.txt"))
    assert (len(listed), len(page), len(noted)) == (53, 12, 2)
    counts = Counter(title_key(title) for title in (*listed, *page, *noted))
    twice = {title.split(":")[0] for title in listed if counts[title_key(title)] == 2}
    assert twice == {"All in One", "BUS", "VL-PET"}
    assert len(counts) == 64
    spellings = {title for title in (*listed, *page) if title.startswith("All in One")}
    assert spellings == {
        "All in One: Exploring Unified Video-Language Pre-Training",
        "All in One: Exploring Unified Video-Language Pre-training",
    }


def test_demo_abstracts_hold_what_text_handling_must_survive() -> None:
    assert "(<30% of DALL-E)" in demo("2023-papers.md")
    assert r"$\log \frac{p(x \mid c)}{p(x)}$" in demo("emnlp-2023.md")
    assert "“the yellow mug”" in demo("iccv-2023.md")
    assert "2.2×" in demo("acl-2023.md")
