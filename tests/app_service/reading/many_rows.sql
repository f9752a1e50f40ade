-- An account 1 with `rows` transfers to account 2, a tenth as many holds and refusals, and a reference that
-- half of the transfers share. Written past the posting function, for speed.
SET session_replication_role = replica;
INSERT INTO ledger.accounts (account_id, currency, may_go_negative, owner, version)
SELECT n, 'USD', true, 'client-' || n % 10, CASE WHEN n <= 2 THEN :rows ELSE 0 END
  FROM generate_series(1, :rows / 10) n;
INSERT INTO ledger.transactions (transaction_id, debit_account, credit_account, amount_minor, currency,
                                 debit_version, credit_version, reference, client_id, posted_at)
SELECT md5(n::text)::uuid, 1, 2, 1, 'USD', n, n, CASE WHEN n % 2 = 0 THEN 'common' END, 'client-5',
       '2026-01-01Z'::timestamptz + n * interval '1 s'
  FROM generate_series(1, :rows) n;
INSERT INTO ledger.entries
SELECT side, n, md5(n::text)::uuid, 2 * side - 3, n * (2 * side - 3)
  FROM generate_series(1, :rows) n, generate_series(1, 2) side;
INSERT INTO ledger.transactions (transaction_id, kind, state, reason, debit_account, credit_account,
                                 amount_minor, currency, client_id, posted_at)
SELECT md5('other' || n)::uuid, CASE WHEN n % 2 = 0 THEN 'hold' ELSE 'transfer' END,
       CASE WHEN n % 2 = 0 THEN 'posted' ELSE 'refused' END,
       CASE WHEN n % 2 = 1 THEN 'insufficient_funds' END, 1, 2, 1, 'USD', 'client-5',
       '2026-01-01Z'::timestamptz + n * interval '10 s'
  FROM generate_series(1, :rows / 10) n;
INSERT INTO ledger.holds (hold_id, debit_account, credit_account, amount_minor, currency, posted_at,
                          expires_at, state, closed_by)
SELECT transaction_id, 1, 2, 1, 'USD', posted_at, posted_at + interval '1 h',
       CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'captured' END,
       CASE WHEN n % 100 > 0 THEN transaction_id END
  FROM (SELECT t.*, row_number() OVER () AS n FROM ledger.transactions t WHERE kind = 'hold') t;
RESET session_replication_role;
ANALYZE ledger.accounts, ledger.transactions, ledger.entries, ledger.holds;
