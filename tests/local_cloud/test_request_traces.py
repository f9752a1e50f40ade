"""A target gets the header X-Amzn-Trace-Id as from an Application Load Balancer."""

import http.client
import http.server
import re
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from app_service.ledger.origin import origin_of_trace, trace_of
from local_cloud.addresses import free_port
from tests.local_cloud.running_balancer import PORT, Balancer, running_balancer

ONE = "1-[0-9a-f]{8}-[0-9a-f]{24}"
OF_CLIENT = "1-67891233-abcdef012345678912345678"


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the header that it got."""

    def do_GET(self) -> None:
        found = self.headers.get("X-Amzn-Trace-Id", "").encode("latin-1")
        self.send_response(200)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    folder: Path = tmp_path_factory.mktemp("balancer")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Echo)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    with running_balancer(folder) as running:
        running.serve(("127.0.0.1", server.server_address[1]))
        yield running
    server.shutdown()
    server.server_close()


def got(balancer: Balancer, sent: str | None = None) -> str:
    connection = http.client.HTTPConnection(balancer.elbv2.host, PORT, timeout=300)
    connection.request("GET", "/", headers={} if sent is None else {"X-Amzn-Trace-Id": sent})
    return connection.getresponse().read().decode("latin-1")


def test_a_request_without_the_header_gets_a_root_of_its_own(balancer: Balancer) -> None:
    first, second = got(balancer), got(balancer)
    assert re.fullmatch(f"Root={ONE}", first)
    assert first != second
    moment = int(first.split("-")[1], 16)
    assert abs(time.time() - moment) < 3600
    assert trace_of(origin_of_trace(first) or "") == first.removeprefix("Root=")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (f"Root={OF_CLIENT}", f"Root={OF_CLIENT}"),
        (f"Root={OF_CLIENT};CalledFrom=app", f"Root={OF_CLIENT};CalledFrom=app"),
        (f"Self={OF_CLIENT};Root={OF_CLIENT};X=y", f"Root={OF_CLIENT};X=y"),
        (f"Root={OF_CLIENT};Self={OF_CLIENT};X=y", f"Root={OF_CLIENT};X=y"),
        ("Root={http.request.host};X='$1\"", "Root={http.request.host};X='$1\""),
    ],
)
def test_the_root_of_a_client_stays_and_self_is_the_load_balancers(
    balancer: Balancer, sent: str, kept: str
) -> None:
    found = got(balancer, sent)
    own, _, rest = found.partition(";")
    assert re.fullmatch(f"Self={ONE}", own)
    assert OF_CLIENT not in own
    assert rest == kept


def test_a_header_without_a_root_gets_one(balancer: Balancer) -> None:
    assert re.fullmatch(f"Root={ONE}", got(balancer, "anything"))
