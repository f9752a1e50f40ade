"""The body of POST /transactions/batch: a list of transactions, some of which form chains."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from app_service.ledger.domain import CALL_MAX
from app_service.ledger.fields import InvalidField, parse_object, parse_uuid, shape
from app_service.ledger.transaction import InvalidTransaction, Transaction

_BATCH_FIELDS = frozenset(("transactions",))
_OF_A_CHAIN = "another transaction of its chain is malformed"
_NO_END = "linked: the last transaction of a batch must not be linked: none follows it"


@dataclass(frozen=True, kw_only=True, slots=True)
class MalformedTransaction:
    """An item that is not posted: it breaks a rule of its fields, or one of its chain does."""

    transaction_id: UUID | None  # None if it has none that is valid
    detail: str


def parse_batch(document: object) -> list[Transaction | MalformedTransaction]:
    """The items of a bulk request in their order. Raises InvalidField if it is no such request."""
    batch = parse_object("batch", document, required=_BATCH_FIELDS, allowed=_BATCH_FIELDS)
    items = batch["transactions"]
    if not isinstance(items, list) or not 1 <= len(items) <= CALL_MAX:
        raise InvalidField(f"transactions: must be a list of 1 to {CALL_MAX}, got {shape(items)}")
    return [found for chain in _chains(items) for found in _parse_chain(chain)]


def _chains(items: list[object]) -> Iterator[list[object]]:
    """Each transaction with those that are linked with it."""
    chain: list[object] = []
    for item in items:
        chain.append(item)
        if not _is_linked(item):
            yield chain
            chain = []
    if chain:
        yield chain


def _parse_chain(chain: list[object]) -> list[Transaction | MalformedTransaction]:
    """All of a chain are transactions, or none is: it posts whole or not at all."""
    found = [_parse(item) for item in chain]
    if _is_linked(chain[-1]):
        found[-1] = MalformedTransaction(transaction_id=_readable_id(chain[-1]), detail=_NO_END)
    if not any(isinstance(each, MalformedTransaction) for each in found):
        return found
    return [
        each
        if isinstance(each, MalformedTransaction)
        else MalformedTransaction(transaction_id=each.transaction_id, detail=_OF_A_CHAIN)
        for each in found
    ]


def _parse(item: object) -> Transaction | MalformedTransaction:
    try:
        return Transaction.parse(item)
    except InvalidTransaction as error:
        return MalformedTransaction(transaction_id=_readable_id(item), detail=str(error))


def _is_linked(item: object) -> bool:
    return isinstance(item, dict) and item.get("linked") is True


def _readable_id(item: object) -> UUID | None:
    try:
        return parse_uuid("transaction_id", item["transaction_id"])  # type: ignore[index]
    except (InvalidField, TypeError, KeyError):
        return None
