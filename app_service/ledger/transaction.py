"""A transaction: the one list of its fields. Messages, SQL and the OpenAPI document follow it.

Standard library only: the transaction processor bundles it.
"""

from dataclasses import dataclass
from operator import attrgetter

from app_service.ledger.fields import (
    Currency,
    Identifier,
    InvalidField,
    PositiveInteger,
    parse_record,
    rules_of,
)


class InvalidTransaction(InvalidField):
    """This is not a transaction. Same message: field, kind of value found, rule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    """Moves `amount_minor` from the debit account (its balance falls) to the credit account.

    `transaction_id` is the client's own and the idempotency key. A new field comes last, with the
    default None; the migration adds its column and its argument of `ledger.post_transactions`.
    """

    transaction_id: Identifier
    debit_account: PositiveInteger
    credit_account: PositiveInteger
    amount_minor: PositiveInteger
    currency: Currency

    @classmethod
    def parse(cls, document: object) -> "Transaction":
        """The transaction that decoded JSON describes. Raises InvalidTransaction."""
        try:
            found = parse_record(cls, "transaction", document)
        except InvalidField as error:
            raise InvalidTransaction(str(error)) from None
        if found.debit_account == found.credit_account:
            raise InvalidTransaction(
                "credit_account: must differ from debit_account, "
                f"got {found.debit_account} for both"
            )
        return found

    def to_json(self) -> dict[str, str | int]:
        """Return JSON that `parse` reads as an equal value, without fields that were not given."""
        values = zip(COLUMNS, _values_of(self), strict=True)
        found = {name: value for name, value in values if value is not None}
        found["transaction_id"] = str(self.transaction_id)
        return found


# Columns of `ledger.transactions` that the client gives, in the order of the arguments of
# `ledger.post_transactions`.
COLUMNS = tuple(rules_of(Transaction))
SQL_TYPES = tuple(rule.sql_type for rule in rules_of(Transaction).values())
_values_of = attrgetter(*COLUMNS)
