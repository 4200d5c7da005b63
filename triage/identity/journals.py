"""Two journals are two publications, however each source writes their names.

"J Clin Oncol" and "Journal of clinical oncology" are one journal, "American Heart Journal" and "European
Heart Journal" are two. Only what is spelled out in one language can be told apart: behind an acronym
("SIGMOD Record", "JAMA"), a conference, a report or a publisher anything may stand, and a journal of a
country where English is not spoken has a second name ("Aizheng", "Chinese Journal of Cancer"). Then nothing is said.

What it earns: on the respiratory review set all 15 wrong pairs were one title in two journals of one year,
mostly the abstract of a talk and the article.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from triage.warehouse import stage

if TYPE_CHECKING:
    import duckdb

__all__ = ["stage_journal_pairs", "two_journals"]

# articles, prepositions and conjunctions: the English say nothing, the others say that the name is not English
_SILENT = frozenset("the a an of for in on and s".split())
_FOREIGN = frozenset(
    "de la le les des du d l et der die das dem und fur di della dell del dei y e i o ed na za zhi tsa chih zasshi van het och og und".split()
)
_ENGLISH = frozenset("journal journals j of and the for american british european international".split())

# countries and languages whose journals are also known by a name in their own tongue
_NATIONAL = (
    "arab", "argentinian", "asturian", "austrian", "belgian", "brazilian", "bulgarian", "chilean", "china", "chinese", "colombian", "croatian", "cuban",
    "czech", "danish", "dutch", "egyptian", "finnish", "french", "german", "greek", "hellenic", "hungarian", "iranian", "israeli", "italian", "japan",
    "japanese", "korean", "macedonian", "mexican", "norwegian", "panamerican", "pan", "polish", "portuguese", "romanian", "russian", "scandinavian",
    "serbian", "slovak", "spanish", "swedish", "swiss", "taiwan", "tunisian", "turkish", "ukrainian", "venezuelan",
)  # fmt: skip

_NO_JOURNAL = re.compile(
    r"\b(?:proc|proceedings?|conf|conference|symp|symposium|workshops?|congress|meeting|report|tech|thesis|university|univ|press|publishers?"
    r"|lecture notes|advances in|arxiv|preprint|submitted|abstracts?|book)\b"
)


class _Journal(NamedTuple):
    """The words of each name a journal is given, and whether they are English words, and of a country that has others."""

    names: tuple[tuple[str, ...], ...]
    english: bool
    national: bool


def two_journals(one: str, other: str) -> bool:
    """True when both are names of journals and each has a word that the other has not, abbreviations undone."""
    ours, theirs = _journal(one), _journal(other)
    if ours is None or theirs is None:
        return False
    if (ours.national and not theirs.english) or (theirs.national and not ours.english):
        return False
    return all(_differ(a, b) for a, b in product(ours.names, theirs.names))


@lru_cache(maxsize=65536)
def _journal(venue: str) -> _Journal | None:
    """None when nothing can be said of it; several names stand around `=`, `/`, `:` ("Praxis = Revue suisse")."""
    text = html.unescape(re.sub(r"[(\[][^)\]]*[)\]]?", " ", venue))
    if _has_acronym(text):
        return None
    folded = "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if unicodedata.category(c)[0] != "M")
    words = _words(folded)
    if _NO_JOURNAL.search(folded) or "?" in folded or "\ufffd" in folded or not _FOREIGN.isdisjoint(words):
        return None
    names = tuple(told for part in re.split(r"[=:;/—]", folded) if (told := tuple(w for w in _words(part) if w not in _SILENT)))
    if not any(len(word) > 3 for word in words):
        return None
    return _Journal(names, not _ENGLISH.isdisjoint(words), any(_is_national(word) for word in words))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def _is_national(word: str) -> bool:
    return word in _NATIONAL or (len(word) >= 4 and any(name.startswith(word) for name in _NATIONAL))


def _has_acronym(text: str) -> bool:
    """Capitals among small letters, or one short word in capitals."""
    words = _words(text)
    if text.upper() == text:
        return len(words) < 2
    return any(len(word) > 1 and word.upper() == word and word.lower() != word for word in words)


def _differ(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    return _has_more(ours, theirs) and _has_more(theirs, ours) and not _contracted(ours, theirs) and not _contracted(theirs, ours)


def _has_more(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    return any(not any(_same_word(word, other) for other in theirs) for word in ours)


def _same_word(one: str, other: str) -> bool:
    """Equal, abbreviated ("surg", "natl"), or with two other letters at the end ("pathologie", "pathology")."""
    short, long = sorted((one, other), key=len)
    if short[0] != long[0]:
        return False
    letters = iter(long)
    if all(letter in letters for letter in short):
        return True
    return len(short) >= 6 and short[:-2] == long[: len(short) - 2] and len(long) - len(short) <= 2


def _contracted(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Whether one word stands for all: "bmj", "jthoraccardiovascsurg"."""
    if len(short) != 1 or short[0][0] != long[0][0]:
        return False
    letters = iter("".join(long))
    return short[0] == "".join(word[0] for word in long) or (len(short[0]) >= _GLUED and all(letter in letters for letter in short[0]))


_GLUED = 12  # letters: no single word that names a journal has so many and could be read into another name by chance


def stage_journal_pairs(con: duckdb.DuckDBPyConnection) -> None:
    """Make temporary table `journal_pair` (venue_x, venue_y) of those pairs of venues in `features` that are two journals."""
    met = con.execute(
        "SELECT DISTINCT venue_x, venue_y FROM features WHERE both_published AND venue_x <> venue_y AND year_fits ORDER BY ALL"
    ).fetchall()
    apart = [{"venue_x": x, "venue_y": y} for x, y in met if two_journals(x, y)]
    stage(con, "journal_pair", apart, {"venue_x": "VARCHAR", "venue_y": "VARCHAR"})
