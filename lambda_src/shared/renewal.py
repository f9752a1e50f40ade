"""Sends messages to their queue again as new messages, so that SQS counts receives from zero.

While the ledger is unavailable, a message is received repeatedly, and after a number of receives
SQS moves it to the dead-letter queue. A new copy has no receives. The copy is sent before the
original is deleted: the message may exist twice, but it is never lost.

Both are then handled, which is safe: a transaction id has one result, posted or refused, and every
copy gets it. But each copy costs a call, and could be renewed in turn. Therefore copies are rare: a
send is never repeated, and no send starts without enough time to finish.
"""

import logging
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.first_send import first_sent_at
from lambda_src.shared.message_attributes import attributes_of_copy, size_in_bytes
from lambda_src.shared.messages import Message
from lambda_src.shared.queue_messages import groups
from lambda_src.shared.redelivery import CALL_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

logger = logging.getLogger(__name__)

# The retention of the queue. A message that has waited longer is not renewed and becomes a dead
# letter.
WAIT_MAX_SECONDS = 14 * 86_400
_DELAY_MAX_SECONDS = 900  # a limit of SQS


class Renewal:
    """`random` is uniform over [0, 1), so that the messages are not received together."""

    def __init__(
        self,
        *,
        sqs: "SQSClient",
        queue_url: str,
        role_id: str,
        random: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._role_id = role_id
        self._random = random
        self._now = now

    def renew(
        self,
        messages: Sequence[Message],
        *,
        wait_seconds: int,
        spread_seconds: int,
        seconds_left: Callable[[], float],
    ) -> list[Message]:
        """Send each again, delayed by `wait_seconds` and up to `spread_seconds` more.

        Returns those that must stay: the queue refused them, they have waited too long, or the
        function has too few `seconds_left`.
        """
        oldest = (self._now() - WAIT_MAX_SECONDS) * 1000
        entries: list[Entry] = [
            {
                "Id": str(index),
                "MessageBody": message.body,
                "DelaySeconds": self._delay(wait_seconds, spread_seconds),
                "MessageAttributes": attributes_of_copy(message, role_id=self._role_id),
            }
            for index, message in enumerate(messages)
            if first_sent_at(message, role_id=self._role_id) >= oldest
        ]
        taken: set[str] = set()
        for group in groups(entries, size_of=_size):
            if seconds_left() < CALL_SECONDS:
                logger.warning("too late to renew", extra={"messages": len(entries) - len(taken)})
                break
            taken.update(self._send(group))
        logger.info("messages renewed", extra={"messages": len(taken)})
        return [m for index, m in enumerate(messages) if str(index) not in taken]

    def _delay(self, wait_seconds: int, spread_seconds: int) -> int:
        delay = math.ceil(wait_seconds + self._random() * spread_seconds)
        return min(delay, _DELAY_MAX_SECONDS)

    def _send(self, entries: "Sequence[Entry]") -> list[str]:
        """The ids of the entries that the queue accepted."""
        try:
            answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except (BotoCoreError, ClientError):
            logger.exception("messages not renewed", extra={"messages": len(entries)})
            return []
        for refused in answer.get("Failed", []):
            logger.warning("message not renewed", extra={"code": refused["Code"]})
        return [entry["Id"] for entry in answer.get("Successful", [])]


def _size(entry: "Entry") -> int:
    return size_in_bytes(entry["MessageBody"], entry["MessageAttributes"])
