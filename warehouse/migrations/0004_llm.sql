-- Calls to language models: what else makes two calls the same question, and which form of reply each
-- server takes, so that a run does not ask every server again what it cannot do.

ALTER TABLE store.llm_call ADD COLUMN attempt INTEGER;
ALTER TABLE store.llm_call ADD COLUMN schema_hash VARCHAR;
ALTER TABLE store.llm_call ADD COLUMN taxonomy_version VARCHAR;

-- reply_format: json_schema, json_object or plain; limit_key: the parameter the server takes for it, or none.
CREATE TABLE store.llm_dialect (
    endpoint VARCHAR, model VARCHAR, reply_format VARCHAR, limit_key VARCHAR, temperature BOOLEAN, learned_at TIMESTAMP
);
