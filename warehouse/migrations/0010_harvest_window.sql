-- Back-fill from arXiv goes window by window of days: which are read to their end, so that a later call asks for none of them again.

-- `set_name` is an OAI-PMH set; a window that was read before its last day was over (UTC) may have grown since.
CREATE TABLE store.harvest_window (
    source VARCHAR, set_name VARCHAR, first_day DATE, last_day DATE, pages INTEGER, headers INTEGER, records INTEGER, read_at TIMESTAMP,
    run_id VARCHAR
);
