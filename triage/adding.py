"""One paper by hand: looked up at arXiv by its id and kept like any other record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from triage.due import Due
from triage.errors import UsageError
from triage.gather import open_door
from triage.harvest import Harvest, keep_harvest
from triage.runs import StepReport
from triage.sources.preprints import arxiv_id
from triage.sources.registry import sources
from triage.text import clean_line, identifiers_in_url, identifiers_of_doi

if TYPE_CHECKING:
    from triage.runs import Run
    from triage.sources.arxiv import ArXiv

__all__ = ["add", "arxiv_reference"]

AT_ONCE = 100
"""Ids asked for in one request; the API takes more, addresses should stay short."""


def arxiv_reference(words: str) -> str:
    """The arXiv id in "arXiv:2305.17530v2", "2305.17530", an arXiv, alphaXiv or Hugging Face link, or arXiv's DOI.

    Raises UsageError for anything else.
    """
    text = clean_line(words)
    doi = text.lower().removeprefix("https://doi.org/").removeprefix("doi:").strip()
    found = (
        identifiers_in_url(text).get("arxiv") or arxiv_id(text) or (identifiers_of_doi(doi).get("arxiv") if doi.startswith("10.") else None)
    )
    if found is None:
        raise UsageError(
            f"{text[:200]!r} names no arXiv paper, and other papers cannot be looked up",
            hint="give an arXiv id, link or DOI (10.48550/arXiv.ID); a paper that is not on arXiv can be imported in a list: triage import FILE",
        )
    return found


def add(run: Run, words: Sequence[str]) -> StepReport:
    """Look the papers up and keep their records; ids arXiv does not know are failures. Raises UsageError before anything is asked."""
    ids = list(dict.fromkeys(map(arxiv_reference, words)))
    source = cast("ArXiv", sources(run.settings)["arxiv"])
    base = run.settings.sources.named(source.name).base_url or source.base_url
    requests = [source.lookup(ids[start : start + AT_ONCE], base_url=base) for start in range(0, len(ids), AT_ONCE)]
    harvest = Harvest(Due(source, by_hand=True))
    run.progress.step("add", len(requests))
    with open_door(run) as door:
        for request, answer in door.fetch_all(requests, source=source.name, hosts=source.hosts):
            parsed = harvest.read(request, answer, None)
            if parsed and not parsed.verdict.complete:
                harvest.trouble("not found", request.key, parsed.verdict.reason, "check the id at https://arxiv.org", day=None)
            run.progress.advance()
    return run.add(keep_harvest(run, harvest, door.drain(), step="add from"))
