-- How far the reading is, as it was when works were last screened, so that it can be asked in SQL; and what the
-- confidence of each producer's labels turned out to mean.

CREATE TABLE store.reading_progress (
    found INTEGER, unread INTEGER, likely_left DOUBLE, likely_left_low INTEGER, likely_left_high INTEGER, may_stop BOOLEAN,
    basis VARCHAR, run_id VARCHAR, made_at TIMESTAMP
);

-- One row a producer (an llm's model and prompt apart): the log-odds of its labels being right are
-- intercept + slope * log-odds of the confidence it gave. Fitted on labels of works whose type a person typed;
-- `basis` is their hash. error_before and error_after: expected calibration error, cross-validated.
CREATE TABLE store.calibration (
    producer VARCHAR, model VARCHAR, prompt_hash VARCHAR, intercept DOUBLE, slope DOUBLE, labels INTEGER, basis VARCHAR,
    error_before DOUBLE, error_after DOUBLE, used BOOLEAN, run_id VARCHAR, made_at TIMESTAMP
);
