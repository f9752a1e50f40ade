"""A transaction, who asks for it and how it came: what the ledger's posting function takes.

Standard library only: the transaction processor bundles it.
"""

from dataclasses import dataclass

from app_service.ledger.actor import Actor
from app_service.ledger.transaction import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    transaction: Transaction
    actor: Actor
    origin_id: str | None = None  # 32 digits (origin.py); no content of the transaction
