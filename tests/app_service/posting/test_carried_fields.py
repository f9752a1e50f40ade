"""A field that this release only carries is refused like an unknown one."""

import pytest

from app_service.ledger import transaction
from app_service.ledger.transaction import InvalidTransaction, Transaction
from tests.app_service.build import document


def test_a_carried_field_is_refused_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "CARRIED", frozenset({"reference"}))
    with pytest.raises(InvalidTransaction, match="'reference': unknown field"):
        Transaction.parse(document(reference="r"))
    assert Transaction.parse(document(metadata={})).metadata == {}
