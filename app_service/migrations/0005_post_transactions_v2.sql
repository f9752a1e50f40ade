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
CREATE FUNCTION ledger.post_transactions_v2(
    p               ledger.submitted_v2[],
    p_lock_wait_ms  integer,
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
    target_ends bigint[];                         -- their accounts

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
    has_repeats boolean := false;
    first       int := 1;
    last        int;
    part        ledger.submitted_v2[] := p;
    size        int := n;
    old_held    bigint[];
    old_version bigint[];
    statuses    text[] := '{}';

    -- Outcomes of the part, by place. Of accounts, amount and currency only what follows from a target.
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
    posted_ids     uuid[];
    posted_bytes   bigint;
    has_holds      boolean;

    -- The chain that the loop is in, and what was before it.
    chain_from   int;
    chain_id     uuid;
    verdicts     text[];
    safe_balance bigint[];
    safe_held    bigint[];
    safe_version bigint[];
    safe_ids     uuid[];
    safe_bytes   bigint;

    -- One transaction: as sent, as recorded before, its target, and its hold.
    known_ids uuid[];                             -- those of the part that were recorded before
    r         record;
    old       ledger.transactions;
    target    ledger.transactions;
    hold      ledger.holds;
    v         text;
    i         int;
    amt       bigint;
    d         int;
    c         int;
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

    SELECT array_agg(u.transaction_id), array_agg(u.target_id) FILTER (WHERE u.target_id IS NOT NULL)
      INTO ids, targets
      FROM unnest(p) u;
    IF n > 1 THEN
        has_repeats := cardinality(ids || targets) > (SELECT count(DISTINCT k) FROM unnest(ids || targets) k);
    END IF;
    IF targets IS NOT NULL THEN                             -- they never change: no lock is needed
        SELECT array_agg(ends.id) INTO target_ends
          FROM ledger.transactions t, LATERAL (VALUES (t.debit_account), (t.credit_account)) ends(id)
         WHERE t.transaction_id = ANY (targets);
    END IF;

    -- 1. Lock the accounts in id order: batches queue up, they cannot deadlock.
    --    A join, not "= ANY (array)": after a lock wait PostgreSQL re-checks each
    --    changed row, and would sort the whole array again every time.
    SELECT array_agg(a.account_id), array_agg(a.currency), array_agg(a.may_go_negative),
           array_agg(a.owner), array_agg(a.state), array_agg(a.balance_minor),
           array_agg(a.held_minor), array_agg(a.version), max(a.last_posted_at)
      INTO acc_id, acc_currency, acc_may_go_negative, acc_owner, acc_state, acc_balance,
           acc_held, acc_version, moment
      FROM (SELECT a.*
              FROM (SELECT ends.id
                      FROM unnest(p) u, LATERAL (VALUES (u.debit_account), (u.credit_account)) ends(id)
                     UNION
                    SELECT unnest(target_ends)) batch
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
            size := last - first + 1;
        END IF;

        -- 2. Decide, in order and in memory. These snapshots are newer than the locks.
        known_ids := (SELECT array_agg(t.transaction_id) FROM ledger.transactions t
                       WHERE t.transaction_id = ANY (ids[first : first + size - 1]));
        first := first + size;
        verdict        := array_fill(NULL::text, ARRAY[size]);
        money          := verdict;
        is_new         := array_fill(true, ARRAY[size]);
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
        posted_ids     := '{}';
        posted_bytes   := 0;
        has_holds      := false;
        chain_from     := NULL;

        FOR r IN
            SELECT u.*
              FROM unnest(part) WITH ORDINALITY
                   AS u(transaction_id, kind, debit_account, credit_account, amount_minor, currency,
                        target_id, expires_in_seconds, linked, reference, metadata, client_id,
                        user_id, path, is_operator, place)
        LOOP
            i := r.place;
            IF r.linked AND chain_from IS NULL THEN
                chain_from := i;
                chain_id := r.transaction_id;
                safe_balance := acc_balance;
                safe_held := acc_held;
                safe_version := acc_version;
                safe_ids := posted_ids;
                safe_bytes := posted_bytes;
            END IF;
            IF chain_from IS NOT NULL THEN
                chain[i] := chain_id;
                place[i] := i - chain_from;
            END IF;

            -- What follows from a target: accounts, currency and, if not given, the amount.
            IF r.target_id IS NULL THEN
                amt := r.amount_minor;
                d := width_bucket(r.debit_account, acc_id);          -- binary search
                c := width_bucket(r.credit_account, acc_id);
            ELSE
                SELECT * INTO target FROM ledger.transactions t WHERE t.transaction_id = r.target_id;
                SELECT * INTO hold FROM ledger.holds h WHERE h.hold_id = r.target_id;
                debit[i] := CASE r.kind WHEN 'reversal' THEN target.credit_account ELSE target.debit_account END;
                credit[i] := CASE r.kind WHEN 'reversal' THEN target.debit_account ELSE target.credit_account END;
                amount[i] := coalesce(r.amount_minor, target.amount_minor);
                money[i] := target.currency;
                amt := amount[i];
                d := width_bucket(debit[i], acc_id);
                c := width_bucket(credit[i], acc_id);
                IF target.state = 'posted' AND (acc_id[d] IS DISTINCT FROM debit[i]
                                                OR acc_id[c] IS DISTINCT FROM credit[i]) THEN
                    RAISE EXCEPTION 'transaction % was posted after the accounts were locked', r.target_id
                        USING ERRCODE = 'serialization_failure';    -- the next try locks its accounts
                END IF;
            END IF;

            IF r.transaction_id = ANY (known_ids) THEN
                is_new[i] := false;
                SELECT * INTO old FROM ledger.transactions t WHERE t.transaction_id = r.transaction_id;
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
            ELSIF r.target_id IS NOT NULL AND target.transaction_id IS NULL THEN
                v := 'transaction_not_found';
            ELSIF r.kind = 'reversal'
              AND (target.state = 'refused' OR target.kind NOT IN ('transfer', 'capture')) THEN
                v := 'not_reversible';
            ELSIF r.kind IN ('capture', 'void', 'expiry') AND hold.hold_id IS NULL THEN
                v := 'not_a_hold';
            ELSIF acc_id[d] IS DISTINCT FROM coalesce(debit[i], r.debit_account)
               OR acc_id[c] IS DISTINCT FROM coalesce(credit[i], r.credit_account) THEN
                v := 'account_not_found';
            ELSIF NOT r.is_operator AND (acc_owner[d] = r.client_id) IS NOT TRUE THEN
                v := 'forbidden';
            ELSIF acc_currency[d] <> coalesce(money[i], r.currency)
               OR acc_currency[c] <> coalesce(money[i], r.currency) THEN
                v := 'currency_mismatch';
            ELSIF r.kind = 'reversal' AND EXISTS (
                      SELECT FROM ledger.transactions b
                       WHERE b.target_id = r.target_id AND b.kind = 'reversal' AND b.state = 'posted') THEN
                v := 'already_reversed';
            ELSIF r.kind IN ('capture', 'void', 'expiry')
              AND (hold.state <> 'pending'
                   OR r.kind = 'capture' AND hold.expires_at <= moment
                   OR r.kind = 'expiry' AND hold.expires_at > moment) THEN
                v := 'hold_closed';
            ELSIF r.kind IN ('void', 'expiry') THEN
                v := 'posted';
            ELSIF r.kind = 'capture' AND amt > hold.amount_minor THEN
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
                posted_ids := posted_ids || r.transaction_id;
                posted_bytes := posted_bytes + record_bytes + coalesce(2 * octet_length(r.reference), 0)
                                + coalesce(octet_length(r.metadata::text), 0);
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
                IF r.kind = 'hold' THEN
                    acc_held[d] := acc_held[d] + amt;
                    has_holds := true;
                ELSIF r.kind IN ('capture', 'void', 'expiry') THEN
                    acc_held[d] := acc_held[d] - hold.amount_minor;
                    has_holds := true;
                END IF;
            END IF;

            IF chain_from IS NOT NULL THEN
                CONTINUE WHEN r.linked AND i < size;        -- it goes on
                -- It is one document: what is not recorded of one is recorded of none.
                verdicts := verdict[chain_from:i];
                v := CASE
                    WHEN r.linked OR has_repeats AND (      -- it has no end, or speaks of itself
                       SELECT count(k) > count(DISTINCT k)
                         FROM unnest(part) u, LATERAL (VALUES (u.transaction_id), (u.target_id)) keys(k))
                    THEN 'invalid'
                    WHEN 'conflict' = ANY (verdicts)        -- it was recorded as another chain
                      OR true = ANY (is_new[chain_from:i]) AND false = ANY (is_new[chain_from:i])
                    THEN 'conflict'
                    WHEN 'invalid' = ANY (verdicts) THEN 'invalid'
                    WHEN 'forbidden' = ANY (verdicts) THEN 'forbidden'
                    WHEN is_new[i] AND 'posted' <> ANY (verdicts) THEN 'linked_refused' END;
                IF v IS NULL THEN
                    chain_from := NULL;
                    CONTINUE;
                END IF;
                acc_balance := safe_balance;
                acc_held := safe_held;
                acc_version := safe_version;
                posted_ids := safe_ids;
                posted_bytes := safe_bytes;
                FOR i IN chain_from .. r.place LOOP
                    IF v <> 'linked_refused' OR verdict[i] = 'posted' THEN
                        verdict[i] := v;
                    END IF;
                END LOOP;
                chain_from := NULL;
            END IF;
        END LOOP;
        statuses := statuses || verdict;
        CONTINUE WHEN NOT true = ANY (is_new);

        -- 3. Write what is new. The ids in their order: two batches with the same ids wait for each
        --    other, they cannot deadlock.
        WITH batch AS MATERIALIZED (
            SELECT b.*, b.verdict = 'posted' AS posts,
                   b.verdict = 'posted' AND b.kind IN ('transfer', 'capture', 'reversal') AS moves,
                   coalesce(b.debit, b.sent_debit) AS debit_account,
                   coalesce(b.credit, b.sent_credit) AS credit_account,
                   coalesce(b.amount, b.sent_amount) AS amount_minor
              FROM ROWS FROM (unnest(part), unnest(verdict, is_new, chain, place, debit, credit, amount,
                                                   money, debit_version, debit_balance, credit_version,
                                                   credit_balance))
                AS b(id, kind, sent_debit, sent_credit, sent_amount, sent_currency, target_id,
                     expires_in_seconds, linked, reference, metadata, client_id, user_id, path,
                     is_operator, verdict, is_new, chain_id, chain_place, debit, credit, amount,
                     currency, debit_version, debit_balance, credit_version, credit_balance)
             WHERE b.is_new AND b.verdict NOT IN ('invalid', 'conflict', 'forbidden')
               AND (b.verdict = 'posted' OR b.kind <> 'expiry')
        ), new_transactions AS (
            INSERT INTO ledger.transactions (
                transaction_id, kind, state, reason, debit_account, credit_account, amount_minor,
                currency, debit_version, credit_version, target_id, chain_id, chain_place,
                linked, expires_in_seconds, reference, metadata, client_id, user_id, path, posted_at)
            SELECT id, kind,
                   CASE WHEN posts THEN 'posted' ELSE 'refused' END,
                   CASE WHEN NOT posts THEN verdict END,
                   CASE WHEN posts THEN debit_account ELSE sent_debit END,
                   CASE WHEN posts THEN credit_account ELSE sent_credit END,
                   CASE WHEN posts THEN amount_minor ELSE sent_amount END,
                   CASE WHEN posts THEN coalesce(currency, sent_currency) ELSE sent_currency END,
                   CASE WHEN moves THEN debit_version END,
                   CASE WHEN moves THEN credit_version END,
                   target_id, chain_id, chain_place, linked, expires_in_seconds, reference, metadata,
                   client_id, user_id, path, moment
              FROM batch
             ORDER BY id
        ), new_entries AS (
            INSERT INTO ledger.entries (account_id, account_version, transaction_id, amount_minor,
                                        balance_after_minor)
            SELECT debit_account, debit_version, id, -amount_minor, debit_balance FROM batch WHERE moves
             UNION ALL
            SELECT credit_account, credit_version, id, amount_minor, credit_balance FROM batch WHERE moves
        )
        UPDATE ledger.accounts a
           SET balance_minor = u.balance_minor, held_minor = u.held_minor, version = u.version,
               last_posted_at = moment
          FROM unnest(acc_id, acc_balance, acc_held, acc_version, old_held, old_version)
            AS u(account_id, balance_minor, held_minor, version, old_held, old_version)
         WHERE a.account_id = u.account_id
           AND (u.version <> u.old_version OR u.held_minor <> u.old_held
                -- A release and a hold of the same amount: the numbers stay, the time does not.
                OR has_holds AND EXISTS (SELECT FROM batch b WHERE b.posts AND b.debit_account = u.account_id));

        IF has_holds THEN
            INSERT INTO ledger.holds (hold_id, debit_account, credit_account, amount_minor, currency,
                                      posted_at, expires_at)
            SELECT t.transaction_id, t.debit_account, t.credit_account, t.amount_minor, t.currency,
                   moment, moment + make_interval(secs => t.expires_in_seconds)
              FROM ledger.transactions t
             WHERE t.transaction_id = ANY (posted_ids) AND t.kind = 'hold';
            UPDATE ledger.holds h
               SET closed_by = t.transaction_id,
                   state = CASE t.kind WHEN 'capture' THEN 'captured' WHEN 'void' THEN 'voided'
                                       ELSE 'expired' END
              FROM ledger.transactions t
             WHERE t.transaction_id = ANY (posted_ids) AND t.kind IN ('capture', 'void', 'expiry')
               AND h.hold_id = t.target_id AND h.hold_id = ANY (targets);
        END IF;

        -- One message for what was posted together, or several if one would be too large.
        IF p_to_old_outbox THEN
            INSERT INTO ledger.outbox (transaction_ids, created_at)
            SELECT posted_ids, moment WHERE posted_ids <> '{}';
        ELSIF posted_bytes <= message_bytes THEN
            INSERT INTO ledger.outbox_v2 (transaction_ids, bytes_max, created_at)
            SELECT posted_ids, posted_bytes, moment WHERE posted_ids <> '{}';
        ELSE
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
                   FROM unnest(ids, statuses) WITH ORDINALITY AS s(id, verdict, ord);
END $$;
