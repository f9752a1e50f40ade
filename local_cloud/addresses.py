"""Loopback addresses: each load balancer, task and database has its own, as on a network.

Linux answers on all of 127.0.0.0/8, so two servers can listen on the same port, as on AWS.
"""

import json
import socket
import threading
import zlib
from pathlib import Path

from local_cloud.whole_file import write_whole


class PortTaken(Exception):
    """Another program listens on the port on every address that was tried."""


class LoopbackAddresses:
    """Allocates 127.x.y.z addresses by key; a key keeps its address until it is released.

    The first address depends on the state folder, so that two local clouds on one machine rarely
    try the same address; if they do, the next free address is used.
    """

    _TRIES_MAX = 200

    def __init__(self, state_file: Path) -> None:
        self._file = state_file
        self._lock = threading.Lock()
        self._taken: dict[str, str] = {}
        if state_file.exists():
            self._taken = json.loads(state_file.read_text())
        self._start = zlib.crc32(str(state_file).encode())

    def allocate(self, key: str, *, port: int) -> str:
        """The address of `key`; `port` could be bound on it when it was allocated."""
        with self._lock:
            if key in self._taken:
                return self._taken[key]
            offset = self._start + zlib.crc32(key.encode())
            used = set(self._taken.values())
            for step in range(self._TRIES_MAX):
                address = _address(offset + step)
                if address not in used and can_bind(address, port):
                    self._taken[key] = address
                    self._save()
                    return address
        raise PortTaken(
            f"port {port} is taken on every loopback address that was tried: a program listens on "
            f"0.0.0.0:{port}; stop it (see `ss -ltnp`) or choose another port"
        )

    def release(self, key: str) -> None:
        """Release the address of `key`; does nothing for an unknown key."""
        with self._lock:
            if self._taken.pop(key, None) is not None:
                self._save()

    def release_all(self, prefix: str) -> None:
        """Release the addresses of the keys that start with `prefix`."""
        with self._lock:
            self._taken = {k: a for k, a in self._taken.items() if not k.startswith(prefix)}
            self._save()

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._file, json.dumps(self._taken, indent=1))


def _address(number: int) -> str:
    # 127.16.1.1 to 127.239.254.254: not 127.0.0.1, and no network or broadcast addresses.
    second = 16 + number // (254 * 254) % 224
    third = 1 + number // 254 % 254
    return f"127.{second}.{third}.{1 + number % 254}"


def can_bind(address: str, port: int) -> bool:
    """True if nothing listens on `address`:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def free_port(address: str = "127.0.0.1") -> int:
    """A port that is free on `address` at this moment."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
