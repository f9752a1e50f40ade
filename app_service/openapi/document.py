"""The OpenAPI 3.1 document of the routes."""

from app_service.api import answers
from app_service.ledger.domain import Account, NewAccount, NewSession
from app_service.ledger.transaction import Transaction
from app_service.openapi import account_paths, service_paths, transaction_paths
from app_service.openapi.json_schemas import Json, components
from app_service.openapi.kind_schemas import with_kinds
from app_service.openapi.request_bodies import TO_TARGET, Batch

# The types of all bodies. Each is one schema of the document, and so is each part of them.
_COMPONENTS = components(
    Transaction, *TO_TARGET.values(), Batch, NewAccount, NewSession,
    Account, answers.Accounts, answers.BatchVerdict, answers.BatchVerdicts, answers.Entries,
    answers.Entry, answers.Live, answers.PastBalance, answers.Posted, answers.Problem,
    answers.Ready, answers.RecordedTransaction, answers.Session, answers.Sessions,
    answers.Statement, answers.Token, answers.Transactions, answers.Version,
)  # fmt: skip
SCHEMAS = _COMPONENTS | {"Transaction": with_kinds(_COMPONENTS["Transaction"])}

PATHS: Json = transaction_paths.PATHS | account_paths.PATHS | service_paths.PATHS


_DESCRIPTION = """Moves money between accounts: every transaction is posted once, whole, or not at
all. Amounts are integers in minor units (cents).

To start, open two accounts with `POST /accounts`, one of which `may_go_negative`, then move money
from it with `POST /transactions`. `transaction_id` is yours: the same request again changes nothing
and answers `replayed`. Choose UUIDs of version 7: a large ledger stores them faster than random
ones.
"""
_TAGS = {
    "transactions": "Transactions",
    "accounts": "Accounts",
    "sessions": "Sessions",
    "users": "Sessions",
}
_OTHER = "Service"


def _tag(path: str) -> str:
    return _TAGS.get(path.split("/")[1], _OTHER)


def document(version: str) -> Json:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ledger",
            "version": version,
            "description": _DESCRIPTION,
        },
        "tags": [{"name": tag} for tag in dict.fromkeys((*_TAGS.values(), _OTHER))],
        "paths": {
            path: {method: {"tags": [_tag(path)], **each} for method, each in operations.items()}
            for path, operations in PATHS.items()
        },
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer"},
                "client": {"type": "http", "scheme": "basic"},
            },
        },
    }
