"""The edges of the contract, and that the model of the other tests knows them."""

from collections.abc import Awaitable, Callable

import pytest

from app_service.database.database import Pool
from tests.app_service.posting.model import assert_sound
from tests.app_service.posting.model.cases import CASES, Case, run_case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_s32_contract(case: Callable[[Case], Awaitable[None]], ledger_pool: Pool) -> None:
    """S32: the name of each case is its promise."""
    async with ledger_pool.acquire() as session:
        await run_case(session, case)
        await assert_sound(session, nothing_was_sent=True)
