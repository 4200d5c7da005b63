-- What the lists were made from: while nothing of that changed and the files stand as they were written, a night leaves them alone
-- without taking them apart.
CREATE TABLE store.list_input (path VARCHAR, sha256 VARCHAR, fingerprint VARCHAR);
