-- The rows of one world as JSON: accounts $1 .. $2, ids $3 .. $4, times in microseconds since $5.
-- A time before $5 is today's: the model does not know it.
WITH a AS (
    SELECT * FROM ledger.accounts WHERE account_id BETWEEN $1::bigint AND $2::bigint
), t AS (
    SELECT * FROM ledger.transactions WHERE transaction_id BETWEEN $3::uuid AND $4::uuid
), h AS (
    SELECT * FROM ledger.holds WHERE hold_id BETWEEN $3 AND $4
), e AS (
    SELECT account_id, jsonb_agg(jsonb_build_array(transaction_id, amount_minor, balance_after_minor)
                                 ORDER BY account_version) AS rows
      FROM ledger.entries WHERE account_id BETWEEN $1 AND $2 GROUP BY account_id
)
SELECT 'accounts' AS name, jsonb_object_agg(account_id, jsonb_build_array(
           balance_minor, held_minor, version, state, owner)) AS rows FROM a
UNION ALL
SELECT 'times', jsonb_object_agg(account_id,
           (extract(epoch FROM last_posted_at - $5::timestamptz) * 1000000)::bigint) FROM a
UNION ALL
SELECT 'entries', coalesce(jsonb_object_agg(account_id, rows), '{}') FROM e
UNION ALL
SELECT 'holds', coalesce(jsonb_object_agg(hold_id, jsonb_build_array(
           debit_account, credit_account, amount_minor,
           (extract(epoch FROM expires_at - $5) * 1000000)::bigint, state, closed_by)), '{}') FROM h
UNION ALL
SELECT 'transactions', coalesce(jsonb_object_agg(transaction_id, jsonb_build_array(
           kind, state, reason, debit_account, credit_account, amount_minor, currency, target_id,
           chain_id, expires_in_seconds, reference, metadata, client_id, user_id, path,
           CASE WHEN posted_at >= $5
                THEN (extract(epoch FROM posted_at - $5) * 1000000)::bigint END)), '{}') FROM t
UNION ALL
SELECT 'outbox', coalesce(jsonb_agg(id ORDER BY outbox_id, place), '[]')
  FROM ledger.outbox, unnest(transaction_ids) WITH ORDINALITY AS ids(id, place)
 WHERE id BETWEEN $3 AND $4
UNION ALL
SELECT 'outbox_v2', coalesce(jsonb_agg(id ORDER BY outbox_id, place), '[]')
  FROM ledger.outbox_v2, unnest(transaction_ids) WITH ORDINALITY AS ids(id, place)
 WHERE id BETWEEN $3 AND $4
