"""The fastest AWS that a Python program can meet: it keeps nothing and says yes at once.

    python -m bench.ledger.acknowledging_stub <secret as JSON>

Prints its port. It answers plain HTTP on loopback: DynamoDB and SQS with `{}`, S3 with an ETag,
Secrets Manager with the given secret, and EventBridge that it has taken all events. A bench that
compares us with code that calls AWS per message uses it for both sides: no service of AWS answers
as fast, so the comparison favours the other side.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import psutil
import uvloop

_HEAD_END = b"\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STORED = b'HTTP/1.1 200 OK\r\nETag: "0"\r\nContent-Length: 0\r\n\r\n'


def _json_answer(document: object) -> bytes:
    body = json.dumps(document).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


_TAKEN = _json_answer({"FailedEntryCount": 0, "Entries": []})
_EMPTY = _json_answer({"Items": []})  # also fits calls whose answers have no fields


class Acknowledging(asyncio.Protocol):
    """One connection; requests do not overlap, as boto3 sends them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._received = b""
        self._is_continued = False
        self._write: Callable[[bytes], None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.Transport, transport).write

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data
        end = received.find(_HEAD_END)
        if end < 0:
            return
        head = received[: end + 2].lower()
        if len(received) - end - len(_HEAD_END) < _content_length(head):
            if b"100-continue" in head and not self._is_continued:
                self._is_continued = True
                self._write(_CONTINUE)
            return
        self._received, self._is_continued = b"", False
        if head.startswith(b"put"):
            self._write(_STORED)
        elif b"x-amz-target: secretsmanager." in head:
            self._write(self._secret)
        elif b"x-amz-target: awsevents." in head:
            self._write(_TAKEN)
        else:
            self._write(_EMPTY)


def _content_length(head: bytes) -> int:
    _, found, rest = head.partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


@dataclass(frozen=True, kw_only=True)
class Stub:
    port: int
    process: psutil.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def running_stub(secret: dict[str, str]) -> Iterator[Stub]:
    """In a process of its own, because it must not take time from the code that is measured."""
    command = [sys.executable, "-m", "bench.ledger.acknowledging_stub", json.dumps(secret)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Stub(port=int(process.stdout.readline()), process=psutil.Process(process.pid))
        finally:
            process.terminate()


async def _serve(secret: str) -> None:
    answer = _json_answer({"SecretString": secret})
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Acknowledging(answer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
