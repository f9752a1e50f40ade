"""The JSON schemas of requests and answers: the components of the OpenAPI document."""

from typing import Any

from app_service.ledger.actor import Role
from app_service.ledger.domain import CALL_MAX, NewAccount, NewSession
from app_service.ledger.fields import MAX_INTEGER, required_fields_of, rules_of
from app_service.ledger.kinds import DEPENDING
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict

Json = dict[str, Any]


def ref(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}


def properties_of(record: type) -> Json:
    return {name: rule.schema for name, rule in rules_of(record).items()}


def _list(schema: str, **limits: int) -> Json:
    return {"type": "array", "items": ref(schema), **limits}


def _object(properties: Json, *, required: frozenset[str] | None = None) -> Json:
    """These properties and no others; all are required unless `required` names some."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if required is None or name in required],
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_BALANCE = {"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}
_TRANSACTION = properties_of(Transaction)
_TRANSACTION_REQUIRED = required_fields_of(Transaction)
_OF_TARGETS = frozenset(_TRANSACTION) - DEPENDING - {"kind", "linked"}
_OF_CAPTURES = _OF_TARGETS | {"amount_minor"}
_VERDICT = {
    "transaction_id": _TRANSACTION["transaction_id"],
    "status": {"type": "string", "enum": list(Verdict)},
}

SCHEMAS: Json = {
    "Transaction": _object(_TRANSACTION, required=_TRANSACTION_REQUIRED),
    "PostedTransaction": _object(
        _TRANSACTION | {"posted_at": _TIME}, required=_TRANSACTION_REQUIRED | {"posted_at"}
    ),
    "ToTarget": _object(
        {name: rule for name, rule in _TRANSACTION.items() if name in _OF_TARGETS},
        required=_TRANSACTION_REQUIRED,
    ),
    "ToCapture": _object(
        {name: rule for name, rule in _TRANSACTION.items() if name in _OF_CAPTURES},
        required=_TRANSACTION_REQUIRED,
    ),
    "Verdict": _object(_VERDICT),
    "VerdictOfMany": _object(
        _VERDICT | {"transaction_id": {"type": ["string", "null"]}, "detail": _TEXT},
        required=frozenset(_VERDICT),
    ),
    "Batch": _object({"transactions": _list("Transaction", minItems=1, maxItems=CALL_MAX)}),
    "Verdicts": _object({"verdicts": _list("VerdictOfMany")}),
    "NewAccount": _object(properties_of(NewAccount), required=required_fields_of(NewAccount)),
    "Account": _object(
        properties_of(NewAccount)
        | {
            "owner": {"type": ["string", "null"]},
            "currency_exponent": {"type": ["integer", "null"]},
            "state": {"type": "string", "enum": ["open", "frozen", "closed"]},
            "balance_minor": _BALANCE,
            "held_minor": {"type": "integer", "minimum": 0},
            "version": {"type": "integer", "minimum": 0},
        }
    ),
    "Entry": _object(
        {
            "version": _TRANSACTION["amount_minor"],
            "transaction_id": _TRANSACTION["transaction_id"],
            "amount_minor": _BALANCE,
            "balance_after_minor": _BALANCE,
            "posted_at": _TIME,
        }
    ),
    "Entries": _object({"entries": _list("Entry"), "next_cursor": {"type": ["string", "null"]}}),
    "NewSession": _object(properties_of(NewSession)),
    "Token": _object({"token": _TEXT, "expires_at": _TIME}),
    "Session": _object(
        {
            "user_id": _TEXT,
            "client_id": _TEXT,
            "role": {"type": "string", "enum": list(Role)},
            "created_at": _TIME,
            "expires_at": _TIME,
        }
    ),
    "Sessions": _object({"sessions": _list("Session")}),
    "Live": _object({"status": _TEXT}),
    "Ready": _object(
        {
            "status": {"type": "string", "enum": ["ready", "not_ready"]},
            "missing": {"type": "array", "items": _TEXT},
            "neighbours": {"type": "object", "additionalProperties": _TEXT},
        }
    ),
    "Version": _object({"version": _TEXT, "environment_suffix": _TEXT}),
    "Problem": {
        "type": "object",
        "description": "RFC 9457. Rely on `code`; texts may change.",
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "code": _TEXT,
            "detail": _TEXT,
        },
        "required": ["type", "title", "status", "code", "detail"],
    },
}
