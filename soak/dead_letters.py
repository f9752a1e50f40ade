"""The dead letters at the end, read from their queue."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambda_src.shared.message_attributes import REASON, sender_attributes_of
from lambda_src.transaction_processor.settings import CORRELATION_ID
from soak.message import RECEIVED_TOO_OFTEN

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    body: str
    reason: str
    correlation_id: str  # "" if it has none


def dead_letters(sqs: "SQSClient", queue_url: str) -> list[DeadLetter]:
    """Every copy. Empties the queue."""
    return [_dead_letter(message) for message in taken(sqs, queue_url)]


def taken(sqs: "SQSClient", queue_url: str) -> "Iterator[MessageTypeDef]":
    """Each message of a queue that nobody else reads; it is deleted."""
    while messages := sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        for message in messages:
            yield message
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


def _dead_letter(message: "MessageTypeDef") -> DeadLetter:
    attributes: Mapping[str, Any] = message.get("MessageAttributes", {})
    of_sender = sender_attributes_of(attributes, is_dead_letter=True)
    return DeadLetter(
        body=message["Body"],
        reason=attributes.get(REASON, {}).get("StringValue", RECEIVED_TOO_OFTEN),
        correlation_id=of_sender.get(CORRELATION_ID, {}).get("StringValue", ""),
    )
