"""Requests for the direct route: who answers them, and that all limits hold for them, too."""

import json
import time
import tracemalloc
from contextlib import suppress

import pytest

from app_service.http_server.protocol import LimitedProtocol
from tests.app_service.http_server.serving import (
    PostDirect,
    client_of,
    patient,
    serving,
    until,
)
from tests.patience import PATIENCE_SECONDS

URL = PostDirect.url.decode()
TOO_LARGE = b" " * PostDirect.body_bytes_max + b"1"
HEAD = b"POST /post-direct HTTP/1.1\r\nHost: ledger\r\nContent-Type: application/json\r\n"


def test_a_request_that_comes_whole_is_answered_directly() -> None:
    with serving(patient()) as running, client_of(running) as client:
        for number in range(3):
            client.request("POST", URL, json.dumps(number).encode())
            assert client.way() == "direct"
        assert running.read == [0, 1, 2]
        assert running.server.server_state.total_requests == 3


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD + b"Content-Length: 4\r\n\r\n", b"1234"],
        [HEAD + b"Content-Length: 4\r\n\r\n1", b"23", b"4"],
        [HEAD[:20], HEAD[20:] + b"Content-Length: 4\r\n\r\n1234"],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n12\r\n", b"2\r\n34\r\n0\r\n\r\n"],
    ],
    ids=["head and body", "body", "head", "chunks"],
)
def test_a_request_in_pieces_is_gathered(pieces: list[bytes]) -> None:
    with serving(patient()) as running, client_of(running) as client:
        for piece in pieces[:-1]:
            client.send(piece)
            time.sleep(0.02)
        client.send(pieces[-1])
        assert client.way() == "direct"
        assert running.read == [1234]


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"Content-Length: 101\r\n\r\n" + TOO_LARGE,
        HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 1\r\n\r\n1",
        HEAD.replace(b"direct", b"direct?a=1") + b"Content-Length: 1\r\n\r\n1",
    ],
    ids=["large", "HTTP/1.0", "query"],
)
def test_what_is_not_simple_goes_to_the_application(request_bytes: bytes) -> None:
    with serving(patient()) as running, client_of(running) as client:
        client.send(request_bytes)
        assert client.way() == "application"
        assert running.read == [1]


def test_a_client_that_asks_whether_to_send_the_body_gets_its_word() -> None:
    with serving(patient()) as running, client_of(running) as client:
        client.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        assert client.line() == b"HTTP/1.1 100 Continue\r\n"
        assert client.line() == b"\r\n"
        client.send(b"1")
        assert client.way() == "application"


def test_another_method_of_the_same_path_goes_to_the_application() -> None:
    with serving(patient()) as running, client_of(running) as client:
        client.request("GET", URL)
        assert client.answer()[0] == 405


def test_answers_keep_the_order_of_requests_that_do_not_wait() -> None:
    with serving(patient()) as running, client_of(running) as client:
        client.send(
            (HEAD + b'Content-Length: 6\r\n\r\n"wait"') + 2 * (HEAD + b"Content-Length: 1\r\n\r\n2")
        )
        until(lambda: running.waiting == 1)
        client.request("POST", URL, b"3")
        running.release()
        assert [client.way() for _ in range(4)] == ["direct", *["application"] * 3]
        assert running.read == ["wait", 2, 2, 3]
        client.request("POST", URL, b"4")
        assert client.way() == "direct"


def test_a_body_counts_while_it_comes_and_until_its_request_is_answered() -> None:
    with serving(patient()) as running, client_of(running) as client:
        client.request("POST", URL, b'"wa', length=6)
        until(lambda: running.bodies.held.bytes == 3)
        client.send(b'it"')
        until(lambda: running.waiting == 1)
        assert running.bodies.held.bytes == 6
        running.release()
        assert client.way() == "direct"
        until(lambda: running.bodies.held.bytes == 0)


def test_a_body_for_which_is_no_room_is_refused() -> None:
    with serving(patient(body_bytes_max=10)) as running, client_of(running) as client:
        with client_of(running) as other:
            other.request("POST", URL, b'"wait"')
            until(lambda: running.waiting == 1)
            client.request("POST", URL, b"12345")
            status, headers, _ = client.answer()
            assert (status, headers["retry-after"]) == (503, "1")
            assert running.bodies.held.bytes == 6
            running.release()
            assert other.way() == "direct"
        until(lambda: running.bodies.held.bytes == 0)
        client.request("POST", URL, b"12345")
        assert client.way() == "direct"


def test_a_body_that_does_not_come_in_time_is_refused_and_the_connection_closed() -> None:
    with serving(patient(receive_seconds=0.2)) as running, client_of(running) as client:
        client.request("POST", URL, b"1", length=3)
        assert client.problem() == (408, "request_timeout")
        assert client.is_closed()
        assert running.read == []
        until(lambda: running.bodies.held.bytes == 0)


@pytest.mark.parametrize("body", [b'"wa', b'"wait"'], ids=["unfinished", "running"])
def test_nothing_is_kept_of_a_client_that_goes_away(body: bytes) -> None:
    with serving(patient()) as running:
        with client_of(running) as client:
            client.request("POST", URL, body, length=6)
            until(lambda: running.bodies.held.bytes == len(body))
        until(lambda: running.connections == 0)
        running.release()
        until(lambda: running.bodies.held.bytes == 0)
        assert running.read == (["wait"] if len(body) == 6 else [])


@pytest.mark.parametrize("body", [b'"raise"', b'"cancel"'])
def test_a_request_that_ends_without_an_answer_closes_its_connection(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Or its client would wait for ever."""
    with serving(patient()) as running, client_of(running) as client:
        client.request("POST", URL, body)
        assert client.is_closed()
        until(lambda: running.bodies.held.bytes == 0)
    assert "the request ended without an answer" in caplog.messages


def test_a_body_in_thousands_of_pieces_takes_the_memory_of_its_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An object for each piece would be 20 times its bytes, for clients without a session, too."""
    pieces = 8000
    monkeypatch.setattr(PostDirect, "body_bytes_max", 2 * pieces)
    with serving(patient()) as running, client_of(running) as client:
        client.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        until(lambda: running.connections == 1)
        tracemalloc.start()
        try:
            client.send(b"2\r\n11\r\n" * pieces)
            until(lambda: running.bodies.held.bytes == 2 * pieces)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 6 * 2 * pieces


def test_a_malformed_body_is_refused_and_the_connection_closed() -> None:
    with serving(patient()) as running, client_of(running) as client:
        client.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nnot a chunk\r\n")
        assert client.problem() == (400, "malformed_request")
        assert client.is_closed()
        assert running.read == []


def test_a_client_that_ends_the_connection_with_its_request_is_answered() -> None:
    with serving(patient()) as running, client_of(running) as client:
        client.send(HEAD + b"Connection: close\r\nContent-Length: 1\r\n\r\n1")
        status, headers, _ = client.answer()
        assert (status, headers["connection"]) == (201, "close")
        assert client.is_closed()


@pytest.mark.parametrize("body", [b'"wait"', b'"wa'], ids=["running", "unfinished"])
def test_stopping_answers_what_runs(body: bytes) -> None:
    """Also a request that is not whole: its client would not know what has become of it."""
    with serving(patient()) as running, client_of(running) as client:
        client.request("POST", URL, body, length=6)
        until(lambda: running.bodies.held.bytes == len(body))
        running.stop()
        until(lambda: _is_last(running.connection))
        running.release()
        client.send(b'it"'[: 6 - len(body)])
        status, headers, _ = client.answer()
        assert (status, headers["connection"]) == (201, "close")
        running.thread.join(PATIENCE_SECONDS)
        assert not running.thread.is_alive()


def test_a_client_that_does_not_take_its_answers_is_cut_off() -> None:
    with serving(patient(send_seconds=0.2)) as running, client_of(running) as client:
        until(lambda: running.connections == 1)
        client.request("POST", URL, b'"large"')
        with suppress(OSError):  # it may be cut off by now
            client.request("POST", URL, b'"large"')
        until(lambda: running.connections == 0)


def test_an_answer_waits_until_the_client_takes_the_ones_before() -> None:
    """Or the answers to a client that reads nothing would fill the memory."""
    with serving(patient()) as running, client_of(running) as client:
        client.request("POST", URL, b"1")
        assert client.way() == "direct"
        connection = running.connection
        running.loop.call_soon_threadsafe(connection.pause_writing)
        until(lambda: connection.flow.write_paused)
        client.request("POST", URL, b"2")
        until(lambda: running.read == [1, 2])
        time.sleep(0.05)
        assert not connection.cycle.response_complete
        running.loop.call_soon_threadsafe(connection.resume_writing)
        assert client.way() == "direct"


def _is_last(connection: LimitedProtocol) -> bool:
    return connection.cycle is not None and not connection.cycle.keep_alive
