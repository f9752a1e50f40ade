"""B8: refused requests are logged, and cannot misuse the log."""

import logging

import pytest

from page.actions.refusal_log import RefusalLog


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, logger="page.actions.refusal_log")
    return caplog


def test_b8_a_refused_request_cannot_control_the_terminal(
    lines: pytest.LogCaptureFixture,
) -> None:
    RefusalLog().write("GET\x1b[2J", "/\x1b]0;title\x07\r\nforged\u202e", "another site")
    [line] = lines.messages
    assert line.isprintable()
    assert r"\x1b]0;title\x07\r\nforged" in line
    assert line.endswith(": another site")


def test_b8_a_long_address_is_cut(lines: pytest.LogCaptureFixture) -> None:
    RefusalLog().write("GET", "/" + "x" * 60_000, "another site")
    assert len(lines.messages[0]) < 300


def test_b8_many_refused_requests_do_not_fill_the_log(lines: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    log = RefusalLog(clock=lambda: now[0])
    for number in range(1000):
        log.write("GET", f"/{number}", "another site")
    assert 0 < len(lines.messages) < 10
    written = len(lines.messages)
    now[0] = 61
    log.write("GET", "/later", "another site")
    assert lines.messages[written:] == [
        f"refused {1000 - written} more requests",
        "refused 'GET' '/later': another site",
    ]
    now[0] = 122
    log.write("GET", "/last", "another site")
    assert lines.messages[-1] == "refused 'GET' '/last': another site"
    assert len(lines.messages) == written + 3
