"""The fields of each kind of transaction as JSON Schema, from the same lists as the parser's."""

from app_service.ledger.kinds import ALLOWED, DEPENDING, NEEDED, OF_CLIENTS, Kind
from app_service.openapi.json_schemas import Json


def with_kinds(transaction: Json) -> Json:
    """The schema of a transaction, with the fields that each kind needs and does not have."""
    return {**transaction, "oneOf": [_of_kind(kind) for kind in OF_CLIENTS]}


def _of_kind(kind: Kind) -> Json:
    # A transaction without a kind is a transfer.
    needed = NEEDED[kind] if kind == Kind.TRANSFER else NEEDED[kind] | {"kind"}
    return {
        "title": kind,
        "properties": {
            "kind": {"const": kind},
            **dict.fromkeys(sorted(DEPENDING - ALLOWED[kind]), False),
        },
        "required": sorted(needed),
    }
