"""What every source of arXiv papers says alike, so that two of them never disagree about one paper."""

from __future__ import annotations

from typing import Any

from triage.text import clean_line, identifiers_in_url

__all__ = ["arxiv_fields", "arxiv_id", "one_line"]


def arxiv_id(text: str) -> str | None:
    """The id without version in "2401.00001v2", "oai:arXiv.org:2401.00001", or an arXiv link; None when there is none."""
    text = clean_line(text)
    bare = text.partition("arXiv.org:")[2] or text.removeprefix("arXiv:").removeprefix("arxiv:")
    for candidate in (text, f"https://arxiv.org/abs/{bare}"):
        if found := identifiers_in_url(candidate).get("arxiv"):
            return found
    return None


def arxiv_fields(identifier: str) -> dict[str, Any]:
    """venue, year, url, identifiers and the PDF link that follow from an arXiv id alone.

    The year is the id's own (yymm since 2007, archive/yymmnnn since 1991): feeds give the day of an
    announcement, the API the day of submission, and a paper must not change its year between them.
    https://info.arxiv.org/help/arxiv_identifier.html
    """
    digits = int(identifier.rpartition("/")[2][:2])
    return {
        "venue": "arXiv",
        "year": 1900 + digits if "/" in identifier and digits >= 91 else 2000 + digits,
        "url": f"https://arxiv.org/abs/{identifier}",
        "identifiers": {"arxiv": identifier},
        "links": {"pdf": f"https://arxiv.org/pdf/{identifier}"},
    }


def one_line(text: str | None) -> str | None:
    """An abstract without its line breaks: feed, API, OAI and Hugging Face break the same text at
    different places (Hugging Face stopped doing so about 2025-11), which is no change of the paper."""
    return clean_line(text or "") or None
