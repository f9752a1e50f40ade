"""Clients of the load balancer do not notice that its targets change."""

import contextlib
import http.client
import http.server
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any, cast

import pytest

from local_cloud.addresses import LoopbackAddresses, free_port
from local_cloud.aws import AwsClients
from local_cloud.emulator.load_balancers import LoadBalancers

PORT = 18443


@dataclass(kw_only=True)
class Elbv2:
    """ELB's API: one load balancer, one listener, and the targets of a test."""

    host: str = ""
    targets: list[tuple[str, int]] = field(default_factory=list)

    def describe_load_balancers(self) -> dict[str, Any]:
        return {"LoadBalancers": [{"LoadBalancerArn": "arn/lb", "DNSName": self.host}]}

    def describe_listeners(self, **_: str) -> dict[str, Any]:
        action = {"Type": "forward", "TargetGroupArn": "arn:targetgroup/app/0a1b"}
        listener = {"ListenerArn": "arn/app/1/2", "Port": PORT, "DefaultActions": [action]}
        return {"Listeners": [listener]}

    def describe_target_groups(self, **_: list[str]) -> dict[str, Any]:
        return {"TargetGroups": [{"Port": 80, "Protocol": "HTTP"}]}

    def describe_target_health(self, **_: str) -> dict[str, Any]:
        targets = [{"Id": address, "Port": port} for address, port in self.targets]
        return {
            "TargetHealthDescriptions": [
                {"Target": target, "TargetHealth": {"State": "healthy"}} for target in targets
            ]
        }


@dataclass(frozen=True, kw_only=True)
class Balancer:
    elbv2: Elbv2
    balancers: LoadBalancers

    def serve(self, *targets: tuple[str, int]) -> None:
        self.elbv2.targets = list(targets)
        self.balancers.refresh()


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Balancer]:
    addresses = LoopbackAddresses(tmp_path / "addresses.json")
    elbv2 = Elbv2(host=addresses.allocate("lb", port=PORT))
    balancers = LoadBalancers(
        folder=tmp_path / "load-balancers",
        caddy=Path(shutil.which("caddy") or ""),
        addresses=addresses,
        aws=cast(AwsClients, SimpleNamespace(elbv2=elbv2)),
        listener_port=PORT,
    )
    yield Balancer(elbv2=elbv2, balancers=balancers)
    balancers.stop()


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
    deadline = time.monotonic() + 10
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
        client = http.client.HTTPConnection(balancer.elbv2.host, PORT, timeout=10)
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
        ask_until(http.client.HTTPConnection(balancer.elbv2.host, PORT, timeout=10), "only")
