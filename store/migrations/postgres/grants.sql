-- Who may do what. Runs after every migration, as the owner, in one transaction; names of
-- roles come from the configuration.
--
-- The gateway sees one tenant a transaction, the one in the setting cordon.tenant. The
-- worker and the sequencer serve all tenants, so row security lets them through, on the
-- few tables they need and with the few rights they need; their statements name the tenant.

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['items', 'things', 'findings', 'lookups', 'entries', 'unsequenced', 'leaves', 'ledger_tiles',
        'ledger_heads', 'checkpoints', 'effects', 'keys', 'actors', 'clients', 'known', 'sessions', 'route_use', 'leases', 'links', 'seen', 'known_sums'] LOOP
        EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, {{app}}, {{worker}}, {{sequencer}}', t);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('DROP POLICY IF EXISTS one_tenant ON %I', t);
        EXECUTE format('CREATE POLICY one_tenant ON %I TO {{app}} USING (tenant = current_setting(''cordon.tenant'', true)) '
            'WITH CHECK (tenant = current_setting(''cordon.tenant'', true))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['items', 'effects', 'keys', 'seen'] LOOP
        EXECUTE format('DROP POLICY IF EXISTS all_tenants_worker ON %I', t);
        EXECUTE format('CREATE POLICY all_tenants_worker ON %I TO {{worker}} USING (true)', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['entries', 'unsequenced', 'leaves', 'ledger_tiles', 'ledger_heads', 'checkpoints'] LOOP
        EXECUTE format('DROP POLICY IF EXISTS all_tenants_sequencer ON %I', t);
        EXECUTE format('CREATE POLICY all_tenants_sequencer ON %I TO {{sequencer}} USING (true)', t);
    END LOOP;
END $$;
REVOKE ALL ON holders, crash_mark, installation FROM PUBLIC, {{app}}, {{worker}}, {{sequencer}};

GRANT SELECT ON goose_db_version TO {{app}};
GRANT SELECT, INSERT ON crash_mark, installation TO {{app}};
GRANT SELECT, INSERT, UPDATE ON items, things, known, known_sums, route_use, clients, leases, links, seen TO {{app}};
GRANT SELECT, INSERT ON findings, lookups, entries, effects, keys, actors, sessions TO {{app}};
GRANT DELETE ON lookups, links, keys, clients, known, sessions, seen TO {{app}};
GRANT SELECT, INSERT ON unsequenced TO {{app}};
GRANT SELECT ON leaves, ledger_tiles, ledger_heads, checkpoints TO {{app}};
-- Rows of an earlier release are marked where they are.
GRANT UPDATE (mac) ON actors, lookups TO {{app}};
-- What a commit says of an effect: that it is done.
GRANT UPDATE (state, done_at, holder, lease_until, code, mac) ON effects TO {{app}};

GRANT SELECT ON items, effects, keys, seen TO {{worker}};
GRANT UPDATE (state, holder, lease_until, not_before, attempts, code, job, mac) ON effects TO {{worker}};
GRANT SELECT, INSERT, UPDATE, DELETE ON holders TO {{worker}};

GRANT SELECT ON entries TO {{sequencer}};
GRANT SELECT, DELETE ON unsequenced TO {{sequencer}};
GRANT SELECT, INSERT ON leaves, checkpoints TO {{sequencer}};
GRANT SELECT, INSERT, UPDATE ON ledger_tiles, ledger_heads TO {{sequencer}};

-- The queue. The gateway adds jobs, which hold two identifiers each, and cannot read them.
GRANT INSERT ON river_job TO {{app}};
GRANT USAGE ON SEQUENCE river_job_id_seq TO {{app}};
DO $$
DECLARE t text;
BEGIN
    FOR t IN SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relname LIKE 'river\_%' AND relnamespace = current_schema()::regnamespace LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO {{worker}}', t);
    END LOOP;
    FOR t IN SELECT relname FROM pg_class WHERE relkind = 'S' AND relname LIKE 'river\_%' AND relnamespace = current_schema()::regnamespace LOOP
        EXECUTE format('GRANT USAGE ON SEQUENCE %I TO {{worker}}', t);
    END LOOP;
END $$;
