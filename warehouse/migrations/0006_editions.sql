-- Venues year by year: how whole each is, so that a later and poorer answer is noticed and a night knows what is due.

-- state: complete, truly none (not published yet), incomplete, needs attention, or the kind of the failure when
-- nothing came. `records` are the papers of the richest reading so far, `came` those of the last; `ratio` is the
-- share of papers that were read whole (0..1); `complete_at` is when it was last complete.
CREATE TABLE store.edition (
    venue VARCHAR, year INTEGER, state VARCHAR, records INTEGER, came INTEGER, with_abstract INTEGER, ratio DOUBLE,
    requests INTEGER, reason VARCHAR, asked_at TIMESTAMP, complete_at TIMESTAMP, run_id VARCHAR
);

-- The same of each source that was asked. `reused` answers were stored already and not asked for again.
CREATE TABLE store.edition_source (
    venue VARCHAR, year INTEGER, source VARCHAR, state VARCHAR, records INTEGER, came INTEGER, with_abstract INTEGER,
    ratio DOUBLE, requests INTEGER, reused INTEGER, reason VARCHAR, asked_at TIMESTAMP, complete_at TIMESTAMP, run_id VARCHAR
);
