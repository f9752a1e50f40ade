"""What the sender of a message is told about it."""

import json
from typing import Any

import pytest

from app_service.ledger.kinds import Kind
from app_service.ledger.transaction import Transaction
from lambda_src.transaction_processor.outcomes import Outcome, dead_lettered, posted, refused
from tests.lambda_src.submissions import transaction
from tests.lambda_src.transaction_processor.outcome_messages import PROCESSOR, message


def told(outcome: Outcome) -> dict[str, Any]:
    text = outcome.to_text(processor_role_id=PROCESSOR)
    assert text.isascii()  # its length is its bytes
    found: dict[str, Any] = json.loads(text)
    return found


TRANSACTION = transaction(7)
ITS_FIELDS = {
    "transaction_id": "00000000-0000-0000-0000-000000000007",
    "kind": "transfer",
    "amount_minor": 100,
    "currency": "USD",
}
MESSAGE_FIELDS = {
    "message_id": "m1",
    "sender": "AROASENDER:payroll",
    "first_sent_at": "2026-11-06T21:20:00.007Z",
}


@pytest.mark.parametrize("verdict", ["posted", "replayed"])
def test_a_posted_transaction_is_told_with_its_fields(verdict: str) -> None:
    found = told(posted(message(), TRANSACTION, verdict=verdict))
    assert found == {**MESSAGE_FIELDS, **ITS_FIELDS, "result": verdict}


def test_a_refusal_is_told_with_its_reason() -> None:
    found = told(refused(message(), TRANSACTION, reason="insufficient_funds"))
    assert found == {
        **MESSAGE_FIELDS,
        **ITS_FIELDS,
        "result": "refused",
        "reason": "insufficient_funds",
    }


def test_a_malformed_message_is_told_without_a_transaction() -> None:
    found = told(dead_lettered(message(), None, reason="bad_json: found a list"))
    assert found == {
        **MESSAGE_FIELDS,
        "result": "dead_lettered",
        "reason": "bad_json: found a list",
    }


def test_fields_that_a_transaction_does_not_have_are_absent() -> None:
    void = Transaction(
        transaction_id=TRANSACTION.transaction_id,
        kind=Kind.VOID,
        target_id=TRANSACTION.transaction_id,
    )
    found = told(posted(message(), void, verdict="posted"))
    assert found["kind"] == "void"
    assert found.keys().isdisjoint({"amount_minor", "currency", "correlation_id"})


def test_the_sender_finds_its_message_by_its_own_attribute() -> None:
    found = told(dead_lettered(message(correlation_id="invoice 7"), None, reason="bad_json"))
    assert found["correlation_id"] == "invoice 7"


def test_a_correlation_id_is_whole_or_absent() -> None:
    """A part of it would name another message."""
    for length, is_told in ((256, True), (257, False)):
        outcome = dead_lettered(message(correlation_id="x" * length), None, reason="bad_json")
        assert ("correlation_id" in told(outcome)) == is_told


def test_a_binary_correlation_id_is_absent() -> None:
    binary = message()
    binary.attributes["correlation_id"] = {"binaryValue": "AA==", "dataType": "Binary"}
    assert "correlation_id" not in told(dead_lettered(binary, None, reason="bad_json"))


def test_no_other_attribute_is_told() -> None:
    """Every subscriber of the bus would read it."""
    outcome = dead_lettered(message(token="a secret"), None, reason="bad_json")
    assert "a secret" not in outcome.to_text(processor_role_id=PROCESSOR)


def test_a_long_reason_is_cut() -> None:
    assert len(told(dead_lettered(message(), None, reason="\U0001f600" * 501))["reason"]) == 500


def test_a_renewed_message_is_told_as_the_message_that_its_sender_knows() -> None:
    copy = message(
        "m2",
        sender_id=f"{PROCESSOR}:transaction-processor",
        first_message_id="m1",
        first_sender_id="AROASENDER:payroll",
        first_sent_at="1793999999000",
    )
    found = told(dead_lettered(copy, None, reason="bad_json"))
    assert (found["message_id"], found["sender"]) == ("m1", "AROASENDER:payroll")
    assert found["first_sent_at"] == "2026-11-06T21:19:59.000Z"


def test_nobody_can_speak_for_the_message_of_another_sender() -> None:
    forged = message("m2", first_message_id="m1", first_sender_id="AROAVICTIM:payroll")
    found = told(dead_lettered(forged, None, reason="bad_json"))
    assert (found["message_id"], found["sender"]) == ("m2", "AROASENDER:payroll")


def test_a_message_without_a_sender_is_told_as_the_ledger_records_it() -> None:
    assert told(posted(message(sender_id=""), TRANSACTION, verdict="posted"))["sender"] == "unknown"
