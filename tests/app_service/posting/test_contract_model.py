"""The ledger's function does what the contract says, in random calls of every kind.

More examples, and other ones: LEDGER_EXAMPLES=5000 python -m pytest tests/app_service/<this file>
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from hypothesis import given

from tests.app_service.conftest import LedgerDatabase
from tests.app_service.posting.model import assert_sound
from tests.app_service.posting.model.scripts import SCRIPT, SCRIPTS, examples, play


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """Hypothesis runs plain functions."""
    with asyncio.Runner() as loop:
        yield loop


@pytest.fixture
def session(runner: asyncio.Runner, ledger_database: LedgerDatabase) -> Iterator[Any]:
    session = runner.run(_connect(ledger_database.dsn))
    yield session
    runner.run(assert_sound(session, nothing_was_sent=True))  # over all examples together
    runner.run(session.close())


async def _connect(dsn: str) -> Any:
    return await asyncpg.connect(dsn)


@given(script=SCRIPT)
@examples(SCRIPTS)
def test_verdicts_and_every_row_are_those_of_the_model(
    runner: asyncio.Runner, session: Any, script: list[int]
) -> None:
    """S32: with every kind of transaction, chains, rights, states of accounts, and time."""
    runner.run(play(session, script))
