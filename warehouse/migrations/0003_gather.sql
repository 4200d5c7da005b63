-- What was gathered, day by day: what is due is worked out from here and not from the clock, so that a
-- night that was missed or killed is caught up by the next one.

-- status: final (read whole, cannot grow any more), open (read whole, may still grow), failed (not read, or
-- not whole). `by_hand`: asked for with --date; such a day does not move the point from which nights go on.
-- `first_read_at` tells how long a feed has stood still.
CREATE TABLE store.day (
    source VARCHAR, day DATE, status VARCHAR, declared INTEGER, records INTEGER, nothing VARCHAR, reason VARCHAR,
    by_hand BOOLEAN, first_read_at TIMESTAMP, read_at TIMESTAMP, run_id VARCHAR
);

-- One row a source, written anew by every run that gathers.
CREATE TABLE store.source (
    name VARCHAR, enabled BOOLEAN, last_attempt TIMESTAMP, last_success TIMESTAMP, state VARCHAR, reason VARCHAR
);

-- The lines of raw/answers.jsonl whose records are in this warehouse; the others are read again from raw/.
CREATE TABLE store.answer (source VARCHAR, url VARCHAR, sha256 VARCHAR, run_id VARCHAR);
