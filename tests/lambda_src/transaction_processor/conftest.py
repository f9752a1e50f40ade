"""A ledger of the processor on real PostgreSQL, in which postings can be made to fail."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from pg8000.native import Connection

from lambda_src.shared.database import connect_to_writer
from lambda_src.transaction_processor.posting import SqlLedger
from tests.lambda_src.cluster import MASTER, Cluster

# What a test has added to make postings fail.
_FAIL_NO_MORE = (
    "DROP FUNCTION IF EXISTS ledger.fail CASCADE; DROP SEQUENCE IF EXISTS ledger.failures"
)


@pytest.fixture
def master(cluster: Cluster, ledger_database: str) -> Iterator[Connection]:
    with cluster.session(ledger_database) as session:
        yield session
        session.run(_FAIL_NO_MORE)


@pytest.fixture
def connections() -> list[Connection]:
    """Those that a ledger of the test has opened, in order."""
    return []


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def ledger(
    cluster: Cluster, ledger_database: str, connections: list[Connection], pauses: list[float]
) -> Iterator[SqlLedger]:
    def connect() -> Connection:
        connections.append(connect_to_writer(cluster.target(ledger_database), MASTER))
        return connections[-1]

    yield SqlLedger(connect=connect, pause_up_to=pauses.append)
    for connection in connections:
        with suppress(Exception):
            connection.close()
