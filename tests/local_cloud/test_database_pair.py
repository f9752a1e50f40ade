"""S65: the writer dies; the standby takes over with every acknowledged commit."""

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import pg8000.dbapi
import psutil
import pytest

from local_cloud.addresses import free_port
from local_cloud.certificates import LocalAuthority
from local_cloud.emulator.database_pair import DatabasePair, Node
from local_cloud.emulator.health_check import FAILURES, HealthCheck
from local_cloud.postgres import PostgresError, PostgresServer
from local_cloud.superuser import superuser

NOWHERE: frozenset[str] = frozenset()


@pytest.fixture
def pair() -> Iterator[DatabasePair]:
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
        node.health_check = HealthCheck(node.server, answer_timeout_seconds=0.5, refusal_seconds=3)
    pair = DatabasePair(first=first, second=second, database="postgres")
    pair.start_writer()
    first.instance_id, first.zone = "one", "a"
    pair.start_standby()
    second.instance_id, second.zone = "two", "b"
    with superuser(first.server) as execute:
        execute("CREATE TABLE kept (n bigint)")
    yield pair
    pair.stop()
    shutil.rmtree(folder)


def look_after(pair: DatabasePair, *, lost: frozenset[str] = NOWHERE) -> None:
    pair.look_after_writer(lost_zones=lost)
    pair.look_after_standby(lost_zones=lost)


def kill(node: Node) -> None:
    """`kill -9` of the postmaster: its sessions run on for a while."""
    process = node.server.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: node.server.has_died)


@contextlib.contextmanager
def hanging(node: Node) -> Iterator[list[psutil.Process]]:
    """Every process of the server is stopped: it lives, and answers nothing."""
    assert node.server.process is not None
    postmaster = psutil.Process(node.server.process.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    yield processes
    resume(processes)


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


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
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


def test_s65_the_standby_takes_over_with_all_that_was_acknowledged(pair: DatabasePair) -> None:
    old, new = pair.writer, pair.standby
    clients = Writers(old.server)
    until(lambda: len(clients.acknowledged) > 200)

    kill(old)
    has_moved = pair.look_after_writer(lost_zones=NOWHERE)
    clients.join()

    assert has_moved
    assert pair.writer is new
    assert set(clients.acknowledged) <= set(kept(new.server))
    write(new.server, -1)  # without waiting for the dead one


def test_s65_the_old_writer_comes_back_as_standby_and_never_writes_again(
    pair: DatabasePair,
) -> None:
    old, new = pair.writer, pair.standby
    kill(old)
    times_a_writer = starts_as_writer(old.server)
    pair.look_after_writer(lost_zones=NOWHERE)
    clients = Writers(new.server)  # it is copied while it is written to
    until(lambda: len(clients.acknowledged) > 50)

    pair.look_after_standby(lost_zones=NOWHERE)

    assert is_standby(old.server)
    assert starts_as_writer(old.server) == times_a_writer
    with pytest.raises(pg8000.dbapi.DatabaseError, match="read-only"):
        write(old.server, -1)
    kill(new)
    pair.look_after_writer(lost_zones=NOWHERE)
    clients.join()
    assert pair.writer is old
    assert set(clients.acknowledged) <= set(kept(old.server))


def test_s65_no_session_of_the_old_writer_is_left_when_the_new_one_starts(
    pair: DatabasePair,
) -> None:
    """Busy sessions of a killed postmaster run on, and could answer a client."""
    old = pair.writer
    assert old.server.process is not None
    with superuser(old.server) as execute:
        ((pid,),) = execute("SELECT pg_backend_pid()")
        os.kill(pid, signal.SIGSTOP)  # so that it cannot end by itself
        kill(old)
        assert psutil.pid_exists(pid)

        pair.look_after_writer(lost_zones=NOWHERE)

        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"


def test_s65_a_promotion_that_fails_is_tried_again(
    pair: DatabasePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = pair.standby
    write(pair.writer.server, 1)
    kill(pair.writer)
    with monkeypatch.context() as patch:
        patch.setattr(new.server, "promote", Mock(side_effect=PostgresError("not yet")))
        with pytest.raises(PostgresError):
            pair.look_after_writer(lost_zones=NOWHERE)

    assert pair.look_after_writer(lost_zones=NOWHERE)
    assert pair.writer is new
    assert kept(new.server) == [1]


def test_s65_a_standby_that_was_away_is_not_promoted_before_it_has_everything(
    pair: DatabasePair,
) -> None:
    writer, standby = pair.writer, pair.standby
    kill(standby)
    look_after(pair, lost=frozenset({"b"}))
    write(writer.server, 1)  # on the writer alone
    standby.server.start()  # it runs again, but lacks the last commit
    kill(writer)

    has_moved = pair.look_after_writer(lost_zones=NOWHERE)

    assert not has_moved
    assert pair.writer is writer
    assert kept(writer.server) == [1]


def test_s65_losing_the_standby_stops_no_commit_and_it_catches_up(pair: DatabasePair) -> None:
    standby = pair.standby
    kill(standby)
    look_after(pair, lost=frozenset({"b"}))
    assert not standby.server.is_alive  # nothing starts in a zone that is lost
    write(pair.writer.server, 1)

    look_after(pair)

    assert kept(standby.server) == [1]
    kill(pair.writer)
    assert pair.look_after_writer(lost_zones=NOWHERE)
    assert kept(standby.server) == [1]


def test_s65_a_standby_that_cannot_continue_gets_a_new_copy(pair: DatabasePair) -> None:
    standby = pair.standby
    kill(standby)
    look_after(pair, lost=frozenset({"b"}))
    write(pair.writer.server, 1)
    (standby.server.data_dir / "global" / "pg_control").unlink()

    look_after(pair)

    assert kept(standby.server) == [1]


def test_s65_no_commit_is_lost_when_both_die(pair: DatabasePair) -> None:
    writer = pair.writer
    write(writer.server, 1)
    kill(pair.standby)
    kill(writer)

    look_after(pair)

    assert pair.writer is writer
    assert kept(pair.writer.server) == [1]
    until(lambda: kept(pair.standby.server) == [1])
    assert is_standby(pair.standby.server)


def test_s65_the_writer_does_not_wait_for_a_dropped_standby(pair: DatabasePair) -> None:
    pair.drop_standby()
    write(pair.writer.server, 1)
    look_after(pair)
    assert not pair.standby.server.is_alive


def test_s65_a_writer_that_hangs_is_replaced_and_acknowledges_nothing_when_it_continues(
    pair: DatabasePair,
) -> None:
    """The commit was sent to a server that hangs. Its answer must not come after the promotion."""
    old, new = pair.writer, pair.standby
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
            assert commit.exception(timeout=10) is not None, "it was never acknowledged"
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
