-- The relay's two calls. The messages are made here, so that tasks of every version send every field;
-- the next field replaces only ledger.lock_events.

-- The finished messages of the oldest batches that no other session holds, locked until the
-- transaction ends: at most p_rows, and after the first one at most p_bytes together.
CREATE FUNCTION ledger.lock_events(p_rows integer, p_bytes bigint)
RETURNS TABLE (outbox_id bigint, body text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    utc constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
BEGIN
    RETURN QUERY
    WITH old_rows AS (     -- of tasks of the version before; none are written any more after it
        SELECT o.outbox_id, o.batch_id, o.transaction_ids, o.created_at,
               1000 * cardinality(o.transaction_ids) AS bytes_max
          FROM ledger.outbox o ORDER BY o.outbox_id LIMIT p_rows FOR UPDATE SKIP LOCKED
    ), new_rows AS (
        SELECT o.outbox_id, o.batch_id, o.transaction_ids, o.created_at, o.bytes_max
          FROM ledger.outbox_v2 o ORDER BY o.outbox_id LIMIT p_rows FOR UPDATE SKIP LOCKED
    ), oldest AS MATERIALIZED (
        SELECT e.*, sum(e.bytes_max) OVER (ORDER BY e.outbox_id) - e.bytes_max AS bytes_before
          FROM (SELECT * FROM old_rows UNION ALL SELECT * FROM new_rows ORDER BY 1 LIMIT p_rows) e
    )
    SELECT e.outbox_id,
           format('{"type":"transactions.posted","version":1,"batch_id":"%s","posted_at":"%s","transactions":[%s]}',
                  e.batch_id, to_char(e.created_at AT TIME ZONE 'UTC', utc), records.joined)
      FROM oldest e,
           LATERAL (
               SELECT string_agg(
                          (jsonb_strip_nulls(jsonb_build_object(
                               'transaction_id', t.transaction_id, 'kind', t.kind,
                               'debit_account', t.debit_account, 'credit_account', t.credit_account,
                               'amount_minor', t.amount_minor, 'currency', t.currency,
                               'target_id', t.target_id, 'chain_id', t.chain_id,
                               'expires_in_seconds', t.expires_in_seconds, 'reference', t.reference,
                               'client_id', t.client_id, 'user_id', t.user_id, 'path', t.path,
                               'posted_at', to_char(t.posted_at AT TIME ZONE 'UTC', utc)))
                           -- Apart: nulls inside of the client's object stay.
                           || CASE WHEN t.metadata IS NULL THEN '{}'
                                   ELSE jsonb_build_object('metadata', t.metadata) END)::text,
                          ',' ORDER BY ids.place) AS joined
                 FROM unnest(e.transaction_ids) WITH ORDINALITY AS ids(id, place)
                 JOIN ledger.transactions t ON t.transaction_id = ids.id) records
     WHERE e.bytes_before < p_bytes
     ORDER BY e.outbox_id;
END $$;

-- Only rows that this session has locked: a delete that waits for another relay would send twice.
CREATE FUNCTION ledger.delete_events(p_outbox_ids bigint[]) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM ledger.outbox WHERE outbox_id = ANY (p_outbox_ids);
    DELETE FROM ledger.outbox_v2 WHERE outbox_id = ANY (p_outbox_ids);
$$;

-- The backlog, counted up to p_counted_max: beyond a limit the exact number is not worth its cost.
CREATE FUNCTION ledger.waiting_events(p_counted_max integer)
RETURNS TABLE (batches bigint, oldest_seconds double precision)
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH oldest AS (
        (SELECT created_at FROM ledger.outbox ORDER BY outbox_id LIMIT p_counted_max)
         UNION ALL
        (SELECT created_at FROM ledger.outbox_v2 ORDER BY outbox_id LIMIT p_counted_max)
    )
    SELECT least(count(*), p_counted_max),
           coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
      FROM oldest
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.lock_events(integer, bigint), ledger.delete_events(bigint[]),
    ledger.waiting_events(integer) TO ledger_service;
