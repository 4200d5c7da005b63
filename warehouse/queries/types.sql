-- How many selected works each efficiency type has, by year.
SELECT year, label, count(*) AS works
FROM (SELECT year, unnest(labels) AS label FROM works WHERE decision = 'selected')
GROUP BY ALL ORDER BY year, works DESC, label;
