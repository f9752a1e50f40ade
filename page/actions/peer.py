"""Which user of this machine sent a request, as the kernel knows it.

Every user of a machine reaches its loopback: other people, and builds of the local cloud, which run
the code of a branch as a user without privileges. Such a program can write any header and can read
the token, but it cannot change who owns its socket.

It can close its socket after sending. Nobody owns a closed socket: the kernel lists it with user 0
and inode 0 until both ends are closed. So only an open one says who sent the request.

Source: https://docs.kernel.org/networking/proc_net_tcp.html
"""

import os
import socket
import sys
from pathlib import Path
from typing import Final

_CONNECTIONS: Final = Path("/proc/net/tcp")
_LOCAL, _REMOTE, _STATE, _USER, _INODE = 1, 2, 3, 7, 9  # columns
_ESTABLISHED: Final = "01"
_NO_INODE: Final = "0"
_ROOT: Final = 0  # forwards a browser's connection into a container or a virtual machine

Address = tuple[str, int]


def is_allowed_user(client: Address, server: Address, *, table: Path = _CONNECTIONS) -> bool:
    """Whether the user of this process, or root, owns the other end, which is still open."""
    return _owner(client, server, table) in (os.getuid(), _ROOT)


def _owner(client: Address, server: Address, table: Path) -> int | None:
    """Return the user's id; None if the kernel does not list the connection as an open one."""
    ends = [_as_listed(client), _as_listed(server)]
    for line in table.read_text().splitlines()[1:]:
        columns = line.split()
        if [columns[_LOCAL], columns[_REMOTE]] == ends:
            is_open = columns[_STATE] == _ESTABLISHED and columns[_INODE] != _NO_INODE
            return int(columns[_USER]) if is_open else None
    return None


def _as_listed(address: Address) -> str:
    """As the kernel writes an address: its four bytes as one number of this machine."""
    host, port = address
    number = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    return f"{number:08X}:{port:04X}"
