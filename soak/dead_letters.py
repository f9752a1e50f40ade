"""The dead letters at the end, read from their queue."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from soak.inputs import RECEIVED_TOO_OFTEN

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def dead_letters(sqs: "SQSClient", queue_url: str) -> dict[str, list[str]]:
    """The reasons of each body, one for each copy. Empties the queue."""
    found: dict[str, list[str]] = defaultdict(list)
    while messages := sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        for message in messages:
            attributes: Mapping[str, Any] = message.get("MessageAttributes", {})
            reason = attributes.get("reason", {}).get("StringValue", RECEIVED_TOO_OFTEN)
            found[message["Body"]].append(reason)
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return found
