"""A pair whose cloud was killed starts again as it was, with every acknowledged commit."""

from unittest.mock import Mock

import pytest

from local_cloud.emulator.database_pair import DatabasePair
from local_cloud.postgres import PostgresError
from tests.local_cloud.database_pairs import (
    NOWHERE,
    Writers,
    begun_again,
    is_standby,
    kept,
    kill,
    look_after,
    until,
    write,
)


def test_a_killed_pair_has_all_that_was_acknowledged_and_gets_its_standby_back(
    pair: DatabasePair,
) -> None:
    clients = Writers(pair.writer.server)
    until(lambda: len(clients.acknowledged) > 100)
    again = begun_again(pair)
    clients.join()
    try:
        again.resume()
        assert set(clients.acknowledged) <= set(kept(again.writer.server))
        look_after(again)
        assert is_standby(again.standby.server)
        write(again.writer.server, -1)
        kill(again.writer)
        assert again.look_after_writer(lost_zones=NOWHERE), "the standby has everything again"
    finally:
        again.stop()


def test_the_writer_after_a_failover_is_the_writer_of_the_next_cloud(pair: DatabasePair) -> None:
    """The other one lacks what was written since."""
    promoted = pair.standby.server.data_dir
    kill(pair.writer)
    pair.look_after_writer(lost_zones=NOWHERE)
    write(pair.writer.server, 1)
    again = begun_again(pair)
    try:
        again.resume()
        assert again.writer.server.data_dir == promoted
        assert kept(again.writer.server) == [1]
        look_after(again)
        assert is_standby(again.standby.server)
    finally:
        again.stop()


def test_a_kill_between_the_decision_to_promote_and_the_promotion_is_made_good(
    pair: DatabasePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pair.writer.server, 1)
    chosen = pair.standby
    kill(pair.writer)
    with monkeypatch.context() as patch:
        patch.setattr(chosen.server, "promote", Mock(side_effect=PostgresError("killed")))
        with pytest.raises(PostgresError):
            pair.look_after_writer(lost_zones=NOWHERE)
    again = begun_again(pair)
    try:
        again.resume()
        assert again.writer.server.data_dir == chosen.server.data_dir
        assert kept(again.writer.server) == [1]
        write(again.writer.server, 2)
    finally:
        again.stop()


def test_a_writer_that_started_again_after_a_failed_promotion_is_the_writer(
    pair: DatabasePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, chosen = pair.writer, pair.standby
    kill(old)
    with monkeypatch.context() as patch:
        patch.setattr(chosen.server, "promote", Mock(side_effect=PostgresError("not yet")))
        with pytest.raises(PostgresError):
            pair.look_after_writer(lost_zones=NOWHERE)
    kill(chosen)
    assert not pair.look_after_writer(lost_zones=NOWHERE)
    look_after(pair, lost=frozenset({"b"}))
    write(pair.writer.server, 1)
    again = begun_again(pair)
    try:
        again.resume()
        assert again.writer.server.data_dir == old.server.data_dir
        assert kept(again.writer.server) == [1]
    finally:
        again.stop()
