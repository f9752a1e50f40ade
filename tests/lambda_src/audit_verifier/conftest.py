from collections.abc import Iterator

import pytest

from tests.lambda_src.audit_verifier.world import World
from tests.lambda_src.cluster import Cluster


@pytest.fixture
def world(cluster: Cluster, ledger_database: str) -> Iterator[World]:
    with cluster.session(ledger_database) as session:
        yield World(session=session)
