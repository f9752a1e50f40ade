-- Who may do what. Both roles are made without login; the migrator gives them login and password.
-- Roles belong to the whole cluster: another database of it may have made them before.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['ledger_service', 'ledger_processor'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- made before, or at this moment by a neighbour
        END;
    END LOOP;
END $$;

-- A client that hangs or vanishes must not sit on the locks of a hot account.
ALTER ROLE ledger_service   SET statement_timeout = '5s';
ALTER ROLE ledger_processor SET statement_timeout = '5s';
ALTER ROLE ledger_service   SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE ledger_processor SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE ledger_service   SET tcp_keepalives_idle = 5;
ALTER ROLE ledger_processor SET tcp_keepalives_idle = 5;
ALTER ROLE ledger_service   SET tcp_keepalives_interval = 1;
ALTER ROLE ledger_processor SET tcp_keepalives_interval = 1;
ALTER ROLE ledger_service   SET tcp_keepalives_count = 5;
ALTER ROLE ledger_processor SET tcp_keepalives_count = 5;

REVOKE ALL ON SCHEMA ledger FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ledger FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;

GRANT USAGE ON SCHEMA ledger TO ledger_service, ledger_processor;
GRANT EXECUTE ON FUNCTION ledger.post_transactions(uuid[], bigint[], bigint[], bigint[], text[])
    TO ledger_service, ledger_processor;

-- The service opens accounts (never with a balance: those columns are not granted) and reads.
GRANT SELECT ON ledger.accounts, ledger.transactions, ledger.entries, ledger.outbox TO ledger_service;
GRANT INSERT (account_id, currency, may_go_negative) ON ledger.accounts TO ledger_service;
-- The relay: SELECT ... FOR UPDATE asks for UPDATE on one column; the trigger refuses its use.
GRANT DELETE, UPDATE (created_at) ON ledger.outbox TO ledger_service;
