"""The bodies of all requests together, and the time of one."""

import asyncio
import time
from contextlib import ExitStack, suppress

import pytest
from starlette.types import Message, Receive, Scope, Send

from app_service.api.problems import Problem
from app_service.http_server.bodies import LimitedBodies
from app_service.http_server.limits import Limits
from tests.app_service.http_server.serving import client_of, patient, serving, until

MIB = 1024 * 1024


def test_the_bodies_of_all_requests_together_are_limited() -> None:
    """The 300 unfinished bodies of 1 MiB that once took 480 MiB."""
    limits = patient(body_bytes_max=4 * MIB)
    with serving(limits) as running, ExitStack() as stack:
        for number in range(1, 21):
            client = stack.enter_context(client_of(running))
            client.request("POST", "/post", b" " * (MIB - 10), length=MIB)
            if number <= 4:
                until(lambda: running.bodies.held.bytes == number * (MIB - 10))  # noqa: B023
            else:
                status, headers, _ = client.answer()
                assert (status, headers["retry-after"]) == (503, "1")
                assert running.bodies.held.bytes <= 4 * MIB


def test_there_is_room_again_when_requests_end() -> None:
    with serving(patient(body_bytes_max=100)) as running:
        with client_of(running) as unfinished, client_of(running) as other:
            unfinished.request("POST", "/post", b" " * 60, length=90)
            until(lambda: running.bodies.held.bytes == 60)
            other.request("POST", "/post", b" " * 50)
            assert other.problem() == (503, "overloaded")
            other.request("POST", "/post", b" " * 39 + b"1")
            assert other.answer()[0] == 201
            unfinished.close()
            until(lambda: running.bodies.held.bytes == 0)
            other.request("POST", "/post", b" " * 98 + b"2")
            assert other.answer()[0] == 201
        assert running.read == [1, 2]


def test_a_body_counts_until_its_request_is_answered() -> None:
    with serving(patient()) as running, client_of(running) as client:
        client.request("POST", "/post-when-released", b'"decoded"')
        until(lambda: running.waiting == 1)
        assert running.bodies.held.bytes == len(b'"decoded"')
        running.release()
        client.answer()
        until(lambda: running.bodies.held.bytes == 0)


def test_a_body_that_does_not_come_in_time_is_refused_and_the_connection_closed() -> None:
    with serving(patient(receive_seconds=0.2)) as running, client_of(running) as client:
        client.request("POST", "/post", b"[1", length=3)
        assert client.problem() == (408, "request_timeout")
        assert client.is_closed()
        assert running.read == []


async def test_an_answer_to_a_late_body_says_that_the_connection_ends() -> None:
    """Or the load balancer would send the next request on it."""

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()

    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def nowhere(_message: Message) -> None:
        raise AssertionError

    bodies = LimitedBodies(app, limits=Limits(receive_seconds=0.01))
    with pytest.raises(Problem) as refused:
        await bodies({"type": "http"}, never, nowhere)
    assert refused.value.status == 408
    assert refused.value.headers == {"Connection": "close"}


def test_a_request_that_is_complete_has_no_time_to_arrive_any_more() -> None:
    with serving(patient(receive_seconds=0.1)) as running, client_of(running) as client:
        client.request("POST", "/post-when-released", b"1")
        time.sleep(0.3)
        running.release()
        assert client.answer()[0] == 201
        client.request("POST", "/post", b"2")
        assert client.answer()[0] == 201


def test_the_rest_of_a_refused_body_is_not_awaited_longer() -> None:
    """Refused for its size at once; the client goes on with a byte from time to time."""
    with serving(patient(receive_seconds=0.2)) as running, client_of(running) as client:
        client.request("POST", "/post", b" ", length=2 * MIB)
        assert client.problem() == (413, "body_too_large")
        with suppress(OSError):  # the time may be over by now
            client.send(b" ")
        assert client.is_closed()


def test_a_connection_with_an_unfinished_body_is_closed_after_a_late_answer() -> None:
    with serving(patient(receive_seconds=0.1)) as running, client_of(running) as client:
        client.request("POST", "/answer-when-released", b" ", length=10)
        until(lambda: running.waiting == 1)
        until(lambda: not running.connection.cycle.keep_alive)  # the time is over
        running.release()
        status, headers, _ = client.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert client.is_closed()


def test_a_malformed_body_is_refused_and_the_connection_closed() -> None:
    with serving(patient()) as running, client_of(running) as client:
        client.send(
            b"POST /post HTTP/1.1\r\nHost: ledger\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nnot a chunk\r\n"
        )
        assert client.problem() == (400, "malformed_request")
        assert client.is_closed()
        assert running.read == []
