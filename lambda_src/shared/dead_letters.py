"""Where messages go that can never succeed: body as it came, with the reason attached."""

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.messages import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

_REASON_LENGTH_MAX = 500


class DeadLetterQueue:
    def __init__(self, *, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def accept(self, message: Message, reason: str) -> bool:
        """Hand `message` over. True: it is safe here and may leave its own queue.

        False: it must stay there, or it would be lost. (A body that leaves no room for the reason
        within SQS's limit ends here too; the queue's own redrive moves it in the end.)
        """
        try:
            self._sqs.send_message(
                QueueUrl=self._queue_url,
                MessageBody=message.body,
                MessageAttributes={
                    "reason": {"DataType": "String", "StringValue": _attribute_text(reason)}
                },
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
    """SQS takes no empty value and no control character; what we were sent may hold both."""
    ascii_only = reason.encode("ascii", "backslashreplace").decode("ascii")
    printable = "".join(c if c.isprintable() else "?" for c in ascii_only)
    return printable[:_REASON_LENGTH_MAX] or "unknown"
