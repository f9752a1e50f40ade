"""SQS events as Lambda passes them, and a fake dead-letter queue."""

from typing import Any

from lambda_src.shared.messages import Message


def sqs_record(body: str, *, name: str = "m1", receive_count: int = 1) -> dict[str, Any]:
    return {
        "messageId": name,
        "receiptHandle": f"handle of {name}",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(receive_count),
            "SentTimestamp": "1794000000000",
            "SenderId": "AIDATEST",
            "ApproximateFirstReceiveTimestamp": "1794000000001",
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111111111111:transaction-queue-dev",
        "awsRegion": "us-east-1",
    }


def sqs_event(*bodies: str, receive_count: int = 1) -> dict[str, Any]:
    """Message ids are m1, m2, ... in the order of the bodies."""
    return {
        "Records": [
            sqs_record(body, name=f"m{number}", receive_count=receive_count)
            for number, body in enumerate(bodies, start=1)
        ]
    }


def kept(*names: str) -> dict[str, Any]:
    """The partial batch response that keeps these messages on their queue."""
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


class FakeDeadLetters:
    """Keeps the message ids and reasons that it is given."""

    def __init__(self, *, accepts: bool = True) -> None:
        self.letters: list[tuple[str, str]] = []
        self._accepts = accepts

    def accept(self, message: Message, reason: str) -> bool:
        self.letters.append((message.message_id, reason))
        return self._accepts
