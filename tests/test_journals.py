"""Names of journals: when two of them are two journals, and when nothing can be said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.identity.journals import two_journals


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("American Heart Journal", "European Heart Journal"),
        ("Thorax", "Br-J-Dis-Chest"),
        ("Respiration", "European Respiratory Journal"),
        ("Journal of Clinical Oncology", "Indian Journal of Hematology and Blood Transfusion"),
        ("J Heart Lung Transplant", "American Journal of Transplantation"),
        ("Lung Cancer", "JOURNAL OF CLINICAL ONCOLOGY"),
    ],
)
def test_two_journals(one: str, other: str) -> None:
    assert two_journals(one, other)
    assert two_journals(other, one)


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("J Clin Oncol", "Journal of clinical oncology : official journal of the American Society", "abbreviated, and more said"),
        ("Jthoraccardiovascsurg", "The Journal of thoracic and cardiovascular surgery", "written together"),
        ("Transplantation Proceedings", "Blood", "proceedings may stand for anything"),
        ("SIGMOD Record", "The VLDB Journal", "acronyms"),
        ("BMJ (Clinical research ed.)", "British Medical Journal", "an acronym"),
        ("bmj", "British Medical Journal", "initials"),
        ("CVPR", "IEEE Transactions on Pattern Analysis and Machine Intelligence", "a conference and an acronym"),
        ("Aizheng", "Chinese Journal of Cancer", "a journal with a second name"),
        ("Revista Panamericana de Salud Publica", "Pan American Journal of Public Health", "two tongues"),
        ("Annales fran?aises", "Thorax", "letters that were lost"),
        ("Praxis", "Schweizerische Rundschau fur Medizin = Praxis", "one of two names"),
        ("Pathology Biology", "Pathologie Biologie", "endings"),
        ("", "Thorax", "no name"),
        ("12(3)", "Thorax", "no letters"),
    ],
)
def test_nothing_is_said(one: str, other: str, why: str) -> None:
    assert not two_journals(one, other), why
    assert not two_journals(other, one), why


_NAMES = st.text(alphabet=st.sampled_from("JornalofClicOcgyÉ .=/(:[&;?中ש"), max_size=30) | st.text(max_size=20)


@given(_NAMES, _NAMES)
def test_any_text_is_a_name(one: str, other: str) -> None:
    assert not two_journals(one, one)
    assert two_journals(one, other) == two_journals(other, one)
