"""Loopback addresses: each server has its own."""

import json
import socket
from pathlib import Path

import pytest

from local_cloud.addresses import LoopbackAddresses, PortTaken, can_bind, free_port


def test_two_keys_get_two_addresses_on_the_same_port(tmp_path: Path) -> None:
    addresses = LoopbackAddresses(tmp_path / "addresses.json")
    port = free_port()
    first = addresses.allocate("first", port=port)
    assert first != addresses.allocate("second", port=port)
    assert first.startswith("127.")
    assert first != "127.0.0.1"


def test_a_key_keeps_its_address_until_released(tmp_path: Path) -> None:
    file = tmp_path / "addresses.json"
    port = free_port()
    first = LoopbackAddresses(file).allocate("key", port=port)
    again = LoopbackAddresses(file)
    assert again.allocate("key", port=port) == first
    again.release("key")
    again.release("never allocated")
    assert "key" not in file.read_text()


def test_an_address_in_use_is_not_handed_out(tmp_path: Path) -> None:
    port = free_port()
    wanted = LoopbackAddresses(tmp_path / "addresses.json").allocate("key", port=port)
    (tmp_path / "addresses.json").unlink()
    with socket.socket() as other:
        other.bind((wanted, port))
        other.listen()
        assert not can_bind(wanted, port)
        given = LoopbackAddresses(tmp_path / "addresses.json").allocate("key", port=port)
    assert given != wanted


def test_a_port_that_is_taken_on_every_address_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        addresses = LoopbackAddresses(tmp_path / "addresses.json")
        with pytest.raises(PortTaken, match=f"port {port} is taken"):
            addresses.allocate("key", port=port)


def test_the_addresses_of_all_keys_with_a_prefix_are_released(tmp_path: Path) -> None:
    """Those of a killed server's tasks: databases and load balancers keep theirs."""
    file = tmp_path / "addresses.json"
    addresses = LoopbackAddresses(file)
    port = free_port()
    for key in ("task/1", "task/2", "database/1"):
        addresses.allocate(key, port=port)
    addresses.release_all("task/")
    assert set(json.loads(file.read_text())) == {"database/1"}
