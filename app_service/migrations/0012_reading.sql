-- What listings, statements and balances as of a moment need. Nothing here costs a transfer anything:
-- the indexes are those of holds, and a moment is found through the primary keys.

-- The holds of an account by state, newest first.
CREATE INDEX holds_by_debit_account ON ledger.holds (debit_account, state, posted_at, hold_id);
CREATE INDEX holds_by_credit_account ON ledger.holds (credit_account, state, posted_at, hold_id);

-- The number of entries that an account had before a moment, of its first p_versions entries.
-- Time does not go back within an account, so that a binary search finds it. Entries from before
-- migration 0004 have the time of their arrival, which may be out of order by as long as they waited.
CREATE FUNCTION ledger.entries_before(p_account_id bigint, p_versions bigint, p_moment timestamptz)
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    low       bigint := 0;            -- these many are before the moment
    high      bigint := p_versions;   -- no more than these
    middle    bigint;
    is_before boolean;
BEGIN
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT t.posted_at < p_moment INTO STRICT is_before
          FROM ledger.entries e JOIN ledger.transactions t ON t.transaction_id = e.transaction_id
         WHERE e.account_id = p_account_id AND e.account_version = middle;
        IF is_before THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END $$;

-- The number of entries of an account, and until when it is final: postings that have taken their time
-- and are not committed hold the account's row, and this waits for them; those after them get a time
-- after settled_at. No row if there is no such account. Raises 55P03 when the row was not free in time.
-- Read the entries in a later statement: the snapshot of this one is older than the wait.
CREATE FUNCTION ledger.settled_account(p_account_id bigint, p_lock_wait_ms integer)
RETURNS TABLE (version bigint, settled_at timestamptz)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('lock_timeout', greatest(p_lock_wait_ms, 1)::text, true);
    RETURN QUERY SELECT a.version, clock_timestamp()
                   FROM (SELECT version FROM ledger.accounts
                          WHERE account_id = p_account_id FOR SHARE) a;
END $$;

GRANT CREATE ON SCHEMA ledger TO ledger_owner;
ALTER FUNCTION ledger.settled_account(bigint, integer) OWNER TO ledger_owner;
REVOKE CREATE ON SCHEMA ledger FROM ledger_owner;

REVOKE ALL ON FUNCTION ledger.entries_before(bigint, bigint, timestamptz),
    ledger.settled_account(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.entries_before(bigint, bigint, timestamptz),
    ledger.settled_account(bigint, integer) TO ledger_service;
