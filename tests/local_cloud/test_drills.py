"""A drill detects a ledger that loses or doubles an acknowledged transaction."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from local_cloud.drills.acknowledgements import Api, Stream
from local_cloud.drills.audited import problems_of
from local_cloud.drills.rehearsal import reconcile
from local_cloud.drills.rolling_update import failed_requests

Fault = Callable[[int], bool]  # by the number of the transaction


@contextmanager
def ledger(*, loses: Fault, doubles: Fault, refuses_once: Fault) -> Iterator[Api]:
    """The API of a ledger, as a drill uses it, over plain HTTP."""
    posted: dict[str, int] = {}  # times that it moved a cent, by id
    refused: set[str] = set()
    accounts: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/sessions":
                self._answer(201, {"token": "t"})
            elif self.path == "/accounts":
                accounts.append(body["account_id"])
                self._answer(201, {})
            else:
                self._post(body["transaction_id"])

        def do_GET(self) -> None:
            _, kind, key = self.path.split("/")
            if kind == "transactions":
                self._answer(200 if posted.get(key) else 404, {})
            else:
                total = sum(posted.values())
                is_last = int(key) == accounts[-1]
                is_first = int(key) == accounts[0]
                balance = total if is_last else -total if is_first else 0
                self._answer(200, {"balance_minor": balance})

        def _post(self, key: str) -> None:
            number = len(posted)
            if refuses_once(number) and key not in refused:
                refused.add(key)
                self._answer(503, {})
                return
            posted[key] = 0 if loses(number) else 2 if doubles(number) else 1
            self._answer(201, {})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    yield Api(url=url, certificate_file=None, client_id="c", client_secret="s")
    server.shutdown()
    server.server_close()


def never(_: int) -> bool:
    return False


def the_tenth(number: int) -> bool:
    return number == 10


def drill(folder: Path, **faults: Fault) -> tuple[int, Stream]:
    with ledger(**{"loses": never, "doubles": never, "refuses_once": never, **faults}) as api:
        folder.mkdir(exist_ok=True)
        stream = Stream(api=api, log_file=folder / "log", clients=2)
        began = time.monotonic()
        stream.start()
        while len(stream.answers) < 30:
            assert time.monotonic() - began < 30
            time.sleep(0.01)
        return reconcile(stream, broke_at=began, recovery="back"), stream


def test_b7_a_correct_ledger_passes(tmp_path: Path) -> None:
    assert drill(tmp_path)[0] == 0


def test_b7_a_refused_client_retries_with_the_same_id(tmp_path: Path) -> None:
    code, stream = drill(tmp_path, refuses_once=the_tenth)

    assert code == 0
    assert stream.retries >= 1


def test_b7_a_rolling_update_fails_if_one_request_was_sent_again(tmp_path: Path) -> None:
    _, correct = drill(tmp_path / "correct")
    _, refused = drill(tmp_path / "refused", refuses_once=the_tenth)

    assert failed_requests(correct) == []
    assert "503" in failed_requests(refused)[0]


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        (["a", "b"], ""),
        (["a"], "not in the audit bucket"),
        (["a", "b", "b"], "more than once"),
    ],
)
def test_b7_each_acknowledged_transaction_is_in_the_audit_bucket_once(
    records: list[str], problem: str
) -> None:
    problems = problems_of(lambda: Counter(records), ["a", "b"], timeout_seconds=0)

    assert bool(problems) == bool(problem)
    assert all(problem in found for found in problems)


def test_b7_a_queue_that_is_away_gets_the_same_message_again(tmp_path: Path) -> None:
    tried: list[str] = []

    def send(message: str) -> None:
        tried.append(message)
        if len(tried) == 1:
            raise EndpointConnectionError(endpoint_url="queue")

    with ledger(loses=never, doubles=never, refuses_once=never) as api:
        stream = Stream(api=api, log_file=tmp_path / "log", clients=1, queue=send)
        began = time.monotonic()
        stream.start()
        while len(tried) < 2:
            assert time.monotonic() - began < 30
            time.sleep(0.01)
        acknowledged = stream.stop()

    assert tried[0] == tried[1]
    sent = json.loads(tried[0])["transaction"]["transaction_id"]
    assert acknowledged.count(sent) == 1
    assert stream.faults, "a drill in which nothing may fail sees it"


@pytest.mark.parametrize("fault", ["loses", "doubles"])
def test_b7_one_lost_or_doubled_transaction_fails_the_drill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    code, _ = drill(tmp_path, **{fault: the_tenth})

    assert code == 1
    assert "FAILED" in capsys.readouterr().out


def test_b7_the_reported_outage_is_what_clients_saw() -> None:
    stream = Stream(api=Api(url="", certificate_file=None, client_id="", client_secret=""),
                    log_file=Path("unused"))  # fmt: skip
    stream.answers += [(0, 1), (1, 2), (1, 6), (6, 6.5)]

    assert stream.longest_silence_seconds(since=2.5) == 3.5
    assert stream.longest_wait_seconds(since=2.5) == 5
    assert stream.longest_wait_seconds(since=7) == float("inf")
