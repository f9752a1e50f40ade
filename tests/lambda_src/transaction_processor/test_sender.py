"""Who is recorded as the user of a queued transaction."""

import pytest

from lambda_src.shared.first_send import FIRST_SENDER_ID
from lambda_src.shared.messages import Message
from lambda_src.transaction_processor.sender import sender_of

PROCESSOR = "AROAPROCESSOR"  # the id of its role


def user_of(sender_id: str, first_sender_id: str | None = None) -> str:
    attributes = {}
    if first_sender_id is not None:
        attributes[FIRST_SENDER_ID] = {"stringValue": first_sender_id, "dataType": "String"}
    message = Message(
        message_id="m1",
        receipt_handle="handle",
        body="{}",
        receive_count=1,
        attributes=attributes,
        sender_id=sender_id,
    )
    return sender_of(message, processor_role_id=PROCESSOR).user_id


def test_the_user_is_the_sender_that_sqs_has_recorded() -> None:
    assert user_of("AROASENDER:payroll") == "AROASENDER:payroll"


def test_of_a_renewed_message_it_is_the_first_sender() -> None:
    assert user_of(f"{PROCESSOR}:transaction-processor", "AIDASENDER") == "AIDASENDER"


@pytest.mark.parametrize(
    "forger", ["AIDAFORGER", f"{PROCESSOR}S:session", f"AROAFORGER:{PROCESSOR}", ""]
)
def test_nobody_else_can_name_another_sender(forger: str) -> None:
    assert user_of(forger, "AIDAVICTIM") == (forger or "unknown")


def test_a_copy_of_the_version_before_names_its_own_sender() -> None:
    """It has no such attribute."""
    assert user_of(f"{PROCESSOR}:transaction-processor") == f"{PROCESSOR}:transaction-processor"


def test_a_long_sender_is_cut_to_what_the_ledger_stores() -> None:
    assert user_of("A" * 300) == "A" * 128
