-- 1 from when a job is made for an effect until one takes it up. What is owed and due and has none
-- is found along an index, without asking the queue's tables.
ALTER TABLE effects ADD COLUMN job bigint NOT NULL DEFAULT 1;

-- What is owed, by when it is due, and what is set aside, by tenant. SQLite uses a partial index
-- only where the condition of the query says the same word for word, so each state has its own:
-- with one for both, looking for what is owed went through everything that was ever done.
DROP INDEX effects_owed;
CREATE INDEX effects_owed ON effects (not_before, id, tenant, kind, created_at) WHERE state = 'owed';
CREATE INDEX effects_without_job ON effects (not_before, id) WHERE state = 'owed' AND job = 0;
CREATE INDEX effects_stuck ON effects (tenant, not_before, id, kind) WHERE state = 'stuck';

-- Reports read the items of a period, and not all there ever were.
CREATE INDEX items_by_arrival ON items (tenant, received_at);
