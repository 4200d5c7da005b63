"""Forms and block keys: which pairs of records are looked at at all.

A record is looked at beside those it shares a block with: its exact key or one of its core keys (without
the name in front of the colon, without what follows the first part), the first or last three telling
words, two of its three rarest words, the name in front of the colon, and for records with an abstract
their authors. All keys are hashes of the record alone, so neither the order of arrival nor what else is
there changes them. A block that outgrows its cap says nothing ("deep learning for"): its pairs are looked
at again as if it did not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.identity.rules import PREPRINT_GAP
from triage.titles import PLAIN_TITLE, SQL_SIGNATURE, sql_forms, title_form
from triage.warehouse import stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import duckdb

__all__ = ["COMMON_WORDS", "LARGEST_BLOCK", "YEAR_FITS", "add_forms", "find_candidates", "sql_list", "telling_words", "widen_due"]

LARGEST_BLOCK = 100
"""Records in one block; a block of n costs n² / 2 pairs, and 100 papers that share three words share a subject."""

YEAR_FITS = f"(x.year = y.year OR (abs(x.year - y.year) <= {PREPRINT_GAP} AND (x.preprint OR y.preprint)))"

_WORDS, _AUTHORS, _NAME, _KEY = 1, 2, 3, 4
"""Kinds of blocks, as in store.block."""

_MOST_COPIES = 500
"""Records of one exact title: a paper everybody cites comes hundreds of times in one export of references."""

_CAP = f"CASE kind WHEN {_NAME} THEN 20 WHEN {_KEY} THEN {_MOST_COPIES} ELSE {LARGEST_BLOCK} END"
"""A name in front of the colon that more than 20 papers carry is no coined name ("deep learning", "CLIP")."""

_STOP_WORDS = (
    "a", "an", "the", "of", "for", "in", "on", "with", "and", "to", "from", "by", "via", "using", "at", "is", "are", "as", "towards", "toward",
    "into", "its", "it", "be", "or", "can", "we", "how", "what", "do", "does", "your", "you", "this", "that", "under", "over",
    "between", "through",
)  # fmt: skip

COMMON_WORDS = (
    "learning", "based", "deep", "neural", "network", "networks", "model", "models", "data", "approach", "method", "methods", "system",
    "systems", "analysis", "image", "images", "video", "study", "language", "large", "training", "efficient", "detection", "recognition",
    "segmentation", "representation", "representations", "generation", "multi", "self", "supervised", "transformer", "transformers", "visual",
    "vision", "framework", "patients", "treatment", "clinical", "trial", "management", "database", "databases", "query", "information",
    "classification", "estimation", "prediction", "optimization", "adaptive", "object", "knowledge", "semantic", "attention", "robust",
    "unsupervised", "reinforcement", "graph", "survey", "review", "comprehensive", "introduction", "new", "novel", "overview", "report",
    "experimental", "evaluation", "results", "application", "applications", "human", "text", "time", "real",
)  # fmt: skip
"""Words so frequent in titles that they tell little: they come last among the rarest words of a title."""


def sql_list(words: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


def _by_length(word: str, hits: Mapping[str, str], otherwise: Callable[[int], str], lengths: Iterable[int]) -> str:
    """SQL: WHEN clauses that tell words apart by length first, in half the time of an IN over all of them."""
    cases = []
    for length in lengths:
        same = " ".join(f"WHEN '{hit}' THEN {value}" for hit, value in hits.items() if len(hit) == length)
        cases.append(f"WHEN {length} THEN " + (f"CASE {word} {same} ELSE {otherwise(length)} END" if same else otherwise(length)))
    return " ".join(cases)


_SILENT = dict.fromkeys((":", *_STOP_WORDS), "false")
_LONGEST_SILENT = max(map(len, _SILENT))


def telling_words(form: str) -> str:
    """SQL: the words of the column `form` without articles, prepositions and the like."""
    cases = _by_length("w", _SILENT, lambda _: "true", range(1, _LONGEST_SILENT + 1))
    return f"list_filter(string_split({form}, ' '), lambda w: CASE strlen(w) {cases} ELSE true END)"  # of bytes: half the time, and the same for these


_HEAD = 18  # characters of a first part that can stand for the title
_MOST_WORDS = 3  # words a name in front of a colon has at most: "BLIP-2", "SCOTCH and SODA"

# The parts of a form, one CTE each; `numbered` holds record_no, record_id, form. The words themselves are not kept: lists take most of the memory.
_PARTS = f"""
cut AS (SELECT *, position(' : ' IN form) AS edge FROM numbered),
parted AS (
    SELECT record_no, record_id, form, edge, CASE WHEN edge > 0 THEN form[:edge - 1] END AS first, CASE WHEN edge > 0 THEN form[edge + 3:] END AS rest FROM cut
),
counted AS (SELECT *, length(first) - length(replace(first, ' ', '')) + 1 AS in_front, {telling_words("form")} AS words FROM parted)
SELECT record_no, record_id, form, replace(CASE WHEN edge > 0 THEN replace(form, ':', '') ELSE form END, ' ', '') AS key,
       CASE WHEN in_front <= {_MOST_WORDS} THEN replace(first, ' ', '') END AS name,
       CASE WHEN in_front > {_MOST_WORDS} AND length(first) >= {_HEAD} THEN replace(first, ' ', '') END AS head,
       CASE WHEN in_front <= {_MOST_WORDS} AND length(rest) >= 15 THEN replace(replace(rest, ' ', ''), ':', '') END AS tail,
       {SQL_SIGNATURE} AS signature,
       coalesce(list_bit_or(list_transform(words, lambda w: 1::UBIGINT << (hash(w) % 64))), 0) AS bits,
       hash('f' || words[1] || ' ' || words[2] || ' ' || words[3]) AS first_words,
       hash('l' || words[-3] || ' ' || words[-2] || ' ' || words[-1]) AS last_words, len(words) >= 3 AS worded
FROM counted
"""


def add_forms(con: duckdb.DuckDBPyConnection) -> None:
    """Make forms and block keys of the records in temporary table `due` (record_id), instead of those they had."""
    if not con.execute("SELECT count(*) FROM due").fetchall()[0][0]:
        con.execute("CREATE OR REPLACE TEMP TABLE fresh_form (record_no BIGINT)")  # what comes after asks only which records are fresh
        return
    con.execute("CREATE OR REPLACE TEMP TABLE outdated AS SELECT record_no FROM store.title_form JOIN due USING (record_id)")
    if con.execute("SELECT count(*) FROM outdated").fetchall()[0][0]:
        con.execute("DELETE FROM store.block WHERE record_no IN (SELECT record_no FROM outdated)")
        con.execute("DELETE FROM store.title_form WHERE record_no IN (SELECT record_no FROM outdated)")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE fresh_title AS SELECT record_id, title, coalesce(regexp_full_match(title, ?), true) AS plain"
        " FROM store.record JOIN due USING (record_id)",
        [PLAIN_TITLE],
    )
    odd = con.execute("SELECT record_id, title FROM fresh_title WHERE NOT plain").fetchall()
    stage(con, "odd_form", [{"record_id": r, "form": title_form(t)} for r, t in odd], {"record_id": "VARCHAR", "form": "VARCHAR"})
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE fresh_form AS
        WITH formed AS (
            SELECT record_id, title AS form FROM {sql_forms("(SELECT record_id, title FROM fresh_title WHERE plain)")}
            UNION ALL SELECT record_id, form FROM odd_form
        ),
        numbered AS (
            SELECT (SELECT coalesce(max(record_no), 0) FROM store.title_form) + row_number() OVER () AS record_no, record_id, form FROM formed
        ),
        {_PARTS}
        """
    )
    con.execute("DROP TABLE fresh_title")
    con.execute("INSERT INTO store.title_form SELECT * EXCLUDE (first_words, last_words, worded) FROM fresh_form")
    _add_blocks(con)


# Long words first, frequent ones last: in this order words are the rarer, as far as a title alone can tell.
_LONGEST_WORD = 25


def _rank(word: str) -> str:
    """SQL: `word` behind two characters, so that rare words come first in the alphabet; NULL for a word that tells nothing or has two letters."""
    place = [chr(122 - length) for length in range(_LONGEST_WORD + 1)]
    hits = dict.fromkeys(_STOP_WORDS, "NULL") | {one: f"'9{place[len(one)]}'" for one in COMMON_WORDS}
    lengths = _by_length(word, hits, lambda length: f"'1{place[length]}'", range(3, _LONGEST_WORD))
    return f"CASE length({word}) WHEN 0 THEN NULL WHEN 1 THEN NULL WHEN 2 THEN NULL {lengths} ELSE '1{place[-1]}' END || {word}"


def _hashes(*keys: str) -> str:
    """SQL: a hash for each key, NULL for one that the record lacks (the hash of NULL is a number like any other).

    The keys of one record differ from each other: each has a letter of its own in front, or is longer, or holds other words.
    """
    return "[" + ", ".join(f"CASE WHEN ({key}) IS NOT NULL THEN hash({key}) END" for key in keys) + "]"


def _rarest(source: str, words: str) -> str:
    """SQL: record_no and `r`, the three rarest words, of the rows of `source`; `words` says how they are taken: all of them, or DISTINCT."""
    ranked = f"SELECT record_no, {_rank('word')} AS word FROM (SELECT record_no, unnest(string_split(form, ' ')) AS word FROM {source})"
    return f"SELECT record_no, min({words} word, 3) AS r FROM ({ranked}) GROUP BY record_no"


def _add_blocks(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        INSERT INTO store.block
        WITH titled AS (FROM fresh_form WHERE key <> ''),
        rarest AS MATERIALIZED ({_rarest("titled", "")}),
        repeated AS (SELECT record_no FROM rarest WHERE r[1] = r[2] OR r[2] = r[3]),  -- few titles: to ask it of all takes twice the time
        rare AS (
            SELECT record_no, r FROM rarest WHERE record_no NOT IN (FROM repeated)
            UNION ALL {_rarest("(SELECT * FROM titled WHERE record_no IN (FROM repeated))", "DISTINCT")}
        ),
        keyed AS (
            SELECT unnest({_hashes("'k' || key", "'k' || tail", "'k' || head")}) AS hash, record_no, {_KEY} AS kind FROM titled
            UNION ALL SELECT unnest([first_words, last_words]), record_no, {_WORDS} FROM titled WHERE worded
            UNION ALL SELECT unnest({_hashes("'p' || r[1] || r[2]", "'p' || r[1] || r[3]", "'p' || r[2] || r[3]")}), record_no, {_WORDS} FROM rare
            UNION ALL SELECT hash('n' || name), record_no, {_NAME} FROM titled WHERE name IS NOT NULL
        )
        FROM keyed WHERE hash IS NOT NULL
        """
    )
    # a renamed paper keeps its authors: first, second and last family name, or first and last name in full
    con.execute(
        f"""
        INSERT INTO store.block
        WITH named AS (
            SELECT f.record_no, list_transform([authors[1], authors[2], authors[-1]],
                   lambda a: list_filter(string_split_regex(strip_accents(lower(a)), '[^\\pL]+'), lambda t: length(t) > 1)) AS names
            FROM store.record r JOIN fresh_form f USING (record_id) WHERE r.abstract IS NOT NULL AND len(authors) >= 2
        ),
        keyed AS (
            SELECT unnest({
            _hashes(
                "'a' || names[1][-1] || ' ' || names[2][-1] || ' ' || names[3][-1]",
                "'b' || array_to_string(names[1], ' ') || ' ' || array_to_string(names[3], ' ')",
            )
        }) AS hash, record_no FROM named
        )
        SELECT hash, record_no, {_AUTHORS} FROM keyed WHERE hash IS NOT NULL
        """
    )


def widen_due(con: duckdb.DuckDBPyConnection) -> None:
    """Add to `due` what new records change the judgement of: old neighbours, outgrown blocks, titles that became a series."""
    con.execute(
        "INSERT INTO due SELECT DISTINCT neighbour FROM ("
        " SELECT b AS neighbour FROM store.match_edge WHERE a IN (SELECT record_id FROM due)"
        " UNION SELECT a FROM store.match_edge WHERE b IN (SELECT record_id FROM due)"
        ") WHERE neighbour NOT IN (SELECT record_id FROM due)"
    )
    if con.execute("SELECT count(*) FROM store.match_edge").fetchall()[0][0]:
        _add_outgrown(con)
    _add_series(con)
    con.execute("DROP TABLE fresh_form")


def _add_outgrown(con: duckdb.DuckDBPyConnection) -> None:
    """Pairs inside a block that new records made too large are due: they must do without it."""
    con.execute(
        f"""
        INSERT INTO due
        WITH fresh AS (SELECT hash, count(*) AS arrived FROM store.block WHERE record_no IN (SELECT record_no FROM fresh_form) GROUP BY hash),
        touched AS (SELECT hash, kind, arrived, count(*) AS members FROM store.block JOIN fresh USING (hash) GROUP BY ALL),
        outgrown AS (SELECT hash FROM touched WHERE members > {_CAP} AND members - arrived BETWEEN 2 AND {_CAP}),
        inside AS (SELECT hash, f.record_id FROM store.block JOIN outgrown USING (hash) JOIN store.title_form f USING (record_no))
        SELECT DISTINCT unnest([e.a, e.b]) AS record_id
        FROM store.match_edge e JOIN inside x ON x.record_id = e.a JOIN inside y ON y.record_id = e.b AND y.hash = x.hash
        WHERE NOT EXISTS (SELECT 1 FROM due d WHERE d.record_id = e.a) OR NOT EXISTS (SELECT 1 FROM due d WHERE d.record_id = e.b)
        """
    )


def _add_series(con: duckdb.DuckDBPyConnection) -> None:
    """Temporary table `series` (key): titles published in three different years; all their records are due."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE series AS
        WITH often AS (  -- by hash, which takes a third of the time; few titles are left whose words need counting
            SELECT hash(key) AS hash FROM store.title_form
            WHERE key <> '' AND hash(key) IN (SELECT hash(key) FROM store.title_form JOIN due USING (record_id))
            GROUP BY hash(key) HAVING count(*) >= {_SERIES}
        )
        SELECT f.key FROM (SELECT * FROM store.title_form WHERE hash(key) IN (FROM often)) f JOIN store.record r USING (record_id)
        WHERE NOT r.preprint AND len(list_distinct({telling_words("f.form")})) <= {_SERIES_WORDS}
        GROUP BY f.key HAVING count(DISTINCT r.year) >= {_SERIES}
        """
    )
    con.execute(
        "INSERT INTO due SELECT record_id FROM store.title_form WHERE key IN (SELECT key FROM series)"
        " AND record_id NOT IN (SELECT record_id FROM due)"
    )


_SERIES, _SERIES_WORDS = 3, 4
"""A short title published in so many different years is a column ("Reminiscences on Influential Papers"), not a paper.

A long one is a paper that people cite with the wrong year.
"""


def find_candidates(con: duckdb.DuckDBPyConnection) -> None:
    """Make temporary table `candidate` (a, b: record numbers, by_authors: both have an abstract and share a block of authors)."""
    con.execute("CREATE OR REPLACE TEMP TABLE due_no AS SELECT record_no FROM store.title_form JOIN due USING (record_id)")
    everything = con.execute("SELECT (SELECT count(*) FROM due_no) = (SELECT count(*) FROM store.title_form)").fetchall()[0][0]
    touched = "" if everything else "WHERE hash IN (SELECT hash FROM store.block WHERE record_no IN (SELECT record_no FROM due_no))"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE live AS SELECT hash FROM store.block {touched} GROUP BY hash, kind HAVING count(*) BETWEEN 2 AND {_CAP}"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE member AS SELECT hash, record_no, kind FROM store.block WHERE hash IN (SELECT hash FROM live)"
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE candidate AS
        SELECT least(x.record_no, y.record_no) AS a, greatest(x.record_no, y.record_no) AS b, bool_or(x.kind = {_AUTHORS}) AS by_authors
        FROM (SELECT * FROM member WHERE record_no IN (SELECT record_no FROM due_no)) x JOIN member y USING (hash)
        WHERE x.record_no <> y.record_no
        GROUP BY ALL
        """
    )
