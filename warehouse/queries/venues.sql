-- Works gathered, proposed and selected for each venue and year.
SELECT venue, year, count(*) AS works, count(*) FILTER (proposed) AS proposed,
       count(*) FILTER (decision = 'selected') AS selected, count(*) FILTER (decision = 'rejected') AS rejected
FROM works GROUP BY ALL ORDER BY year DESC NULLS LAST, venue;
