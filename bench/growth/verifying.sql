-- What is wrong in a ledger that holds transfers only: no row if nothing is.

SELECT 'the balances do not sum to zero' AS problem
 WHERE (SELECT sum(balance_minor) FROM ledger.accounts) <> 0
 UNION ALL
SELECT 'a transaction has not its two entries'
 WHERE (SELECT count(*) FROM ledger.entries) <> 2 * (SELECT count(*) FROM ledger.transactions)
 UNION ALL
SELECT format('account %s: balance or version differ from its entries', a.account_id)
  FROM ledger.accounts a
  LEFT JOIN (SELECT account_id, sum(amount_minor) AS balance_minor, max(account_version) AS version,
                    count(*) AS entries
               FROM ledger.entries GROUP BY account_id) e ON e.account_id = a.account_id
 WHERE (a.balance_minor, a.version, a.version)
       IS DISTINCT FROM (coalesce(e.balance_minor, 0), coalesce(e.version, 0), coalesce(e.entries, 0))
 UNION ALL
-- Of every thousandth account, entry by entry.
SELECT format('account %s: entry %s does not continue the one before', c.account_id, c.account_version)
  FROM (SELECT e.*, coalesce(lag(e.balance_after_minor) OVER w, 0) AS balance_before_minor,
               coalesce(lag(e.account_version) OVER w, 0) AS version_before
          FROM ledger.entries e
         WHERE e.account_id % 1000 = 1
        WINDOW w AS (PARTITION BY e.account_id ORDER BY e.account_version)) c
 WHERE c.balance_after_minor <> c.balance_before_minor + c.amount_minor
    OR c.account_version <> c.version_before + 1
 UNION ALL
SELECT format('account %s: entry %s is not that of its transaction', e.account_id, e.account_version)
  FROM ledger.entries e
  LEFT JOIN ledger.transactions t ON t.transaction_id = e.transaction_id
 WHERE e.account_id % 1000 = 1
   AND (e.account_id, e.account_version, e.amount_minor) NOT IN (
           (t.debit_account, t.debit_version, -t.amount_minor),
           (t.credit_account, t.credit_version, t.amount_minor)) IS NOT FALSE
 LIMIT 10
