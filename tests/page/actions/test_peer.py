"""B8: the kernel knows which user sent a request, whatever the request says."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud.unprivileged import unprivileged
from page.actions.peer import is_allowed_user
from tests.patience import PATIENCE_SECONDS

CLIENT = ("127.0.0.1", 51234)
SERVER = ("127.0.0.1", 4580)
HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


def test_b8_a_connection_of_this_user_is_allowed(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client:
        connection, address = listener.accept()
        with connection:
            assert is_allowed_user(address, listener.getsockname())
            assert client.getsockname() == address


def test_b8_a_connection_of_a_build_is_not_allowed(listener: socket.socket) -> None:
    """As root builds run as another user; nobody else can start a process of another user."""
    if os.getuid() != 0:
        pytest.skip("only root can start a process of another user")
    code = "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
    port = str(listener.getsockname()[1])
    command = [*unprivileged(), sys.executable, "-c", f"{code}; sys.stdin.read()", port]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/") as process:
        connection, address = listener.accept()
        with connection:
            assert not is_allowed_user(address, listener.getsockname())
        assert process.stdin is not None
        process.stdin.close()


def wait_until_closed(client: tuple[str, int]) -> None:
    """Until the kernel lists the client's end as one that waits for the server's (FIN_WAIT2)."""
    end = f":{client[1]:04X}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        if any(row[1].endswith(end) and row[3] == "05" for row in rows):
            return
        assert time.monotonic() < deadline, "the client did not close its connection"
        time.sleep(0.01)


def test_b8_a_build_that_closed_its_connection_is_not_allowed(listener: socket.socket) -> None:
    """The request stays to be read, but the kernel lists its socket with the user of root."""
    if os.getuid() != 0:
        pytest.skip("only root can start a process of another user")
    code = (
        "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1])));"
        "s.sendall(b'POST'); s.close()"
    )
    port = str(listener.getsockname()[1])
    with subprocess.Popen([*unprivileged(), sys.executable, "-c", code, port], cwd="/"):
        connection, address = listener.accept()
    with connection:
        wait_until_closed(address)
        assert not is_allowed_user(address, listener.getsockname())
        assert connection.recv(4) == b"POST"


def test_b8_a_connection_that_its_client_closed_is_not_allowed(listener: socket.socket) -> None:
    """Nobody owns it any more, whoever opened it."""
    with socket.create_connection(listener.getsockname()):
        connection, address = listener.accept()
    with connection:
        wait_until_closed(address)
        assert not is_allowed_user(address, listener.getsockname())


def listed(folder: Path, *users: int, state: str = "01", inode: int = 7) -> Path:
    """A table of the kernel with a connection of the given users, and with the server's own end."""
    ends = ("0100007F:C822 0100007F:11E4", "0100007F:11E4 0100007F:C822")
    lines = [
        f"   {n}: {pair} {state} 00000000:00000000 00:00000000 00000000 {user:>5} 0 {inode} 1\n"
        for n, (pair, user) in enumerate(zip(ends, users, strict=False))
    ]
    table = folder / "tcp"
    table.write_text(HEADER + "".join(lines))
    return table


@pytest.mark.parametrize(("user", "is_allowed"), [(1000, True), (0, True), (1001, False)])
def test_b8_only_the_user_of_the_page_and_root_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, is_allowed: bool
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    table = listed(tmp_path, user, 1000)
    assert is_allowed_user(CLIENT, SERVER, table=table) == is_allowed


@pytest.mark.parametrize(("state", "inode"), [("05", 7), ("06", 0), ("01", 0)])
def test_b8_a_socket_without_an_owner_is_not_one_of_root(
    tmp_path: Path, state: str, inode: int
) -> None:
    table = listed(tmp_path, 0, os.getuid(), state=state, inode=inode)
    assert not is_allowed_user(CLIENT, SERVER, table=table)


def test_b8_a_connection_that_the_kernel_does_not_list_is_not_allowed(tmp_path: Path) -> None:
    table = listed(tmp_path)
    assert not is_allowed_user(CLIENT, SERVER, table=table)
