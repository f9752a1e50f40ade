"""Several sessions use the ledger while sessions and the server are killed.

Every answer and every row is explained by an order of the calls. More of it:
LEDGER_EXAMPLES=5000 python -m pytest tests/app_service/posting/test_contract_machine.py
"""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from local_cloud.postgres import PostgresServer
from tests.app_service.conftest import migrate
from tests.app_service.posting.model.machine import LedgerMachine
from tests.app_service.posting.model.scripts import examples
from tests.own_postgres import own_postgres

_WITHOUT_SHRINKING = (Phase.generate,)  # no race is the same twice


@pytest.fixture
def durable_server() -> Iterator[PostgresServer]:
    """A server of its own, because it is killed. It writes to the disk before it answers."""
    with own_postgres(fsync="on", synchronous_commit="on") as server:
        yield server


def test_s32_nothing_acknowledged_is_lost_or_doubled_when_sessions_and_the_server_are_killed(
    durable_server: PostgresServer,
) -> None:
    """S32: also refusals stay, chains are whole, and holds are closed once."""
    with asyncio.Runner() as loop:
        loop.run(migrate(durable_server.dsn))

        class Machine(LedgerMachine):
            server = durable_server
            dsn = durable_server.dsn
            runner = loop

        run_state_machine_as_test(
            Machine,
            settings=settings(examples(6), stateful_step_count=10, phases=_WITHOUT_SHRINKING),
        )
