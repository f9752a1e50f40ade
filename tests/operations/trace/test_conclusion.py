"""Wherever a transaction has stopped, `make trace` says so and what to do next."""

import json
from typing import Any

import pytest

from operations.trace import evidence
from tests.operations.trace import traces
from tests.operations.trace.conftest import Environment
from tests.operations.trace.traces import BATCH, ID, KEY

LATER = "2026-11-26T16:40:00.000000Z"
MUCH_LATER = "2026-11-26T17:00:00.000000Z"
OUTBOX = {"outbox_id": 9, "created_at": traces.POSTED_AT, "transactions": 2}
NOT_SENT = traces.batch(sent_at=None, due_at=LATER)
REQUEST: dict[str, Any] = {
    "message": "request answered",
    "transaction_ids": [ID],
    "transactions": 1,
    "duration_ms": 3,
}
AT = "2026-11-26T16:29:37.100+00:00"


def told(environment: Environment, capsys: pytest.CaptureFixture[str], answer: Any) -> str:
    """What a person reads at the end."""
    environment.answer = answer
    assert environment.trace() == 1
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "said", "advice"),
    [
        (traces.trace(traces.recorded(), outbox=OUTBOX), "waits in the outbox", "in a few seconds"),
        (
            traces.trace(traces.recorded(), outbox=OUTBOX, now=LATER),
            "waits in the outbox",
            "docs/runbooks/outbox-age.md",
        ),
        (
            traces.trace(traces.recorded(), batch=NOT_SENT, key=KEY),
            "sealed and waits for the audit queue",
            "in a few seconds",
        ),
        (
            traces.trace(traces.recorded(), batch=NOT_SENT | {"refusals": 10, "last_error": "No"}),
            "set aside: the audit queue has refused it 10 times",
            "make resend",
        ),
        (
            traces.trace(traces.recorded(), batch=traces.batch(), key=KEY),
            "sent to the audit queue; there is no object yet",
            "ask again in a minute",
        ),
        (
            traces.trace(traces.recorded(), batch=traces.batch(), key=KEY, now=MUCH_LATER),
            "there is no object, 30 minutes later",
            f"FROM={traces.POSTED_AT}; with APPLY=yes",
        ),
        (
            traces.complete(object=traces.stored(faults=["its hash is another"])),
            "its audit object is not what was posted",
            "docs/runbooks/audit-discrepancies.md",
        ),
        (
            traces.complete(object=traces.stored(versions=2)),
            "was written more than once",
            "make verify-audit",
        ),
        (
            traces.trace(traces.recorded()),
            "neither in the outbox nor in a batch",
            "make verify-audit",
        ),
    ],
)
def test_a_posted_transaction_that_is_not_in_the_trail(
    environment: Environment,
    capsys: pytest.CaptureFixture[str],
    answer: Any,
    said: str,
    advice: str,
) -> None:
    output = told(environment, capsys, answer)
    assert said in output
    [line] = [line for line in output.splitlines() if advice in line]
    assert line.startswith("  next: ")


def test_a_search_that_was_ended_is_not_taken_for_an_absence(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = traces.trace(traces.recorded(), not_searched=["the batches of a day"])
    output = told(environment, capsys, answer)
    assert "its batch was not found, but not everything was searched" in output
    assert "neither in the outbox nor" not in output
    assert "not read: the batches of a day: the search took too long" in output


def test_messages_of_an_audit_queue_that_is_late_are_counted(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.audit.send("{}")
    answer = traces.trace(traces.recorded(), batch=traces.batch(), key=KEY, now=MUCH_LATER)
    output = told(environment, capsys, answer)
    assert "about 1 messages wait in the audit queue" in output


def test_a_batch_that_is_a_dead_letter(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"batch_id": BATCH, "transactions": [{"transaction_id": ID}]}
    environment.audit.put_dead_letter(json.dumps(body), reason="invalid_batch: chain")
    answer = traces.trace(traces.recorded(), batch=traces.batch(), key=KEY, now=LATER)
    output = told(environment, capsys, answer)
    assert "its batch is a dead letter of the audit queue: message " in output
    assert "invalid_batch: chain" in output
    assert "QUEUE=audit" in output
    assert ("sending", "done") in [(line[29:44].strip(), line[45:]) for line in output.splitlines()]


def test_a_refused_transaction_has_its_result(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.answer = traces.trace(traces.recorded(state="refused", reason="insufficient_funds"))
    assert environment.trace() == 0
    output = capsys.readouterr().out
    assert "refused for good: insufficient_funds" in output
    assert "a new attempt needs a new id" in output
    assert "object" not in output


@pytest.mark.parametrize(
    ("verdicts", "status", "said"),
    [
        ({"conflict": 1}, 409, "answered with 409 (conflict)"),
        ({}, 503, "answered with 503 (its result is unknown to the client)"),
    ],
)
def test_a_request_that_recorded_nothing(
    environment: Environment,
    capsys: pytest.CaptureFixture[str],
    verdicts: dict[str, int],
    status: int,
    said: str,
) -> None:
    environment.log("service", AT, REQUEST | {"verdicts": verdicts, "status": status})
    output = told(environment, capsys, traces.trace())
    assert said in output
    assert "after a 503 send the same transaction again" in output


def test_a_message_that_recorded_nothing(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {"message": "message kept", "message_id": "m", "transaction_id": ID, "status": "busy"}
    environment.log("processor", AT, kept)
    output = told(environment, capsys, traces.trace())
    assert "its message was received, and not posted" in output
    assert "result busy" in output


def test_a_message_that_is_a_dead_letter(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"transaction": {"transaction_id": ID}}
    message_id = environment.transactions.put_dead_letter(json.dumps(body), reason="conflict")
    other = {"transaction": {"transaction_id": ID[:-1] + "9"}}
    environment.transactions.put_dead_letter(json.dumps(other), reason="forbidden")
    output = told(environment, capsys, traces.trace())
    assert f"its message is a dead letter: message {message_id}" in output
    assert "conflict" in output
    assert "forbidden" not in output
    assert f"make redrive SUFFIX={environment.suffix} ID={ID}" in output


def test_letters_that_somebody_else_holds_are_said_and_the_id_is_not_doubted(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"transaction": {"transaction_id": ID}}
    environment.transactions.put_dead_letter(json.dumps(body), reason="conflict")
    environment.transactions.hide_one()
    output = told(environment, capsys, traces.trace())
    name = f"transaction-dead-letters-{environment.suffix}"
    held = f"about 1 dead letters of {name} are held by somebody else: ask again in 10 minutes"
    assert f"not read: {held}" in output
    assert "its message may be a dead letter" in output
    assert "check the id" not in output


def test_only_so_many_letters_are_looked_at_and_that_is_said(
    environment: Environment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "LETTERS_MAX", 10)
    environment.audit.put_many(25, "outage")
    answer = traces.trace(traces.recorded(), batch=traces.batch(), key=KEY, now=MUCH_LATER)
    output = told(environment, capsys, answer)
    assert "has more dead letters than the 10 that were looked at" in output
    assert "its batch may be a dead letter" in output


def test_letters_that_were_not_seen_do_not_matter_once_it_is_found(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.transactions.put_dead_letter("{}", reason="bad_json")
    environment.transactions.hide_one()
    body = {"transaction": {"transaction_id": ID}}
    environment.transactions.put_dead_letter(json.dumps(body), reason="conflict")
    output = told(environment, capsys, traces.trace())
    assert "its message is a dead letter" in output
    assert "not read" not in output.replace("not read: there is no log group", "")


def test_an_id_that_nobody_knows(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    output = told(environment, capsys, traces.trace())
    # From the time in the id until now.
    assert "between 2026-11-26T16:27:37Z and 2026-11-26T16:30:50Z" in output
    assert "check the id and SUFFIX" in output
    assert "wait in the transaction queue" not in output


def test_a_standby_that_does_not_know_an_id_proves_nothing(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    output = told(environment, capsys, traces.trace(is_from_standby=True))
    assert "the standby that was read does not know this id" in output
    assert "ask again in a minute" in output
    assert "check the id" not in output
    assert "this was read from a standby" in output


def test_an_id_that_may_wait_in_the_queue(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.transactions.send("{}")
    output = told(environment, capsys, traces.trace())
    assert "about 1 messages wait in the transaction queue" in output


def test_an_id_without_a_time_is_looked_for_in_the_last_hour(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.answer = traces.trace()
    for transaction in ("5a3f0c1e-6a52-4f0e-9c8e-2f1de0b7a001", "f" * 8 + ID[8:]):
        assert environment.trace(transaction=transaction) == 1
        output = capsys.readouterr().out
        assert "between 2026-11-26T15:29:50Z and 2026-11-26T16:29:50Z" in output


def test_an_environment_without_queues_is_named(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.answer = traces.trace()
    environment.suffix += "x"
    assert environment.trace() == 1
    assert "there is no queue transaction-dead-letters-" in capsys.readouterr().err
