-- Proposals that a person took back by putting a list back to an older state (a revert of our commit, another branch):
-- no word about the paper, but it does not return by itself either, until the list has it again or it turns up at a venue.
CREATE TABLE store.unproposed (work_id VARCHAR, path VARCHAR, run_id VARCHAR, made_at TIMESTAMP);

-- store.rendered.kind has a third value, written: the program wrote it and the file was there. Where it is NULL, the program
-- may have been killed before the file was written.
