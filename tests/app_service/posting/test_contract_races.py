"""What the row locks and the order of writing promise, with sessions in a fixed order."""

import pytest

from tests.app_service.conftest import LedgerDatabase
from tests.app_service.posting.model.races import RACES, Race, run_race


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
async def test_s32_calls_at_the_same_time(race: Race, ledger_database: LedgerDatabase) -> None:
    """S32: the name of each case is its promise."""
    await run_race(race, ledger_database.dsn)
