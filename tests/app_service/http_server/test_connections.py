"""Connections: how many, and how they end."""

import logging
import socket

import pytest

from app_service.http_server.admission import WARN_AGAIN_SECONDS, Admission
from tests.app_service.http_server.serving import (
    Client,
    client_of,
    connect,
    patient,
    serving,
    until,
)
from tests.patience import PATIENCE_SECONDS

ASKS_FOR_MUCH = b"GET /large HTTP/1.1\r\nHost: ledger\r\n\r\n"


def test_connections_above_the_limit_are_refused_and_the_others_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(patient(connections_max=2)) as running:
        with client_of(running) as first, client_of(running) as second:
            until(lambda: running.connections == 2)
            for _ in range(3):
                with client_of(running) as third:
                    third.request("POST", "/post", b"1")
                    assert third.problem() == (503, "overloaded")
                    assert third.is_closed()
                until(lambda: running.connections == 2)
            for client in (first, second):
                client.request("POST", "/post", b"2")
                assert client.answer()[0] == 201
        until(lambda: running.connections == 0)
        with client_of(running) as later:
            later.request("POST", "/post", b"3")
            assert later.answer()[0] == 201
        assert running.read == [2, 2, 3]
    assert [r.message for r in caplog.records].count("connections refused") == 1


def test_a_health_check_is_answered_when_too_many_connections_are_open() -> None:
    """Or the load balancer would replace tasks for having too much to do."""
    with serving(patient(connections_max=1)) as running, client_of(running):
        until(lambda: running.connections == 1)
        with client_of(running) as checker:
            checker.request("GET", "/age")
            status, headers, _ = checker.answer()
            assert (status, headers["connection"]) == (200, "close")
            assert checker.is_closed()


def test_a_refused_connection_does_not_stay_open_without_a_request() -> None:
    limits = patient(connections_max=1, receive_seconds=0.2)
    with serving(limits) as running, client_of(running):
        until(lambda: running.connections == 1)
        with client_of(running) as refused:
            assert refused.problem() == (408, "request_timeout")
            assert refused.is_closed()


def test_twice_as_many_connections_are_closed_before_they_send_a_request() -> None:
    with serving(patient(connections_max=1)) as running, client_of(running), client_of(running):
        until(lambda: running.connections == 2)
        with client_of(running) as third:
            assert third.problem() == (503, "overloaded")
            assert third.is_closed()


def test_the_log_says_again_after_a_while_how_many_connections_were_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = [0.0]
    admission = Admission(connections_max=1, health_path="/health", now=lambda: clock[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert admission.refusal(2) is not None
        clock[0] += WARN_AGAIN_SECONDS
        admission.refusal(2)
    assert [vars(r)["refused"] for r in caplog.records] == [1, 5]


def test_a_connection_that_comes_while_the_service_stops_is_closed() -> None:
    """Accepted before the stop, and ready after it: it would hold the end for its idle time."""
    with serving(patient()) as running, client_of(running) as busy:
        raw = connect(running.port)
        busy.request("POST", "/post-when-released", b"1")
        until(lambda: running.waiting == 1)
        running.stop()
        until(lambda: not running.connection.cycle.keep_alive)
        with Client(running.port, raw) as late:
            assert late.problem() == (503, "overloaded")
            assert late.is_closed()
        running.release()
        assert busy.answer()[0] == 201


def test_a_client_that_begins_no_tls_is_cut_off() -> None:
    with (
        serving(patient(tls_handshake_seconds=0.1)) as running,
        connect(running.port) as silent,
    ):
        assert silent.recv(1) == b""


def test_a_client_that_does_not_take_its_answers_is_cut_off() -> None:
    with serving(patient(send_seconds=0.2)) as running, client_of(running) as client:
        until(lambda: running.connections == 1)
        client.send(2 * ASKS_FOR_MUCH)
        until(lambda: running.connections == 0)


def test_a_client_that_takes_its_answers_late_is_served_further() -> None:
    """The time for taking them is no longer counted when it has taken them."""
    with serving(patient()) as running, client_of(running) as client:
        client.send(2 * ASKS_FOR_MUCH)
        until(lambda: running.connections == 1 and running.connection.flow.write_paused)
        cutting_off = running.connection._sending
        assert cutting_off is not None
        assert client.answer()[0] == 200
        assert client.answer()[0] == 200
        until(lambda: running.connection._sending is None)
        assert cutting_off.cancelled()
        client.request("GET", "/age")
        assert client.answer()[0] == 200


def test_little_is_read_of_a_connection_at_once() -> None:
    """TLS keeps buffers as large as what was read at once, as long as the connection lives."""
    limits = patient(receive_buffer_bytes=20_000)
    with serving(limits) as running, client_of(running):
        until(lambda: running.connections == 1)
        kernel = running.connection.transport.get_extra_info("socket")
        assert kernel.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 40_000  # Linux doubles it


def test_stopping_answers_what_runs_and_cuts_off_who_does_not_close() -> None:
    """A client that does not answer the TLS close once held the stop for its whole time."""
    limits = patient(tls_close_seconds=0.1)
    with serving(limits) as running, client_of(running) as idle, client_of(running) as busy:
        idle.request("GET", "/age")
        assert idle.answer()[0] == 200
        busy.request("POST", "/post-when-released", b"1")
        until(lambda: running.waiting == 1)
        running.stop()
        until(lambda: running.connections == 1)
        running.release()
        status, headers, _ = busy.answer()
        assert (status, headers["connection"]) == (201, "close")
        running.thread.join(PATIENCE_SECONDS)
        assert not running.thread.is_alive()
