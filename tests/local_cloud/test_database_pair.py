"""S65: the writer dies; the standby takes over with every acknowledged commit."""

import contextlib
import os
import signal
from unittest.mock import Mock

import pg8000.dbapi
import psutil
import pytest

from local_cloud.emulator.database_pair import DatabasePair
from local_cloud.postgres import PostgresError
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
        session = psutil.Process(pid)

        pair.look_after_writer(lost_zones=NOWHERE)

        with contextlib.suppress(psutil.NoSuchProcess):
            assert session.status() == psutil.STATUS_ZOMBIE


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

    until(lambda: kept(standby.server) == [1])  # it has it, and shows it when it has replayed it
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

    until(lambda: kept(standby.server) == [1])  # it has it, and shows it when it has replayed it


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
