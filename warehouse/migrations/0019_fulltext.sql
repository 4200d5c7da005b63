-- Full texts of papers that were fetched (off by default): the parts a note may quote, and the figures with their links.
-- Kept by arXiv id, so that they outlive the ids of works; the page or PDF itself lies in raw/ under its sha256.

-- `status` is ok, or why there is no text: not there, too large, unreadable, ...; `figures` is a list of objects with
-- number, caption and url.
CREATE TABLE store.fulltext (
    arxiv VARCHAR, format VARCHAR, url VARCHAR, sha256 VARCHAR, status VARCHAR, message VARCHAR, parts VARCHAR, figures JSON,
    run_id VARCHAR, made_at TIMESTAMP
);
