"""`make trace` shows the way of a transaction with the log lines of each step."""

import json
from typing import Any

import pytest

from operations.trace import __main__ as program
from tests.operations.trace import traces
from tests.operations.trace.conftest import Environment
from tests.operations.trace.traces import BATCH, ID, KEY, MESSAGE, TRACE

REQUEST: dict[str, Any] = {
    "message": "request answered",
    "level": "INFO",
    "transaction_ids": [ID],
    "transactions": 1,
    "verdicts": {"posted": 1},
    "status": 201,
    "duration_ms": 12.5,
    "trace_id": TRACE,
}
AT = "2026-11-26T16:29:37.100+00:00"


def sent_and_stored(environment: Environment) -> None:
    sent = {"message": "batch sent", "batch_id": BATCH, "message_id": "audit-message"}
    environment.log("service", "2026-11-26T16:29:38.250+00:00", sent)
    archived = {
        "message": "batch archived",
        "batch_id": BATCH,
        "message_id": "audit-message",
        "receives": 1,
        "is_new": True,
        "requestId": "invocation-1",
    }
    environment.log("writer", "2026-11-26T16:29:38.900+00:00", archived)


def steps_in(output: str) -> list[tuple[str, str]]:
    """Names and states, in their order."""
    head = output.partition("\n\n")[2].partition("\n\n")[0]
    rows = [line for line in head.splitlines() if not line.startswith(" " * 27)]
    return [(row[29:].rpartition(" ")[0].strip(), row.rpartition(" ")[2]) for row in rows]


def test_a_request_is_followed_to_its_audit_object(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.answer = traces.complete()
    environment.log("service", AT, REQUEST)
    environment.log("service", AT, {**REQUEST, "transaction_ids": ["other"], "trace_id": "other"})
    sent_and_stored(environment)
    assert environment.trace() == 0
    output = capsys.readouterr().out
    assert environment.asked == [{"trace": ID}]
    assert steps_in(output) == [
        ("request", "done"),
        ("posting", "done"),
        ("outbox", "done"),
        ("sealed batch", "done"),
        ("sending", "done"),
        ("audit writer", "done"),
        ("object", "done"),
    ]
    for fact in (
        f"trace {TRACE}",
        "status 201",
        "duration 12.5 ms",
        "verdicts posted 1",
        "amount 1250 USD",
        "number 7",
        f"batch {BATCH}",
        "audit message audit-message",
        "invocation invocation-1",
        f"key {KEY}",
        "SHA-256 aGFzaA==",
        "verified as posted",
        "task task-1",
    ):
        assert f"    {fact}" in output, fact
    assert "posted, and in the audit trail as it was posted" in output
    assert "other" not in output


def test_a_message_is_followed_to_its_outcome(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.answer = traces.complete(traces.by_message())
    named = {
        "message_id": MESSAGE,
        "transaction_id": ID,
        "status": "posted",
        "first_sent_at": "2026-11-26T16:29:36.300Z",
        "receives": 1,
    }
    posted = {"message": "batch posted", "messages": [named, {**named, "transaction_id": "other"}]}
    environment.log("processor", AT, posted)
    events = [
        {"event_id": "e1", "detail_type": "Transactions refused", "message_ids": ["other"]},
        {"event_id": "e2", "detail_type": "Transactions posted", "message_ids": [MESSAGE]},
    ]
    environment.log("processor", AT, {"message": "outcomes sent", "events": events})
    sent_and_stored(environment)
    assert environment.trace() == 0
    output = capsys.readouterr().out
    assert steps_in(output)[0] == ("message", "done")
    assert steps_in(output)[-1] == ("outcome event", "done")
    for fact in (
        f"message {MESSAGE}",
        "sent 2026-11-26T16:29:36.300Z",
        "receives 1",
        "result posted",
        "event e2",
        "type Transactions posted",
    ):
        assert f"    {fact}\n" in output, fact


def test_replays_are_shown_with_their_own_trace(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.answer = traces.complete()
    environment.log("service", AT, REQUEST)
    replay = {**REQUEST, "verdicts": {"replayed": 1}, "status": 200, "trace_id": "1-" + "0" * 8}
    environment.log("service", "2026-11-26T16:29:45.100+00:00", replay)
    assert environment.trace() == 0
    output = capsys.readouterr().out
    assert steps_in(output)[:3] == [("request", "done"), ("request", "done"), ("posting", "done")]
    assert "trace 1-00000000\n" in output
    assert "verdicts replayed 1" in output


@pytest.mark.parametrize(
    ("transaction", "first", "last"),
    [
        (traces.recorded(), "request", "object"),
        (traces.recorded(trace_id=None), "request", "object"),
        (traces.by_message(), "message", "outcome event"),
        (traces.recorded(path="ledger", trace_id=None, kind="expiry"), "the ledger's own work", ""),
        (traces.recorded(path=None, trace_id=None, client_id=None), "posting", ""),
    ],
)
def test_without_log_lines_the_ledger_still_tells_the_way(
    environment: Environment,
    capsys: pytest.CaptureFixture[str],
    transaction: dict[str, Any],
    first: str,
    last: str,
) -> None:
    """A full load has few lines, and a week later there are none."""
    environment.answer = traces.complete(transaction)
    assert environment.trace() == 0
    steps = steps_in(capsys.readouterr().out)
    assert steps[0][0] == first
    assert steps[-1][0] == last or not last
    assert ("audit writer", "unknown") in steps
    assert ("object", "done") in steps


def test_what_a_client_or_a_later_version_writes_controls_no_terminal_and_tells_no_secret(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.answer = traces.complete(traces.recorded(user_id="ada\x1b[2J"))
    more = {"note": "x\x1b[2J", "token": "swordfish", "exception": "trace", "long": "y" * 500}
    environment.log("service", AT, REQUEST | more)
    environment.log("processor", AT, f"START {ID} \x1b[2J")
    environment.trace()
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert "swordfish" not in output
    assert "exception" not in output
    assert "note=x?[2J" in output
    assert max(map(len, output.splitlines())) < 1000


def test_of_requests_with_one_trace_only_those_that_can_be_about_it_are_shown(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line of a large batch names ten of its transactions."""
    environment.answer = traces.complete()
    others = {"transaction_ids": ["other"], "duration_ms": 77}
    environment.log("service", AT, REQUEST | others)
    environment.log("service", AT, REQUEST | others | {"transactions": 500, "duration_ms": 99})
    assert environment.trace() == 0
    output = capsys.readouterr().out
    assert "77 ms" not in output
    assert "duration 99 ms" in output


def test_lines_that_are_of_no_request_are_shown_with_the_posting(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.answer = traces.complete()
    environment.log("service", AT, {"message": "the request failed", "trace_id": TRACE})
    environment.log("processor", AT, f"Task timed out with {ID}")
    assert environment.trace() == 0
    head, _, tail = capsys.readouterr().out.partition("posting")
    assert "the request failed" not in head
    assert "the request failed" in tail
    assert f"Task timed out with {ID}" in tail


def test_log_groups_that_are_not_there_are_named(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.suffix += "x"
    environment.answer = traces.complete()
    assert environment.trace() == 0
    output = capsys.readouterr().out
    assert output.count("not read: there is no log group") == 3


def test_lines_are_looked_for_around_the_posting_or_where_the_person_says(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.answer = traces.complete()
    late = "2026-11-26T18:00:00+00:00"
    environment.log("service", late, {**REQUEST, "verdicts": {"replayed": 1}})
    environment.trace()
    assert "replayed" not in capsys.readouterr().out
    environment.answer = traces.complete() | {"now": "2026-11-26T19:00:00.000000Z"}
    environment.trace("--from", "2026-11-26T17:00:00Z", "--to", "2026-11-26T18:30:00Z")
    assert "replayed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--transaction", ""], "TRANSACTION is empty: it must be the id of a transaction"),
        (["--transaction", "01935f7e"], "must be a UUID of 32 hex digits in groups, got a string"),
        (["--from", "today"], "FROM='today': must be a time with its zone (RFC 3339)"),
        (["--to", "2026-11-26T18:00:00"], "TO='2026-11-26T18:00:00': must be a time with its zone"),
        (
            ["--from", "2026-11-26T18:00:00Z", "--to", "2026-11-26T18:00:00Z"],
            "FROM=2026-11-26T18:00:00Z is not before TO=2026-11-26T18:00:00Z",
        ),
    ],
)
def test_what_is_wrong_in_the_command_is_named(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert program.main(["--suffix", "dev", "--transaction", ID, *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error


def test_ctrl_c_and_a_refused_call_end_without_a_traceback(
    environment: Environment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(program, "gather", interrupt)
        assert environment.trace() == 130
    monkeypatch.setattr("operations.trace.evidence.call", _refused)
    assert environment.trace() == 1
    assert "docs/trace.md says which rights this needs" in capsys.readouterr().err


def _refused(*_: object, **__: object) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Invoke")


def test_the_output_can_be_read_again_as_lines(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each log line is one line, whatever is in it."""
    environment.answer = traces.complete()
    environment.log("service", AT, REQUEST | {"note": "a\nb"})
    environment.trace()
    [line] = [each for each in capsys.readouterr().out.splitlines() if "note=" in each]
    assert "note=a?b" in line
    assert json.dumps({"posted": 1}) in line
