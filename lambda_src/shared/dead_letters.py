"""Dead letters: messages that can never succeed, with their unchanged body, the attributes of their
sender and the reason."""

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.message_attributes import attributes_of_copy
from lambda_src.shared.messages import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

_REASON_LENGTH_MAX = 500


class DeadLetterQueue:
    """`role_id` is the unique id of the role of the function that sends there."""

    def __init__(self, *, sqs: "SQSClient", queue_url: str, role_id: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._role_id = role_id

    def accept(self, message: Message, reason: str) -> bool:
        """Send `message` to the dead-letter queue. True: it may leave its own queue.

        False: it must stay in its queue, or it would be lost. (So must a body that leaves no room
        for the reason within the limit of SQS; the redrive of its queue moves it later.)
        """
        try:
            self._sqs.send_message(
                QueueUrl=self._queue_url,
                MessageBody=message.body,
                MessageAttributes=attributes_of_copy(
                    message, role_id=self._role_id, reason=_attribute_text(reason)
                ),
            )
        except (BotoCoreError, ClientError):
            logger.exception(
                "dead-letter queue did not take a message", extra={"message_id": message.message_id}
            )
            return False
        logger.warning(
            "message dead-lettered", extra={"message_id": message.message_id, "reason": reason}
        )
        return True


def _attribute_text(reason: str) -> str:
    """SQS refuses empty values and control characters, which a message may contain."""
    ascii_only = reason.encode("ascii", "backslashreplace").decode("ascii")
    printable = "".join(c if c.isprintable() else "?" for c in ascii_only)
    return printable[:_REASON_LENGTH_MAX] or "unknown"
