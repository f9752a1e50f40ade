"""When a kept message is received again: exponential backoff with full jitter."""

import logging
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.messages import Message
from lambda_src.shared.queue_messages import ENTRIES_MAX

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

_FIRST_CEILING_SECONDS = 5
_CEILING_MAX_SECONDS = 900
# The time for one call to SQS and for the answer to Lambda. If Lambda stops the function before the
# answer, the whole batch is received again, although some messages were already sent again.
CALL_SECONDS = 10


def delay_seconds(receive_count: int, random: Callable[[], float]) -> int:
    """From 0 to a ceiling that doubles with each delivery (5, 10, 20, ... 900).

    `random` is uniform over [0, 1): messages that failed together must not be received together.
    """
    doublings = min(receive_count - 1, 10)  # beyond the maximum
    return round(random() * min(_CEILING_MAX_SECONDS, _FIRST_CEILING_SECONDS << doublings))


class Redelivery:
    def __init__(self, *, sqs: "SQSClient", queue_url: str, random: Callable[[], float]) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._random = random

    def postpone(self, messages: Sequence[Message], *, seconds_left: Callable[[], float]) -> None:
        """Hide each message for its own delay. Where that fails, the queue's timeout applies."""
        rest = iter(messages)
        while some := list(islice(rest, ENTRIES_MAX)):
            if seconds_left() < CALL_SECONDS:
                logger.warning("too late to postpone", extra={"messages": len(some) + len([*rest])})
                return
            try:
                answer = self._sqs.change_message_visibility_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {
                            "Id": str(index),
                            "ReceiptHandle": message.receipt_handle,
                            "VisibilityTimeout": delay_seconds(message.receive_count, self._random),
                        }
                        for index, message in enumerate(some)
                    ],
                )
            except (BotoCoreError, ClientError):
                logger.exception("messages not postponed", extra={"messages": len(some)})
                continue
            for entry in answer.get("Failed", []):
                logger.warning(
                    "message not postponed",
                    extra={"message_id": some[int(entry["Id"])].message_id, "code": entry["Code"]},
                )
