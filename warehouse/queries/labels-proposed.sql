-- Techniques the taxonomy has no label for, with how often they were proposed and for what.
SELECT name, works, selected, array_to_string(producers, ', ') AS producers, array_to_string(examples, ' | ') AS examples,
       array_to_string(quotes, ' … ') AS quotes
FROM proposed_labels;
