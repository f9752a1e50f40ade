"""Each way to break the posting function is noticed by the tests of its contract.

A mutant whose text is no longer in the file fails: change it with the function.
"""

import random
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from local_cloud.postgres import PostgresServer
from tests.app_service.posting.model.cases import CASES, run_case
from tests.app_service.posting.model.races import RACES, run_race
from tests.app_service.posting.model.scripts import play
from tests.app_service.posting.mutation.mutants import MUTANTS, NOTHING_BROKEN, Mutant
from tests.ledger_structure import EMPTY

_DATABASE = "ledger_mutants"
_SCRIPTS = 20


@pytest_asyncio.fixture(scope="module")
async def mutants_dsn(postgres_server: PostgresServer, ledger_template: str) -> AsyncIterator[str]:
    """One copy for all mutants: each replaces the function of the one before."""
    admin = await asyncpg.connect(postgres_server.dsn)
    await admin.execute(f"CREATE DATABASE {_DATABASE} TEMPLATE {ledger_template}")
    yield postgres_server.dsn.removesuffix("postgres") + _DATABASE
    await admin.execute(f"DROP DATABASE {_DATABASE} WITH (FORCE)")
    await admin.close()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "_"))
async def test_a_broken_function_is_noticed(mutant: Mutant, mutants_dsn: str) -> None:
    """An assertion fails, or the database refuses what the function writes."""
    await _replace_function(mutants_dsn, mutant)
    race = mutant.noticed_by
    with pytest.raises((AssertionError, asyncpg.PostgresError, TimeoutError)):
        await (_use(mutants_dsn) if race is None else run_race(race, mutants_dsn, seconds=5))


async def test_the_function_itself_passes(mutants_dsn: str) -> None:
    """Else the test above would show nothing."""
    await _replace_function(mutants_dsn, NOTHING_BROKEN)
    await _use(mutants_dsn)
    for race in RACES:
        await _replace_function(mutants_dsn, NOTHING_BROKEN)
        await run_race(race, mutants_dsn)


def test_a_mutant_without_its_text_is_reported() -> None:
    with pytest.raises(ValueError, match=r"'gone'.* must contain this text once, not 0 times"):
        Mutant("gone", (("no such text", ""),)).sql()


async def _use(dsn: str) -> None:
    session = await asyncpg.connect(dsn)
    try:
        for case in CASES:
            await run_case(session, case)
        for seed in range(_SCRIPTS):
            dice = random.Random(seed)
            await play(session, [dice.getrandbits(32) for _ in range(40)])
    finally:
        session.terminate()


async def _replace_function(dsn: str, mutant: Mutant) -> None:
    session = await asyncpg.connect(dsn)
    await session.execute(EMPTY)
    await session.execute(mutant.sql())
    await session.close()
