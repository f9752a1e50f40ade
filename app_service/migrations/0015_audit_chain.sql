-- A trail that shows tampering: every record carries a hash, and every sealed batch the hash of the batch before.
--
--   record    hash         of its canonical text: jsonb as PostgreSQL writes it, without the hash
--   batch     records_hash of the hashes of its records, each with a line break after it
--   batch     hash         of five lines: previous hash, number, batch_id, posted_at, records_hash
--
-- All are SHA-256, in hex where they are text. Who changes, removes or inserts a record or a batch has to change
-- every later batch, in this database and in the bucket. Batches from before have no number and no hashes.

CREATE TABLE ledger.audit_chain (
    is_only      boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    chain_number bigint  NOT NULL,    -- of the newest batch
    batch_hash   bytea   NOT NULL
);
INSERT INTO ledger.audit_chain (chain_number, batch_hash) VALUES (0, decode(repeat('00', 32), 'hex'));
CREATE TRIGGER head_stays
    BEFORE INSERT OR DELETE OR TRUNCATE ON ledger.audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

ALTER TABLE ledger.unsent_batches
    ADD COLUMN chain_number  bigint,
    ADD COLUMN previous_hash bytea,
    ADD COLUMN records_hash  bytea,
    ADD COLUMN batch_hash    bytea;
CREATE TRIGGER chain_stays
    BEFORE UPDATE OF chain_number, previous_hash, records_hash, batch_hash ON ledger.unsent_batches
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.sent_batches
    ADD COLUMN chain_number  bigint,
    ADD COLUMN previous_hash bytea,
    ADD COLUMN records_hash  bytea,
    ADD COLUMN batch_hash    bytea;
CREATE INDEX sent_batches_by_batch_id ON ledger.sent_batches (batch_id);

GRANT SELECT, UPDATE (chain_number, batch_hash) ON ledger.audit_chain TO ledger_owner;
GRANT INSERT (chain_number, previous_hash, records_hash, batch_hash) ON ledger.unsent_batches TO ledger_owner;

-- A UUID of version 7 with microseconds (RFC 9562, 6.2, method 3): ids sort by their time.
CREATE FUNCTION ledger.time_ordered_id(p_moment timestamptz) RETURNS uuid
LANGUAGE sql VOLATILE
AS $$
    SELECT encode(substring(int8send(us / 1000) FROM 3)
                  || substring(int4send((x'7000'::int + us % 1000 * 4096 / 1000)::int) FROM 3)
                  || substring(uuid_send(gen_random_uuid()) FROM 9), 'hex')::uuid
      FROM (SELECT (extract(epoch FROM p_moment) * 1000000)::bigint AS us) moment
$$;

CREATE FUNCTION ledger.text_hash(p_text text) RETURNS bytea
LANGUAGE sql IMMUTABLE
AS $$ SELECT sha256(convert_to(p_text, 'UTF8')) $$;

-- As before, with the hash of each record: inside of it, and apart.
DROP FUNCTION ledger.audit_records(uuid[]);
CREATE FUNCTION ledger.audit_records(p_transaction_ids uuid[])
RETURNS TABLE (place bigint, transaction_id uuid, record text, hash text)
LANGUAGE sql STABLE
AS $$
    SELECT place, transaction_id, left(canonical, -1) || ', "hash": "' || hash || '"}', hash
      FROM (SELECT place, transaction_id, canonical, encode(ledger.text_hash(canonical), 'hex') AS hash
              FROM (SELECT ids.place, t.transaction_id,
                           (jsonb_strip_nulls(jsonb_build_object(
                                'transaction_id', t.transaction_id, 'kind', t.kind,
                                'debit_account', t.debit_account, 'credit_account', t.credit_account,
                                'amount_minor', t.amount_minor, 'currency', t.currency,
                                'target_id', t.target_id, 'chain_id', t.chain_id,
                                'expires_in_seconds', t.expires_in_seconds, 'reference', t.reference,
                                'client_id', t.client_id, 'user_id', t.user_id, 'path', t.path,
                                'posted_at', to_char(t.posted_at AT TIME ZONE 'UTC',
                                                     'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
                            -- Apart: nulls inside of the client's object stay.
                            || CASE WHEN t.metadata IS NULL THEN '{}'
                                    ELSE jsonb_build_object('metadata', t.metadata) END)::text AS canonical
                      FROM unnest(p_transaction_ids) WITH ORDINALITY AS ids(id, place)
                      JOIN ledger.transactions t ON t.transaction_id = ids.id
                    OFFSET 0) texts      -- each text and each hash is computed once
            OFFSET 0) hashed
$$;

-- The links of a chained batch to the one before it.
CREATE FUNCTION ledger.batch_hash(
    p_previous_hash bytea, p_chain_number bigint, p_batch_id uuid, p_posted_at timestamptz, p_records_hash bytea
) RETURNS bytea
LANGUAGE sql STABLE
AS $$
    SELECT ledger.text_hash(format(E'%s\n%s\n%s\n%s\n%s\n', encode(p_previous_hash, 'hex'), p_chain_number,
                                   p_batch_id,
                                   to_char(p_posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                   encode(p_records_hash, 'hex')))
$$;

-- The message of a batch, with its place in the chain if it has one.
CREATE FUNCTION ledger.audit_message(
    p_batch_id uuid, p_posted_at timestamptz, p_records text,
    p_chain_number bigint, p_previous_hash bytea, p_records_hash bytea, p_batch_hash bytea
) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT format('{"type":"transactions.posted","version":1,"batch_id":"%s","posted_at":"%s",%s"transactions":[%s]}',
                  p_batch_id, to_char(p_posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                  CASE WHEN p_chain_number IS NULL THEN '' ELSE
                      format('"chain":{"number":%s,"previous_hash":"%s","records_hash":"%s","hash":"%s"},',
                             p_chain_number, encode(p_previous_hash, 'hex'), encode(p_records_hash, 'hex'),
                             encode(p_batch_hash, 'hex')) END,
                  p_records)
$$;

-- As before; the new batches take the next places of the chain. Its head is locked at the end, when the
-- records are made, until the caller's commit: relays wait for each other only so long.
CREATE OR REPLACE FUNCTION ledger.take_batches(p_rows integer, p_bytes bigint, p_lease_seconds double precision)
RETURNS TABLE (batch_id uuid, body text, is_more boolean)
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
    -- SQS takes 1,048,576 bytes with the attributes; the rest is for what surrounds the records.
    records_bytes constant int := 1047000;
    batches_max   constant int := greatest(p_bytes / 1048576, 1);
    old_rows_max  constant int := 100;
    moment        constant timestamptz := clock_timestamp();
    lease_end     constant timestamptz := moment + make_interval(secs => p_lease_seconds);
    due           uuid[];
    taken_rows    bigint[] := '{}';
    -- The batch that is being filled.
    ids           uuid[] := '{}';
    records       text[] := '{}';
    hashes        text := '';
    bytes         bigint := 0;
    oldest        timestamptz;
    -- The filled batches, and the texts of their records.
    filled        ledger.unsent_batches[] := '{}';
    bodies        text[] := '{}';
    head          ledger.audit_chain;
    b             ledger.unsent_batches;
    r             record;
    id            uuid;
BEGIN
    WITH waiting AS (
        SELECT b.batch_id FROM ledger.unsent_batches b
         WHERE b.due_at <= moment ORDER BY b.due_at LIMIT batches_max FOR UPDATE SKIP LOCKED
    ), leased AS (
        UPDATE ledger.unsent_batches b SET due_at = lease_end
          FROM waiting WHERE b.batch_id = waiting.batch_id
     RETURNING b.batch_id
    )
    SELECT array_agg(leased.batch_id) INTO due FROM leased;
    IF due IS NOT NULL THEN
        RETURN QUERY
        SELECT b.batch_id,
               ledger.audit_message(b.batch_id, b.posted_at, made.records,
                                    b.chain_number, b.previous_hash, b.records_hash, b.batch_hash),
               cardinality(due) = batches_max
          FROM ledger.unsent_batches b,
               LATERAL (SELECT string_agg(a.record, ',' ORDER BY a.place) AS records
                          FROM ledger.audit_records(b.transaction_ids) a) made
         WHERE b.batch_id = ANY (due)
         ORDER BY b.sealed_at;
    END IF;

    -- A relay of an earlier version may have sent such a row and not deleted it: it died, or 0014
    -- took its right. Under the same batch_id the audit writer stores it once. It gets no place in the chain.
    RETURN QUERY
    WITH locked AS (
        SELECT o.outbox_id, o.batch_id, o.transaction_ids, o.created_at
          FROM ledger.outbox o ORDER BY o.outbox_id LIMIT old_rows_max FOR UPDATE SKIP LOCKED
    ), counted AS (
        SELECT l.*, 1000 * (sum(cardinality(l.transaction_ids)) OVER (ORDER BY l.outbox_id)
                            - cardinality(l.transaction_ids)) AS bytes_before,
               count(*) OVER () = old_rows_max AS is_full
          FROM locked l
    ), old_rows AS MATERIALIZED (
        SELECT * FROM counted WHERE bytes_before < p_bytes
    ), sealed AS (
        INSERT INTO ledger.unsent_batches AS b (batch_id, transaction_ids, posted_at, sealed_at, due_at)
        SELECT o.batch_id, o.transaction_ids, o.created_at, moment, lease_end FROM old_rows o
    ), emptied AS (
        DELETE FROM ledger.outbox o USING old_rows WHERE o.outbox_id = old_rows.outbox_id
    )
    SELECT o.batch_id, ledger.audit_message(o.batch_id, o.created_at, made.records),
           o.is_full OR (SELECT count(*) FROM locked) > count(*) OVER ()
      FROM old_rows o,
           LATERAL (SELECT string_agg(a.record, ',' ORDER BY a.place) AS records
                      FROM ledger.audit_records(o.transaction_ids) a) made
     ORDER BY o.outbox_id;

    FOR r IN
        WITH new_rows AS (
            SELECT o.outbox_id, o.transaction_ids, o.created_at, o.bytes_max
              FROM ledger.outbox_v2 o ORDER BY o.outbox_id LIMIT p_rows FOR UPDATE SKIP LOCKED
        ), counted AS MATERIALIZED (
            SELECT e.*, (e.created_at AT TIME ZONE 'UTC')::date AS day,
                   sum(e.bytes_max) OVER (ORDER BY e.outbox_id) - e.bytes_max AS bytes_before,
                   count(*) OVER () = p_rows OR sum(e.bytes_max) OVER () > p_bytes AS is_more
              FROM new_rows e
        )
        SELECT c.outbox_id, c.transaction_ids, c.created_at, c.day, c.is_more,
               made.records, made.hashes, made.bytes
          FROM counted c,
               LATERAL (SELECT string_agg(a.record, ',' ORDER BY a.place) AS records,
                               string_agg(a.hash || E'\n', '' ORDER BY a.place) AS hashes,
                               sum(octet_length(a.record) + 1) AS bytes
                          FROM ledger.audit_records(c.transaction_ids) a) made
         WHERE c.bytes_before < p_bytes
     UNION ALL
        SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL     -- the end: the last batch is full
         ORDER BY day NULLS LAST, outbox_id
    LOOP
        IF ids <> '{}' AND (r.outbox_id IS NULL OR bytes + r.bytes > records_bytes
                            OR r.day <> (oldest AT TIME ZONE 'UTC')::date) THEN
            b.transaction_ids := ids;
            b.posted_at := oldest;
            b.records_hash := ledger.text_hash(hashes);
            filled := array_append(filled, b);
            bodies := array_append(bodies, array_to_string(records, ','));
            ids := '{}';
            records := '{}';
            hashes := '';
            bytes := 0;
            oldest := NULL;
        END IF;
        EXIT WHEN r.outbox_id IS NULL;
        FOREACH id IN ARRAY r.transaction_ids LOOP
            ids := array_append(ids, id);
        END LOOP;
        records := array_append(records, r.records);
        hashes := hashes || r.hashes;
        bytes := bytes + r.bytes;
        oldest := least(oldest, r.created_at);
        is_more := r.is_more;
        taken_rows := array_append(taken_rows, r.outbox_id);
    END LOOP;
    IF filled = '{}' THEN
        RETURN;
    END IF;
    DELETE FROM ledger.outbox_v2 WHERE outbox_id = ANY (taken_rows);

    SELECT * INTO head FROM ledger.audit_chain FOR UPDATE;
    FOR place IN 1 .. cardinality(filled) LOOP
        b := filled[place];
        b.sealed_at := clock_timestamp();
        b.batch_id := ledger.time_ordered_id(b.sealed_at);
        b.previous_hash := head.batch_hash;
        b.chain_number := head.chain_number + 1;
        b.batch_hash := ledger.batch_hash(b.previous_hash, b.chain_number, b.batch_id, b.posted_at, b.records_hash);
        INSERT INTO ledger.unsent_batches (batch_id, transaction_ids, posted_at, sealed_at, due_at,
                                           chain_number, previous_hash, records_hash, batch_hash)
        VALUES (b.batch_id, b.transaction_ids, b.posted_at, b.sealed_at, lease_end,
                b.chain_number, b.previous_hash, b.records_hash, b.batch_hash);
        head.chain_number := b.chain_number;
        head.batch_hash := b.batch_hash;
        batch_id := b.batch_id;
        body := ledger.audit_message(b.batch_id, b.posted_at, bodies[place],
                                     b.chain_number, b.previous_hash, b.records_hash, b.batch_hash);
        RETURN NEXT;
    END LOOP;
    UPDATE ledger.audit_chain SET chain_number = head.chain_number, batch_hash = head.batch_hash;
END $$;

-- As before, with the place in the chain. Safe to repeat, also for a batch that was recorded weeks ago.
CREATE OR REPLACE FUNCTION ledger.record_sent(p_batch_ids uuid[]) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH sent AS (
        DELETE FROM ledger.unsent_batches WHERE batch_id = ANY (p_batch_ids) RETURNING *
    )
    INSERT INTO ledger.sent_batches (slot, batch_id, transaction_ids, posted_at, sealed_at, sent_at, refusals,
                                     chain_number, previous_hash, records_hash, batch_hash)
    SELECT ledger.sent_slot(clock_timestamp()), batch_id, transaction_ids, posted_at, sealed_at,
           clock_timestamp(), refusals, chain_number, previous_hash, records_hash, batch_hash
      FROM sent
     WHERE NOT EXISTS (SELECT FROM ledger.sent_batches before WHERE before.batch_id = sent.batch_id)
$$;

GRANT CREATE ON SCHEMA ledger TO ledger_owner;
ALTER FUNCTION ledger.time_ordered_id(timestamptz) OWNER TO ledger_owner;
ALTER FUNCTION ledger.text_hash(text) OWNER TO ledger_owner;
ALTER FUNCTION ledger.audit_records(uuid[]) OWNER TO ledger_owner;
ALTER FUNCTION ledger.batch_hash(bytea, bigint, uuid, timestamptz, bytea) OWNER TO ledger_owner;
ALTER FUNCTION ledger.audit_message(uuid, timestamptz, text, bigint, bytea, bytea, bytea) OWNER TO ledger_owner;
REVOKE CREATE ON SCHEMA ledger FROM ledger_owner;
