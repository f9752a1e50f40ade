"""A transaction and who asks for it: what the ledger's posting function takes.

Standard library only: the transaction processor bundles it.
"""

from dataclasses import dataclass

from app_service.ledger.actor import Actor
from app_service.ledger.transaction import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    transaction: Transaction
    actor: Actor
