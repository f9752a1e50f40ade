"""The verifier's queries. Each is one statement: what moves meanwhile is seen in one place."""

TEXT = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

HEAD_SQL = f"""
SELECT {TEXT.format("clock_timestamp()")}, chain_number, encode(batch_hash, 'hex')
  FROM ledger.audit_chain
"""  # nosec B608 # parts of the statement, no values
# The record is a ring of eight weeks, of which the last six and the current one are kept for sure.
HORIZON_SQL = f"""
SELECT {TEXT.format("to_timestamp((floor(extract(epoch FROM now()) / 604800) - 6) * 604800)")},
       (SELECT {TEXT.format("min(sent_at)")} FROM ledger.sent_batches),
       (SELECT {TEXT.format("min(posted_at)")}
          FROM (SELECT posted_at FROM ledger.sent_batches
                UNION ALL SELECT posted_at FROM ledger.unsent_batches
                UNION ALL SELECT created_at FROM ledger.outbox_v2
                UNION ALL SELECT created_at FROM ledger.outbox) recorded)
"""  # nosec B608 # parts of the statement, no values
# In one row, because a client takes longer for each row than the database does.
POSTED_SQL = f"""
SELECT string_agg(CAST(transaction_id AS text) || {TEXT.format("posted_at")}, ',')
  FROM (SELECT transaction_id, posted_at FROM ledger.transactions
         WHERE state = 'posted' AND posted_at >= CAST(:first AS timestamptz)
           AND posted_at < CAST(:last AS timestamptz)
         LIMIT :most) posted
"""  # nosec B608 # parts of the statement, no values
BATCH_COLUMNS = (
    "batch_id, posted_at, transaction_ids, chain_number, previous_hash, records_hash, batch_hash"
)
# One statement: a batch that is being recorded as sent is in one of them. One that is sent again is
# in both, and waits.
BATCHES_SQL = """
SELECT DISTINCT ON (batch_id)
       CAST(batch_id AS text), {posted_at}, array_to_string(transaction_ids, ','),
       is_waiting, extract(epoch FROM clock_timestamp() - sent_at)::float8,
       chain_number, encode(previous_hash, 'hex'), encode(records_hash, 'hex'),
       encode(batch_hash, 'hex')
  FROM ((SELECT {columns}, true AS is_waiting, CAST(NULL AS timestamptz) AS sent_at
           FROM ledger.unsent_batches WHERE {condition} ORDER BY batch_id LIMIT :most)
         UNION ALL
        (SELECT {columns}, false, sent_at
           FROM ledger.sent_batches WHERE {condition} ORDER BY batch_id LIMIT :most)) recorded
 ORDER BY batch_id, is_waiting DESC LIMIT :most
"""
SEALED = "batch_id > CAST(:after AS uuid) AND batch_id < CAST(:before AS uuid)"
NAMED = "batch_id = ANY (CAST(:ids AS uuid[]))"
NUMBERED = "chain_number = :number"
RANDOM = """
    posted_at >= CAST(:first AS timestamptz) AND posted_at < CAST(:last AS timestamptz)
    AND batch_id > CAST(:after AS uuid) AND substr(CAST(batch_id AS text), 15, 1) <> '7'
"""
NUMBERS_SQL = """
SELECT chain_number FROM ledger.unsent_batches WHERE chain_number BETWEEN :first AND :last
 UNION
SELECT chain_number FROM ledger.sent_batches WHERE chain_number BETWEEN :first AND :last
"""
RECORDS_SQL = """
SELECT string_agg(CAST(place AS text), ','), string_agg(record, chr(10))
  FROM ledger.audit_records(CAST(:ids AS uuid[]))
"""
# Where a transaction can be: of an outbox row created_at is the posted_at of its transactions; a
# batch was sealed after them. An hour, because after a failover another clock may go behind.
PLACES_SQL = """
WITH wanted AS MATERIALIZED (SELECT unnest(CAST(:ids AS uuid[])) AS id),
bounds AS MATERIALIZED (
    SELECT CAST(:first AS timestamptz) AS first, CAST(:last AS timestamptz) AS last
),
places AS (
    SELECT o.outbox_id AS outbox_id, CAST(NULL AS uuid) AS batch_id, o.transaction_ids
      FROM ledger.outbox o, bounds WHERE o.created_at BETWEEN bounds.first AND bounds.last
     UNION ALL
    SELECT o.outbox_id, NULL, o.transaction_ids
      FROM ledger.outbox_v2 o, bounds WHERE o.created_at BETWEEN bounds.first AND bounds.last
     UNION ALL
    SELECT NULL, b.batch_id, b.transaction_ids FROM ledger.unsent_batches b, bounds
     WHERE b.posted_at <= bounds.last AND b.sealed_at >= bounds.first - interval '1 hour'
     UNION ALL
    SELECT NULL, b.batch_id, b.transaction_ids FROM ledger.sent_batches b, bounds
     WHERE b.posted_at <= bounds.last AND b.sealed_at >= bounds.first - interval '1 hour'
)
SELECT DISTINCT CAST(w.id AS text), p.outbox_id, CAST(p.batch_id AS text)
  FROM places p, unnest(p.transaction_ids) AS t(id) JOIN wanted w ON w.id = t.id
"""
