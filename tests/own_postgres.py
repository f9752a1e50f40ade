"""A PostgreSQL server of a test's own: empty, without TLS, on a free port."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_cloud.addresses import free_port
from local_cloud.postgres import PostgresServer


@contextmanager
def own_postgres(**settings: str) -> Iterator[PostgresServer]:
    """Durability is off, for speed, unless `settings` say otherwise."""
    folder = Path(tempfile.mkdtemp(prefix="test-postgres-"))
    server = PostgresServer(
        data_dir=folder / "data",
        address="127.0.0.1",
        port=free_port(),
        password="test",
        settings={"fsync": "off", "log_min_messages": "fatal"} | settings,
    )
    server.initialize()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
