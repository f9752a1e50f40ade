"""Each fault really happens, to calls of a real boto3 client."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from soak.http_message import Request, answer, read_request
from soak.http_proxy import HOST, HttpProxy, Intercept
from soak.plan import Fault, Faults
from tests.soak.one_fault import always

KIND = "SQS SendMessage audit-queue"


@dataclass(kw_only=True)
class Upstream:
    """Answers every message with its number, and keeps what came."""

    bodies: list[str] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader, writer)
        if request is not None:
            if request.method == "PUT":
                self.bodies.append(request.body.decode())
                writer.write(answer(200, "application/xml", b"", ETag='"0"'))
            else:
                self.bodies.append(json.loads(request.body)["MessageBody"])
                document = {"MessageId": str(len(self.bodies))}
                writer.write(
                    answer(200, "application/x-amz-json-1.0", json.dumps(document).encode())
                )
            self.answered.set()
        writer.close()


class Came(asyncio.Event):
    """Set when the proxy has decided about a call."""

    def intercept(self, _kind: str, _request: Request) -> None:
        self.set()


@dataclass(frozen=True, kw_only=True)
class Bed:
    upstream: Upstream
    port: int

    def client(self, service: Any, *, read_timeout: float = 300) -> Any:
        session = boto3.Session("a key", "its secret", region_name="us-east-1")
        config = Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout)
        return session.client(service, endpoint_url=f"http://{HOST}:{self.port}", config=config)

    async def send(self, body: str, *, read_timeout: float = 300) -> str:
        """The id that the queue has given, or the fault that the sender has seen."""
        url = f"http://{HOST}:{self.port}/000000000000/audit-queue-soak"
        sqs = self.client("sqs", read_timeout=read_timeout)
        try:
            answered = await asyncio.to_thread(sqs.send_message, QueueUrl=url, MessageBody=body)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return f"{status} {error.response['Error']['Code']}"
        except BotoCoreError as error:
            return type(error).__name__
        # boto3 takes half of a head, which it can read, for an answer without a body.
        return str(answered.get("MessageId", "nothing"))


@asynccontextmanager
async def bed(
    faults: Faults, intercept: Intercept | None = None, *, overtaken_seconds: float = 0.1
) -> AsyncIterator[Bed]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    proxy = await HttpProxy(
        upstream_port=port,
        faults=faults,
        intercept=intercept,
        overtaken_seconds=overtaken_seconds,
    ).start()
    yield Bed(upstream=upstream, port=proxy.sockets[0].getsockname()[1])
    for each in (proxy, server):
        each.close()


async def test_without_faults_a_call_goes_through() -> None:
    faults = always(None)
    async with bed(faults) as found:
        assert await found.send("a") == "1"
        assert found.upstream.bodies == ["a"]


BROKEN = ("ConnectionClosedError", "EndpointConnectionError", "ResponseStreamingError")


@pytest.mark.parametrize(
    ("fault", "done", "seen"),
    [
        (Fault.REQUEST_DROPPED, [], BROKEN),
        (Fault.ANSWER_DROPPED, ["a"], BROKEN),
        (Fault.ANSWER_CUT, ["a"], ("nothing",)),
        (Fault.ANSWER_DELAYED, ["a"], ("1",)),
        (Fault.ANSWER_LATE, ["a"], ("ReadTimeoutError",)),
        (Fault.DOUBLED, ["a", "a"], ("2",)),
        (Fault.REQUEST_OVERTAKEN, ["a"], ("1",)),
        (Fault.ANSWER_OVERTAKEN, ["a"], ("1",)),
        (Fault.ERROR_500, [], ("500 InternalFailure",)),
        (Fault.ERROR_503, [], ("503 ServiceUnavailable",)),
        (Fault.THROTTLED, [], ("400 RequestThrottled",)),
        (Fault.DONE_AND_500, ["a"], ("500 InternalFailure",)),
    ],
)
async def test_the_client_sees_the_fault_and_the_service_does_what_it_got(
    fault: Fault, done: list[str], seen: tuple[str, ...]
) -> None:
    faults = always(fault)
    async with bed(faults) as found:
        patience = 2 if fault is Fault.ANSWER_LATE else 300
        assert (await found.send("a", read_timeout=patience)).startswith(seen)
        if done:
            await found.upstream.answered.wait()  # a client that has given up did not wait for it
        assert found.upstream.bodies == done
        assert faults.counts()[1] == {(KIND, fault): 1}


async def test_a_request_that_is_overtaken_comes_after_the_next_one() -> None:
    faults, came = always(Fault.REQUEST_OVERTAKEN), Came()
    async with bed(faults, came.intercept, overtaken_seconds=60) as found:
        first = asyncio.create_task(found.send("first"))
        await came.wait()
        faults.off()
        await found.send("second")
        await first
        assert found.upstream.bodies == ["second", "first"]


async def test_an_answer_that_is_overtaken_waits_for_the_next_one() -> None:
    faults, came = always(Fault.ANSWER_OVERTAKEN), Came()
    async with bed(faults, came.intercept, overtaken_seconds=60) as found:
        first = asyncio.create_task(found.send("first"))
        await came.wait()
        faults.off()
        await found.upstream.answered.wait()
        answered, _ = await asyncio.wait({first}, timeout=0.2)
        assert not answered
        assert await found.send("second") == "2"
        assert await first == "1"


async def test_s3_refuses_with_a_document_that_its_clients_read() -> None:
    async with bed(always(Fault.THROTTLED)) as found:
        put = found.client("s3").put_object
        with pytest.raises(ClientError, match="SlowDown"):
            await asyncio.to_thread(put, Bucket="audit", Key="a", Body=b"b")


async def test_a_large_object_that_waits_for_a_continue_comes_whole() -> None:
    async with bed(always(None)) as found:
        put = found.client("s3").put_object
        await asyncio.to_thread(put, Bucket="audit", Key="a", Body=b"b" * 3_000_000)
        assert found.upstream.bodies == ["b" * 3_000_000]


async def test_a_negative_control_answers_itself_or_adds_calls() -> None:
    def intercept(kind: str, request: Request) -> list[Request] | bytes:
        if b"lie" in request.body:
            return answer(200, "application/x-amz-json-1.0", b'{"MessageId": "a lie"}')
        return [request, request]

    async with bed(always(None), intercept) as found:
        assert await found.send("lie") == "a lie"
        assert await found.send("a") == "2"
        assert found.upstream.bodies == ["a", "a"]
