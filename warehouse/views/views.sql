-- The views users query. Columns are a promise: add, never rename or drop, and raise the schema
-- version with a migration when one must change. Made again whenever this file changes.

CREATE OR REPLACE VIEW main.decisions AS
WITH undone AS (SELECT value AS decision_id FROM store.decision WHERE what = 'undo'),
ranked AS (
    SELECT d.*,
           d.what <> 'undo' AND NOT EXISTS (SELECT 1 FROM undone u WHERE u.decision_id = d.decision_id) AS stands,
           CASE WHEN d.what IN ('selected', 'rejected', 'later') THEN 'decision' ELSE d.what END AS topic
    FROM store.decision d
),
-- what somebody answered who knew of it: replaced, whatever their two clocks say
answered AS (SELECT DISTINCT unnest(string_split(after, ' ')) AS decision_id FROM ranked WHERE stands AND after <> '')
SELECT decision_id, work_id, title, what, value, reason, who, made_at, said_in,
       -- same / not-same name a second work and do not replace each other
       stands AND (topic IN ('same', 'not-same') OR row_number() OVER (
           PARTITION BY coalesce(work_id, decision_id), topic, stands
           ORDER BY decision_id IN (FROM answered), made_at DESC, position DESC) = 1) AS in_force,
       stands, after, CAST(proposed ->> 'score' AS DOUBLE) AS proposed_score, proposed ->> 'type' AS proposed_type,
       from_json(proposed -> 'labels', '["VARCHAR"]') AS proposed_labels, proposed ->> 'producer' AS proposed_by
FROM ranked;
COMMENT ON VIEW main.decisions IS 'A person''s words, from decisions.jsonl: one row a word';
COMMENT ON COLUMN main.decisions.decision_id IS 'id of the line in decisions.jsonl';
COMMENT ON COLUMN main.decisions.work_id IS 'the work it is about; NULL while no record of it has been gathered';
COMMENT ON COLUMN main.decisions.title IS 'title of the work as the person saw it';
COMMENT ON COLUMN main.decisions.what IS 'selected, rejected, later, type, correction, added (a paper by hand), note, same, not-same or undo';
COMMENT ON COLUMN main.decisions.value IS 'the Type as typed; correction, added paper or note as JSON; the other work; or the decision that is taken back';
COMMENT ON COLUMN main.decisions.reason IS 'why, in the person''s words; NULL when none was given';
COMMENT ON COLUMN main.decisions.who IS 'who said it';
COMMENT ON COLUMN main.decisions.made_at IS 'when it was said, UTC';
COMMENT ON COLUMN main.decisions.said_in IS 'where it was said: a file, a command';
COMMENT ON COLUMN main.decisions.in_force IS 'whether it still counts: not undone, and the newest of its kind for the work that no later word of a person who knew of it replaced';
COMMENT ON COLUMN main.decisions.stands IS 'whether it was never taken back; a newer word may have replaced it';
COMMENT ON COLUMN main.decisions.after IS 'the words about the same thing that the person knew of, divided by blanks; empty for none, NULL where nobody looked';
COMMENT ON COLUMN main.decisions.proposed_score IS 'the screening''s score at that moment, 0..1; NULL when not screened';
COMMENT ON COLUMN main.decisions.proposed_type IS 'the Type the machine had proposed at that moment; NULL for none';
COMMENT ON COLUMN main.decisions.proposed_labels IS 'taxonomy ids behind it; NULL when nothing was kept';
COMMENT ON COLUMN main.decisions.proposed_by IS 'its producer: llm, learned, nli, embedding or lexical';

CREATE OR REPLACE VIEW main.records AS
SELECT r.record_id, m.work_id, r.source, r.source_key, r.url, r.title, r.abstract, r.authors, r.venue, r.year,
       r.track, r.acceptance, r.published, r.identifiers, r.links, r.raw_sha256, r.first_run, r.last_run,
       r.first_seen, r.last_seen
FROM store.record r LEFT JOIN store.membership m USING (record_id);
COMMENT ON VIEW main.records IS 'What one source said about one paper: one row a record';
COMMENT ON COLUMN main.records.record_id IS 'depends on source and source_key only';
COMMENT ON COLUMN main.records.work_id IS 'the work this record tells of; NULL until identified';
COMMENT ON COLUMN main.records.source IS 'name of the source: documents, arxiv, huggingface, ...';
COMMENT ON COLUMN main.records.source_key IS 'natural key of the record in its source';
COMMENT ON COLUMN main.records.url IS 'link to the paper''s page; NULL when the source gives none';
COMMENT ON COLUMN main.records.title IS 'title, one line';
COMMENT ON COLUMN main.records.abstract IS 'abstract with its own line breaks; NULL when the source gives none';
COMMENT ON COLUMN main.records.authors IS 'names in order; empty when the source gives none';
COMMENT ON COLUMN main.records.venue IS 'venue as the source names it; NULL when unknown';
COMMENT ON COLUMN main.records.year IS 'year of the venue or of the preprint; NULL when unknown';
COMMENT ON COLUMN main.records.track IS 'track of the venue; NULL when unknown';
COMMENT ON COLUMN main.records.acceptance IS 'oral, spotlight, poster ... as the venue says it';
COMMENT ON COLUMN main.records.published IS 'day of publication as the source gives it; NULL when it gives none';
COMMENT ON COLUMN main.records.identifiers IS 'scheme -> value: arxiv (without version), doi, openreview, anthology';
COMMENT ON COLUMN main.records.links IS 'other links: pdf, code, project page';
COMMENT ON COLUMN main.records.raw_sha256 IS 'hash of the response or document it was read from';
COMMENT ON COLUMN main.records.first_run IS 'run that first saw it';
COMMENT ON COLUMN main.records.last_run IS 'run that last saw it';
COMMENT ON COLUMN main.records.first_seen IS 'when it was first seen, UTC';
COMMENT ON COLUMN main.records.last_seen IS 'when it was last seen, UTC';

CREATE OR REPLACE VIEW store.labelling_current AS
SELECT l.*, coalesce(p.rank, CASE WHEN l.producer = 'human' THEN -1 ELSE 1000 END) AS producer_rank
FROM store.labelling l LEFT JOIN store.producer_order p USING (producer)
-- pending: answers of a new prompt or model, which decide nothing until a person accepts them
WHERE NOT coalesce(l.pending, false)
      AND (l.producer <> 'human' OR l.decision_id IN (SELECT decision_id FROM main.decisions WHERE in_force))
-- the second model is asked after the first, about the same text: its word is the newer one
QUALIFY row_number() OVER (
    PARTITION BY l.work_id, l.producer ORDER BY l.made_at DESC, coalesce(l.second, false) DESC, l.run_id DESC, l.labelling_id) = 1
    -- the NLI classifier speaks where nobody else does: without a label it has taken back what it said, and without a
    -- rank (no model is set, or the settings leave it out) nobody would take it back
    AND (l.producer <> 'nli' OR (p.rank IS NOT NULL AND l.labelling_id IN (SELECT labelling_id FROM store.label)));

-- Labels with the confidence that the labels of their producer (and model and prompt) turned out to deserve; what it
-- gave itself stays beside it. Log-odds are cut where triage/calibration.py cuts them.
CREATE OR REPLACE VIEW store.label_calibrated AS
SELECT b.* REPLACE (
           CASE WHEN k.producer IS NULL OR b.confidence IS NULL THEN b.confidence
           ELSE round(1 / (1 + exp(-(k.intercept + k.slope * ln(least(greatest(b.confidence, 0.001), 0.999)
                / (1 - least(greatest(b.confidence, 0.001), 0.999)))))), 4) END AS confidence),
       b.confidence AS given
FROM store.label b JOIN store.labelling l USING (labelling_id)
LEFT JOIN store.calibration k ON k.used AND k.producer = l.producer AND k.model IS NOT DISTINCT FROM l.model
    AND k.prompt_hash IS NOT DISTINCT FROM l.prompt_hash;

CREATE OR REPLACE VIEW main.labels_current AS
WITH threshold AS (SELECT coalesce(max(CAST(value AS DOUBLE)), 0) AS least FROM store.setting WHERE name = 'labels.threshold')
SELECT c.work_id, b.label, b.confidence, c.producer, b.proposed, b.field, b.span_start, b.span_end, b.quote,
       c.display, c.model, c.prompt_hash, c.taxonomy_version, c.run_id, c.made_at,
       c.producer_rank = min(c.producer_rank) OVER (PARTITION BY c.work_id) AS decides,
       b.confidence IS NULL OR b.confidence >= (SELECT least FROM threshold) AS counts,
       b.position, b.given AS given_confidence
FROM store.labelling_current c JOIN store.label_calibrated b USING (labelling_id);
COMMENT ON VIEW main.labels_current IS 'The newest labels of each producer for each work, one row a label; decides AND counts are the ones shown';
COMMENT ON COLUMN main.labels_current.work_id IS 'the work';
COMMENT ON COLUMN main.labels_current.label IS 'taxonomy id such as compression/distillation, survey, or other';
COMMENT ON COLUMN main.labels_current.confidence IS '0..1: how often such a label is right, see the view calibrations; NULL where a person spoke';
COMMENT ON COLUMN main.labels_current.producer IS 'lexical, embedding, nli, learned, llm or human';
COMMENT ON COLUMN main.labels_current.proposed IS 'words proposed for a new label where label is other';
COMMENT ON COLUMN main.labels_current.field IS 'where the quote stands: title or abstract';
COMMENT ON COLUMN main.labels_current.span_start IS 'first character of the quote in that field, from 0';
COMMENT ON COLUMN main.labels_current.span_end IS 'behind the last character of the quote';
COMMENT ON COLUMN main.labels_current.quote IS 'the words it rests on; NULL where a person spoke';
COMMENT ON COLUMN main.labels_current.display IS 'the Type as displayed: as typed by a person, else made from the labels';
COMMENT ON COLUMN main.labels_current.model IS 'model that produced it; NULL for rules and people';
COMMENT ON COLUMN main.labels_current.prompt_hash IS 'hash of the prompt; NULL without a model';
COMMENT ON COLUMN main.labels_current.taxonomy_version IS 'version of the taxonomy it speaks';
COMMENT ON COLUMN main.labels_current.run_id IS 'run that wrote it';
COMMENT ON COLUMN main.labels_current.made_at IS 'when, UTC';
COMMENT ON COLUMN main.labels_current.decides IS 'true for the producer whose labels are shown for this work';
COMMENT ON COLUMN main.labels_current.counts IS 'true when the confidence reaches the threshold of the settings';
COMMENT ON COLUMN main.labels_current.position IS 'order of the labels of one producer, from 0';
COMMENT ON COLUMN main.labels_current.given_confidence IS 'the confidence its producer gave it, before any calibration';

CREATE OR REPLACE VIEW main.relabelled AS
SELECT work_id, producer, before, display AS after, before_version, taxonomy_version AS after_version, run_id, made_at
FROM (
    SELECT work_id, producer, coalesce(display, '') AS display, taxonomy_version, run_id, made_at,
           lag(coalesce(display, '')) OVER earlier AS before, lag(taxonomy_version) OVER earlier AS before_version
    FROM store.labelling WHERE producer <> 'human' AND NOT coalesce(pending, false)
    WINDOW earlier AS (PARTITION BY work_id, producer ORDER BY made_at, run_id, labelling_id)
)
WHERE before <> display;
COMMENT ON VIEW main.relabelled IS 'Works to which a machine gave another Type than it had given before, one row a change; a work''s first labels are not among them';
COMMENT ON COLUMN main.relabelled.work_id IS 'the work';
COMMENT ON COLUMN main.relabelled.producer IS 'lexical, embedding, nli, learned or llm';
COMMENT ON COLUMN main.relabelled.before IS 'the Type it had given before; empty for none';
COMMENT ON COLUMN main.relabelled.after IS 'the Type it gave then; empty for none';
COMMENT ON COLUMN main.relabelled.before_version IS 'version of the taxonomy of the Type before';
COMMENT ON COLUMN main.relabelled.after_version IS 'version of the taxonomy of the Type after; the same when text or rules changed';
COMMENT ON COLUMN main.relabelled.run_id IS 'run that changed it';
COMMENT ON COLUMN main.relabelled.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW store.decided AS
SELECT work_id, max(what) AS decision FROM main.decisions
WHERE in_force AND what IN ('selected', 'rejected', 'later') AND work_id IS NOT NULL GROUP BY work_id;

-- What a person and the screening say of each work. The steps read it instead of `works`, whose labels and homes cost more.
CREATE OR REPLACE VIEW store.standing AS
SELECT w.work_id, d.decision, p.work_id IS NOT NULL AS proposed, s.score AS screening_score, coalesce(k.score, s.score) AS rank_score
FROM store.work w LEFT JOIN store.decided d USING (work_id)
LEFT JOIN store.screening s USING (work_id) LEFT JOIN store.proposal p USING (work_id) LEFT JOIN store.ranking k USING (work_id);

-- Works whose proposal was taken back with a file, and that have not turned up at a venue since.
CREATE OR REPLACE VIEW store.taken_back AS
SELECT DISTINCT work_id FROM store.unproposed b
WHERE NOT EXISTS (SELECT 1 FROM store.promotion m WHERE m.work_id = b.work_id AND m.made_at > b.made_at);

-- The year of the list a selected work was ticked in; a tick that was set in the undated list stays there (NULL), whatever
-- year the work has by now.
CREATE OR REPLACE VIEW store.home AS
SELECT work_id, CASE WHEN NOT t.undated THEN coalesce(t.year, w.year) END AS home_year
FROM store.work w JOIN (
    SELECT d.work_id, max(try_cast(s.work ->> 'year' AS INTEGER)) AS year, coalesce(bool_or(d.said_in = 'lists/undated.md'), false) AS undated
    FROM main.decisions d JOIN store.decision s USING (decision_id)
    WHERE d.in_force AND d.what = 'selected' GROUP BY d.work_id
) t USING (work_id);

-- How sure the language model is that a work belongs on the list, of its text as it is now.
CREATE OR REPLACE VIEW store.model_opinion AS
SELECT o.work_id, arg_max(o.relevance, (o.made_at, o.run_id)) AS relevance
FROM store.model_screening o JOIN store.work t USING (work_id) WHERE starts_with(o.basis, t.text_hash) GROUP BY o.work_id;

CREATE OR REPLACE VIEW main.works AS
WITH shown AS (
    SELECT work_id, arg_min(display, producer_rank) AS type, arg_min(producer, producer_rank) AS producer
    FROM store.labelling_current GROUP BY work_id
),
labels AS (
    SELECT work_id, list(label ORDER BY position) AS labels FROM main.labels_current WHERE decides AND counts GROUP BY work_id
)
SELECT w.work_id, w.title, w.abstract, w.authors, w.venue, w.year, w.url, nullif(shown.type, '') AS type,
       coalesce(labels.labels, []) AS labels, shown.producer AS labelled_by, d.decision,
       s.score AS screening_score, s.filter_hit AS curator_words, p.work_id IS NOT NULL AS proposed,
       w.published, w.identifiers, w.records, w.first_run, w.last_run, w.first_seen, w.last_seen,
       CASE WHEN h.work_id IS NULL THEN w.year ELSE h.home_year END AS home_year,
       coalesce(k.score, s.score) AS rank_score, CASE WHEN k.work_id IS NOT NULL THEN 'learned' WHEN s.work_id IS NOT NULL THEN 'cues' END AS ranked_by,
       u.work_id IS NOT NULL AS unproposed
FROM store.work w LEFT JOIN store.home h USING (work_id)
LEFT JOIN shown USING (work_id) LEFT JOIN labels USING (work_id) LEFT JOIN store.decided d USING (work_id)
LEFT JOIN store.screening s USING (work_id) LEFT JOIN store.proposal p USING (work_id) LEFT JOIN store.ranking k USING (work_id)
LEFT JOIN store.taken_back u USING (work_id);
COMMENT ON VIEW main.works IS 'The papers, however many records tell of each: one row a work';
COMMENT ON COLUMN main.works.work_id IS 'id of the work';
COMMENT ON COLUMN main.works.title IS 'title of its best record';
COMMENT ON COLUMN main.works.abstract IS 'abstract of the best record that has one; NULL when none has';
COMMENT ON COLUMN main.works.authors IS 'names in order; empty when no record has any';
COMMENT ON COLUMN main.works.venue IS 'venue of the best record; arXiv for a preprint';
COMMENT ON COLUMN main.works.year IS 'year; NULL when no record has one';
COMMENT ON COLUMN main.works.url IS 'the link shown';
COMMENT ON COLUMN main.works.type IS 'efficiency type as displayed: typed by a person, else made from the labels';
COMMENT ON COLUMN main.works.labels IS 'taxonomy ids behind the type, in order';
COMMENT ON COLUMN main.works.labelled_by IS 'producer of the type: human, llm, learned, nli, embedding or lexical';
COMMENT ON COLUMN main.works.decision IS 'selected, rejected, later, or NULL when nobody has spoken';
COMMENT ON COLUMN main.works.screening_score IS '0..1: how likely it belongs on the list; NULL until screened';
COMMENT ON COLUMN main.works.curator_words IS 'whether the curator''s own word filter keeps it';
COMMENT ON COLUMN main.works.proposed IS 'whether the machine has proposed it';
COMMENT ON COLUMN main.works.unproposed IS 'whether its proposal was taken back by putting a list back to an older state: it is not proposed again before the list has it again or it turns up at a venue';
COMMENT ON COLUMN main.works.published IS 'earliest day of publication any record gives';
COMMENT ON COLUMN main.works.identifiers IS 'scheme -> value, of all its records';
COMMENT ON COLUMN main.works.records IS 'how many records tell of it';
COMMENT ON COLUMN main.works.first_run IS 'run that first saw one of its records';
COMMENT ON COLUMN main.works.last_run IS 'run that last saw one of its records';
COMMENT ON COLUMN main.works.first_seen IS 'when it was first seen, UTC';
COMMENT ON COLUMN main.works.last_seen IS 'when it was last seen, UTC';
COMMENT ON COLUMN main.works.home_year IS 'year of the list it stands in: that in which a person ticked it, until the person agrees to a move; else its year';
COMMENT ON COLUMN main.works.rank_score IS '0..1: what proposals are ordered by: the screening score, corrected by what your decisions taught where that is proven to help';
COMMENT ON COLUMN main.works.ranked_by IS 'learned when rank_score is corrected, cues when it is the screening score; NULL until screened';

-- What each producer says of a work now, in one row; where the second model's labels are in force, those of the
-- first about the same text stand behind them (rank + 0.5).
CREATE OR REPLACE VIEW store.labels_said AS
WITH threshold AS (SELECT coalesce(max(CAST(value AS DOUBLE)), 0) AS least FROM store.setting WHERE name = 'labels.threshold'),
said AS (
    SELECT labelling_id, work_id, producer, model, CAST(producer_rank AS DOUBLE) AS rank FROM store.labelling_current
    UNION ALL
    SELECT f.labelling_id, f.work_id, f.producer, f.model, s.producer_rank + 0.5 AS rank
    FROM store.labelling f JOIN store.labelling_current s ON s.work_id = f.work_id AND s.producer = f.producer AND s.basis = f.basis
    WHERE s.second AND NOT coalesce(f.second, false) AND NOT coalesce(f.pending, false)
    QUALIFY row_number() OVER (PARTITION BY f.work_id, f.producer ORDER BY f.made_at DESC, f.run_id DESC, f.labelling_id) = 1
)
SELECT s.work_id, s.producer, any_value(s.model) AS model, s.rank,
       coalesce(list(b.label ORDER BY b.position) FILTER (b.label IS NOT NULL), []) AS labels, max(b.confidence) AS surest
FROM said s LEFT JOIN store.label_calibrated b
     ON b.labelling_id = s.labelling_id AND (b.confidence IS NULL OR b.confidence >= (SELECT least FROM threshold))
GROUP BY s.work_id, s.producer, s.rank
-- a Type that the taxonomy does not know cannot be compared
HAVING s.producer <> 'human' OR count(b.label) > 0;

CREATE OR REPLACE VIEW main.disagreements AS
WITH pairs AS (
    SELECT a.work_id, a.producer AS producer_a, a.labels AS labels_a, b.producer AS producer_b, b.labels AS labels_b,
           CASE WHEN (len(a.labels) = 0) <> (len(b.labels) = 0) THEN 'silent'
                WHEN list_has_any(a.labels, b.labels) THEN 'partial'
                WHEN list_has_any(list_transform(a.labels, lambda x: split_part(x, '/', 1)), list_transform(b.labels, lambda x: split_part(x, '/', 1)))
                THEN 'family' ELSE 'disjoint' END AS kind,
           a.model AS model_a, b.model AS model_b, a.rank AS rank_a, b.rank AS rank_b
    FROM store.labels_said a JOIN store.labels_said b ON a.work_id = b.work_id AND (a.rank, a.producer) < (b.rank, b.producer)
    WHERE list_sort(a.labels) <> list_sort(b.labels)
)
SELECT p.work_id, w.title, w.venue, w.year, p.producer_a, p.labels_a, p.producer_b, p.labels_b, p.kind, p.model_a, p.model_b
FROM pairs p JOIN main.works w USING (work_id)
WHERE w.decision = 'selected' OR (w.proposed AND w.decision IS NULL)
ORDER BY list_position(['disjoint', 'silent', 'family', 'partial'], p.kind), w.rank_score DESC NULLS LAST, p.work_id, p.rank_a, p.rank_b,
         p.producer_a, p.producer_b;
COMMENT ON VIEW main.disagreements IS 'Selected works and open proposals of which two producers say different labels: one row a pair, the plainest first';
COMMENT ON COLUMN main.disagreements.work_id IS 'the work';
COMMENT ON COLUMN main.disagreements.title IS 'its title';
COMMENT ON COLUMN main.disagreements.venue IS 'venue; arXiv for a preprint';
COMMENT ON COLUMN main.disagreements.year IS 'year; NULL when unknown';
COMMENT ON COLUMN main.disagreements.producer_a IS 'the producer whose word comes first: human, llm, learned, nli, embedding or lexical';
COMMENT ON COLUMN main.disagreements.labels_a IS 'its labels that count, in order; empty when it finds none';
COMMENT ON COLUMN main.disagreements.producer_b IS 'the other producer; llm beside llm is the first model behind the second';
COMMENT ON COLUMN main.disagreements.labels_b IS 'its labels that count, in order; empty when it finds none';
COMMENT ON COLUMN main.disagreements.kind IS 'disjoint: no label in common, nor a family; silent: one of them finds none; family: no label in common, but a family; partial: some in common';
COMMENT ON COLUMN main.disagreements.model_a IS 'model behind producer_a; NULL for rules and people';
COMMENT ON COLUMN main.disagreements.model_b IS 'model behind producer_b; NULL for rules and people';

-- Works on which the local producers leave a doubt that is worth a model's call: two of them share no label, or the one
-- that decides among them has no label it is sure of. 0.8: of 500 labels of development papers those below it were
-- wrong about one time in three, those above one in ten.
CREATE OR REPLACE VIEW store.local_doubt AS
SELECT work_id, 'disagreement' AS doubt FROM main.disagreements
WHERE kind <> 'partial' AND producer_a IN ('learned', 'nli', 'embedding', 'lexical') AND producer_b IN ('learned', 'nli', 'embedding', 'lexical')
UNION
SELECT work_id, 'unsure' FROM (
    SELECT work_id, arg_min(coalesce(surest, 0), rank) AS surest FROM store.labels_said
    WHERE producer IN ('learned', 'nli', 'embedding', 'lexical') GROUP BY work_id
) WHERE surest < 0.8;

CREATE OR REPLACE VIEW main.review_queue AS
SELECT w.work_id, w.title, w.venue, w.year, w.url, w.screening_score, w.type, w.labels, w.labelled_by,
       list_transform(from_json(s.evidence, '["JSON"]')[:3], lambda e: e ->> 'quote') AS evidence, p.made_at AS proposed_at,
       w.rank_score, w.ranked_by, m.relevance AS model_relevance
FROM main.works w JOIN store.proposal p USING (work_id) JOIN store.screening s USING (work_id)
LEFT JOIN store.model_opinion m USING (work_id)
WHERE w.decision IS NULL
ORDER BY w.rank_score DESC, w.screening_score DESC, w.work_id;
COMMENT ON VIEW main.review_queue IS 'Proposals nobody has decided on yet, best first';
COMMENT ON COLUMN main.review_queue.work_id IS 'the work';
COMMENT ON COLUMN main.review_queue.title IS 'title';
COMMENT ON COLUMN main.review_queue.venue IS 'venue; arXiv for a preprint';
COMMENT ON COLUMN main.review_queue.year IS 'year; NULL when unknown';
COMMENT ON COLUMN main.review_queue.url IS 'link';
COMMENT ON COLUMN main.review_queue.screening_score IS '0..1';
COMMENT ON COLUMN main.review_queue.type IS 'proposed type as displayed';
COMMENT ON COLUMN main.review_queue.labels IS 'taxonomy ids behind it';
COMMENT ON COLUMN main.review_queue.labelled_by IS 'producer of the type';
COMMENT ON COLUMN main.review_queue.evidence IS 'the words that count most, at most three';
COMMENT ON COLUMN main.review_queue.proposed_at IS 'when it was proposed, UTC';
COMMENT ON COLUMN main.review_queue.model_relevance IS '0..1: how sure the language model is that it belongs on the list; NULL when none read it';
COMMENT ON COLUMN main.review_queue.rank_score IS '0..1: what the queue is ordered by, see works.rank_score';
COMMENT ON COLUMN main.review_queue.ranked_by IS 'learned or cues: who made the order';

CREATE OR REPLACE VIEW main.year_list AS
SELECT w.home_year AS year, w.work_id, w.title, w.url, w.venue, w.type, w.labels, w.decision, w.screening_score
FROM main.works w
WHERE w.decision = 'selected' OR (w.proposed AND w.decision IS NULL)
ORDER BY w.home_year NULLS LAST, lower(w.venue) NULLS LAST, w.url NULLS LAST, w.title, w.work_id;
COMMENT ON VIEW main.year_list IS 'What the yearly lists hold: selected works and open proposals, in the order of a list';
COMMENT ON COLUMN main.year_list.year IS 'year of the list it stands in, for a selected work the one it was ticked in; NULL for lists/undated.md';
COMMENT ON COLUMN main.year_list.work_id IS 'the work';
COMMENT ON COLUMN main.year_list.title IS 'title';
COMMENT ON COLUMN main.year_list.url IS 'link';
COMMENT ON COLUMN main.year_list.venue IS 'venue; arXiv for a preprint';
COMMENT ON COLUMN main.year_list.type IS 'type as displayed';
COMMENT ON COLUMN main.year_list.labels IS 'taxonomy ids behind it';
COMMENT ON COLUMN main.year_list.decision IS 'selected, or NULL for a proposal';
COMMENT ON COLUMN main.year_list.screening_score IS '0..1; NULL until screened';

CREATE OR REPLACE VIEW main.moves AS
SELECT w.work_id, w.title, h.home_year, w.year, w.venue, w.url
FROM store.work w JOIN store.home h USING (work_id) JOIN main.decisions d USING (work_id)
WHERE d.in_force AND d.what = 'selected' AND w.year IS NOT NULL AND h.home_year IS DISTINCT FROM w.year
      AND d.value IS DISTINCT FROM CAST(w.year AS VARCHAR);
COMMENT ON VIEW main.moves IS 'Selected works that belong to another year by now: they stay where they were ticked until the move is agreed to, by a tick in the other year''s list';
COMMENT ON COLUMN main.moves.work_id IS 'the work';
COMMENT ON COLUMN main.moves.title IS 'its title';
COMMENT ON COLUMN main.moves.home_year IS 'year of the list in which it was ticked; NULL for lists/undated.md';
COMMENT ON COLUMN main.moves.year IS 'year it has now';
COMMENT ON COLUMN main.moves.venue IS 'venue it has now';
COMMENT ON COLUMN main.moves.url IS 'link it has now';

-- Rejected works that turned up at a venue since, one row a work: its newest promotion.
CREATE OR REPLACE VIEW store.rejected_and_promoted AS
SELECT w.work_id, d.reason, d.made_at AS rejected_at, p.from_venue, p.made_at AS promoted_at
FROM store.work w JOIN main.decisions d USING (work_id) JOIN store.promotion p USING (work_id)
WHERE d.in_force AND d.what = 'rejected' AND p.made_at > d.made_at
QUALIFY row_number() OVER (PARTITION BY w.work_id ORDER BY p.made_at DESC, p.to_url) = 1;

CREATE OR REPLACE VIEW main.look_again AS
SELECT w.work_id, w.title, w.url, w.venue, w.year, w.type, a.reason, a.rejected_at, a.from_venue, a.promoted_at
FROM main.works w JOIN store.rejected_and_promoted a USING (work_id)
ORDER BY w.year NULLS LAST, lower(w.venue) NULLS LAST, w.url NULLS LAST, w.title, w.work_id;
COMMENT ON VIEW main.look_again IS 'Rejected works that turned up at a venue since: shown in lists/look-again.md, never among the proposals';
COMMENT ON COLUMN main.look_again.work_id IS 'the work';
COMMENT ON COLUMN main.look_again.title IS 'title';
COMMENT ON COLUMN main.look_again.url IS 'link';
COMMENT ON COLUMN main.look_again.venue IS 'venue it turned up at';
COMMENT ON COLUMN main.look_again.year IS 'year of the venue';
COMMENT ON COLUMN main.look_again.type IS 'type as displayed';
COMMENT ON COLUMN main.look_again.reason IS 'why it was rejected, in the person''s words';
COMMENT ON COLUMN main.look_again.rejected_at IS 'when it was rejected, UTC';
COMMENT ON COLUMN main.look_again.from_venue IS 'where it was before; NULL for nowhere';
COMMENT ON COLUMN main.look_again.promoted_at IS 'when it turned up, UTC';

CREATE OR REPLACE VIEW main.conflicts AS
SELECT c.conflict_id, c.work_id, w.title, c.path, c.field, c.was, c.in_file, c.in_warehouse, c.run_id, c.made_at
FROM store.conflict c LEFT JOIN store.work w USING (work_id)
ORDER BY c.path, w.title, c.field;
COMMENT ON VIEW main.conflicts IS 'Where a file and the warehouse were changed differently: the file keeps the person''s text until the person decides; one row a field';
COMMENT ON COLUMN main.conflicts.conflict_id IS 'id, for triage sync --keep';
COMMENT ON COLUMN main.conflicts.work_id IS 'the work';
COMMENT ON COLUMN main.conflicts.title IS 'its title; NULL when the work is there no longer';
COMMENT ON COLUMN main.conflicts.path IS 'the file';
COMMENT ON COLUMN main.conflicts.field IS 'tick, block (it was taken out), title, url, venue, year, type, abstract or note';
COMMENT ON COLUMN main.conflicts.was IS 'what both said before; NULL for nothing';
COMMENT ON COLUMN main.conflicts.in_file IS 'what the file says; NULL for nothing';
COMMENT ON COLUMN main.conflicts.in_warehouse IS 'what the warehouse says; NULL for nothing';
COMMENT ON COLUMN main.conflicts.run_id IS 'run that saw it';
COMMENT ON COLUMN main.conflicts.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.word_conflicts AS
WITH RECURSIVE heard AS (  -- every word knows the words it came after, and those they came after
    SELECT decision_id, unnest(string_split(after, ' ')) AS id FROM store.decision WHERE after <> ''
    UNION
    SELECT h.decision_id, unnest(string_split(d.after, ' ')) FROM heard h JOIN store.decision d ON d.decision_id = h.id WHERE d.after <> ''
)
SELECT w.work_id, w.title, w.what AS in_force_what, w.value AS in_force_value, w.who AS in_force_who, w.decision_id AS in_force_decision,
       v.what AS other_what, v.value AS other_value, v.who AS other_who, v.decision_id AS other_decision, v.made_at
FROM main.decisions w JOIN main.decisions v USING (work_id)
WHERE w.in_force AND v.stands AND NOT v.in_force AND w.after IS NOT NULL AND v.after IS NOT NULL
      AND CASE WHEN w.what IN ('selected', 'rejected', 'later') THEN v.what IN ('selected', 'rejected', 'later') AND v.what <> w.what
               ELSE w.what IN ('type', 'correction', 'note') AND v.what = w.what AND v.value IS DISTINCT FROM w.value END
      AND NOT EXISTS (SELECT 1 FROM heard h WHERE h.decision_id = w.decision_id AND h.id = v.decision_id)
ORDER BY w.title, w.decision_id, v.decision_id;
COMMENT ON VIEW main.word_conflicts IS 'Different words about one work, said on two machines without knowing of each other: the newer counts until a person speaks again';
COMMENT ON COLUMN main.word_conflicts.work_id IS 'the work';
COMMENT ON COLUMN main.word_conflicts.title IS 'its title as the person saw it';
COMMENT ON COLUMN main.word_conflicts.in_force_what IS 'what counts now: selected, rejected, later, type, correction or note';
COMMENT ON COLUMN main.word_conflicts.in_force_value IS 'its value, where the word has one';
COMMENT ON COLUMN main.word_conflicts.in_force_who IS 'who said it';
COMMENT ON COLUMN main.word_conflicts.in_force_decision IS 'id of that word';
COMMENT ON COLUMN main.word_conflicts.other_what IS 'what was said elsewhere';
COMMENT ON COLUMN main.word_conflicts.other_value IS 'its value, where the word has one';
COMMENT ON COLUMN main.word_conflicts.other_who IS 'who said that';
COMMENT ON COLUMN main.word_conflicts.other_decision IS 'id of that word';
COMMENT ON COLUMN main.word_conflicts.made_at IS 'when that was said, UTC';

CREATE OR REPLACE VIEW main.notes AS
WITH placed AS (  -- a person's note belongs to the record it came with
    SELECT n.* REPLACE (coalesce(m.work_id, n.work_id) AS work_id)
    FROM store.note n LEFT JOIN store.membership m ON n.producer = 'human' AND m.record_id = n.basis
),
current AS (
    -- what a person said in a notes file of ours is later than what was imported, whenever the warehouse was made
    SELECT * FROM placed WHERE work_id IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY work_id, producer
        ORDER BY producer = 'human' AND starts_with(basis, 'decision:') DESC, made_at DESC, run_id DESC, note_id) = 1
),
ranked AS (  -- a model's note of an older text does not count any more
    SELECT c.*, CASE WHEN c.producer = 'human' THEN 0 WHEN c.producer <> 'llm' THEN 2 WHEN starts_with(c.basis, w.text_hash) THEN 1 ELSE 3 END AS rank
    FROM current c LEFT JOIN store.work w USING (work_id)
),
first AS (SELECT *, min(rank) OVER (PARTITION BY work_id) AS least FROM ranked)
SELECT c.work_id, c.producer, b.position, b.section, b.heading, b.depth, b.text, b.sentence, c.run_id, c.made_at,
       c.rank < 3 AND c.rank = c.least AS decides, m.model, m.prompt_hash, m.language
FROM first c JOIN store.bullet b USING (note_id) LEFT JOIN store.note_model m USING (note_id);
COMMENT ON VIEW main.notes IS 'Notes in the CVinW form: one row a bullet, the newest note of each producer';
COMMENT ON COLUMN main.notes.work_id IS 'the work';
COMMENT ON COLUMN main.notes.producer IS 'human, llm or lexical (extractive)';
COMMENT ON COLUMN main.notes.position IS 'order in the note, from 0';
COMMENT ON COLUMN main.notes.section IS 'Motivation, Previous works, Method, Evaluation or Results';
COMMENT ON COLUMN main.notes.heading IS 'the section''s heading as written';
COMMENT ON COLUMN main.notes.depth IS '0 for text beside the heading, 1.. for nested bullets';
COMMENT ON COLUMN main.notes.text IS 'the bullet';
COMMENT ON COLUMN main.notes.sentence IS 'the words of the paper it rests on; NULL for a person''s own words';
COMMENT ON COLUMN main.notes.run_id IS 'run that wrote it';
COMMENT ON COLUMN main.notes.made_at IS 'when, UTC';
COMMENT ON COLUMN main.notes.decides IS 'true for the note that is shown: a person''s, else a model''s of this very text, else the extractive one';
COMMENT ON COLUMN main.notes.model IS 'model that wrote it; NULL for rules and people';
COMMENT ON COLUMN main.notes.prompt_hash IS 'hash of the prompt; NULL without a model';
COMMENT ON COLUMN main.notes.language IS 'language a model was asked to write in; NULL without a model';

CREATE OR REPLACE VIEW main.voided AS
SELECT v.work_id, w.title, v.purpose, v.kind, v.text, v.reason, v.model, v.prompt_hash, v.run_id, v.made_at
FROM store.voided v LEFT JOIN store.work w USING (work_id);
COMMENT ON VIEW main.voided IS 'What a model said and was not believed: one row a label, claim or bullet';
COMMENT ON COLUMN main.voided.work_id IS 'the work';
COMMENT ON COLUMN main.voided.title IS 'its title now; NULL when the work is there no longer';
COMMENT ON COLUMN main.voided.purpose IS 'what the model was asked for: label or note';
COMMENT ON COLUMN main.voided.kind IS 'label, proposal (a label of its own), claim or bullet';
COMMENT ON COLUMN main.voided.text IS 'what it said';
COMMENT ON COLUMN main.voided.reason IS 'why it was not believed';
COMMENT ON COLUMN main.voided.model IS 'model that said it';
COMMENT ON COLUMN main.voided.prompt_hash IS 'hash of the prompt';
COMMENT ON COLUMN main.voided.run_id IS 'run that found it';
COMMENT ON COLUMN main.voided.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.model_screenings AS
SELECT s.work_id, w.title, s.relevant, s.relevance, s.model, s.prompt_hash, s.run_id, s.made_at
FROM store.model_screening s JOIN store.work w USING (work_id)
WHERE starts_with(s.basis, w.text_hash)
QUALIFY row_number() OVER (PARTITION BY s.work_id ORDER BY s.made_at DESC, s.run_id DESC, s.model) = 1;
COMMENT ON VIEW main.model_screenings IS 'Whether a work belongs on the list in the opinion of the language model: the newest for each work; it decides nothing';
COMMENT ON COLUMN main.model_screenings.work_id IS 'the work';
COMMENT ON COLUMN main.model_screenings.title IS 'title';
COMMENT ON COLUMN main.model_screenings.relevant IS 'its yes or no';
COMMENT ON COLUMN main.model_screenings.relevance IS '0..1: how sure it is that the work belongs on the list';
COMMENT ON COLUMN main.model_screenings.model IS 'model that said it';
COMMENT ON COLUMN main.model_screenings.prompt_hash IS 'hash of the prompt';
COMMENT ON COLUMN main.model_screenings.run_id IS 'run that asked';
COMMENT ON COLUMN main.model_screenings.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.proposed_labels AS
WITH said AS (
    SELECT l.work_id, l.proposed, l.producer, l.quote, l.made_at,
           trim(regexp_replace(lower(l.proposed), '[^\pL\pN]+', ' ', 'g')) AS key
    FROM main.labels_current l WHERE l.label = 'other' AND l.proposed IS NOT NULL AND l.decides
)
SELECT arg_min(s.proposed, (s.made_at, s.proposed)) AS name, count(DISTINCT s.work_id) AS works,
       count(DISTINCT s.work_id) FILTER (w.decision = 'selected') AS selected, list(DISTINCT s.producer ORDER BY s.producer) AS producers,
       list(DISTINCT w.title ORDER BY w.title)[:5] AS examples, list(DISTINCT s.quote ORDER BY s.quote) FILTER (s.quote IS NOT NULL)[:3] AS quotes,
       min(s.made_at) AS first_seen, max(s.made_at) AS last_seen, list(DISTINCT s.proposed ORDER BY s.proposed) AS spellings
FROM said s JOIN main.works w USING (work_id)
WHERE s.key <> '' AND w.decision IS DISTINCT FROM 'rejected'
GROUP BY s.key
ORDER BY works DESC, selected DESC, name;
COMMENT ON VIEW main.proposed_labels IS 'Techniques the taxonomy has no label for, as labelled works name them: one row a name, the most frequent first';
COMMENT ON COLUMN main.proposed_labels.name IS 'the words proposed, as first written';
COMMENT ON COLUMN main.proposed_labels.works IS 'how many works they were proposed for; rejected ones do not count';
COMMENT ON COLUMN main.proposed_labels.selected IS 'how many of these you selected';
COMMENT ON COLUMN main.proposed_labels.producers IS 'who named them: human (a Type of yours), llm, lexical';
COMMENT ON COLUMN main.proposed_labels.examples IS 'titles, at most five';
COMMENT ON COLUMN main.proposed_labels.quotes IS 'the words of the papers they rest on, at most three';
COMMENT ON COLUMN main.proposed_labels.first_seen IS 'when first proposed, UTC';
COMMENT ON COLUMN main.proposed_labels.last_seen IS 'when last proposed, UTC';
COMMENT ON COLUMN main.proposed_labels.spellings IS 'the words as they were written each time';

CREATE OR REPLACE VIEW main.claims AS
SELECT c.work_id, c.metric, c.value, c.unit, c.direction, c.against, c.quote, c.producer, c.run_id, c.made_at
FROM store.claim c LEFT JOIN store.work w USING (work_id) LEFT JOIN store.producer_order p USING (producer)
WHERE c.metric IS NOT NULL  -- a work without figures has one row without a metric
      AND (c.producer <> 'llm' OR starts_with(c.basis, w.text_hash))  -- what a model read in an older text counts no longer
QUALIFY row_number() OVER (PARTITION BY c.work_id, c.metric, c.value, c.unit, c.direction ORDER BY coalesce(p.rank, 1000), c.producer, c.quote) = 1;
COMMENT ON VIEW main.claims IS 'Efficiency figures read from the text: one row a figure, whoever read it';
COMMENT ON COLUMN main.claims.work_id IS 'the work';
COMMENT ON COLUMN main.claims.metric IS 'speedup, latency, flops, params, memory, tokens, accuracy-kept, ...';
COMMENT ON COLUMN main.claims.value IS 'the figure';
COMMENT ON COLUMN main.claims.unit IS 'its unit: x, percent, ms, ...';
COMMENT ON COLUMN main.claims.direction IS 'up, down or kept';
COMMENT ON COLUMN main.claims.against IS 'what it is compared with; NULL when not said';
COMMENT ON COLUMN main.claims.quote IS 'the words it was read from';
COMMENT ON COLUMN main.claims.producer IS 'who read it: lexical (rules) or llm; where both did, the one that comes first in [labels] producers';
COMMENT ON COLUMN main.claims.run_id IS 'run that wrote it';
COMMENT ON COLUMN main.claims.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.runs AS
SELECT run_id, command, started_at, ended_at, status, report FROM store.run;
COMMENT ON VIEW main.runs IS 'Every writing command: one row a run';
COMMENT ON COLUMN main.runs.run_id IS 'id of the run';
COMMENT ON COLUMN main.runs.command IS 'the command';
COMMENT ON COLUMN main.runs.started_at IS 'UTC';
COMMENT ON COLUMN main.runs.ended_at IS 'UTC; NULL while it runs';
COMMENT ON COLUMN main.runs.status IS 'running, complete, partial, failed or interrupted';
COMMENT ON COLUMN main.runs.report IS 'the numbers of each step, as JSON';

CREATE OR REPLACE VIEW main.failures AS
SELECT run_id, step, item, kind, message, hint, made_at FROM store.failure;
COMMENT ON VIEW main.failures IS 'What went wrong and was survived: one row a failure';
COMMENT ON COLUMN main.failures.run_id IS 'run in which it happened';
COMMENT ON COLUMN main.failures.step IS 'step or source';
COMMENT ON COLUMN main.failures.item IS 'paper, file or address it was about';
COMMENT ON COLUMN main.failures.kind IS 'short name of the kind of failure';
COMMENT ON COLUMN main.failures.message IS 'what happened and where';
COMMENT ON COLUMN main.failures.hint IS 'what to do next; NULL when nothing is needed';
COMMENT ON COLUMN main.failures.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.llm_calls AS
SELECT call_id, purpose, work_id, model, endpoint, prompt_hash, input_hash, tokens_in, tokens_cached, tokens_out,
       cost, seconds, status, message, reply, run_id, made_at, attempt, schema_hash, taxonomy_version, most_tokens, most_cost
FROM store.llm_call;
COMMENT ON VIEW main.llm_calls IS 'One row per request to a language model that left the machine';
COMMENT ON COLUMN main.llm_calls.call_id IS 'id of the request';
COMMENT ON COLUMN main.llm_calls.purpose IS 'what it was for: label, note';
COMMENT ON COLUMN main.llm_calls.work_id IS 'the work it was about; several with blanks between for a batch';
COMMENT ON COLUMN main.llm_calls.model IS 'model asked';
COMMENT ON COLUMN main.llm_calls.endpoint IS 'server asked';
COMMENT ON COLUMN main.llm_calls.prompt_hash IS 'hash of the prompt file''s text';
COMMENT ON COLUMN main.llm_calls.input_hash IS 'hash of the messages as first sent (a repair keeps the hash of what it repairs); of a batch the hashes of its papers, joined by +';
COMMENT ON COLUMN main.llm_calls.tokens_in IS 'tokens sent; NULL when the server did not say';
COMMENT ON COLUMN main.llm_calls.tokens_cached IS 'of those, tokens read from the server''s cache';
COMMENT ON COLUMN main.llm_calls.tokens_out IS 'tokens received; NULL when the server did not say';
COMMENT ON COLUMN main.llm_calls.cost IS 'price in US dollars, 0 for a request that was refused; NULL when price or tokens are unknown';
COMMENT ON COLUMN main.llm_calls.seconds IS 'time from request to reply';
COMMENT ON COLUMN main.llm_calls.status IS 'ok, or the kind of failure';
COMMENT ON COLUMN main.llm_calls.message IS 'what went wrong; NULL when nothing did';
COMMENT ON COLUMN main.llm_calls.reply IS 'the raw reply; NULL when none came';
COMMENT ON COLUMN main.llm_calls.run_id IS 'run that made it';
COMMENT ON COLUMN main.llm_calls.made_at IS 'when the reply or the failure came, UTC';
COMMENT ON COLUMN main.llm_calls.attempt IS 'which request for this paper in this run it was, from 1';
COMMENT ON COLUMN main.llm_calls.schema_hash IS 'hash of the schema the reply had to have';
COMMENT ON COLUMN main.llm_calls.taxonomy_version IS 'version of the taxonomy in the prompt';
COMMENT ON COLUMN main.llm_calls.most_tokens IS 'tokens it took at most, where they are unknown and it may have been charged: so much counts for the caps';
COMMENT ON COLUMN main.llm_calls.most_cost IS 'what it cost at most in such a case; NULL when the price is unknown';

CREATE OR REPLACE VIEW main.llm_waiting AS
SELECT q.work_id, w.title, q.purpose, q.reason, q.run_id, q.made_at
FROM store.llm_waiting q JOIN store.work w USING (work_id) ORDER BY q.purpose, q.work_id;
COMMENT ON VIEW main.llm_waiting IS 'Works that a language model was to read and has not yet; the local labels stand for them: one row a work and purpose';
COMMENT ON COLUMN main.llm_waiting.work_id IS 'the work';
COMMENT ON COLUMN main.llm_waiting.title IS 'its title';
COMMENT ON COLUMN main.llm_waiting.purpose IS 'what it waits for: label llm, label llm second, note llm';
COMMENT ON COLUMN main.llm_waiting.reason IS 'why it was not read: a cap, a failure, given up';
COMMENT ON COLUMN main.llm_waiting.run_id IS 'run that left it';
COMMENT ON COLUMN main.llm_waiting.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.snapshot AS
SELECT s.as_of, (SELECT max(version) FROM store.migration) AS schema_version FROM store.snapshot s;
COMMENT ON VIEW main.snapshot IS 'What this copy shows: one row';
COMMENT ON COLUMN main.snapshot.as_of IS 'when the copy was made, UTC';
COMMENT ON COLUMN main.snapshot.schema_version IS 'version of these views: columns are kept within a version';

CREATE OR REPLACE VIEW main.fetches AS
SELECT run_id, source, key, url, status, failure, media_type, bytes, seconds, attempts, etag, last_modified, sha256, fetched_at
FROM store.fetch;
COMMENT ON VIEW main.fetches IS 'What web sites were asked and what came: one row an attempt';
COMMENT ON COLUMN main.fetches.run_id IS 'run that asked';
COMMENT ON COLUMN main.fetches.source IS 'source it was asked for: arxiv, huggingface, ...';
COMMENT ON COLUMN main.fetches.key IS 'what was asked for, as its source names it: a day, a volume, some ids';
COMMENT ON COLUMN main.fetches.url IS 'address asked, before any redirect';
COMMENT ON COLUMN main.fetches.status IS 'HTTP status of the last answer, 304 when unchanged; NULL when none came';
COMMENT ON COLUMN main.fetches.failure IS 'short name of what went wrong; NULL for a good answer';
COMMENT ON COLUMN main.fetches.media_type IS 'media type of the answer; NULL when it named none';
COMMENT ON COLUMN main.fetches.bytes IS 'bytes of body read, decompressed; NULL when none was read';
COMMENT ON COLUMN main.fetches.seconds IS 'how long the attempt took, without waiting for its turn';
COMMENT ON COLUMN main.fetches.attempts IS 'attempts for this request so far, this one included';
COMMENT ON COLUMN main.fetches.etag IS 'the answer''s ETag, to ask with the next time; NULL when it had none';
COMMENT ON COLUMN main.fetches.last_modified IS 'the answer''s Last-Modified, to ask with the next time; NULL when it had none';
COMMENT ON COLUMN main.fetches.sha256 IS 'hash of the body in the raw store; NULL when none was kept';
COMMENT ON COLUMN main.fetches.fetched_at IS 'when the attempt ended, UTC';

CREATE OR REPLACE VIEW main.sources AS
WITH days AS (
    SELECT source, max(day) FILTER (status <> 'failed') AS last_day, avg(CASE WHEN status = 'failed' THEN 0.0 ELSE 1.0 END) AS completeness,
           list(day ORDER BY day) FILTER (status = 'failed') AS lacking
    FROM store.day GROUP BY source
),
counted AS (SELECT source, count(*) AS records FROM store.record GROUP BY source)
SELECT s.name, coalesce(s.enabled, true) AS enabled, s.last_success, s.last_attempt, coalesce(c.records, 0) AS records,
       d.last_day, d.completeness, coalesce(d.lacking, []) AS lacking, coalesce(s.state, 'never asked') AS state, s.reason
FROM store.source s LEFT JOIN days d ON d.source = s.name LEFT JOIN counted c ON c.source = s.name
ORDER BY s.name;
COMMENT ON VIEW main.sources IS 'The feeds and sites that are gathered: one row a source';
COMMENT ON COLUMN main.sources.name IS 'name of the source, as in records.source';
COMMENT ON COLUMN main.sources.enabled IS 'false when the settings switch it off';
COMMENT ON COLUMN main.sources.last_success IS 'when everything that was asked of it was last got whole, UTC; NULL for never';
COMMENT ON COLUMN main.sources.last_attempt IS 'when it was last asked, UTC; NULL for never';
COMMENT ON COLUMN main.sources.records IS 'how many of its records are here';
COMMENT ON COLUMN main.sources.last_day IS 'newest day that was read; NULL for none';
COMMENT ON COLUMN main.sources.completeness IS '0..1: share of the days asked for that were read whole; NULL while none was asked for';
COMMENT ON COLUMN main.sources.lacking IS 'the days that were not read, or not whole';
COMMENT ON COLUMN main.sources.state IS 'how the last attempt ended: complete, incomplete, stands still, or which kind of nothing came: unreachable, parsed none, truly none, missed; never asked';
COMMENT ON COLUMN main.sources.reason IS 'what went wrong in the last attempt; NULL when nothing did';

CREATE OR REPLACE VIEW main.matches AS
SELECT e.a, e.b, ma.work_id AS work_a, mb.work_id AS work_b, e.rule, e.score, e.status, e.evidence, e.run_id, e.made_at
FROM store.match_edge e JOIN store.membership ma ON ma.record_id = e.a JOIN store.membership mb ON mb.record_id = e.b;
COMMENT ON VIEW main.matches IS 'Pairs of records that a rule or a person brought together: one row a pair and rule';
COMMENT ON COLUMN main.matches.a IS 'one record';
COMMENT ON COLUMN main.matches.b IS 'the other record; its id is the greater';
COMMENT ON COLUMN main.matches.work_a IS 'work of record a';
COMMENT ON COLUMN main.matches.work_b IS 'work of record b';
COMMENT ON COLUMN main.matches.rule IS 'person, arxiv, doi, anthology, openreview, url, title, core, name, near, cut; doubt when no rule is sure';
COMMENT ON COLUMN main.matches.score IS 'how alike, less a tenth for every year between; 1 for the same';
COMMENT ON COLUMN main.matches.status IS 'auto: one work; review: a person should look; apart: a veto keeps them apart';
COMMENT ON COLUMN main.matches.evidence IS 'what they share, and in brackets what speaks against it';
COMMENT ON COLUMN main.matches.run_id IS 'run that judged the pair';
COMMENT ON COLUMN main.matches.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.uncertain_pairs AS
SELECT m.work_a, m.work_b, x.title AS title_a, y.title AS title_b, x.venue AS venue_a, y.venue AS venue_b, x.year AS year_a, y.year AS year_b,
       m.rule, m.score, m.evidence, m.a AS record_a, m.b AS record_b, m.made_at
FROM main.matches m JOIN store.record x ON x.record_id = m.a JOIN store.record y ON y.record_id = m.b
WHERE m.status = 'review' AND m.work_a <> m.work_b
      AND NOT EXISTS (SELECT 1 FROM store.person_pair p WHERE p.what = 'not-same' AND p.a = m.a AND p.b = m.b)
QUALIFY row_number() OVER (PARTITION BY least(m.work_a, m.work_b), greatest(m.work_a, m.work_b) ORDER BY m.score DESC, m.rule, m.a, m.b) = 1
ORDER BY m.score DESC, m.work_a, m.work_b;
COMMENT ON VIEW main.uncertain_pairs IS 'Works that may be one: say it with triage works merge or not-same; one row a pair of works, the likeliest first';
COMMENT ON COLUMN main.uncertain_pairs.work_a IS 'one work';
COMMENT ON COLUMN main.uncertain_pairs.work_b IS 'the other work';
COMMENT ON COLUMN main.uncertain_pairs.title_a IS 'title of its record';
COMMENT ON COLUMN main.uncertain_pairs.title_b IS 'title of the other''s record';
COMMENT ON COLUMN main.uncertain_pairs.venue_a IS 'venue; NULL when unknown';
COMMENT ON COLUMN main.uncertain_pairs.venue_b IS 'venue; NULL when unknown';
COMMENT ON COLUMN main.uncertain_pairs.year_a IS 'year; NULL when unknown';
COMMENT ON COLUMN main.uncertain_pairs.year_b IS 'year; NULL when unknown';
COMMENT ON COLUMN main.uncertain_pairs.rule IS 'the rule that found it, or doubt';
COMMENT ON COLUMN main.uncertain_pairs.score IS 'how alike, less a tenth for every year between';
COMMENT ON COLUMN main.uncertain_pairs.evidence IS 'what they share, and in brackets why it is uncertain';
COMMENT ON COLUMN main.uncertain_pairs.record_a IS 'the record of work_a';
COMMENT ON COLUMN main.uncertain_pairs.record_b IS 'the record of work_b';
COMMENT ON COLUMN main.uncertain_pairs.made_at IS 'when the pair was judged, UTC';

CREATE OR REPLACE VIEW main.promotions AS
SELECT p.work_id, w.title, p.record_id, p.from_venue, p.from_year, p.from_url, p.to_venue, p.to_year, p.to_url, p.run_id, p.made_at
FROM store.promotion p LEFT JOIN store.work w USING (work_id);
COMMENT ON VIEW main.promotions IS 'Preprints that turned up published: one row each time a work''s best record became a published one';
COMMENT ON COLUMN main.promotions.work_id IS 'the work';
COMMENT ON COLUMN main.promotions.title IS 'its title now; NULL when the work is there no longer';
COMMENT ON COLUMN main.promotions.record_id IS 'the record that is its best now';
COMMENT ON COLUMN main.promotions.from_venue IS 'venue before; NULL for none';
COMMENT ON COLUMN main.promotions.from_year IS 'year before';
COMMENT ON COLUMN main.promotions.from_url IS 'link before';
COMMENT ON COLUMN main.promotions.to_venue IS 'venue since';
COMMENT ON COLUMN main.promotions.to_year IS 'year since';
COMMENT ON COLUMN main.promotions.to_url IS 'link since';
COMMENT ON COLUMN main.promotions.run_id IS 'run that found it';
COMMENT ON COLUMN main.promotions.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.tick_conflicts AS
SELECT c.work_id, w.title, c.kept_what, c.other_what, c.kept_decision, c.other_decision, c.run_id, c.made_at
FROM store.tick_conflict c JOIN store.work w USING (work_id)
WHERE NOT EXISTS (
    SELECT 1 FROM main.decisions d WHERE d.work_id = c.work_id AND d.what IN ('selected', 'rejected', 'later') AND d.made_at > c.made_at
) AND (SELECT count(*) FROM main.decisions d WHERE d.work_id = c.work_id AND d.decision_id IN (c.kept_decision, c.other_decision)) = 2;
COMMENT ON VIEW main.tick_conflicts IS 'Works that became one while a person had said different things of them; gone when the person speaks again';
COMMENT ON COLUMN main.tick_conflicts.work_id IS 'the work';
COMMENT ON COLUMN main.tick_conflicts.title IS 'its title';
COMMENT ON COLUMN main.tick_conflicts.kept_what IS 'what was said of the work that kept its id';
COMMENT ON COLUMN main.tick_conflicts.other_what IS 'what was said of the other';
COMMENT ON COLUMN main.tick_conflicts.kept_decision IS 'the decision about the first';
COMMENT ON COLUMN main.tick_conflicts.other_decision IS 'the decision about the other';
COMMENT ON COLUMN main.tick_conflicts.run_id IS 'run that united them';
COMMENT ON COLUMN main.tick_conflicts.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.fulltexts AS
SELECT w.work_id, w.title, f.arxiv, f.format, f.url, f.status, f.message, f.parts, json_array_length(f.figures) AS figures, f.sha256,
       f.run_id, f.made_at
FROM store.fulltext f JOIN store.work w ON w.identifiers['arxiv'] = f.arxiv
QUALIFY row_number() OVER (PARTITION BY w.work_id ORDER BY f.status <> 'ok', f.made_at DESC, f.run_id DESC) = 1
ORDER BY w.title, w.work_id;
COMMENT ON VIEW main.fulltexts IS 'Full texts that were fetched, or why not: one row a work';
COMMENT ON COLUMN main.fulltexts.work_id IS 'the work';
COMMENT ON COLUMN main.fulltexts.title IS 'title';
COMMENT ON COLUMN main.fulltexts.arxiv IS 'arXiv id it was fetched by';
COMMENT ON COLUMN main.fulltexts.format IS 'html or pdf; NULL when neither was there';
COMMENT ON COLUMN main.fulltexts.url IS 'address it was read from';
COMMENT ON COLUMN main.fulltexts.status IS 'ok, or why there is no text';
COMMENT ON COLUMN main.fulltexts.message IS 'what went wrong; NULL when nothing did';
COMMENT ON COLUMN main.fulltexts.parts IS 'the parts a note may quote: beginning, method, experiments, captions';
COMMENT ON COLUMN main.fulltexts.figures IS 'how many figures it has';
COMMENT ON COLUMN main.fulltexts.sha256 IS 'hash of the page or PDF in the raw store';
COMMENT ON COLUMN main.fulltexts.run_id IS 'run that fetched it';
COMMENT ON COLUMN main.fulltexts.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.figures AS
WITH listed AS (
    SELECT t.work_id, t.title, unnest(from_json(f.figures, '[{"number": "INTEGER", "caption": "VARCHAR", "url": "VARCHAR", "overview": "BOOLEAN"}]')) AS figure
    FROM main.fulltexts t JOIN store.fulltext f ON f.arxiv = t.arxiv AND f.status = 'ok' AND f.run_id = t.run_id AND f.made_at = t.made_at
)
SELECT work_id, title, figure.number AS number, figure.caption AS caption, figure.url AS url, figure.overview AS overview FROM listed ORDER BY title, work_id, number;
COMMENT ON VIEW main.figures IS 'Figures of full texts that were fetched: one row a figure';
COMMENT ON COLUMN main.figures.work_id IS 'the work';
COMMENT ON COLUMN main.figures.title IS 'its title';
COMMENT ON COLUMN main.figures.number IS 'number as the paper counts';
COMMENT ON COLUMN main.figures.caption IS 'its caption, one line';
COMMENT ON COLUMN main.figures.url IS 'link to the image; NULL when the paper gives none of its own site';
COMMENT ON COLUMN main.figures.overview IS 'whether it is the one that shows the method, which notes name';
CREATE OR REPLACE VIEW main.editions AS
SELECT venue, year, state, records, came, with_abstract, ratio, requests, requests_all,
       round(requests_all / nullif(records, 0), 4) AS requests_per_paper, reason, asked_at, complete_at, run_id
FROM store.edition ORDER BY venue, year;
COMMENT ON VIEW main.editions IS 'Venues year by year and how whole each is: one row a venue and year that was gathered';
COMMENT ON COLUMN main.editions.venue IS 'id of the venue, as in seeds/venues.yaml';
COMMENT ON COLUMN main.editions.year IS 'year of the event';
COMMENT ON COLUMN main.editions.state IS 'complete, truly none (not published yet), incomplete, needs attention, waiting (for another night''s requests), disallowed (robots.txt), parsed none or unreachable';
COMMENT ON COLUMN main.editions.records IS 'papers of the richest reading of its first source so far';
COMMENT ON COLUMN main.editions.came IS 'papers of its last reading';
COMMENT ON COLUMN main.editions.with_abstract IS 'papers of which some source gave an abstract in the last reading';
COMMENT ON COLUMN main.editions.ratio IS '0..1: share of the papers known to be there that were read whole in the last reading';
COMMENT ON COLUMN main.editions.requests IS 'requests of the last reading, over all sources';
COMMENT ON COLUMN main.editions.requests_all IS 'requests of all readings; NULL when an older version of the program read it';
COMMENT ON COLUMN main.editions.requests_per_paper IS 'requests_all for each of records';
COMMENT ON COLUMN main.editions.reason IS 'what went wrong in the last reading; NULL when nothing did';
COMMENT ON COLUMN main.editions.asked_at IS 'when it was last asked for, UTC';
COMMENT ON COLUMN main.editions.complete_at IS 'when it was last complete, UTC; NULL for never';
COMMENT ON COLUMN main.editions.run_id IS 'run that last asked';

CREATE OR REPLACE VIEW main.edition_sources AS
SELECT venue, year, source, state, records, came, with_abstract, ratio, requests, reused, requests_all,
       round(requests_all / nullif(records, 0), 4) AS requests_per_paper, reason, asked_at, complete_at, run_id
FROM store.edition_source ORDER BY venue, year, source;
COMMENT ON VIEW main.edition_sources IS 'The same of each source of a venue''s year: one row a venue, year and source';
COMMENT ON COLUMN main.edition_sources.venue IS 'id of the venue, as in seeds/venues.yaml';
COMMENT ON COLUMN main.edition_sources.year IS 'year of the event';
COMMENT ON COLUMN main.edition_sources.source IS 'name of the source';
COMMENT ON COLUMN main.edition_sources.state IS 'as in editions, of this source alone';
COMMENT ON COLUMN main.edition_sources.records IS 'papers of its richest reading so far';
COMMENT ON COLUMN main.edition_sources.came IS 'papers of its last reading';
COMMENT ON COLUMN main.edition_sources.with_abstract IS 'papers of the last reading with an abstract';
COMMENT ON COLUMN main.edition_sources.ratio IS '0..1: share of the papers known to be there that were read whole in the last reading';
COMMENT ON COLUMN main.edition_sources.requests IS 'requests of the last reading';
COMMENT ON COLUMN main.edition_sources.reused IS 'answers of the last reading that were stored already and not asked for again';
COMMENT ON COLUMN main.edition_sources.requests_all IS 'requests of all readings; NULL when an older version of the program read it';
COMMENT ON COLUMN main.edition_sources.requests_per_paper IS 'requests_all for each of records';
COMMENT ON COLUMN main.edition_sources.reason IS 'what went wrong in the last reading; NULL when nothing did';
COMMENT ON COLUMN main.edition_sources.asked_at IS 'when it was last asked, UTC';
COMMENT ON COLUMN main.edition_sources.complete_at IS 'when it was last complete, UTC; NULL for never';
COMMENT ON COLUMN main.edition_sources.run_id IS 'run that last asked';

CREATE OR REPLACE VIEW main.record_changes AS
SELECT c.record_id, m.work_id, r.source, r.title, c.field, c.before IS NULL AS came, c.before, c.after, c.run_id, c.made_at
FROM store.record_change c LEFT JOIN store.record r USING (record_id) LEFT JOIN store.membership m USING (record_id);
COMMENT ON VIEW main.record_changes IS 'Fields of records that came later or changed, such as a DOI, a decision, an abstract: one row a field each time';
COMMENT ON COLUMN main.record_changes.record_id IS 'the record';
COMMENT ON COLUMN main.record_changes.work_id IS 'the work it tells of; NULL until identified';
COMMENT ON COLUMN main.record_changes.source IS 'its source';
COMMENT ON COLUMN main.record_changes.title IS 'its title now';
COMMENT ON COLUMN main.record_changes.field IS 'column of records; identifiers and links by name: identifiers.doi, links.pdf';
COMMENT ON COLUMN main.record_changes.came IS 'true when the record had nothing there before';
COMMENT ON COLUMN main.record_changes.before IS 'what it said before; NULL for nothing';
COMMENT ON COLUMN main.record_changes.after IS 'what it has said since';
COMMENT ON COLUMN main.record_changes.run_id IS 'run that read it';
COMMENT ON COLUMN main.record_changes.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.enrichments AS
SELECT e.work_id, w.title, e.source, e.lacked, e.found, e.asks, e.asked_at, e.run_id
FROM store.enrichment e LEFT JOIN store.work w USING (work_id);
COMMENT ON VIEW main.enrichments IS 'What catalogues were asked about: one row a work and catalogue';
COMMENT ON COLUMN main.enrichments.work_id IS 'the work';
COMMENT ON COLUMN main.enrichments.title IS 'its title; NULL when it is part of another work now';
COMMENT ON COLUMN main.enrichments.source IS 'the catalogue: semanticscholar, openalex, dblp';
COMMENT ON COLUMN main.enrichments.lacked IS 'what it lacked when it was asked about: abstract, doi, venue (a preprint)';
COMMENT ON COLUMN main.enrichments.found IS 'whether the catalogue knew the paper';
COMMENT ON COLUMN main.enrichments.asks IS 'how often it was asked about the same gap; the pause doubles each time';
COMMENT ON COLUMN main.enrichments.asked_at IS 'when it was last asked about, UTC';
COMMENT ON COLUMN main.enrichments.run_id IS 'run that last asked';

-- What a person has judged. A work counts as passed over when it stands, unticked, above a ticked one in an imported
-- list: whoever ticked that one had read down to it ("skip above", Joachims 2002, on clicks). It may also have been
-- overlooked, so it counts half. Nothing else that is unread says anything.
CREATE OR REPLACE VIEW store.judged AS
WITH reached AS (SELECT sha256, max(position) AS position FROM store.document_entry WHERE ticked GROUP BY sha256),
passed AS (
    SELECT DISTINCT m.work_id FROM store.document_entry e JOIN reached r USING (sha256) JOIN store.membership m USING (record_id)
    WHERE e.ticked = false AND e.position < r.position
)
SELECT w.work_id, w.decision IS NOT DISTINCT FROM 'selected' AS selected, CAST(CASE WHEN w.decision IS NULL THEN 0.5 ELSE 1 END AS DOUBLE) AS weight,
       coalesce(w.decision, 'passed over') AS how
FROM store.standing w LEFT JOIN passed p USING (work_id)
WHERE w.decision IN ('selected', 'rejected') OR (w.decision IS NULL AND p.work_id IS NOT NULL);

CREATE OR REPLACE VIEW main.rankers AS
SELECT ranker_id, used, reason, selected, rejected, passed_over, CAST(figures ->> 'precision' AS DOUBLE) AS precision,
       CAST(figures ->> 'cue_precision' AS DOUBLE) AS cue_precision, CAST(figures ->> 'area' AS DOUBLE) AS area,
       CAST(figures ->> 'cue_area' AS DOUBLE) AS cue_area, CAST(figures ->> 'better' AS DOUBLE) AS better, model, run_id, made_at
FROM store.ranker ORDER BY made_at DESC, ranker_id;
COMMENT ON VIEW main.rankers IS 'What was learned from decisions: one row a training, the newest first; that one counts';
COMMENT ON COLUMN main.rankers.ranker_id IS 'id; depends on what it was trained on';
COMMENT ON COLUMN main.rankers.used IS 'whether the order of proposals rests on it';
COMMENT ON COLUMN main.rankers.reason IS 'why, or what is lacking';
COMMENT ON COLUMN main.rankers.selected IS 'selected works it learned from';
COMMENT ON COLUMN main.rankers.rejected IS 'rejected works it learned from';
COMMENT ON COLUMN main.rankers.passed_over IS 'works passed over in a list, which count half: unticked above a ticked one';
COMMENT ON COLUMN main.rankers.precision IS 'average precision on judged works it had not seen; NULL when nothing was trained';
COMMENT ON COLUMN main.rankers.cue_precision IS 'the same of the order of the cues';
COMMENT ON COLUMN main.rankers.area IS 'area under the ROC curve on judged works it had not seen';
COMMENT ON COLUMN main.rankers.cue_area IS 'the same of the order of the cues';
COMMENT ON COLUMN main.rankers.better IS 'share of bootstrap resamples in which its average precision is higher';
COMMENT ON COLUMN main.rankers.model IS 'its coefficients, as JSON; NULL for older ones and when nothing was trained';
COMMENT ON COLUMN main.rankers.run_id IS 'run that trained it';
COMMENT ON COLUMN main.rankers.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.reading_progress AS
SELECT found, unread, likely_left, likely_left_low, likely_left_high, may_stop, basis, run_id, made_at FROM store.reading_progress;
COMMENT ON VIEW main.reading_progress IS 'How far the reading was when works were last screened: one row, none before';
COMMENT ON COLUMN main.reading_progress.found IS 'works you selected';
COMMENT ON COLUMN main.reading_progress.unread IS 'screened works you have not judged';
COMMENT ON COLUMN main.reading_progress.likely_left IS 'how many of those you would select, as an estimate';
COMMENT ON COLUMN main.reading_progress.likely_left_low IS 'lower end of its 95 % interval';
COMMENT ON COLUMN main.reading_progress.likely_left_high IS 'upper end of its 95 % interval';
COMMENT ON COLUMN main.reading_progress.may_stop IS 'true when 95 % of all likely papers are found even at the upper end';
COMMENT ON COLUMN main.reading_progress.basis IS 'what the estimate rests on';
COMMENT ON COLUMN main.reading_progress.run_id IS 'run that worked it out';
COMMENT ON COLUMN main.reading_progress.made_at IS 'when, UTC';

CREATE OR REPLACE VIEW main.calibrations AS
SELECT producer, model, prompt_hash, used, intercept, slope, labels, error_before, error_after, run_id, made_at FROM store.calibration
ORDER BY producer, model, prompt_hash;
COMMENT ON VIEW main.calibrations IS 'What the confidence of machine labels means by the types you typed: one row a producer, model and prompt';
COMMENT ON COLUMN main.calibrations.producer IS 'lexical, embedding, nli, learned or llm';
COMMENT ON COLUMN main.calibrations.model IS 'its model; NULL for rules';
COMMENT ON COLUMN main.calibrations.prompt_hash IS 'hash of its prompt; NULL without one';
COMMENT ON COLUMN main.calibrations.used IS 'whether confidences are corrected by it: when that is nearer to the truth on types it has not seen';
COMMENT ON COLUMN main.calibrations.intercept IS 'log-odds of being right = intercept + slope * log-odds of the confidence given';
COMMENT ON COLUMN main.calibrations.slope IS 'see intercept';
COMMENT ON COLUMN main.calibrations.labels IS 'labels it was fitted on, of works whose type you typed';
COMMENT ON COLUMN main.calibrations.error_before IS 'expected calibration error of the confidence given';
COMMENT ON COLUMN main.calibrations.error_after IS 'the same of the corrected one, on works it was not fitted on';
COMMENT ON COLUMN main.calibrations.run_id IS 'run that fitted it';
COMMENT ON COLUMN main.calibrations.made_at IS 'when, UTC';
