"""S65: a server of the database hangs or refuses every session; nothing acknowledged is lost."""

import contextlib
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import pg8000.dbapi
import psutil
import pytest

from local_cloud.emulator.database_pair import DatabasePair, Node
from local_cloud.emulator.health_check import FAILURES, HealthCheck
from local_cloud.superuser import superuser
from tests.local_cloud.database_pairs import (
    NOWHERE,
    Writers,
    is_standby,
    kept,
    kill,
    look_after,
    starts_as_writer,
    until,
    write,
)


@contextlib.contextmanager
def hanging(node: Node) -> Iterator[list[psutil.Process]]:
    """Every process of the server is stopped: it lives, and answers nothing."""
    assert node.server.process is not None
    postmaster = psutil.Process(node.server.process.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    node.health_check.reset()  # a slow answer before does not count
    try:
        yield processes
    finally:
        resume(processes)


def ask_impatiently(node: Node) -> None:
    """The health check of a node that is going to hang, so that it is soon found out."""
    node.health_check = HealthCheck(node.server, answer_timeout_seconds=0.5, refusal_seconds=3)


def resume(processes: list[psutil.Process]) -> list[psutil.Process]:
    """SIGCONT to those that still exist; returns them."""
    left = [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    for process in left:
        process.send_signal(signal.SIGCONT)
    return left


def find_out_that_it_hangs(pair: DatabasePair, node: Node) -> None:
    for _ in range(FAILURES):
        assert not node.health_check.fails, "one slow answer is no failure"
        pair.check_health()
    assert node.health_check.fails


def test_s65_a_writer_that_hangs_is_replaced_and_acknowledges_nothing_when_it_continues(
    pair: DatabasePair,
) -> None:
    """The commit was sent to a server that hangs. Its answer must not come after the promotion."""
    old, new = pair.writer, pair.standby
    ask_impatiently(old)
    clients = Writers(old.server)
    until(lambda: len(clients.acknowledged) > 200)
    pair.check_health()
    with superuser(old.server) as execute:
        execute("BEGIN")
        execute("INSERT INTO kept VALUES (-1)")
        with hanging(old) as processes, ThreadPoolExecutor() as pool:
            commit = pool.submit(execute, "COMMIT")
            find_out_that_it_hangs(pair, old)
            pair.look_after_standby(lost_zones=NOWHERE)

            assert pair.look_after_writer(lost_zones=NOWHERE)

            assert pair.writer is new
            assert resume(processes) == [], "it is fenced before the standby is promoted"
            assert commit.exception() is not None, "it was never acknowledged"
    clients.join()
    assert -1 not in kept(new.server)
    assert set(clients.acknowledged) <= set(kept(new.server))
    look_after(pair)
    assert is_standby(old.server)
    assert not old.health_check.fails


def test_s65_a_standby_that_hangs_stops_commits_only_until_it_is_noticed(
    pair: DatabasePair,
) -> None:
    standby = pair.standby
    ask_impatiently(standby)
    with hanging(standby):
        clients = Writers(pair.writer.server)
        find_out_that_it_hangs(pair, standby)
        waited = len(clients.acknowledged)

        pair.look_after_standby(lost_zones=frozenset({"b"}))

        until(lambda: len(clients.acknowledged) > waited + 50)
    look_after(pair)
    kill(pair.writer)
    assert pair.look_after_writer(lost_zones=NOWHERE)
    clients.join()
    assert set(clients.acknowledged) <= set(kept(standby.server))


def test_s65_a_hanging_writer_is_restarted_if_the_standby_may_not_take_over(
    pair: DatabasePair,
) -> None:
    writer, standby = pair.writer, pair.standby
    ask_impatiently(writer)
    write(writer.server, 1)
    kill(standby)
    look_after(pair, lost=frozenset({"b"}))
    pair.check_health()
    with hanging(writer):
        find_out_that_it_hangs(pair, writer)

        assert not pair.look_after_writer(lost_zones=NOWHERE)
        assert not pair.look_after_writer(lost_zones=NOWHERE)

    assert pair.writer is writer
    assert kept(writer.server) == [1]
    assert starts_as_writer(writer.server) == 2, "it is restarted once"


def test_s65_a_writer_that_lives_and_refuses_every_session_is_replaced(
    pair: DatabasePair,
) -> None:
    """As one that crashed and cannot recover on its full disk."""
    old, new = pair.writer, pair.standby
    write(old.server, 1)
    assert old.server.process is not None
    with superuser(old.server):
        # A smart shutdown refuses sessions until the last one has ended.
        old.server.process.send_signal(signal.SIGTERM)
        pair.check_health()
        assert not pair.look_after_writer(lost_zones=NOWHERE), "it may recover by itself"

        def is_given_up() -> bool:
            pair.check_health()
            return pair.look_after_writer(lost_zones=NOWHERE)

        until(is_given_up)

    assert pair.writer is new
    assert kept(new.server) == [1]


def test_s65_a_writer_that_starts_for_the_first_time_is_not_restarted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What it refused while it started does not count."""
    server = Mock(is_alive=True, has_died=False, data_dir=tmp_path / "writer")
    node = Node(server=server)
    starting = pg8000.dbapi.DatabaseError({"C": "57P03", "M": "the database system is starting up"})
    monkeypatch.setattr(node.health_check, "_refusal_seconds", 0)
    monkeypatch.setattr(node.health_check, "_query", Mock(side_effect=starting))
    server.start.side_effect = node.health_check.check
    pair = DatabasePair(first=node, second=Node(server=Mock()), database="postgres")

    pair.start_writer()

    server.start.assert_called_once()
    assert not node.has_failed


def test_s65_a_standby_that_starts_slowly_is_not_restarted(
    pair: DatabasePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it starts it refuses every session for longer than a server may."""
    standby = pair.standby
    kill(standby)
    start = standby.server.start
    starting = pg8000.dbapi.DatabaseError({"C": "57P03", "M": "the database system is starting up"})

    def start_slowly() -> None:
        start()
        with monkeypatch.context() as patch:
            patch.setattr(standby.health_check, "_refusal_seconds", 0)
            patch.setattr(standby.health_check, "_query", Mock(side_effect=starting))
            standby.health_check.check()
            assert standby.health_check.fails

    monkeypatch.setattr(standby.server, "start", start_slowly)
    monkeypatch.setattr(standby.health_check, "_refusal_seconds", 0)
    pair.look_after_standby(lost_zones=NOWHERE)

    assert standby.serves


def test_s65_a_server_that_refuses_a_login_has_answered(
    pair: DatabasePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pair.writer.server, "password", "wrong")
        for _ in range(FAILURES):
            pair.check_health()

    assert not pair.writer.health_check.fails
    assert not pair.look_after_writer(lost_zones=NOWHERE)
