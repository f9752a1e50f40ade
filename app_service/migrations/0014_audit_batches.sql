-- The way to the audit queue: outbox rows are sealed into few large batches, and what was sent is recorded.
--
--   outbox, outbox_v2  -- take_batches -->  unsent_batches  -- record_sent -->  sent_batches
--
-- A batch is sealed, and that is committed, before its message is sent: what is sent again after a crash is
-- the same batch with the same transactions. No role of a task writes these tables itself.

CREATE TABLE ledger.unsent_batches (
    batch_id        uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    transaction_ids uuid[]      NOT NULL,
    posted_at       timestamptz NOT NULL,    -- of its oldest transaction; all are of this day in UTC
    sealed_at       timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,    -- until then a relay is sending it, or it pauses
    refusals        integer     NOT NULL DEFAULT 0,   -- from 10 on it is set aside
    last_error      text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX unsent_batches_by_due_at ON ledger.unsent_batches (due_at);
CREATE TRIGGER sealed_stays
    BEFORE UPDATE OF batch_id, transaction_ids, posted_at, sealed_at OR TRUNCATE ON ledger.unsent_batches
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- A ring of eight weeks, by the time of sending. The week that comes next is emptied as a whole: its
-- batches were sent at least six weeks ago, and backups are kept for 35 days.
CREATE TABLE ledger.sent_batches (
    slot            smallint    NOT NULL,
    batch_id        uuid        NOT NULL,
    transaction_ids uuid[]      NOT NULL,
    posted_at       timestamptz NOT NULL,
    sealed_at       timestamptz NOT NULL,
    sent_at         timestamptz NOT NULL,
    refusals        integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (slot, batch_id)
) PARTITION BY LIST (slot);

-- Random ids cannot be compressed: no time is spent on it.
ALTER TABLE ledger.unsent_batches ALTER COLUMN transaction_ids SET STORAGE EXTERNAL;
ALTER TABLE ledger.sent_batches ALTER COLUMN transaction_ids SET STORAGE EXTERNAL;

DO $$
BEGIN
    FOR slot IN 0..7 LOOP
        EXECUTE format('CREATE TABLE ledger.sent_batches_%s PARTITION OF ledger.sent_batches FOR VALUES IN (%s)',
                       slot, slot);
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.sent_batches_%s'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', slot);
        -- Emptied by ledger.empty_old_batches.
        EXECUTE format('GRANT SELECT, TRUNCATE ON ledger.sent_batches_%s TO ledger_owner', slot);
    END LOOP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.sent_batches
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT, INSERT (batch_id, transaction_ids, posted_at, sealed_at, due_at),
    UPDATE (due_at, refusals, last_error), DELETE ON ledger.unsent_batches TO ledger_owner;
GRANT SELECT, INSERT ON ledger.sent_batches TO ledger_owner;

-- Only functions read and empty the outbox now; the relay of the version before calls them, too. A relay from
-- before 0007 reads the table itself: from here on it fails, and new tasks send what it leaves.
REVOKE ALL ON ledger.outbox FROM ledger_service;

CREATE FUNCTION ledger.sent_slot(p_moment timestamptz) RETURNS smallint
LANGUAGE sql IMMUTABLE
AS $$
    SELECT (floor(extract(epoch FROM p_moment) / (7 * 86400))::bigint % 8)::smallint
$$;

-- The audit records of these transactions, in their order. Every message is made of them, so that tasks
-- of every version send every field; the next field replaces only this function.
-- Plain SQL without settings of its own: PostgreSQL plans it as a part of the calling query.
CREATE FUNCTION ledger.audit_records(p_transaction_ids uuid[])
RETURNS TABLE (place bigint, transaction_id uuid, record text)
LANGUAGE sql STABLE
AS $$
    SELECT ids.place, t.transaction_id,
           (jsonb_strip_nulls(jsonb_build_object(
                'transaction_id', t.transaction_id, 'kind', t.kind,
                'debit_account', t.debit_account, 'credit_account', t.credit_account,
                'amount_minor', t.amount_minor, 'currency', t.currency,
                'target_id', t.target_id, 'chain_id', t.chain_id,
                'expires_in_seconds', t.expires_in_seconds, 'reference', t.reference,
                'client_id', t.client_id, 'user_id', t.user_id, 'path', t.path,
                'posted_at', to_char(t.posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
            -- Apart: nulls inside of the client's object stay.
            || CASE WHEN t.metadata IS NULL THEN '{}'
                    ELSE jsonb_build_object('metadata', t.metadata) END)::text
      FROM unnest(p_transaction_ids) WITH ORDINALITY AS ids(id, place)
      JOIN ledger.transactions t ON t.transaction_id = ids.id
$$;

-- The message of a batch, around its records.
CREATE FUNCTION ledger.audit_message(p_batch_id uuid, p_posted_at timestamptz, p_records text) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT format('{"type":"transactions.posted","version":1,"batch_id":"%s","posted_at":"%s","transactions":[%s]}',
                  p_batch_id, to_char(p_posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                  p_records)
$$;

-- Finished messages for a relay to send, each with its batch: first batches that are due (a relay died,
-- or the queue refused them before), then the rows of tasks of earlier versions, each a batch under its own
-- batch_id, then the oldest outbox rows, sealed into new batches. Nobody else
-- gets them for p_lease_seconds. Commit before sending; then call record_sent, record_refused or
-- release_batches for each.
-- p_rows, p_bytes: how many outbox rows are looked at, and how many bytes are taken of each of both kinds.
-- is_more: more rows or batches wait.
CREATE FUNCTION ledger.take_batches(p_rows integer, p_bytes bigint, p_lease_seconds double precision)
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
    -- SQS takes 1,048,576 bytes; the rest is for what surrounds the records.
    records_bytes constant int := 1048000;
    batches_max   constant int := greatest(p_bytes / 1048576, 1);
    old_rows_max  constant int := 100;
    moment        constant timestamptz := clock_timestamp();
    lease_end     constant timestamptz := moment + make_interval(secs => p_lease_seconds);
    due           uuid[];
    taken_rows    bigint[] := '{}';
    -- The batch that is being filled.
    ids           uuid[] := '{}';
    records       text[] := '{}';
    bytes         bigint := 0;
    oldest        timestamptz;
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
        SELECT b.batch_id, ledger.audit_message(b.batch_id, b.posted_at, made.records),
               cardinality(due) = batches_max
          FROM ledger.unsent_batches b,
               LATERAL (SELECT string_agg(a.record, ',' ORDER BY a.place) AS records
                          FROM ledger.audit_records(b.transaction_ids) a) made
         WHERE b.batch_id = ANY (due)
         ORDER BY b.sealed_at;
    END IF;

    -- A relay of an earlier version may have sent such a row and not deleted it: it died, or this migration
    -- took its right. Under the same batch_id the audit writer stores it once.
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
               made.records, made.bytes
          FROM counted c,
               LATERAL (SELECT string_agg(a.record, ',' ORDER BY a.place) AS records,
                               sum(octet_length(a.record) + 1) AS bytes
                          FROM ledger.audit_records(c.transaction_ids) a) made
         WHERE c.bytes_before < p_bytes
     UNION ALL
        SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL      -- the end: seals the last batch
         ORDER BY day NULLS LAST, outbox_id
    LOOP
        IF ids <> '{}' AND (r.outbox_id IS NULL OR bytes + r.bytes > records_bytes
                            OR r.day <> (oldest AT TIME ZONE 'UTC')::date) THEN
            INSERT INTO ledger.unsent_batches AS b (transaction_ids, posted_at, sealed_at, due_at)
            VALUES (ids, oldest, moment, lease_end) RETURNING b.batch_id INTO batch_id;
            body := ledger.audit_message(batch_id, oldest, array_to_string(records, ','));
            RETURN NEXT;
            ids := '{}';
            records := '{}';
            bytes := 0;
            oldest := NULL;
        END IF;
        EXIT WHEN r.outbox_id IS NULL;
        FOREACH id IN ARRAY r.transaction_ids LOOP
            ids := array_append(ids, id);
        END LOOP;
        records := array_append(records, r.records);
        bytes := bytes + r.bytes;
        oldest := least(oldest, r.created_at);
        is_more := r.is_more;
        taken_rows := array_append(taken_rows, r.outbox_id);
    END LOOP;
    DELETE FROM ledger.outbox_v2 WHERE outbox_id = ANY (taken_rows);
END $$;

-- The queue has acknowledged these batches. Safe to repeat.
CREATE FUNCTION ledger.record_sent(p_batch_ids uuid[]) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH sent AS (
        DELETE FROM ledger.unsent_batches WHERE batch_id = ANY (p_batch_ids) RETURNING *
    )
    INSERT INTO ledger.sent_batches (slot, batch_id, transaction_ids, posted_at, sealed_at, sent_at, refusals)
    SELECT ledger.sent_slot(clock_timestamp()), batch_id, transaction_ids, posted_at, sealed_at,
           clock_timestamp(), refusals
      FROM sent
$$;

-- The queue takes other batches, but not this one. Its pauses grow; after ten refusals it is set aside,
-- which raises an alarm, and tried once an hour.
CREATE FUNCTION ledger.record_refused(p_batch_id uuid, p_error text) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE ledger.unsent_batches
       SET refusals = refusals + 1, last_error = left(p_error, 200),
           due_at = clock_timestamp() + make_interval(
               secs => CASE WHEN refusals < 9 THEN least(2 ^ refusals, 30) ELSE 3600 END)
     WHERE batch_id = p_batch_id
$$;

-- The relay has these and cannot send them now: others may take them at once.
CREATE FUNCTION ledger.release_batches(p_batch_ids uuid[]) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE ledger.unsent_batches SET due_at = clock_timestamp() WHERE batch_id = ANY (p_batch_ids)
$$;

-- Every batch that is set aside is due now, as if it had never been refused. Returns their number.
CREATE FUNCTION ledger.retry_batches() RETURNS bigint
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH retried AS (
        UPDATE ledger.unsent_batches SET refusals = 0, due_at = clock_timestamp()
         WHERE refusals >= 10 RETURNING 1
    )
    SELECT count(*) FROM retried
$$;

-- What is posted and not yet sent: outbox rows and sealed batches, counted up to p_counted_max, the age of
-- the oldest, and the number of batches that are set aside, which are in neither.
CREATE FUNCTION ledger.waiting_batches(p_counted_max integer)
RETURNS TABLE (batches bigint, oldest_seconds double precision, set_aside bigint)
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH oldest AS (
        (SELECT created_at FROM ledger.outbox ORDER BY outbox_id LIMIT p_counted_max)
         UNION ALL
        (SELECT created_at FROM ledger.outbox_v2 ORDER BY outbox_id LIMIT p_counted_max)
         UNION ALL
        SELECT posted_at FROM ledger.unsent_batches WHERE refusals < 10
    )
    SELECT least(count(*), p_counted_max),
           coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8,
           (SELECT count(*) FROM ledger.unsent_batches WHERE refusals >= 10)
      FROM oldest
$$;

-- Empties the week of the ring that comes next; true if there was something in it. Nothing that was sent
-- in the last 35 days goes, by this server's clock. Waits for readers only shortly: a later call
-- does it.
CREATE FUNCTION ledger.empty_old_batches() RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    part     constant text := 'sent_batches_' || ledger.sent_slot(clock_timestamp() + interval '7 days');
    is_empty boolean;
    is_old   boolean;
BEGIN
    EXECUTE format('SELECT NOT EXISTS (SELECT FROM ledger.%I)', part) INTO is_empty;
    IF is_empty THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE ledger.%I IN ACCESS EXCLUSIVE MODE', part);
    EXECUTE format('SELECT max(sent_at) < clock_timestamp() - interval ''35 days'' FROM ledger.%I', part)
       INTO is_old;
    IF is_old THEN
        EXECUTE format('TRUNCATE ledger.%I', part);
    END IF;
    RETURN is_old;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;

-- The calls of relays of the version before, which work beside the new ones during a rolling deployment.
-- Their messages are made as before; what they have sent is recorded, under the same batch_id.

CREATE OR REPLACE FUNCTION ledger.lock_events(p_rows integer, p_bytes bigint)
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
BEGIN
    RETURN QUERY
    WITH old_rows AS (
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
    SELECT e.outbox_id, ledger.audit_message(e.batch_id, e.created_at, made.records)
      FROM oldest e,
           LATERAL (SELECT string_agg(a.record, ',' ORDER BY a.place) AS records
                      FROM ledger.audit_records(e.transaction_ids) a) made
     WHERE e.bytes_before < p_bytes
     ORDER BY e.outbox_id;
END $$;

-- Only rows that this session has locked: a delete that waits for another relay would send twice.
CREATE OR REPLACE FUNCTION ledger.delete_events(p_outbox_ids bigint[]) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH old_rows AS (
        DELETE FROM ledger.outbox WHERE outbox_id = ANY (p_outbox_ids)
     RETURNING batch_id, transaction_ids, created_at
    ), new_rows AS (
        DELETE FROM ledger.outbox_v2 WHERE outbox_id = ANY (p_outbox_ids)
     RETURNING batch_id, transaction_ids, created_at
    )
    INSERT INTO ledger.sent_batches (slot, batch_id, transaction_ids, posted_at, sealed_at, sent_at)
    SELECT ledger.sent_slot(clock_timestamp()), batch_id, transaction_ids, created_at, clock_timestamp(),
           clock_timestamp()
      FROM (SELECT * FROM old_rows UNION ALL SELECT * FROM new_rows) sent
$$;

CREATE OR REPLACE FUNCTION ledger.waiting_events(p_counted_max integer)
RETURNS TABLE (batches bigint, oldest_seconds double precision)
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT batches, oldest_seconds FROM ledger.waiting_batches(p_counted_max)
$$;

GRANT CREATE ON SCHEMA ledger TO ledger_owner;
ALTER FUNCTION ledger.sent_slot(timestamptz) OWNER TO ledger_owner;
ALTER FUNCTION ledger.audit_records(uuid[]) OWNER TO ledger_owner;
ALTER FUNCTION ledger.audit_message(uuid, timestamptz, text) OWNER TO ledger_owner;
ALTER FUNCTION ledger.take_batches(integer, bigint, double precision) OWNER TO ledger_owner;
ALTER FUNCTION ledger.record_sent(uuid[]) OWNER TO ledger_owner;
ALTER FUNCTION ledger.record_refused(uuid, text) OWNER TO ledger_owner;
ALTER FUNCTION ledger.release_batches(uuid[]) OWNER TO ledger_owner;
ALTER FUNCTION ledger.retry_batches() OWNER TO ledger_owner;
ALTER FUNCTION ledger.waiting_batches(integer) OWNER TO ledger_owner;
ALTER FUNCTION ledger.empty_old_batches() OWNER TO ledger_owner;
REVOKE CREATE ON SCHEMA ledger FROM ledger_owner;

REVOKE ALL ON FUNCTION ledger.sent_slot(timestamptz), ledger.audit_records(uuid[]),
    ledger.audit_message(uuid, timestamptz, text), ledger.take_batches(integer, bigint, double precision),
    ledger.record_sent(uuid[]), ledger.record_refused(uuid, text), ledger.release_batches(uuid[]),
    ledger.retry_batches(), ledger.waiting_batches(integer), ledger.empty_old_batches() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.take_batches(integer, bigint, double precision), ledger.record_sent(uuid[]),
    ledger.record_refused(uuid, text), ledger.release_batches(uuid[]), ledger.waiting_batches(integer),
    ledger.empty_old_batches() TO ledger_service;
