"""Clients of the load balancer do not notice that its targets change."""

import contextlib
import http.client
import http.server
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from local_cloud.addresses import free_port
from tests.local_cloud.running_balancer import PORT, Balancer, running_balancer


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Balancer]:
    with running_balancer(tmp_path) as running:
        yield running


@contextlib.contextmanager
def target(name: str, *, address: str, port: int) -> Iterator[tuple[str, int]]:
    """A server that answers every request with its name."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((address, port), Handler)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield address, port
    server.shutdown()
    server.server_close()


def ask_until(connection: http.client.HTTPConnection, name: str) -> None:
    """Ask on one connection until `name` has answered. Nothing is sent again."""
    deadline = time.monotonic() + 300
    while True:
        connection.request("POST", "/", body=b"x")
        answer = connection.getresponse()
        assert answer.status == 200
        if answer.read().decode() == name:
            return
        assert time.monotonic() < deadline, f"{name} never answers"


def test_a_connection_of_a_client_outlives_the_targets(balancer: Balancer) -> None:
    """A POST must not be sent again by itself: a closed connection is an error for the client."""
    port = free_port()
    with (
        target("old", address="127.0.0.1", port=port) as old,
        target("new", address="127.0.0.2", port=port) as new,
    ):
        balancer.serve(old)
        client = http.client.HTTPConnection(balancer.elbv2.host, PORT, timeout=300)
        ask_until(client, "old")
        connection = client.sock
        balancer.serve(old, new)
        ask_until(client, "new")
        balancer.serve(new)
        time.sleep(0.5)  # as long as the local cloud waits before it stops a deregistered task
        for _ in range(10):
            ask_until(client, "new")
        assert client.sock is connection


def test_bytes_that_are_no_query_do_not_end_the_name_server(balancer: Balancer) -> None:
    with target("only", address="127.0.0.1", port=free_port()) as only:
        balancer.serve(only)
        host, port = balancer.balancers._names.server.split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for wrong in (b"x", bytes(12) + b"\x05ab", bytes(12) + b"\x01\xff\x00\x00\x01\x00\x01"):
                sender.sendto(wrong, (host, int(port)))
        ask_until(http.client.HTTPConnection(balancer.elbv2.host, PORT, timeout=300), "only")
