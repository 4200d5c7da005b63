-- What a venue's year has cost in all: a run that goes on where another stopped asks for the rest only, so that the
-- requests of the last reading alone say too little about the price of a paper.

ALTER TABLE store.edition ADD COLUMN requests_all INTEGER;
ALTER TABLE store.edition_source ADD COLUMN requests_all INTEGER;
