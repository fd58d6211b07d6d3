-- What items are for is counted beside their state, and read from the index alone.
DROP INDEX items_by_state;
CREATE INDEX items_by_state ON items (state, tenant, id, op, mode);
-- What passed while a check was silent, until it has been looked at again.
CREATE INDEX items_unexamined ON items (tenant, id)
    WHERE state = 'delivered' AND blob <> '' AND (verdict = '' OR verdict LIKE '%"passed-unscanned"%');
