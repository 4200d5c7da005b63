"""Generated BibTeX, line by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.sources.bibtex import bibtex_names, read_bibtex


def test_an_entry() -> None:
    (entry,) = read_bibtex("@InProceedings{a-1,\n  title = {The {FOG}  Signal},\n  author = {Ito, Fay},\n  year = 2031\n}\n")
    assert (entry.kind, entry.key, entry.title, entry.authors, entry.whole) == (
        "inproceedings",
        "a-1",
        "The FOG Signal",
        ("Fay Ito",),
        True,
    )
    assert entry.fields["year"] == "2031"


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("{V}ec{KM}: Fast", "VecKM: Fast"),
        (r"On $\mathcal{O}(n)$ {F}og", r"On $\mathcal{O}(n)$ Fog"),
        (r"Gr{\"o}{\ss}e \& Gewicht", "Größe & Gewicht"),
        ("Costs $5 and more", "Costs 5 and more"),
    ],
)
def test_titles_as_they_are_shown(title: str, shown: str) -> None:
    (entry,) = read_bibtex(f"@article{{x,\n  title = {{{title}}},\n}}\n")
    assert entry.title == shown


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ito, Fay and Vega, Gil", ("Fay Ito", "Gil Vega")),
        ("Nobody, Null", ("Null Nobody",)),
        ("Fay Ito and others", ("Fay Ito",)),
        ("", ()),
    ],
)
def test_names(text: str, names: tuple[str, ...]) -> None:
    assert bibtex_names(text) == names


def test_braces_that_do_not_balance_cost_nothing() -> None:
    text = "@a{x,\n  abstract = {one { two},\n  title = {Kept}\n}\n@a{y,\n  title = {Next}\n}\n"
    assert [(entry.key, entry.title, entry.whole) for entry in read_bibtex(text)] == [("x", "Kept", True), ("y", "Next", True)]


@pytest.mark.parametrize("cut", ["@a{x,\n  title = {Ke", "@a{x,\n  title = {Kept}", "@a{x,\n  title = {Kept},\n  year = 20"])
def test_an_entry_that_stops_in_the_middle_says_so(cut: str) -> None:
    (entry,) = read_bibtex(cut)
    assert not entry.whole


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    assert all(entry.key for entry in read_bibtex(text))
