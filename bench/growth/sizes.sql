-- Bytes on disk of each table and index that grows with the transactions.
SELECT c.relname AS name, pg_relation_size(c.oid) AS bytes
  FROM pg_class c
 WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind IN ('r', 'i')
   AND coalesce((SELECT i.indrelid::regclass FROM pg_index i WHERE i.indexrelid = c.oid), c.oid::regclass)
       IN ('ledger.transactions'::regclass, 'ledger.entries'::regclass)
 ORDER BY bytes DESC, name
