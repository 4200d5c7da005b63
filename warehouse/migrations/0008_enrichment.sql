-- Which works were asked about at which catalogue, so that a night asks only for what is due, and what nobody knows
-- is asked for again only after a time that grows.

-- One row a work and catalogue. `lacked` is what the work lacked when it was asked about ("abstract doi", "venue"), `asks` how
-- often it was asked about with nothing new coming of it, `found` whether the catalogue knew it the last time.
CREATE TABLE store.enrichment (
    work_id VARCHAR, source VARCHAR, lacked VARCHAR, asks INTEGER, found BOOLEAN, asked_at TIMESTAMP, run_id VARCHAR
);
