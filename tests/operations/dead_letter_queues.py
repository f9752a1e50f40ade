"""Queues of the emulator, which count, hide and delete as SQS does, for tests of dead letters."""

import json
from typing import Any

import boto3
import pytest

from operations.dead_letters import hold
from tests.account import Account

SUFFIX = "letters"


class Queues:
    """The two queues of one kind in the environment of `suffix`, empty."""

    def __init__(self, account: Account, kind: str, suffix: str = SUFFIX) -> None:
        self._sqs = account.client("sqs")
        self.url, self.dead = (
            self._sqs.create_queue(QueueName=f"{kind}-{what}-{suffix}")["QueueUrl"]
            for what in ("queue", "dead-letters")
        )
        for url in (self.url, self.dead):
            self._sqs.purge_queue(QueueUrl=url)

    def send(self, body: str) -> None:
        """To the queue itself."""
        self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def put_dead_letter(self, body: str, reason: str | None = None, **attributes: str) -> str:
        """Its message id."""
        texts = attributes | ({"reason": reason} if reason is not None else {})
        return self.put_with(
            body,
            {name: {"DataType": "String", "StringValue": value} for name, value in texts.items()},
        )

    def put_with(self, body: str, attributes: dict[str, Any]) -> str:
        sent = self._sqs.send_message(
            QueueUrl=self.dead, MessageBody=body, MessageAttributes=attributes
        )
        return str(sent["MessageId"])

    def hide_one(self) -> None:
        """As somebody who looks at the letters, and holds one of them."""
        self._sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=1)

    def have_moved(self, body: str, attributes: dict[str, Any]) -> None:
        """Send a message that is received too often: SQS moves it."""
        arn = self._sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 1}
        self._sqs.set_queue_attributes(
            QueueUrl=self.url, Attributes={"RedrivePolicy": json.dumps(policy)}
        )
        self._sqs.send_message(QueueUrl=self.url, MessageBody=body, MessageAttributes=attributes)
        for _ in range(2):
            self._sqs.receive_message(QueueUrl=self.url, VisibilityTimeout=0)
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"RedrivePolicy": ""})

    def put_many(self, number: int, reason: str) -> None:
        """`number` letters; their bodies are their numbers."""
        attribute = {"reason": {"DataType": "String", "StringValue": reason}}
        for first in range(0, number, 10):
            self._sqs.send_message_batch(
                QueueUrl=self.dead,
                Entries=[
                    {"Id": str(n), "MessageBody": str(n), "MessageAttributes": attribute}
                    for n in range(first, min(first + 10, number))
                ],
            )

    def sent_back(self, *, is_doubled: bool = False) -> dict[str, dict[str, Any]]:
        """{body: attributes} of what is in the source queue, taken out of it."""
        found: dict[str, dict[str, Any]] = {}
        while messages := self._sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                assert is_doubled or message["Body"] not in found, "sent back once"
                found[message["Body"]] = dict(message.get("MessageAttributes", {}))
        return found

    def letters(self) -> dict[str, int]:
        """How many can be received now, and how many are there but hidden."""
        answer = self._sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["All"])
        names = {
            "ApproximateNumberOfMessages": "visible",
            "ApproximateNumberOfMessagesNotVisible": "hidden",
        }
        return {names[k]: int(v) for k, v in answer["Attributes"].items() if k in names}


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator has one server to ask: an empty answer need not be waited for."""
    monkeypatch.setattr(hold, "WAIT_SECONDS", 0)


@pytest.fixture
def queues(asked: Account, no_waiting: None) -> Queues:
    return Queues(asked, "transaction")


@pytest.fixture
def sqs(asked: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client that the program gets, for a test to change."""
    client = boto3.client("sqs", endpoint_url=asked.endpoint_url)
    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: client)
    return client
