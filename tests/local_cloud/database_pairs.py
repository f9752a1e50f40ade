"""A pair of database servers that run, and what tests do with it."""

import contextlib
import copy
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pg8000.dbapi

from local_cloud.addresses import free_port
from local_cloud.certificates import LocalAuthority
from local_cloud.emulator.database_pair import DatabasePair, Node
from local_cloud.emulator.health_check import HealthCheck
from local_cloud.postgres import PostgresServer
from local_cloud.superuser import superuser

NOWHERE: frozenset[str] = frozenset()


@contextlib.contextmanager
def running_pair() -> Iterator[DatabasePair]:
    folder = Path(tempfile.mkdtemp(prefix="test-pair-"))
    authority = LocalAuthority(folder / "authority")
    port = free_port()
    first, second = (
        Node(
            server=PostgresServer(
                data_dir=folder / name,
                address=host,
                port=port,
                password="test",
                certificate=authority.issue(name=name, addresses=[host]),
                settings={"fsync": "off"},
            )
        )
        for name, host in (("one", "127.0.0.1"), ("two", "127.0.0.2"))
    )
    for node in (first, second):
        # A server that answers slowly on a busy machine does not hang.
        node.health_check = HealthCheck(node.server, answer_timeout_seconds=60, refusal_seconds=3)
    pair = DatabasePair(first=first, second=second, database="postgres")
    pair.start_writer()
    first.instance_id, first.zone = "one", "a"
    pair.start_standby()
    second.instance_id, second.zone = "two", "b"
    with superuser(first.server) as execute:
        execute("CREATE TABLE kept (n bigint)")
    try:
        yield pair
    finally:
        pair.stop()
        shutil.rmtree(folder)


def begun_again(pair: DatabasePair) -> DatabasePair:
    """The pair of the next cloud, on the data of this one, whose processes have been killed."""
    nodes = []
    for node in sorted((pair.writer, pair.standby), key=lambda node: node.server.data_dir.name):
        node.server.fence()
        server = copy.copy(node.server)
        server.process = None
        nodes.append(Node(server=server, instance_id=node.instance_id, zone=node.zone))
    return DatabasePair(first=nodes[0], second=nodes[1], database="postgres")


def look_after(pair: DatabasePair, *, lost: frozenset[str] = NOWHERE) -> None:
    pair.look_after_writer(lost_zones=lost)
    pair.look_after_standby(lost_zones=lost)


def kill(node: Node) -> None:
    """`kill -9` of the postmaster: its sessions run on for a while."""
    process = node.server.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: node.server.has_died)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.01)


def write(server: PostgresServer, number: int) -> None:
    with superuser(server) as execute:
        execute(f"INSERT INTO kept VALUES ({number})")


def kept(server: PostgresServer) -> list[int]:
    with superuser(server) as execute:
        return [n for (n,) in execute("SELECT n FROM kept ORDER BY n")]


def is_standby(server: PostgresServer) -> bool:
    with superuser(server) as execute:
        return execute("SELECT pg_is_in_recovery()") == [[True]]


def starts_as_writer(server: PostgresServer) -> int:
    """How often the server has started as a writer."""
    return server.log_file.read_text().count("ready to accept connections")


class Writers:
    """Clients that insert one number after another and record the acknowledged ones."""

    def __init__(self, server: PostgresServer) -> None:
        self.acknowledged: list[int] = []
        self._threads = [
            threading.Thread(target=self._insert, args=(server, first)) for first in range(4)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _insert(self, server: PostgresServer, number: int) -> None:
        with contextlib.suppress(pg8000.dbapi.Error, OSError), superuser(server) as execute:
            while True:
                execute(f"INSERT INTO kept VALUES ({number})")
                self.acknowledged.append(number)
                number += 4
