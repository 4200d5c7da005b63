-- Open proposals, best first, with the words that gave each its type.
WITH quoted AS (
    SELECT work_id, arg_min(quote, position) AS quote FROM labels_current
    WHERE decides AND counts AND quote IS NOT NULL GROUP BY work_id
)
SELECT round(q.rank_score, 2) AS score, q.title, q.venue, q.year, q.type,
       coalesce(c.quote, array_to_string(q.evidence, ' … ')) AS evidence, q.url
FROM review_queue q LEFT JOIN quoted c USING (work_id)
ORDER BY q.rank_score DESC, q.title;
