"""Sends the messages of the plan to the transaction queue until each is acknowledged."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.queue_messages import groups
from lambda_src.transaction_processor.settings import CORRELATION_ID
from soak.inputs import messages_of
from soak.message import Message
from soak.outside_log import OutsideLog
from soak.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

_PAUSE_SECONDS = 0.1
_COUNTED_SECONDS = 0.5
ANSWER_SECONDS = 60.0
BACKLOG_MAX = 2000  # messages in the queue: a faster sender only makes the end longer


class Sender:
    """A message of which the acknowledgement was lost is sent again, as senders must."""

    def __init__(
        self,
        *,
        sqs: "SQSClient",  # through the proxy
        queue_url: str,
        seed: int,
        numbers: Iterable[int],  # of the groups of messages; no two senders have one in common
        log: OutsideLog,
        backlog: Callable[[], int],
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._seed = seed
        self._numbers = numbers
        self._log = log
        self._backlog = backlog

    def run(self, stopped: threading.Event) -> None:
        counted = 0.0
        for some in groups(self._messages(stopped), size_of=_size):
            self._send(some)
            if time.monotonic() - counted > _COUNTED_SECONDS:
                while self._backlog() > BACKLOG_MAX and not stopped.wait(_PAUSE_SECONDS):
                    pass
                counted = time.monotonic()

    def _send(self, messages: Sequence[Message]) -> None:
        waiting = {str(number): message for number, message in enumerate(messages)}
        deadline = time.monotonic() + ANSWER_SECONDS
        while waiting:
            if time.monotonic() > deadline:
                what = f"the queue did not take a message in {ANSWER_SECONDS:.0f} s"
                for message in waiting.values():
                    self._log.unexpected(Problem(what=what, subject=message.correlation_id))
                return
            try:
                answer = self._sqs.send_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[_entry(number, message) for number, message in waiting.items()],
                )
            except (BotoCoreError, ClientError):
                time.sleep(_PAUSE_SECONDS)
                continue
            for entry in answer.get("Successful", []):
                self._log.sent(waiting.pop(entry["Id"]))

    def _messages(self, stopped: threading.Event) -> Iterator[Message]:
        for number in self._numbers:
            if stopped.is_set():
                return
            yield from messages_of(self._seed, number)


def _entry(number: str, message: Message) -> "Entry":
    entry: Entry = {
        "Id": number,
        "MessageBody": message.body,
        "DelaySeconds": message.delay_seconds,
    }
    if message.has_room:
        entry["MessageAttributes"] = {
            CORRELATION_ID: {"DataType": "String", "StringValue": message.correlation_id}
        }
    return entry


def _size(message: Message) -> int:
    """With its attribute: its name, type and value."""
    return len(message.body.encode()) + (100 if message.has_room else 0)
