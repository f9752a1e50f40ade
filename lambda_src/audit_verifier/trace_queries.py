"""The queries that follow one transaction.

All but the first search arrays of ids, so the caller limits the time that each may take.
"""

from typing import Final

from lambda_src.audit_verifier.queries import TEXT

# Also true on a reader of Aurora.
STANDBY_SQL: Final = "SELECT pg_is_in_recovery()"
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
# Only what waits is here: usually the batches of a second.
UNSENT_SQL: Final = f"""
SELECT CAST(batch_id AS text), chain_number, {TEXT.format("posted_at")},
       {TEXT.format("sealed_at")}, NULL, {TEXT.format("due_at")}, refusals, last_error,
       cardinality(transaction_ids)
  FROM ledger.unsent_batches WHERE CAST(:id AS uuid) = ANY (transaction_ids) LIMIT 1
"""  # nosec B608 # parts of the statement, no values
# The ids of batches are read in the order of their index until one has it, each with its whole
# array of transactions. So the caller chooses a short time, or limits how long it may take. Without
# its table `ORDER BY batch_id` would mean the text in the result, and all would be read and sorted.
SENT_SQL: Final = f"""
SELECT CAST(batch_id AS text), chain_number, {TEXT.format("posted_at")},
       {TEXT.format("sealed_at")}, {TEXT.format("sent_at")}, NULL, refusals, NULL,
       cardinality(transaction_ids)
  FROM ledger.sent_batches
 WHERE batch_id >= CAST(:first AS uuid) AND batch_id < CAST(:last AS uuid)
   AND CAST(:id AS uuid) = ANY (transaction_ids)
 ORDER BY sent_batches.batch_id LIMIT 1
"""  # nosec B608 # parts of the statement, no values
