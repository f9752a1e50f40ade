"""The audit queue, over boto3 in threads."""

import asyncio
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Refused(Exception):
    """The queue did not acknowledge the message: the error's code or class."""


class AuditQueue:
    def __init__(self, *, sqs: "SQSClient", url: str, executor: Executor) -> None:
        self._sqs = sqs
        self._url = url
        self._executor = executor

    async def send(self, body: str, *, trace_id: str | None = None) -> str:
        """The id that the queue gives the message when it has acknowledged it. Raises Refused.

        `trace_id`: of the one request that posted all of it. This attribute does not count towards
        the size of a message, and Lambda hands it on
        (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html).
        """
        send = partial(self._sqs.send_message, QueueUrl=self._url, MessageBody=body)
        if trace_id is not None:
            trace = {"DataType": "String", "StringValue": f"Root={trace_id}"}
            send = partial(send, MessageSystemAttributes={"AWSTraceHeader": trace})
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._executor, send)
        except ClientError as error:
            raise Refused(error.response["Error"]["Code"]) from error
        except BotoCoreError as error:
            raise Refused(type(error).__name__) from error
        return answer["MessageId"]

    async def probe(self) -> None:
        """Raises a boto3 error if the queue does not answer."""
        ask = partial(
            self._sqs.get_queue_attributes,
            QueueUrl=self._url,
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        await asyncio.get_running_loop().run_in_executor(self._executor, ask)
