-- A change of state, refused (false) where the contract does not allow it: a closed account stays
-- closed, and one that holds money or pending holds is not closed. Records who asked.
CREATE FUNCTION ledger.change_account_state(p_account_id bigint, p_state text, p_client_id text, p_user_id text)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found ledger.accounts;
BEGIN
    SELECT * INTO found FROM ledger.accounts WHERE account_id = p_account_id FOR NO KEY UPDATE;
    IF found.account_id IS NULL
       OR found.state = 'closed' AND p_state <> 'closed'
       OR p_state = 'closed' AND (found.balance_minor <> 0 OR found.held_minor <> 0) THEN
        RETURN false;
    END IF;
    IF found.state <> p_state THEN
        UPDATE ledger.accounts SET state = p_state WHERE account_id = p_account_id;
        INSERT INTO ledger.account_changes (account_id, state, client_id, user_id)
        VALUES (p_account_id, p_state, p_client_id, p_user_id);
    END IF;
    RETURN true;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.change_account_state(bigint, text, text, text) TO ledger_service;
GRANT SELECT ON ledger.holds, ledger.account_changes TO ledger_service;
GRANT INSERT (owner, opened_by) ON ledger.accounts TO ledger_service;
