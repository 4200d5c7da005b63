"""Candidates -> judged pairs: the features of a pair, then the rules, vetoes and doubts over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.identity.blocks import COMMON_WORDS, YEAR_FITS, find_candidates, sql_list, telling_words
from triage.identity.journals import stage_journal_pairs
from triage.identity.rules import DOUBTS, LEAST_TITLE_LIKENESS, RULES, TITLE_RULES, VETO_SCHEMES, VETOES, WORTH_COMPARING
from triage.text import GENERIC_KEYS

if TYPE_CHECKING:
    import duckdb

__all__ = ["judge_pairs"]

_LARGEST_KEY = 200
"""Records sharing one identifier or link; beyond it the link names no paper (a table of contents)."""

_MOST_BITS, _MOST_BITS_NAMED = 8, 11
"""Of 64 bits of hashed words, how many may differ: four words exchanged; more where both carry one name in front.

Two papers on one subject differ in a dozen.
"""

_LONGEST = 300  # characters of a key that are compared: edit distance costs the product of the lengths

_TWO_IDENTIFIERS = " OR ".join(f"coalesce(x.identifiers['{s}'] <> y.identifiers['{s}'], false)" for s in VETO_SCHEMES)

# A title may say of itself that it is about another paper; without the word it is that other paper.
_MARK = (
    "^(erratum|errata|corrigendum|correction|retraction|addendum|reply|in reply|response|rejoinder|comment|comments|a comment|commentary) "
)

# One of these words more is a sibling: the efficient, the unsupervised, the video version of a paper.
_SIBLING_WORDS = (
    "efficient", "lightweight", "fast", "faster", "mini", "tiny", "small", "smaller", "large", "larger", "improved", "improving", "better", "revisited",
    "revisiting", "rethinking", "extended", "generalized", "generalised", "online", "offline", "dynamic", "incremental", "distributed", "parallel", "deep",
    "unsupervised", "supervised", "semi", "weakly", "self", "zero", "few", "video", "videos", "image", "images", "audio", "speech",
    "survey", "review", "benchmark", "benchmarking",
    "dataset", "accurate", "robust", "multimodal", "federated", "continual", "quantized", "compressed", "adults", "children",
    "men", "women", "male", "female", "without", "no", "not", "non",
)  # fmt: skip

# Two words that differ by one of these pairs say the opposite, however few letters that is.
_OPPOSITES = (
    ("hyper", "hypo"), ("inter", "intra"), ("pre", "post"), ("micro", "macro"), ("over", "under"), ("in", "ex"), ("without", "with"), ("mono", "poly"),
)  # fmt: skip
_NEGATIONS = ("un", "non", "in", "im", "dis", "anti", "a", "de", "re", "semi", "multi", "sub", "super")


def _long(names: str) -> str:
    """SQL: how many parts of names are no initials ("JF Roddick"): two letters are a name only where both records have them."""
    return f"len(list_filter({names}, lambda n: length(n) > 2))"


def _starts(names: str) -> str:
    """SQL: the beginnings of long names: exports break off at a letter they cannot write ("Kapidzi?-Basi")."""
    return f"list_transform(list_filter({names}, lambda n: length(n) > 3), lambda n: n[:4])"


def _contrary() -> str:
    """SQL: a word of one title negates or opposes a word that only the other has."""
    parts = [
        f"list_has_any(list_transform({p}, lambda w: '{n}' || w), {q})"
        for n in _NEGATIONS
        for p, q in (("only_x", "only_y"), ("only_y", "only_x"))
    ]
    for left, right in _OPPOSITES:
        for p, q in (("only_x", "only_y"), ("only_y", "only_x")):
            parts.append(f"list_has_any(list_transform({p}, lambda w: replace(w, '{left}', '{right}')), {q})")
    # the lists are only gone through where an answer can matter
    return f"CASE WHEN (name_equal OR likeness >= 0.8) AND len(only_x) BETWEEN 1 AND 4 AND len(only_y) BETWEEN 1 AND 4 THEN {' OR '.join(parts)} ELSE false END"


# What is cheap to know of a pair decides whether the rest is worked out, here and in WORTH_COMPARING.
_NEAR_ENOUGH = f"""
    f.key = g.key OR f.tail = g.key OR g.tail = f.key OR f.tail = g.tail OR f.head = g.key OR g.head = f.key
    OR f.head = g.head OR starts_with(f.key, g.key) OR starts_with(g.key, f.key) OR ends_with(f.key, g.key) OR ends_with(g.key, f.key)
    OR (bit_count(xor(f.bits, g.bits)) <= CASE WHEN f.name = g.name THEN {_MOST_BITS_NAMED} ELSE {_MOST_BITS} END
        AND bit_count(f.bits & g.bits) >= CASE WHEN f.name = g.name THEN 0.5 ELSE 0.6 END * least(bit_count(f.bits), bit_count(g.bits)))
    OR c.by_authors
"""

_GENERIC = sql_list(tuple(sorted(GENERIC_KEYS)))  # a record knows only whether its whole title is generic, notes of databases included


def _abstract_words(side: str) -> str:
    """SQL: the words of an abstract, where both have one."""
    words = f"list_filter(string_split_regex(lower({side}.abstract[:3000]), '[^\\pL\\d]+'), lambda w: length(w) > 3)"
    return f"CASE WHEN abstracts THEN list_distinct({words}) END"


def _no_words(_: str) -> str:
    return "CAST(NULL AS VARCHAR[])"


def _features(*, abstracts: bool) -> str:
    """SQL: make temporary table `features`, one row a pair of `near`. Without `abstracts` (not two records have one) their patterns
    are left out: to prepare them takes a fiftieth of a second, even for nothing."""
    words = _abstract_words if abstracts else _no_words
    return f"""
CREATE OR REPLACE TEMP TABLE features AS
WITH cheap AS (
    SELECT c.a AS no_x, c.b AS no_y, x.key = y.key AS exact,
           coalesce(x.tail = y.key OR y.tail = x.key, false) AS tail_equal,
           coalesce(x.tail = y.tail, false) AS tails_equal, coalesce(x.head = y.head, false) AS heads_equal,
           coalesce(x.name = y.name, false) AS name_equal,
           NOT (x.name = ANY({list(COMMON_WORDS)}) OR length(x.name) < 3) AS coined,
           starts_with(y.form, x.form || ' :') OR starts_with(x.form, y.form || ' :') AS part,
           ends_with(y.form, ': ' || x.form) OR ends_with(x.form, ': ' || y.form) AS last_part,
           (starts_with(y.form, x.form) AND y.form[length(x.form) + 1] NOT IN ('', ' '))
               OR (starts_with(x.form, y.form) AND x.form[length(y.form) + 1] NOT IN ('', ' ')) AS cut,
           x.signature = y.signature AS same_numbers,
           x.abstract IS NOT NULL AND y.abstract IS NOT NULL AS abstracts,
           len(list_intersect(x.words, y.words)) AS shared,
           least(len(x.words), len(y.words)) AS fewer, greatest(len(x.words), len(y.words)) AS more,
           length(x.key[:{_LONGEST}]) AS letters_x, length(y.key[:{_LONGEST}]) AS letters_y,
           -- at most: so many letters have to be put in
           least(letters_x, letters_y) / greatest(letters_x, letters_y, 1) AS likeness
    FROM near c JOIN side x ON x.record_no = c.a JOIN side y ON y.record_no = c.b
),
likely AS (
    SELECT c.* REPLACE (
           CASE WHEN exact THEN 1.0 ELSE 1.0 - levenshtein(x.key[:{_LONGEST}], y.key[:{_LONGEST}]) / greatest(letters_x, letters_y, 1) END AS likeness
    ) FROM (SELECT * FROM cheap WHERE {WORTH_COMPARING}) c JOIN side x ON x.record_no = no_x JOIN side y ON y.record_no = no_y
),
met AS (
    SELECT c.*, x.record_id AS a, y.record_id AS b, x.key AS key_x,
           regexp_matches(x.form, '{_MARK}') <> regexp_matches(y.form, '{_MARK}') AS marked,
           least(length(x.key), length(y.key)) AS length,
           x.words AS words_x, y.words AS words_y, x.name_tokens AS tokens_x, y.name_tokens AS tokens_y,
           coalesce(abs(x.year - y.year), 0) AS gap, coalesce({YEAR_FITS}, true) AS year_fits,
           x.generic OR y.generic OR (exact AND (x.key IN {_GENERIC} OR x.serial)) AS common_title,
           exact AND x.serial AS series,
           {_TWO_IDENTIFIERS} AS two_identifiers,
           {words("x")} AS abstract_x,
           {words("y")} AS abstract_y,
           NOT x.preprint AND NOT y.preprint AS both_published, x.venue AS venue_x, y.venue AS venue_y
    FROM (SELECT * FROM likely WHERE {WORTH_COMPARING}) c JOIN side x ON x.record_no = no_x JOIN side y ON y.record_no = no_y
),
measured AS (
    SELECT *, list_filter(words_x, lambda w: NOT list_contains(words_y, w)) AS only_x, list_filter(words_y, lambda w: NOT list_contains(words_x, w)) AS only_y,
           CASE WHEN len(abstract_x) >= 20 AND len(abstract_y) >= 20
                THEN len(list_intersect(abstract_x, abstract_y)) / least(len(abstract_x), len(abstract_y)) END AS abstract_likeness
    FROM met
),
met_names AS (
    SELECT * EXCLUDE (tokens_x, tokens_y), len(tokens_x) AS names_x, len(tokens_y) AS names_y,
           CASE WHEN len(tokens_x) > 0 AND len(tokens_y) > 0 THEN list_intersect(tokens_x, tokens_y) ELSE [] END AS same_names,
           {_long("tokens_x")} AS long_x, {_long("tokens_y")} AS long_y,
           CASE WHEN exact AND NOT list_has_any(tokens_x, tokens_y)
                THEN list_has_any({_starts("tokens_x")}, {_starts("tokens_y")}) ELSE false END AS same_starts
    FROM measured
),
named AS (
    SELECT *, len(same_names) AS names,
           len(same_names) / greatest(least(long_x, long_y) + len(same_names) - {_long("same_names")}, 1) AS name_share
    FROM met_names
)
SELECT * EXCLUDE (no_x, no_y, letters_x, letters_y, words_x, words_y, only_x, only_y, abstract_x, abstract_y, same_names),
       (names >= 2 AND name_share >= 0.6) OR (names >= 3 AND name_share >= 0.5) OR (names = 1 AND name_share = 1) AS agree,
       names >= 2 AS several_authors,
       names_x > 0 AND names_y > 0 AND names = 0 AND NOT same_starts AS strangers,
       len(list_filter(list_intersect(words_x, words_y), lambda w: w NOT IN {sql_list(COMMON_WORDS)})) AS telling,
       len(only_x) = 1 AND len(only_y) = 1 AND levenshtein(only_x[1], only_y[1]) <= 2 AND length(only_x[1]) >= 5 AS mistyped,
       len(list_filter(only_x || only_y, lambda w: w IN {sql_list(_SIBLING_WORDS)})) > 0 AS sibling,
       CASE WHEN name_equal THEN list_has_any(only_x, {list(_SIBLING_WORDS)}) AND list_has_any(only_y, {list(_SIBLING_WORDS)}) ELSE false END AS siblings,
       {_contrary()} AS contrary,
       coalesce(both_published AND abstract_likeness < 0.25, false) AS other_abstract
FROM named
"""


def _cases(pairs: list[tuple[str, str]], otherwise: str = "NULL") -> str:
    return "CASE " + " ".join(f"WHEN {condition} THEN '{name}'" for name, condition in pairs) + f" ELSE {otherwise} END"


_RULE = _cases([(rule.name, rule.condition) for rule in TITLE_RULES])
_VETO = _cases([(veto.name, veto.condition) for veto in VETOES])
_DOUBT = _cases([(doubt.name, doubt.condition) for doubt in DOUBTS])
_REVIEWED = "CASE veto " + " ".join(f"WHEN '{veto.name}' THEN {veto.review}" for veto in VETOES) + " END"

_MEASURE = (
    "printf('%d of %d words, likeness %.2f', shared, more, likeness)"
    " || CASE WHEN agree THEN ', authors agree' WHEN names_x = 0 OR names_y = 0 THEN ', no authors to compare' ELSE '' END"
    " || CASE WHEN abstract_likeness IS NOT NULL THEN printf(', abstracts %.2f', abstract_likeness) ELSE '' END"
)

_BY_TITLE = f"""
CREATE OR REPLACE TEMP TABLE pair AS
WITH placed AS (
    SELECT *, both_published AND (venue_x, venue_y) IN (SELECT (venue_x, venue_y) FROM journal_pair) AS two_journals FROM features
),
named AS (SELECT *, {_RULE} AS rule, {_VETO} AS veto, {_DOUBT} AS doubt FROM placed),
judged AS (
    SELECT *, CASE WHEN rule IS NOT NULL AND veto IS NULL THEN 'auto'
                   WHEN rule IS NOT NULL AND (NOT common_title OR {_REVIEWED}) THEN 'veto'
                   WHEN rule IS NULL AND veto IS NULL AND doubt IS NOT NULL THEN 'review' END AS verdict
    FROM named
)
SELECT least(a, b) AS a, greatest(a, b) AS b, coalesce(rule, 'doubt') AS rule, likeness - gap / 10.0 AS score, verdict,
       CASE WHEN verdict = 'veto' THEN CASE WHEN {_REVIEWED} THEN 'review' ELSE 'apart' END ELSE verdict END AS status,
       CASE WHEN rule = 'title' THEN key_x ELSE {_MEASURE} END || coalesce(' (' || coalesce(veto, CASE WHEN rule IS NULL THEN doubt END) || ')', '') AS evidence
FROM judged WHERE verdict IS NOT NULL
"""

_PAIR = "a VARCHAR, b VARCHAR, rule VARCHAR, score DOUBLE, verdict VARCHAR, status VARCHAR, evidence VARCHAR"
"""The columns of `pair`, as _BY_TITLE makes them."""

_BY_KEY = f"""
INSERT INTO pair
WITH touched AS (SELECT DISTINCT k.scheme, k.key FROM store.record_key k JOIN due USING (record_id) WHERE k.scheme <> 'title'),
block AS (
    SELECT k.scheme, k.key, r.record_id, r.identifiers, f.key AS title, {telling_words("f.form")} AS words
    FROM store.record_key k JOIN touched USING (scheme, key) JOIN store.record r USING (record_id) JOIN store.title_form f USING (record_id)
    WHERE k.scheme IN {sql_list(tuple(name for name, rule in RULES.items() if 0 <= rule.strength < TITLE_RULES[0].strength))}
    QUALIFY count(*) OVER (PARTITION BY k.scheme, k.key) BETWEEN 2 AND {_LARGEST_KEY}
),
met AS (
    SELECT x.record_id AS a, y.record_id AS b, x.scheme, x.key, {_TWO_IDENTIFIERS} AS two_identifiers,
           greatest(
               CASE WHEN x.title = y.title THEN 1.0 ELSE 1.0 - levenshtein(x.title[:{_LONGEST}], y.title[:{_LONGEST}])
                   / greatest(length(x.title[:{_LONGEST}]), length(y.title[:{_LONGEST}]), 1) END,
               len(list_intersect(x.words, y.words)) / greatest(least(len(list_distinct(x.words)), len(list_distinct(y.words))), 3)
           ) AS likeness
    FROM block x JOIN block y USING (scheme, key) WHERE x.record_id < y.record_id
),
judged AS (
    SELECT *, CASE WHEN two_identifiers THEN 'two identifiers of one scheme' WHEN likeness < {LEAST_TITLE_LIKENESS} THEN 'titles differ' END AS veto FROM met
)
SELECT a, b, scheme, likeness, CASE WHEN veto IS NULL THEN 'auto' ELSE 'review' END AS verdict, verdict, key || coalesce(' (' || veto || ')', '') FROM judged
"""


def judge_pairs(con: duckdb.DuckDBPyConnection) -> None:
    """Make temporary table `pair` (a, b, rule, score, verdict, status, evidence) of all pairs that touch `due`; a < b.

    verdict: auto, review, or veto (a rule holds, a veto stands); status: a veto's pair goes to review, or is
    kept apart without troubling anybody.
    """
    find_candidates(con)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE near AS
        SELECT c.a, c.b FROM candidate c JOIN store.title_form f ON f.record_no = c.a JOIN store.title_form g ON g.record_no = c.b
        WHERE {_NEAR_ENOUGH}
        """
    )
    if con.execute("SELECT EXISTS (FROM near)").fetchall()[0][0]:
        _judge_near(con)
    else:  # to prepare the measuring takes a twentieth of a second, whether or not there is anything to measure
        con.execute(f"CREATE OR REPLACE TEMP TABLE pair ({_PAIR})")
    con.execute(_BY_KEY)
    # what is sure by one rule is no doubt by another
    for table in ("candidate", "live", "member", "near"):
        con.execute(f"DROP TABLE {table}")
    con.execute("DELETE FROM pair WHERE rule = 'doubt' AND (a, b) IN (SELECT (a, b) FROM pair WHERE verdict = 'auto')")


def _judge_near(con: duckdb.DuckDBPyConnection) -> None:
    """Make `pair` of what is in `near`, by titles, authors and abstracts."""
    # only the records that are compared, and of them only what is compared: joining whole tables takes 500 MB more
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE side AS
        SELECT f.*, list_distinct({telling_words("f.form")}) AS words, r.name_tokens, r.year, r.preprint, r.generic, r.identifiers, r.abstract, r.venue,
               f.key IN (SELECT key FROM series) AS serial
        FROM (SELECT * FROM store.title_form WHERE record_no IN (SELECT a FROM near UNION SELECT b FROM near)) f JOIN store.record r USING (record_id)
        """
    )
    abstracts = con.execute("SELECT count(abstract) FROM side").fetchall()[0][0]
    con.execute(_features(abstracts=abstracts > 1))
    stage_journal_pairs(con)
    con.execute(_BY_TITLE)
    for table in ("side", "features", "journal_pair"):
        con.execute(f"DROP TABLE {table}")
