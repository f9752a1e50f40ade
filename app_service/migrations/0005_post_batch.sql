-- The only writer of money: posts up to 1000 transactions in one round trip, one commit flush, one
-- lock and one UPDATE per account. Each transaction gets its own status; none fails its neighbours,
-- except those of its chain. docs/ledger.md is the contract.

-- One transaction as a client sends it, and who sends it. A new field makes a new type and a new
-- function beside these (docs/adding-a-field.md).
CREATE TYPE ledger.submitted_v2 AS (
    transaction_id     uuid,
    kind               text,
    debit_account      bigint,
    credit_account     bigint,
    amount_minor       bigint,
    currency           text,
    target_id          uuid,
    expires_in_seconds integer,
    linked             boolean,      -- posts only together with the next one
    reference          text,
    metadata           jsonb,
    client_id          text,
    user_id            text,
    path               text,
    is_operator        boolean       -- may debit accounts of other clients
);

-- Posts in array order, with the verdicts that as many single calls would give.
-- p_lock_wait_ms: how long to wait for the lock of an account; then 55P03 and nothing is written.
-- p_to_old_outbox: the caller is a task of the version before, which sends that table.
-- Call under READ COMMITTED, once per database transaction. Safe to repeat: repeat the whole call on
-- 40001, 40P01 and 23505 (one id used concurrently for different accounts), and when its answer was lost.
-- Whether an id or a target comes more than once.
CREATE FUNCTION ledger.repeats_a_key(p ledger.submitted_v2[]) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(key) > count(DISTINCT key)
      FROM unnest(p) u, LATERAL (VALUES (u.transaction_id), (u.target_id)) keys(key)
$$;

CREATE FUNCTION ledger.post_batch(p ledger.submitted_v2[], p_lock_wait_ms integer, p_to_old_outbox boolean)
RETURNS TABLE (ordinal bigint, transaction_id uuid, status text)
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
    has_targets boolean;
    has_repeats boolean := false;
    first       int := 1;
    last        int;
    part        ledger.submitted_v2[];
    size        int;
    old_held    bigint[];
    old_version bigint[];
    statuses    text[] := '{}';

    -- Outcomes of the part, by place.
    verdict        text[];
    is_new         boolean[];
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

    -- The chain that the loop is in, and the accounts as they were before it.
    chain_from   int;
    chain_id     uuid;
    verdicts     text[];
    safe_balance bigint[];
    safe_held    bigint[];
    safe_version bigint[];

    r   record;
    v   text;
    i   int;
    amt bigint;
    d   int;
    c   int;
BEGIN
    -- Whole dimensions, not a length: an array may start at another index than 1.
    IF num_nulls(p, p_lock_wait_ms, p_to_old_outbox) > 0
       OR array_dims(p) <> format('[1:%s]', n) OR array_position(p, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'posting needs one plain array without nulls'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF n > 1000 THEN
        RAISE EXCEPTION 'posting takes at most 1000 transactions, got %', n
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM set_config('lock_timeout', greatest(p_lock_wait_ms, 1)::text, true);

    SELECT count(u.target_id) > 0 INTO has_targets FROM unnest(p) u;
    IF n > 1 THEN
        has_repeats := ledger.repeats_a_key(p);
    END IF;

    -- 1. Lock the accounts in id order: batches queue up, they cannot deadlock.
    --    A join, not "= ANY (array)": after a lock wait PostgreSQL re-checks each
    --    changed row, and would sort the whole array again every time.
    --    The accounts of a target never change: they may be read before the locks.
    SELECT array_agg(a.account_id), array_agg(a.currency), array_agg(a.may_go_negative),
           array_agg(a.owner), array_agg(a.state), array_agg(a.balance_minor),
           array_agg(a.held_minor), array_agg(a.version), max(a.last_posted_at)
      INTO acc_id, acc_currency, acc_may_go_negative, acc_owner, acc_state, acc_balance,
           acc_held, acc_version, moment
      FROM (SELECT a.*
              FROM (SELECT u.debit_account AS id FROM unnest(p) u
                     UNION
                    SELECT u.credit_account FROM unnest(p) u
                     UNION
                    SELECT ends.id
                      FROM unnest(p) u
                      JOIN ledger.transactions t ON has_targets AND t.transaction_id = u.target_id,
                           LATERAL (VALUES (t.debit_account), (t.credit_account)) ends(id)) batch
              JOIN ledger.accounts a ON a.account_id = batch.id
             ORDER BY a.account_id
               FOR NO KEY UPDATE OF a) a;
    -- Now that nobody else posts to them: time does not go back within an account, not even when
    -- another host with another clock became the writer.
    moment := greatest(clock_timestamp(), moment);

    WHILE first <= n LOOP
        IF has_repeats THEN
            last := first;
            WHILE last < n AND (p[last]).linked LOOP
                last := last + 1;
            END LOOP;
            part := p[first:last];
        ELSE
            last := n;
            part := p;
        END IF;
        size := last - first + 1;
        first := last + 1;

        -- 2. Decide, in order and in memory. The snapshot of this query is newer than the locks.
        verdict        := array_fill(NULL::text, ARRAY[size]);
        money          := verdict;
        is_new         := array_fill(false, ARRAY[size]);
        chain          := array_fill(NULL::uuid, ARRAY[size]);
        place          := array_fill(NULL::int, ARRAY[size]);
        debit          := array_fill(NULL::bigint, ARRAY[size]);
        credit         := debit;
        amount         := debit;
        debit_version  := debit;
        debit_balance  := debit;
        credit_version := debit;
        credit_balance := debit;
        old_held       := acc_held;
        old_version    := acc_version;
        chain_from     := NULL;

        FOR r IN
            SELECT u.*,
                   t.state AS old_state, t.reason AS old_reason, t.kind AS old_kind,
                   t.debit_account AS old_debit, t.credit_account AS old_credit,
                   t.amount_minor AS old_amount, t.currency AS old_currency,
                   t.target_id AS old_target, t.chain_id AS old_chain,
                   t.chain_place AS old_place, t.linked AS old_linked,
                   t.expires_in_seconds AS old_expires, t.reference AS old_reference,
                   t.metadata AS old_metadata,
                   o.state AS target_state, o.kind AS target_kind, o.debit_account AS target_debit,
                   o.credit_account AS target_credit, o.amount_minor AS target_amount,
                   o.currency AS target_currency,
                   h.state AS hold_state, h.expires_at AS hold_expires_at
              FROM unnest(part) WITH ORDINALITY
                   AS u(transaction_id, kind, debit_account, credit_account, amount_minor, currency,
                        target_id, expires_in_seconds, linked, reference, metadata, client_id,
                        user_id, path, is_operator, place)
              LEFT JOIN ledger.transactions t ON t.transaction_id = u.transaction_id
              LEFT JOIN ledger.transactions o ON has_targets AND o.transaction_id = u.target_id
              LEFT JOIN ledger.holds h ON has_targets AND h.hold_id = u.target_id
             ORDER BY u.place
        LOOP
            i := r.place;
            IF r.linked AND chain_from IS NULL THEN
                chain_from := i;
                chain_id := r.transaction_id;
                safe_balance := acc_balance;
                safe_held := acc_held;
                safe_version := acc_version;
            END IF;
            IF chain_from IS NOT NULL THEN
                chain[i] := chain_id;
                place[i] := i - chain_from;
            END IF;

            -- What follows from a target: accounts, currency and, if not given, the amount.
            IF r.target_id IS NULL THEN
                debit[i] := r.debit_account;
                credit[i] := r.credit_account;
                amount[i] := r.amount_minor;
                money[i] := r.currency;
            ELSE
                debit[i] := CASE r.kind WHEN 'reversal' THEN r.target_credit ELSE r.target_debit END;
                credit[i] := CASE r.kind WHEN 'reversal' THEN r.target_debit ELSE r.target_credit END;
                amount[i] := coalesce(r.amount_minor, r.target_amount);
                money[i] := r.target_currency;
            END IF;
            amt := amount[i];
            d := width_bucket(debit[i], acc_id);            -- binary search
            c := width_bucket(credit[i], acc_id);
            is_new[i] := r.old_state IS NULL;
            -- Its target was committed after the accounts were locked: the next try locks these too.
            IF r.target_state = 'posted' AND (acc_id[d] IS DISTINCT FROM debit[i]
                                              OR acc_id[c] IS DISTINCT FROM credit[i]) THEN
                RAISE EXCEPTION 'transaction % was posted while its accounts were not locked', r.target_id
                    USING ERRCODE = 'serialization_failure';
            END IF;

            IF NOT is_new[i] THEN
                v := CASE
                    WHEN r.old_kind IS DISTINCT FROM r.kind
                      OR r.old_target IS DISTINCT FROM r.target_id
                      OR (r.old_chain, r.old_place, r.old_linked)
                         IS DISTINCT FROM (chain[i], place[i], r.linked)
                      OR r.old_expires IS DISTINCT FROM r.expires_in_seconds
                      OR r.old_reference IS DISTINCT FROM r.reference
                      OR r.old_metadata IS DISTINCT FROM r.metadata
                      -- A refused row holds what was sent, a posted one what followed from it.
                      OR r.old_state = 'refused'
                         AND (r.old_debit, r.old_credit, r.old_amount, r.old_currency) IS DISTINCT FROM
                             (r.debit_account, r.credit_account, r.amount_minor, r.currency)
                      OR r.old_state = 'posted'
                         AND (r.old_debit, r.old_credit, r.old_amount, r.old_currency) IS DISTINCT FROM
                             (debit[i], credit[i], amt, money[i])
                    THEN 'conflict'
                    WHEN r.old_state = 'posted' THEN 'replayed'
                    ELSE r.old_reason END;
            ELSIF num_nulls(r.transaction_id, r.kind, r.linked, r.path, r.is_operator) > 0
               OR r.amount_minor <= 0
               OR (r.kind = 'hold') <> (r.expires_in_seconds IS NOT NULL)
               OR (CASE
                    WHEN r.kind IN ('transfer', 'hold') THEN
                        num_nulls(r.debit_account, r.credit_account, r.amount_minor, r.currency) > 0
                        OR r.target_id IS NOT NULL OR r.debit_account = r.credit_account
                        OR r.expires_in_seconds <= 0
                    WHEN r.kind IN ('capture', 'void', 'reversal')
                      OR r.kind = 'expiry' AND r.path = 'ledger' THEN
                        r.target_id IS NULL
                        OR num_nonnulls(r.debit_account, r.credit_account, r.currency) > 0
                        OR r.kind <> 'capture' AND r.amount_minor IS NOT NULL
                    ELSE true END) THEN
                v := 'invalid';
            ELSIF r.target_id IS NOT NULL AND r.target_state IS NULL THEN
                v := 'transaction_not_found';
            ELSIF r.kind = 'reversal'
              AND (r.target_state = 'refused' OR r.target_kind NOT IN ('transfer', 'capture')) THEN
                v := 'not_reversible';
            ELSIF r.kind IN ('capture', 'void', 'expiry') AND r.hold_state IS NULL THEN
                v := 'not_a_hold';
            ELSIF acc_id[d] IS DISTINCT FROM debit[i] OR acc_id[c] IS DISTINCT FROM credit[i] THEN
                v := 'account_not_found';
            ELSIF NOT r.is_operator AND (acc_owner[d] = r.client_id) IS NOT TRUE THEN
                v := 'forbidden';
            ELSIF acc_currency[d] <> money[i] OR acc_currency[c] <> money[i] THEN
                v := 'currency_mismatch';
            ELSIF r.kind = 'reversal' AND EXISTS (
                      SELECT FROM ledger.transactions b
                       WHERE b.target_id = r.target_id AND b.kind = 'reversal' AND b.state = 'posted') THEN
                v := 'already_reversed';
            ELSIF r.hold_state <> 'pending'
               OR r.kind = 'capture' AND r.hold_expires_at <= moment
               OR r.kind = 'expiry' AND r.hold_expires_at > moment THEN
                v := 'hold_closed';
            ELSIF r.kind IN ('void', 'expiry') THEN
                v := 'posted';
            ELSIF r.kind = 'capture' AND amt > r.target_amount THEN
                v := 'amount_exceeds_hold';
            ELSIF acc_state[d] = 'closed' OR acc_state[c] = 'closed' THEN
                v := 'account_closed';
            ELSIF acc_state[d] = 'frozen' OR acc_state[c] = 'frozen' THEN
                v := 'account_frozen';
            ELSIF r.kind <> 'capture' AND NOT acc_may_go_negative[d]
              AND acc_balance[d] - acc_held[d] < amt THEN
                v := 'insufficient_funds';
            -- What is held may be captured at any time: for the limit it is gone already.
            ELSIF r.kind <> 'capture' AND acc_balance[d] - acc_held[d] < amt - max_balance
               OR r.kind = 'hold' AND acc_held[d] > max_balance - amt
               OR r.kind <> 'hold' AND acc_balance[c] > max_balance - amt THEN
                v := 'balance_limit';
            ELSE
                v := 'posted';
            END IF;
            verdict[i] := v;

            IF v = 'posted' THEN
                IF r.kind = 'hold' THEN
                    acc_held[d] := acc_held[d] + amt;
                ELSIF r.hold_state IS NOT NULL AND r.kind <> 'reversal' THEN
                    acc_held[d] := acc_held[d] - r.target_amount;
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
            END IF;

            IF chain_from IS NOT NULL THEN
                IF r.linked AND i < size THEN
                    CONTINUE;                               -- it goes on
                END IF;
                -- A chain is one document: what is not recorded of one is recorded of none.
                verdicts := verdict[chain_from:i];
                v := CASE
                    -- It has no end, or speaks of itself.
                    WHEN r.linked OR has_repeats AND ledger.repeats_a_key(part) THEN 'invalid'
                    WHEN 'conflict' = ANY (verdicts)
                      OR true = ANY (is_new[chain_from:i]) AND false = ANY (is_new[chain_from:i])
                    THEN 'conflict'
                    WHEN 'invalid' = ANY (verdicts) THEN 'invalid'
                    WHEN 'forbidden' = ANY (verdicts) THEN 'forbidden'
                    WHEN is_new[i] AND 'posted' <> ANY (verdicts) THEN 'linked_refused' END;
                IF v IS NOT NULL THEN
                    acc_balance := safe_balance;
                    acc_held := safe_held;
                    acc_version := safe_version;
                    FOR i IN chain_from .. r.place LOOP
                        IF v <> 'linked_refused' OR verdict[i] = 'posted' THEN
                            verdict[i] := v;
                        END IF;
                    END LOOP;
                END IF;
                chain_from := NULL;
            END IF;
        END LOOP;
        statuses := statuses || verdict;

        -- 3. Write what is new, in one statement. The ids in their order: two batches with the same
        --    ids wait for each other, they cannot deadlock.
        CONTINUE WHEN NOT true = ANY (is_new);
        WITH batch AS MATERIALIZED (
            SELECT *, b.verdict = 'posted' AND b.kind IN ('transfer', 'capture', 'reversal') AS moves
              FROM ROWS FROM (unnest(part), unnest(verdict, is_new, chain, place, debit, credit, amount,
                                                   money, debit_version, debit_balance, credit_version,
                                                   credit_balance)) WITH ORDINALITY
                AS b(id, kind, sent_debit, sent_credit, sent_amount, sent_currency, target_id,
                     expires_in_seconds, linked, reference, metadata, client_id, user_id, path,
                     is_operator, verdict, is_new, chain_id, chain_place, debit, credit, amount,
                     currency, debit_version, debit_balance, credit_version, credit_balance, place)
             WHERE b.is_new AND b.verdict NOT IN ('invalid', 'conflict', 'forbidden')
               AND (b.verdict = 'posted' OR b.kind <> 'expiry')
        ), new_transactions AS (
            INSERT INTO ledger.transactions (
                transaction_id, kind, state, reason, debit_account, credit_account, amount_minor,
                currency, debit_version, credit_version, target_id, chain_id, chain_place,
                linked, expires_in_seconds, reference, metadata, client_id, user_id, path, posted_at)
            SELECT id, kind, 'posted', NULL, debit, credit, amount, currency,
                   CASE WHEN moves THEN debit_version END, CASE WHEN moves THEN credit_version END,
                   target_id, chain_id, chain_place, linked, expires_in_seconds, reference, metadata,
                   client_id, user_id, path, moment
              FROM batch
             WHERE verdict = 'posted'
             UNION ALL
            SELECT id, kind, 'refused', verdict, sent_debit, sent_credit, sent_amount, sent_currency,
                   NULL, NULL, target_id, chain_id, chain_place, linked, expires_in_seconds, reference,
                   metadata, client_id, user_id, path, moment
              FROM batch
             WHERE verdict <> 'posted'
             ORDER BY 1
        ), new_entries AS (
            INSERT INTO ledger.entries (account_id, account_version, transaction_id, amount_minor,
                                        balance_after_minor)
            SELECT debit, debit_version, id, -amount, debit_balance FROM batch WHERE moves
             UNION ALL
            SELECT credit, credit_version, id, amount, credit_balance FROM batch WHERE moves
        ), new_holds AS (
            INSERT INTO ledger.holds (hold_id, debit_account, credit_account, amount_minor, currency,
                                      expires_at)
            SELECT id, debit, credit, amount, currency, moment + make_interval(secs => expires_in_seconds)
              FROM batch
             WHERE verdict = 'posted' AND kind = 'hold'
             ORDER BY 1
        ), closed_holds AS (
            UPDATE ledger.holds h
               SET closed_by = b.id,
                   state = CASE b.kind WHEN 'capture' THEN 'captured' WHEN 'void' THEN 'voided'
                                       ELSE 'expired' END
              FROM batch b
             WHERE b.verdict = 'posted' AND b.kind IN ('capture', 'void', 'expiry')
               AND h.hold_id = b.target_id
        ), messages AS (
            SELECT array_agg(id ORDER BY place) AS ids, sum(bytes) AS bytes
              FROM (SELECT id, place, bytes,
                           (sum(bytes) OVER (ORDER BY place) - bytes) / message_bytes AS message
                      FROM (SELECT id, place, record_bytes + 2 * coalesce(octet_length(reference), 0)
                                   + coalesce(octet_length(metadata::text), 0) AS bytes
                              FROM batch
                             WHERE verdict = 'posted') sized) split
             GROUP BY message
             ORDER BY message
        ), new_messages AS (
            INSERT INTO ledger.outbox_v2 (transaction_ids, bytes_max, created_at)
            SELECT ids, bytes, moment FROM messages WHERE NOT p_to_old_outbox
        ), old_messages AS (
            INSERT INTO ledger.outbox (transaction_ids, created_at)
            SELECT ids, moment FROM messages WHERE p_to_old_outbox
        )
        UPDATE ledger.accounts a
           SET balance_minor = u.balance_minor, held_minor = u.held_minor, version = u.version,
               last_posted_at = moment
          FROM unnest(acc_id, acc_balance, acc_held, acc_version, old_held, old_version)
            AS u(account_id, balance_minor, held_minor, version, old_held, old_version)
         WHERE a.account_id = u.account_id
           AND (u.version <> u.old_version OR u.held_minor <> u.old_held);
    END LOOP;

    RETURN QUERY SELECT s.ord, (p[s.ord]).transaction_id, s.verdict
                   FROM unnest(statuses) WITH ORDINALITY AS s(verdict, ord);
END $$;
