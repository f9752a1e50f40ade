"""Gives the messages of a queue to a function, as Lambda's event source mapping does it.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html: what the function does
not report as failed is deleted; after an invocation that failed everything stays. Each invocation
may be lost, doubled or killed by the plan, and so may each receive and delete, which go through the
proxy.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.first_send import FIRST_SENT_AT
from lambda_src.shared.queue_messages import ENTRIES_MAX
from local_cloud.aws import ACCOUNT, REGION
from local_cloud.emulator.ministack_adapter.event_batches import EVENT_BYTES_MAX
from soak.function_process import Function, FunctionFailed, InvocationFailed, Worker
from soak.plan import INVOCATION, Fault, Faults
from soak.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef as SqsMessage

logger = logging.getLogger(__name__)

# The unique id of the role of both functions. All local requests have the same sender, so who sent
# a message is told by the attribute that only a function sets.
ROLE_ID: Final = "AROASOAK"
_OTHER_SENDER: Final = "AIDASOAK"

_KILL_SECONDS_MAX: Final = 0.5

Record = dict[str, Any]
# Takes the records of an event before the function sees them: for negative controls.
Withhold = Callable[[Sequence[Record]], Sequence[Record]]


@dataclass(frozen=True, kw_only=True)
class EventSource:
    name: str  # of the function, for the plan and the report
    function: Function
    queue_url: str
    sqs: "SQSClient"  # through the proxy
    sqs_past_proxy: "SQSClient"
    batch_sizes: Iterator[int]  # of one batch after the other
    window_seconds: float
    faults: Faults
    on_failure: Callable[[Problem], None]
    withhold: Withhold | None = None

    def run(self, stopped: threading.Event) -> None:
        """Until `stopped`, with a worker of its own."""
        worker = Worker(self.function)
        try:
            while not stopped.is_set():
                records = self._receive()
                if records:
                    self._handle(worker, records)
        finally:
            worker.kill()

    def _receive(self) -> list[Record]:
        records: list[Record] = []
        size = 0  # of the bodies: the other half has room for the rest of the records
        batch_size = next(self.batch_sizes)
        until = time.monotonic() + self.window_seconds
        while len(records) < batch_size and size < EVENT_BYTES_MAX // 2:
            left = batch_size - len(records)
            try:
                answer = self.sqs.receive_message(
                    QueueUrl=self.queue_url,
                    MaxNumberOfMessages=min(left, ENTRIES_MAX),
                    WaitTimeSeconds=0 if records else 1,
                    AttributeNames=["All"],
                    MessageAttributeNames=["All"],
                )
            except (BotoCoreError, ClientError):
                break  # what it took is received again after the visibility timeout
            found = [_record(message, self.queue_url) for message in answer.get("Messages", [])]
            records += found
            size += sum(len(record["body"].encode()) for record in found)
            if not found and time.monotonic() >= until:
                break
        return records

    def _handle(self, worker: Worker, records: list[Record]) -> None:
        shown = records if self.withhold is None else self.withhold(records)
        kept = self._invoke(worker, shown)
        done = [record for record in records if record["messageId"] not in kept]
        stay = [record for record in records if record["messageId"] in kept]
        for some in _tens(done):
            try:
                self.sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=_handles(some))
            except (BotoCoreError, ClientError):
                logger.info("messages not deleted", extra={"messages": len(some)})
        # The pause that the function has chosen is for an environment: here it is over at once.
        for some in _tens(stay):
            self.sqs_past_proxy.change_message_visibility_batch(
                QueueUrl=self.queue_url,
                Entries=_handles(some, VisibilityTimeout=1),
            )

    def _invoke(self, worker: Worker, records: Sequence[Record]) -> frozenset[str]:
        """The ids of the messages that stay."""
        everything = frozenset(record["messageId"] for record in records)
        decision = self.faults.next(f"Lambda {self.name}", INVOCATION)
        killing = None
        if decision is not None:
            self.faults.applied(f"Lambda {self.name}", decision.fault)
            if decision.fault == Fault.KILLED:
                killing = threading.Timer(decision.share * _KILL_SECONDS_MAX, worker.kill_running)
                killing.start()
        try:
            if decision is not None and decision.fault == Fault.INVOKED_TWICE:
                worker.invoke({"Records": [*records]})
            answer = worker.invoke({"Records": [*records]})
        except FunctionFailed as error:
            self.on_failure(Problem(what=f"function {self.name} failed: {error}"))
            return everything
        except InvocationFailed as error:
            logger.info("invocation failed", extra={"reason": str(error)})
            return everything
        finally:
            if killing is not None:
                killing.join()
        if decision is not None and decision.fault == Fault.ANSWER_DROPPED:
            return everything
        return frozenset(each["itemIdentifier"] for each in answer["batchItemFailures"])


def _tens(records: Sequence[Record]) -> list[Sequence[Record]]:
    return [records[n : n + ENTRIES_MAX] for n in range(0, len(records), ENTRIES_MAX)]


def _handles(records: Sequence[Record], **more: int) -> list[Any]:
    return [
        {"Id": str(number), "ReceiptHandle": record["receiptHandle"], **more}
        for number, record in enumerate(records)
    ]


def _record(message: "SqsMessage", queue_url: str) -> Record:
    """As Lambda spells it: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
    attributes = message.get("MessageAttributes", {})
    sender = f"{ROLE_ID}:a-function" if FIRST_SENT_AT in attributes else _OTHER_SENDER
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {**message["Attributes"], "SenderId": sender},
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_url.rpartition('/')[2]}",
        "awsRegion": REGION,
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "stringValue": value.get("StringValue"),
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }
