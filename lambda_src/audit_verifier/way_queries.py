"""The queries that follow one transaction. Each uses a key, or reads a table that is small."""

from typing import Final

from lambda_src.audit_verifier.queries import TEXT

RECORDED_SQL: Final = f"""
SELECT CAST(transaction_id AS text), kind, state, reason, {TEXT.format("posted_at")}, path,
       client_id, user_id,
       CASE path WHEN 'api' THEN ledger.trace_text(origin_id) END,
       CASE path WHEN 'queue' THEN CAST(origin_id AS text) END,
       debit_account, credit_account, amount_minor, currency, CAST(target_id AS text),
       CAST(chain_id AS text)
  FROM ledger.transactions WHERE transaction_id = CAST(:id AS uuid)
"""  # nosec B608 # parts of the statement, no values
# Of an outbox row created_at is the posted_at of its transactions.
OUTBOX_SQL: Final = f"""
SELECT outbox_id, {TEXT.format("created_at")}, cardinality(transaction_ids)
  FROM (SELECT outbox_id, created_at, transaction_ids FROM ledger.outbox_v2
        UNION ALL SELECT outbox_id, created_at, transaction_ids FROM ledger.outbox) waiting
 WHERE created_at = CAST(:posted_at AS timestamptz) AND CAST(:id AS uuid) = ANY (transaction_ids)
"""  # nosec B608 # parts of the statement, no values
# Nearly always it is in one of the first batches that were sealed after it was posted. LIMIT: the
# index on the ids of batches is read in its order, until one has it.
BATCH_SQL: Final = f"""
SELECT CAST(batch_id AS text), chain_number, {TEXT.format("posted_at")},
       {TEXT.format("sealed_at")}, {TEXT.format("sent_at")}, {TEXT.format("due_at")}, refusals,
       last_error, cardinality(transaction_ids)
  FROM ((SELECT batch_id, chain_number, posted_at, sealed_at, CAST(NULL AS timestamptz) AS sent_at,
                due_at, refusals, last_error, transaction_ids
           FROM ledger.unsent_batches WHERE CAST(:id AS uuid) = ANY (transaction_ids) LIMIT 1)
         UNION ALL
        (SELECT batch_id, chain_number, posted_at, sealed_at, sent_at, NULL, refusals, NULL,
                transaction_ids
           FROM ledger.sent_batches
          WHERE batch_id >= CAST(:first AS uuid) AND batch_id < CAST(:last AS uuid)
            AND CAST(:id AS uuid) = ANY (transaction_ids)
          ORDER BY batch_id LIMIT 1)) found
 LIMIT 1
"""  # nosec B608 # parts of the statement, no values
