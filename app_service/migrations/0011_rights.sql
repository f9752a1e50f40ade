-- Narrower rights (docs/decisions/database-rights.md says what each role may do, and why).

-- The posting function runs with the rights of its owner. Until here that was the migrator, who may do
-- everything; now it is a role that can do nothing but post.
DO $$
BEGIN
    CREATE ROLE ledger_owner NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- made before, or at this moment by a neighbour: roles belong to the whole cluster
END $$;

-- On Aurora the migrator is no superuser: it must be a member of the role to which it gives objects.
GRANT ledger_owner TO CURRENT_USER;

GRANT USAGE ON SCHEMA ledger TO ledger_owner;
GRANT SELECT ON ledger.accounts, ledger.transactions, ledger.holds, ledger.outbox, ledger.outbox_v2
    TO ledger_owner;
GRANT UPDATE (balance_minor, held_minor, version, last_posted_at, state) ON ledger.accounts TO ledger_owner;
GRANT INSERT ON ledger.transactions, ledger.entries, ledger.account_changes TO ledger_owner;
GRANT INSERT (hold_id, debit_account, credit_account, amount_minor, currency, expires_at),
    UPDATE (state, closed_by) ON ledger.holds TO ledger_owner;
GRANT INSERT (transaction_ids, created_at), DELETE ON ledger.outbox TO ledger_owner;
GRANT INSERT (transaction_ids, bytes_max, created_at), DELETE ON ledger.outbox_v2 TO ledger_owner;
-- SELECT ... FOR UPDATE asks for UPDATE on one column; the trigger refuses its use.
GRANT UPDATE (created_at) ON ledger.outbox, ledger.outbox_v2 TO ledger_owner;

-- An owner must be allowed to create in the schema, but only at this moment.
GRANT CREATE ON SCHEMA ledger TO ledger_owner;
ALTER FUNCTION ledger.post_transactions(uuid[], bigint[], bigint[], bigint[], text[])
    OWNER TO ledger_owner;
ALTER FUNCTION ledger.post_transactions_v2(ledger.submitted_v2[], integer, boolean)
    OWNER TO ledger_owner;
ALTER FUNCTION ledger.lock_events(integer, bigint) OWNER TO ledger_owner;
ALTER FUNCTION ledger.delete_events(bigint[]) OWNER TO ledger_owner;
ALTER FUNCTION ledger.waiting_events(integer) OWNER TO ledger_owner;
ALTER FUNCTION ledger.change_account_state(bigint, text, text, text) OWNER TO ledger_owner;
ALTER FUNCTION ledger.held_accounts(bigint[]) OWNER TO ledger_owner;
ALTER FUNCTION ledger.wait_for_account(bigint, int) OWNER TO ledger_owner;
REVOKE CREATE ON SCHEMA ledger FROM ledger_owner;

-- PostgreSQL lets everybody execute a new function, also one that runs with its owner's rights.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE ledger_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Temporary tables fill the disk of the instance.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
