-- What language models said and was not believed, by model, purpose and kind, with an example of each reason.
SELECT model, purpose, kind, count(*) AS times, count(DISTINCT work_id) AS works, any_value(reason ORDER BY made_at DESC, text) AS latest_reason,
       any_value(text ORDER BY made_at DESC, text) AS latest
FROM voided GROUP BY ALL ORDER BY times DESC, model, purpose, kind;
