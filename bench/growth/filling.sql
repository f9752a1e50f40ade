-- Fills a ledger with the rows that the posting function would have written for transfers in calls
-- of p_call transactions. A test and every run compare both, row by row and in their physical order.
-- Everything here is in a schema of its own, which is dropped when the ledger is full.

CREATE SCHEMA growth;

-- What is in the accounts while the ledger is being filled.
CREATE UNLOGGED TABLE growth.accounts (
    account_id     bigint      PRIMARY KEY,
    balance_minor  bigint      NOT NULL,
    version        bigint      NOT NULL,
    last_posted_at timestamptz
);

-- Transfers p_first .. p_first + p_count - 1 between accounts 1 .. p_accounts, each chosen at random.
-- Four thousand of them a second, the first at p_start: the ids of version 7 hold that time.
CREATE FUNCTION growth.transfers(
    p_first bigint, p_count bigint, p_call integer, p_accounts bigint, p_start timestamptz, p_ids text
) RETURNS TABLE (place bigint, call bigint, transaction_id uuid, debit_account bigint,
                 credit_account bigint, amount_minor bigint, moment timestamptz)
LANGUAGE sql STABLE
AS $$
    SELECT r.place, r.call,
           CASE p_ids
               WHEN 'v7' THEN
                   lpad(to_hex((extract(epoch FROM r.moment) * 1000)::bigint), 12, '0')
                   || '7' || substr(r.hash, 14, 3) || '8' || substr(r.hash, 18)
               ELSE overlay(overlay(r.hash PLACING '4' FROM 13) PLACING '8' FROM 17)
           END::uuid,
           r.debit, 1 + (r.debit - 1 + 1 + abs(r.random_credit % (p_accounts - 1))) % p_accounts,
           1 + abs(r.random_amount % 10000), r.moment
      FROM (SELECT n AS place, n / p_call AS call, md5(n::text) AS hash,
                   1 + abs(hashint8extended(n, 1) % p_accounts) AS debit,
                   hashint8extended(n, 2) AS random_credit,
                   hashint8extended(n, 3) AS random_amount,
                   p_start + make_interval(secs => (n / p_call) * p_call / 4000.0) AS moment
              FROM generate_series(p_first, p_first + p_count - 1) n) r
$$;

CREATE PROCEDURE growth.fill(
    p_first bigint, p_count bigint, p_call integer, p_accounts bigint, p_start timestamptz, p_ids text
)
LANGUAGE sql
AS $$
    WITH sent AS MATERIALIZED (
        SELECT * FROM growth.transfers(p_first, p_count, p_call, p_accounts, p_start, p_ids)
    ), legs AS (
        SELECT place, call, transaction_id, 0 AS side, debit_account AS account_id,
               -amount_minor AS amount_minor, moment
          FROM sent
         UNION ALL
        SELECT place, call, transaction_id, 1, credit_account, amount_minor, moment FROM sent
    ), entries AS MATERIALIZED (
        SELECT l.*, a.version + row_number() OVER w AS version,
               a.balance_minor + (sum(l.amount_minor) OVER w)::bigint AS balance_minor
          FROM legs l JOIN growth.accounts a ON a.account_id = l.account_id
        WINDOW w AS (PARTITION BY l.account_id ORDER BY l.place ROWS UNBOUNDED PRECEDING)
    ), new_transactions AS (
        INSERT INTO ledger.transactions (
            transaction_id, kind, state, debit_account, credit_account, amount_minor, currency,
            debit_version, credit_version, linked, client_id, user_id, path, posted_at)
        SELECT s.transaction_id, 'transfer', 'posted', s.debit_account, s.credit_account,
               s.amount_minor, 'USD', d.version, c.version, false, 'bench', 'bench', 'api', s.moment
          FROM sent s
          JOIN entries d ON d.place = s.place AND d.side = 0
          JOIN entries c ON c.place = s.place AND c.side = 1
         ORDER BY s.call, s.transaction_id
    ), new_entries AS (
        INSERT INTO ledger.entries (account_id, account_version, transaction_id, amount_minor,
                                    balance_after_minor)
        SELECT account_id, version, transaction_id, amount_minor, balance_minor
          FROM entries
         ORDER BY place, side
    )
    UPDATE growth.accounts a
       SET balance_minor = e.balance_minor, version = e.version, last_posted_at = e.moment
      FROM (SELECT DISTINCT ON (account_id) * FROM entries ORDER BY account_id, version DESC) e
     WHERE a.account_id = e.account_id
$$;

-- In a slice of the accounts, which finds room in their pages: no update leaves its page, as when
-- the posting function updates them one after the other.
CREATE PROCEDURE growth.write_accounts(p_slice bigint, p_slices bigint)
LANGUAGE sql
AS $$
    UPDATE ledger.accounts a
       SET balance_minor = g.balance_minor, version = g.version, last_posted_at = g.last_posted_at
      FROM growth.accounts g
     WHERE g.account_id = a.account_id AND a.account_id % p_slices = p_slice
       AND g.version <> a.version
$$;
