"""Bodies of requests that have no type of their own: the OpenAPI document describes them."""

from dataclasses import dataclass, field, fields, make_dataclass
from typing import Annotated, get_type_hints

from msgspec import Meta

from app_service.ledger.domain import CALL_MAX
from app_service.ledger.kinds import ALLOWED, DEPENDING, Kind
from app_service.ledger.transaction import Transaction

_GIVEN_BY_PATH = frozenset(("kind", "target_id"))
_OF_A_BATCH = frozenset(("linked",))


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    transactions: Annotated[list[Transaction], Meta(min_length=1, max_length=CALL_MAX)]


def _to_target(kind: Kind) -> type:
    """The fields of a transaction of this kind without those that the path gives."""
    left_out = _GIVEN_BY_PATH | _OF_A_BATCH | (DEPENDING - ALLOWED[kind])
    hints = get_type_hints(Transaction, include_extras=True)
    kept = [
        (each.name, hints[each.name], field(default=each.default))
        for each in fields(Transaction)
        if each.name not in left_out
    ]
    return make_dataclass(kind.title(), kept, frozen=True, kw_only=True, slots=True)


TO_TARGET = {kind: _to_target(kind) for kind in (Kind.REVERSAL, Kind.CAPTURE, Kind.VOID)}
