-- What a person's decisions teach about order: rankers as plain coefficients, and what they make of each work.

-- One row each time the decisions, the cues or the features had changed: `basis` is their hash. The newest counts.
-- used: whether it orders better than the cues, by cross-validation; `reason` says so, or what is lacking (then
-- `model` and `figures` are NULL). model: coefficients as JSON (triage/ranking/ranker.py), never code.
CREATE TABLE store.ranker (
    ranker_id VARCHAR, basis VARCHAR, used BOOLEAN, reason VARCHAR, selected INTEGER, rejected INTEGER, passed_over INTEGER,
    model JSON, figures JSON, run_id VARCHAR, made_at TIMESTAMP
);

-- Scores by the ranker in use, of works with a screening score above 0; empty when none is in use.
CREATE TABLE store.ranking (work_id VARCHAR, score DOUBLE, ranker_id VARCHAR, basis VARCHAR, run_id VARCHAR, made_at TIMESTAMP);
