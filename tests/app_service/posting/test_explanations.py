"""The search for an order of calls that explains what is in the ledger ends."""

from itertools import count

import asyncpg
import pytest

from tests.app_service.conftest import LedgerDatabase
from tests.app_service.posting.model.documents import Sent
from tests.app_service.posting.model.explanations import Answered, accept_if_explained
from tests.app_service.posting.model.scripts import accounts
from tests.app_service.posting.model.world import World, post


async def test_a_change_that_no_order_explains_is_found_when_all_answers_were_lost(
    ledger_database: LedgerDatabase,
) -> None:
    """Three calls of five transactions have too many orders to try them all."""
    session = await asyncpg.connect(ledger_database.dsn)
    world = await World.open(session, accounts())
    numbers = count(1)

    def transfer(debit: int, credit: int) -> Sent:
        return Sent(
            transaction_id=world.id(next(numbers)),
            debit_account=world.account(debit),
            credit_account=world.account(credit),
            amount_minor=1,
            currency="USD",
        )

    calls = [[transfer(1, credit) for _ in range(5)] for credit in (2, 3, 4)]
    for call in calls:
        await post(session, call)
    answered = [
        Answered(call=call, verdicts=await post(session, call), lost_an_answer=True)
        for call in calls
    ]
    await post(session, [transfer(1, 2)])  # nobody has sent it
    with pytest.raises(AssertionError, match="no order of these calls explains"):
        await accept_if_explained(world, session, answered)
    await session.close()
