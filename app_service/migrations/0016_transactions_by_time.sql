-- no transaction: postings go on while the index is built

-- The audit verifier reads the ledger by time. Rows come in the order of their time, so that a summary of each
-- 128 pages is enough: a few kilobytes, and next to nothing for a posting. A range that is not summarized yet is
-- read as a whole; autosummarize asks autovacuum to do it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS transactions_by_time ON ledger.transactions
    USING brin (posted_at) WITH (autosummarize = on);
