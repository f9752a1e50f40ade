"""A transaction: the one list of its fields. Messages, SQL and the OpenAPI document follow it.

Standard library only: the transaction processor bundles it.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

from app_service.ledger.fields import (
    Currency,
    Flag,
    Identifier,
    InvalidField,
    PositiveInteger,
    Rule,
    parse_record,
    rules_of,
    shape,
)
from app_service.ledger.free_text import Metadata, Reference
from app_service.ledger.kinds import DEPENDING, Kind, KindField, check_fields

HOLD_SECONDS_MAX = 30 * 24 * 3600
HOLD_SECONDS_DEFAULT = 7 * 24 * 3600


class InvalidTransaction(InvalidField):
    """This is not a transaction. Same message: field, kind of value found, rule."""


def parse_hold_seconds(name: str, value: object) -> int:
    if type(value) is int and 1 <= value <= HOLD_SECONDS_MAX:
        return value
    raise InvalidField(
        f"{name}: must be an integer from 1 to {HOLD_SECONDS_MAX} (30 days), got {shape(value)}"
    )


HoldSeconds = Annotated[
    int,
    Rule(
        parse=parse_hold_seconds,
        schema={
            "type": "integer",
            "minimum": 1,
            "maximum": HOLD_SECONDS_MAX,
            "default": HOLD_SECONDS_DEFAULT,
        },
        sql_type="integer",
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    """What a client asks for. `transaction_id` is the client's own and the idempotency key.

    A transfer or hold names two accounts, an amount and a currency: `amount_minor` leaves the debit
    account (its balance falls) for the credit account. The other kinds name a target instead: a
    capture or void its hold, a reversal what it reverses. `linked`: it posts only together with the
    next transaction of its batch.
    """

    # A new field comes last, with the default None; docs/adding-a-field.md says what else it needs.
    transaction_id: Identifier
    kind: KindField = Kind.TRANSFER
    debit_account: PositiveInteger | None = None
    credit_account: PositiveInteger | None = None
    amount_minor: PositiveInteger | None = None
    currency: Currency | None = None
    target_id: Identifier | None = None
    expires_in_seconds: HoldSeconds | None = None
    linked: Flag = False
    reference: Reference | None = None
    metadata: Metadata | None = None

    @classmethod
    def parse(cls, document: object) -> "Transaction":
        """The transaction that decoded JSON describes. Raises InvalidTransaction."""
        try:
            found = parse_record(cls, "transaction", document)
            _refuse_carried(found)
            assert isinstance(document, dict)  # or no record was found in it
            check_fields(found.kind, DEPENDING.intersection(document))
        except InvalidField as error:
            raise InvalidTransaction(str(error)) from None
        if found.debit_account is not None and found.debit_account == found.credit_account:
            raise InvalidTransaction(
                "credit_account: must differ from debit_account, "
                f"got {found.debit_account} for both"
            )
        if found.kind == Kind.HOLD and found.expires_in_seconds is None:
            return replace(found, expires_in_seconds=HOLD_SECONDS_DEFAULT)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return JSON that `parse` reads as an equal value, without fields that were not given."""
        return {
            name: str(value) if isinstance(value, UUID) else value
            for name, value in ((name, getattr(self, name)) for name in COLUMNS)
            if value is not None and value is not False
        }


# The fields that the client gives, in the order of `ledger.submitted_v2`.
COLUMNS = tuple(rules_of(Transaction))
# Fields that this release stores and sends but does not accept yet, because tasks of the release
# before do not know them. The next release accepts them (docs/adding-a-field.md).
CARRIED: frozenset[str] = frozenset()


def _refuse_carried(found: Transaction) -> None:
    given = [name for name in sorted(CARRIED) if getattr(found, name) is not None]
    if given:
        raise InvalidField(f"{given[0]!r}: unknown field")
