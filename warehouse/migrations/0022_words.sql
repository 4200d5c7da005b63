-- What a person's word rests on: the word it came after (so that two machines' words about one thing can be told from
-- a change of mind), and what the machine had proposed at that moment (so that its quality can be measured).

ALTER TABLE store.decision ADD COLUMN after VARCHAR;
ALTER TABLE store.decision ADD COLUMN proposed JSON;
