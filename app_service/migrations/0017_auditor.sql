-- Who verifies the audit trail: a role that reads, and nothing else. It works on a standby, too.

DO $$
BEGIN
    CREATE ROLE ledger_auditor NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- made before, or at this moment by a neighbour: roles belong to the whole cluster
END $$;

ALTER ROLE ledger_auditor SET statement_timeout = '5s';
ALTER ROLE ledger_auditor SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE ledger_auditor SET tcp_keepalives_idle = 5;
ALTER ROLE ledger_auditor SET tcp_keepalives_interval = 1;
ALTER ROLE ledger_auditor SET tcp_keepalives_count = 5;

GRANT USAGE ON SCHEMA ledger TO ledger_auditor;
GRANT SELECT ON ledger.transactions, ledger.outbox, ledger.outbox_v2, ledger.unsent_batches, ledger.sent_batches,
    ledger.audit_chain TO ledger_auditor;
GRANT EXECUTE ON FUNCTION ledger.audit_records(uuid[]), ledger.text_hash(text) TO ledger_auditor;

-- Repairs what the verifier has found, as far as the ledger itself has it: batches that are recorded as sent go
-- back to those that wait, with the same id and place in the chain; posted transactions that are in no outbox row
-- and no batch get an outbox row. Transactions from before the record are ignored: they can have been sent. Safe to
-- repeat: what waits already stays as it is. Returns how many of each.
-- Calls wait for each other, so that nothing is repaired twice. Relays do not wait: each statement sees what moves
-- meanwhile in one place.
CREATE FUNCTION ledger.send_again(p_batch_ids uuid[], p_transaction_ids uuid[])
RETURNS TABLE (batches bigint, transactions bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '5s'
AS $$
DECLARE
    -- As in ledger.post_transactions_v2.
    record_bytes constant int := 1000;
    -- The record is a ring of eight weeks, of which the last six and the current one are kept for sure.
    week         constant int := 604800;
    recorded_from timestamptz;
    oldest        timestamptz;
    newest        timestamptz;
BEGIN
    LOCK TABLE ledger.unsent_batches IN SHARE UPDATE EXCLUSIVE MODE;     -- conflicts with itself, not with relays

    INSERT INTO ledger.unsent_batches (batch_id, transaction_ids, posted_at, sealed_at, due_at,
                                       chain_number, previous_hash, records_hash, batch_hash)
    SELECT DISTINCT ON (s.batch_id) s.batch_id, s.transaction_ids, s.posted_at, s.sealed_at, clock_timestamp(),
           s.chain_number, s.previous_hash, s.records_hash, s.batch_hash
      FROM ledger.sent_batches s WHERE s.batch_id = ANY (p_batch_ids)
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS batches = ROW_COUNT;

    SELECT greatest(to_timestamp((floor(extract(epoch FROM clock_timestamp()) / week) - 6) * week), min(s.sent_at))
      INTO recorded_from
      FROM ledger.sent_batches s;
    SELECT min(t.posted_at), max(t.posted_at) INTO oldest, newest
      FROM ledger.transactions t
     WHERE t.transaction_id = ANY (p_transaction_ids) AND t.state = 'posted' AND t.posted_at >= recorded_from;

    -- A batch was sealed after its transactions were posted; an hour, because after a failover another clock
    -- may go behind.
    INSERT INTO ledger.outbox_v2 (transaction_ids, bytes_max, created_at)
    SELECT ARRAY[t.transaction_id],
           record_bytes + coalesce(2 * octet_length(t.reference), 0) + coalesce(octet_length(t.metadata::text), 0),
           t.posted_at
      FROM ledger.transactions t
     WHERE t.transaction_id = ANY (p_transaction_ids) AND t.state = 'posted' AND t.posted_at >= recorded_from
       AND t.transaction_id NOT IN (
               SELECT known.id
                 FROM (SELECT unnest(o.transaction_ids) FROM ledger.outbox o
                        WHERE o.created_at BETWEEN oldest AND newest
                        UNION ALL SELECT unnest(o.transaction_ids) FROM ledger.outbox_v2 o
                        WHERE o.created_at BETWEEN oldest AND newest
                        UNION ALL SELECT unnest(b.transaction_ids) FROM ledger.unsent_batches b
                        WHERE b.posted_at <= newest AND b.sealed_at >= oldest - interval '1 hour'
                        UNION ALL SELECT unnest(b.transaction_ids) FROM ledger.sent_batches b
                        WHERE b.posted_at <= newest AND b.sealed_at >= oldest - interval '1 hour') known(id)
                WHERE known.id = ANY (p_transaction_ids))
     ORDER BY t.posted_at;
    GET DIAGNOSTICS transactions = ROW_COUNT;
    RETURN NEXT;
END $$;

GRANT CREATE ON SCHEMA ledger TO ledger_owner;
ALTER FUNCTION ledger.send_again(uuid[], uuid[]) OWNER TO ledger_owner;
REVOKE CREATE ON SCHEMA ledger FROM ledger_owner;
REVOKE ALL ON FUNCTION ledger.send_again(uuid[], uuid[]) FROM PUBLIC;
