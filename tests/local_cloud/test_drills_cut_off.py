"""B7: tasks lose the database, as if packets were dropped, and get it back; the writer stays."""

from collections.abc import Callable
from typing import Any, NoReturn

import pg8000.dbapi
import pytest

from local_cloud.drills import cut_off
from local_cloud.drills.cut_off import database_cut_off
from local_cloud.emulator.database_pair import DatabasePair
from local_cloud.postgres import PostgresServer
from local_cloud.superuser import superuser
from tests.local_cloud.database_pairs import begun_again, look_after, running_pair


class Servers:
    """A scene of which the servers are known."""

    def __init__(self, pair: DatabasePair) -> None:
        self._pair = pair

    def databases(self) -> list[dict[str, Any]]:
        return self._pair.facts()


def session(server: PostgresServer, *, timeout_seconds: float = 300) -> pg8000.dbapi.Connection:
    return pg8000.dbapi.connect(
        user="service", password="test", host=server.address, port=server.port,
        database="postgres", ssl_context=True, timeout=timeout_seconds,
    )  # fmt: skip


def ask(connection: pg8000.dbapi.Connection) -> None:
    connection.cursor().execute("SELECT 1")


def ask_again_and_again(connection: pg8000.dbapi.Connection) -> NoReturn:
    """The other thread of the cut ends the session at some moment."""
    while True:
        ask(connection)


@pytest.mark.parametrize("which", ["writer", "standby"])
def test_b7_a_cut_ends_sessions_and_lets_none_be_opened_until_it_is_over(
    monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    monkeypatch.setattr(
        cut_off, "database_admin", lambda _: {"username": "postgres", "password": "test"}
    )
    with running_pair() as pair:
        with superuser(pair.writer.server) as execute:
            execute("CREATE ROLE service LOGIN PASSWORD 'test'")
            # Until the standby has it, too.
            execute("SET synchronous_commit = remote_apply")
            execute("CREATE TABLE seen (n bigint)")
        pair.check_health()
        writer, server = pair.writer, getattr(pair, which).server
        before = session(server)
        ask(before)

        scene: Any = Servers(pair)
        with database_cut_off(scene):
            for _ in range(2):
                with pytest.raises((pg8000.dbapi.Error, OSError)):
                    ask(session(server, timeout_seconds=1))
            with pytest.raises((pg8000.dbapi.Error, OSError)):
                ask_again_and_again(before)
            pair.check_health()
            look_after(pair)
            assert pair.writer is writer
            assert pair.writer.serves

        ask(session(server))


@pytest.mark.parametrize("end", [DatabasePair.stop, begun_again], ids=["down", "kill"])
def test_a_cloud_that_ends_during_a_cut_has_its_databases_at_the_next_start(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[DatabasePair], Any]
) -> None:
    monkeypatch.setattr(
        cut_off, "database_admin", lambda _: {"username": "postgres", "password": "test"}
    )
    with running_pair() as pair:
        with superuser(pair.writer.server) as execute:
            execute("CREATE ROLE service LOGIN PASSWORD 'test'")
        scene: Any = Servers(pair)
        with database_cut_off(scene):
            end(pair)
        again = begun_again(pair)
        try:
            again.resume()
            ask(session(again.writer.server))
        finally:
            again.stop()
