"""Bodies with which a reader of the API's documentation can start."""

from collections.abc import Mapping
from typing import Any

from app_service.ledger.domain import NewAccount, NewSession
from app_service.ledger.kinds import Kind
from app_service.ledger.transaction import Transaction
from app_service.openapi.request_bodies import TO_TARGET, Batch

_TRANSFER = {
    "transaction_id": "01935f7e-5b0c-7c3e-8a4e-3f6f0b9d2a11",
    "debit_account": 1001,
    "credit_account": 1002,
    "amount_minor": 1250,
    "currency": "USD",
}
_FEE = _TRANSFER | {
    "transaction_id": "01935f7e-5b0c-7c3e-8a4e-3f6f0b9d2a12",
    "amount_minor": 10,
    "reference": "fee",
}

EXAMPLES: Mapping[type, Mapping[str, Any]] = {
    Transaction: _TRANSFER | {"reference": "invoice 17", "metadata": {"order": 17}},
    Batch: {"transactions": [_TRANSFER | {"linked": True}, _FEE]},
    NewAccount: {"account_id": 1001, "currency": "USD", "may_go_negative": True},
    NewSession: {"user_id": "ada"},
    TO_TARGET[Kind.REVERSAL]: {"transaction_id": "01935f7e-5b0c-7c3e-8a4e-3f6f0b9d2a13"},
    TO_TARGET[Kind.CAPTURE]: {
        "transaction_id": "01935f7e-5b0c-7c3e-8a4e-3f6f0b9d2a14",
        "amount_minor": 1000,
    },
    TO_TARGET[Kind.VOID]: {"transaction_id": "01935f7e-5b0c-7c3e-8a4e-3f6f0b9d2a15"},
}
