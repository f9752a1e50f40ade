"""The head of a request: its size, its time, and what comes before it is answered."""

import json
import time

import pytest

from tests.app_service.http_server.serving import client_of, patient, serving, until

LIMITS = patient(head_bytes_max=2000, url_bytes_max=1000)
START = b"GET /age HTTP/1.1\r\nHost: ledger\r\n"


@pytest.mark.parametrize(
    ("head", "refusal"),
    [
        (START + b"X: " + b"a" * 2000 + b"\r\n\r\n", (431, "header_too_large")),
        (START + b"X: " + b"a" * 2000, (431, "header_too_large")),
        (START + 200 * b"X: aaaaaaaaaa\r\n" + b"\r\n", (431, "header_too_large")),
        (b"GET /" + b"a" * 1001 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (414, "uri_too_long")),
        (b"GET /" + b"a" * 5000, (414, "uri_too_long")),
        (b"\r\n" * 2000, (431, "header_too_large")),
        (b"not HTTP\r\n\r\n", (400, "malformed_request")),
    ],
    ids=["complete", "unfinished", "many", "url", "unfinished url", "empty lines", "malformed"],
)
def test_a_head_that_breaks_a_limit_is_refused_and_the_connection_closed(
    head: bytes, refusal: tuple[int, str]
) -> None:
    with serving(LIMITS) as running, client_of(running) as client:
        client.send(head)
        assert client.problem() == refusal
        assert client.is_closed()


def test_a_head_within_the_limit_is_served_also_with_a_body_above_it() -> None:
    with serving(LIMITS) as running, client_of(running) as client:
        client.send(START + b"X: " + b"a" * 1900 + b"\r\n\r\n")
        assert client.answer()[0] == 200
        client.request("POST", "/post", b'"' + b"a" * 100_000 + b'"')
        assert client.answer()[0] == 201


@pytest.mark.parametrize(
    "flood",
    [b"0\r\n" + b"X: " + b"a" * 5000, b"5;" + b"a" * 5000],
    ids=["trailer", "extension"],
)
def test_what_comes_with_a_body_is_limited_as_a_head_is(flood: bytes) -> None:
    with serving(LIMITS) as running, client_of(running) as client:
        client.send(
            b"POST /post HTTP/1.1\r\nHost: ledger\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
        )
        until(lambda: running.bodies.held.bytes == 2)
        client.send(flood)
        assert client.problem() == (431, "header_too_large")
        assert client.is_closed()
        assert running.read == []


@pytest.mark.parametrize("start", [START, b"G", b"\r\n"], ids=["header", "method", "empty line"])
def test_a_head_that_does_not_come_in_time_is_refused(start: bytes) -> None:
    with serving(patient(receive_seconds=0.1)) as running, client_of(running) as client:
        client.send(start)
        assert client.problem() == (408, "request_timeout")
        assert client.is_closed()


def test_a_connection_without_a_request_is_closed_without_an_answer() -> None:
    with serving(patient(keep_alive_seconds=1)) as running, client_of(running) as client:
        assert client.is_closed()


def test_a_request_for_another_protocol_is_answered_as_if_it_had_not_asked() -> None:
    with serving(LIMITS) as running, client_of(running) as client:
        client.send(START + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert client.answer()[0] == 200


@pytest.mark.parametrize(
    "next_request",
    [b"not HTTP\r\n\r\n", START + b"X: " + b"a" * 3000],
    ids=["malformed", "too large"],
)
def test_what_is_refused_never_takes_the_place_of_an_earlier_answer(next_request: bytes) -> None:
    """A client would take the refusal for the answer to what it has posted."""
    with serving(LIMITS) as running, client_of(running) as client:
        client.request("POST", "/post-when-released", b"1")
        until(lambda: running.waiting == 1)
        client.send(next_request)
        until(lambda: not running.connection.cycle.keep_alive)
        running.release()
        assert client.answer()[0] == 201
        assert client.is_closed()
        assert running.read == [1]


def test_nothing_is_kept_of_what_comes_after_a_refusal() -> None:
    """The connection stays open for an earlier answer, and the client goes on sending."""
    with serving(LIMITS) as running, client_of(running) as client:
        client.request("POST", "/post-when-released", b"1")
        until(lambda: running.waiting == 1)
        client.send(START + b"X: ")
        for _ in range(200):
            client.send(b"a" * 10_000)
        until(lambda: not running.connection.cycle.keep_alive)
        assert running.connection.unparsed_bytes < 500_000
        running.release()
        assert client.answer()[0] == 201
        assert client.is_closed()


def test_requests_that_do_not_wait_for_answers_are_limited() -> None:
    with serving(patient(pipelined_max=2)) as running, client_of(running) as client:
        one = b"GET /answer-when-released HTTP/1.1\r\nHost: ledger\r\n\r\n"
        client.send(one * 1000)
        until(lambda: running.waiting == 1)
        running.release()
        assert [client.answer()[0] for _ in range(3)] == [200, 200, 200]
        assert client.is_closed()


def test_a_queued_request_that_turns_out_malformed_closes_without_an_answer() -> None:
    with serving(LIMITS) as running, client_of(running) as client:
        client.request("POST", "/post-when-released", b"1")
        until(lambda: running.waiting == 1)
        client.send(
            b"POST /post HTTP/1.1\r\nHost: ledger\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk"
        )
        assert client.is_closed()


def test_the_time_of_a_request_runs_from_its_first_byte() -> None:
    """Of that request, not of the connection, and not from its last byte."""
    with serving(patient()) as running, client_of(running) as client:
        until(lambda: running.connections == 1)
        for pause in (0.3, 0):
            began = time.monotonic()
            client.send(START)
            until(lambda: running.connection.unparsed_bytes == len(START))
            time.sleep(pause)
            client.send(b"\r\n")
            seconds = json.loads(client.answer()[2])["seconds"]
            # The server's clock is read once in a round of its loop.
            assert pause - 0.05 <= seconds <= time.monotonic() - began + 0.05
