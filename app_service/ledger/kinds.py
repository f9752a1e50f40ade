"""The kinds of transactions, and which fields each kind has.

Standard library only: the transaction processor bundles it.
"""

from collections.abc import Set
from enum import StrEnum
from typing import Annotated

from app_service.ledger.fields import InvalidField, Rule, shape


class Kind(StrEnum):
    """What a transaction does. `expiry` is the ledger's own: no client may send it."""

    TRANSFER = "transfer"  # moves money
    HOLD = "hold"  # reserves money
    CAPTURE = "capture"  # moves what a hold reserves, whole or in part, and releases the rest
    VOID = "void"  # releases what a hold reserves
    REVERSAL = "reversal"  # moves back what a transfer or capture moved
    EXPIRY = "expiry"  # releases what a hold reserves after its time


OF_CLIENTS = tuple(kind for kind in Kind if kind != Kind.EXPIRY)
MOVING = (Kind.TRANSFER, Kind.CAPTURE, Kind.REVERSAL)  # the others change what is held
_MONEY = frozenset(("debit_account", "credit_account", "amount_minor", "currency"))
_TARGET = frozenset(("target_id",))
# Fields that depend on the kind; all others are the same for every kind.
DEPENDING = _MONEY | _TARGET | {"expires_in_seconds"}
NEEDED = {
    Kind.TRANSFER: _MONEY,
    Kind.HOLD: _MONEY,
    Kind.CAPTURE: _TARGET,
    Kind.VOID: _TARGET,
    Kind.REVERSAL: _TARGET,
    Kind.EXPIRY: _TARGET,
}
ALLOWED = NEEDED | {
    Kind.HOLD: _MONEY | {"expires_in_seconds"},
    Kind.CAPTURE: _TARGET | {"amount_minor"},
}


def check_fields(kind: Kind, given: Set[str]) -> None:
    """Raises InvalidField unless these are fields of this kind; `given` are some of DEPENDING."""
    needed, allowed = NEEDED[kind], ALLOWED[kind]
    if needed <= given <= allowed:
        return
    missing = needed - given
    if missing:
        raise InvalidField(f"{min(missing)}: missing; kind {kind} needs it")
    unused = given - allowed
    raise InvalidField(f"{min(unused)}: not a field of kind {kind}; leave it out")


def parse_kind(name: str, value: object) -> Kind:
    if isinstance(value, str) and value in OF_CLIENTS:
        return Kind(value)
    raise InvalidField(f"{name}: must be one of {', '.join(OF_CLIENTS)}, got {shape(value)}")


KindField = Annotated[
    Kind,
    Rule(
        parse=parse_kind,
        schema={"type": "string", "enum": [*OF_CLIENTS], "default": Kind.TRANSFER},
        sql_type="text",
        to_sql=str,
    ),
]
