"""The API of a ledger that loses, doubles or refuses a transaction, and a drill against it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from operations.drills.acknowledgements import Api, Stream
from operations.drills.reconciliation import reconcile
from tests.patience import PATIENCE_SECONDS

Fault = Callable[[int], bool]  # by the number of the transaction


def never(_: int) -> bool:
    return False


def the_tenth(number: int) -> bool:
    return number == 10


@contextmanager
def ledger(
    *,
    loses: Fault = never,
    doubles: Fault = never,
    refuses_once: Fault = never,
    hangs_up_once: Fault = never,
    status: int = 201,
) -> Iterator[Api]:
    """The API of a ledger, as a drill uses it, over plain HTTP. `status` answers transactions."""
    posted: dict[str, int] = {}  # times that it moved a cent, by id
    refused: set[str] = set()
    accounts: list[int] = []
    one_at_a_time = Lock()

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
            with one_at_a_time:  # or two clients get the ninth, and nobody the tenth
                number = len(posted)
                is_refused = refuses_once(number) and key not in refused
                hangs_up = hangs_up_once(number) and key not in refused
                if is_refused or hangs_up:
                    refused.add(key)
                else:
                    posted[key] = 0 if loses(number) else 2 if doubles(number) else 1
            if hangs_up:
                self.close_connection = True
            else:
                self._answer(503 if is_refused else status, {})

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


def drill(folder: Path, **faults: Fault) -> tuple[int, Stream]:
    with ledger(**faults) as api:  # type: ignore[arg-type]  # each of them is a Fault
        folder.mkdir(exist_ok=True)
        stream = Stream(api=api, log_file=folder / "log", clients=2)
        began = time.monotonic()
        stream.start()
        wait_until(lambda: len(stream.answers) >= 30)
        return reconcile(stream, broke_at=began, recovery="back"), stream


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
