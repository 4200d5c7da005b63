-- The NLI classifier: what was computed once is never computed again, and what it has read is not due again.

-- How probably a passage entails a statement about it, by a model; all three named by their hash.
CREATE TABLE store.entailment (model VARCHAR, passage_hash VARCHAR, statement_hash VARCHAR, probability DOUBLE);

-- Works the classifier has read, whether or not it had anything to say; `basis` also names the labels others had given.
CREATE TABLE store.nli_read (work_id VARCHAR, basis VARCHAR, run_id VARCHAR, made_at TIMESTAMP);
