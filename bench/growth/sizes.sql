-- Bytes on disk for each transaction, of each table and index that grows with the transactions.
SELECT c.relname AS name, pg_relation_size(c.oid) / t.held::float8 AS bytes_each
  FROM pg_class c, (SELECT count(*) AS held FROM ledger.transactions) t
 WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind IN ('r', 'i')
   AND coalesce((SELECT i.indrelid::regclass FROM pg_index i WHERE i.indexrelid = c.oid), c.oid::regclass)
       IN ('ledger.transactions'::regclass, 'ledger.entries'::regclass)
 ORDER BY bytes_each DESC, name
