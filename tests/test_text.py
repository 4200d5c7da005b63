"""The one normalisation: what may be kept and shown, and what compares equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.text import (
    canonical_url,
    clean_abstract,
    clean_line,
    clean_name,
    clean_url,
    identifiers_in_url,
    identifiers_of_doi,
    is_generic_title,
    name_tokens,
    plain,
    split_authors,
    title_key,
)

SAME = [
    ("Unified Pre-Training", "unified pretraining"),
    ("Schr\\\"{o}dinger's Cat", "Schrödinger’s cat"),
    ("Learning &amp;amp; Forgetting", "Learning & Forgetting"),
    ("<i>Fast</i> $<$30% Models", "Fast <30% Models"),
    ("A Title (Oral)", "A Title"),
    ("A Title [v2]", "A title."),
    ("Ｆｕｌｌ Width", "Full width"),
    ("\\textbf{Bold} $\\alpha$-Net", "Bold alpha-Net"),
    ("Mix  of\u00a0spaces\u200b", "Mix of spaces"),
]
DIFFERENT = [
    ("BLIP", "BLIP-2"), ("BLIP", "BLIP++"), ("DETR+", "DETR++"), ("EgoVLP", "EgoVLPv2"), ("Part I", "Part II"),
    ("がくせい", "かくせい"), ("Café", "Cafés"),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SAME)
def test_titles_that_are_one(left: str, right: str) -> None:
    assert title_key(left) == title_key(right) != ""


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_titles_that_are_two(left: str, right: str) -> None:
    assert title_key(left) != title_key(right)


@pytest.mark.parametrize("title", ["Editorial", "TABLE OF CONTENTS", "???", "", "Guest editorial."])
def test_titles_that_name_no_paper(title: str) -> None:
    assert is_generic_title(title)


@pytest.mark.parametrize(
    ("url", "identifiers"),
    [
        ("https://arxiv.org/abs/2305.17530v2", {"arxiv": "2305.17530"}),
        ("http://arxiv.org/pdf/2305.17530.pdf", {"arxiv": "2305.17530"}),
        ("https://arxiv.org/abs/math.GT/0309136", {"arxiv": "math.GT/0309136"}),
        ("https://huggingface.co/papers/2305.17530", {"arxiv": "2305.17530"}),
        ("https://aclanthology.org/2023.acl-long.721/", {"anthology": "2023.acl-long.721"}),
        ("https://aclanthology.org/P19-1001.pdf", {"anthology": "P19-1001"}),
        ("https://openreview.net/forum?id=aB_c-1", {"openreview": "aB_c-1"}),
        ("https://doi.org/10.48550/arXiv.2305.17530", {"arxiv": "2305.17530"}),
        ("https://doi.org/10.18653/v1/2023.acl-long.721", {"doi": "10.18653/v1/2023.acl-long.721", "anthology": "2023.acl-long.721"}),
        ("https://doi.org/10.18653/v1/p19-1001", {"doi": "10.18653/v1/p19-1001", "anthology": "P19-1001"}),
        ("https://dx.doi.org/10.1109/ABC.2023.1", {"doi": "10.1109/abc.2023.1"}),
        ("https://example.org/abs/2305.17530", {}),
        (None, {}),
    ],
)
def test_identifiers_that_a_link_spells_out(url: str | None, identifiers: dict[str, str]) -> None:
    assert identifiers_in_url(url) == identifiers


def test_a_doi_in_any_case_is_one_doi() -> None:
    assert identifiers_of_doi("DOI: 10.1109/ABC.1") == identifiers_of_doi("https://doi.org/10.1109/abc.1") == {"doi": "10.1109/abc.1"}


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://www.Example.org/a/b/?utm_source=x&id=2#top", "example.org/a/b?id=2"),
        ("http://example.org/a/b?id=2", "example.org/a/b?id=2"),
        ("https://example.org/", None),
        ("http://[broken", None),
        ("", None),
    ],
)
def test_canonical_links(url: str, canonical: str | None) -> None:
    assert canonical_url(url) == canonical


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://example.org/x", "example.org/x", "http://[broken", "", "https://"])
def test_what_is_no_link(url: str) -> None:
    assert clean_url(url) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ann Smith, Bo Li and Carl Jones", ("Ann Smith", "Bo Li", "Carl Jones")),
        ("Smith, Ann and Li, Bo", ("Ann Smith", "Bo Li")),
        ("Ann Smith; Bo Li", ("Ann Smith", "Bo Li")),
        ("Ann Smith · Bo Li", ("Ann Smith", "Bo Li")),
        ("Ann Smith", ("Ann Smith",)),
        ("", ()),
    ],
)
def test_authors_in_one_string(text: str, names: tuple[str, ...]) -> None:
    assert split_authors(text) == names


def test_names_are_compared_without_order_initials_or_accents() -> None:
    assert name_tokens(["Müller, Jörg K."]) == name_tokens(["Jorg Muller"]) == ["jorg", "muller"]
    assert clean_name("Xiaopeng Zhang 0009") == "Xiaopeng Zhang"


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    for clean in (clean_line, clean_abstract):
        assert clean(clean(text)) == clean(text)
    assert clean_line(text).encode("utf-8").decode("utf-8") == clean_line(text)
    assert "\n" not in clean_line(text)
    if link := clean_url("https://example.org/" + text):
        assert clean_url(link) == link
        assert not any(c.isspace() or c in '|<>"`\\' for c in link)


@given(st.text())
def test_comparing_never_fails(text: str) -> None:
    assert title_key(text) == title_key(text + " ") or text != text.strip()
    plain(text)
    name_tokens([text])
    canonical_url(text)
    split_authors(text)


@given(st.text(max_size=60) | st.text("ab \t\n\u200b\u2028\xa0\x85é", max_size=30))
def test_the_short_cut_for_plain_lines_changes_nothing(text: str) -> None:
    forced = clean_line(f"\u200b{text}")  # a character that is dropped keeps it off the short cut
    assert clean_line(text) == forced


@given(st.text("ab:/.?#&%[]()<> \"'é@0", max_size=40))
def test_the_short_cut_for_plain_links_changes_nothing(rest: str) -> None:
    # an upper-case scheme goes the long way
    shown, forced = clean_url(f"https://{rest}"), clean_url(f"HTTPS://{rest}")
    assert (shown or "")[5:] == (forced or "")[5:]
