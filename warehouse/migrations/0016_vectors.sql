-- Sentence embeddings: what was embedded once is never embedded again, and what the model has read is not due again.

-- A vector of a text by a model, both named by their hash; 32-bit floats, little-endian, of length one.
CREATE TABLE store.vector (model VARCHAR, text_hash VARCHAR, vector BLOB);

-- Works the embedding producer has read, whether or not it had anything to say; `basis` as in store.labelling.
CREATE TABLE store.embedding_read (work_id VARCHAR, basis VARCHAR, run_id VARCHAR, made_at TIMESTAMP);
