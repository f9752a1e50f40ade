"""SQS and DynamoDB for the measured service: `python -m bench.ledger.aws_stub <certificate> <key>`.

It runs in a process of its own, answers over TLS, keeps sessions and forgets messages. It is as
small as it can be, because it shares the machine with what is measured. Prints its port. `GET
/counts` returns how many requests, messages and bytes of messages the queue got.
"""

import asyncio
import hashlib
import json
import ssl
import sys
from typing import Any, cast

import uvloop

Item = dict[str, Any]


class Aws:
    def __init__(self) -> None:
        self.sessions: dict[str, Item] = {}
        self.counts = {"requests": 0, "messages": 0, "bytes": 0}

    def answer(self, operation: str, asked: Item) -> Item:
        match operation:
            case "SendMessageBatch":
                sent = [{"Id": entry["Id"], **self._sent(entry)} for entry in self._entries(asked)]
                return {"Successful": sent}
            case "SendMessage":
                self.counts["requests"] += 1
                return self._sent(asked)
            case "GetQueueAttributes":
                return {"Attributes": dict.fromkeys(asked["AttributeNames"], "0")}
            case "PutItem":
                self.sessions[asked["Item"]["token_hash"]["S"]] = asked["Item"]
                return {}
            case "GetItem":
                found = self.sessions.get(asked["Key"]["token_hash"]["S"])
                return {} if found is None else {"Item": found}
            case "Query":
                return {"Items": [], "Count": 0}
            case _:
                raise NotImplementedError(operation)

    def _entries(self, asked: Item) -> list[Item]:
        self.counts["requests"] += 1
        entries: list[Item] = asked["Entries"]
        return entries

    def _sent(self, message: Item) -> Item:
        body = message["MessageBody"].encode()
        self.counts["messages"] += 1
        self.counts["bytes"] += len(body)
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return {"MessageId": "m", "MD5OfMessageBody": digest}


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive; a request has a Content-Length, as those of AWS's clients."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
            if (
                headers.get("expect", "").lower() == "100-continue"
                and len(self._received) == end + 4
            ):
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = end + 4 + int(headers.get("content-length", "0"))
            if len(self._received) < length:
                return
            body = bytes(self._received[end + 4 : length])
            del self._received[:length]
            self._respond(first, headers, body)

    def _respond(self, first: str, headers: dict[str, str], body: bytes) -> None:
        if first.startswith("GET /counts"):
            answer: Item = self._aws.counts
        else:
            operation = headers["x-amz-target"].rpartition(".")[2]
            answer = self._aws.answer(operation, json.loads(body))
        content = json.dumps(answer).encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
        )


async def serve(certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    aws = Aws()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(aws), "127.0.0.1", 0, ssl=context
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:3]))
