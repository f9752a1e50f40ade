-- What tasks of the version before call, under the name and with the statuses that they know. They
-- have one client and ask for no rights; the login says which way a transaction came.
CREATE OR REPLACE FUNCTION ledger.post_transactions(
    p_id       uuid[],
    p_debit    bigint[],
    p_credit   bigint[],
    p_amount   bigint[],
    p_currency text[]
) RETURNS TABLE (ordinal bigint, transaction_id uuid, status text)
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT b.ordinal, b.transaction_id,
           CASE WHEN b.status IN ('account_frozen', 'account_closed') THEN 'account_not_found'
                WHEN b.status NOT IN ('posted', 'replayed', 'conflict', 'invalid', 'account_not_found',
                                      'currency_mismatch', 'insufficient_funds', 'balance_limit')
                THEN 'conflict'
                ELSE b.status END
      FROM ledger.post_transactions_v2(
               ARRAY(SELECT ROW(u.id, 'transfer', u.debit, u.credit, u.amount, u.currency, NULL, NULL,
                                false, NULL, NULL, NULL, NULL,
                                CASE session_user WHEN 'ledger_processor' THEN 'queue' ELSE 'api' END,
                                true)::ledger.submitted_v2
                       FROM unnest(p_id, p_debit, p_credit, p_amount, p_currency) WITH ORDINALITY
                         AS u(id, debit, credit, amount, currency, place)
                      ORDER BY u.place),
               5000, true) b
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.post_transactions_v2(ledger.submitted_v2[], integer, boolean)
    TO ledger_service, ledger_processor;
