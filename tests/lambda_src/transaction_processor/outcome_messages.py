"""Messages whose outcomes are told."""

from lambda_src.shared.messages import Message

PROCESSOR = "AROAPROCESSOR"  # the id of its role
SENT_AT_MS = 1_794_000_000_007


def message(
    name: str = "m1", *, sender_id: str = "AROASENDER:payroll", **attributes: str
) -> Message:
    """`attributes` are those of the sender, as text."""
    return Message(
        message_id=name,
        receipt_handle=f"handle of {name}",
        body="{}",
        receive_count=1,
        sent_at_ms=SENT_AT_MS,
        attributes={
            key: {"stringValue": value, "dataType": "String"} for key, value in attributes.items()
        },
        sender_id=sender_id,
    )
