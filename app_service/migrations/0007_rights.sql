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
GRANT SELECT ON ledger.accounts, ledger.transactions TO ledger_owner;
GRANT UPDATE (balance_minor, version) ON ledger.accounts TO ledger_owner;
GRANT INSERT (transaction_id, debit_account, credit_account, amount_minor, currency,
              debit_version, credit_version) ON ledger.transactions TO ledger_owner;
GRANT INSERT ON ledger.entries TO ledger_owner;
GRANT INSERT (transaction_ids) ON ledger.outbox TO ledger_owner;

-- An owner must be allowed to create in the schema, but only at this moment.
GRANT CREATE ON SCHEMA ledger TO ledger_owner;
ALTER FUNCTION ledger.post_transactions(uuid[], bigint[], bigint[], bigint[], text[])
    OWNER TO ledger_owner;
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
