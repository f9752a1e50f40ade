"""The process: its address, its account, and its end."""

import contextlib
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from page import __main__ as program
from tests.page.recorded import CHECKOUT
from tests.patience import PATIENCE_SECONDS


@contextlib.contextmanager
def _running(*arguments: str, **variables: str) -> Iterator[str]:
    """`python -m page`; yields the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "page", *arguments],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            **variables,
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) is not None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_it_serves_at_the_printed_address_and_says_what_it_shows() -> None:
    port = _free_port()
    with _running(
        "--port", str(port), AWS_REGION="eu-west-1", AWS_DEFAULT_REGION="eu-west-1"
    ) as at:
        assert at == f"http://127.0.0.1:{port}/"
        page = httpx.get(at, timeout=PATIENCE_SECONDS)
    assert page.status_code == 200
    assert "AWS, eu-west-1" in page.text


class _Server:
    """In the place of uvicorn's: serves nothing and remembers its socket."""

    address: tuple[str, int]

    def __init__(self, config: Any) -> None:
        self.config = config

    def run(self, *, sockets: list[socket.socket]) -> None:
        _Server.address = sockets[0].getsockname()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> type[_Server]:
    monkeypatch.setattr(uvicorn, "Server", _Server)
    return _Server


def test_it_is_a_program(served: type[_Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["page", "--port", "0"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(CHECKOUT / "page" / "__main__.py"), run_name="__main__")
    assert ended.value.code == 0


def test_a_taken_port_is_replaced_by_a_free_one(served: type[_Server]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert program.main(["--port", str(port)]) == 0
        assert served.address[1] != port


def test_only_this_machine_reaches_it(served: type[_Server]) -> None:
    for arguments in (["--port", "0"], ["--port", str(_free_port())]):
        program.main(arguments)
        assert served.address[0] == "127.0.0.1"


def test_the_local_cloud_gives_it_a_socket_and_a_state_folder(
    served: type[_Server], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    descriptor = listener.detach()
    assert program.main(["--local-state", str(tmp_path), "--listener", str(descriptor)]) == 0
    assert served.address == address
    assert "local cloud" in capsys.readouterr().out
