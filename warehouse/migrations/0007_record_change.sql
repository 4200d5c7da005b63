-- When a field of a record came or changed: DOIs, decisions and abstracts are added to a venue's pages for months, and
-- a record alone tells only what it says now.

-- `before` is NULL where the record had nothing. Fields are the columns of a record; identifiers and links by name ("identifiers.doi").
CREATE TABLE store.record_change (
    record_id VARCHAR, field VARCHAR, before VARCHAR, after VARCHAR, run_id VARCHAR, made_at TIMESTAMP
);
