"""What makes two records one paper, and what keeps them apart: one SQL condition each, with its reason.

A condition is over the columns of `features` (see `FEATURES`). Rules are tried in order; the first whose
condition holds names the pair. A rule that holds while a veto stands gives no work: the pair goes to
review where a person can tell, else it is kept apart. A pair that no rule takes but a doubt does goes to
review.

Figures are from the labelled development sets of preprint-venue, DBLP-ACM and medical exports.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AUTHORS",
    "DOUBTS",
    "LEAST_TITLE_LIKENESS",
    "PERSON",
    "PREPRINT_GAP",
    "RULES",
    "TITLE_RULES",
    "VETOES",
    "VETO_SCHEMES",
    "WORTH_COMPARING",
    "YEARS",
    "Doubt",
    "Rule",
    "Veto",
]

PREPRINT_GAP = 3
"""Years a preprint and its publication may lie apart; between two published records there is no gap."""

VETO_SCHEMES = ("arxiv", "doi", "anthology")
"""Two different values of one of these are two papers. OpenReview forums are one a submission: no veto."""

LEAST_TITLE_LIKENESS = 0.5
"""The same identifier under titles less alike than this goes to review: 0.35 % of hand-copied links are wrong."""

YEARS, AUTHORS = "years do not fit", "no author in common"
"""Vetoes that a record without year, or without authors, escapes one by one and must not escape in between."""

PERSON = "person"
"""The rule's name of an edge that a person drew."""


@dataclass(frozen=True)
class Rule:
    """One way two records can be the same paper: `strength` orders the unions, lower first.

    `reason` is what a person is told of a pair that the rule united, `bounds` why the condition asks for more.
    """

    name: str
    strength: int
    reason: str
    condition: str = ""
    bounds: str = ""


@dataclass(frozen=True)
class Veto:
    """What keeps two records apart whatever their titles say. `review`: when a person should look all the same."""

    name: str
    condition: str
    review: str
    reason: str


@dataclass(frozen=True)
class Doubt:
    """What is too little to unite two records and too much to say nothing."""

    name: str
    condition: str
    reason: str


_IDENTIFIER_RULES = (
    Rule(PERSON, -1, "a person said so"),
    Rule("arxiv", 0, "the same arXiv id, version stripped"),
    Rule("doi", 1, "the same DOI, arXiv's own DOIs read as arXiv ids"),
    Rule("anthology", 2, "the same ACL Anthology id"),
    Rule("openreview", 3, "the same OpenReview forum"),
    Rule("url", 4, "the same canonical link"),
)

TITLE_RULES = (
    Rule(
        "title", 5,
        "the same title but for case, accents, punctuation and spaces",
        "exact AND (agree OR (fewer >= 2 AND length >= 10))",
        "a title of one word says too little without its authors",
    ),
    Rule(
        "core", 6,
        "the same title but for a name in front, a subtitle or a bracket",
        "same_numbers AND NOT marked AND ((tail_equal AND fewer >= 3 AND (agree OR telling >= 2 OR fewer >= 5))"
        " OR (agree AND fewer >= 3 AND (tails_equal OR ((part OR last_part) AND length >= 20))))",
        "behind the name two telling words or five words are left, or the authors agree; a dropped subtitle, a title in its own tongue before the"
        " translated one, or another name in front counts only when the authors agree",
    ),
    Rule(
        "name", 7,
        "the same coined name in front of the colon and most of the words behind it",
        "name_equal AND same_numbers AND NOT marked AND NOT contrary AND NOT siblings AND coined"
        " AND ((fewer >= 5 AND shared >= 0.75 * fewer AND shared >= 0.6 * more) OR (agree AND fewer >= 5 AND shared >= 0.5 * fewer))",
        "half of the words are enough by the same authors; the same method for images and for video is two papers",
    ),
    Rule(
        "near", 8,
        "nearly the same title",
        "same_numbers AND NOT marked AND NOT contrary AND ("
        "(likeness >= 0.95 AND fewer >= 3 AND length >= 25 AND (agree OR NOT sibling))"
        " OR (likeness >= 0.9 AND fewer >= 4 AND mistyped)"
        " OR (likeness >= 0.8 AND fewer >= 5 AND shared = more)"
        " OR (agree AND NOT sibling AND fewer >= 4 AND (likeness >= 0.9 OR (likeness >= 0.7 AND shared >= 0.75 * more AND gap <= 1))))",
        "spelling: 19 of 20 characters, or one mistyped word, or the same words in another order; three quarters of the words when the authors agree"
        " and the years are next to each other",
    ),
    Rule(
        "reworded", 9,
        "a preprint and its publication: the same first part and most of the words behind it, or one word put in",
        "same_numbers AND NOT marked AND NOT contrary AND NOT sibling AND NOT both_published AND gap <= 1 AND (agree OR names_x = 0 OR names_y = 0)"
        " AND ((heads_equal AND fewer >= 5 AND shared >= 0.7 * more)"
        " OR (fewer >= 5 AND telling >= 4 AND shared = fewer AND more = fewer + 1 AND likeness >= 0.8))",
        "years next to each other and no authors that say otherwise",
    ),
    Rule(
        "cut", 10,
        "a long title that breaks off inside a word of the other",
        "cut AND same_numbers AND length >= 30 AND fewer >= 4",
        "a column was too narrow",
    ),
)  # fmt: skip

RULES = {rule.name: rule for rule in (*_IDENTIFIER_RULES, *TITLE_RULES)}

VETOES = (
    Veto("two identifiers of one scheme", "two_identifiers", "exact", "a paper has one arXiv id, one DOI of its own, one Anthology id"),
    Veto(
        "a title many papers carry",
        "common_title",
        "agree AND gap = 0 AND NOT series",
        "30 of 92 equal titles such as Editorial were wrong",
    ),
    Veto(YEARS, "NOT year_fits", "exact AND agree AND gap = 1", "published twice is two papers: conference and journal"),
    Veto(AUTHORS, "strangers", "exact AND fewer >= 3", "the same title by other people"),
    Veto(
        "two journals", "two_journals AND coalesce(abstract_likeness, 0) < 0.5", "agree", "published twice is two papers, in one year too"
    ),
    Veto("abstracts differ", "other_abstract", "true", "workshop and main version under one title, with different content"),
)

DOUBTS = (
    Doubt("renamed", "agree AND abstract_likeness >= 0.5", "another title, the same authors and most words of the abstract"),
    Doubt("one title inside the other", "same_numbers AND fewer >= 3 AND (tail_equal OR part) AND length >= 15", "may be a survey and its sibling"),
    Doubt(
        "the same first part",
        "same_numbers AND agree AND (heads_equal OR last_part) AND fewer >= 5 AND shared >= 0.4 * fewer AND gap <= 1",
        "a study and the next one of its group, or one paper under two subtitles",
    ),
    Doubt("another name in front", "same_numbers AND fewer >= 3 AND tails_equal", "two methods can share a subtitle"),
    Doubt("titles nearly alike", "same_numbers AND fewer >= 4 AND likeness >= 0.85", "one adjective more can be another paper"),
    Doubt(
        "most words in common",
        "same_numbers AND fewer >= 5 AND shared >= 0.7 * more AND (shared = fewer OR likeness >= 0.7 OR agree)",
        "one word exchanged can be another paper",
    ),
    Doubt(
        "many of the words and the authors",
        "same_numbers AND agree AND several_authors AND gap <= 1 AND fewer >= 6 AND shared >= 0.7 * fewer",
        "the next paper of the same group looks like this too",
    ),
    Doubt(
        "the same name in front",
        "same_numbers AND name_equal AND coined AND fewer >= 4 AND shared >= 0.6 * fewer",
        "two groups can coin the same name",
    ),
)  # fmt: skip

WORTH_COMPARING = (
    "exact OR tail_equal OR tails_equal OR heads_equal OR part OR last_part OR cut OR abstracts"
    " OR (same_numbers AND shared >= 0.5 * fewer AND ((name_equal AND coined) OR shared >= 0.7 * fewer OR likeness >= 0.85))"
)
"""What every rule and doubt about titles asks for at the least, in what is cheap to know of a pair (`abstracts`: both have one).

Of half a million papers one near pair in eleven is left; names, abstracts and words that differ are compared only in these.
"""
