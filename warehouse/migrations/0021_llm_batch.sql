-- Batches of questions that a server answers within a day at a lower price. What is to be sent is written down first,
-- with an id that the server keeps too: a run that is killed in between finds the batch again instead of paying twice.

-- state: intended (about to be sent), submitted, collected, gone (never arrived, or the server knows it no longer).
-- most_tokens and most_cost count for the caps until the batch is collected.
CREATE TABLE store.llm_batch (
    intent VARCHAR, second BOOLEAN, endpoint VARCHAR, model VARCHAR, batch_id VARCHAR, state VARCHAR, requests INTEGER,
    most_tokens BIGINT, most_cost DOUBLE, message VARCHAR, run_id VARCHAR, made_at TIMESTAMP, ended_at TIMESTAMP
);

-- One row a question; with the model of its batch this is the key under which the ledger knows the answer.
CREATE TABLE store.llm_batch_item (
    intent VARCHAR, work_id VARCHAR, prompt_hash VARCHAR, schema_hash VARCHAR, taxonomy_version VARCHAR, input_hash VARCHAR
);
