"""A transaction as clients and queues write it. Standard library only: the processor bundles it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

# The largest integer that every JSON reader keeps exactly (RFC 8259 section 6).
MAX_INTEGER = 2**53 - 1

_FIELDS = frozenset(
    ("transaction_id", "debit_account", "credit_account", "amount_minor", "currency")
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class InvalidField(Exception):
    """A value breaks a rule that no retry can mend. The message starts with the field's name."""


class InvalidTransaction(InvalidField):
    """This is not a transaction. Same message: field, what came instead, rule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    """Moves `amount_minor` from the debit account (its balance falls) to the credit account.

    `transaction_id` is the client's own and the idempotency key.
    """

    transaction_id: UUID
    debit_account: int
    credit_account: int
    amount_minor: int
    currency: str

    @classmethod
    def parse(cls, document: object) -> "Transaction":
        """The transaction that decoded JSON describes.

        Nothing is guessed: no unknown field, no number in a string, no float for money.
        Raises InvalidTransaction with the field, what came instead, and the rule.
        """
        try:
            return cls._parse(parse_object("transaction", document, required=_FIELDS))
        except InvalidField as error:
            raise InvalidTransaction(str(error)) from None

    @classmethod
    def _parse(cls, document: Mapping[str, object]) -> "Transaction":
        debit_account = parse_integer("debit_account", document["debit_account"])
        credit_account = parse_integer("credit_account", document["credit_account"])
        if debit_account == credit_account:
            raise InvalidField(
                f"credit_account: must differ from debit_account, got {debit_account} for both"
            )
        return cls(
            transaction_id=parse_uuid("transaction_id", document["transaction_id"]),
            debit_account=debit_account,
            credit_account=credit_account,
            amount_minor=parse_integer("amount_minor", document["amount_minor"]),
            currency=parse_currency("currency", document["currency"]),
        )

    def to_json(self) -> dict[str, str | int]:
        """What `parse` reads back as an equal value."""
        return {
            "transaction_id": str(self.transaction_id),
            "debit_account": self.debit_account,
            "credit_account": self.credit_account,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
        }


def parse_object(
    name: str,
    value: object,
    *,
    required: frozenset[str],
    optional: frozenset[str] = frozenset(),
) -> Mapping[str, object]:
    """A JSON object with all required fields and no unknown one, or InvalidField."""
    if not isinstance(value, dict):
        raise InvalidField(f"{name}: must be an object, got {shape(value)}")
    missing = required - value.keys()
    if missing:
        raise InvalidField(f"{min(missing)}: missing")
    unknown = value.keys() - required - optional
    if unknown:
        raise InvalidField(f"{min(map(str, unknown))[:40]!r}: unknown field")
    return value


def parse_uuid(name: str, value: object) -> UUID:
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    raise InvalidField(f"{name}: must be a UUID of 32 hex digits in groups, got {shape(value)}")


def parse_integer(name: str, value: object) -> int:
    # Not isinstance: True is an int to Python, and no amount of money.
    if type(value) is int and 1 <= value <= MAX_INTEGER:
        return value
    raise InvalidField(f"{name}: must be an integer from 1 to 2^53-1, got {shape(value)}")


def parse_currency(name: str, value: object) -> str:
    if isinstance(value, str) and _CURRENCY.fullmatch(value):
        return value
    raise InvalidField(f"{name}: must be three letters A to Z, got {shape(value)}")


def shape(value: object) -> str:
    """The kind and size of a value, never its contents: fit for logs and error messages."""
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} fields"
    if type(value) is int:
        return _integer_shape(value)
    return _PLAIN_SHAPES.get(type(value), "something that JSON has not")


_PLAIN_SHAPES = {
    type(None): "null",
    bool: "a boolean",
    float: "a number with a fraction or exponent",
}


def _integer_shape(value: int) -> str:
    if value < 0:
        return "a negative integer"
    if value == 0:
        return "zero"
    return "an integer above 2^53-1" if value > MAX_INTEGER else "an integer"
