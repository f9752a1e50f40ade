from types import SimpleNamespace
from typing import cast

import pytest

from bench.ledger.bed import Target
from bench.ledger.server import Ledger, LedgerBroken
from bench.ledger.service import Service


def _target(*, posted: int) -> Target:
    """100 transactions were acknowledged, and at most 5 requests were cut off."""
    ledger = SimpleNamespace(name="measured", posted=lambda: posted, check=lambda: None)
    return Target(
        service=cast(Service, None),
        ledger=cast(Ledger, ledger),
        token="",
        acknowledged=100,
        unanswered_max=5,
    )


@pytest.mark.parametrize("posted", [100, 105])
def test_what_was_acknowledged_is_posted(posted: int) -> None:
    _target(posted=posted).check()


@pytest.mark.parametrize("posted", [99, 106])
def test_a_lost_or_an_unasked_transaction_ends_the_run(posted: int) -> None:
    with pytest.raises(LedgerBroken, match=f"holds {posted} transactions; 100 were acknowledged"):
        _target(posted=posted).check()
