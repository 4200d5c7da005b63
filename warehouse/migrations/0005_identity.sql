-- Identity at half a million records: titles in comparable form, block keys as hashes, and what a person
-- said about pairs. Blocks hold numbers instead of ids: they are joined a million rows at a time.

-- One row a record, made when the record is identified; `record_no` is dense and names the record in store.block.
-- What the columns mean stands in triage/titles.py and triage/identity/blocks.py.
CREATE TABLE store.title_form (
    record_no INTEGER, record_id VARCHAR, form VARCHAR, key VARCHAR, name VARCHAR, head VARCHAR, tail VARCHAR, signature VARCHAR, bits UBIGINT
);

-- kind: 1 words of the title, 2 authors (only of records with an abstract, to find renamed papers), 3 the name
-- in front of the colon.
CREATE TABLE store.block (hash UBIGINT, record_no INTEGER, kind UTINYINT);

-- A person's `same` and `not-same`, record by record, as they were when identity last ran.
CREATE TABLE store.person_pair (a VARCHAR, b VARCHAR, what VARCHAR, decision_id VARCHAR);

-- A work whose best record was a preprint and is published now; one row each time.
CREATE TABLE store.promotion (
    work_id VARCHAR, record_id VARCHAR, from_venue VARCHAR, from_year INTEGER, from_url VARCHAR,
    to_venue VARCHAR, to_year INTEGER, to_url VARCHAR, run_id VARCHAR, made_at TIMESTAMP
);

-- The work a label or note was made for, kept when works are merged, so that a split gives it back.
CREATE TABLE store.fact_origin (kind VARCHAR, fact_id VARCHAR, work_id VARCHAR);

-- Works that became one while a person had said different things about them.
CREATE TABLE store.tick_conflict (
    work_id VARCHAR, kept_decision VARCHAR, other_decision VARCHAR, kept_what VARCHAR, other_what VARCHAR, run_id VARCHAR, made_at TIMESTAMP
);

-- What a person's corrections were when the work's visible fields were last made.
CREATE TABLE store.applied_correction (work_id VARCHAR, decision_id VARCHAR);
