-- Lists and notes are read back: what a state of a file was, how a work is found by what a person corrected, and where
-- the file and the warehouse say different things that only a person can decide on.

-- NULL: written by the program; read: a person's file, as it was when it was read back.
ALTER TABLE store.rendered ADD COLUMN kind VARCHAR;

-- Corrected titles and links, under the best record of their work: a block that says them is found again.
CREATE TABLE store.correction_key (record_id VARCHAR, scheme VARCHAR, key VARCHAR);

-- field: tick, block (it was taken out), title, url, venue, year, type, abstract or note. Rows go when both sides agree.
CREATE TABLE store.conflict (
    conflict_id VARCHAR, path VARCHAR, work_id VARCHAR, field VARCHAR, was VARCHAR, in_file VARCHAR, in_warehouse VARCHAR,
    run_id VARCHAR, made_at TIMESTAMP
);
