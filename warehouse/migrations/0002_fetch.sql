-- Everything asked of a web site becomes a row, so that "nothing new" can be told from "could not be asked",
-- and so that the next run can ask only for what has changed.

-- One row an attempt. `failure` is NULL for a good answer (also 304, unchanged); only those rows' etag,
-- last_modified and media_type may be used to ask again, and only where the raw store still has `sha256`.
CREATE TABLE store.fetch (
    run_id VARCHAR, source VARCHAR, key VARCHAR, url VARCHAR, status INTEGER, failure VARCHAR, media_type VARCHAR,
    bytes BIGINT, seconds DOUBLE, attempts INTEGER, etag VARCHAR, last_modified VARCHAR, sha256 VARCHAR,
    fetched_at TIMESTAMP
);
