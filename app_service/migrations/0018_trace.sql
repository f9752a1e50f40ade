-- Where a transaction came from: the load balancer's trace of its request, or the id that SQS gave its message.
--
-- Both are 128 bits: '1-67891233-abcdef012345678912345678' is the uuid of its 32 digits. So the column costs a row
-- 16 bytes, and whatever a client writes in the header, nothing else fits in. It is no content: a replay that
-- came another way is a replay, and the first origin stays.

ALTER TABLE ledger.transactions ADD COLUMN origin_id uuid;

-- As AWS writes a trace
-- (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html).
CREATE FUNCTION ledger.trace_text(p_origin_id uuid) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT '1-' || overlay(encode(uuid_send(p_origin_id), 'hex') PLACING '-' FROM 9 FOR 0) $$;

-- As before, with the origin. A record without one stays as it is, with its hash.
CREATE OR REPLACE FUNCTION ledger.audit_records(p_transaction_ids uuid[])
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
                                -- One pair, not two: each costs the relay time, also if it is null.
                                CASE t.path WHEN 'api' THEN 'trace_id' ELSE 'message_id' END,
                                CASE t.path WHEN 'api' THEN ledger.trace_text(t.origin_id)
                                            WHEN 'queue' THEN t.origin_id::text END,
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

-- The posting function of 0013, which also stores the origins: one for each transaction, or none at all. They are
-- apart from the rows and taken by their place, because each attribute of a row and each array that is unnested
-- costs every call.
CREATE FUNCTION ledger.post_transactions_v3(
    p               ledger.submitted_v2[],
    p_lock_wait_ms  integer,
    p_origin_ids    uuid[]  DEFAULT NULL,
    p_to_old_outbox boolean DEFAULT false
) RETURNS TABLE (ordinal bigint, transaction_id uuid, status text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- Plan once, and always nested loops over primary keys: a session that plans
-- while a table is still empty must not keep a sequential scan.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    -- What every JSON reader keeps exactly (RFC 8259 section 6): 2^53-1.
    max_balance   constant bigint := 9007199254740991;
    -- A message of the queue has at most 1,048,576 bytes: this, its envelope, and its last record.
    message_bytes constant int := 1000000;
    record_bytes  constant int := 1000;           -- of a record without reference and metadata
    n             constant int := cardinality(p);
    ids         uuid[];
    targets     uuid[];                           -- null when there is none
    ends        bigint[];                         -- the accounts of the batch and of its targets

    -- The locked accounts, sorted by id; the loop changes balance, held and version.
    acc_id              bigint[];
    acc_currency        text[];
    acc_may_go_negative boolean[];
    acc_owner           text[];
    acc_state           text[];
    acc_balance         bigint[];
    acc_held            bigint[];
    acc_version         bigint[];
    moment              timestamptz;

    -- A part is decided in memory and then written. Usually it is the whole batch; if an id or a
    -- target comes twice, each chain is a part, so that it sees what those before it have written.
    has_repeats boolean;
    first       int := 1;
    last        int := n;
    part        ledger.submitted_v2[] := p;
    part_ids    uuid[];
    origins     uuid[] := p_origin_ids;
    old_held    bigint[];
    old_version bigint[];
    statuses    text[];

    -- Read for a part at once: those of its ids that were recorded before, and by place its targets.
    known_ids    uuid[];
    known        ledger.transactions[];
    part_targets ledger.transactions[];
    part_holds   ledger.holds[];
    is_reversed  boolean[];

    -- Outcomes of the part, by place. Of accounts, amount and currency only what follows from a target.
    -- Those that nothing in the part needs stay null.
    nothing        bigint[];                      -- as long as the part
    verdict        text[];
    is_known       boolean[];
    chain          uuid[];
    place          int[];
    debit          bigint[];
    credit         bigint[];
    amount         bigint[];
    money          text[];
    debit_version  bigint[];
    debit_balance  bigint[];
    credit_version bigint[];
    credit_balance bigint[];
    posted_ids     uuid[];
    text_bytes     bigint;                        -- of their references and metadata
    posted_bytes   bigint;                        -- of their message, at most
    has_holds      boolean;

    -- The chain that the loop is in, and what was before it.
    chain_from   int;
    chain_id     uuid;
    verdicts     text[];
    safe_balance bigint[];
    safe_held    bigint[];
    safe_version bigint[];
    safe_old     bigint[];
    safe_ids     uuid[];
    safe_bytes   bigint;

    -- One transaction: as sent, as recorded before, its target, and its hold.
    r      ledger.submitted_v2;
    old    ledger.transactions;
    target ledger.transactions;
    hold   ledger.holds;
    v      text;
    debit_id  bigint;
    credit_id bigint;
    amt       bigint;
    unit      text;
    d         int;
    c         int;
    available bigint;
BEGIN
    -- An array of one dimension may start at another index than 1.
    IF num_nulls(p, p_lock_wait_ms, p_to_old_outbox) > 0
       OR array_ndims(p) <> 1 OR array_lower(p, 1) <> 1 OR array_position(p, NULL) IS NOT NULL
       OR cardinality(p_origin_ids) <> n THEN
        RAISE EXCEPTION 'posting needs one plain array without nulls'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF n > 1000 THEN
        RAISE EXCEPTION 'posting takes at most 1000 transactions, got %', n
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    v := set_config('lock_timeout', greatest(p_lock_wait_ms, 1)::text, true);

    FOREACH r IN ARRAY p LOOP
        ids := ids || r.transaction_id;
        IF r.target_id IS NULL THEN
            ends := ends || r.debit_account;
            ends := ends || r.credit_account;
        ELSE
            targets := targets || r.target_id;
        END IF;
    END LOOP;
    IF n > 1 THEN
        has_repeats := cardinality(ids || targets) > (SELECT count(DISTINCT k) FROM unnest(ids || targets) k);
    END IF;
    IF targets IS NOT NULL THEN                             -- they never change: no lock is needed
        SELECT ends || array_agg(t.debit_account) || array_agg(t.credit_account) INTO ends
          FROM ledger.transactions t
         WHERE t.transaction_id = ANY (targets);
    END IF;

    -- 1. Lock the accounts in id order: batches queue up, they cannot deadlock.
    --    A join, not "= ANY (array)": after a lock wait PostgreSQL re-checks each
    --    changed row, and would sort the whole array again every time.
    SELECT array_agg(a.account_id), array_agg(a.currency), array_agg(a.may_go_negative),
           array_agg(a.owner), array_agg(a.state), array_agg(a.balance_minor),
           array_agg(a.held_minor), array_agg(a.version),
           -- Now that nobody else posts to them: time does not go back within an account, not even
           -- when another host with another clock became the writer.
           greatest(clock_timestamp(), max(a.last_posted_at))
      INTO acc_id, acc_currency, acc_may_go_negative, acc_owner, acc_state, acc_balance,
           acc_held, acc_version, moment
      FROM (SELECT a.*
              FROM (SELECT DISTINCT id FROM unnest(ends) id) batch
              JOIN ledger.accounts a ON a.account_id = batch.id
             ORDER BY a.account_id
               FOR NO KEY UPDATE OF a) a;

    part_ids := ids;
    WHILE first <= n LOOP
        IF has_repeats THEN
            last := first;
            WHILE last < n AND (p[last]).linked LOOP
                last := last + 1;
            END LOOP;
            part       := p[first:last];
            part_ids   := ids[first:last];
            origins    := p_origin_ids[first:last];
            statuses   := statuses || verdict;
            verdict    := NULL;
            is_known   := NULL;
            chain      := NULL;
            place      := NULL;
            posted_ids := NULL;
            text_bytes := NULL;
            has_holds  := false;
        END IF;
        first := last + 1;

        -- 2. Decide, in order and in memory. These snapshots are newer than the locks.
        SELECT array_agg(t.transaction_id), array_agg(t) INTO known_ids, known
          FROM ledger.transactions t
         WHERE t.transaction_id = ANY (part_ids);
        IF known_ids IS NOT NULL THEN
            is_known := array_fill(false, ARRAY[cardinality(part)]);
        END IF;
        nothing        := array_fill(NULL::bigint, ARRAY[cardinality(part)]);
        debit_version  := nothing;
        debit_balance  := nothing;
        credit_version := nothing;
        credit_balance := nothing;
        old_held       := acc_held;
        old_version    := acc_version;
        IF targets IS NOT NULL THEN
            debit  := nothing;
            credit := nothing;
            amount := nothing;
            money  := array_fill(NULL::text, ARRAY[cardinality(part)]);
            -- Subqueries, not joins: each uses the key, also if it is planned while the tables are empty.
            SELECT array_agg(b.target), array_agg(b.hold), array_agg(b.is_reversed)
              INTO part_targets, part_holds, is_reversed
              FROM (SELECT (SELECT t FROM ledger.transactions t WHERE t.transaction_id = u.target_id) AS target,
                           (SELECT h FROM ledger.holds h WHERE h.hold_id = u.target_id) AS hold,
                           (SELECT true FROM ledger.transactions x
                             WHERE x.target_id = u.target_id AND x.kind = 'reversal'
                               AND x.state = 'posted') AS is_reversed
                      FROM unnest(part) WITH ORDINALITY u
                     ORDER BY u.ordinality) b;
        END IF;

        FOR i IN 1 .. cardinality(part) LOOP
            r := part[i];
            IF r.linked AND chain_from IS NULL THEN
                chain_from := i;
                chain_id := r.transaction_id;
                chain := coalesce(chain, array_fill(NULL::uuid, ARRAY[cardinality(part)]));
                place := coalesce(place, array_fill(NULL::int, ARRAY[cardinality(part)]));
                safe_balance := acc_balance;
                safe_held := acc_held;
                safe_version := acc_version;
                safe_old := old_held;
                safe_ids := posted_ids;
                safe_bytes := text_bytes;
            END IF;
            IF chain_from IS NOT NULL THEN
                chain[i] := chain_id;
                place[i] := i - chain_from;
            END IF;

            -- What follows from a target: accounts, currency and, if not given, the amount.
            IF r.target_id IS NULL THEN
                debit_id := r.debit_account;
                credit_id := r.credit_account;
                amt := r.amount_minor;
                unit := r.currency;
            ELSE
                target := part_targets[i];
                hold := part_holds[i];
                debit_id := CASE r.kind WHEN 'reversal' THEN target.credit_account ELSE target.debit_account END;
                credit_id := CASE r.kind WHEN 'reversal' THEN target.debit_account ELSE target.credit_account END;
                amt := coalesce(r.amount_minor, target.amount_minor);
                unit := target.currency;
            END IF;
            d := width_bucket(debit_id, acc_id);            -- binary search
            c := width_bucket(credit_id, acc_id);
            IF r.target_id IS NOT NULL AND target.state = 'posted'
               AND (acc_id[d] IS DISTINCT FROM debit_id OR acc_id[c] IS DISTINCT FROM credit_id) THEN
                RAISE EXCEPTION 'transaction % was posted after the accounts were locked', r.target_id
                    USING ERRCODE = 'serialization_failure';    -- the next try locks its accounts
            END IF;

            -- The rules in their order. Those that only some kinds need are apart: each expression
            -- costs its length once per call, evaluated or not.
            IF r.transaction_id = ANY (known_ids) THEN
                is_known[i] := true;
                old := known[array_position(known_ids, r.transaction_id)];
                v := CASE
                    WHEN old.kind IS DISTINCT FROM r.kind
                      OR old.target_id IS DISTINCT FROM r.target_id
                      OR (old.chain_id, old.chain_place, old.linked)
                         IS DISTINCT FROM (chain[i], place[i], r.linked)
                      OR old.expires_in_seconds IS DISTINCT FROM r.expires_in_seconds
                      OR old.reference IS DISTINCT FROM r.reference
                      OR old.metadata IS DISTINCT FROM r.metadata
                      -- A refused row holds what was sent, a posted one also what followed from it.
                      OR old.state = 'posted' AND r.target_id IS NOT NULL
                         AND old.amount_minor IS DISTINCT FROM amt
                      OR (old.state = 'refused' OR r.target_id IS NULL)
                         AND (old.debit_account, old.credit_account, old.amount_minor, old.currency)
                             IS DISTINCT FROM
                             (r.debit_account, r.credit_account, r.amount_minor, r.currency)
                    THEN 'conflict'
                    WHEN old.state = 'posted' THEN 'replayed'
                    ELSE old.reason END;
            ELSIF r.target_id IS NULL THEN
                v := CASE
                    WHEN num_nulls(r.transaction_id, r.kind, r.linked, r.path, r.is_operator, debit_id,
                                   credit_id, amt, unit) > 0
                      OR r.kind NOT IN ('transfer', 'hold') OR amt <= 0 OR debit_id = credit_id
                      OR (r.kind = 'hold') <> (r.expires_in_seconds IS NOT NULL) OR r.expires_in_seconds <= 0
                    THEN 'invalid' END;
            ELSE
                v := CASE
                    WHEN num_nulls(r.transaction_id, r.kind, r.linked, r.path, r.is_operator) > 0
                      OR r.kind NOT IN ('capture', 'void', 'reversal', 'expiry')
                      OR r.kind = 'expiry' AND r.path <> 'ledger'
                      OR num_nonnulls(r.debit_account, r.credit_account, r.currency, r.expires_in_seconds) > 0
                      OR r.kind <> 'capture' AND r.amount_minor IS NOT NULL OR r.amount_minor <= 0
                    THEN 'invalid'
                    WHEN target.transaction_id IS NULL
                    THEN 'transaction_not_found'
                    WHEN r.kind = 'reversal'
                     AND (target.state = 'refused' OR target.kind NOT IN ('transfer', 'capture'))
                    THEN 'not_reversible'
                    WHEN r.kind <> 'reversal' AND hold.hold_id IS NULL
                    THEN 'not_a_hold' END;
            END IF;
            IF v IS NULL THEN
                v := CASE
                    WHEN acc_id[d] IS DISTINCT FROM debit_id OR acc_id[c] IS DISTINCT FROM credit_id
                    THEN 'account_not_found'
                    WHEN NOT r.is_operator AND (acc_owner[d] = r.client_id) IS NOT TRUE
                    THEN 'forbidden'
                    WHEN acc_currency[d] <> unit OR acc_currency[c] <> unit
                    THEN 'currency_mismatch' END;
            END IF;
            IF v IS NULL AND r.target_id IS NOT NULL THEN
                v := CASE
                    WHEN r.kind = 'reversal' AND is_reversed[i]
                    THEN 'already_reversed'
                    WHEN r.kind <> 'reversal'
                     AND (hold.state <> 'pending'
                          OR r.kind = 'capture' AND hold.expires_at <= moment
                          OR r.kind = 'expiry' AND hold.expires_at > moment)
                    THEN 'hold_closed'
                    WHEN r.kind IN ('void', 'expiry')
                    THEN 'posted'
                    WHEN r.kind = 'capture' AND amt > hold.amount_minor
                    THEN 'amount_exceeds_hold' END;
            END IF;
            IF v IS NULL AND (acc_state[d] <> 'open' OR acc_state[c] <> 'open') THEN
                v := CASE WHEN acc_state[d] = 'closed' OR acc_state[c] = 'closed' THEN 'account_closed'
                          ELSE 'account_frozen' END;
            END IF;
            IF v IS NULL THEN
                -- What is held may be captured at any time: for the limit it is gone already.
                available := acc_balance[d] - acc_held[d];
                v := CASE
                    WHEN available < amt AND r.kind <> 'capture' AND NOT acc_may_go_negative[d]
                    THEN 'insufficient_funds'
                    WHEN available < amt - max_balance AND r.kind <> 'capture'
                      OR r.kind = 'hold' AND acc_held[d] > max_balance - amt
                      OR r.kind <> 'hold' AND acc_balance[c] > max_balance - amt
                    THEN 'balance_limit'
                    ELSE 'posted' END;
            END IF;
            verdict[i] := v;

            IF v = 'posted' THEN
                posted_ids := posted_ids || r.transaction_id;
                IF r.target_id IS NOT NULL THEN
                    debit[i] := debit_id;
                    credit[i] := credit_id;
                    amount[i] := amt;
                    money[i] := unit;
                END IF;
                IF num_nonnulls(r.reference, r.metadata) > 0 THEN
                    text_bytes := coalesce(text_bytes, 0) + coalesce(2 * octet_length(r.reference), 0)
                                  + coalesce(octet_length(r.metadata::text), 0);
                END IF;
                IF r.kind IN ('transfer', 'capture', 'reversal') THEN
                    acc_balance[d] := acc_balance[d] - amt;
                    acc_version[d] := acc_version[d] + 1;
                    acc_balance[c] := acc_balance[c] + amt;
                    acc_version[c] := acc_version[c] + 1;
                    debit_balance[i]  := acc_balance[d];
                    debit_version[i]  := acc_version[d];
                    credit_balance[i] := acc_balance[c];
                    credit_version[i] := acc_version[c];
                END IF;
                IF r.kind NOT IN ('transfer', 'reversal') THEN
                    acc_held[d] := acc_held[d] + CASE r.kind WHEN 'hold' THEN amt ELSE -hold.amount_minor END;
                    -- A release and a hold of the same amount: the numbers stay, the time does not.
                    old_held[d] := NULL;
                    has_holds := true;
                END IF;
            END IF;

            IF chain_from IS NOT NULL THEN
                CONTINUE WHEN r.linked AND i < cardinality(part);   -- it goes on
                -- It is one document: what is not recorded of one is recorded of none.
                verdicts := verdict[chain_from:i];
                v := CASE
                    WHEN r.linked OR has_repeats AND (      -- it has no end, or speaks of itself
                       SELECT count(k) > count(DISTINCT k)
                         FROM unnest(part) u, LATERAL (VALUES (u.transaction_id), (u.target_id)) keys(k))
                    THEN 'invalid'
                    WHEN 'conflict' = ANY (verdicts)        -- it was recorded as another chain
                      OR true = ANY (is_known[chain_from:i]) AND false = ANY (is_known[chain_from:i])
                    THEN 'conflict'
                    WHEN 'invalid' = ANY (verdicts) THEN 'invalid'
                    WHEN 'forbidden' = ANY (verdicts) THEN 'forbidden'
                    WHEN is_known[i] IS NOT TRUE AND 'posted' <> ANY (verdicts) THEN 'linked_refused' END;
                IF v IS NULL THEN
                    chain_from := NULL;
                    CONTINUE;
                END IF;
                acc_balance := safe_balance;
                acc_held := safe_held;
                acc_version := safe_version;
                old_held := safe_old;
                posted_ids := safe_ids;
                text_bytes := safe_bytes;
                FOR k IN chain_from .. i LOOP
                    IF v <> 'linked_refused' OR verdict[k] = 'posted' THEN
                        verdict[k] := v;
                        debit_version[k] := NULL;
                        credit_version[k] := NULL;
                        debit[k] := NULL;               -- of what is refused, only what was sent
                        credit[k] := NULL;
                        amount[k] := NULL;
                        money[k] := NULL;
                    END IF;
                END LOOP;
                chain_from := NULL;
            END IF;
        END LOOP;
        CONTINUE WHEN NOT false = ANY (is_known);           -- all of them are recorded already

        -- 3. Write what is new. The ids in their order: two batches with the same ids wait for each
        --    other, they cannot deadlock.
        INSERT INTO ledger.transactions (
            transaction_id, kind, state, reason, debit_account, credit_account, amount_minor,
            currency, debit_version, credit_version, target_id, chain_id, chain_place,
            linked, expires_in_seconds, reference, metadata, client_id, user_id, path, origin_id,
            posted_at)
        SELECT b.transaction_id, b.kind,
               CASE WHEN b.verdict = 'posted' THEN 'posted' ELSE 'refused' END,
               nullif(b.verdict, 'posted'),
               coalesce(b.debit, b.debit_account), coalesce(b.credit, b.credit_account),
               coalesce(b.amount, b.amount_minor), coalesce(b.money, b.currency),
               b.debit_version, b.credit_version,
               b.target_id, b.chain_id, b.chain_place, b.linked, b.expires_in_seconds, b.reference,
               b.metadata, b.client_id, b.user_id, b.path, origins[b.ordinality], moment
          FROM ROWS FROM (unnest(part), unnest(verdict, is_known, chain, place, debit, credit, amount,
                                               money, debit_version, credit_version))
               WITH ORDINALITY
            AS b(transaction_id, kind, debit_account, credit_account, amount_minor, currency, target_id,
                 expires_in_seconds, linked, reference, metadata, client_id, user_id, path, is_operator,
                 verdict, is_known, chain_id, chain_place, debit, credit, amount, money, debit_version,
                 credit_version, ordinality)
         WHERE b.is_known IS NOT TRUE AND b.verdict NOT IN ('invalid', 'conflict', 'forbidden')
           AND (b.verdict = 'posted' OR b.kind <> 'expiry')
         ORDER BY b.transaction_id;

        INSERT INTO ledger.entries (account_id, account_version, transaction_id, amount_minor,
                                    balance_after_minor)
        SELECT e.*
          FROM ROWS FROM (unnest(part), unnest(debit, credit, amount, debit_version, debit_balance,
                                               credit_version, credit_balance))
            AS b(transaction_id, kind, debit_account, credit_account, amount_minor, currency, target_id,
                 expires_in_seconds, linked, reference, metadata, client_id, user_id, path, is_operator,
                 debit, credit, amount, debit_version, debit_balance, credit_version, credit_balance),
               LATERAL (VALUES (coalesce(b.debit, b.debit_account), b.debit_version, b.transaction_id,
                                -coalesce(b.amount, b.amount_minor), b.debit_balance),
                               (coalesce(b.credit, b.credit_account), b.credit_version, b.transaction_id,
                                coalesce(b.amount, b.amount_minor), b.credit_balance)) e
         WHERE b.debit_version IS NOT NULL;

        UPDATE ledger.accounts a
           SET balance_minor = u.balance_minor, held_minor = u.held_minor, version = u.version,
               last_posted_at = moment
          FROM unnest(acc_id, acc_balance, acc_held, acc_version, old_held, old_version)
            AS u(account_id, balance_minor, held_minor, version, old_held, old_version)
         WHERE a.account_id = u.account_id
           AND (u.version <> u.old_version OR u.held_minor IS DISTINCT FROM u.old_held);

        IF has_holds THEN
            INSERT INTO ledger.holds (hold_id, debit_account, credit_account, amount_minor, currency,
                                      posted_at, expires_at)
            SELECT b.transaction_id, b.debit_account, b.credit_account, b.amount_minor, b.currency,
                   moment, moment + make_interval(secs => b.expires_in_seconds)
              FROM ROWS FROM (unnest(part), unnest(verdict))
                AS b(transaction_id, kind, debit_account, credit_account, amount_minor, currency,
                     target_id, expires_in_seconds, linked, reference, metadata, client_id, user_id,
                     path, is_operator, verdict)
             WHERE b.verdict = 'posted' AND b.kind = 'hold';
            UPDATE ledger.holds h
               SET closed_by = b.transaction_id,
                   state = CASE b.kind WHEN 'capture' THEN 'captured' WHEN 'void' THEN 'voided'
                                       ELSE 'expired' END
              FROM ROWS FROM (unnest(part), unnest(verdict))
                AS b(transaction_id, kind, debit_account, credit_account, amount_minor, currency,
                     target_id, expires_in_seconds, linked, reference, metadata, client_id, user_id,
                     path, is_operator, verdict)
             WHERE b.verdict = 'posted' AND b.kind IN ('capture', 'void', 'expiry')
               AND h.hold_id = b.target_id;
        END IF;

        -- One message for what was posted together, or several if one would be too large.
        posted_bytes := record_bytes * cardinality(posted_ids) + coalesce(text_bytes, 0);
        IF p_to_old_outbox THEN
            INSERT INTO ledger.outbox (transaction_ids, created_at)
            SELECT posted_ids, moment WHERE posted_ids IS NOT NULL;
        ELSIF posted_bytes <= message_bytes THEN
            INSERT INTO ledger.outbox_v2 (transaction_ids, bytes_max, created_at)
            VALUES (posted_ids, posted_bytes, moment);
        ELSIF posted_bytes > message_bytes THEN
            INSERT INTO ledger.outbox_v2 (transaction_ids, bytes_max, created_at)
            SELECT array_agg(s.id ORDER BY s.place), sum(s.bytes), moment
              FROM (SELECT b.id, b.place, b.bytes,
                           (sum(b.bytes) OVER (ORDER BY b.place) - b.bytes) / message_bytes AS message
                      FROM (SELECT u.transaction_id AS id, w.place,
                                   record_bytes + coalesce(2 * octet_length(u.reference), 0)
                                   + coalesce(octet_length(u.metadata::text), 0) AS bytes
                              FROM unnest(posted_ids) WITH ORDINALITY w(id, place)
                              JOIN unnest(part) u ON u.transaction_id = w.id) b) s
             GROUP BY s.message
             ORDER BY s.message;
        END IF;
    END LOOP;

    RETURN QUERY SELECT s.ord, s.id, s.verdict
                   FROM unnest(ids, statuses || verdict) WITH ORDINALITY AS s(id, verdict, ord);
END $$;

-- What tasks of the version before call: nothing but the origins is missing.
CREATE OR REPLACE FUNCTION ledger.post_transactions_v2(
    p               ledger.submitted_v2[],
    p_lock_wait_ms  integer,
    p_to_old_outbox boolean DEFAULT false
) RETURNS TABLE (ordinal bigint, transaction_id uuid, status text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM ledger.post_transactions_v3(p, p_lock_wait_ms, NULL, p_to_old_outbox);
END $$;

GRANT CREATE ON SCHEMA ledger TO ledger_owner;
ALTER FUNCTION ledger.trace_text(uuid) OWNER TO ledger_owner;
ALTER FUNCTION ledger.post_transactions_v3(ledger.submitted_v2[], integer, uuid[], boolean) OWNER TO ledger_owner;
REVOKE CREATE ON SCHEMA ledger FROM ledger_owner;
REVOKE ALL ON FUNCTION ledger.trace_text(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.post_transactions_v3(ledger.submitted_v2[], integer, uuid[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.post_transactions_v3(ledger.submitted_v2[], integer, uuid[], boolean)
    TO ledger_service, ledger_processor;
GRANT EXECUTE ON FUNCTION ledger.trace_text(uuid) TO ledger_service, ledger_auditor;
