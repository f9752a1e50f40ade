"""B8: the kernel knows which user sent a request, whatever the request says."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud.unprivileged import unprivileged
from page.actions.peer import is_allowed_user

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


def listed(folder: Path, *users: int) -> Path:
    """A table of the kernel with a connection of the given users, and with the server's own end."""
    ends = ("0100007F:C822 0100007F:11E4", "0100007F:11E4 0100007F:C822")
    lines = [
        f"   {n}: {pair} 01 00000000:00000000 00:00000000 00000000 {user:>5} 0 1 1 0 20 4 0 10 -1\n"
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


def test_b8_a_connection_that_the_kernel_does_not_list_is_not_allowed(tmp_path: Path) -> None:
    table = listed(tmp_path)
    assert not is_allowed_user(CLIENT, SERVER, table=table)
