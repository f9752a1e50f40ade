-- The only writer of money: posts up to 1000 transactions in one round trip, one commit flush, one
-- lock and one UPDATE per account. Each transaction gets its own status; none fails its neighbours.
--
-- Posts in array order, with the verdicts that as many single calls would give. Status: posted |
-- replayed (same id and contents) | conflict (same id, other contents) | invalid | account_not_found |
-- currency_mismatch | insufficient_funds | balance_limit.
-- A refused id leaves no trace and may be tried again. What one call posts is one outbox row.
-- Call under READ COMMITTED, once per database transaction. Safe to repeat: repeat the whole call on
-- 40001, 40P01 and 23505 (one id used concurrently for different accounts), and when its answer was lost.
CREATE FUNCTION ledger.post_transactions(
    p_id       uuid[],
    p_debit    bigint[],
    p_credit   bigint[],
    p_amount   bigint[],
    p_currency text[]
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
    max_balance constant bigint := 4000000000000000000;
    n           constant int    := cardinality(p_id);
    shape       constant text   := array_dims(p_id);      -- null when it is empty

    -- The locked accounts, sorted by id; the loop changes balance and version.
    acc_id              bigint[];
    acc_currency        text[];
    acc_may_go_negative boolean[];
    acc_balance         bigint[];
    acc_version         bigint[];
    old_version         bigint[];

    -- The transactions of this batch that the ledger already holds.
    old_id       uuid[];
    old_debit    bigint[];
    old_credit   bigint[];
    old_amount   bigint[];
    old_currency text[];
    has_repeats  boolean;

    -- Outcomes; given their full length here, so that the loop assigns in place.
    debit_version  bigint[] := p_amount;
    debit_balance  bigint[] := p_amount;
    credit_version bigint[] := p_amount;
    credit_balance bigint[] := p_amount;
    verdict        text[]   := p_currency;

    -- What this call has posted so far; kept only when an id comes more than once.
    posted_id    uuid[];
    posted_place int[];

    posted int := 0;
    amt    bigint;
    d      int;
    c      int;
    o      int;
BEGIN
    -- Whole dimensions, not lengths: an array may start at another index than 1, and then the loop,
    -- which goes by index, would judge other transactions than the statement below it writes.
    IF num_nulls(p_id, p_debit, p_credit, p_amount, p_currency) > 0
       OR shape <> format('[1:%s]', n)
       OR (array_dims(p_debit), array_dims(p_credit), array_dims(p_amount), array_dims(p_currency))
          IS DISTINCT FROM (shape, shape, shape, shape)
       OR num_nulls(VARIADIC p_id) + num_nulls(VARIADIC p_debit) + num_nulls(VARIADIC p_credit)
        + num_nulls(VARIADIC p_amount) + num_nulls(VARIADIC p_currency) > 0 THEN
        RAISE EXCEPTION 'post_transactions needs five plain arrays of one length, without nulls'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- The event of a call must fit one queue message (1 MiB).
    IF n > 1000 THEN
        RAISE EXCEPTION 'post_transactions takes at most 1000 transactions, got %', n
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    -- 1. Lock the accounts in id order: batches queue up, they cannot deadlock.
    --    A join, not "= ANY (array)": after a lock wait PostgreSQL re-checks each
    --    changed row, and would sort the whole array again every time.
    SELECT array_agg(a.account_id), array_agg(a.currency), array_agg(a.may_go_negative),
           array_agg(a.balance_minor), array_agg(a.version)
      INTO acc_id, acc_currency, acc_may_go_negative, acc_balance, acc_version
      FROM (SELECT a.*
              FROM (SELECT DISTINCT id FROM unnest(p_debit || p_credit) id) batch
              JOIN ledger.accounts a ON a.account_id = batch.id
             ORDER BY a.account_id
               FOR NO KEY UPDATE OF a) a;
    old_version := acc_version;

    -- 2. Find replays. This snapshot is newer than the locks.
    SELECT array_agg(t.transaction_id), array_agg(t.debit_account), array_agg(t.credit_account),
           array_agg(t.amount_minor), array_agg(t.currency)
      INTO old_id, old_debit, old_credit, old_amount, old_currency
      FROM ledger.transactions t
     WHERE t.transaction_id = ANY (p_id);
    IF n > 1 THEN
        has_repeats := n > (SELECT count(DISTINCT id) FROM unnest(p_id) id);
    END IF;

    -- 3. Decide, in order and in memory: no SQL runs in this loop.
    FOR i IN 1 .. n LOOP
        amt := p_amount[i];
        d := width_bucket(p_debit[i], acc_id);      -- binary search
        c := width_bucket(p_credit[i], acc_id);
        o := array_position(old_id, p_id[i]);

        IF o IS NOT NULL THEN
            verdict[i] := CASE
                WHEN old_debit[o] = p_debit[i] AND old_credit[o] = p_credit[i]
                 AND old_amount[o] = amt AND old_currency[o] = p_currency[i]
                THEN 'replayed' ELSE 'conflict' END;
        ELSIF has_repeats AND array_position(posted_id, p_id[i]) IS NOT NULL THEN
            o := posted_place[array_position(posted_id, p_id[i])];
            verdict[i] := CASE
                WHEN p_debit[o] = p_debit[i] AND p_credit[o] = p_credit[i]
                 AND p_amount[o] = amt AND p_currency[o] = p_currency[i]
                THEN 'replayed' ELSE 'conflict' END;
        ELSIF amt <= 0 OR p_debit[i] = p_credit[i] THEN
            verdict[i] := 'invalid';
        ELSIF acc_id[d] IS DISTINCT FROM p_debit[i] OR acc_id[c] IS DISTINCT FROM p_credit[i] THEN
            verdict[i] := 'account_not_found';
        ELSIF acc_currency[d] <> p_currency[i] OR acc_currency[c] <> p_currency[i] THEN
            verdict[i] := 'currency_mismatch';
        ELSIF acc_balance[d] < amt AND NOT acc_may_go_negative[d] THEN
            verdict[i] := 'insufficient_funds';
        ELSIF acc_balance[d] < amt - max_balance OR acc_balance[c] > max_balance - amt THEN
            verdict[i] := 'balance_limit';
        ELSE
            verdict[i] := 'posted';
            posted := posted + 1;
            IF has_repeats THEN
                posted_id[posted] := p_id[i];
                posted_place[posted] := i;
            END IF;
            acc_balance[d] := acc_balance[d] - amt;
            acc_version[d] := acc_version[d] + 1;
            acc_balance[c] := acc_balance[c] + amt;
            acc_version[c] := acc_version[c] + 1;
            debit_balance[i]  := acc_balance[d];
            debit_version[i]  := acc_version[d];
            credit_balance[i] := acc_balance[c];
            credit_version[i] := acc_version[c];
        END IF;
    END LOOP;

    -- 4. Write everything in one statement.
    IF posted > 0 THEN
        WITH batch AS MATERIALIZED (
            SELECT *
              FROM unnest(p_id, p_debit, p_credit, p_amount, p_currency, debit_version,
                          debit_balance, credit_version, credit_balance, verdict)
                   WITH ORDINALITY
                AS b(id, debit, credit, amount, currency, debit_version,
                     debit_balance, credit_version, credit_balance, verdict, place)
             WHERE b.verdict = 'posted'
        ), new_transactions AS (
            INSERT INTO ledger.transactions (transaction_id, debit_account, credit_account, amount_minor,
                                             currency, debit_version, credit_version)
            SELECT id, debit, credit, amount, currency, debit_version, credit_version FROM batch
        ), new_entries AS (
            INSERT INTO ledger.entries (account_id, account_version, transaction_id, amount_minor,
                                        balance_after_minor)
            SELECT debit, debit_version, id, -amount, debit_balance FROM batch
            UNION ALL
            SELECT credit, credit_version, id, amount, credit_balance FROM batch
        ), new_event AS (
            INSERT INTO ledger.outbox (transaction_ids)
            SELECT array_agg(id ORDER BY place) FROM batch
        )
        UPDATE ledger.accounts a
           SET balance_minor = u.balance_minor, version = u.version
          FROM unnest(acc_id, acc_balance, acc_version, old_version)
            AS u(account_id, balance_minor, version, old_version)
         WHERE a.account_id = u.account_id AND u.version <> u.old_version;
    END IF;

    RETURN QUERY SELECT r.ord, r.id, r.verdict
                   FROM unnest(p_id, verdict) WITH ORDINALITY AS r(id, verdict, ord);
END $$;
