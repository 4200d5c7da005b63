-- What a language model says of a paper beside its labels: whether it belongs on the list, figures (in store.claim) and
-- a note. And what of its replies was not believed, so that it can be counted, looked at and counted against a model.

-- One row each time the model read a work; append-only. It informs a person and decides nothing.
CREATE TABLE store.model_screening (
    work_id VARCHAR, relevant BOOLEAN, relevance DOUBLE, model VARCHAR, prompt_hash VARCHAR, basis VARCHAR,
    run_id VARCHAR, made_at TIMESTAMP
);

-- `purpose` is the call's (label, note); `kind` what was void: label, proposal, claim, bullet.
CREATE TABLE store.voided (
    work_id VARCHAR, purpose VARCHAR, kind VARCHAR, text VARCHAR, reason VARCHAR, model VARCHAR, prompt_hash VARCHAR,
    run_id VARCHAR, made_at TIMESTAMP
);

-- Which model wrote a note, by which prompt, in which language: one row a note of a model.
CREATE TABLE store.note_model (note_id VARCHAR, model VARCHAR, prompt_hash VARCHAR, language VARCHAR);
