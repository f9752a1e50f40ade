-- What the service asks when a posting call was not granted a lock in time (55P03).
--
-- Both functions lock rows only to learn something and change nothing. So their commit does not wait
-- for the disk or the standby (`synchronous_commit`), and the locks are held for a moment only.

-- Those of these accounts that another session has locked now. Waits for nobody.
CREATE FUNCTION ledger.held_accounts(p_account_ids bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN QUERY
        WITH free AS MATERIALIZED (
            SELECT a.account_id
              FROM ledger.accounts a
             WHERE a.account_id = ANY (p_account_ids)
               FOR NO KEY UPDATE SKIP LOCKED
        )
        SELECT a.account_id
          FROM ledger.accounts a
         WHERE a.account_id = ANY (p_account_ids)
           AND NOT EXISTS (SELECT FROM free f WHERE f.account_id = a.account_id);
END $$;

-- Waits in the queue of this account's lock, as a posting call would, but holds no other account
-- meanwhile. Returns when the lock was granted and gives it back. Raises 55P03 if it was not granted
-- within p_lock_wait_ms.
CREATE FUNCTION ledger.wait_for_account(p_account_id bigint, p_lock_wait_ms int) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    -- Never 0, which means: without a limit.
    PERFORM set_config('lock_timeout', greatest(p_lock_wait_ms, 1)::text, true);
    PERFORM FROM ledger.accounts a WHERE a.account_id = p_account_id FOR NO KEY UPDATE;
END $$;

REVOKE ALL ON FUNCTION ledger.held_accounts(bigint[]), ledger.wait_for_account(bigint, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.held_accounts(bigint[]), ledger.wait_for_account(bigint, int)
    TO ledger_service;
