-- What went wrong in the newest run that had failures.
SELECT step, item, kind, message, hint FROM failures
WHERE run_id = (SELECT max(run_id) FROM failures) ORDER BY step, item;
