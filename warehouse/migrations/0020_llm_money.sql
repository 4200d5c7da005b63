-- What a call may have cost whose answer was lost, so that the caps of later runs count it too; answers of a new
-- prompt or model that are kept without being in force; the answers of the second model; and what waits for a model.

-- The most a call can have taken and cost; filled only where tokens and cost are unknown and may have been charged.
ALTER TABLE store.llm_call ADD COLUMN most_tokens BIGINT;
ALTER TABLE store.llm_call ADD COLUMN most_cost DOUBLE;

-- pending: kept to be looked at, not in force (`triage label --reprompt`). second: by the model of [llm.second].
ALTER TABLE store.labelling ADD COLUMN pending BOOLEAN;
ALTER TABLE store.labelling ADD COLUMN second BOOLEAN;

-- Works that a model was to read and has not: a cap was reached, the server failed, or it was given up. One row a
-- purpose and work, written anew by each run.
CREATE TABLE store.llm_waiting (purpose VARCHAR, work_id VARCHAR, reason VARCHAR, run_id VARCHAR, made_at TIMESTAMP);
