-- Papers of which two producers say different labels, the plainest cases first.
SELECT kind, title, producer_a, labels_a, producer_b, labels_b, work_id FROM disagreements;
