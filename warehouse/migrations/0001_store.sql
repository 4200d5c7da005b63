-- The first schema. Tables live in `store`; what users query are the views in `main`.
-- No foreign keys (they make DuckDB refuse changes of list columns in the rows they point at) and no unique
-- indexes on wide tables: uniqueness is kept by set-based merges under the workspace's lock.
-- All times are UTC.

CREATE TABLE store.run (
    run_id VARCHAR, command VARCHAR, started_at TIMESTAMP, ended_at TIMESTAMP,
    status VARCHAR, report JSON
);

CREATE TABLE store.failure (
    run_id VARCHAR, step VARCHAR, item VARCHAR, kind VARCHAR, message VARCHAR, hint VARCHAR, made_at TIMESTAMP
);

CREATE TABLE store.record (
    record_id VARCHAR, source VARCHAR, source_key VARCHAR, url VARCHAR, title VARCHAR, abstract VARCHAR,
    authors VARCHAR[], venue VARCHAR, year INTEGER, track VARCHAR, acceptance VARCHAR, published DATE,
    identifiers MAP(VARCHAR, VARCHAR), links MAP(VARCHAR, VARCHAR), raw_sha256 VARCHAR,
    content_hash VARCHAR, title_key VARCHAR, generic BOOLEAN, preprint BOOLEAN, name_tokens VARCHAR[],
    first_run VARCHAR, last_run VARCHAR, first_seen TIMESTAMP, last_seen TIMESTAMP, changed_run VARCHAR
);

-- What records are matched by: scheme 'arxiv', 'doi', ..., 'url', 'title'.
CREATE TABLE store.record_key (record_id VARCHAR, scheme VARCHAR, key VARCHAR);

-- `pairwise` is what the two records alone say (auto or review), `status` what came of it when whole
-- components were looked at (auto, review).
CREATE TABLE store.match_edge (
    a VARCHAR, b VARCHAR, rule VARCHAR, score DOUBLE, pairwise VARCHAR, status VARCHAR, evidence VARCHAR,
    run_id VARCHAR, made_at TIMESTAMP
);

-- `content_hash` is the record's at the time it was identified: it differs when the record is due again.
CREATE TABLE store.membership (record_id VARCHAR, work_id VARCHAR, content_hash VARCHAR);

CREATE TABLE store.work (
    work_id VARCHAR, best_record_id VARCHAR, title VARCHAR, abstract VARCHAR, authors VARCHAR[],
    venue VARCHAR, year INTEGER, url VARCHAR, published DATE, identifiers MAP(VARCHAR, VARCHAR),
    records INTEGER, text_hash VARCHAR,
    first_run VARCHAR, last_run VARCHAR, first_seen TIMESTAMP, last_seen TIMESTAMP
);

-- Where a work id went when two works turned out to be one.
CREATE TABLE store.work_alias (old_id VARCHAR, new_id VARCHAR, run_id VARCHAR, made_at TIMESTAMP);

CREATE TABLE store.screening (
    work_id VARCHAR, score DOUBLE, vision_language DOUBLE, efficiency DOUBLE, filter_hit BOOLEAN,
    evidence JSON, basis VARCHAR, run_id VARCHAR, made_at TIMESTAMP
);

CREATE TABLE store.proposal (work_id VARCHAR, score DOUBLE, run_id VARCHAR, made_at TIMESTAMP);

-- One row each time a producer labelled a work, also when it found no label; append-only.
CREATE TABLE store.labelling (
    labelling_id VARCHAR, work_id VARCHAR, producer VARCHAR, model VARCHAR, prompt_hash VARCHAR,
    taxonomy_version VARCHAR, basis VARCHAR, display VARCHAR, decision_id VARCHAR,
    run_id VARCHAR, made_at TIMESTAMP
);

CREATE TABLE store.label (
    labelling_id VARCHAR, position INTEGER, label VARCHAR, confidence DOUBLE, proposed VARCHAR,
    field VARCHAR, span_start INTEGER, span_end INTEGER, quote VARCHAR
);

-- A person's note has no work_id: it belongs to the record named in `basis`.
CREATE TABLE store.note (
    note_id VARCHAR, work_id VARCHAR, producer VARCHAR, basis VARCHAR, run_id VARCHAR, made_at TIMESTAMP
);

CREATE TABLE store.bullet (
    note_id VARCHAR, position INTEGER, section VARCHAR, heading VARCHAR, depth INTEGER, text VARCHAR, sentence VARCHAR
);

CREATE TABLE store.claim (
    work_id VARCHAR, metric VARCHAR, value DOUBLE, unit VARCHAR, direction VARCHAR, against VARCHAR,
    quote VARCHAR, producer VARCHAR, basis VARCHAR, run_id VARCHAR, made_at TIMESTAMP
);

-- A cache of decisions.jsonl; work_id is worked out again in every run.
CREATE TABLE store.decision (
    decision_id VARCHAR, position INTEGER, made_at TIMESTAMP, who VARCHAR, said_in VARCHAR, what VARCHAR,
    value VARCHAR, reason VARCHAR, title VARCHAR, work JSON, work_id VARCHAR
);

-- What a decision's work is found again by, the surest first.
CREATE TABLE store.decision_key (reference VARCHAR, rank INTEGER, scheme VARCHAR, key VARCHAR, year INTEGER);

-- Imported documents: the text is the base of that year's list.
CREATE TABLE store.document (
    sha256 VARCHAR, name VARCHAR, format VARCHAR, list_year INTEGER, list_venue VARCHAR, text VARCHAR, position INTEGER,
    run_id VARCHAR, imported_at TIMESTAMP
);

CREATE TABLE store.document_entry (
    sha256 VARCHAR, position INTEGER, record_id VARCHAR, line INTEGER, ticked BOOLEAN, type VARCHAR
);

-- What the program wrote to each file of the workspace; the highest position is the newest.
CREATE TABLE store.rendered (path VARCHAR, sha256 VARCHAR, text VARCHAR, position INTEGER, run_id VARCHAR, made_at TIMESTAMP);

CREATE TABLE store.llm_call (
    call_id VARCHAR, purpose VARCHAR, work_id VARCHAR, model VARCHAR, endpoint VARCHAR, prompt_hash VARCHAR,
    input_hash VARCHAR, tokens_in BIGINT, tokens_cached BIGINT, tokens_out BIGINT, cost DOUBLE,
    seconds DOUBLE, status VARCHAR, message VARCHAR, reply VARCHAR, run_id VARCHAR, made_at TIMESTAMP
);

-- Settings that views depend on: who comes first among the machine's producers, which confidence counts.
CREATE TABLE store.producer_order (producer VARCHAR, rank INTEGER);
CREATE TABLE store.setting (name VARCHAR, value VARCHAR);
