"""B10: `make verify-audit` asks until all is verified, tells every discrepancy, and repairs."""

import io
import json
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from operations import verify_audit
from tests.aws_stubs import type_of_aws

VERIFIER, MIGRATOR = "audit-verifier-dev", "schema-migrator-dev"
FROM, TO = "2026-11-26T08:00:00Z", "2026-11-26T09:00:00Z"
ALL = {"from": None, "to": None, "cursor": None}
MISSING = {
    "kind": "missing",
    "subject": "batch",
    "id": "b1",
    "detail": "no object has it",
    "repair": "send_batch",
}
FORGOTTEN = {**MISSING, "subject": "transaction", "id": "t1", "repair": "seal_transaction"}
ALTERED = {**MISSING, "kind": "altered", "subject": "object", "id": "o1", "repair": None}


def found(*discrepancies: dict[str, Any], cursor: Any = None, more: int = 0) -> dict[str, Any]:
    return {
        "from": FROM,
        "to": TO,
        "checked": {"transactions": 1000, "batches": 2, "objects": 2},
        "discrepancies": [*discrepancies],
        "discrepancy_count": len(discrepancies) + more,
        "cursor": cursor,
    }


@pytest.fixture
def stub(aws: type_of_aws, monkeypatch: pytest.MonkeyPatch) -> Stubber:
    client, stub = aws("lambda")
    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: client)
    return stub


def expect(stub: Stubber, function: str, event: Any, answer: Any, **more: str) -> None:
    body = json.dumps(answer).encode()
    stub.add_response(
        "invoke",
        {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body)), **more},
        {"FunctionName": function, "Payload": json.dumps(event)},
    )


def run(*arguments: str) -> int:
    return verify_audit.main(["--suffix", "dev", *arguments])


def test_b10_a_trail_without_a_discrepancy_is_consistent(
    stub: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the program has asked for all of the range, with the cursor of each answer."""
    expect(stub, VERIFIER, ALL, found(cursor={"at": 1}))
    expect(stub, VERIFIER, {"from": FROM, "to": TO, "cursor": {"at": 1}}, found())

    assert run() == 0
    stub.assert_no_pending_responses()
    assert capsys.readouterr().out.splitlines() == [
        "so far: 1,000 transactions, 2 batches, 2 objects",
        "consistent: 2,000 transactions, 4 batches, 4 objects",
    ]


def test_b10_the_range_is_sent_in_utc(stub: Stubber) -> None:
    expect(stub, VERIFIER, {"from": FROM, "to": TO, "cursor": None}, found())

    assert run("--from", "2026-11-26T10:00:00+02:00", "--to", TO) == 0


def test_b10_each_discrepancy_is_a_line_and_nothing_is_changed(
    stub: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    expect(stub, VERIFIER, ALL, found(MISSING, ALTERED, more=3))

    assert run() == 1
    stub.assert_no_pending_responses()
    assert capsys.readouterr().out.splitlines() == [
        "missing batch b1: no object has it",
        "altered object o1: no object has it",
        "5 discrepancies in 1,000 transactions, 2 batches, 2 objects",
        "3 of them are not listed: verify a shorter range (FROM=, TO=)",
        "APPLY=yes sends what is missing again: 1 of those above",
        "1 must be looked at by a person: docs/runbooks/audit-discrepancies.md",
    ]


def test_b10_what_is_missing_is_sent_again_after_each_answer(
    stub: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not at the end: an interruption keeps what was done, and memory is bounded."""
    expect(stub, VERIFIER, ALL, found(MISSING, FORGOTTEN, cursor=7))
    again = {"task": "send-again", "batch_ids": ["b1"], "transaction_ids": ["t1"]}
    expect(stub, MIGRATOR, again, {"batches": 1, "transactions": 0})
    expect(stub, VERIFIER, {"from": FROM, "to": TO, "cursor": 7}, found())

    assert run("--apply") == 0
    stub.assert_no_pending_responses()
    said = capsys.readouterr().out
    sent = "sent again: 1 of 1 batches, 0 of 1 transactions"
    assert f"{sent} (others wait already, or are older than the record)" in said
    assert said.splitlines()[-1].startswith("wait some minutes, then verify again")


@pytest.mark.parametrize("answer", [found(ALTERED), found(more=1)])
def test_b10_what_no_program_repairs_is_a_failure(stub: Stubber, answer: dict[str, Any]) -> None:
    expect(stub, VERIFIER, ALL, answer)

    assert run("--apply") == 1
    stub.assert_no_pending_responses()


def test_b10_an_interruption_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(verify_audit.AuditTrail, "verify", interrupted)

    assert run() == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "yesterday"), "FROM='yesterday': must be a time with its zone"),
        (("--to", "2026-11-26T08:00:00"), "TO='2026-11-26T08:00:00': must be a time with its zone"),
        (("--from", TO, "--to", FROM), f"FROM={TO} is not before TO={FROM}"),
    ],
)
def test_s68_a_range_that_is_none_is_refused(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 1
    assert capsys.readouterr().err.startswith(f"error: {said}")


@pytest.mark.parametrize(
    ("answer", "more", "said"),
    [
        ({"errorMessage": "no database"}, {"FunctionError": "Unhandled"}, "no database"),
        ({"statusCode": 200}, {}, "{'statusCode': 200}"),
    ],
)
def test_s68_a_function_that_fails_is_told_with_its_reason(
    stub: Stubber,
    capsys: pytest.CaptureFixture[str],
    answer: dict[str, Any],
    more: dict[str, str],
    said: str,
) -> None:
    for _ in range(3):
        expect(stub, VERIFIER, ALL, answer, **more)

    assert run() == 1
    stub.assert_no_pending_responses()
    assert f"error: {said}. The whole error is in the log group" in capsys.readouterr().err


def test_s68_a_failed_call_of_the_verifier_is_repeated_with_the_same_event(
    stub: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    """It only reads. Else an hour's work would be lost by one error."""
    at = {"from": FROM, "to": TO, "cursor": {"at": 1}}
    expect(stub, VERIFIER, ALL, found(cursor={"at": 1}))
    expect(stub, VERIFIER, at, {"errorMessage": "no"}, FunctionError="Unhandled")
    stub.add_client_error("invoke", "TooManyRequestsException")
    expect(stub, VERIFIER, at, found())

    assert run() == 0
    stub.assert_no_pending_responses()


def test_s68_a_failed_repair_is_not_repeated(stub: Stubber) -> None:
    expect(stub, VERIFIER, ALL, found(MISSING))
    again = {"task": "send-again", "batch_ids": ["b1"], "transaction_ids": []}
    expect(stub, MIGRATOR, again, {"errorMessage": "no"}, FunctionError="Unhandled")

    assert run("--apply") == 1
    stub.assert_no_pending_responses()


def test_b10_what_is_not_listed_is_repaired_by_another_run(
    stub: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    expect(stub, VERIFIER, ALL, found(MISSING, more=2))
    again = {"task": "send-again", "batch_ids": ["b1"], "transaction_ids": []}
    expect(stub, MIGRATOR, again, {"batches": 1, "transactions": 0})

    assert run("--apply") == 1
    assert "2 of them are not listed: run it again" in capsys.readouterr().out
