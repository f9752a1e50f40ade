"""SQL for ledgers that tests share: detects a changed structure, and deletes all rows."""

from pathlib import Path

STRUCTURE = Path(__file__).with_suffix(".sql").read_text()

# The tables refuse TRUNCATE, except in a replica session.
EMPTY = """
SET session_replication_role = replica;
TRUNCATE ledger.accounts, ledger.transactions, ledger.entries, ledger.holds,
    ledger.account_changes, ledger.outbox, ledger.outbox_v2 RESTART IDENTITY;
DELETE FROM ledger.unsent_batches;
DELETE FROM ledger.sent_batches;
UPDATE ledger.audit_chain SET chain_number = 0, batch_hash = decode(repeat('00', 32), 'hex');
RESET session_replication_role
"""
