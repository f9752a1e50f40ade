"""What an HTTP server costs for each POST /transactions: `python -m bench.http_servers`.

Each server gets the same small requests over TLS, parses the transaction and answers, without a
database. It counts the server's processor time for a request: on a busy machine that is disturbed
less than requests per second. Rounds are interleaved, and medians count. Needs `wrk`. Servers
that are not installed are left out; `PYTHONPATH` may name a folder with further ones, such as
`pip install --target <folder> granian`. Writes nothing.
"""

import asyncio
import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app_service.api import answers
from app_service.api.bodies import decode_json, json_response, read_json
from app_service.api.problems import EXCEPTION_HANDLERS
from app_service.http_server.limits import Limits
from app_service.http_server.server import Server
from app_service.http_server.tls import self_signed, server_context
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict
from local_cloud.addresses import free_port

_ADDRESS = "127.0.0.1"
_ROUNDS = 5
_SECONDS = 2
_CONNECTIONS = 64
_LUA = """
local n = 0
request = function()
  n = n + 1
  return wrk.format("POST", "/transactions", {["Content-Type"] = "application/json"}, string.format(
    '{"transaction_id":"01935f7e-5b0c-7c3e-8a4e-%012x","debit_account":1,"credit_account":2,' ..
    '"amount_minor":1250,"currency":"USD"}', n))
end
done = function(summary)
  local e = summary.errors
  print("result", summary.requests, e.status + e.connect + e.read + e.write + e.timeout)
end
"""


async def _posted(document: object) -> Response:
    """In the next step of the loop, as after a database's answer."""
    transaction = Transaction.parse(document)
    await asyncio.sleep(0)
    posted = answers.Posted(transaction_id=transaction.transaction_id, status=Verdict.POSTED)
    location = {"Location": f"/transactions/{transaction.transaction_id}"}
    return json_response(posted, status=201, headers=location)


async def _route(request: Request) -> Response:
    return await _posted(await read_json(request))


async def _plain_asgi(scope: Scope, receive: Receive, send: Send) -> None:
    answer = await _posted(decode_json(await Request(scope, receive).body()))
    await answer(scope, receive, send)


async def _plain_rsgi(_scope: Any, protocol: Any) -> None:
    answer = await _posted(decode_json(await protocol()))
    headers = [(name.decode(), value.decode()) for name, value in answer.raw_headers]
    protocol.response_bytes(answer.status_code, headers, bytes(answer.body))


class _Direct:
    method = b"POST"
    body_bytes_max = 16 * 1024

    def __init__(self, url: bytes) -> None:
        self.url = url

    async def answer(self, _scope: Scope, body: bytes) -> Response:
        return await _posted(decode_json(body))


async def _ours(port: int, *, app: Any, direct_url: bytes = b"") -> None:
    await Server(
        app,
        direct_route=_Direct(direct_url),
        host=_ADDRESS,
        port=port,
        context=server_context(_ADDRESS),
        health_path="/health",
        limits=Limits(),
    ).serve()


def _certificate() -> tuple[Path, Path]:
    folder = Path(tempfile.mkdtemp(prefix="http-servers-"))
    files = folder / "certificate.pem", folder / "key.pem"
    for file, content in zip(files, self_signed(_ADDRESS), strict=True):
        file.write_bytes(content)
    return files


async def _granian(port: int, *, app: Any, interface: str) -> None:
    embed = importlib.import_module("granian.server.embed")
    constants = importlib.import_module("granian.constants")
    certificate, key = _certificate()
    await embed.Server(
        app,
        _ADDRESS,
        port,
        interface=constants.Interfaces(interface),
        http=constants.HTTPModes.http1,
        websockets=False,
        ssl_cert=certificate,
        ssl_key=key,
        log_enabled=False,
    ).serve()


async def _hypercorn(port: int) -> None:
    serving = importlib.import_module("hypercorn.asyncio")
    config = importlib.import_module("hypercorn.config").Config()
    certificate, key = _certificate()
    config.bind = [f"{_ADDRESS}:{port}"]
    config.certfile, config.keyfile = str(certificate), str(key)
    config.alpn_protocols = ["http/1.1"]
    await serving.serve(_plain_asgi, config)


_STARLETTE = Starlette(
    routes=[Route("/transactions", _route, methods=["POST"])],
    exception_handlers=EXCEPTION_HANDLERS,
)
# What is installed for it, and how it serves at a port.
SERVERS: dict[str, tuple[str, Callable[[int], Awaitable[None]]]] = {
    "uvicorn, Starlette": ("uvicorn", lambda port: _ours(port, app=_STARLETTE)),
    "uvicorn, plain ASGI": ("uvicorn", lambda port: _ours(port, app=_plain_asgi)),
    "uvicorn, direct route": (
        "uvicorn",
        lambda port: _ours(port, app=_STARLETTE, direct_url=b"/transactions"),
    ),
    "Granian, plain ASGI": (
        "granian",
        lambda port: _granian(port, app=_plain_asgi, interface="asginl"),
    ),
    "Granian, RSGI": ("granian", lambda port: _granian(port, app=_plain_rsgi, interface="rsgi")),
    "Hypercorn, plain ASGI": ("hypercorn", _hypercorn),
}


def main() -> None:
    if shutil.which("wrk") is None:
        sys.exit("bench.http_servers: wrk is missing; on Debian: apt-get install wrk")
    found = [name for name, (module, _) in SERVERS.items() if importlib.util.find_spec(module)]
    script = Path(tempfile.mkdtemp(prefix="http-servers-")) / "post.lua"
    script.write_text(_LUA)
    processes = {}
    try:
        for name in found:
            port = free_port(_ADDRESS)
            command = [sys.executable, "-m", "bench.http_servers", name, str(port)]
            processes[name] = psutil.Popen(command, stderr=subprocess.DEVNULL), port
        for _, port in processes.values():
            _wait_for(port)
        costs: dict[str, list[float]] = {name: [] for name in found}
        rates: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(_ROUNDS):
            for name, (process, port) in processes.items():
                before = sum(process.cpu_times()[:2])
                requests = _load(script, port)
                costs[name].append((sum(process.cpu_times()[:2]) - before) / requests * 1e6)
                rates[name].append(requests / _SECONDS)
    finally:
        for process, _ in processes.values():
            process.kill()
    print("| server | processor time per request, µs | requests per second |\n|---|---|---|")
    for name in found:
        print(f"| {name} | {median(costs[name]):.0f} | {median(rates[name]):.0f} |")


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((_ADDRESS, port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "a server did not start"
            time.sleep(0.1)


def _load(script: Path, port: int) -> int:
    command = ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{_SECONDS}s", "-s", str(script)]
    url = f"https://{_ADDRESS}:{port}"
    output = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    requests, errors = output.rpartition("result")[2].split()
    assert errors == "0", output
    return int(requests)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(SERVERS[sys.argv[1]][1](int(sys.argv[2])))  # type: ignore[arg-type]
