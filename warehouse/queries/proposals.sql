-- Open proposals, best first.
SELECT round(screening_score, 2) AS score, title, venue, year, type, evidence[1] AS evidence, url
FROM review_queue ORDER BY screening_score DESC, title;
